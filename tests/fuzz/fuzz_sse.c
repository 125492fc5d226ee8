/* Server-sent events: the first byte says how the stream is cut, which must not matter. */
#include <string.h>

#include "agent/model/sse.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

#define EVENT_MAX 300 /* small, so that the cap is met */

static enum cua_status on_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	struct cua_buffer *heard = user_data;
	FUZZ_CHECK(data[len] == '\0' && len <= EVENT_MAX);
	enum cua_status status = cua_buffer_append(heard, name, strlen(name) + 1, err);
	return status == CUA_OK ? cua_buffer_append(heard, data, len + 1, err) : status;
}

static enum cua_status listen_to(
		const uint8_t *data, size_t size, size_t piece, struct cua_buffer *heard)
{
	struct agent_sse sse;
	enum cua_status status = CUA_OK;
	agent_sse_init(&sse, EVENT_MAX, on_event, heard);
	for (size_t at = 0; status == CUA_OK && at < size; at += piece) {
		const size_t len = size - at < piece ? size - at : piece;
		status = agent_sse_feed(&sse, (const char *)data + at, len, NULL);
	}
	agent_sse_finish(&sse);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	CUA_AUTO_BUFFER struct cua_buffer whole, cut;
	cua_buffer_init(&whole, (size_t)64 << 20);
	cua_buffer_init(&cut, (size_t)64 << 20);
	enum cua_status one = listen_to(data + 1, size - 1, size, &whole);
	enum cua_status two = listen_to(data + 1, size - 1, (size_t)data[0] % 17 + 1, &cut);
	FUZZ_CHECK(one == two);
	FUZZ_CHECK(whole.len == cut.len);
	FUZZ_CHECK(whole.len == 0 || memcmp(whole.data, cut.data, whole.len) == 0);
	return 0;
}

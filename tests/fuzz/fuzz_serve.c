/* What a client of our MCP server sends, a message a line: each is answered at most once, by what
 * is one line of JSON-RPC. No tool of it is run that leaves this process. */
#include <sodium.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"
#include "tests/fuzz/fuzz.h"

static struct mcp_serve *serve; /* the same for all: nothing in it changes */

static void hear(const char *text, size_t len, void *user_data)
{
	int *count = user_data;
	FUZZ_CHECK(strlen(text) == len && !strpbrk(text, "\r\n"));
	CUA_AUTO_JSON cJSON *message = cJSON_Parse(text);
	FUZZ_CHECK(strcmp(cua_json_text(message, "jsonrpc"), "2.0") == 0);
	/* That it listens from here on, which would go on for ever. */
	if (strcmp(cua_json_text(message, "method"), "notifications/subscriptions/acknowledged") ==
			0) {
		mcp_serve_end_watching(serve);
		return;
	}
	FUZZ_CHECK(!cua_json_member(message, "result") != !cua_json_member(message, "error"));
	FUZZ_CHECK(cua_json_member(message, "id"));
	++*count;
}

static enum cua_status no_desktop(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err)
{
	(void)wanted;
	(void)ret_desktop;
	(void)user_data;
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no desktop");
}

static void say(struct mcp_serve_session *session, const char *text, size_t len)
{
	struct mcp_serve_message message;
	struct mcp_serve_call *call = NULL;
	int count = 0;
	const struct mcp_serve_out out = { hear, &count };
	if (mcp_serve_read(text, len, &message, &out) != 0) {
		FUZZ_CHECK(count == 1);
		return;
	}
	const bool is_request = message.kind == MCP_SERVE_REQUEST;
	const int code = mcp_serve_handle(session, &message, &out, &call);
	mcp_serve_message_finish(&message);
	FUZZ_CHECK(!call || (code == 0 && count == 0));
	if (call) {
		(void)mcp_serve_call_run(call);
		mcp_serve_call_destroy(call);
	}
	FUZZ_CHECK(count == (is_request ? 1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mcp_serve_options options = {
		.offer = "computer,tools", .open_desktop = no_desktop, .takes_desktop = true
	};
	struct mcp_serve_session *session = NULL;
	const char *text = (const char *)data, *end = text + size;
	FUZZ_CHECK(sodium_init() >= 0);
	FUZZ_CHECK(serve || mcp_serve_create(&options, &serve, NULL) == CUA_OK);
	FUZZ_CHECK(mcp_serve_session_create(serve, NULL, &session, NULL) == CUA_OK);
	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		const size_t len = (size_t)((line_end ? line_end : end) - text);
		say(session, text, len);
		text += len + 1;
	}
	mcp_serve_session_destroy(session);
	return 0;
}

/* What the egress proxy reads of strangers: the head of a request, cut anywhere, a ClientHello, and
 * a list of names. The first byte chooses. */
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/allow_list.h"
#include "cua/egress/client_hello.h"
#include "cua/egress/request.h"
#include "tests/fuzz/fuzz.h"

struct seen {
	enum egress_reading reading;
	char host[CUA_HOST_NAME_MAX + 1];
	uint16_t port;
	char out[EGRESS_HEAD_MAX + 256];
};

static void read_cut(const char *data, size_t size, size_t cut, struct seen *seen)
{
	struct egress_request request;
	size_t used = 0;
	*seen = (struct seen){ .reading = EGRESS_READ_MORE };
	egress_request_init(&request);
	if (cut > 0) {
		seen->reading = egress_request_read_head(&request, data, cut, &used);
		FUZZ_CHECK(used <= cut);
	}
	if (seen->reading == EGRESS_READ_MORE) {
		seen->reading = egress_request_read_head(&request, data + cut, size - cut, &used);
		FUZZ_CHECK(seen->reading == EGRESS_READ_REFUSED || used <= size - cut);
		used += cut;
	}
	if (seen->reading == EGRESS_READ_HEAD) {
		memcpy(seen->host, request.host, sizeof(seen->host));
		seen->port = request.port;
		FUZZ_CHECK(request.is_connect || request.out.len < sizeof(seen->out));
		if (!request.is_connect) {
			memcpy(seen->out, request.out.data, request.out.len);
			(void)egress_request_read_body(&request, data + used, size - used);
		}
	} else if (seen->reading == EGRESS_READ_REFUSED) {
		FUZZ_CHECK(request.refusal && request.refusal_status >= 400);
	}
	egress_request_finish(&request);
}

static void fuzz_request(const char *data, size_t size)
{
	static struct seen whole, cut;
	const size_t place = size > 0 ? (unsigned char)data[size - 1] % size : 0;
	read_cut(data, size, 0, &whole);
	read_cut(data, size, place, &cut);
	FUZZ_CHECK(whole.reading == cut.reading);
	if (whole.reading != EGRESS_READ_HEAD) {
		return;
	}
	char name[CUA_HOST_NAME_MAX + 1];
	FUZZ_CHECK(cua_host_name_read(whole.host, strlen(whole.host), name));
	FUZZ_CHECK(strcmp(name, whole.host) == 0 && whole.port > 0);
	FUZZ_CHECK(strcmp(whole.host, cut.host) == 0 && whole.port == cut.port);
	FUZZ_CHECK(strcmp(whole.out, cut.out) == 0);
	/* Exactly one head, with one Host. */
	const char *end = strstr(whole.out, "\r\n\r\n");
	FUZZ_CHECK(!whole.out[0] || (end && !end[4]));
	const char *host = strcasestr(whole.out, "\r\nhost:");
	FUZZ_CHECK(!whole.out[0] || (host && !strcasestr(host + 1, "\r\nhost:")));
}

static void fuzz_hello(const char *data, size_t size)
{
	char name[CUA_HOST_NAME_MAX + 1], shorter[CUA_HOST_NAME_MAX + 1];
	const char *why = NULL;
	const enum egress_hello hello =
			egress_client_hello_read((const uint8_t *)data, size, name, &why);
	FUZZ_CHECK(hello != EGRESS_HELLO_REFUSED || why);
	FUZZ_CHECK(hello != EGRESS_HELLO_MORE || size < EGRESS_HELLO_MAX);
	if (hello == EGRESS_HELLO_NAME) {
		const size_t len = 5 + ((size_t)(uint8_t)data[3] << 8 | (uint8_t)data[4]);
		FUZZ_CHECK(egress_client_hello_read((const uint8_t *)data, len, shorter, &why) ==
				EGRESS_HELLO_NAME);
		FUZZ_CHECK(strcmp(name, shorter) == 0);
		FUZZ_CHECK(egress_client_hello_read((const uint8_t *)data, len - 1, shorter,
					   &why) == EGRESS_HELLO_MORE);
	}
}

static void fuzz_list(const char *data, size_t size)
{
	char list[EGRESS_LIST_MAX], again[EGRESS_LIST_MAX], rule[EGRESS_RULE_MAX];
	CUA_AUTO_FREE char *words = strndup(data, size);
	/* A file is the same names on lines. */
	if (!words || words[0] == '@' || egress_list_read(words, list, NULL) != CUA_OK) {
		return;
	}
	FUZZ_CHECK(egress_list_read(list, again, NULL) == CUA_OK && strcmp(list, again) == 0);
	FUZZ_CHECK(!egress_list_match(list, "allowed.com", rule) ||
			strcasestr(words, "allowed.com"));
	FUZZ_CHECK(!egress_list_match(list, "a.wild.com", rule) ||
			strcasestr(words, "a.wild.com") || strcasestr(words, "*.wild.com"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(
			const char *data, size_t size) = { fuzz_request, fuzz_hello, fuzz_list };
	if (size > 1) {
		targets[data[0] % CUA_ARRAY_LEN(targets)]((const char *)data + 1, size - 1);
	}
	return 0;
}

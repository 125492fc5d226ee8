/* URLs and patterns of origins: one spelling for each, and no name is taken for another. */
#include <string.h>

#include "agent/policy/origin.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct agent_origin origin, again;
	CUA_AUTO_FREE char *url = strndup((const char *)data, size);
	if (!url) {
		return 0;
	}
	struct cua_error err = { 0 };
	const bool is_pattern = agent_origin_check(url, &err) == CUA_OK;
	FUZZ_CHECK(is_pattern || err.msg[0]);
	if (!agent_origin_read(url, &origin)) {
		return 0;
	}
	for (const char *at = origin.host; *at; at++) {
		FUZZ_CHECK(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.:", *at));
	}
	FUZZ_CHECK(origin.port >= 0 && origin.port <= 65535);
	FUZZ_CHECK(!is_pattern || strcmp(url, "local") == 0 || strchr(url, '*') ||
			agent_origin_matches(&origin, url));
	const bool is_allowed = agent_origin_matches(&origin, "https://allowed.com");
	FUZZ_CHECK(is_allowed ==
			(strcmp(origin.scheme, "https") == 0 && origin.port == 443 &&
					strcmp(origin.host, "allowed.com") == 0));
	if (origin.host[0] && origin.port > 0) {
		char text[400];
		const bool has_colon = strchr(origin.host, ':') != NULL;
		snprintf(text, sizeof(text), "%s://%s%s%s:%d/", origin.scheme, has_colon ? "[" : "",
				origin.host, has_colon ? "]" : "", origin.port);
		FUZZ_CHECK(agent_origin_read(text, &again));
		FUZZ_CHECK(strcmp(again.host, origin.host) == 0 && again.port == origin.port &&
				strcmp(again.scheme, origin.scheme) == 0 &&
				again.is_local == origin.is_local);
	}
	return 0;
}

/* What hides secrets, and what finds their places in a text: the first line is the value, the rest
 * what it may be in. */
#include <string.h>

#include "agent/secrets/redact.h"
#include "cua/base/util.h"
#include "cua/contract/placeholder.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

/* Names between the braces, and nothing that is skipped twice. */
static void check_placeholders(const char *text)
{
	struct cua_placeholder found;
	const char *at = text;
	while (cua_placeholder_next(at, &found)) {
		FUZZ_CHECK(found.at >= at && found.len > 0);
		FUZZ_CHECK(found.at + found.len <= text + strlen(text));
		FUZZ_CHECK(!found.name[0] || cua_placeholder_is_name(found.name));
		at = found.at + found.len;
	}
}

/* Nothing grows or shrinks, and no more is kept back than there is. */
static void check_stream(const struct agent_redactor *redactor, const char *text, size_t len)
{
	const size_t cut = len / 2;
	CUA_AUTO_FREE char *first = strndup(text, cut);
	agent_redact_blot(redactor, first, cut);
	FUZZ_CHECK(strlen(first) == cut);
	FUZZ_CHECK(agent_redact_begun(redactor, first, cut) <= cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CUA_AUTO_FREE char *value = strndup((const char *)data, size);
	char *text = value ? strchr(value, '\n') : NULL;
	struct agent_redactor *redactor = NULL;
	if (!text || text - value > 64) {
		return 0;
	}
	*text++ = '\0';
	check_placeholders(text);
	if (cua_utf8_check(value, strlen(value), NULL) != CUA_OK) {
		return 0;
	}
	FUZZ_CHECK(agent_redactor_create(NULL, &redactor, NULL) == CUA_OK);
	FUZZ_CHECK(agent_redactor_add(redactor, "NAME", value, NULL) == CUA_OK);
	check_stream(redactor, text, strlen(text));
	CUA_AUTO_FREE char *hidden = strdup(text);
	const size_t count = agent_redact(redactor, &hidden);
	const bool is_there = strlen(value) >= AGENT_SECRET_VALUE_MIN && strstr(text, value);
	FUZZ_CHECK(!is_there || count > 0);
	FUZZ_CHECK(count > 0 || strcmp(hidden, text) == 0);
	agent_redactor_destroy(redactor);
	return 0;
}

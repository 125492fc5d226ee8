/* Command lines: what is taken apart has nothing in it that a shell would expand, and no word is
 * made up. */
#include <stdbool.h>
#include <string.h>

#include "agent/policy/command.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/fuzz/fuzz.h"

/* Outside of single quotes these mean something that is not judged here. */
static bool has_expansion(const char *line)
{
	bool is_quoted = false, is_double = false;
	for (const char *at = line; *at; at++) {
		is_quoted = *at == '\'' && !is_double ? !is_quoted : is_quoted;
		is_double = *at == '"' && !is_quoted ? !is_double : is_double;
		if (!is_quoted && strchr("$`\\", *at)) {
			return true;
		}
		if (!is_quoted && !is_double && strchr("(){}#!", *at)) {
			return true;
		}
	}
	return is_quoted || is_double;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CUA_AUTO_FREE char *line = strndup((const char *)data, size);
	CUA_AUTO_JSON cJSON *commands = line ? agent_command_split(line, "/h") : NULL;
	if (!commands) {
		return 0;
	}
	size_t len = 0;
	const cJSON *command = NULL;
	FUZZ_CHECK(!has_expansion(line));
	FUZZ_CHECK(cJSON_GetArraySize(commands) > 0);
	cJSON_ArrayForEach (command, commands) {
		const char *text = cua_json_text(command, "text");
		const char *by_name = cua_json_text(command, "by_name");
		FUZZ_CHECK(text[0] && cJSON_IsArray(cua_json_member(command, "paths")));
		FUZZ_CHECK(strlen(by_name) <= strlen(text));
		len += strlen(text) + 1;
	}
	FUZZ_CHECK(len <= strlen(line) + 1);
	return 0;
}

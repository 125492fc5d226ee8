#include "tests/tool_script.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"

const char *const tool_script_apis[4] = { "responses", "anthropic", "gemini", "chat" };

const char *tool_script_call(const char *api, const char *function, const char *arguments)
{
	static char text[1024];
	char escaped[800];
	size_t len = 0;
	for (const char *at = arguments; *at && len + 3 < sizeof(escaped); at++) {
		if (*at == '"' || *at == '\\') {
			escaped[len++] = '\\';
		}
		escaped[len++] = *at;
	}
	escaped[len] = '\0';
	if (strcmp(api, "responses") == 0) {
		snprintf(text, sizeof(text),
				"  - call: '{\"type\":\"function_call\",\"name\":\"%s\","
				"\"arguments\":\"%s\"}'\n",
				function, escaped);
	} else {
		snprintf(text, sizeof(text), "  - call: '{\"name\":\"%s\",\"%s\":%s}'\n", function,
				strcmp(api, "anthropic") == 0                ? "input"
						: strcmp(api, "gemini") == 0 ? "args"
									     : "arguments",
				arguments);
	}
	return text;
}

const char *tool_script_write(const struct world *world, const char *task, const char *steps)
{
	static char path[512];
	char text[4096];
	snprintf(text, sizeof(text), "task: %s\nsteps:\n%s", task, steps);
	snprintf(path, sizeof(path), "%s", world_path(world, "script.yaml"));
	assert_int_equal(cua_file_write(path, text, strlen(text), 0644, NULL), CUA_OK);
	return path;
}

void tool_script_assert_has(const char *what, const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("%s: %s is not in %s", what, part, text);
	}
}

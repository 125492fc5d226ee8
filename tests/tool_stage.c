#include "tests/tool_stage.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"

struct tool_stage tool_stage;

int tool_stage_start(void **state)
{
	(void)state;
	world_create(&tool_stage.world, (uid_t)-1);
	desktop_start(&tool_stage.desktop, &tool_stage.world, "tools");
	return 0;
}

int tool_stage_finish(void **state)
{
	(void)state;
	desktop_disconnect(&tool_stage.desktop);
	world_destroy(&tool_stage.world);
	return 0;
}

cJSON *tool_post(const char *body, long *ret_status)
{
	struct cua_http_response response = { 0 };
	*ret_status = desktop_http(&tool_stage.desktop, "POST", "/v1/tools", body, strlen(body),
			NULL, &response);
	cJSON *answer = cJSON_Parse(response.body.data ? response.body.data : "");
	cua_http_response_finish(&response);
	assert_non_null(answer);
	return answer;
}

cJSON *tool_call_any(const char *tool, const char *name, const char *text, const char *more,
		long *ret_status)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "tool", tool);
	cJSON *arguments = cJSON_Parse(more);
	assert_non_null(arguments);
	if (name) {
		cJSON_AddStringToObject(arguments, name, text);
	}
	cJSON_AddItemToObject(body, "arguments", arguments);
	CUA_AUTO_FREE char *printed = cJSON_PrintUnformatted(body);
	return tool_post(printed, ret_status);
}

const char *tool_call(const char *tool, const char *name, const char *text, const char *more)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = tool_call_any(tool, name, text, more, &status);
	if (status != 200 || cJSON_IsTrue(json_at(answer, "is_error"))) {
		fail_msg("%s: %ld: %s%s", tool, status, json_text(answer, "content.0.text"),
				json_text(answer, "error.message"));
	}
	snprintf(tool_stage.said, sizeof(tool_stage.said), "%s",
			json_text(answer, "content.0.text"));
	return tool_stage.said;
}

const char *tool_call_failing(
		const char *tool, const char *name, const char *text, const char *more)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = tool_call_any(tool, name, text, more, &status);
	if (status == 200 && !cJSON_IsTrue(json_at(answer, "is_error"))) {
		fail_msg("%s %s: %s", tool, text ? text : "", json_text(answer, "content.0.text"));
	}
	snprintf(tool_stage.said, sizeof(tool_stage.said), "%s%s",
			json_text(answer, "content.0.text"), json_text(answer, "error.message"));
	snprintf(tool_stage.blamed, sizeof(tool_stage.blamed), "%s",
			json_text(answer, "error.class"));
	return tool_stage.said;
}

const char *tool_call_refused(
		const char *tool, const char *name, const char *text, const char *more)
{
	tool_call_failing(tool, name, text, more);
	assert_string_not_equal(tool_stage.blamed, "environment");
	return tool_stage.said;
}

const char *tool_bash(const char *command)
{
	return tool_call("bash", "command", command, "{}");
}

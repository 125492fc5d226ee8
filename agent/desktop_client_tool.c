/* A tool that runs on a desktop: what its scripts are about to do is judged, what it said is taken.
 */

#include "agent/desktop_client_internal.h"

#include <errno.h>
#include <string.h>

#include "agent/model/picture.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define TOOLS_URL "http://desktop/v1/tools"
#define TOOLS_ACT_URL "http://desktop/v1/tools/act"
#define PROBLEM_MAX 640
#define TOOL_TIME_MS 600000 /* of the tool that takes longest */

/* The first picture is taken, by how many there were. */
static enum cua_status take_tool_picture(struct agent_outcome *outcome, const cJSON *part,
		int pictures, struct cua_buffer *words, struct cua_error *err)
{
	const cJSON *data = cua_json_member(part, "data");
	char why[300];
	if (pictures > 1 || !cJSON_IsString(data)) {
		return CUA_OK;
	}
	if (!agent_picture_read(data->valuestring, &outcome->picture)) {
		return cua_buffer_printf(words, err,
				"\n[a picture that is neither PNG, JPEG nor WebP is not shown]");
	}
	if (!agent_picture_fits(&outcome->picture, why, sizeof(why))) {
		agent_image_finish(&outcome->picture);
		return cua_buffer_printf(words, err, "\n[%s]", why);
	}
	return CUA_OK;
}

/* What a tool said, as one text; its pictures but the first are counted. */
static enum cua_status take_content(struct agent_outcome *outcome, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer words;
	const cJSON *part = NULL;
	int pictures = 0;
	enum cua_status status = CUA_OK;
	cua_buffer_init(&words, DESKTOP_CLIENT_ANSWER_MAX);
	cJSON_ArrayForEach (part, cua_json_member(outcome->answer, "content")) {
		const char *text = cua_json_string(part, "text");
		status = text ? cua_buffer_append(&words, text, strlen(text), err)
			      : take_tool_picture(outcome, part, ++pictures, &words, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	if (pictures > 1) {
		status = cua_buffer_printf(&words, err,
				"\n[%d pictures; the first is shown. Ask for one at a time.]",
				pictures);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(outcome->answer, "content");
	cJSON_AddBoolToObject(outcome->answer, "has_own_image", outcome->picture.base64 != NULL);
	return status == CUA_OK &&
					cJSON_AddStringToObject(outcome->answer, "words",
							words.data ? words.data : "")
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer of a tool");
}

/* A command that was given so much time may take it. */
static long tool_time_ms(const cJSON *arguments)
{
	const double seconds = cua_json_number(arguments, "timeout_s");
	return DESKTOP_CLIENT_ANSWER_MS + TOOL_TIME_MS + (long)(seconds * 1000.0);
}

/* Our word on it: leave is said, never left out. */
static char *word_on(const cJSON *act, const char *problem)
{
	CUA_AUTO_JSON cJSON *word = cJSON_CreateObject();
	cJSON_AddNumberToObject(word, "number", cua_json_number(act, "number"));
	cJSON_AddBoolToObject(word, "allowed", problem[0] == '\0');
	if (problem[0]) {
		cJSON_AddStringToObject(word, "reason", problem);
	}
	return cJSON_PrintUnformatted(word);
}

/* One after another, as the script comes to them: in the place of the tool's answer stands what it
 * is about to do, and the answer to our word on it is the tool's, or the next. */
static enum cua_status judge_acts(struct agent_desktop *desktop, long time_ms,
		agent_desktop_judge_fn judge, void *user_data, struct agent_outcome *outcome,
		struct cua_error *err)
{
	const cJSON *act = NULL;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && outcome->status == CUA_OK &&
			(act = cua_json_member(outcome->answer, "act"))) {
		const cJSON *actions = cua_json_member(act, "actions");
		char problem[PROBLEM_MAX] = "";
		outcome->is_uncertain = true; /* of the script, something may be done */
		if (!cJSON_IsArray(actions) || !actions->child) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
					"the desktop does not say what a script is about to do");
		}
		if (!judge(actions, problem, sizeof(problem), user_data)) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0,
					"the run ended while a script was running");
		}
		CUA_AUTO_FREE char *body = word_on(act, problem);
		const double before_ms = outcome->ms;
		agent_outcome_finish(outcome);
		outcome->failed_action = -1;
		status = desktop_client_post(desktop, TOOLS_ACT_URL, time_ms, body, outcome, err);
		outcome->ms += before_ms;
	}
	return status;
}

enum cua_status agent_desktop_tool(struct agent_desktop *desktop, const char *tool,
		const cJSON *arguments, agent_desktop_judge_fn judge, void *user_data,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "tool", tool);
	cJSON_AddItemToObject(request, "arguments", cJSON_Duplicate(arguments, true));
	cJSON_AddBoolToObject(request, "judged", judge != NULL);
	CUA_AUTO_FREE char *body = cJSON_PrintUnformatted(request);
	const long time_ms = tool_time_ms(arguments);
	*ret_outcome = (struct agent_outcome){ .failed_action = -1 };
	enum cua_status status =
			desktop_client_post(desktop, TOOLS_URL, time_ms, body, ret_outcome, err);
	if (status == CUA_OK && judge) {
		status = judge_acts(desktop, time_ms, judge, user_data, ret_outcome, err);
	}
	if (status == CUA_OK && ret_outcome->status == CUA_OK) {
		status = take_content(ret_outcome, err);
	}
	/* A script may have acted, an application may show the file that was written. Nothing is to
	 * be seen before a person gives back. */
	return status == CUA_OK && ret_outcome->status != CUA_ERR_PERSON
			? desktop_client_look_again(desktop, ret_outcome, err)
			: status;
}

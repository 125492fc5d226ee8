/* Placeholders of secrets in the calls of a model. */

#include <stdio.h>
#include <string.h>

#include "agent/run_internal.h"
#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/placeholder.h"

#define TELL_MAX ((size_t)32 << 10)

static bool is_type(const cJSON *action)
{
	return strcmp(cua_json_text(action, "action"), "type") == 0;
}

/* Anywhere in it, names of members as well. */
static bool has_placeholder(const cJSON *json)
{
	const cJSON *child = NULL;
	struct cua_placeholder found;
	if ((json->string && cua_placeholder_next(json->string, &found)) ||
			(cJSON_IsString(json) && cua_placeholder_next(json->valuestring, &found))) {
		return true;
	}
	cJSON_ArrayForEach (child, json) {
		if (has_placeholder(child)) {
			return true;
		}
	}
	return false;
}

static bool check_text(
		const struct agent_secrets *secrets, const char *text, char *problem, size_t size)
{
	struct cua_placeholder found;
	while (cua_placeholder_next(text, &found)) {
		const struct agent_secret *secret = agent_secrets_find(secrets, found.name);
		if (!found.name[0]) {
			snprintf(problem, size,
					"Not run: after {{secret: stands a name, and then }}, with "
					"nothing between them.");
			return false;
		}
		if (!secret || secret->is_api_key) {
			snprintf(problem, size, "Not run: there is no secret \"%s\" to type.",
					found.name);
			return false;
		}
		text = found.at + found.len;
	}
	return true;
}

static bool check_action(const struct agent_secrets *secrets, const cJSON *action, char *problem,
		size_t size)
{
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, action) {
		const bool is_text = is_type(action) && strcmp(member->string, "text") == 0 &&
				cJSON_IsString(member);
		if (is_text && !check_text(secrets, member->valuestring, problem, size)) {
			return false;
		}
		if (!is_text && has_placeholder(member)) {
			snprintf(problem, size,
					"Not run: {{secret:NAME}} stands for a secret in the text "
					"of "
					"the action \"type\", and nowhere else.");
			return false;
		}
	}
	return true;
}

bool run_secrets_check(const struct agent_run *run, const struct agent_call *call, char *problem,
		size_t size)
{
	const cJSON *action = NULL;
	if (call->kind == AGENT_CALL_TOOL) {
		/* What a person reads and nothing runs may speak of it. */
		const bool is_said = strcmp(call->tool, "done") == 0 ||
				strcmp(call->tool, "ask_person") == 0;
		if (!is_said && call->tool_arguments && has_placeholder(call->tool_arguments)) {
			snprintf(problem, size,
					"Not run: tools have no secrets. {{secret:NAME}} stands "
					"for a "
					"secret in the text of the computer's action \"type\", and "
					"nowhere else.");
			return false;
		}
		return true;
	}
	cJSON_ArrayForEach (action, call->actions) {
		if (!check_action(run->options->secrets, action, problem, size)) {
			return false;
		}
	}
	return true;
}

cJSON *run_secrets_names(const cJSON *actions)
{
	cJSON *names = NULL;
	const cJSON *action = NULL;
	struct cua_placeholder found;
	cJSON_ArrayForEach (action, actions) {
		const char *text = is_type(action) ? cua_json_text(action, "text") : "";
		for (; cua_placeholder_next(text, &found); text = found.at + found.len) {
			names = names ? names : cJSON_CreateArray();
			cJSON_AddItemToArray(names, cJSON_CreateString(found.name));
		}
	}
	return names;
}

static void print_places(struct cua_buffer *text, const cJSON *places, const char *what)
{
	const cJSON *place = NULL;
	cJSON_ArrayForEach (place, places) {
		/* What does not fit any more the desktop tells when it refuses. */
		(void)!cua_buffer_printf(text, NULL, "; %s %s", what, place->valuestring);
	}
}

bool run_secrets_tell(struct agent_run *run)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	const struct agent_secret *secret = NULL;
	cua_buffer_init(&text, TELL_MAX);
	for (size_t i = 0; run->options->secrets &&
			(secret = agent_secrets_get(run->options->secrets, i));
			i++) {
		if (secret->is_api_key) {
			continue;
		}
		if (text.len == 0) {
			(void)!cua_buffer_printf(&text, NULL,
					"Secrets that you can type without seeing them: write the "
					"placeholder, as it stands here, in the text of the action "
					"\"type\" while the field has the focus. They are typed "
					"only "
					"where it says, and the screen is withheld until the field "
					"is "
					"left.");
		}
		(void)!cua_buffer_printf(&text, NULL, "\n{{secret:%s}}", secret->name);
		print_places(&text, secret->windows, "window");
		print_places(&text, secret->origins, "origin");
	}
	return text.len == 0 || run_tell(run, text.data, NULL);
}

/* Of the journal of a run, what is asked for most, as lists: what was done on its desktop, and what
 * was said. All of it, as it happens, is in GET /v1/runs/{run}/events. */

#include <stdio.h>
#include <string.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/run_folder.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"

static const struct field taken_fields[] = {
	{ "id", FIELD_TEXT, FIELD_REQUIRED, .help = "seq of its intent" },
	{ "step", FIELD_WHOLE },
	{ "time", FIELD_TEXT, FIELD_REQUIRED, .help = "of its intent" },
	{ "actions", FIELD_ANY, .help = "an array, as the desktop got it" },
	{ "tool", FIELD_TEXT, .help = "or the tool that was called" },
	{ "arguments", FIELD_ANY, .help = "of the tool" },
	{ "server", FIELD_TEXT, .help = "of the tool, if it is one of a server's" },
	{ "seen", FIELD_TEXT, .help = "the screenshot it was decided on" },
	{ "status", FIELD_TEXT, FIELD_REQUIRED, .choices = "running|ok|failed|uncertain",
			.help = "uncertain: a crash came between intent and result" },
	{ "message", FIELD_TEXT, .help = "of a failure" },
	{ "failed_action", FIELD_WHOLE },
	{ "ms", FIELD_NUMBER },
	{ "screenshot", FIELD_TEXT, .help = "of the screen after it" },
	{ 0 },
};
static const struct fields taken_answer = { "TakenAction", taken_fields };

static const struct field said_fields[] = {
	{ "id", FIELD_TEXT, FIELD_REQUIRED, .help = "seq of its event" },
	{ "step", FIELD_WHOLE },
	{ "time", FIELD_TEXT, FIELD_REQUIRED },
	{ "from", FIELD_TEXT, FIELD_REQUIRED, .choices = "cua|person|model",
			.help = "cua: what a run is begun with, the task in it" },
	{ "text", FIELD_TEXT, FIELD_REQUIRED },
	{ 0 },
};
static const struct fields said_answer = { "SaidMessage", said_fields };

/* --- reading --- */

static void copy_members(cJSON *to, const cJSON *from, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const cJSON *member = cua_json_member(from, names[i]);
		if (member && !cua_json_member(to, names[i])) {
			cJSON_AddItemToObject(to, names[i], cJSON_Duplicate(member, true));
		}
	}
}

static cJSON *add_item(cJSON *list, const cJSON *event)
{
	static const char *const names[] = { "step", "time" };
	char id[24];
	cJSON *item = cJSON_CreateObject();
	snprintf(id, sizeof(id), "%.0f", cua_json_number(event, "seq"));
	cJSON_AddStringToObject(item, "id", id);
	copy_members(item, event, names, CUA_ARRAY_LEN(names));
	cJSON_AddItemToArray(list, item);
	return item;
}

struct taken {
	cJSON *list;
	cJSON *last; /* whose result has not come; in the list */
	char call_id[200];
};

/* One call runs at a time. */
static enum cua_status on_taken(cJSON **event, void *user_data, struct cua_error *err)
{
	static const char *const of_intent[] = { "actions", "tool", "arguments", "server", "seen" };
	static const char *const of_result[] = { "status", "message", "failed_action", "ms",
		"screenshot" };
	struct taken *taken = user_data;
	(void)err;
	if (agent_event_is(*event, "intent")) {
		taken->last = add_item(taken->list, *event);
		copy_members(taken->last, *event, of_intent, CUA_ARRAY_LEN(of_intent));
		snprintf(taken->call_id, sizeof(taken->call_id), "%s",
				cua_json_text(*event, "call_id"));
	} else if (taken->last && agent_event_is(*event, "result") &&
			strncmp(taken->call_id, cua_json_text(*event, "call_id"),
					sizeof(taken->call_id) - 1) == 0) {
		copy_members(taken->last, *event, of_result, CUA_ARRAY_LEN(of_result));
		taken->last = NULL;
	}
	return CUA_OK;
}

static enum cua_status on_said(cJSON **event, void *user_data, struct cua_error *err)
{
	(void)err;
	const bool is_told = agent_event_is(*event, "user");
	const bool is_words = agent_event_is(*event, "turn");
	const char *text = cua_json_text(*event, is_told ? "text" : "words");
	if ((!is_told && !is_words) || !text[0]) {
		return CUA_OK;
	}
	const bool is_person = cJSON_IsTrue(cua_json_member(*event, "said"));
	cJSON *item = add_item(user_data, *event);
	cJSON_AddStringToObject(item, "from", is_words ? "model" : is_person ? "person" : "cua");
	cJSON_AddStringToObject(item, "text", text);
	return CUA_OK;
}

static enum cua_status read_run(struct request *request, agent_journal_event_fn on_event,
		void *user_data, struct cua_error *err)
{
	CUA_AUTO_FD int dir_fd = -1;
	enum cua_status status = run_folder_open(request, request->parameters[0], &dir_fd, err);
	return status == CUA_OK && dir_fd >= 0
			? agent_journal_each(dir_fd, on_event, user_data, err)
			: status;
}

static enum cua_status get_actions(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = cJSON_CreateArray();
	struct taken taken = { .list = list };
	enum cua_status status = read_run(request, on_taken, &taken, err);
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_JSON cJSON *now = runs_state(request->server->runs, request->parameters[0]);
	cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		if (!cua_json_member(item, "status")) {
			cJSON_AddStringToObject(item, "status",
					now && item == taken.last ? "running" : "uncertain");
		}
	}
	request_answer_page(request, CUA_STEAL(list), "id");
	return CUA_OK;
}

static enum cua_status get_messages(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = cJSON_CreateArray();
	enum cua_status status = read_run(request, on_said, list, err);
	if (status == CUA_OK) {
		request_answer_page(request, CUA_STEAL(list), "id");
	}
	return status;
}

static const struct route table[] = {
	{ "GET", "/v1/runs/{run}/actions", "listActions",
			"What it did: actions and calls of tools, with what became of each",
			SCOPE_WATCH, ROUTE_LIST, &list_query, NULL, &taken_answer, 0, get_actions },
	{ "GET", "/v1/runs/{run}/messages", "listMessages", "What its model was told, and said",
			SCOPE_WATCH, ROUTE_LIST, &list_query, NULL, &said_answer, 0, get_messages },
};
const struct routes journal_routes = ROUTES("journal", "What runs did and said", table);

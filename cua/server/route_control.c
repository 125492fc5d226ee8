/* Who has a desktop: people ask for it, take it and give it back, in private if they like. The
 * desktop's host decides; here it is told who asks. */

#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/desktops.h"
#include "cua/server/desktop_control.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "display/control.h"

static const struct field control_fields[] = {
	{ "owner", FIELD_TEXT, FIELD_REQUIRED, .choices = "agent|person" },
	{ "person", FIELD_ANY, FIELD_REQUIRED,
			.help = "the name of who has it; null: the agent has" },
	{ "is_you", FIELD_BOOL, FIELD_REQUIRED, .help = "the person is who asks" },
	{ "mode", FIELD_ANY, FIELD_REQUIRED,
			.help = "act; private: nothing of it is told to the agent, nor shown to "
				"others; null: the agent has it" },
	{ "since_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" },
	{ "expires_ms", FIELD_ANY, FIELD_REQUIRED,
			.help = "when it is given back without a sign of the person: input, or "
				"another take; null: the agent has it" },
	{ "requests", FIELD_ANY, FIELD_REQUIRED,
			.help = "an array of those who wait, the next first: person, since_ms" },
	{ "revision", FIELD_NUMBER, FIELD_REQUIRED, .help = "another one after each change" },
	{ 0 },
};
static const struct fields control_answer = { "Control", control_fields };

static const struct field order_fields[] = {
	{ "do", FIELD_TEXT, FIELD_REQUIRED, .choices = "request|take|give",
			.help = "take: 409 if another person has it; request: waits then; give: to "
				"who waits, else to the agent; an admin gives for whoever has it" },
	{ "private", FIELD_BOOL, .help = "of a take or a request" },
	{ "note", FIELD_TEXT, 0, 0, CONTROL_NOTE_MAX, NULL, NULL,
			"for the model, when the desktop is given back" },
	{ "for_s", FIELD_WHOLE, 0, 1, CONTROL_IDLE_MAX_S, NULL, NULL,
			"of a take: given back after so long without a sign; 300 without" },
	{ 0 },
};
static const struct fields order_body = { "ControlOrder", order_fields };

/* What the host answers is answered, also beside an error: who has it. */
static enum cua_status ask(struct request *request, const char *method, const cJSON *body,
		struct cua_error *err)
{
	struct desktop_record record;
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = desktop_name_check(request->parameters[0], err);
	if (status == CUA_OK) {
		status = cua_desktop_find(request->parameters[0], &record, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	status = desktop_control_ask(&record, method, body, &answer, err);
	cJSON_DeleteItemFromObjectCaseSensitive(answer, "error");
	if (answer) {
		/* Ids of tokens are nobody's business; names may be the same. */
		cJSON_AddBoolToObject(answer, "is_you",
				strcmp(cua_json_text(answer, "person_id"), request->caller.id) ==
						0);
		cJSON_DeleteItemFromObjectCaseSensitive(answer, "person_id");
	}
	*(status == CUA_OK ? &request->answer : &request->failed) = CUA_STEAL(answer);
	return status;
}

static enum cua_status get_control(struct request *request, struct cua_error *err)
{
	return ask(request, "GET", NULL, err);
}

/* A person is who has the token or the session; its name is for others to read. */
static enum cua_status post_control(struct request *request, struct cua_error *err)
{
	const struct caller *caller = &request->caller;
	CUA_AUTO_JSON cJSON *body = cJSON_Duplicate(request->body, true);
	cJSON *person = cJSON_AddObjectToObject(body, "person");
	cJSON_AddStringToObject(person, "id", caller->id);
	cJSON_AddStringToObject(person, "name", caller->name[0] ? caller->name : caller->id);
	if (strcmp(cua_json_text(body, "do"), "give") == 0 && (caller->scopes & SCOPE_ADMIN)) {
		cJSON_AddBoolToObject(body, "force", true);
	}
	return ask(request, "POST", body, err);
}

static const struct route table[] = {
	{ "GET", "/v1/desktops/{desktop}/control", "getControl", "Who has it", SCOPE_WATCH, 0, NULL,
			NULL, &control_answer, 0, get_control },
	{ "POST", "/v1/desktops/{desktop}/control", "control",
			"Takes it, asks for it, gives it back; each may be repeated", SCOPE_ACT, 0,
			NULL, &order_body, &control_answer, 0, post_control },
};
const struct routes control_routes =
		ROUTES("control", "Who has a desktop: an agent or a person", table);

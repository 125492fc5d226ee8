/* The replayed conversation: every call answered once, every item of ours back unchanged. */

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/responses_internal.h"

static const struct check_member message_members[] = {
	{ "type", CHECK_TEXT, false, NULL },
	{ "id", CHECK_TEXT, false, NULL },
	{ "role", CHECK_TEXT, true, (const char *const[]){ "user", "system", "developer", NULL } },
	{ "content", CHECK_TEXT | CHECK_LIST, true, NULL },
	{ "status", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member computer_output_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "id", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "call_id", CHECK_TEXT, true, NULL },
	{ "output", CHECK_OBJECT, true, NULL },
	{ "acknowledged_safety_checks", CHECK_LIST | CHECK_NULL, false, NULL },
	{ "status", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const struct check_member function_output_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "id", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "call_id", CHECK_TEXT, true, NULL },
	{ "output", CHECK_TEXT | CHECK_LIST, true, NULL },
	{ "status", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ 0 },
};

static const char *const details[] = { "low", "high", "auto", "original", NULL };

static const struct check_member screenshot_members[] = {
	{ "type", CHECK_TEXT, true, (const char *const[]){ "computer_screenshot", NULL } },
	{ "image_url", CHECK_TEXT, true, NULL }, /* the stand-in stores no files */
	{ "detail", CHECK_TEXT, false, details },
	{ 0 },
};

static const struct check_member text_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "text", CHECK_TEXT, true, NULL },
	{ "prompt_cache_breakpoint", CHECK_OBJECT, false, NULL },
	{ 0 },
};

static const struct check_member image_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "image_url", CHECK_TEXT, true, NULL },
	{ "detail", CHECK_TEXT, false, details },
	{ "prompt_cache_breakpoint", CHECK_OBJECT, false, NULL },
	{ 0 },
};

struct history {
	struct wire_request *request;
	int turn; /* the turn being replayed, or the one after the last */
	int item; /* how many items of it came; 0: none is open */
};

/* The parts of a message, or of a function's output. */
static bool take_parts(struct history *history, const cJSON *content, const char *place,
		struct cua_buffer *into)
{
	struct wire_request *request = history->request;
	if (cJSON_IsString(content)) {
		return talk_add_text(into, content->valuestring);
	}
	int index = 0;
	const cJSON *part;
	cJSON_ArrayForEach (part, content) {
		struct check_place at = check_index(request, place, index++);
		const char *type = check_text(part, "type");
		if (check_is(type, "input_image")) {
			if (!check_members(request, at.text, part, image_members) ||
					!responses_take_picture(request, part, at.text)) {
				return false;
			}
		} else if (check_is(type, "input_text")) {
			if (!check_members(request, at.text, part, text_members) ||
					!talk_add_text(into, check_text(part, "text"))) {
				return false;
			}
		} else {
			return wire_refuse(request, 400, "invalid_value", at.text,
					"Invalid value: '%.40s'. Supported values are: "
					"'input_text' and 'input_image'.",
					type ? type : "(none)");
		}
	}
	return true;
}

static bool all_answered(struct history *history)
{
	const struct talk_call *call = talk_unanswered(&history->request->talk);
	return !call ||
			wire_refuse(history->request, 400, NULL, "input",
					"No tool output found for %s call %s.",
					call->computer ? "computer" : "function", call->id);
}

static bool answer_call(struct history *history, const cJSON *item, bool computer)
{
	const char *kind = computer ? "computer" : "function";
	const char *id = check_text(item, "call_id");
	struct talk_call *call = talk_find_call(&history->request->talk, id);
	if (!call || call->computer != computer) {
		return wire_refuse(history->request, 400, NULL, "input",
				"No tool call found for %s call output with call_id %.80s.", kind,
				id);
	}
	if (call->answered) {
		return wire_refuse(history->request, 400, NULL, "input",
				"Duplicate output for %s call %s.", kind, id);
	}
	call->answered = true;
	return true;
}

/* The stored turn an item of this id begins; turns may be dropped from the history, but whole. */
static int turn_that_begins(const struct history *history, const char *id)
{
	const struct play *play = history->request->play;
	for (int i = history->turn; id && i < play->turn_count; i++) {
		if (check_is(check_text(cJSON_GetArrayItem(play->turns[i].sent, 0), "id"), id)) {
			return i;
		}
	}
	return -1;
}

static bool replay_differs(
		struct history *history, const cJSON *sent, const char *type, const char *place)
{
	const char *sent_type = check_text(sent, "type");
	const char *id = check_text(sent, "id");
	if (strcmp(type, sent_type) != 0) {
		return wire_refuse(history->request, 400, NULL, "input",
				"Item '%s' of type '%s' was not provided where it belongs: '%s' "
				"has the type '%s'. Return every output item, in order.",
				id, sent_type, place, type);
	}
	if (strcmp(type, "reasoning") == 0) {
		return wire_refuse(history->request, 400, "invalid_encrypted_content", "input",
				"The encrypted content for item %s could not be verified. Reason: "
				"Encrypted content could not be decrypted or parsed.",
				id);
	}
	return wire_refuse(history->request, 400, NULL, "input",
			"Item '%s' of type '%s' ('%s') differs from the item that was sent.", id,
			type, place);
}

static bool begin_turn(struct history *history, const cJSON *item, const char *type)
{
	const char *id = check_text(item, "id");
	int turn = turn_that_begins(history, id);
	if (!all_answered(history)) {
		return false;
	}
	if (turn < 0) {
		return wire_refuse(history->request, 404, NULL, "input",
				"Item with id '%.60s' of type '%s' not found, or provided without "
				"its required 'reasoning' item.",
				id ? id : "(none)", type);
	}
	history->turn = turn;
	talk_begin_turn(&history->request->talk, turn);
	return true;
}

/* One of our own items comes back. */
static bool replay_item(
		struct history *history, const cJSON *item, const char *type, const char *place)
{
	if (history->item == 0 && !begin_turn(history, item, type)) {
		return false;
	}
	const cJSON *items = history->request->play->turns[history->turn].sent;
	const cJSON *sent = cJSON_GetArrayItem(items, history->item);
	if (!cJSON_Compare(item, sent, true)) {
		return replay_differs(history, sent, type, place);
	}
	bool computer = strcmp(type, "computer_call") == 0;
	if ((computer || strcmp(type, "function_call") == 0) &&
			!talk_add_call(&history->request->talk, check_text(sent, "call_id"), type,
					computer)) {
		return wire_refuse(history->request, 500, NULL, "", "out of memory");
	}
	if (++history->item == cJSON_GetArraySize(items)) {
		history->turn++;
		history->item = 0;
	}
	return true;
}

static const cJSON *find_check(const cJSON *checks, const char *id)
{
	const cJSON *check;
	cJSON_ArrayForEach (check, checks) {
		if (id && check_is(check_text(check, "id"), id)) {
			return check;
		}
	}
	return NULL;
}

/* The safety checks that the call waits with. */
static const cJSON *pending_checks(const struct wire_request *request, const char *call_id)
{
	const cJSON *call;
	cJSON_ArrayForEach (call, request->play->turns[request->talk.turn - 1].sent) {
		if (check_is(check_text(call, "call_id"), call_id)) {
			return check_get(call, "pending_safety_checks");
		}
	}
	return NULL;
}

/* Every safety check of the call must come back as acknowledged, and no other. */
static bool check_acknowledged(struct history *history, const cJSON *output)
{
	struct wire_request *request = history->request;
	const char *id = check_text(output, "call_id");
	const cJSON *pending = pending_checks(request, id);
	const cJSON *given = check_get(output, "acknowledged_safety_checks");
	const cJSON *check;
	cJSON_ArrayForEach (check, pending) {
		const char *its = check_text(check, "id");
		if (!find_check(given, its)) {
			return wire_refuse(request, 400, NULL, "input",
					"Computer call %s has pending safety checks that were not "
					"acknowledged: %s.",
					id, its ? its : "");
		}
	}
	cJSON_ArrayForEach (check, given) {
		const char *its = check_text(check, "id");
		if (!find_check(pending, its)) {
			return wire_refuse(request, 400, NULL, "input",
					"Computer call %s has no pending safety check with the id "
					"'%.60s' that could be acknowledged.",
					id, its ? its : "");
		}
	}
	return true;
}

static bool read_computer_output(struct history *history, const cJSON *item, const char *place)
{
	struct wire_request *request = history->request;
	const cJSON *output = check_get(item, "output");
	struct check_place at = check_member_of(request, place, "output");
	return check_members(request, place, item, computer_output_members) &&
			check_members(request, at.text, output, screenshot_members) &&
			answer_call(history, item, true) && check_acknowledged(history, item) &&
			responses_take_picture(request, output, at.text);
}

static bool read_function_output(struct history *history, const cJSON *item, const char *place)
{
	struct check_place at = check_member_of(history->request, place, "output");
	return check_members(history->request, place, item, function_output_members) &&
			answer_call(history, item, false) &&
			take_parts(history, check_get(item, "output"), at.text,
					&history->request->talk.told);
}

static bool read_message(struct history *history, const cJSON *item, const char *place)
{
	struct check_place at = check_member_of(history->request, place, "content");
	return check_members(history->request, place, item, message_members) &&
			take_parts(history, check_get(item, "content"), at.text,
					&history->request->talk.notes);
}

static bool read_item(struct history *history, const cJSON *item, const char *place)
{
	const char *type = check_text(item, "type");
	const char *role = check_text(item, "role");
	type = type || !role ? type : "message";
	if (!type) {
		return history->request->api->bad_member(
				history->request, place, "type", CHECK_MISSING, 0);
	}
	bool ours = check_any_of(type,
				    (const char *const[]){ "reasoning", "computer_call",
						    "function_call", NULL }) ||
			(strcmp(type, "message") == 0 && check_is(role, "assistant"));
	if (ours || history->item) {
		return replay_item(history, item, type, place);
	}
	if (strcmp(type, "message") == 0) {
		return read_message(history, item, place);
	}
	if (strcmp(type, "computer_call_output") == 0) {
		return read_computer_output(history, item, place);
	}
	if (strcmp(type, "function_call_output") == 0) {
		return read_function_output(history, item, place);
	}
	return wire_refuse(history->request, 400, "invalid_value", place,
			"Invalid value: '%.60s'. Supported values are: 'message', 'reasoning', "
			"'computer_call', 'computer_call_output', 'function_call', and "
			"'function_call_output'.",
			type);
}

bool responses_read_input(struct wire_request *request, const cJSON *input)
{
	struct history history = { .request = request };
	int index = 0;
	const cJSON *item;
	if (!input->child) {
		return request->api->bad_member(request, "", "input", CHECK_MISSING, 0);
	}
	cJSON_ArrayForEach (item, input) {
		struct check_place place = check_index(request, "input", index++);
		if (!read_item(&history, item, place.text)) {
			return request->error.http_status
					? false
					: wire_refuse(request, 500, NULL, "", "out of memory");
		}
	}
	if (history.item) {
		return wire_refuse(request, 400, NULL, "input",
				"The history ends within a response: item %d of it is missing.",
				history.item);
	}
	return all_answered(&history);
}

/* thread: the server keeps the conversation, and a request has only what is new. */

#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

static const struct check_member create_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ 0 },
};

static const struct check_member continue_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "previous_message_id", CHECK_TEXT, true, NULL },
	{ 0 },
};

/* What a thread keeps, and a request that continues it must not bring again. */
static const char *const kept[] = { "system", "tools" };

/* What every request of a thread must say alike. */
static const char *const fixed[] = { "model", "thinking", "output_config" };

static void drop_breakpoints(cJSON *json)
{
	cJSON *item;
	cJSON_DeleteItemFromObjectCaseSensitive(json, "cache_control");
	cJSON_ArrayForEach (item, json) {
		drop_breakpoints(item);
	}
}

/* The turn that a thread goes on from, or -1. */
static int find_turn(const struct wire_request *request, const char *id)
{
	const struct play *play = request->play;
	for (int i = play->turn_count - 1; i >= 0; i--) {
		if (strcmp(wire_id(request, &play->turns[i], "msg", 0).text, id) == 0) {
			return i;
		}
	}
	return -1;
}

/* Makes of the request the one that would have brought everything: what was held, the turn that
 * came of it, and what is new. */
static void complete(struct wire_request *request, const struct play_turn *turn)
{
	const cJSON *held = request->play->held;
	cJSON *added = cJSON_DetachItemFromObjectCaseSensitive(request->root, "messages");
	cJSON *messages = cJSON_Duplicate(check_get(held, "messages"), true);
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "assistant");
	cJSON_AddItemToObject(message, "content", cJSON_Duplicate(turn->sent, true));
	cJSON_AddItemToArray(messages, message);
	while (added->child) {
		cJSON_AddItemToArray(messages, cJSON_DetachItemViaPointer(added, added->child));
	}
	cJSON_Delete(added);
	cJSON_AddItemToObject(request->root, "messages", messages);
	for (size_t i = 0; i < CUA_ARRAY_LEN(kept); i++) {
		const cJSON *value = check_get(held, kept[i]);
		if (value) {
			cJSON_AddItemToObject(request->root, kept[i], cJSON_Duplicate(value, true));
		}
	}
}

static bool go_on(struct wire_request *request, const cJSON *thread)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(kept); i++) {
		if (check_get(request->root, kept[i])) {
			return wire_refuse(request, 400, NULL, "",
					"%s: the thread keeps it; a request that continues the "
					"thread must leave it out",
					kept[i]);
		}
	}
	const char *id = check_text(thread, "previous_message_id");
	int turn = find_turn(request, id);
	if (turn < 0 || !request->play->held) {
		return wire_refuse(request, 404, "thread_not_found", "",
				"No usable Thread state was found for `previous_message_id` %.80s.",
				id);
	}
	if (turn + 1 < request->play->turn_count) {
		return wire_refuse(request, 400, "thread_already_continued", "",
				"%.80s was continued already: each response can be continued only "
				"once.",
				id);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(fixed); i++) {
		const cJSON *former = check_get(request->play->held, fixed[i]);
		const cJSON *value = check_get(request->root, fixed[i]);
		if (!former != !value || (value && !cJSON_Compare(former, value, true))) {
			return wire_refuse(request, 400, "thread_fingerprint_mismatch", "",
					"%s: it differs from the one that the thread was created "
					"with.",
					fixed[i]);
		}
	}
	complete(request, &request->play->turns[turn]);
	return true;
}

bool anthropic_read_thread(struct wire_request *request)
{
	const cJSON *thread = check_get(request->root, "thread");
	if (!cJSON_IsObject(thread)) {
		return true;
	}
	if (!anthropic_beta(request, "message-threads-2026-08-12")) {
		return request->api->bad_member(request, "", "thread", CHECK_UNKNOWN, 0);
	}
	const char *type = check_text(thread, "type");
	const bool is_new = check_is(type, "create");
	if (!is_new && !check_is(type, "continue")) {
		return wire_refuse(request, 400, NULL, "",
				"thread: Input tag '%.40s' found using 'type' does not match any "
				"of the expected tags: 'continue', 'create'",
				type ? type : "");
	}
	if (!check_members(request, "thread", thread, is_new ? create_members : continue_members)) {
		return false;
	}
	if (cJSON_IsObject(check_get(request->root, "context_management"))) {
		return wire_refuse(request, 400, "thread_unsupported_request", "",
				"context_management: not supported on a thread.");
	}
	return is_new || go_on(request, thread);
}

cJSON *anthropic_hold(const struct wire_request *request)
{
	if (!cJSON_IsObject(check_get(request->root, "thread"))) {
		return NULL;
	}
	cJSON *held = cJSON_Duplicate(request->root, true);
	drop_breakpoints(held);
	return held;
}

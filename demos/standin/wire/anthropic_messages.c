/* The replayed conversation: roles, our turns unchanged, and what thinking is bound to. */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"
#include "demos/standin/wire/anthropic_internal.h"

static const struct check_member message_members[] = {
	{ "role", CHECK_TEXT, true, (const char *const[]){ "user", "assistant", NULL } },
	{ "content", CHECK_TEXT | CHECK_LIST, true, NULL },
	{ 0 },
};

struct messages {
	struct wire_request *request;
	crypto_generichash_state hash; /* of all that stands before */
	bool latest;                   /* no other turn of ours follows */
	char place[32];                /* "messages.3" */
};

/* --- what stands before --- */

/* Breakpoints of the cache may move: they are no part of the conversation. */
static void fold(crypto_generichash_state *hash, const cJSON *json)
{
	const cJSON *item;
	const unsigned char type = (unsigned char)json->type;
	if (check_is(json->string, "cache_control")) {
		return;
	}
	crypto_generichash_update(hash, &type, 1);
	if (json->string) {
		crypto_generichash_update(hash, (const unsigned char *)json->string,
				strlen(json->string) + 1);
	}
	if (cJSON_IsString(json)) {
		crypto_generichash_update(hash, (const unsigned char *)json->valuestring,
				strlen(json->valuestring) + 1);
	} else if (cJSON_IsNumber(json)) {
		crypto_generichash_update(hash, (const unsigned char *)&json->valuedouble,
				sizeof(json->valuedouble));
	}
	cJSON_ArrayForEach (item, json) {
		fold(hash, item);
	}
}

static void digest(const struct messages *messages, unsigned char out[PLAY_DIGEST_BYTES])
{
	crypto_generichash_state copy = messages->hash;
	crypto_generichash_final(&copy, out, PLAY_DIGEST_BYTES);
}

static bool drops_unbound(const struct wire_request *request)
{
	const cJSON *thinking = check_get(request->root, "thinking");
	const cJSON *binding = check_get(thinking, "block_binding");
	return check_is(check_text(binding, "prefix_mismatch_behavior"), "drop_block");
}

static bool check_bound(struct messages *messages, const struct play_turn *turn)
{
	unsigned char before[PLAY_DIGEST_BYTES];
	digest(messages, before);
	return !anthropic_has(messages->request, ANTHROPIC_BOUND) ||
			memcmp(before, turn->before, sizeof(before)) == 0 ||
			drops_unbound(messages->request) ||
			wire_refuse(messages->request, 400, NULL, "",
					"%s.content.0: the `thinking` block was created in a "
					"different conversation, or the system prompt, the tools "
					"or "
					"the messages before it have changed since.",
					messages->place);
}

/* --- our own turns --- */

static bool is_thinking(const cJSON *block)
{
	return check_any_of(check_text(block, "type"),
			(const char *const[]){ "thinking", "redacted_thinking", NULL });
}

static const char *first_call_id(const cJSON *content)
{
	const cJSON *block;
	cJSON_ArrayForEach (block, content) {
		if (check_is(check_text(block, "type"), "tool_use")) {
			return check_text(block, "id");
		}
	}
	return NULL;
}

/* The turn that this content replays: by the id of its first call, else the next one. -1: none. */
static int find_turn(const struct messages *messages, const cJSON *content)
{
	const struct play *play = messages->request->play;
	const char *id = first_call_id(content);
	for (int i = messages->request->talk.turn; i < play->turn_count; i++) {
		if (!id || check_is(first_call_id(play->turns[i].sent), id)) {
			return i;
		}
	}
	return -1;
}

static cJSON *without_breakpoint(const cJSON *block)
{
	cJSON *copy = cJSON_Duplicate(block, true);
	cJSON_DeleteItemFromObjectCaseSensitive(copy, "cache_control");
	return copy;
}

static bool block_differs(
		struct messages *messages, const cJSON *sent, const cJSON *block, int index)
{
	bool wanted = is_thinking(sent);
	bool got = is_thinking(block);
	const char *type = check_text(block, "type");
	if (wanted && !got) {
		return wire_refuse(messages->request, 400, NULL, "",
				"%s.content.%d.type: Expected `thinking` or `redacted_thinking`, "
				"but found `%.40s`. When `thinking` is enabled, a final "
				"`assistant` "
				"message must start with a thinking block.",
				messages->place, index, type ? type : "nothing");
	}
	if (wanted && !check_is(check_text(block, "signature"), check_text(sent, "signature"))) {
		return wire_refuse(messages->request, 400, NULL, "",
				"%s.content.%d: Invalid `signature` in `thinking` block",
				messages->place, index);
	}
	if (wanted) {
		return wire_refuse(messages->request, 400, NULL, "",
				"%s.content.%d: `thinking` or `redacted_thinking` blocks in the "
				"latest assistant message cannot be modified. These blocks must "
				"remain as they were in the original response.",
				messages->place, index);
	}
	return wire_refuse(messages->request, 400, NULL, "",
			"%s.content.%d: the block differs from the one that was sent",
			messages->place, index);
}

/* Thinking of past turns may be left out where it is not bound to them. */
static bool may_skip(const struct messages *messages, const cJSON *sent, const cJSON *block)
{
	return is_thinking(sent) && !is_thinking(block) && !messages->latest &&
			!anthropic_has(messages->request, ANTHROPIC_BOUND);
}

static bool check_blocks(struct messages *messages, const cJSON *sent, const cJSON *content)
{
	int index = 0;
	const cJSON *block = content->child;
	cJSON_ArrayForEach (sent, sent) {
		if (may_skip(messages, sent, block)) {
			continue;
		}
		CUA_AUTO_JSON cJSON *plain = block ? without_breakpoint(block) : NULL;
		if (!plain || !cJSON_Compare(plain, sent, true)) {
			return block_differs(messages, sent, block, index);
		}
		block = block->next;
		index++;
	}
	return !block ||
			wire_refuse(messages->request, 400, NULL, "",
					"%s.content.%d: the block was not sent", messages->place,
					index);
}

static bool add_calls(struct messages *messages, const cJSON *sent)
{
	const cJSON *block;
	cJSON_ArrayForEach (block, sent) {
		if (!check_is(check_text(block, "type"), "tool_use")) {
			continue;
		}
		const char *name = check_text(block, "name");
		const char *action = check_text(check_get(block, "input"), "action");
		bool dated = check_is(name, "computer");
		bool computer = dated || check_get(block, "toolset_name") != NULL;
		if (!talk_add_call(&messages->request->talk, check_text(block, "id"),
				    dated ? action : name, computer)) {
			return wire_refuse(messages->request, 500, NULL, "", "out of memory");
		}
	}
	return true;
}

static bool read_assistant(struct messages *messages, const cJSON *content)
{
	struct wire_request *request = messages->request;
	int index = cJSON_IsArray(content) ? find_turn(messages, content) : -1;
	if (index < 0) {
		return wire_refuse(request, 400, NULL, "",
				"%s.content: this assistant message is none that was sent, or not "
				"where it belongs; return every block as it came",
				messages->place);
	}
	const struct play_turn *turn = &request->play->turns[index];
	talk_begin_turn(&request->talk, index);
	return check_blocks(messages, turn->sent, content) &&
			(!is_thinking(content->child) || check_bound(messages, turn)) &&
			add_calls(messages, turn->sent);
}

/* --- */

static bool read_user(struct messages *messages, const cJSON *content)
{
	struct wire_request *request = messages->request;
	if (cJSON_IsString(content) && !talk_unanswered(&request->talk)) {
		return content->valuestring[0]
				? talk_add_text(&request->talk.notes, content->valuestring)
				: wire_refuse(request, 400, NULL, "",
						  "%s: user messages must have non-empty content",
						  messages->place);
	}
	return anthropic_read_results(request, content, messages->place);
}

static bool has_assistant(const cJSON *message)
{
	while (message && !check_is(check_text(message, "role"), "assistant")) {
		message = message->next;
	}
	return message != NULL;
}

static bool read_message(struct messages *messages, const cJSON *message)
{
	if (!check_members(messages->request, messages->place, message, message_members)) {
		return false;
	}
	const cJSON *content = check_get(message, "content");
	bool assistant = check_is(check_text(message, "role"), "assistant");
	if (assistant && talk_unanswered(&messages->request->talk)) {
		return anthropic_read_results(messages->request, NULL, messages->place);
	}
	messages->latest = !has_assistant(message->next);
	if (!(assistant ? read_assistant(messages, content) : read_user(messages, content))) {
		return false;
	}
	fold(&messages->hash, message);
	return true;
}

static bool check_images(struct wire_request *request)
{
	const struct talk *talk = &request->talk;
	if (talk->pictures > 20 && talk->edge_max > 2000) {
		return wire_refuse(request, 400, NULL, "",
				"messages: At least one of the image dimensions exceed max allowed "
				"size for many-image requests: 2000 pixels");
	}
	return talk->pictures <= 600 ||
			wire_refuse(request, 400, NULL, "", "messages: too many images: %d > 600",
					talk->pictures);
}

static bool check_end(struct messages *messages, const cJSON *list)
{
	struct wire_request *request = messages->request;
	const cJSON *last = cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
	if (talk_unanswered(&request->talk)) {
		return anthropic_read_results(request, NULL, messages->place);
	}
	const int turn = request->talk.turn - 1;
	if (turn >= 0 && request->play->turns[turn].paused) {
		return true; /* it goes on where it stopped */
	}
	if (check_is(check_text(last, "role"), "assistant") &&
			anthropic_has(request, ANTHROPIC_NO_PREFILL)) {
		return wire_refuse(request, 400, NULL, "",
				"This model does not support assistant message prefill. The "
				"conversation must end with a user message.");
	}
	return true;
}

bool anthropic_read_messages(struct wire_request *request, const cJSON *list)
{
	static const char *const before[] = { "system", "tools" };
	struct messages messages = { .request = request };
	int index = 0;
	const cJSON *message;
	if (!list->child) {
		return wire_refuse(request, 400, NULL, "",
				"messages: at least one message is required");
	}
	crypto_generichash_init(&messages.hash, NULL, 0, PLAY_DIGEST_BYTES);
	for (size_t i = 0; i < CUA_ARRAY_LEN(before); i++) {
		const cJSON *json = check_get(request->root, before[i]);
		if (json) {
			fold(&messages.hash, json);
		}
	}
	cJSON_ArrayForEach (message, list) {
		snprintf(messages.place, sizeof(messages.place), "messages.%d", index++);
		if (!read_message(&messages, message)) {
			return request->error.http_status
					? false
					: wire_refuse(request, 500, NULL, "", "out of memory");
		}
	}
	digest(&messages, request->before);
	return check_end(&messages, list) && check_images(request);
}

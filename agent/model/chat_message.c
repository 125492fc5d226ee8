#include "agent/model/chat_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define CALL_ID_MAX 256
#define CALL_NAME_MAX 128

/* A call whose pieces come in. */
struct chat_slot {
	bool has_index;
	double index;
	char *id, *name; /* owned; NULL while there is none */
	struct cua_buffer arguments;
};

/* NULL for what is not there, no string or empty. */
static const char *said_at(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cua_json_member(json, name));
	return text && text[0] ? text : NULL;
}

static void open_reply(struct chat_reply *own)
{
	if (!own->is_open) {
		own->is_open = true;
		cua_buffer_init(&own->content, MODEL_REPLY_MAX);
		cua_buffer_init(&own->refusal, MODEL_REPLY_MAX);
		cua_buffer_init(&own->reasoning, MODEL_REPLY_MAX);
		cua_buffer_init(&own->detail_text, MODEL_WORDS_MAX);
		cua_buffer_init(&own->detail_summary, MODEL_WORDS_MAX);
	}
}

void chat_reply_finish(void *user_data)
{
	struct chat_reply *own = user_data;
	for (size_t i = 0; i < own->slot_count; i++) {
		free(own->slots[i].id);
		free(own->slots[i].name);
		cua_buffer_finish(&own->slots[i].arguments);
	}
	free(own->slots);
	cJSON_Delete(own->details);
	cua_buffer_finish(&own->content);
	cua_buffer_finish(&own->refusal);
	cua_buffer_finish(&own->reasoning);
	cua_buffer_finish(&own->detail_text);
	cua_buffer_finish(&own->detail_summary);
}

/* --- calls --- */

/* Where a piece of a call belongs, as far as it says so. */
struct piece {
	bool has_index;
	double index;
	const char *id, *name;
	const cJSON *arguments;
};

static bool has_arguments(const struct piece *piece)
{
	const char *text = cJSON_GetStringValue(piece->arguments);
	return cJSON_IsObject(piece->arguments) || (text && text[0]);
}

/* A server that gives cause to look at every piece is not looked after for ever. */
static bool is_whole(struct chat_reply *own, const struct chat_slot *slot)
{
	CUA_AUTO_JSON cJSON *json = NULL;
	own->looked_at += slot->arguments.len;
	return slot->arguments.len > 0 && own->looked_at <= 2 * MODEL_REPLY_MAX &&
			agent_json_parse(slot->arguments.data, slot->arguments.len, "", &json,
					NULL) == CUA_OK &&
			cJSON_IsObject(json);
}

/* Servers that have no index, or 0 for all, begin a new call with another id, another name, or, if
 * they have no ids, with a name when the arguments of the one before are whole. */
static bool goes_on(struct chat_reply *own, const struct chat_slot *slot, const struct piece *piece)
{
	if ((piece->id && slot->id && strcmp(piece->id, slot->id) != 0) ||
			(piece->name && slot->name && strcmp(piece->name, slot->name) != 0)) {
		return false;
	}
	return !(piece->name && has_arguments(piece) && is_whole(own, slot));
}

/* NULL: the piece begins a new call. */
static struct chat_slot *find_slot(struct chat_reply *own, const struct piece *piece)
{
	struct chat_slot *found = NULL;
	for (size_t i = own->slot_count; i > 0 && !found; i--) {
		struct chat_slot *slot = &own->slots[i - 1];
		bool is_it = piece->has_index
				? slot->has_index && slot->index >= piece->index &&
						slot->index <= piece->index
				: !piece->id || !slot->id || strcmp(piece->id, slot->id) == 0;
		found = is_it ? slot : NULL;
	}
	return found && goes_on(own, found, piece) ? found : NULL;
}

static enum cua_status open_slot(struct chat_reply *own, const struct piece *piece,
		struct chat_slot **ret_slot, struct cua_error *err)
{
	if (own->slot_count == CHAT_CALLS_MAX) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has over %d calls",
				CHAT_CALLS_MAX);
	}
	struct chat_slot *slots = reallocarray(own->slots, own->slot_count + 1, sizeof(*slots));
	if (!slots) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	own->slots = slots;
	*ret_slot = &slots[own->slot_count++];
	**ret_slot = (struct chat_slot){ .has_index = piece->has_index, .index = piece->index };
	cua_buffer_init(&(*ret_slot)->arguments, MODEL_REPLY_MAX);
	return CUA_OK;
}

static enum cua_status keep_once(
		char **place, const char *text, size_t max_len, struct cua_error *err)
{
	if (*place || !text) {
		return CUA_OK;
	}
	if (strlen(text) > max_len) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the id or name of a call is over %zu bytes",
				max_len);
	}
	*place = strdup(text);
	return *place ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

static enum cua_status add_arguments(
		struct chat_slot *slot, const cJSON *arguments, struct cua_error *err)
{
	if (cJSON_IsString(arguments)) {
		return cua_buffer_append(&slot->arguments, arguments->valuestring,
				strlen(arguments->valuestring), err);
	}
	if (!arguments || cJSON_IsNull(arguments)) {
		return CUA_OK;
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(arguments);
	return text ? cua_buffer_append(&slot->arguments, text, strlen(text), err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

static enum cua_status add_call(struct chat_reply *own, const cJSON *call, struct cua_error *err)
{
	const cJSON *function = cua_json_member(call, "function"),
		    *index = cua_json_member(call, "index");
	const struct piece piece = { .has_index = cJSON_IsNumber(index),
		.index = cJSON_IsNumber(index) ? index->valuedouble : 0,
		.id = said_at(call, "id"),
		.name = said_at(function, "name"),
		.arguments = cua_json_member(function, "arguments") };
	struct chat_slot *slot = find_slot(own, &piece);
	enum cua_status status = slot ? CUA_OK : open_slot(own, &piece, &slot, err);
	if (status == CUA_OK) {
		status = keep_once(&slot->id, piece.id, CALL_ID_MAX, err);
	}
	if (status == CUA_OK) {
		status = keep_once(&slot->name, piece.name, CALL_NAME_MAX, err);
	}
	return status == CUA_OK ? add_arguments(slot, piece.arguments, err) : status;
}

/* --- reasoning --- */

static enum cua_status add_reasoning(
		struct chat_reply *own, const cJSON *delta, struct cua_error *err)
{
	static const char *const names[] = { "reasoning", "reasoning_content" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const char *text = said_at(delta, names[i]);
		if (text) { /* a server that has both says the same in both */
			snprintf(own->reasoning_name, sizeof(own->reasoning_name), "%s", names[i]);
			return cua_buffer_append(&own->reasoning, text, strlen(text), err);
		}
	}
	return CUA_OK;
}

static bool same_number(const cJSON *one, const cJSON *other)
{
	return (!one && !other) || cJSON_Compare(one, other, true);
}

/* Does the detail go on the last one? Pieces of text carry the type and the index of the whole. */
static bool goes_on_detail(const cJSON *last, const cJSON *detail)
{
	return last && said_at(detail, "type") &&
			cJSON_Compare(cua_json_member(last, "type"),
					cua_json_member(detail, "type"), true) &&
			same_number(cua_json_member(last, "index"),
					cua_json_member(detail, "index")) &&
			(said_at(detail, "text") || said_at(detail, "summary") ||
					said_at(detail, "signature"));
}

/* The buffer for a member that comes in pieces; NULL if it is none of these. */
static struct cua_buffer *pieces_of(struct chat_reply *own, const cJSON *piece)
{
	struct cua_buffer *pieces = strcmp(piece->string, "text") == 0 ? &own->detail_text
			: strcmp(piece->string, "summary") == 0        ? &own->detail_summary
								       : NULL;
	return cJSON_IsString(piece) ? pieces : NULL;
}

static enum cua_status append_text(
		struct cua_buffer *buffer, const cJSON *string, struct cua_error *err)
{
	return cua_buffer_append(buffer, string->valuestring, strlen(string->valuestring), err);
}

/* A piece of the last detail: text is collected, and of the rest the first that says something is
 * kept. */
static enum cua_status join_member(
		struct chat_reply *own, cJSON *last, const cJSON *piece, struct cua_error *err)
{
	const cJSON *had = cua_json_member(last, piece->string);
	struct cua_buffer *pieces = pieces_of(own, piece);
	if (pieces && cJSON_IsString(had)) {
		enum cua_status status = pieces->data ? CUA_OK : append_text(pieces, had, err);
		return status == CUA_OK ? append_text(pieces, piece, err) : status;
	}
	if ((had && !cJSON_IsNull(had)) || cJSON_IsNull(piece)) {
		return CUA_OK;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(last, piece->string);
	cJSON *copy = cJSON_Duplicate(piece, true);
	return copy && cJSON_AddItemToObject(last, piece->string, copy)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reasoning");
}

static bool set_text(cJSON *detail, const char *name, struct cua_buffer *pieces)
{
	if (!pieces->data) {
		return true;
	}
	const bool ok = cJSON_ReplaceItemInObjectCaseSensitive(
			detail, name, cJSON_CreateString(pieces->data));
	cua_buffer_finish(pieces);
	return ok;
}

static cJSON *last_detail(const struct chat_reply *own)
{
	return own->details && own->details->child ? own->details->child->prev : NULL;
}

/* Gives the last detail the text that came in pieces. */
static enum cua_status end_detail(struct chat_reply *own, struct cua_error *err)
{
	cJSON *last = last_detail(own);
	return !last ||
					(set_text(last, "text", &own->detail_text) &&
							set_text(last, "summary",
									&own->detail_summary))
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reasoning");
}

static enum cua_status add_detail(
		struct chat_reply *own, const cJSON *detail, struct cua_error *err)
{
	cJSON *last = last_detail(own);
	enum cua_status status = CUA_OK;
	if (!goes_on_detail(last, detail)) {
		status = end_detail(own, err);
		cJSON *copy = status == CUA_OK ? cJSON_Duplicate(detail, true) : NULL;
		if (status == CUA_OK && !(copy && cJSON_AddItemToArray(own->details, copy))) {
			cJSON_Delete(copy);
			status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reasoning");
		}
		return status;
	}
	const cJSON *piece = NULL;
	cJSON_ArrayForEach (piece, detail) {
		if (status == CUA_OK) {
			status = join_member(own, last, piece, err);
		}
	}
	return status == CUA_ERR_TOO_LARGE
			? CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's reasoning is over %zu bytes",
					  MODEL_WORDS_MAX)
			: status;
}

static enum cua_status add_details(
		struct chat_reply *own, const cJSON *delta, struct cua_error *err)
{
	const cJSON *details = cua_json_member(delta, "reasoning_details"), *detail = NULL;
	enum cua_status status = CUA_OK;
	if (cJSON_GetArraySize(details) > 0 && !own->details) {
		own->details = cJSON_CreateArray();
		status = own->details ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "reasoning");
	}
	cJSON_ArrayForEach (detail, details) {
		if (status == CUA_OK && cJSON_IsObject(detail)) {
			status = add_detail(own, detail, err);
		}
	}
	return status;
}

/* --- the message --- */

/* A string, or, of some servers, a list of parts. */
static enum cua_status add_content(
		struct cua_buffer *content, const cJSON *value, struct cua_error *err)
{
	const char *text = cJSON_GetStringValue(value);
	enum cua_status status =
			text ? cua_buffer_append(content, text, strlen(text), err) : CUA_OK;
	const cJSON *part = NULL;
	if (cJSON_IsArray(value)) {
		cJSON_ArrayForEach (part, value) {
			text = said_at(part, "text");
			if (status == CUA_OK && text) {
				status = cua_buffer_append(content, text, strlen(text), err);
			}
		}
	}
	return status;
}

enum cua_status chat_message_add(struct chat_reply *own, const cJSON *delta, struct cua_error *err)
{
	open_reply(own);
	enum cua_status status = add_content(&own->content, cua_json_member(delta, "content"), err);
	if (status == CUA_OK) {
		status = add_content(&own->refusal, cua_json_member(delta, "refusal"), err);
	}
	if (status == CUA_OK) {
		status = add_reasoning(own, delta, err);
	}
	if (status == CUA_OK) {
		status = add_details(own, delta, err);
	}
	const cJSON *call = NULL;
	cJSON_ArrayForEach (call, cua_json_member(delta, "tool_calls")) {
		if (status == CUA_OK) {
			status = add_call(own, call, err);
		}
	}
	return status;
}

/* An id that another call has as well is worth nothing. */
static bool is_repeated(const struct chat_reply *own, size_t at)
{
	for (size_t i = 0; i < at && own->slots[at].id; i++) {
		if (own->slots[i].id && strcmp(own->slots[i].id, own->slots[at].id) == 0) {
			return true;
		}
	}
	return false;
}

static void build_calls(const struct chat_reply *own, cJSON *message)
{
	cJSON *list = cJSON_AddArrayToObject(message, "tool_calls");
	for (size_t i = 0; i < own->slot_count; i++) {
		const struct chat_slot *slot = &own->slots[i];
		cJSON *call = cJSON_CreateObject();
		cJSON_AddItemToArray(list, call);
		if (slot->id && !is_repeated(own, i)) {
			cJSON_AddStringToObject(call, "id", slot->id);
		}
		cJSON_AddStringToObject(call, "type", "function");
		cJSON *function = cJSON_AddObjectToObject(call, "function");
		cJSON_AddStringToObject(function, "name", slot->name ? slot->name : "unnamed");
		cJSON_AddStringToObject(function, "arguments",
				slot->arguments.len > 0 ? slot->arguments.data : "{}");
	}
}

cJSON *chat_message_build(struct chat_reply *own)
{
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "assistant");
	if (own->content.len > 0 || own->slot_count == 0) {
		cJSON_AddStringToObject(
				message, "content", own->content.data ? own->content.data : "");
	} else {
		cJSON_AddNullToObject(message, "content");
	}
	if (own->refusal.len > 0) {
		cJSON_AddStringToObject(message, "refusal", own->refusal.data);
	}
	if (own->reasoning.len > 0) {
		cJSON_AddStringToObject(message, own->reasoning_name, own->reasoning.data);
	}
	if (end_detail(own, NULL) != CUA_OK) {
		cJSON_Delete(message);
		return NULL;
	}
	if (own->details) {
		cJSON_AddItemToObject(message, "reasoning_details", CUA_STEAL(own->details));
	}
	if (own->slot_count > 0) {
		build_calls(own, message);
	}
	return message;
}

#include "demos/standin/items.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"

/* "cu_c1t12": kind, conversation, turn. Unique within the life of the process. */
static cJSON *add_id(cJSON *item, const char *name, const char *kind, const struct items_ids *ids)
{
	char id[64];
	snprintf(id, sizeof(id), "%s_c%ut%d", kind, ids->conversation, ids->turn);
	return cJSON_AddStringToObject(item, name, id);
}

static cJSON *add_item(cJSON *items, const char *type)
{
	cJSON *item = cJSON_CreateObject();
	if (!item || !cJSON_AddStringToObject(item, "type", type) ||
			!cJSON_AddItemToArray(items, item)) {
		cJSON_Delete(item);
		return NULL;
	}
	return item;
}

/* Random bytes: nobody can make up a reasoning item, and one that comes back changed shows. */
static void add_encrypted(cJSON *item)
{
	unsigned char bytes[96];
	char text[sodium_base64_ENCODED_LEN(sizeof(bytes), sodium_base64_VARIANT_URLSAFE) + 8];
	randombytes_buf(bytes, sizeof(bytes));
	memcpy(text, "gAAAAA", 6);
	sodium_bin2base64(text + 6, sizeof(text) - 6, bytes, sizeof(bytes),
			sodium_base64_VARIANT_URLSAFE);
	cJSON_AddStringToObject(item, "encrypted_content", text);
}

static void add_reasoning(cJSON *items, const struct items_ids *ids, bool encrypted)
{
	cJSON *item = add_item(items, "reasoning");
	if (!item) {
		return;
	}
	add_id(item, "id", "rs", ids);
	cJSON_AddArrayToObject(item, "summary");
	if (encrypted) {
		add_encrypted(item);
	}
}

static void add_message(
		cJSON *items, const struct items_ids *ids, const char *phase, const char *text)
{
	cJSON *item = add_item(items, "message");
	if (!item) {
		return;
	}
	add_id(item, "id", "msg", ids);
	cJSON_AddStringToObject(item, "role", "assistant");
	cJSON_AddStringToObject(item, "status", "completed");
	cJSON_AddStringToObject(item, "phase", phase);
	cJSON *part = add_item(cJSON_AddArrayToObject(item, "content"), "output_text");
	if (part) {
		cJSON_AddStringToObject(part, "text", text);
		cJSON_AddArrayToObject(part, "annotations");
		cJSON_AddArrayToObject(part, "logprobs");
	}
}

static void add_function(
		cJSON *items, const struct items_ids *ids, const char *name, const cJSON *arguments)
{
	cJSON *item = add_item(items, "function_call");
	char *text = cJSON_PrintUnformatted(arguments);
	if (item && text) {
		add_id(item, "id", "fc", ids);
		add_id(item, "call_id", "call", ids);
		cJSON_AddStringToObject(item, "name", name);
		cJSON_AddStringToObject(item, "arguments", text);
		cJSON_AddStringToObject(item, "status", "completed");
	}
	cJSON_free(text);
}

static void add_computer(cJSON *items, const struct items_ids *ids, cJSON *actions)
{
	cJSON *item = add_item(items, "computer_call");
	if (!item) {
		cJSON_Delete(actions);
		return;
	}
	add_id(item, "id", "cu", ids);
	add_id(item, "call_id", "call", ids);
	cJSON_AddStringToObject(item, "status", "completed");
	cJSON_AddArrayToObject(item, "pending_safety_checks");
	cJSON_AddItemToObject(item, "actions", actions);
}

cJSON *items_make(const struct items_ids *ids, struct step_context *context, const char *reason)
{
	cJSON *items = cJSON_CreateArray();
	if (!items) {
		return NULL;
	}
	add_reasoning(items, ids, context->input->encrypted);
	if (context->final) {
		char text[3200];
		snprintf(text, sizeof(text), "%s%s", reason ? "I gave up: " : "",
				reason                              ? reason
						: context->words[0] ? context->words
								    : "Done.");
		add_message(items, ids, "final_answer", text);
		return items;
	}
	if (context->words[0] && !reason) {
		add_message(items, ids, "commentary", context->words);
	}
	if (reason) {
		CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
		cJSON_AddStringToObject(arguments, "reason", reason);
		add_function(items, ids, "give_up", arguments);
	} else if (context->function) {
		add_function(items, ids, context->function, context->arguments);
	} else {
		add_computer(items, ids, CUA_STEAL(context->actions));
	}
	return items;
}

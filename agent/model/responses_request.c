#include "agent/model/responses_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define COMPACT_AT 0.8  /* of the room there is */
#define PROBE_TOKENS 16 /* the API takes no fewer */

/* --- items --- */

static bool add_image_url(cJSON *part, const struct agent_image *image)
{
	static const char form[] = "data:%s;base64,%s";
	size_t size = sizeof(form) + strlen(image->media_type) + strlen(image->base64);
	CUA_AUTO_FREE char *url = malloc(size);
	if (!url) {
		return false;
	}
	snprintf(url, size, form, image->media_type, image->base64);
	return cJSON_AddStringToObject(part, "image_url", url);
}

/* Appends an object with this type to a list; NULL when memory runs out. */
static cJSON *add_part(cJSON *list, const char *type)
{
	cJSON *part = cJSON_CreateObject();
	if (!part || !cJSON_AddStringToObject(part, "type", type) ||
			!cJSON_AddItemToArray(list, part)) {
		cJSON_Delete(part);
		return NULL;
	}
	return part;
}

/* "original" keeps the server from shrinking the image, and coordinates true. */
static bool add_parts(cJSON *list, const char *text, const struct agent_image *image)
{
	if (text) {
		cJSON *part = add_part(list, "input_text");
		if (!part || !cJSON_AddStringToObject(part, "text", text)) {
			return false;
		}
	}
	if (image) {
		cJSON *part = add_part(list, "input_image");
		if (!part || !add_image_url(part, image) ||
				!cJSON_AddStringToObject(part, "detail", "original")) {
			return false;
		}
	}
	return true;
}

enum cua_status responses_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err)
{
	struct responses *talk = self;
	CUA_AUTO_JSON cJSON *item = cJSON_CreateObject();
	if (!cJSON_AddStringToObject(item, "role", "user") ||
			!add_parts(cJSON_AddArrayToObject(item, "content"), text, image)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message");
	}
	return model_items_add_json(&talk->items, item, err);
}

/* --- answers --- */

static bool add_screenshot(cJSON *item, const struct agent_answer *answer)
{
	cJSON *output = cJSON_AddObjectToObject(item, "output");
	if (!cJSON_AddStringToObject(output, "type", "computer_screenshot") ||
			!add_image_url(output, answer->image) ||
			!cJSON_AddStringToObject(output, "detail", "original")) {
		return false;
	}
	if (!answer->acknowledged || !answer->call->safety_checks) {
		return true;
	}
	cJSON *checks = cJSON_Duplicate(answer->call->safety_checks, true);
	return checks && cJSON_AddItemToObject(item, "acknowledged_safety_checks", checks);
}

static enum cua_status add_answer(
		struct responses *talk, const struct agent_answer *answer, struct cua_error *err)
{
	bool is_computer = answer->call->kind == AGENT_CALL_COMPUTER;
	CUA_AUTO_JSON cJSON *item = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(item, "type",
				  is_computer ? "computer_call_output" : "function_call_output") &&
			cJSON_AddStringToObject(item, "call_id", answer->call->id);
	if (ok && is_computer) {
		ok = add_screenshot(item, answer);
	} else if (ok) {
		CUA_AUTO_FREE char *text = model_answer_text(answer);
		ok = text && add_parts(cJSON_AddArrayToObject(item, "output"), text, answer->image);
	}
	return ok ? model_items_add_json(&talk->items, item, err)
		  : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

/* A computer_call_output has no place for an error: it goes into a message of the user. */
static enum cua_status add_problems(struct cua_buffer *text, const struct agent_answer *answers,
		size_t count, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		if (answers[i].problem && answers[i].call->kind == AGENT_CALL_COMPUTER) {
			status = cua_buffer_printf(text, err, "%sCall %s: %s",
					text->len ? "\n" : "", answers[i].call->id,
					answers[i].problem);
		}
	}
	return status;
}

enum cua_status responses_add_answers(void *self, const struct agent_answer *answers, size_t count,
		const char *note, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, MODEL_WORDS_MAX);
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		status = add_answer(self, &answers[i], err);
	}
	if (status == CUA_OK) {
		status = add_problems(&text, answers, count, err);
	}
	if (status == CUA_OK && note) {
		status = cua_buffer_printf(&text, err, "%s%s", text.len ? "\n" : "", note);
	}
	return status == CUA_OK && text.len > 0 ? responses_add_user(self, text.data, NULL, err)
						: status;
}

/* --- items that a server has refused --- */

/* True if the item was changed. */
static bool adapt(cJSON *item, const struct responses_quirks *quirks)
{
	bool changed = false;
	cJSON *output = cJSON_GetObjectItemCaseSensitive(item, "output");
	if (quirks->no_detail && cJSON_IsObject(output) &&
			cJSON_GetObjectItemCaseSensitive(output, "detail")) {
		cJSON_DeleteItemFromObjectCaseSensitive(output, "detail");
		changed = true;
	}
	if (quirks->no_status && cJSON_GetObjectItemCaseSensitive(item, "status")) {
		cJSON_DeleteItemFromObjectCaseSensitive(item, "status");
		changed = true;
	}
	return changed;
}

static enum cua_status adapt_items(struct responses *talk, struct cua_error *err)
{
	for (; talk->adapted < talk->items.count; talk->adapted++) {
		char **place = &talk->items.texts[talk->adapted];
		if (!talk->quirks.no_detail && !talk->quirks.no_status) {
			continue;
		}
		CUA_AUTO_JSON cJSON *item = cJSON_Parse(*place);
		if (!item || !adapt(item, &talk->quirks)) {
			continue;
		}
		char *text = cJSON_PrintUnformatted(item);
		if (!text) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
		}
		free(*place);
		*place = text;
	}
	return CUA_OK;
}

/* --- body --- */

/* The server has lost what it kept. */
static enum cua_status unshelve(struct responses *talk, struct cua_error *err)
{
	struct model_items all = { 0 };
	enum cua_status status = model_shelf_take(&talk->shelf, &all, err);
	if (status == CUA_OK) {
		status = model_items_add_all(&all, &talk->items, err);
	}
	if (status != CUA_OK) {
		model_items_finish(&all);
		return status;
	}
	model_items_finish(&talk->items);
	talk->items = all;
	talk->adapted = 0;
	return CUA_OK;
}

static void add_function(const char *name, const char *help, cJSON *parameters, void *user_data)
{
	cJSON *tool = add_part(user_data, "function");
	cJSON_AddStringToObject(tool, "name", name);
	cJSON_AddStringToObject(tool, "description", help);
	cJSON_AddItemToObject(tool, "parameters", parameters);
	/* Strict schemas must require every argument; ours have optional ones. */
	cJSON_AddBoolToObject(tool, "strict", false);
}

/* The first model's tool is told of the screen; calls of it have one action each. */
static bool is_preview(const struct responses *talk)
{
	return strcmp(talk->config->spec->tool, RESPONSES_PREVIEW_TOOL) == 0;
}

static void add_tools(const struct responses *talk, cJSON *body)
{
	cJSON *tools = cJSON_AddArrayToObject(body, "tools");
	cJSON *computer = add_part(tools, is_preview(talk) ? RESPONSES_PREVIEW_TOOL : "computer");
	if (is_preview(talk)) {
		cJSON_AddNumberToObject(computer, "display_width", talk->config->screen.x);
		cJSON_AddNumberToObject(computer, "display_height", talk->config->screen.y);
		cJSON_AddStringToObject(computer, "environment", "linux");
	}
	model_each_function(talk->config, add_function, tools);
}

/* The server shortens the conversation by itself when it comes to so many tokens: before the
 * model's room is used up, and before a request becomes one of those that cost more a token. */
static double compact_threshold(const struct agent_model_spec *spec)
{
	const double room = spec->context - spec->max_output;
	const double cheap = spec->prices.long_above;
	return COMPACT_AT * (cheap > 0 && cheap < room ? cheap : room);
}

static void add_compaction(cJSON *head, double threshold)
{
	cJSON *entry = cJSON_CreateObject();
	cJSON_AddStringToObject(entry, "type", "compaction");
	cJSON_AddNumberToObject(entry, "compact_threshold", floor(threshold));
	cJSON_AddItemToArray(cJSON_AddArrayToObject(head, "context_management"), entry);
}

static cJSON *build_head(const struct responses *talk)
{
	const struct agent_model_config *config = talk->config;
	const struct responses_quirks *quirks = &talk->quirks;
	cJSON *head = cJSON_CreateObject();
	cJSON_AddStringToObject(head, "model", config->model);
	if (config->is_probe) {
		cJSON_AddNumberToObject(head, "max_output_tokens", PROBE_TOKENS);
	} else {
		CUA_AUTO_FREE char *text = model_with_instructions(config, model_instructions);
		cJSON_AddStringToObject(head, "instructions", text);
		add_tools(talk, head);
	}
	if (!config->is_probe && is_preview(talk)) { /* it demands that */
		cJSON_AddStringToObject(head, "truncation", "auto");
	}
	if (!config->is_probe && !quirks->no_compaction && compact_threshold(config->spec) > 0) {
		add_compaction(head, compact_threshold(config->spec));
	}
	if (!quirks->no_summary) {
		cJSON_AddStringToObject(
				cJSON_AddObjectToObject(head, "reasoning"), "summary", "auto");
	}
	if (!quirks->no_include) {
		cJSON_AddItemToArray(cJSON_AddArrayToObject(head, "include"),
				cJSON_CreateString("reasoning.encrypted_content"));
	}
	cJSON_AddBoolToObject(head, "store",
			quirks->needs_store ||
					(responses_uses_threads(config) && !quirks->no_threads));
	if (talk->thread[0]) {
		cJSON_AddStringToObject(head, "previous_response_id", talk->thread);
	}
	cJSON_AddBoolToObject(head, "parallel_tool_calls", false);
	cJSON_AddStringToObject(head, "prompt_cache_key", config->session);
	cJSON_AddBoolToObject(head, "stream", true);
	cJSON_AddBoolToObject(cJSON_AddObjectToObject(head, "stream_options"),
			"include_obfuscation", false);
	return head;
}

enum cua_status responses_body(void *self, struct cua_buffer *body, struct cua_error *err)
{
	struct responses *talk = self;
	CUA_AUTO_JSON cJSON *head = build_head(talk);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(head);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	enum cua_status status =
			!talk->thread[0] && talk->shelf.count > 0 ? unshelve(talk, err) : CUA_OK;
	if (status == CUA_OK) {
		status = adapt_items(talk, err);
	}
	/* Items go in as they are, where the head's closing brace was. */
	if (status == CUA_OK) {
		status = cua_buffer_append(body, text, strlen(text) - 1, err);
	}
	if (status == CUA_OK) {
		status = cua_buffer_printf(body, err, ",\"input\":[");
	}
	if (status == CUA_OK) {
		const size_t held = talk->thread[0] ? talk->held : 0;
		const struct model_items news = { .texts = held > 0 ? talk->items.texts + held
								    : talk->items.texts,
			.count = talk->items.count - held };
		status = model_items_join(&news, body, err);
	}
	return status == CUA_OK ? cua_buffer_append(body, "]}", 2, err) : status;
}

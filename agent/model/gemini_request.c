#include "agent/model/gemini_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define PROBE_TOKENS 16
/* More contents with pictures than this, and the oldest go without. They go by steps, so that the
 * cache holds in between. */
#define PICTURES_MAX 30
#define PICTURES_STEP 15

/* --- contents --- */

/* Appends an object with one object in it, which is returned; NULL when memory runs out. */
static cJSON *add_part(cJSON *parts, const char *name)
{
	cJSON *part = cJSON_CreateObject();
	if (!part || !cJSON_AddItemToArray(parts, part)) {
		cJSON_Delete(part);
		return NULL;
	}
	return cJSON_AddObjectToObject(part, name);
}

static bool add_text(cJSON *parts, const char *text)
{
	cJSON *part = cJSON_CreateObject();
	if (!cJSON_AddStringToObject(part, "text", text) || !cJSON_AddItemToArray(parts, part)) {
		cJSON_Delete(part);
		return false;
	}
	return true;
}

static bool add_picture(cJSON *parts, const struct agent_image *image)
{
	cJSON *data = add_part(parts, "inlineData");
	return cJSON_AddStringToObject(data, "mimeType", image->media_type) &&
			cJSON_AddStringToObject(data, "data", image->base64);
}

/* False if there was none. */
static bool take_pictures_out(cJSON *content)
{
	cJSON *parts = cJSON_GetObjectItemCaseSensitive(content, "parts");
	bool has_any = false;
	for (cJSON *part = parts->child, *next = NULL; part; part = next) {
		cJSON *answer = cJSON_GetObjectItemCaseSensitive(part, "functionResponse");
		next = part->next;
		if (cJSON_GetObjectItemCaseSensitive(part, "inlineData")) {
			cJSON_Delete(cJSON_DetachItemViaPointer(parts, part));
			has_any = true;
		} else if (cJSON_GetObjectItemCaseSensitive(answer, "parts")) {
			cJSON_DeleteItemFromObjectCaseSensitive(answer, "parts");
			has_any = true;
		}
	}
	return has_any;
}

/* Takes the content apart. */
static enum cua_status add_content(struct gemini *talk, cJSON *content, struct cua_error *err)
{
	enum cua_status status = model_items_add_json(&talk->contents, content, err);
	if (status != CUA_OK) {
		return status;
	}
	return take_pictures_out(content) ? model_items_add_json(&talk->plain, content, err)
					  : model_items_add(&talk->plain, "", 0, err);
}

enum cua_status gemini_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err)
{
	struct gemini *talk = self;
	CUA_AUTO_JSON cJSON *content = cJSON_CreateObject();
	cJSON_AddStringToObject(content, "role", "user");
	cJSON *parts = cJSON_AddArrayToObject(content, "parts");
	if (image) {
		model_shown_note(&talk->shown, image);
	}
	if (!add_text(parts, text) || (image && !add_picture(parts, image))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message");
	}
	return add_content(talk, content, err);
}

/* --- answers --- */

/* "output" and "error" are what the API knows. A person's yes is said where one was given, which is
 * never for a call that did not run. */
static bool add_response(const struct gemini *talk, cJSON *to, const struct agent_answer *answer)
{
	const cJSON *result = cJSON_GetArrayItem(answer->results, 0);
	cJSON *response = cJSON_AddObjectToObject(to, "response");
	bool ok = response;
	if (answer->problem) {
		ok = ok && cJSON_AddStringToObject(response, "error", answer->problem);
	} else if (answer->words) {
		ok = ok && cJSON_AddStringToObject(response, "output", answer->words);
	} else if (answer->call->kind == AGENT_CALL_FUNCTION && result) {
		cJSON *copy = cJSON_Duplicate(result, true);
		ok = ok && copy && cJSON_AddItemToObject(response, "output", copy);
	} else {
		ok = ok && cJSON_AddStringToObject(response, "output", "ok");
	}
	if (answer->call->kind == AGENT_CALL_COMPUTER && gemini_is_legacy(talk)) {
		ok = ok && cJSON_AddStringToObject(response, "url", "");
	}
	if (answer->acknowledged && answer->call->safety_checks && !answer->call->problem[0] &&
			answer->status != AGENT_ANSWER_NOT_RUN) {
		ok = ok && cJSON_AddStringToObject(response, "safety_acknowledgement", "true");
	}
	return ok;
}

/* The same picture is not sent twice in one message. */
static bool needs_picture(const struct agent_answer *answers, size_t at, size_t count)
{
	return at + 1 == count ||
			strcmp(answers[at].image->sha256, answers[at + 1].image->sha256) != 0;
}

/* A model that wants to see the screen gets it, whatever it was shown before. */
static bool asks_to_see(const struct agent_call *call)
{
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, call->actions) {
		const char *name = cua_json_string(action, "action");
		if (name && strcmp(name, cua_action_table[CUA_ACTION_SCREENSHOT].name) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_left_out(struct gemini *talk, const struct agent_answer *answer)
{
	if (answer->status == AGENT_ANSWER_OK && !asks_to_see(answer->call)) {
		return model_shown_again(&talk->shown, answer->image);
	}
	model_shown_note(&talk->shown, answer->image);
	return false;
}

static bool add_answer(struct gemini *talk, cJSON *parts, const struct agent_answer *answers,
		size_t at, size_t count)
{
	const struct gemini_call *call = &talk->calls[at];
	cJSON *answer = add_part(parts, "functionResponse");
	bool ok = (!call->id || cJSON_AddStringToObject(answer, "id", call->id)) &&
			cJSON_AddStringToObject(answer, "name", call->name) &&
			add_response(talk, answer, &answers[at]);
	if (!ok || !needs_picture(answers, at, count)) {
		return ok;
	}
	if (is_left_out(talk, &answers[at])) {
		return cJSON_AddStringToObject(
				cua_json_member(answer, "response"), "screen", model_unchanged);
	}
	return add_picture(cJSON_AddArrayToObject(answer, "parts"), answers[at].image);
}

enum cua_status gemini_add_answers(void *self, const struct agent_answer *answers, size_t count,
		const char *note, struct cua_error *err)
{
	struct gemini *talk = self;
	CUA_AUTO_JSON cJSON *content = cJSON_CreateObject();
	cJSON_AddStringToObject(content, "role", "user");
	cJSON *parts = cJSON_AddArrayToObject(content, "parts");
	bool ok = parts;
	for (size_t i = 0; ok && i < count && i < talk->call_count; i++) {
		ok = add_answer(talk, parts, answers, i, count);
	}
	if (!ok || (note && !add_text(parts, note))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answers");
	}
	return add_content(talk, content, err);
}

/* --- body --- */

/* What a desktop does not have, and keys that are held down, which no action of ours is. */
static void exclude(cJSON *computer, bool is_legacy)
{
	static const char *const browsing[] = { "open_web_browser", "search", "navigate", "go_back",
		"go_forward", NULL };
	static const char *const holding[] = { "key_down", "key_up", NULL };
	cJSON *names = cJSON_AddArrayToObject(computer, "excludedPredefinedFunctions");
	for (const char *const *name = is_legacy ? browsing : holding; *name; name++) {
		cJSON_AddItemToArray(names, cJSON_CreateString(*name));
	}
}

/* Not what the API has itself, and no action in pixels, of which the model knows nothing; what a
 * tool calls x is its own affair. */
static bool is_offered(const char *name, const cJSON *parameters)
{
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(parameters, "properties");
	const bool is_in_pixels = cJSON_GetObjectItemCaseSensitive(properties, "x") ||
			cJSON_GetObjectItemCaseSensitive(properties, "region");
	return !gemini_has_action(name) && !(is_in_pixels && cua_action_find(name));
}

static void add_function(const char *name, const char *help, cJSON *parameters, void *user_data)
{
	if (!is_offered(name, parameters)) {
		cJSON_Delete(parameters);
		return;
	}
	cJSON *function = cJSON_CreateObject();
	cJSON_AddItemToArray(user_data, function);
	cJSON_AddStringToObject(function, "name", name);
	cJSON_AddStringToObject(function, "description", help);
	cJSON_AddItemToObject(function, "parametersJsonSchema", parameters);
}

static void add_tools(const struct gemini *talk, cJSON *head)
{
	cJSON *tools = cJSON_AddArrayToObject(head, "tools");
	cJSON *computer = add_part(tools, "computerUse");
	cJSON_AddStringToObject(computer, "environment",
			talk->quirks.no_desktop ? "ENVIRONMENT_BROWSER" : "ENVIRONMENT_DESKTOP");
	exclude(computer, gemini_is_legacy(talk));
	if (!talk->quirks.no_detection) {
		cJSON_AddBoolToObject(computer, "enablePromptInjectionDetection", true);
	}
	if (!talk->config->is_probe) {
		cJSON *functions = cJSON_CreateObject();
		cJSON_AddItemToArray(tools, functions);
		model_each_function(talk->config, add_function,
				cJSON_AddArrayToObject(functions, "functionDeclarations"));
	}
}

static void add_generation(const struct gemini *talk, cJSON *head)
{
	cJSON *config = cJSON_AddObjectToObject(head, "generationConfig");
	if (talk->config->is_probe) {
		cJSON_AddNumberToObject(config, "maxOutputTokens", PROBE_TOKENS);
	} else if (!talk->quirks.no_thoughts) {
		cJSON_AddBoolToObject(cJSON_AddObjectToObject(config, "thinkingConfig"),
				"includeThoughts", true);
	}
}

static cJSON *build_head(const struct gemini *talk)
{
	char text[4096];
	cJSON *head = cJSON_CreateObject();
	snprintf(text, sizeof(text),
			"%s\n%s\nCoordinates of computer use are its own, 0 to 999 over the whole "
			"screenshot; other functions speak of pixels, of which it has %dx%d.",
			model_instructions_any, model_instructions_end, talk->config->screen.x,
			talk->config->screen.y);
	CUA_AUTO_FREE char *whole = model_with_instructions(talk->config, text);
	if (!talk->config->is_probe) {
		add_text(cJSON_AddArrayToObject(cJSON_AddObjectToObject(head, "systemInstruction"),
					 "parts"),
				whole);
	}
	add_tools(talk, head);
	add_generation(talk, head);
	return head;
}

/* How many contents, from the oldest with pictures on, go without them: by what the conversation is
 * alone, so that one that is rebuilt does the same. */
static size_t count_left_out(const struct gemini *talk)
{
	size_t with_pictures = 0;
	for (size_t i = 0; i < talk->plain.count; i++) {
		with_pictures += talk->plain.texts[i][0] != '\0';
	}
	return with_pictures <= PICTURES_MAX ? 0
					     : (with_pictures - PICTURES_MAX + PICTURES_STEP - 1) /
					PICTURES_STEP * PICTURES_STEP;
}

static enum cua_status append_contents(
		const struct gemini *talk, struct cua_buffer *body, struct cua_error *err)
{
	size_t left_out = count_left_out(talk);
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < talk->contents.count; i++) {
		const bool is_plain = left_out > 0 && talk->plain.texts[i][0];
		const char *text = is_plain ? talk->plain.texts[i] : talk->contents.texts[i];
		left_out -= is_plain;
		status = i > 0 ? cua_buffer_append(body, ",", 1, err) : CUA_OK;
		if (status == CUA_OK) {
			status = cua_buffer_append(body, text, strlen(text), err);
		}
	}
	return status;
}

enum cua_status gemini_body(void *self, struct cua_buffer *body, struct cua_error *err)
{
	const struct gemini *talk = self;
	CUA_AUTO_JSON cJSON *head = build_head(talk);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(head);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	/* Contents go in as they are, where the head's closing brace was. */
	enum cua_status status = cua_buffer_append(body, text, strlen(text) - 1, err);
	if (status == CUA_OK) {
		status = cua_buffer_printf(body, err, ",\"contents\":[");
	}
	if (status == CUA_OK) {
		status = append_contents(talk, body, err);
	}
	return status == CUA_OK ? cua_buffer_append(body, "]}", 2, err) : status;
}

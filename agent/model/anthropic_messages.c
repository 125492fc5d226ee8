#include "agent/model/anthropic_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/model_pictures.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define NOT_EXECUTED "Not executed: an earlier computer action in this turn failed."
#define LOOK_AGAIN "Take a screenshot to see what the screen shows now."

/* --- pictures --- */

/* The server shrinks a picture that does not fit, and the model then answers in pixels that are
 * not ours. With many pictures in a request the bound is tighter; runs grow long. */
static bool image_fits(const struct anthropic *talk, const struct agent_image *image)
{
	const struct agent_image_limits *limits = &talk->config->spec->images;
	double patch = limits->patch > 0 ? limits->patch : 1;
	double columns = ceil(image->width / patch), rows = ceil(image->height / patch);
	double longest = fmax(image->width, image->height);
	return (limits->max_side <= 0 || fmax(columns, rows) * patch <= limits->max_side) &&
			(limits->max_patches <= 0 || columns * rows <= limits->max_patches) &&
			(limits->many_max_side <= 0 || longest <= limits->many_max_side) &&
			(limits->max_bytes <= 0 ||
					(double)model_pictures_len(talk->config->pictures,
							image->base64) <= limits->max_bytes);
}

static enum cua_status check_image(const struct anthropic *talk, const struct agent_image *image,
		struct cua_error *err)
{
	if (image_fits(talk, image)) {
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"the screenshot has %dx%d pixels, more than %.60s takes as it is: use a "
			"smaller desktop",
			image->width, image->height, talk->config->model);
}

/* --- blocks; NULL and false: out of memory --- */

static cJSON *add_block(cJSON *content, const char *type)
{
	cJSON *block = cJSON_CreateObject();
	if (!block || !cJSON_AddStringToObject(block, "type", type) ||
			!cJSON_AddItemToArray(content, block)) {
		cJSON_Delete(block);
		return NULL;
	}
	return block;
}

static bool add_text(cJSON *content, const char *text)
{
	cJSON *block = add_block(content, "text");
	return block && cJSON_AddStringToObject(block, "text", text);
}

/* The toolset never lets a picture be shrunk; the older tools do unless they are told not to. */
static bool add_image(const struct anthropic *talk, cJSON *content, const struct agent_image *image)
{
	cJSON *block = add_block(content, "image");
	cJSON *source = cJSON_AddObjectToObject(block, "source");
	bool is_added = cJSON_AddStringToObject(source, "type", "base64") &&
			cJSON_AddStringToObject(source, "media_type", image->media_type) &&
			cJSON_AddStringToObject(source, "data", image->base64);
	if (!is_added || anthropic_is_toolset(talk)) {
		return is_added;
	}
	cJSON *transformations = cJSON_AddObjectToObject(block, "transformations");
	return cJSON_AddStringToObject(transformations, "oversized_image", "error");
}

/* --- messages --- */

/* Puts a text in the place of each picture, at any depth; how many there were, and their bytes. */
static int take_images_out(const struct anthropic *talk, cJSON *content, size_t *bytes)
{
	int count = 0;
	for (cJSON *block = content->child, *next = NULL; block; block = next) {
		next = block->next;
		const char *type = cua_json_string(block, "type");
		cJSON *inner = cua_json_member(block, "content");
		if (type && strcmp(type, "image") == 0) {
			const char *data =
					cua_json_string(cua_json_member(block, "source"), "data");
			cJSON *text = cJSON_CreateObject();
			*bytes += data ? model_pictures_len(talk->config->pictures, data) : 0;
			cJSON_AddStringToObject(text, "type", "text");
			cJSON_AddStringToObject(text, "text", "(an old screenshot, left out)");
			cJSON_ReplaceItemViaPointer(content, block, text);
			count++;
		} else if (inner) {
			count += take_images_out(talk, inner, bytes);
		}
	}
	return count;
}

/* Prints a message of the user twice: as it is, and without its pictures. */
static enum cua_status add_message(struct anthropic *talk, cJSON *message, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(message);
	size_t bytes = 0;
	int images = take_images_out(talk, cua_json_member(message, "content"), &bytes);
	CUA_AUTO_FREE char *plain = cJSON_PrintUnformatted(message);
	return text && plain ? anthropic_add_message(talk, CUA_STEAL(text), CUA_STEAL(plain),
					       images, bytes, err)
			     : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message");
}

/* The content comes last: the request puts breakpoints of the cache behind it. */
static cJSON *begin_message(cJSON **ret_content)
{
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "user");
	*ret_content = cJSON_AddArrayToObject(message, "content");
	return message;
}

enum cua_status anthropic_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err)
{
	struct anthropic *talk = self;
	cJSON *content = NULL;
	CUA_AUTO_JSON cJSON *message = begin_message(&content);
	enum cua_status status = image ? check_image(talk, image, err) : CUA_OK;
	if (image) {
		model_shown_note(&talk->shown, image);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (!content || !add_text(content, text) || (image && !add_image(talk, content, image))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message");
	}
	return add_message(talk, message, err);
}

/* --- results --- */

/* All results of a turn go into one message, and nothing behind them: texts there teach the model
 * to end its turn with nothing. What it must know besides stands in a result. */
struct results {
	struct anthropic *talk;
	const struct agent_answer *answers;
	size_t count;
	size_t failed;   /* the first computer action that did not run well; count if none */
	size_t noted;    /* the result that takes the note */
	size_t pictured; /* the result that takes a picture if none shows one; count if none may */
};

static bool is_computer(const struct agent_answer *answer)
{
	return answer->call->kind == AGENT_CALL_COMPUTER;
}

/* Its text is laid down by the API. */
static bool is_fixed(const struct results *results, size_t at)
{
	const struct agent_answer *answer = &results->answers[at];
	return is_computer(answer) && answer->status != AGENT_ANSWER_OK && at > results->failed;
}

static bool shows(const struct agent_answer *answer, const cJSON *input)
{
	const char *marks = cua_action_table[CUA_ACTION_MARK_SCREEN].name;
	if (answer->has_own_image) {
		return true;
	}
	return is_computer(answer)
			? anthropic_member_shows(anthropic_member_of(answer->call, input))
			: answer->call->name && strcmp(answer->call->name, marks) == 0;
}

static void plan(struct results *results)
{
	bool is_shown = false;
	results->failed = results->count;
	for (size_t i = results->count; i > 0; i--) {
		const struct agent_answer *answer = &results->answers[i - 1];
		if (is_computer(answer) && answer->status != AGENT_ANSWER_OK) {
			results->failed = i - 1;
		}
	}
	for (size_t i = 0; i < results->count; i++) {
		const struct agent_answer *answer = &results->answers[i];
		CUA_AUTO_JSON cJSON *input = cJSON_Parse(
				answer->call->arguments ? answer->call->arguments : "{}");
		is_shown = is_shown || (answer->status == AGENT_ANSWER_OK && shows(answer, input));
		results->noted = is_fixed(results, i) ? results->noted : i;
	}
	size_t last = results->count - 1;
	results->pictured = is_shown || results->answers[last].status != AGENT_ANSWER_OK
			? results->count
			: last;
}

/* The first failure speaks for the calls behind it too, since they must not. */
static enum cua_status describe_failures(const struct results *results, size_t at,
		struct cua_buffer *text, struct cua_error *err)
{
	const struct agent_answer *answer = &results->answers[at];
	enum cua_status status = cua_buffer_printf(
			text, err, "%s", answer->problem ? answer->problem : "It failed.");
	for (size_t i = at + 1; status == CUA_OK && is_computer(answer) && i < results->count;
			i++) {
		const struct agent_answer *other = &results->answers[i];
		if (is_fixed(results, i) && other->status != AGENT_ANSWER_NOT_RUN &&
				other->problem) {
			status = cua_buffer_printf(text, err, "\nCall %zu of the turn, %s: %s",
					i + 1, other->call->name ? other->call->name : "",
					other->problem);
		}
	}
	if (status == CUA_OK && is_computer(answer) && answer->status != AGENT_ANSWER_NOT_RUN) {
		status = cua_buffer_printf(text, err, "\n" LOOK_AGAIN);
	}
	return status;
}

static enum cua_status describe(const struct results *results, size_t at, const cJSON *input,
		struct cua_buffer *text, struct cua_error *err)
{
	const struct agent_answer *answer = &results->answers[at];
	if (is_fixed(results, at)) {
		return cua_buffer_printf(text, err, NOT_EXECUTED);
	}
	if (answer->status != AGENT_ANSWER_OK) {
		return describe_failures(results, at, text, err);
	}
	if (is_computer(answer)) {
		return anthropic_member_words(anthropic_member_of(answer->call, input), input,
				answer->results, text, err);
	}
	CUA_AUTO_FREE char *json = model_answer_text(answer);
	return json ? cua_buffer_append(text, json, strlen(json), err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

/* A failure may hold text alone. */
static enum cua_status add_content(const struct results *results, size_t at, const char *note,
		cJSON *result, struct cua_error *err)
{
	const struct agent_answer *answer = &results->answers[at];
	CUA_AUTO_JSON cJSON *input =
			cJSON_Parse(answer->call->arguments ? answer->call->arguments : "{}");
	cJSON *content = cJSON_AddArrayToObject(result, "content");
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, MODEL_REPLY_MAX);
	enum cua_status status = describe(results, at, input, &text, err);
	if (status != CUA_OK) {
		return status;
	}
	const bool is_asked_for = answer->status == AGENT_ANSWER_OK && shows(answer, input);
	bool is_pictured = is_asked_for ||
			(answer->status == AGENT_ANSWER_OK && at == results->pictured);
	const bool is_left_out = is_pictured && !is_asked_for &&
			model_shown_again(&results->talk->shown, answer->image);
	is_pictured = is_pictured && !is_left_out;
	if (is_asked_for) {
		model_shown_note(&results->talk->shown, answer->image);
	}
	if (is_pictured && (status = check_image(results->talk, answer->image, err)) != CUA_OK) {
		return status;
	}
	bool ok = content && (text.len == 0 || add_text(content, text.data)) &&
			(!note || at != results->noted || add_text(content, note)) &&
			(!is_left_out || add_text(content, model_unchanged)) &&
			(!is_pictured || add_image(results->talk, content, answer->image));
	return ok ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

static enum cua_status add_result(const struct results *results, size_t at, const char *note,
		cJSON *content, struct cua_error *err)
{
	const struct agent_answer *answer = &results->answers[at];
	cJSON *result = add_block(content, "tool_result");
	bool ok = result && cJSON_AddStringToObject(result, "tool_use_id", answer->call->id);
	if (ok && is_computer(answer) && anthropic_is_toolset(results->talk)) {
		ok = cJSON_AddStringToObject(result, "toolset_name", ANTHROPIC_FAMILY);
	}
	if (ok && answer->status != AGENT_ANSWER_OK) {
		ok = cJSON_AddBoolToObject(result, "is_error", true);
	}
	return ok ? add_content(results, at, note, result, err)
		  : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

enum cua_status anthropic_add_answers(void *self, const struct agent_answer *answers, size_t count,
		const char *note, struct cua_error *err)
{
	struct results results = { .talk = self, .answers = answers, .count = count };
	cJSON *content = NULL;
	CUA_AUTO_JSON cJSON *message = begin_message(&content);
	enum cua_status status = CUA_OK;
	if (count == 0) {
		return CUA_OK;
	}
	plan(&results);
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		status = add_result(&results, i, note, content, err);
	}
	return status == CUA_OK ? add_message(self, message, err) : status;
}

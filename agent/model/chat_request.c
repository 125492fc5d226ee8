#include "agent/model/chat_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "cua/base/util.h"

#define PROBE_TOKENS 16
#define GRAMMAR_TOKENS 4096 /* a thought and an action; small models that ramble never stop */

/* --- what stands before the messages --- */

static cJSON *build_function(const char *name, const char *help, cJSON *parameters)
{
	cJSON *tool = cJSON_CreateObject();
	cJSON_AddStringToObject(tool, "type", "function");
	cJSON *function = cJSON_AddObjectToObject(tool, "function");
	cJSON_AddStringToObject(function, "name", name);
	cJSON_AddStringToObject(function, "description", help);
	cJSON_AddItemToObject(function, "parameters", parameters);
	return tool;
}

static void add_function(const char *name, const char *help, cJSON *parameters, void *user_data)
{
	if (chat_tool_has(name)) {
		cJSON_Delete(parameters);
	} else {
		cJSON_AddItemToArray(user_data, build_function(name, help, parameters));
	}
}

/* Answers of functions speak of pixels, so a model that counts otherwise has the computer alone. */
static void add_tools(const struct chat *chat, cJSON *head)
{
	char help[CHAT_HELP_MAX];
	chat_tool_help(&chat->space, help, sizeof(help));
	cJSON *tools = cJSON_AddArrayToObject(head, "tools");
	if (!chat->quirks.no_parallel) {
		cJSON_AddBoolToObject(head, "parallel_tool_calls", false);
	}
	model_each_function(chat->config, add_function, tools);
	while (chat->space.kind != AGENT_COORDINATES_PIXELS && cJSON_GetArraySize(tools) > 1) {
		cJSON_DeleteItemFromArray(tools, 0); /* give_up is the last */
	}
	cJSON *function = build_function(CHAT_COMPUTER, help, chat_tool_schema());
	cJSON_InsertItemInArray(tools, 0, function);
}

static void add_limit(const struct chat *chat, cJSON *head)
{
	static const char *const names[] = { [CHAT_MAX_TOKENS] = "max_tokens",
		[CHAT_MAX_COMPLETION_TOKENS] = "max_completion_tokens" };
	double limit = chat->config->spec->max_output > 0 ? chat->config->spec->max_output : 0;
	if (chat->config->is_probe) {
		limit = PROBE_TOKENS;
	} else if (chat_has_grammar(chat)) {
		limit = GRAMMAR_TOKENS;
	}
	if (limit > 0 && chat->quirks.limit_name != CHAT_MAX_NOTHING) {
		cJSON_AddNumberToObject(head, names[chat->quirks.limit_name], limit);
	}
}

static cJSON *build_head(const struct chat *chat)
{
	cJSON *head = cJSON_CreateObject();
	cJSON_AddStringToObject(head, "model", chat->config->model);
	cJSON_AddBoolToObject(head, "stream", true);
	if (!chat->quirks.no_stream_options) {
		cJSON_AddBoolToObject(cJSON_AddObjectToObject(head, "stream_options"),
				"include_usage", true);
	}
	add_limit(chat, head);
	if (chat_has_grammar(chat)) {
		cJSON_AddNumberToObject(head, "temperature", 0);
	} else if (!chat->config->is_probe) {
		add_tools(chat, head);
	}
	return head;
}

static enum cua_status add_head(
		const struct chat *chat, struct cua_buffer *body, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *head = build_head(chat);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(head);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	return cua_buffer_append(body, text, strlen(text) - 1, err);
}

static enum cua_status add_system(
		const struct chat *chat, struct cua_buffer *body, struct cua_error *err)
{
	char place[200];
	CUA_AUTO_BUFFER struct cua_buffer words;
	cua_buffer_init(&words, MODEL_WORDS_MAX);
	chat_space_describe(&chat->space, place, sizeof(place));
	enum cua_status status =
			cua_buffer_printf(&words, err, "%s\n%s\n%s%s", model_instructions_any,
					place, chat_has_grammar(chat) ? "" : model_instructions_end,
					chat->profile ? chat->profile->prompt : "");
	CUA_AUTO_FREE char *whole =
			model_with_instructions(chat->config, words.data ? words.data : "");
	CUA_AUTO_JSON cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "system");
	cJSON_AddStringToObject(message, "content", whole);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(message);
	if (status == CUA_OK && !text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	return status == CUA_OK ? cua_buffer_append(body, text, strlen(text), err) : status;
}

/* --- messages; pictures are long, so they are copied and never parsed --- */

/* How a message is printed. */
struct printing {
	const struct chat_quirks *quirks;
	struct cua_buffer *body;
	struct cua_error *err;
	size_t first_picture; /* messages before it go without theirs */
};

static enum cua_status add_text_part(const struct printing *print, const char *text)
{
	return cua_buffer_printf(print->body, print->err, "{\"type\":\"text\",\"text\":%s}", text);
}

static enum cua_status add_picture_part(
		const struct printing *print, const struct agent_image *image, bool is_left_out)
{
	if (is_left_out) {
		return cua_buffer_printf(print->body, print->err,
				",{\"type\":\"text\",\"text\":\"(an older screenshot, left "
				"out)\"}");
	}
	enum cua_status status = cua_buffer_printf(print->body, print->err,
			",{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:%s;base64,",
			image->media_type);
	if (status == CUA_OK) {
		status = cua_buffer_append(
				print->body, image->base64, strlen(image->base64), print->err);
	}
	return status == CUA_OK
			? cua_buffer_printf(print->body, print->err, "\"%s}}",
					  print->quirks->no_detail ? "" : ",\"detail\":\"high\"")
			: status;
}

/* The content of one message, or of several in a row as one; at: where the first stands. */
static enum cua_status add_content(const struct printing *print,
		const struct chat_message *messages, size_t count, size_t at)
{
	if (count == 1 && !messages->image.base64) {
		return cua_buffer_append(
				print->body, messages->text, strlen(messages->text), print->err);
	}
	enum cua_status status = cua_buffer_append(print->body, "[", 1, print->err);
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		status = i > 0 ? cua_buffer_append(print->body, ",", 1, print->err) : CUA_OK;
		if (status == CUA_OK) {
			status = add_text_part(print, messages[i].text);
		}
		if (status == CUA_OK && messages[i].image.base64) {
			status = add_picture_part(
					print, &messages[i].image, at + i < print->first_picture);
		}
	}
	return status == CUA_OK ? cua_buffer_append(print->body, "]", 1, print->err) : status;
}

/* The assistant's own, as it was, or without what the server refuses. */
static enum cua_status add_assistant(
		const struct printing *print, const struct chat_message *message)
{
	if (!print->quirks->no_reasoning) {
		return cua_buffer_append(
				print->body, message->text, strlen(message->text), print->err);
	}
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(message->text);
	cJSON_DeleteItemFromObjectCaseSensitive(json, "reasoning");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "reasoning_content");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "reasoning_details");
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	return text ? cua_buffer_append(print->body, text, strlen(text), print->err)
		    : CUA_FAIL(print->err, CUA_ERR_NOMEM, ENOMEM, "request");
}

static enum cua_status add_message(const struct printing *print, const struct chat_message *message,
		size_t count, size_t at)
{
	const bool is_first = print->body->data[print->body->len - 1] == '[';
	enum cua_status status =
			is_first ? CUA_OK : cua_buffer_append(print->body, ",", 1, print->err);
	if (status != CUA_OK || message->role == CHAT_ASSISTANT) {
		return status == CUA_OK ? add_assistant(print, message) : status;
	}
	if (message->role == CHAT_TOOL) {
		status = cua_buffer_printf(print->body, print->err,
				"{\"role\":\"tool\",\"tool_call_id\":%s,\"content\":",
				message->call_id);
	} else {
		status = cua_buffer_printf(
				print->body, print->err, "{\"role\":\"user\",\"content\":");
	}
	if (status == CUA_OK) {
		status = add_content(print, message, count, at);
	}
	return status == CUA_OK ? cua_buffer_append(print->body, "}", 1, print->err) : status;
}

/* The least of what the server, the model and its training set; 0: any number. */
static int pictures_max(const struct chat *chat)
{
	const int bounds[] = { chat->quirks.pictures_max,
		chat->profile ? chat->profile->pictures : 0,
		(int)fmin(chat->config->spec->images.max_count, 1000000) };
	int most = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(bounds); i++) {
		most = bounds[i] > 0 && (most == 0 || bounds[i] < most) ? bounds[i] : most;
	}
	return most;
}

/* The first message whose picture still goes in. */
static size_t find_first_picture(const struct chat *chat, int most)
{
	size_t at = chat->count;
	while (most > 0 && at > 0) {
		at--;
		if (chat->messages[at].image.base64 && --most == 0) {
			return at;
		}
	}
	return 0;
}

/* How many messages go as one. Many templates want user and assistant to alternate: what is said
 * in a row goes together, and with the answer of a call where the user must not follow a tool. */
static size_t count_joined(const struct chat *chat, size_t at)
{
	const enum chat_role role = chat->messages[at].role;
	const bool joins = role == CHAT_USER || (role == CHAT_TOOL && chat->quirks.picture_in_tool);
	size_t count = 1;
	while (joins && at + count < chat->count && chat->messages[at + count].role == CHAT_USER) {
		count++;
	}
	return count;
}

static enum cua_status add_messages(
		const struct chat *chat, struct cua_buffer *body, struct cua_error *err)
{
	const struct printing print = { .quirks = &chat->quirks,
		.body = body,
		.err = err,
		.first_picture = find_first_picture(chat, pictures_max(chat)) };
	enum cua_status status = CUA_OK;
	for (size_t i = 0, count = 0; status == CUA_OK && i < chat->count; i += count) {
		count = count_joined(chat, i);
		status = add_message(&print, &chat->messages[i], count, i);
	}
	return status;
}

enum cua_status chat_body(void *self, struct cua_buffer *body, struct cua_error *err)
{
	const struct chat *chat = self;
	enum cua_status status = add_head(chat, body, err);
	if (status == CUA_OK) {
		status = cua_buffer_printf(body, err, ",\"messages\":[");
	}
	if (status == CUA_OK && !chat->config->is_probe) {
		status = add_system(chat, body, err);
	}
	if (status == CUA_OK) {
		status = add_messages(chat, body, err);
	}
	return status == CUA_OK ? cua_buffer_append(body, "]}", 2, err) : status;
}

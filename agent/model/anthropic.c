#include "agent/model/anthropic_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define MAX_TOKENS_FIRST 16384 /* thinking included */
#define MAX_TOKENS_UNKNOWN 65536
#define MAX_TOKENS_STEP 4
#define CONTEXT_BETA "context-management-2025-06-27"
#define THREADS_BETA "message-threads-2026-08-12"
#define UNBINDING_BETA "thinking-binding-controls-2026-08-01"

/* --- the conversation's life --- */

void anthropic_drop_messages(struct anthropic *talk)
{
	for (size_t i = 0; i < talk->count; i++) {
		free(talk->messages[i].text);
		free(talk->messages[i].plain);
	}
	talk->count = 0;
}

static void anthropic_destroy(void *self)
{
	struct anthropic *talk = self;
	if (!talk) {
		return;
	}
	anthropic_drop_messages(talk);
	free(talk->messages);
	model_shelf_finish(&talk->shelf);
	free(talk);
}

static enum cua_status anthropic_create(
		const struct agent_model_config *config, void **ret_self, struct cua_error *err)
{
	const struct agent_model_spec *spec = config->spec;
	struct anthropic *talk = calloc(1, sizeof(*talk));
	if (!talk) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	}
	talk->config = config;
	snprintf(talk->tool, sizeof(talk->tool), "%s",
			spec->tool[0] ? spec->tool : ANTHROPIC_TOOLSET);
	talk->max_tokens_limit = spec->max_output > 0 ? spec->max_output : MAX_TOKENS_UNKNOWN;
	talk->max_tokens = talk->max_tokens_limit < MAX_TOKENS_FIRST ? talk->max_tokens_limit
								     : MAX_TOKENS_FIRST;
	*ret_self = talk;
	return CUA_OK;
}

enum cua_status anthropic_add_message(struct anthropic *talk, char *text, char *plain, int images,
		size_t image_bytes, struct cua_error *err)
{
	if (talk->count == talk->capacity) {
		size_t capacity = talk->capacity ? talk->capacity * 2 : 16;
		struct anthropic_message *messages =
				reallocarray(talk->messages, capacity, sizeof(*messages));
		if (!messages) {
			free(text);
			free(plain);
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
		}
		talk->messages = messages;
		talk->capacity = capacity;
	}
	talk->messages[talk->count++] = (struct anthropic_message){ .text = text,
		.plain = plain,
		.text_len = strlen(text),
		.plain_len = plain ? strlen(plain) : 0,
		.images = images,
		.image_bytes = image_bytes };
	talk->images += images;
	return CUA_OK;
}

/* --- turns --- */

/* Models send empty texts, and the server refuses to have them back. */
static bool is_empty_text(const cJSON *block)
{
	const char *type = cua_json_string(block, "type"), *text = cua_json_string(block, "text");
	return type && strcmp(type, "text") == 0 && (!text || !text[strspn(text, " \t\r\n")]);
}

/* A block goes into the message as it came; the turn's end does not belong to it. */
static enum cua_status add_block(struct anthropic *talk, const char *text,
		struct cua_buffer *content, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *block = NULL;
	enum cua_status status = agent_json_parse(text, strlen(text), "a block", &block, err);
	if (status != CUA_OK) {
		return status;
	}
	const char *type = cua_json_string(block, "type");
	if (type && strcmp(type, "message") == 0) {
		anthropic_keep_thread(talk, block);
		return CUA_OK;
	}
	return is_empty_text(block)
			? CUA_OK
			: cua_buffer_printf(content, err, "%s%s", content->len ? "," : "", text);
}

static enum cua_status anthropic_add_turn(
		void *self, const struct model_items *items, struct cua_error *err)
{
	struct anthropic *talk = self;
	CUA_AUTO_BUFFER struct cua_buffer content, message;
	cua_buffer_init(&content, 2 * MODEL_REPLY_MAX);
	cua_buffer_init(&message, 2 * MODEL_REPLY_MAX);
	enum cua_status status = CUA_OK;
	talk->thread[0] = '\0';
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = add_block(talk, items->texts[i], &content, err);
	}
	/* A message without content would be refused. */
	if (status == CUA_OK && content.len > 0) {
		status = cua_buffer_printf(&message, err,
				"{\"role\":\"assistant\",\"content\":[%s]}", content.data);
		if (status == CUA_OK) {
			status = anthropic_add_message(
					talk, CUA_STEAL(message.data), NULL, 0, 0, err);
		}
	}
	talk->held = talk->count;
	talk->has_turns = true;
	if (status == CUA_OK && talk->thread[0]) {
		anthropic_shelve(talk);
	}
	return status;
}

/* --- the address and headers --- */

/* With or without the version at its end: the vendor's clients leave it out. */
static enum cua_status anthropic_url(void *self, struct cua_buffer *url, struct cua_error *err)
{
	const struct anthropic *talk = self;
	const char *base = talk->config->base_url;
	size_t len = strlen(base);
	bool has_version = len >= 3 && strcmp(base + len - 3, "/v1") == 0;
	return cua_buffer_printf(url, err, "%s%s/messages", base, has_version ? "" : "/v1");
}

static void add_beta(struct anthropic *talk, const char *name)
{
	size_t used = strlen(talk->betas);
	if (name[0]) {
		snprintf(talk->betas + used, sizeof(talk->betas) - used, "%s%s",
				used ? "," : "anthropic-beta: ", name);
	}
}

static const char *const *anthropic_headers(void *self)
{
	struct anthropic *talk = self;
	const struct agent_model_spec *spec = talk->config->spec;
	talk->betas[0] = '\0';
	/* The catalogue's header is for the catalogue's tool. */
	add_beta(talk,
			strcmp(talk->tool, spec->tool) == 0 ? spec->beta
							    : anthropic_tool_beta(talk->tool));
	if (anthropic_edits_context(talk)) {
		add_beta(talk, CONTEXT_BETA);
	}
	if (anthropic_uses_threads(talk)) {
		add_beta(talk, THREADS_BETA);
	}
	if (talk->unbinds) {
		add_beta(talk, UNBINDING_BETA);
	}
	talk->headers[0] = "anthropic-version: 2023-06-01";
	talk->headers[1] = talk->betas[0] ? talk->betas : NULL;
	return talk->headers;
}

/* --- what a server does not take --- */

static void say(const struct anthropic *talk, const char *why)
{
	if (talk->config->on_retry) {
		talk->config->on_retry(why, 0, 0, talk->config->user_data);
	}
}

static bool learn_quirk(bool *quirk, bool is_named)
{
	if (*quirk || !is_named) {
		return false;
	}
	*quirk = true;
	return true;
}

/* Calls of one tool cannot be answered as those of another: only before the first. */
static bool learn_tool(struct anthropic *talk, const char *message)
{
	if (!strstr(message, "does not support tool types") || !strstr(message, talk->tool) ||
			talk->has_turns) {
		return false;
	}
	const char *other = anthropic_next_tool(talk);
	if (!other) {
		return false;
	}
	char why[160];
	snprintf(why, sizeof(why), "the model does not take %s; it is offered %s", talk->tool,
			other);
	say(talk, why);
	snprintf(talk->tool, sizeof(talk->tool), "%s", other);
	return true;
}

/* The server lost the thread, or does not go on with it: all is sent again, as a new one. */
static bool learn_thread(struct anthropic *talk, const char *code)
{
	static const char *const lost[] = { "thread_not_found", "thread_already_continued",
		"thread_continue_in_flight", "thread_fingerprint_mismatch" };
	for (size_t i = 0; talk->thread[0] && i < CUA_ARRAY_LEN(lost); i++) {
		if (strcmp(lost[i], code) == 0) {
			say(talk, "the server no longer has the thread; all is sent again");
			talk->thread[0] = '\0';
			return true;
		}
	}
	return learn_quirk(
			&talk->quirks.no_threads, strcmp(code, "thread_unsupported_request") == 0);
}

/* "max_tokens: 65536 > 32000, which is the maximum ..." */
static bool learn_limit(struct anthropic *talk, const char *message)
{
	const char *more = strstr(message, "max_tokens") ? strstr(message, "> ") : NULL;
	double limit = more ? strtod(more + 2, NULL) : 0;
	if (limit < 1 || limit >= talk->max_tokens) {
		return false;
	}
	talk->max_tokens = talk->max_tokens_limit = limit;
	return true;
}

static bool learn_length(struct anthropic *talk)
{
	if (talk->config->is_probe || talk->max_tokens >= talk->max_tokens_limit) {
		return false;
	}
	double more = talk->max_tokens * MAX_TOKENS_STEP;
	talk->max_tokens = more < talk->max_tokens_limit ? more : talk->max_tokens_limit;
	return true;
}

static bool anthropic_learn(void *self, const struct model_failure *failure)
{
	struct anthropic *talk = self;
	struct anthropic_quirks *quirks = &talk->quirks;
	const char *message = failure->message;
	if (failure->end == MODEL_END_CUT) {
		return learn_length(talk);
	}
	if (learn_thread(talk, failure->code)) {
		return true;
	}
	if (failure->http_status != 400) {
		return false;
	}
	return learn_tool(talk, message) || learn_limit(talk, message) ||
			learn_quirk(&quirks->no_context_editing,
					strcasestr(message, "context_management") ||
							strcasestr(message, CONTEXT_BETA)) ||
			learn_quirk(&quirks->no_threads,
					strcasestr(message, "thread:") ||
							strcasestr(message, THREADS_BETA)) ||
			learn_quirk(&quirks->no_unbinding,
					strcasestr(message, "block_binding") ||
							strcasestr(message, UNBINDING_BETA)) ||
			learn_quirk(&quirks->no_display, strcasestr(message, "display")) ||
			learn_quirk(&quirks->no_thinking,
					strncmp(message, "thinking", 8) == 0 ||
							strncmp(message, "\"thinking", 9) == 0);
}

/* "details" may name the error more closely. */
static void anthropic_read_error(const cJSON *body, struct model_failure *failure)
{
	const cJSON *error = cua_json_member(body, "error");
	const char *code = cua_json_string(cua_json_member(error, "details"), "error_code");
	if (code) {
		snprintf(failure->code, sizeof(failure->code), "%s", code);
		failure->is_refused = failure->is_refused || strncmp(code, "thread_", 7) == 0;
	}
}

const struct agent_model_api model_api_anthropic = {
	.name = "anthropic",
	.key_header = "x-api-key: ",
	.create = anthropic_create,
	.destroy = anthropic_destroy,
	.add_user = anthropic_add_user,
	.add_answers = anthropic_add_answers,
	.add_turn = anthropic_add_turn,
	.url = anthropic_url,
	.headers = anthropic_headers,
	.body = anthropic_body,
	.reply_size = sizeof(struct anthropic_stream),
	.reply_finish = anthropic_stream_finish,
	.take_event = anthropic_take_event,
	.take_body = anthropic_take_body,
	.take_turn = anthropic_take_turn,
	.read_error = anthropic_read_error,
	.learn = anthropic_learn,
};

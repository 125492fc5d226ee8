#include "agent/model/chat_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"

static void chat_destroy(void *self)
{
	struct chat *chat = self;
	for (size_t i = 0; chat && i < chat->count; i++) {
		free(chat->messages[i].text);
		free(chat->messages[i].call_id);
		agent_image_finish(&chat->messages[i].image);
	}
	if (chat) {
		free(chat->messages);
		free(chat->done_id);
		free(chat);
	}
}

static enum cua_status chat_create(
		const struct agent_model_config *config, void **ret_self, struct cua_error *err)
{
	struct chat *chat = calloc(1, sizeof(*chat));
	if (!chat) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	}
	chat->config = config;
	chat_space_init(&chat->space, config->spec, config->screen);
	enum cua_status status = chat_profile_find(config->spec->profile, &chat->profile, err);
	if (status != CUA_OK) {
		chat_destroy(chat);
		return status;
	}
	*ret_self = chat;
	return CUA_OK;
}

bool chat_has_grammar(const struct chat *chat)
{
	return chat->profile && chat->profile->read;
}

static enum cua_status chat_url(void *self, struct cua_buffer *url, struct cua_error *err)
{
	const struct chat *chat = self;
	return cua_buffer_printf(url, err, "%s/chat/completions", chat->config->base_url);
}

/* --- messages --- */

/* As a JSON string; NULL when memory runs out. */
static char *quote(const char *text)
{
	CUA_AUTO_JSON cJSON *string = cJSON_CreateString(text);
	return string ? cJSON_PrintUnformatted(string) : NULL;
}

static enum cua_status make_room(struct chat *chat, struct cua_error *err)
{
	if (chat->count < chat->capacity) {
		return CUA_OK;
	}
	size_t capacity = chat->capacity ? chat->capacity * 2 : 16;
	struct chat_message *messages =
			reallocarray(chat->messages, capacity, sizeof(*chat->messages));
	if (!messages) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
	}
	chat->messages = messages;
	chat->capacity = capacity;
	return CUA_OK;
}

enum cua_status chat_add(struct chat *chat, enum chat_role role, const char *words,
		const char *call_id, const struct agent_image *image, struct cua_error *err)
{
	struct chat_message message = { .role = role };
	enum cua_status status = make_room(chat, err);
	if (status != CUA_OK) {
		return status;
	}
	message.text = role == CHAT_ASSISTANT ? strdup(words) : quote(words ? words : "");
	message.call_id = call_id ? quote(call_id) : NULL;
	status = !message.text || !message.call_id != !call_id
			? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message")
			: CUA_OK;
	if (status == CUA_OK && image) {
		status = agent_image_copy(image, &message.image, err);
	}
	if (status != CUA_OK) {
		free(message.text);
		free(message.call_id);
		return status;
	}
	chat->messages[chat->count++] = message;
	return CUA_OK;
}

/* A call that ended the run is answered when the conversation goes on after all. */
static enum cua_status chat_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err)
{
	struct chat *chat = self;
	enum cua_status status = CUA_OK;
	if (chat->done_id) {
		status = chat_add(chat, CHAT_TOOL, "ok", chat->done_id, NULL, err);
		free(CUA_STEAL(chat->done_id));
	}
	if (image) {
		model_shown_note(&chat->shown, image);
	}
	return status == CUA_OK ? chat_add(chat, CHAT_USER, text, NULL, image, err) : status;
}

static enum cua_status add_tool_answer(
		struct chat *chat, const struct agent_answer *answer, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = model_answer_text(answer);
	return text ? chat_add(chat, CHAT_TOOL, text, answer->call->id, NULL, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

/* A turn that is text has no place for answers: what went wrong is told in words. */
static enum cua_status add_problem(
		struct cua_buffer *words, const struct agent_answer *answer, struct cua_error *err)
{
	return answer->problem ? cua_buffer_printf(words, err, "%s%s\n", answer->problem,
						 answer->call->problem[0]
								 ? ". Answer in the form that you "
								   "were told."
								 : "")
			       : CUA_OK;
}

/* Tool messages hold text alone: the picture, and what else there is to say, come behind all of
 * them in one message of the user. */
static enum cua_status chat_add_answers(void *self, const struct agent_answer *answers,
		size_t count, const char *note, struct cua_error *err)
{
	struct chat *chat = self;
	enum cua_status status = CUA_OK;
	CUA_AUTO_BUFFER struct cua_buffer words;
	cua_buffer_init(&words, MODEL_WORDS_MAX);
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		status = chat->is_text ? add_problem(&words, &answers[i], err)
				       : add_tool_answer(chat, &answers[i], err);
	}
	const struct agent_image *image = answers[count - 1].image;
	/* A grammar of its own was learnt with a picture in each turn. */
	const bool is_left_out = !chat_has_grammar(chat) && model_shown_again(&chat->shown, image);
	if (status == CUA_OK) {
		status = cua_buffer_printf(&words, err, "%s%s%s", note ? note : "",
				note ? "\n" : "",
				is_left_out ? model_unchanged : "The screen now:");
	}
	return status == CUA_OK ? chat_add(chat, CHAT_USER, words.data, NULL,
						  is_left_out ? NULL : image, err)
				: status;
}

/* --- what a server does not take --- */

/* Templates of models that want user and assistant to alternate. Servers report what a template
 * says in various ways, an internal error among them. */
static bool is_about_roles(const char *message)
{
	return strcasestr(message, "roles must alternate") ||
			strcasestr(message, "after role 'tool'") ||
			strcasestr(message, "user message after tool");
}

static void chat_read_error(const cJSON *body, struct model_failure *failure)
{
	(void)body;
	failure->is_refused = failure->is_refused || failure->http_status == 422 ||
			is_about_roles(failure->message);
	/* What LM Studio says of a data URL whose format it does not know. */
	if (strcasestr(failure->message, "must be a base64 encoded image")) {
		size_t used = strlen(failure->message);
		snprintf(failure->message + used, sizeof(failure->message) - used,
				" (a picture's format is refused; PNG and JPEG are known "
				"everywhere)");
	}
}

static bool learn(bool *quirk, bool is_named)
{
	if (*quirk || !is_named) {
		return false;
	}
	*quirk = true;
	return true;
}

/* "At most 1 image(s) may be provided in one prompt." */
static bool learn_pictures(struct chat_quirks *quirks, const char *message)
{
	const char *at = strcasestr(message, "at most ");
	long most = at && strcasestr(at, "image") ? strtol(at + strlen("at most "), NULL, 10) : 0;
	if (most < 1 || most > 10000 ||
			(quirks->pictures_max > 0 && most >= quirks->pictures_max)) {
		return false;
	}
	quirks->pictures_max = (int)most;
	return true;
}

/* OpenAI's reasoning models want the new name, every local server knows the old one, and some
 * refuse a limit that leaves no room for the prompt. */
static bool learn_limit(struct chat_quirks *quirks, const struct model_failure *failure)
{
	bool is_new_wanted = strcasestr(failure->message, "max_completion_tokens");
	if (quirks->limit_name == CHAT_MAX_NOTHING ||
			(!is_new_wanted && !strcasestr(failure->message, "max_tokens") &&
					!strcasestr(failure->param, "max_tokens"))) {
		return false;
	}
	quirks->limit_name = is_new_wanted && quirks->limit_name == CHAT_MAX_TOKENS
			? CHAT_MAX_COMPLETION_TOKENS
			: CHAT_MAX_NOTHING;
	return true;
}

static bool names(const struct model_failure *failure, const char *word)
{
	return strcasestr(failure->param, word) || strcasestr(failure->message, word);
}

static bool chat_learn(void *self, const struct model_failure *failure)
{
	struct chat *chat = self;
	struct chat_quirks *quirks = &chat->quirks;
	return learn(&quirks->picture_in_tool, is_about_roles(failure->message)) ||
			learn_pictures(quirks, failure->message) || learn_limit(quirks, failure) ||
			learn(&quirks->no_stream_options, names(failure, "stream_options")) ||
			learn(&quirks->no_parallel, names(failure, "parallel_tool_calls")) ||
			learn(&quirks->no_reasoning, names(failure, "reasoning")) ||
			learn(&quirks->no_detail, names(failure, "detail"));
}

const struct agent_model_api model_api_chat = {
	.name = "chat",
	.key_header = "Authorization: Bearer ",
	.create = chat_create,
	.destroy = chat_destroy,
	.add_user = chat_add_user,
	.add_answers = chat_add_answers,
	.add_turn = chat_add_turn,
	.url = chat_url,
	.body = chat_body,
	.reply_size = sizeof(struct chat_reply),
	.reply_finish = chat_reply_finish,
	.take_event = chat_take_event,
	.take_body = chat_take_body,
	.take_close = chat_take_close,
	.take_turn = chat_take_turn,
	.read_error = chat_read_error,
	.learn = chat_learn,
};

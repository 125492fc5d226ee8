#include "agent/model/model_api.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define TOKENS_MAX 1e9 /* of one answer: more than any server counts */

static bool is_cancelled(const struct agent_model_config *config)
{
	struct pollfd cancel = { .fd = config->cancel_fd, .events = POLLIN };
	return poll(&cancel, 1, 0) > 0;
}

static enum cua_status close_stream(struct model_reply *reply, struct cua_error *err)
{
	return reply->end == MODEL_END_NONE && reply->api->take_close
			? reply->api->take_close(reply, err)
			: CUA_OK;
}

static enum cua_status on_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	struct model_reply *reply = user_data;
	if (reply->end != MODEL_END_NONE) {
		return CUA_OK;
	}
	if (is_cancelled(reply->config)) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
	}
	if (strcmp(data, "[DONE]") == 0) {
		return close_stream(reply, err);
	}
	CUA_AUTO_JSON cJSON *event = NULL;
	enum cua_status status = agent_json_parse(data, len, "an event of the stream", &event, err);
	return status == CUA_OK ? reply->api->take_event(reply, name, event,
						  (struct agent_json_span){ data, len }, err)
				: status;
}

enum cua_status model_redactor_create(const struct agent_model_config *config,
		struct agent_redactor **ret_redactor, struct cua_error *err)
{
	const char *key = config->api_key ? config->api_key : "";
	struct agent_redactor *redactor = NULL;
	enum cua_status status = agent_redactor_create(NULL, &redactor, err);
	if (status == CUA_OK && strlen(key) >= AGENT_KEY_HIDDEN_MIN) {
		status = agent_redactor_add(redactor, "API_KEY", key, err);
	}
	if (status != CUA_OK) {
		agent_redactor_destroy(redactor);
		return status;
	}
	*ret_redactor = redactor;
	return CUA_OK;
}

enum cua_status model_reply_init(struct model_reply *reply, const struct agent_model_api *api,
		const struct agent_model_config *config, struct cua_error *err)
{
	*reply = (struct model_reply){ .api = api, .config = config, .redactor = config->redactor };
	agent_sse_init(&reply->sse, AGENT_SSE_EVENT_MAX, on_event, reply);
	cua_buffer_init(&reply->json, MODEL_REPLY_MAX);
	cua_buffer_init(&reply->tail, MODEL_REPLY_MAX);
	if (api->reply_size > 0 && !(reply->own = calloc(1, api->reply_size))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	if (!reply->redactor) {
		enum cua_status status = model_redactor_create(config, &reply->own_redactor, err);
		reply->redactor = reply->own_redactor;
		return status;
	}
	return CUA_OK;
}

void model_reply_finish(struct model_reply *reply)
{
	if (reply->own && reply->api->reply_finish) {
		reply->api->reply_finish(reply->own);
	}
	free(reply->own);
	reply->own = NULL;
	agent_redactor_destroy(CUA_STEAL(reply->own_redactor));
	agent_sse_finish(&reply->sse);
	cua_buffer_finish(&reply->json);
	cua_buffer_finish(&reply->tail);
	model_items_finish(&reply->items);
}

/* --- bytes --- */

/* Some local servers answer with plain JSON although a stream was asked for. No event stream
 * begins with a brace. */
static void tell_form(struct model_reply *reply, const char *data, size_t len)
{
	for (size_t i = 0; i < len && reply->form == MODEL_FORM_UNKNOWN; i++) {
		if (!memchr(" \t\r\n", data[i], 4)) {
			reply->form = data[i] == '{' ? MODEL_FORM_JSON : MODEL_FORM_SSE;
		}
	}
}

enum cua_status model_reply_feed(
		const char *data, size_t len, void *user_data, struct cua_error *err)
{
	struct model_reply *reply = user_data;
	if (len > MODEL_REPLY_MAX - reply->bytes) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer is over %zu bytes",
				MODEL_REPLY_MAX);
	}
	reply->bytes += len;
	if (reply->is_over) {
		return CUA_OK; /* what is behind the last event says nothing */
	}
	tell_form(reply, data, len);
	if (reply->form == MODEL_FORM_JSON) {
		return cua_buffer_append(&reply->json, data, len, err);
	}
	enum cua_status status = agent_sse_feed(&reply->sse, data, len, err);
	if (status == CUA_ERR_TOO_LARGE) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "an event of the stream is over %zu bytes",
				AGENT_SSE_EVENT_MAX);
	}
	reply->is_over = status == CUA_OK && reply->end != MODEL_END_NONE;
	return status;
}

/* Shows the first len bytes of the words that are there. */
static void show_words(struct model_reply *reply, size_t len)
{
	struct cua_buffer *tail = &reply->tail;
	if (len > 0) {
		char next = tail->data[len];
		tail->data[len] = '\0';
		reply->config->on_words(tail->data, reply->config->user_data);
		tail->data[len] = next;
		cua_buffer_consume(tail, len);
	}
}

enum cua_status model_reply_close(struct model_reply *reply, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	if (reply->form == MODEL_FORM_JSON && reply->end == MODEL_END_NONE) {
		CUA_AUTO_JSON cJSON *body = NULL;
		status = agent_json_parse(reply->json.data, reply->json.len, "the model's answer",
				&body, err);
		if (status == CUA_OK) {
			status = reply->api->take_body(reply, body,
					(struct agent_json_span){
							reply->json.data, reply->json.len },
					err);
		}
	} else if (reply->form != MODEL_FORM_JSON) {
		status = close_stream(reply, err);
	}
	show_words(reply, reply->tail.len); /* what was kept back is no key after all */
	return status;
}

/* --- for the APIs --- */

enum cua_status model_reply_keep(
		struct model_reply *reply, struct agent_json_span item, struct cua_error *err)
{
	reply->values += agent_json_count(item) + 1;
	if (reply->values > AGENT_JSON_VALUES_MAX) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0,
				"the model's answer has over %d values in its JSON",
				AGENT_JSON_VALUES_MAX);
	}
	enum cua_status status = model_items_add(&reply->items, item.at, item.len, err);
	if (status == CUA_OK) {
		reply->blots += agent_redact_blot(reply->redactor,
				reply->items.texts[reply->items.count - 1], item.len);
	}
	return status;
}

enum cua_status model_reply_words(
		struct model_reply *reply, const char *words, struct cua_error *err)
{
	const struct agent_model_config *config = reply->config;
	struct cua_buffer *tail = &reply->tail;
	if (!config->on_words || !words || !words[0]) {
		return CUA_OK;
	}
	enum cua_status status = cua_buffer_append(tail, words, strlen(words), err);
	if (status != CUA_OK) {
		return status;
	}
	agent_redact_blot(reply->redactor, tail->data, tail->len);
	show_words(reply, tail->len - agent_redact_begun(reply->redactor, tail->data, tail->len));
	return CUA_OK;
}

enum cua_status model_reply_use(
		struct model_reply *reply, const struct agent_usage *usage, struct cua_error *err)
{
	const double numbers[] = { usage->input_tokens, usage->cached_tokens,
		usage->cache_write_tokens, usage->output_tokens, usage->reasoning_tokens };
	for (size_t i = 0; i < CUA_ARRAY_LEN(numbers); i++) {
		if (!(numbers[i] >= 0 && numbers[i] <= TOKENS_MAX)) {
			return CUA_FAIL(err, CUA_ERR_MODEL, 0,
					"the model's answer says that it used %.6g tokens, so "
					"nothing can be counted",
					numbers[i]);
		}
	}
	reply->usage = *usage;
	return CUA_OK;
}

void model_reply_error(struct model_reply *reply, const cJSON *error)
{
	model_error_read(error, reply->code, sizeof(reply->code), reply->message,
			sizeof(reply->message));
	agent_redact_blot(reply->redactor, reply->message, strlen(reply->message));
}

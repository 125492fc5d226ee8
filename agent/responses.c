#include "agent/responses_internal.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/retry.h"
#include "agent/text.h"
#include "cua/base/util.h"

struct agent_model {
	struct agent_model_config config; /* strings owned, but for the key */
	char *model, *base_url, *session, *url;
	struct cua_http_client *http;
	struct responses_items items;
	struct responses_quirks quirks;
};

/* How one request went, when it did not go well. */
struct failure {
	long http_status;   /* 0: the connection or the stream broke */
	bool is_stream_end; /* the API itself said failed or incomplete */
	char code[64], param[128], message[400];
	char should_retry[16], retry_after[64], retry_after_ms[64];
};

/* What the retries of one turn have used up. */
struct patience {
	int retries;
	double waited_ms;
};

enum cua_status agent_model_create(const struct agent_model_config *config,
		struct agent_model **ret_model, struct cua_error *err)
{
	struct agent_model *model = calloc(1, sizeof(*model));
	if (!model) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	}
	model->config = *config;
	model->config.model = model->model = strdup(config->model);
	model->config.base_url = model->base_url = strdup(config->base_url);
	model->config.session = model->session = strdup(config->session);
	size_t size = strlen(config->base_url) + sizeof("/responses");
	model->url = malloc(size);
	enum cua_status status = CUA_OK;
	if (!model->model || !model->base_url || !model->session || !model->url) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	} else {
		snprintf(model->url, size, "%s/responses", config->base_url);
		status = cua_http_client_create(NULL, config->cancel_fd, &model->http, err);
	}
	if (status != CUA_OK) {
		agent_model_destroy(model);
		return status;
	}
	*ret_model = model;
	return CUA_OK;
}

void agent_model_destroy(struct agent_model *model)
{
	if (!model) {
		return;
	}
	cua_http_client_destroy(model->http);
	responses_items_finish(&model->items);
	free(model->model);
	free(model->base_url);
	free(model->session);
	free(model->url);
	free(model);
}

enum cua_status agent_model_add_user(struct agent_model *model, const char *text,
		const struct agent_image *image, struct cua_error *err)
{
	return responses_user_item(&model->items, text, image, err);
}

enum cua_status agent_model_add_answer(struct agent_model *model, const struct agent_call *call,
		const char *text, const struct agent_image *image, bool acknowledged,
		struct cua_error *err)
{
	return responses_answer_item(&model->items, call, text, image, acknowledged,
			!model->quirks.no_detail, err);
}

/* --- one request --- */

static void keep(char *to, size_t size, const cJSON *object, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
	if (cJSON_IsString(value)) {
		snprintf(to, size, "%s", value->valuestring);
	} else if (cJSON_IsNumber(value)) {
		snprintf(to, size, "%.0f", value->valuedouble);
	}
}

/* {"error": {"message", "type", "param", "code"}}, or whatever a server in between sends. */
static void read_http_error(const struct agent_model *model,
		const struct cua_http_response *response, struct failure *failure)
{
	failure->http_status = response->http_status;
	snprintf(failure->should_retry, sizeof(failure->should_retry), "%s",
			response->should_retry);
	snprintf(failure->retry_after, sizeof(failure->retry_after), "%s", response->retry_after);
	snprintf(failure->retry_after_ms, sizeof(failure->retry_after_ms), "%s",
			response->retry_after_ms);
	CUA_AUTO_JSON cJSON *json = NULL;
	if (response->body.len > 0) {
		agent_text_hide(response->body.data, response->body.len, model->config.api_key);
		json = cJSON_ParseWithLength(response->body.data, response->body.len);
	}
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	if (cJSON_IsObject(error)) {
		keep(failure->code, sizeof(failure->code), error, "code");
		keep(failure->param, sizeof(failure->param), error, "param");
		keep(failure->message, sizeof(failure->message), error, "message");
	} else if (json) {
		keep(failure->message, sizeof(failure->message), json, "error");
	} else if (response->body.len > 0) {
		snprintf(failure->message, sizeof(failure->message), "%.200s", response->body.data);
	}
}

/* Does an end that the API itself reported pass by asking again? */
static bool end_passes(const struct responses_stream *stream)
{
	static const char *const passing[] = { "server_error", "rate_limit_exceeded",
		"overloaded_error", "server_is_overloaded" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(passing); i++) {
		if (strcmp(stream->code, passing[i]) == 0) {
			return true;
		}
	}
	return false;
}

static enum cua_status perform(struct agent_model *model, const struct cua_buffer *body,
		uint64_t deadline_us, struct responses_stream *stream,
		struct cua_http_response *response, struct cua_error *err)
{
	/* Also the longest key there is: a header line of a megabyte is a mistake. */
	char authorization[4096];
	const char *headers[] = { "Content-Type: application/json", "Accept: text/event-stream",
		NULL, NULL };
	if (model->config.api_key) {
		int len = snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s",
				model->config.api_key);
		if (len < 0 || (size_t)len >= sizeof(authorization)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the API key is too long");
		}
		headers[2] = authorization;
	}
	struct cua_http_request request = {
		.method = "POST",
		.url = model->url,
		.headers = headers,
		.body = body->data,
		.body_len = body->len,
		.connect_timeout_ms = 20000,
		.idle_timeout_s = model->config.idle_timeout_s,
		.total_timeout_ms = cua_ms_until(deadline_us) + 1,
		.max_body_len = (size_t)1 << 20,
		.on_data = responses_stream_feed,
		.user_data = stream,
	};
	enum cua_status status = cua_http_perform(model->http, &request, response, err);
	sodium_memzero(authorization, sizeof(authorization));
	return status;
}

/* Sorts out how the request ended: CUA_OK with a turn, or a failure in words. */
static enum cua_status conclude(struct agent_model *model, struct responses_stream *stream,
		struct agent_turn *ret_turn, struct failure *failure, struct cua_error *err)
{
	switch (stream->end) {
	case RESPONSES_END_COMPLETED:
		break;
	case RESPONSES_END_NONE:
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer was cut off");
	case RESPONSES_END_INCOMPLETE:
		failure->is_stream_end = true;
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer is incomplete%s%s",
				stream->code[0] ? ": " : "", stream->code);
	case RESPONSES_END_FAILED:
		failure->is_stream_end = !end_passes(stream);
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model failed: %s%s%s", stream->code,
				stream->code[0] && stream->message[0] ? ": " : "", stream->message);
	}
	failure->is_stream_end = true; /* asking again would not mend an answer without sense */
	enum cua_status status =
			responses_turn(&stream->items, model->config.screen, ret_turn, err);
	if (status == CUA_OK) {
		ret_turn->usage = stream->usage;
	}
	return status;
}

static enum cua_status ask_once(struct agent_model *model, uint64_t deadline_us,
		struct responses_stream *stream, struct agent_turn *ret_turn,
		struct failure *failure, struct cua_error *err)
{
	struct cua_buffer body = { 0 };
	struct cua_http_response response = { 0 };
	enum cua_status status =
			responses_body(&model->config, &model->quirks, &model->items, &body, err);
	if (status == CUA_OK) {
		status = perform(model, &body, deadline_us, stream, &response, err);
	}
	cua_buffer_finish(&body);
	if (stream->end != RESPONSES_END_NONE && status == CUA_ERR_CANCELLED) {
		status = CUA_OK; /* we hung up after the last event */
	}
	if (status == CUA_OK && response.http_status / 100 != 2) {
		read_http_error(model, &response, failure);
		status = CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model server answered %ld%s%s",
				response.http_status, failure->message[0] ? ": " : "",
				failure->message);
	} else if (status == CUA_OK) {
		status = responses_stream_close(stream, err);
		failure->is_stream_end = status != CUA_OK;
		if (status == CUA_OK) {
			status = conclude(model, stream, ret_turn, failure, err);
		}
	} else if (status == CUA_ERR_MODEL) {
		failure->is_stream_end = true; /* bytes that are no answer */
	}
	cua_http_response_finish(&response);
	return status;
}

/* --- requests until one succeeds --- */

/* Return: CUA_OK when the time is over; CUA_ERR_CANCELLED; CUA_ERR_TIMEOUT at the deadline. */
static enum cua_status wait_ms(
		int cancel_fd, double delay_ms, uint64_t deadline_us, struct cua_error *err)
{
	uint64_t until_us = cua_now_us() + (uint64_t)(delay_ms * 1000.0);
	for (;;) {
		if (cua_now_us() >= deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "the time limit");
		}
		int left_ms = cua_ms_until(until_us < deadline_us ? until_us : deadline_us);
		struct pollfd cancel = { .fd = cancel_fd, .events = POLLIN };
		if (poll(&cancel, 1, left_ms) > 0) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
		}
		if (cua_now_us() >= until_us) {
			return CUA_OK;
		}
	}
}

static bool may_pass(enum cua_status status, const struct failure *failure)
{
	if (failure->is_stream_end ||
			(status != CUA_ERR_MODEL && status != CUA_ERR_CLOSED &&
					status != CUA_ERR_TIMEOUT)) {
		return false;
	}
	struct agent_retry_facts facts = { .http_status = failure->http_status,
		.should_retry = failure->should_retry,
		.error_code = failure->code };
	return agent_retry_wanted(&facts);
}

static double delay_of(const struct agent_model *model, const struct failure *failure, int attempt)
{
	struct agent_retry_facts facts = { .http_status = failure->http_status,
		.retry_after = failure->retry_after,
		.retry_after_ms = failure->retry_after_ms };
	double random01 = (double)randombytes_uniform(1000001) / 1000000.0;
	return agent_retry_delay_ms(&facts, attempt, random01, time(NULL)) *
			model->config.retry_unit;
}

/* All that goes wrong with a model is CUA_ERR_MODEL to the caller. */
static enum cua_status model_error(enum cua_status status, struct cua_error *err)
{
	if (status == CUA_ERR_CLOSED || status == CUA_ERR_TIMEOUT) {
		cua_error_prefix(err, "the model server");
	} else if (status == CUA_ERR_CANCELLED || status == CUA_ERR_NOMEM) {
		return status;
	}
	if (err) {
		err->status = CUA_ERR_MODEL;
	}
	return CUA_ERR_MODEL;
}

static enum cua_status keep_turn(struct agent_model *model, const struct responses_stream *stream,
		struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < stream->items.count; i++) {
		const char *text = stream->items.texts[i];
		status = responses_items_add(&model->items, text, strlen(text), err);
	}
	if (status == CUA_OK && model->quirks.no_status) {
		status = responses_items_adapt(&model->items, &model->quirks, err);
	}
	return status;
}

/* What becomes of a failed request: CUA_OK if it shall be sent again, after any waiting. */
static enum cua_status after_failure(struct agent_model *model, enum cua_status status,
		const struct failure *failure, uint64_t deadline_us, struct patience *patience,
		struct cua_error *why)
{
	if (cua_now_us() >= deadline_us && status != CUA_ERR_CANCELLED) {
		return CUA_FAIL(why, CUA_ERR_TIMEOUT, 0, "the time limit");
	}
	if (failure->http_status == 400 &&
			responses_quirks_learn(&model->quirks, failure->param, failure->message)) {
		return responses_items_adapt(&model->items, &model->quirks, why);
	}
	double delay_ms = delay_of(model, failure, patience->retries);
	if (!may_pass(status, failure) || patience->retries >= model->config.retries_max ||
			patience->waited_ms + delay_ms > AGENT_RETRY_TOTAL_MS) {
		return model_error(status, why);
	}
	patience->retries++;
	patience->waited_ms += delay_ms;
	if (model->config.on_retry) {
		model->config.on_retry(
				why->msg, patience->retries, delay_ms, model->config.user_data);
	}
	return wait_ms(model->config.cancel_fd, delay_ms, deadline_us, why);
}

enum cua_status agent_model_ask(struct agent_model *model, uint64_t deadline_us,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	uint64_t started_us = cua_now_us();
	struct patience patience = { 0 };
	struct agent_turn turn = { 0 };
	bool is_answered = false;
	while (!is_answered) {
		struct failure failure = { 0 };
		struct cua_error why = { 0 };
		struct responses_stream stream;
		responses_stream_init(&stream, model->config.api_key);
		enum cua_status status =
				ask_once(model, deadline_us, &stream, &turn, &failure, &why);
		is_answered = status == CUA_OK;
		status = is_answered ? keep_turn(model, &stream, &why)
				     : after_failure(model, status, &failure, deadline_us,
						       &patience, &why);
		responses_stream_finish(&stream);
		if (status != CUA_OK) {
			agent_turn_finish(&turn);
			return CUA_FAIL(err, status, 0, "%s", why.msg);
		}
	}
	turn.ms = (double)(cua_now_us() - started_us) / 1000.0;
	turn.retries = patience.retries;
	*ret_turn = turn;
	return CUA_OK;
}

/* --- where a key may go --- */

static bool is_loopback(const char *host)
{
	unsigned part[4];
	char rest = 0;
	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0) {
		return true;
	}
	return sscanf(host, "%3u.%3u.%3u.%3u%c", &part[0], &part[1], &part[2], &part[3], &rest) ==
			4 &&
			part[0] == 127;
}

enum cua_status agent_model_check_url(const char *base_url, bool has_key, struct cua_error *err)
{
	CURLU *url = curl_url();
	if (!url) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "URL");
	}
	char *scheme = NULL, *host = NULL, *user = NULL, *query = NULL;
	enum cua_status status = CUA_OK;
	if (curl_url_set(url, CURLUPART_URL, base_url, 0) != CURLUE_OK ||
			curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
			curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "the base URL is not a URL");
	} else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK ||
			curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the base URL must have no user name and no query: the key has its "
				"own place, OPENAI_API_KEY");
	} else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the base URL begins with %.20s; it must be https or http", scheme);
	} else if (has_key && strcmp(scheme, "http") == 0 && !is_loopback(host)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the key will not be sent over plain http to %.200s: use https, or "
				"a loopback address",
				host);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(query);
	curl_url_cleanup(url);
	return status;
}

#include "agent/model/model_internal.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/retry.h"
#include "cua/base/util.h"

#define HEADERS_MAX 16
#define KEY_HEADER_MAX 4096 /* a header line of a megabyte is a mistake */

/* What the retries of one turn have used up. */
struct patience {
	int retries;
	double waited_ms;
	struct agent_usage usage;
};

/* --- what an error body says --- */

static void keep(char *to, size_t size, const cJSON *object, const char *name)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
	if (cJSON_IsString(value)) {
		snprintf(to, size, "%s", value->valuestring);
	} else if (cJSON_IsNumber(value)) {
		snprintf(to, size, "%.0f", value->valuedouble);
	}
}

/* The most telling name comes last: where the code is a number, the status is a word. */
void model_error_read(const cJSON *error, char *code, size_t code_size, char *message,
		size_t message_size)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "type"));
	if (type && strcmp(type, "error") != 0) { /* "error" is the type of an event */
		snprintf(code, code_size, "%s", type);
	}
	keep(code, code_size, error, "code");
	keep(code, code_size, error, "status");
	keep(message, message_size, error, "message");
}

/* {"error": {...}}, {"error": "text"}, {"detail": "text"}, or whatever a server in between sends.
 */
static void read_http_error(const struct agent_model *model,
		const struct cua_http_response *response, struct model_failure *failure)
{
	failure->http_status = response->http_status;
	failure->is_refused = response->http_status == 400;
	snprintf(failure->should_retry, sizeof(failure->should_retry), "%s",
			response->should_retry);
	snprintf(failure->retry_after, sizeof(failure->retry_after), "%s", response->retry_after);
	snprintf(failure->retry_after_ms, sizeof(failure->retry_after_ms), "%s",
			response->retry_after_ms);
	CUA_AUTO_JSON cJSON *json = NULL;
	if (response->body.len > 0) {
		agent_redact_blot(model->config.redactor, response->body.data, response->body.len);
		if (agent_json_parse(response->body.data, response->body.len, "an error", &json,
				    NULL) != CUA_OK) {
			json = NULL; /* words, then */
		}
	}
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	if (cJSON_IsObject(error)) {
		model_error_read(error, failure->code, sizeof(failure->code), failure->message,
				sizeof(failure->message));
		keep(failure->param, sizeof(failure->param), error, "param");
	} else if (json) {
		keep(failure->message, sizeof(failure->message), json, "detail");
		keep(failure->message, sizeof(failure->message), json, "message");
		keep(failure->message, sizeof(failure->message), json, "error");
	} else if (response->http_status / 100 == 3 && response->location[0]) {
		snprintf(failure->message, sizeof(failure->message), "to %s", response->location);
	} else if (response->body.len > 0) {
		snprintf(failure->message, sizeof(failure->message), "%.200s", response->body.data);
	}
	if (json && model->api->read_error) {
		model->api->read_error(json, failure);
	}
	agent_redact_blot(model->config.redactor, failure->message, strlen(failure->message));
}

/* What to do about an error that does not pass. The first row that fits counts. */
static const struct trouble {
	long http_status; /* 0: any */
	const char *code; /* NULL: any */
	const char *said; /* a part of the message; NULL: any */
	enum cua_status kind;
	const char *advice, *advice_without_key; /* NULL: the same */
} troubles[] = {
#define NO_CREDIT " (the account has no credit left: fill it, or use another key)"
#define BAD_KEY " (the key is not accepted: set the right one; cua models says where)"
#define NO_MODEL " (the provider does not have this model, or not for this key)"
#define REDIRECT \
	" (a redirect, which is not followed because the key would go with it: if the address is " \
	"right, set --base-url to it)"
	{ .code = "insufficient_quota", .kind = CUA_ERR_MODEL_QUOTA, .advice = NO_CREDIT },
	{ .code = "billing_error", .kind = CUA_ERR_MODEL_QUOTA, .advice = NO_CREDIT },
	{ .code = "model_not_found", .kind = CUA_ERR_MODEL_UNKNOWN, .advice = NO_MODEL },
	{ .code = "API_KEY_INVALID", .kind = CUA_ERR_MODEL_KEY, .advice = BAD_KEY },
	/* 400 and nothing but words: OpenRouter of a model that it does not have, Anthropic of an
	 * account without credit. */
	{ 400, .said = "is not a valid model ID", .kind = CUA_ERR_MODEL_UNKNOWN,
			.advice = NO_MODEL },
	{ 400, .said = "credit balance is too low", .kind = CUA_ERR_MODEL_QUOTA,
			.advice = NO_CREDIT },
	{ 301, .kind = CUA_ERR_MODEL, .advice = REDIRECT },
	{ 302, .kind = CUA_ERR_MODEL, .advice = REDIRECT },
	{ 303, .kind = CUA_ERR_MODEL, .advice = REDIRECT },
	{ 307, .kind = CUA_ERR_MODEL, .advice = REDIRECT },
	{ 308, .kind = CUA_ERR_MODEL, .advice = REDIRECT },
	{ 401, .kind = CUA_ERR_MODEL_KEY, .advice = BAD_KEY,
			.advice_without_key = " (it wants a key: set CUA_API_KEY to it)" },
	{ 402, .kind = CUA_ERR_MODEL_QUOTA, .advice = NO_CREDIT },
	{ 403, .kind = CUA_ERR_MODEL_KEY,
			.advice = " (the key may not do this: check its rights and the account's)",
			.advice_without_key = " (it may want a key: set CUA_API_KEY to it)" },
	{ 404, .kind = CUA_ERR_MODEL_UNKNOWN,
			.advice = " (no such model, or no such address: check --model and "
				  "--base-url)" },
	{ 413, .kind = CUA_ERR_MODEL,
			.advice = " (the conversation is too large for this server)" },
	{ 429, .kind = CUA_ERR_MODEL_QUOTA,
			.advice = " (too many requests or tokens for this account: wait, or raise "
				  "its limits)" },
	{ .kind = CUA_ERR_MODEL, .advice = "" }, /* the server's words must do */
};

static const struct trouble *trouble_of(const struct model_failure *failure)
{
	const struct trouble *at = troubles;
	while ((at->http_status && at->http_status != failure->http_status) ||
			(at->code && strcmp(at->code, failure->code) != 0) ||
			(at->said && !strstr(failure->message, at->said))) {
		at++;
	}
	return at;
}

static const char *advice_for(const struct agent_model *model, const struct model_failure *failure)
{
	const struct trouble *trouble = trouble_of(failure);
	return model->config.api_key || !trouble->advice_without_key ? trouble->advice
								     : trouble->advice_without_key;
}

/* Some servers put an HTTP status where the code is; 0 if this one did not. */
static long status_in(const char *code)
{
	char *end = NULL;
	const long status = strtol(code, &end, 10);
	return end != code && *end == '\0' && status > 0 ? status : 0;
}

/* Does an end that the API itself reported pass by asking again? The words of all APIs. */
static bool end_passes(const char *code)
{
	static const char *const passing[] = { "server_error", "rate_limit_exceeded",
		"overloaded_error", "server_is_overloaded", "api_error", "rate_limit_error",
		"timeout_error", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED",
		"RESOURCE_EXHAUSTED", "MALFORMED_FUNCTION_CALL" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(passing); i++) {
		if (strcmp(code, passing[i]) == 0) {
			return true;
		}
	}
	const struct agent_retry_facts facts = { .http_status = status_in(code) };
	return facts.http_status > 0 && agent_retry_wanted(&facts);
}

/* --- one request --- */

static enum cua_status perform(struct agent_model *model, const struct cua_buffer *body,
		uint64_t deadline_us, struct model_reply *reply, struct cua_http_response *response,
		struct cua_error *err)
{
	char key_header[KEY_HEADER_MAX];
	const char *headers[HEADERS_MAX] = { "Content-Type: application/json",
		"Accept: text/event-stream" };
	size_t count = 2;
	if (model->config.api_key) {
		int len = snprintf(key_header, sizeof(key_header), "%s%s", model->config.key_header,
				model->config.api_key);
		if (len < 0 || (size_t)len >= sizeof(key_header)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the API key is too long");
		}
		headers[count++] = key_header;
	}
	const char *const *more = model->api->headers ? model->api->headers(model->self) : NULL;
	while (more && *more && count < HEADERS_MAX - 1) {
		headers[count++] = *more++;
	}
	struct model_upload upload;
	model_upload_init(&upload, model->pictures, body);
	struct cua_http_request request = {
		.method = "POST",
		.url = model->url.data,
		.headers = headers,
		.body_fn = model_upload_read,
		.body_user_data = &upload,
		.body_len = upload.len,
		/* It would see the key that plain http carries to a loopback address. */
		.no_proxy = strncmp(model->url.data, "https", 5) != 0,
		.connect_timeout_ms = 20000,
		.idle_timeout_s = model->config.idle_timeout_s,
		.total_timeout_ms = cua_ms_until(deadline_us) + 1,
		.max_body_len = (size_t)1 << 20,
		.on_data = model_reply_feed,
		.user_data = reply,
		.is_enough = &reply->is_over,
	};
	enum cua_status status = upload.len <= MODEL_BODY_MAX
			? cua_http_perform(model->http, &request, response, err)
			: CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "the request has over %zu bytes",
					  MODEL_BODY_MAX);
	model_upload_finish(&upload);
	sodium_memzero(key_header, sizeof(key_header));
	return status;
}

static enum cua_status end_early(const struct model_reply *reply, enum agent_turn_end end,
		const char *fallback, struct agent_turn *ret_turn, struct cua_error *err)
{
	struct agent_turn turn = { .end = end, .words = strdup("") };
	const char *why = reply->message[0] ? reply->message : fallback;
	turn.refusal = end == AGENT_TURN_CUT ? NULL : strdup(why);
	if (!turn.words || (end != AGENT_TURN_CUT && !turn.refusal)) {
		agent_turn_finish(&turn);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
	}
	*ret_turn = turn;
	return CUA_OK;
}

/* Sorts out how the answer ended: CUA_OK with a turn, or a failure in words. */
static enum cua_status conclude(struct agent_model *model, struct model_reply *reply,
		struct agent_turn *ret_turn, struct model_failure *failure, struct cua_error *err)
{
	failure->end = reply->end;
	switch (reply->end) {
	case MODEL_END_NONE:
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer was cut off");
	case MODEL_END_FAILED:
		failure->is_final = !end_passes(reply->code);
		snprintf(failure->code, sizeof(failure->code), "%s", reply->code);
		snprintf(failure->message, sizeof(failure->message), "%s", reply->message);
		failure->http_status = status_in(reply->code);
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model failed: %s%s%s%s", reply->code,
				advice_for(model, failure),
				reply->code[0] && reply->message[0] ? ": " : "", reply->message);
	case MODEL_END_REFUSED:
		return end_early(reply, AGENT_TURN_REFUSED, "the model refused", ret_turn, err);
	case MODEL_END_FILTERED:
		return end_early(reply, AGENT_TURN_FILTERED,
				"the provider's content filter stopped the model", ret_turn, err);
	case MODEL_END_CUT:
		if (model->api->learn(model->self, failure)) {
			failure->is_mended = true;
			return CUA_FAIL(err, CUA_ERR_MODEL, 0,
					"the model's answer is incomplete: it is too long");
		}
		return end_early(reply, AGENT_TURN_CUT, "", ret_turn, err);
	case MODEL_END_COMPLETED:
		break;
	}
	failure->is_final = true; /* asking again would not mend an answer without sense */
	enum cua_status status = model_take_items(model, &reply->items, ret_turn, err);
	return status == CUA_OK && reply->blots > 0 ? model_turn_stop_illegible(ret_turn, err)
						    : status;
}

static enum cua_status ask_once(struct agent_model *model, uint64_t deadline_us,
		struct model_reply *reply, struct agent_turn *ret_turn,
		struct model_failure *failure, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer body;
	cua_buffer_init(&body, MODEL_BODY_MAX);
	struct cua_http_response response = { 0 };
	enum cua_status status = model->api->body(model->self, &body, err);
	if (status == CUA_ERR_TOO_LARGE) {
		status = CUA_FAIL(err, CUA_ERR_MODEL, 0, "the conversation is over %zu bytes",
				MODEL_BODY_MAX);
	}
	if (status == CUA_OK) {
		status = perform(model, &body, deadline_us, reply, &response, err);
	}
	failure->is_answered = response.http_status > 0;
	if (reply->is_over && status != CUA_ERR_CANCELLED && status != CUA_ERR_NOMEM) {
		status = CUA_OK; /* how the connection ends does not matter after the last event */
	}
	if (response.http_status >= 300 && status != CUA_ERR_CANCELLED) {
		status = CUA_OK; /* it said no, however the words about it ended */
	}
	if (status == CUA_OK && response.http_status / 100 != 2) {
		read_http_error(model, &response, failure);
		status = CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model server answered %ld%s%s%s",
				response.http_status, advice_for(model, failure),
				failure->message[0] ? ": " : "", failure->message);
	} else if (status == CUA_OK) {
		status = model_reply_close(reply, err);
		failure->is_final = status != CUA_OK;
		if (status == CUA_OK) {
			status = conclude(model, reply, ret_turn, failure, err);
		}
	} else if (status == CUA_ERR_MODEL) {
		failure->is_final = true; /* bytes that are no answer */
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

static bool may_pass(enum cua_status status, const struct model_failure *failure)
{
	if (failure->is_final ||
			(status != CUA_ERR_MODEL && status != CUA_ERR_CLOSED &&
					status != CUA_ERR_TIMEOUT)) {
		return false;
	}
	struct agent_retry_facts facts = { .http_status = failure->http_status,
		.should_retry = failure->should_retry,
		.error_code = failure->code };
	return agent_retry_wanted(&facts);
}

static double delay_of(
		const struct agent_model *model, const struct model_failure *failure, int attempt)
{
	struct agent_retry_facts facts = { .http_status = failure->http_status,
		.retry_after = failure->retry_after,
		.retry_after_ms = failure->retry_after_ms };
	double random01 = (double)randombytes_uniform(1000001) / 1000000.0;
	return agent_retry_delay_ms(&facts, attempt, random01, time(NULL)) *
			model->config.retry_unit;
}

/* All that goes wrong with a model is of its class to the caller. */
static enum cua_status model_error(
		enum cua_status status, const struct model_failure *failure, struct cua_error *err)
{
	enum cua_status kind = trouble_of(failure)->kind;
	if (status == CUA_ERR_CLOSED || status == CUA_ERR_TIMEOUT ||
			status == CUA_ERR_UNAVAILABLE) {
		cua_error_prefix(err, "the model server");
		kind = failure->is_answered ? CUA_ERR_MODEL : CUA_ERR_MODEL_UNREACHABLE;
	} else if (status == CUA_ERR_CANCELLED || status == CUA_ERR_NOMEM ||
			status == CUA_ERR_NOT_FOUND) {
		return status;
	}
	if (err) {
		err->status = kind;
	}
	return kind;
}

static void say_retry(
		const struct agent_model *model, const char *why, int attempt, double delay_ms)
{
	if (model->config.on_retry) {
		model->config.on_retry(why, attempt, delay_ms, model->config.user_data);
	}
}

/* What becomes of a failed request: CUA_OK if it shall be sent again, after any waiting. */
static enum cua_status after_failure(struct agent_model *model, enum cua_status status,
		const struct model_failure *failure, uint64_t deadline_us,
		struct patience *patience, struct cua_error *why)
{
	if (cua_now_us() >= deadline_us && status != CUA_ERR_CANCELLED) {
		return CUA_FAIL(why, CUA_ERR_TIMEOUT, 0, "the time limit");
	}
	if (failure->is_mended) {
		say_retry(model, why->msg, patience->retries, 0);
		return CUA_OK;
	}
	if (failure->is_refused && model->api->learn(model->self, failure)) {
		return CUA_OK;
	}
	double delay_ms = delay_of(model, failure, patience->retries);
	if (!may_pass(status, failure) || patience->retries >= model->config.retries_max ||
			patience->waited_ms + delay_ms > AGENT_RETRY_TOTAL_MS) {
		return model_error(status, failure, why);
	}
	patience->retries++;
	patience->waited_ms += delay_ms;
	say_retry(model, why->msg, patience->retries, delay_ms);
	return wait_ms(model->config.cancel_fd, delay_ms, deadline_us, why);
}

static double ms_since(uint64_t started_us)
{
	return (double)(cua_now_us() - started_us) / 1000.0;
}

enum cua_status agent_model_ask(struct agent_model *model, uint64_t deadline_us,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	uint64_t started_us = cua_now_us();
	struct patience patience = { 0 };
	struct agent_turn turn = { 0 };
	bool is_answered = false;
	while (!is_answered) {
		struct model_failure failure = { 0 };
		struct cua_error why = { 0 };
		struct model_reply reply;
		enum cua_status status = model_reply_init(&reply, model->api, &model->config, &why);
		if (status == CUA_OK) {
			status = ask_once(model, deadline_us, &reply, &turn, &failure, &why);
		}
		is_answered = status == CUA_OK;
		agent_usage_add(&patience.usage, &reply.usage);
		model_reply_finish(&reply);
		if (!is_answered) {
			status = after_failure(
					model, status, &failure, deadline_us, &patience, &why);
		}
		if (status != CUA_OK) {
			*ret_turn = (struct agent_turn){ .usage = patience.usage,
				.ms = ms_since(started_us),
				.retries = patience.retries };
			return CUA_FAIL(err, status, 0, "%s", why.msg);
		}
	}
	turn.ms = ms_since(started_us);
	turn.retries = patience.retries;
	turn.usage = patience.usage;
	*ret_turn = turn;
	return CUA_OK;
}

#include "demos/standin/wire/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"
#include "demos/standin/wire/events.h"
#include "demos/standin/wire/picture.h"
#include "demos/standin/wire/spoil.h"

const char *const wire_header_names[WIRE_HEADER_COUNT] = {
	[WIRE_AUTHORIZATION] = "authorization:",
	[WIRE_X_API_KEY] = "x-api-key:",
	[WIRE_ANTHROPIC_VERSION] = "anthropic-version:",
	[WIRE_ANTHROPIC_BETA] = "anthropic-beta:",
	[WIRE_X_GOOG_API_KEY] = "x-goog-api-key:",
	[WIRE_CONTENT_TYPE] = "content-type:",
};

static const struct wire_api *const apis[] = { &wire_responses, &wire_anthropic, &wire_chat,
	&wire_gemini };

bool wire_refuse(struct wire_request *request, int http_status, const char *code, const char *param,
		const char *fmt, ...)
{
	struct wire_error *error = &request->error;
	error->http_status = http_status;
	error->code = code;
	snprintf(error->param, sizeof(error->param), "%s", param);
	va_list args;
	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	return false;
}

bool wire_quirk(const struct wire_request *request, const char *name)
{
	const char *quirks = request->settings->quirks;
	size_t len = strlen(name);
	while (quirks && *quirks) {
		size_t word = strcspn(quirks, ",");
		if (word == len && strncmp(quirks, name, len) == 0) {
			return true;
		}
		quirks += word + (quirks[word] == ',');
	}
	return false;
}

bool wire_accepts(const struct wire_request *request, const char *key)
{
	const char *wanted = request->settings->key;
	return !wanted || strcmp(key, wanted) == 0;
}

/* A function that the script needs and the request does not offer is found out at once rather than
 * in the middle of a demo. */
void wire_offers(struct wire_request *request, wire_offers_fn offers)
{
	const struct script *script = request->play->common->script;
	request->input.can_give_up = offers(request, "give_up");
	for (int i = 0; i < script->step_count && !request->input.lacks; i++) {
		const char *name = play_function_of(&script->steps[i]);
		request->input.lacks = name && !offers(request, name) ? name : NULL;
	}
}

struct wire_id wire_id(const struct wire_request *request, const struct play_turn *turn,
		const char *kind, int number)
{
	struct wire_id id;
	snprintf(id.text, sizeof(id.text), "%s_c%ut%dn%d", kind, request->play->conversation,
			(int)(turn - request->play->turns), number);
	return id;
}

void wire_secret(char secret[WIRE_SECRET_SIZE], const char *prefix)
{
	unsigned char bytes[96];
	size_t len = strlen(prefix);
	randombytes_buf(bytes, sizeof(bytes));
	memcpy(secret, prefix, len);
	sodium_bin2base64(secret + len, WIRE_SECRET_SIZE - len, bytes, sizeof(bytes),
			sodium_base64_VARIANT_ORIGINAL);
}

struct wire_usage wire_usage(const struct wire_request *request, const struct play_turn *turn,
		unsigned picture_tokens)
{
	const struct talk *talk = &request->talk;
	char *sent = cJSON_PrintUnformatted(turn->sent);
	const size_t len = request->http->body_len;
	/* Pictures that the server kept did not come with the request. */
	const size_t text = len > talk->picture_bytes ? len - talk->picture_bytes : 0;
	struct wire_usage usage = {
		.input = (double)(text / 4 + (size_t)talk->pictures * picture_tokens),
		.output = (double)(sent ? strlen(sent) / 4 : 0),
	};
	cJSON_free(sent);
	return usage;
}

/* --- replies --- */

void wire_reply_finish(struct wire_reply *reply)
{
	cua_buffer_finish(&reply->body);
}

static void reply_error(const struct wire_request *request, struct wire_reply *reply)
{
	CUA_AUTO_JSON cJSON *json = request->api->error(&request->error);
	struct wire_events out = { .out = &reply->body, .request = request, .fail_after = -1 };
	cua_buffer_clear(&reply->body);
	reply->http_status = request->error.http_status;
	reply->content_type = "application/json";
	if (!wire_put_json(&out, json)) {
		reply->http_status = 500; /* without a body, for want of memory */
	}
}

static void refuse_trouble(struct wire_request *request, const struct cua_error *trouble)
{
	if (trouble->status == CUA_ERR_INVAL || trouble->status == CUA_ERR_TOO_LARGE) {
		const struct talk *talk = &request->talk;
		picture_refuse(request,
				talk->fresh_count ? talk->fresh[talk->fresh_count - 1].place : "",
				trouble);
	} else {
		wire_refuse(request, 500, NULL, "", "%s", trouble->msg);
	}
}

static void reply_turn(struct wire_request *request, const struct play_turn *turn,
		struct wire_reply *reply)
{
	const struct fault *fault = request->fault;
	struct wire_events out = { .out = &reply->body, .request = request, .fail_after = -1 };
	reply->http_status = 200;
	if (request->stream) {
		reply->content_type = "text/event-stream; charset=utf-8";
		out.fail_after = fault ? fault->error_event : -1;
		spoil_error(request, 529, &out.error);
		request->api->stream(request, turn, &out);
	} else {
		CUA_AUTO_JSON cJSON *answer = request->api->answer(request, turn);
		reply->content_type = "application/json";
		out.broken = !wire_put_json(&out, answer);
	}
	if (out.broken) {
		wire_refuse(request, 500, NULL, "", "out of memory");
		reply_error(request, reply);
	}
}

/* --- a request --- */

static bool route(struct wire_request *request)
{
	const struct wire_http *http = request->http;
	for (size_t i = 0; i < CUA_ARRAY_LEN(apis); i++) {
		request->api = apis[i];
		if (apis[i]->takes(request, http->path)) {
			return strcmp(http->method, "POST") == 0 ||
					wire_refuse(request, 405, "method_not_supported", "",
							"Not allowed to %s on %.100s. Use POST.",
							http->method, http->path);
		}
	}
	request->api = &wire_responses;
	return wire_refuse(request, 404, NULL, "", "Invalid URL (%s %.200s)", http->method,
			http->path);
}

static bool read_request(struct wire_request *request)
{
	const struct wire_http *http = request->http;
	if (!route(request)) {
		return false;
	}
	if (http->body_len > request->api->body_max) {
		return wire_refuse(request, 413, NULL, "",
				"Request exceeds the maximum size of %zu bytes.",
				request->api->body_max);
	}
	request->root = cJSON_ParseWithLength(http->body, http->body_len);
	return request->api->read(request);
}

int wire_turns(const struct play *play, struct wire_settings *settings,
		const struct wire_http *http)
{
	struct wire_request request = { .settings = settings, .http = http, .play = play };
	talk_init(&request.talk);
	const int turns = read_request(&request) ? request.talk.turn : -1;
	cJSON_Delete(request.root);
	talk_finish(&request.talk);
	return turns;
}

static struct play_turn *next_turn(struct play *play, struct wire_request *request)
{
	struct cua_error trouble;
	struct play_turn *turn = NULL;
	if (play_answer(play, &request->input, &turn, &trouble) != CUA_OK) {
		refuse_trouble(request, &trouble);
		return NULL;
	}
	request->fault = request->fault ? request->fault : turn->fault;
	memcpy(turn->before, request->before, sizeof(turn->before));
	bool good = spoil_turn(request->fault, turn);
	turn->sent = good ? request->api->spell(request, turn) : NULL;
	if (!turn->sent) {
		wire_refuse(request, 500, NULL, "", "out of memory");
		return NULL;
	}
	cJSON_Delete(play->held);
	play->held = request->api->hold ? request->api->hold(request) : NULL;
	return turn;
}

static void answer(struct play *play, struct wire_request *request, struct wire_reply *reply)
{
	const struct play_turn *turn = NULL;
	if (read_request(request) && talk_complete(request) && !spoil_replaces(request->fault)) {
		turn = next_turn(play, request);
	}
	if (request->error.http_status) {
		if (play->common->log) {
			fprintf(play->common->log, "refused with %d: %s\n",
					request->error.http_status, request->error.message);
		}
		request->fault = NULL;
		reply_error(request, reply);
	} else if (turn && !spoil_replaces(request->fault)) {
		reply_turn(request, turn, reply);
	}
}

void wire_answer(struct play *play, struct wire_settings *settings, const struct wire_http *http,
		struct wire_reply *ret_reply)
{
	struct wire_request request = { .settings = settings, .http = http, .play = play };
	talk_init(&request.talk);
	*ret_reply = (struct wire_reply){ .http_status = 500, .content_type = "application/json" };
	cua_buffer_init(&ret_reply->body, WIRE_BODY_MAX);
	request.fault = spoil_due(settings);
	answer(play, &request, ret_reply);
	ret_reply->fault = request.fault;
	spoil_reply(&request, ret_reply);
	cJSON_Delete(request.root);
	talk_finish(&request.talk);
}

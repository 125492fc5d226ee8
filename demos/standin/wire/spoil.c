#include "demos/standin/wire/spoil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

#include "cua/base/util.h"
#include "demos/standin/wire/events.h"

const struct fault *spoil_due(struct wire_settings *settings)
{
	settings->requests++;
	for (int i = 0; i < settings->fault_count; i++) {
		const struct fault *fault = &settings->faults[i];
		if (settings->requests >= fault->at && settings->faults_played[i] < fault->times) {
			settings->faults_played[i]++;
			return fault;
		}
	}
	return NULL;
}

bool spoil_replaces(const struct fault *fault)
{
	return fault &&
			(fault->http_status || fault->redirect[0] || fault->endless_headers ||
					fault->garbage || fault->empty || fault->bomb_mb);
}

/* Calls before those of the turn: screenshots, which harm nobody who takes them all. */
static bool add_calls(struct play_turn *turn, int count)
{
	struct acts acts = { 0 };
	while (acts.count < count && acts_add(&acts, ACT_SCREENSHOT)) {
	}
	for (int i = 0; i < turn->acts.count; i++) {
		struct act *act = acts_add(&acts, turn->acts.items[i].kind);
		if (!act) {
			acts_finish(&acts);
			return false;
		}
		*act = turn->acts.items[i];
		turn->acts.items[i] = (struct act){ 0 };
	}
	acts_finish(&turn->acts);
	turn->acts = acts;
	return true;
}

static bool add_words(struct play_turn *turn, int megabytes)
{
	static const char word[] = "lorem ipsum dolor sit amet, ";
	size_t len = (size_t)megabytes << 20;
	char *words = malloc(len + 1);
	if (!words) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		words[i] = word[i % (sizeof(word) - 1)];
	}
	words[len] = '\0';
	free(turn->words);
	turn->words = words;
	return true;
}

/* The server stops before the calls: they come when it is asked to go on. */
static void pause_turn(struct play_turn *turn)
{
	if (!turn->rest.count) {
		turn->rest = turn->acts;
		turn->acts = (struct acts){ 0 };
		turn->paused = true;
	}
}

bool spoil_turn(const struct fault *fault, struct play_turn *turn)
{
	if (fault && strcmp(fault->end, "pause_turn") == 0) {
		pause_turn(turn);
	}
	return !fault ||
			((!fault->batch || turn->final || add_calls(turn, fault->batch)) &&
					(!fault->huge_mb || add_words(turn, fault->huge_mb)));
}

void spoil_error(const struct wire_request *request, int http_status, struct wire_error *ret_error)
{
	static const struct {
		int http_status;
		const char *message;
	} usual[] = {
		{ 400, "The request is not valid." },
		{ 401, "Incorrect API key provided." },
		{ 402, "Insufficient credits." },
		{ 403, "You do not have access to this resource." },
		{ 404, "The requested resource was not found." },
		{ 408, "Request timed out." },
		{ 409, "The request conflicts with another one." },
		{ 413, "Request exceeds the maximum size." },
		{ 429, "Rate limit reached. Please try again later." },
		{ 500, "The server had an error while processing your request." },
		{ 502, "Bad gateway." },
		{ 503, "The model is overloaded. Please try again later." },
		{ 504, "The request took too long to process." },
		{ 529, "Overloaded" },
	};
	const struct fault *fault = request->fault;
	const char *message = fault && fault->message[0] ? fault->message : NULL;
	for (size_t i = 0; !message && i < CUA_ARRAY_LEN(usual); i++) {
		message = usual[i].http_status == http_status ? usual[i].message : NULL;
	}
	*ret_error = (struct wire_error){ .http_status = http_status,
		.code = fault && fault->code[0] ? fault->code : NULL };
	snprintf(ret_error->message, sizeof(ret_error->message), "%s",
			message ? message : "Something went wrong.");
	snprintf(ret_error->retry_after, sizeof(ret_error->retry_after), "%.60s",
			fault ? fault->retry_after : "");
}

/* --- bodies that are none --- */

static void reply_error(const struct wire_request *request, struct wire_reply *reply)
{
	struct wire_error error;
	spoil_error(request, request->fault->http_status, &error);
	CUA_AUTO_JSON cJSON *json = request->api->error(&error);
	struct wire_events out = { .out = &reply->body, .request = request, .fail_after = -1 };
	reply->http_status = error.http_status;
	reply->content_type = "application/json";
	(void)wire_put_json(&out, json);
}

static void reply_garbage(const struct wire_request *request, struct wire_reply *reply)
{
	static const char json[] = "{\"id\":\"x\",\"output\":[{\"type\":tru,'a':NaN,\xff\xfe}]]";
	struct wire_events out = { .out = &reply->body, .request = request, .fail_after = -1 };
	reply->http_status = 200;
	reply->content_type = request->stream ? "text/event-stream" : "application/json";
	(void)wire_put(&out, request->stream ? "data: " : "");
	(void)wire_put(&out, json);
	(void)wire_put(&out, "\n\n");
}

static bool deflate_zeros(struct cua_buffer *out, int megabytes)
{
	static unsigned char zeros[1 << 20];
	unsigned char piece[4096];
	z_stream stream = { 0 };
	const int gzip_window = 15 + 16;
	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzip_window, 9,
			    Z_DEFAULT_STRATEGY) != Z_OK) {
		return false;
	}
	bool ok = true;
	for (int i = 0; ok && i <= megabytes; i++) {
		stream.next_in = zeros;
		stream.avail_in = i < megabytes ? sizeof(zeros) : 0;
		do {
			stream.next_out = piece;
			stream.avail_out = sizeof(piece);
			(void)deflate(&stream, i < megabytes ? Z_NO_FLUSH : Z_FINISH);
			ok = cua_buffer_append(out, piece, sizeof(piece) - stream.avail_out,
					     NULL) == CUA_OK;
		} while (ok && stream.avail_out == 0);
	}
	deflateEnd(&stream);
	return ok;
}

static void replace(const struct wire_request *request, struct wire_reply *reply)
{
	const struct fault *fault = request->fault;
	cua_buffer_clear(&reply->body);
	reply->http_status = 200;
	if (fault->http_status) {
		reply_error(request, reply);
	} else if (fault->redirect[0]) {
		reply->http_status = 307;
	} else if (fault->garbage) {
		reply_garbage(request, reply);
	} else if (fault->bomb_mb && !deflate_zeros(&reply->body, fault->bomb_mb)) {
		reply->http_status = 500;
	}
}

/* --- headers --- */

static void add_header(struct wire_reply *reply, const char *name, const char *value)
{
	size_t len = strlen(reply->headers);
	if (value[0]) {
		snprintf(reply->headers + len, sizeof(reply->headers) - len, "%s: %s\r\n", name,
				value);
	}
}

/* "date:30" as the HTTP date in thirty seconds; anything else as it stands. */
static void add_retry_after(struct wire_reply *reply, const char *value)
{
	char date[64];
	if (strncmp(value, "date:", 5) == 0) {
		time_t when = time(NULL) + strtol(value + 5, NULL, 10);
		struct tm utc;
		gmtime_r(&when, &utc);
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
		value = date;
	}
	add_header(reply, "retry-after", value);
}

void spoil_reply(const struct wire_request *request, struct wire_reply *reply)
{
	const struct fault *fault = request->fault;
	if (request->api->id_header) {
		add_header(reply, request->api->id_header, "req_standin");
	}
	if (!fault) {
		return;
	}
	if (spoil_replaces(fault)) {
		replace(request, reply);
	}
	add_retry_after(reply, fault->retry_after);
	add_header(reply, "retry-after-ms", fault->retry_after_ms);
	add_header(reply, "x-should-retry", fault->should_retry);
	add_header(reply, "location", fault->redirect);
	add_header(reply, "content-encoding", fault->bomb_mb ? "gzip" : "");
	if (fault->content_type[0]) {
		reply->content_type = fault->content_type;
	}
}

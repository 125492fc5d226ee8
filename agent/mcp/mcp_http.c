/* A server behind streamable HTTP: a message is a POST, and its answer a JSON body or a stream of
 * events. Before that, in 2024-11-05, one stream had all answers, and said where to POST. */

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/mcp/mcp_events.h"
#include "agent/mcp/mcp_http_value.h"
#include "agent/mcp/mcp_message.h"
#include "agent/mcp/mcp_text.h"
#include "agent/mcp/mcp_transport.h"
#include "agent/model/sse.h"
#include "cua/base/http_client.h"
#include "cua/base/util.h"

#define SEND_MS 5000  /* for what no answer is waited for */
#define RETRY_MS 1000 /* before the rest of a stream is asked for, unless the server says */
#define RESUME_MAX 20
#define LISTEN_MS 1000 /* for a server to say that it has a stream of what it says unasked */

struct http {
	struct mcp_transport transport; /* first */
	struct mcp_transport_config config;
	struct cua_http_client *client;
	struct cua_http_client *second; /* for what is said while an answer comes */
	struct mcp_events *events; /* what is said unasked, or of 2024-11-05 all; may be NULL */
	char *endpoint;            /* owned; where to POST if it is elsewhere; NULL */
	char session[256];         /* of older revisions; "": none */
};

/* The answer to one POST or GET. */
struct answer {
	struct http *http;
	struct cua_http_response *response;
	struct agent_sse sse;
	struct cua_buffer body;
	size_t len;
	bool is_elsewhere; /* the body is a word of politeness: the answer comes by the stream */
};

/* --- headers --- */

struct headers {
	const char **lines; /* owned */
	char *own[8];       /* owned; the lines that were made here */
	size_t count, own_count;
	bool is_whole;
};

static void add_line(struct headers *headers, const char *line)
{
	headers->lines[headers->count++] = line;
}

static void add_made(struct headers *headers, const char *name, const char *value)
{
	char *line = NULL;
	/* The semicolon is libcurl's spelling of a header without a value. */
	if (!value || asprintf(&line, value[0] ? "%s: %s" : "%s;%s", name, value) < 0) {
		headers->is_whole = false;
		return;
	}
	headers->own[headers->own_count++] = line;
	add_line(headers, line);
}

static size_t count_lines(const char *const *lines)
{
	size_t count = 0;
	while (lines && lines[count]) {
		count++;
	}
	return count;
}

static void finish_headers(struct headers *headers)
{
	for (size_t i = 0; i < headers->own_count; i++) {
		free(headers->own[i]);
	}
	free(headers->lines);
}

static enum cua_status make_headers(const struct http *http, const struct mcp_outgoing *outgoing,
		const char *last_id, struct headers *headers, struct cua_error *err)
{
	const char *const *entry = (const char *const *)http->config.entry->headers;
	*headers = (struct headers){ .is_whole = true };
	headers->lines = calloc(count_lines(entry) + count_lines(outgoing->headers) + 10,
			sizeof(*headers->lines));
	if (!headers->lines) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "headers");
	}
	add_line(headers, "Accept: application/json, text/event-stream");
	if (outgoing->text) {
		add_line(headers, "Content-Type: application/json");
	}
	if (outgoing->version) {
		add_made(headers, "MCP-Protocol-Version", outgoing->version);
	}
	if (http->session[0]) {
		add_made(headers, "Mcp-Session-Id", http->session);
	}
	if (last_id) {
		add_made(headers, "Last-Event-ID", last_id);
	}
	if (outgoing->is_modern) {
		add_made(headers, "Mcp-Method", outgoing->method);
	}
	if (outgoing->is_modern && outgoing->name) {
		CUA_AUTO_FREE char *name = mcp_http_value(outgoing->name);
		add_made(headers, "Mcp-Name", name);
	}
	for (size_t i = 0; outgoing->is_modern && outgoing->headers && outgoing->headers[i]; i++) {
		add_line(headers, outgoing->headers[i]);
	}
	for (size_t i = 0; entry && entry[i]; i++) {
		add_line(headers, entry[i]);
	}
	return headers->is_whole ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "headers");
}

/* --- what comes --- */

static enum cua_status on_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	const struct answer *answer = user_data;
	const struct mcp_transport_config *config = &answer->http->config;
	if (len == 0 || (name[0] && strcmp(name, "message") != 0)) {
		return CUA_OK; /* an event that only has an id, or one of another kind */
	}
	return config->on_text(data, len, config->user_data, err);
}

static bool is_stream(const struct cua_http_response *response)
{
	return strncasecmp(response->content_type, "text/event-stream", 17) == 0;
}

static enum cua_status on_data(const char *data, size_t len, void *user_data, struct cua_error *err)
{
	struct answer *answer = user_data;
	answer->len += len;
	if (answer->len > MCP_EXCHANGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the server sent over %zu bytes in answer to one request",
				MCP_EXCHANGE_MAX);
	}
	return is_stream(answer->response) ? agent_sse_feed(&answer->sse, data, len, err)
					   : cua_buffer_append(&answer->body, data, len, err);
}

static enum cua_status refused(const struct cua_http_response *response, struct cua_error *err)
{
	char said[200] = "";
	const long status = response->http_status;
	if (response->body.data) {
		mcp_text_line(said, sizeof(said), response->body.data);
	}
	return CUA_FAIL(err, CUA_ERR_APP, 0, "the server answered %ld%s%s%s", status,
			status == 401 || status == 403
					? " (it wants to know who asks: put an Authorization into "
					  "\"headers\" of its entry)"
					: status / 100 == 3 ? " (a redirect, which is not followed)"
							    : "",
			said[0] ? ": " : "", said);
}

/* What the answer was, when all of it is there. */
static enum cua_status conclude(struct answer *answer, struct mcp_wait *wait, struct cua_error *err)
{
	const struct cua_http_response *response = answer->response;
	struct http *http = answer->http;
	const struct cua_buffer *body =
			response->http_status / 100 == 2 ? &answer->body : &response->body;
	if (response->http_status == 404 && http->session[0]) {
		http->session[0] = '\0';
		wait->is_lost = true;
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the server has lost the session");
	}
	const bool is_polite = answer->is_elsewhere && response->http_status / 100 == 2;
	if (body->len > 0 && !wait->is_answered && !is_polite) {
		enum cua_status status = http->config.on_text(
				body->data, body->len, http->config.user_data, err);
		if (status != CUA_OK &&
				(status != CUA_ERR_APP || response->http_status / 100 == 2)) {
			return status;
		}
	}
	if (response->http_status / 100 != 2 && !wait->is_answered) {
		wait->http_status = response->http_status;
		return refused(response, err);
	}
	if (response->session_id[0]) {
		memcpy(http->session, response->session_id, sizeof(http->session));
	}
	return CUA_OK;
}

/* Where to POST, which must be at the address of the stream: headers go there. */
static enum cua_status take_endpoint(struct http *http, const char *place, struct cua_error *err)
{
	static const CURLUPart origin[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	CURLU *from = curl_url(), *to = curl_url();
	char *url = NULL;
	bool is_good = from && to &&
			curl_url_set(from, CURLUPART_URL, http->config.entry->url, 0) ==
					CURLUE_OK &&
			curl_url_set(to, CURLUPART_URL, http->config.entry->url, 0) == CURLUE_OK &&
			curl_url_set(to, CURLUPART_URL, place, 0) == CURLUE_OK;
	for (size_t i = 0; is_good && i < CUA_ARRAY_LEN(origin); i++) {
		char *one = NULL, *other = NULL;
		is_good = curl_url_get(from, origin[i], &one, CURLU_DEFAULT_PORT) == CURLUE_OK &&
				curl_url_get(to, origin[i], &other, CURLU_DEFAULT_PORT) ==
						CURLUE_OK &&
				strcasecmp(one, other) == 0;
		curl_free(one);
		curl_free(other);
	}
	if (is_good && curl_url_get(to, CURLUPART_URL, &url, 0) == CURLUE_OK) {
		free(http->endpoint);
		http->endpoint = strdup(url);
	}
	curl_free(url);
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	return http->endpoint ? CUA_OK
			      : CUA_FAIL(err, CUA_ERR_APP, 0,
						"the server names no place of its own to send to");
}

static enum cua_status hear_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	struct http *http = user_data;
	if (len > 0 && strcmp(name, "endpoint") == 0 &&
			http->config.entry->transport == AGENT_MCP_SSE) {
		return take_endpoint(http, data, err);
	}
	if (len == 0 || (name[0] && strcmp(name, "message") != 0)) {
		return CUA_OK;
	}
	enum cua_status status = http->config.on_text(data, len, http->config.user_data, err);
	return status == CUA_ERR_APP ? CUA_OK : status; /* nobody asked for it */
}

static enum cua_status hear_events(void *user_data, struct cua_error *err)
{
	struct http *http = user_data;
	return mcp_events_read(http->events, hear_event, http, err);
}

/* A POST of the text, or without one a GET of what is left of a stream. */
static enum cua_status perform(struct http *http, struct cua_http_client *client,
		const struct mcp_outgoing *outgoing, const char *last_id, struct answer *answer,
		struct mcp_wait *wait, struct cua_error *err)
{
	struct headers headers;
	const struct agent_mcp_entry *entry = http->config.entry;
	const bool hears = http->events && client == http->client;
	enum cua_status status = make_headers(http, outgoing, last_id, &headers, err);
	const struct cua_http_request request = {
		.method = outgoing->text ? "POST" : "GET",
		.url = http->endpoint ? http->endpoint : entry->url,
		.headers = headers.lines,
		.body = outgoing->text,
		.body_len = outgoing->text ? strlen(outgoing->text) : 0,
		.no_proxy = strncasecmp(entry->url, "https", 5) != 0,
		.deadline_us = &wait->deadline_us,
		.max_body_len = (size_t)1 << 20,
		.on_data = on_data,
		.user_data = answer,
		.is_enough = &wait->is_answered,
		.beside_fd = hears ? mcp_events_fd(http->events) : NULL,
		.on_beside = hear_events,
		.beside_user_data = http,
	};
	if (status == CUA_OK) {
		status = cua_http_perform(client, &request, answer->response, err);
		wait->is_sent = true;
	}
	finish_headers(&headers);
	if (answer->response->http_status > 0 &&
			(wait->is_answered || answer->response->http_status / 100 != 2) &&
			status == CUA_ERR_CLOSED) {
		status = CUA_OK; /* it said all there was to say */
	}
	return status == CUA_OK ? conclude(answer, wait, err) : status;
}

static void begin_answer(
		struct answer *answer, struct http *http, struct cua_http_response *response)
{
	*response = (struct cua_http_response){ 0 };
	*answer = (struct answer){ .http = http, .response = response };
	agent_sse_init(&answer->sse, MCP_MESSAGE_MAX, on_event, answer);
	cua_buffer_init(&answer->body, MCP_MESSAGE_MAX);
}

static void finish_answer(struct answer *answer)
{
	agent_sse_finish(&answer->sse);
	cua_buffer_finish(&answer->body);
	cua_http_response_finish(answer->response);
}

/* CUA_OK when the time is over. */
static enum cua_status wait_ms(const struct http *http, long ms, const struct mcp_wait *wait,
		struct cua_error *err)
{
	const uint64_t until_us = cua_now_us() + (uint64_t)ms * 1000U;
	while (cua_now_us() < until_us) {
		struct pollfd cancel = { .fd = http->config.cancel_fd, .events = POLLIN };
		if (until_us > wait->deadline_us && cua_now_us() >= wait->deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "no answer in time");
		}
		if (poll(&cancel, 1,
				    cua_ms_until(until_us < wait->deadline_us
								    ? until_us
								    : wait->deadline_us)) > 0) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
		}
	}
	return CUA_OK;
}

/* A server of an older revision may end a stream before the answer, which is then asked for. */
static enum cua_status resume(struct http *http, const struct mcp_outgoing *outgoing,
		struct agent_sse *sse, struct mcp_wait *wait, struct cua_error *err)
{
	const struct mcp_outgoing get = { .version = outgoing->version };
	for (int i = 0; i < RESUME_MAX && !wait->is_answered; i++) {
		struct cua_http_response response;
		struct answer answer;
		enum cua_status status = wait_ms(
				http, sse->retry_ms >= 0 ? sse->retry_ms : RETRY_MS, wait, err);
		if (status != CUA_OK) {
			return status;
		}
		begin_answer(&answer, http, &response);
		status = perform(http, http->client, &get, sse->last_id, &answer, wait, err);
		if (answer.sse.last_id[0]) {
			memcpy(sse->last_id, answer.sse.last_id, sizeof(sse->last_id));
		}
		if (answer.sse.retry_ms >= 0) {
			sse->retry_ms = answer.sse.retry_ms;
		}
		finish_answer(&answer);
		if (status != CUA_OK) {
			return status;
		}
	}
	return wait->is_answered ? CUA_OK
				 : CUA_FAIL(err, CUA_ERR_CLOSED, 0,
						   "the server ended its stream without an answer");
}

/* --- of 2024-11-05 --- */

/* Hears the stream until `is_enough`. */
static enum cua_status hear_until(struct http *http, const bool *is_enough, char *const *is_known,
		const struct mcp_wait *wait, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && !(is_enough && *is_enough) && !(is_known && *is_known)) {
		struct pollfd polled[] = { { .fd = *mcp_events_fd(http->events), .events = POLLIN },
			{ .fd = http->config.cancel_fd, .events = POLLIN } };
		const int left_ms = cua_ms_until(wait->deadline_us);
		if (polled[0].fd < 0) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
					"the server has no such stream, or "
					"ended it");
		}
		if (left_ms == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "no answer in time");
		}
		if (poll(polled, 2, left_ms) > 0 && polled[1].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
		}
		status = polled[0].revents ? hear_events(http, err) : CUA_OK;
	}
	return status;
}

static enum cua_status open_stream(
		struct http *http, const struct mcp_wait *wait, struct cua_error *err)
{
	const struct mcp_outgoing nothing = { 0 };
	struct headers headers;
	if (http->events) {
		return CUA_OK;
	}
	enum cua_status status = make_headers(http, &nothing, NULL, &headers, err);
	if (status == CUA_OK) {
		status = mcp_events_open(
				http->config.entry->url, headers.lines, &http->events, err);
	}
	finish_headers(&headers);
	return status == CUA_OK ? hear_until(http, NULL, &http->endpoint, wait, err) : status;
}

static enum cua_status sse_exchange(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct mcp_wait *wait, struct cua_error *err)
{
	struct http *http = (struct http *)transport;
	struct cua_http_response response;
	struct answer answer;
	enum cua_status status = open_stream(http, wait, err);
	if (status != CUA_OK) {
		return status;
	}
	begin_answer(&answer, http, &response);
	answer.is_elsewhere = true;
	status = perform(http, http->client, outgoing, NULL, &answer, wait, err);
	finish_answer(&answer);
	return status == CUA_OK ? hear_until(http, &wait->is_answered, NULL, wait, err) : status;
}

/* --- of the newer ones --- */

static enum cua_status http_exchange(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct mcp_wait *wait, struct cua_error *err)
{
	struct http *http = (struct http *)transport;
	struct cua_http_response response;
	struct answer answer;
	begin_answer(&answer, http, &response);
	enum cua_status status = perform(http, http->client, outgoing, NULL, &answer, wait, err);
	const bool is_cut = !wait->is_answered &&
			(status == CUA_OK ||
					(status == CUA_ERR_CLOSED && is_stream(&response) &&
							!wait->is_lost));
	if (is_cut && !outgoing->is_modern && answer.sse.last_id[0]) {
		status = resume(http, outgoing, &answer.sse, wait, err);
	} else if (is_cut && status == CUA_OK) {
		status = CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the server's answer (%ld) holds no answer to the request",
				response.http_status);
	}
	finish_answer(&answer);
	return status;
}

static enum cua_status http_tell(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct cua_error *err)
{
	struct http *http = (struct http *)transport;
	struct mcp_wait brief = { .deadline_us = cua_now_us() + SEND_MS * 1000ULL };
	struct cua_http_response response;
	struct answer answer;
	begin_answer(&answer, http, &response);
	answer.is_elsewhere = http->endpoint != NULL;
	enum cua_status status = perform(http, http->second, outgoing, NULL, &answer, &brief, err);
	finish_answer(&answer);
	return status;
}

/* Until the server has said whether it has such a stream: what it says before that is lost. */
static void http_listen(struct mcp_transport *transport, const struct mcp_outgoing *session)
{
	struct http *http = (struct http *)transport;
	struct headers headers;
	mcp_events_close(http->events);
	http->events = NULL;
	if (make_headers(http, session, NULL, &headers, NULL) != CUA_OK ||
			mcp_events_open(http->config.entry->url, headers.lines, &http->events,
					NULL) != CUA_OK) {
		http->events = NULL;
	}
	finish_headers(&headers);
	if (http->events) {
		struct pollfd polled[] = { { .fd = *mcp_events_fd(http->events), .events = POLLIN },
			{ .fd = http->config.cancel_fd, .events = POLLIN } };
		(void)poll(polled, 2, LISTEN_MS);
	}
}

/* A session that is not needed any more; whether the server minds does not matter. */
static void http_hang_up(struct mcp_transport *transport, const struct mcp_outgoing *session)
{
	struct http *http = (struct http *)transport;
	struct headers headers;
	struct cua_http_response response;
	const uint64_t deadline_us = cua_now_us() + 1000000U;
	if (!http->session[0] || make_headers(http, session, NULL, &headers, NULL) != CUA_OK) {
		return;
	}
	const struct cua_http_request request = {
		.method = "DELETE",
		.url = http->config.entry->url,
		.headers = headers.lines,
		.no_proxy = strncasecmp(http->config.entry->url, "https", 5) != 0,
		.deadline_us = &deadline_us,
		.max_body_len = 65536,
	};
	if (cua_http_perform(http->second, &request, &response, NULL) == CUA_OK) {
		http->session[0] = '\0';
	}
	cua_http_response_finish(&response);
	finish_headers(&headers);
}

static void http_destroy(struct mcp_transport *transport)
{
	struct http *http = (struct http *)transport;
	mcp_events_close(http->events);
	free(http->endpoint);
	cua_http_client_destroy(http->client);
	cua_http_client_destroy(http->second);
	free(http);
}

static const struct mcp_transport_ops http_ops = {
	.exchange = http_exchange,
	.tell = http_tell,
	.listen = http_listen,
	.hang_up = http_hang_up,
	.destroy = http_destroy,
};

static const struct mcp_transport_ops sse_ops = {
	.exchange = sse_exchange,
	.tell = http_tell,
	.hang_up = http_hang_up,
	.destroy = http_destroy,
};

enum cua_status mcp_http_create(const struct mcp_transport_config *config,
		struct mcp_transport **ret_transport, struct cua_error *err)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	*http = (struct http){ .config = *config };
	http->transport.ops = config->entry->transport == AGENT_MCP_SSE ? &sse_ops : &http_ops;
	enum cua_status status =
			cua_http_client_create(NULL, config->cancel_fd, &http->client, err);
	if (status == CUA_OK) {
		/* What ends a run must not keep it from ending what it began. */
		status = cua_http_client_create(NULL, -1, &http->second, err);
	}
	if (status != CUA_OK) {
		http_destroy(&http->transport);
		return status;
	}
	*ret_transport = &http->transport;
	return CUA_OK;
}

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/mcp/mcp_http_internal.h"
#include "agent/mcp/mcp_http_value.h"
#include "agent/mcp/mcp_message.h"
#include "agent/mcp/mcp_text.h"
#include "cua/base/util.h"

/* --- headers --- */

static void add_line(struct mcp_http_headers *headers, const char *line)
{
	headers->lines[headers->count++] = line;
}

static void add_made(struct mcp_http_headers *headers, const char *name, const char *value)
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

void mcp_http_finish_headers(struct mcp_http_headers *headers)
{
	for (size_t i = 0; i < headers->own_count; i++) {
		free(headers->own[i]);
	}
	free(headers->lines);
}

enum cua_status mcp_http_make_headers(const struct mcp_http *http,
		const struct mcp_outgoing *outgoing, const char *last_id,
		struct mcp_http_headers *headers, struct cua_error *err)
{
	const char *const *entry = (const char *const *)http->config.entry->headers;
	*headers = (struct mcp_http_headers){ .is_whole = true };
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
	const struct mcp_http_answer *answer = user_data;
	const struct mcp_transport_config *config = &answer->http->config;
	if (len == 0 || (name[0] && strcmp(name, "message") != 0)) {
		return CUA_OK; /* an event that only has an id, or one of another kind */
	}
	return config->on_text(data, len, config->user_data, err);
}

bool mcp_http_is_stream(const struct cua_http_response *response)
{
	return strncasecmp(response->content_type, "text/event-stream", 17) == 0;
}

static enum cua_status on_data(const char *data, size_t len, void *user_data, struct cua_error *err)
{
	struct mcp_http_answer *answer = user_data;
	answer->len += len;
	if (answer->len > MCP_EXCHANGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the server sent over %zu bytes in answer to one request",
				MCP_EXCHANGE_MAX);
	}
	return mcp_http_is_stream(answer->response)
			? agent_sse_feed(&answer->sse, data, len, err)
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
static enum cua_status conclude(
		struct mcp_http_answer *answer, struct mcp_wait *wait, struct cua_error *err)
{
	const struct cua_http_response *response = answer->response;
	struct mcp_http *http = answer->http;
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

static enum cua_status hear_event(const char *name, const char *data, size_t len, void *user_data,
		struct cua_error *err)
{
	struct mcp_http *http = user_data;
	if (len > 0 && strcmp(name, "endpoint") == 0 &&
			http->config.entry->transport == AGENT_MCP_SSE) {
		return mcp_http_take_endpoint(http, data, err);
	}
	if (len == 0 || (name[0] && strcmp(name, "message") != 0)) {
		return CUA_OK;
	}
	enum cua_status status = http->config.on_text(data, len, http->config.user_data, err);
	return status == CUA_ERR_APP ? CUA_OK : status; /* nobody asked for it */
}

enum cua_status mcp_http_hear(void *user_data, struct cua_error *err)
{
	struct mcp_http *http = user_data;
	return mcp_events_read(http->events, hear_event, http, err);
}

/* What begins with the URL goes on without it: variables may have put a secret there. */
static void hide_url(const char *url, struct cua_error *err)
{
	const size_t len = strlen(url);
	if (!err ||
			strncmp(err->msg, url,
					len < sizeof(err->msg) - 1 ? len : sizeof(err->msg) - 1)) {
		return;
	}
	const char *rest = len < strlen(err->msg) ? err->msg + len : "";
	rest += strspn(rest, ": ");
	memmove(err->msg, rest[0] ? rest : "the request failed",
			rest[0] ? strlen(rest) + 1 : sizeof("the request failed"));
}

/* A POST of the text, or without one a GET of what is left of a stream. */
enum cua_status mcp_http_perform(struct mcp_http *http, struct cua_http_client *client,
		const struct mcp_outgoing *outgoing, const char *last_id,
		struct mcp_http_answer *answer, struct mcp_wait *wait, struct cua_error *err)
{
	struct mcp_http_headers headers;
	const struct agent_mcp_entry *entry = http->config.entry;
	const bool hears = http->events && client == http->client;
	enum cua_status status = mcp_http_make_headers(http, outgoing, last_id, &headers, err);
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
		.on_beside = mcp_http_hear,
		.beside_user_data = http,
	};
	if (status == CUA_OK) {
		status = cua_http_perform(client, &request, answer->response, err);
		wait->is_sent = true;
		if (status != CUA_OK) {
			hide_url(request.url, err);
		}
	}
	mcp_http_finish_headers(&headers);
	if (answer->response->http_status > 0 &&
			(wait->is_answered || answer->response->http_status / 100 != 2) &&
			status == CUA_ERR_CLOSED) {
		status = CUA_OK; /* it said all there was to say */
	}
	return status == CUA_OK ? conclude(answer, wait, err) : status;
}

void mcp_http_begin(struct mcp_http_answer *answer, struct mcp_http *http,
		struct cua_http_response *response)
{
	*response = (struct cua_http_response){ 0 };
	*answer = (struct mcp_http_answer){ .http = http, .response = response };
	agent_sse_init(&answer->sse, MCP_MESSAGE_MAX, on_event, answer);
	cua_buffer_init(&answer->body, MCP_MESSAGE_MAX);
}

void mcp_http_finish(struct mcp_http_answer *answer)
{
	agent_sse_finish(&answer->sse);
	cua_buffer_finish(&answer->body);
	cua_http_response_finish(answer->response);
}

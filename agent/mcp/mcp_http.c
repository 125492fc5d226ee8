/* A server behind streamable HTTP: a message is a POST, and its answer a JSON body or a stream of
 * events. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/mcp/mcp_http_internal.h"
#include "cua/base/util.h"

#define RETRY_MS 1000 /* before the rest of a stream is asked for, unless the server says */
#define RESUME_MAX 20
#define LISTEN_MS 1000 /* for a server to say that it has a stream of what it says unasked */

/* CUA_OK when the time is over. */
static enum cua_status wait_ms(const struct mcp_http *http, long ms, const struct mcp_wait *wait,
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
static enum cua_status resume(struct mcp_http *http, const struct mcp_outgoing *outgoing,
		struct agent_sse *sse, struct mcp_wait *wait, struct cua_error *err)
{
	const struct mcp_outgoing get = { .version = outgoing->version };
	for (int i = 0; i < RESUME_MAX && !wait->is_answered; i++) {
		struct cua_http_response response;
		struct mcp_http_answer answer;
		enum cua_status status = wait_ms(
				http, sse->retry_ms >= 0 ? sse->retry_ms : RETRY_MS, wait, err);
		if (status != CUA_OK) {
			return status;
		}
		mcp_http_begin(&answer, http, &response);
		status = mcp_http_perform(
				http, http->client, &get, sse->last_id, &answer, wait, err);
		if (answer.sse.last_id[0]) {
			memcpy(sse->last_id, answer.sse.last_id, sizeof(sse->last_id));
		}
		if (answer.sse.retry_ms >= 0) {
			sse->retry_ms = answer.sse.retry_ms;
		}
		mcp_http_finish(&answer);
		if (status != CUA_OK) {
			return status;
		}
	}
	return wait->is_answered ? CUA_OK
				 : CUA_FAIL(err, CUA_ERR_CLOSED, 0,
						   "the server ended its stream without an answer");
}

static enum cua_status http_exchange(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct mcp_wait *wait, struct cua_error *err)
{
	struct mcp_http *http = (struct mcp_http *)transport;
	struct cua_http_response response;
	struct mcp_http_answer answer;
	mcp_http_begin(&answer, http, &response);
	enum cua_status status =
			mcp_http_perform(http, http->client, outgoing, NULL, &answer, wait, err);
	const bool is_cut = !wait->is_answered &&
			(status == CUA_OK ||
					(status == CUA_ERR_CLOSED &&
							mcp_http_is_stream(&response) &&
							!wait->is_lost));
	if (is_cut && !outgoing->is_modern && answer.sse.last_id[0]) {
		status = resume(http, outgoing, &answer.sse, wait, err);
	} else if (is_cut && status == CUA_OK) {
		status = CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the server's answer (%ld) holds no answer to the request",
				response.http_status);
	}
	mcp_http_finish(&answer);
	return status;
}

static enum cua_status http_tell(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct cua_error *err)
{
	struct mcp_http *http = (struct mcp_http *)transport;
	struct mcp_wait brief = { .deadline_us = cua_now_us() + MCP_HTTP_TELL_MS * 1000ULL };
	struct cua_http_response response;
	struct mcp_http_answer answer;
	mcp_http_begin(&answer, http, &response);
	answer.is_elsewhere = http->endpoint != NULL;
	enum cua_status status =
			mcp_http_perform(http, http->second, outgoing, NULL, &answer, &brief, err);
	mcp_http_finish(&answer);
	return status;
}

/* Until the server has said whether it has such a stream: what it says before that is lost. */
static void http_listen(struct mcp_transport *transport, const struct mcp_outgoing *session)
{
	struct mcp_http *http = (struct mcp_http *)transport;
	struct mcp_http_headers headers;
	mcp_events_close(http->events);
	http->events = NULL;
	if (mcp_http_make_headers(http, session, NULL, &headers, NULL) != CUA_OK ||
			mcp_events_open(http->config.entry->url, headers.lines, &http->events,
					NULL) != CUA_OK) {
		http->events = NULL;
	}
	mcp_http_finish_headers(&headers);
	if (http->events) {
		struct pollfd polled[] = { { .fd = *mcp_events_fd(http->events), .events = POLLIN },
			{ .fd = http->config.cancel_fd, .events = POLLIN } };
		(void)poll(polled, 2, LISTEN_MS);
	}
}

/* A session that is not needed any more; whether the server minds does not matter. */
static void http_hang_up(struct mcp_transport *transport, const struct mcp_outgoing *session)
{
	struct mcp_http *http = (struct mcp_http *)transport;
	struct mcp_http_headers headers;
	struct cua_http_response response;
	const uint64_t deadline_us = cua_now_us() + 1000000U;
	if (!http->session[0] ||
			mcp_http_make_headers(http, session, NULL, &headers, NULL) != CUA_OK) {
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
	mcp_http_finish_headers(&headers);
}

static void http_destroy(struct mcp_transport *transport)
{
	struct mcp_http *http = (struct mcp_http *)transport;
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
	.exchange = mcp_http_exchange_old,
	.tell = http_tell,
	.hang_up = http_hang_up,
	.destroy = http_destroy,
};

enum cua_status mcp_http_create(const struct mcp_transport_config *config,
		struct mcp_transport **ret_transport, struct cua_error *err)
{
	struct mcp_http *http = calloc(1, sizeof(*http));
	if (!http) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	*http = (struct mcp_http){ .config = *config };
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

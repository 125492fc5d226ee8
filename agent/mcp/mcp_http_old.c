/* HTTP as it was in 2024-11-05: one stream has all answers, and says where to POST. */

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/mcp/mcp_http_internal.h"
#include "cua/base/util.h"

/* Where to POST, which must be at the address of the stream: headers go there. */
enum cua_status mcp_http_take_endpoint(
		struct mcp_http *http, const char *place, struct cua_error *err)
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

/* Hears the stream until `is_enough`. */
static enum cua_status hear_until(struct mcp_http *http, const bool *is_enough,
		char *const *is_known, const struct mcp_wait *wait, struct cua_error *err)
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
		status = polled[0].revents ? mcp_http_hear(http, err) : CUA_OK;
	}
	return status;
}

static enum cua_status open_stream(
		struct mcp_http *http, const struct mcp_wait *wait, struct cua_error *err)
{
	const struct mcp_outgoing nothing = { 0 };
	struct mcp_http_headers headers;
	if (http->events) {
		return CUA_OK;
	}
	enum cua_status status = mcp_http_make_headers(http, &nothing, NULL, &headers, err);
	if (status == CUA_OK) {
		status = mcp_events_open(
				http->config.entry->url, headers.lines, &http->events, err);
	}
	mcp_http_finish_headers(&headers);
	return status == CUA_OK ? hear_until(http, NULL, &http->endpoint, wait, err) : status;
}

enum cua_status mcp_http_exchange_old(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct mcp_wait *wait, struct cua_error *err)
{
	struct mcp_http *http = (struct mcp_http *)transport;
	struct cua_http_response response;
	struct mcp_http_answer answer;
	enum cua_status status = open_stream(http, wait, err);
	if (status != CUA_OK) {
		return status;
	}
	mcp_http_begin(&answer, http, &response);
	answer.is_elsewhere = true;
	status = mcp_http_perform(http, http->client, outgoing, NULL, &answer, wait, err);
	mcp_http_finish(&answer);
	return status == CUA_OK ? hear_until(http, &wait->is_answered, NULL, wait, err) : status;
}

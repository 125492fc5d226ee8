#ifndef CUA_AGENT_MCP_HTTP_INTERNAL_H
#define CUA_AGENT_MCP_HTTP_INTERNAL_H

/* What the files of HTTP share: mcp_http.c speaks streamable HTTP, mcp_http_old.c the one of
 * 2024-11-05; mcp_http_post.c sends one message and takes what comes of it. */

#include "agent/mcp/mcp_events.h"
#include "agent/mcp/mcp_transport.h"
#include "agent/model/sse.h"
#include "cua/base/http_client.h"

#define MCP_HTTP_TELL_MS 5000 /* for what no answer is waited for */

struct mcp_http {
	struct mcp_transport transport; /* first */
	struct mcp_transport_config config;
	struct cua_http_client *client;
	struct cua_http_client *second; /* for what is said while an answer comes */
	struct mcp_events *events; /* what is said unasked, or of 2024-11-05 all; may be NULL */
	char *endpoint;            /* owned; where to POST if it is elsewhere; NULL */
	char session[256];         /* of older revisions; "": none */
};

/* The answer to one POST or GET. */
struct mcp_http_answer {
	struct mcp_http *http;
	struct cua_http_response *response;
	struct agent_sse sse;
	struct cua_buffer body;
	size_t len;
	bool is_elsewhere; /* the body is a word of politeness: the answer comes by the stream */
};

/* The lines of a request; release with mcp_http_finish_headers(), whatever came of it. */
struct mcp_http_headers {
	const char **lines; /* owned */
	char *own[8];       /* owned; the lines that were made here */
	size_t count, own_count;
	bool is_whole;
};

CUA_NODISCARD enum cua_status mcp_http_make_headers(const struct mcp_http *http,
		const struct mcp_outgoing *outgoing, const char *last_id,
		struct mcp_http_headers *headers, struct cua_error *err);
void mcp_http_finish_headers(struct mcp_http_headers *headers);

void mcp_http_begin(struct mcp_http_answer *answer, struct mcp_http *http,
		struct cua_http_response *response);
void mcp_http_finish(struct mcp_http_answer *answer);
bool mcp_http_is_stream(const struct cua_http_response *response);
/* A POST of the text, or without one a GET of what is left of a stream. */
CUA_NODISCARD enum cua_status mcp_http_perform(struct mcp_http *http,
		struct cua_http_client *client, const struct mcp_outgoing *outgoing,
		const char *last_id, struct mcp_http_answer *answer, struct mcp_wait *wait,
		struct cua_error *err);
/* What is on http->events now. */
CUA_NODISCARD enum cua_status mcp_http_hear(void *http, struct cua_error *err);

/* --- mcp_http_old.c --- */

/* Where to POST, as the stream says. CUA_ERR_APP if it is not at the address of the stream. */
CUA_NODISCARD enum cua_status mcp_http_take_endpoint(
		struct mcp_http *http, const char *place, struct cua_error *err);
/* For mcp_transport_ops. */
enum cua_status mcp_http_exchange_old(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct mcp_wait *wait, struct cua_error *err);

#endif

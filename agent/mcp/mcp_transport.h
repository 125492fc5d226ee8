#ifndef CUA_AGENT_MCP_TRANSPORT_H
#define CUA_AGENT_MCP_TRANSPORT_H

/* How messages get to a server and back: stdio, or streamable HTTP. One request at a time. */

#include <stdbool.h>
#include <stdint.h>

#include "agent/mcp/mcp_config.h"

/* Of one exchange; what a server sends beyond it ends the connection. */
#define MCP_EXCHANGE_MAX ((size_t)64 << 20)

/* A text that came from the server: one line, body or event. A status other than CUA_OK ends the
 * exchange with it. */
typedef enum cua_status (*mcp_text_fn)(
		const char *text, size_t len, void *user_data, struct cua_error *err);

struct mcp_transport_config {
	const struct agent_mcp_entry *entry; /* borrowed, as long as the transport is there */
	int cancel_fd;                       /* readable: stop; -1 for none */
	int64_t memory_bytes, tasks;         /* that a server of stdio may take */
	mcp_text_fn on_text;
	void *user_data;
};

/* What is sent. All borrowed. */
struct mcp_outgoing {
	const char *text;
	const char *method, *name;  /* of HTTP headers; name may be NULL */
	const char *version;        /* of the protocol; NULL while there is none */
	const char *const *headers; /* NULL-terminated, "Name: value"; NULL for none */
	bool is_modern; /* of 2026-07-28 or later: HTTP has headers for method and name */
};

/* The end of an exchange; on_text moves the first two. */
struct mcp_wait {
	bool is_answered;
	uint64_t deadline_us; /* of cua_now_us() */
	bool is_sent;         /* set: the server may have begun */
	bool is_lost;         /* set: the session is gone, and nothing was begun */
	long http_status;     /* set: HTTP said no, with nothing that could be read; else 0 */
	char reached[160];    /* set: what limit the server came to, though it answered; else "" */
};

struct mcp_transport;

struct mcp_transport_ops {
	/* Sends, and takes what comes until it is answered.
	 * Return: CUA_OK; CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED; CUA_ERR_CLOSED if the server is gone;
	 *         CUA_ERR_TOO_LARGE past a bound; CUA_ERR_APP; CUA_ERR_NOMEM; what on_text
	 *         returned. */
	enum cua_status (*exchange)(struct mcp_transport *transport,
			const struct mcp_outgoing *outgoing, struct mcp_wait *wait,
			struct cua_error *err);
	/* Says what has no answer, also in the middle of an exchange, and when cancel_fd is
	 * readable; a few seconds at most. */
	enum cua_status (*tell)(struct mcp_transport *transport,
			const struct mcp_outgoing *outgoing, struct cua_error *err);
	/* The server was greeted, in a revision that has servers say something unasked: from now on
	 * that is heard during each exchange. NULL if it is heard anyway. */
	void (*listen)(struct mcp_transport *transport, const struct mcp_outgoing *session);
	/* The end is near: what takes time may begin. Nothing is sent any more. */
	void (*hang_up)(struct mcp_transport *transport, const struct mcp_outgoing *session);
	/* Within two seconds nothing is left of it. */
	void (*destroy)(struct mcp_transport *transport);
};

struct mcp_transport {
	const struct mcp_transport_ops *ops;
};

CUA_NODISCARD enum cua_status mcp_stdio_create(const struct mcp_transport_config *config,
		struct mcp_transport **ret_transport, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_http_create(const struct mcp_transport_config *config,
		struct mcp_transport **ret_transport, struct cua_error *err);

#endif

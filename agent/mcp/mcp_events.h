#ifndef CUA_AGENT_MCP_EVENTS_H
#define CUA_AGENT_MCP_EVENTS_H

/* A stream of events that a server keeps open for what it says unasked, in the revisions before
 * 2026-07-28. A thread reads it, since requests are answered meanwhile. The caller ignores
 * SIGPIPE. */

#include <stddef.h>

#include "agent/model/sse.h"
#include "cua/base/error.h"

struct mcp_events;

/* url and headers are copied. Nothing is waited for. */
CUA_NODISCARD enum cua_status mcp_events_open(const char *url, const char *const *headers,
		struct mcp_events **ret_events, struct cua_error *err);
/* Within the time of a request that is cancelled. */
void mcp_events_close(struct mcp_events *events);

/* Readable when mcp_events_read() has something to do; *fd is -1 once the stream has ended. */
const int *mcp_events_fd(const struct mcp_events *events);

/* What is there. Before the first event one comes that is named MCP_EVENTS_READY and has no data:
 * the server has said yes. Line breaks in data have become spaces.
 * Return: CUA_OK; CUA_ERR_TOO_LARGE; what on_event returned. */
#define MCP_EVENTS_READY " ready"
CUA_NODISCARD enum cua_status mcp_events_read(struct mcp_events *events,
		agent_sse_event_fn on_event, void *user_data, struct cua_error *err);

#endif

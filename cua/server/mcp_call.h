#ifndef CUA_SERVER_MCP_CALL_H
#define CUA_SERVER_MCP_CALL_H

/* What one POST to /mcp leads to. A call of a tool can go on as a stream of server-sent events: its
 * progress is told as it comes, and who hangs up ends it. */

#include <uv.h>

#include "cua/base/buffer.h"
#include "cua/server/mcp.h"
#include "cua/server/route.h"
#include "cua/server/streams.h"

struct mcp_call {
	struct stream_face face;
	struct mcp_client client;
	struct mcp_serve_session *session; /* owned; NULL: none yet */
	struct mcp_serve_call *tool;       /* owned; NULL: it is none, or is over */
	cJSON *id;                         /* owned; of the call */
	LIST_ENTRY(mcp_call) link;         /* of the offers, while it is streamed */
	/* What was emitted: how many messages, and of those that are not sent yet all as events. */
	pthread_mutex_t mutex;
	int count;
	struct cua_buffer first, events;
	bool has_failed; /* no memory for one */
	/* While it is streamed; on the loop's thread. */
	struct cua_http_stream *stream; /* NULL: closed */
	bool is_streamed;
	int handles; /* that are open */
	uv_async_t news;
	uv_timer_t tick;
	uv_work_t work;
	uv_thread_t thread; /* of a call that goes on, and its end */
	uv_async_t over;
	int busy; /* the request's place among those under way */
};

/* NULL without memory. */
struct mcp_call *mcp_call_create(const struct request *request);
void mcp_call_destroy(struct mcp_call *call);
struct mcp_serve_out mcp_call_out(struct mcp_call *call);
/* The request is answered by a stream, on which call->tool is run; call is the stream's. */
void mcp_call_stream(struct mcp_call *call, struct request *request);
/* A client says that it does not wait for what it has asked under this id: of the streamed calls of
 * its token the one that has it, if there is but one. Any thread. */
void mcp_call_cancel(struct mcp_offers *offers, const struct caller *caller, const cJSON *id);

#endif

#ifndef CUA_SERVER_MCP_H
#define CUA_SERVER_MCP_H

/* What /mcp offers, and the calls of tools that are under way there. */

#include <pthread.h>
#include <sys/queue.h>

#include "cua/mcp/serve.h"
#include "cua/server/tokens.h"

struct server;

#define MCP_TOOLS_MAX 24

/* One for each of what a token may: act, approve, both, neither. */
struct mcp_offers {
	struct mcp_serve *of[4];
	const struct mcp_serve_extra *extras[4][MCP_TOOLS_MAX + 1];
	pthread_mutex_t mutex;
	LIST_HEAD(, mcp_call) calls; /* with the mutex */
};

/* Who has posted a message: the client of its session. */
struct mcp_client {
	struct server *server;
	struct caller caller;
};

/* To be released also after a failure. */
CUA_NODISCARD enum cua_status mcp_offers_create(
		struct mcp_offers *ret_offers, struct cua_error *err);
void mcp_offers_destroy(struct mcp_offers *offers);

/* mcp_tools.c: routes of ours as tools, those that the scopes allow, up to a NULL. */
void mcp_tools_list(unsigned int scopes, const struct mcp_serve_extra *list[MCP_TOOLS_MAX + 1]);

#endif

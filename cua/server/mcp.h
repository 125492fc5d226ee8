#ifndef CUA_SERVER_MCP_H
#define CUA_SERVER_MCP_H

/* What /mcp offers, and the calls of tools that are under way there. */

#include <pthread.h>
#include <sys/queue.h>

#include "cua/mcp/serve.h"
#include "cua/server/tokens.h"

struct mcp_news;
struct server;

#define MCP_TOOLS_MAX 24

/* One for each of what a token may: act, approve, both, neither. */
struct mcp_offers {
	struct mcp_serve *of[4];
	const struct mcp_serve_extra *extras[4][MCP_TOOLS_MAX + 1];
	pthread_mutex_t mutex;
	LIST_HEAD(, mcp_call) calls; /* with the mutex */
	struct mcp_news *news;       /* of runs */
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

/* What a route of ours answers, that the client may ask. given: taken: its query or body, and what
 * stands in its path. ret_answer: the caller's. */
CUA_NODISCARD enum cua_status mcp_tools_call(const char *operation, cJSON *given, int cancel_fd,
		const struct mcp_client *client, cJSON **ret_answer, struct cua_error *err);

/* mcp_resources.c: runs of the server, up to one without a uri. */
extern const struct mcp_serve_extra_resource mcp_resources[];

/* mcp_news.c: those who wait for news of runs. */

struct feed;

/* On the loop's thread; news come from the feed from then on. */
CUA_NODISCARD enum cua_status mcp_news_create(
		struct feed *feed, struct mcp_news **ret_news, struct cua_error *err);
/* On the loop's thread, before the feed ends: there are no more. */
void mcp_news_end(struct mcp_news *news);
/* After the last thread that opens some. */
void mcp_news_destroy(struct mcp_news *news);
/* Any thread: a descriptor, the caller's, that can be read when there is news of this run; NULL: of
 * any. -1 with err filled. */
int mcp_news_open(struct mcp_news *news, const char *run, struct cua_error *err);

#endif

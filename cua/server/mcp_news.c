/* News of runs, for threads that wait for a descriptor. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/feed.h"
#include "cua/server/mcp.h"

#define LISTENERS_MAX 512

/* It is released when the other end is found closed. */
struct listener {
	LIST_ENTRY(listener) link;
	int fd;
	char *run; /* owned; NULL: any */
};

struct mcp_news {
	struct feed_watcher watcher; /* first */
	struct feed *feed;
	pthread_mutex_t mutex; /* of what follows */
	LIST_HEAD(, listener) list;
	int count;
};

static void release(struct mcp_news *news, struct listener *listener)
{
	LIST_REMOVE(listener, link);
	news->count--;
	close(listener->fd);
	free(listener->run);
	free(listener);
}

/* One byte, which says that there is news; where some are unread already, it says so too. run:
 * NULL: of all. False: nobody listens any more. */
static bool tell(const struct listener *listener, const char *run)
{
	char byte = 0;
	if (run && listener->run && strcmp(listener->run, run) != 0) {
		return recv(listener->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0;
	}
	return send(listener->fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 || errno == EAGAIN;
}

static void tell_all(struct mcp_news *news, const char *run)
{
	struct listener *listener = NULL, *next = NULL;
	pthread_mutex_lock(&news->mutex);
	for (listener = LIST_FIRST(&news->list); listener; listener = next) {
		next = LIST_NEXT(listener, link);
		if (!tell(listener, run)) {
			release(news, listener);
		}
	}
	pthread_mutex_unlock(&news->mutex);
}

/* Who has missed something hears that anything may have changed. */
static void take(struct mcp_news *news, const char *text)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
	const char *run = cua_json_string(json, "run");
	if (run || strcmp(cua_json_text(json, "event"), "reset") == 0) {
		tell_all(news, run);
	}
}

static void on_news(struct feed_watcher *watcher)
{
	struct mcp_news *news = (struct mcp_news *)watcher;
	for (char *text = NULL; (text = feed_next(news->feed, watcher));) {
		take(news, text);
		free(text);
	}
}

int mcp_news_open(struct mcp_news *news, const char *run, struct cua_error *err)
{
	int ends[2];
	struct listener *listener = calloc(1, sizeof(*listener));
	char *copy = run ? strdup(run) : NULL;
	if (!listener || (run && !copy)) {
		free(copy);
		free(listener);
		cua_error_set(err, CUA_ERR_NOMEM, ENOMEM, "news");
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
		free(copy);
		free(listener);
		cua_error_set(err, CUA_ERR_IO, errno, "socketpair");
		return -1;
	}
	*listener = (struct listener){ .fd = ends[0], .run = copy };
	pthread_mutex_lock(&news->mutex);
	LIST_INSERT_HEAD(&news->list, listener, link);
	const bool is_full = ++news->count > LISTENERS_MAX;
	if (is_full) {
		release(news, listener);
	}
	pthread_mutex_unlock(&news->mutex);
	if (is_full) {
		close(ends[1]);
		cua_error_set(err, CUA_ERR_TOO_LARGE, 0, "%d listen for news of runs",
				LISTENERS_MAX);
		return -1;
	}
	return ends[1];
}

enum cua_status mcp_news_create(
		struct feed *feed, struct mcp_news **ret_news, struct cua_error *err)
{
	struct mcp_news *news = calloc(1, sizeof(*news));
	if (!news) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "news");
	}
	news->watcher.on_news = on_news;
	news->feed = feed;
	pthread_mutex_init(&news->mutex, NULL);
	LIST_INIT(&news->list);
	feed_watch(feed, &news->watcher);
	*ret_news = news;
	return CUA_OK;
}

void mcp_news_end(struct mcp_news *news)
{
	if (news) {
		feed_unwatch(&news->watcher);
	}
}

void mcp_news_destroy(struct mcp_news *news)
{
	if (!news) {
		return;
	}
	for (struct listener *listener; (listener = LIST_FIRST(&news->list));) {
		release(news, listener);
	}
	pthread_mutex_destroy(&news->mutex);
	free(news);
}

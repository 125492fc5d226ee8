/* News of resources: what a client has subscribed to, and a loop that tells of it. What changes
 * says so on a descriptor of its own; nothing is looked at to find out. */

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define SUBSCRIPTIONS_MAX 16             /* of a client */
#define WATCHES_MAX 32                   /* of a server */
#define UNHEARD_US (5 * 60 * 1000000ULL) /* what no stream is there for is kept so long */
/* What changes all the time is told of so often. */
#define PACE_US 1000000U

/* One resource. Others than the loop only mark it as over: what the loop waits for stays open. */
struct subscription {
	TAILQ_ENTRY(subscription) entry;
	char *uri; /* owned */
	const struct mcp_serve_resource *resource;
	char variable[MCP_SERVE_VARIABLE_SIZE];
	int fd; /* -1: what was watched there is gone */
	bool is_over, has_changed;
	uint64_t told_us; /* 0: never */
};

struct mcp_serve_watch {
	LIST_ENTRY(mcp_serve_watch) link; /* of the server */
	struct mcp_serve *serve;
	char *key;   /* owned; of the session over HTTP; NULL: one request, or stdio */
	int wake_fd; /* an eventfd */
	int holders; /* with the server's mutex, as the next */
	uint64_t unheld_us;
	atomic_bool is_lost;   /* something that was watched is gone */
	pthread_mutex_t mutex; /* of what follows */
	TAILQ_HEAD(, subscription) list;
	int count; /* of those that are not over */
	bool is_run, is_ending;
};

static void wake(struct mcp_serve_watch *watch)
{
	const uint64_t one = 1;
	(void)!write(watch->wake_fd, &one, sizeof(one));
}

/* --- life --- */

static void release_subscription(struct mcp_serve_watch *watch, struct subscription *one)
{
	TAILQ_REMOVE(&watch->list, one, entry);
	watch->count -= !one->is_over;
	cua_closep(&one->fd);
	free(one->uri);
	free(one);
}

static void destroy(struct mcp_serve_watch *watch)
{
	for (struct subscription *one; (one = TAILQ_FIRST(&watch->list));) {
		release_subscription(watch, one);
	}
	cua_closep(&watch->wake_fd);
	pthread_mutex_destroy(&watch->mutex);
	free(watch->key);
	free(watch);
}

static struct mcp_serve_watch *create(struct mcp_serve *serve, const char *key)
{
	struct mcp_serve_watch *watch = calloc(1, sizeof(*watch));
	char *copy = key ? strdup(key) : NULL;
	const int fd = watch && (copy || !key) ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	if (fd < 0) {
		free(copy);
		free(watch);
		return NULL;
	}
	*watch = (struct mcp_serve_watch){ .serve = serve, .key = copy, .wake_fd = fd };
	TAILQ_INIT(&watch->list);
	pthread_mutex_init(&watch->mutex, NULL);
	return watch;
}

/* With the server's mutex held. What a client has subscribed to over HTTP waits for its stream,
 * which may never come. */
static bool make_room(struct mcp_serve *serve)
{
	struct mcp_serve_watch *watch = NULL, *next = NULL;
	int count = 0;
	for (watch = LIST_FIRST(&serve->watches); watch; watch = next) {
		next = LIST_NEXT(watch, link);
		if (watch->holders == 0 && cua_now_us() - watch->unheld_us > UNHEARD_US) {
			LIST_REMOVE(watch, link);
			destroy(watch);
		} else {
			count++;
		}
	}
	return count < WATCHES_MAX;
}

struct mcp_serve_watch *mcp_serve_watch_hold(struct mcp_serve *serve, const char *key)
{
	struct mcp_serve_watch *watch = NULL;
	pthread_mutex_lock(&serve->watches_mutex);
	LIST_FOREACH(watch, &serve->watches, link)
	{
		if (key && watch->key && strcmp(watch->key, key) == 0) {
			break;
		}
	}
	if (!watch && make_room(serve)) {
		watch = create(serve, key);
		if (watch) {
			LIST_INSERT_HEAD(&serve->watches, watch, link);
		}
	}
	if (watch) {
		watch->holders++;
	}
	pthread_mutex_unlock(&serve->watches_mutex);
	return watch;
}

void mcp_serve_watch_drop(struct mcp_serve_watch *watch)
{
	struct mcp_serve *serve = watch ? watch->serve : NULL;
	if (!watch) {
		return;
	}
	pthread_mutex_lock(&serve->watches_mutex);
	/* A client that lost its stream comes back with the same key. */
	if (--watch->holders == 0 && (!watch->key || watch->count == 0)) {
		LIST_REMOVE(watch, link);
		destroy(watch);
	} else {
		watch->unheld_us = cua_now_us();
	}
	pthread_mutex_unlock(&serve->watches_mutex);
}

void mcp_serve_watches_finish(struct mcp_serve *serve)
{
	for (struct mcp_serve_watch *watch; (watch = LIST_FIRST(&serve->watches));) {
		LIST_REMOVE(watch, link);
		destroy(watch);
	}
}

void mcp_serve_watches_look(struct mcp_serve *serve)
{
	struct mcp_serve_watch *watch = NULL;
	pthread_mutex_lock(&serve->watches_mutex);
	LIST_FOREACH(watch, &serve->watches, link)
	{
		if (atomic_load(&watch->is_lost)) {
			wake(watch);
		}
	}
	pthread_mutex_unlock(&serve->watches_mutex);
}

void mcp_serve_end_watching(struct mcp_serve *serve)
{
	struct mcp_serve_watch *watch = NULL;
	pthread_mutex_lock(&serve->watches_mutex);
	LIST_FOREACH(watch, &serve->watches, link)
	{
		pthread_mutex_lock(&watch->mutex);
		watch->is_ending = true;
		wake(watch);
		pthread_mutex_unlock(&watch->mutex);
	}
	pthread_mutex_unlock(&serve->watches_mutex);
}

/* --- what is subscribed to --- */

static struct subscription *find(struct mcp_serve_watch *watch, const char *uri)
{
	struct subscription *one = NULL;
	TAILQ_FOREACH(one, &watch->list, entry)
	{
		if (!one->is_over && strcmp(one->uri, uri) == 0) {
			return one;
		}
	}
	return NULL;
}

static int open_news(const struct mcp_serve_watch *watch, const struct subscription *one,
		const void *client, struct cua_error *err)
{
	return one->resource->watch(one->resource, watch->serve, client,
			one->variable[0] ? one->variable : NULL, err);
}

static enum cua_status enter(
		struct mcp_serve_watch *watch, struct subscription *one, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	pthread_mutex_lock(&watch->mutex);
	if (watch->count == SUBSCRIPTIONS_MAX) {
		status = CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%d resources are subscribed to; unsubscribe from one first",
				SUBSCRIPTIONS_MAX);
	} else {
		TAILQ_INSERT_TAIL(&watch->list, one, entry);
		watch->count++;
		wake(watch);
	}
	pthread_mutex_unlock(&watch->mutex);
	return status;
}

static bool has(struct mcp_serve_watch *watch, const char *uri)
{
	pthread_mutex_lock(&watch->mutex);
	const bool is_there = find(watch, uri);
	pthread_mutex_unlock(&watch->mutex);
	return is_there;
}

enum cua_status mcp_serve_watch_add(struct mcp_serve_watch *watch, const void *client,
		const char *uri, struct cua_error *err)
{
	if (has(watch, uri)) {
		return CUA_OK;
	}
	struct subscription *one = calloc(1, sizeof(*one));
	char *copy = strdup(uri);
	if (!one || !copy) {
		free(copy);
		free(one);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "subscription");
	}
	one->uri = copy;
	one->fd = -1;
	one->resource = mcp_serve_find_resource(watch->serve, uri, one->variable);
	enum cua_status status = CUA_OK;
	if (!one->resource) {
		status = CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "there is no resource \"%.200s\" here",
				uri);
	} else if (!one->resource->watch) {
		status = CUA_FAIL(
				err, CUA_ERR_INVAL, 0, "of changes of %.200s nothing is told", uri);
	} else if ((one->fd = open_news(watch, one, client, err)) < 0) {
		status = err->status;
	} else {
		status = enter(watch, one, err);
	}
	if (status != CUA_OK) {
		cua_closep(&one->fd);
		free(copy);
		free(one);
	}
	return status;
}

void mcp_serve_watch_remove(struct mcp_serve_watch *watch, const char *uri)
{
	pthread_mutex_lock(&watch->mutex);
	struct subscription *one = find(watch, uri);
	if (one && watch->is_run) {
		one->is_over = true;
		watch->count--;
		wake(watch);
	} else if (one) {
		release_subscription(watch, one);
	}
	pthread_mutex_unlock(&watch->mutex);
}

/* --- the loop --- */

/* What is read says nothing but that there is news. False: the other end is gone. */
static bool drain(int fd)
{
	char bytes[4096];
	ssize_t len = 0;
	do {
		len = read(fd, bytes, sizeof(bytes));
	} while (len > 0 || (len < 0 && errno == EINTR));
	return len < 0 && errno == EAGAIN;
}

/* Of what has grown: what is new there is watched, too, before what it says is told. */
static bool renew(struct mcp_serve_watch *watch, struct subscription *one, const void *client)
{
	struct cua_error why = { 0 };
	cua_closep(&one->fd);
	one->fd = open_news(watch, one, client, &why);
	return one->fd >= 0;
}

/* fds: of the subscriptions that were there, in their order; with the mutex held. */
static void take_news(struct mcp_serve_watch *watch, const struct pollfd *fds, const void *client)
{
	struct subscription *one = NULL, *next = NULL;
	for (one = TAILQ_FIRST(&watch->list); one; one = next) {
		next = TAILQ_NEXT(one, entry);
		if (one->is_over) {
			release_subscription(watch, one);
			continue;
		}
		const struct pollfd *at = fds;
		while (at->fd != -1 && at->fd != one->fd) {
			at++;
		}
		if (one->fd < 0 || at->fd < 0 || !at->revents) {
			continue;
		}
		one->has_changed = true;
		if (!drain(one->fd) ||
				(one->resource->is_watched_anew && !renew(watch, one, client))) {
			cua_closep(&one->fd);
			atomic_store(&watch->is_lost, true);
		}
	}
}

/* What was gone may be there again. */
static void look_again(struct mcp_serve_watch *watch, const void *client)
{
	struct subscription *one = NULL;
	if (!atomic_exchange(&watch->is_lost, false)) {
		return;
	}
	TAILQ_FOREACH(one, &watch->list, entry)
	{
		struct cua_error why = { 0 };
		if (one->fd >= 0 || one->is_over) {
			continue;
		}
		one->fd = open_news(watch, one, client, &why);
		if (one->fd >= 0) {
			one->has_changed = true;
		} else {
			atomic_store(&watch->is_lost, true);
		}
	}
}

/* The next that may be told, with the mutex held; NULL: none now, and *ret_wait_ms is when to look
 * again. */
static struct subscription *next_told(struct mcp_serve_watch *watch, int *ret_wait_ms)
{
	struct subscription *one = NULL;
	*ret_wait_ms = -1;
	TAILQ_FOREACH(one, &watch->list, entry)
	{
		if (one->is_over || !one->has_changed) {
			continue;
		}
		const int left_ms = one->told_us ? cua_ms_until(one->told_us + PACE_US) : 0;
		if (left_ms == 0) {
			return one;
		}
		*ret_wait_ms = *ret_wait_ms < 0 || left_ms < *ret_wait_ms ? left_ms : *ret_wait_ms;
	}
	return NULL;
}

/* The texts are emitted without the mutex: a client that does not read holds nobody else up. */
static int tell_all(struct mcp_serve_watch *watch, mcp_serve_watch_fn tell, void *user_data)
{
	int wait_ms = -1;
	for (;;) {
		pthread_mutex_lock(&watch->mutex);
		struct subscription *one = next_told(watch, &wait_ms);
		CUA_AUTO_FREE char *uri = one ? strdup(one->uri) : NULL;
		if (one) {
			one->has_changed = false;
			one->told_us = cua_now_us();
		}
		pthread_mutex_unlock(&watch->mutex);
		if (!one) {
			return wait_ms;
		}
		if (uri) {
			tell(uri, user_data);
		}
	}
}

static bool goes_on(struct mcp_serve_watch *watch, bool ends_without)
{
	pthread_mutex_lock(&watch->mutex);
	const bool goes_on = !watch->is_ending && (watch->count > 0 || !ends_without);
	watch->is_run = goes_on;
	pthread_mutex_unlock(&watch->mutex);
	return goes_on;
}

/* wake_fd, cancel_fd, those of the subscriptions, and -1. */
static int list_fds(struct mcp_serve_watch *watch, int cancel_fd,
		struct pollfd fds[2 * SUBSCRIPTIONS_MAX + 3])
{
	struct subscription *one = NULL;
	int count = 2;
	fds[0] = (struct pollfd){ .fd = watch->wake_fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = cancel_fd, .events = POLLIN };
	pthread_mutex_lock(&watch->mutex);
	TAILQ_FOREACH(one, &watch->list, entry)
	{
		if (one->fd >= 0 && count < 2 * SUBSCRIPTIONS_MAX + 2) {
			fds[count++] = (struct pollfd){ .fd = one->fd, .events = POLLIN };
		}
	}
	pthread_mutex_unlock(&watch->mutex);
	fds[count] = (struct pollfd){ .fd = -1 };
	return count;
}

bool mcp_serve_watch_claim(struct mcp_serve_watch *watch)
{
	pthread_mutex_lock(&watch->mutex);
	const bool is_free = !watch->is_run;
	watch->is_run = true;
	pthread_mutex_unlock(&watch->mutex);
	return is_free;
}

void mcp_serve_watch_run(struct mcp_serve_watch *watch, bool ends_without,
		const struct mcp_serve_call *call, mcp_serve_watch_fn tell, void *user_data)
{
	const void *client = call->session->client;
	bool is_cancelled = false;
	while (!is_cancelled && goes_on(watch, ends_without)) {
		struct pollfd fds[2 * SUBSCRIPTIONS_MAX + 3];
		const int wait_ms = tell_all(watch, tell, user_data);
		const int count = list_fds(watch, call->cancel_fd, fds);
		if (poll(fds, (nfds_t)count, wait_ms) <= 0) {
			continue;
		}
		is_cancelled = fds[1].revents;
		pthread_mutex_lock(&watch->mutex);
		take_news(watch, &fds[2], client);
		if (fds[0].revents) {
			(void)drain(watch->wake_fd);
			look_again(watch, client);
		}
		pthread_mutex_unlock(&watch->mutex);
	}
	if (is_cancelled) { /* else it is said, and another may be at it by now */
		pthread_mutex_lock(&watch->mutex);
		watch->is_run = false;
		pthread_mutex_unlock(&watch->mutex);
	}
}

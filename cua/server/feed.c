#include "cua/server/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/server/store.h"

#define THINGS_MAX 4096
#define BYTES_MAX ((size_t)16 << 20)

/* One thing, and how it stands. */
struct thing {
	TAILQ_ENTRY(thing) link;
	const char *event; /* static */
	char *id;          /* owned */
	cJSON *members;    /* owned */
	char *text;        /* owned: the message */
	size_t len;
	uint64_t seq;
	bool is_over;
};

struct feed {
	uv_async_t news;
	LIST_HEAD(, feed_watcher) watchers; /* the loop's thread alone */
	pthread_mutex_t mutex;              /* of what follows */
	bool is_ending;
	TAILQ_HEAD(things, thing) things; /* by seq */
	int count;
	size_t bytes;
	uint64_t seq;       /* of the last change */
	uint64_t forgotten; /* who has no more than this has missed something */
};

/* What the name of a thing is called in its messages. */
static const struct {
	const char *event, *id;
} kinds[] = { { "run", "run" }, { "approval", "approval" }, { "desktop", "desktop" },
	{ "control", "desktop" } };

/* --- the row; with the mutex held --- */

static void forget(struct feed *feed, struct thing *thing)
{
	TAILQ_REMOVE(&feed->things, thing, link);
	feed->count--;
	feed->bytes -= thing->len;
	cJSON_Delete(thing->members);
	free(thing->text);
	free(thing->id);
	free(thing);
}

/* What is over, and changed longest ago; else what changed longest ago. */
static struct thing *find_oldest(struct feed *feed)
{
	struct thing *thing = NULL;
	TAILQ_FOREACH(thing, &feed->things, link)
	{
		if (thing->is_over) {
			return thing;
		}
	}
	return TAILQ_FIRST(&feed->things);
}

static void make_room(struct feed *feed)
{
	while (feed->count > THINGS_MAX || (feed->count > 1 && feed->bytes > BYTES_MAX)) {
		struct thing *thing = find_oldest(feed);
		if (!thing) {
			return;
		}
		feed->forgotten = thing->seq > feed->forgotten ? thing->seq : feed->forgotten;
		forget(feed, thing);
	}
}

static struct thing *find(struct feed *feed, const char *event, const char *id)
{
	struct thing *thing = NULL;
	TAILQ_FOREACH_REVERSE(thing, &feed->things, things, link)
	{
		if (strcmp(thing->event, event) == 0 && strcmp(thing->id, id) == 0) {
			return thing;
		}
	}
	return NULL;
}

static struct thing *add(struct feed *feed, const char *event, const char *id)
{
	struct thing *thing = calloc(1, sizeof(*thing));
	char *copy = strdup(id);
	cJSON *members = cJSON_CreateObject();
	for (size_t i = 0; thing && i < CUA_ARRAY_LEN(kinds); i++) {
		thing->event = strcmp(kinds[i].event, event) == 0 ? kinds[i].event : thing->event;
	}
	if (!thing || !copy || !members || !thing->event) {
		cJSON_Delete(members);
		free(copy);
		free(thing);
		return NULL;
	}
	thing->id = copy;
	thing->members = members;
	TAILQ_INSERT_TAIL(&feed->things, thing, link);
	feed->count++;
	return thing;
}

/* Takes over what is not as it was; whether there is such. */
static bool take_members(cJSON *into, cJSON *from)
{
	bool is_new = false;
	for (cJSON *member; (member = cJSON_DetachItemFromArray(from, 0));) {
		const cJSON *old = cJSON_GetObjectItemCaseSensitive(into, member->string);
		if (old && cJSON_Compare(old, member, true)) {
			cJSON_Delete(member);
			continue;
		}
		CUA_AUTO_FREE char *name = strdup(member->string);
		cJSON_DeleteItemFromObjectCaseSensitive(into, member->string);
		cJSON_AddItemToObject(into, name ? name : "", member);
		is_new = true;
	}
	return is_new;
}

static const char *id_name(const char *event)
{
	size_t i = 0;
	while (i < CUA_ARRAY_LEN(kinds) - 1 && strcmp(kinds[i].event, event) != 0) {
		i++;
	}
	return kinds[i].id;
}

/* NULL without memory. */
static char *print(const struct thing *thing)
{
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *member = NULL;
	const char *name = id_name(thing->event);
	cJSON_AddStringToObject(json, "event", thing->event);
	cJSON_AddNumberToObject(json, "seq", (double)thing->seq);
	cJSON_AddNumberToObject(json, "at_ms", (double)store_now_ms());
	cJSON_AddStringToObject(json, name, thing->id);
	cJSON_ArrayForEach (member, thing->members) {
		if (!cJSON_HasObjectItem(json, member->string)) {
			cJSON_AddItemReferenceToObject(json, member->string, member);
		}
	}
	return cJSON_PrintUnformatted(json);
}

/* To the end of the row. */
static void number(struct feed *feed, struct thing *thing)
{
	thing->seq = ++feed->seq;
	free(thing->text);
	feed->bytes -= thing->len;
	thing->text = print(thing);
	thing->len = thing->text ? strlen(thing->text) : 0;
	feed->bytes += thing->len;
	TAILQ_REMOVE(&feed->things, thing, link);
	TAILQ_INSERT_TAIL(&feed->things, thing, link);
	make_room(feed);
	uv_async_send(&feed->news);
}

void feed_note(struct feed *feed, const char *event, const char *id, bool is_over, cJSON *members)
{
	pthread_mutex_lock(&feed->mutex);
	struct thing *thing = feed->is_ending ? NULL : find(feed, event, id);
	bool is_new = !thing;
	if (!thing && !feed->is_ending) {
		thing = add(feed, event, id);
	}
	if (thing && (is_over || thing->is_over) && !cJSON_Compare(thing->members, members, true)) {
		cJSON_Delete(thing->members);
		thing->members = CUA_STEAL(members);
		is_new = true;
	} else if (thing) {
		is_new = take_members(thing->members, members) || is_new;
	}
	if (thing) {
		thing->is_over = is_over;
	}
	if (thing && is_new) {
		number(feed, thing);
	}
	pthread_mutex_unlock(&feed->mutex);
	cJSON_Delete(members);
}

/* --- watchers: the loop's thread --- */

void feed_watch(struct feed *feed, struct feed_watcher *watcher)
{
	LIST_INSERT_HEAD(&feed->watchers, watcher, link);
}

void feed_unwatch(struct feed_watcher *watcher)
{
	LIST_REMOVE(watcher, link);
}

static char *reset(const struct feed *feed, struct feed_watcher *watcher)
{
	char *text = NULL;
	watcher->after = feed->seq;
	return asprintf(&text, "{\"event\":\"reset\",\"seq\":%llu}",
			       (unsigned long long)feed->seq) >= 0
			? text
			: NULL;
}

/* Most are near the end. */
static char *step(struct feed *feed, struct feed_watcher *watcher)
{
	struct thing *thing = TAILQ_LAST(&feed->things, things);
	struct thing *next = NULL;
	while (thing && thing->seq > watcher->after) {
		next = thing;
		thing = TAILQ_PREV(thing, things, link);
	}
	if (!next) {
		return NULL;
	}
	watcher->after = next->seq;
	return strdup(next->text ? next->text : "{}");
}

char *feed_next(struct feed *feed, struct feed_watcher *watcher)
{
	pthread_mutex_lock(&feed->mutex);
	const bool is_lost = watcher->after < feed->forgotten || watcher->after > feed->seq;
	char *text = is_lost ? reset(feed, watcher) : step(feed, watcher);
	pthread_mutex_unlock(&feed->mutex);
	return text;
}

static void on_news(uv_async_t *news)
{
	struct feed *feed = news->data;
	struct feed_watcher *watcher = LIST_FIRST(&feed->watchers), *next = NULL;
	for (; watcher; watcher = next) {
		next = LIST_NEXT(watcher, link);
		watcher->on_news(watcher);
	}
}

/* --- its life --- */

enum cua_status feed_create(uv_loop_t *loop, struct feed **ret_feed, struct cua_error *err)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	if (!feed || uv_async_init(loop, &feed->news, on_news) != 0) {
		free(feed);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "feed");
	}
	feed->news.data = feed;
	LIST_INIT(&feed->watchers);
	TAILQ_INIT(&feed->things);
	pthread_mutex_init(&feed->mutex, NULL);
	/* Beyond all that the server before it can have given. */
	feed->seq = (uint64_t)store_now_ms() * 1000;
	feed->forgotten = feed->seq;
	*ret_feed = feed;
	return CUA_OK;
}

void feed_end(struct feed *feed)
{
	pthread_mutex_lock(&feed->mutex);
	feed->is_ending = true;
	pthread_mutex_unlock(&feed->mutex);
	uv_close((uv_handle_t *)&feed->news, NULL);
}

void feed_destroy(struct feed *feed)
{
	if (!feed) {
		return;
	}
	for (struct thing *thing; (thing = TAILQ_FIRST(&feed->things));) {
		forget(feed, thing);
	}
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}

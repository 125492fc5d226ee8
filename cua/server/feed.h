#ifndef CUA_SERVER_FEED_H
#define CUA_SERVER_FEED_H

/* Every change of state of runs, approvals, desktops and of who controls them, in one row, for
 * whoever watches. Of each thing its latest change alone is kept, with the number that it got:
 * nothing is queued for a watcher, each goes through the row at its own pace, and who is slow hears
 * the latest of each thing.
 *
 * A message is an object: {"event": "run"|"approval"|"desktop"|"control", "seq": N, "at_ms": T,
 * "run"|"approval"|"desktop": its name, and how it stands}. {"event": "reset", "seq": N} comes
 * first for those that cannot go on where they were: what is listed from then on is as new as N.
 * Numbers grow, also from one server to the next. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <cjson/cJSON.h>
#include <uv.h>

#include "cua/base/error.h"

struct feed;

CUA_NODISCARD enum cua_status feed_create(
		uv_loop_t *loop, struct feed **ret_feed, struct cua_error *err);
/* Closes its handles; nobody is told any more. */
void feed_end(struct feed *feed);
void feed_destroy(struct feed *feed);

/**
 * feed_note() - any thread: how something stands.
 * @event:   "run", "approval", "desktop" or "control".
 * @id:      of the run, the approval, the desktop.
 * @is_over: it is told of for the last time; then members are all there is to say.
 * @members: an object, taken over. Those that are new, or not as they were, are changed; if none
 *           is, nobody is told.
 */
void feed_note(struct feed *feed, const char *event, const char *id, bool is_over, cJSON *members);

/* On the loop's thread. after and on_news are the watcher's. */
struct feed_watcher {
	uint64_t after; /* the number of the last change that it has; 0: of none */
	void (*on_news)(struct feed_watcher *watcher);
	LIST_ENTRY(feed_watcher) link;
};

void feed_watch(struct feed *feed, struct feed_watcher *watcher);
void feed_unwatch(struct feed_watcher *watcher);
/* The next message for it, the caller's, which moves it on; NULL: it has all. */
char *feed_next(struct feed *feed, struct feed_watcher *watcher);

#endif

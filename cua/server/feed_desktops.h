#ifndef CUA_SERVER_FEED_DESKTOPS_H
#define CUA_SERVER_FEED_DESKTOPS_H

/* Desktops come and go without the server: people and runs start them, and what they stand on may
 * die. Their folders and their processes are watched, and what changes is told in the feed. On the
 * loop's thread. */

#include <uv.h>

#include "cua/server/feed.h"

struct feed_desktops;

CUA_NODISCARD enum cua_status feed_desktops_create(uv_loop_t *loop, struct feed *feed,
		struct feed_desktops **ret_desktops, struct cua_error *err);
/* Closes its handles; before feed_end(). */
void feed_desktops_end(struct feed_desktops *desktops);
/* When the loop has ended. */
void feed_desktops_destroy(struct feed_desktops *desktops);

#endif

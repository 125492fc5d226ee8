#ifndef CUA_SERVER_WEBHOOKS_H
#define CUA_SERVER_WEBHOOKS_H

/* Who is told by HTTP when somebody is needed: a run asks, or has ended. What is to be told is in
 * the store until it was taken, or was tried often enough: a server that was killed goes on with
 * it. Nothing is told twice but what was sent when that happened.
 * Source: Standard Webhooks 1.0, standardwebhooks.com. */

#include <stdbool.h>

#include "cua/base/error.h"

struct server;
struct webhooks;

/* On the loop's thread; after the feed was made, before runs_begin(). */
CUA_NODISCARD enum cua_status webhooks_create(
		struct server *server, struct webhooks **ret_webhooks, struct cua_error *err);
/* Closes its handles. */
void webhooks_end(struct webhooks *webhooks);
/* When the loop has ended. */
void webhooks_destroy(struct webhooks *webhooks);

/* "approval", "question", "run". */
bool webhooks_is_event(const char *name);

#endif

#ifndef CUA_SERVER_ONCE_H
#define CUA_SERVER_ONCE_H

/* A request that is sent again, because no answer came, is not done again: with an Idempotency-Key
 * its first answer is kept for a day. Routes with ROUTE_ONCE are one transaction of the store, key
 * or not; of others a crash in the middle is told, not repeated.
 * Source: draft-ietf-httpapi-idempotency-key-header-07. */

#include "cua/server/route.h"

/* ret_is_again: it was answered before: ret_answer, the caller's, and request->http_status are that
 * answer. CUA_ERR_INVAL if the key was for something else; CUA_ERR_EXISTS if the first is not over,
 * or was cut off. */
CUA_NODISCARD enum cua_status once_begin(struct request *request, bool *ret_is_again,
		char **ret_answer, struct cua_error *err);
/* After once_begin() said CUA_OK and not again; an answer of failure keeps nothing. If it fails,
 * nothing was done. */
CUA_NODISCARD enum cua_status once_end(struct request *request, int http_status, const char *answer,
		struct cua_error *err);

/* At the start of the server. */
CUA_NODISCARD enum cua_status once_recover(struct store *store, struct cua_error *err);

#endif

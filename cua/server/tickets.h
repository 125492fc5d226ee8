#ifndef CUA_SERVER_TICKETS_H
#define CUA_SERVER_TICKETS_H

/* Tickets for what browsers open without headers, WebSockets and downloads: what stands in a URL
 * ends up in logs. So a request with a token gets a ticket, which is good once, soon, from the same
 * address, and for nothing else. In memory alone: a server that starts anew knows none. Any thread
 * may call.
 */

#include <stdint.h>

#include "cua/server/store.h"
#include "cua/server/tokens.h"

#define TICKET_SIZE 48
#define TICKET_LASTS_MS 30000
#define TICKET_PATH "path"

/* What a ticket was given for. */
struct ticket_grant {
	/* The last part of the path that takes it, "rfb" or "terminal"; TICKET_PATH for a path. */
	char kind[16];
	char subject[256]; /* the desktop; the path */
	char mode[16];     /* of viewers; "" for none */
	int columns, rows;
	struct caller caller;
};

struct tickets;

/* store: who is let in by a ticket must have the token still. NULL without memory. */
struct tickets *tickets_create(struct store *store, int lasts_ms);
void tickets_destroy(struct tickets *tickets);

/* peer: the address that it is bound to. ret_expires_ms: since 1970. CUA_ERR_UNAVAILABLE if too
 * many are waiting to be used. */
CUA_NODISCARD enum cua_status tickets_make(struct tickets *tickets,
		const struct ticket_grant *grant, const char *peer, char ret_ticket[TICKET_SIZE],
		int64_t *ret_expires_ms, struct cua_error *err);

/* It is used up, also by a wrong use. CUA_ERR_NOT_FOUND for one that there is not, or that is over,
 * or for something else: which of these is nobody's business. */
CUA_NODISCARD enum cua_status tickets_use(struct tickets *tickets, const char *ticket,
		const char *kind, const char *subject, const char *peer,
		struct ticket_grant *ret_grant, struct cua_error *err);

#endif

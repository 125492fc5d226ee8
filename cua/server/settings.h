#ifndef CUA_SERVER_SETTINGS_H
#define CUA_SERVER_SETTINGS_H

/* What an admin has set for the whole server, in the store. Any thread may call, but
 * settings_apply(). */

#include "cua/server/fields.h"
#include "cua/server/store.h"

struct server;

/* Of a change, and of one of the places that are told. */
extern const struct fields settings_change;
extern const struct fields settings_webhook;

/* All of them, those that nobody set too: max_agents, defaults, webhooks; the caller's. */
CUA_NODISCARD enum cua_status settings_get(
		struct store *store, cJSON **ret_settings, struct cua_error *err);
/* A change, as settings_change says: its members are replaced, by null taken back. CUA_ERR_INVAL.
 */
CUA_NODISCARD enum cua_status settings_put(
		struct store *store, const cJSON *change, struct cua_error *err);
/* What is set by them takes effect: at the start, and after a change. */
CUA_NODISCARD enum cua_status settings_apply(struct server *server, struct cua_error *err);

#endif

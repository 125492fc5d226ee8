#ifndef CUA_API_DESKTOP_LEASE_H
#define CUA_API_DESKTOP_LEASE_H

/* Who has the input: GET /v1/lease and GET /v1/control, and waiting until that changes. */

#include <uv.h>

#include "cua/api/desktop_thread.h"
#include "cua/base/error.h"
#include "cua/base/http_server.h"

struct desktop_lease;

/* thread, which knows the holder, is borrowed. */
CUA_NODISCARD enum cua_status desktop_lease_create(uv_loop_t *loop, struct desktop_thread *thread,
		struct desktop_lease **ret_lease, struct cua_error *err);
/* "agent" or "person". */
const char *desktop_lease_holder(const struct desktop_lease *lease);
/* Answers the exchange, now or later: when the agent has the input. */
void desktop_lease_get(struct desktop_lease *lease, struct cua_http_exchange *exchange);
/* The same of all that is known, when its revision is another one. */
void desktop_lease_get_control(struct desktop_lease *lease, struct cua_http_exchange *exchange);
/* The holder may be another by now, or somebody who waited has hung up. */
void desktop_lease_look(struct desktop_lease *lease);

#endif

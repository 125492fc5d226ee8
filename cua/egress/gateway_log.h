#ifndef CUA_EGRESS_GATEWAY_LOG_H
#define CUA_EGRESS_GATEWAY_LOG_H

/* Where a sandbox with an open network went, and where it may not go: a line of JSON for each
 * address and port, and another when it was quiet there for an hour. Of what
 * is refused, some are counted alone. */

#include "cua/base/error.h"
#include "cua/egress/decisions.h"
#include "cua/egress/frame.h"

struct egress_gateway_log {
	struct egress_decisions lines;
	uint64_t last_id;
	struct {
		struct egress_destination destination;
		uint64_t seen_us;
	} known[4096]; /* each destination has one place; another one there pushes it out */
};

/* CUA_ERR_TOO_LARGE when the log is full, CUA_ERR_IO if it cannot be written. */
CUA_NODISCARD enum cua_status egress_gateway_log(struct egress_gateway_log *log,
		const struct egress_destination *destination, uint64_t now_us,
		struct cua_error *err);

#endif

#ifndef CUA_EGRESS_GATEWAY_H
#define CUA_EGRESS_GATEWAY_H

/* The gateway of a sandbox with an open network: takes what its interface sends to the public
 * internet, by connections of its own, and nowhere else. */

#include "cua/base/error.h"

struct egress_gateway_options {
	int tap_fd;  /* of egress_tap_open() */
	int life_fd; /* a pidfd of the sandbox: the gateway ends with it */
	int log_fd;  /* a line for each destination */
};

/**
 * egress_gateway_run() - until the sandbox ends.
 * @on_ready: called once it serves, confined.
 *
 * Return: CUA_OK when the sandbox has ended; CUA_ERR_IO if the interface is gone,
 *         CUA_ERR_UNAVAILABLE if the machine cannot confine it, CUA_ERR_TOO_LARGE if the log is
 *         full: what cannot be written down does not happen.
 */
CUA_NODISCARD enum cua_status egress_gateway_run(const struct egress_gateway_options *options,
		void (*on_ready)(void), struct cua_error *err);

#endif

/* cua gateway: the gateway of a desktop with an open network. Started by cua desktop start, as a
 * user of its own. */

#include <stdio.h>
#include <unistd.h>

#include "cua/cmd.h"
#include "cua/egress/gateway.h"
#include "cua/egress/process.h"

static void say_ready(void)
{
	dprintf(EGRESS_READY_FD, "{\"ready\": true}\n");
	close(EGRESS_READY_FD);
}

int cua_cmd_gateway(int argc, char **argv)
{
	const struct egress_gateway_options options = {
		.tap_fd = EGRESS_OWN_FD, .life_fd = EGRESS_LIFE_FD, .log_fd = EGRESS_LOG_FD
	};
	struct cua_error error = { 0 };
	(void)argv;
	if (argc > 1) {
		fputs("cua gateway: started by cua desktop start; it has no use without\n", stderr);
		return CUA_EXIT_USAGE;
	}
	return egress_gateway_run(&options, say_ready, &error) == CUA_OK ? CUA_EXIT_OK
									 : cua_cmd_fail(&error);
}

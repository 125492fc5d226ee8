/* cua session: the process at the root of a sandbox. Started by cua desktop start. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/cmd.h"
#include "cua/egress/relay.h"
#include "display/session.h"

int cua_cmd_session(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--relay") == 0) {
		return egress_relay_run(SESSION_RELAY_FD, argv[2]);
	}
	static const struct option options[] = { { "dir", required_argument, NULL, 'd' },
		{ "size", required_argument, NULL, 's' }, { "dpi", required_argument, NULL, 'p' },
		{ "own-displays", no_argument, NULL, 'o' }, { "opengl", no_argument, NULL, 'g' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "processes", required_argument, NULL, 'n' },
		{ "x-memory", required_argument, NULL, 'm' },
		{ "egress", required_argument, NULL, 'e' }, { 0 } };
	struct display_session_options session = { .ready_fd = -1, .dpi = 96 };
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'd') {
			session.dir = optarg;
		} else if (option == 's' &&
				sscanf(optarg, "%dx%d", &session.width_px, &session.height_px) ==
						2) {
			continue;
		} else if (option == 'p') {
			session.dpi = (int)strtol(optarg, NULL, 10);
		} else if (option == 'o') {
			session.owns_displays = true;
		} else if (option == 'g') {
			session.opengl = true;
		} else if (option == 'n') {
			session.processes = (int)strtol(optarg, NULL, 10);
		} else if (option == 'm') {
			session.x_server_bytes = strtoll(optarg, NULL, 10);
		} else if (option == 'e') {
			session.egress_dir = optarg[0] ? optarg : NULL;
		} else if (option == 'r') {
			session.ready_fd = (int)strtol(optarg, NULL, 10);
		} else {
			return CUA_EXIT_USAGE;
		}
	}
	if (!session.dir || session.width_px <= 0 || session.ready_fd < 0) {
		return CUA_EXIT_USAGE;
	}
	return display_session_run(&session);
}

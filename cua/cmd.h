#ifndef CUA_CMD_H
#define CUA_CMD_H

/* Sub-commands: each takes its own argv (argv[0] is its name) and returns the exit status. */

#include "cua/base/error.h"

enum cua_exit {
	CUA_EXIT_OK = 0,
	CUA_EXIT_FAILED =
			1, /* of class caller or environment, where a command makes no difference */
	CUA_EXIT_USAGE = 2,
	CUA_EXIT_DESKTOP = 6,
};

int cua_cmd_desktop(int argc, char **argv);
int cua_cmd_action(int argc, char **argv); /* argv[0] is the name of the action */
int cua_cmd_vnc(int argc, char **argv);
int cua_cmd_take(int argc, char **argv);
int cua_cmd_give(int argc, char **argv);
int cua_cmd_resume(int argc, char **argv);
/* Of programs of their own, cua-run and so on, beside cua. */
int cua_cmd_run(int argc, char **argv);
int cua_cmd_runs(int argc, char **argv);
int cua_cmd_serve(int argc, char **argv);
int cua_cmd_view(int argc, char **argv);
int cua_cmd_policy(int argc, char **argv);
int cua_cmd_templates(int argc, char **argv);
int cua_cmd_models(int argc, char **argv);
int cua_cmd_secret(int argc, char **argv);
int cua_cmd_mcp(int argc, char **argv);
int cua_cmd_mcp_servers(int argc, char **argv);
int cua_cmd_tools(int argc, char **argv);
int cua_cmd_tool_runner(int argc, char **argv);
int cua_cmd_picture_check(int argc, char **argv);
int cua_cmd_bench(int argc, char **argv);
/* cua desktop network */
int cua_cmd_desktop_network(int argc, char **argv);
int cua_cmd_egress(int argc, char **argv);
int cua_cmd_gateway(int argc, char **argv);
int cua_cmd_session(int argc, char **argv);
int cua_cmd_host(int argc, char **argv);
int cua_cmd_reader(int argc, char **argv);
int cua_cmd_vnc_server(int argc, char **argv);

/* "cua: message" on stderr; the exit status that goes with the error. */
int cua_cmd_fail(const struct cua_error *error);
/* A mistake in the arguments: the message and how to get help. */
int cua_cmd_usage(const char *command, const char *fmt, ...) CUA_PRINTF(2, 3);

#endif

/* cua tool-runner: the tools of a desktop, inside its sandbox. Started by the desktop's session. */

#include <unistd.h>

#include "agent/tools/runner.h"
#include "cua/cmd.h"

int cua_cmd_tool_runner(int argc, char **argv)
{
	(void)argv;
	return argc == 1 ? tool_runner_run(STDIN_FILENO) : CUA_EXIT_USAGE;
}

/* cua reader: tells what is on the screen. Started by the desktop's session. */

#include <unistd.h>

#include "cua/cmd.h"
#include "display/reader/reader.h"

int cua_cmd_reader(int argc, char **argv)
{
	(void)argv;
	return argc == 1 ? reader_run(STDIN_FILENO) : CUA_EXIT_USAGE;
}

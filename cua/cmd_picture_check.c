/* cua picture-check: can a picture be decoded? Started by who would pass it on to a model. */

#include <unistd.h>

#include "cua/cmd.h"
#include "cua/picture/check.h"

int cua_cmd_picture_check(int argc, char **argv)
{
	(void)argv;
	return argc == 1 ? cua_picture_check_run(STDIN_FILENO, STDOUT_FILENO) : CUA_EXIT_USAGE;
}

/* main() of the programs beside cua: each has one command, and the libraries that this needs. */

#include "cua/cmd.h"

int main(int argc, char **argv)
{
	return CUA_PROGRAM_COMMAND(argc, argv);
}

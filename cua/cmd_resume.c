/* cua resume: a person gives the input back. */

#include <getopt.h>
#include <stdio.h>

#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_call.h"

int cua_cmd_resume(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	const char *desktop = NULL;
	for (int option; (option = getopt_long(argc, argv, "d:h", options, NULL)) != -1;) {
		if (option == 'd') {
			desktop = optarg;
		} else if (option == 'h') {
			printf("Usage: cua resume [-d NAME]\n\nGives a desktop back that a person "
			       "has, whoever it is: to who waits for it, else to the\n"
			       "agent. cua give does so with what you have taken yourself.\n");
			return CUA_EXIT_OK;
		} else {
			return cua_cmd_usage("resume", "wrong option");
		}
	}
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (cua_desktop_call(desktop, "POST", "/v1/resume", NULL, &answer, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	return CUA_EXIT_OK;
}

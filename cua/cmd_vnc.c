/* cua vnc: passwords, and if asked a port, for viewers. */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktop_call.h"

static void print_help(void)
{
	printf("Usage: cua vnc [-d NAME] [--listen[=PORT]] [--json]\n"
	       "\n"
	       "Makes new passwords for viewers of a desktop and prints them, once; viewers who "
	       "came in "
	       "by\n"
	       "the former ones have to leave. RFB is served on the desktop's unix socket always.\n"
	       "\n"
	       "  -d, --desktop=NAME  the desktop; needless while there is only one\n"
	       "  -l, --listen[=PORT] also on TCP, on 127.0.0.1 only; without PORT on a free one\n"
	       "      --json          print JSON\n"
	       "\n"
	       "With the view password a viewer watches. With the control password it may act: "
	       "its\n"
	       "first input pauses the agent, until the Pause key or Ctrl+Alt+R is pressed in the\n"
	       "viewer, or cua give is run; cua take --private keeps what you do from its model.\n"
	       "From another machine, go through ssh -L.\n"
	       "\n"
	       "Example: cua vnc --listen=5900 && vncviewer 127.0.0.1:5900\n");
}

int cua_cmd_vnc(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "listen", optional_argument, NULL, 'l' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	const char *desktop = NULL;
	bool as_json = false;
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	for (int option; (option = getopt_long(argc, argv, "d:l::h", options, NULL)) != -1;) {
		char *end = NULL;
		switch (option) {
		case 'd':
			desktop = optarg;
			break;
		case 'l':
			cJSON_AddNumberToObject(body, "listen",
					optarg ? (double)strtol(optarg, &end, 10) : 0);
			if (optarg && (*end || end == optarg)) {
				return cua_cmd_usage("vnc", "\"%s\" is no port", optarg);
			}
			break;
		case 'j':
			as_json = true;
			break;
		case 'h':
			print_help();
			return CUA_EXIT_OK;
		default:
			return cua_cmd_usage("vnc", "wrong option");
		}
	}
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (cua_desktop_call(desktop, "POST", "/v1/vnc", body, &answer, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	if (as_json) {
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(answer);
		printf("%s\n", text ? text : "{}");
		return CUA_EXIT_OK;
	}
	printf("socket            %s\n", cua_json_string(answer, "socket"));
	if (cua_json_string(answer, "address")) {
		printf("address           %s\n", cua_json_string(answer, "address"));
	}
	printf("view password     %s\ncontrol password  %s\n",
			cua_json_string(answer, "view_password"),
			cua_json_string(answer, "control_password"));
	return CUA_EXIT_OK;
}

/* cua take and cua give: the person at this machine has a desktop, and gives it back. */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/desktop_call.h"

static void print_take_help(void)
{
	printf("Usage: cua take [-d NAME] [--private] [--for=SECONDS] [--request] [--json]\n"
	       "\n"
	       "Takes a desktop from its agent, which pauses: from then on only you have its\n"
	       "keyboard and pointer, with the viewer of cua vnc or cua view. It goes back with\n"
	       "cua give, with the viewer's Pause key, or after 5 minutes in which you do "
	       "nothing.\n"
	       "\n"
	       "  -d, --desktop=NAME  the desktop; needless while there is only one\n"
	       "  -p, --private       nothing of it is told to the model, written down or shown "
	       "to\n"
	       "                      others until you give it back, for 30 minutes at most\n"
	       "  -f, --for=SECONDS   so long without a sign of you, 1 to 3600\n"
	       "  -r, --request       if another person has it, wait in line for it\n"
	       "      --json          print JSON\n"
	       "\n"
	       "In private shells and programs that others run on the desktop by cua are ended. "
	       "What "
	       "an\n"
	       "application has started, or somebody left behind there, goes on and sees its "
	       "screen,\n"
	       "as X has it: a desktop that a hostile page or program may hold is no place for "
	       "secrets.\n\n"
	       "Taken again, the time begins anew; with or without --private it changes the "
	       "mode.\n");
}

static void print_give_help(void)
{
	printf("Usage: cua give [-d NAME] [--note=TEXT] [--json]\n"
	       "\n"
	       "Gives a desktop that you took to who waits for it, else back to the agent. Its "
	       "model\n"
	       "is told for how long you had it and what has changed, and sees the screen.\n"
	       "\n"
	       "  -d, --desktop=NAME  the desktop; needless while there is only one\n"
	       "  -n, --note=TEXT     what you want the model to know\n"
	       "      --json          print JSON\n"
	       "\n"
	       "cua resume gives it back whoever has it.\n");
}

static void print_person(const char *lead, const cJSON *json)
{
	fputs(lead, stdout);
	cua_text_line(stdout, cua_json_text(json, "person"), 0);
}

static void print_control(const cJSON *control)
{
	const cJSON *request = NULL;
	if (strcmp(cua_json_text(control, "owner"), "agent") == 0) {
		puts("The agent has it.");
		return;
	}
	const time_t expires = (time_t)(cua_json_number(control, "expires_ms") / 1000);
	struct tm local;
	char text[16];
	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&expires, &local));
	print_person("", control);
	printf(" has it%s, until %s without a sign.\n",
			strcmp(cua_json_text(control, "mode"), "private") == 0 ? " in private" : "",
			text);
	cJSON_ArrayForEach (request, cua_json_member(control, "requests")) {
		print_person("Waiting: ", request);
		putchar('\n');
	}
}

static int order(const char *desktop, const cJSON *body, bool as_json)
{
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (cua_desktop_call(desktop, "POST", "/v1/control", body, &answer, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	if (as_json) {
		CUA_AUTO_FREE char *text = cJSON_Print(answer);
		puts(text ? text : "{}");
	} else {
		print_control(answer);
	}
	return CUA_EXIT_OK;
}

/* False if it is no time. */
static bool add_time(cJSON *body, const char *text)
{
	char *end = NULL;
	const long seconds = strtol(text, &end, 10);
	cJSON_DeleteItemFromObjectCaseSensitive(body, "for_s");
	cJSON_AddNumberToObject(body, "for_s", (double)seconds);
	return *text && !*end && seconds >= 1 && seconds <= 3600;
}

int cua_cmd_take(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "private", no_argument, NULL, 'p' }, { "for", required_argument, NULL, 'f' },
		{ "request", no_argument, NULL, 'r' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	const char *desktop = NULL, *what = "take";
	bool as_json = false, is_private = false;
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	for (int option; (option = getopt_long(argc, argv, "d:pf:rh", options, NULL)) != -1;) {
		switch (option) {
		case 'd':
			desktop = optarg;
			break;
		case 'p':
			is_private = true;
			break;
		case 'f':
			if (!add_time(body, optarg)) {
				return cua_cmd_usage("take", "--for must be 1 to 3600 seconds");
			}
			break;
		case 'r':
			what = "request";
			break;
		case 'j':
			as_json = true;
			break;
		case 'h':
			print_take_help();
			return CUA_EXIT_OK;
		default:
			return cua_cmd_usage("take", "wrong option");
		}
	}
	if (optind < argc) {
		return cua_cmd_usage("take", "\"%s\" is no option", argv[optind]);
	}
	cJSON_AddStringToObject(body, "do", what);
	cJSON_AddBoolToObject(body, "private", is_private);
	return order(desktop, body, as_json);
}

int cua_cmd_give(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "note", required_argument, NULL, 'n' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	const char *desktop = NULL, *note = NULL;
	bool as_json = false;
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	for (int option; (option = getopt_long(argc, argv, "d:n:h", options, NULL)) != -1;) {
		switch (option) {
		case 'd':
			desktop = optarg;
			break;
		case 'n':
			note = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		case 'h':
			print_give_help();
			return CUA_EXIT_OK;
		default:
			return cua_cmd_usage("give", "wrong option");
		}
	}
	if (optind < argc) {
		return cua_cmd_usage("give", "\"%s\" is no option", argv[optind]);
	}
	cJSON_AddStringToObject(body, "do", "give");
	if (note) {
		cJSON_AddStringToObject(body, "note", note);
	}
	return order(desktop, body, as_json);
}

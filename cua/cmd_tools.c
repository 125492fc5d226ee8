/* cua tools: what a model may use beside the computer, and calling it by hand. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tools/tool.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/desktop_call.h"

static const char usage[] =
		"Usage: cua tools [--json]\n"
		"       cua tools call [-d DESKTOP] [--json] NAME [ARGUMENTS]\n"
		"\n"
		"Lists the tools that a model may use beside the computer, with what they take.\n"
		"call runs one on a desktop, as a model would; ARGUMENTS are a JSON object:\n"
		"\n"
		"  cua tools call bash '{\"command\": \"ls -l\"}'\n"
		"\n"
		"  -d, --desktop=NAME  the desktop; needless while there is one\n"
		"      --json          one object: the list with JSON schemas, or the answer\n"
		"\n"
		"Tools run in the desktop's sandbox and work in the folder \"workspace\" of its "
		"home,\n"
		"one call after another: who has to wait for another is told on stderr.\n"
		"\n"
		"Exit status: 0; 1 if the tool refuses or says that it failed; 2 for wrong usage;\n"
		"6 if the desktop cannot be reached.\n";

/* --- the list --- */

static cJSON *list_json(void)
{
	cJSON *list = cJSON_CreateObject();
	cJSON *tools = cJSON_AddArrayToObject(list, "tools");
	for (size_t i = 0; tool_table[i]; i++) {
		const struct tool *tool = tool_table[i];
		cJSON *item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "name", tool->name);
		cJSON_AddStringToObject(item, "description", tool->help);
		cJSON_AddStringToObject(item, "runs_in",
				tool->place == TOOL_IN_SANDBOX ? "sandbox" : "loop");
		cJSON_AddItemToObject(item, "inputSchema", tool_schema(tool));
		cJSON_AddItemToArray(tools, item);
	}
	return list;
}

static void print_list(void)
{
	for (size_t i = 0; tool_table[i]; i++) {
		const struct tool *tool = tool_table[i];
		printf("%s%s\n  %s\n", i ? "\n" : "", tool->name, tool->help);
		for (const struct tool_arg *arg = tool->args; arg->name; arg++) {
			printf("    %-14s %s%s", arg->name, arg->required ? "" : "(optional) ",
					arg->help);
			for (size_t k = 0; arg->choices && arg->choices[k]; k++) {
				printf("%s%s", k ? ", " : ": ", arg->choices[k]);
			}
			printf("\n");
		}
	}
}

/* --- a call --- */

static int print_answer(const cJSON *answer)
{
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cua_json_member(answer, "content")) {
		const char *text = cua_json_string(part, "text");
		if (text) {
			cua_text_block(stdout, text);
			if (text[0] && text[strlen(text) - 1] != '\n') {
				putchar('\n');
			}
		} else {
			printf("[%s, %zu bytes in base64; --json prints them]\n",
					cua_json_text(part, "mimeType"),
					strlen(cua_json_text(part, "data")));
		}
	}
	return cJSON_IsTrue(cua_json_member(answer, "is_error")) ? CUA_EXIT_FAILED : CUA_EXIT_OK;
}

/* Calls run one after another. Who waits is told why; which is no reason not to call. */
static void tell_of_wait(const char *desktop)
{
	CUA_AUTO_JSON cJSON *tools = NULL;
	if (cua_desktop_call(desktop, "GET", "/v1/tools", NULL, &tools, NULL) != CUA_OK) {
		return;
	}
	const cJSON *running = cua_json_member(tools, "running");
	const int waiting = cua_json_int(tools, "waiting");
	if (!running) {
		return;
	}
	fprintf(stderr, "cua tools: waiting for another call: ");
	cua_text_line(stderr, cua_json_text(running, "tool"), 0);
	fprintf(stderr, ", for %.1f s now%s", cua_json_number(running, "ms") / 1000.0,
			cJSON_IsTrue(cua_json_member(running, "held"))
					? ", asks a person whether it may act"
					: "");
	if (waiting > 0) {
		fprintf(stderr, "; %d more before this one", waiting);
	}
	fputc('\n', stderr);
}

static int call(const char *desktop, const char *name, const char *text, bool as_json)
{
	struct cua_error error = { 0 };
	const struct tool *tool = tool_find(name);
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON *arguments = cJSON_Parse(text);
	cJSON_AddStringToObject(body, "tool", name);
	cJSON_AddItemToObject(body, "arguments", arguments);
	if (!tool || tool->place != TOOL_IN_SANDBOX) {
		return cua_cmd_usage("tools", "there is no tool %s to be called", name);
	}
	if (tool_check(tool, arguments, &error) != CUA_OK) {
		return cua_cmd_usage("tools", "%s", error.msg);
	}
	tell_of_wait(desktop);
	if (cua_desktop_call(desktop, "POST", "/v1/tools", body, &answer, &error) != CUA_OK) {
		/* A path that leaves the workspace, and the like, is the caller's. */
		const int exit_status = cua_cmd_fail(&error);
		return error.status == CUA_ERR_POLICY ? CUA_EXIT_FAILED : exit_status;
	}
	if (as_json) {
		CUA_AUTO_FREE char *printed = cJSON_PrintUnformatted(answer);
		printf("%s\n", printed ? printed : "");
		return cJSON_IsTrue(cua_json_member(answer, "is_error")) ? CUA_EXIT_FAILED
									 : CUA_EXIT_OK;
	}
	return print_answer(answer);
}

int cua_cmd_tools(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	const char *desktop = NULL;
	bool as_json = false;
	for (int option; (option = getopt_long(argc, argv, "d:h", options, NULL)) != -1;) {
		switch (option) {
		case 'd':
			desktop = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return CUA_EXIT_OK;
		default:
			return cua_cmd_usage("tools", "wrong option");
		}
	}
	char **words = argv + optind;
	const int count = argc - optind;
	if (count > 0 && strcmp(words[0], "call") == 0) {
		return count == 2 || count == 3
				? call(desktop, words[1], count == 3 ? words[2] : "{}", as_json)
				: cua_cmd_usage("tools", "call needs a name, and takes one object");
	}
	if (count > 0) {
		return cua_cmd_usage("tools", "\"%s\" is no word that goes here", words[0]);
	}
	if (as_json) {
		CUA_AUTO_JSON cJSON *list = list_json();
		CUA_AUTO_FREE char *printed = cJSON_Print(list);
		printf("%s\n", printed ? printed : "");
	} else {
		print_list();
	}
	return CUA_EXIT_OK;
}

/* cua policy: is a policy well formed, and what would it say of a call? */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/policy/policy.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/action.h"
#include "cua/contract/text.h"

enum policy_exit { EXIT_ASK = 10, EXIT_DENY = 11 };

static const char help[] =
		"Usage: cua policy check [FILE]\n"
		"       cua policy explain [OPTION...] TOOL [NAME=VALUE...]\n"
		"       cua policy default\n"
		"\n"
		"A policy says what cua run may do without asking, what it asks, and what it never "
		"does.\n"
		"Without FILE it is $CUA_POLICY, else policy.yaml in ~/.config/cua, else the one "
		"that\n"
		"comes with cua, which \"default\" prints: copy from it.\n"
		"\n"
		"check    is the file well formed? A mistake is told as FILE:LINE: what is wrong.\n"
		"explain  what would happen to this call, by which rule. TOOL is computer, bash,\n"
		"         read_file, ..., mcp:SERVER:TOOL, or an action of the computer such as\n"
		"         open_url. NAME=VALUE is an argument; NAME:=VALUE one that is JSON, a "
		"number\n"
		"         for one.\n"
		"\n"
		"  --policy=FILE         this policy\n"
		"  --arguments=JSON      all arguments at once\n"
		"  --tainted             after what a stranger may have written was read\n"
		"  --network=N           none (as it is without this), allow or open\n"
		"  --workspace=DIR       the folder that the agent works in\n"
		"  --window-class=C, --window-title=T, --at-url=URL\n"
		"                        the active window, and where the browser in it is\n"
		"  --json                the answer as JSON\n"
		"\n"
		"A file looks like this; the first rule that applies decides:\n"
		"\n"
		"  include: default              # after the rules here come those of cua\n"
		"  rules:\n"
		"    - allow: looking at our wiki\n"
		"      when: {action: open_url, origin: ['https://wiki.example.org']}\n"
		"      limit: {times: 20, per: hour}\n"
		"    - deny: the payroll program\n"
		"      when: {tool: computer, window: {class: payroll}}\n"
		"      why: nobody but Ann works with it\n"
		"\n"
		"Where a fact is not known, ask and deny apply and allow does not. The conditions "
		"of\n"
		"when, which all have to hold; patterns are those of file names, * ? [a-z]:\n"
		"\n";

static const char help_end[] =
		"\n"
		"classes: gives each call one of read, write, external, irreversible, credential; "
		"taints:\n"
		"says what may have been written by strangers. After that, calls of the classes "
		"external\n"
		"and credential are allowed only by rules that say tainted: true. limit: {sum: "
		"100, "
		"of:\n"
		"amount, per: run} adds an argument up. questions: {times: 30, per: hour} bounds "
		"how "
		"often\n"
		"a person is asked. default: is for calls that no rule is about.\n"
		"\n"
		"Exit status: 0, of explain: allowed; 1 the policy has a mistake or cannot be "
		"read; "
		"2 wrong\n"
		"usage; 10 a person would be asked; 11 denied.\n"
		"\n"
		"  cua policy explain open_url url=https://example.org/\n"
		"  cua policy explain --tainted bash command='git push'\n"
		"  cua policy explain --workspace=/work write_file path=/etc/hosts\n";

/* --- the policy --- */

/* file NULL: the one that cua run would take. */
static bool load(const char *file, struct agent_policy **ret_policy)
{
	struct cua_error why = { 0 };
	char path[CUA_PATH_MAX];
	bool is_there = true;
	enum cua_status status =
			file ? CUA_OK : agent_policy_path(path, sizeof(path), &is_there, &why);
	if (status == CUA_OK) {
		status = agent_policy_load(file ? file : is_there ? path : NULL, ret_policy, &why);
	}
	if (status != CUA_OK) {
		fprintf(stderr, "cua policy: %s\n", why.msg);
	}
	return status == CUA_OK;
}

static int check(int argc, char **argv)
{
	struct agent_policy *policy = NULL;
	if (argc > 2) {
		return cua_cmd_usage("policy", "check takes one file");
	}
	if (!load(argc == 2 ? argv[1] : NULL, &policy)) {
		return CUA_EXIT_FAILED;
	}
	printf("%s: well formed\n", agent_policy_name(policy));
	agent_policy_destroy(policy);
	return CUA_EXIT_OK;
}

/* --- a call --- */

struct question {
	const char *file, *json_arguments;
	struct agent_policy_call call;
	cJSON *arguments; /* owned */
	bool as_json;
};

static bool parse_option(int option, struct question *question)
{
	struct agent_policy_call *call = &question->call;
	switch (option) {
	case 'p':
		question->file = optarg;
		return true;
	case 'a':
		question->json_arguments = optarg;
		return true;
	case 't':
		call->is_tainted = true;
		return true;
	case 'n':
		call->network = optarg;
		return strcmp(optarg, "none") == 0 || strcmp(optarg, "allow") == 0 ||
				strcmp(optarg, "open") == 0;
	case 'w':
		call->workspace = optarg;
		return optarg[0] == '/';
	case 'c':
		call->window_class = optarg;
		return true;
	case 'T':
		call->window_title = optarg;
		return true;
	case 'u':
		call->url = optarg;
		return true;
	case 'j':
		question->as_json = true;
		return true;
	default:
		return false;
	}
}

static bool parse_options(int argc, char **argv, struct question *question)
{
	static const struct option long_options[] = {
		{ "policy", required_argument, NULL, 'p' },
		{ "arguments", required_argument, NULL, 'a' },
		{ "tainted", no_argument, NULL, 't' },
		{ "network", required_argument, NULL, 'n' },
		{ "workspace", required_argument, NULL, 'w' },
		{ "window-class", required_argument, NULL, 'c' },
		{ "window-title", required_argument, NULL, 'T' },
		{ "at-url", required_argument, NULL, 'u' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		if (!parse_option(option, question)) {
			return false;
		}
	}
	return true;
}

/* "NAME=VALUE" or "NAME:=JSON". */
static bool add_argument(cJSON *arguments, char *text)
{
	char *equals = strchr(text, '=');
	if (!equals || equals == text) {
		return false;
	}
	const bool is_json = equals[-1] == ':';
	cJSON *value = is_json ? cJSON_Parse(equals + 1) : cJSON_CreateString(equals + 1);
	equals[is_json ? -1 : 0] = '\0';
	if (!value || !text[0] || !cJSON_AddItemToObject(arguments, text, value)) {
		cJSON_Delete(value);
		return false;
	}
	return true;
}

/* "mcp:SERVER:TOOL", an action of the computer, or a tool. */
static bool take_tool(struct question *question, char *name)
{
	struct agent_policy_call *call = &question->call;
	call->tool = name;
	if (strncmp(name, "mcp:", 4) == 0) {
		char *tool = strchr(name + 4, ':');
		if (!tool) {
			return false;
		}
		*tool = '\0';
		call->tool = "mcp";
		call->server = name + 4;
		call->server_tool = tool + 1;
	} else if (cua_action_find(name)) {
		call->tool = "computer";
		return cJSON_AddStringToObject(question->arguments, "action", name) != NULL;
	}
	return true;
}

static bool read_call(int argc, char **argv, struct question *question)
{
	question->arguments = question->json_arguments ? cJSON_Parse(question->json_arguments)
						       : cJSON_CreateObject();
	if (!cJSON_IsObject(question->arguments)) {
		fputs("cua policy: --arguments is not a JSON object\n", stderr);
		return false;
	}
	if (optind >= argc || !take_tool(question, argv[optind])) {
		fputs("cua policy: name a tool\n", stderr);
		return false;
	}
	for (int i = optind + 1; i < argc; i++) {
		if (!add_argument(question->arguments, argv[i])) {
			fprintf(stderr,
					"cua policy: '%s' is not NAME=VALUE, or NAME:=VALUE with "
					"JSON\n",
					argv[i]);
			return false;
		}
	}
	question->call.arguments = question->arguments;
	return true;
}

/* --- the answer --- */

static void print_json(const struct agent_decision *decision, bool taints)
{
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "verdict", agent_verdict_names[decision->verdict]);
	cJSON_AddStringToObject(json, "rule", decision->rule);
	cJSON_AddStringToObject(json, "reason", decision->reason);
	cJSON_AddStringToObject(json, "file", decision->file);
	cJSON_AddNumberToObject(json, "line", decision->line);
	cJSON_AddStringToObject(json, "class", agent_risk_names[decision->risk]);
	if (decision->risk_file) {
		cJSON_AddStringToObject(json, "class_file", decision->risk_file);
		cJSON_AddNumberToObject(json, "class_line", decision->risk_line);
	}
	if (decision->part[0]) {
		cJSON_AddStringToObject(json, "part", decision->part);
	}
	if (decision->note[0]) {
		cJSON_AddStringToObject(json, "note", decision->note);
	}
	cJSON_AddBoolToObject(json, "taints", taints);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	puts(text ? text : "{}");
}

static void print_words(const struct agent_decision *decision, bool taints)
{
	printf("%s: %s\n", agent_verdict_names[decision->verdict], decision->rule);
	printf("  by     %s:%d\n", decision->file, decision->line);
	if (strcmp(decision->reason, decision->rule) != 0) {
		printf("  why    %s\n", decision->reason);
	}
	printf("  class  %s", agent_risk_names[decision->risk]);
	if (decision->risk_file) {
		printf(", by %s:%d", decision->risk_file, decision->risk_line);
	}
	fputc('\n', stdout);
	if (decision->part[0]) {
		fputs("  part   ", stdout);
		cua_text_line(stdout, decision->part, 0);
		fputc('\n', stdout);
	}
	if (decision->note[0]) {
		printf("  note   %s\n", decision->note);
	}
	if (taints) {
		puts("  then   the run is tainted: what it brings may have been written by a "
		     "stranger");
	}
}

static int answer(const struct question *question, const struct agent_policy *policy)
{
	static const int statuses[AGENT_VERDICT_COUNT] = { CUA_EXIT_OK, EXIT_ASK, EXIT_DENY };
	struct agent_decision decision;
	agent_policy_judge(policy, NULL, &question->call, &decision);
	const bool taints = agent_policy_taints(policy, &question->call, NULL);
	if (question->as_json) {
		print_json(&decision, taints);
	} else {
		print_words(&decision, taints);
	}
	return statuses[decision.verdict];
}

static int explain(int argc, char **argv)
{
	struct question question = { .call = { .network = "none",
						     .window_class = "",
						     .window_title = "",
						     .now_us = cua_now_us() } };
	struct agent_policy *policy = NULL;
	int status = CUA_EXIT_USAGE;
	if (!parse_options(argc, argv, &question) || !read_call(argc, argv, &question)) {
		status = cua_cmd_usage("policy", "explain TOOL NAME=VALUE...");
	} else if (!load(question.file, &policy)) {
		status = CUA_EXIT_FAILED;
	} else {
		status = answer(&question, policy);
	}
	agent_policy_destroy(policy);
	cJSON_Delete(question.arguments);
	return status;
}

/* --- the command --- */

static bool asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			return true;
		}
	}
	return false;
}

int cua_cmd_policy(int argc, char **argv)
{
	if (asks_for_help(argc, argv)) {
		fputs(help, stdout);
		agent_policy_print_conditions(stdout);
		fputs(help_end, stdout);
		return CUA_EXIT_OK;
	}
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "check") == 0) {
		return check(argc - 1, argv + 1);
	}
	if (strcmp(what, "explain") == 0) {
		return explain(argc - 1, argv + 1);
	}
	if (strcmp(what, "default") == 0) {
		fputs(agent_policy_default_text(), stdout);
		return CUA_EXIT_OK;
	}
	return cua_cmd_usage("policy", "say check, explain or default");
}

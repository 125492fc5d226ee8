/* cua policy: is a policy well formed, and what would it say of a call? */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/policy/doubts.h"
#include "agent/policy/policy.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/policy_call.h"
#include "cua/policy_servers.h"

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
		"check    is the file well formed? A mistake is told as FILE:LINE: what is wrong, "
		"and what\n"
		"         was probably meant; a name of an MCP server or of its tools that is not\n"
		"         known here as a warning.\n"
		"explain  what would happen to this call, by which rule. TOOL is an action of the\n"
		"         computer such as open_url, a tool that cua tools lists, or\n"
		"         mcp:SERVER:TOOL. NAME=VALUE is an argument, given again for a list;\n"
		"         NAME:=VALUE one that is JSON. A call that no run could make is refused.\n"
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

/* --- what cannot be refused --- */

/* NULL if they cannot be read, which is said. */
static cJSON *read_servers(void)
{
	struct cua_error why = { 0 };
	cJSON *servers = NULL;
	if (policy_servers_read(&servers, &why) != CUA_OK) {
		fprintf(stderr, "cua policy: the names of MCP servers are not checked: %s\n",
				why.msg);
	}
	return servers;
}

static void print_doubts(const cJSON *doubts)
{
	const cJSON *doubt = NULL;
	cJSON_ArrayForEach (doubt, doubts) {
		fputs("warning: ", stderr);
		cua_text_line(stderr, doubt->valuestring, 0);
		fputc('\n', stderr);
	}
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
	CUA_AUTO_JSON cJSON *servers = read_servers();
	CUA_AUTO_JSON cJSON *doubts = servers ? agent_policy_doubts(policy, servers) : NULL;
	print_doubts(doubts);
	printf("%s: well formed%s\n", agent_policy_name(policy),
			doubts && doubts->child ? ", with doubts" : "");
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

/* On stderr: a call of a server that is not set up yet may be asked about. */
static void doubt_call(const struct agent_policy_call *call)
{
	CUA_AUTO_JSON cJSON *servers = call->server ? read_servers() : NULL;
	CUA_AUTO_JSON cJSON *doubts = servers ? agent_policy_doubts_of_call(servers, call->server,
								call->server_tool, call->arguments)
					      : NULL;
	print_doubts(doubts);
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
	struct cua_error why = { 0 };
	int status = CUA_EXIT_USAGE;
	if (!parse_options(argc, argv, &question)) {
		status = cua_cmd_usage("policy", "explain TOOL NAME=VALUE...");
	} else if (policy_call_read(argv + optind, argc - optind, question.json_arguments,
				   &question.call, &question.arguments, &why) != CUA_OK) {
		status = cua_cmd_usage("policy", "%s", why.msg);
	} else if (!load(question.file, &policy)) {
		status = CUA_EXIT_FAILED;
	} else {
		doubt_call(&question.call);
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

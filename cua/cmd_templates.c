/* cua templates: what a kind of work needs, in one file. */

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/templates/template.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/template_desktop.h"

static const char usage[] =
		"Usage: cua templates [list] [--json]\n"
		"       cua templates show NAME\n"
		"       cua templates check NAME...\n"
		"\n"
		"A template says what a kind of work needs: what the model is told, which tools it "
		"gets,\n"
		"under which policy, which model, and how much it may use up. cua run --template "
		"NAME\n"
		"works by it; options of cua run go before what it says.\n"
		"\n"
		"list   which there are: those that come with cua, and yours\n"
		"show   the file, to be copied and changed\n"
		"check  is it well formed? A mistake is told as FILE:LINE: what is wrong.\n"
		"\n"
		"Yours are files NAME.yaml in $CUA_TEMPLATES, else in templates in ~/.config/cua; "
		"one\n"
		"of the same name stands in place of cua's. NAME may be the path of a file, too: "
		"with a\n"
		"slash in it, or .yaml at its end. All members are optional:\n"
		"\n"
		"  description: letters in our house style   # one line, for the list\n"
		"  instructions: |                           # what the model is told beside the "
		"task\n"
		"    Use the template letter.ott in the workspace.\n"
		"  tools: [bash, read_file]                  # all, none, or names of cua tools\n"
		"  mcp: [mail]                               # all, none, or names of cua "
		"mcp-servers\n"
		"  model: gpt-6.1-sol                        # as cua run --model takes it\n"
		"  limits: {steps: 100, time: 1800, tokens: 0, cost: 0.5, repeats: 6, errors: 10}\n"
		"  desktop: {size: 1920x1080}                # options of cua desktop start\n"
		"  policy:                                   # what stands in a policy: cua policy "
		"--help\n"
		"    include: default\n"
		"    rules:\n"
		"      - deny: the shell's network\n"
		"        when: {tool: bash, class: external}\n"
		"\n"
		"time is in seconds and cost in US dollars; 0 is no limit.\n"
		"\n"
		"Exit status: 0; 1 a template has a mistake or is not there; 2 wrong usage.\n";

static int list(bool as_json)
{
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *templates = agent_templates_list(&why);
	const cJSON *row = NULL;
	if (!templates) {
		return cua_cmd_fail(&why);
	}
	if (as_json) {
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(templates);
		puts(text ? text : "[]");
		return CUA_EXIT_OK;
	}
	cJSON_ArrayForEach (row, templates) {
		const char *problem = cua_json_string(row, "problem");
		const char *path = cua_json_string(row, "path");
		printf("%-20s ", cua_json_text(row, "name"));
		fputs(problem ? "(has a mistake) " : "", stdout);
		cua_text_line(stdout, problem ? problem : cua_json_text(row, "description"), 300);
		if (path && !problem) {
			fputs(" (", stdout);
			cua_text_line(stdout, path, 0);
			putchar(')');
		}
		putchar('\n');
	}
	return CUA_EXIT_OK;
}

static int show(const char *name)
{
	struct agent_template *template = NULL;
	struct cua_error why = { 0 };
	if (agent_template_load(name, &template, &why) != CUA_OK) {
		fprintf(stderr, "cua templates: %s\n", why.msg);
		return CUA_EXIT_FAILED;
	}
	fputs(template->text, stdout);
	agent_template_destroy(template);
	return CUA_EXIT_OK;
}

/* With what only a desktop can say of it. */
static bool check(const char *name)
{
	struct agent_template *template = NULL;
	struct cua_error why = { 0 };
	struct cua_desktop_options desktop = { .settings = desktop_settings_default };
	enum cua_status status = agent_template_load(name, &template, &why);
	if (status == CUA_OK) {
		status = cua_template_desktop(template, &desktop, &why);
	}
	agent_template_destroy(template);
	if (status != CUA_OK) {
		fprintf(stderr, "cua templates: %s\n", why.msg);
		return false;
	}
	printf("%s: well formed\n", name);
	return true;
}

static int check_all(char **names)
{
	bool is_well = true;
	for (; *names; names++) {
		is_well = check(*names) && is_well;
	}
	return is_well ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}

int cua_cmd_templates(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' }, { 0 } };
	bool as_json = false;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'h') {
			fputs(usage, stdout);
			return CUA_EXIT_OK;
		}
		if (option != 'j') {
			return cua_cmd_usage("templates", "wrong option");
		}
		as_json = true;
	}
	const char *word = argv[optind] ? argv[optind] : "list";
	char **names = argv[optind] ? argv + optind + 1 : argv + optind;
	if (strcmp(word, "list") == 0 && !names[0]) {
		return list(as_json);
	}
	if (as_json) {
		return cua_cmd_usage("templates", "--json goes with list");
	}
	if (strcmp(word, "show") == 0 && names[0] && !names[1]) {
		return show(names[0]);
	}
	if (strcmp(word, "check") == 0 && names[0]) {
		return check_all(names);
	}
	return cua_cmd_usage("templates", "needs list, show NAME or check NAME...");
}

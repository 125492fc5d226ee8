/* Template files: those that come with cua, those of the user, and the mistakes in them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/templates/template.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/cua-test-templates-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return setenv("CUA_TEMPLATES", dir, 1);
}

static int tear_down(void **state)
{
	(void)state;
	return cua_remove_tree(dir, NULL) == CUA_OK ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_template(const char *name, const char *text)
{
	assert_int_equal(cua_file_write(path_of(name), text, strlen(text), 0644, NULL), CUA_OK);
}

static struct agent_template *load(const char *name)
{
	struct agent_template *template = NULL;
	struct cua_error why = { 0 };
	if (agent_template_load(name, &template, &why) != CUA_OK) {
		fail_msg("%s: %s", name, why.msg);
	}
	return template;
}

/* --- what comes with cua --- */

static void eight_come_with_cua_and_are_well_formed(void **state)
{
	(void)state;
	static const char *const names[] = { "desktop", "office", "browser-research",
		"data-analysis", "python-development", "node-development", "code-review",
		"minimal" };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *list = agent_templates_list(&why);
	assert_int_equal(cJSON_GetArraySize(list), CUA_ARRAY_LEN(names));
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		struct agent_template *template = load(names[i]);
		assert_true(strlen(template->description) > 20);
		assert_true(strlen(template->instructions) > 100);
		assert_non_null(template->tools);
		assert_true(template->limits.steps > 0 && template->limits.time_s > 0);
		assert_null(template->model); /* nobody's key is known */
		agent_template_destroy(template);
	}
}

static enum agent_verdict judge(const struct agent_policy *policy, struct agent_policy_call call,
		const char *arguments)
{
	struct agent_decision decision;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(arguments);
	assert_non_null(json);
	call.arguments = json;
	call.workspace = "/w";
	agent_policy_judge(policy, NULL, &call, &decision);
	return decision.verdict;
}

static void a_review_runs_tests_and_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *tool, *arguments;
		enum agent_verdict verdict;
	} rows[] = {
		{ "bash", "{\"command\":\"pytest -q tests\"}", AGENT_ALLOW },
		{ "bash", "{\"command\":\"git log && cat README.md\"}", AGENT_ALLOW },
		{ "bash", "{\"command\":\"make test\"}", AGENT_ALLOW },
		{ "bash", "{\"command\":\"make install\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"pytest && touch x\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"rm -r src\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"python3 -m pytest -x --tb=short\"}", AGENT_ALLOW },
		{ "bash", "{\"command\":\"make test 2>&1 | tail -5\"}", AGENT_ALLOW },
		{ "bash", "{\"command\":\"make test >a.c\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"make test SHELL=./x\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"pytest --junitxml=a.c\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"cat /dev/null >a.c\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"echo x >Makefile\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"uniq a a.c\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"sort --out=x y\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"sort -rox y\"}", AGENT_ASK },
		{ "bash", "{\"command\":\"tree -aox\"}", AGENT_ASK },
		{ "text_editor", "{\"command\":\"view\",\"path\":\"a.c\"}", AGENT_ALLOW },
		{ "text_editor", "{\"command\":\"create\",\"path\":\"a.c\"}", AGENT_DENY },
		{ "write_file", "{\"path\":\"a.c\",\"content\":\"\"}", AGENT_DENY },
		{ "git", "{\"command\":\"diff\"}", AGENT_ALLOW },
		{ "git", "{\"command\":\"commit\"}", AGENT_DENY },
		{ "git", "{\"command\":\"push\"}", AGENT_DENY },
	};
	struct agent_template *template = load("code-review");
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		const struct agent_policy_call call = { .tool = rows[i].tool, .network = "none" };
		if (judge(template->policy, call, rows[i].arguments) != rows[i].verdict) {
			fail_msg("%s %s", rows[i].tool, rows[i].arguments);
		}
	}
	agent_template_destroy(template);
}

/* What could carry something away is a person's to allow once a page of a stranger was read. */
static void research_follows_links_and_carries_nothing_away(void **state)
{
	(void)state;
	static const struct {
		const char *tool, *window, *arguments;
		enum agent_verdict at_first, tainted;
	} rows[] = {
		{ "computer", "chromium", "{\"action\":\"click\",\"x\":1,\"y\":1}", AGENT_ALLOW,
				AGENT_ALLOW },
		{ "computer", "chromium", "{\"action\":\"scroll\",\"dy\":3}", AGENT_ALLOW,
				AGENT_ALLOW },
		{ "computer", "chromium", "{\"action\":\"type\",\"text\":\"tides\"}", AGENT_ALLOW,
				AGENT_ASK },
		{ "computer", "chromium", "{\"action\":\"key\",\"keys\":\"a\"}", AGENT_ALLOW,
				AGENT_ASK },
		{ "computer", "chromium", "{\"action\":\"open_url\",\"url\":\"https://a.org\"}",
				AGENT_ALLOW, AGENT_ASK },
		{ "computer", "chromium", "{\"action\":\"type\",\"text\":\"{{secret:BANK}}\"}",
				AGENT_DENY, AGENT_DENY },
		{ "computer", "xterm", "{\"action\":\"type\",\"text\":\"curl a.org\"}", AGENT_ASK,
				AGENT_ASK },
		{ "write_file", "chromium", "{\"path\":\"notes.md\",\"content\":\"\"}", AGENT_ALLOW,
				AGENT_ALLOW },
		{ "bash", "chromium", "{\"command\":\"curl https://a.org\"}", AGENT_ASK,
				AGENT_ASK },
	};
	struct agent_template *template = load("browser-research");
	for (size_t i = 0; i < 2 * CUA_ARRAY_LEN(rows); i++) {
		const bool is_tainted = i % 2 == 1;
		const struct agent_policy_call call = { .tool = rows[i / 2].tool,
			.window_class = rows[i / 2].window,
			.window_title = "",
			.url = "https://a.org/",
			.is_tainted = is_tainted,
			.network = "allow" };
		if (judge(template->policy, call, rows[i / 2].arguments) !=
				(is_tainted ? rows[i / 2].tainted : rows[i / 2].at_first)) {
			fail_msg("%s %s%s", rows[i / 2].tool, rows[i / 2].arguments,
					is_tainted ? ", tainted" : "");
		}
	}
	agent_template_destroy(template);
}

/* --- the user's own --- */

static void all_that_a_template_says_is_read(void **state)
{
	(void)state;
	write_template("ours.yaml",
			"description: ours\n"
			"instructions: |\n  One.\n  Two.\n"
			"model: gpt-6\n"
			"tools: [bash, done]\nmcp: [mail, files]\n"
			"limits: {steps: 7, cost: 0.25, time: 0}\n"
			"desktop: {size: 800x600}\n"
			"policy:\n  default: deny\n  rules:\n    - allow: looking\n"
			"      when: {action: screenshot}\n");
	struct agent_template *template = load("ours");
	assert_string_equal(template->name, "ours");
	assert_string_equal(template->path, path_of("ours.yaml"));
	assert_string_equal(template->description, "ours");
	assert_string_equal(template->instructions, "One.\nTwo.\n");
	assert_string_equal(template->model, "gpt-6");
	assert_string_equal(template->tools, "bash,done");
	assert_string_equal(template->mcp, "mail,files");
	assert_int_equal(template->limits.steps, 7);
	assert_int_equal(template->limits.time_s, 0);
	assert_true(template->limits.usd > 0.24 && template->limits.usd < 0.26);
	assert_int_equal(template->limits.errors, -1);
	assert_string_equal(cua_json_text(template->desktop, "size"), "800x600");
	struct agent_decision decision;
	CUA_AUTO_JSON cJSON *look = cJSON_Parse("{\"action\":\"screenshot\"}");
	const struct agent_policy_call call = { .tool = "computer", .arguments = look };
	agent_policy_judge(template->policy, NULL, &call, &decision);
	assert_int_equal(decision.verdict, AGENT_ALLOW);
	assert_int_equal(decision.line, 13); /* of the template */
	assert_string_equal(decision.file, path_of("ours.yaml"));
	agent_template_destroy(template);
	template = load(path_of("ours.yaml"));
	assert_string_equal(template->tools, "bash,done");
	agent_template_destroy(template);
}

static void one_of_the_user_stands_in_place_of_cuas(void **state)
{
	(void)state;
	write_template("minimal.yaml", "description: mine\n");
	write_template("broken.yaml", "tools: [bash, hammer]\n");
	write_template(".hidden.yaml", "x");
	struct agent_template *template = load("minimal");
	assert_string_equal(template->description, "mine");
	assert_null(template->tools);
	assert_null(template->policy);
	agent_template_destroy(template);
	CUA_AUTO_JSON cJSON *list = agent_templates_list(NULL);
	int found = 0;
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, list) {
		const char *name = cua_json_text(row, "name");
		found += strcmp(name, "minimal") == 0;
		assert_string_not_equal(name, ".hidden");
		if (strcmp(name, "broken") == 0) {
			assert_non_null(strstr(cua_json_text(row, "problem"),
					"broken.yaml:1: there is no tool 'hammer'"));
		}
	}
	assert_int_equal(found, 1);
	assert_int_equal(unlink(path_of("minimal.yaml")), 0);
}

static void mistakes_are_told_with_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "", "t.yaml:1: a template needs members: description, instructions" },
		{ "- x\n", "t.yaml:1: a template needs members" },
		{ "tool: all\n", "t.yaml:1: a template has no 'tool'; it has description" },
		{ "description: [a]\n", "t.yaml:1: description needs a text" },
		{ "description: a\ninstructions: ''\n", "t.yaml:2: instructions needs a text" },
		{ "model: 5\n", "t.yaml:1: model needs a text" },
		{ "tools: bash\n", "t.yaml:1: tools needs all, none or a list of names" },
		{ "tools: []\n", "t.yaml:1: tools needs all, none or a list" },
		{ "tools:\n  - bash\n  - 7\n", "t.yaml:3: needs a name" },
		{ "mcp: mail\n", "t.yaml:1: mcp needs all, none or a list of names" },
		{ "mcp: ['a,b']\n", "t.yaml:1: a server has a name without commas" },
		{ "limits: 5\n", "t.yaml:1: limits needs members: steps, time" },
		{ "limits:\n  step: 5\n", "t.yaml:2: limits has no 'step'" },
		{ "limits: {steps: 1.5}\n", "t.yaml:1: steps needs a whole number from 0" },
		{ "limits: {cost: -1}\n", "t.yaml:1: cost needs a number from 0" },
		{ "limits: {time: 1h}\n", "t.yaml:1: time needs a whole number" },
		{ "desktop: 800x600\n", "t.yaml:1: desktop needs members" },
		{ "desktop: {dpi: 96}\n", "t.yaml:1: dpi needs a text; put it into quotes" },
		{ "policy: careful\n", "t.yaml:1: a policy needs members" },
		{ "policy:\n  rules: []\n",
				"t.yaml:1: what happens to a call that no rule is about?" },
		{ "tools: all\npolicy:\n  default: ask\n  rules:\n    - alow: x\n",
				"t.yaml:5: a rule has no 'alow'" },
		{ "tools: all\ntools: none\n", "t.yaml:2: " },
		{ "tools: [\n", "t.yaml:2: " },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_template *template = NULL;
		struct cua_error why = { 0 };
		write_template("t.yaml", rows[i].text);
		if (agent_template_load("t", &template, &why) == CUA_OK ||
				!strstr(why.msg, rows[i].said)) {
			fail_msg("%s: %s", rows[i].text, why.msg);
		}
		assert_null(template);
	}
}

static void what_is_not_there_names_what_is(void **state)
{
	(void)state;
	static const char *const names[] = { "gardening", "", ".hidden",
		"a-name-that-is-much-longer-than-any-name-of-a-template-has-to-be-to-be-good" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		struct agent_template *template = NULL;
		struct cua_error why = { 0 };
		assert_int_equal(agent_template_load(names[i], &template, &why), CUA_ERR_NOT_FOUND);
		assert_non_null(strstr(why.msg, "code-review, minimal"));
	}
	struct agent_template *template = NULL;
	assert_int_equal(
			agent_template_load("/nowhere/x.yaml", &template, NULL), CUA_ERR_NOT_FOUND);
	assert_int_equal(agent_template_load("../../etc/passwd", &template, NULL),
			CUA_ERR_NOT_FOUND);
	/* More than a template may have, and what is no text. */
	CUA_AUTO_FREE char *large = malloc(300000);
	memset(large, '#', 300000);
	assert_int_equal(cua_file_write(path_of("large.yaml"), large, 300000, 0644, NULL), CUA_OK);
	struct cua_error why = { 0 };
	assert_int_equal(agent_template_load("large", &template, &why), CUA_ERR_TOO_LARGE);
	assert_non_null(strstr(why.msg, "large.yaml"));
	assert_int_equal(cua_file_write(path_of("zero.yaml"), "a\0b", 3, 0644, NULL), CUA_OK);
	assert_int_equal(agent_template_load("zero", &template, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "zero.yaml:1: it holds bytes of value 0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eight_come_with_cua_and_are_well_formed),
		cmocka_unit_test(a_review_runs_tests_and_changes_nothing),
		cmocka_unit_test(research_follows_links_and_carries_nothing_away),
		cmocka_unit_test(all_that_a_template_says_is_read),
		cmocka_unit_test(one_of_the_user_stands_in_place_of_cuas),
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(what_is_not_there_names_what_is),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

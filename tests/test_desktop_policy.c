/* cua run under a policy, on a real desktop with the stand-in model: what is denied has no effect
 * there, and what is asked is asked first. The desktop says so, not the run. */

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/standin_process.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static const char script[] = "task: Make a file.\n"
			     "steps:\n"
			     "  - switch_app: xterm\n"
			     "  - type: \"touch $HOME/made\\n\"\n"
			     "  - done: It is made.\n";

/* The same, but the click before it is what a person is asked about. */
static const char by_python[] =
		"task: Make a file.\n"
		"steps:\n"
		"  - switch_app: xterm\n"
		"  - call: '{\"type\":\"function_call\",\"name\":\"python\",\"arguments\":"
		"\"{\\\"code\\\":\\\"import pyautogui\\\\npyautogui.click(640, 400)\\\\n"
		"pyautogui.write(chr(116) + ''ouch $HOME/made'' + chr(10))\\\"}\"}'\n"
		"  - done: It is made.\n";

static void write_file(const char *name, const char *text)
{
	assert_int_equal(cua_file_write(world_path(&world, name), text, strlen(text), 0644, NULL),
			CUA_OK);
}

/* A file in the home; data is its name. */
static bool is_there(void *data)
{
	char line[100];
	snprintf(line, sizeof(line), "test -e \"$HOME/%s\" && echo yes || echo no",
			(const char *)data);
	CUA_AUTO_FREE char *answer = desktop_sh(&desktop, line);
	return strcmp(answer, "yes") == 0;
}

static char made[] = "made", after[] = "after";

/* The events of the run that is kept in this folder; the caller owns it. NULL if there are none. */
static char *read_events(const char *runs)
{
	char pattern[200];
	glob_t found;
	char *text = NULL;
	snprintf(pattern, sizeof(pattern), "%s/*/events.jsonl", world_path(&world, runs));
	if (glob(pattern, 0, NULL, &found) == 0) {
		text = read_whole_file(found.gl_pathv[0], NULL);
	}
	globfree(&found);
	return text;
}

struct play {
	struct standin_process standin;
	struct program program;
	const char *runs;
	int terminal; /* the person's end; -1: there is none */
};

/* policy NULL: the default. stdin is a terminal if there is one, else nothing. */
static void play_begin(struct play *play, const char *steps, const char *runs, const char *policy,
		bool has_person)
{
	char runs_dir[200], terminal[64] = "/dev/null", file[200];
	write_file("script.yaml", steps);
	write_file("policy.yaml", policy ? policy : "include: default\n");
	snprintf(file, sizeof(file), "%s", world_path(&world, "policy.yaml"));
	snprintf(runs_dir, sizeof(runs_dir), "CUA_RUNS_DIR=%s", world_path(&world, runs));
	*play = (struct play){ .runs = runs, .terminal = -1 };
	if (has_person) {
		play->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(play->terminal >= 0 && grantpt(play->terminal) == 0 &&
				unlockpt(play->terminal) == 0 &&
				ptsname_r(play->terminal, terminal, sizeof(terminal)) == 0);
	}
	standin_process_start(&play->standin, "--script", world_path(&world, "script.yaml"), NULL);
	const char *const argv[] = { "sh", "-c", "terminal=$1; shift; exec \"$@\" <\"$terminal\"",
		"sh", terminal, world.program, "run", "--policy", file, "--desktop", desktop.name,
		"--model", "standin", "--base-url", play->standin.url, "--api", "responses",
		"--tools=python", "Make a file.", NULL };
	const char *const env[] = { "CUA_API_KEY=sk-test-0123456789", runs_dir, NULL };
	play->program = world_begin(&world, argv, env, NULL, 0);
}

static void play_end(struct play *play, struct output *ret_output)
{
	world_await(&world, &play->program, ret_output);
	standin_process_stop(&play->standin);
	if (play->terminal >= 0) {
		close(play->terminal);
	}
}

static void expect_event(const char *runs, const char *text)
{
	CUA_AUTO_FREE char *events = read_events(runs);
	if (!events || !strstr(events, text)) {
		fail_msg("no %s in %s", text, events ? events : "no events");
	}
}

/* --- */

static void what_the_default_allows_is_done_without_a_question(void **state)
{
	(void)state;
	struct play play;
	struct output output;
	play_begin(&play, script, "runs-default", NULL, false);
	play_end(&play, &output);
	expect_status(&output, 0, "cua run");
	output_finish(&output);
	wait_until(is_there, made, "a file that the default lets it make");
	expect_event("runs-default", "\"verdict\":\"allow\"");
}

static void what_is_denied_has_no_effect(void **state)
{
	(void)state;
	struct play play;
	struct output output;
	play_begin(&play, script, "runs-deny",
			"include: default\nrules:\n  - deny: terminals\n    when: {action: type, "
			"window: {class: xterm}}\n",
			false);
	play_end(&play, &output);
	output_finish(&output);
	expect_event("runs-deny", "\"verdict\":\"deny\"");
	/* The terminal has its keys in order: had the others come, they would be before these. */
	world_expect(&world, 0, "type", "-d", desktop.name, "touch $HOME/after\n", NULL);
	wait_until(is_there, after, "what was typed afterwards");
	assert_false(is_there(made));
}

struct answer {
	const struct play *play;
	const char *line; /* what the person types */
	const char *until;
	bool was_made_first; /* before the person had answered */
};

/* Types the line again and again: what comes before a question is no answer to it. */
static bool is_answered(void *data)
{
	struct answer *answer = data;
	const bool is_made = is_there(made); /* before the events are read, which may say why */
	CUA_AUTO_FREE char *events = read_events(answer->play->runs);
	if (events && strstr(events, answer->until)) {
		return true;
	}
	answer->was_made_first = answer->was_made_first || is_made;
	assert_true(cua_write_all(answer->play->terminal, answer->line, strlen(answer->line)));
	return false;
}

static void what_is_asked_is_asked_first(void **state)
{
	(void)state;
	static const char policy[] = "include: default\nrules:\n  - ask: terminals\n    when: "
				     "{action: type, window: {class: xterm}}\n    why: it runs "
				     "commands\n";
	static const struct {
		const char *runs, *line, *until;
		bool is_made;
	} rows[] = { { "runs-no", "n\n", "\"answer\":\"no\"", false },
		{ "runs-yes", "y\n", "\"answer\":\"yes\"", true } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct play play;
		struct output output;
		play_begin(&play, script, rows[i].runs, policy, true);
		struct answer answer = { &play, rows[i].line, rows[i].until, false };
		wait_until(is_answered, &answer, "a person's answer");
		play_end(&play, &output);
		assert_false(answer.was_made_first);
		assert_non_null(strstr(output.err, "May the agent do this?"));
		assert_non_null(strstr(output.err, "touch $HOME/made"));
		assert_non_null(strstr(output.err, "it runs commands"));
		output_finish(&output);
		if (rows[i].is_made) {
			wait_until(is_there, made, "a file that a person allowed");
		}
		assert_int_equal(is_there(made), rows[i].is_made);
	}
}

/* The script waits for the answer, and goes on, or gets an exception. */
static void what_a_script_does_is_asked_as_well(void **state)
{
	(void)state;
	static const char policy[] =
			"include: default\nrules:\n  - ask: clicks\n    when: {action: "
			"click}\n    why: it may press anything\n";
	static const struct {
		const char *runs, *line, *until, *said;
		bool is_made;
	} rows[] = { { "runs-script-no", "n\n", "\"answer\":\"no\"",
				     "PermissionError: Not run: a person was asked", false },
		{ "runs-script-yes", "y\n", "\"answer\":\"yes\"", "\"is_error\":false", true } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct play play;
		struct output output;
		play_begin(&play, by_python, rows[i].runs, policy, true);
		struct answer answer = { &play, rows[i].line, rows[i].until, false };
		wait_until(is_answered, &answer, "a person's answer");
		play_end(&play, &output);
		assert_false(answer.was_made_first);
		assert_non_null(strstr(output.err, "click at 640, 400"));
		assert_non_null(strstr(output.err, "it may press anything"));
		output_finish(&output);
		expect_event(rows[i].runs, "\"picture\":\"asked-1.png\"");
		expect_event(rows[i].runs, rows[i].said);
		if (rows[i].is_made) {
			wait_until(is_there, made, "a file that a person allowed");
		}
		assert_int_equal(is_there(made), rows[i].is_made);
	}
}

static void a_mistake_in_the_policy_starts_nothing(void **state)
{
	(void)state;
	struct play play;
	struct output output;
	play_begin(&play, script, "runs-mistake", "include: default\nrules:\n  - alow: x\n", false);
	play_end(&play, &output);
	assert_int_equal(output.exit_status, 2);
	assert_non_null(strstr(output.err, "policy.yaml:3: a rule has no 'alow'"));
	output_finish(&output);
	assert_null(read_events("runs-mistake"));
}

static int forget(void **state)
{
	(void)state;
	free(desktop_sh(&desktop, "rm -f \"$HOME/made\" \"$HOME/after\""));
	return 0;
}

static int begin(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "policy");
	world_expect(&world, 0, "open_app", "-d", desktop.name, "xterm -fullscreen +bc", NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop(&desktop);
	world_destroy(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_denied_has_no_effect, forget),
		cmocka_unit_test_setup(what_is_asked_is_asked_first, forget),
		cmocka_unit_test_setup(what_a_script_does_is_asked_as_well, forget),
		cmocka_unit_test_setup(what_the_default_allows_is_done_without_a_question, forget),
		cmocka_unit_test(a_mistake_in_the_policy_starts_nothing),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

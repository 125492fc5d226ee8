/* Files, searching and git for models, in the sandbox of a real desktop. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/tool_stage.h"

/* --- files --- */

static void files_are_written_whole_and_kept(void **state)
{
	(void)state;
	tool_call("write_file", "content", "one\ntwo\n", "{\"path\":\"deep/er/notes.txt\"}");
	assert_string_equal(
			tool_call("read_file", "path", "deep/er/notes.txt", "{}"), "one\ntwo\n");
	tool_bash("chmod 640 ~/workspace/deep/er/notes.txt");
	assert_says(tool_call("write_file", "content", "three\n",
				    "{\"path\":\"deep/er/notes.txt\"}"),
			"~ behind its name");
	assert_string_equal(
			tool_bash("cd ~/workspace/deep/er; cat notes.txt notes.txt~; stat -c %a "
				  "notes.txt; ls -A"),
			"three\none\ntwo\n640\nnotes.txt\nnotes.txt~\n");
	tool_bash("cd ~/workspace; (echo first; head -c 60000 /dev/zero | tr '\\0' x; echo; echo "
		  "last) "
		  "> wide");
	assert_says(tool_call("text_editor", "path", "wide",
				    "{\"command\":\"insert\",\"insert_line\":2,\"insert_text\":"
				    "\"once\"}"),
			"is written");
	assert_string_equal(tool_bash("grep -c once ~/workspace/wide"), "1\n");
	assert_says(tool_call("read_file", "path", "wide", "{\"offset\":2}"), "line 2 cut here");
	tool_call("text_editor", "path", "list.txt",
			"{\"command\":\"create\",\"file_text\":\"a\\nb\\nc\\n\"}");
	assert_says(tool_call("text_editor", "path", "list.txt",
				    "{\"command\":\"str_replace\",\"old_str\":\"b\\n\",\"new_str\":"
				    "\"B\\nbb\\n\"}"),
			"     2\tB\n     3\tbb\n");
	tool_call("text_editor", "path", "list.txt",
			"{\"command\":\"insert\",\"insert_line\":0,\"insert_text\":\"first\"}");
	assert_string_equal(tool_call("text_editor", "path", "list.txt",
					    "{\"command\":\"view\",\"view_range\":[1,2]}"),
			"     1\tfirst\n     2\ta\n[cut before line 3; 7 bytes are left]");
	assert_says(tool_call_failing("text_editor", "path", "list.txt",
				    "{\"command\":\"str_replace\",\"old_str\":\"b\",\"new_str\":"
				    "\"\"}"),
			"more than once");
	assert_says(tool_call_failing("text_editor", "path", "list.txt",
				    "{\"command\":\"str_replace\",\"old_str\":\"zz\"}"),
			"not in the file");
}

static void nothing_outside_of_the_workspace_is_reached(void **state)
{
	(void)state;
	static const char *const outside[] = { "/etc/passwd", "../secret", "deep/../../secret",
		"link", "folder/passwd", "up/secret", "/proc/self/root/etc/passwd",
		"/home/agent/workspace/../secret", "/home/agent/workspacesecret", "relative" };
	free(desktop_sh(&tool_stage.desktop, "echo outside >~/secret; echo x >~/workspacesecret"));
	tool_bash("cd ~/workspace; mkdir -p deep; ln -sfn /etc/passwd link; ln -sfn /etc folder; "
		  "ln "
		  "-sfn .. up; "
		  "ln -sfn ../secret relative");
	for (size_t i = 0; i < CUA_ARRAY_LEN(outside); i++) {
		assert_says(tool_call_failing("read_file", "path", outside[i], "{}"),
				"leaves the workspace");
		tool_call_failing(
				"write_file", "path", outside[i], "{\"content\":\"overwritten\"}");
		tool_call_failing("text_editor", "path", outside[i],
				"{\"command\":\"create\",\"file_text\":\"overwritten\"}");
		tool_call_failing("search", "path", outside[i], "{\"pattern\":\".\"}");
		tool_call_failing("git", "repository", outside[i], "{\"command\":\"status\"}");
	}
	assert_says(tool_call_failing(
				    "write_file", "path", "fresh/../../out", "{\"content\":\"x\"}"),
			"fresh/../../out leaves the workspace");
	assert_string_equal(tool_bash("ls -d ~/workspace/fresh 2>&1 | grep -c 'No such'"), "1\n");
	tool_call("write_file", "path", "deep/../fresh", "{\"content\":\"x\"}");
	CUA_AUTO_FREE char *secret = desktop_sh(&tool_stage.desktop, "cat ~/secret");
	assert_string_equal(secret, "outside");
	CUA_AUTO_FREE char *changed =
			desktop_sh(&tool_stage.desktop, "grep -rl overwritten ~ || echo none");
	assert_string_equal(changed, "none");
}

/* A name that changes from a file to a link out and back, while it is read. */
static void no_race_leads_out(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; mkdir -p in out; echo inside > in/file; ln -sfn /etc out/link; "
		  "echo inside > in/passwd; (while :; do ln -sfn in turn; ln -sfn /etc turn; done) "
		  "& "
		  "echo $! > /tmp/racer");
	int inside = 0;
	for (int i = 0; i < 300; i++) {
		long status = 0;
		CUA_AUTO_JSON cJSON *answer =
				tool_call_any("read_file", "path", "turn/passwd", "{}", &status);
		const char *text = json_text(answer, "content.0.text");
		inside += strcmp(text, "inside\n") == 0;
		assert_true(!text[0] || strcmp(text, "inside\n") == 0);
	}
	tool_bash("kill $(cat /tmp/racer)");
	assert_true(inside > 0);
}

static void strange_files_are_refused_and_hold_nothing_up(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; mkfifo -m 600 pipe; printf 'a\\0b' > zero; printf '\\377' > "
		  "latin; "
		  "mkdir -p box; truncate -s 100M huge; chmod 000 zero.txt 2>/dev/null; echo x > "
		  "closed; chmod 000 closed; python3 -c \"import socket; "
		  "socket.socket(socket.AF_UNIX).bind('sock')\"");
	assert_says(tool_call_failing("read_file", "path", "pipe", "{}"), "a pipe");
	assert_says(tool_call_failing("read_file", "path", "sock", "{}"), "sock");
	assert_says(tool_call_failing("read_file", "path", "box", "{}"), "a folder");
	assert_says(tool_call_failing("read_file", "path", "zero", "{}"), "byte 0");
	assert_says(tool_call_failing("read_file", "path", "latin", "{}"), "UTF-8");
	assert_says(tool_call_failing("read_file", "path", "huge", "{}"), "huge");
	assert_says(tool_call_failing("read_file", "path", "closed", "{}"), "ermission");
	assert_says(tool_call_failing("read_file", "path", "absent", "{}"), "does not exist");
	assert_says(tool_call_refused("read_file", "path", "closed", "{}"), "ermission");
	assert_says(tool_call_refused("read_file", "path", "sock", "{}"), "sock is a socket");
	tool_bash("cd ~/workspace; mkdir -p backed.txt~; echo old > backed.txt; mkdir -p shut; "
		  "chmod "
		  "555 "
		  "shut");
	assert_says(tool_call_refused("write_file", "content", "x", "{\"path\":\"backed.txt\"}"),
			"backed.txt~: Is a directory");
	assert_says(tool_call_refused("write_file", "content", "x", "{\"path\":\"shut/new\"}"),
			"shut/new is not written: Permission denied");
	assert_says(tool_call_failing("write_file", "content", "x", "{\"path\":\"pipe\"}"),
			"no regular file");
	assert_says(tool_call_failing("write_file", "content", "x", "{\"path\":\"box\"}"),
			"no regular file");
}

/* --- searching, git --- */

static void searching_finds_and_never_hangs(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; mkdir -p code; printf 'int main(void)\\n' > code/main.c; printf "
		  "'int main\\n' > code/notes.md; head -c 1000000 /dev/zero | tr '\\0' a > "
		  "code/as.c");
	assert_string_equal(tool_call("search", "pattern", "main\\(",
					    "{\"path\":\"code\",\"glob\":\"*.c\"}"),
			"code/main.c:1:int main(void)\n");
	assert_says(tool_call("search", "pattern", "main\\(", "{\"glob\":\"*.c\"}"),
			"./code/main.c:1:int main(void)\n");
	assert_says(tool_call_refused("search", "pattern", "main", "{\"glob\":\"[\"}"),
			"parsing glob");
	assert_null(strstr(tool_stage.said, "could not be read"));
	tool_bash("touch ~/workspace/unreadable; chmod 000 ~/workspace/unreadable");
	assert_string_equal(tool_call("search", "pattern", "nowhere to be found", "{}"),
			"nothing was found\n[some files could not be read]");
	assert_says(tool_call_failing("search", "pattern", "(", "{}"), "regex");
	assert_string_equal(tool_call("search", "pattern", "(a+)+$b", "{\"path\":\"code/as.c\"}"),
			"nothing was found");
	assert_string_equal(tool_call("search", "pattern", "--files", "{\"path\":\"code\"}"),
			"nothing was found");
	tool_bash("cd ~/workspace; mkfifo code/queue; python3 -c 'import socket; "
		  "socket.socket(socket.AF_UNIX).bind(\"code/wire\")'");
	assert_says(tool_call_failing("search", "pattern", "x", "{\"path\":\"code/queue\"}"),
			"code/queue is a pipe, neither a file nor a folder");
	assert_says(tool_call_failing("search", "pattern", "x", "{\"path\":\"code/wire\"}"),
			"code/wire is a socket, neither a file nor a folder");
	assert_string_equal(tool_call("search", "pattern", "nowhere to be found",
					    "{\"path\":\"code\"}"),
			"nothing was found");
}

static void git_works_and_runs_no_hooks(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; git init -q repo; cd repo; git config user.name A; git config "
		  "user.email a@example.org; printf '#!/bin/sh\\ntouch /tmp/hooked\\n' > "
		  ".git/hooks/pre-commit; chmod +x .git/hooks/pre-commit; git config "
		  "core.fsmonitor "
		  "'touch /tmp/monitored'; git config diff.external 'touch /tmp/differed'; echo "
		  "one > "
		  "a.txt");
	assert_says(tool_call("git", "repository", "repo", "{\"command\":\"status\"}"), "?? a.txt");
	tool_call("git", "repository", "repo", "{\"command\":\"add\",\"paths\":[\"a.txt\"]}");
	assert_says(tool_call("git", "repository", "repo",
				    "{\"command\":\"diff\",\"staged\":true}"),
			"+one");
	tool_call("git", "repository", "repo",
			"{\"command\":\"commit\",\"message\":\"first; rm -rf ~\"}");
	assert_says(tool_call("git", "repository", "repo", "{\"command\":\"log\"}"),
			"first; rm -rf ~");
	assert_string_equal(tool_bash("ls /tmp/hooked /tmp/monitored /tmp/differed 2>/dev/null | "
				      "wc -l"),
			"0\n");
	assert_says(tool_call_failing("git", "repository", "repo", "{\"command\":\"commit\"}"),
			"message");
	assert_says(tool_call_failing("git", "repository", "repo", "{\"command\":\"rebase\"}"),
			"must be one of");
}

/* The account's name, and an address that is nobody's; whatever else is set comes first. */
static void git_commits_for_whoever_did_not_say_their_name(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; rm -rf mine; git init -q mine; cd mine; echo one > a; echo two "
		  "> b");
	tool_call("git", "repository", "mine", "{\"command\":\"add\",\"paths\":[\"a\"]}");
	tool_call("git", "repository", "mine", "{\"command\":\"commit\",\"message\":\"one\"}");
	tool_bash("cd ~/workspace/mine; git add b; git commit -qm two; git config user.email "
		  "own@example.org; echo three > b");
	tool_call("git", "repository", "mine", "{\"command\":\"add\",\"paths\":[\"b\"]}");
	tool_call("git", "repository", "mine", "{\"command\":\"commit\",\"message\":\"three\"}");
	assert_string_equal(tool_bash("cd ~/workspace/mine; git log --format='%an <%ae> %ce'"),
			"agent <own@example.org> own@example.org\n"
			"agent <agent@desktop.invalid> "
			"agent@desktop.invalid\n"
			"agent <agent@desktop.invalid> "
			"agent@desktop.invalid\n");
}

/* A filter, a hook and a monitor of a repository within one would run with the question what has
 * changed there. */
static void git_enters_no_nested_repository(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; rm -rf nest /tmp/entered; git init -q nest; cd nest; git init "
		  "-q "
		  "sub; "
		  "cd sub; echo '* filter=q' > .gitattributes; echo x > f; git add -A; git commit "
		  "-qm "
		  "1; "
		  "cd ..; git add -A 2>/dev/null; git commit -qm 1; cd sub; git config "
		  "filter.q.clean "
		  "'touch /tmp/entered; cat'; git config core.fsmonitor 'touch /tmp/entered'; "
		  "printf "
		  "'#!/bin/sh\ntouch /tmp/entered\n' > .git/hooks/post-index-change; chmod +x "
		  ".git/hooks/post-index-change; echo yy > f; cd ..; echo new > new; echo more > "
		  "more; "
		  "git "
		  "config -f .gitmodules submodule.s.path sub; git config submodule.s.ignore none; "
		  "git "
		  "config submodule.s.url x");
	assert_says(tool_call("git", "repository", "nest", "{\"command\":\"status\"}"), "?? new");
	tool_call("git", "repository", "nest", "{\"command\":\"diff\"}");
	assert_says(tool_call_failing("git", "repository", "nest",
				    "{\"command\":\"add\",\"paths\":[\".\"]}"),
			"no nested repository's settings count");
	tool_call("git", "repository", "nest",
			"{\"command\":\"add\",\"paths\":[\"new\",\"more\"]}");
	assert_says(tool_call("git", "repository", "nest",
				    "{\"command\":\"commit\",\"message\":\"new\"}"),
			"2 files changed");
	tool_call_failing("git", "repository", "nest",
			"{\"command\":\"commit\",\"message\":\"none\"}");
	tool_call("git", "repository", "nest", "{\"command\":\"log\"}");
	assert_string_equal(tool_bash("ls /tmp/entered 2>&1 | grep -c 'No such'"), "1\n");
}

static void git_heeds_no_global_settings_that_run_programs(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; rm -rf plain; git init -q plain; git config --global "
		  "filter.x.clean "
		  "'touch /tmp/cleaned; cat'; echo '* filter=x' > plain/.gitattributes; echo a > "
		  "plain/a");
	assert_says(tool_call_failing("git", "repository", "plain",
				    "{\"command\":\"add\",\"paths\":[\"a\"]}"),
			"the tools' global settings have filter.x.clean");
	tool_bash("git config --global --remove-section filter.x; git config --global "
		  "uploadpack.packObjectsHook 'touch /tmp/cleaned'");
	assert_says(tool_call_failing("git", "repository", "plain", "{\"command\":\"pull\"}"),
			"uploadpack.packobjectshook");
	tool_bash("git config --global --remove-section uploadpack; mv $GIT_CONFIG_GLOBAL kept; "
		  "mkfifo "
		  "$GIT_CONFIG_GLOBAL");
	assert_says(tool_call_refused("git", "repository", "plain", "{\"command\":\"status\"}"),
			"gitconfig is a pipe");
	tool_bash("mv -f kept $GIT_CONFIG_GLOBAL; git config --global alias.filter log");
	tool_call("git", "repository", "plain", "{\"command\":\"add\",\"paths\":[\"a\"]}");
	assert_string_equal(tool_bash("git config --global --remove-section alias; ls /tmp/cleaned "
				      "2>&1 | "
				      "grep -c 'No such'"),
			"1\n");
}

/* Its hooks are those of another repository, and would run here. */
static void git_pushes_to_no_folder(void **state)
{
	(void)state;
	tool_bash("cd ~/workspace; rm -rf bare mine; git init -q --bare bare; printf "
		  "'#!/bin/sh\ntouch "
		  "/tmp/received\n' > bare/hooks/pre-receive; chmod +x bare/hooks/pre-receive; git "
		  "init -q mine; cd mine; git config push.default current; git remote add origin "
		  "~/workspace/bare; echo one > a; git add a; git commit -qm one");
	assert_says(tool_call_failing("git", "repository", "mine", "{\"command\":\"push\"}"),
			"bash may push there");
	assert_string_equal(tool_bash("ls /tmp/received 2>&1 | grep -c 'No such'; cd "
				      "~/workspace/mine; git push -q; ls /tmp/received"),
			"1\n/tmp/received\n");
}

/* However they are spelled, and wherever they lie: git itself is asked what they are. */
static void git_takes_no_repository_that_runs_programs(void **state)
{
	(void)state;
	static const struct {
		const char *settings, *says;
	} bad[] = {
		{ "git config filter.x.clean 'touch ~/cleaned'", "filter.x.clean" },
		{ "printf '[FILTER \"x\"]\\n\\tsmudge = true\\n' >> .git/config",
				"filter.x.smudge" },
		{ "printf '[include]\\npath = /tmp/other\\n' >> .git/config", "include.path" },
		{ "git config core.worktree /tmp", "core.worktree" },
		{ "git config core.sshCommand 'touch ~/ssh'", "core.sshcommand" },
		{ "git config extensions.worktreeConfig true; printf '[core]\\nsshCommand = x\\n' "
		  "> "
		  ".git/config.worktree",
				"extensions.worktreeconfig" },
		{ "git config url./tmp/.insteadOf http://x/", "url./tmp/.insteadof" },
		{ "git config filter.x.clean y; mkdir ../linked; mv .git ../linked/real; echo "
		  "'gitdir: "
		  "../linked/real' > .git",
				"filter.x.clean" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad); i++) {
		char script[512];
		snprintf(script, sizeof(script),
				"cd ~/workspace; rm -rf bad linked; git init -q bad; cd bad; %s",
				bad[i].settings);
		tool_bash(script);
		assert_says(tool_call_failing(
					    "git", "repository", "bad", "{\"command\":\"status\"}"),
				bad[i].says);
	}
	/* A word of theirs elsewhere is none of them. */
	tool_bash("cd ~/workspace; rm -rf bad; git init -q bad; cd bad; git remote add credential "
		  "/tmp/filter");
	tool_call("git", "repository", "bad", "{\"command\":\"status\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_written_whole_and_kept),
		cmocka_unit_test(nothing_outside_of_the_workspace_is_reached),
		cmocka_unit_test(no_race_leads_out),
		cmocka_unit_test(strange_files_are_refused_and_hold_nothing_up),
		cmocka_unit_test(searching_finds_and_never_hangs),
		cmocka_unit_test(git_works_and_runs_no_hooks),
		cmocka_unit_test(git_takes_no_repository_that_runs_programs),
		cmocka_unit_test(git_commits_for_whoever_did_not_say_their_name),
		cmocka_unit_test(git_enters_no_nested_repository),
		cmocka_unit_test(git_heeds_no_global_settings_that_run_programs),
		cmocka_unit_test(git_pushes_to_no_folder),
	};
	return cmocka_run_group_tests(tests, tool_stage_start, tool_stage_finish);
}

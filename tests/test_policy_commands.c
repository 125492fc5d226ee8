/* Command lines: what is taken apart, and what is not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/policy/command.h"
#include "agent/policy/form.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* "ls -l [a/b]; wc": texts, each with its paths. */
static void describe(const cJSON *commands, char *text, size_t size)
{
	const cJSON *command = NULL, *path = NULL;
	size_t len = 0;
	text[0] = '\0';
	cJSON_ArrayForEach (command, commands) {
		len += (size_t)snprintf(text + len, size - len, "%s%s", len ? "; " : "",
				cua_json_text(command, "text"));
		cJSON_ArrayForEach (path, cua_json_member(command, "paths")) {
			len += (size_t)snprintf(text + len, size - len, " [%s]", path->valuestring);
		}
	}
}

static void plain_lines_are_taken_apart(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "ls", "ls" },
		{ "  ls\t-l  ", "ls -l" },
		{ "ls; wc x && rm -rf build || echo no | cat",
				"ls; wc x [x]; rm -rf build [build]; echo no [no]; cat" },
		{ "ls\nwc\n", "ls; wc" },
		{ "echo 'a b' \"c d\" e", "echo a b c d e [a b] [c d] [e]" },
		{ "'rm' -rf x", "rm -rf x [x]" },
		{ "r''m -r\"f\" x", "rm -rf x [x]" },
		{ "echo 'rm -rf /; $(x) `y`'", "echo rm -rf /; $(x) `y` [rm -rf /; $(x) `y`]" },
		{ "cat a/b ../c /etc/hosts ..",
				"cat a/b ../c /etc/hosts .. [a/b] [../c] "
				"[/etc/hosts] [..]" },
		{ "make --out=/etc/x -j2", "make --out=/etc/x -j2 [/etc/x]" },
		{ "sort -o/etc/x --out=b", "sort -o/etc/x --out=b [/etc/x] [b]" },
		{ "make >log 2>&1", "make [log]" },
		{ "make 2>/dev/null >>log <in", "make [/dev/null] [log] [in]" },
		{ "cat 'a*' b* 'c'* 'd'", "cat a* b* c* d [b*] [c*] [d]" },
		{ "dd if=a/b", "dd if=a/b [if=a/b] [a/b]" },
		{ "tar -C.ssh -cC../x", "tar -C.ssh -cC../x [.ssh] [../x]" },
		{ "make x 2>&1;ls", "make x [x]; ls" },
		{ "ls ~ ~/x a~", "ls ~ ~/x a~ [/home/a] [/home/a/x] [a~]" },
		{ "ls '~' >~/x", "ls ~ [./~] [/home/a/x]" },
		{ "cd ~;~/bin/x", "cd ~ [/home/a]; ~/bin/x" },
		{ "git show HEAD~1", "git show HEAD~1 [show] [HEAD~1]" },
		{ "ls *.txt [ab]?", "ls *.txt [ab]? [*.txt] [[ab]?]" },
		{ "echo Größe 你好", "echo Größe 你好 [Größe] [你好]" },
		{ "make -f x@y%z+1", "make -f x@y%z+1 [x@y%z+1]" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char text[512];
		CUA_AUTO_JSON cJSON *commands = agent_command_split(rows[i][0], "/home/a");
		if (!commands) {
			fail_msg("%s: not taken apart", rows[i][0]);
		}
		describe(commands, text, sizeof(text));
		assert_string_equal(text, rows[i][1]);
	}
}

static void what_is_not_certain_is_not_taken_apart(void **state)
{
	(void)state;
	static const char *const lines[] = { "", " ", "\n", ";", "echo $HOME", "echo ${x}",
		"echo $(id)", "echo `id`", "echo \"$x\"", "echo \"`id`\"", "echo \"a\\b\"",
		"r\\m -rf x", "echo a\\ b", "A=1 ls", "PATH=/x ls", "A=1", "ls &", "ls & rm x",
		"(ls)", "{ ls; }", "ls {a,b}", "if true; then ls; fi", "for x in a; do ls; done",
		"while true; do ls; done", "case x in esac", "! ls", "[[ -f x ]]", "[ -f x ]",
		"time ls", "f() { ls; }", "function f { ls; }", "cat <<EOF\nx\nEOF", "cat <<<x",
		"diff <(ls) x", "ls >(cat)", "ls >&x", "ls &>x", "ls |& cat", "ls > ", "ls >",
		"> x", "ls > > x", "ls 'a", "ls \"a", "ls # x", "ls ~root/x", "ls ~+/x", "ls ~'/x'",
		"ls --x=~/y", "echo !!", "echo \"!x\"", "l*", "./x*", "/bin/[r]m x", "'' x", "ls\r",
		"ls \x01", "ls \xff", "ls \xe2\x80\x8b", "ls \xe2\x80\xae", "coproc ls",
		"select x in a", "ls >|x", "ls 3>x >", "exec 3<>x", "ls\\\nrm", "a=(1 2)",
		"ls $'x'", "ls $\"x\"", "echo a{1..3}", "2>&1", "ls >&1x", "ls 2>&1/../x" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(lines); i++) {
		CUA_AUTO_JSON cJSON *commands = agent_command_split(lines[i], "/home/a");
		if (commands) {
			char text[512];
			describe(commands, text, sizeof(text));
			fail_msg("%s is taken for %s", lines[i], text);
		}
	}
}

static void a_command_by_its_path_has_its_name_too(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *commands = agent_command_split("/tmp/x/ls -l a", "/home/a");
	const cJSON *command = cJSON_GetArrayItem(commands, 0);
	assert_string_equal(cua_json_text(command, "text"), "/tmp/x/ls -l a");
	assert_string_equal(cua_json_text(command, "by_name"), "ls -l a");
}

static void redirections_that_write_are_told(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{ "ls <in", "[]" },
		{ "ls >a 2>>b/c", "[\"a\",\"b/c\"]" },
		{ "ls >/dev/null 2>/dev/stderr", "[]" },
		{ "ls 2>&1", "[]" },
		{ ">a ls", "[\"a\"]" },
		{ "ls >'/dev/tcp/h/1'", "[\"/dev/tcp/h/1\"]" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *commands = agent_command_split(rows[i][0], "/home/a");
		const cJSON *command = cJSON_GetArrayItem(commands, 0);
		CUA_AUTO_FREE char *writes =
				cJSON_PrintUnformatted(cua_json_member(command, "writes"));
		assert_string_equal(writes, rows[i][1]);
	}
}

/* --- forms --- */

#define SORT "sort -[nru0-9] -[kt]: -[p]:: --reverse --key= ARG..."
#define UNIQ "uniq -[c] -[f]: [ARG]"
#define FIND "find -* !-exec* !-delete ARG..."
#define GIT "git [--no-pager] [-C:] log|show --stat ARG..."
#define BRANCH "git checkout [-q] =-b ARG [ARG]"

static void a_form_is_all_that_a_command_may_be(void **state)
{
	(void)state;
	static const struct {
		const char *form, *line;
		bool matches;
	} rows[] = {
		{ "ls", "ls", true },
		{ "ls", "ls x", false },
		{ "ls", "ls -l", false },
		{ "ls", "lsof", false },
		{ "ls|cat -* ARG...", "cat -n x", true },
		{ "ls|cat -* ARG...", "ca x", false },
		{ "ls|cat -* ARG...", "ls|cat x", true },
		{ "ls -* ARG...", "ls *", true },
		/* options */
		{ SORT, "sort -nru -5 a b", true },
		{ SORT, "sort -nk2,2 -t, a", true },
		{ SORT, "sort -k 2 -t ';' a", true },
		{ SORT, "sort -nk", false },
		{ SORT, "sort -k -o a", false },
		{ SORT, "sort -p3 -p a", true },
		{ SORT, "sort -no a", false },
		{ SORT, "sort -o a", false },
		{ SORT, "sort -kn -o a", false },
		{ SORT, "sort --reverse --key=2 --key 3 a", true },
		{ SORT, "sort --key", false },
		{ SORT, "sort --rev a", false },
		{ SORT, "sort --reversed a", false },
		{ SORT, "sort --out=x a", false },
		{ SORT, "sort a --out=x", false },
		{ SORT, "sort -- a -o x", false },
		{ SORT, "sort - -- a", true },
		{ FIND, "find . -name x", true },
		{ FIND, "find . -delete", false },
		{ FIND, "find . '-delete'", false },
		{ FIND, "find . -execdir x", false },
		/* operands */
		{ UNIQ, "uniq", true },
		{ UNIQ, "uniq -c a", true },
		{ UNIQ, "uniq -f 1 a", true },
		{ UNIQ, "uniq a b", false },
		{ UNIQ, "uniq a*", false },
		{ UNIQ, "uniq 'a*'", true },
		{ "pdftotext ARG -", "pdftotext a -", true },
		{ "pdftotext ARG -", "pdftotext a", false },
		{ "pdftotext ARG -", "pdftotext a b", false },
		{ "date [+ARG]", "date +%F", true },
		{ "date [+ARG]", "date 01010000", false },
		/* what a shell makes of patterns */
		{ SORT, "sort *", false },
		{ SORT, "sort ?o x", false },
		{ SORT, "sort [-]o x", false },
		{ SORT, "sort -k* x", false },
		{ SORT, "sort ./* a*", true },
		{ SORT, "sort '*'", true },
		{ FIND, "find . -name '*.c'", true },
		{ FIND, "find . [-]delete", false },
		{ FIND, "find . -d*", false },
		/* the command itself */
		{ GIT, "git log --stat HEAD~1", true },
		{ GIT, "git --no-pager show a", true },
		{ GIT, "git -c x=y log", false },
		{ GIT, "git -C x log a", true },
		{ GIT, "git --no-pager -C x log", true },
		{ GIT, "git -C log", false },
		{ GIT, "git -C x", false },
		{ GIT, "git -C x* log", false },
		{ GIT, "git -C -c log", false },
		{ GIT, "git -c x log", false },
		{ GIT, "git logs", false },
		{ GIT, "git --stat log", false },
		{ GIT, "git", false },
		{ BRANCH, "git checkout -q -b x", true },
		{ BRANCH, "git checkout -b x y", true },
		{ BRANCH, "git checkout x", false },
		{ BRANCH, "git checkout -b", false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *commands = agent_command_split(rows[i].line, "/home/a");
		const cJSON *words = cua_json_member(cJSON_GetArrayItem(commands, 0), "words");
		assert_int_equal(agent_form_check(rows[i].form, NULL), CUA_OK);
		if (agent_form_matches(rows[i].form, words) != rows[i].matches) {
			fail_msg("%s is%s of the form %s", rows[i].line,
					rows[i].matches ? " not" : "", rows[i].form);
		}
	}
}

static void mistakes_in_forms_are_told(void **state)
{
	(void)state;
	static const char *const forms[][2] = {
		{ "-x", "'-x' is no form" },
		{ "ls  x", "'ls  x' is no form" },
		{ "ls -", "" },
		{ "ls -[", "'-[' of a form is no option" },
		{ "ls -[]", "'-[]' of a form is no option" },
		{ "ls -[a]:::", "'-[a]:::' of a form is no option" },
		{ "ls [x]", "'[x]' of a form is no option" },
		{ "ls !", "'!' of a form is no option" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(forms); i++) {
		struct cua_error why = { 0 };
		const enum cua_status status = agent_form_check(forms[i][0], &why);
		assert_int_equal(status, forms[i][1][0] ? CUA_ERR_INVAL : CUA_OK);
		assert_memory_equal(why.msg, forms[i][1], strlen(forms[i][1]));
	}
}

static void length_and_number_are_bounded(void **state)
{
	(void)state;
	char line[20000];
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_null(agent_command_split(line, "/home/a"));
	for (size_t i = 0; i < 130; i += 2) {
		memcpy(line + i, "a;", 2);
	}
	line[128] = '\0';
	CUA_AUTO_JSON cJSON *commands = agent_command_split(line, "/home/a");
	assert_int_equal(cJSON_GetArraySize(commands), 64);
	line[128] = 'a';
	line[129] = '\0';
	assert_null(agent_command_split(line, "/home/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_lines_are_taken_apart),
		cmocka_unit_test(what_is_not_certain_is_not_taken_apart),
		cmocka_unit_test(a_command_by_its_path_has_its_name_too),
		cmocka_unit_test(redirections_that_write_are_told),
		cmocka_unit_test(a_form_is_all_that_a_command_may_be),
		cmocka_unit_test(mistakes_in_forms_are_told),
		cmocka_unit_test(length_and_number_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

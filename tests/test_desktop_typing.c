/* Any text arrives whole and in order, in applications of different making. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_processes.h"
#include "tests/files.h"
#include "tests/load.h"
#include "tests/typing_stage.h"
#include "tests/waiting.h"

/* A file in the home, and what it must hold after a mark of UTF-8. */
struct saved {
	const struct desktop *desktop;
	const char *leaf, *wanted;
};

static bool file_holds(void *data)
{
	const struct saved *saved = data;
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", saved->desktop->home, saved->leaf);
	CUA_AUTO_FREE char *found = read_whole_file(path, NULL);
	const bool marked = found && strncmp(found, "\xef\xbb\xbf", 3) == 0;
	return found && strcmp(found + (marked ? 3 : 0), saved->wanted) == 0;
}

/* --- xterm --- */

static void type_into_xterm(const char *text, const char *leaf)
{
	char command[256], done[64];
	snprintf(command, sizeof(command), "xterm -e 'cat > %s; touch %s.done'", leaf, leaf);
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name", command));
	cJSON_Delete(desktop_text_action(&typing.desktop, "type", "text", text));
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	snprintf(done, sizeof(done), "%s.done", leaf);
	wait_until(typing_file_is_there, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&typing.desktop, leaf);
	typing_expect(found, text, "xterm");
}

static void xterm_gets_every_character(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = typing_text(true);
	type_into_xterm(text, "all.txt");
	assert_nothing_held(&typing.desktop);
}

static void a_carriage_return_is_one_return_key(void **state)
{
	(void)state;
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name",
			"xterm -e 'cat > cr.txt; touch cr.done'"));
	cJSON_Delete(desktop_text_action(
			&typing.desktop, "type", "text", "one\r\ntwo\rthree\nfour\r\n"));
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "cr.done";
	wait_until(typing_file_is_there, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&typing.desktop, "cr.txt");
	typing_expect(found, "one\ntwo\nthree\nfour\n", "xterm");
}

static int locked_modifiers(void)
{
	CUA_AUTO_FREE char *held = desktop_probe(&typing.desktop, "held", "");
	const char *at = strstr(held, "locked ");
	assert_non_null(at);
	return (int)strtol(at + 7, NULL, 10);
}

static void caps_lock_changes_nothing_and_stays_as_it_was(void **state)
{
	(void)state;
	static const char text[] = "lower UPPER éÉ жЖ αΑ 漢 1!2@ mixEd\n";
	assert_int_equal(locked_modifiers(), 0);
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"Caps_Lock\"}]");
	assert_int_equal(locked_modifiers(), 2);
	type_into_xterm(text, "caps.txt");
	assert_int_equal(locked_modifiers(), 2);
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"Caps_Lock\"}]");
	assert_int_equal(locked_modifiers(), 0);
	type_into_xterm(text, "nocaps.txt");
}

/* Many short calls, as a model makes them, instead of a long one. */
static void text_in_pieces_is_text(void **state)
{
	(void)state;
	static const char *const pieces[] = { "昨", "a", "日は", "B", "я", "Ω", "ü", "!", "😀",
		"\n" };
	char wanted[4096] = "";
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name",
			"xterm -e 'cat > pieces.txt; touch pieces.done'"));
	for (int i = 0; i < 80; i++) {
		const char *piece = pieces[i % (int)CUA_ARRAY_LEN(pieces)];
		CUA_AUTO_JSON cJSON *text = cJSON_CreateString(piece);
		CUA_AUTO_FREE char *json = cJSON_PrintUnformatted(text);
		CUA_AUTO_FREE char *body = NULL;
		assert_true(asprintf(&body,
					    "{\"actions\":[{\"action\":\"type\",\"text\":%s}],"
					    "\"screenshot\":false,\"settle\":false}",
					    json) > 0);
		cJSON_Delete(desktop_post(&typing.desktop, body, NULL));
		strcat(wanted, piece);
	}
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "pieces.done";
	wait_until(typing_file_is_there, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&typing.desktop, "pieces.txt");
	typing_expect(found, wanted, "xterm");
}

/* --- editors, read back through the clipboard --- */

static void writer_gets_every_character(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = typing_text(true);
	cJSON_Delete(desktop_text_action(
			&typing.desktop, "open_app", "name", "LibreOffice Writer"));
	cJSON_Delete(desktop_text_action(&typing.desktop, "type", "text", text));
	typing_read_back();
	typing_expect(typing.clipboard, text, "Writer");
	assert_nothing_held(&typing.desktop);
}

#define SLOW_LINE "Line of some words and 12 more, as they come\n"
#define SLOW_LINES 90

static char slow_text[sizeof(SLOW_LINE) * SLOW_LINES + 64];

static bool slow_file_is_saved(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *found = home_file(&typing.desktop, "slow.txt");
	return strlen(found) >= strlen(slow_text);
}

/* Keys that Writer has read but not handled would make it deaf to the next for minutes. */
static void writer_that_is_slow_is_not_left_behind(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	for (int i = 0; i < SLOW_LINES; i++) {
		strcat(slow_text, SLOW_LINE);
	}
	load_start(3);
	free(desktop_sh(&typing.desktop, "echo Before >slow.txt"));
	cJSON_Delete(desktop_text_action(
			&typing.desktop, "open_app", "name", "libreoffice --writer slow.txt"));
	cJSON_Delete(desktop_text_action(&typing.desktop, "type", "text", slow_text));
	strcat(slow_text, "Before\n");
	desktop_do(&typing.desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+s\"},"
			"{\"action\":\"wait_for\",\"until\":\"window\","
			"\"text\":\"Confirm File Format\"},"
			"{\"action\":\"key\",\"keys\":\"Return\"}]");
	wait_until(slow_file_is_saved, NULL, "Writer saves what was typed");
	CUA_AUTO_FREE char *found = home_file(&typing.desktop, "slow.txt");
	/* Writer marks its files as UTF-8. */
	typing_expect(strncmp(found, "\xef\xbb\xbf", 3) == 0 ? found + 3 : found, slow_text,
			"Writer");
	load_end();
	assert_nothing_held(&typing.desktop);
}

/* What the chord before it copies, not what was on the clipboard then. */
static void a_list_reads_what_it_copies(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	desktop_do(&typing.desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"type\",\"text\":\"copied\"}]");
	for (int i = 0; i < 5; i++) {
		CUA_AUTO_JSON cJSON *answer = desktop_act(&typing.desktop,
				"[{\"action\":\"clipboard_set\",\"text\":\"before\"},"
				"{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
				"{\"action\":\"key\",\"keys\":\"ctrl+c\"},"
				"{\"action\":\"clipboard_get\"}]");
		assert_string_equal(json_text(answer, "results.3.text"), "copied");
	}
}

/* Without "apply while typing" Writer puts line breaks off until it has nothing else to do. A
 * desktop of its own, whose Writer has not read its settings yet. */
static void writer_that_defers_line_breaks_gets_them_in_place(void **state)
{
	(void)state;
	static const char off[] =
			"sed -i 's|</oor:items>|<item "
			"oor:path=\"/org.openoffice.Office.Writer/AutoFunction/Format/ByInput\">"
			"<prop oor:name=\"Enable\" oor:op=\"fuse\"><value>false</value></prop>"
			"</item>&|' .config/libreoffice/4/user/registrymodifications.xcu; "
			"printf '\\357\\273\\277x' >breaks.txt";
	struct desktop other;
	char text[8192] = "";
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	desktop_start(&other, &typing.world, "breaks");
	free(desktop_sh(&other, off));
	for (int i = 0; i < 60; i++) {
		char line[128];
		snprintf(line, sizeof(line), "%d. one\ttwo (c) -- \"three\" %s\n%s", i,
				i % 4 == 0 ? "\xe6\x98\xa8" : "four", i % 5 == 0 ? "\n" : "");
		strcat(text, line);
	}
	cJSON_Delete(desktop_text_action(
			&other, "open_app", "name", "libreoffice --writer breaks.txt"));
	desktop_do(&other,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"key\",\"keys\":\"Delete\"}]");
	cJSON_Delete(desktop_text_action(&other, "type", "text", text));
	desktop_do(&other,
			"[{\"action\":\"key\",\"keys\":\"ctrl+s\"},"
			"{\"action\":\"wait_for\",\"until\":\"window\","
			"\"text\":\"Confirm File Format\"},"
			"{\"action\":\"key\",\"keys\":\"Return\"}]");
	strcat(text, "\n"); /* the end of the last line is Writer's */
	struct saved saved = { &other, "breaks.txt", text };
	if (!waits_until(file_holds, &saved, DESKTOP_DEADLINE_MS)) {
		CUA_AUTO_FREE char *found = home_file(&other, "breaks.txt");
		typing_expect(found, text, "Writer");
	}
	assert_nothing_held(&other);
	desktop_stop(&other);
}

static void chromium_gets_every_character(void **state)
{
	(void)state;
	static const char page[] = "<!doctype html><meta charset=utf-8><title>typing</title>"
				   "<textarea autofocus style='width:95%;height:90vh'></textarea>";
	char path[512];
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = typing_text(false);
	snprintf(path, sizeof(path), "%s/page.html", typing.desktop.home);
	assert_int_equal(cua_file_write(path, page, strlen(page), 0644, NULL), CUA_OK);
	desktop_do(&typing.desktop,
			"[{\"action\":\"open_url\",\"url\":\"file:///home/agent/page.html\"}]");
	desktop_do(&typing.desktop, "[{\"action\":\"click\",\"x\":600,\"y\":400}]");
	cJSON_Delete(desktop_text_action(&typing.desktop, "type", "text", text));
	typing_read_back();
	typing_expect(typing.clipboard, text, "Chromium");
	assert_nothing_held(&typing.desktop);
}

/* The layout has no Latin letter: copying works, and the page sees which keys were meant. */
static void chromium_takes_chords_under_a_layout_without_latin_letters(void **state)
{
	(void)state;
	static const char page[] = "<!doctype html><meta charset=utf-8><title>chords</title>"
				   "<textarea autofocus style='width:95%;height:90vh'></textarea>"
				   "<script>addEventListener('keydown', e => {"
				   "if (e.key.length > 1 || 'acv'.includes(e.key)) return; "
				   "if (e.ctrlKey) e.preventDefault(); "
				   "document.querySelector('textarea').value += "
				   "e.key + (e.ctrlKey ? e.keyCode : '') + ' '; })</script>";
	char path[512];
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	snprintf(path, sizeof(path), "%s/chords.html", typing.desktop.home);
	assert_int_equal(cua_file_write(path, page, strlen(page), 0644, NULL), CUA_OK);
	desktop_do(&typing.desktop,
			"[{\"action\":\"open_url\",\"url\":"
			"\"file:///home/agent/chords.html\"}]");
	desktop_do(&typing.desktop, "[{\"action\":\"click\",\"x\":600,\"y\":400}]");
	free(desktop_sh(&typing.desktop, "setxkbmap ru"));
	desktop_do(&typing.desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+s\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+shift+y\"},"
			"{\"action\":\"type\",\"text\":\"éλ\"}]");
	typing_read_back();
	free(desktop_sh(&typing.desktop, "setxkbmap us"));
	typing_expect(typing.clipboard, "s83 Y89 é éλ λ", "Chromium");
}

/* Longer than typing waits for anything but that the application has read what it was sent. */
#define STOPPED_S 12

/* Stops the process for so long that whoever does not wait for it would go on; in a process of its
 * own, which ends by itself. */
static pid_t stop_for_a_while(pid_t pid)
{
	const pid_t child = fork();
	if (child == 0) {
		kill(pid, SIGSTOP);
		sleep(STOPPED_S);
		kill(pid, SIGCONT);
		_exit(0);
	}
	assert_true(child > 0);
	return child;
}

static bool is_stopped(void *data)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)*(pid_t *)data);
	CUA_AUTO_FREE char *stat = read_whole_file(path, NULL);
	const char *state = stat ? strrchr(stat, ')') : NULL;
	return state && state[2] == 'T';
}

static void type_while_stopped(const char *process, const char *text)
{
	pid_t pid = desktop_pid(&typing.desktop, process);
	const pid_t child = stop_for_a_while(pid);
	wait_until(is_stopped, &pid, "the application is stopped");
	cJSON_Delete(desktop_text_action(&typing.desktop, "type", "text", text));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* More ideographs than there are spare keys: one that is given another symbol too early is lost. */
static void an_application_that_stops_for_a_while_loses_nothing(void **state)
{
	(void)state;
	static char text[2048];
	typing_add_ideographs(text, 500);
	strcat(text, "\n");
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name",
			"xterm -e 'cat > stopped.new; mv stopped.new stopped.txt'"));
	type_while_stopped("xterm", text);
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	struct saved saved = { &typing.desktop, "stopped.txt", text };
	wait_until(file_holds, &saved, "the terminal has written all");
	if (access("/usr/bin/mousepad", X_OK) != 0) {
		skip();
	}
	free(desktop_sh(&typing.desktop, ": >stopped2.txt"));
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name",
			"mousepad --disable-server stopped2.txt"));
	type_while_stopped("stopped2.txt", text);
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+s\"}]");
	saved.leaf = "stopped2.txt";
	wait_until(file_holds, &saved, "the editor has saved all");
	assert_nothing_held(&typing.desktop);
}

static void a_layout_that_another_program_loads_is_noticed(void **state)
{
	(void)state;
	free(desktop_sh(&typing.desktop, "setxkbmap de"));
	type_into_xterm("zyZY {[|]} \xc3\xa4\xc3\xb6 \xe6\x98\xa8\n", "de.txt");
	free(desktop_sh(&typing.desktop, "setxkbmap us,ru"));
	type_into_xterm("zyZY {[|]} \xc3\xa4\xc3\xb6 \xe6\x98\xa8 \xd0\xb6\n", "us.txt");
	free(desktop_sh(&typing.desktop, "setxkbmap us"));
	type_into_xterm("zyZY {[|]} \xd0\xb6\n", "us2.txt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_application_that_stops_for_a_while_loses_nothing),
		cmocka_unit_test(xterm_gets_every_character),
		cmocka_unit_test(a_carriage_return_is_one_return_key),
		cmocka_unit_test(caps_lock_changes_nothing_and_stays_as_it_was),
		cmocka_unit_test(text_in_pieces_is_text),
		cmocka_unit_test(a_layout_that_another_program_loads_is_noticed),
		cmocka_unit_test(chromium_gets_every_character),
		cmocka_unit_test(chromium_takes_chords_under_a_layout_without_latin_letters),
		cmocka_unit_test(writer_gets_every_character),
		cmocka_unit_test(a_list_reads_what_it_copies),
		cmocka_unit_test(writer_that_is_slow_is_not_left_behind),
		cmocka_unit_test(writer_that_defers_line_breaks_gets_them_in_place),
	};
	return cmocka_run_group_tests_name("desktop_typing", tests, typing_start, typing_finish);
}

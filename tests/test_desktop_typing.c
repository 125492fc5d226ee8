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
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/desktop_recorder.h"
#include "tests/files.h"
#include "tests/load.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "type");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- texts --- */

static const char code[] =
		"#include <stdio.h>\n"
		"int main(void)\n"
		"{\n"
		"  printf(\"%d\\n\", 3 * (4 + 5) % 6 & ~7 | 8 ^ 9); /* `$HOME` @ #1! */\n"
		"  return a[0] != 'x' ? b->c : {}; // <>?;:,._-=+'\"\n"
		"}\n";
static const char languages[] = "À la façon française: Œuvre, naïve, été\n"
				"Straße, Äpfel Öl Übung; čeština řízů; türkçe İığ\n"
				"Γλώσσα και σφίγξ\n"
				"Привет, мир! Єїёъ\n"
				"„quotes“ ‘single’ «guillemets» – — … € £ µ\n";
/* A family and a flag held together by joiners, a skin tone, a combining accent. */
static const char emoji[] = "😀 👩\xe2\x80\x8d👩\xe2\x80\x8d👧\xe2\x80\x8d👦 "
			    "🏳\xef\xb8\x8f\xe2\x80\x8d🌈 👍🏽 e\xcc\x81 end\n";

static void add_ideographs(char *text, int count)
{
	char *at = text + strlen(text);
	srand(20);
	for (int i = 0; i < count; i++) {
		const unsigned int point = 0x4e00 + (unsigned int)rand() % (0x9fa5 - 0x4e00);
		*at++ = (char)(0xe0 | point >> 12);
		*at++ = (char)(0x80 | (point >> 6 & 0x3f));
		*at++ = (char)(0x80 | (point & 0x3f));
		if (i % 50 == 49) {
			*at++ = '\n';
		}
	}
	*at = '\0';
}

/* All of it; with tabs where a tab is a character. */
static char *make_text(bool with_tabs)
{
	char *text = calloc(1, 16384);
	assert_non_null(text);
	strcat(text, code);
	strcat(text, with_tabs ? "one\ttwo\t\tthree\n" : "one two\n");
	strcat(text, languages);
	add_ideographs(text, 200);
	strcat(text, emoji);
	strcat(text, "aaaaaaaa  bbbb    cc\n\n\nThe end.\n");
	return text;
}

static void expect_text(const char *found, const char *wanted, const char *where)
{
	size_t at = 0;
	while (found[at] && found[at] == wanted[at]) {
		at++;
	}
	if (found[at] || wanted[at]) {
		const size_t from = at > 20 ? at - 20 : 0;
		fail_msg("%s differs at byte %zu of %zu (%zu came): \"%.60s\" wanted, \"%.60s\" "
			 "came; byte "
			 "%02x, not %02x",
				where, at, strlen(wanted), strlen(found), wanted + from,
				found + from, (unsigned char)found[at], (unsigned char)wanted[at]);
	}
}

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

static bool file_is_complete(void *data)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, (const char *)data);
	return access(path, F_OK) == 0;
}

static void type_into_xterm(const char *text, const char *leaf)
{
	char command[256], done[64];
	snprintf(command, sizeof(command), "xterm -e 'cat > %s; touch %s.done'", leaf, leaf);
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", command));
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", text));
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	snprintf(done, sizeof(done), "%s.done", leaf);
	wait_until(file_is_complete, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&desktop, leaf);
	expect_text(found, text, "xterm");
}

static void xterm_gets_every_character(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = make_text(true);
	type_into_xterm(text, "all.txt");
	assert_nothing_held(&desktop);
}

static void a_carriage_return_is_one_return_key(void **state)
{
	(void)state;
	cJSON_Delete(desktop_text_action(
			&desktop, "open_app", "name", "xterm -e 'cat > cr.txt; touch cr.done'"));
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", "one\r\ntwo\rthree\nfour\r\n"));
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "cr.done";
	wait_until(file_is_complete, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&desktop, "cr.txt");
	expect_text(found, "one\ntwo\nthree\nfour\n", "xterm");
}

static int locked_modifiers(void)
{
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	const char *at = strstr(held, "locked ");
	assert_non_null(at);
	return (int)strtol(at + 7, NULL, 10);
}

static void caps_lock_changes_nothing_and_stays_as_it_was(void **state)
{
	(void)state;
	static const char text[] = "lower UPPER éÉ жЖ αΑ 漢 1!2@ mixEd\n";
	assert_int_equal(locked_modifiers(), 0);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"Caps_Lock\"}]");
	assert_int_equal(locked_modifiers(), 2);
	type_into_xterm(text, "caps.txt");
	assert_int_equal(locked_modifiers(), 2);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"Caps_Lock\"}]");
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
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name",
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
		cJSON_Delete(desktop_post(&desktop, body, NULL));
		strcat(wanted, piece);
	}
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "pieces.done";
	wait_until(file_is_complete, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&desktop, "pieces.txt");
	expect_text(found, wanted, "xterm");
}

/* --- editors, read back through the clipboard --- */

static char clipboard[65536];

static bool clipboard_has_changed(void *data)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	snprintf(clipboard, sizeof(clipboard), "%s", json_text(answer, "results.0.text"));
	return strcmp(clipboard, data) != 0;
}

static void read_back(void)
{
	char before[] = "nothing was copied";
	desktop_do(&desktop, "[{\"action\":\"clipboard_set\",\"text\":\"%s\"}]", before);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]");
	wait_until(clipboard_has_changed, before, "the editor copies its text");
}

static void writer_gets_every_character(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = make_text(true);
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "LibreOffice Writer"));
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", text));
	read_back();
	expect_text(clipboard, text, "Writer");
	assert_nothing_held(&desktop);
}

#define SLOW_LINE "Line of some words and 12 more, as they come\n"
#define SLOW_LINES 90

static char slow_text[sizeof(SLOW_LINE) * SLOW_LINES + 64];

static bool slow_file_is_saved(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *found = home_file(&desktop, "slow.txt");
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
	free(desktop_sh(&desktop, "echo Before >slow.txt"));
	cJSON_Delete(desktop_text_action(
			&desktop, "open_app", "name", "libreoffice --writer slow.txt"));
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", slow_text));
	strcat(slow_text, "Before\n");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+s\"},"
			"{\"action\":\"wait_for\",\"until\":\"window\","
			"\"text\":\"Confirm File Format\"},"
			"{\"action\":\"key\",\"keys\":\"Return\"}]");
	wait_until(slow_file_is_saved, NULL, "Writer saves what was typed");
	CUA_AUTO_FREE char *found = home_file(&desktop, "slow.txt");
	/* Writer marks its files as UTF-8. */
	expect_text(strncmp(found, "\xef\xbb\xbf", 3) == 0 ? found + 3 : found, slow_text,
			"Writer");
	load_end();
	assert_nothing_held(&desktop);
}

/* What the chord before it copies, not what was on the clipboard then. */
static void a_list_reads_what_it_copies(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
			"{\"action\":\"type\",\"text\":\"copied\"}]");
	for (int i = 0; i < 5; i++) {
		CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
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
	desktop_start(&other, &world, "breaks");
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
		expect_text(found, text, "Writer");
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
	CUA_AUTO_FREE char *text = make_text(false);
	snprintf(path, sizeof(path), "%s/page.html", desktop.home);
	assert_int_equal(cua_file_write(path, page, strlen(page), 0644, NULL), CUA_OK);
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"file:///home/agent/page.html\"}]");
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":600,\"y\":400}]");
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", text));
	read_back();
	expect_text(clipboard, text, "Chromium");
	assert_nothing_held(&desktop);
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
	snprintf(path, sizeof(path), "%s/chords.html", desktop.home);
	assert_int_equal(cua_file_write(path, page, strlen(page), 0644, NULL), CUA_OK);
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":"
			"\"file:///home/agent/chords.html\"}]");
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":600,\"y\":400}]");
	free(desktop_sh(&desktop, "setxkbmap ru"));
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+s\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+shift+y\"},"
			"{\"action\":\"type\",\"text\":\"éλ\"}]");
	read_back();
	free(desktop_sh(&desktop, "setxkbmap us"));
	expect_text(clipboard, "s83 Y89 é éλ λ", "Chromium");
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
	pid_t pid = desktop_pid(&desktop, process);
	const pid_t child = stop_for_a_while(pid);
	wait_until(is_stopped, &pid, "the application is stopped");
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", text));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* More ideographs than there are spare keys: one that is given another symbol too early is lost. */
static void an_application_that_stops_for_a_while_loses_nothing(void **state)
{
	(void)state;
	static char text[2048];
	add_ideographs(text, 500);
	strcat(text, "\n");
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name",
			"xterm -e 'cat > stopped.new; mv stopped.new stopped.txt'"));
	type_while_stopped("xterm", text);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	struct saved saved = { &desktop, "stopped.txt", text };
	wait_until(file_holds, &saved, "the terminal has written all");
	if (access("/usr/bin/mousepad", X_OK) != 0) {
		skip();
	}
	free(desktop_sh(&desktop, ": >stopped2.txt"));
	cJSON_Delete(desktop_text_action(
			&desktop, "open_app", "name", "mousepad --disable-server stopped2.txt"));
	type_while_stopped("stopped2.txt", text);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+s\"}]");
	saved.leaf = "stopped2.txt";
	wait_until(file_holds, &saved, "the editor has saved all");
	assert_nothing_held(&desktop);
}

/* --- through the clipboard --- */

static void paste(const char *text)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *item = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "actions"), item);
	cJSON_AddStringToObject(item, "action", "type");
	cJSON_AddStringToObject(item, "text", text);
	cJSON_AddStringToObject(item, "via", "clipboard");
	cJSON_AddFalseToObject(body, "screenshot");
	CUA_AUTO_FREE char *json = cJSON_PrintUnformatted(body);
	cJSON_Delete(desktop_post(&desktop, json, NULL));
}

static void expect_clipboard(const char *wanted)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(answer, "results.0.text"), wanted);
}

static void expect_primary(const char *wanted)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(
			&desktop, "[{\"action\":\"clipboard_get\",\"selection\":\"primary\"}]");
	assert_string_equal(json_text(answer, "results.0.text"), wanted);
}

static void text_is_pasted_and_the_clipboard_put_back(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = make_text(true);
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"what was there\"},"
			"{\"action\":\"clipboard_set\",\"text\":\"what was marked\","
			"\"selection\":\"primary\"}]");
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name",
			"xterm -e 'cat > pasted.txt; touch pasted.done'"));
	paste(text);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "pasted.done";
	wait_until(file_is_complete, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&desktop, "pasted.txt");
	expect_text(found, text, "xterm");
	expect_clipboard("what was there");
	expect_primary("what was marked");
	if (access("/usr/bin/mousepad", X_OK) != 0) {
		skip();
	}
	cJSON_Delete(desktop_text_action(
			&desktop, "open_app", "name", "mousepad --disable-server pasted2.txt"));
	paste(text);
	expect_clipboard("what was there");
	read_back();
	expect_text(clipboard, text, "mousepad");
	assert_nothing_held(&desktop);
}

/* In a window that is in front and empty. */
static void paste_and_read_back(const char *text, const char *where)
{
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"what was there\"},"
			"{\"action\":\"clipboard_set\",\"text\":\"what was marked\","
			"\"selection\":\"primary\"}]");
	paste(text);
	expect_clipboard("what was there");
	expect_primary("what was marked");
	read_back();
	expect_text(clipboard, text, where);
	assert_nothing_held(&desktop);
}

static void text_is_pasted_into_writer(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = make_text(true);
	text[strlen(text) - 1] = '\0'; /* Writer pastes no line break at the end */
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "LibreOffice Writer"));
	paste_and_read_back(text, "Writer");
}

static void open_text_page(void)
{
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"data:text/html,<textarea autofocus "
			"style='width:95%%;height:90vh'></textarea>\"},"
			"{\"action\":\"click\",\"x\":600,\"y\":400}]");
}

static void text_is_pasted_into_chromium(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = make_text(true);
	open_text_page();
	paste_and_read_back(text, "Chromium");
}

/* It fetches what it pastes twice, the second time when its page gets a processor, and sometimes
 * falls asleep before. */
static void chromium_that_is_slow_pastes_the_text(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = make_text(true);
	open_text_page();
	load_start(3);
	for (int i = 0; i < 6; i++) {
		desktop_do(&desktop,
				"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
				"{\"action\":\"key\",\"keys\":\"Delete\"}]");
		paste_and_read_back(text, "Chromium");
	}
	load_end();
}

/* Another content right behind the chord. */
static void paste_and_change(const char *chord, const char *text)
{
	char body[512];
	long status = 0;
	snprintf(body, sizeof(body),
			"{\"actions\":[{\"action\":\"clipboard_set\",\"text\":\"%s\"},"
			"{\"action\":\"key\",\"keys\":\"%s\"},"
			"{\"action\":\"clipboard_set\",\"text\":\"too late\"}],"
			"\"screenshot\":false,\"settle\":false}",
			text, chord);
	cJSON_Delete(desktop_post(&desktop, body, &status));
	assert_int_equal(status, 200);
	expect_clipboard("too late");
}

static void chromium_that_is_slow_pastes_what_was_there_at_the_chord(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	int lost = 0;
	open_text_page();
	load_start(3);
	for (int i = 0; i < 12; i++) {
		char wanted[32];
		snprintf(wanted, sizeof(wanted), "content %d", i);
		desktop_do(&desktop,
				"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
				"{\"action\":\"key\",\"keys\":\"Delete\"}]");
		paste_and_change("ctrl+v", wanted);
		read_back();
		lost += strcmp(clipboard, wanted) != 0;
	}
	load_end();
	assert_int_equal(lost, 0);
}

/* There is one on a desktop at most. */
static void open_recorder(void)
{
	pid_t pid = 0;
	if (desktop_pids(&desktop, "x_recorder", &pid, 1) == 0) {
		recorder_start(&desktop);
	}
	recorder_mark(&desktop);
}

static void a_paste_that_nobody_fetches_is_an_error(void **state)
{
	(void)state;
	long status = 0;
	open_recorder();
	desktop_do(&desktop, "[{\"action\":\"clipboard_set\",\"text\":\"stays\"}]");
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"type\",\"text\":\"lost\",\"via\":"
			"\"clipboard\"}]}",
			&status);
	assert_int_not_equal(status, 200);
	assert_non_null(strstr(json_text(answer, "error.message"), "ctrl+v"));
	expect_clipboard("stays");
	assert_nothing_held(&desktop);
}

/* Nobody computes then, and nobody asks: as when the paste is over. */
static void an_application_that_sleeps_in_the_middle_of_a_paste_is_woken(void **state)
{
	(void)state;
	open_recorder();
	desktop_do(&desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"what was there\"},"
			"{\"action\":\"type\",\"text\":\"pasted\",\"via\":\"clipboard\","
			"\"keys\":\"shift+Insert\"}]");
	CUA_AUTO_JSON cJSON *pastes = recorder_events(&desktop, "paste");
	assert_int_equal(cJSON_GetArraySize(pastes), 1);
	assert_string_equal(json_text(pastes, "0.text"), "pasted");
	expect_clipboard("what was there");
}

static void a_new_content_waits_for_a_paste_that_is_under_way(void **state)
{
	(void)state;
	open_recorder();
	paste_and_change("shift+Insert", "pasted");
	CUA_AUTO_JSON cJSON *pastes = recorder_events(&desktop, "paste");
	assert_int_equal(cJSON_GetArraySize(pastes), 1);
	assert_string_equal(json_text(pastes, "0.text"), "pasted");
}

static void a_layout_that_another_program_loads_is_noticed(void **state)
{
	(void)state;
	free(desktop_sh(&desktop, "setxkbmap de"));
	type_into_xterm("zyZY {[|]} \xc3\xa4\xc3\xb6 \xe6\x98\xa8\n", "de.txt");
	free(desktop_sh(&desktop, "setxkbmap us,ru"));
	type_into_xterm("zyZY {[|]} \xc3\xa4\xc3\xb6 \xe6\x98\xa8 \xd0\xb6\n", "us.txt");
	free(desktop_sh(&desktop, "setxkbmap us"));
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
		cmocka_unit_test(text_is_pasted_and_the_clipboard_put_back),
		cmocka_unit_test(text_is_pasted_into_writer),
		cmocka_unit_test(text_is_pasted_into_chromium),
		cmocka_unit_test(chromium_that_is_slow_pastes_the_text),
		cmocka_unit_test(chromium_that_is_slow_pastes_what_was_there_at_the_chord),
		cmocka_unit_test(a_paste_that_nobody_fetches_is_an_error),
		cmocka_unit_test(an_application_that_sleeps_in_the_middle_of_a_paste_is_woken),
		cmocka_unit_test(a_new_content_waits_for_a_paste_that_is_under_way),
		cmocka_unit_test(chromium_gets_every_character),
		cmocka_unit_test(chromium_takes_chords_under_a_layout_without_latin_letters),
		cmocka_unit_test(writer_gets_every_character),
		cmocka_unit_test(a_list_reads_what_it_copies),
		cmocka_unit_test(writer_that_is_slow_is_not_left_behind),
		cmocka_unit_test(writer_that_defers_line_breaks_gets_them_in_place),
	};
	return cmocka_run_group_tests_name("desktop_typing", tests, start, finish);
}

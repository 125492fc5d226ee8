/* Any text through the clipboard: it arrives, and what the clipboard held is put back. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_processes.h"
#include "tests/desktop_recorder.h"
#include "tests/load.h"
#include "tests/typing_stage.h"
#include "tests/waiting.h"

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
	cJSON_Delete(desktop_post(&typing.desktop, json, NULL));
}

static void expect_clipboard(const char *wanted)
{
	CUA_AUTO_JSON cJSON *answer =
			desktop_act(&typing.desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(answer, "results.0.text"), wanted);
}

static void expect_primary(const char *wanted)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&typing.desktop,
			"[{\"action\":\"clipboard_get\",\"selection\":\"primary\"}]");
	assert_string_equal(json_text(answer, "results.0.text"), wanted);
}

static void text_is_pasted_and_the_clipboard_put_back(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *text = typing_text(true);
	desktop_do(&typing.desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"what was there\"},"
			"{\"action\":\"clipboard_set\",\"text\":\"what was marked\","
			"\"selection\":\"primary\"}]");
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name",
			"xterm -e 'cat > pasted.txt; touch pasted.done'"));
	paste(text);
	desktop_do(&typing.desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "pasted.done";
	wait_until(typing_file_is_there, done, "the terminal has written its file");
	CUA_AUTO_FREE char *found = home_file(&typing.desktop, "pasted.txt");
	typing_expect(found, text, "xterm");
	expect_clipboard("what was there");
	expect_primary("what was marked");
	if (access("/usr/bin/mousepad", X_OK) != 0) {
		skip();
	}
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name",
			"mousepad --disable-server pasted2.txt"));
	paste(text);
	expect_clipboard("what was there");
	typing_read_back();
	typing_expect(typing.clipboard, text, "mousepad");
	assert_nothing_held(&typing.desktop);
}

/* What another program has copied is fetched before, all its formats. */
static void what_another_program_copied_is_put_back(void **state)
{
	(void)state;
	cJSON_Delete(desktop_text_action(&typing.desktop, "open_app", "name", "xterm -e cat"));
	/* Once xclip owns it, it goes on behind the shell. */
	free(desktop_sh(&typing.desktop,
			"printf '<b>theirs</b>' | xclip -selection clipboard -t text/html -i "
			">/dev/null 2>&1"));
	desktop_sh_expect(&typing.desktop,
			"until xclip -selection clipboard -t text/html -o 2>/dev/null; do :; done",
			"<b>theirs</b>");
	paste("between");
	desktop_sh_expect(&typing.desktop, "xclip -selection clipboard -t text/html -o",
			"<b>theirs</b>");
	free(desktop_sh(&typing.desktop,
			"head -c 1500000 /dev/urandom | base64 -w0 >large; xclip -selection "
			"clipboard -i large >/dev/null 2>&1"));
	desktop_sh_expect(&typing.desktop,
			"until xclip -selection clipboard -o 2>/dev/null | cmp -s - large; do :; "
			"done; echo owned",
			"owned");
	paste("and large");
	desktop_sh_expect(&typing.desktop,
			"xclip -selection clipboard -o | cmp - large && echo same", "same");
	desktop_end_windows(&typing.desktop, "kill_window");
}

/* In a window that is in front and empty. */
static void paste_and_read_back(const char *text, const char *where)
{
	desktop_do(&typing.desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"what was there\"},"
			"{\"action\":\"clipboard_set\",\"text\":\"what was marked\","
			"\"selection\":\"primary\"}]");
	paste(text);
	expect_clipboard("what was there");
	expect_primary("what was marked");
	typing_read_back();
	typing_expect(typing.clipboard, text, where);
	assert_nothing_held(&typing.desktop);
}

static void text_is_pasted_into_writer(void **state)
{
	(void)state;
	if (access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	CUA_AUTO_FREE char *text = typing_text(true);
	text[strlen(text) - 1] = '\0'; /* Writer pastes no line break at the end */
	cJSON_Delete(desktop_text_action(
			&typing.desktop, "open_app", "name", "LibreOffice Writer"));
	paste_and_read_back(text, "Writer");
}

static void open_text_page(void)
{
	desktop_do(&typing.desktop,
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
	CUA_AUTO_FREE char *text = typing_text(true);
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
	CUA_AUTO_FREE char *text = typing_text(true);
	open_text_page();
	load_start(3);
	for (int i = 0; i < 6; i++) {
		desktop_do(&typing.desktop,
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
	cJSON_Delete(desktop_post(&typing.desktop, body, &status));
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
		desktop_do(&typing.desktop,
				"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
				"{\"action\":\"key\",\"keys\":\"Delete\"}]");
		paste_and_change("ctrl+v", wanted);
		typing_read_back();
		lost += strcmp(typing.clipboard, wanted) != 0;
	}
	load_end();
	assert_int_equal(lost, 0);
}

/* There is one on a desktop at most. */
static void open_recorder(void)
{
	pid_t pid = 0;
	if (desktop_pids(&typing.desktop, "x_recorder", &pid, 1) == 0) {
		recorder_start(&typing.desktop);
	}
	recorder_mark(&typing.desktop);
}

static void a_paste_that_nobody_fetches_is_an_error(void **state)
{
	(void)state;
	long status = 0;
	open_recorder();
	desktop_do(&typing.desktop, "[{\"action\":\"clipboard_set\",\"text\":\"stays\"}]");
	CUA_AUTO_JSON cJSON *answer = desktop_post(&typing.desktop,
			"{\"actions\":[{\"action\":\"type\",\"text\":\"lost\",\"via\":"
			"\"clipboard\"}]}",
			&status);
	assert_int_not_equal(status, 200);
	assert_non_null(strstr(json_text(answer, "error.message"), "ctrl+v"));
	expect_clipboard("stays");
	assert_nothing_held(&typing.desktop);
}

/* Nobody computes then, and nobody asks: as when the paste is over. */
static void an_application_that_sleeps_in_the_middle_of_a_paste_is_woken(void **state)
{
	(void)state;
	open_recorder();
	desktop_do(&typing.desktop,
			"[{\"action\":\"clipboard_set\",\"text\":\"what was there\"},"
			"{\"action\":\"type\",\"text\":\"pasted\",\"via\":\"clipboard\","
			"\"keys\":\"shift+Insert\"}]");
	CUA_AUTO_JSON cJSON *pastes = recorder_events(&typing.desktop, "paste");
	assert_int_equal(cJSON_GetArraySize(pastes), 1);
	assert_string_equal(json_text(pastes, "0.text"), "pasted");
	expect_clipboard("what was there");
}

static void a_new_content_waits_for_a_paste_that_is_under_way(void **state)
{
	(void)state;
	open_recorder();
	paste_and_change("shift+Insert", "pasted");
	CUA_AUTO_JSON cJSON *pastes = recorder_events(&typing.desktop, "paste");
	assert_int_equal(cJSON_GetArraySize(pastes), 1);
	assert_string_equal(json_text(pastes, "0.text"), "pasted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_pasted_and_the_clipboard_put_back),
		cmocka_unit_test(what_another_program_copied_is_put_back),
		cmocka_unit_test(text_is_pasted_into_writer),
		cmocka_unit_test(text_is_pasted_into_chromium),
		cmocka_unit_test(chromium_that_is_slow_pastes_the_text),
		cmocka_unit_test(chromium_that_is_slow_pastes_what_was_there_at_the_chord),
		cmocka_unit_test(a_paste_that_nobody_fetches_is_an_error),
		cmocka_unit_test(an_application_that_sleeps_in_the_middle_of_a_paste_is_woken),
		cmocka_unit_test(a_new_content_waits_for_a_paste_that_is_under_way),
	};
	return cmocka_run_group_tests_name("desktop_paste", tests, typing_start, typing_finish);
}

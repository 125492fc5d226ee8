/* The clipboard, between the model and applications, both ways. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/waiting.h"

#define LARGE_BYTES 300000

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "clip");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static const char text[] =
		"Größe 漢字 ελληνικά 👩\xe2\x80\x8d👧 \"quotes\" 'and' \\ $HOME\ttab\nsecond line";

static void set_clipboard(const char *wanted)
{
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", wanted));
}

/* The caller frees. */
static char *get_clipboard(void)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	return strdup(json_text(answer, "results.0.text"));
}

static bool clipboard_is(void *data)
{
	CUA_AUTO_FREE char *found = get_clipboard();
	return strcmp(found, data) == 0;
}

static void put_file(const char *leaf, const char *bytes, size_t len)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, leaf);
	assert_int_equal(cua_file_write(path, bytes, len, 0644, NULL), CUA_OK);
}

/* Mixed widths, so that every place to cut it is met. */
static char *make_large(void)
{
	char *large = calloc(1, LARGE_BYTES + 64);
	size_t len = 0;
	assert_non_null(large);
	for (int line = 0; len < LARGE_BYTES; line++) {
		len += (size_t)snprintf(large + len, 64, "%d é 漢 😀 %x\n", line,
				(unsigned int)line * 7919U);
	}
	return large;
}

/* --- we own it --- */

static void what_is_set_is_got(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *most = calloc(1, 65537);
	memset(most, 'm', 65536);
	const char *const texts[] = { text, "", "\n", most };
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		set_clipboard(texts[i]);
		CUA_AUTO_FREE char *found = get_clipboard();
		assert_string_equal(found, texts[i]);
	}
}

static void expect_output(const struct output *output, const char *out, const char *error)
{
	if (strcmp(output->out, out) != 0 || strcmp(output->err, error) != 0) {
		fail_msg("\"%s\" and \"%s\"", output->out, output->err);
	}
}

static void the_command_line_prints_every_form(void **state)
{
	(void)state;
	static const char *const forms[][2] = { { "text", "words\n" }, { "html", "<i>words</i>\n" },
		{ "files", "/etc/hosts\n/etc/passwd\n" } };
	struct output output;
	world_expect(&world, 0, "clipboard_set", "words", "--html=<i>words</i>",
			"--files=/etc/hosts\n/etc/passwd", NULL);
	for (size_t i = 0; i < CUA_ARRAY_LEN(forms); i++) {
		world_cua(&world, &output, "clipboard_get", forms[i][0], NULL);
		expect_output(&output, forms[i][1], "");
		output_finish(&output);
	}
	world_cua(&world, &output, "clipboard_get", "png", NULL);
	expect_output(&output, "",
			"cua: clipboard_get: the clipboard holds no png; it holds "
			"[\"text\",\"html\",\"files\"]\n");
	output_finish(&output);
}

static bool file_exists(void *data)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, (const char *)data);
	return access(path, F_OK) == 0;
}

static void xterm_pastes_it(void **state)
{
	(void)state;
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name",
			"xterm -xrm 'XTerm*selectToClipboard: true' -xrm "
			"'XTerm*allowPasteControls: "
			"true' -e 'cat > pasted; touch pasted.done'"));
	set_clipboard(text);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"shift+Insert\"},"
			"{\"action\":\"key\",\"keys\":\"Return\"}]");
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
	char done[] = "pasted.done";
	wait_until(file_exists, done, "the terminal has written its file");
	CUA_AUTO_FREE char *pasted = home_file(&desktop, "pasted");
	assert_memory_equal(pasted, text, strlen(text));
	assert_string_equal(pasted + strlen(text), "\n");
}

static void two_large_transfers_to_one_window_both_end(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *large = make_large();
	char command[512], wanted[64];
	set_clipboard(large);
	snprintf(command, sizeof(command), "%s pair", desktop_install(&desktop, CUA_TEST_PROBE));
	snprintf(wanted, sizeof(wanted), "%zu %zu", strlen(large), strlen(large));
	CUA_AUTO_FREE char *found = desktop_sh(&desktop, command);
	assert_string_equal(found, wanted);
}

/* --- an application owns it --- */

/* The probe in the role of an application; the process inside ends when it loses the clipboard. */
static pid_t owner_start(const char *leaf, const char *how)
{
	char command[1536];
	set_clipboard("not yet");
	snprintf(command, sizeof(command), "%s own %s/%s %s >%s/owned 2>&1 &",
			desktop_install(&desktop, CUA_TEST_PROBE), desktop.inside_home, leaf, how,
			desktop.inside_home);
	free(desktop_sh(&desktop, "rm -f owned"));
	free(desktop_sh(&desktop, command));
	char owned[] = "owned";
	wait_until(file_exists, owned, "the probe starts");
	const uint64_t deadline_us = cua_now_us() + DESKTOP_DEADLINE_MS * 1000ULL;
	for (bool owns = false; !owns;) {
		CUA_AUTO_FREE char *output = home_file(&desktop, "owned");
		owns = strcmp(output, "owned\n") == 0;
		assert_true(cua_now_us() < deadline_us);
	}
	return desktop_pid(&desktop, "x_probe");
}

static bool no_probe(void *data)
{
	pid_t pid;
	(void)data;
	return desktop_pids(&desktop, "x_probe", &pid, 1) == 0;
}

static void large_text_comes_in_one_piece_and_in_parts(void **state)
{
	(void)state;
	CUA_AUTO_FREE char *large = make_large();
	static const char *const ways[] = { "", "incr" };
	put_file("large", large, strlen(large));
	for (size_t i = 0; i < CUA_ARRAY_LEN(ways); i++) {
		(void)owner_start("large", ways[i]);
		for (int again = 0; again < 2; again++) {
			CUA_AUTO_FREE char *found = get_clipboard();
			assert_int_equal(strlen(found), strlen(large));
			assert_string_equal(found, large);
		}
		set_clipboard("taken");
		wait_until(no_probe, NULL, "the probe loses the clipboard");
		CUA_AUTO_FREE char *found = get_clipboard();
		assert_string_equal(found, "taken");
	}
}

static void an_empty_clipboard_is_empty_text(void **state)
{
	(void)state;
	put_file("small", "small", 5);
	const pid_t owner = owner_start("small", "");
	CUA_AUTO_FREE char *found = get_clipboard();
	assert_string_equal(found, "small");
	kill_and_wait(owner);
	char nothing[] = "";
	wait_until(clipboard_is, nothing, "nobody owns the clipboard");
	put_file("none", "", 0);
	(void)owner_start("none", "incr");
	CUA_AUTO_FREE char *empty = get_clipboard();
	assert_string_equal(empty, "");
	set_clipboard("");
	wait_until(no_probe, NULL, "the probe loses the clipboard");
}

static void expect_application_error(const char *word)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(
			&desktop, "{\"actions\":[{\"action\":\"clipboard_get\"}]}", &status);
	assert_int_equal(status, 502);
	assert_string_equal(json_text(answer, "error.class"), "environment");
	if (!strstr(json_text(answer, "error.message"), word)) {
		fail_msg("\"%s\" lacks \"%s\"", json_text(answer, "error.message"), word);
	}
}

static void an_owner_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	put_file("mute", "mute", 4);
	const pid_t owner = owner_start("mute", "");
	assert_int_equal(kill(owner, SIGSTOP), 0);
	expect_application_error("clipboard");
	assert_int_equal(kill(owner, SIGCONT), 0);
	char answer[] = "mute";
	wait_until(clipboard_is, answer, "the owner answers again");
	set_clipboard("over");
	wait_until(no_probe, NULL, "the probe loses the clipboard");
}

static void text_that_is_no_utf8_is_an_error(void **state)
{
	(void)state;
	put_file("latin", "caf\xe9", 4);
	(void)owner_start("latin", "");
	expect_application_error("UTF-8");
	set_clipboard("over");
	wait_until(no_probe, NULL, "the probe loses the clipboard");
}

static void chromium_pastes_and_copies(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	static const char page[] =
			"<!doctype html><meta charset=utf-8><title>clipboard</title>"
			"<textarea id=t autofocus style='width:95%;height:90vh'></textarea>"
			"<script>addEventListener('keydown', e => { if (e.key === 'F9') { let s = "
			"'';"
			"for (let i = 0; s.length < 150000; i++) s += i + ' é 漢 😀\\n';"
			"t.value = s; document.title = 'large'; } });</script>";
	put_file("page.html", page, strlen(page));
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"file:///home/agent/page.html\"}]");
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":600,\"y\":400}]");
	set_clipboard(text);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+v\"}]");
	set_clipboard("something else");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},{\"action\":\"key\",\"keys\":"
			"\"ctrl+c\"}]");
	char wanted[sizeof(text)];
	memcpy(wanted, text, sizeof(text));
	wait_until(clipboard_is, wanted, "Chromium has pasted and copied the text");

	/* More than 300 KB of UTF-8, which Chromium hands over in parts. */
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"F9\"}]");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+a\"},{\"action\":\"key\",\"keys\":"
			"\"ctrl+c\"}]");
	CUA_AUTO_FREE char *large = calloc(1, 600000);
	size_t len = 0, units = 0; /* of UTF-16, as the page counts */
	for (int i = 0; units < 150000; i++) {
		const int bytes = snprintf(large + len, 64, "%d é 漢 😀\n", i);
		len += (size_t)bytes;
		units += (size_t)bytes - 5; /* é 2 bytes, 1 unit; 漢 3, 1; 😀 4, 2 */
	}
	assert_true(len > 200000);
	wait_until(clipboard_is, large, "Chromium has copied the large text");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_got),
		cmocka_unit_test(the_command_line_prints_every_form),
		cmocka_unit_test(xterm_pastes_it),
		cmocka_unit_test(two_large_transfers_to_one_window_both_end),
		cmocka_unit_test(large_text_comes_in_one_piece_and_in_parts),
		cmocka_unit_test(an_empty_clipboard_is_empty_text),
		cmocka_unit_test(an_owner_that_does_not_answer_is_given_up),
		cmocka_unit_test(text_that_is_no_utf8_is_an_error),
		cmocka_unit_test(chromium_pastes_and_copies),
	};
	return cmocka_run_group_tests_name("desktop_clipboard", tests, start, finish);
}

/* What is typed after a key goes where a person would see it go who waits for what the key does:
 * lists of actions into real applications, on a machine that has other things to do. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/load.h"
#include "tests/waiting.h"

#define BUSY_PROCESSES 2
#define ANSWER_MAX_MS 30000
#define OFFICE_SETTINGS "~/.config/libreoffice/4/user/registrymodifications.xcu"

static struct world world;
static struct desktop desktop;
static int trials;

static int start(void **state)
{
	(void)state;
	const char *wanted = getenv("CUA_TEST_FOLLOW_TRIALS");
	trials = wanted ? (int)strtol(wanted, NULL, 10) : 3;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "follow");
	free(desktop_sh(&desktop, "cp " OFFICE_SETTINGS " /tmp/settings.xcu"));
	load_start(BUSY_PROCESSES);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	load_end();
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* Nothing of one application is left for the next. A LibreOffice that was killed would offer to
 * rescue the document. */
static int kill_applications(void **state)
{
	(void)state;
	static const char *const programs[] = { "mousepad", "featherpad", "soffice.bin",
		"chromium" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(programs); i++) {
		desktop_end_processes(&desktop, programs[i]);
	}
	free(desktop_sh(&desktop,
			"cp /tmp/settings.xcu " OFFICE_SETTINGS
			"; rm -f ~/.config/libreoffice/4/.lock"));
	return 0;
}

static void skip_without(const char *program)
{
	if (access(program, X_OK) != 0) {
		skip();
	}
}

static void put_file(const char *leaf, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, leaf);
	assert_int_equal(cua_file_write(path, text, strlen(text), 0644, NULL), CUA_OK);
}

static void open_app(const char *command)
{
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", command));
}

/* --- what came of it --- */

static char copied[1024];

static bool clipboard_is(void *data)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"clipboard_get\"}],\"screenshot\":false}",
			&status);
	snprintf(copied, sizeof(copied), "%s", json_text(answer, "results.0.text"));
	return status == 200 && strcmp(copied, data) == 0;
}

/* What is marked in the window that has the keyboard, or all of it. */
static bool copies(const char *chords, char *wanted)
{
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", "nothing"));
	desktop_do(&desktop, "[%s]", chords);
	const bool same = waits_until(clipboard_is, wanted, ANSWER_MAX_MS);
	if (!same) {
		print_error("\"%s\" was copied, not \"%s\"\n", copied, wanted);
	}
	return same;
}

#define MARK_ALL "{\"action\":\"key\",\"keys\":\"ctrl+a\"},"
#define COPY "{\"action\":\"key\",\"keys\":\"ctrl+c\"}"

static bool shows_title(const char *title)
{
	char body[256];
	long status = 0;
	snprintf(body, sizeof(body),
			"{\"actions\":[{\"action\":\"wait_for\",\"until\":\"window\",\"text\":\"%"
			"s\","
			"\"timeout_ms\":%d}],\"screenshot\":false}",
			title, ANSWER_MAX_MS);
	cJSON_Delete(desktop_post(&desktop, body, &status));
	return status == 200;
}

static void run_trials(const char *what, bool (*trial)(int number))
{
	int wrong = 0;
	for (int i = 1; i <= trials; i++) {
		if (!trial(i)) {
			print_error("%s: trial %d of %d is wrong\n", what, i, trials);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* --- Chromium --- */

/* Its title tells where it is, and what was typed into it. Letters that the page gets do not
 * become its title by themselves. */
static const char page[] =
		"<!doctype html><meta charset=utf-8><title>none</title><p id=words></p><script>\n"
		"for (let i = 1; i < 300; i++) words.textContent += ` needle${i}x`;\n"
		"let taken = '';\n"
		"const tell = () => document.title = `at ${location.hash} took ${taken}.`;\n"
		"onhashchange = tell;\n"
		"onkeypress = e => { taken += e.key; tell(); };\n"
		"tell();\n"
		"</script>";

static void open_page(void)
{
	skip_without("/usr/bin/chromium");
	put_file("page.html", page);
	cJSON_Delete(desktop_text_action(
			&desktop, "open_url", "url", "file:///home/agent/page.html#0"));
	assert_true(shows_title("at #0 took ."));
}

static bool goes_to(const char *chord, int number)
{
	char title[64];
	snprintf(title, sizeof(title), "at #%d took .", number);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"%s\"},{\"action\":\"type\","
			"\"text\":\"file:///home/agent/page.html#%d\\n\"}]",
			chord, number);
	return shows_title(title);
}

static bool goes_to_in_a_new_tab(int number)
{
	return goes_to("ctrl+t", number);
}

static bool goes_to_from_a_page(int number)
{
	return goes_to("ctrl+l", number);
}

static bool goes_to_in_a_new_window(int number)
{
	return goes_to("ctrl+n", number);
}

static bool finds(int number)
{
	char wanted[32];
	snprintf(wanted, sizeof(wanted), "needle%dx", number);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+f\"},"
			"{\"action\":\"type\",\"text\":\"%s\"},"
			"{\"action\":\"key\",\"keys\":\"Escape\"}]",
			wanted);
	return copies(COPY, wanted) && shows_title("took .");
}

static void chromium_takes_a_url_in_a_new_tab(void **state)
{
	(void)state;
	open_page();
	run_trials("ctrl+t in Chromium", goes_to_in_a_new_tab);
}

static void chromium_takes_a_url_in_the_address_bar(void **state)
{
	(void)state;
	open_page();
	run_trials("ctrl+l in Chromium", goes_to_from_a_page);
}

static void chromium_takes_a_url_in_a_new_window(void **state)
{
	(void)state;
	open_page();
	run_trials("ctrl+n in Chromium", goes_to_in_a_new_window);
}

static void chromium_finds_what_is_typed(void **state)
{
	(void)state;
	open_page();
	run_trials("ctrl+f in Chromium", finds);
}

/* --- mousepad --- */

static bool new_document_has_the_text(int number)
{
	char text[64];
	snprintf(text, sizeof(text), "Document %d begins here.", number);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+n\"},"
			"{\"action\":\"type\",\"text\":\"%s\"}]",
			text);
	return copies(MARK_ALL COPY, text);
}

static void mousepad_types_into_a_new_document(void **state)
{
	(void)state;
	skip_without("/usr/bin/mousepad");
	open_app("mousepad");
	run_trials("ctrl+n in mousepad", new_document_has_the_text);
}

/* The title may change before the dialog has given the keyboard back. */
static bool is_in_front(void *title)
{
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	return cJSON_IsTrue(json_at(list, "results.0.windows.0.active")) &&
			strstr(json_text(list, "results.0.windows.0.title"), title);
}

static bool dialog_opens_the_file(int number)
{
	char leaf[32];
	snprintf(leaf, sizeof(leaf), "note-%d.txt", number);
	put_file(leaf, leaf);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+o\"},"
			"{\"action\":\"type\",\"text\":\"/home/agent/%s\\n\"}]",
			leaf);
	return shows_title(leaf) && waits_until(is_in_front, leaf, ANSWER_MAX_MS);
}

static void mousepad_opens_the_file_that_is_typed(void **state)
{
	(void)state;
	skip_without("/usr/bin/mousepad");
	open_app("mousepad");
	run_trials("ctrl+o in mousepad", dialog_opens_the_file);
}

/* The window beneath has what was typed, all of it, the one above nothing. */
static bool window_beneath_has_the_text(int number)
{
	static char written[1024];
	if (number == 1) {
		written[0] = '\0';
	}
	const size_t len = strlen(written);
	snprintf(written + len, sizeof(written) - len, "line %d\n", number);
	open_app("xterm");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"alt+F4\"},"
			"{\"action\":\"type\",\"text\":\"line %d\\n\"}]",
			number);
	return copies(MARK_ALL COPY ",{\"action\":\"key\",\"keys\":\"ctrl+End\"}", written);
}

static void the_window_beneath_a_closed_one_is_typed_into(void **state)
{
	(void)state;
	skip_without("/usr/bin/mousepad");
	open_app("mousepad");
	run_trials("alt+F4", window_beneath_has_the_text);
}

/* --- Writer --- */

static void writer_types_into_a_new_document(void **state)
{
	(void)state;
	skip_without("/usr/bin/soffice");
	open_app("LibreOffice Writer");
	run_trials("ctrl+n in Writer", new_document_has_the_text);
}

static bool writer_finds(int number)
{
	char wanted[32];
	snprintf(wanted, sizeof(wanted), "needle%dx", number);
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":\"ctrl+f\"},"
			"{\"action\":\"type\",\"text\":\"%s\\n\"},"
			"{\"action\":\"key\",\"keys\":\"Escape\"}]",
			wanted);
	return copies(COPY, wanted);
}

static void writer_finds_what_is_typed(void **state)
{
	(void)state;
	char text[512];
	size_t len = 0;
	skip_without("/usr/bin/soffice");
	for (int i = 1; i <= 40; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "needle%dx ", i);
	}
	open_app("LibreOffice Writer");
	cJSON_Delete(desktop_text_action(&desktop, "type", "text", text));
	run_trials("ctrl+f in Writer", writer_finds);
	assert_true(copies(MARK_ALL COPY, text));
}

/* --- just opened --- */

static bool just_opened_has_the_text(const char *command, int number)
{
	char text[64];
	snprintf(text, sizeof(text), "Typed at once, %d.", number);
	(void)kill_applications(NULL);
	desktop_do(&desktop,
			"[{\"action\":\"open_app\",\"name\":\"%s\"},"
			"{\"action\":\"type\",\"text\":\"%s\"}]",
			command, text);
	return copies(MARK_ALL COPY, text);
}

static bool mousepad_has_the_text(int number)
{
	return just_opened_has_the_text("mousepad", number);
}

static bool qt_has_the_text(int number)
{
	return just_opened_has_the_text("featherpad --standalone", number);
}

static bool writer_has_the_text(int number)
{
	return just_opened_has_the_text("LibreOffice Writer", number);
}

/* A page takes what is typed when it has loaded; the address bar has the keyboard at once. */
static bool chromium_goes_where_is_typed(int number)
{
	char title[64];
	snprintf(title, sizeof(title), "at #%d took .", number);
	(void)kill_applications(NULL);
	desktop_do(&desktop,
			"[{\"action\":\"open_app\",\"name\":\"chromium\"},"
			"{\"action\":\"type\",\"text\":\"file:///home/agent/page.html#%d\\n\"}]",
			number);
	return shows_title(title);
}

static void mousepad_just_opened_takes_text(void **state)
{
	(void)state;
	skip_without("/usr/bin/mousepad");
	run_trials("mousepad just opened", mousepad_has_the_text);
}

static void qt_just_opened_takes_text(void **state)
{
	(void)state;
	skip_without("/usr/bin/featherpad");
	run_trials("a Qt editor just opened", qt_has_the_text);
}

static void chromium_just_opened_takes_a_url(void **state)
{
	(void)state;
	skip_without("/usr/bin/chromium");
	put_file("page.html", page);
	run_trials("Chromium just opened", chromium_goes_where_is_typed);
}

static void writer_just_opened_takes_text(void **state)
{
	(void)state;
	skip_without("/usr/bin/soffice");
	run_trials("Writer just opened", writer_has_the_text);
}

/* --- looking --- */

/* Computes before it draws anything. */
#define LATE_DRAWER \
	"xterm -title late -e sh -c 'stty -echo; read l; i=0; while [ $i -lt 100000 ]; do " \
	"i=$((i+1)); done; " \
	"echo here it is; read l'"

/* The answer to a key and a look in one list. */
static cJSON *press_and_look(const char *settle, const char *look)
{
	char body[256];
	long status = 0;
	snprintf(body, sizeof(body),
			"{\"actions\":[{\"action\":\"key\",\"keys\":\"Return\"},%s],"
			"\"settle\":%s,\"screenshot\":true}",
			look, settle);
	cJSON *answer = desktop_post(&desktop, body, &status);
	assert_int_equal(status, 200);
	return answer;
}

static void a_list_sees_what_its_input_leads_to(void **state)
{
	(void)state;
	open_app(LATE_DRAWER);
	CUA_AUTO_JSON cJSON *before = desktop_act(&desktop, "[{\"action\":\"screenshot\"}]");
	CUA_AUTO_JSON cJSON *answer =
			press_and_look("{\"timeout_ms\":60000}", "{\"action\":\"screenshot\"}");
	assert_string_not_equal(json_text(answer, "results.1.image.etag"),
			json_text(before, "results.0.image.etag"));
	assert_string_equal(json_text(answer, "results.1.image.etag"),
			json_text(answer, "screenshot.etag"));
	assert_string_equal(json_text(answer, "results.1.settle.reason"), "quiet");
	CUA_AUTO_JSON cJSON *listed =
			press_and_look("{\"timeout_ms\":60000}", "{\"action\":\"list_windows\"}");
	assert_int_equal(cJSON_GetArraySize(json_at(listed, "results.1.windows")), 0);
}

static void a_list_that_is_not_to_settle_sees_what_is_there(void **state)
{
	(void)state;
	open_app(LATE_DRAWER);
	CUA_AUTO_JSON cJSON *before = desktop_act(&desktop, "[{\"action\":\"screenshot\"}]");
	const pid_t xterm = desktop_pid(&desktop, "xterm");
	assert_int_equal(kill(xterm, SIGSTOP), 0);
	CUA_AUTO_JSON cJSON *answer = press_and_look("false", "{\"action\":\"screenshot\"}");
	assert_string_equal(json_text(answer, "results.1.image.etag"),
			json_text(before, "results.0.image.etag"));
	assert_null(json_at(answer, "results.1.settle"));
	CUA_AUTO_JSON cJSON *bounded =
			press_and_look("{\"timeout_ms\":50}", "{\"action\":\"screenshot\"}");
	assert_non_null(json_at(bounded, "results.1.settle"));
	assert_int_equal(kill(xterm, SIGCONT), 0);
	kill_and_wait(xterm);
}

#define TEST(function) cmocka_unit_test_teardown(function, kill_applications)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chromium_takes_a_url_in_a_new_tab),
		TEST(chromium_takes_a_url_in_the_address_bar),
		TEST(chromium_takes_a_url_in_a_new_window),
		TEST(chromium_finds_what_is_typed),
		TEST(mousepad_types_into_a_new_document),
		TEST(mousepad_opens_the_file_that_is_typed),
		TEST(the_window_beneath_a_closed_one_is_typed_into),
		TEST(writer_types_into_a_new_document),
		TEST(writer_finds_what_is_typed),
		TEST(mousepad_just_opened_takes_text),
		TEST(qt_just_opened_takes_text),
		TEST(chromium_just_opened_takes_a_url),
		TEST(writer_just_opened_takes_text),
		TEST(a_list_sees_what_its_input_leads_to),
		TEST(a_list_that_is_not_to_settle_sees_what_is_there),
	};
	return cmocka_run_group_tests_name("desktop_follow", tests, start, finish);
}

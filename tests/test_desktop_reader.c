/* The screen in words: elements of the four toolkits, text in pictures, references that can be
 * clicked, and applications that make reading hard. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "reader");
	free(desktop_sh(&desktop,
			"cp ~/.config/libreoffice/4/user/registrymodifications.xcu "
			"/tmp/settings.xcu"));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static int kill_all(void **state)
{
	(void)state;
	desktop_end_windows(&desktop, "kill_window");
	return 0;
}

/* --- words for what the tests do --- */

static double open_app(const char *name)
{
	CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "open_app", "name", name);
	assert_string_equal(json_text(result, "status"), "delivered");
	return json_number(result, "window.id");
}

static cJSON *read_screen(const char *options)
{
	return desktop_act(
			&desktop, "[{\"action\":\"read_screen\",\"structured\":true%s}]", options);
}

/* The first element of this role whose name begins so; NULL if there is none. */
static const cJSON *find(const cJSON *screen, const char *role, const char *name)
{
	const cJSON *element = NULL;
	cJSON_ArrayForEach (element, json_at(screen, "results.0.elements")) {
		if (strcmp(json_text(element, "role"), role) == 0 &&
				strncmp(json_text(element, "name"), name, strlen(name)) == 0) {
			return element;
		}
	}
	return NULL;
}

struct wanted {
	const char *role, *name, *state; /* state NULL: any */
	char ref[32];
};

static bool shows(void *data)
{
	struct wanted *wanted = data;
	CUA_AUTO_JSON cJSON *screen = read_screen("");
	const cJSON *element = find(screen, wanted->role, wanted->name);
	const cJSON *state = NULL;
	bool has_state = !wanted->state;
	cJSON_ArrayForEach (state, json_at(element, "states")) {
		has_state = has_state ||
				(wanted->state && strcmp(state->valuestring, wanted->state) == 0);
	}
	snprintf(wanted->ref, sizeof(wanted->ref), "%s", element ? json_text(element, "ref") : "");
	return element && has_state;
}

/* Waits until it is there; its reference, in one of four buffers in turn. */
static const char *ref_of(const char *role, const char *name, const char *state)
{
	static char refs[4][32];
	static unsigned int next;
	char what[200];
	struct wanted wanted = { role, name, state, "" };
	snprintf(what, sizeof(what), "%s \"%s\"%s%s shows", role, name, state ? " " : "",
			state ? state : "");
	wait_until(shows, &wanted, what);
	char *ref = refs[next++ % 4];
	snprintf(ref, sizeof(refs[0]), "%s", wanted.ref);
	return ref;
}

static void click(const char *ref)
{
	desktop_do(&desktop, "[{\"action\":\"click\",\"ref\":\"%s\"}]", ref);
}

static cJSON *find_text(const char *text)
{
	return desktop_act(&desktop, "[{\"action\":\"find_text\",\"text\":\"%s\"}]", text);
}

static bool title_begins(void *data)
{
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	bool found = false;
	cJSON_ArrayForEach (window, json_at(list, "results.0.windows")) {
		found = found || strncmp(json_text(window, "title"), data, strlen(data)) == 0;
	}
	return found;
}

/* --- pictures --- */

static bool terminal_shows(void *data)
{
	CUA_AUTO_JSON cJSON *found = find_text(data);
	return strcmp(json_text(found, "results.0.source"), "ocr") == 0 &&
			cJSON_GetArraySize(json_at(found, "results.0.matches")) > 0;
}

static void a_terminal_is_read_by_recognition(void **state)
{
	(void)state;
	char quick[] = "QUICK brown Fox";
	open_app("xterm");
	desktop_do(&desktop,
			"[{\"action\":\"type\",\"text\":\"clear; printf '\\\\n\\\\n%s\\\\n' "
			"'The quick brown fox jumps over 1234 lazy dogs'\\n\"}]",
			"%s");
	wait_until(terminal_shows, quick, "the terminal's text is found");
	CUA_AUTO_JSON cJSON *found = find_text("lazy dogs");
	assert_string_equal(json_text(found, "results.0.source"), "ocr");
	const double x = json_number(found, "results.0.matches.0.x");
	const double y = json_number(found, "results.0.matches.0.y");
	/* Clicking where it was found selects that word. */
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":%.0f,\"y\":%.0f,\"count\":3}]", x, y);
	CUA_AUTO_FREE char *selected = desktop_sh(&desktop, "xclip -o -selection primary");
	assert_non_null(strstr(selected, "lazy dogs"));
	CUA_AUTO_JSON cJSON *words = desktop_act(&desktop,
			"[{\"action\":\"read_text\",\"region\":[0,0,640,200]},"
			"{\"action\":\"find_text\",\"text\":\"nowhere at all\"}]");
	assert_non_null(strstr(
			json_text(words, "results.0.text"), "fox jumps over 1234 lazy dogs"));
	assert_int_equal(cJSON_GetArraySize(json_at(words, "results.1.matches")), 0);
	world_expect(&world, 0, "find_text", "lazy dogs", "--lang=eng", NULL);
	struct output output;
	world_cua(&world, &output, "find_text", "lazy dogs", NULL);
	assert_int_equal(output.exit_status, 0);
	output_finish(&output);
	world_cua(&world, &output, "find_text", "nowhere at all", NULL);
	assert_int_equal(output.exit_status, 1);
	assert_string_equal(output.out, "");
	assert_non_null(strstr(output.err, "nothing on the screen says \"nowhere at all\""));
	output_finish(&output);
	bool found_word = false;
	const cJSON *word = NULL;
	cJSON_ArrayForEach (word, json_at(words, "results.0.words")) {
		found_word = found_word || strcmp(json_text(word, "0"), "jumps") == 0;
		assert_true(json_number(word, "2") < 200);
	}
	assert_true(found_word);
	assert_string_equal(json_text(words, "results.1.source"), "none");
}

static void a_language_that_is_not_there_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *lang, *said;
		long status;
	} rows[] = {
		{ "xyz", "tesseract-ocr-xyz", 503 },
		{ "eng+xyz_abc", "tesseract-ocr-xyz-abc", 503 },
		{ "../eng", "it must be names of", 400 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		char body[256];
		long status = 0;
		snprintf(body, sizeof(body),
				"{\"actions\":[{\"action\":\"read_text\",\"region\":[0,0,300,100],"
				"\"lang\":\"%s\"}],\"screenshot\":false}",
				rows[i].lang);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
		assert_int_equal(status, rows[i].status);
		assert_non_null(strstr(json_text(answer, "error.message"), rows[i].said));
	}
}

/* --- toolkits --- */

static void gtk_is_read_and_clicked(void **state)
{
	(void)state;
	open_app("mousepad --preferences");
	const char *box = ref_of("check box", "Show line numbers", NULL);
	click(box);
	assert_string_equal(ref_of("check box", "Show line numbers", "checked"), box);
	click(ref_of("page tab", "Editor", NULL));
	(void)ref_of("page tab", "Editor", "selected");
	/* What is on the tab behind is still there, and cannot be clicked. */
	char body[128];
	long status = 0;
	snprintf(body, sizeof(body), "{\"actions\":[{\"action\":\"click\",\"ref\":\"%s\"}]}", box);
	CUA_AUTO_JSON cJSON *hidden = desktop_post(&desktop, body, &status);
	assert_int_equal(status, 404);
	assert_non_null(strstr(json_text(hidden, "error.message"), "cannot be seen"));
	kill_all(NULL);
	CUA_AUTO_JSON cJSON *gone = desktop_post(&desktop, body, &status);
	assert_int_equal(status, 404);
	assert_non_null(strstr(json_text(gone, "error.message"), "gone"));
}

static void qt_is_read_and_clicked(void **state)
{
	(void)state;
	open_app("featherpad");
	click(ref_of("menu item", "Search", NULL));
	click(ref_of("menu item", "Jump to", NULL));
	(void)ref_of("check box", "Select Text", NULL); /* of the bar that it opens */
}

/* A LibreOffice that was killed would offer to rescue the document. */
static int forget_crash(void **state)
{
	const int result = kill_all(state);
	free(desktop_sh(&desktop,
			"cp /tmp/settings.xcu "
			"~/.config/libreoffice/4/user/registrymodifications.xcu; "
			"rm -f ~/.config/libreoffice/4/.lock"));
	return result;
}

static void writer_is_read_and_clicked(void **state)
{
	(void)state;
	open_app("libreoffice --writer");
	desktop_do(&desktop, "[{\"action\":\"type\",\"text\":\"Some words about brown readers\"}]");
	CUA_AUTO_JSON cJSON *found = find_text("BROWN");
	assert_string_equal(json_text(found, "results.0.source"), "tree");
	assert_string_equal(json_text(found, "results.0.matches.0.role"), "paragraph");
	/* A double click where the word is said to be selects it. */
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":%.0f,\"y\":%.0f,\"count\":2},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]",
			json_number(found, "results.0.matches.0.x"),
			json_number(found, "results.0.matches.0.y"));
	CUA_AUTO_JSON cJSON *copied = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(copied, "results.0.text"), "brown");
	const char *bold = ref_of("toggle button", "Bold", NULL);
	click(bold);
	assert_string_equal(ref_of("toggle button", "Bold", "checked"), bold);
	click(ref_of("menu", "Insert", NULL));
	(void)ref_of("menu item", "Page Break", NULL);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"Escape\"}]");
}

static void a_sheet_tells_what_shows_of_it(void **state)
{
	(void)state;
	open_app("libreoffice --calc");
	desktop_do(&desktop, "[{\"action\":\"type\",\"text\":\"Apple\\t12\\nPear\\t34\\n\"}]");
	const char *cell = ref_of("table cell", "B2", NULL);
	CUA_AUTO_JSON cJSON *screen = read_screen("");
	const cJSON *sheet = find(screen, "table", "Sheet Sheet1");
	assert_true(json_number(sheet, "children") > 1e9);
	assert_true(cJSON_GetArraySize(json_at(screen, "results.0.elements")) < 1500);
	assert_string_equal(json_text(find(screen, "table cell", "A2"), "value"), "Pear");
	assert_null(find(screen, "table cell", "C7")); /* there is nothing in it */
	/* The cell is made anew for each question, and is the same for us. */
	click(cell);
	desktop_do(&desktop, "[{\"action\":\"type\",\"text\":\"56\\n\"}]");
	assert_string_equal(ref_of("table cell", "B2", NULL), cell);
	CUA_AUTO_JSON cJSON *after = read_screen("");
	assert_string_equal(json_text(find(after, "table cell", "B2"), "value"), "56");
}

static void write_page(void)
{
	static const char page[] =
			"<!doctype html><title>Page</title><h1>Heading</h1>"
			"<button onclick=\"document.title='clicked once'\">Press me</button>"
			"<p>text of a paragraph</p><div style='height:4000px'></div>"
			"<button onclick=\"document.title='clicked far'\">Far below</button>";
	char path[512];
	snprintf(path, sizeof(path), "%s/page.html", desktop.home);
	assert_int_equal(cua_file_write(path, page, strlen(page), 0644, NULL), CUA_OK);
}

static void chromium_is_read_and_clicked(void **state)
{
	(void)state;
	char once[] = "clicked once", far[] = "clicked far";
	write_page();
	desktop_do(&desktop, "[{\"action\":\"open_url\",\"url\":\"file://%s/page.html\"}]",
			desktop.inside_home);
	click(ref_of("push button", "Press me", NULL));
	wait_until(title_begins, once, "the button was pressed");
	/* Out of view: told with "all" alone, and brought into view to be clicked. */
	CUA_AUTO_JSON cJSON *screen = read_screen(",\"all\":true");
	const cJSON *button = find(screen, "push button", "Far below");
	assert_non_null(button);
	assert_true(cJSON_IsFalse(json_at(button, "visible")));
	CUA_AUTO_JSON cJSON *seen = read_screen("");
	assert_null(find(seen, "push button", "Far below"));
	click(json_text(button, "ref"));
	wait_until(title_begins, far, "the button below was scrolled to and pressed");
	CUA_AUTO_JSON cJSON *found = find_text("far below");
	assert_string_equal(json_text(found, "results.0.source"), "tree");
}

/* --- windows --- */

static void a_window_behind_is_raised_for_a_click(void **state)
{
	(void)state;
	open_app("mousepad --preferences");
	const char *box = ref_of("check box", "Display whitespace", NULL);
	const double terminal = open_app("xterm -geometry 200x60+0+0");
	CUA_AUTO_JSON cJSON *covered = read_screen("");
	assert_null(find(covered, "check box", "Display whitespace"));
	CUA_AUTO_JSON cJSON *alone = desktop_act(
			&desktop, "[{\"action\":\"read_screen\",\"window\":%.0f}]", terminal);
	assert_non_null(strstr(json_text(alone, "results.0.text"), "no window tells"));
	click(box);
	assert_string_equal(ref_of("check box", "Display whitespace", "checked"), box);
	long status = 0;
	CUA_AUTO_JSON cJSON *none = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"read_screen\",\"window\":7}]}", &status);
	assert_int_equal(status, 404);
	assert_non_null(strstr(json_text(none, "error.message"), "no window 7"));
}

/* A caller who counts in the pixels of a smaller picture does so in texts, too. */
static void texts_have_the_coordinates_of_the_picture(void **state)
{
	(void)state;
	open_app("mousepad --preferences");
	ref_of("check box", "Display whitespace", NULL);
	long status = 0;
	char place[64];
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"coordinates\":[640,400],\"actions\":[{\"action\":\"read_screen\"},"
			"{\"action\":\"read_screen\",\"structured\":true}]}",
			&status);
	CUA_AUTO_JSON cJSON *full = read_screen("");
	assert_int_equal(status, 200);
	const cJSON *element = NULL, *box = NULL;
	cJSON_ArrayForEach (element, json_at(answer, "results.1.elements")) {
		if (strcmp(json_text(element, "name"), "Display whitespace") == 0) {
			box = element;
		}
	}
	assert_non_null(box);
	const cJSON *unscaled = find(full, "check box", "Display whitespace");
	assert_true(json_number(box, "x") < json_number(unscaled, "x"));
	snprintf(place, sizeof(place), "\"Display whitespace\" (%.0f,%.0f)", json_number(box, "x"),
			json_number(box, "y"));
	assert_non_null(strstr(json_text(answer, "results.0.text"), place));
}

/* PNG bytes of a picture in an answer. */
static size_t picture_of(const cJSON *answer, const char *path, unsigned char **ret_png)
{
	const char *base64 = json_text(answer, path);
	size_t len = 0;
	*ret_png = malloc(strlen(base64) + 1);
	assert_int_equal(sodium_base642bin(*ret_png, strlen(base64), base64, strlen(base64), NULL,
					 &len, NULL, sodium_base64_VARIANT_ORIGINAL),
			0);
	return len;
}

static void marks_are_drawn_listed_and_clicked(void **state)
{
	(void)state;
	open_app("mousepad --preferences");
	(void)ref_of("check box", "Wrap long lines", NULL);
	CUA_AUTO_JSON cJSON *answer = desktop_act(
			&desktop, "[{\"action\":\"screenshot\"},{\"action\":\"mark_screen\"}]");
	CUA_AUTO_FREE unsigned char *plain = NULL, *marked = NULL;
	const size_t plain_len = picture_of(answer, "results.0.image.data", &plain);
	const size_t marked_len = picture_of(answer, "results.1.image.data", &marked);
	assert_true(marked_len > 8 && memcmp(marked, "\x89PNG", 4) == 0);
	assert_true(plain_len != marked_len || memcmp(plain, marked, plain_len) != 0);
	const cJSON *mark = NULL, *wrap = NULL;
	cJSON_ArrayForEach (mark, json_at(answer, "results.1.marks")) {
		assert_string_not_equal(json_text(mark, "role"), "panel");
		wrap = strcmp(json_text(mark, "name"), "Wrap long lines") == 0 ? mark : wrap;
	}
	assert_non_null(wrap);
	click(json_text(wrap, "ref") + 1); /* the bare number, as it is drawn */
	(void)ref_of("check box", "Wrap long lines", "checked");
}

/* --- what goes wrong --- */

static void a_reference_outlives_the_reader(void **state)
{
	(void)state;
	open_app("mousepad --preferences");
	const char *box = ref_of("check box", "Show line numbers", NULL);
	kill_and_wait(desktop_pid(&desktop, "cua-reader"));
	desktop_do(&desktop, "[{\"action\":\"move\",\"ref\":\"%s\"}]", box);
	assert_string_equal(ref_of("check box", "Show line numbers", NULL), box);
}

static bool is_gone(void *data)
{
	return process_is_gone(*(const pid_t *)data);
}

static void a_stopped_reader_is_replaced(void **state)
{
	(void)state;
	long status = 0;
	open_app("mousepad --preferences");
	(void)ref_of("check box", "Show line numbers", NULL);
	pid_t reader = desktop_pid(&desktop, "cua-reader");
	assert_int_equal(kill(reader, SIGSTOP), 0);
	CUA_AUTO_JSON cJSON *failed = desktop_post(
			&desktop, "{\"actions\":[{\"action\":\"read_screen\"}]}", &status);
	assert_int_not_equal(status, 200);
	assert_string_equal(json_text(failed, "error.code"), "timeout");
	(void)ref_of("check box", "Show line numbers", NULL);
	wait_until(is_gone, &reader, "the stopped reader is gone");
}

static void a_stuck_application_costs_the_others_nothing(void **state)
{
	(void)state;
	open_app("featherpad");
	(void)ref_of("push button", "Find", NULL);
	open_app("mousepad --preferences");
	(void)ref_of("check box", "Show line numbers", NULL);
	const pid_t stuck = desktop_pid(&desktop, "featherpad");
	assert_int_equal(kill(stuck, SIGSTOP), 0);
	CUA_AUTO_JSON cJSON *screen = read_screen(",\"all\":true");
	const bool told = find(screen, "check box", "Show line numbers") != NULL;
	const int count = cJSON_GetArraySize(json_at(screen, "results.0.stuck_pids"));
	assert_int_equal(kill(stuck, SIGCONT), 0);
	assert_true(told);
	assert_int_equal(count, 1);
	(void)ref_of("push button", "Find", NULL);
}

static void hostile_trees_are_cut(void **state)
{
	(void)state;
	static const char *const modes[] = { "endless", "cycle", "wide", "huge", "elsewhere",
		"silent" };
	open_app("mousepad --preferences");
	(void)ref_of("check box", "Show line numbers", NULL);
	for (size_t i = 0; i < CUA_ARRAY_LEN(modes); i++) {
		char command[600];
		snprintf(command, sizeof(command), "%s %s",
				desktop_install(&desktop, CUA_TEST_A11Y_HOSTILE), modes[i]);
		const double window = open_app(command);
		/* Not in front of what the other one shows. */
		desktop_do(&desktop,
				"[{\"action\":\"move_window\",\"window\":%.0f,\"x\":0,\"y\":0}]",
				window);
		CUA_AUTO_JSON cJSON *screen = read_screen(",\"all\":true");
		if (!find(screen, "check box", "Show line numbers")) {
			fail_msg("%s: nothing of the other application is told", modes[i]);
		}
		assert_true(cJSON_GetArraySize(json_at(screen, "results.0.elements")) <= 5000);
		CUA_AUTO_JSON cJSON *text = desktop_act(&desktop,
				"[{\"action\":\"read_screen\"},"
				"{\"action\":\"mark_screen\"}]");
		assert_null(strchr(json_text(text, "results.0.text"), '\x1b'));
		CUA_AUTO_JSON cJSON *found = find_text("whitespace");
		assert_string_equal(json_text(found, "results.0.source"), "tree");
		assert_string_equal(json_text(text, "results.1.status"), "delivered");
		desktop_do(&desktop, "[{\"action\":\"kill_window\",\"window\":%.0f}]", window);
	}
}

/* The first question of all makes the bus, and waits a while for those who join it then. */
static void who_joins_without_end_does_not_hold_up_the_first_question(void **state)
{
	(void)state;
	char command[600];
	snprintf(command, sizeof(command), "%s joining",
			desktop_install(&desktop, CUA_TEST_A11Y_HOSTILE));
	open_app(command);
	/* The first question starts the bus and its registry, which on a busy machine takes longer
	 * than an answer may: then it says so, and is asked again. */
	long status = 503;
	for (int i = 0; i < 5 && status == 503; i++) {
		CUA_AUTO_JSON cJSON *screen = desktop_post(
				&desktop, "{\"actions\":[{\"action\":\"read_screen\"}]}", &status);
		if (status == 503) {
			assert_non_null(strstr(json_text(screen, "error.message"), "registry"));
		}
	}
	assert_int_equal(status, 200);
	assert_true(desktop_pid(&desktop, "a11y_hostile") >
			0); /* had the bus been there, it ends */
}

static void bad_arguments_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *action, *said;
		long status;
	} cases[] = {
		{ "{\"action\":\"click\",\"ref\":\"x1\"}", "it must be a reference", 400 },
		{ "{\"action\":\"click\",\"ref\":\"e4000000\"}", "e4000000 was not given", 404 },
		{ "{\"action\":\"click\",\"ref\":\"e1\",\"x\":1,\"y\":1}", "one place", 400 },
		{ "{\"action\":\"move\"}", "x and y are missing, or ref", 400 },
		{ "{\"action\":\"click\",\"ref\":\"\"}", "ref is empty", 400 },
		{ "{\"action\":\"read_screen\",\"max_nodes\":5001}", "1 to 5000", 400 },
		{ "{\"action\":\"read_screen\",\"depth\":0}", "1 to 100", 400 },
		{ "{\"action\":\"find_text\"}", "text is missing", 400 },
		{ "{\"action\":\"find_text\",\"text\":\"\"}", "text is empty", 400 },
		{ "{\"action\":\"read_text\",\"region\":[0,0,1281,5]}", "region", 400 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char body[256];
		long status = 0;
		snprintf(body, sizeof(body), "{\"actions\":[%s]}", cases[i].action);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
		if (status != cases[i].status ||
				!strstr(json_text(answer, "error.message"), cases[i].said)) {
			fail_msg("%s: %ld %s", cases[i].action, status,
					json_text(answer, "error.message"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(who_joins_without_end_does_not_hold_up_the_first_question,
				kill_all), /* on a desktop without the bus */
		cmocka_unit_test(bad_arguments_are_named),
		cmocka_unit_test(a_language_that_is_not_there_is_named),
		cmocka_unit_test_teardown(a_terminal_is_read_by_recognition, kill_all),
		cmocka_unit_test_teardown(qt_is_read_and_clicked, kill_all),
		cmocka_unit_test_teardown(gtk_is_read_and_clicked, kill_all),
		cmocka_unit_test_teardown(a_window_behind_is_raised_for_a_click, kill_all),
		cmocka_unit_test_teardown(texts_have_the_coordinates_of_the_picture, kill_all),
		cmocka_unit_test_teardown(marks_are_drawn_listed_and_clicked, kill_all),
		cmocka_unit_test_teardown(a_reference_outlives_the_reader, kill_all),
		cmocka_unit_test_teardown(a_stopped_reader_is_replaced, kill_all),
		cmocka_unit_test_teardown(a_stuck_application_costs_the_others_nothing, kill_all),
		cmocka_unit_test_teardown(hostile_trees_are_cut, kill_all),
		cmocka_unit_test_teardown(chromium_is_read_and_clicked, kill_all),
		cmocka_unit_test_teardown(writer_is_read_and_clicked, forget_crash),
		cmocka_unit_test_teardown(a_sheet_tells_what_shows_of_it, kill_all),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

/* What applications make of a drag and of a double click. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"
#include "tests/desktop_recorder.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "drag");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static void put_file(const char *leaf, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, leaf);
	assert_int_equal(cua_file_write(path, text, strlen(text), 0644, NULL), CUA_OK);
}

static void skip_without(const char *program)
{
	if (access(program, X_OK) != 0) {
		skip();
	}
}

struct box {
	int x, y, width, height;
};

/* Where a text stands; of whatever shows it first. */
static struct box find_text(const char *text)
{
	static const char *const members[] = { "x", "y", "width", "height" };
	int numbers[CUA_ARRAY_LEN(members)];
	desktop_do(&desktop, "[{\"action\":\"wait_for\",\"until\":\"text\",\"text\":\"%s\"}]",
			text);
	CUA_AUTO_JSON cJSON *found = desktop_text_action(&desktop, "find_text", "text", text);
	const cJSON *box = json_at(found, "matches.0.box");
	for (int i = 0; i < (int)CUA_ARRAY_LEN(members); i++) {
		const cJSON *number = cJSON_GetArrayItem(box, i);
		if (!cJSON_IsNumber(number)) {
			fail_msg("%s has no %s", text, members[i]);
		}
		numbers[i] = (int)number->valuedouble;
	}
	return (struct box){ numbers[0], numbers[1], numbers[2], numbers[3] };
}

/* --- a page that tells in its title what happened to it, and is slow to begin a drag --- */

static const char page[] =
		"<!doctype html><meta charset=utf-8><title>none</title>"
		"<style>* { position: absolute; margin: 0; background: #ddd }</style>"
		"<div id=from draggable=true "
		"style='left:20px;top:20px;width:100px;height:60px'>parcel</div>"
		"<div id=to style='left:320px;top:20px;width:100px;height:60px'>shelf</div>"
		"<input id=range type=range min=0 max=100 value=0"
		" style='left:20px;top:120px;width:400px'>"
		"<canvas id=canvas width=400 height=200 style='left:20px;top:200px'></canvas>"
		"<p id=words style='left:20px;top:430px;white-space:nowrap;font:24px "
		"monospace'>alpha beta gamma</p>"
		"<button id=button style='left:20px;top:500px;width:200px;height:60px'></button>"
		"<script>\n"
		"const at = id => document.getElementById(id);\n"
		"const tell = text => document.title = text + '.';\n"
		"onmousemove = e => { onmousemove = null;"
		" tell(`origin ${e.screenX - e.clientX} ${e.screenY - e.clientY}`); };\n"
		"const compute = ms => { const end = performance.now() + ms;"
		" while (performance.now() < end); };\n"
		"at('from').ondragstart = e => { compute(300);"
		" e.dataTransfer.setData('text/plain', 'this'); };\n"
		"at('to').ondragenter = e => compute(300);\n"
		"at('to').ondragover = e => e.preventDefault();\n"
		"at('to').ondrop = e => { e.preventDefault();"
		" tell('dropped ' + e.dataTransfer.getData('text/plain')); };\n"
		"at('range').onchange = e => tell('range ' + e.target.value);\n"
		"let stroke = [], clicks = [];\n"
		"const draw = e => { if (e.buttons == 1) stroke.push(e.offsetX + ',' + e.offsetY); "
		"};\n"
		"at('canvas').onpointerdown = e => stroke = [e.offsetX + ',' + e.offsetY];\n"
		"at('canvas').onpointermove = draw;\n"
		"at('canvas').onpointerup = e => tell('stroke ' + stroke[0] + ' '"
		" + (stroke.includes('350,50') ? 'corner ' : '')"
		" + (stroke.includes('200,80') ? 'tip ' : '') + stroke[stroke.length - 1]);\n"
		"at('words').ondblclick = e => tell('selected ' + "
		"getSelection().toString().trim());\n"
		"at('button').onclick = e => { clicks.push(e.detail);"
		" tell('clicks ' + clicks.join(' ')); };\n"
		"at('button').ondblclick = e => { clicks.push('double');"
		" tell('clicks ' + clicks.join(' ')); };\n"
		"</script>";

/* Of the browser's window; of one of two buffers in turn. */
static const char *title(void)
{
	static char titles[2][256];
	static int next;
	char *text = titles[next++ % 2];
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	text[0] = '\0';
	cJSON_ArrayForEach (window, json_at(list, "results.0.windows")) {
		if (strcasecmp(json_text(window, "class"), "Chromium") == 0) {
			snprintf(text, sizeof(titles[0]), "%s", json_text(window, "title"));
		}
	}
	return text;
}

static bool title_begins(void *data)
{
	return strncmp(title(), data, strlen(data)) == 0;
}

static void expect_title(const char *wanted)
{
	char prefix[256];
	snprintf(prefix, sizeof(prefix), "%s", wanted);
	if (!waits_until(title_begins, prefix, 5000)) {
		fail_msg("the page tells \"%s\", not \"%s\"", title(), wanted);
	}
}

/* Opens the page anew; where its left upper corner is on the screen. */
static struct box open_page(void)
{
	struct box origin = { 0, 0, 0, 0 };
	skip_without("/usr/bin/chromium");
	put_file("page.html", page);
	cJSON_Delete(desktop_text_action(
			&desktop, "open_url", "url", "file:///home/agent/page.html"));
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"F5\"}]");
	expect_title("none");
	desktop_do(&desktop,
			"[{\"action\":\"move\",\"x\":800,\"y\":600},"
			"{\"action\":\"move\",\"x\":801,\"y\":600}]");
	expect_title("origin ");
	assert_int_equal(sscanf(title(), "origin %d %d.", &origin.x, &origin.y), 2);
	return origin;
}

static void drag(struct box origin, int x1, int y1, int x2, int y2)
{
	desktop_do(&desktop, "[{\"action\":\"drag\",\"path\":[[%d,%d],[%d,%d]]}]", origin.x + x1,
			origin.y + y1, origin.x + x2, origin.y + y2);
}

static void a_page_takes_drags(void **state)
{
	(void)state;
	const struct box origin = open_page();
	drag(origin, 70, 50, 370, 50);
	expect_title("dropped this.");
	drag(origin, 28, 128, 440, 128);
	expect_title("range 100.");
	/* The page sees one place in a frame, and the corners are among them. */
	desktop_do(&desktop,
			"[{\"action\":\"drag\",\"path\":[[%d,%d],[%d,%d],[%d,%d],[%d,%d],[%d,%d]]}"
			"]",
			origin.x + 70, origin.y + 250, origin.x + 370, origin.y + 250,
			origin.x + 370, origin.y + 350, origin.x + 220, origin.y + 280,
			origin.x + 370, origin.y + 350);
	expect_title("stroke 50,50 corner tip 350,150.");
}

static void elements_are_dragged_by_their_references(void **state)
{
	(void)state;
	const struct box origin = open_page();
	CUA_AUTO_JSON cJSON *parcel = desktop_find_element(&desktop, "parcel");
	CUA_AUTO_JSON cJSON *shelf = desktop_find_element(&desktop, "shelf");
	char from[32], to[32];
	snprintf(from, sizeof(from), "--from=%s", json_text(parcel, "ref"));
	snprintf(to, sizeof(to), "--to=%s", json_text(shelf, "ref"));
	world_expect(&world, 0, "drag", from, to, NULL);
	expect_title("dropped this.");
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":%d,\"y\":%d}]", origin.x + 120,
			origin.y + 530);
	expect_title("clicks 1.");
	desktop_do(&desktop, "[{\"action\":\"drag\",\"from\":\"%s\",\"path\":[[%d,%d],[%d,%d]]}]",
			json_text(parcel, "ref"), origin.x + 370, origin.y + 300, origin.x + 370,
			origin.y + 50);
	expect_title("dropped this.");
	world_expect(&world, 1, "drag", from, NULL);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"F5\"}]");
	expect_title("none");
	world_expect(&world, 1, "drag", from, to, NULL); /* elements of a page that has gone */
}

static void a_page_takes_double_clicks(void **state)
{
	(void)state;
	const struct box origin = open_page();
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":%d,\"y\":%d,\"count\":2}]",
			origin.x + 120, origin.y + 445);
	expect_title("selected beta.");
	desktop_do(&desktop, "[{\"action\":\"click\",\"x\":%d,\"y\":%d,\"count\":3}]",
			origin.x + 120, origin.y + 530);
	expect_title("clicks 1 2 double 3.");
}

static void clicks_with_a_wait_between_are_single_clicks(void **state)
{
	(void)state;
	const struct box origin = open_page();
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":%d,\"y\":%d},"
			"{\"action\":\"wait\",\"duration_ms\":600},{\"action\":\"click\"}]",
			origin.x + 120, origin.y + 530);
	expect_title("clicks 1 1.");
}

/* --- other applications --- */

static void set_clipboard(const char *text)
{
	cJSON_Delete(desktop_text_action(&desktop, "clipboard_set", "text", text));
}

/* An application that is busy has nothing to give yet. */
static bool clipboard_is(void *data)
{
	long status = 0;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"clipboard_get\"}],\"screenshot\":false}",
			&status);
	return status == 200 && strcmp(json_text(answer, "results.0.text"), data) == 0;
}

static void expect_selected(const char *text)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "%s", text);
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+c\"}]");
	wait_until(clipboard_is, wanted, "the application copies what was selected");
}

static void writer_selects_by_dragging(void **state)
{
	(void)state;
	skip_without("/usr/bin/soffice");
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", "LibreOffice Writer"));
	cJSON_Delete(desktop_text_action(
			&desktop, "type", "text", "Some words that are marked and others"));
	const struct box box = find_text("words that are marked");
	set_clipboard("before");
	drag((struct box){ 0 }, box.x, box.y + box.height / 2, box.x + box.width,
			box.y + box.height / 2);
	expect_selected("words that are marked");
	desktop_end_processes(&desktop, "soffice.bin");
}

static bool paper_is_in_the_folder(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *files = desktop_sh(&desktop, "cd drawer; find . -type f");
	return strcmp(files, "./receipts/invoice.txt") == 0;
}

static void a_file_manager_moves_a_dragged_file(void **state)
{
	(void)state;
	skip_without("/usr/bin/pcmanfm");
	free(desktop_sh(&desktop, "mkdir -p drawer/receipts; echo 5 > drawer/invoice.txt"));
	cJSON_Delete(desktop_text_action(
			&desktop, "open_app", "name", "pcmanfm /home/agent/drawer"));
	const struct box file = find_text("invoice.txt"), folder = find_text("receipts");
	drag((struct box){ 0 }, file.x + file.width / 2, file.y + file.height / 2,
			folder.x + folder.width / 2, folder.y + folder.height / 2);
	wait_until(paper_is_in_the_folder, NULL, "the file is in the folder alone");
}

/* --- double and triple clicks under any setting --- */

/* A time in which hardly a person clicks twice, and one in which several clicks of one are made. */
#define SHORT_MS 50
#define LONG_MS 20000
/* One that a person with slow hands chooses. */
#define SLOW_MS 1500
#define USUAL_MS 400
/* Longer than the short one, and than what is usual. */
#define WAIT_MS 600
/* A machine may stop the X server for longer than the short time, now and then. */
#define TRIES 5

static bool click_selects(int x, int y, int count, const char *text)
{
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "%s", text);
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":%d,\"y\":%d,\"count\":%d},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]",
			x, y, count);
	return waits_until(clipboard_is, wanted, 2000);
}

static void expect_click_selects(struct box box, int count, int time_ms, const char *text)
{
	bool selects = false;
	set_clipboard("before");
	for (int i = 0; i < (time_ms == SHORT_MS ? TRIES : 1) && !selects; i++) {
		selects = click_selects(box.x + 10, box.y + box.height / 2, count, text);
	}
	if (!selects) {
		fail_msg("%d clicks do not select \"%s\" within %d ms", count, text, time_ms);
	}
}

/* By the usual setting two clicks that far apart would be a double click with the short wait, and
 * none with the long one. */
static void expect_setting_holds(struct box box, int time_ms, const char *word)
{
	set_clipboard("before");
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":%d,\"y\":%d},"
			"{\"action\":\"wait\",\"duration_ms\":%d},{\"action\":\"click\"},"
			"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]",
			box.x + 10, box.y + box.height / 2, time_ms == SHORT_MS ? 100 : WAIT_MS);
	expect_selected(time_ms == SHORT_MS ? "before" : word);
}

/* Where each of three words stands. On one line: Qt tells the places of letters as if they were all
 * on the first. */
static void open_words(const char *command, struct box words[3])
{
	static const char *const texts[] = { "extraordinary", "wonderful", "magnificent" };
	cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", command));
	cJSON_Delete(desktop_text_action(
			&desktop, "type", "text", "extraordinary wonderful magnificent"));
	for (int i = 0; i < 3; i++) {
		words[i] = find_text(texts[i]);
	}
}

/* GTK counts on from a click elsewhere for as long as it is told; after three it begins anew. */
static void editor_takes_clicks(const char *command, const char *program, int time_ms)
{
	struct box words[3];
	open_words(command, words);
	expect_setting_holds(words[2], time_ms, "magnificent");
	desktop_end_processes(&desktop, program);
	open_words(command, words);
	expect_click_selects(words[0], 3, time_ms, "extraordinary wonderful magnificent");
	expect_click_selects(words[1], 2, time_ms, "wonderful");
	desktop_end_processes(&desktop, program);
}

/* GTK's applications and Chromium read it when they start. */
static char *set_gtk_time(int time_ms)
{
	char *settings = home_file(&desktop, ".config/gtk-3.0/settings.ini");
	CUA_AUTO_FREE char *changed = NULL;
	assert_true(asprintf(&changed, "%s\ngtk-double-click-time=%d\n", settings, time_ms) > 0);
	put_file(".config/gtk-3.0/settings.ini", changed);
	return settings;
}

static void gtk_takes_clicks_under_any_setting(void **state)
{
	static const int times_ms[] = { SHORT_MS, LONG_MS };
	(void)state;
	skip_without("/usr/bin/mousepad");
	for (size_t i = 0; i < CUA_ARRAY_LEN(times_ms); i++) {
		CUA_AUTO_FREE char *settings = set_gtk_time(times_ms[i]);
		editor_takes_clicks("mousepad", "mousepad", times_ms[i]);
		put_file(".config/gtk-3.0/settings.ini", settings);
	}
}

/* Qt reads the setting of the desktop that it is told to be on. */
#define QT_EDITOR "env XDG_CURRENT_DESKTOP=KDE KDE_SESSION_VERSION=5 featherpad --standalone"

static void set_qt_time(int time_ms)
{
	char settings[64];
	snprintf(settings, sizeof(settings), "[KDE]\nDoubleClickInterval=%d\n", time_ms);
	put_file(".config/kdeglobals", settings);
}

static void qt_takes_clicks_under_any_setting(void **state)
{
	static const int times_ms[] = { SHORT_MS, LONG_MS };
	(void)state;
	skip_without("/usr/bin/featherpad");
	for (size_t i = 0; i < CUA_ARRAY_LEN(times_ms); i++) {
		set_qt_time(times_ms[i]);
		editor_takes_clicks(QT_EDITOR, "featherpad", times_ms[i]);
	}
	set_qt_time(USUAL_MS);
}

static void chromium_takes_clicks_under_any_setting(void **state)
{
	static const int times_ms[] = { SHORT_MS, LONG_MS };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(times_ms); i++) {
		desktop_end_processes(&desktop, "chromium");
		CUA_AUTO_FREE char *settings = set_gtk_time(times_ms[i]);
		a_page_takes_double_clicks(state);
		put_file(".config/gtk-3.0/settings.ini", settings);
	}
}

/* After a click elsewhere, one at the same place, and a double click there. */
static void expect_double_clicks_stand_alone(const char *command, const char *program)
{
	struct box words[3];
	open_words(command, words);
	const struct {
		struct box box;
		int count;
	} before[] = { { words[0], 1 }, { words[1], 1 }, { words[1], 2 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(before); i++) {
		set_clipboard("before");
		desktop_do(&desktop,
				"[{\"action\":\"click\",\"x\":%d,\"y\":%d,\"count\":%d},"
				"{\"action\":\"click\",\"x\":%d,\"y\":%d,\"count\":2},"
				"{\"action\":\"key\",\"keys\":\"ctrl+c\"}]",
				before[i].box.x + 10, before[i].box.y + before[i].box.height / 2,
				before[i].count, words[1].x + 10, words[1].y + words[1].height / 2);
		expect_selected("wonderful");
	}
	desktop_end_processes(&desktop, program);
}

static void gtk_takes_a_double_click_right_after_another_click(void **state)
{
	(void)state;
	skip_without("/usr/bin/mousepad");
	expect_double_clicks_stand_alone("mousepad", "mousepad");
	CUA_AUTO_FREE char *settings = set_gtk_time(SLOW_MS);
	expect_double_clicks_stand_alone("mousepad", "mousepad");
	put_file(".config/gtk-3.0/settings.ini", settings);
}

static void gtk_does_so_under_a_settings_manager(void **state)
{
	char command[256];
	(void)state;
	skip_without("/usr/bin/mousepad");
	snprintf(command, sizeof(command),
			"mkfifo managed; %s settings %d >managed 2>&1 & read line <managed",
			desktop_install(&desktop, CUA_TEST_PROBE), SLOW_MS);
	free(desktop_sh(&desktop, command));
	expect_double_clicks_stand_alone("mousepad", "mousepad");
	desktop_end_processes(&desktop, "x_probe");
}

static void qt_takes_a_double_click_right_after_another_click(void **state)
{
	(void)state;
	skip_without("/usr/bin/featherpad");
	expect_double_clicks_stand_alone("featherpad --standalone", "featherpad");
	set_qt_time(SLOW_MS);
	expect_double_clicks_stand_alone(QT_EDITOR, "featherpad");
	set_qt_time(USUAL_MS);
}

static void chromium_takes_a_double_click_right_after_another_click(void **state)
{
	(void)state;
	const struct box origin = open_page();
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"x\":%d,\"y\":%d},"
			"{\"action\":\"click\",\"count\":2},{\"action\":\"click\",\"count\":2}]",
			origin.x + 120, origin.y + 530);
	expect_title("clicks 1 1 2 double 1 2 double.");
}

/* --- with the events written down --- */

static int record(void **state)
{
	static bool is_started;
	(void)state;
	if (!is_started) {
		recorder_start(&desktop);
		is_started = true;
	}
	recorder_mark(&desktop);
	return 0;
}

/* A press is a press: GTK joins that of a drag, too. */
static void a_double_click_right_after_a_drag_stands_apart(void **state)
{
	(void)state;
	set_qt_time(SLOW_MS);
	desktop_do(&desktop,
			"[{\"action\":\"drag\",\"path\":[[380,300],[400,300]]},"
			"{\"action\":\"click\",\"x\":400,\"y\":300,\"count\":2}]");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
	set_qt_time(USUAL_MS);
	assert_int_equal(cJSON_GetArraySize(events), 3);
	assert_true(json_number(events, "1.time") - json_number(events, "0.time") > SLOW_MS);
}

/* The server waits between them as long as it is told, or longer when it gets no processor: the
 * shortest time is what it was told. */
static void the_presses_of_one_click_differ_in_time_but_little(void **state)
{
	(void)state;
	enum { ROUNDS = 20 };
	double least_ms = HUGE_VAL;
	for (int i = 0; i < ROUNDS; i++) {
		recorder_mark(&desktop);
		desktop_do(&desktop, "[{\"action\":\"click\",\"x\":400,\"y\":300,\"count\":2}]");
		CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press release");
		assert_int_equal(cJSON_GetArraySize(events), 4);
		/* The server's own clock, in milliseconds. */
		const double apart_ms =
				json_number(events, "2.time") - json_number(events, "0.time");
		assert_true(apart_ms >= 1);
		least_ms = fmin(least_ms, apart_ms);
	}
	assert_true(least_ms <= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_takes_drags),
		cmocka_unit_test(elements_are_dragged_by_their_references),
		cmocka_unit_test(a_page_takes_double_clicks),
		cmocka_unit_test(clicks_with_a_wait_between_are_single_clicks),
		cmocka_unit_test(writer_selects_by_dragging),
		cmocka_unit_test(a_file_manager_moves_a_dragged_file),
		cmocka_unit_test(gtk_takes_a_double_click_right_after_another_click),
		cmocka_unit_test(gtk_does_so_under_a_settings_manager),
		cmocka_unit_test(qt_takes_a_double_click_right_after_another_click),
		cmocka_unit_test(chromium_takes_a_double_click_right_after_another_click),
		cmocka_unit_test(gtk_takes_clicks_under_any_setting),
		cmocka_unit_test(qt_takes_clicks_under_any_setting),
		cmocka_unit_test(chromium_takes_clicks_under_any_setting),
		cmocka_unit_test_setup(a_double_click_right_after_a_drag_stands_apart, record),
		cmocka_unit_test_setup(the_presses_of_one_click_differ_in_time_but_little, record),
	};
	return cmocka_run_group_tests_name("desktop_drag", tests, start, finish);
}

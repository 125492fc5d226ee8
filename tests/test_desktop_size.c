/* The size of the screen while applications run, the size of things on it, and coordinates in the
 * pixels of a picture. */

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
#include "tests/processes.h"
#include "tests/waiting.h"

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start_with(
			&desktop, &world, "size", "--size=1280x800", "--max-size=1600x1000", NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static uint32_t be32(const char *bytes)
{
	const unsigned char *at = (const unsigned char *)bytes;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void assert_picture(int width, int height)
{
	struct cua_http_response response;
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot", NULL, 0, NULL, &response),
			200);
	assert_true(response.body.len > 24);
	assert_int_equal(be32(response.body.data + 16), width);
	assert_int_equal(be32(response.body.data + 20), height);
	cua_http_response_finish(&response);
}

static void resize(int width, int height)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
			"[{\"action\":\"resize_screen\",\"width\":%d,\"height\":%d}]", width,
			height);
	assert_int_equal(json_number(answer, "results.0.width"), width);
	assert_int_equal(json_number(answer, "results.0.height"), height);
}

static void the_picture_follows_the_screen(void **state)
{
	(void)state;
	recorder_start(&desktop);
	static const int sizes[][2] = { { 800, 600 }, { 1600, 1000 }, { 320, 200 }, { 333, 777 },
		{ 1600, 200 }, { 320, 1000 }, { 1280, 800 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		const int width = sizes[i][0], height = sizes[i][1];
		resize(width, height);
		assert_picture(width, height);
		/* The last pixel is one to click on, and the one after it is none. */
		desktop_do(&desktop, "[{\"action\":\"move\",\"x\":%d,\"y\":%d}]", width - 1,
				height - 1);
		CUA_AUTO_JSON cJSON *at =
				desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
		assert_int_equal(json_number(at, "results.0.x"), width - 1);
		assert_int_equal(json_number(at, "results.0.y"), height - 1);
		char body[128];
		long status = 0;
		snprintf(body, sizeof(body),
				"{\"actions\":[{\"action\":\"move\",\"x\":%d,\"y\":0}]}", width);
		cJSON_Delete(desktop_post(&desktop, body, &status));
		assert_int_equal(status, 400);
	}
}

/* Right when the request came: neither is it moved to the edge, nor does what follows happen. */
static void a_place_that_has_gone_is_refused(void **state)
{
	long status = 0;
	(void)state;
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"move\",\"x\":5,\"y\":6},{\"action\":\"resize_"
			"screen\",\"width\":640,\"height\":480},{\"action\":\"drag\",\"path\":[[10,"
			"10],[700,20]]},{\"action\":\"move\",\"x\":9,\"y\":9}]}",
			&status);
	assert_int_equal(status, 400);
	assert_int_equal(json_number(answer, "error.action"), 2);
	assert_non_null(strstr(json_text(answer, "error.message"), "700,20"));
	assert_non_null(strstr(json_text(answer, "error.message"), "640x480"));
	CUA_AUTO_JSON cJSON *at = desktop_act(&desktop, "[{\"action\":\"cursor_position\"}]");
	assert_int_equal(json_number(at, "results.0.x"), 5);
	assert_nothing_held(&desktop);
	resize(1280, 800);
}

static void windows_stay_reachable(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *opened = desktop_text_action(&desktop, "open_app", "name", "xterm");
	const double id = json_number(opened, "window.id");
	desktop_do(&desktop,
			"[{\"action\":\"resize_window\",\"window\":%.0f,\"width\":400,\"height\":"
			"300},{\"action\":\"move_window\",\"window\":%.0f,\"x\":850,\"y\":480}]",
			id, id);
	resize(400, 300);
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	cJSON_ArrayForEach (window, json_at(list, "results.0.windows")) {
		const cJSON *frame = json_at(window, "frame");
		assert_in_range(cJSON_GetArrayItem(frame, 0)->valueint, 0, 399 - 30);
		assert_in_range(cJSON_GetArrayItem(frame, 1)->valueint, 0, 299 - 10);
	}
	resize(1280, 800);
	desktop_do(&desktop, "[{\"action\":\"kill_window\",\"window\":%.0f}]", id);
}

static void sizes_beyond_the_bounds_are_refused(void **state)
{
	static const int sizes[][2] = { { 1601, 800 }, { 1280, 1001 }, { 319, 800 },
		{ 1280, 199 } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		char body[128], said[32];
		long status = 0;
		snprintf(body, sizeof(body),
				"{\"actions\":[{\"action\":\"resize_screen\",\"width\":%d,"
				"\"height\":%d}]}",
				sizes[i][0], sizes[i][1]);
		snprintf(said, sizeof(said), "%dx%d", sizes[i][0], sizes[i][1]);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
		assert_int_equal(status, 400);
		assert_non_null(strstr(json_text(answer, "error.message"), said));
		assert_non_null(strstr(json_text(answer, "error.message"), "320x200 to 1600x1000"));
	}
	assert_picture(1280, 800);
}

/* A new host finds the size that the desktop has, not the one it began with. */
static void the_size_outlives_the_host(void **state)
{
	(void)state;
	resize(900, 700);
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	desktop_disconnect(&desktop);
	world_expect(&world, 0, "desktop", "start", "--name=size", NULL);
	assert_picture(900, 700);
	resize(1280, 800);
}

/* --- coordinates --- */

static void coordinates_are_those_of_the_picture(void **state)
{
	(void)state;
	recorder_start(&desktop);
	static const int pictures[][2] = { { 640, 400 }, { 1024, 640 }, { 999, 333 },
		{ 2560, 1600 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(pictures); i++) {
		const int width = pictures[i][0], height = pictures[i][1];
		char body[512];
		long status = 0;
		snprintf(body, sizeof(body),
				"{\"coordinates\":[%d,%d],\"screenshot\":{\"width\":%d,\"height\":%"
				"d},"
				"\"actions\":[{\"action\":\"click\",\"x\":%d,\"y\":%d},"
				"{\"action\":\"cursor_position\"}]}",
				width, height, width, height, width - 1, height - 1);
		recorder_mark(&desktop);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &status);
		assert_int_equal(status, 200);
		assert_int_equal(json_number(answer, "pointer.x"), width - 1);
		assert_int_equal(json_number(answer, "pointer.y"), height - 1);
		assert_int_equal(json_number(answer, "results.1.x"), width - 1);
		assert_int_equal(json_number(answer, "screenshot.width"), width);
		assert_int_equal(json_number(answer, "screenshot.screen_width"), 1280);
		CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
		assert_int_equal(json_number(events, "0.x"), 1279);
		assert_int_equal(json_number(events, "0.y"), 799);
		/* Bounds are the picture's. */
		snprintf(body, sizeof(body),
				"{\"coordinates\":[%d,%d],\"actions\":[{\"action\":\"click\","
				"\"x\":%d,\"y\":0}]}",
				width, height, width);
		CUA_AUTO_JSON cJSON *refused = desktop_post(&desktop, body, &status);
		assert_int_equal(status, 400);
		char said[32];
		snprintf(said, sizeof(said), "0 to %d", width - 1);
		assert_non_null(strstr(json_text(refused, "error.message"), said));
	}
}

/* --- the size of things --- */

static double terminal_width(const char *name, const char *dpi)
{
	struct desktop other;
	char option[32];
	snprintf(option, sizeof(option), "--dpi=%s", dpi);
	desktop_start_with(&other, &world, name, "--size=1600x1000", option, NULL);
	CUA_AUTO_JSON cJSON *opened = desktop_text_action(&other, "open_app", "name", "xterm");
	CUA_AUTO_JSON cJSON *own =
			desktop_act(&other, "[{\"action\":\"restore_window\",\"window\":%.0f}]",
					json_number(opened, "window.id"));
	const double width = json_number(own, "results.0.window.width");
	if (access("/usr/bin/chromium", X_OK) == 0) {
		cJSON_Delete(desktop_text_action(&other, "open_url", "url",
				"data:text/html,<script>document.title="
				"'ratio '+devicePixelRatio</script>"));
		CUA_AUTO_JSON cJSON *list = desktop_act(&other, "[{\"action\":\"list_windows\"}]");
		char ratio[32];
		snprintf(ratio, sizeof(ratio), "ratio %g", strtod(dpi, NULL) / 96);
		assert_non_null(strstr(json_text(list, "results.0.windows.0.title"), ratio));
	}
	desktop_stop(&other);
	return width;
}

static void text_grows_with_the_dots_per_inch(void **state)
{
	(void)state;
	const double usual = terminal_width("usual", "96");
	const double larger = terminal_width("larger", "144");
	assert_true(larger > 1.3 * usual && larger < 1.7 * usual);
}

static void wrong_options_are_named(void **state)
{
	static const struct {
		const char *option, *said;
	} wrong[] = { { "--dpi=95", "\"95\" must be 96 to 192" },
		{ "--dpi=193", "\"193\" must be 96 to 192" }, { "--dpi=x", "\"x\" must be 96" },
		{ "--max-size=1279x800", "less than the size" },
		{ "--max-size=40000x800", "max-size \"40000x800\" must be" } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		struct output output;
		world_cua(&world, &output, "desktop", "start", wrong[i].option, NULL);
		if (output.exit_status != 2 || !strstr(output.err, wrong[i].said)) {
			fail_msg("%s: %d: %s", wrong[i].option, output.exit_status, output.err);
		}
		output_finish(&output);
	}
}

/* Its menu opens where it says that it is. */
static void expect_places(const char *name, const char *dpi, const char *program)
{
	struct desktop other;
	char option[32], path[64];
	snprintf(option, sizeof(option), "--dpi=%s", dpi);
	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	if (access(path, X_OK) != 0) {
		print_message("no %s here\n", program);
		return;
	}
	desktop_start_with(&other, &world, name, option, NULL);
	cJSON_Delete(desktop_text_action(&other, "open_app", "name", program));
	CUA_AUTO_JSON cJSON *help = desktop_find_element(&other, "Help");
	desktop_do(&other, "[{\"action\":\"click\",\"x\":%.0f,\"y\":%.0f}]", json_number(help, "x"),
			json_number(help, "y"));
	cJSON_Delete(desktop_find_element(&other, "About"));
	desktop_do(&other,
			"[{\"action\":\"key\",\"keys\":\"Escape\"},"
			"{\"action\":\"click\",\"ref\":\"%s\"}]",
			json_text(help, "ref"));
	cJSON_Delete(desktop_find_element(&other, "About"));
	desktop_stop(&other);
}

/* Toolkits that enlarge everything tell places as if they did not. */
static void elements_are_where_they_show(void **state)
{
	(void)state;
	expect_places("qt144", "144", "featherpad");
	expect_places("qt192", "192", "featherpad");
	expect_places("gtk144", "144", "mousepad");
	expect_places("gtk192", "192", "mousepad");
}

/* --- LibreOffice --- */

/* The first of this role and name from *next on, which is then the one after it; NULL: none. */
static const cJSON *find_element(const cJSON **next, const char *role, const char *name)
{
	const cJSON *at = *next;
	while (at &&
			(strcmp(json_text(at, "role"), role) != 0 ||
					strcmp(json_text(at, "name"), name) != 0)) {
		at = at->next;
	}
	*next = at ? at->next : NULL;
	return at;
}

/* Looked for again and again: reading is bounded in time, and Writer is slow to tell and to do. */
struct wish {
	struct desktop *office;
	const char *role, *name;
	const char *state; /* that it must be in; NULL: any */
	cJSON *screen;     /* in which it was last looked for */
};

static bool is_there(void *data)
{
	struct wish *wish = data;
	cJSON_Delete(wish->screen);
	wish->screen = desktop_act(
			wish->office, "[{\"action\":\"read_screen\",\"structured\":true}]");
	const cJSON *next = json_at(wish->screen, "results.0.elements.0");
	const cJSON *found = find_element(&next, wish->role, wish->name), *state = NULL;
	cJSON_ArrayForEach (state, json_at(found, "states")) {
		if (wish->state && strcmp(state->valuestring, wish->state) == 0) {
			return true;
		}
	}
	return found && !wish->state;
}

/* The screen that it is on, the caller's. */
static cJSON *read_until(
		struct desktop *office, const char *role, const char *name, const char *state)
{
	struct wish wish = { office, role, name, state, NULL };
	wait_until(is_there, &wish, name);
	return wish.screen;
}

/* Its own widgets say wrong places until a click teaches them better, and again when the window has
 * changed its size; those of GTK in them say right ones, and may be larger than their place. What
 * was read before is clicked all the same, by a reader that did not read it, too. */
static void expect_office_places(const char *name, const char *dpi)
{
	struct desktop office;
	char option[32];
	snprintf(option, sizeof(option), "--dpi=%s", dpi);
	desktop_start_with(&office, &world, name, "--size=1600x1000", option, NULL);
	CUA_AUTO_JSON cJSON *opened =
			desktop_text_action(&office, "open_app", "name", "libreoffice --writer");
	CUA_AUTO_JSON cJSON *screen = read_until(&office, "toggle button", "Italic", NULL);
	const cJSON *next = json_at(screen, "results.0.elements.0");
	assert_non_null(find_element(&next, "tool bar", "Styles"));
	const cJSON *tab = find_element(&next, "toggle button", "");
	const cJSON *bold = find_element(&next, "toggle button", "Bold");
	const cJSON *italic = find_element(&next, "toggle button", "Italic");
	desktop_do(&office, "[{\"action\":\"click\",\"ref\":\"%s\"}]", json_text(bold, "ref"));
	desktop_do(&office, "[{\"action\":\"click\",\"ref\":\"%s\"}]", json_text(italic, "ref"));
	cJSON_Delete(read_until(&office, "toggle button", "Bold", "checked"));
	cJSON_Delete(read_until(&office, "toggle button", "Italic", "checked"));
	kill_and_wait(desktop_pid(&office, "cua-reader"));
	desktop_do(&office, "[{\"action\":\"restore_window\",\"window\":%.0f}]",
			json_number(opened, "window.id"));
	desktop_do(&office, "[{\"action\":\"click\",\"ref\":\"%s\"}]", json_text(tab, "ref"));
	CUA_AUTO_JSON cJSON *styles = read_until(&office, "table cell", "Caption", NULL);
	next = json_at(styles, "results.0.elements.0");
	const cJSON *caption = find_element(&next, "table cell", "Caption");
	desktop_do(&office, "[{\"action\":\"click\",\"ref\":\"%s\"}]", json_text(caption, "ref"));
	cJSON_Delete(read_until(&office, "table cell", "Caption", "selected"));
	desktop_stop(&office);
}

static void elements_of_an_office_are_where_they_show(void **state)
{
	(void)state;
	if (access("/usr/bin/libreoffice", X_OK) != 0) {
		print_message("no LibreOffice here\n");
		return;
	}
	expect_office_places("office96", "96");
	expect_office_places("office144", "144");
	expect_office_places("office192", "192");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_picture_follows_the_screen),
		cmocka_unit_test(a_place_that_has_gone_is_refused),
		cmocka_unit_test(windows_stay_reachable),
		cmocka_unit_test(sizes_beyond_the_bounds_are_refused),
		cmocka_unit_test(the_size_outlives_the_host),
		cmocka_unit_test(coordinates_are_those_of_the_picture),
		cmocka_unit_test(text_grows_with_the_dots_per_inch),
		cmocka_unit_test(elements_are_where_they_show),
		cmocka_unit_test(elements_of_an_office_are_where_they_show),
		cmocka_unit_test(wrong_options_are_named),
	};
	return cmocka_run_group_tests_name("desktop_size", tests, start, finish);
}

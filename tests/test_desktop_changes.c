/* What an answer says has changed is what was drawn after the request came, however late the X
 * server tells of what was drawn before. */

#include <stdio.h>
#include <stdlib.h>

#include "cua/base/util.h"
#include "display/display_internal.h"
#include "tests/desktop_fixture.h"

#define ROUNDS 50

static struct world world;
static struct desktop desktop;
static struct display *display;
static GC gc;

static const struct cua_region place = { 40, 50, 20, 30 };

static int start(void **state)
{
	(void)state;
	struct desktop_record record;
	struct cua_error error = { 0 };
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "changes");
	setenv("CUA_RUNTIME_DIR", world_path(&world, "run"), 1);
	if (desktop_record_read("changes", &record, &error) != CUA_OK ||
			display_connect(&record, &display, &error) != CUA_OK) {
		print_error("%s\n", error.msg);
		return -1;
	}
	gc = XCreateGC(display->xlib, display->root, 0, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (display) {
		XFreeGC(display->xlib, gc);
	}
	display_disconnect(display);
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* On the display's own connection: the server has it before whatever is sent later, and what it
 * tells of it comes later still. */
static void draw(unsigned long colour)
{
	XSetForeground(display->xlib, gc, colour);
	XFillRectangle(display->xlib, display->root, gc, place.x, place.y,
			(unsigned int)place.width, (unsigned int)place.height);
}

static void click(void)
{
	const struct cua_action action = { .type = CUA_ACTION_CLICK,
		.has_at = true,
		.at = { 600, 700 },
		.button = 1,
		.count = 1 };
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *result = cJSON_CreateObject();
	assert_int_equal(display_act(display, &action, result, &error), CUA_OK);
}

static bool is_told(void)
{
	CUA_AUTO_JSON cJSON *answer = cJSON_CreateObject();
	display_sync(display); /* everything has been told */
	display_report(display, answer);
	const cJSON *rect = NULL;
	cJSON_ArrayForEach (rect, cJSON_GetObjectItemCaseSensitive(answer, "changed")) {
		const cJSON *x = cJSON_GetArrayItem(rect, 0), *y = cJSON_GetArrayItem(rect, 1);
		if (x && y && x->valueint == place.x && y->valueint == place.y) {
			return true;
		}
	}
	return false;
}

static void what_was_drawn_before_is_not_told(void **state)
{
	(void)state;
	for (unsigned long round = 0; round < ROUNDS; round++) {
		draw(round * 5);
		display_begin(display);
		click();
		assert_false(is_told());
		assert_false(display_has_changed(display));
	}
}

static void what_is_drawn_afterwards_is_told(void **state)
{
	(void)state;
	for (unsigned long round = 0; round < ROUNDS; round++) {
		display_begin(display);
		click();
		draw(round * 7);
		assert_true(is_told());
	}
}

static void what_is_drawn_afterwards_in_the_same_place_is_told(void **state)
{
	(void)state;
	for (unsigned long round = 0; round < ROUNDS; round++) {
		draw(round * 11);
		display_begin(display);
		click();
		draw(round * 13 + 1);
		assert_true(is_told());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_drawn_before_is_not_told),
		cmocka_unit_test(what_is_drawn_afterwards_is_told),
		cmocka_unit_test(what_is_drawn_afterwards_in_the_same_place_is_told),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

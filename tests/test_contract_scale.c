/* Between pictures and the screen. CUA_TEST_SCALE_ROUNDS sets how many sizes are drawn at random.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "cua/contract/scale.h"

#define ROUNDS 2000

static int rounds(void)
{
	const char *text = getenv("CUA_TEST_SCALE_ROUNDS");
	return text ? atoi(text) : ROUNDS;
}

/* What must hold for one line of a picture and the screen. */
static void check_line(int picture, int screen)
{
	int before = -1;
	for (int at = 0; at < picture; at++) {
		const int to = cua_scale_pixel_to_screen(at, picture, screen);
		if (to < 0 || to >= screen || to < before) {
			fail_msg("%d of %d is %d of %d", at, picture, to, screen);
		}
		before = to;
		/* Its middle lies in the part of the screen that the pixel shows, which begins at
		 * at * screen / picture: both sides times 2 * picture. */
		const int64_t middle = (2 * (int64_t)to + 1) * picture;
		if (picture <= screen &&
				(middle < 2 * (int64_t)at * screen ||
						middle > 2 * ((int64_t)at + 1) * screen)) {
			fail_msg("%d of %d is outside its part at %d of %d", at, picture, to,
					screen);
		}
		if (picture <= screen && cua_scale_pixel_to_picture(to, picture, screen) != at) {
			fail_msg("%d of %d comes back as %d from %d of %d", at, picture,
					cua_scale_pixel_to_picture(to, picture, screen), to,
					screen);
		}
	}
	if (picture > 1) {
		assert_int_equal(cua_scale_pixel_to_screen(0, picture, screen), 0);
		assert_int_equal(cua_scale_pixel_to_screen(picture - 1, picture, screen),
				screen - 1);
	}
	for (int at = 0; at < screen; at += 1 + screen / 97) {
		const int to = cua_scale_pixel_to_picture(at, picture, screen);
		assert_in_range(to, 0, picture - 1);
		if (picture >= screen) {
			assert_int_equal(cua_scale_pixel_to_screen(to, picture, screen), at);
		}
	}
	if (screen > 1) {
		assert_int_equal(cua_scale_pixel_to_picture(0, picture, screen), 0);
		assert_int_equal(cua_scale_pixel_to_picture(screen - 1, picture, screen),
				picture - 1);
	}
	assert_int_equal(cua_scale_edge_to_screen(0, picture, screen), 0);
	assert_int_equal(cua_scale_edge_to_screen(picture, picture, screen), screen);
}

static void every_small_size_maps_inside(void **state)
{
	(void)state;
	for (int picture = 1; picture <= 64; picture++) {
		for (int screen = 1; screen <= 64; screen++) {
			check_line(picture, screen);
		}
	}
}

static void sizes_at_random_map_inside(void **state)
{
	(void)state;
	srand(20);
	for (int i = 0; i < rounds(); i++) {
		check_line(1 + rand() % 4096, 1 + rand() % 16384);
	}
	static const int usual[][2] = { { 1024, 1280 }, { 768, 800 }, { 1280, 3840 },
		{ 1366, 1920 }, { 999, 1000 }, { 1000, 999 }, { 32767, 32767 }, { 32767, 200 },
		{ 320, 32767 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(usual); i++) {
		check_line(usual[i][0], usual[i][1]);
	}
}

static void the_same_size_changes_nothing(void **state)
{
	(void)state;
	for (int at = 0; at < 1280; at++) {
		assert_int_equal(cua_scale_pixel_to_screen(at, 1280, 1280), at);
		assert_int_equal(cua_scale_pixel_to_picture(at, 1280, 1280), at);
		assert_int_equal(cua_scale_edge_to_screen(at, 1280, 1280), at);
	}
}

/* --- actions --- */

static struct cua_action parse(const char *text, struct cua_point bounds)
{
	struct cua_action action;
	struct cua_error err = { 0 };
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
	if (cua_action_parse(json, &bounds, &action, &err) != CUA_OK) {
		fail_msg("%s: %s", text, err.msg);
	}
	return action;
}

static const struct cua_scale half = { 640, 400, { 0, 0, 1280, 800 } };

static void all_that_is_a_place_is_scaled(void **state)
{
	(void)state;
	const struct cua_point bounds = { 640, 400 };
	struct cua_action click = parse("{\"action\":\"click\",\"x\":639,\"y\":0}", bounds);
	cua_scale_action(&half, &click);
	assert_int_equal(click.at.x, 1279);
	assert_int_equal(click.at.y, 0);
	struct cua_action drag = parse("{\"action\":\"drag\",\"path\":[[0,0],[639,399]]}", bounds);
	cua_scale_action(&half, &drag);
	assert_int_equal(drag.path[1].x, 1279);
	assert_int_equal(drag.path[1].y, 799);
	cua_action_finish(&drag);
	struct cua_action shot =
			parse("{\"action\":\"screenshot\",\"region\":[10,20,100,50]}", bounds);
	cua_scale_action(&half, &shot);
	assert_int_equal(shot.region.x, 20);
	assert_int_equal(shot.region.height, 100);
	struct cua_action size = parse("{\"action\":\"resize_window\",\"window\":1,"
				       "\"width\":320,\"height\":200}",
			bounds);
	cua_scale_action(&half, &size);
	assert_int_equal(size.width, 640);
	assert_int_equal(size.height, 400);
	/* Where no place is given, none is made. */
	struct cua_action here = parse("{\"action\":\"click\"}", bounds);
	cua_scale_action(&half, &here);
	assert_false(here.has_at);
	assert_int_equal(here.region.width, 0);
}

static void a_part_of_the_screen_has_its_place(void **state)
{
	(void)state;
	const struct cua_scale zoom = { 400, 400, { 1000, 600, 200, 200 } };
	const struct cua_point corner = cua_scale_to_screen(&zoom, (struct cua_point){ 399, 399 });
	assert_int_equal(corner.x, 1199);
	assert_int_equal(corner.y, 799);
	const struct cua_point back = cua_scale_to_picture(&zoom, (struct cua_point){ 1000, 600 });
	assert_in_range(back.x, 0, 1);
	assert_in_range(back.y, 0, 1);
}

/* --- answers --- */

static void answers_come_back_in_the_picture(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(
			"{\"pointer\":{\"x\":1279,\"y\":799},\"changed\":[[10,20,100,50],[0,0,1,1]]"
			","
			"\"results\":[{\"x\":100,\"y\":200,\"ms\":4,\"windows\":[{\"id\":1280,"
			"\"x\":0,"
			"\"y\":20,\"width\":1280,\"height\":780,\"frame\":[0,0,1280,800]}]},{"
			"\"words\":[[\"File\",100,20,30,14,93],[\"odd\"]]}],"
			"\"screenshot\":{\"width\":640,\"height\":400,\"screen_width\":1280}}");
	CUA_AUTO_JSON cJSON *wanted = cJSON_Parse(
			"{\"pointer\":{\"x\":639,\"y\":399},\"changed\":[[5,10,50,25],[0,0,1,1]],"
			"\"results\":[{\"x\":50,\"y\":100,\"ms\":4,\"windows\":[{\"id\":1280,\"x\":"
			"0,"
			"\"y\":10,\"width\":640,\"height\":390,\"frame\":[0,0,640,400]}]},{"
			"\"words\":[[\"File\",50,10,15,7,93],[\"odd\"]]}],"
			"\"screenshot\":{\"width\":640,\"height\":400,\"screen_width\":1280}}");
	cua_scale_answer(&half, answer);
	CUA_AUTO_FREE char *found = cJSON_PrintUnformatted(answer);
	CUA_AUTO_FREE char *expected = cJSON_PrintUnformatted(wanted);
	assert_string_equal(found, expected);
}

/* --- requests --- */

static void coordinates_are_checked(void **state)
{
	static const struct {
		const char *json, *said;
	} wrong[] = { { "1", "[width, height]" }, { "[1]", "[width, height]" },
		{ "[1,2,3]", "[width, height]" }, { "{}", "[width, height]" },
		{ "{\"width\":1}", "[width, height]" },
		{ "{\"width\":1,\"height\":1,\"x\":1}", "[width, height]" },
		{ "[0,1]", "width is 0; it must be 1 to 32767" },
		{ "[1,-1]", "height is -1; it must be 1 to 32767" },
		{ "[1,32768]", "height is 32768; it must be 1 to 32767" },
		{ "[1.5,1]", "width must be an integer" },
		{ "[1,\"2\"]", "height must be an integer" },
		{ "[1e300,1]", "it must be 1 to 32767" },
		{ "{\"width\":1,\"height\":1,\"region\":[0,0,1281,1]}", "region width is 1281" } };
	const struct cua_point screen = { 1280, 800 };
	struct cua_scale scale;
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		struct cua_error err = { 0 };
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(wrong[i].json);
		if (cua_scale_parse(json, screen, &scale, &err) != CUA_ERR_INVAL ||
				!strstr(err.msg, wrong[i].said) ||
				!strstr(err.msg, "coordinates")) {
			fail_msg("%s: \"%s\" lacks \"%s\"", wrong[i].json, err.msg, wrong[i].said);
		}
	}
	CUA_AUTO_JSON cJSON *list = cJSON_Parse("[640, 400]");
	assert_int_equal(cua_scale_parse(list, screen, &scale, NULL), CUA_OK);
	assert_int_equal(scale.region.width, 1280);
	CUA_AUTO_JSON cJSON *part =
			cJSON_Parse("{\"width\":100,\"height\":100,\"region\":[10,20,30,40]}");
	assert_int_equal(cua_scale_parse(part, screen, &scale, NULL), CUA_OK);
	assert_int_equal(scale.region.y, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_size_maps_inside),
		cmocka_unit_test(sizes_at_random_map_inside),
		cmocka_unit_test(the_same_size_changes_nothing),
		cmocka_unit_test(all_that_is_a_place_is_scaled),
		cmocka_unit_test(a_part_of_the_screen_has_its_place),
		cmocka_unit_test(answers_come_back_in_the_picture),
		cmocka_unit_test(coordinates_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Pictures against what the X server itself says is on the screen. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"

#define ROUNDS 50

static struct world world;
static struct desktop desktop;

struct picture {
	int width, height;
	uint8_t *pixels; /* owned; B8G8R8X8 */
};

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "shot");
	for (int i = 0; i < 3; i++) {
		char command[128];
		snprintf(command, sizeof(command),
				"xterm -e 'ls -la /usr/bin | tail -n %d; sleep 1000'", 200 + i);
		cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", command));
	}
	/* Windows of their own size can be moved about. */
	CUA_AUTO_JSON cJSON *list = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	assert_int_equal(cJSON_GetArraySize(json_at(list, "results.0.windows")), 3);
	for (int i = 0; i < 3; i++) {
		desktop_do(&desktop,
				"[{\"action\":\"click\",\"x\":1254,\"y\":10},{\"action\":\"key\","
				"\"keys\":\"alt+Tab\"}]");
	}
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- pictures --- */

static struct picture decode(const void *data, size_t len)
{
	struct picture picture = { 0 };
	png_image image = { .version = PNG_IMAGE_VERSION };
	if (!png_image_begin_read_from_memory(&image, data, len)) {
		fail_msg("%zu bytes are no PNG: %s", len, image.message);
	}
	image.format = PNG_FORMAT_BGRA;
	picture.width = (int)image.width;
	picture.height = (int)image.height;
	picture.pixels = malloc(PNG_IMAGE_SIZE(image));
	assert_non_null(picture.pixels);
	if (!png_image_finish_read(&image, NULL, picture.pixels, 0, NULL) ||
			PNG_IMAGE_FAILED(image)) {
		fail_msg("the PNG is damaged: %s", image.message);
	}
	return picture;
}

/* ret_etag may be NULL. */
static struct picture take(const char *query, char ret_etag[128])
{
	char path[256];
	struct cua_http_response response;
	snprintf(path, sizeof(path), "/v1/screenshot?%s", query);
	assert_int_equal(desktop_http(&desktop, "GET", path, NULL, 0, NULL, &response), 200);
	assert_string_equal(response.content_type, "image/png");
	struct picture picture = decode(response.body.data, response.body.len);
	if (ret_etag) {
		snprintf(ret_etag, 128, "%s", response.etag);
	}
	cua_http_response_finish(&response);
	return picture;
}

/* As XGetImage of a client inside has it. */
static struct picture take_root(void)
{
	struct picture picture;
	char path[512];
	free(desktop_probe(&desktop, "image", "root.raw"));
	snprintf(path, sizeof(path), "%s/root.raw", desktop.home);
	size_t len = 0;
	char *raw = read_whole_file(path, &len);
	assert_non_null(raw);
	int size[2];
	memcpy(size, raw, sizeof(size));
	picture.width = size[0];
	picture.height = size[1];
	assert_int_equal(len, sizeof(size) + (size_t)size[0] * (size_t)size[1] * 4);
	memmove(raw, raw + sizeof(size), len - sizeof(size));
	picture.pixels = (uint8_t *)raw;
	return picture;
}

static void picture_finish(struct picture *picture)
{
	free(picture->pixels);
}

#define AUTO_PICTURE __attribute__((cleanup(picture_finish)))

static const uint8_t *pixel(const struct picture *picture, int x, int y)
{
	return picture->pixels + ((size_t)y * (size_t)picture->width + (size_t)x) * 4;
}

/* Pixels of shot that differ from those of root at the offset; bounds of them in ret_box. */
static int differences(const struct picture *shot, const struct picture *root, int left, int top,
		int ret_box[4])
{
	int count = 0;
	ret_box[0] = ret_box[1] = INT32_MAX;
	ret_box[2] = ret_box[3] = -1;
	for (int y = 0; y < shot->height; y++) {
		for (int x = 0; x < shot->width; x++) {
			if (memcmp(pixel(shot, x, y), pixel(root, left + x, top + y), 3) == 0) {
				continue;
			}
			count++;
			ret_box[0] = x < ret_box[0] ? x : ret_box[0];
			ret_box[1] = y < ret_box[1] ? y : ret_box[1];
			ret_box[2] = x > ret_box[2] ? x : ret_box[2];
			ret_box[3] = y > ret_box[3] ? y : ret_box[3];
		}
	}
	return count;
}

static void expect_same(const struct picture *shot, const struct picture *root, int left, int top,
		const char *when)
{
	int box[4];
	const int count = differences(shot, root, left, top, box);
	if (count > 0) {
		fail_msg("%s: %d pixels differ, in %d,%d to %d,%d", when, count, box[0], box[1],
				box[2], box[3]);
	}
}

/* --- tests --- */

static void the_whole_screen_is_what_the_server_has(void **state)
{
	(void)state;
	AUTO_PICTURE struct picture root = take_root();
	AUTO_PICTURE struct picture shot = take("pointer=0", NULL);
	assert_int_equal(shot.width, 1280);
	assert_int_equal(shot.height, 800);
	expect_same(&shot, &root, 0, 0, "at first");
	/* There is something to see at all. */
	int box[4];
	struct picture white = { shot.width, shot.height, NULL };
	white.pixels = malloc((size_t)shot.width * (size_t)shot.height * 4);
	memset(white.pixels, 0xff, (size_t)shot.width * (size_t)shot.height * 4);
	const int ink = differences(&shot, &white, 0, 0, box);
	picture_finish(&white);
	assert_true(ink > 10000);
}

static void pictures_stay_true_while_windows_move(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		char seed[16], when[32];
		snprintf(seed, sizeof(seed), "%d", round);
		snprintf(when, sizeof(when), "round %d", round);
		CUA_AUTO_FREE char *moved = desktop_probe(&desktop, "shuffle", seed);
		assert_string_equal(moved, "3");
		/* Pictures in the middle of it have to do no harm to the next. */
		struct picture early = take("pointer=0", NULL);
		picture_finish(&early);
		bool compared = false;
		for (int attempt = 0; attempt < 200 && !compared; attempt++) {
			char before[128], after[128];
			AUTO_PICTURE struct picture shot = take("pointer=0", before);
			AUTO_PICTURE struct picture root = take_root();
			struct picture again = take("pointer=0", after);
			picture_finish(&again);
			if (strcmp(before, after) == 0) { /* at rest */
				expect_same(&shot, &root, 0, 0, when);
				compared = true;
			}
		}
		assert_true(compared);
	}
}

static void the_pointer_is_drawn_where_it_is(void **state)
{
	(void)state;
	static const int places[][2] = { { 300, 200 }, { 0, 0 }, { 1279, 799 }, { 640, 790 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
		int box[4];
		const int x = places[i][0], y = places[i][1];
		desktop_do(&desktop, "[{\"action\":\"move\",\"x\":%d,\"y\":%d}]", x, y);
		AUTO_PICTURE struct picture with = take("pointer=1", NULL);
		AUTO_PICTURE struct picture without = take("pointer=0", NULL);
		AUTO_PICTURE struct picture root = take_root();
		expect_same(&without, &root, 0, 0, "without pointer");
		assert_true(differences(&with, &root, 0, 0, box) > 0);
		assert_true(box[0] >= x - 32 && box[2] <= x + 32);
		assert_true(box[1] >= y - 32 && box[3] <= y + 32);
	}
}

static void a_region_is_that_part_of_the_screen(void **state)
{
	(void)state;
	static const int regions[][4] = { { 0, 0, 1, 1 }, { 1279, 799, 1, 1 }, { 17, 23, 301, 77 },
		{ 0, 799, 1280, 1 }, { 1279, 0, 1, 800 }, { 640, 400, 640, 400 } };
	AUTO_PICTURE struct picture root = take_root();
	for (size_t i = 0; i < CUA_ARRAY_LEN(regions); i++) {
		char query[128];
		const int *region = regions[i];
		snprintf(query, sizeof(query), "pointer=0&region=%d,%d,%d,%d", region[0], region[1],
				region[2], region[3]);
		AUTO_PICTURE struct picture shot = take(query, NULL);
		assert_int_equal(shot.width, region[2]);
		assert_int_equal(shot.height, region[3]);
		expect_same(&shot, &root, region[0], region[1], query);
	}
}

static void max_edge_bounds_the_longer_edge(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		int width, height;
	} shots[] = { { "max_edge=640", 640, 400 }, { "max_edge=1000", 1000, 625 },
		{ "max_edge=1280", 1280, 800 }, { "max_edge=5000", 1280, 800 },
		{ "max_edge=1", 1, 1 }, { "region=0,0,100,400&max_edge=200", 50, 200 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(shots); i++) {
		AUTO_PICTURE struct picture shot = take(shots[i].query, NULL);
		assert_int_equal(shot.width, shots[i].width);
		assert_int_equal(shot.height, shots[i].height);
	}
	/* Half the size: each pixel is near the mean of its four. */
	AUTO_PICTURE struct picture root = take_root();
	AUTO_PICTURE struct picture half = take("pointer=0&max_edge=640", NULL);
	long total = 0;
	for (int y = 1; y < 399; y++) {
		for (int x = 1; x < 639; x++) {
			for (int c = 0; c < 3; c++) {
				const int mean = (pixel(&root, 2 * x, 2 * y)[c] +
								 pixel(&root, 2 * x + 1, 2 * y)[c] +
								 pixel(&root, 2 * x, 2 * y + 1)[c] +
								 pixel(&root, 2 * x + 1,
										 2 * y + 1)[c]) /
						4;
				total += abs(mean - pixel(&half, x, y)[c]);
			}
		}
	}
	assert_true(total / (638 * 398 * 3) < 24);
}

static long fetch(const char *path, const char *etag, char ret_etag[128], size_t *ret_len)
{
	char header[160] = "";
	struct cua_http_response response;
	snprintf(header, sizeof(header), "If-None-Match: %s", etag);
	const long status = desktop_http(
			&desktop, "GET", path, NULL, 0, etag[0] ? header : NULL, &response);
	*ret_len = response.body.len;
	snprintf(ret_etag, 128, "%s", response.etag);
	cua_http_response_finish(&response);
	return status;
}

static void an_unchanged_screen_is_not_sent_again(void **state)
{
	(void)state;
	static const char path[] = "/v1/screenshot?pointer=1";
	char first[128], second[128];
	size_t len = 0;
	assert_int_equal(fetch(path, "", first, &len), 200);
	assert_int_equal(fetch(path, first, second, &len), 304);
	assert_int_equal(len, 0);
	assert_string_equal(first, second);
	/* Another picture of the same screen is another picture. */
	assert_int_equal(fetch("/v1/screenshot?pointer=0", first, second, &len), 200);
	assert_int_equal(fetch("/v1/screenshot?max_edge=640", first, second, &len), 200);
	assert_int_equal(fetch("/v1/screenshot?region=0,0,9,9", first, second, &len), 200);
	assert_int_equal(fetch(path, "\"of-another-desktop\"", second, &len), 200);
	assert_string_equal(first, second);
	/* The pointer is part of the picture only where it is drawn. */
	char still[128];
	assert_int_equal(fetch("/v1/screenshot?pointer=0", "", still, &len), 200);
	desktop_do(&desktop, "[{\"action\":\"move\",\"x\":901,\"y\":795}]");
	assert_int_equal(fetch(path, first, second, &len), 200);
	assert_int_equal(fetch("/v1/screenshot?pointer=0", still, second, &len), 304);
	free(desktop_probe(&desktop, "shuffle", "77"));
	desktop_do(&desktop, "[{\"action\":\"move\",\"x\":902,\"y\":795}]");
	assert_int_equal(fetch("/v1/screenshot?pointer=0", still, second, &len), 200);
}

static void the_answer_to_actions_carries_the_same_picture(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *first = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"cursor_position\"}],"
			"\"screenshot\":{\"pointer\":false,\"max_edge\":640}}",
			NULL);
	assert_int_equal(json_number(first, "screenshot.width"), 640);
	assert_int_equal(json_number(first, "screenshot.height"), 400);
	assert_int_equal(json_number(first, "screenshot.screen_width"), 1280);
	assert_int_equal(json_number(first, "screenshot.screen_height"), 800);
	CUA_AUTO_JSON cJSON *body =
			cJSON_Parse("{\"actions\":[{\"action\":\"cursor_position\"}],"
				    "\"screenshot\":{\"pointer\":false,\"max_edge\":640}}");
	cJSON_AddStringToObject(cJSON_GetObjectItem(body, "screenshot"), "if_none_match",
			json_text(first, "screenshot.etag"));
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	CUA_AUTO_JSON cJSON *second = desktop_post(&desktop, text, NULL);
	assert_true(cJSON_IsTrue(json_at(second, "screenshot.unchanged")));
	assert_null(json_at(second, "screenshot.data"));
}

static void width_and_height_are_the_pictures(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		int width, height;
	} shots[] = { { "width=640", 640, 400 }, { "height=1600", 2560, 1600 },
		{ "width=100&height=700", 100, 700 }, { "width=1280&height=800", 1280, 800 },
		{ "region=10,20,40,20&width=400", 400, 200 }, { "region=0,0,1,1&height=9", 9, 9 },
		{ "region=0,0,1280,1&width=640", 640, 1 }, { "width=0&height=0", 1280, 800 },
		{ "region=0,0,800,1&height=16&width=16384&level=small", 16384, 16 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(shots); i++) {
		AUTO_PICTURE struct picture shot = take(shots[i].query, NULL);
		assert_int_equal(shot.width, shots[i].width);
		assert_int_equal(shot.height, shots[i].height);
	}
	static const char *const refused[][2] = { { "region=0,0,1,800&width=21", "21x16800" },
		{ "region=0,0,800,1&height=16384", "13107200x16384" },
		{ "width=16384&height=16384", "33554432" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused); i++) {
		char path[256];
		struct cua_http_response response;
		snprintf(path, sizeof(path), "/v1/screenshot?%s", refused[i][0]);
		assert_int_equal(
				desktop_http(&desktop, "GET", path, NULL, 0, NULL, &response), 400);
		assert_non_null(strstr(response.body.data, refused[i][1]));
		cua_http_response_finish(&response);
	}
}

static void expect_type(const char *query, const char *type, const char *magic, size_t at)
{
	char path[256];
	struct cua_http_response response;
	snprintf(path, sizeof(path), "/v1/screenshot?%s", query);
	assert_int_equal(desktop_http(&desktop, "GET", path, NULL, 0, NULL, &response), 200);
	assert_string_equal(response.content_type, type);
	assert_memory_equal(response.body.data + at, magic, strlen(magic));
	cua_http_response_finish(&response);
}

static void the_format_is_what_was_asked_for(void **state)
{
	(void)state;
	expect_type("format=png", "image/png", "\x89PNG\r\n", 0);
	expect_type("format=png&level=small", "image/png", "\x89PNG\r\n", 0);
	expect_type("format=jpeg&pointer=0", "image/jpeg", "\xff\xd8\xff", 0);
	expect_type("format=webp&quality=1&region=0,0,99,98", "image/webp", "WEBP", 8);
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"screenshot\",\"format\":\"webp\"}],"
			"\"screenshot\":{\"format\":\"jpeg\",\"quality\":30}}",
			NULL);
	assert_string_equal(json_text(answer, "results.0.image.media_type"), "image/webp");
	assert_string_equal(json_text(answer, "screenshot.media_type"), "image/jpeg");
	assert_memory_equal(json_text(answer, "screenshot.data"), "/9j/", 4);
	/* Another format, level or quality is another picture. */
	char first[128], second[128];
	size_t len = 0;
	assert_int_equal(fetch("/v1/screenshot?pointer=0&format=jpeg", "", first, &len), 200);
	assert_int_equal(fetch("/v1/screenshot?pointer=0&format=jpeg", first, second, &len), 304);
	assert_int_equal(fetch("/v1/screenshot?pointer=0&format=jpeg&quality=9", first, second,
					 &len),
			200);
	assert_int_equal(fetch("/v1/screenshot?pointer=0&format=jpeg&level=small", first, second,
					 &len),
			200);
	assert_int_equal(fetch("/v1/screenshot?pointer=0", first, second, &len), 200);
}

static void the_command_line_takes_the_format_from_the_name(void **state)
{
	(void)state;
	static const struct {
		const char *leaf, *option, *magic;
		size_t at;
	} files[] = { { "b.jpg", "--quality=20", "\xff\xd8\xff", 0 },
		{ "b.WebP", "--level=small", "WEBP", 8 },
		{ "b.jpeg", "--format=png", "\x89PNG", 0 },
		{ "b.gif", "--width=64", "\x89PNG", 0 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(files); i++) {
		const char *path = world_path(&world, files[i].leaf);
		world_expect(&world, 0, "screenshot", files[i].option, "-o", path, NULL);
		size_t len = 0;
		CUA_AUTO_FREE char *file = read_whole_file(path, &len);
		assert_true(len > 100);
		assert_memory_equal(file + files[i].at, files[i].magic, strlen(files[i].magic));
	}
	/* The picture after another action, too. */
	const char *path = world_path(&world, "after.jpg");
	world_expect(&world, 0, "cursor_position", "-o", path, NULL);
	size_t len = 0;
	CUA_AUTO_FREE char *file = read_whole_file(path, &len);
	assert_memory_equal(file, "\xff\xd8\xff", 3);
}

static void the_command_line_writes_a_png(void **state)
{
	(void)state;
	struct output output;
	world_expect(&world, 0, "screenshot", "--pointer=false", "-o", world_path(&world, "a.png"),
			NULL);
	world_cua(&world, &output, "screenshot", "--pointer=false", NULL);
	size_t len = 0;
	CUA_AUTO_FREE char *file = read_whole_file(world_path(&world, "a.png"), &len);
	AUTO_PICTURE struct picture written = decode(file, len);
	AUTO_PICTURE struct picture piped = decode(output.out, output.out_len);
	output_finish(&output);
	AUTO_PICTURE struct picture root = take_root();
	expect_same(&written, &root, 0, 0, "-o");
	expect_same(&piped, &root, 0, 0, "standard output");
}

/* As the help shows them. */
static void the_command_line_takes_flags_and_lists(void **state)
{
	(void)state;
	static const char *const ways[] = { "--region=10,20,30,40", "--region=[10, 20, 30, 40]" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(ways); i++) {
		world_expect(&world, 0, "screenshot", "--pointer", ways[i], "-o",
				world_path(&world, "a.png"), NULL);
		size_t len = 0;
		CUA_AUTO_FREE char *file = read_whole_file(world_path(&world, "a.png"), &len);
		AUTO_PICTURE struct picture picture = decode(file, len);
		assert_int_equal(picture.width, 30);
		assert_int_equal(picture.height, 40);
	}
	world_expect(&world, 0, "screenshot", "--pointer", "false", "-o",
			world_path(&world, "a.png"), NULL);
	world_expect(&world, 1, "screenshot", "--pointer=maybe", NULL);
	world_expect(&world, 0, "read_screen", "--all", "--depth=3", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_screen_is_what_the_server_has),
		cmocka_unit_test(pictures_stay_true_while_windows_move),
		cmocka_unit_test(the_pointer_is_drawn_where_it_is),
		cmocka_unit_test(a_region_is_that_part_of_the_screen),
		cmocka_unit_test(max_edge_bounds_the_longer_edge),
		cmocka_unit_test(an_unchanged_screen_is_not_sent_again),
		cmocka_unit_test(the_answer_to_actions_carries_the_same_picture),
		cmocka_unit_test(width_and_height_are_the_pictures),
		cmocka_unit_test(the_format_is_what_was_asked_for),
		cmocka_unit_test(the_command_line_takes_the_format_from_the_name),
		cmocka_unit_test(the_command_line_writes_a_png),
		cmocka_unit_test(the_command_line_takes_flags_and_lists),
	};
	return cmocka_run_group_tests_name("desktop_screenshot", tests, start, finish);
}

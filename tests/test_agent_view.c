#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "agent/view.h"
#include "cua/base/util.h"

static void a_screen_within_the_limits_is_left_alone(void **state)
{
	static const struct agent_image_limits limits[] = {
		{ 0 },
		{ .max_side = 1920, .max_pixels = 1920.0 * 1080.0 },
		{ .patch = 32, .max_patches = 2040 },
		{ .max_side = 8000, .many = 20, .many_max_side = 2000 },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(limits); i++) {
		const struct cua_point size =
				agent_view_size(&limits[i], (struct cua_point){ 1920, 1080 });
		assert_int_equal(size.x, 1920);
		assert_int_equal(size.y, 1080);
	}
}

static void a_larger_one_is_scaled_in_its_proportions(void **state)
{
	static const struct {
		struct agent_image_limits limits;
		struct cua_point screen, view;
	} rows[] = {
		{ { .max_side = 1568 }, { 1920, 1080 }, { 1568, 882 } },
		{ { .max_side = 1568 }, { 1080, 1920 }, { 882, 1568 } },
		{ { .max_pixels = 1e6 }, { 1280, 800 }, { 1265, 790 } },
		{ { .max_side = 8000, .many = 20, .many_max_side = 2000 }, { 3840, 2160 },
				{ 2000, 1125 } },
		{ { .patch = 32, .max_patches = 1000 }, { 1280, 832 }, { 1232, 800 } },
		{ { .multiple = 28 }, { 1280, 800 }, { 1288, 812 } },
		{ { .multiple = 28, .max_pixels = 1e6 }, { 1280, 800 }, { 1260, 784 } },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		const struct cua_point view = agent_view_size(&rows[i].limits, rows[i].screen);
		assert_int_equal(view.x, rows[i].view.x);
		assert_int_equal(view.y, rows[i].view.y);
	}
}

/* Whatever the limits and the screen: within them, and no smaller than need be. */
static void any_view_is_the_largest_that_fits(void **state)
{
	(void)state;
	srandom(11);
	for (int i = 0; i < 2000; i++) {
		const struct cua_point screen = { 1 + (int)(random() % 8000),
			1 + (int)(random() % 8000) };
		const struct agent_image_limits limits = {
			.max_side = random() % 2 ? (double)(1 + random() % 4000) : 0,
			.max_pixels = random() % 2 ? (double)(1 + random() % 4000000) : 0
		};
		const struct cua_point view = agent_view_size(&limits, screen);
		const double longest = view.x > view.y ? view.x : view.y;
		const double screen_longest = screen.x > screen.y ? screen.x : screen.y;
		assert_true(view.x >= 1 && view.x <= screen.x && view.y >= 1 && view.y <= screen.y);
		if (longest == 1) {
			continue; /* of a strip nothing smaller is left */
		}
		assert_true(limits.max_side <= 0 || longest <= limits.max_side);
		assert_true(limits.max_pixels <= 0 || (double)view.x * view.y <= limits.max_pixels);
		assert_true(fabs(view.x * screen_longest - screen.x * longest) <= screen_longest);
		const double more = (longest + 1) / screen_longest;
		assert_true(longest == screen_longest ||
				(limits.max_side > 0 && longest + 1 > limits.max_side) ||
				(limits.max_pixels > 0 &&
						fmax(1, floor(screen.x * more + 1e-6)) *
										fmax(1, floor(screen.y * more + 1e-6)) >
								limits.max_pixels));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_screen_within_the_limits_is_left_alone),
		cmocka_unit_test(a_larger_one_is_scaled_in_its_proportions),
		cmocka_unit_test(any_view_is_the_largest_that_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a settings manager hands out, which may be anybody. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "display/xsettings.h"

#define NAME "Net/DoubleClickTime"

/* A text, a colour, and a number. */
static const uint8_t little[] = { 0, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0,
	/* */ 1, 0, 5, 0, 'N', '/', 'x', 'y', 'z', 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 'a', 'b', 0, 0,
	/* */ 2, 0, 4, 0, 'N', '/', 'c', 'l', 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	/* */ 0, 0, 19, 0, 'N', 'e', 't', '/', 'D', 'o', 'u', 'b', 'l', 'e', 'C', 'l', 'i', 'c',
	'k', 'T', 'i', 'm', 'e', 0, 1, 0, 0, 0, 0xdc, 5, 0, 0 };

static const uint8_t big[] = { 1, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1,
	/* */ 0, 0, 0, 19, 'N', 'e', 't', '/', 'D', 'o', 'u', 'b', 'l', 'e', 'C', 'l', 'i', 'c',
	'k', 'T', 'i', 'm', 'e', 0, 0, 0, 0, 1, 0, 0, 5, 0xdc };

static void a_number_is_found_in_either_byte_order(void **state)
{
	int32_t value = 0;
	(void)state;
	assert_true(xsettings_find_int(little, sizeof(little), NAME, &value));
	assert_int_equal(value, 1500);
	value = 0;
	assert_true(xsettings_find_int(big, sizeof(big), NAME, &value));
	assert_int_equal(value, 1500);
	assert_false(xsettings_find_int(little, sizeof(little), "Net/DoubleClick", &value));
	assert_false(xsettings_find_int(little, sizeof(little), "N/xyz", &value));
}

/* In a block of that size, so that reading beyond it is seen. */
static bool find_in_copy(const uint8_t *bytes, size_t len, int32_t *value)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	const bool found = xsettings_find_int(copy, len, NAME, value);
	free(copy);
	return found;
}

static void what_is_cut_off_is_not_found(void **state)
{
	int32_t value = 7;
	(void)state;
	for (size_t len = 0; len < sizeof(little); len++) {
		assert_false(find_in_copy(little, len, &value));
	}
	assert_int_equal(value, 7);
}

static void lengths_that_lie_are_harmless(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(little); at++) {
		uint8_t spoilt[sizeof(little)];
		int32_t value = 0;
		memcpy(spoilt, little, sizeof(little));
		spoilt[at] = 0xff;
		(void)find_in_copy(spoilt, sizeof(spoilt), &value);
		for (size_t i = at; i < at + 4 && i < sizeof(little); i++) {
			spoilt[i] = 0xff;
		}
		(void)find_in_copy(spoilt, sizeof(spoilt), &value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_found_in_either_byte_order),
		cmocka_unit_test(what_is_cut_off_is_not_found),
		cmocka_unit_test(lengths_that_lie_are_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

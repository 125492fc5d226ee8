#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>

#include "cua/bench/bench.h"

static void add(struct bench_samples *samples, double value)
{
	assert_int_equal(bench_samples_add(samples, value, NULL), CUA_OK);
}

static void median_of_an_odd_number_is_the_one_in_the_middle(void **state)
{
	(void)state;
	struct bench_samples samples = { 0 };
	add(&samples, 9);
	add(&samples, 1);
	add(&samples, 5);
	assert_true(bench_median(&samples) == 5);
	bench_samples_finish(&samples);
}

static void median_of_an_even_number_lies_between_two(void **state)
{
	(void)state;
	struct bench_samples samples = { 0 };
	add(&samples, 4);
	add(&samples, 1);
	add(&samples, 2);
	add(&samples, 100);
	assert_true(bench_median(&samples) == 3);
	bench_samples_finish(&samples);
}

/* 1 to 1000, backwards: the rank is the value. */
static void quantiles_are_nearest_ranks(void **state)
{
	(void)state;
	struct bench_samples samples = { 0 };
	for (int i = 1000; i >= 1; i--) {
		add(&samples, i);
	}
	assert_true(bench_quantile(&samples, 0.95) == 950);
	assert_true(bench_quantile(&samples, 0.99) == 990);
	assert_true(bench_quantile(&samples, 0.9901) == 991);
	assert_true(bench_quantile(&samples, 0) == 1);
	assert_true(bench_quantile(&samples, 1) == 1000);
	assert_true(samples.values[0] == 1000); /* the order they came in is kept */
	bench_samples_finish(&samples);
}

static void a_single_sample_is_every_quantile(void **state)
{
	(void)state;
	struct bench_samples samples = { 0 };
	add(&samples, 7);
	assert_true(bench_median(&samples) == 7);
	assert_true(bench_quantile(&samples, 0.01) == 7);
	assert_true(bench_quantile(&samples, 0.99) == 7);
	bench_samples_finish(&samples);
}

static void no_sample_has_no_quantile(void **state)
{
	(void)state;
	const struct bench_samples samples = { 0 };
	assert_true(isnan(bench_median(&samples)));
	assert_true(isnan(bench_quantile(&samples, 0.95)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_of_an_odd_number_is_the_one_in_the_middle),
		cmocka_unit_test(median_of_an_even_number_lies_between_two),
		cmocka_unit_test(quantiles_are_nearest_ranks),
		cmocka_unit_test(a_single_sample_is_every_quantile),
		cmocka_unit_test(no_sample_has_no_quantile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

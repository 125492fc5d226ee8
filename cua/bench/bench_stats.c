#include "cua/bench/bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define SAMPLES_MAX 1000000U

enum cua_status bench_samples_add(
		struct bench_samples *samples, double value, struct cua_error *err)
{
	if (samples->count == samples->capacity) {
		const size_t capacity = samples->capacity ? 2 * samples->capacity : 64;
		double *values = capacity > SAMPLES_MAX
				? NULL
				: realloc(samples->values, capacity * sizeof(*values));
		if (!values) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "%zu samples", capacity);
		}
		samples->values = values;
		samples->capacity = capacity;
	}
	samples->values[samples->count++] = value;
	return CUA_OK;
}

void bench_samples_finish(struct bench_samples *samples)
{
	free(samples->values);
	*samples = (struct bench_samples){ 0 };
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static double *sorted(const struct bench_samples *samples)
{
	double *values = samples->count ? malloc(samples->count * sizeof(*values)) : NULL;
	if (values) {
		memcpy(values, samples->values, samples->count * sizeof(*values));
		qsort(values, samples->count, sizeof(*values), compare);
	}
	return values;
}

double bench_quantile(const struct bench_samples *samples, double q)
{
	CUA_AUTO_FREE double *values = sorted(samples);
	if (!values) {
		return (double)NAN;
	}
	const double rank = ceil(q * (double)samples->count);
	const size_t index = rank < 1 ? 0 : (size_t)rank - 1;
	return values[index < samples->count ? index : samples->count - 1];
}

double bench_median(const struct bench_samples *samples)
{
	CUA_AUTO_FREE double *values = sorted(samples);
	if (!values) {
		return (double)NAN;
	}
	const size_t half = samples->count / 2;
	return samples->count % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

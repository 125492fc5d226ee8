/* What the screens show: photographs and prose, made at run time and the same each time. */

#include "cua/bench/bench.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <turbojpeg.h>

#include "cua/base/util.h"

#define JPEG_QUALITY 90
#define OCTAVES 7

/* A hash of a lattice point, 0 to 1. Source: the finalizer of MurmurHash3. */
static double lattice(unsigned int seed, int x, int y)
{
	uint32_t hash = seed * 0x9e3779b1U ^ (uint32_t)x * 0x85ebca6bU ^ (uint32_t)y * 0xc2b2ae35U;
	hash ^= hash >> 16;
	hash *= 0x85ebca6bU;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35U;
	hash ^= hash >> 16;
	return (double)hash / UINT32_MAX;
}

static double smooth(double t)
{
	return t * t * (3 - 2 * t);
}

/* Value noise: random values at whole numbers, smooth between them. */
static double noise(unsigned int seed, double x, double y)
{
	const int left = (int)floor(x), top = (int)floor(y);
	const double u = smooth(x - left), v = smooth(y - top);
	const double upper = lattice(seed, left, top) * (1 - u) + lattice(seed, left + 1, top) * u;
	const double lower = lattice(seed, left, top + 1) * (1 - u) +
			lattice(seed, left + 1, top + 1) * u;
	return upper * (1 - v) + lower * v;
}

/* Shapes within shapes, 0 to 1. */
static double plasma(unsigned int seed, double x, double y)
{
	double sum = 0, weight = 0.5;
	for (unsigned int octave = 0; octave < OCTAVES; octave++) {
		sum += weight * noise(seed + octave, x, y);
		weight /= 2;
		x *= 2;
		y *= 2;
	}
	return sum;
}

static unsigned char to_byte(double value)
{
	return value <= 0 ? 0 : value >= 255 ? 255 : (unsigned char)value;
}

/* A sky that pales towards a hilly horizon, and ground in patches under side light. The noise is
 * a sensor's: a sum of uniform values is nearly a normal distribution of deviation 4. */
static void shade(unsigned int seed, double x, double y, int px, int py, unsigned char rgb[3])
{
	static const double sky[3] = { 96, 142, 214 }, haze[3] = { 236, 224, 206 },
			    grass[3] = { 92, 128, 52 }, rock[3] = { 148, 118, 92 };
	const double horizon = 0.3 + 0.35 * plasma(seed + 50, 2 * x, 0.5);
	const double light = 0.65 + 0.5 * x;
	const double clouds = plasma(seed, 3 * x, 6 * y),
		     patches = plasma(seed + 20, 9 * x, 12 * y);
	const double detail = plasma(seed + 40, 60 * x, 60 * y) - 0.5;
	for (int channel = 0; channel < 3; channel++) {
		double value;
		if (y < horizon) {
			const double pale = fmin(1, y / horizon * 0.6 + fmax(0, clouds - 0.45) * 2);
			value = sky[channel] * (1 - pale) + haze[channel] * pale;
		} else {
			const double rocky = smooth(fmin(1, fmax(0, 3 * patches - 1)));
			value = grass[channel] * (1 - rocky) + rock[channel] * rocky;
			value *= 1 + 1.2 * detail;
		}
		double grain = 0;
		for (unsigned int i = 0; i < 4; i++) {
			grain += lattice(seed + 100 + 4 * (unsigned int)channel + i, px, py) - 0.5;
		}
		rgb[channel] = to_byte(value * light + grain * 7);
	}
}

enum cua_status bench_photo(unsigned int seed, int width_px, int height_px, struct cua_buffer *jpeg,
		struct cua_error *err)
{
	CUA_AUTO_FREE unsigned char *rgb = malloc((size_t)width_px * (size_t)height_px * 3);
	if (!rgb) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "photograph of %dx%d", width_px,
				height_px);
	}
	for (int y = 0; y < height_px; y++) {
		for (int x = 0; x < width_px; x++) {
			shade(seed, (double)x / height_px, (double)y / height_px, x, y,
					rgb + 3 * ((size_t)y * (size_t)width_px + (size_t)x));
		}
	}
	unsigned char *bytes = NULL;
	unsigned long len = 0;
	tjhandle encoder = tjInitCompress();
	enum cua_status status = CUA_OK;
	if (!encoder ||
			tjCompress2(encoder, rgb, width_px, 0, height_px, TJPF_RGB, &bytes, &len,
					TJSAMP_420, JPEG_QUALITY, 0) != 0) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "photograph: %s", tjGetErrorStr2(encoder));
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(jpeg, bytes, len, err);
	}
	tjFree(bytes);
	if (encoder) {
		tjDestroy(encoder);
	}
	return status;
}

/* --- prose --- */

static unsigned int next(unsigned int *state)
{
	*state = *state * 1664525U + 1013904223U; /* Numerical Recipes' generator */
	return *state >> 16;
}

static enum cua_status add_sentence(
		unsigned int *state, struct cua_buffer *text, struct cua_error *err)
{
	static const char *const words[] = { "the", "a", "harbour", "light", "winter", "ship",
		"letter", "under", "between", "morning", "carried", "old", "window", "quiet",
		"market", "and", "with", "river", "lantern", "waited", "several", "hours", "before",
		"captain", "answered", "that", "nothing", "had", "changed", "since", "evening",
		"stones", "of", "bridge", "were", "still", "warm", "from", "sun", "children", "ran",
		"along", "wall", "where", "nets", "dried", "one", "hundred", "years", "ago" };
	const unsigned int count = 6 + next(state) % 12;
	enum cua_status status = CUA_OK;
	for (unsigned int i = 0; status == CUA_OK && i < count; i++) {
		const char *word = words[next(state) % CUA_ARRAY_LEN(words)];
		status = cua_buffer_printf(text, err, "%s%c%s", i ? " " : "",
				i ? word[0] : word[0] - 'a' + 'A', word + 1);
	}
	return status == CUA_OK ? cua_buffer_append(text, ". ", 2, err) : status;
}

enum cua_status bench_prose(unsigned int seed, int paragraphs, const char *before,
		const char *after, struct cua_buffer *text, struct cua_error *err)
{
	unsigned int state = seed;
	enum cua_status status = CUA_OK;
	for (int i = 0; status == CUA_OK && i < paragraphs; i++) {
		const unsigned int sentences = 1 + next(&state) % 6;
		status = cua_buffer_printf(text, err, "%s", before);
		for (unsigned int k = 0; status == CUA_OK && k < sentences; k++) {
			status = add_sentence(&state, text, err);
		}
		if (status == CUA_OK) {
			status = cua_buffer_printf(text, err, "%s", after);
		}
	}
	return status;
}

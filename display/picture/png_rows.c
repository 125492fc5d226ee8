#include "display/picture/png_rows.h"

#include <string.h>

/* Rows looked at in a band to tell text from photographs: every so many. */
#define SAMPLE_EVERY_ROWS 4
/* Neighbours in a photograph differ by a little; in text and drawings they are equal or far
 * apart. Bytes that differ by no more than this are a photograph's ... */
#define SMOOTH_MAX 24
/* ... and a filter pays where they are more than one in so many. */
#define SMOOTH_SHARE 8
/* A vector of bytes several times over, and at most 255. */
#define SMOOTH_PART_LEN 192

enum png_filter { FILTER_NONE, FILTER_SUB, FILTER_UP, FILTER_AVERAGE, FILTER_PAETH, FILTER_COUNT };

/* Loops over bytes that the compiler turns into vector code; where the processor has 32-byte
 * vectors they are used. Which to use is found out before ThreadSanitizer is ready for it. */
#if defined(__has_feature)
#define THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define THREAD_SANITIZER defined(__SANITIZE_THREAD__)
#endif
#if defined(__x86_64__) && !THREAD_SANITIZER
#define VECTOR_CODE __attribute__((target_clones("avx2", "default")))
#else
#define VECTOR_CODE
#endif

typedef uint8_t bytes16 __attribute__((vector_size(16)));

VECTOR_CODE static void pixels_to_rgb(
		uint8_t *restrict rgb, const uint8_t *restrict pixels, int width_px)
{
	int x = 0;
	/* Four pixels at a time; each store runs four bytes over into the next. */
	for (; x + 6 <= width_px; x += 4) {
		bytes16 four;
		memcpy(&four, pixels + 4 * x, sizeof(four));
		four = __builtin_shufflevector(
				four, four, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 7, 11, 15);
		memcpy(rgb + 3 * x, &four, sizeof(four));
	}
	for (; x < width_px; x++) {
		rgb[3 * x] = pixels[4 * x + 2];
		rgb[3 * x + 1] = pixels[4 * x + 1];
		rgb[3 * x + 2] = pixels[4 * x];
	}
}

/* --- filters: PNG specification, chapter 9 --- */

VECTOR_CODE static void filter_sub(uint8_t *restrict to, const uint8_t *restrict row, int len)
{
	memcpy(to, row, 3);
	for (int i = 3; i < len; i++) {
		to[i] = (uint8_t)(row[i] - row[i - 3]);
	}
}

VECTOR_CODE static void filter_up(uint8_t *restrict to, const uint8_t *restrict row,
		const uint8_t *restrict above, int len)
{
	for (int i = 0; i < len; i++) {
		to[i] = (uint8_t)(row[i] - above[i]);
	}
}

VECTOR_CODE static void filter_average(uint8_t *restrict to, const uint8_t *restrict row,
		const uint8_t *restrict above, int len)
{
	for (int i = 0; i < 3; i++) {
		to[i] = (uint8_t)(row[i] - above[i] / 2);
	}
	for (int i = 3; i < len; i++) {
		to[i] = (uint8_t)(row[i] - (row[i - 3] + above[i]) / 2);
	}
}

VECTOR_CODE static void filter_paeth(uint8_t *restrict to, const uint8_t *restrict row,
		const uint8_t *restrict above, int len)
{
	for (int i = 0; i < 3; i++) {
		to[i] = (uint8_t)(row[i] - above[i]);
	}
	for (int i = 3; i < len; i++) {
		const int16_t a = row[i - 3], b = above[i], c = above[i - 3];
		const int16_t to_a = (int16_t)(b - c), to_b = (int16_t)(a - c),
			      to_c = (int16_t)(to_a + to_b);
		const int16_t far_a = (int16_t)(to_a < 0 ? -to_a : to_a),
			      far_b = (int16_t)(to_b < 0 ? -to_b : to_b),
			      far_c = (int16_t)(to_c < 0 ? -to_c : to_c);
		const int16_t nearest = far_a <= far_b && far_a <= far_c ? a
				: far_b <= far_c                         ? b
									 : c;
		to[i] = (uint8_t)(row[i] - nearest);
	}
}

static void filter_row(enum png_filter filter, uint8_t *to, const uint8_t *row,
		const uint8_t *above, int len)
{
	switch (filter) {
	case FILTER_SUB:
		filter_sub(to, row, len);
		break;
	case FILTER_UP:
		filter_up(to, row, above, len);
		break;
	case FILTER_AVERAGE:
		filter_average(to, row, above, len);
		break;
	case FILTER_PAETH:
		filter_paeth(to, row, above, len);
		break;
	case FILTER_NONE:
	case FILTER_COUNT:
		memcpy(to, row, (size_t)len);
		break;
	}
}

/* --- the choice of a filter --- */

/* Sum of the bytes as distances from 0: what libpng, too, takes for the size to come. */
VECTOR_CODE static uint32_t distance(const uint8_t *row, int len)
{
	uint32_t sum = 0;
	for (int i = 0; i < len; i++) {
		const int8_t value = (int8_t)row[i];
		sum += (uint8_t)(value < 0 ? -value : value);
	}
	return sum;
}

VECTOR_CODE static uint32_t count_smooth(const uint8_t *row, int len)
{
	uint32_t count = 0;
	for (int start = 3, end; start < len; start = end) {
		/* So few that a byte counts them. */
		uint8_t part = 0;
		end = len - start < SMOOTH_PART_LEN ? len : start + SMOOTH_PART_LEN;
		for (int i = start; i < end; i++) {
			/* 1 to SMOOTH_MAX away on either side */
			const uint8_t up = (uint8_t)(row[i] - row[i - 3] - 1);
			const uint8_t down = (uint8_t)(row[i - 3] - row[i] - 1);
			part = (uint8_t)(part + ((up < SMOOTH_MAX) | (down < SMOOTH_MAX)));
		}
		count += part;
	}
	return count;
}

static bool is_photograph(const uint8_t *rows, int row_count, size_t row_len)
{
	uint32_t smooth = 0, all = 0;
	for (int y = 0; y < row_count; y += SAMPLE_EVERY_ROWS) {
		smooth += count_smooth(rows + (size_t)y * row_len + 1, (int)row_len - 1);
		all += (uint32_t)row_len;
	}
	return smooth > all / SMOOTH_SHARE;
}

/* Paeth is smaller by a tenth and costs more time than it saves. */
static enum png_filter choose_for_band(
		const uint8_t *rows, int row_count, size_t row_len, uint8_t *work)
{
	uint64_t sums[FILTER_PAETH] = { UINT64_MAX };
	const int len = (int)row_len - 1;
	for (int y = 1; y < row_count; y += SAMPLE_EVERY_ROWS) {
		const uint8_t *row = rows + (size_t)y * row_len + 1;
		for (enum png_filter filter = FILTER_SUB; filter < FILTER_PAETH; filter++) {
			filter_row(filter, work, row, row - row_len, len);
			sums[filter] += distance(work, len);
		}
	}
	enum png_filter best = FILTER_SUB;
	for (enum png_filter filter = FILTER_UP; filter < FILTER_PAETH; filter++) {
		best = sums[filter] < sums[best] ? filter : best;
	}
	return best;
}

static enum png_filter choose_for_row(
		const uint8_t *row, const uint8_t *above, int len, uint8_t *work)
{
	enum png_filter best = FILTER_NONE;
	uint32_t least = distance(row, len);
	for (enum png_filter filter = FILTER_SUB; filter < FILTER_COUNT; filter++) {
		filter_row(filter, work, row, above, len);
		const uint32_t sum = distance(work, len);
		if (sum < least) {
			least = sum;
			best = filter;
		}
	}
	return best;
}

bool png_rows_filter(uint8_t *rows, const struct picture_pixels *pixels, int first_row,
		int row_count, enum cua_picture_level level, uint8_t *work)
{
	const size_t row_len = png_row_len(pixels->width_px);
	const int len = (int)row_len - 1;
	for (int y = 0; y < row_count; y++) {
		uint8_t *row = rows + (size_t)y * row_len;
		row[0] = FILTER_NONE;
		pixels_to_rgb(row + 1,
				pixels->data + (size_t)(first_row + y) * pixels->stride_bytes,
				pixels->width_px);
	}
	if (!is_photograph(rows, row_count, row_len)) {
		return false;
	}
	const enum png_filter chosen = choose_for_band(rows, row_count, row_len, work);
	/* From the last row up: each needs the one above it as it was. */
	for (int y = row_count - 1; y >= 0; y--) {
		uint8_t *row = rows + (size_t)y * row_len;
		const uint8_t *above = y > 0 ? row - row_len + 1 : NULL;
		enum png_filter filter = !above ? FILTER_SUB : chosen;
		if (above && level == CUA_PICTURE_SMALL) {
			filter = choose_for_row(row + 1, above, len, work);
		}
		memcpy(work, row + 1, (size_t)len);
		row[0] = (uint8_t)filter;
		filter_row(filter, row + 1, work, above, len);
	}
	return true;
}

size_t png_rows_repeated(const uint8_t *rows, size_t len, size_t row_len)
{
	size_t repeated = 0;
	for (size_t at = row_len; at < len; at += row_len) {
		repeated += memcmp(rows + at, rows + at - row_len, row_len) == 0;
	}
	return repeated;
}

/* Rows of black are better left alone: their filter byte is a 0 as well. */
static bool is_black(const uint8_t *rows, size_t len, size_t row_len)
{
	size_t black = 0;
	for (size_t at = 0; at < len; at += row_len) {
		black += distance(rows + at, (int)row_len) == 0;
	}
	return black * row_len > len / 2;
}

void png_rows_filter_plain(uint8_t *rows, size_t len, size_t row_len, uint8_t *work)
{
	if (is_black(rows, len, row_len)) {
		return;
	}
	/* From the last row up, as above. */
	for (size_t at = len - row_len; at > 0; at -= row_len) {
		uint8_t *row = rows + at;
		memcpy(work, row, row_len);
		row[0] = FILTER_UP;
		filter_up(row + 1, work + 1, row + 1 - row_len, (int)row_len - 1);
	}
}

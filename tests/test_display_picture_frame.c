/* Pictures of a frame of which only parts change: what is kept must never be seen where it is
 * out of date. */

#include "tests/pictures.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define ROUNDS 400
#define BANDS_MAX 64

/* Whose turn it is: every test is run at both. */
static enum cua_picture_level frame_level;

static int band_count(const struct picture *frame)
{
	return (frame->height + PICTURE_BAND_ROWS - 1) / PICTURE_BAND_ROWS;
}

static void encode_frame(struct picture_encoder *encoder, const struct picture *frame,
		const uint64_t *versions, const struct picture_patch *patch, struct cua_buffer *png)
{
	const struct picture_pixels pixels = pixels_of(frame);
	cua_buffer_finish(png);
	cua_buffer_init(png, (size_t)64 << 20);
	assert_int_equal(picture_encode_frame(
					 encoder, &pixels, frame_level, versions, patch, png, NULL),
			CUA_OK);
}

/* Text, photograph, noise or one colour over a random rectangle; its bands get new versions. */
static void draw_somewhere(
		struct picture *frame, uint64_t *versions, uint64_t version, uint32_t *seed)
{
	const int left = (int)(next_random(seed) % (uint32_t)frame->width);
	const int top = (int)(next_random(seed) % (uint32_t)frame->height);
	const int width = 1 + (int)(next_random(seed) % (uint32_t)(frame->width - left));
	const int height = 1 + (int)(next_random(seed) % (uint32_t)(frame->height - top));
	struct picture what = make_picture(width, height, width * 4);
	switch (next_random(seed) % 4) {
	case 0:
		fill_text(&what, *seed);
		break;
	case 1:
		fill_photograph(&what, 0, height, *seed);
		break;
	case 2:
		fill_noise(&what, *seed);
		break;
	default:
		memset(what.pixels, (int)(*seed & 0xff), (size_t)width * 4 * (size_t)height);
		break;
	}
	for (int y = 0; y < height; y++) {
		memcpy(pixel_at(frame, left, top + y), pixel_at(&what, 0, y), (size_t)width * 4);
	}
	free(what.pixels);
	for (int band = top / PICTURE_BAND_ROWS; band <= (top + height - 1) / PICTURE_BAND_ROWS;
			band++) {
		versions[band] = version;
	}
}

static void encode_some_ahead(struct picture_encoder *encoder, const struct picture *frame,
		const uint64_t *versions, uint32_t *seed)
{
	const struct picture_pixels pixels = pixels_of(frame);
	for (int band = 0; band < band_count(frame); band++) {
		if (frame_level == CUA_PICTURE_FAST && next_random(seed) % 2 == 0) {
			picture_encode_ahead(encoder, &pixels, versions[band], band);
		}
	}
}

static void what_is_kept_is_never_out_of_date(void **state)
{
	(void)state;
	static const int sizes[][2] = { { 640, 400 }, { 97, 33 }, { 300, 31 }, { 640, 416 },
		{ 1, 400 } };
	struct picture_encoder *encoder = picture_encoder_create();
	assert_non_null(encoder);
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, 0);
	uint32_t seed = 4711;
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		struct picture frame = make_picture(sizes[i][0], sizes[i][1], sizes[i][0] * 4);
		uint64_t versions[BANDS_MAX], version = 1;
		for (int band = 0; band < BANDS_MAX; band++) {
			versions[band] = i + 1;
		}
		version = i + 2;
		for (int round = 0; round < ROUNDS / (int)CUA_ARRAY_LEN(sizes); round++) {
			encode_frame(encoder, &frame, versions, NULL, &png);
			expect_decodes_to(&png, &frame);
			draw_somewhere(&frame, versions, ++version, &seed);
			encode_some_ahead(encoder, &frame, versions, &seed);
			if (next_random(&seed) % 2 == 0) { /* some of it in vain */
				draw_somewhere(&frame, versions, ++version, &seed);
			}
		}
		free(frame.pixels);
	}
	picture_encoder_destroy(encoder);
}

static void a_band_of_the_same_version_is_not_made_again(void **state)
{
	(void)state;
	struct picture_encoder *encoder = picture_encoder_create();
	assert_non_null(encoder);
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, 0);
	struct picture frame = make_picture(200, 100, 800);
	uint64_t versions[] = { 1, 1, 1, 1 };
	assert_int_equal(band_count(&frame), CUA_ARRAY_LEN(versions));
	encode_frame(encoder, &frame, versions, NULL, &png);
	/* Nobody said so: it is not seen. */
	memset(pixel_at(&frame, 50, 40), 0x11, 4);
	encode_frame(encoder, &frame, versions, NULL, &png);
	memset(pixel_at(&frame, 50, 40), 0xee, 4);
	expect_decodes_to(&png, &frame);
	memset(pixel_at(&frame, 50, 40), 0x11, 4);
	versions[1] = 2;
	encode_frame(encoder, &frame, versions, NULL, &png);
	expect_decodes_to(&png, &frame);
	free(frame.pixels);
	picture_encoder_destroy(encoder);
}

static void a_patch_comes_and_goes(void **state)
{
	(void)state;
	struct picture_encoder *encoder = picture_encoder_create();
	assert_non_null(encoder);
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, 0);
	struct picture frame = make_picture(320, 150, 1280), patched = make_picture(320, 150, 1280);
	uint64_t versions[BANDS_MAX] = { 0 }, version = 1, patch_version = 0;
	uint32_t seed = 99;
	for (int band = 0; band < band_count(&frame); band++) {
		versions[band] = version;
	}
	for (int round = 0; round < 300; round++) {
		const uint32_t choice = next_random(&seed);
		if (choice % 3 == 0) {
			draw_somewhere(&frame, versions, ++version, &seed);
		}
		/* The patch covers whole bands; the last may be a short one. */
		const int first = (int)(choice >> 4) % band_count(&frame);
		const int left = band_count(&frame) - first;
		struct picture_patch patch = { .first_band = first,
			.band_count = 1 + (int)(choice >> 8) % left,
			.stride_bytes = (size_t)patched.stride,
			.version = ++patch_version };
		patch.data = pixel_at(&patched, 0, first * PICTURE_BAND_ROWS);
		memcpy(patched.pixels, frame.pixels, (size_t)frame.stride * 150);
		const int end = (first + patch.band_count) * PICTURE_BAND_ROWS;
		for (int y = first * PICTURE_BAND_ROWS; y < end && y < frame.height; y++) {
			memset(pixel_at(&patched, 10, y), (int)(choice >> 16 & 0xff), 40);
		}
		for (int again = 0; again < 1 + (int)(choice >> 12 & 1); again++) {
			encode_frame(encoder, &frame, versions, &patch, &png);
			expect_decodes_to(&png, &patched);
		}
		if (choice >> 13 & 1) {
			encode_frame(encoder, &frame, versions, NULL, &png);
			expect_decodes_to(&png, &frame);
		}
	}
	free(frame.pixels);
	free(patched.pixels);
	picture_encoder_destroy(encoder);
}

/* Sixteen bytes that are far apart, without any order. */
static void fill_few_values(struct picture *picture, uint32_t seed)
{
	for (size_t i = 0; i < (size_t)picture->stride * (size_t)picture->height; i++) {
		picture->pixels[i] = (uint8_t)(7 + 16 * (next_random(&seed) >> 16 & 15));
	}
}

/* Codes that were made for a screen of text are not forced on what comes into a part of it. */
static void codes_are_not_kept_for_what_they_are_bad_for(void **state)
{
	(void)state;
	struct picture_encoder *kept = picture_encoder_create();
	assert_non_null(kept);
	CUA_AUTO_BUFFER struct cua_buffer png, alone;
	cua_buffer_init(&png, 0);
	cua_buffer_init(&alone, 0);
	struct picture frame = make_picture(1280, 800, 5120), noise = make_picture(1280, 32, 5120);
	fill_text(&frame, 17);
	fill_few_values(&noise, 18);
	uint64_t versions[BANDS_MAX];
	for (int band = 0; band < BANDS_MAX; band++) {
		versions[band] = 1;
	}
	encode_frame(kept, &frame, versions, NULL, &png);
	const size_t text_len = png.len;
	/* A band at a time, until hardly any text is left. */
	for (int band = 0; band < band_count(&frame); band++) {
		memcpy(pixel_at(&frame, 0, band * PICTURE_BAND_ROWS), noise.pixels,
				(size_t)5120 * 32);
		versions[band] = 2;
		encode_frame(kept, &frame, versions, NULL, &png);
		expect_decodes_to(&png, &frame);
		/* Half of a byte for each; level small has no codes of a picture. */
		const size_t raw_len = (size_t)(band + 1) * 32 * 1280 * 3;
		assert_true(frame_level == CUA_PICTURE_SMALL ||
				png.len < text_len + raw_len * 5 / 8);
	}
	/* And back again. */
	fill_text(&frame, 19);
	for (int band = 0; band < band_count(&frame); band++) {
		versions[band] = 3;
	}
	encode_frame(kept, &frame, versions, NULL, &png);
	expect_decodes_to(&png, &frame);
	struct picture_encoder *fresh = picture_encoder_create();
	assert_non_null(fresh);
	encode_frame(fresh, &frame, versions, NULL, &alone);
	assert_int_equal(png.len, alone.len);
	picture_encoder_destroy(fresh);
	picture_encoder_destroy(kept);
	free(frame.pixels);
	free(noise.pixels);
}

/* Smooth enough for a photograph, but of much more grain. */
static void fill_grain(struct picture *picture, uint32_t seed)
{
	for (size_t i = 0; i < (size_t)picture->stride * (size_t)picture->height; i++) {
		picture->pixels[i] = (uint8_t)(100 + (next_random(&seed) >> 16) % 20);
	}
}

/* The same grain, and most of it covered by a plain area. */
static void fill_plain_and_grain(struct picture *picture, uint32_t seed)
{
	fill_grain(picture, seed);
	for (int y = 0; y < picture->height; y++) {
		memset(pixel_at(picture, 0, y), 110, (size_t)picture->stride / 4 * 3);
	}
}

/* Other photographs come into the place of the first, bit by bit, and the first comes back. */
static void codes_of_a_photograph_are_not_kept_for_another(void **state)
{
	(void)state;
	struct picture_encoder *kept = picture_encoder_create();
	assert_non_null(kept);
	CUA_AUTO_BUFFER struct cua_buffer png, alone;
	cua_buffer_init(&png, 0);
	cua_buffer_init(&alone, 0);
	struct picture frame = make_picture(640, 400, 2560);
	struct picture shots[4];
	for (size_t i = 0; i < CUA_ARRAY_LEN(shots); i++) {
		shots[i] = make_picture(640, 400, 2560);
	}
	fill_photograph(&shots[0], 0, 400, 23);
	fill_grain(&shots[1], 24);
	fill_plain_and_grain(&shots[2], 24);
	fill_noise(&shots[3], 25);
	uint64_t versions[BANDS_MAX] = { 0 };
	for (uint64_t round = 0; round < 8; round++) {
		for (int band = 0; band < band_count(&frame); band++) {
			const int top = band * PICTURE_BAND_ROWS;
			const int rows = 400 - top < PICTURE_BAND_ROWS ? 400 - top
								       : PICTURE_BAND_ROWS;
			memcpy(pixel_at(&frame, 0, top),
					pixel_at(&shots[round % CUA_ARRAY_LEN(shots)], 0, top),
					(size_t)2560 * (size_t)rows);
			versions[band] = round + 1;
			if (round == 0 && band < band_count(&frame) - 1) {
				continue; /* all of the first at once */
			}
			encode_frame(kept, &frame, versions, NULL, &png);
			expect_decodes_to(&png, &frame);
			struct picture_encoder *fresh = picture_encoder_create();
			assert_non_null(fresh);
			encode_frame(fresh, &frame, versions, NULL, &alone);
			picture_encoder_destroy(fresh);
			if (png.len > alone.len + alone.len / 8) {
				fail_msg("round %d, band %d: %zu bytes, %zu with codes of their "
					 "own",
						(int)round, band, png.len, alone.len);
			}
		}
	}
	picture_encoder_destroy(kept);
	free(frame.pixels);
	for (size_t i = 0; i < CUA_ARRAY_LEN(shots); i++) {
		free(shots[i].pixels);
	}
}

static void more_than_is_kept_is_right_too(void **state)
{
	(void)state;
	struct picture_encoder *encoder = picture_encoder_create();
	assert_non_null(encoder);
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, 0);
	/* Noise does not get smaller: 18 MB of bands. */
	struct picture frame = make_picture(3000, 2000, 12000);
	uint64_t versions[BANDS_MAX], version = 1;
	for (int band = 0; band < BANDS_MAX; band++) {
		versions[band] = version;
	}
	fill_noise(&frame, 5);
	uint32_t seed = 6;
	for (int round = 0; round < 3; round++) {
		encode_frame(encoder, &frame, versions, NULL, &png);
		expect_decodes_to(&png, &frame);
		draw_somewhere(&frame, versions, ++version, &seed);
	}
	free(frame.pixels);
	picture_encoder_destroy(encoder);
}

static size_t percent_of_libpngs(const struct picture *frame, const char *what)
{
	const int libpng_level = frame_level == CUA_PICTURE_FAST ? 1 : 6;
	struct picture_encoder *encoder = picture_encoder_create();
	assert_non_null(encoder);
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, 0);
	uint64_t versions[BANDS_MAX];
	for (int band = 0; band < BANDS_MAX; band++) {
		versions[band] = 1;
	}
	encode_frame(encoder, frame, versions, NULL, &png);
	expect_decodes_to(&png, frame);
	picture_encoder_destroy(encoder);
	const size_t other = libpng_len(frame, libpng_level);
	print_message("%s: %zu bytes, libpng at level %d: %zu\n", what, png.len, libpng_level,
			other);
	return png.len * 100 / other;
}

/* Bands cost something each: of a plain screen a part that counts, of a black one, which is the
 * smallest, more than is allowed elsewhere. */
static void bands_are_about_as_small_as_libpngs(void **state)
{
	(void)state;
	const size_t at_most = frame_level == CUA_PICTURE_FAST ? 130 : 105;
	static const uint8_t colours[][3] = { { 0xff, 0xff, 0xff }, { 0xff, 0, 0 },
		{ 0x80, 0x80, 0x80 }, { 0xff, 0xff, 0 }, { 0x33, 0xcc, 0x66 } };
	struct picture frame = make_picture(1280, 800, 1280 * 4);
	memset(frame.pixels, 0, (size_t)1280 * 800 * 4);
	assert_true(percent_of_libpngs(&frame, "black") <= 120);
	for (size_t i = 0; i < CUA_ARRAY_LEN(colours); i++) {
		for (size_t at = 0; at < (size_t)1280 * 800 * 4; at += 4) {
			memcpy(frame.pixels + at, colours[i], 3);
		}
		assert_true(percent_of_libpngs(&frame, "one colour") <= at_most);
		for (int y = 100; y < 700; y += 150) {
			for (int row = y; row < y + 50; row++) {
				memset(pixel_at(&frame, y, row), 0x55 + y % 64, 200 * 4);
			}
		}
		assert_true(percent_of_libpngs(&frame, "and a few boxes") <= at_most);
	}
	fill_text(&frame, 42);
	assert_true(percent_of_libpngs(&frame, "text") <= at_most);
	free(frame.pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_never_out_of_date),
		cmocka_unit_test(a_band_of_the_same_version_is_not_made_again),
		cmocka_unit_test(a_patch_comes_and_goes),
		cmocka_unit_test(codes_are_not_kept_for_what_they_are_bad_for),
		cmocka_unit_test(codes_of_a_photograph_are_not_kept_for_another),
		cmocka_unit_test(more_than_is_kept_is_right_too),
		cmocka_unit_test(bands_are_about_as_small_as_libpngs),
	};
	int failed = 0;
	for (frame_level = CUA_PICTURE_FAST; frame_level <= CUA_PICTURE_SMALL; frame_level++) {
		failed += cmocka_run_group_tests(tests, NULL, NULL);
	}
	return failed;
}

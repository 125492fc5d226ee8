/* JPEG, WebP, scaling, and the threads that help. */

#include "tests/pictures.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <unistd.h>
#include <webp/decode.h>

#include "cua/base/util.h"
#include "tests/waiting.h"

static struct picture_encoder *encoder;

static enum cua_status encode(const struct picture *picture, const struct picture_coding *coding,
		struct cua_buffer *bytes, struct cua_error *err)
{
	const struct picture_pixels pixels = pixels_of(picture);
	cua_buffer_init(bytes, (size_t)64 << 20);
	return picture_encode(encoder, &pixels, coding, bytes, err);
}

/* --- formats that lose something --- */

static uint8_t *decode(const struct cua_buffer *bytes, enum cua_picture_format format,
		const struct picture *picture)
{
	const uint8_t *data = (const uint8_t *)bytes->data;
	const size_t len = (size_t)picture->width * (size_t)picture->height * 4;
	uint8_t *pixels = malloc(len);
	assert_non_null(pixels);
	if (format == CUA_PICTURE_WEBP) {
		int width = 0, height = 0;
		assert_true(WebPGetInfo(data, bytes->len, &width, &height));
		assert_int_equal(width, picture->width);
		assert_int_equal(height, picture->height);
		assert_non_null(WebPDecodeBGRAInto(
				data, bytes->len, pixels, len, picture->width * 4));
		return pixels;
	}
	int width = 0, height = 0, sampling = 0, space = 0;
	tjhandle jpeg = tjInitDecompress();
	assert_int_equal(tjDecompressHeader3(jpeg, data, bytes->len, &width, &height, &sampling,
					 &space),
			0);
	assert_int_equal(width, picture->width);
	assert_int_equal(height, picture->height);
	assert_int_equal(tjDecompress2(jpeg, data, bytes->len, pixels, width, 0, height, TJPF_BGRX,
					 0),
			0);
	tjDestroy(jpeg);
	return pixels;
}

/* Of the decoded picture from the right one, over all bytes. */
static double mean_distance(const struct cua_buffer *bytes, enum cua_picture_format format,
		const struct picture *picture)
{
	CUA_AUTO_FREE uint8_t *decoded = decode(bytes, format, picture);
	double sum = 0;
	for (int y = 0; y < picture->height; y++) {
		for (int x = 0; x < picture->width; x++) {
			const uint8_t *at = decoded +
					((size_t)y * (size_t)picture->width + (size_t)x) * 4;
			for (int c = 0; c < 3; c++) {
				sum += abs(at[c] - pixel_at(picture, x, y)[c]);
			}
		}
	}
	return sum / (3.0 * picture->width * picture->height);
}

static void quality_is_paid_for_in_bytes(void **state)
{
	(void)state;
	struct picture picture = make_picture(640, 400, 640 * 4 + 36);
	fill_text(&picture, 3);
	fill_photograph(&picture, 100, 200, 5);
	for (enum cua_picture_format format = CUA_PICTURE_JPEG; format <= CUA_PICTURE_WEBP;
			format++) {
		size_t former_len = 0;
		double former_distance = 255;
		for (int quality = 1; quality <= 100; quality += 33) {
			CUA_AUTO_BUFFER struct cua_buffer fast, small;
			struct picture_coding coding = { format, CUA_PICTURE_FAST, quality };
			assert_int_equal(encode(&picture, &coding, &fast, NULL), CUA_OK);
			coding.level = CUA_PICTURE_SMALL;
			assert_int_equal(encode(&picture, &coding, &small, NULL), CUA_OK);
			const double distance = mean_distance(&fast, format, &picture);
			assert_true(fast.len > former_len && small.len < fast.len);
			assert_true(distance < former_distance);
			former_len = fast.len;
			former_distance = distance;
		}
		assert_true(former_distance < 2);
	}
	free(picture.pixels);
}

static void formats_say_what_they_cannot_hold(void **state)
{
	(void)state;
	struct picture wide = make_picture(16384, 2, 16384 * 4);
	fill_noise(&wide, 1);
	struct picture_coding coding = { CUA_PICTURE_JPEG, CUA_PICTURE_FAST, 50 };
	CUA_AUTO_BUFFER struct cua_buffer jpeg, webp;
	struct cua_error err = { 0 };
	assert_int_equal(encode(&wide, &coding, &jpeg, &err), CUA_OK);
	coding.format = CUA_PICTURE_WEBP;
	assert_int_equal(encode(&wide, &coding, &webp, &err), CUA_ERR_INVAL);
	assert_non_null(strstr(err.msg, "16384x2"));
	assert_non_null(strstr(err.msg, "at most 16383"));
	free(wide.pixels);
}

static void a_full_buffer_is_an_error_in_every_format(void **state)
{
	(void)state;
	struct picture picture = make_picture(64, 64, 256);
	fill_noise(&picture, 3);
	const struct picture_pixels pixels = pixels_of(&picture);
	for (enum cua_picture_format format = CUA_PICTURE_PNG; format <= CUA_PICTURE_WEBP;
			format++) {
		const struct picture_coding coding = { format, CUA_PICTURE_FAST, 80 };
		CUA_AUTO_BUFFER struct cua_buffer bytes;
		cua_buffer_init(&bytes, 600);
		assert_int_equal(picture_encode(encoder, &pixels, &coding, &bytes, NULL),
				CUA_ERR_TOO_LARGE);
	}
	free(picture.pixels);
}

/* --- scaling --- */

static struct picture scale(const struct picture *picture, int width, int height)
{
	struct picture scaled = make_picture(width, height, width * 4);
	const struct picture_pixels pixels = pixels_of(picture);
	assert_int_equal(picture_scale(&pixels, scaled.pixels, width, height, NULL), CUA_OK);
	return scaled;
}

static void one_colour_stays_it_at_every_size(void **state)
{
	(void)state;
	static const int sizes[][4] = { { 1, 1, 1, 1 }, { 1, 1, 16384, 3 }, { 16384, 3, 1, 1 },
		{ 1280, 800, 1, 800 }, { 1280, 800, 1280, 1 }, { 1280, 1, 640, 2000 },
		{ 7, 5, 1000, 1000 }, { 1000, 1000, 7, 5 }, { 333, 77, 332, 78 },
		{ 3, 16384, 5, 3 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		struct picture picture = make_picture(sizes[i][0], sizes[i][1], sizes[i][0] * 4);
		for (int y = 0; y < picture.height; y++) {
			for (int x = 0; x < picture.width; x++) {
				memcpy(pixel_at(&picture, x, y), "\x11\x80\xfe\xaa", 4);
			}
		}
		struct picture scaled = scale(&picture, sizes[i][2], sizes[i][3]);
		for (int y = 0; y < scaled.height; y++) {
			for (int x = 0; x < scaled.width; x++) {
				assert_memory_equal(pixel_at(&scaled, x, y), "\x11\x80\xfe", 3);
			}
		}
		free(picture.pixels);
		free(scaled.pixels);
	}
}

/* A white square on black stays where it is, whatever the size. */
static void things_stay_where_they_are(void **state)
{
	(void)state;
	static const int sizes[][2] = { { 640, 400 }, { 320, 200 }, { 100, 400 }, { 1280, 100 },
		{ 97, 61 }, { 2000, 1500 } };
	struct picture picture = make_picture(640, 400, 640 * 4);
	memset(picture.pixels, 0, 640 * 4 * 400);
	for (int y = 100; y < 200; y++) {
		memset(pixel_at(&picture, 160, y), 0xff, 320 * 4);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(sizes); i++) {
		struct picture scaled = scale(&picture, sizes[i][0], sizes[i][1]);
		const double across = 640.0 / scaled.width, down = 400.0 / scaled.height;
		for (int y = 0; y < scaled.height; y++) {
			for (int x = 0; x < scaled.width; x++) {
				/* Away from the edges by more than the filter's reach. */
				const double at_x = (x + 0.5) * across, at_y = (y + 0.5) * down;
				const double reach_x = 4 + 3 * across, reach_y = 4 + 3 * down;
				const uint8_t *pixel = pixel_at(&scaled, x, y);
				if (at_x > 160 + reach_x && at_x < 480 - reach_x &&
						at_y > 100 + reach_y && at_y < 200 - reach_y) {
					assert_true(pixel[0] > 0xf0 && pixel[2] > 0xf0);
				} else if (at_x < 160 - reach_x || at_x > 480 + reach_x ||
						at_y < 100 - reach_y || at_y > 200 + reach_y) {
					assert_true(pixel[0] < 0x10 && pixel[2] < 0x10);
				}
			}
		}
		free(scaled.pixels);
	}
	free(picture.pixels);
}

static void half_the_size_is_about_the_mean(void **state)
{
	(void)state;
	struct picture picture = make_picture(640, 400, 640 * 4);
	fill_photograph(&picture, 0, 400, 17);
	struct picture half = scale(&picture, 320, 200);
	long total = 0;
	for (int y = 0; y < 200; y++) {
		for (int x = 0; x < 320; x++) {
			for (int c = 0; c < 3; c++) {
				const int mean = (pixel_at(&picture, 2 * x, 2 * y)[c] +
								 pixel_at(&picture, 2 * x + 1,
										 2 * y)[c] +
								 pixel_at(&picture, 2 * x,
										 2 * y + 1)[c] +
								 pixel_at(&picture, 2 * x + 1,
										 2 * y + 1)[c]) /
						4;
				total += abs(mean - pixel_at(&half, x, y)[c]);
			}
		}
	}
	assert_true(total < 2L * 320 * 200 * 3);
	free(picture.pixels);
	free(half.pixels);
}

/* --- threads --- */

static int thread_count(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int count = 0;
	assert_non_null(tasks);
	for (const struct dirent *entry; (entry = readdir(tasks));) {
		count += entry->d_name[0] != '.';
	}
	closedir(tasks);
	return count;
}

static bool no_more_threads_than(void *data)
{
	return thread_count() <= *(const int *)data;
}

static void threads_end_when_there_is_nothing_to_do(void **state)
{
	(void)state;
	int before = thread_count();
	struct picture_encoder *own = picture_encoder_create();
	struct picture picture = make_picture(1280, 800, 1280 * 4);
	fill_text(&picture, 1);
	const struct picture_pixels pixels = pixels_of(&picture);
	const struct picture_coding coding = { CUA_PICTURE_PNG, CUA_PICTURE_FAST, 80 };
	assert_int_equal(thread_count(), before);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 20; i++) {
			CUA_AUTO_BUFFER struct cua_buffer png;
			cua_buffer_init(&png, 1 << 24);
			assert_int_equal(picture_encode(own, &pixels, &coding, &png, NULL), CUA_OK);
			expect_decodes_to(&png, &picture);
		}
		assert_true(thread_count() - before < sysconf(_SC_NPROCESSORS_ONLN));
		(void)waits_until(no_more_threads_than, &before, 30000);
		assert_int_equal(thread_count(), before);
	}
	/* And when the encoder goes while they are awake. */
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, 1 << 24);
	assert_int_equal(picture_encode(own, &pixels, &coding, &png, NULL), CUA_OK);
	picture_encoder_destroy(own);
	assert_int_equal(thread_count(), before);
	free(picture.pixels);
}

static int start(void **state)
{
	(void)state;
	encoder = picture_encoder_create();
	return encoder ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	picture_encoder_destroy(encoder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_end_when_there_is_nothing_to_do),
		cmocka_unit_test(quality_is_paid_for_in_bytes),
		cmocka_unit_test(formats_say_what_they_cannot_hold),
		cmocka_unit_test(a_full_buffer_is_an_error_in_every_format),
		cmocka_unit_test(one_colour_stays_it_at_every_size),
		cmocka_unit_test(things_stay_where_they_are),
		cmocka_unit_test(half_the_size_is_about_the_mean),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

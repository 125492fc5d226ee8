#include "display/picture/scale.h"

#include <errno.h>
#include <pixman.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cua/base/util.h"

#define SCALE_BAND_ROWS 64
/* Positions between two pixels that the filter is worked out for. */
#define SUBSAMPLE_BITS 5

static inline void image_unrefp(pixman_image_t **image)
{
	if (*image) {
		pixman_image_unref(*image);
	}
}

#define AUTO_IMAGE __attribute__((cleanup(image_unrefp)))

/* One direction at a time: n taps twice instead of n * n taps. */
struct scale_pass {
	struct picture_pixels from;
	uint8_t *to_data;
	int to_width_px, to_height_px;
	pixman_transform_t transform;
	pixman_fixed_t *filter; /* owned */
	int filter_len;
	atomic_bool failed;
};

static void scale_band(void *user_data, int item, struct picture_scratch *scratch)
{
	(void)scratch;
	struct scale_pass *pass = user_data;
	const int first_row = item * SCALE_BAND_ROWS;
	const int left = pass->to_height_px - first_row;
	/* pixman writes to destinations only. */
	uint32_t *from_data = (uint32_t *)(uintptr_t)pass->from.data;
	AUTO_IMAGE pixman_image_t *from = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8,
			pass->from.width_px, pass->from.height_px, from_data,
			(int)pass->from.stride_bytes);
	AUTO_IMAGE pixman_image_t *to = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8,
			pass->to_width_px, pass->to_height_px, (uint32_t *)(void *)pass->to_data,
			pass->to_width_px * 4);
	if (!from || !to || !pixman_image_set_transform(from, &pass->transform) ||
			!pixman_image_set_filter(from, PIXMAN_FILTER_SEPARABLE_CONVOLUTION,
					pass->filter, pass->filter_len)) {
		atomic_store(&pass->failed, true);
		return;
	}
	pixman_image_set_repeat(from, PIXMAN_REPEAT_PAD);
	pixman_image_composite32(PIXMAN_OP_SRC, from, NULL, to, 0, first_row, 0, 0, 0, first_row,
			pass->to_width_px, left < SCALE_BAND_ROWS ? left : SCALE_BAND_ROWS);
}

/* A box and an impulse are the pixel itself. */
static void choose_kernels(double scale, pixman_kernel_t *ret_reconstruct,
		pixman_kernel_t *ret_sample, int *ret_subsample_bits)
{
	*ret_reconstruct = scale > 1 ? PIXMAN_KERNEL_IMPULSE
			: scale < 1  ? PIXMAN_KERNEL_CUBIC
				     : PIXMAN_KERNEL_BOX;
	*ret_sample = scale > 1 ? PIXMAN_KERNEL_LANCZOS3 : PIXMAN_KERNEL_IMPULSE;
	*ret_subsample_bits = scale == 1 ? 0 : SUBSAMPLE_BITS;
}

static enum cua_status run_pass(
		struct picture_workers *workers, struct scale_pass *pass, struct cua_error *err)
{
	const double scale_x = (double)pass->from.width_px / pass->to_width_px;
	const double scale_y = (double)pass->from.height_px / pass->to_height_px;
	const pixman_fixed_t fixed_x = pixman_double_to_fixed(scale_x),
			     fixed_y = pixman_double_to_fixed(scale_y);
	pixman_kernel_t reconstruct_x, reconstruct_y, sample_x, sample_y;
	int bits_x, bits_y;
	choose_kernels(scale_x, &reconstruct_x, &sample_x, &bits_x);
	choose_kernels(scale_y, &reconstruct_y, &sample_y, &bits_y);
	pixman_transform_init_scale(&pass->transform, fixed_x, fixed_y);
	pass->filter = pixman_filter_create_separable_convolution(&pass->filter_len, fixed_x,
			fixed_y, reconstruct_x, reconstruct_y, sample_x, sample_y, bits_x, bits_y);
	if (pass->filter) {
		const int bands = (pass->to_height_px + SCALE_BAND_ROWS - 1) / SCALE_BAND_ROWS;
		picture_workers_run(workers, bands, bands == 1, scale_band, pass);
	}
	const bool done = pass->filter && !atomic_load(&pass->failed);
	free(pass->filter);
	return done ? CUA_OK
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture of %dx%d", pass->to_width_px,
				      pass->to_height_px);
}

enum cua_status scale_pixels(struct picture_workers *workers, const struct picture_pixels *pixels,
		uint8_t *to_data, int width_px, int height_px, struct cua_error *err)
{
	/* The order that has less between the passes. */
	const bool x_first = (uint64_t)width_px * (uint64_t)pixels->height_px <=
			(uint64_t)pixels->width_px * (uint64_t)height_px;
	struct picture_pixels middle = { NULL, x_first ? width_px : pixels->width_px,
		x_first ? pixels->height_px : height_px, 0 };
	middle.stride_bytes = (size_t)middle.width_px * 4;
	CUA_AUTO_FREE uint8_t *middle_data = malloc(middle.stride_bytes * (size_t)middle.height_px);
	if (!middle_data) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture of %dx%d", width_px,
				height_px);
	}
	middle.data = middle_data;
	struct scale_pass first = { .from = *pixels,
		.to_data = middle_data,
		.to_width_px = middle.width_px,
		.to_height_px = middle.height_px };
	enum cua_status status = run_pass(workers, &first, err);
	if (status != CUA_OK) {
		return status;
	}
	struct scale_pass second = { .from = middle,
		.to_data = to_data,
		.to_width_px = width_px,
		.to_height_px = height_px };
	return run_pass(workers, &second, err);
}

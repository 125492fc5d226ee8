#include "display/picture/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <zimg.h>

#include "cua/base/util.h"

#define PLANES 3
/* What zimg wants rows and buffers to begin at, on any processor. */
#define ALIGNMENT 64
#define LANCZOS_TAPS 3

/* zimg works on planes: rows are taken apart before it reads them, and put together after it wrote
 * them, a few at a time. */
struct planes {
	uint8_t *data; /* owned; PLANES times rows of stride bytes */
	size_t stride;
	unsigned int mask; /* rows that are there, a power of two, less one; or ZIMG_BUFFER_MAX */
	size_t plane_len;
};

struct scaling {
	const struct picture_pixels *from;
	uint8_t *to_data;
	size_t to_stride;
	struct planes in, out;
	zimg_filter_graph *graph; /* owned */
	void *work;               /* owned */
};

static void scaling_finish(struct scaling *scaling)
{
	free(scaling->in.data);
	free(scaling->out.data);
	free(scaling->work);
	zimg_filter_graph_free(scaling->graph);
}

static int on_read(void *user_data, unsigned int row, unsigned int left, unsigned int right)
{
	const struct scaling *scaling = user_data;
	const struct planes *in = &scaling->in;
	const uint8_t *restrict pixel = scaling->from->data + row * scaling->from->stride_bytes;
	uint8_t *restrict blue = in->data + (row & in->mask) * in->stride;
	uint8_t *restrict green = blue + in->plane_len;
	uint8_t *restrict red = green + in->plane_len;
	for (unsigned int x = left; x < right; x++) {
		blue[x] = pixel[4 * x];
		green[x] = pixel[4 * x + 1];
		red[x] = pixel[4 * x + 2];
	}
	return 0;
}

static int on_written(void *user_data, unsigned int row, unsigned int left, unsigned int right)
{
	const struct scaling *scaling = user_data;
	const struct planes *out = &scaling->out;
	uint8_t *restrict pixel = scaling->to_data + row * scaling->to_stride;
	const uint8_t *restrict blue = out->data + (row & out->mask) * out->stride;
	const uint8_t *restrict green = blue + out->plane_len;
	const uint8_t *restrict red = green + out->plane_len;
	for (unsigned int x = left; x < right; x++) {
		pixel[4 * x] = blue[x];
		pixel[4 * x + 1] = green[x];
		pixel[4 * x + 2] = red[x];
		pixel[4 * x + 3] = 0;
	}
	return 0;
}

static bool planes_create(struct planes *planes, int width_px, int height_px, unsigned int rows)
{
	planes->stride = ((size_t)width_px + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	planes->mask = zimg_select_buffer_mask(rows);
	const size_t count = planes->mask == ZIMG_BUFFER_MAX ? (size_t)height_px
							     : (size_t)planes->mask + 1;
	planes->plane_len = planes->stride * count;
	planes->data = aligned_alloc(ALIGNMENT, PLANES * planes->plane_len);
	return planes->data;
}

/* The planes are scaled alike and one by one: which colour each is does not matter. */
static zimg_filter_graph *build_graph(
		const struct picture_pixels *from, int width_px, int height_px)
{
	zimg_image_format format, to_format;
	zimg_graph_builder_params params;
	zimg_image_format_default(&format, ZIMG_API_VERSION);
	zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
	format.width = (unsigned int)from->width_px;
	format.height = (unsigned int)from->height_px;
	format.pixel_type = ZIMG_PIXEL_BYTE;
	format.color_family = ZIMG_COLOR_RGB;
	format.matrix_coefficients = ZIMG_MATRIX_RGB;
	format.pixel_range = ZIMG_RANGE_FULL;
	to_format = format;
	to_format.width = (unsigned int)width_px;
	to_format.height = (unsigned int)height_px;
	/* Lanczos keeps small text readable; cubic (Catmull-Rom) does not ring around large. */
	if (width_px < from->width_px || height_px < from->height_px) {
		params.resample_filter = ZIMG_RESIZE_LANCZOS;
		params.filter_param_a = LANCZOS_TAPS;
	} else {
		params.resample_filter = ZIMG_RESIZE_BICUBIC;
		params.filter_param_a = 0;
		params.filter_param_b = 0.5;
	}
	return zimg_filter_graph_build(&format, &to_format, &params);
}

static bool scaling_create(struct scaling *scaling, int width_px, int height_px)
{
	unsigned int in_rows = 0, out_rows = 0;
	size_t work_len = 0;
	scaling->graph = build_graph(scaling->from, width_px, height_px);
	if (!scaling->graph ||
			zimg_filter_graph_get_input_buffering(scaling->graph, &in_rows) !=
					ZIMG_ERROR_SUCCESS ||
			zimg_filter_graph_get_output_buffering(scaling->graph, &out_rows) !=
					ZIMG_ERROR_SUCCESS ||
			zimg_filter_graph_get_tmp_size(scaling->graph, &work_len) !=
					ZIMG_ERROR_SUCCESS) {
		return false;
	}
	work_len = (work_len / ALIGNMENT + 1) * ALIGNMENT;
	scaling->work = aligned_alloc(ALIGNMENT, work_len);
	return scaling->work &&
			planes_create(&scaling->in, scaling->from->width_px,
					scaling->from->height_px, in_rows) &&
			planes_create(&scaling->out, width_px, height_px, out_rows);
}

enum cua_status picture_scale(const struct picture_pixels *pixels, uint8_t *to_data, int width_px,
		int height_px, struct cua_error *err)
{
	__attribute__((cleanup(scaling_finish))) struct scaling scaling = {
		.from = pixels, .to_data = to_data, .to_stride = (size_t)width_px * 4
	};
	zimg_image_buffer_const in = { .version = ZIMG_API_VERSION };
	zimg_image_buffer out = { .version = ZIMG_API_VERSION };
	if (!scaling_create(&scaling, width_px, height_px)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture of %dx%d", width_px,
				height_px);
	}
	for (int i = 0; i < PLANES; i++) {
		in.plane[i].data = scaling.in.data + (size_t)i * scaling.in.plane_len;
		in.plane[i].stride = (ptrdiff_t)scaling.in.stride;
		in.plane[i].mask = scaling.in.mask;
		out.plane[i].data = scaling.out.data + (size_t)i * scaling.out.plane_len;
		out.plane[i].stride = (ptrdiff_t)scaling.out.stride;
		out.plane[i].mask = scaling.out.mask;
	}
	if (zimg_filter_graph_process(scaling.graph, &in, &out, scaling.work, on_read, &scaling,
			    on_written, &scaling) != ZIMG_ERROR_SUCCESS) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "picture of %dx%d cannot be scaled to %dx%d",
				pixels->width_px, pixels->height_px, width_px, height_px);
	}
	return CUA_OK;
}

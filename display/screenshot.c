#include "display/display_internal.h"

#include <errno.h>
#include <math.h>
#include <pixman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

static inline void image_unrefp(pixman_image_t **image)
{
	if (*image) {
		pixman_image_unref(*image);
	}
}

#define AUTO_IMAGE __attribute__((cleanup(image_unrefp)))

/* The pointer as the server draws it, over the picture of a region. */
static void draw_pointer(
		struct display *display, pixman_image_t *image, const struct cua_region *region)
{
	XFixesCursorImage *cursor = XFixesGetCursorImage(display->xlib);
	if (!cursor) {
		return;
	}
	const size_t count = (size_t)cursor->width * cursor->height;
	CUA_AUTO_FREE uint32_t *pixels =
			count > 0 && count <= 1 << 20 ? calloc(count, sizeof(*pixels)) : NULL;
	AUTO_IMAGE pixman_image_t *sprite = NULL;
	if (pixels) {
		/* Xlib gives each 32-bit pixel in a long. */
		for (size_t i = 0; i < count; i++) {
			pixels[i] = (uint32_t)cursor->pixels[i];
		}
		sprite = pixman_image_create_bits(PIXMAN_a8r8g8b8, cursor->width, cursor->height,
				pixels, cursor->width * 4);
	}
	if (sprite) {
		pixman_image_composite32(PIXMAN_OP_OVER, sprite, NULL, image, 0, 0, 0, 0,
				cursor->x - cursor->xhot - region->x,
				cursor->y - cursor->yhot - region->y, cursor->width,
				cursor->height);
	}
	XFree(cursor);
}

/* A copy of the region out of the frame. */
static pixman_image_t *copy_region(const struct display *display, const struct cua_region *region)
{
	AUTO_IMAGE pixman_image_t *frame = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8,
			display->width_px, display->height_px, (uint32_t *)display->frame.pixels,
			display->width_px * 4);
	pixman_image_t *copy = pixman_image_create_bits(
			PIXMAN_x8r8g8b8, region->width, region->height, NULL, 0);
	if (frame && copy) {
		pixman_image_composite32(PIXMAN_OP_SRC, frame, NULL, copy, region->x, region->y, 0,
				0, 0, 0, region->width, region->height);
	}
	return copy;
}

static pixman_image_t *scale_down(pixman_image_t *image, int width_px, int height_px)
{
	const double scale_x = (double)pixman_image_get_width(image) / width_px;
	const double scale_y = (double)pixman_image_get_height(image) / height_px;
	int value_count = 0;
	pixman_transform_t transform;
	pixman_image_t *scaled =
			pixman_image_create_bits(PIXMAN_x8r8g8b8, width_px, height_px, NULL, 0);
	pixman_fixed_t *filter = pixman_filter_create_separable_convolution(&value_count,
			pixman_double_to_fixed(scale_x), pixman_double_to_fixed(scale_y),
			PIXMAN_KERNEL_LINEAR, PIXMAN_KERNEL_LINEAR, PIXMAN_KERNEL_BOX,
			PIXMAN_KERNEL_BOX, 4, 4);
	if (!scaled || !filter) {
		free(filter);
		image_unrefp(&scaled);
		return NULL;
	}
	pixman_transform_init_scale(&transform, pixman_double_to_fixed(scale_x),
			pixman_double_to_fixed(scale_y));
	pixman_image_set_transform(image, &transform);
	pixman_image_set_repeat(image, PIXMAN_REPEAT_PAD);
	pixman_image_set_filter(image, PIXMAN_FILTER_SEPARABLE_CONVOLUTION, filter, value_count);
	pixman_image_composite32(
			PIXMAN_OP_SRC, image, NULL, scaled, 0, 0, 0, 0, 0, 0, width_px, height_px);
	free(filter);
	return scaled;
}

/* Pixels, pointer and scale: what a picture depends on. */
static void make_etag(struct display *display, const struct display_shot *shot,
		const struct cua_region *region, char *etag, size_t size)
{
	int x = -1, y = -1;
	unsigned long shape = 0;
	if (shot->pointer) {
		Window root, child;
		int win_x, win_y;
		unsigned int mask;
		XQueryPointer(display->xlib, display->root, &root, &child, &x, &y, &win_x, &win_y,
				&mask);
		XFixesCursorImage *cursor = XFixesGetCursorImage(display->xlib);
		if (cursor) {
			shape = cursor->cursor_serial;
			XFree(cursor);
		}
	}
	/* The frame's serial starts anew with each host: a random number keeps the tags apart. */
	snprintf(etag, size, "\"%x-%llx-%x.%x.%lx-%x.%x.%x.%x.%x\"", display->frame_epoch,
			(unsigned long long)display->frame.serial, (unsigned int)x & 0xffff,
			(unsigned int)y & 0xffff, shape, (unsigned int)region->x,
			(unsigned int)region->y, (unsigned int)region->width,
			(unsigned int)region->height, (unsigned int)shot->max_edge);
}

static enum cua_status render(struct display *display, const struct display_shot *shot,
		const struct cua_region *region, struct display_image *image, struct cua_error *err)
{
	const int edge = region->width > region->height ? region->width : region->height;
	const bool scaling = shot->max_edge > 0 && shot->max_edge < edge;
	image->width_px = region->width;
	image->height_px = region->height;
	if (!scaling && !shot->pointer) {
		const uint8_t *first = display->frame.pixels +
				((size_t)region->y * (size_t)display->width_px +
						(size_t)region->x) *
						4;
		return png_encode(first, region->width, region->height, display->width_px * 4,
				&image->png, err);
	}
	AUTO_IMAGE pixman_image_t *picture = copy_region(display, region);
	if (!picture) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	if (shot->pointer) {
		draw_pointer(display, picture, region);
	}
	if (scaling) {
		const double scale = (double)shot->max_edge / edge;
		const int width = (int)lround(region->width * scale);
		const int height = (int)lround(region->height * scale);
		image->width_px = width > 0 ? width : 1;
		image->height_px = height > 0 ? height : 1;
		pixman_image_t *scaled = scale_down(picture, image->width_px, image->height_px);
		if (!scaled) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
		}
		pixman_image_unref(picture);
		picture = scaled;
	}
	return png_encode((const uint8_t *)pixman_image_get_data(picture), image->width_px,
			image->height_px, pixman_image_get_stride(picture), &image->png, err);
}

enum cua_status display_screenshot(struct display *display, const struct display_shot *shot,
		const char *if_none_match, struct display_image *ret_image, struct cua_error *err)
{
	/* First, since it may find that the screen has another size. */
	enum cua_status status = frame_update(display, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct cua_region screen = { 0, 0, display->width_px, display->height_px };
	const struct cua_region *region = shot->region.width > 0 ? &shot->region : &screen;
	if (region->x < 0 || region->y < 0 || region->width > screen.width - region->x ||
			region->height > screen.height - region->y) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"region %d,%d,%d,%d leaves the screen of %dx%d", region->x,
				region->y, region->width, region->height, screen.width,
				screen.height);
	}
	struct display_image image = { .unchanged = false };
	cua_buffer_init(&image.png, (size_t)256 << 20);
	make_etag(display, shot, region, image.etag, sizeof(image.etag));
	image.unchanged = if_none_match && strcmp(if_none_match, image.etag) == 0;
	if (!image.unchanged) {
		status = render(display, shot, region, &image, err);
	}
	if (status != CUA_OK) {
		cua_buffer_finish(&image.png);
		return status;
	}
	*ret_image = image;
	return CUA_OK;
}

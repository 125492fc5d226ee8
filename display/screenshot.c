#include "display/display_internal.h"

#include <errno.h>
#include <math.h>
#include <pixman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define BYTES_MAX ((size_t)256 << 20)
/* Pixels of a pointer: more are some application's mischief, and not drawn. */
#define POINTER_MAX_PX (1 << 20)

static inline void image_unrefp(pixman_image_t **image)
{
	if (*image) {
		pixman_image_unref(*image);
	}
}

#define AUTO_IMAGE __attribute__((cleanup(image_unrefp)))

static inline void cursor_freep(XFixesCursorImage **cursor)
{
	if (*cursor) {
		XFree(*cursor);
	}
}

#define AUTO_CURSOR __attribute__((cleanup(cursor_freep)))

/* --- what a shot asks for --- */

static enum cua_status find_region(const struct display *display, const struct display_shot *shot,
		struct cua_region *ret_region, struct cua_error *err)
{
	const struct cua_region *region = &shot->region;
	if (region->width == 0) {
		*ret_region = display_screen(display);
		return CUA_OK;
	}
	if (region->x < 0 || region->y < 0 || region->width > display->width_px - region->x ||
			region->height > display->height_px - region->y) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"region %d,%d,%d,%d leaves the screen of %dx%d", region->x,
				region->y, region->width, region->height, display->width_px,
				display->height_px);
	}
	*ret_region = *region;
	return CUA_OK;
}

static int scaled_edge(int edge, double scale)
{
	const double scaled = round(edge * scale);
	return scaled < 1 ? 1 : scaled > INT32_MAX ? INT32_MAX : (int)scaled;
}

/* The size of the picture. */
static enum cua_status find_size(const struct display_shot *shot, const struct cua_region *region,
		struct display_image *image, struct cua_error *err)
{
	const int edge = region->width > region->height ? region->width : region->height;
	int width = region->width, height = region->height;
	if (shot->max_edge > 0 && shot->max_edge < edge) {
		width = scaled_edge(width, (double)shot->max_edge / edge);
		height = scaled_edge(height, (double)shot->max_edge / edge);
	} else if (shot->width > 0 || shot->height > 0) {
		width = shot->width > 0
				? shot->width
				: scaled_edge(region->width, (double)shot->height / region->height);
		height = shot->height > 0
				? shot->height
				: scaled_edge(region->height, (double)shot->width / region->width);
		if (width > CUA_PICTURE_EDGE_MAX || height > CUA_PICTURE_EDGE_MAX ||
				(uint64_t)width * (uint64_t)height > PICTURE_SCALED_MAX_PX) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"the picture would be %dx%d; it may have %d pixels on an "
					"edge and %d in all",
					width, height, CUA_PICTURE_EDGE_MAX, PICTURE_SCALED_MAX_PX);
		}
	}
	image->width_px = width;
	image->height_px = height;
	return CUA_OK;
}

/* --- the pointer --- */

static struct cua_region cursor_area(const XFixesCursorImage *cursor)
{
	return (struct cua_region){ cursor->x - cursor->xhot, cursor->y - cursor->yhot,
		cursor->width, cursor->height };
}

/* Asks what the pointer looks like and where it is; also a round trip, after which all that was
 * drawn before it is known. NULL if there is none to be drawn. */
static XFixesCursorImage *get_cursor(struct display *display)
{
	AUTO_CURSOR XFixesCursorImage *cursor = XFixesGetCursorImage(display->xlib);
	struct display_cursor *last = &display->cursor;
	const size_t count = cursor ? (size_t)cursor->width * cursor->height : 0;
	if (count == 0 || count > POINTER_MAX_PX) {
		return NULL;
	}
	if (last->version == 0 || last->x != cursor->x || last->y != cursor->y ||
			last->shape != cursor->cursor_serial) {
		*last = (struct display_cursor){ cursor->x, cursor->y, cursor->cursor_serial,
			last->version + 1 };
	}
	return CUA_STEAL(cursor);
}

/* The pointer as the server draws it, over the picture of a region. */
static void draw_cursor(pixman_image_t *image, const XFixesCursorImage *cursor,
		const struct cua_region *region)
{
	const size_t count = (size_t)cursor->width * cursor->height;
	const struct cua_region area = cursor_area(cursor);
	CUA_AUTO_FREE uint32_t *pixels = calloc(count, sizeof(*pixels));
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
				area.x - region->x, area.y - region->y, area.width, area.height);
	}
}

/* A copy of the region out of the frame, with the pointer if there is one. */
static pixman_image_t *copy_region(const struct display *display, const struct cua_region *region,
		const XFixesCursorImage *cursor)
{
	pixman_image_t *copy = pixman_image_create_bits_no_clear(
			PIXMAN_x8r8g8b8, region->width, region->height, NULL, 0);
	if (!copy) {
		return NULL;
	}
	uint8_t *to = (uint8_t *)pixman_image_get_data(copy);
	const size_t stride = (size_t)display->width_px * 4;
	const uint8_t *from = veil_frame(display)->pixels + (size_t)region->y * stride +
			(size_t)region->x * 4;
	for (int y = 0; y < region->height; y++) {
		memcpy(to, from, (size_t)region->width * 4);
		to += pixman_image_get_stride(copy);
		from += stride;
	}
	if (cursor) {
		draw_cursor(copy, cursor, region);
	}
	return copy;
}

/* --- pictures --- */

/* Nobody waits for the X server during this work: a large picture takes long, and that is not the
 * server's silence. */
static void begin_work(struct display *display)
{
	atomic_store(&display->busy_since_us, 0);
}

static void end_work(struct display *display)
{
	atomic_store(&display->busy_since_us, cua_now_us());
}

static struct picture_pixels pixels_of_region(
		const struct display *display, const struct cua_region *region)
{
	const size_t stride = (size_t)display->width_px * 4;
	return (struct picture_pixels){ veil_frame(display)->pixels + (size_t)region->y * stride +
				(size_t)region->x * 4,
		region->width, region->height, stride };
}

static struct picture_pixels pixels_of_image(pixman_image_t *image)
{
	return (struct picture_pixels){ (const uint8_t *)pixman_image_get_data(image),
		pixman_image_get_width(image), pixman_image_get_height(image),
		(size_t)pixman_image_get_stride(image) };
}

/* The whole screen as PNG: only bands that look different from the last time are deflated. */
static enum cua_status encode_screen(struct display *display, enum cua_picture_level level,
		const XFixesCursorImage *cursor, struct cua_buffer *bytes, struct cua_error *err)
{
	const struct cua_region screen = display_screen(display);
	const struct picture_pixels pixels = pixels_of_region(display, &screen);
	const struct cua_region area = cursor ? cursor_area(cursor) : (struct cua_region){ 0 };
	struct cua_region drawn;
	if (!region_common(&area, &screen, &drawn)) {
		return picture_encode_frame(display->encoder, &pixels, level,
				veil_frame(display)->band_serial, NULL, bytes, err);
	}
	const int first = drawn.y / FRAME_BAND_ROWS;
	const int last = (drawn.y + drawn.height - 1) / FRAME_BAND_ROWS;
	const int end = (last + 1) * FRAME_BAND_ROWS;
	const struct cua_region rows = { 0, first * FRAME_BAND_ROWS, screen.width,
		(end < screen.height ? end : screen.height) - first * FRAME_BAND_ROWS };
	AUTO_IMAGE pixman_image_t *copy = copy_region(display, &rows, cursor);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	const struct picture_pixels patched = pixels_of_image(copy);
	const struct picture_patch patch = { first, last - first + 1, patched.data,
		patched.stride_bytes, display->cursor.version };
	return picture_encode_frame(display->encoder, &pixels, level,
			veil_frame(display)->band_serial, &patch, bytes, err);
}

static enum cua_status render(struct display *display, const struct display_shot *shot,
		const struct cua_region *region, const XFixesCursorImage *cursor,
		struct display_image *image, struct cua_error *err)
{
	const bool scaling = image->width_px != region->width || image->height_px != region->height;
	if (!scaling && !shot->marks && region->width == display->width_px &&
			region->height == display->height_px &&
			shot->coding.format == CUA_PICTURE_PNG) {
		return encode_screen(display, shot->coding.level, cursor, &image->bytes, err);
	}
	AUTO_IMAGE pixman_image_t *copy = NULL;
	struct picture_pixels pixels = pixels_of_region(display, region);
	if (cursor || shot->marks) {
		copy = copy_region(display, region, cursor);
		if (!copy) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
		}
		if (shot->marks) {
			marks_draw(&display->marks, region, pixman_image_get_data(copy),
					pixman_image_get_stride(copy));
		}
		pixels = pixels_of_image(copy);
	}
	CUA_AUTO_FREE uint8_t *scaled = NULL;
	if (scaling) {
		scaled = malloc((size_t)image->width_px * (size_t)image->height_px * 4);
		if (!scaled) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
		}
		enum cua_status status = picture_scale(
				&pixels, scaled, image->width_px, image->height_px, err);
		if (status != CUA_OK) {
			return status;
		}
		pixels = (struct picture_pixels){ scaled, image->width_px, image->height_px,
			(size_t)image->width_px * 4 };
	}
	return picture_encode(display->encoder, &pixels, &shot->coding, &image->bytes, err);
}

/* Everything that a picture depends on. */
static void make_etag(const struct display *display, const struct display_shot *shot,
		const struct cua_region *region, const XFixesCursorImage *cursor,
		struct display_image *image)
{
	const int quality = shot->coding.format == CUA_PICTURE_PNG ? 0 : shot->coding.quality;
	/* The frame's serial starts anew with each host: a random number keeps the tags apart. */
	snprintf(image->etag, sizeof(image->etag), "\"%x-%llx-%llx-%x.%x.%x.%x-%x.%x-%x.%x.%x\"",
			display->frame_epoch, (unsigned long long)veil_frame(display)->serial,
			(unsigned long long)(cursor ? display->cursor.version : 0),
			(unsigned int)region->x, (unsigned int)region->y,
			(unsigned int)region->width, (unsigned int)region->height,
			(unsigned int)image->width_px, (unsigned int)image->height_px,
			(unsigned int)shot->coding.format, (unsigned int)shot->coding.level,
			(unsigned int)quality);
}

static bool is_whole_and_fast(const struct display_shot *shot)
{
	return shot->coding.format == CUA_PICTURE_PNG && shot->coding.level == CUA_PICTURE_FAST &&
			shot->region.width == 0 && shot->max_edge == 0 && shot->width == 0 &&
			shot->height == 0 && !shot->marks;
}

enum cua_status display_screenshot(struct display *display, const struct display_shot *shot,
		const char *if_none_match, struct display_image *ret_image, struct cua_error *err)
{
	static const char *const media_types[] = {
		[CUA_PICTURE_PNG] = "image/png",
		[CUA_PICTURE_JPEG] = "image/jpeg",
		[CUA_PICTURE_WEBP] = "image/webp",
	};
	/* First, since it may find that the screen has another size. */
	enum cua_status status = display_ok(display, err);
	AUTO_CURSOR XFixesCursorImage *cursor =
			status == CUA_OK && shot->pointer ? get_cursor(display) : NULL;
	if (status == CUA_OK) {
		display->frame.is_for_picture = is_whole_and_fast(shot);
		status = cursor ? frame_read_known(display, err) : frame_update(display, err);
		display->frame.is_for_picture = false;
	}
	struct cua_region region;
	struct display_image image = { .media_type = media_types[shot->coding.format] };
	if (status == CUA_OK) {
		status = find_region(display, shot, &region, err);
	}
	if (status == CUA_OK) {
		status = find_size(shot, &region, &image, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	make_etag(display, shot, &region, cursor, &image);
	image.unchanged = if_none_match && strcmp(if_none_match, image.etag) == 0;
	cua_buffer_init(&image.bytes, BYTES_MAX);
	if (!image.unchanged) {
		begin_work(display);
		status = render(display, shot, &region, cursor, &image, err);
		end_work(display);
	}
	if (status != CUA_OK) {
		cua_buffer_finish(&image.bytes);
		return status;
	}
	*ret_image = image;
	return CUA_OK;
}

enum cua_status display_refresh(struct display *display, struct cua_error *err)
{
	return frame_update(display, err);
}

enum cua_status display_encode(struct display *display, const struct cua_region *region,
		const struct picture_coding *coding, struct cua_buffer *bytes,
		struct cua_error *err)
{
	const struct display_shot shot = { .region = *region };
	struct cua_region inside;
	enum cua_status status = find_region(display, &shot, &inside, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct picture_pixels pixels = pixels_of_region(display, &inside);
	begin_work(display);
	status = picture_encode(display->encoder, &pixels, coding, bytes, err);
	end_work(display);
	return status;
}

#include "cua/base/util.h"
#include "display/display_internal.h"

/* Ten digits of 5 by 7 pixels, rows from the top, the leftmost pixel in bit 4. A font library for
 * them would cost the host more memory than all of them. */
#define DIGIT_WIDTH 5
#define DIGIT_HEIGHT 7
#define SCALE_MAX 2

static const uint8_t digits[10][DIGIT_HEIGHT] = {
	{ 0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e },
	{ 0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e },
	{ 0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f },
	{ 0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e },
	{ 0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02 },
	{ 0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e },
	{ 0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e },
	{ 0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08 },
	{ 0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e },
	{ 0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c },
};

/* Dark enough for white digits; neighbours differ. */
static const uint32_t colours[] = { 0xc00000, 0x0050c0, 0x007020, 0x8000a0, 0xa04800, 0x006878 };

struct canvas {
	uint32_t *pixels;
	int width, height, stride; /* stride in pixels */
};

static void fill(const struct canvas *canvas, int x, int y, int width, int height, uint32_t colour)
{
	const int left = x > 0 ? x : 0, top = y > 0 ? y : 0;
	const int right = x + width < canvas->width ? x + width : canvas->width;
	const int bottom = y + height < canvas->height ? y + height : canvas->height;
	for (int row = top; row < bottom; row++) {
		for (int column = left; column < right; column++) {
			canvas->pixels[(size_t)row * (size_t)canvas->stride + (size_t)column] =
					colour;
		}
	}
}

static void draw_frame(const struct canvas *canvas, const struct cua_region *box, uint32_t colour)
{
	fill(canvas, box->x, box->y, box->width, 1, colour);
	fill(canvas, box->x, box->y + box->height - 1, box->width, 1, colour);
	fill(canvas, box->x, box->y, 1, box->height, colour);
	fill(canvas, box->x + box->width - 1, box->y, 1, box->height, colour);
}

static void draw_digit(const struct canvas *canvas, int x, int y, int digit, int scale)
{
	for (int row = 0; row < DIGIT_HEIGHT; row++) {
		for (int column = 0; column < DIGIT_WIDTH; column++) {
			if (digits[digit][row] >> (DIGIT_WIDTH - 1 - column) & 1) {
				fill(canvas, x + column * scale, y + row * scale, scale, scale,
						0xffffff);
			}
		}
	}
}

/* --- labels --- */

struct label {
	struct cua_region box;
	int scale;
};

static int digits_of(unsigned int number)
{
	int count = 1;
	for (; number >= 10; number /= 10) {
		count++;
	}
	return count;
}

static bool overlap(const struct cua_region *one, const struct cua_region *other)
{
	return one->x < other->x + other->width && other->x < one->x + one->width &&
			one->y < other->y + other->height && other->y < one->y + one->height;
}

static bool is_free(const struct canvas *canvas, const struct shot_marks *marks,
		const struct label *labels, int index, const struct cua_region *box)
{
	if (box->x < 0 || box->y < 0 || box->x + box->width > canvas->width ||
			box->y + box->height > canvas->height) {
		return false;
	}
	for (int i = 0; i < marks->count; i++) {
		if ((i != index && overlap(box, &marks->items[i].box)) ||
				(i < index && overlap(box, &labels[i].box))) {
			return false;
		}
	}
	return true;
}

/* Large beside its box where nothing else is; else small inside the corner of the box. */
static void place_label(const struct canvas *canvas, const struct shot_marks *marks,
		struct label *labels, int index)
{
	const struct cua_region *mark = &marks->items[index].box;
	const int count = digits_of(marks->items[index].number);
	for (int scale = SCALE_MAX; scale > 0; scale--) {
		const int width = (count * (DIGIT_WIDTH + 1) + 1) * scale;
		const int height = (DIGIT_HEIGHT + 2) * scale;
		const struct cua_region places[] = {
			{ mark->x, mark->y - height, width, height },
			{ mark->x, mark->y + mark->height, width, height },
			{ mark->x - width, mark->y, width, height },
			{ mark->x + mark->width, mark->y, width, height },
		};
		for (size_t i = 0; i < CUA_ARRAY_LEN(places); i++) {
			if (is_free(canvas, marks, labels, index, &places[i])) {
				labels[index] = (struct label){ places[i], scale };
				return;
			}
		}
		labels[index] = (struct label){ { mark->x, mark->y, width, height }, scale };
	}
}

static void draw_label(const struct canvas *canvas, const struct label *label, unsigned int number,
		uint32_t colour)
{
	const struct cua_region *box = &label->box;
	const int step = (DIGIT_WIDTH + 1) * label->scale;
	fill(canvas, box->x, box->y, box->width, box->height, colour);
	int x = box->x + box->width - step;
	for (int left = digits_of(number); left > 0; left--, number /= 10, x -= step) {
		draw_digit(canvas, x, box->y + label->scale, (int)(number % 10), label->scale);
	}
}

void marks_draw(const struct shot_marks *marks, const struct cua_region *region, uint32_t *pixels,
		int stride_bytes)
{
	const struct canvas canvas = { pixels, region->width, region->height,
		stride_bytes / (int)sizeof(*pixels) };
	const int colour_count = (int)CUA_ARRAY_LEN(colours);
	struct shot_marks moved = { .count = marks->count };
	struct label labels[SHOT_MARKS_MAX];
	for (int i = 0; i < marks->count; i++) {
		moved.items[i] = marks->items[i];
		moved.items[i].box.x -= region->x;
		moved.items[i].box.y -= region->y;
		draw_frame(&canvas, &moved.items[i].box, colours[i % colour_count]);
	}
	for (int i = 0; i < moved.count; i++) {
		place_label(&canvas, &moved, labels, i);
		draw_label(&canvas, &labels[i], moved.items[i].number, colours[i % colour_count]);
	}
}

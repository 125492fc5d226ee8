#include "display/display_internal.h"

/* Ten digits of 5 by 7 pixels, rows from the top, the leftmost pixel in bit 4. A font library for
 * them would cost the host more memory than all of them. */
#define DIGIT_WIDTH 5
#define DIGIT_HEIGHT 7
#define SCALE 2
#define LABEL_HEIGHT ((DIGIT_HEIGHT + 2) * SCALE)

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

static void draw_digit(const struct canvas *canvas, int x, int y, int digit)
{
	for (int row = 0; row < DIGIT_HEIGHT; row++) {
		for (int column = 0; column < DIGIT_WIDTH; column++) {
			if (digits[digit][row] >> (DIGIT_WIDTH - 1 - column) & 1) {
				fill(canvas, x + column * SCALE, y + row * SCALE, SCALE, SCALE,
						0xffffff);
			}
		}
	}
}

/* Above the box where there is room, so that what the box says stays readable. */
static void draw_label(const struct canvas *canvas, const struct cua_region *box,
		unsigned int number, uint32_t colour)
{
	int count = 1;
	for (unsigned int rest = number; rest >= 10; rest /= 10) {
		count++;
	}
	const int width = (count * (DIGIT_WIDTH + 1) + 1) * SCALE;
	const int y = box->y >= LABEL_HEIGHT ? box->y - LABEL_HEIGHT : box->y;
	int x = box->x + width <= canvas->width ? box->x : canvas->width - width;
	fill(canvas, x, y, width, LABEL_HEIGHT, colour);
	for (x += width - (DIGIT_WIDTH + 1) * SCALE; count > 0; count--, number /= 10) {
		draw_digit(canvas, x, y + SCALE, (int)(number % 10));
		x -= (DIGIT_WIDTH + 1) * SCALE;
	}
}

void marks_draw(const struct shot_marks *marks, const struct cua_region *region, uint32_t *pixels,
		int stride_bytes)
{
	const struct canvas canvas = { pixels, region->width, region->height,
		stride_bytes / (int)sizeof(*pixels) };
	const int count = (int)(sizeof(colours) / sizeof(colours[0]));
	struct cua_region box;
	for (int i = 0; i < marks->count; i++) {
		box = marks->items[i].box;
		box.x -= region->x;
		box.y -= region->y;
		draw_frame(&canvas, &box, colours[i % count]);
	}
	for (int i = 0; i < marks->count; i++) {
		box = marks->items[i].box;
		box.x -= region->x;
		box.y -= region->y;
		draw_label(&canvas, &box, marks->items[i].number, colours[i % count]);
	}
}

#ifndef CUA_TESTS_PICTURES_H
#define CUA_TESTS_PICTURES_H

/* Pictures made for tests, and what libpng makes of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cua/base/buffer.h"
#include "display/picture/picture.h"

struct picture {
	int width, height, stride;
	uint8_t *pixels; /* owned; B8G8R8X8 */
};

/* xorshift: the same pictures in every run. */
uint32_t next_random(uint32_t *seed);

struct picture make_picture(int width, int height, int stride);
uint8_t *pixel_at(const struct picture *picture, int x, int y);
struct picture_pixels pixels_of(const struct picture *picture);

void fill_noise(struct picture *picture, uint32_t seed);
/* Lines of dark marks on white, with a coloured bar: what a window with text deflates like. */
void fill_text(struct picture *picture, uint32_t seed);
/* Colours that flow into each other, with grain: what a photograph deflates like. */
void fill_photograph(struct picture *picture, int first_row, int row_count, uint32_t seed);

void expect_decodes_to(const struct cua_buffer *png, const struct picture *picture);

/* Bytes that libpng makes of it with its own choice of filters. */
size_t libpng_len(const struct picture *picture, int level);

#endif

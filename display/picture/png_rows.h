#ifndef CUA_DISPLAY_PICTURE_PNG_ROWS_H
#define CUA_DISPLAY_PICTURE_PNG_ROWS_H

#include "display/picture/picture.h"

/* Bytes of a PNG row: its filter type, then R, G, B of each pixel. */
static inline size_t png_row_len(int width_px)
{
	return (size_t)width_px * 3 + 1;
}

/**
 * png_rows_filter() - rows of a picture as PNG wants them before they are deflated.
 * @rows:  png_row_len() bytes for each row from first_row to first_row + row_count - 1.
 * @level: how much time the choice of filters is worth.
 *
 * The rows depend on no row outside of them, so that a band can be made alone. Needs
 * png_row_len() bytes of work memory. True if the rows are filtered: a photograph's.
 */
bool png_rows_filter(uint8_t *rows, const struct picture_pixels *pixels, int first_row,
		int row_count, enum cua_picture_level level, uint8_t *work);

/* How many of the rows after the first are like the one above. */
size_t png_rows_repeated(const uint8_t *rows, size_t len, size_t row_len);

/* Filters rows that were not, of which most repeat the one above. Needs row_len of work memory. */
void png_rows_filter_plain(uint8_t *rows, size_t len, size_t row_len, uint8_t *work);

#endif

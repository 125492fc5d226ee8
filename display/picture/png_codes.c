#include "display/picture/png.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "display/picture/png_rows.h"

/* ISA-L's level 1 gathers what it found in a band before it makes codes for it; level 0 writes with
 * codes that it is given, in half of the time. A few rows in all parts of the picture tell
 * which, for lines of text are alike. Where there are photographs beside the text, codes for the
 * text do badly around them. */

#define PART_ROWS 4
#define PART_EVERY_ROWS 128
/* Elsewhere in each part: lines of text are as far apart everywhere. */
#define PART_SHIFT_ROWS 23

/* False if there are none. */
static bool make_tables(const struct picture_pixels *pixels, struct isal_hufftables *tables)
{
	const size_t row_len = png_row_len(pixels->width_px), part_len = PART_ROWS * row_len;
	const int parts = pixels->height_px / PART_EVERY_ROWS;
	CUA_AUTO_FREE uint8_t *line = malloc(row_len + part_len);
	struct isal_huff_histogram histogram;
	if (!line || parts == 0) {
		return false;
	}
	uint8_t *rows = line + row_len;
	memset(&histogram, 0, sizeof(histogram));
	for (int i = 0; i < parts; i++) {
		const int row = i * PART_EVERY_ROWS +
				i * PART_SHIFT_ROWS % (PART_EVERY_ROWS - PART_ROWS);
		if (png_rows_filter(rows, pixels, row, PART_ROWS, CUA_PICTURE_FAST, line)) {
			return false;
		}
		isal_update_histogram(rows, (int)part_len, &histogram);
	}
	return isal_create_hufftables(tables, &histogram) == 0;
}

void png_codes_finish(struct png_codes *codes)
{
	free(codes->tables);
	*codes = (struct png_codes){ 0 };
}

/* What a picture had is soon not what it has. */
void png_codes_begin(struct png_codes *codes, int wanted_bands, int band_count)
{
	codes->bands += wanted_bands;
	if (wanted_bands > band_count / 2 || codes->bands > band_count) {
		codes->is_known = false;
		codes->bands = wanted_bands;
	}
}

struct isal_hufftables *png_codes_get(struct png_codes *codes, const struct picture_pixels *pixels)
{
	if (!codes->is_known) {
		codes->is_known = true;
		codes->tables = codes->tables ? codes->tables : malloc(sizeof(*codes->tables));
		codes->are_good = codes->tables && make_tables(pixels, codes->tables);
	}
	return codes->are_good ? codes->tables : NULL;
}

bool png_codes_suit(const uint8_t *rows, size_t len, size_t row_len)
{
	return png_rows_repeated(rows, len, row_len) * row_len <= len / 2;
}

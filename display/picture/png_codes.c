#include "display/picture/png.h"

#include <isa-l/igzip_lib.h>
#include <string.h>

#include "display/picture/png_rows.h"

/* ISA-L's level 1 gathers what it found in a band before it makes codes for it; level 0 writes with
 * codes that it is given, in two thirds of the time. A few rows in all parts of the picture tell
 * which, for lines of text are alike. Where there are photographs beside the text, codes for the
 * text do badly around them. */

#define PART_ROWS 4
#define PART_EVERY_ROWS 128
/* Elsewhere in each part: lines of text are as far apart everywhere. */
#define PART_SHIFT_ROWS 23

struct sample {
	const struct picture_pixels *pixels;
	struct isal_hufftables *codes;
	bool made;
};

static void make_codes(void *user_data, int item, struct picture_scratch *scratch)
{
	struct sample *sample = user_data;
	const size_t row_len = png_row_len(sample->pixels->width_px);
	const int parts = sample->pixels->height_px / PART_EVERY_ROWS;
	uint8_t *line = picture_scratch_get(scratch, row_len * (size_t)(1 + parts * PART_ROWS));
	uint8_t *rows = line + row_len;
	const size_t part_len = PART_ROWS * row_len;
	bool is_photograph = false;
	(void)item;
	for (int i = 0; line && i < parts && !is_photograph; i++) {
		const int row = i * PART_EVERY_ROWS +
				i * PART_SHIFT_ROWS % (PART_EVERY_ROWS - PART_ROWS);
		is_photograph = png_rows_filter(rows + (size_t)i * part_len, sample->pixels, row,
				PART_ROWS, CUA_PICTURE_FAST, line);
	}
	if (line && parts > 0 && !is_photograph) {
		struct isal_huff_histogram histogram;
		memset(&histogram, 0, sizeof(histogram));
		isal_update_histogram(rows, (int)(part_len * (size_t)parts), &histogram);
		sample->made = isal_create_hufftables(sample->codes, &histogram) == 0;
	}
}

bool png_codes_make(struct picture_workers *workers, const struct picture_pixels *pixels,
		struct isal_hufftables *codes)
{
	struct sample sample = { pixels, codes, false };
	picture_workers_run(workers, 1, true, make_codes, &sample);
	return sample.made;
}

bool png_codes_suit(const uint8_t *rows, size_t len, size_t row_len)
{
	return png_rows_repeated(rows, len, row_len) * row_len <= len / 2;
}

#ifndef CUA_DEMOS_STANDIN_SEE_H
#define CUA_DEMOS_STANDIN_SEE_H

/* The eyes of the stand-in: a PNG becomes words and where they stand. */

#include <stddef.h>
#include <stdint.h>

#include "cua/base/error.h"

#define SEE_WORDS_MAX 4000

struct see_box {
	int left, top, right, bottom; /* pixels of the picture; right and bottom are outside */
};

struct see_word {
	char *text; /* owned; UTF-8 without spaces */
	struct see_box box;
	int confidence; /* 0 to 100, as Tesseract says */
};

struct see_screen {
	int width_px, height_px;
	struct see_word *words; /* owned */
	int word_count;
};

/* One Tesseract handle; one thread at a time. */
struct see_reader;

/**
 * see_reader_create() - load the English model.
 *
 * Set OMP_THREAD_LIMIT=1 before the process starts: with more threads one screen takes seven times
 * as long.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the model is not installed (tesseract-ocr-eng).
 */
CUA_NODISCARD enum cua_status see_reader_create(
		struct see_reader **ret_reader, struct cua_error *err);
void see_reader_destroy(struct see_reader *reader);

/**
 * see_read_png() - the words of a PNG.
 * @ret_screen: set on CUA_OK only; release with see_screen_finish().
 *
 * Blocks for about a second for a screen of 1280x800.
 *
 * Return: CUA_OK; CUA_ERR_INVAL if it is no PNG; CUA_ERR_TOO_LARGE; CUA_ERR_NOMEM; CUA_ERR_APP.
 */
CUA_NODISCARD enum cua_status see_read_png(struct see_reader *reader, const void *png,
		size_t png_len, struct see_screen *ret_screen, struct cua_error *err);
void see_screen_finish(struct see_screen *screen);

/* All that is read, in one line, cut to size with "..."; for the message of a failure. */
void see_screen_tell(const struct see_screen *screen, char *out, size_t size);

#endif

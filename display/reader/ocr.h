#ifndef CUA_DISPLAY_READER_OCR_H
#define CUA_DISPLAY_READER_OCR_H

/* Words in pictures, by Tesseract. */

#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define OCR_LANGS_MAX 4 /* each takes as long as the first */

struct ocr;

/**
 * ocr_open() - load the library and its data; some 100 ms.
 * @lang: names of languages joined by "+"; "": all that are installed, English first, at most
 *        OCR_LANGS_MAX.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE naming the package that is missing.
 */
CUA_NODISCARD enum cua_status ocr_open(
		const char *lang, struct ocr **ret_ocr, struct cua_error *err);
/* What it was opened with. */
const char *ocr_lang(const struct ocr *ocr);
void ocr_close(struct ocr *ocr);

/* Adds "words" to answer. pixels are grey, width_px to a row. */
CUA_NODISCARD enum cua_status ocr_read(struct ocr *ocr, const uint8_t *pixels, int width_px,
		int height_px, int deadline_ms, cJSON *answer, struct cua_error *err);

#endif

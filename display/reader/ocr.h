#ifndef CUA_DISPLAY_READER_OCR_H
#define CUA_DISPLAY_READER_OCR_H

/* Words in pictures, by Tesseract. */

#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

struct ocr;

/* Loads the library and its data; some 100 ms. */
CUA_NODISCARD enum cua_status ocr_open(struct ocr **ret_ocr, struct cua_error *err);
void ocr_close(struct ocr *ocr);

/* Adds "words" to answer. pixels are grey, width_px to a row. */
CUA_NODISCARD enum cua_status ocr_read(struct ocr *ocr, const uint8_t *pixels, int width_px,
		int height_px, int deadline_ms, cJSON *answer, struct cua_error *err);

#endif

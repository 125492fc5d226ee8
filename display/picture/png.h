#ifndef CUA_DISPLAY_PICTURE_PNG_H
#define CUA_DISPLAY_PICTURE_PNG_H

/* PNG of pixels: W3C recommendation "Portable Network Graphics", second edition. */

#include "display/picture/picture.h"
#include "display/picture/workers.h"

struct isal_hufftables;
struct png_runs;

/* --- the container: png.c --- */

/* Length and type before a chunk's data, CRC after it. */
#define PNG_CHUNK_HEAD 8
#define PNG_CHUNK_TAIL 4
#define PNG_CHUNK_DATA_MAX INT32_MAX

/* Bands that one thread deflates sooner than another wakes up. */
#define PNG_BANDS_INLINE 3

/* A band's piece of the deflated stream. It refers to nothing before it and ends on a byte, without
 * being the last: after each other, bands are one stream. */
struct png_band {
	uint8_t *deflated; /* owned; NULL: none */
	size_t len;
	uint32_t crc, crc_op; /* of the piece, and what appends it to another CRC */
	uint32_t adler;       /* of the band's rows alone */
	/* What pixels it was made of; version 0: not to be used again. */
	uint64_t version, patch_version;
	struct png_runs *runs; /* owned; codes of a photograph, for the next time; NULL: none */
};

int png_band_count(const struct picture_pixels *pixels);
/* Rows of a band: PICTURE_BAND_ROWS, but for the last. */
int png_band_rows(const struct picture_pixels *pixels, int band);
/* Enough for a band's rows that do not get smaller. */
size_t png_deflate_bound(size_t raw_len);
void png_band_finish(struct png_band *band);
void png_bands_finish(struct png_band *bands, int count);

/* Head and tail around data that stands at chunk + PNG_CHUNK_HEAD already. */
void png_chunk_close(uint8_t *chunk, const char *type, size_t data_len);
/* Makes band of raw rows and their deflated bytes. False when memory runs out. */
bool png_band_take(struct png_band *band, const uint8_t *deflated, size_t len, const uint8_t *raw,
		size_t raw_len);

/* Signature and header. */
CUA_NODISCARD enum cua_status png_append_head(const struct picture_pixels *pixels,
		struct cua_buffer *bytes, struct cua_error *err);
/* A small chunk: at most 16 bytes of data. */
CUA_NODISCARD enum cua_status png_append_chunk(struct cua_buffer *bytes, const char *type,
		const void *data, size_t data_len, struct cua_error *err);
/* A whole file of bands. */
CUA_NODISCARD enum cua_status png_append_bands(const struct picture_pixels *pixels,
		const struct png_band *bands, struct cua_buffer *bytes, struct cua_error *err);

/* --- level fast: png_fast.c --- */

/* Huffman codes for the bands of a picture, kept for the next ones. Zeroed: none yet. */
struct png_codes {
	struct isal_hufftables *tables; /* owned */
	bool is_known, are_good;
	int bands; /* made since */
};

/* What is kept of the frame. */
struct png_cache {
	struct png_band *bands; /* owned */
	int band_count, width_px, height_px;
	struct png_codes codes;
};

void png_cache_finish(struct png_cache *cache);

CUA_NODISCARD enum cua_status png_encode_fast(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err);

/* See picture_encode_frame(). */
CUA_NODISCARD enum cua_status png_encode_frame(struct picture_workers *workers,
		struct png_cache *cache, const struct picture_pixels *pixels,
		enum cua_picture_level level, const uint64_t *versions,
		const struct picture_patch *patch, struct cua_buffer *bytes, struct cua_error *err);

/* See picture_encode_ahead(). */
void png_encode_ahead(struct picture_workers *workers, struct png_cache *cache,
		const struct picture_pixels *pixels, uint64_t version, int band);

/* What deflating at level fast needs, without its output. */
size_t png_deflate_fast_work_len(void);
/* Deflates a band's rows; false if size is too small. codes: NULL to make them for this band. */
bool png_deflate_fast(void *work, struct isal_hufftables *codes, uint8_t *raw, size_t raw_len,
		uint8_t *deflated, size_t size, size_t *ret_len);

/* --- text and drawings: png_codes.c --- */

void png_codes_finish(struct png_codes *codes);
/* So many bands of a picture are to be made: with the codes there are, or with new ones if half of
 * the picture is new, or has been since they were made. */
void png_codes_begin(struct png_codes *codes, int wanted_bands, int band_count);
/* Makes codes if need be, of a part of the picture's rows. NULL if there are none: there
 * are photographs in that part, or the picture is too low. Until codes are begun anew or finished.
 */
struct isal_hufftables *png_codes_get(struct png_codes *codes, const struct picture_pixels *pixels);
/* Not if most rows repeat the one above: they are done soon, and get much smaller with codes of
 * their own. */
bool png_codes_suit(const uint8_t *rows, size_t len, size_t row_len);

/* --- photographs: png_runs.c --- */

/* More than the head of a block, what a word of output runs over, and the flush. */
#define PNG_RUNS_SPARE_LEN ((size_t)512)

/* Deflates a band's filtered rows without a search for matches: runs of zeros and bytes. False if
 * it does not fit, as when codes made for a part of the data are bad for the rest.
 * *kept_runs: codes to use if they are good for the data, or else the new ones; NULL: none yet. To
 * be freed with free(). */
bool png_deflate_runs(struct png_runs **kept_runs, const uint8_t *raw, size_t raw_len,
		uint8_t *deflated, size_t size, size_t *ret_len);

/* --- level small: png_small.c --- */

/* What deflating a band at level small needs, without its output. */
size_t png_deflate_small_work_len(size_t raw_len);
/* Deflates a band's rows, which were filtered if they are a photograph; the filter of others may be
 * changed. size: that of png_deflate_bound(). */
bool png_deflate_small(void *work, uint8_t *raw, size_t raw_len, size_t row_len, bool is_photograph,
		uint8_t *deflated, size_t size, size_t *ret_len);

CUA_NODISCARD enum cua_status png_encode_small(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err);

#endif

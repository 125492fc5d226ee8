#include "display/picture/png.h"

#include <errno.h>
#include <libdeflate.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cua/base/util.h"
#include "display/picture/png_rows.h"

/* Of libdeflate and zlib. */
#define LEVEL 6
/* Of zlib where most rows of a band repeat the row above. */
#define PLAIN_BAND_LEVEL 9
/* Of libdeflate where all but one row in so many repeat the row above: there is little to search
 * then, and which of many equal matches is taken makes a tenth of the size. */
#define PLAIN_LEVEL 8
#define PLAIN_SHARE 16
/* A picture of which a band in so many is a photograph is deflated band by band. */
#define PHOTOGRAPH_SHARE 4

struct small_job {
	const struct picture_pixels *pixels;
	uint8_t *rows; /* of the whole picture, filtered */
	bool *is_photograph;
	struct png_band *bands;
	atomic_int repeated_rows; /* not filtered, and like the row above in their band */
	atomic_bool failed;
};

static uint8_t *rows_of_band(const struct small_job *job, int band, size_t *ret_len)
{
	const size_t row_len = png_row_len(job->pixels->width_px);
	*ret_len = row_len * (size_t)png_band_rows(job->pixels, band);
	return job->rows + (size_t)band * PICTURE_BAND_ROWS * row_len;
}

static void filter_band(void *user_data, int item, struct picture_scratch *scratch)
{
	struct small_job *job = user_data;
	size_t len = 0;
	uint8_t *rows = rows_of_band(job, item, &len);
	uint8_t *line = picture_scratch_get(scratch, png_row_len(job->pixels->width_px));
	if (!line) {
		atomic_store(&job->failed, true);
		return;
	}
	job->is_photograph[item] = png_rows_filter(rows, job->pixels, item * PICTURE_BAND_ROWS,
			png_band_rows(job->pixels, item), CUA_PICTURE_SMALL, line);
	if (!job->is_photograph[item]) {
		const size_t repeated =
				png_rows_repeated(rows, len, png_row_len(job->pixels->width_px));
		atomic_fetch_add(&job->repeated_rows, (int)repeated);
	}
}

/* --- bands: photographs, and what is kept of a frame --- */

static bool deflate_by_zlib(int level, int strategy, uint8_t *raw, size_t raw_len,
		uint8_t *deflated, size_t size, size_t *ret_len)
{
	z_stream stream = { .next_in = raw,
		.avail_in = (uInt)raw_len,
		.next_out = deflated,
		.avail_out = (uInt)size };
	if (deflateInit2(&stream, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL, strategy) != Z_OK) {
		return false;
	}
	const bool done = deflate(&stream, Z_FULL_FLUSH) == Z_OK && stream.avail_in == 0 &&
			stream.avail_out > 0;
	*ret_len = stream.total_out;
	deflateEnd(&stream);
	return done;
}

size_t png_deflate_small_work_len(size_t raw_len)
{
	return png_deflate_fast_work_len() + png_deflate_bound(raw_len);
}

/* Text is left as it is. Rows that repeat become zeros by a filter, for which a band needs few and
 * short codes; a tenth of the size of a plain screen. */
static bool deflate_drawing(void *work, uint8_t *raw, size_t raw_len, size_t row_len,
		uint8_t *deflated, size_t size, size_t *ret_len)
{
	const bool is_plain = png_rows_repeated(raw, raw_len, row_len) * row_len > raw_len / 2;
	if (is_plain) {
		png_rows_filter_plain(raw, raw_len, row_len, work);
	}
	return deflate_by_zlib(is_plain ? PLAIN_BAND_LEVEL : LEVEL, Z_DEFAULT_STRATEGY, raw,
			raw_len, deflated, size, ret_len);
}

/* After a filter a photograph is noise around 0: what helps is a Huffman code made for it and runs
 * of zeros, and a search for longer matches makes it larger. Where there are drawings between
 * photographs, level fast may do better: the shorter one is taken. */
bool png_deflate_small(void *work, uint8_t *raw, size_t raw_len, size_t row_len, bool is_photograph,
		uint8_t *deflated, size_t size, size_t *ret_len)
{
	uint8_t *other = (uint8_t *)work + png_deflate_fast_work_len();
	size_t other_len = 0;
	if (!is_photograph) {
		return deflate_drawing(work, raw, raw_len, row_len, deflated, size, ret_len);
	}
	if (!deflate_by_zlib(LEVEL, Z_RLE, raw, raw_len, deflated, size, ret_len) ||
			!png_deflate_fast(work, NULL, raw, raw_len, other, size, &other_len)) {
		return false;
	}
	if (other_len < *ret_len) {
		memcpy(deflated, other, other_len);
		*ret_len = other_len;
	}
	return true;
}

static void deflate_band(void *user_data, int item, struct picture_scratch *scratch)
{
	struct small_job *job = user_data;
	size_t raw_len = 0, len = 0;
	uint8_t *raw = rows_of_band(job, item, &raw_len);
	const size_t bound = png_deflate_bound(raw_len);
	const size_t work_len = png_deflate_small_work_len(raw_len);
	uint8_t *work = picture_scratch_get(scratch, work_len + bound);
	uint8_t *deflated = work + work_len;
	if (!work ||
			!png_deflate_small(work, raw, raw_len, png_row_len(job->pixels->width_px),
					job->is_photograph[item], deflated, bound, &len) ||
			!png_band_take(&job->bands[item], deflated, len, raw, raw_len)) {
		atomic_store(&job->failed, true);
	}
}

static enum cua_status append_in_bands(struct picture_workers *workers, struct small_job *job,
		struct cua_buffer *bytes, struct cua_error *err)
{
	const int count = png_band_count(job->pixels);
	job->bands = calloc((size_t)count, sizeof(*job->bands));
	if (job->bands) {
		picture_workers_run(workers, count, count == 1, deflate_band, job);
	}
	enum cua_status status = !job->bands || atomic_load(&job->failed)
			? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG of %dx%d",
					  job->pixels->width_px, job->pixels->height_px)
			: png_append_bands(job->pixels, job->bands, bytes, err);
	png_bands_finish(job->bands, count);
	return status;
}

/* --- text and drawings: one stream --- */

static inline void compressor_freep(struct libdeflate_compressor **compressor)
{
	if (*compressor) {
		libdeflate_free_compressor(*compressor);
	}
}

/* The first row of each band counts as repeated: nobody compared it. */
static bool is_plain(struct small_job *job)
{
	const int others = job->pixels->height_px - png_band_count(job->pixels) -
			atomic_load(&job->repeated_rows);
	return others <= job->pixels->height_px / PLAIN_SHARE;
}

static enum cua_status append_in_one(
		struct small_job *job, struct cua_buffer *bytes, struct cua_error *err)
{
	const size_t raw_len = png_row_len(job->pixels->width_px) * (size_t)job->pixels->height_px;
	__attribute__((cleanup(compressor_freep))) struct libdeflate_compressor *compressor =
			libdeflate_alloc_compressor(is_plain(job) ? PLAIN_LEVEL : LEVEL);
	const size_t bound = compressor ? libdeflate_zlib_compress_bound(compressor, raw_len) : 0;
	CUA_AUTO_FREE uint8_t *chunk = malloc(PNG_CHUNK_HEAD + bound + PNG_CHUNK_TAIL);
	if (!compressor || !chunk || bound > PNG_CHUNK_DATA_MAX) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG of %dx%d", job->pixels->width_px,
				job->pixels->height_px);
	}
	const size_t len = libdeflate_zlib_compress(
			compressor, job->rows, raw_len, chunk + PNG_CHUNK_HEAD, bound);
	png_chunk_close(chunk, "IDAT", len);
	enum cua_status status = png_append_head(job->pixels, bytes, err);
	if (status == CUA_OK) {
		status = cua_buffer_append(
				bytes, chunk, PNG_CHUNK_HEAD + len + PNG_CHUNK_TAIL, err);
	}
	return status == CUA_OK ? png_append_chunk(bytes, "IEND", "", 0, err) : status;
}

enum cua_status png_encode_small(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err)
{
	const int count = png_band_count(pixels);
	const size_t raw_len = png_row_len(pixels->width_px) * (size_t)pixels->height_px;
	CUA_AUTO_FREE uint8_t *rows = malloc(raw_len);
	CUA_AUTO_FREE bool *is_photograph = calloc((size_t)count, sizeof(*is_photograph));
	struct small_job job = { .pixels = pixels, .rows = rows, .is_photograph = is_photograph };
	if (rows && is_photograph) {
		picture_workers_run(workers, count, count <= PNG_BANDS_INLINE, filter_band, &job);
	}
	if (!rows || !is_photograph || atomic_load(&job.failed)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG of %dx%d", pixels->width_px,
				pixels->height_px);
	}
	int photographs = 0;
	for (int i = 0; i < count; i++) {
		photographs += is_photograph[i];
	}
	return photographs * PHOTOGRAPH_SHARE >= count && photographs > 0
			? append_in_bands(workers, &job, bytes, err)
			: append_in_one(&job, bytes, err);
}

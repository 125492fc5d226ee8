#include "display/picture/png.h"

#include <errno.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cua/base/util.h"
#include "display/picture/png_rows.h"

/* Length and type before a chunk's data, CRC after it. */
#define CHUNK_HEAD 8
#define CHUNK_TAIL 4
#define CHUNK_DATA_MAX INT32_MAX
/* Bands that one thread deflates sooner than another wakes up. */
#define BANDS_INLINE 3
/* Bytes of deflated bands that are kept for the next picture. */
#define CACHE_MAX_LEN ((size_t)16 << 20)
#define SMALL_LEVEL 6

/* --- the container --- */

static void put_be32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

/* Head and tail around data that stands at chunk + CHUNK_HEAD already. */
static void chunk_close(uint8_t *chunk, const char *type, size_t data_len)
{
	put_be32(chunk, (uint32_t)data_len);
	memcpy(chunk + 4, type, 4);
	put_be32(chunk + CHUNK_HEAD + data_len, crc32_gzip_refl(0, chunk + 4, 4 + data_len));
}

static enum cua_status append_chunk(struct cua_buffer *bytes, const char *type, const void *data,
		size_t data_len, struct cua_error *err)
{
	uint8_t chunk[CHUNK_HEAD + 16 + CHUNK_TAIL];
	memcpy(chunk + CHUNK_HEAD, data, data_len);
	chunk_close(chunk, type, data_len);
	return cua_buffer_append(bytes, chunk, CHUNK_HEAD + data_len + CHUNK_TAIL, err);
}

static enum cua_status append_head(const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err)
{
	static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	/* 8 bits, RGB, deflate, the five filters, not interlaced */
	uint8_t header[13] = { [8] = 8, [9] = 2 };
	put_be32(header, (uint32_t)pixels->width_px);
	put_be32(header + 4, (uint32_t)pixels->height_px);
	enum cua_status status = cua_buffer_append(bytes, signature, sizeof(signature), err);
	return status == CUA_OK ? append_chunk(bytes, "IHDR", header, sizeof(header), err) : status;
}

/* --- level fast: bands that are deflated one by one --- */

struct band_job {
	const struct picture_pixels *pixels;
	const struct picture_patch *patch; /* NULL: none */
	struct png_band *bands;
	const int *wanted; /* the bands to make */
	atomic_bool failed;
};

static int band_count_of(const struct picture_pixels *pixels)
{
	return (pixels->height_px + PICTURE_BAND_ROWS - 1) / PICTURE_BAND_ROWS;
}

static int band_rows(const struct picture_pixels *pixels, int band)
{
	const int left = pixels->height_px - band * PICTURE_BAND_ROWS;
	return left < PICTURE_BAND_ROWS ? left : PICTURE_BAND_ROWS;
}

static bool is_patched(const struct picture_patch *patch, int band)
{
	return patch && band >= patch->first_band && band - patch->first_band < patch->band_count;
}

static uint64_t patch_version(const struct picture_patch *patch, int band)
{
	return is_patched(patch, band) ? patch->version : 0;
}

/* What deflating a band needs, in one piece of memory; raw and deflated follow it. */
struct deflate_work {
	struct isal_zstream stream;
	uint8_t level_buffer[ISAL_DEF_LVL1_DEFAULT];
};

/* The band's rows as deflate blocks that refer to nothing before them and end on a byte: after
 * each other, bands are one stream. */
static bool deflate_rows(struct deflate_work *work, uint8_t *raw, size_t raw_len, uint8_t *deflated,
		size_t size, size_t *ret_len)
{
	struct isal_zstream *stream = &work->stream;
	isal_deflate_stateless_init(stream);
	stream->level = 1;
	stream->level_buf = work->level_buffer;
	stream->level_buf_size = sizeof(work->level_buffer);
	stream->flush = FULL_FLUSH;
	stream->end_of_stream = 0;
	stream->next_in = raw;
	stream->avail_in = (uint32_t)raw_len;
	stream->next_out = deflated;
	stream->avail_out = (uint32_t)size;
	if (isal_deflate_stateless(stream) != COMP_OK || stream->avail_in != 0) {
		return false;
	}
	*ret_len = stream->total_out;
	return true;
}

static bool make_band(const struct band_job *job, int index, struct picture_scratch *scratch)
{
	struct png_band *band = &job->bands[index];
	const int rows = band_rows(job->pixels, index);
	const size_t row_len = png_row_len(job->pixels->width_px);
	const size_t raw_len = row_len * (size_t)rows;
	/* Incompressible rows grow by block headers; the bound is generous. */
	const size_t bound = raw_len + raw_len / 8 + 4096;
	if (bound > CHUNK_DATA_MAX) {
		return false;
	}
	struct deflate_work *work = picture_scratch_get(scratch,
			sizeof(*work) + raw_len + row_len + CHUNK_HEAD + bound + CHUNK_TAIL);
	if (!work) {
		return false;
	}
	uint8_t *raw = (uint8_t *)(work + 1), *line = raw + raw_len, *chunk = line + row_len;
	if (is_patched(job->patch, index)) {
		const struct picture_pixels patched = { job->patch->data, job->pixels->width_px,
			job->patch->band_count * PICTURE_BAND_ROWS, job->patch->stride_bytes };
		png_rows_filter(raw, &patched, (index - job->patch->first_band) * PICTURE_BAND_ROWS,
				rows, CUA_PICTURE_FAST, line);
	} else {
		png_rows_filter(raw, job->pixels, index * PICTURE_BAND_ROWS, rows, CUA_PICTURE_FAST,
				line);
	}
	size_t deflated_len = 0;
	if (!deflate_rows(work, raw, raw_len, chunk + CHUNK_HEAD, bound, &deflated_len)) {
		return false;
	}
	chunk_close(chunk, "IDAT", deflated_len);
	const size_t len = CHUNK_HEAD + deflated_len + CHUNK_TAIL;
	free(band->chunk);
	*band = (struct png_band){ .chunk = malloc(len), .len = len };
	if (!band->chunk) {
		return false;
	}
	memcpy(band->chunk, chunk, len);
	band->adler = isal_adler32(1, raw, raw_len);
	return true;
}

static void work_on_band(void *user_data, int item, struct picture_scratch *scratch)
{
	struct band_job *job = user_data;
	if (!make_band(job, job->wanted[item], scratch)) {
		atomic_store(&job->failed, true);
	}
}

static enum cua_status append_bands(const struct picture_pixels *pixels,
		const struct png_band *bands, struct cua_buffer *bytes, struct cua_error *err)
{
	static const uint8_t zlib_head[] = { 0x78, 0x01 };
	const int count = band_count_of(pixels);
	const size_t row_len = png_row_len(pixels->width_px);
	/* An empty last block, then the Adler-32 of all rows. */
	uint8_t zlib_tail[6] = { 0x03, 0x00 };
	uLong adler = 1;
	enum cua_status status = append_head(pixels, bytes, err);
	if (status == CUA_OK) {
		status = append_chunk(bytes, "IDAT", zlib_head, sizeof(zlib_head), err);
	}
	for (int i = 0; i < count && status == CUA_OK; i++) {
		const size_t raw_len = row_len * (size_t)band_rows(pixels, i);
		adler = adler32_combine(adler, bands[i].adler, (z_off_t)raw_len);
		status = cua_buffer_append(bytes, bands[i].chunk, bands[i].len, err);
	}
	put_be32(zlib_tail + 2, (uint32_t)adler);
	if (status == CUA_OK) {
		status = append_chunk(bytes, "IDAT", zlib_tail, sizeof(zlib_tail), err);
	}
	return status == CUA_OK ? append_chunk(bytes, "IEND", "", 0, err) : status;
}

static void finish_bands(struct png_band *bands, int count)
{
	for (int i = 0; bands && i < count; i++) {
		free(bands[i].chunk);
	}
	free(bands);
}

/* Makes the bands that are not there in their version; 0 is none. */
static enum cua_status make_bands(struct picture_workers *workers,
		const struct picture_pixels *pixels, const uint64_t *versions,
		const struct picture_patch *patch, struct png_band *bands, struct cua_error *err)
{
	const int count = band_count_of(pixels);
	CUA_AUTO_FREE int *wanted = malloc((size_t)count * sizeof(*wanted));
	int wanted_count = 0;
	if (!wanted) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG");
	}
	for (int i = 0; i < count; i++) {
		if (!versions || bands[i].version != versions[i] ||
				bands[i].patch_version != patch_version(patch, i)) {
			bands[i].version = 0;
			wanted[wanted_count++] = i;
		}
	}
	struct band_job job = { pixels, patch, bands, wanted, false };
	picture_workers_run(
			workers, wanted_count, wanted_count <= BANDS_INLINE, work_on_band, &job);
	if (atomic_load(&job.failed)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG of %dx%d", pixels->width_px,
				pixels->height_px);
	}
	for (int i = 0; versions && i < wanted_count; i++) {
		bands[wanted[i]].version = versions[wanted[i]];
		bands[wanted[i]].patch_version = patch_version(patch, wanted[i]);
	}
	return CUA_OK;
}

enum cua_status png_encode_fast(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err)
{
	const int count = band_count_of(pixels);
	struct png_band *bands = calloc((size_t)count, sizeof(*bands));
	if (!bands) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG");
	}
	enum cua_status status = make_bands(workers, pixels, NULL, NULL, bands, err);
	if (status == CUA_OK) {
		status = append_bands(pixels, bands, bytes, err);
	}
	finish_bands(bands, count);
	return status;
}

/* --- the frame, of which bands are kept --- */

void png_cache_finish(struct png_cache *cache)
{
	finish_bands(cache->bands, cache->band_count);
	*cache = (struct png_cache){ 0 };
}

/* Keeps no more than the cap; the rest is deflated anew each time. */
static void trim_cache(struct png_cache *cache)
{
	size_t total = 0;
	for (int i = 0; i < cache->band_count; i++) {
		struct png_band *band = &cache->bands[i];
		total += band->len;
		if (band->version == 0 || total > CACHE_MAX_LEN) {
			total -= band->len;
			free(band->chunk);
			*band = (struct png_band){ 0 };
		}
	}
}

enum cua_status png_encode_frame(struct picture_workers *workers, struct png_cache *cache,
		const struct picture_pixels *pixels, const uint64_t *versions,
		const struct picture_patch *patch, struct cua_buffer *bytes, struct cua_error *err)
{
	if (cache->width_px != pixels->width_px || cache->height_px != pixels->height_px) {
		png_cache_finish(cache);
		cache->bands = calloc((size_t)band_count_of(pixels), sizeof(*cache->bands));
		if (!cache->bands) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG");
		}
		cache->band_count = band_count_of(pixels);
		cache->width_px = pixels->width_px;
		cache->height_px = pixels->height_px;
	}
	enum cua_status status = make_bands(workers, pixels, versions, patch, cache->bands, err);
	if (status == CUA_OK) {
		status = append_bands(pixels, cache->bands, bytes, err);
	}
	trim_cache(cache);
	return status;
}

/* --- level small: one stream --- */

struct small_job {
	const struct picture_pixels *pixels;
	uint8_t *rows;
	atomic_bool failed;
};

static void filter_band(void *user_data, int item, struct picture_scratch *scratch)
{
	struct small_job *job = user_data;
	const size_t row_len = png_row_len(job->pixels->width_px);
	uint8_t *line = picture_scratch_get(scratch, row_len);
	if (!line) {
		atomic_store(&job->failed, true);
		return;
	}
	const int first_row = item * PICTURE_BAND_ROWS;
	png_rows_filter(job->rows + (size_t)first_row * row_len, job->pixels, first_row,
			band_rows(job->pixels, item), CUA_PICTURE_SMALL, line);
}

static inline void compressor_freep(struct libdeflate_compressor **compressor)
{
	if (*compressor) {
		libdeflate_free_compressor(*compressor);
	}
}

enum cua_status png_encode_small(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err)
{
	const size_t raw_len = png_row_len(pixels->width_px) * (size_t)pixels->height_px;
	__attribute__((cleanup(compressor_freep))) struct libdeflate_compressor *compressor =
			libdeflate_alloc_compressor(SMALL_LEVEL);
	const size_t bound = compressor ? libdeflate_zlib_compress_bound(compressor, raw_len) : 0;
	CUA_AUTO_FREE uint8_t *rows = malloc(raw_len);
	CUA_AUTO_FREE uint8_t *chunk = malloc(CHUNK_HEAD + bound + CHUNK_TAIL);
	struct small_job job = { pixels, rows, false };
	if (compressor && rows) {
		picture_workers_run(workers, band_count_of(pixels),
				band_count_of(pixels) <= BANDS_INLINE, filter_band, &job);
	}
	if (!compressor || !rows || !chunk || atomic_load(&job.failed) || bound > CHUNK_DATA_MAX) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG of %dx%d", pixels->width_px,
				pixels->height_px);
	}
	const size_t deflated_len = libdeflate_zlib_compress(
			compressor, rows, raw_len, chunk + CHUNK_HEAD, bound);
	chunk_close(chunk, "IDAT", deflated_len);
	enum cua_status status = append_head(pixels, bytes, err);
	if (status == CUA_OK) {
		status = cua_buffer_append(
				bytes, chunk, CHUNK_HEAD + deflated_len + CHUNK_TAIL, err);
	}
	return status == CUA_OK ? append_chunk(bytes, "IEND", "", 0, err) : status;
}

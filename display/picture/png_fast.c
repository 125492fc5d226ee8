#include "display/picture/png.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "display/picture/png_rows.h"

/* Bytes of deflated bands that are kept for the next picture. */
#define CACHE_MAX_LEN ((size_t)16 << 20)
/* Bands that were so long when they were last made are worth a thread each: a photograph takes
 * five times as long as text. */
#define PHOTOGRAPH_BANDS_LEN ((size_t)64 << 10)

/* Codes made for a picture are bad for a band that gets no smaller by them than to one in so many
 * bytes: a page full of text takes one in fifteen. */
#define FOREIGN_SHARE 4

struct band_job {
	const struct picture_pixels *pixels;
	enum cua_picture_level level;
	const struct picture_patch *patch; /* NULL: none */
	struct png_band *bands;
	const int *wanted; /* the bands to make */
	pthread_mutex_t codes_mutex;
	struct png_codes *codes; /* under codes_mutex; NULL: each band has its own */
	atomic_bool failed;
};

static bool is_patched(const struct picture_patch *patch, int band)
{
	return patch && band >= patch->first_band && band - patch->first_band < patch->band_count;
}

static uint64_t patch_version(const struct picture_patch *patch, int band)
{
	return is_patched(patch, band) ? patch->version : 0;
}

struct deflate_work {
	struct isal_zstream stream;
	uint8_t level_buffer[ISAL_DEF_LVL1_DEFAULT];
};

size_t png_deflate_fast_work_len(void)
{
	return sizeof(struct deflate_work);
}

bool png_deflate_fast(void *work, struct isal_hufftables *codes, uint8_t *raw, size_t raw_len,
		uint8_t *deflated, size_t size, size_t *ret_len)
{
	uint8_t *level_buffer = ((struct deflate_work *)work)->level_buffer;
	struct isal_zstream *stream = &((struct deflate_work *)work)->stream;
	isal_deflate_stateless_init(stream);
	stream->hist_bits = 0; /* the whole window: init leaves what the memory held before */
	if (codes) {
		stream->level = 0;
		stream->hufftables = codes;
	} else {
		stream->level = 1;
		stream->level_buf = level_buffer;
		stream->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	}
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

/* Made while the first threads are still at their rows or wake up. */
static struct isal_hufftables *get_codes(struct band_job *job)
{
	pthread_mutex_lock(&job->codes_mutex);
	struct isal_hufftables *codes = png_codes_get(job->codes, job->pixels);
	pthread_mutex_unlock(&job->codes_mutex);
	return codes;
}

/* Text and drawings. What the codes are bad for was not in the picture when they were made. */
static bool deflate_drawing(struct band_job *job, void *work, uint8_t *raw, size_t raw_len,
		uint8_t *deflated, size_t size, size_t *ret_len)
{
	const size_t row_len = png_row_len(job->pixels->width_px);
	struct isal_hufftables *codes =
			job->codes && png_codes_suit(raw, raw_len, row_len) ? get_codes(job) : NULL;
	return (codes && png_deflate_fast(work, codes, raw, raw_len, deflated, size, ret_len) &&
			       *ret_len < raw_len / FOREIGN_SHARE) ||
			png_deflate_fast(work, NULL, raw, raw_len, deflated, size, ret_len);
}

static bool make_band(struct band_job *job, int index, struct picture_scratch *scratch)
{
	const int rows = png_band_rows(job->pixels, index);
	const size_t row_len = png_row_len(job->pixels->width_px);
	const size_t raw_len = row_len * (size_t)rows, bound = png_deflate_bound(raw_len);
	const bool is_small = job->level == CUA_PICTURE_SMALL;
	const size_t work_len = is_small ? png_deflate_small_work_len(raw_len)
					 : png_deflate_fast_work_len();
	uint8_t *work = picture_scratch_get(scratch, work_len + raw_len + row_len + bound);
	if (!work) {
		return false;
	}
	uint8_t *raw = work + work_len, *line = raw + raw_len, *deflated = line + row_len;
	const struct picture_pixels *pixels = job->pixels;
	struct picture_pixels patched;
	int first_row = index * PICTURE_BAND_ROWS;
	if (is_patched(job->patch, index)) {
		patched = (struct picture_pixels){ job->patch->data, pixels->width_px,
			job->patch->band_count * PICTURE_BAND_ROWS, job->patch->stride_bytes };
		pixels = &patched;
		first_row -= job->patch->first_band * PICTURE_BAND_ROWS;
	}
	size_t len = 0;
	const bool is_photograph = png_rows_filter(raw, pixels, first_row, rows, job->level, line);
	bool done = false;
	if (is_small) {
		done = png_deflate_small(
				work, raw, raw_len, row_len, is_photograph, deflated, bound, &len);
	} else {
		done = (is_photograph &&
				       png_deflate_runs(&job->bands[index].runs, raw, raw_len,
						       deflated, bound, &len)) ||
				deflate_drawing(job, work, raw, raw_len, deflated, bound, &len);
	}
	return done && png_band_take(&job->bands[index], deflated, len, raw, raw_len);
}

static void work_on_band(void *user_data, int item, struct picture_scratch *scratch)
{
	struct band_job *job = user_data;
	if (!make_band(job, job->wanted[item], scratch)) {
		atomic_store(&job->failed, true);
	}
}

/* Makes the bands that are not there in their version; 0 is none. */
static enum cua_status make_bands(struct picture_workers *workers,
		const struct picture_pixels *pixels, enum cua_picture_level level,
		const uint64_t *versions, const struct picture_patch *patch,
		struct png_cache *cache, struct cua_error *err)
{
	struct png_band *bands = cache->bands;
	const int count = png_band_count(pixels);
	CUA_AUTO_FREE int *wanted = malloc((size_t)count * sizeof(*wanted));
	int wanted_count = 0;
	size_t former_len = 0;
	if (!wanted) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG");
	}
	for (int i = 0; i < count; i++) {
		if (!versions || bands[i].version != versions[i] ||
				bands[i].patch_version != patch_version(patch, i)) {
			bands[i].version = 0;
			former_len += bands[i].len;
			wanted[wanted_count++] = i;
		}
	}
	const bool is_quick = wanted_count <= (level == CUA_PICTURE_FAST ? PNG_BANDS_INLINE : 1) &&
			former_len < PHOTOGRAPH_BANDS_LEN;
	png_codes_begin(&cache->codes, wanted_count, count);
	struct band_job job = { .pixels = pixels,
		.level = level,
		.patch = patch,
		.bands = bands,
		.wanted = wanted,
		.codes_mutex = PTHREAD_MUTEX_INITIALIZER,
		.codes = &cache->codes };
	picture_workers_run(workers, wanted_count, is_quick, work_on_band, &job);
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

void png_cache_finish(struct png_cache *cache)
{
	png_bands_finish(cache->bands, cache->band_count);
	png_codes_finish(&cache->codes);
	*cache = (struct png_cache){ 0 };
}

static enum cua_status cache_init(
		struct png_cache *cache, const struct picture_pixels *pixels, struct cua_error *err)
{
	const int count = png_band_count(pixels);
	*cache = (struct png_cache){ .bands = calloc((size_t)count, sizeof(*cache->bands)),
		.width_px = pixels->width_px,
		.height_px = pixels->height_px };
	if (!cache->bands) {
		*cache = (struct png_cache){ 0 };
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "PNG");
	}
	cache->band_count = count;
	return CUA_OK;
}

enum cua_status png_encode_fast(struct picture_workers *workers,
		const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err)
{
	struct png_cache made = { 0 };
	enum cua_status status = cache_init(&made, pixels, err);
	if (status == CUA_OK) {
		status = make_bands(workers, pixels, CUA_PICTURE_FAST, NULL, NULL, &made, err);
	}
	if (status == CUA_OK) {
		status = png_append_bands(pixels, made.bands, bytes, err);
	}
	png_cache_finish(&made);
	return status;
}

/* --- the frame, of which bands are kept --- */

void png_encode_ahead(struct picture_workers *workers, struct png_cache *cache,
		const struct picture_pixels *pixels, uint64_t version, int band)
{
	struct band_job job = { .pixels = pixels,
		.level = CUA_PICTURE_FAST,
		.bands = cache->bands,
		.codes_mutex = PTHREAD_MUTEX_INITIALIZER };
	if (cache->width_px == pixels->width_px && cache->height_px == pixels->height_px &&
			make_band(&job, band, picture_workers_scratch(workers))) {
		cache->bands[band].version = version;
	}
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
			png_band_finish(band);
		}
	}
}

enum cua_status png_encode_frame(struct picture_workers *workers, struct png_cache *cache,
		const struct picture_pixels *pixels, enum cua_picture_level level,
		const uint64_t *versions, const struct picture_patch *patch,
		struct cua_buffer *bytes, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	if (cache->width_px != pixels->width_px || cache->height_px != pixels->height_px) {
		png_cache_finish(cache);
		status = cache_init(cache, pixels, err);
	}
	if (status == CUA_OK) {
		status = make_bands(workers, pixels, level, versions, patch, cache, err);
	}
	if (status == CUA_OK) {
		status = png_append_bands(pixels, cache->bands, bytes, err);
	}
	trim_cache(cache);
	return status;
}

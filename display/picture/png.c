#include "display/picture/png.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "display/picture/png_rows.h"

/* More than all but the bands of a file. */
#define PNG_ENDS_MAX 128
/* libpng takes no chunk that is longer than the picture and 8 MB, others may want less. */
#define PNG_CHUNK_USUAL_LEN ((size_t)1 << 20)

static void put_be32(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 24);
	to[1] = (uint8_t)(value >> 16);
	to[2] = (uint8_t)(value >> 8);
	to[3] = (uint8_t)value;
}

void png_chunk_close(uint8_t *chunk, const char *type, size_t data_len)
{
	put_be32(chunk, (uint32_t)data_len);
	memcpy(chunk + 4, type, 4);
	put_be32(chunk + PNG_CHUNK_HEAD + data_len, crc32_gzip_refl(0, chunk + 4, 4 + data_len));
}

enum cua_status png_append_chunk(struct cua_buffer *bytes, const char *type, const void *data,
		size_t data_len, struct cua_error *err)
{
	uint8_t chunk[PNG_CHUNK_HEAD + 16 + PNG_CHUNK_TAIL];
	memcpy(chunk + PNG_CHUNK_HEAD, data, data_len);
	png_chunk_close(chunk, type, data_len);
	return cua_buffer_append(bytes, chunk, PNG_CHUNK_HEAD + data_len + PNG_CHUNK_TAIL, err);
}

enum cua_status png_append_head(const struct picture_pixels *pixels, struct cua_buffer *bytes,
		struct cua_error *err)
{
	static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	/* 8 bits, RGB, deflate, the five filters, not interlaced */
	uint8_t header[13] = { [8] = 8, [9] = 2 };
	put_be32(header, (uint32_t)pixels->width_px);
	put_be32(header + 4, (uint32_t)pixels->height_px);
	enum cua_status status = cua_buffer_append(bytes, signature, sizeof(signature), err);
	return status == CUA_OK ? png_append_chunk(bytes, "IHDR", header, sizeof(header), err)
				: status;
}

int png_band_count(const struct picture_pixels *pixels)
{
	return (pixels->height_px + PICTURE_BAND_ROWS - 1) / PICTURE_BAND_ROWS;
}

int png_band_rows(const struct picture_pixels *pixels, int band)
{
	const int left = pixels->height_px - band * PICTURE_BAND_ROWS;
	return left < PICTURE_BAND_ROWS ? left : PICTURE_BAND_ROWS;
}

size_t png_deflate_bound(size_t raw_len)
{
	return raw_len + raw_len / 8 + 4096;
}

bool png_band_take(struct png_band *band, const uint8_t *deflated, size_t len, const uint8_t *raw,
		size_t raw_len)
{
	free(band->deflated);
	*band = (struct png_band){ .deflated = malloc(len), .len = len, .runs = band->runs };
	if (!band->deflated) {
		return false;
	}
	memcpy(band->deflated, deflated, len);
	band->crc = crc32_gzip_refl(0, deflated, len);
	band->crc_op = (uint32_t)crc32_combine_gen((z_off_t)len);
	band->adler = isal_adler32(1, raw, raw_len);
	return true;
}

void png_band_finish(struct png_band *band)
{
	free(band->deflated);
	free(band->runs);
	*band = (struct png_band){ 0 };
}

void png_bands_finish(struct png_band *bands, int count)
{
	for (int i = 0; bands && i < count; i++) {
		png_band_finish(&bands[i]);
	}
	free(bands);
}

/* For a plain screen a band is hardly longer than the head and the tail of a chunk. */
static enum cua_status append_chunk_of_bands(const struct png_band *bands, int count,
		struct cua_buffer *bytes, struct cua_error *err)
{
	uint8_t head[PNG_CHUNK_HEAD] = { [4] = 'I', 'D', 'A', 'T' }, tail[PNG_CHUNK_TAIL];
	uLong crc = crc32_gzip_refl(0, head + 4, 4);
	size_t len = 0;
	for (int i = 0; i < count; i++) {
		len += bands[i].len;
		crc = crc32_combine_op(crc, bands[i].crc, bands[i].crc_op);
	}
	put_be32(head, (uint32_t)len);
	put_be32(tail, (uint32_t)crc);
	enum cua_status status = cua_buffer_append(bytes, head, sizeof(head), err);
	for (int i = 0; i < count && status == CUA_OK; i++) {
		status = cua_buffer_append(bytes, bands[i].deflated, bands[i].len, err);
	}
	return status == CUA_OK ? cua_buffer_append(bytes, tail, sizeof(tail), err) : status;
}

/* As many as go into a chunk, at least one. */
static int bands_of_chunk(const struct png_band *bands, int count)
{
	size_t len = bands[0].len;
	int taken = 1;
	while (taken < count && len + bands[taken].len <= PNG_CHUNK_USUAL_LEN) {
		len += bands[taken++].len;
	}
	return taken;
}

enum cua_status png_append_bands(const struct picture_pixels *pixels, const struct png_band *bands,
		struct cua_buffer *bytes, struct cua_error *err)
{
	static const uint8_t zlib_head[] = { 0x78, 0x01 };
	const int count = png_band_count(pixels);
	const size_t row_len = png_row_len(pixels->width_px);
	/* An empty last block, then the Adler-32 of all rows. */
	uint8_t zlib_tail[6] = { 0x03, 0x00 };
	uLong adler = 1;
	size_t len = PNG_ENDS_MAX;
	for (int i = 0; i < count; i++) {
		const size_t raw_len = row_len * (size_t)png_band_rows(pixels, i);
		len += PNG_CHUNK_HEAD + bands[i].len + PNG_CHUNK_TAIL;
		adler = adler32_combine(adler, bands[i].adler, (z_off_t)raw_len);
	}
	put_be32(zlib_tail + 2, (uint32_t)adler);
	enum cua_status status = cua_buffer_reserve(bytes, len, err);
	if (status == CUA_OK) {
		status = png_append_head(pixels, bytes, err);
	}
	if (status == CUA_OK) {
		status = png_append_chunk(bytes, "IDAT", zlib_head, sizeof(zlib_head), err);
	}
	for (int i = 0, taken; i < count && status == CUA_OK; i += taken) {
		taken = bands_of_chunk(bands + i, count - i);
		status = append_chunk_of_bands(bands + i, taken, bytes, err);
	}
	if (status == CUA_OK) {
		status = png_append_chunk(bytes, "IDAT", zlib_tail, sizeof(zlib_tail), err);
	}
	return status == CUA_OK ? png_append_chunk(bytes, "IEND", "", 0, err) : status;
}

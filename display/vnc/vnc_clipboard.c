#include "display/vnc/vnc_clipboard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/vnc/vnc_link.h"

#define FORMAT_TEXT 1U
#define PROVIDE_TEXT 0x10000001U

enum cua_status vnc_text_from_latin1(
		const uint8_t *latin1, size_t len, struct cua_buffer *text, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; i < len && status == CUA_OK; i++) {
		uint8_t byte = latin1[i];
		if (byte == '\r' || byte == '\0') {
			continue;
		}
		uint8_t utf8[2] = { (uint8_t)(0xc0 | byte >> 6), (uint8_t)(0x80 | (byte & 0x3f)) };
		status = byte < 0x80 ? cua_buffer_append(text, &byte, 1, err)
				     : cua_buffer_append(text, utf8, 2, err);
	}
	return status;
}

enum cua_status vnc_text_to_latin1(
		const char *utf8, size_t len, struct cua_buffer *latin1, struct cua_error *err)
{
	const char *end = utf8 + len;
	enum cua_status status = CUA_OK;
	while (utf8 < end && status == CUA_OK) {
		uint32_t point = cua_utf8_next(&utf8, end);
		if (point == CUA_UTF8_INVALID) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "cut text is not UTF-8");
		}
		char byte = point < 0x100 ? (char)point : '?';
		status = cua_buffer_append(latin1, &byte, 1, err);
	}
	return status;
}

enum cua_status vnc_text_to_crlf(
		const char *utf8, size_t len, struct cua_buffer *crlf, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; i < len && status == CUA_OK; i++) {
		status = utf8[i] == '\n' ? cua_buffer_append(crlf, "\r\n", 2, err)
					 : cua_buffer_append(crlf, &utf8[i], 1, err);
	}
	return status == CUA_OK ? cua_buffer_append(crlf, "", 1, err) : status;
}

/* Yields exactly len bytes, or fails: what the stream lacks is never made up. */
static enum cua_status inflate_exactly(
		z_stream *stream, void *data, size_t len, struct cua_error *err)
{
	stream->next_out = data;
	stream->avail_out = (uInt)len;
	int result = len > 0 ? inflate(stream, Z_SYNC_FLUSH) : Z_OK;
	if ((result != Z_OK && result != Z_STREAM_END) || stream->avail_out > 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "cut text is not a whole zlib stream");
	}
	return CUA_OK;
}

static enum cua_status inflate_text(
		z_stream *stream, struct cua_buffer *text, struct cua_error *err)
{
	uint32_t size = 0;
	enum cua_status status = inflate_exactly(stream, &size, sizeof(size), err);
	if (status != CUA_OK) {
		return status;
	}
	size = ntohl(size);
	if (size > text->max_len) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "cut text of %u bytes", size);
	}
	CUA_AUTO_FREE char *crlf = malloc(size + 1);
	if (!crlf) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "cut text");
	}
	status = inflate_exactly(stream, crlf, size, err);
	size_t len = status == CUA_OK ? strnlen(crlf, size) : 0;
	for (size_t i = 0; i < len && status == CUA_OK; i++) {
		if (crlf[i] != '\r') {
			status = cua_buffer_append(text, &crlf[i], 1, err);
		}
	}
	return status == CUA_OK ? cua_utf8_check(text->data ? text->data : "", text->len, err)
				: status;
}

enum cua_status vnc_text_inflate(uint32_t formats, const uint8_t *zlib, size_t len,
		struct cua_buffer *text, struct cua_error *err)
{
	if (!(formats & FORMAT_TEXT)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "cut text without text");
	}
	z_stream stream = { 0 };
	stream.next_in = (Bytef *)(uintptr_t)zlib;
	stream.avail_in = (uInt)len;
	if (inflateInit(&stream) != Z_OK) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "zlib");
	}
	enum cua_status status = inflate_text(&stream, text, err);
	inflateEnd(&stream);
	return status;
}

enum cua_status vnc_text_deflate(
		const char *utf8, size_t len, struct cua_buffer *message, struct cua_error *err)
{
	uint32_t size = 0;
	struct cua_buffer CUA_AUTO_BUFFER plain;
	cua_buffer_init(&plain, 2 * VNC_LINK_TEXT_MAX + sizeof(size) + 1);
	enum cua_status status = cua_buffer_append(&plain, &size, sizeof(size), err);
	if (status == CUA_OK) {
		status = vnc_text_to_crlf(utf8, len, &plain, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	size = htonl((uint32_t)(plain.len - sizeof(size)));
	memcpy(plain.data, &size, sizeof(size));

	uLongf packed_len = compressBound(plain.len);
	CUA_AUTO_FREE uint8_t *packed = malloc(packed_len);
	if (!packed ||
			compress(packed, &packed_len, (const Bytef *)plain.data, plain.len) !=
					Z_OK) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "cut text");
	}
	uint32_t header[3] = { htonl(3U << 24), htonl(0U - (uint32_t)(4 + packed_len)),
		htonl(PROVIDE_TEXT) };
	status = cua_buffer_append(message, header, sizeof(header), err);
	return status == CUA_OK ? cua_buffer_append(message, packed, packed_len, err) : status;
}

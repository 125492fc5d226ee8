#include "cua/base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cua_buffer_init(struct cua_buffer *buffer, size_t max_len)
{
	*buffer = (struct cua_buffer){ .max_len = max_len };
}

void cua_buffer_finish(struct cua_buffer *buffer)
{
	free(buffer->data);
	cua_buffer_init(buffer, buffer->max_len);
}

void cua_buffer_clear(struct cua_buffer *buffer)
{
	buffer->len = 0;
	if (buffer->data) {
		buffer->data[0] = '\0';
	}
}

enum cua_status cua_buffer_reserve(struct cua_buffer *buffer, size_t extra, struct cua_error *err)
{
	if (extra > buffer->max_len - buffer->len) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %zu bytes", buffer->max_len);
	}
	size_t needed = buffer->len + extra + 1;
	if (needed <= buffer->capacity) {
		return CUA_OK;
	}
	size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
	capacity += capacity / 2;
	capacity = capacity < needed ? needed : capacity;
	char *data = realloc(buffer->data, capacity);
	if (!data) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "%zu bytes", capacity);
	}
	data[buffer->len] = '\0';
	buffer->data = data;
	buffer->capacity = capacity;
	return CUA_OK;
}

enum cua_status cua_buffer_append(
		struct cua_buffer *buffer, const void *data, size_t len, struct cua_error *err)
{
	enum cua_status status = cua_buffer_reserve(buffer, len, err);
	if (status != CUA_OK) {
		return status;
	}
	if (len > 0) {
		memcpy(buffer->data + buffer->len, data, len);
	}
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
	return CUA_OK;
}

enum cua_status cua_buffer_printf(
		struct cua_buffer *buffer, struct cua_error *err, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	va_list measured;
	va_copy(measured, args);
	int len = vsnprintf(NULL, 0, fmt, measured);
	va_end(measured);
	enum cua_status status = len < 0 ? CUA_FAIL(err, CUA_ERR_INVAL, 0, "format")
					 : cua_buffer_reserve(buffer, (size_t)len, err);
	if (status == CUA_OK) {
		vsnprintf(buffer->data + buffer->len, (size_t)len + 1, fmt, args);
		buffer->len += (size_t)len;
	}
	va_end(args);
	return status;
}

void cua_buffer_consume(struct cua_buffer *buffer, size_t len)
{
	buffer->len -= len;
	if (buffer->data) {
		memmove(buffer->data, buffer->data + len, buffer->len + 1);
	}
}

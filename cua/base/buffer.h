#ifndef CUA_BASE_BUFFER_H
#define CUA_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "cua/base/error.h"

/* A byte string that grows up to a stated cap. Always NUL-terminated after the first append,
 * so data may be read as a C string when its content allows. */
struct cua_buffer {
	char *data; /* owned; NULL while empty */
	size_t len, capacity, max_len;
};

void cua_buffer_init(struct cua_buffer *buffer, size_t max_len);
/* Releases the bytes; the buffer is empty and usable again. */
void cua_buffer_finish(struct cua_buffer *buffer);
/* Empties the buffer and keeps its memory. */
void cua_buffer_clear(struct cua_buffer *buffer);

/* Makes room for so many more bytes at once, for one who knows. All that add fail with
 * CUA_ERR_TOO_LARGE past max_len, CUA_ERR_NOMEM; the buffer is then unchanged. */
CUA_NODISCARD enum cua_status cua_buffer_reserve(
		struct cua_buffer *buffer, size_t extra, struct cua_error *err);
CUA_NODISCARD enum cua_status cua_buffer_append(
		struct cua_buffer *buffer, const void *data, size_t len, struct cua_error *err);
CUA_NODISCARD enum cua_status cua_buffer_printf(struct cua_buffer *buffer, struct cua_error *err,
		const char *fmt, ...) CUA_PRINTF(3, 4);
/* Drops len bytes from the front; len must not exceed buffer->len. */
void cua_buffer_consume(struct cua_buffer *buffer, size_t len);

#define CUA_AUTO_BUFFER __attribute__((cleanup(cua_buffer_finish)))

#endif

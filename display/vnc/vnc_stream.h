#ifndef CUA_DISPLAY_VNC_VNC_STREAM_H
#define CUA_DISPLAY_VNC_VNC_STREAM_H

/* Bytes on their way to a non-blocking socket. A part that is sent is not moved out of the way
 * each time, as a frame may leave in hundreds of pieces. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/buffer.h"

struct vnc_stream {
	struct cua_buffer bytes; /* owned */
	size_t sent;             /* of bytes, from the front */
};

static inline size_t vnc_stream_len(const struct vnc_stream *stream)
{
	return stream->bytes.len - stream->sent;
}

/* Sends what the socket takes; false if the other side is gone. ret_progress is set if any was. */
bool vnc_stream_flush(struct vnc_stream *stream, int fd, bool *ret_progress);
void vnc_stream_clear(struct vnc_stream *stream);

#endif

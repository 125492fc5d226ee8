#include "display/vnc/vnc_stream.h"

#include <errno.h>
#include <sys/socket.h>

#define KEEP_CAPACITY (1U << 20)

static void compact(struct vnc_stream *stream)
{
	if (vnc_stream_len(stream) == 0) {
		if (stream->bytes.capacity > KEEP_CAPACITY) {
			cua_buffer_finish(&stream->bytes);
		} else {
			cua_buffer_clear(&stream->bytes);
		}
		stream->sent = 0;
	} else if (stream->sent > stream->bytes.len / 2) {
		cua_buffer_consume(&stream->bytes, stream->sent);
		stream->sent = 0;
	}
}

bool vnc_stream_flush(struct vnc_stream *stream, int fd, bool *ret_progress)
{
	while (vnc_stream_len(stream) > 0) {
		ssize_t sent = send(fd, stream->bytes.data + stream->sent, vnc_stream_len(stream),
				MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR) {
			continue;
		}
		if (sent < 0) {
			compact(stream);
			return errno == EAGAIN;
		}
		stream->sent += (size_t)sent;
		*ret_progress = true;
	}
	compact(stream);
	return true;
}

void vnc_stream_clear(struct vnc_stream *stream)
{
	stream->sent = stream->bytes.len;
	compact(stream);
}

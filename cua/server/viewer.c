#include "cua/server/viewer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#define CUA_LOG_MODULE "serve.viewer"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/desktops.h"
#include "cua/server/server.h"
#include "display/vnc/vnc_input.h"
#include "display/vnc/vnc_pass.h"

#define READ_LEN ((size_t)128 << 10)
/* Beyond this the desktop is not read until its viewer has read: the desktop's vnc process holds
 * the rest, and puts out who does not read at all. */
#define UNSENT_MAX ((size_t)512 << 10)
#define UNTAKEN_MAX ((size_t)1 << 20)
/* RFC 6455, 7.4.1, and the registry that it has started. */
#define CLOSE_GOING_AWAY 1001
#define CLOSE_NO_TEXT 1003
#define CLOSE_TRY_LATER 1013

struct viewer {
	struct stream_face face;
	LIST_ENTRY(viewer) link;
	char desktop[DESKTOP_NAME_MAX + 1];
	struct cua_http_stream *stream; /* NULL: closed */
	uv_poll_t poll;
	int fd;                    /* -1: closed */
	int events;                /* that poll waits for */
	bool has_heard;            /* the desktop has said something */
	size_t unsent;             /* given to the stream since it was last drained */
	struct cua_buffer untaken; /* of the client, that the desktop did not take yet */
};

int viewer_mode(const char *name)
{
	static const char *const names[VNC_MODE_COUNT] = { "watch", "act", "private" };
	for (int i = 0; i < VNC_MODE_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			return i;
		}
	}
	return -1;
}

/* --- the desktop's side --- */

static void on_poll_closed(uv_handle_t *handle)
{
	struct viewer *viewer = handle->data;
	cua_buffer_finish(&viewer->untaken);
	free(viewer);
}

static void close_desktop(struct viewer *viewer)
{
	if (viewer->fd >= 0) {
		uv_poll_stop(&viewer->poll);
		cua_closep(&viewer->fd);
	}
}

/* It says no more. One that never said anything has all the viewers that it takes. */
static void desktop_ended(struct viewer *viewer)
{
	close_desktop(viewer);
	if (viewer->has_heard) {
		cua_http_stream_close_with(viewer->stream, CLOSE_GOING_AWAY,
				"the desktop has ended this connection");
	} else {
		cua_http_stream_close_with(viewer->stream, CLOSE_TRY_LATER,
				"the desktop takes no more viewers now");
	}
}

/* False if it is closed now. */
static bool read_desktop(struct viewer *viewer)
{
	static char bytes[READ_LEN];
	const ssize_t len = read(viewer->fd, bytes, sizeof(bytes));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return true;
	}
	if (len <= 0) {
		desktop_ended(viewer);
		return false;
	}
	viewer->has_heard = true;
	viewer->unsent += (size_t)len;
	if (cua_http_stream_send(viewer->stream, false, bytes, (size_t)len, NULL) != CUA_OK) {
		cua_http_stream_close(viewer->stream);
		close_desktop(viewer);
		return false;
	}
	return true;
}

/* False if it is closed now. */
static bool write_desktop(struct viewer *viewer, const char *data, size_t len, size_t *ret_written)
{
	*ret_written = 0;
	while (*ret_written < len) {
		const ssize_t written = send(viewer->fd, data + *ret_written, len - *ret_written,
				MSG_NOSIGNAL | MSG_DONTWAIT);
		if (written < 0 && errno == EAGAIN) {
			break;
		}
		if (written < 0 && errno != EINTR) {
			/* What it said before is still there to be read. */
			return read_desktop(viewer);
		}
		*ret_written += written > 0 ? (size_t)written : 0;
	}
	return true;
}

static void on_desktop(uv_poll_t *poll, int status, int events);

static void wait_for_desktop(struct viewer *viewer)
{
	const bool reads = viewer->unsent <= UNSENT_MAX, writes = viewer->untaken.len > 0;
	const int events = UV_DISCONNECT | (reads ? UV_READABLE : 0) | (writes ? UV_WRITABLE : 0);
	if (viewer->fd >= 0 && events != viewer->events) {
		viewer->events = events;
		uv_poll_start(&viewer->poll, events, on_desktop);
	}
}

static bool flush_untaken(struct viewer *viewer)
{
	size_t written = 0;
	if (viewer->untaken.len == 0) {
		return true;
	}
	if (!write_desktop(viewer, viewer->untaken.data, viewer->untaken.len, &written)) {
		return false;
	}
	cua_buffer_consume(&viewer->untaken, written);
	if (viewer->untaken.len == 0) {
		cua_http_stream_listen(viewer->stream, true);
	}
	return true;
}

static void on_desktop(uv_poll_t *poll, int status, int events)
{
	struct viewer *viewer = poll->data;
	if ((events & UV_WRITABLE) && !flush_untaken(viewer)) {
		return;
	}
	if ((status < 0 || (events & UV_READABLE)) && !read_desktop(viewer)) {
		return;
	}
	/* It has hung up on one who does not read, and who will not read what is left either. */
	if (status < 0 || ((events & UV_DISCONNECT) && viewer->unsent > UNSENT_MAX)) {
		desktop_ended(viewer);
		return;
	}
	wait_for_desktop(viewer);
}

/* --- the client's side --- */

static void on_data(struct cua_http_stream *stream, const char *data, size_t len, bool is_text,
		bool is_last)
{
	struct viewer *viewer = stream->user_data;
	size_t written = 0;
	(void)is_last;
	if (is_text) {
		cua_http_stream_close_with(stream, CLOSE_NO_TEXT, "RFB goes in binary frames");
		close_desktop(viewer);
		return;
	}
	if (viewer->fd < 0 ||
			(viewer->untaken.len == 0 && !write_desktop(viewer, data, len, &written))) {
		return;
	}
	if (written < len &&
			cua_buffer_append(&viewer->untaken, data + written, len - written, NULL) !=
					CUA_OK) {
		desktop_ended(viewer);
		return;
	}
	if (written < len) {
		cua_http_stream_listen(stream, false);
	}
	wait_for_desktop(viewer);
}

static void on_drained(struct cua_http_stream *stream)
{
	struct viewer *viewer = stream->user_data;
	viewer->unsent = 0;
	wait_for_desktop(viewer);
}

static void on_closed(struct cua_http_stream *stream)
{
	struct viewer *viewer = stream->user_data;
	LIST_REMOVE(viewer, link);
	viewer->stream = NULL;
	close_desktop(viewer);
	uv_close((uv_handle_t *)&viewer->poll, on_poll_closed);
}

/* --- life --- */

static enum cua_status check_count(
		const struct server *server, const char *desktop, struct cua_error *err)
{
	const struct viewer *viewer = NULL;
	int count = 0;
	LIST_FOREACH(viewer, &server->viewers, link)
	{
		count += strcmp(viewer->desktop, desktop) == 0;
	}
	return count < VNC_VIEWERS_MAX ? CUA_OK
				       : CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
							 "desktop %s has %d viewers, and takes no "
							 "more",
							 desktop, count);
}

/* ret_fd: non-blocking, with the pass sent. */
static enum cua_status connect_desktop(
		const struct ticket_grant *grant, int *ret_fd, struct cua_error *err)
{
	struct vnc_pass pass = { .mode = (uint32_t)viewer_mode(grant->mode) };
	struct desktop_record record;
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_FD int fd = -1;
	memcpy(pass.magic, VNC_PASS_MAGIC, sizeof(pass.magic));
	snprintf(pass.person, sizeof(pass.person), "%s", grant->caller.id);
	snprintf(pass.name, sizeof(pass.name), "%s", grant->caller.name);
	enum cua_status status = cua_desktop_find(grant->subject, &record, err);
	if (status != CUA_OK) {
		return status;
	}
	desktop_path(&record, "viewers.sock", path, sizeof(path));
	if (cua_unix_connect(path, SOCK_STREAM, &fd, NULL) != CUA_OK ||
			fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
			send(fd, &pass, sizeof(pass), MSG_NOSIGNAL) != (ssize_t)sizeof(pass)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the host of desktop %s does not answer; if it is gone, a start by "
				"its name gives it another",
				record.name);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

enum cua_status viewer_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err)
{
	struct server *server = request->server;
	const struct ticket_grant *grant = &request->grant;
	CUA_AUTO_FD int fd = -1;
	enum cua_status status = check_count(server, grant->subject, err);
	if (status == CUA_OK) {
		status = connect_desktop(grant, &fd, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	if (!viewer || uv_poll_init(&server->loop, &viewer->poll, fd) != 0) {
		free(viewer);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "viewer");
	}
	viewer->face = (struct stream_face){
		.on_data = on_data, .on_drained = on_drained, .on_closed = on_closed
	};
	viewer->stream = stream;
	viewer->fd = cua_steal_fd(&fd);
	viewer->poll.data = viewer;
	snprintf(viewer->desktop, sizeof(viewer->desktop), "%.*s", DESKTOP_NAME_MAX,
			grant->subject);
	cua_buffer_init(&viewer->untaken, UNTAKEN_MAX);
	LIST_INSERT_HEAD(&server->viewers, viewer, link);
	stream->user_data = viewer;
	return CUA_OK;
}

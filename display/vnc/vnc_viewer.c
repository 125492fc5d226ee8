#include "display/vnc/vnc_viewer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUA_LOG_MODULE "vnc.viewer"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_clipboard.h"

#define STALL_US UINT64_C(5000000)
#define VERSION_US UINT64_C(10000000)
#define LOGIN_US UINT64_C(60000000) /* a person types a password meanwhile */
#define READ_SIZE 65536
#define READS_MAX 16 /* per turn of the loop, so that every viewer has its turn */

static void drop(struct vnc_viewer *viewer, const char *why)
{
	cua_log_info("viewer %d is hung up on: it %s", viewer->slot, why);
	vnc_viewer_close(viewer);
}

static void lose(struct vnc_viewer *viewer)
{
	cua_log_debug("viewer %d is gone", viewer->slot);
	vnc_viewer_close(viewer);
}

/* ---- the two sides ---- */

static void on_outer(uv_poll_t *poll, int status, int events);
static void on_inner(uv_poll_t *poll, int status, int events);

static void side_wait(struct vnc_side *side, int events, uv_poll_cb callback)
{
	if (side->open && side->events != events) {
		side->events = events;
		uv_poll_start(&side->poll, events, callback);
	}
}

static void update_events(struct vnc_viewer *viewer)
{
	bool reads = viewer->in_len < VNC_GATE_MESSAGE_MAX && !viewer->ending;
	side_wait(&viewer->outer,
			UV_DISCONNECT | (reads ? UV_READABLE : 0) |
					(vnc_stream_len(&viewer->to_viewer) > 0 ? UV_WRITABLE : 0),
			on_outer);
	side_wait(&viewer->inner,
			UV_READABLE | (vnc_stream_len(&viewer->to_server) > 0 ? UV_WRITABLE : 0),
			on_inner);
}

static void free_slot_if_done(struct vnc_viewer *viewer)
{
	if (viewer->gone && viewer->closing == 0 &&
			(!viewer->handed_over || !viewer->relay->rfb ||
					vnc_rfb_report(viewer->relay->rfb, viewer->slot).gone)) {
		*viewer = (struct vnc_viewer){ 0 };
	}
}

static void on_side_closed(uv_handle_t *handle)
{
	struct vnc_viewer *viewer = handle->data;
	viewer->closing--;
	free_slot_if_done(viewer);
}

bool vnc_side_open(struct vnc_viewer *viewer, struct vnc_side *side, int fd)
{
	*side = (struct vnc_side){ .fd = fd };
	if (uv_poll_init(viewer->relay->loop, &side->poll, fd) != 0) {
		close(fd);
		side->fd = -1;
		return false;
	}
	side->poll.data = viewer;
	side->open = true;
	return true;
}

static void side_close(struct vnc_viewer *viewer, struct vnc_side *side)
{
	if (side->open) {
		side->open = false;
		viewer->closing++;
		uv_close((uv_handle_t *)&side->poll, on_side_closed);
		close(cua_steal_fd(&side->fd));
	}
}

/* ---- from the viewer ---- */

static void flush_server(struct vnc_viewer *viewer)
{
	bool progress = false;
	if (viewer->inner.open &&
			!vnc_stream_flush(&viewer->to_server, viewer->inner.fd, &progress)) {
		/* libvncserver hung up; what it said last is still to be read. */
		vnc_stream_clear(&viewer->to_server);
	}
}

/* Takes what came from the viewer as far as there is room; false if the viewer is closed now. */
static bool take_input(struct vnc_viewer *viewer)
{
	bool fine = true;
	bool was_blocked;
	flush_server(viewer);
	do {
		size_t taken = vnc_viewer_take_messages(viewer, &fine);
		if (!fine) {
			drop(viewer, "is none that we can serve");
			return false;
		}
		viewer->in_len -= taken;
		memmove(viewer->in, viewer->in + taken, viewer->in_len);
		was_blocked = vnc_viewer_is_blocked(viewer);
		flush_server(viewer);
	} while (was_blocked && !vnc_viewer_is_blocked(viewer));
	return true;
}

/* False if the viewer is closed now. */
static bool read_viewer(struct vnc_viewer *viewer)
{
	for (int i = 0; i < READS_MAX && viewer->in_len < VNC_GATE_MESSAGE_MAX; i++) {
		ssize_t got = read(viewer->outer.fd, viewer->in + viewer->in_len,
				VNC_GATE_MESSAGE_MAX - viewer->in_len);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0 && errno == EAGAIN) {
			return true;
		}
		if (got <= 0) {
			lose(viewer);
			return false;
		}
		viewer->in_len += (size_t)got;
		if (!take_input(viewer)) {
			return false;
		}
	}
	return true;
}

/* ---- to the viewer ---- */

/* False if the viewer is closed now. */
static bool flush_viewer(struct vnc_viewer *viewer)
{
	bool progress = false;
	if (!vnc_stream_flush(&viewer->to_viewer, viewer->outer.fd, &progress)) {
		lose(viewer);
		return false;
	}
	if (progress) {
		viewer->progress_us = cua_now_us();
	}
	if (viewer->ending && vnc_stream_len(&viewer->to_viewer) == 0) {
		shutdown(viewer->outer.fd, SHUT_WR);
		drop(viewer, "says what libvncserver does not take");
		return false;
	}
	return true;
}

static bool queue_for_viewer(struct vnc_viewer *viewer, const char *data, size_t len)
{
	size_t discarded = viewer->discard < len ? viewer->discard : len;
	viewer->discard -= discarded;
	if (vnc_stream_len(&viewer->to_viewer) == 0) {
		viewer->progress_us = cua_now_us(); /* the stall clock starts */
	}
	return vnc_stream_len(&viewer->to_viewer) + len <= viewer->relay->held_max &&
			cua_buffer_append(&viewer->to_viewer.bytes, data + discarded,
					len - discarded, NULL) == CUA_OK;
}

static void on_outer(uv_poll_t *poll, int status, int events)
{
	struct vnc_viewer *viewer = poll->data;
	/* An error is a viewer that left something unread; what it sent before is still there. */
	if ((status < 0 || (events & UV_READABLE)) && !read_viewer(viewer)) {
		return;
	}
	if (status < 0 || ((events & UV_DISCONNECT) && !(events & UV_READABLE))) {
		lose(viewer);
		return;
	}
	if (flush_viewer(viewer)) {
		update_events(viewer);
	}
}

/* libvncserver hung up; the viewer still gets what it said, the reason for one. */
static void end_server(struct vnc_viewer *viewer)
{
	side_close(viewer, &viewer->inner);
	viewer->ending = true;
}

/* False if the viewer is closed now. */
static bool read_server(struct vnc_viewer *viewer)
{
	char bytes[READ_SIZE];
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t got = read(viewer->inner.fd, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0 && errno == EAGAIN) {
			return true;
		}
		if (got <= 0) {
			end_server(viewer);
			return true;
		}
		if (!queue_for_viewer(viewer, bytes, (size_t)got)) {
			drop(viewer, "does not read");
			return false;
		}
	}
	return true;
}

static void on_inner(uv_poll_t *poll, int status, int events)
{
	struct vnc_viewer *viewer = poll->data;
	if ((status < 0 || (events & UV_READABLE)) && !read_server(viewer)) {
		return;
	}
	if (status < 0) {
		end_server(viewer);
	}
	/* Room for what libvncserver gets may let more of the viewer's messages through. */
	if (take_input(viewer) && flush_viewer(viewer)) {
		update_events(viewer);
	}
}

/* ---- life ---- */

bool vnc_viewer_open(struct vnc_viewer *viewer, struct vnc_relay *relay, int slot, int fd,
		uint32_t source, bool has_pass)
{
	*viewer = (struct vnc_viewer){ .relay = relay,
		.slot = slot,
		.source = source,
		.has_pass = has_pass,
		.phase = has_pass ? VNC_PHASE_PASS : VNC_PHASE_VERSION };
	viewer->inner.fd = -1;
	viewer->in = malloc(VNC_GATE_MESSAGE_MAX);
	if (!viewer->in || !vnc_side_open(viewer, &viewer->outer, fd)) {
		if (!viewer->in) {
			close(fd);
		}
		free(viewer->in);
		*viewer = (struct vnc_viewer){ 0 };
		return false;
	}
	cua_buffer_init(&viewer->to_viewer.bytes, SIZE_MAX / 2);
	cua_buffer_init(&viewer->to_server.bytes, VNC_TO_SERVER_HIGH + 2 * VNC_GATE_MESSAGE_MAX);
	viewer->connected_us = viewer->progress_us = cua_now_us();
	if (cua_buffer_append(&viewer->to_viewer.bytes, VNC_VERSION_MESSAGE, VNC_VERSION_LEN,
			    NULL) != CUA_OK) {
		vnc_viewer_close(viewer);
		return true;
	}
	if (flush_viewer(viewer)) {
		update_events(viewer);
	}
	return true;
}

void vnc_viewer_close(struct vnc_viewer *viewer)
{
	if (!vnc_viewer_is_open(viewer)) {
		return;
	}
	viewer->gone = true;
	side_close(viewer, &viewer->outer);
	side_close(viewer, &viewer->inner);
	cua_buffer_finish(&viewer->to_viewer.bytes);
	cua_buffer_finish(&viewer->to_server.bytes);
	free(viewer->in);
	viewer->in = NULL;
	viewer->relay->on_change(viewer->relay);
}

void vnc_viewer_update(struct vnc_viewer *viewer)
{
	if (vnc_viewer_is_free(viewer)) {
		return;
	}
	if (viewer->gone || !viewer->handed_over) {
		free_slot_if_done(viewer);
		return;
	}
	const struct vnc_report report = vnc_rfb_report(viewer->relay->rfb, viewer->slot);
	const enum vnc_access access = report.access;
	if (access != viewer->access && access != VNC_ACCESS_NONE) {
		viewer->access = access;
		viewer->pass.mode = access == VNC_ACCESS_CONTROL ? VNC_MODE_ACT : VNC_MODE_WATCH;
		viewer->relay->on_change(viewer->relay);
		vnc_viewer_unblock(viewer);
	}
	if (report.is_ready && !viewer->is_ready) {
		viewer->is_ready = true;
		vnc_outbox_ready(viewer->relay->outbox, viewer->slot);
	}
}

void vnc_viewer_unblock(struct vnc_viewer *viewer)
{
	if (vnc_viewer_is_open(viewer) && take_input(viewer)) {
		update_events(viewer);
	}
}

void vnc_viewer_check_time(struct vnc_viewer *viewer, uint64_t now_us)
{
	if (!vnc_viewer_is_open(viewer)) {
		return;
	}
	if (vnc_stream_len(&viewer->to_viewer) > 0 && now_us - viewer->progress_us > STALL_US) {
		drop(viewer, "has stopped reading");
	} else if (viewer->phase <= VNC_PHASE_VERSION &&
			now_us - viewer->connected_us > VERSION_US) {
		drop(viewer, "says nothing");
	} else if (viewer->access == VNC_ACCESS_NONE && now_us - viewer->connected_us > LOGIN_US) {
		drop(viewer, "gives no password");
	}
}

bool vnc_viewer_needs_clock(const struct vnc_viewer *viewer)
{
	return vnc_viewer_is_open(viewer) &&
			(viewer->access == VNC_ACCESS_NONE ||
					vnc_stream_len(&viewer->to_viewer) > 0);
}

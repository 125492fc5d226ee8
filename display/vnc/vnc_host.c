#include <errno.h>
#include <string.h>

#define CUA_LOG_MODULE "vnc.host"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/vnc/vnc_server.h"

#define PACKETS_MAX 64 /* per turn of the loop */

void vnc_host_flush(struct vnc_server *server)
{
	bool waits = false, was_full = false;
	do {
		was_full = !vnc_outbox_has_room(&server->outbox);
		if (vnc_outbox_flush(&server->outbox, &waits, NULL) != CUA_OK) {
			vnc_server_stop(server);
			return;
		}
		/* Viewers that waited for room may fill it again. */
		for (int slot = 0; was_full && slot < VNC_VIEWERS_MAX; slot++) {
			vnc_viewer_unblock(&server->viewers[slot]);
		}
	} while (was_full && !waits);
	if (waits != server->link_waits) {
		server->link_waits = waits;
		uv_poll_start(&server->link, UV_READABLE | (waits ? UV_WRITABLE : 0),
				vnc_host_on_link);
	}
}

static void on_frame(struct vnc_server *server, const struct vnc_link_message *message, int *fd)
{
	struct cua_error err = { 0 };
	uint32_t width_px = message->u.frame.width_px, height_px = message->u.frame.height_px;
	if (*fd < 0) {
		cua_log_warn("a frame without a descriptor; viewers keep the old one");
	} else if (vnc_rfb_set_frame(server->rfb, cua_steal_fd(fd), width_px, height_px,
				   message->u.frame.stride_bytes, &err) != CUA_OK) {
		cua_log_warn("%s; viewers keep the old one", err.msg);
	} else {
		server->input.width_px = width_px;
		server->input.height_px = height_px;
		server->relay.held_max = (size_t)8 * width_px * height_px + (1U << 20);
	}
}

/* Who sees it is said first: nobody may see it for a moment who must not. */
static void on_private(struct vnc_server *server, const struct vnc_link_message *message, int *fd)
{
	struct cua_error err = { 0 };
	/* Text of before that is still there was for others. */
	vnc_rfb_forget_cut_text(server->rfb);
	server->is_private = *fd >= 0;
	memcpy(server->private_person, message->u.private.person, sizeof(server->private_person));
	vnc_server_show_private(server);
	if (vnc_rfb_set_private(server->rfb, cua_steal_fd(fd), message->u.private.width_px,
			    message->u.private.height_px, message->u.private.stride_bytes,
			    &err) != CUA_OK) {
		cua_log_warn("%s; nobody sees the private screen", err.msg);
	}
}

static void on_cursor(
		struct vnc_server *server, const struct vnc_link_message *message, const char *data)
{
	uint16_t width = message->u.cursor.width, height = message->u.cursor.height;
	if (width < 1 || width > VNC_LINK_CURSOR_EDGE_MAX || height < 1 ||
			height > VNC_LINK_CURSOR_EDGE_MAX || message->u.cursor.hot_x >= width ||
			message->u.cursor.hot_y >= height ||
			message->data_len != UINT32_C(4) * width * height) {
		cua_log_warn("a pointer shape that makes no sense; viewers keep the old one");
		return;
	}
	uint32_t pixels[VNC_LINK_CURSOR_EDGE_MAX * VNC_LINK_CURSOR_EDGE_MAX];
	memcpy(pixels, data, message->data_len);
	vnc_rfb_set_cursor(server->rfb, width, height, message->u.cursor.hot_x,
			message->u.cursor.hot_y, pixels);
}

/* Who came in by a password that is no longer one has to leave, and who is about to. */
static void drop_revoked(struct vnc_server *server, bool view, bool control)
{
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		struct vnc_viewer *viewer = &server->viewers[slot];
		if (viewer->has_pass) {
			continue;
		}
		if ((view && viewer->access == VNC_ACCESS_VIEW) ||
				(control && viewer->access == VNC_ACCESS_CONTROL) ||
				((view || control) && viewer->access == VNC_ACCESS_NONE &&
						viewer->phase >= VNC_PHASE_INIT)) {
			vnc_viewer_close(viewer);
		}
	}
}

static void on_listen(struct vnc_server *server, const struct vnc_link_message *message, int *fd)
{
	char view[VNC_PASSWORD_LEN + 1] = "", control[VNC_PASSWORD_LEN + 1] = "";
	memcpy(view, message->u.listen.view_password, VNC_PASSWORD_LEN);
	memcpy(control, message->u.listen.control_password, VNC_PASSWORD_LEN);
	vnc_rfb_set_passwords(server->rfb, view, control);
	drop_revoked(server, strcmp(view, server->view_password) != 0,
			strcmp(control, server->control_password) != 0);
	memcpy(server->view_password, view, sizeof(view));
	memcpy(server->control_password, control, sizeof(control));
	explicit_bzero(view, sizeof(view));
	explicit_bzero(control, sizeof(control));
	struct cua_error err = { 0 };
	if (vnc_listen_tcp(server, cua_steal_fd(fd), &err) != CUA_OK) {
		cua_log_warn("no TCP for viewers: %s", err.msg);
	}
}

static void on_message(struct vnc_server *server, const struct vnc_link_message *message,
		const char *data, int *fd)
{
	switch (message->type) {
	case VNC_LINK_FRAME:
		on_frame(server, message, fd);
		break;
	case VNC_LINK_DAMAGE:
		vnc_rfb_damage(server->rfb, message->u.damage.x, message->u.damage.y,
				message->u.damage.width, message->u.damage.height);
		break;
	case VNC_LINK_CURSOR:
		on_cursor(server, message, data);
		break;
	case VNC_LINK_MOVED:
		vnc_rfb_move_cursor(server->rfb, message->u.moved.x, message->u.moved.y);
		break;
	case VNC_LINK_PRIVATE:
		on_private(server, message, fd);
		break;
	case VNC_LINK_LISTEN:
		on_listen(server, message, fd);
		break;
	case VNC_LINK_SET_CUT_TEXT:
		if (message->data_len <= VNC_LINK_TEXT_MAX &&
				cua_utf8_check(data, message->data_len, NULL) == CUA_OK) {
			vnc_rfb_set_cut_text(server->rfb, data, message->data_len,
					message->u.cut_text.is_private != 0,
					message->u.cut_text.viewers);
		}
		break;
	default:
		cua_log_warn("message %u of the host is not known; ignored", message->type);
		break;
	}
}

/* False when nothing is left, or the host is gone. */
static bool receive(struct vnc_server *server)
{
	size_t size = sizeof(struct vnc_link_message) + VNC_LINK_TEXT_MAX, len = 0;
	int fds[CUA_UNIX_FDS_MAX];
	struct cua_error err = { 0 };
	enum cua_status status =
			cua_unix_recv(server->link_fd, server->packet, size, &len, fds, &err);
	if (status == CUA_ERR_TOO_LARGE) {
		cua_log_warn("%s from the host; ignored", err.msg);
		return true;
	}
	if (status != CUA_OK || len == 0) {
		if (status != CUA_ERR_TIMEOUT) {
			vnc_server_stop(server);
		}
		return false;
	}
	struct vnc_link_message message = { 0 };
	if (len >= sizeof(message)) {
		memcpy(&message, server->packet, sizeof(message));
	}
	if (len >= sizeof(message) && message.data_len == len - sizeof(message)) {
		on_message(server, &message, server->packet + sizeof(message), &fds[0]);
	} else {
		cua_log_warn("%zu bytes from the host are not a message; ignored", len);
	}
	explicit_bzero(server->packet, sizeof(message)); /* passwords came this way */
	explicit_bzero(&message, sizeof(message));
	for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
		cua_closep(&fds[i]);
	}
	return true;
}

void vnc_host_on_link(uv_poll_t *poll, int status, int events)
{
	struct vnc_server *server = poll->loop->data;
	if (status < 0) {
		vnc_server_stop(server);
		return;
	}
	if (events & UV_READABLE) {
		for (int i = 0; i < PACKETS_MAX && receive(server); i++) {
		}
	}
}

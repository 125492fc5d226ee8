#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/vnc/vnc_clipboard.h"
#include "display/vnc/vnc_viewer.h"

static bool queue_for_server(struct vnc_viewer *viewer, const void *data, size_t len)
{
	return cua_buffer_append(&viewer->to_server.bytes, data, len, NULL) == CUA_OK;
}

/* libvncserver gets the version together with the socket: without it, it would wait 100 ms for
 * the first bytes of a WebSocket, and with "RFB " in front it never takes one for such. */
static bool hand_over(struct vnc_viewer *viewer, int minor)
{
	int pair[2];
	char version[VNC_VERSION_LEN + 1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		return false;
	}
	memcpy(version, VNC_VERSION_MESSAGE, sizeof(version));
	version[VNC_VERSION_LEN - 2] = (char)('0' + minor);
	ssize_t sent = send(pair[0], version, VNC_VERSION_LEN, MSG_NOSIGNAL);
	if (!vnc_side_open(viewer, &viewer->inner, pair[0]) || sent != (ssize_t)VNC_VERSION_LEN) {
		close(pair[1]); /* the other end goes with the viewer */
		return false;
	}
	viewer->discard = VNC_VERSION_LEN; /* the viewer has ours */
	viewer->handed_over = true;
	viewer->has_security = minor >= 7;
	vnc_rfb_add_viewer(viewer->relay->rfb, viewer->slot, pair[1], viewer->source);
	return true;
}

static void take_text(struct vnc_viewer *viewer, const struct vnc_gate_message *message)
{
	struct cua_buffer CUA_AUTO_BUFFER text;
	cua_buffer_init(&text, VNC_LINK_TEXT_MAX);
	enum cua_status status = message->kind == VNC_GATE_TEXT
			? vnc_text_from_latin1(
					  message->u.text.bytes, message->u.text.len, &text, NULL)
			: vnc_text_inflate(message->u.text.flags, message->u.text.bytes,
					  message->u.text.len, &text, NULL);
	if (status == CUA_OK) {
		vnc_outbox_cut_text(viewer->relay->outbox, text.data ? text.data : "", text.len);
	}
}

static void advance_phase(struct vnc_viewer *viewer)
{
	switch (viewer->phase) {
	case VNC_PHASE_VERSION:
		viewer->phase = viewer->has_security ? VNC_PHASE_SECURITY : VNC_PHASE_RESPONSE;
		break;
	case VNC_PHASE_SECURITY:
		viewer->phase = VNC_PHASE_RESPONSE;
		break;
	case VNC_PHASE_RESPONSE:
		viewer->phase = VNC_PHASE_INIT;
		break;
	case VNC_PHASE_INIT:
	case VNC_PHASE_NORMAL:
		viewer->phase = VNC_PHASE_NORMAL;
		break;
	}
}

/* False if the viewer has to go. */
static bool take_message(struct vnc_viewer *viewer, const struct vnc_gate_message *message,
		const uint8_t *bytes)
{
	struct vnc_relay *relay = viewer->relay;
	bool controls = viewer->access == VNC_ACCESS_CONTROL;
	bool fine = true;
	switch (message->kind) {
	case VNC_GATE_VERSION:
		fine = hand_over(viewer, message->u.minor);
		break;
	case VNC_GATE_FORWARD:
		fine = queue_for_server(viewer, bytes, message->len);
		break;
	case VNC_GATE_KEY:
		if (controls) {
			vnc_input_key(relay->input, viewer->slot, message->u.key.keysym,
					message->u.key.down);
		}
		break;
	case VNC_GATE_POINTER:
		if (controls) {
			vnc_input_pointer(relay->input, viewer->slot, message->u.pointer.x,
					message->u.pointer.y, message->u.pointer.buttons);
		}
		break;
	case VNC_GATE_TEXT:
	case VNC_GATE_TEXT_PROVIDE:
		if (controls) {
			take_text(viewer, message);
		}
		break;
	case VNC_GATE_IGNORE:
		viewer->skip = message->skip;
		break;
	case VNC_GATE_MORE:
	case VNC_GATE_BAD:
		break;
	}
	advance_phase(viewer);
	return fine;
}

bool vnc_viewer_is_blocked(const struct vnc_viewer *viewer)
{
	if (viewer->phase >= VNC_PHASE_INIT && viewer->access == VNC_ACCESS_NONE) {
		return true; /* libvncserver has not judged the password yet */
	}
	return vnc_stream_len(&viewer->to_server) > VNC_TO_SERVER_HIGH ||
			!vnc_outbox_has_room(viewer->relay->outbox);
}

size_t vnc_viewer_take_messages(struct vnc_viewer *viewer, bool *ret_fine)
{
	size_t taken = 0;
	while (taken < viewer->in_len) {
		size_t left = viewer->in_len - taken;
		if (viewer->skip > 0) {
			size_t skipped = viewer->skip < left ? viewer->skip : left;
			viewer->skip -= skipped;
			taken += skipped;
			continue;
		}
		if (vnc_viewer_is_blocked(viewer)) {
			break;
		}
		struct vnc_gate_message message =
				vnc_gate_next(viewer->phase, viewer->in + taken, left);
		if (message.kind == VNC_GATE_MORE) {
			break;
		}
		if (message.kind == VNC_GATE_BAD ||
				!take_message(viewer, &message, viewer->in + taken)) {
			*ret_fine = false;
			break;
		}
		taken += message.len;
	}
	return taken;
}

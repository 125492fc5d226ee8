#include <arpa/inet.h>
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

static bool say(struct vnc_viewer *viewer, const void *data, size_t len)
{
	return cua_buffer_append(&viewer->to_viewer.bytes, data, len, NULL) == CUA_OK;
}

/* Who has a pass is offered security type None, here: libvncserver's list of types is one for all
 * its clients. It is told that such a viewer speaks RFB 3.3, where the type is not chosen. */
static bool offer_none(struct vnc_viewer *viewer)
{
	static const uint8_t types[] = { 1, 1 };
	const uint32_t type = htonl(1);
	viewer->discard += sizeof(type);
	return viewer->minor >= 7 ? say(viewer, types, sizeof(types))
				  : say(viewer, &type, sizeof(type));
}

/* From RFB 3.8 on there is a result of having no password, too. */
static bool agree_on_none(struct vnc_viewer *viewer)
{
	const uint32_t good = 0;
	return viewer->minor < 8 || say(viewer, &good, sizeof(good));
}

/* libvncserver gets the version together with the socket: without it, it would wait 100 ms for
 * the first bytes of a WebSocket, and with "RFB " in front it never takes one for such. */
static bool hand_over(struct vnc_viewer *viewer)
{
	const int minor = viewer->has_pass ? 3 : viewer->minor;
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
	vnc_rfb_add_viewer(
			viewer->relay->rfb, viewer->slot, pair[1], viewer->source, viewer->access);
	return !viewer->has_pass || offer_none(viewer);
}

static void take_pass(struct vnc_viewer *viewer, const struct vnc_pass *pass)
{
	viewer->pass = *pass;
	viewer->access = pass->mode == VNC_MODE_WATCH ? VNC_ACCESS_VIEW : VNC_ACCESS_CONTROL;
	viewer->relay->on_change(viewer->relay);
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
		vnc_outbox_cut_text(viewer->relay->outbox, viewer->slot, text.data ? text.data : "",
				text.len);
	}
}

static void advance_phase(struct vnc_viewer *viewer)
{
	const bool chooses = viewer->minor >= 7;
	switch (viewer->phase) {
	case VNC_PHASE_PASS:
		viewer->phase = VNC_PHASE_VERSION;
		break;
	case VNC_PHASE_VERSION:
		viewer->phase = viewer->has_pass
				? (chooses ? VNC_PHASE_NONE : VNC_PHASE_INIT)
				: (chooses ? VNC_PHASE_SECURITY : VNC_PHASE_RESPONSE);
		break;
	case VNC_PHASE_SECURITY:
		viewer->phase = VNC_PHASE_RESPONSE;
		break;
	case VNC_PHASE_NONE:
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
	case VNC_GATE_PASS:
		take_pass(viewer, &message->u.pass);
		break;
	case VNC_GATE_VERSION:
		viewer->minor = message->u.minor;
		fine = hand_over(viewer);
		break;
	case VNC_GATE_NONE:
		fine = agree_on_none(viewer);
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

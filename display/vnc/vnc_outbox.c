#include "display/vnc/vnc_outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum cua_status vnc_outbox_init(struct vnc_outbox *outbox, int fd, struct cua_error *err)
{
	*outbox = (struct vnc_outbox){ .fd = fd };
	outbox->entries = calloc(VNC_OUTBOX_MAX, sizeof(*outbox->entries));
	return outbox->entries ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "outbox");
}

static void pop(struct vnc_outbox *outbox)
{
	struct vnc_outbox_entry *first = &outbox->entries[outbox->head];
	if (first->data) {
		outbox->texts--;
	}
	free(first->data);
	*first = (struct vnc_outbox_entry){ 0 };
	outbox->head = (outbox->head + 1) % VNC_OUTBOX_MAX;
	outbox->count--;
}

void vnc_outbox_finish(struct vnc_outbox *outbox)
{
	while (outbox->count > 0) {
		pop(outbox);
	}
	free(outbox->entries);
	outbox->entries = NULL;
}

bool vnc_outbox_has_room(const struct vnc_outbox *outbox)
{
	return outbox->count < VNC_OUTBOX_SOFT_MAX && outbox->texts < VNC_OUTBOX_TEXTS_MAX;
}

/* NULL when even the reserve is used up, which takes more releases than viewers can hold keys. */
static struct vnc_outbox_entry *push(struct vnc_outbox *outbox, enum vnc_link_type type, int viewer)
{
	if (outbox->count == VNC_OUTBOX_MAX) {
		return NULL;
	}
	struct vnc_outbox_entry *entry =
			&outbox->entries[(outbox->head + outbox->count) % VNC_OUTBOX_MAX];
	*entry = (struct vnc_outbox_entry){ .message.type = type,
		.message.viewer = (uint32_t)viewer };
	outbox->count++;
	return entry;
}

void vnc_outbox_joined(struct vnc_outbox *outbox, int viewer, const struct vnc_pass *pass)
{
	struct vnc_outbox_entry *entry = push(outbox, VNC_LINK_JOINED, viewer);
	if (entry) {
		entry->message.u.joined.mode = pass->mode;
		memcpy(entry->message.u.joined.person, pass->person, sizeof(pass->person));
		memcpy(entry->message.u.joined.name, pass->name, sizeof(pass->name));
	}
}

void vnc_outbox_ready(struct vnc_outbox *outbox, int viewer)
{
	(void)push(outbox, VNC_LINK_READY, viewer);
}

void vnc_outbox_left(struct vnc_outbox *outbox, int viewer)
{
	(void)push(outbox, VNC_LINK_LEFT, viewer);
}

void vnc_outbox_key(struct vnc_outbox *outbox, int viewer, uint32_t keysym, bool down)
{
	struct vnc_outbox_entry *entry = push(outbox, VNC_LINK_KEY, viewer);
	if (entry) {
		entry->message.u.key.keysym = keysym;
		entry->message.u.key.down = down;
	}
}

void vnc_outbox_pointer(
		struct vnc_outbox *outbox, int viewer, uint16_t x, uint16_t y, uint32_t buttons)
{
	/* Only a move may be overtaken by a move: a press has to stay where it happened. */
	bool is_move = buttons == outbox->last_buttons;
	struct vnc_outbox_entry *entry = NULL;
	if (is_move && outbox->count > 0) {
		entry = &outbox->entries[(outbox->head + outbox->count - 1) % VNC_OUTBOX_MAX];
	}
	if (!entry || !entry->is_move || entry->message.viewer != (uint32_t)viewer) {
		entry = push(outbox, VNC_LINK_POINTER, viewer);
	}
	if (entry) {
		entry->is_move = is_move;
		entry->message.u.pointer.x = x;
		entry->message.u.pointer.y = y;
		entry->message.u.pointer.buttons = buttons;
		outbox->last_buttons = buttons;
	}
}

void vnc_outbox_cut_text(struct vnc_outbox *outbox, int viewer, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	struct vnc_outbox_entry *entry = copy ? push(outbox, VNC_LINK_CUT_TEXT, viewer) : NULL;
	if (!entry) {
		free(copy);
		return;
	}
	memcpy(copy, text, len);
	entry->data = copy;
	entry->message.data_len = (uint32_t)len;
	outbox->texts++;
}

void vnc_outbox_resume(struct vnc_outbox *outbox, int viewer, bool by_key)
{
	struct vnc_outbox_entry *entry = push(outbox, VNC_LINK_RESUME, viewer);
	if (entry) {
		entry->message.u.resume.by_key = by_key;
	}
}

void vnc_outbox_viewers(struct vnc_outbox *outbox, uint32_t viewers, uint32_t controllers)
{
	if (viewers != outbox->viewers || controllers != outbox->controllers) {
		outbox->viewers = viewers;
		outbox->controllers = controllers;
		outbox->viewers_changed = true;
	}
}

static enum cua_status send_one(const struct vnc_outbox *outbox,
		const struct vnc_link_message *message, char *data, bool *ret_full,
		struct cua_error *err)
{
	struct vnc_link_message copy = *message;
	struct iovec parts[2] = { { &copy, sizeof(copy) }, { data, message->data_len } };
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = data ? 2 : 1 };
	ssize_t sent;
	do {
		sent = sendmsg(outbox->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		return CUA_OK;
	}
	if (errno == EAGAIN || errno == ENOBUFS) {
		*ret_full = true;
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_CLOSED, errno, "link to the desktop host");
}

enum cua_status vnc_outbox_flush(
		struct vnc_outbox *outbox, bool *ret_waiting, struct cua_error *err)
{
	bool full = false;
	while (outbox->count > 0) {
		const struct vnc_outbox_entry *first = &outbox->entries[outbox->head];
		enum cua_status status = send_one(outbox, &first->message, first->data, &full, err);
		if (status != CUA_OK) {
			return status;
		}
		if (full) {
			*ret_waiting = true;
			return CUA_OK;
		}
		pop(outbox);
	}
	if (outbox->viewers_changed) {
		struct vnc_link_message message = { .type = VNC_LINK_VIEWERS };
		message.u.viewers.viewers = outbox->viewers;
		message.u.viewers.controllers = outbox->controllers;
		enum cua_status status = send_one(outbox, &message, NULL, &full, err);
		if (status != CUA_OK) {
			return status;
		}
		outbox->viewers_changed = full;
	}
	*ret_waiting = full;
	return CUA_OK;
}

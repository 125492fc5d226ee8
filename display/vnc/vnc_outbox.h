#ifndef CUA_DISPLAY_VNC_VNC_OUTBOX_H
#define CUA_DISPLAY_VNC_VNC_OUTBOX_H

/* Messages on their way to the host, in order. The host may be slow: moves of the pointer that
 * still wait are merged; keys, buttons and text are not, and viewers are not read while there is
 * no room for them. Main thread only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cua/base/error.h"
#include "display/vnc/vnc_link.h"

/* Room for what viewers send, and above it for the releases when all of them leave at once. */
#define VNC_OUTBOX_SOFT_MAX 1024
#define VNC_OUTBOX_MAX 4096
#define VNC_OUTBOX_TEXTS_MAX 16

struct vnc_outbox_entry {
	struct vnc_link_message message;
	char *data; /* owned; message.data_len bytes */
	bool is_move;
};

struct vnc_outbox {
	int fd;                           /* borrowed; the link */
	struct vnc_outbox_entry *entries; /* owned; ring of VNC_OUTBOX_MAX */
	size_t head, count, texts;
	uint32_t last_buttons;
	bool viewers_changed; /* VNC_LINK_VIEWERS goes out when the ring is empty: the last counts
			       */
	uint32_t viewers, controllers;
};

CUA_NODISCARD enum cua_status vnc_outbox_init(
		struct vnc_outbox *outbox, int fd, struct cua_error *err);
void vnc_outbox_finish(struct vnc_outbox *outbox);

/* False while viewers must not be read. */
bool vnc_outbox_has_room(const struct vnc_outbox *outbox);

/* viewer: its slot. */
void vnc_outbox_joined(struct vnc_outbox *outbox, int viewer, const struct vnc_pass *pass);
void vnc_outbox_ready(struct vnc_outbox *outbox, int viewer);
void vnc_outbox_left(struct vnc_outbox *outbox, int viewer);
void vnc_outbox_key(struct vnc_outbox *outbox, int viewer, uint32_t keysym, bool down);
void vnc_outbox_pointer(
		struct vnc_outbox *outbox, int viewer, uint16_t x, uint16_t y, uint32_t buttons);
/* Text is copied; without memory for the copy it is lost. */
void vnc_outbox_cut_text(struct vnc_outbox *outbox, int viewer, const char *text, size_t len);
void vnc_outbox_resume(struct vnc_outbox *outbox, int viewer, bool by_key);
void vnc_outbox_viewers(struct vnc_outbox *outbox, uint32_t viewers, uint32_t controllers);

/* Sends what the link takes. ret_waiting: more is left, call again when the link is writable.
 * Fails with CUA_ERR_CLOSED if the host is gone. */
CUA_NODISCARD enum cua_status vnc_outbox_flush(
		struct vnc_outbox *outbox, bool *ret_waiting, struct cua_error *err);

#endif

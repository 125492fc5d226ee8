#ifndef CUA_DISPLAY_VNC_VNC_VIEWER_H
#define CUA_DISPLAY_VNC_VNC_VIEWER_H

/* One viewer: relays between its socket and a socketpair whose other end libvncserver has, never
 * waiting for either. What the viewer is slow to read is held here, up to a cap; messages with
 * input stop here and go to the host. Main thread only. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "cua/base/buffer.h"
#include "display/vnc/vnc_gate.h"
#include "display/vnc/vnc_input.h"
#include "display/vnc/vnc_rfb.h"
#include "display/vnc/vnc_stream.h"

#define VNC_VERSION_MESSAGE "RFB 003.008\n"
#define VNC_VERSION_LEN (sizeof(VNC_VERSION_MESSAGE) - 1)
/* Most that may wait for libvncserver before the viewer is not listened to. */
#define VNC_TO_SERVER_HIGH 65536

struct vnc_viewer;

/* What viewers share; owned by the server, which outlives them. */
struct vnc_relay {
	uv_loop_t *loop;
	struct vnc_rfb *rfb; /* NULL once it is destroyed */
	struct vnc_outbox *outbox;
	struct vnc_input *input;
	size_t held_max; /* bytes a viewer may leave unread; two frames and something */
	void (*on_change)(struct vnc_relay *relay); /* access or number of viewers changed */
};

/* One end of the relay. */
struct vnc_side {
	int fd; /* owned; -1 once closed */
	uv_poll_t poll;
	bool open;  /* poll is initialised and not closed */
	int events; /* what poll waits for */
};

struct vnc_viewer {
	struct vnc_relay *relay; /* NULL while the slot is free */
	int slot;
	uint32_t source;
	bool has_pass;         /* or has to show one: no password is asked */
	struct vnc_pass pass;  /* who it is, as far as that is known */
	bool announced;        /* the host knows of it */
	bool is_ready;         /* its client has asked for pixels; the host knows */
	struct vnc_side outer; /* the viewer */
	struct vnc_side inner; /* libvncserver */
	int closing;           /* poll handles whose close callback is to come */
	bool handed_over;      /* libvncserver has or had its end */
	bool ending;           /* libvncserver hung up: close once everything is sent */
	bool gone;             /* both sides are closed; the slot waits for libvncserver */

	enum vnc_phase phase;
	int minor; /* of the viewer's RFB: 3, 7 or 8 */
	enum vnc_access access;
	uint64_t connected_us, progress_us; /* progress: of writes to the viewer */

	uint8_t *in; /* owned; VNC_GATE_MESSAGE_MAX bytes from the viewer, not yet taken */
	size_t in_len;
	size_t skip;    /* bytes of an ignored message still to come */
	size_t discard; /* what libvncserver says and the viewer has heard already */
	struct vnc_stream to_viewer, to_server;
};

/* fd: accepted and non-blocking; owned from here on. has_pass: it begins with one. False if there
 * is no memory. */
bool vnc_viewer_open(struct vnc_viewer *viewer, struct vnc_relay *relay, int slot, int fd,
		uint32_t source, bool has_pass);
/* Hangs up; releases what the viewer held. */
void vnc_viewer_close(struct vnc_viewer *viewer);
/* Takes what libvncserver reported, and frees the slot when all is over. */
void vnc_viewer_update(struct vnc_viewer *viewer);
/* Goes on with input that waited for room in the outbox. */
void vnc_viewer_unblock(struct vnc_viewer *viewer);
/* Closes a viewer that has stopped reading, or takes too long to say who it is. */
void vnc_viewer_check_time(struct vnc_viewer *viewer, uint64_t now_us);
/* True while that may happen. */
bool vnc_viewer_needs_clock(const struct vnc_viewer *viewer);

/* Between the files of the viewer: vnc_viewer.c (sockets, life) and vnc_messages.c (what it says).
 * Takes whole messages from the front of viewer->in; returns how many bytes they were, with
 * ret_fine false if the viewer has to go. */
size_t vnc_viewer_take_messages(struct vnc_viewer *viewer, bool *ret_fine);
/* True while nothing more may be taken from the viewer. */
bool vnc_viewer_is_blocked(const struct vnc_viewer *viewer);
/* fd: owned from here on, whatever the outcome. */
bool vnc_side_open(struct vnc_viewer *viewer, struct vnc_side *side, int fd);

static inline bool vnc_viewer_is_free(const struct vnc_viewer *viewer)
{
	return viewer->relay == NULL;
}

static inline bool vnc_viewer_is_open(const struct vnc_viewer *viewer)
{
	return viewer->relay && !viewer->gone;
}

#endif

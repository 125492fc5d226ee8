#ifndef CUA_DISPLAY_VNC_VNC_GATE_H
#define CUA_DISPLAY_VNC_VNC_GATE_H

/* Cuts what a viewer sends into RFB messages, so that only whole and well-formed ones reach
 * libvncserver: it blocks on a message that stops half-way, and takes many that we do not offer.
 * Pure functions; nothing is owned, nothing is allocated.
 * Source: The RFB Protocol (rfbproto.rst), sections "Handshaking Messages" and "Client to Server
 * Messages". */

#include <stddef.h>
#include <stdint.h>

#include "display/vnc/vnc_pass.h"

enum vnc_phase {
	VNC_PHASE_PASS,     /* of who was let in elsewhere; see vnc_pass.h */
	VNC_PHASE_VERSION,  /* "RFB 003.008\n" */
	VNC_PHASE_SECURITY, /* security type, from RFB 3.7 on */
	VNC_PHASE_NONE,     /* the same of who has a pass, who is not asked for a password */
	VNC_PHASE_RESPONSE, /* to the challenge of VNC authentication */
	VNC_PHASE_INIT,     /* ClientInit */
	VNC_PHASE_NORMAL,
};

enum vnc_gate_kind {
	VNC_GATE_MORE, /* the message is not whole yet; wait for more bytes */
	VNC_GATE_BAD,  /* not RFB, or something we do not offer: drop the viewer */
	VNC_GATE_PASS,
	VNC_GATE_VERSION, /* .minor is 3, 7 or 8 */
	VNC_GATE_NONE,    /* no password, it is agreed */
	VNC_GATE_FORWARD, /* the len bytes are for libvncserver */
	VNC_GATE_IGNORE,  /* drop the len bytes, and .skip more that may not have come yet */
	VNC_GATE_KEY,
	VNC_GATE_POINTER,
	VNC_GATE_TEXT,         /* .text: cut text in Latin-1 */
	VNC_GATE_TEXT_PROVIDE, /* .text: zlib stream of an extended clipboard "provide" */
};

struct vnc_gate_message {
	enum vnc_gate_kind kind;
	size_t len;  /* bytes of the message; 0 for MORE and BAD */
	size_t skip; /* IGNORE only */
	union {
		struct vnc_pass pass;
		int minor;
		struct {
			uint32_t keysym;
			uint32_t down;
		} key;
		struct {
			uint16_t x, y;
			uint8_t buttons;
		} pointer;
		struct {
			const uint8_t *bytes; /* inside the input */
			size_t len;
			uint32_t flags; /* extended clipboard formats */
		} text;
	} u;
};

/* No whole message is longer, so an input buffer of this size never gets stuck. */
#define VNC_GATE_MESSAGE_MAX (65536 + 4096)

/* Looks at the first message in data. */
struct vnc_gate_message vnc_gate_next(enum vnc_phase phase, const uint8_t *data, size_t len);

#endif

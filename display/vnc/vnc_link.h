#ifndef CUA_DISPLAY_VNC_VNC_LINK_H
#define CUA_DISPLAY_VNC_VNC_LINK_H

/* Messages between the desktop host and its vnc process: one SOCK_SEQPACKET socketpair, one
 * message a packet, native byte order, both ends from one binary. Neither end may block on it:
 * the host drops and later repeats damage, the vnc process drops viewers.
 *
 * The host maps what comes from here as hostile: it checks sizes, types and every field. */

#include <stdint.h>

#include "display/vnc/vnc_pass.h"

#define VNC_LINK_TEXT_MAX 65536
#define VNC_LINK_CURSOR_EDGE_MAX 128
#define VNC_PASSWORD_LEN 8 /* all that VNC authentication looks at */
#define VNC_LINK_VIEWERS_MAX 32
#define VNC_LINK_ALL_VIEWERS UINT32_MAX

enum vnc_link_type {
	/* host to vnc */
	VNC_LINK_FRAME = 1, /* carries a read-only descriptor of the frame (SCM_RIGHTS) */
	VNC_LINK_DAMAGE,    /* these pixels of the frame are new */
	VNC_LINK_CURSOR,    /* pointer shape; pixels follow in data, A8R8G8B8 premultiplied */
	VNC_LINK_MOVED,     /* pointer position */
	/* Set passwords ("" admits nobody; viewers who came in by another one are put out). May
	 * carry a listening TCP socket; the one of before is closed either way. */
	VNC_LINK_LISTEN,
	VNC_LINK_SET_CUT_TEXT, /* UTF-8 in data, for the viewers */
	/* Viewers of this person who may act see another frame, whose descriptor comes along as of
	 * FRAME; nobody else hears of damage, pointer and cut text meanwhile. Without a descriptor:
	 * that is over. */
	VNC_LINK_PRIVATE,
	/* vnc to host */
	/* A viewer is in, and may do what its mode says; before anything else of it. */
	VNC_LINK_JOINED,
	/* Its client has asked for pixels: by then it has said what it can take. */
	VNC_LINK_READY,
	VNC_LINK_LEFT, /* all that it held was released by messages before it */
	/* A viewer with control pressed or released a key. A press may repeat; the release of each
	 * key that was pressed always comes, at the latest when the viewer leaves. */
	VNC_LINK_KEY,
	/* A viewer with control moved the pointer or changed buttons; inside the frame. Moves are
	 * merged while the link is full, changes of buttons never. */
	VNC_LINK_POINTER,
	VNC_LINK_CUT_TEXT, /* UTF-8 in data, LF line ends, from a viewer with control */
	/* How many have given their password; the frame is kept fresh while viewers > 0. */
	VNC_LINK_VIEWERS,
	/* A viewer with control pressed the resume key, or the last one left after input was sent
	 * since the last resume. Every key and button, of all viewers, was released by messages
	 * before it. */
	VNC_LINK_RESUME,
};

struct vnc_link_message {
	uint32_t type;
	uint32_t viewer; /* whose: JOINED, READY, LEFT, KEY, POINTER, CUT_TEXT, RESUME; a small
			    number */
	union {
		struct {
			uint32_t width_px, height_px,
					stride_bytes; /* B8G8R8X8, rows top to bottom */
		} frame;
		struct {
			uint16_t x, y, width, height;
		} damage;
		struct {
			uint16_t width, height, hot_x, hot_y;
		} cursor;
		struct {
			uint16_t x, y;
		} moved;
		struct {
			/* Not 0: for those alone who see the private frame when it is sent on. */
			uint32_t is_private;
			uint32_t viewers; /* by slot: for these alone */
		} cut_text;               /* of SET_CUT_TEXT */
		struct {
			char view_password[VNC_PASSWORD_LEN + 1];
			char control_password[VNC_PASSWORD_LEN + 1];
		} listen;
		struct {
			uint32_t keysym;
			uint32_t down;
		} key;
		struct {
			uint16_t x, y;
			uint32_t buttons; /* RFB button mask: bit 0 left, 1 middle, 2 right, 3-6
					     wheel */
		} pointer;
		struct {
			uint32_t viewers, controllers;
		} viewers;
		struct {
			uint32_t by_key; /* 0: the last viewer with control has left */
		} resume;
		struct {
			uint32_t mode; /* enum vnc_mode */
			/* Of a viewer who came by a password: "". */
			char person[VNC_PERSON_SIZE], name[VNC_NAME_SIZE];
		} joined;
		struct {
			char person[VNC_PERSON_SIZE]; /* "": who came by a password */
			uint32_t width_px, height_px, stride_bytes;
		} private;
	} u;
	uint32_t data_len;
	/* data_len bytes follow in the same packet */
};

#endif

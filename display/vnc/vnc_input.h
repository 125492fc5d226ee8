#ifndef CUA_DISPLAY_VNC_VNC_INPUT_H
#define CUA_DISPLAY_VNC_VNC_INPUT_H

/* Keys and buttons of the viewers with control: what each holds, so that nothing stays down when
 * it leaves or gives the desktop back. Main thread only. */

#include <stdbool.h>
#include <stdint.h>

#include "display/vnc/vnc_outbox.h"

#define VNC_VIEWERS_MAX VNC_LINK_VIEWERS_MAX
#define VNC_KEYS_HELD_MAX 64 /* further ones are ignored */

struct vnc_key_held {
	uint32_t keysym;
	bool sent; /* the host was told: it has to be told of the release */
};

struct vnc_input_viewer {
	struct vnc_key_held keys[VNC_KEYS_HELD_MAX];
	int key_count;
	uint16_t x, y;
	uint8_t buttons;       /* as told to the host */
	uint8_t muted_buttons; /* still down at the viewer, released for the host */
};

struct vnc_input {
	struct vnc_outbox *outbox;                        /* borrowed */
	struct vnc_input_viewer viewers[VNC_VIEWERS_MAX]; /* by slot */
	int dragging; /* slot whose buttons are down: others cannot point meanwhile; or -1 */
	bool used;    /* something was sent since the desktop was last given back */
	uint32_t width_px, height_px; /* of the frame; pointer positions end at its edge */
};

void vnc_input_init(struct vnc_input *input, struct vnc_outbox *outbox);

/* Pause, and R while Control and Alt are held, give the desktop back: everything held is released
 * and VNC_LINK_RESUME is sent. These keys never reach the host. */
void vnc_input_key(struct vnc_input *input, int slot, uint32_t keysym, bool down);
void vnc_input_pointer(struct vnc_input *input, int slot, uint16_t x, uint16_t y, uint8_t buttons);

/* The viewer is gone: its keys and buttons are released. last: no other viewer has control, so
 * the desktop is given back if viewers had used it. */
void vnc_input_leave(struct vnc_input *input, int slot, bool last);

#endif

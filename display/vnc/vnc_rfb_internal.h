#ifndef CUA_DISPLAY_VNC_VNC_RFB_INTERNAL_H
#define CUA_DISPLAY_VNC_VNC_RFB_INTERNAL_H

/* Shared by the files of the thread: vnc_rfb.c (thread, viewers, authentication), vnc_mailbox.c
 * (what the main thread puts in), vnc_screen.c (framebuffer, pointer, cut text) and vnc_damage.c
 * (what has changed). */

#include <pthread.h>
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>

#include "display/vnc/vnc_input.h"
#include "display/vnc/vnc_lockout.h"
#include "display/vnc/vnc_rfb.h"
#include "display/vnc/vnc_scroll.h"

#define VNC_DAMAGE_MAX 64
#define VNC_BYTES_PER_PIXEL 4

struct vnc_box {
	int x1, y1, x2, y2; /* x2 and y2 are outside */
};

/* Half open as libvncserver's are. What does not fit in damage becomes one box around it all. */
struct vnc_damage {
	struct vnc_box boxes[VNC_DAMAGE_MAX];
	int count;
};

struct vnc_frame_source {
	int fd; /* owned; -1 for none */
	uint32_t width_px, height_px, stride_bytes;
};

struct vnc_joining {
	int fd; /* owned; -1 for none */
	uint32_t source;
	enum vnc_access access; /* that it has without a password */
};

struct vnc_cut_text {
	char *bytes; /* owned; NULL for none */
	size_t len;
	bool is_private;
	uint32_t viewers; /* by slot */
};

struct vnc_mailbox {
	bool stop;
	struct vnc_frame_source frame;
	bool has_private; /* another one for viewers of the person who has the desktop in private */
	struct vnc_frame_source private_frame; /* fd -1: none any more */
	bool has_seers;                        /* who these are */
	bool sees_private[VNC_VIEWERS_MAX];
	struct vnc_damage damage;
	rfbCursorPtr cursor; /* owned; NULL if unchanged */
	bool moved;
	uint16_t x, y;
	struct vnc_cut_text text;
	struct vnc_joining joining[VNC_VIEWERS_MAX];
};

struct vnc_passwords {
	char view[VNC_PASSWORD_LEN + 1];
	char control[VNC_PASSWORD_LEN + 1];
};

struct vnc_client {
	struct vnc_rfb *rfb; /* borrowed */
	int slot;
	uint32_t source;
	enum vnc_access access; /* without a password */
	bool is_ready;
};

struct vnc_rfb {
	char *desktop; /* owned */
	vnc_rfb_notify_fn notify;
	void *user_data;
	pthread_t thread;
	bool started;
	int wake_fd; /* owned; eventfd */

	pthread_mutex_t lock; /* guards what follows up to the next comment */
	struct vnc_mailbox mailbox;
	struct vnc_passwords passwords;
	struct vnc_lockout lockout;
	struct vnc_report reports[VNC_VIEWERS_MAX];

	/* The thread's own. */
	rfbScreenInfoPtr screen; /* owned; NULL until the first frame */
	struct vnc_frame_source frame;
	char *fresh; /* owned; pixels that the screen does not show yet, of its size */
	struct vnc_scroll *scroll; /* owned, as fresh is from the first frame on */
	rfbScreenInfoPtr hidden; /* owned; what those see who see the private frame; NULL: nobody */
	struct vnc_frame_source private_frame;
	bool sees_private[VNC_VIEWERS_MAX];
	struct vnc_client clients[VNC_VIEWERS_MAX];
	struct vnc_client *joining; /* the one rfbNewClient() is at work for */
};

void vnc_mailbox_init(struct vnc_mailbox *mailbox);
void vnc_mailbox_finish(struct vnc_mailbox *mailbox);

/* NULL if there is no memory. Free with rfbFreeCursor(). */
rfbCursorPtr vnc_cursor_create(uint16_t width, uint16_t height, uint16_t hot_x, uint16_t hot_y,
		const uint32_t *pixels);

/* The frame becomes rfb->frame; viewers are told of another size. */
void vnc_screen_set_frame(struct vnc_rfb *rfb, struct vnc_frame_source frame);
void vnc_screen_move_cursor(struct vnc_rfb *rfb, uint16_t x, uint16_t y);
void vnc_screen_send_text(struct vnc_rfb *rfb, const struct vnc_cut_text *text);
void vnc_screen_finish(struct vnc_rfb *rfb);
/* The box of a frame into pixels of its size; clipped. False if there is nothing to be read. */
bool vnc_screen_read(const struct vnc_frame_source *frame, char *pixels, struct vnc_box *box);
/* All of what everybody may see. */
void vnc_screen_read_anew(struct vnc_rfb *rfb);

/* vnc_damage.c */
void vnc_screen_damage(struct vnc_rfb *rfb, const struct vnc_damage *damage);
/* Makes room for a screen of this size; without memory it is as it was, and false. */
CUA_NODISCARD bool vnc_damage_resize(struct vnc_rfb *rfb, int width, int height);
void vnc_damage_finish(struct vnc_rfb *rfb);

/* vnc_private.c */
bool vnc_private_is_on(const struct vnc_rfb *rfb);
/* The client sees the private frame. */
bool vnc_private_has(const struct vnc_rfb *rfb, const rfbClientRec *client);
/* The client may have text that is of the private screen, or is not. */
bool vnc_private_may_have(const struct vnc_rfb *rfb, const rfbClientRec *client, bool is_private);
/* frame: taken over; fd -1: over. */
void vnc_private_set(struct vnc_rfb *rfb, struct vnc_frame_source frame);
/* Others may see it by now. */
void vnc_private_apply(struct vnc_rfb *rfb);
void vnc_private_damage(struct vnc_rfb *rfb, const struct vnc_damage *damage);
/* cursor: taken over. */
void vnc_private_set_cursor(struct vnc_rfb *rfb, rfbCursorPtr cursor);
void vnc_private_finish(struct vnc_rfb *rfb);

/* passwordCheck of the screen. */
rfbBool vnc_rfb_check_password(rfbClientPtr client, const char *response, int len);
/* newClientHook of the screen. */
enum rfbNewClientAction vnc_rfb_on_new_client(rfbClientPtr client);

#endif

#ifndef CUA_DISPLAY_VNC_VNC_RFB_H
#define CUA_DISPLAY_VNC_VNC_RFB_H

/* The thread that owns libvncserver, its framebuffer and its clients. The main thread leaves in a
 * mailbox what the host sent; of what supersedes itself the mailbox keeps the latest, so it does
 * not grow while the thread is encoding. All functions are for the main thread; none blocks on a
 * viewer. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cua/base/error.h"
#include "display/vnc/vnc_input.h"
#include "display/vnc/vnc_link.h"

enum vnc_access {
	VNC_ACCESS_NONE, /* not authenticated */
	VNC_ACCESS_VIEW,
	VNC_ACCESS_CONTROL,
};

struct vnc_report {
	enum vnc_access access;
	bool is_ready; /* its client has asked for pixels */
	bool gone;     /* libvncserver is done with the viewer; its slot may be used again */
};

struct vnc_rfb;

/* Called in the thread after a report changed; must be safe there. */
typedef void (*vnc_rfb_notify_fn)(void *user_data);

/* Starts the thread. desktop is copied. */
CUA_NODISCARD enum cua_status vnc_rfb_create(const char *desktop, vnc_rfb_notify_fn notify,
		void *user_data, struct vnc_rfb **ret_rfb, struct cua_error *err);
/* Close the other ends of the viewers' sockets first: the thread may be writing to one. */
void vnc_rfb_destroy(struct vnc_rfb *rfb);

/* The descriptor is owned from here on, whatever the outcome. CUA_ERR_INVAL if the size is out
 * of bounds or the file is smaller than it says. */
CUA_NODISCARD enum cua_status vnc_rfb_set_frame(struct vnc_rfb *rfb, int fd, uint32_t width_px,
		uint32_t height_px, uint32_t stride_bytes, struct cua_error *err);
void vnc_rfb_damage(struct vnc_rfb *rfb, uint16_t x, uint16_t y, uint16_t width, uint16_t height);
/* The same of another frame, for some viewers; fd -1: it is over. Until it is, damage is of this
 * one alone, and pointer and cut text are told to those who see it alone. The other is read anew.
 */
CUA_NODISCARD enum cua_status vnc_rfb_set_private(struct vnc_rfb *rfb, int fd, uint32_t width_px,
		uint32_t height_px, uint32_t stride_bytes, struct cua_error *err);
/* By slot: who sees it. */
void vnc_rfb_show_private(struct vnc_rfb *rfb, const bool sees[VNC_VIEWERS_MAX]);
/* pixels: width * height, A8R8G8B8 premultiplied; copied. */
void vnc_rfb_set_cursor(struct vnc_rfb *rfb, uint16_t width, uint16_t height, uint16_t hot_x,
		uint16_t hot_y, const uint32_t *pixels);
void vnc_rfb_move_cursor(struct vnc_rfb *rfb, uint16_t x, uint16_t y);
/* NUL-terminated; an empty one lets nobody in. */
void vnc_rfb_set_passwords(struct vnc_rfb *rfb, const char *view, const char *control);
/* Valid UTF-8, LF line ends; copied. viewers: by slot; is_private: those of them alone who see the
 * private frame. */
void vnc_rfb_set_cut_text(struct vnc_rfb *rfb, const char *text, size_t len, bool is_private,
		uint32_t viewers);
/* One that was not sent yet never is. */
void vnc_rfb_forget_cut_text(struct vnc_rfb *rfb);

/* fd: a stream socket that has the viewer's version message in it; owned from here on.
 * source: whose failures count together. The slot is in use until its report says gone. */
void vnc_rfb_add_viewer(
		struct vnc_rfb *rfb, int slot, int fd, uint32_t source, enum vnc_access access);
struct vnc_report vnc_rfb_report(struct vnc_rfb *rfb, int slot);
/* True while source has failed too often to try again. */
bool vnc_rfb_refuses(struct vnc_rfb *rfb, uint32_t source);
/* True while failures count towards a refusal to come. */
bool vnc_rfb_remembers_failures(struct vnc_rfb *rfb);

#endif

#ifndef CUA_TESTS_VNC_VIEWERS_H
#define CUA_TESTS_VNC_VIEWERS_H

/* Viewers for tests: well-behaved ones by libvncclient, and raw sockets for the others. */

#include <rfb/rfbclient.h>

#include "tests/vnc_host.h"

/* What a viewer has seen besides its framebuffer. */
struct vnc_seen {
	const char *password;
	int cursor_width, cursor_height, cursor_x, cursor_y;
	uint8_t cursor_mask[2]; /* of the first two pixels */
	char text[256];         /* the last of so many */
	int texts;
};

/* address: a unix socket's path, or "127.0.0.1" with a port. NULL if refused.
 * encodings: names as libvncclient spells them. */
rfbClient *vnc_viewer_connect(const char *address, int port, const char *password,
		const char *encodings, struct vnc_seen *seen);
/* The same on a connection that is there, owned from here on; NULL if RFB does not come about. */
rfbClient *vnc_viewer_adopt(int fd, const char *encodings, struct vnc_seen *seen);
/* A connection to viewers.sock, with a pass sent. */
int vnc_pass_connect(const struct vnc_host *host, enum vnc_mode mode, const char *person,
		const char *name);
/* Handles messages until the viewer shows the host's frame exactly. */
void vnc_viewer_wait_frame(rfbClient *viewer, const struct vnc_host *host);
/* Handles messages until done says so. */
void vnc_viewer_wait(rfbClient *viewer, bool (*done)(rfbClient *viewer, const void *data),
		const void *data);
/* Returns when the server has read all that the viewer sent. */
void vnc_viewer_sync(rfbClient *viewer);
struct vnc_seen *vnc_viewer_seen(rfbClient *viewer);
void vnc_viewer_disconnect(rfbClient *viewer);

int vnc_raw_connect(const struct vnc_host *host);
/* False at the end of the stream. */
bool vnc_raw_read(int fd, void *data, size_t len);
void vnc_raw_write(int fd, const void *data, size_t len);
/* Reads until the server hangs up. */
void vnc_raw_wait_end(int fd);
/* Handshake of RFB 3.8 up to ServerInit; false if the password is refused. */
bool vnc_raw_login(int fd, const char *password);
/* Answers the challenge on fd with password. */
void vnc_raw_answer(const uint8_t challenge[16], const char *password, uint8_t response[16]);

#endif

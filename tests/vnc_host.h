#ifndef CUA_TESTS_VNC_HOST_H
#define CUA_TESTS_VNC_HOST_H

/* The host's end of the link, for tests: starts a vnc process, owns its frame, says and hears what
 * a desktop host would. Everything that waits has a deadline and fails the test when it passes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "display/vnc/vnc_link.h"

#define VNC_VIEW_PASSWORD "lookonly"
#define VNC_CONTROL_PASSWORD "takeover"
#define VNC_DEADLINE_MS 20000
#define VNC_TEST_WIDTH 320
#define VNC_TEST_HEIGHT 200

struct vnc_host {
	int link_fd; /* owned; -1 once hung up */
	pid_t server;
	char directory[64], path[96], pass_path[96];
	uint32_t width_px, height_px;
	int frame_fd;     /* owned */
	uint32_t *pixels; /* owned; mapping of the frame, no padding */
	int log_fd;       /* owned; what the server says, shown at the end */
};

struct vnc_heard {
	struct vnc_link_message message;
	char data[VNC_LINK_TEXT_MAX + 1]; /* NUL-terminated */
};

/* Starts the process; nothing is sent. */
void vnc_host_start(struct vnc_host *host);
/* Sends a frame of a pattern, and the passwords; returns the TCP port or -1. */
int vnc_host_open(struct vnc_host *host, uint32_t width_px, uint32_t height_px, int32_t port);
/* What the server has said so far; the caller frees. */
char *vnc_host_log(const struct vnc_host *host);
/* Hangs up, and waits for the end of the process; returns its wait status. */
int vnc_host_stop(struct vnc_host *host);

void vnc_host_send(struct vnc_host *host, const struct vnc_link_message *message, const void *data,
		int fd);
/* Makes and sends a new frame, filled with a pattern that seed varies. */
void vnc_host_new_frame(
		struct vnc_host *host, uint32_t width_px, uint32_t height_px, uint32_t seed);
void vnc_host_paint(struct vnc_host *host, uint16_t x, uint16_t y, uint16_t width, uint16_t height,
		uint32_t colour);
int vnc_host_listen(struct vnc_host *host, int32_t port);

/* The next message, whatever it is; false if the deadline passes. */
bool vnc_host_hear(struct vnc_host *host, struct vnc_heard *heard, int timeout_ms);
/* The next message that is not about who watches. */
void vnc_host_hear_input(struct vnc_host *host, struct vnc_heard *heard);
void vnc_host_expect_key(struct vnc_host *host, uint32_t keysym, bool down);
void vnc_host_expect_pointer(struct vnc_host *host, uint16_t x, uint16_t y, uint32_t buttons);
void vnc_host_expect_resume(struct vnc_host *host);
/* Skips everything until that many are connected. */
void vnc_host_wait_viewers(struct vnc_host *host, uint32_t viewers, uint32_t controllers);

/* Fixtures: a process with a frame of 320x200 and passwords in *state; and its end, which has to
 * be a success: every test leaves the process alive. */
int vnc_test_start(void **state);
int vnc_test_stop(void **state);

#endif

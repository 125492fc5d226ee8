#ifndef CUA_TESTS_LIVE_STAGE_H
#define CUA_TESTS_LIVE_STAGE_H

/* `cua serve` with a desktop on it, and people who see it: by libvncclient through a WebSocket. */

#include "cua/view/upstream.h"
#include "tests/serve_stage.h"
#include "tests/vnc_viewers.h"

#define LIVE_WIDTH 800
#define LIVE_HEIGHT 600

/* With desktops "seen" and "other". */
void live_stage_open(struct serve_stage *stage);

/* A ticket's path, the caller's. token: NULL: the admin's. */
char *live_ticket(const struct serve_stage *stage, const char *desktop, const char *mode,
		const char *token);

struct live_viewer {
	struct upstream upstream;
	struct vnc_seen seen;
	rfbClient *rfb;
};

/* With a first picture of the right size. */
void live_viewer_open(
		const struct serve_stage *stage, struct live_viewer *viewer, enum vnc_mode mode);
void live_viewer_close(struct live_viewer *viewer);

/* How many see the desktop "seen", as its host counts; waits until it is so. */
void live_wait_viewers(const struct serve_stage *stage, int count);
/* Waits until "agent" or "person" has the input of it. */
void live_wait_lease(const struct serve_stage *stage, const char *owner);

#endif

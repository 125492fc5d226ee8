#ifndef CUA_DISPLAY_X_CLIENT_H
#define CUA_DISPLAY_X_CLIENT_H

/* The processes behind the connections of the X server, as it knows them itself: what a window says
 * of that (_NET_WM_PID) may be a lie. Numbers are those inside the sandbox.
 * Source: X Resource extension 1.2, QueryClientIds. */

#include "display/display_internal.h"

/* Of more than that, the first; a server may take 2048. */
#define X_CLIENTS_MAX 512

struct x_client {
	XID base; /* of what it makes: XIDs are this and bits of the resource mask */
	pid_t pid;
};

/* How many are listed, ours and the window manager among them; 0 if the server does not answer. */
int x_client_list(struct display *display, struct x_client clients[X_CLIENTS_MAX]);
/* Who made the window; 0 if the server does not know. */
pid_t x_client_pid(struct display *display, Window window);

#endif

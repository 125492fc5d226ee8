#ifndef CUA_VIEW_UPSTREAM_H
#define CUA_VIEW_UPSTREAM_H

/* A connection to a desktop that speaks RFB and asks for no password: to one of this machine, or
 * through a server. */

#include <pthread.h>
#include <stdbool.h>

#include "cua/view/server.h"
#include "display/desktop_record.h"
#include "display/vnc/vnc_pass.h"

struct upstream {
	int fd; /* owned; a stream socket */
	/* Of a server: a thread carries what goes over its WebSocket. */
	bool has_thread;
	pthread_t thread;
	int thread_fd;
	char path[512];
	struct view_server server;
	enum cua_status status;
	struct cua_error error;
};

extern const char *const upstream_modes[VNC_MODE_COUNT];

CUA_NODISCARD enum cua_status upstream_open_desktop(struct upstream *upstream,
		const struct desktop_record *record, enum vnc_mode mode, struct cua_error *err);
/* With a ticket of its own. That the server is reached shows on fd. */
CUA_NODISCARD enum cua_status upstream_open_server(struct upstream *upstream,
		const struct view_server *server, const char *desktop, enum vnc_mode mode,
		struct cua_error *err);
/* Hangs up. CUA_OK if nobody else did before; else why. */
enum cua_status upstream_close(struct upstream *upstream, struct cua_error *err);

#endif

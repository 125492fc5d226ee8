#ifndef CUA_DESKTOP_HOST_H
#define CUA_DESKTOP_HOST_H

/* Starting the host of a desktop. */

#include "display/desktop_record.h"

/* A host that is loaded and waits for its desktop to be there. */
struct desktop_host_launch {
	pid_t pid;
	int go_fd;    /* a byte tells it what to do, the end of it ends it */
	int ready_fd; /* it tells that it serves, or why not */
	char log_path[CUA_PATH_MAX + 16];
};

/* The bytes: connect to the desktop of the name that it was given; or wait for its name on a socket
 * in the folder of the desktop, of which the folder may have got another name by then. */
#define DESKTOP_HOST_GO 'g'
#define DESKTOP_HOST_WAIT 'w'
#define DESKTOP_HOST_SOCKET "host.sock"
#define DESKTOP_HOST_MESSAGE_MAX 256

/* Its libraries load while the sandbox and the X server start. */
CUA_NODISCARD enum cua_status desktop_host_launch(const struct desktop_record *record,
		struct desktop_host_launch *ret_launch, struct cua_error *err);
/* Lets it go, and waits until it serves; it has written its pid into the record by then. */
CUA_NODISCARD enum cua_status desktop_host_await(
		struct desktop_host_launch *launch, struct cua_error *err);
/* Has it wait for desktop_host_wake(), and returns when it does. Its pid is in the record already:
 * from here on only that leads to it. */
CUA_NODISCARD enum cua_status desktop_host_keep(
		struct desktop_host_launch *launch, struct cua_error *err);
/* Tells the host that was kept for this desktop its name, and waits until it serves: not for long,
 * since it is loaded already. */
CUA_NODISCARD enum cua_status desktop_host_wake(
		const struct desktop_record *record, struct cua_error *err);
/* Closes the pipes. */
void desktop_host_launch_finish(struct desktop_host_launch *launch);
/* Ends it, whether it waits, is about to end or hangs. */
void desktop_host_abandon(const struct desktop_host_launch *launch);

/* Launch, wait, and clean up after a failure: for a desktop that is there. */
CUA_NODISCARD enum cua_status desktop_host_start(
		const struct desktop_record *record, struct cua_error *err);

#define DESKTOP_READY_TIMEOUT_MS 30000

#endif

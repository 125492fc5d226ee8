#ifndef CUA_VIEW_DOOR_H
#define CUA_VIEW_DOOR_H

/* Where one native viewer comes in, and nobody else's: a unix socket in a folder of ours, or a port
 * on loopback with a password that is made for it. */

#include <stdbool.h>
#include <sys/types.h>

#include "cua/base/error.h"

#define DOOR_PASSWORD_SIZE 9 /* VNC authentication looks at eight characters */

struct door {
	int listen_fd;
	char folder[256], path[320]; /* of the unix socket; "" on loopback */
	int port;                    /* of loopback */
	char password[DOOR_PASSWORD_SIZE];
};

CUA_NODISCARD enum cua_status door_open_unix(
		struct door *door, const char *name, struct cua_error *err);
/* port: 0: any that is free. */
CUA_NODISCARD enum cua_status door_open_loopback(
		struct door *door, int port, struct cua_error *err);
/* Also of one that was not opened. What came in stays. */
void door_close(struct door *door);

/**
 * door_wait() - until a viewer is in.
 * @viewer_pid: the viewer that was started, whose end ends the wait; 0: none.
 * @stop_fd:    readable: CUA_ERR_CANCELLED.
 *
 * On loopback it has given its password then, and goes on with ClientInit; on the unix socket it
 * waits for the server's version of RFB.
 *
 * Return: CUA_OK; CUA_ERR_CANCELLED; CUA_ERR_APP if the viewer ended; CUA_ERR_POLICY after too many
 *         wrong passwords; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status door_wait(struct door *door, pid_t viewer_pid, int stop_fd,
		int *ret_fd, struct cua_error *err);

#endif

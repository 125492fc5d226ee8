#ifndef CUA_API_DESKTOP_VNC_H
#define CUA_API_DESKTOP_VNC_H

/* The vnc process beside the host. It costs memory, so it is there only while somebody watches:
 * the host holds the sockets that viewers connect to, and the passwords; the first connection
 * starts the process, which accepts it; without viewers the process ends by itself. Loop thread
 * only. */

#include <cjson/cJSON.h>
#include <uv.h>

#include "cua/base/error.h"
#include "display/desktop_record.h"

struct desktop_vnc;

struct desktop_vnc_handler {
	/* A process is up; fd is the display's end of the link to it, the handler's from here on.
	 */
	void (*on_link)(int fd, struct cua_process_id process, void *user_data);
	void *user_data;
};

/* Listens on rfb.sock and viewers.sock of the desktop. record and handler are copied. */
CUA_NODISCARD enum cua_status desktop_vnc_create(uv_loop_t *loop,
		const struct desktop_record *record, const struct desktop_vnc_handler *handler,
		struct desktop_vnc **ret_vnc, struct cua_error *err);

/**
 * desktop_vnc_listen() - new passwords, and loopback TCP.
 * @port:       -1: none; 0: any; the port of before stays open if it is the same.
 * @ret_answer: "socket", "address" or null, "view_password", "control_password"; the caller's.
 *
 * Return: CUA_OK; CUA_ERR_IO if the port cannot be had, and then nothing has changed.
 */
CUA_NODISCARD enum cua_status desktop_vnc_listen(
		struct desktop_vnc *vnc, int port, cJSON **ret_answer, struct cua_error *err);

/* For every child of the host that has ended; others than the vnc process are ignored. */
void desktop_vnc_child_ended(struct desktop_vnc *vnc, pid_t pid, int wait_status);

/* Removes the sockets; what is left ends with the host. */
void desktop_vnc_leave(struct desktop_vnc *vnc);

#endif

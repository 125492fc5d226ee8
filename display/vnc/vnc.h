#ifndef CUA_DISPLAY_VNC_VNC_H
#define CUA_DISPLAY_VNC_VNC_H

/* The vnc process of a desktop: shows its frame to RFB viewers and hands their input to the host.
 * It has no X connection and decides nothing about the desktop; see vnc_link.h for what it says
 * to the host, and README.md for why it is a process of its own. */

#include "cua/base/error.h"

struct vnc_server_options {
	int link_fd;         /* SOCK_SEQPACKET to the host; owned from here on */
	const char *path;    /* unix socket for viewers; an old one is replaced, mode 0600 */
	const char *desktop; /* name that viewers show */
};

/**
 * vnc_server_run() - serve viewers until the host closes the link.
 *
 * Also ends on SIGTERM and SIGINT. The socket is gone when it returns. Nobody is let in before
 * the host has sent a frame and passwords.
 *
 * Return: CUA_OK after the host closed the link or a signal; CUA_ERR_IO if the socket or the
 *         link cannot be used; CUA_ERR_NOMEM; CUA_ERR_TOO_LARGE for a path over 107 bytes.
 */
CUA_NODISCARD enum cua_status vnc_server_run(
		const struct vnc_server_options *options, struct cua_error *err);

/* `cua vnc-server --link-fd N --socket PATH [--name NAME]`; returns the exit status. */
int cua_cmd_vnc_server(int argc, char **argv);

#endif

#ifndef CUA_DISPLAY_VNC_VNC_H
#define CUA_DISPLAY_VNC_VNC_H

/* The vnc process of a desktop: shows its frame to RFB viewers and hands their input to the host.
 * It has no X connection and decides nothing about the desktop; see vnc_link.h for what it says
 * to the host, and README.md for why it is a process of its own. */

#include "cua/base/error.h"

struct vnc_server_options {
	int link_fd;         /* SOCK_SEQPACKET to the host; owned from here on */
	int listen_fd;       /* listening unix socket for viewers; owned from here on */
	int pass_fd;         /* the same for those who begin with a pass; -1: there is none */
	const char *desktop; /* name that viewers show */
};

/**
 * vnc_server_run() - serve viewers until the host closes the link, or nobody has watched for a
 * while.
 *
 * Also ends on SIGTERM and SIGINT. It does not end for want of viewers while it remembers failed
 * passwords: a new process would not. Nobody is let in before the host has sent a frame and
 * passwords.
 *
 * Return: CUA_OK after one of those ends; CUA_ERR_IO if the sockets or the link cannot be used;
 *         CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status vnc_server_run(
		const struct vnc_server_options *options, struct cua_error *err);

/* `cua vnc-server --link-fd N --listen-fd N [--pass-fd N] [--name NAME]`; returns the exit status.
 */
int cua_cmd_vnc_server(int argc, char **argv);

#endif

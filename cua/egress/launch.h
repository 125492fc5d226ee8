#ifndef CUA_EGRESS_LAUNCH_H
#define CUA_EGRESS_LAUNCH_H

/* Starting an egress proxy: a process of its own, cua-egress, with a list, a socket and a token of
 * its own. Who starts it gives the folder to one sandbox, and to nobody else. */

#include <sys/types.h>

#include "cua/base/error.h"
#include "cua/egress/process.h"
#include "cua/egress/relay.h"

/* All borrowed, until egress_launch_go() has returned. */
struct egress_launch {
	const char *folder; /* absolute; made; gets EGRESS_SOCKET and EGRESS_TOKEN */
	const char *log_path, *errors_path; /* as of struct egress_process */
	const char *list;                   /* as egress_list_read() made it */
	uid_t uid;                          /* whom it serves, as it is outside of the sandbox */
	int life_fd; /* a pipe: when nobody can write to it any more, the proxy ends;
			-1: it ends by SIGTERM alone */
};

/* A proxy that was started and serves nobody yet. */
struct egress_launched {
	pid_t pid;
	int config_fd, ready_fd;
	char token[EGRESS_TOKEN_LEN + 1];
};

/**
 * egress_launch_begin() - start the process.
 *
 * Between this and egress_launch_go() it can be written down, so that it is found after a crash.
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND without the program; CUA_ERR_IO. Nothing runs then.
 */
CUA_NODISCARD enum cua_status egress_launch_begin(const struct egress_launch *launch,
		struct egress_launched *ret_launched, struct cua_error *err);
/* Tells it what it is to do and waits until it serves. CUA_ERR_UNAVAILABLE with its reason. */
CUA_NODISCARD enum cua_status egress_launch_go(const struct egress_launch *launch,
		struct egress_launched *launched, struct cua_error *err);
/* Closes the pipes: a proxy that was told nothing ends. */
void egress_launch_finish(struct egress_launched *launched);

#endif

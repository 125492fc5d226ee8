#ifndef CUA_EGRESS_RELAY_H
#define CUA_EGRESS_RELAY_H

/* Inside a sandbox: what applications know as their proxy, 127.0.0.1:3128, and which passes their
 * bytes to the egress proxy outside. It decides nothing. */

#include "cua/base/error.h"

#define EGRESS_RELAY_PORT 3128
#define EGRESS_TOKEN_LEN 64 /* hexadecimal digits; the relay sends them first, with a line feed */

/* In the folder that a proxy and its sandbox share. */
#define EGRESS_SOCKET "proxy.sock"
#define EGRESS_TOKEN "token"

/* A socket on 127.0.0.1 that listens. */
CUA_NODISCARD enum cua_status egress_relay_listen(int *ret_fd, struct cua_error *err);

/* Variables that lead applications to the relay, in this process and what it starts. */
void egress_relay_set_environment(void);

/**
 * egress_relay_run() - until SIGTERM; returns the exit status.
 * @listen_fd: from egress_relay_listen(); taken.
 * @folder:    with the socket of the proxy, and the token, which is read for each connection.
 *
 * A client that comes while the proxy is gone gets an HTTP answer that says so.
 */
int egress_relay_run(int listen_fd, const char *folder);

/**
 * egress_relay_beside() - start a relay, and become a command that uses it.
 * @folder:  as for egress_relay_run().
 * @life_fd: the relay keeps it, the command does not get it.
 * @command: NULL-terminated; looked up in PATH.
 *
 * The relay is no child of the command: it is the sandbox that ends it, and starts it again.
 *
 * Return: only if it fails, with err filled. CUA_ERR_NOT_FOUND if the command cannot be started.
 */
enum cua_status egress_relay_beside(
		const char *folder, int life_fd, char *const *command, struct cua_error *err);
/* Stands in the error of a command that cannot be started. */
#define EGRESS_RELAY_NO_COMMAND "cannot be started here"

#endif

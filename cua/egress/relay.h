#ifndef CUA_EGRESS_RELAY_H
#define CUA_EGRESS_RELAY_H

/* Inside a sandbox: what applications know as their proxy, 127.0.0.1:3128, and which passes their
 * bytes to the egress proxy outside. It decides nothing. */

#include "cua/base/error.h"

#define EGRESS_RELAY_PORT 3128
#define EGRESS_TOKEN_LEN 64 /* hexadecimal digits; the relay sends them first, with a line feed */

/* A socket on 127.0.0.1 that listens. */
CUA_NODISCARD enum cua_status egress_relay_listen(int *ret_fd, struct cua_error *err);

/**
 * egress_relay_run() - until SIGTERM; returns the exit status.
 * @listen_fd:   from egress_relay_listen(); taken.
 * @socket_path: that of the proxy.
 * @token_path:  a file with the token; read for each connection.
 *
 * A client that comes while the proxy is gone gets an HTTP answer that says so.
 */
int egress_relay_run(int listen_fd, const char *socket_path, const char *token_path);

#endif

#ifndef CUA_DEMOS_STANDIN_SERVER_H
#define CUA_DEMOS_STANDIN_SERVER_H

#include "demos/standin/conversations.h"

/* HTTP/1.1 on loopback. A picture is read on the loop thread: those who are sent one wait for each
 * other, those who want no text found do not. */
struct server;

/**
 * server_create() - listen on 127.0.0.1.
 * @port:     0 lets the system choose.
 * @conversations: borrowed, like settings; must outlive the server.
 * @ret_port: the port in use.
 */
CUA_NODISCARD enum cua_status server_create(int port, struct conversations *conversations,
		struct wire_settings *settings, struct server **ret_server, int *ret_port,
		struct cua_error *err);
void server_destroy(struct server *server);
/* Serves until server_stop(). */
void server_run(struct server *server);
/* May be called from a signal handler or another thread. */
void server_stop(struct server *server);

#endif

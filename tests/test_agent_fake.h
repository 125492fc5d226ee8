#ifndef CUA_TESTS_TEST_AGENT_FAKE_H
#define CUA_TESTS_TEST_AGENT_FAKE_H

/* An HTTP server in a thread, on loopback or on a unix socket: what stands in for a model server
 * and for a desktop host in tests of the agent. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/buffer.h"

struct fake_request {
	const char *method, *path;
	const char *head; /* request line and headers */
	const char *body; /* NUL-terminated */
};

struct fake_reply {
	int http_status;
	const char *content_type; /* of static storage */
	char headers[256];        /* more header lines, each with its CR LF */
	struct cua_buffer body;
	size_t cut;        /* not 0: hang up after so many bytes of the body */
	bool hangs_up;     /* no answer at all */
	bool stays_silent; /* no answer, and the connection stays open */
	bool never_ends;   /* the whole body, but not its end: the connection stays open */
};

/* Called in the server's thread. */
typedef void (*fake_handler_fn)(
		const struct fake_request *request, struct fake_reply *reply, void *user_data);

struct fake_server;

/* unix_path NULL: a free port of 127.0.0.1. */
struct fake_server *fake_server_start(
		const char *unix_path, fake_handler_fn handler, void *user_data);
/* Waits for the thread; after it the user_data may be read without care. */
void fake_server_stop(struct fake_server *server);
int fake_server_port(const struct fake_server *server);
/* Connections accepted so far. */
int fake_server_connections(const struct fake_server *server);

#endif

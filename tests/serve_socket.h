#ifndef CUA_TESTS_SERVE_SOCKET_H
#define CUA_TESTS_SERVE_SOCKET_H

/* A WebSocket to `cua serve`, or its server-sent events: what goes on, byte by byte. Whatever does
 * not come within the deadline fails the test. */

#include "tests/serve_stage.h"

#define SOCKET_TEXT 0x1
#define SOCKET_BINARY 0x2
#define SOCKET_CLOSE 0x8

struct serve_socket {
	int fd;
	bool is_websocket;
	long status; /* of the answer; 101: a WebSocket */
};

/* Asks for a path, as a WebSocket or for its events; token: NULL the admin's, "" none. further:
 * lines of the head, each with its end; NULL: none. */
struct serve_socket serve_socket_open(const struct serve_stage *stage, const char *path,
		bool is_websocket, const char *token, const char *further);
void serve_socket_close(struct serve_socket *socket);

/* Of a WebSocket: one frame. opcode: SOCKET_... */
void serve_socket_send(const struct serve_socket *socket, int opcode, const void *data, size_t len);
/* The opcode, or -1 if the connection is over; text is terminated. */
int serve_socket_read(const struct serve_socket *socket, char *text, size_t size, size_t *ret_len);
/* The next message of either kind as JSON, the caller's; NULL if the connection is over. */
cJSON *serve_socket_next(const struct serve_socket *socket);

#endif

#ifndef CUA_TESTS_EGRESS_STAGE_H
#define CUA_TESTS_EGRESS_STAGE_H

/* An egress proxy as a process of its own, confined as on a desktop, and the servers behind it:
 * allowed.test and all under wild.test on ports 80 and 443, dead.test, where nobody listens, and
 * names that /etc/hosts, as the proxy sees it, leads to addresses inside. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cua/egress/proxy.h"
#include "tests/tls_server.h"

/* A plain HTTP server in a thread: it keeps the last request and answers one after the other. */
struct origin {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, port, requests;
	size_t received;    /* bytes of all requests */
	size_t answer_len;  /* of the body */
	char request[8192]; /* the beginning of the last one */
};

struct egress_stage {
	char dir[32], socket[64], log[64], hosts[64];
	pid_t proxy;
	struct origin plain;
	struct tls_server tls;
};

/* limits: NULL for the usual ones. */
void egress_stage_start(struct egress_stage *stage, const struct egress_limits *limits);
void egress_stage_stop(struct egress_stage *stage);

/* A client of the proxy; it has sent its token. */
int egress_stage_connect(const struct egress_stage *stage);
/* Sends text and reads to the end of what comes, or to size; what came is NUL-terminated. */
void egress_stage_ask(
		const struct egress_stage *stage, const char *text, char *answer, size_t size);
/* Until the other side closes; false if it does not in time. */
bool egress_read_to_end(int fd, char *text, size_t size);
/* The log so far; the caller frees. */
char *egress_stage_log(const struct egress_stage *stage);
/* Waits for this text to stand in the log. */
void egress_stage_await_log(const struct egress_stage *stage, const char *text);
void origin_start(struct origin *origin);
void origin_stop(struct origin *origin);
/* A copy; there may be none. */
void origin_last_request(struct origin *origin, char *text, size_t size);
int origin_requests(struct origin *origin);

#endif

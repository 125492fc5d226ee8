#ifndef CUA_TESTS_HTTP_SITE_H
#define CUA_TESTS_HTTP_SITE_H

/* An HTTP server on a loop of its own thread, whose answers depend on the path, and callers of it:
 * with our client, and with bytes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "cua/base/http_client.h"
#include "cua/base/http_server.h"

#define BODY_MAX 65536
#define BIG_LEN ((size_t)5 << 20)
#define PATIENCE_MS 20000

struct site {
	char dir[32], path[64];
	char certificate[64], key[64]; /* files; see wire_use_tls() */
	/* Set before site_start(); of what is not set there is a default: a unix socket, one
	 * header, answers that depend on the path, no streams. */
	struct cua_http_listen listen;
	struct cua_http_handler handler;
	pthread_t thread;
	uv_loop_t loop;
	uv_async_t stop, call;
	void (*called)(struct site *site, void *data); /* by the loop's thread */
	void *call_data;
	sem_t called_back;
	struct cua_http_server *server;
	struct cua_http_exchange *held[4]; /* requests to /late, unanswered */
	int held_count;
	int told[2];   /* pipe: the loop tells what happened, a letter each */
	int cancel_fd; /* written to when a request to /cancel arrives */
	char *big;
};

/* For cmocka. */
int open_site(void **state);
int close_site(void **state);
/* The same without starting it: for who listens elsewhere. */
struct site *site_create(void);
/* The server and its loop; their place stays. */
void site_start(struct site *site);
void site_stop(struct site *site);
/* Runs on the loop's thread and waits for it. */
void site_call(struct site *site, void (*called)(struct site *site, void *data), void *data);
/* A letter for next_told(). */
void tell(struct site *site, char what);
/* Waits for the next letter that is not one of `skipped`. */
char next_told(struct site *site, const char *skipped);

struct cua_http_client *client_of(const struct site *site, int cancel_fd);
struct cua_http_request request_to(const char *method, const char *url);
/* GETs or POSTs and compares the whole answer. */
void expect_answer(struct cua_http_client *client, const char *url, const char *body,
		const char *expected);

int raw_connect(const struct site *site);
/* The URL of a path on a site that listens on TCP. */
const char *site_url(const struct site *site, const char *path, char *url, size_t size);
void raw_send(int fd, const char *text);
/* Reads one answer: its head, and as many bytes of body as the head says, or none for HEAD. */
void raw_read(int fd, bool is_head, char *text, size_t size);
/* True if the other side has closed: nothing more comes. */
bool raw_is_over(int fd);
int open_fds(void);

#endif

#ifndef CUA_BASE_HTTP_CLIENT_H
#define CUA_BASE_HTTP_CLIENT_H

/* HTTP client over libcurl: TCP with TLS for model APIs, unix sockets for the desktop API. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

#define CUA_HTTP_HEADERS_MAX 262144 /* bytes of the headers of one answer */

/* One peer. Keeps its connection between requests; requests go one at a time. */
struct cua_http_client;

/* unix_path: connect to this socket whatever the URL's host says, and stay connected however long
 * nothing is asked; NULL for TCP.
 * cancel_fd: while it is readable, requests end with CUA_ERR_CANCELLED; -1 for none; borrowed.
 * Redirects are never followed, so a key sent to one host cannot reach another. */
CUA_NODISCARD enum cua_status cua_http_client_create(const char *unix_path, int cancel_fd,
		struct cua_http_client **ret_client, struct cua_error *err);
void cua_http_client_destroy(struct cua_http_client *client);

/* Called with each piece of a 2xx body as it arrives, cut anywhere. A status other than CUA_OK
 * ends the request with that status. */
typedef enum cua_status (*cua_http_data_fn)(
		const char *data, size_t len, void *user_data, struct cua_error *err);

/* Gives the next bytes of a body: at most size, none only at its end. A status other than CUA_OK
 * ends the request with that status. */
typedef enum cua_status (*cua_http_body_fn)(
		char *to, size_t size, size_t *ret_len, void *user_data, struct cua_error *err);

/* What is to be done beside a request. A status other than CUA_OK ends the request with it. */
typedef enum cua_status (*cua_http_beside_fn)(void *user_data, struct cua_error *err);

struct cua_http_request {
	const char *method;         /* "GET", "POST" */
	const char *url;            /* http://desktop/v1/... over a unix socket */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL for none */
	const char *body;           /* NULL for none */
	cua_http_body_fn body_fn;   /* in the place of body: asked for it while it is sent */
	void *body_user_data;
	size_t body_len;
	bool no_proxy;           /* whatever the environment says */
	long connect_timeout_ms; /* 0: 10000 */
	long idle_timeout_s;     /* no byte for so long ends it with CUA_ERR_TIMEOUT; 0: none */
	long total_timeout_ms;   /* 0: none */
	/* Of cua_now_us(); over, it ends with CUA_ERR_TIMEOUT. on_data may move it. NULL: none. */
	const uint64_t *deadline_us;
	size_t max_body_len;                 /* cap on what is kept in the response; 0: 64 MiB */
	cua_http_data_fn on_data;            /* NULL: a 2xx body is collected like any other */
	void (*on_headers)(void *user_data); /* the headers are here; may be NULL */
	/* Called whenever the descriptor is readable, and may set it to -1; NULL: none. */
	const int *beside_fd;
	cua_http_beside_fn on_beside;
	void *beside_user_data;
	void *user_data;
	/* Set by on_data when nothing more is needed; NULL: all is. The end of the body is then
	 * waited for a moment, so that the connection can be used again, but not if this peer once
	 * let us wait in vain. */
	const bool *is_enough;
};

struct cua_http_response {
	long http_status;
	struct cua_buffer body; /* the whole body; of non-2xx answers only if on_data is set */
	char content_type[128];
	char etag[128];
	/* For the retry rules of the model APIs; "" when the server sent none. */
	char retry_after[64], retry_after_ms[64], should_retry[16];
	char session_id[256];      /* Mcp-Session-Id, of the Model Context Protocol */
	char location[256];        /* where a redirect points to */
	char content_encoding[32]; /* "" for a body that is as it is */
	double total_ms;
};

/**
 * cua_http_perform() - send one request and wait for the end of its answer.
 * @ret_response: overwritten; release with cua_http_response_finish() whatever the outcome.
 *
 * Any HTTP status is CUA_OK: read http_status.
 *
 * Return: CUA_OK; CUA_ERR_CANCELLED; CUA_ERR_TIMEOUT; CUA_ERR_TOO_LARGE for headers or a body over
 *         their bound; CUA_ERR_CLOSED if the peer cannot be reached or hung up early;
 *         CUA_ERR_UNAVAILABLE if no CA that is known here vouches for it ($SSL_CERT_FILE names
 *         others), if the proxy refuses to go there, and for a compressed body, which was not asked
 * for and is not unpacked; whatever on_data returned. If http_status is set all the same, the peer
 * did answer: body is what of it arrived.
 */
CUA_NODISCARD enum cua_status cua_http_perform(struct cua_http_client *client,
		const struct cua_http_request *request, struct cua_http_response *ret_response,
		struct cua_error *err);
void cua_http_response_finish(struct cua_http_response *response);

#endif

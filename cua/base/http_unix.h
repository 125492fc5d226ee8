#ifndef CUA_BASE_HTTP_UNIX_H
#define CUA_BASE_HTTP_UNIX_H

/* One HTTP request over a unix socket, without what libcurl brings: loading it and its thirty
 * libraries takes ten times as long as a click. */

#include <cjson/cJSON.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

/**
 * cua_http_unix_call() - connect, send, read the answer to its end, hang up.
 * @target:   path and query.
 * @body:     JSON text; NULL for none.
 * @ret_body: what the answer carries; initialised by the caller, whose cap holds.
 *
 * Any HTTP status is CUA_OK.
 *
 * Return: CUA_OK; CUA_ERR_CLOSED if nobody listens or the other end hung up early;
 *         CUA_ERR_TIMEOUT; CUA_ERR_TOO_LARGE past the cap of ret_body or for a long socket_path.
 */
CUA_NODISCARD enum cua_status cua_http_unix_call(const char *socket_path, const char *method,
		const char *target, const char *body, int timeout_ms, int *ret_http_status,
		struct cua_buffer *ret_body, struct cua_error *err);

/* The same of a GET of what has a tag. etag: sent as If-None-Match unless it is ""; then that of
 * the answer, "" for none. An answer of 304 has no body. */
#define CUA_HTTP_UNIX_ETAG_SIZE 128
CUA_NODISCARD enum cua_status cua_http_unix_get(const char *socket_path, const char *target,
		int timeout_ms, char etag[CUA_HTTP_UNIX_ETAG_SIZE], int *ret_http_status,
		struct cua_buffer *ret_body, struct cua_error *err);

/**
 * cua_http_unix_json() - the same with JSON both ways.
 * @body:       NULL for none.
 * @ret_answer: the caller's, set also when a request is refused; NULL if no answer came.
 *
 * Return: as cua_http_unix_call(); for an answer that is none of success the status and the message
 *         of its "error", CUA_ERR_IO without one.
 */
CUA_NODISCARD enum cua_status cua_http_unix_json(const char *socket_path, const char *method,
		const char *target, const cJSON *body, int timeout_ms, cJSON **ret_answer,
		struct cua_error *err);

/* The same, and it hangs up when there is something to read from cancel_fd, which stays unread;
 * -1: none. Then CUA_ERR_CANCELLED. */
CUA_NODISCARD enum cua_status cua_http_unix_json_until(const char *socket_path, const char *method,
		const char *target, const cJSON *body, int timeout_ms, int cancel_fd,
		cJSON **ret_answer, struct cua_error *err);

#endif

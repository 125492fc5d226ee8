#ifndef CUA_SERVER_REQUEST_INTERNAL_H
#define CUA_SERVER_REQUEST_INTERNAL_H

/* What the files of request*.c share. */

#include "cua/server/server.h"

/* What a request is while a thread works on it. */
struct job {
	uv_work_t work;
	struct request public;
	struct cua_http_exchange *exchange;
};

/* --- request_admit.c --- */

/* NULL: there is none; allowed: the methods that there are, "" for no such path. */
const struct route *request_find_route(const struct cua_http_head *head, struct request *request,
		char *allowed, size_t size);
/* By Host, Origin and what a browser says of sites. ret_http_status: of a refusal; 0: let in. */
CUA_NODISCARD enum cua_status request_check_gate(const struct server *server,
		const struct cua_http_head *head, bool is_websocket, int *ret_http_status,
		struct cua_error *err);
/* Who it is; caller->id stays "" for nobody. ret_http_status, ret_wait_s: of a refusal. */
CUA_NODISCARD enum cua_status request_authenticate(struct server *server, struct store *store,
		const struct cua_http_head *head, struct caller *caller, int *ret_http_status,
		int *ret_wait_s, struct cua_error *err);
/* Who it is, and may do that, and as often. After a refusal http_status and headers are set. */
CUA_NODISCARD enum cua_status request_admit(struct request *request, struct cua_error *err);
/* The same of a WebSocket, which acts by what is said on it. */
CUA_NODISCARD enum cua_status request_admit_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err);

/* --- request_answer.c --- */

/* On the request's thread. */
void request_answer_text(struct job *job, const char *text, int http_status, bool is_problem);
void request_answer_error(struct job *job, const struct cua_error *error);
void request_answer_ok(struct job *job);

#endif

#ifndef CUA_MCP_SERVE_HTTP_H
#define CUA_MCP_SERVE_HTTP_H

/* What Streamable HTTP asks of a server beside its messages: headers that must agree with the body,
 * and the status of an answer. For a server that reads the POST, and has checked Host, Origin and
 * token. */

#include "cua/mcp/serve.h"

struct mcp_serve_headers {
	/* The value of a header by its name in lower case; NULL: it is not there. */
	const char *(*find)(const char *name, void *user_data);
	void *user_data;
};

/**
 * mcp_serve_http_check() - do the headers of a POST agree with its message?
 * @ret_revision: for mcp_serve_session_create(), of a session for this POST alone.
 *
 * Return: 0, or the code of the error that was emitted.
 */
CUA_NODISCARD int mcp_serve_http_check(const struct mcp_serve_message *message,
		const struct mcp_serve_headers *headers, const struct mcp_serve_out *out,
		const char **ret_revision);

/**
 * mcp_serve_http_resume() - goes on with the session that the client says it is of.
 * @session:  made for the POST, of revision.
 *
 * Its client is asked nothing where this POST takes no stream as its answer.
 *
 * Return: 0, also without a session id; else the code of the error that was emitted: 404.
 */
CUA_NODISCARD int mcp_serve_http_resume(struct mcp_serve_session *session,
		const struct mcp_serve_message *message, const struct mcp_serve_headers *headers,
		const char *revision, const struct mcp_serve_out *out);
/**
 * mcp_serve_http_listen() - a GET, of older revisions: the stream that news of resources come on.
 * @session:  made for it, of no revision.
 * @ret_call: to be run, if the answer is 200: it ends when it is cancelled, and answers nothing.
 *
 * Return: the status: 200; 404; 405 without a session id; 406; 409 if there is one already; 503.
 */
CUA_NODISCARD int mcp_serve_http_listen(struct mcp_serve_session *session,
		const struct mcp_serve_headers *headers, const struct mcp_serve_out *out,
		struct mcp_serve_call **ret_call);
/* For the header Mcp-Session-Id of the answer, the caller's; NULL: there is none to give. */
char *mcp_serve_http_session_id(const struct mcp_serve_session *session,
		const struct mcp_serve_message *message, int code);

/* Of an answer with this code; 0: a result. revision: as above; NULL: of the newest. A notification
 * has no answer, and 202. */
int mcp_serve_http_status(const char *revision, int code);

#endif

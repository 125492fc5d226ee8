#ifndef CUA_AGENT_MCP_MESSAGE_H
#define CUA_AGENT_MCP_MESSAGE_H

/* JSON-RPC 2.0 as a server of the Model Context Protocol says it: one message, or in the revision
 * 2025-03-26 a list of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

#define MCP_MESSAGE_MAX ((size_t)8 << 20) /* bytes; what is larger ends the connection */

/* Codes of errors; of the newest revision but for the first. */
#define MCP_ERROR_METHOD (-32601)
#define MCP_ERROR_HEADER (-32020)
#define MCP_ERROR_CAPABILITY (-32021)
#define MCP_ERROR_VERSION (-32022)

enum mcp_message_kind {
	MCP_MESSAGE_REQUEST, /* of the server to us: older revisions only */
	MCP_MESSAGE_NOTIFICATION,
	MCP_MESSAGE_RESULT,
	MCP_MESSAGE_ERROR,
};

/* All of the text that was read. */
struct mcp_message {
	enum mcp_message_kind kind;
	const cJSON *id;      /* NULL of a notification; may be JSON null of an error */
	const char *method;   /* of a request and a notification */
	const cJSON *params;  /* an object, or NULL */
	const cJSON *content; /* the result, or the error: an object */
	cJSON *whole;         /* what it is in; a large content may be detached from it */
};

typedef void (*mcp_message_fn)(const struct mcp_message *message, void *user_data);

/**
 * mcp_message_read() - read what a server sent and tell each message in it.
 *
 * Nothing is told of a text with a message in it that is none.
 *
 * Return: CUA_OK; CUA_ERR_APP if it is no JSON, nests deeper than 64, or is no JSON-RPC.
 */
CUA_NODISCARD enum cua_status mcp_message_read(const char *text, size_t len,
		mcp_message_fn on_message, void *user_data, struct cua_error *err);

/* True if the message answers the request of this number. */
bool mcp_message_answers(const struct mcp_message *message, int64_t id);
/* Of an error; 0 if it has none. */
int mcp_message_code(const struct mcp_message *message);
/* "CODE: what the server says"; one line. */
void mcp_message_problem(const struct mcp_message *message, char *text, size_t size);

/* params is taken, and may be NULL; id 0 makes a notification. NULL when memory runs out. */
char *mcp_message_request(int64_t id, const char *method, cJSON *params);
/* The answer to a request of the server: a result, which is taken, or with NULL the error that
 * there is no such method. */
char *mcp_message_answer(const cJSON *id, cJSON *result);

#endif

#ifndef CUA_TESTS_MCP_SAY_H
#define CUA_TESTS_MCP_SAY_H

/* A client of the core of the MCP server, in this process: what it says, and what it hears. */

#include <pthread.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/mcp/serve.h"

#define META(revision) \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" revision "\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define MODERN META("2026-07-28")
#define HELLO(revision) \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{" \
	"\"protocolVersion\":\"" revision "\",\"capabilities\":{}," \
	"\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"

extern struct mcp_serve *mcp_serve;
extern struct mcp_serve_session *mcp_session;
extern cJSON *mcp_heard[64]; /* owned */
extern size_t mcp_heard_count;
extern char mcp_last_heard[256]; /* its beginning, as it came */

extern const struct mcp_serve_out mcp_say_out; /* where that comes from */

size_t mcp_count_heard(void);
/* Until that many messages were heard. */
void mcp_await_heard(size_t count);
/* What comes of a text; the call, if it leads to one. *ret_code as the transport gets it. */
struct mcp_serve_call *mcp_say_text(const char *text, size_t len, int *ret_code);
/* Says it, and runs what it leads to; the last that was heard of it. */
const cJSON *mcp_say(const char *text);
void mcp_expect_error(const char *text, int code, const char *words);
void mcp_forget(void);

#endif

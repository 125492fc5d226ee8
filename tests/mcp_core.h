#ifndef CUA_TESTS_MCP_CORE_H
#define CUA_TESTS_MCP_CORE_H

/* The core of the MCP server in this process, with tools of the tests: "wait_for_end", until it is
 * cancelled; "repeat", its arguments; "ask", which asks the person at the host; "ask_model", which
 * asks its model. */

#include <pthread.h>

#include "cua/mcp/serve_internal.h"
#include "tests/mcp_say.h"

#define MCP_CALL(id, name, arguments) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id \
	",\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\",\"arguments\":" arguments \
	"," MODERN "}}"

/* That there is none. */
enum cua_status mcp_core_no_desktop(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err);
/* Of a test, with mcp_serve and mcp_session. */
int mcp_core_begin(void **state);
int mcp_core_finish(void **state);
/* In the place of those that mcp_core_begin() made. */
void mcp_core_begin_again(const struct mcp_serve_options *options);

#define MCP_CORE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, mcp_core_begin, mcp_core_finish)

/* The tools that a client of a revision sees after a handshake. */
const cJSON *mcp_core_list_of(const char *revision);
/* NULL: there is none of that name. */
const cJSON *mcp_core_tool_in(const cJSON *tools, const char *name);

/* On a thread, as a transport runs it. */
struct mcp_serve_call *mcp_core_start_call(const char *text, pthread_t *ret_thread);

#endif

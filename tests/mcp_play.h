#ifndef CUA_TESTS_MCP_PLAY_H
#define CUA_TESTS_MCP_PLAY_H

/* mcp/mcp_bad_server.c as a server of the client's, without a run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/mcp/mcp_server.h"

#define MCP_PLAY_INIT_MS 3000     /* where a server is given up at its start */
#define MCP_PLAY_CALL_MAX_MS 2000 /* where it is in a call */
#define MCP_PLAY_LATE_MS 20000    /* beyond these, on a machine that has much to do */

struct mcp_play {
	char *argv[5], *none[1];
	char token[48]; /* an argument, to find its processes by */
	struct agent_mcp_entry entry;
	struct agent_mcp_server *server;
	struct agent_mcp_tools *tools;
	struct cua_error why;
};

/* Nothing is started yet: the entry may be changed. Its server has time for all it does. */
void mcp_play_begin(struct mcp_play *play, const char *mode);
/* To be given up at its start, and so a call of it. */
void mcp_play_begin_within(struct mcp_play *play, const char *mode, int init_ms);
void mcp_play_begin_impatient(struct mcp_play *play, const char *mode);
void mcp_play_begin_with(struct mcp_play *play, const char *mode,
		const struct agent_mcp_server_options *options);
/* In time, and nothing is left of it. */
void mcp_play_end(struct mcp_play *play);
/* Processes with this argument. */
int mcp_play_count(const char *token);

enum cua_status mcp_play_try_list(struct mcp_play *play);
void mcp_play_list(struct mcp_play *play);
/* Its first tool, with the text of the answer. arguments: JSON; NULL for none. */
enum cua_status mcp_play_call(struct mcp_play *play, const char *arguments, char *text, size_t size,
		bool *ret_uncertain);
void mcp_play_expect(struct mcp_play *play, const char *expected);

#endif

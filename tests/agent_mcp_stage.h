#ifndef CUA_TESTS_AGENT_MCP_STAGE_H
#define CUA_TESTS_AGENT_MCP_STAGE_H

/* Runs on a stage with servers of the Model Context Protocol, those of $CUA_MCP_SERVERS. */

#include "tests/agent_stage.h"

/* An answer of a server taints the run, and a rule that goes on to hold says so. */
#define AGENT_MCP_ALLOWED \
	"  - allow: servers of the test\n    when: {tool: mcp}\n" \
	"  - allow: servers of the test, tainted\n    when: {tool: mcp, tainted: true}\n"

/* All that all servers offer. */
void agent_mcp_approve_all(void);
/* Under the default policy with these rules before its own. */
void agent_mcp_play(struct agent_stage *stage, const char *rules);

/* A request to the model; the caller frees. */
char *agent_mcp_body(const struct agent_stage *stage, int request);
/* Fail the test if the part is not in it. */
void agent_mcp_assert_request(const struct agent_stage *stage, int request, const char *part);
void agent_mcp_assert_file(const struct agent_stage *stage, const char *name, const char *part);
void agent_mcp_assert_events(const struct agent_stage *stage, const char *part);

#endif

#ifndef CUA_AGENT_POLICY_DOUBTS_H
#define CUA_AGENT_POLICY_DOUBTS_H

/* What may be mistyped in a policy and cannot be refused: names of MCP servers, of their tools and
 * of what these take. A file may be older than the server that it is about, or be used elsewhere.
 */

#include "agent/policy/policy.h"

/* What is known of servers: {SERVER: {TOOL: {"inputSchema": ...}}}, a server with null instead if
 * nothing is known of its tools. */

/* Of the rows of the file itself: a list of texts, "FILE:LINE: what". The caller owns it; NULL when
 * memory runs out. */
cJSON *agent_policy_doubts(const struct agent_policy *policy, const cJSON *servers);

/* The same of a call of that tool: texts without a line. */
cJSON *agent_policy_doubts_of_call(
		const cJSON *servers, const char *server, const char *tool, const cJSON *arguments);

#endif

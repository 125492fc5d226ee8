#ifndef CUA_TESTS_MCP_CONFORMANCE_FIXTURES_H
#define CUA_TESTS_MCP_CONFORMANCE_FIXTURES_H

/* Resources, prompts, and tools that ask in several steps, as the conformance suite looks for
 * them. */

#include "cua/mcp/serve_internal.h"

/* A picture of one pixel. */
#define FIXTURE_PNG \
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ" \
	"RU5ErkJggg=="

CUA_NODISCARD enum cua_status fixtures_add_more(struct mcp_serve *serve, struct cua_error *err);

#endif

#ifndef CUA_AGENT_MCP_SCHEMA_H
#define CUA_AGENT_MCP_SCHEMA_H

/* Schemas of servers in the form that every model API takes: one refuses a whole request for one
 * schema in it. The server holds arguments against its own. */

#include <cjson/cJSON.h>

/* Changes the schema of a tool's arguments, in place: each object has properties, each array has
 * items, what is to be a schema is one, its types exist, and at the top there is no choice between
 * schemas. */
void mcp_schema_fit(cJSON *schema);

#endif

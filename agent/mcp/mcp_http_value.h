#ifndef CUA_AGENT_MCP_HTTP_VALUE_H
#define CUA_AGENT_MCP_HTTP_VALUE_H

/* Values of the headers that mirror what is in a message. */

/* As it is if it is plain ASCII, else =?base64?...?=. Owned by the caller; NULL when memory runs
 * out. Source: MCP 2026-07-28, transports, value encoding. */
char *mcp_http_value(const char *text);

#endif

#ifndef CUA_AGENT_MCP_EXPAND_H
#define CUA_AGENT_MCP_EXPAND_H

#include "cua/base/error.h"

/**
 * mcp_expand() - replace ${NAME} and ${NAME:-default} by variables of the environment, once.
 * @ret_text: owned by the caller. $${ gives ${.
 *
 * Return: CUA_OK; CUA_ERR_INVAL for a variable that is not set and has no default, and for a ${
 *         without an end or a name; CUA_ERR_NOMEM. No value is in a message.
 */
CUA_NODISCARD enum cua_status mcp_expand(const char *text, char **ret_text, struct cua_error *err);

#endif

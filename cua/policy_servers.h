#ifndef CUA_POLICY_SERVERS_H
#define CUA_POLICY_SERVERS_H

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/* The MCP servers that are set up here, and what a person approved of them, for
 * agent/policy/doubts.h: nothing is started and nobody is asked. The caller owns it. */
CUA_NODISCARD enum cua_status policy_servers_read(cJSON **ret_servers, struct cua_error *err);

#endif

#ifndef CUA_AGENT_MCP_PINS_H
#define CUA_AGENT_MCP_PINS_H

/* What a person has approved of a server: how it is started, and each tool by the hash of its
 * description. In mcp/pins/NAME.json of cua's state folder. */

#include <cjson/cJSON.h>

#include "agent/mcp/mcp_config.h"
#include "agent/mcp/mcp_tool.h"

/**
 * agent_mcp_pins_compare() - hold what a server offers against what was approved.
 * @tools:       each gets is_approved.
 * @ret_changes: owned by the caller; a list of {"change", "tool", "before", "now"}, empty if there
 *               is nothing to approve. change: "new", "changed", "gone" (which needs no approval
 *               and loses it), and for the server itself, without a tool, "server", when it is
 *               started in another way; nothing of such a server is approved. before and now are
 *               descriptions, or entries as they are written.
 */
CUA_NODISCARD enum cua_status agent_mcp_pins_compare(const struct agent_mcp_entry *entry,
		struct agent_mcp_tools *tools, cJSON **ret_changes, struct cua_error *err);
/* *ret_known: how the server is started is what was approved, so it may be. */
CUA_NODISCARD enum cua_status agent_mcp_pins_know(
		const struct agent_mcp_entry *entry, bool *ret_known, struct cua_error *err);
/* What was approved of the server of this name: {TOOL: its definition}, as it was then. The caller
 * owns it; *ret_tools is NULL if nothing was. */
CUA_NODISCARD enum cua_status agent_mcp_pins_tools(
		const char *name, cJSON **ret_tools, struct cua_error *err);
/* True if something in the list needs a yes. */
bool agent_mcp_pins_need_approval(const cJSON *changes);
/* From now on what the server offers is what was approved. */
CUA_NODISCARD enum cua_status agent_mcp_pins_approve(const struct agent_mcp_entry *entry,
		struct agent_mcp_tools *tools, struct cua_error *err);
/* Nothing of the server of this name is approved any more. */
CUA_NODISCARD enum cua_status agent_mcp_pins_forget(const char *name, struct cua_error *err);

/* For people: the list of changes as lines, what was before and what is now below each other. */
char *agent_mcp_pins_print(const cJSON *changes);

#endif

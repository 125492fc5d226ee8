#ifndef CUA_AGENT_POLICY_NAMES_H
#define CUA_AGENT_POLICY_NAMES_H

/* The names that rows use: tools, actions of the computer, and what they take. A row with one that
 * there is not never applies, and who wrote it would not know. What MCP servers offer is not known
 * when a file is read, so that their names and arguments may be any. */

#include "agent/policy/policy_internal.h"

/* Is this a pattern of fnmatch(3) in which each sign means what it looks like? */
CUA_NODISCARD enum cua_status policy_check_glob(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err);

/* A pattern that a tool has; one that an action has. */
CUA_NODISCARD enum cua_status policy_check_tool(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err);
CUA_NODISCARD enum cua_status policy_check_action(
		const struct cua_yaml *yaml, const cJSON *text, struct cua_error *err);

/* May the conditions hold together, each of which is well formed: have the tools that are meant
 * what else is asked of them, and can the arguments have these values? */
CUA_NODISCARD enum cua_status policy_check_together(
		const struct cua_yaml *yaml, const cJSON *when, struct cua_error *err);

/* Does a tool of those that the row is about take an argument of this name? NULL when: any. */
CUA_NODISCARD enum cua_status policy_check_argument(const struct cua_yaml *yaml, const cJSON *when,
		const char *name, const cJSON *node, struct cua_error *err);

/* The row says nothing of which tool, and of this argument no tool of cua knows. */
bool policy_argument_is_foreign(const cJSON *when, const char *name);

#endif

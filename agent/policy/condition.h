#ifndef CUA_AGENT_POLICY_CONDITION_H
#define CUA_AGENT_POLICY_CONDITION_H

/* What a row of the table of conditions is made of: between condition.c, which has the table, and
 * condition_*.c, which have the conditions. */

#include "agent/policy/policy_internal.h"

/* Is this what stands behind the condition in a file? */
typedef enum cua_status policy_check_fn(
		const struct cua_yaml *yaml, const cJSON *value, struct cua_error *err);
/* Does the call have it? */
typedef enum policy_match policy_match_fn(const cJSON *value, struct policy_view *view);

/* --- condition_text.c: a text, or a list of them --- */

/* The first, or the only one; the next, NULL behind the last. */
const cJSON *policy_first_text(const cJSON *value);
const cJSON *policy_next_text(const cJSON *value, const cJSON *text);
enum policy_match policy_either(enum policy_match one, enum policy_match other);
/* Is one of the patterns the text's? flags: of fnmatch(). */
bool policy_matches(const cJSON *patterns, const char *text, int flags);
/* text NULL: not known. */
enum policy_match policy_match_known(const cJSON *patterns, const char *text, int flags);
CUA_NODISCARD enum cua_status policy_check_texts(const struct cua_yaml *yaml, const cJSON *value,
		policy_check_fn *check, struct cua_error *err);
CUA_NODISCARD enum cua_status policy_check_choice(const struct cua_yaml *yaml, const cJSON *text,
		const char *const *names, struct cua_error *err);
policy_check_fn policy_check_patterns, policy_check_flag;

/* --- condition_call.c --- */

bool policy_is_computer(const struct policy_view *view);
policy_check_fn policy_check_tools, policy_check_actions, policy_check_arguments,
		policy_check_forms, policy_check_amount;
policy_match_fn policy_match_tool, policy_match_action, policy_match_argument, policy_match_command,
		policy_match_form, policy_match_told, policy_match_opaque, policy_match_app,
		policy_match_server, policy_match_server_tool, policy_match_amount;

/* --- condition_path.c --- */

policy_check_fn policy_check_place;
policy_match_fn policy_match_path, policy_match_writes, policy_match_place;

/* --- condition_around.c --- */

policy_check_fn policy_check_window, policy_check_origins, policy_check_networks,
		policy_check_risks;
policy_match_fn policy_match_window, policy_match_origin, policy_match_network, policy_match_risk,
		policy_match_tainted;

#endif

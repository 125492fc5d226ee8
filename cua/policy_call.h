#ifndef CUA_POLICY_CALL_H
#define CUA_POLICY_CALL_H

/* The call that cua policy explain is asked about, as a person writes it. */

#include "agent/policy/policy.h"

/**
 * policy_call_read() - words to a call that a run could make.
 * @words:          TOOL, and NAME=VALUE or NAME:=JSON behind it; what it points to is changed.
 * @json_arguments: all arguments at once; NULL: none.
 * @call:           gets tool, server and server_tool, which are the words', and arguments.
 * @ret_arguments:  what call->arguments is; the caller owns it.
 *
 * A value is read as the type that the tool wants: a number, true or false, a list of what is given
 * more than once. A tool, an argument or a value that no call can have is refused as in a run; of
 * MCP servers none is known here.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with what is wrong, and what was probably meant; CUA_ERR_TOO_LARGE.
 */
CUA_NODISCARD enum cua_status policy_call_read(char **words, int count, const char *json_arguments,
		struct agent_policy_call *call, cJSON **ret_arguments, struct cua_error *err);

#endif

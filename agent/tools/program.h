#ifndef CUA_AGENT_TOOLS_PROGRAM_H
#define CUA_AGENT_TOOLS_PROGRAM_H

/* Programs that run once, in the workspace, for one call. */

#include "agent/tools/output.h"
#include "agent/tools/tool.h"

/**
 * tool_program_run() - run a program until it ends, the call's deadline, or its cancelling.
 * @argv:   NULL-terminated; argv[0] is looked up in PATH.
 * @output: gets what it prints. NULL: bytes does.
 * @bytes:  its standard output, up to the buffer's cap; standard error is dropped. NULL: output
 *          gets both.
 *
 * Return: CUA_OK with *ret_status, 128 and the signal for one that was killed; CUA_ERR_UNAVAILABLE
 *         if it is not installed; CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED; CUA_ERR_TOO_LARGE.
 */
CUA_NODISCARD enum cua_status tool_program_run(struct tool_call *call, const char *const *argv,
		struct tool_output *output, struct cua_buffer *bytes, int *ret_status,
		struct cua_error *err);

/* What it prints is what the call says. */
CUA_NODISCARD enum cua_status tool_program_say(struct tool_call *call, const char *const *argv,
		int *ret_status, struct cua_error *err);

/* The same, and a status other than 0 is a failure. */
CUA_NODISCARD enum cua_status tool_program_tell(
		struct tool_call *call, const char *const *argv, struct cua_error *err);

#endif

#ifndef CUA_CMD_ACTION_STDIN_H
#define CUA_CMD_ACTION_STDIN_H

/* "-" in the place of a text: what standard input has. */

#include <stdbool.h>

#include "cua/base/buffer.h"
#include "cua/contract/action.h"

/* Texts that people have in files, and that may be longer than the kernel lets an argument be. */
bool cmd_action_takes_stdin(const struct cua_action_spec *spec, const struct cua_arg_spec *arg);

/* All of it, as it is, up to the bound of the argument. */
CUA_NODISCARD enum cua_status cmd_action_read_stdin(
		const struct cua_arg_spec *arg, struct cua_buffer *text, struct cua_error *err);

#endif

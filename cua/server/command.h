#ifndef CUA_SERVER_COMMAND_H
#define CUA_SERVER_COMMAND_H

/* Commands of ours, run as a person would type them: the server does by them what they do already,
 * with the same checks and the same words when something is wrong. On a thread: they are waited
 * for. */

#include <cjson/cJSON.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

struct command {
	const char *const *argv; /* from "cua" on, up to a NULL */
	const char *input;       /* for its standard input; NULL: none */
	int timeout_ms;          /* then it is ended */
};

struct command_result {
	int exit_status;
	struct cua_buffer out; /* what it printed */
	struct cua_buffer err; /* what it said on stderr, the first of it */
};

/* Any exit status is CUA_OK. Release the result whatever the outcome. CUA_ERR_TIMEOUT; CUA_ERR_IO;
 * CUA_ERR_TOO_LARGE. */
CUA_NODISCARD enum cua_status command_run(const struct command *command,
		struct command_result *ret_result, struct cua_error *err);
/* The same, and it is ended once stop_fd can be read: CUA_ERR_CANCELLED. */
CUA_NODISCARD enum cua_status command_run_until(const struct command *command, int stop_fd,
		struct command_result *ret_result, struct cua_error *err);
void command_result_finish(struct command_result *result);

/* CUA_OK for exit status 0; else what it said, as an error: CUA_ERR_INVAL for wrong usage, and
 * otherwise failed. */
CUA_NODISCARD enum cua_status command_check(
		const struct command_result *result, enum cua_status failed, struct cua_error *err);

/* Both, and what it printed as JSON, the caller's; NULL if nothing is wanted. */
CUA_NODISCARD enum cua_status command_json(const struct command *command, enum cua_status failed,
		cJSON **ret_json, struct cua_error *err);

#endif

#ifndef CUA_BASE_PROGRAM_H
#define CUA_BASE_PROGRAM_H

/* Programs of ours that this one starts: found beside it, and waited for until they serve. */

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/* A program beside this one, for exec_fd of struct cua_spawn; -1 with err filled. */
int cua_program_open(const char *name, struct cua_error *err);

/**
 * cua_read_ready() - wait for a process that has started to say so.
 * @fd:       where it writes one line of JSON, an object; with "error" it failed.
 * @who:      what it is called in an error.
 * @log_path: of what it says on stderr, whose last line stands in the error if it just ends.
 *
 * Return: CUA_OK; CUA_ERR_TIMEOUT; CUA_ERR_UNAVAILABLE with its reason.
 */
CUA_NODISCARD enum cua_status cua_read_ready(int fd, int timeout_ms, const char *who,
		const char *log_path, cJSON **ret_json, struct cua_error *err);

#endif

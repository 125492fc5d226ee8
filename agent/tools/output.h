#ifndef CUA_AGENT_TOOLS_OUTPUT_H
#define CUA_AGENT_TOOLS_OUTPUT_H

/* What a program writes, however much: its beginning and its end are kept, what lies between is
 * counted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

#define TOOL_OUTPUT_HEAD ((size_t)20 << 10)
#define TOOL_OUTPUT_TAIL ((size_t)10 << 10)

struct tool_output {
	char head[TOOL_OUTPUT_HEAD];
	char tail[TOOL_OUTPUT_TAIL]; /* a ring */
	uint64_t total;              /* bytes so far */
};

void tool_output_add(struct tool_output *output, const char *bytes, size_t len);

/* Reads what is there without waiting; false at the end of the stream. */
bool tool_output_read(struct tool_output *output, int fd);

/* Appends it to text, with a line that says how much was left out. */
CUA_NODISCARD enum cua_status tool_output_tell(
		const struct tool_output *output, struct cua_buffer *text, struct cua_error *err);

#endif

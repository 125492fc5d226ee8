#ifndef CUA_AGENT_TOOLS_LINES_H
#define CUA_AGENT_TOOLS_LINES_H

/* Text files. */

#include "agent/tools/tool.h"

/* CUA_ERR_INVAL if the bytes are not UTF-8 without NUL; path is for the message. */
CUA_NODISCARD enum cua_status tool_check_text(
		const char *path, const char *bytes, size_t len, struct cua_error *err);

/* Says lines of the text, from first (1 is the first) on, count of them, with numbers in front if
 * wanted, and how many there are beyond. At most as much as of a program's output. */
CUA_NODISCARD enum cua_status tool_tell_lines(struct tool_call *call, const char *text, int first,
		int count, bool numbered, struct cua_error *err);

#endif

#ifndef CUA_AGENT_TOOLS_PICTURE_H
#define CUA_AGENT_TOOLS_PICTURE_H

#include <stddef.h>

#include "agent/tools/tool.h"

#define TOOL_PICTURE_MAX ((size_t)8 << 20) /* bytes of a file */

/* Adds a picture to what the call says. CUA_ERR_INVAL if it is none, or a damaged one;
 * CUA_ERR_TOO_LARGE. */
CUA_NODISCARD enum cua_status tool_show_picture(
		struct tool_call *call, const void *bytes, size_t len, struct cua_error *err);

#endif

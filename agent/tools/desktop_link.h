#ifndef CUA_AGENT_TOOLS_DESKTOP_LINK_H
#define CUA_AGENT_TOOLS_DESKTOP_LINK_H

/* The runner's link to the desktop's host: JSON objects, each ended by a line break.
 *
 * From the host, first an empty line with the descriptors of control groups, if there are any. Then
 * {"tool": NAME, "arguments": {...}, "network": NAME} starts a call, {"cancel": true} ends it,
 * {"acted": {...}, "number": N, "waited_ms": N} answers an "act". From the runner: {"act": {...},
 * "number": N}, a body for the desktop API's /v1/actions, one at a time; and at the end {"content":
 * [...], "is_error": bool} or {"code", "message"}. */

#include <stddef.h>

#include "agent/tools/tool.h"

#define TOOL_LINK_MAX ((size_t)24 << 20) /* bytes of a message */

struct tool_link {
	int fd;
	int number; /* of the last act */
	struct cua_buffer received;
};

CUA_NODISCARD enum cua_status tool_link_send(
		const struct tool_link *link, const cJSON *message, struct cua_error *err);

/* The next message. CUA_ERR_TIMEOUT; CUA_ERR_CLOSED. timeout_ms -1: waits without end. */
CUA_NODISCARD enum cua_status tool_link_receive(
		struct tool_link *link, int timeout_ms, cJSON **ret_message, struct cua_error *err);

/* Has one come already, so that the descriptor says nothing of it? */
bool tool_link_has_message(const struct tool_link *link);

/* Whether the caller gave up on the call, or the host is gone; does not wait. */
bool tool_is_cancelled(struct tool_call *call);

/* Acts on the desktop. request: a body for /v1/actions; *ret_answer is the host's answer. How long
 * it waited for leave does not count as the call's time. CUA_ERR_APP if the action failed,
 * CUA_ERR_POLICY if it may not be; CUA_ERR_CANCELLED if the call was. */
CUA_NODISCARD enum cua_status tool_desktop_ask(struct tool_call *call, const cJSON *request,
		cJSON **ret_answer, struct cua_error *err);

#endif

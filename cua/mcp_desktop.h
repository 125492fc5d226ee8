#ifndef CUA_MCP_DESKTOP_H
#define CUA_MCP_DESKTOP_H

/* The desktop of `cua mcp`: the one that was named, else the only one there is, else one that is
 * started when it is needed first, and stopped in the end, also if the end is SIGKILL. */

#include <stdbool.h>

#include "cua/desktops.h"
#include "cua/mcp/serve.h"

struct mcp_desktop;

/* name: NULL: none. options: of one that is started; keep: it is not stopped. Borrowed. Before the
 * process has threads: it forks. */
CUA_NODISCARD enum cua_status mcp_desktop_create(const char *name,
		const struct cua_desktop_options *options, bool keep,
		struct mcp_desktop **ret_desktop, struct cua_error *err);
/* Waits until it is stopped. */
void mcp_desktop_destroy(struct mcp_desktop *desktop);

/* For struct mcp_serve_options; user_data: the struct mcp_desktop. */
enum cua_status mcp_desktop_open(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err);

#endif

#include "agent/tools/world.h"

#include <string.h>

#include "cua/base/util.h"

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	const char *path = tool_string(call, "path"), *content = tool_string(call, "content");
	bool has_backup = false;
	enum cua_status status = tool_write_whole(
			&call->world->workspace, path, content, strlen(content), &has_backup, err);
	return status == CUA_OK
			? cua_buffer_printf(&call->text, err, "%zu bytes written to %s%s",
					  strlen(content), path,
					  has_backup ? "; what was there is kept with a ~ behind "
						       "its name"
						     : "")
			: status;
}

const struct tool tool_write_file = {
	.name = "write_file",
	.help = "Write a file of the workspace, whole or not at all; folders on the way are made, "
		"and "
		"what it replaces is kept with a ~ behind its name.",
	.place = TOOL_IN_SANDBOX,
	.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS,
	.args = { { "path", TOOL_ARG_STRING, .required = true, .min = 1, .max = 4096,
				  .help = "relative to the workspace, or absolute and in it" },
			{ "content", TOOL_ARG_STRING, .required = true, .max = 8 << 20,
					.help = "all of it" } },
	.run = run,
};

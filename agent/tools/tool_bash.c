#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/tools/world.h"

#include "cua/base/util.h"

/* Each command in one shell, whose variables, functions and directory stay. Its own descriptors are
 * not for the command, and it has nothing to read from. */
#define DRIVER \
	"while IFS= read -r -d '' -u 3 cua_command; do " \
	"eval \"$cua_command\" </dev/null 3<&- 4>&-; " \
	"printf '%s\\0' $? >&4; done"

static const char *const shell_argv[] = { "bash", "--noprofile", "--norc", "-c", DRIVER, NULL };

/* The kernel's word, whatever the shell would say. The next shell begins in the workspace. */
static char *directory_of(const struct tool_world *world)
{
	char link[64], path[PATH_MAX];
	if (world->shell.pid <= 0) {
		return strdup(world->workspace.path);
	}
	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)world->shell.pid);
	const ssize_t len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	return path[0] == '/' ? strdup(path) : NULL;
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	struct tool_worker *shell = &call->world->shell;
	const char *command = tool_string(call, "command");
	int code = 0;
	if (!shell->argv) {
		*shell = (struct tool_worker)TOOL_WORKER_OF("shell", shell_argv);
	}
	if (tool_boolean(call, "restart")) {
		enum cua_status restarted = tool_worker_restart(shell, call->world, err);
		if (restarted != CUA_OK) {
			return restarted;
		}
		if (!command) {
			call->directory = directory_of(call->world);
			return cua_buffer_printf(&call->text, err, "the shell was restarted");
		}
	}
	if (!command) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "bash: command is missing");
	}
	enum cua_status status = tool_worker_run(shell, call, command, &code, err);
	call->directory = directory_of(call->world);
	call->has_exit_status = code >= 0;
	call->exit_status = code;
	if (status == CUA_OK && code != 0) {
		call->is_error = true;
		status = code > 0 ? cua_buffer_printf(&call->text, err, "%s[exit status %d]",
						    call->text.len ? "\n" : "", code)
				  : CUA_OK;
	}
	return status;
}

const struct tool tool_bash = {
	.name = "bash",
	.help = "Run a command in a shell on the desktop's machine. Directory and variables stay "
		"from "
		"one call to the next; the first is in the workspace. Of more than 30 KB of output "
		"the "
		"middle is left out.",
	.place = TOOL_IN_SANDBOX,
	.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_REACHES_OUT,
	.args = { { "command", TOOL_ARG_STRING, .min = 1, .max = 1 << 20, .help = "what to run" },
			{ "timeout_s", TOOL_ARG_INTEGER, .min = 1, .max = 600,
					.help = "end it after so many seconds; 30 if not given" },
			{ "restart", TOOL_ARG_BOOLEAN,
					.help = "end the shell, and all that runs in it, first" } },
	.run = run,
};

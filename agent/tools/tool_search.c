#include "agent/tools/program.h"
#include "agent/tools/world.h"

#include <stdio.h>

#include "cua/base/util.h"

#define RG_FOUND_NONE 1
#define RG_FAILED 2 /* in whole or in part */

/* Files that may not be read fail in the same way as a pattern or a glob that is none: which was
 * it? ripgrep's expressions take time in proportion to the text, whatever they are. */
static enum cua_status check_pattern(
		struct tool_call *call, bool *ret_is_good, struct cua_error *err)
{
	const char *glob = tool_string(call, "glob");
	const char *const argv[] = { "rg", "--no-config", "--regexp", tool_string(call, "pattern"),
		"--glob", glob ? glob : "*", "--", "/dev/null", NULL };
	CUA_AUTO_BUFFER struct cua_buffer nothing;
	int code = 0;
	cua_buffer_init(&nothing, 4096);
	enum cua_status status = tool_program_run(call, argv, NULL, &nothing, &code, err);
	*ret_is_good = code == 0 || code == RG_FOUND_NONE;
	return status;
}

static enum cua_status search(struct tool_call *call, const char *path, struct cua_error *err)
{
	char most[16], around[16];
	const char *argv[24] = { "rg", "--no-config", "--no-messages", "--line-number",
		"--with-filename", "--color=never", "--no-heading", "--max-columns=400",
		"--max-columns-preview", "--sort=path", "--max-count", most, "--context", around };
	size_t count = 14;
	const char *glob = tool_string(call, "glob");
	snprintf(most, sizeof(most), "%d", tool_integer(call, "max_per_file", 50));
	snprintf(around, sizeof(around), "%d", tool_integer(call, "context", 0));
	if (tool_boolean(call, "ignore_case")) {
		argv[count++] = "--ignore-case";
	}
	if (glob) {
		argv[count++] = "--glob";
		argv[count++] = glob;
	}
	argv[count++] = "--regexp";
	argv[count++] = tool_string(call, "pattern");
	argv[count++] = "--";
	argv[count++] = path;
	int code = 0;
	bool is_good = true;
	enum cua_status status = tool_program_say(call, argv, &code, err);
	if (status == CUA_OK && code == RG_FAILED) {
		status = check_pattern(call, &is_good, err);
	}
	call->is_error = !is_good; /* and what is wrong with it has been said */
	if (status == CUA_OK && call->text.len == 0) {
		status = cua_buffer_printf(&call->text, err, "nothing was found");
	}
	return status == CUA_OK && code == RG_FAILED && is_good
			? cua_buffer_printf(&call->text, err, "\n[some files could not be read]")
			: status;
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	CUA_AUTO_FREE char *path = NULL;
	const char *where = tool_string(call, "path");
	enum cua_status status = tool_argument_path(
			&call->world->workspace, where ? where : ".", &path, err);
	return status == CUA_OK ? search(call, path, err) : status;
}

const struct tool tool_search = {
	.name = "search",
	.help = "Search the files of the workspace for a regular expression (ripgrep's). Hidden "
		"files "
		"and those that .gitignore names are left out.",
	.place = TOOL_IN_SANDBOX,
	.args = { { "pattern", TOOL_ARG_STRING, .required = true, .min = 1, .max = 4096,
				  .help = "the regular expression" },
			{ "path", TOOL_ARG_STRING, .min = 1, .max = 4096,
					.help = "a file or folder; the whole workspace if not "
						"given" },
			{ "glob", TOOL_ARG_STRING, .min = 1, .max = 200,
					.help = "files of such names alone, *.c; !*.c: all "
						"others" },
			{ "ignore_case", TOOL_ARG_BOOLEAN,
					.help = "small and capital are the same" },
			{ "context", TOOL_ARG_INTEGER, .max = 20,
					.help = "lines around each hit; 0 if not given" },
			{ "max_per_file", TOOL_ARG_INTEGER, .min = 1, .max = 1000,
					.help = "hits of one file; 50 if not given" } },
	.run = run,
};

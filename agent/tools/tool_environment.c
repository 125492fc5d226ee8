#include "agent/tools/program.h"
#include "agent/tools/world.h"

#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define PACKAGES_MAX 50

static const char *const languages[] = { "python", "node", NULL };

/* The packages behind the words that are there. */
static enum cua_status install(
		struct tool_call *call, const char **argv, size_t count, struct cua_error *err)
{
	const cJSON *package = NULL;
	cJSON_ArrayForEach (package, cua_json_member(call->arguments, "packages")) {
		if (package->valuestring[0] == '-') {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"environment_setup: %.40s is an option, not a package",
					package->valuestring);
		}
		argv[count++] = package->valuestring;
	}
	argv[count] = NULL;
	return tool_program_tell(call, argv, err);
}

static enum cua_status set_up_python(
		struct tool_call *call, bool has_packages, struct cua_error *err)
{
	static const char *const make[] = { "python3", "-m", "venv", ".venv", NULL };
	const char *argv[PACKAGES_MAX + 8] = { ".venv/bin/python", "-m", "pip", "install",
		"--no-input", "--disable-pip-version-check" };
	enum cua_status status = tool_program_tell(call, make, err);
	if (status == CUA_OK && !call->is_error && has_packages) {
		status = install(call, argv, 6, err);
	}
	return status == CUA_OK && !call->is_error
			? cua_buffer_printf(&call->text, err,
					  "\n.venv is ready: .venv/bin/python runs it, and so does "
					  "bash after \". .venv/bin/activate\"")
			: status;
}

static enum cua_status set_up_node(struct tool_call *call, bool has_packages, struct cua_error *err)
{
	static const char *const make[] = { "npm", "init", "--yes", NULL };
	const char *argv[PACKAGES_MAX + 8] = { "npm", "install", "--no-fund", "--no-audit",
		"--ignore-scripts" };
	CUA_AUTO_FD int fd = -1;
	struct stat info;
	enum cua_status status =
			tool_open_file(&call->world->workspace, "package.json", &fd, &info, NULL);
	status = status == CUA_OK ? CUA_OK : tool_program_tell(call, make, err);
	if (status == CUA_OK && !call->is_error && has_packages) {
		status = install(call, argv, 5, err);
	}
	return status == CUA_OK && !call->is_error
			? cua_buffer_printf(&call->text, err,
					  "\npackage.json and node_modules are ready; scripts of "
					  "packages were not run")
			: status;
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	const bool has_packages =
			cJSON_GetArraySize(cua_json_member(call->arguments, "packages")) > 0;
	return strcmp(tool_string(call, "language"), "python") == 0
			? set_up_python(call, has_packages, err)
			: set_up_node(call, has_packages, err);
}

const struct tool tool_environment = {
	.name = "environment_setup",
	.help = "Make a Python environment (.venv) or a Node project (package.json, node_modules) "
		"in "
		"the workspace and install packages into it, which needs a network.",
	.place = TOOL_IN_SANDBOX,
	.args = { { "language", TOOL_ARG_STRING, .required = true, .max = 20, .choices = languages,
				  .help = "of the environment" },
			{ "packages", TOOL_ARG_STRINGS, .min = 0, .max = PACKAGES_MAX,
					.help = "names, with versions as pip or npm spell them" } },
	.run = run,
};

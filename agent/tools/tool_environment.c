#include "agent/tools/program.h"
#include "agent/tools/world.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	const char *argv[PACKAGES_MAX + 12] = { ".venv/bin/python", "-m", "pip", "install",
		"--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "15" };
	enum cua_status status = tool_program_tell(call, make, err);
	if (status == CUA_OK && !call->is_error && has_packages) {
		status = install(call, argv, 10, err);
	}
	return status == CUA_OK && !call->is_error
			? cua_buffer_printf(&call->text, err,
					  "\n.venv is ready: .venv/bin/python runs it, and so does "
					  "bash after \". .venv/bin/activate\"")
			: status;
}

static enum cua_status say_node(
		struct tool_call *call, bool was_there, bool has_installed, struct cua_error *err)
{
	char modules[PATH_MAX + 16];
	snprintf(modules, sizeof(modules), "%s/node_modules", call->world->workspace.path);
	const bool has_modules = access(modules, F_OK) == 0;
	return cua_buffer_printf(&call->text, err, "\npackage.json %s; %s",
			was_there ? "was there already" : "is ready",
			has_installed && has_modules
					? "node_modules is ready, and scripts of packages were not "
					  "run"
					: has_installed
					? "it names no packages, and there is no node_modules"
					: was_there ? "what it names was not installed, as this "
						      "desktop has no network"
						    : "no packages were installed");
}

/* What is in the project already is installed, too. */
static enum cua_status set_up_node(struct tool_call *call, bool has_packages, struct cua_error *err)
{
	static const char *const make[] = { "npm", "init", "--yes", NULL };
	const char *argv[PACKAGES_MAX + 12] = { "npm", "install", "--no-fund", "--no-audit",
		"--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
		"--fetch-retry-maxtimeout=2000", "--fetch-timeout=15000" };
	CUA_AUTO_FD int fd = -1;
	struct stat info;
	const bool was_there = tool_open_file(&call->world->workspace, "package.json", &fd, &info,
					       NULL) == CUA_OK;
	const bool installs = has_packages || (was_there && call->world->has_network);
	enum cua_status status = was_there ? CUA_OK : tool_program_tell(call, make, err);
	if (status == CUA_OK && !call->is_error && installs) {
		status = install(call, argv, 9, err);
	}
	return status == CUA_OK && !call->is_error ? say_node(call, was_there, installs, err)
						   : status;
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	const bool has_packages =
			cJSON_GetArraySize(cua_json_member(call->arguments, "packages")) > 0;
	if (has_packages && !call->world->has_network) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"environment_setup: packages come over a network, and this desktop "
				"has none (--network=none); nothing was made. Without packages it "
				"is");
	}
	return strcmp(tool_string(call, "language"), "python") == 0
			? set_up_python(call, has_packages, err)
			: set_up_node(call, has_packages, err);
}

const struct tool tool_environment = {
	.name = "environment_setup",
	.help = "Make a Python environment (.venv) or a Node project (package.json, node_modules) "
		"in "
		"the workspace and install packages into it, and what a package.json that is there "
		"names, which needs a network.",
	.place = TOOL_IN_SANDBOX,
	.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_REACHES_OUT,
	.args = { { "language", TOOL_ARG_STRING, .required = true, .max = 20, .choices = languages,
				  .help = "of the environment" },
			{ "packages", TOOL_ARG_STRINGS, .min = 0, .max = PACKAGES_MAX,
					.help = "names, with versions as pip or npm spell them" },
			{ "timeout_s", TOOL_ARG_INTEGER, .min = 1, .max = 600,
					.help = "end it after so many seconds; 600 if not "
						"given" } },
	.run = run,
};

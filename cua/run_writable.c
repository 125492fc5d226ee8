#include "cua/run_writable.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_config.h"
#include "agent/mcp/mcp_pins.h"
#include "agent/runs.h"
#include "cua/base/json.h"
#include "cua/base/names.h"
#include "cua/base/own_paths.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

struct folder {
	char *path;      /* owned */
	char whose[128]; /* for messages: "the workspace of desktop-1" */
	bool is_home;    /* where cua itself keeps it */
};

struct run_writable {
	struct folder *folders; /* owned */
	size_t count;
};

/* --- the folders --- */

static enum cua_status CUA_PRINTF(5, 6) add(struct run_writable *writable, const char *path,
		bool is_home, struct cua_error *err, const char *fmt, ...)
{
	va_list args;
	if (!path[0]) {
		return CUA_OK;
	}
	struct folder *folders =
			realloc(writable->folders, (writable->count + 1) * sizeof(*folders));
	char *copy = strdup(path);
	writable->folders = folders ? folders : writable->folders;
	if (!folders || !copy) {
		free(copy);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folders");
	}
	struct folder *folder = &folders[writable->count++];
	*folder = (struct folder){ .path = copy, .is_home = is_home || cua_path_is_project(path) };
	va_start(args, fmt);
	vsnprintf(folder->whose, sizeof(folder->whose), fmt, args);
	va_end(args);
	return CUA_OK;
}

/* Those that there are; one that the run starts gets its home among those of all. */
static enum cua_status add_desktops(struct run_writable *writable, struct cua_error *err)
{
	char state[CUA_PATH_MAX], homes[CUA_PATH_MAX + 16];
	enum cua_status status = cua_state_dir(state, sizeof(state), err);
	CUA_AUTO_JSON cJSON *desktops = status == CUA_OK ? cua_desktop_list(err) : NULL;
	const cJSON *desktop = NULL;
	if (!desktops) {
		return status == CUA_OK ? CUA_ERR_IO : status;
	}
	snprintf(homes, sizeof(homes), "%s/desktops", state);
	status = add(writable, homes, true, err, "the homes of desktops");
	cJSON_ArrayForEach (desktop, desktops) {
		const char *name = cua_json_text(desktop, "name");
		struct desktop_record record;
		if (status != CUA_OK || cua_desktop_find(name, &record, NULL) != CUA_OK) {
			continue; /* it has ended meanwhile */
		}
		status = add(writable, record.settings.workspace, false, err,
				"the workspace of %.64s", name);
		if (status == CUA_OK) {
			status = add(writable, record.home, true, err, "the home of %.64s", name);
		}
	}
	return status;
}

static bool is_offered(const char *names, const char *name)
{
	return strcmp(names, "all") == 0 || cua_names_have(names, name);
}

/* A server that nobody approved is not started. */
static enum cua_status add_server(struct run_writable *writable,
		const struct agent_mcp_entry *entry, struct cua_error *err)
{
	bool is_known = false;
	enum cua_status status =
			entry->problem[0] ? CUA_OK : agent_mcp_pins_know(entry, &is_known, err);
	for (size_t i = 0; status == CUA_OK && is_known && i < entry->folder_count; i++) {
		if (entry->folders[i].is_writable) {
			status = add(writable, entry->folders[i].real, false, err,
					"what the MCP server %.64s may change", entry->name);
		}
	}
	return status;
}

static enum cua_status add_servers(
		struct run_writable *writable, const char *names, struct cua_error *err)
{
	struct agent_mcp_config config = { 0 };
	if (strcmp(names, "none") == 0) {
		return CUA_OK;
	}
	enum cua_status status = agent_mcp_config_load_usable(NULL, NULL, &config, err);
	if (status != CUA_OK) {
		return status;
	}
	for (size_t i = 0; status == CUA_OK && i < config.count; i++) {
		if (is_offered(names, config.entries[i].name)) {
			status = add_server(writable, &config.entries[i], err);
		}
	}
	agent_mcp_config_finish(&config);
	return status;
}

/* Of a server: each is the workspace of its runs. */
static enum cua_status add_projects(struct run_writable *writable, struct cua_error *err)
{
	char state[CUA_PATH_MAX], path[CUA_PATH_MAX + 16];
	if (cua_state_dir(state, sizeof(state), NULL) != CUA_OK) {
		return CUA_OK;
	}
	snprintf(path, sizeof(path), "%s/projects", state);
	return add(writable, path, true, err, "the projects of the server");
}

enum cua_status run_writable_find(const struct run_options *command,
		const struct cua_agent_resumable *resumed, struct run_writable **ret_writable,
		struct cua_error *err)
{
	const struct desktop_settings settings = resumed
			? desktop_settings_from_json(resumed->desktop_settings)
			: command->new_desktop.settings;
	const char *names = resumed ? resumed->mcp : command->mcp ? command->mcp : "all";
	struct run_writable *writable = calloc(1, sizeof(*writable));
	enum cua_status status =
			writable ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folders");
	if (status == CUA_OK && !command->desktop) {
		status = add(writable, settings.workspace, false, err, "the desktop's workspace");
	}
	status = status == CUA_OK ? add_desktops(writable, err) : status;
	status = status == CUA_OK ? add_projects(writable, err) : status;
	if (status == CUA_OK) {
		status = add_servers(writable, names ? names : "none", err);
	}
	if (status != CUA_OK) {
		run_writable_destroy(writable);
		return status;
	}
	*ret_writable = writable;
	return CUA_OK;
}

void run_writable_destroy(struct run_writable *writable)
{
	for (size_t i = 0; writable && i < writable->count; i++) {
		free(writable->folders[i].path);
	}
	free(writable ? writable->folders : NULL);
	free(writable);
}

/* --- what is held against them --- */

static enum cua_status fail(const char *path, const char *how, const struct folder *folder,
		struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"%.120s %s %s, %.120s: a model could change it; keep it elsewhere", path,
			how, folder->whose, folder->path);
}

enum cua_status run_check_unwritable(
		const struct run_writable *writable, const char *path, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; path && status == CUA_OK && i < writable->count; i++) {
		const struct folder *folder = &writable->folders[i];
		bool leads = false;
		status = cua_path_leads_through(path, folder->path, &leads, err);
		if (status == CUA_OK && leads) {
			status = fail(path, "is, or is reached over a link, in", folder, err);
		}
	}
	return status;
}

/* A folder must not have one of them in it, either. */
static enum cua_status check_folder(
		const struct run_writable *writable, const char *path, struct cua_error *err)
{
	char own[PATH_MAX], theirs[PATH_MAX];
	enum cua_status status = run_check_unwritable(writable, path, err);
	if (status == CUA_OK) {
		status = cua_path_resolve(path, own, sizeof(own), err);
	}
	for (size_t i = 0; status == CUA_OK && i < writable->count; i++) {
		const struct folder *folder = &writable->folders[i];
		status = cua_path_resolve(folder->path, theirs, sizeof(theirs), err);
		if (status == CUA_OK && !folder->is_home && cua_path_contains(own, theirs)) {
			status = fail(path, "holds", folder, err);
		}
	}
	return status;
}

enum cua_status run_check_own_unwritable(const struct run_writable *writable, struct cua_error *err)
{
	static const char *const variables[] = { "CUA_MODELS", "CUA_MCP_SERVERS" };
	char dir[CUA_PATH_MAX];
	CUA_AUTO_FREE char *runs = NULL;
	enum cua_status status = cua_config_dir(dir, sizeof(dir), NULL) == CUA_OK
			? check_folder(writable, dir, err)
			: CUA_OK;
	if (status == CUA_OK && cua_state_dir(dir, sizeof(dir), NULL) == CUA_OK) {
		status = check_folder(writable, dir, err);
	}
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(variables); i++) {
		const char *path = getenv(variables[i]);
		status = run_check_unwritable(writable, path && path[0] ? path : NULL, err);
	}
	if (status == CUA_OK) {
		status = agent_runs_dir(&runs, err);
	}
	return status == CUA_OK ? check_folder(writable, runs, err) : status;
}

#include "cua/run_writable.h"

#include <stdio.h>
#include <stdlib.h>

#include "cua/base/own_paths.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

static enum cua_status check(
		const char *path, const char *folder, const char *name, struct cua_error *err)
{
	bool leads = false;
	enum cua_status status =
			folder[0] ? cua_path_leads_through(path, folder, &leads, err) : CUA_OK;
	return leads ? CUA_FAIL(err, CUA_ERR_INVAL, 0,
				       "%.150s lies in %s, %.150s, or is reached over a link in "
				       "it: the model could change it; keep it elsewhere",
				       path, name, folder)
		     : status;
}

static enum cua_status check_desktop(
		const char *path, const char *workspace, const char *home, struct cua_error *err)
{
	enum cua_status status = check(path, workspace, "the desktop's workspace", err);
	return status == CUA_OK ? check(path, home, "the home of a desktop", err) : status;
}

enum cua_status run_check_unwritable(const char *path, const struct run_options *command,
		const struct cua_agent_resumable *resumed, struct cua_error *err)
{
	struct desktop_record record;
	char state[CUA_PATH_MAX], homes[CUA_PATH_MAX + 16];
	if (!path) {
		return CUA_OK;
	}
	if (command->desktop) {
		return cua_desktop_find(command->desktop, &record, NULL) == CUA_OK
				? check_desktop(path, record.settings.workspace, record.home, err)
				: CUA_OK;
	}
	const struct desktop_settings settings = resumed
			? desktop_settings_from_json(resumed->desktop_settings)
			: command->new_desktop.settings;
	enum cua_status status = cua_state_dir(state, sizeof(state), err);
	if (status != CUA_OK) {
		return status;
	}
	/* One that is not there yet gets its home among those of all. */
	snprintf(homes, sizeof(homes), "%s/desktops", state);
	return check_desktop(path, settings.workspace, homes, err);
}

enum cua_status run_check_own_unwritable(const struct run_options *command,
		const struct cua_agent_resumable *resumed, struct cua_error *err)
{
	static const char *const variables[] = { "CUA_MODELS", "CUA_MCP_SERVERS" };
	char config[CUA_PATH_MAX];
	enum cua_status status = cua_config_dir(config, sizeof(config), NULL) == CUA_OK
			? run_check_unwritable(config, command, resumed, err)
			: CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(variables); i++) {
		const char *path = getenv(variables[i]);
		if (path && path[0]) {
			status = run_check_unwritable(path, command, resumed, err);
		}
	}
	return status;
}

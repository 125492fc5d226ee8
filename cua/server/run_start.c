#include "cua/server/run_start.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/runs.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/arguments.h"
#include "cua/server/command.h"

#define START_TIMEOUT_MS 120000

/* Each as an option of `cua run`, which checks it: what it holds and what it must not. */
static const struct field setting_fields[] = { { "model", FIELD_TEXT, 0, 1, 200, NULL, NULL,
							       "a name that /v1/models lists" },
	{ "api", FIELD_TEXT, 0, 1, 20, "responses|anthropic|gemini|chat", NULL,
			"what its server speaks" },
	{ "base_url", FIELD_TEXT, 0, 1, 1000, NULL, NULL, "where the model is" },
	{ "template", FIELD_TEXT, 0, 1, 200, NULL, NULL, "a name that /v1/templates lists" },
	{ "tools", FIELD_TEXT, 0, 1, 1000, NULL, NULL, "names with commas, or all" },
	{ "mcp", FIELD_TEXT, 0, 1, 1000, NULL, NULL, "servers: names with commas, all or none" },
	{ "policy", FIELD_TEXT, 0, 1, 1000, NULL, NULL, "a file of the server's machine" },
	{ "size", FIELD_TEXT, 0, 3, 16, NULL, NULL, "of the screen: 1280x800" },
	{ "dpi", FIELD_WHOLE, 0, 96, 192 },
	{ "network", FIELD_TEXT, 0, 1, 4000, NULL, NULL, "none, allow:NAME,... or open" },
	{ "memory", FIELD_TEXT, 0, 1, 16, NULL, NULL, "of the desktop: 2G" },
	{ "cpus", FIELD_TEXT, 0, 1, 16 }, { "disk", FIELD_TEXT, 0, 1, 16 },
	{ "max_steps", FIELD_WHOLE, 0, 0, 1000000, NULL, NULL, "0: no limit" },
	{ "max_time", FIELD_WHOLE, 0, 0, 31536000, NULL, NULL, "seconds" },
	{ "max_tokens", FIELD_WHOLE, 0, 0, 1e9 },
	{ "max_cost", FIELD_NUMBER, 0, 0, 1e6, NULL, NULL, "US dollars" },
	{ "keep_desktop", FIELD_BOOL, .help = "does not stop the desktop at the end" }, { 0 } };
const struct fields run_settings = { "RunSettings", setting_fields };

enum cua_status run_settings_check(const cJSON *settings, bool is_admin, struct cua_error *err)
{
	static const char *const admins[] = { "base_url", "policy" };
	const char *template = cua_json_text(settings, "template");
	for (size_t i = 0; !is_admin && i < CUA_ARRAY_LEN(admins); i++) {
		if (cua_json_member(settings, admins[i])) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0,
					"%s is an admin's to set, in the defaults of a project for "
					"one",
					admins[i]);
		}
	}
	/* A file's lines would stand in what is said of them. */
	if (!is_admin && strchr(cua_json_text(settings, "network"), '@')) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"network must be none, allow:NAME,... or open; files are an "
				"admin's to name");
	}
	if (!is_admin && strpbrk(template, "/.")) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"template must be a name; files are an admin's to name");
	}
	return CUA_OK;
}

static void add_setting(struct arguments *arguments, const cJSON *setting)
{
	const bool is_keep = strcmp(setting->string, "keep_desktop") == 0;
	arguments_add_option(arguments, is_keep ? "keep" : setting->string, setting);
}

static enum cua_status start(
		const char *id, const char *const *argv, const char *input, struct cua_error *err)
{
	const struct command command = {
		.argv = argv, .input = input, .timeout_ms = START_TIMEOUT_MS
	};
	struct command_result result;
	CUA_AUTO_FREE char *path = NULL;
	enum cua_status status = command_run(&command, &result, err);
	if (status == CUA_OK) {
		status = command_check(&result, CUA_ERR_UNAVAILABLE, err);
	}
	command_result_finish(&result);
	/* One that was begun before says so by its folder, whoever was the first. */
	if (status != CUA_OK && input && agent_runs_find(id, &path, NULL) == CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "%s has begun before", id);
	}
	return status;
}

enum cua_status run_start(const char *id, const struct run_wish *wish, struct cua_error *err)
{
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	const char *const first[] = { "cua", "run", "--detach", "--attended", "--name", id };
	const cJSON *setting = NULL;
	char workspace[1100], spares[32];
	if (!arguments) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "arguments");
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(first); i++) {
		arguments_add(arguments, first[i]);
	}
	cJSON_ArrayForEach (setting, wish->settings) {
		add_setting(arguments, setting);
	}
	if (wish->workspace) {
		snprintf(workspace, sizeof(workspace), "--workspace=%s", wish->workspace);
		arguments_add(arguments, workspace);
	}
	snprintf(spares, sizeof(spares), "--spares=%d", wish->spares);
	arguments_add(arguments, spares);
	arguments_add(arguments, "-");
	enum cua_status status = start(id, arguments->list, wish->task, err);
	free(arguments);
	return status;
}

enum cua_status run_start_again(const char *id, struct cua_error *err)
{
	const char *const argv[] = { "cua", "run", "--detach", "--attended", "--resume", id, NULL };
	return start(id, argv, NULL, err);
}

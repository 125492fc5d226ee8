#include "agent/tools/program.h"
#include "agent/tools/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define PATHS_MAX 100
/* What git says of a process that it could not start, and of a repository in a folder. */
#define CANNOT_START "cannot fork"
#define IS_LOCAL "transport 'file' not allowed"
#define SETTINGS_MAX ((size_t)256 << 10)
#define SETTINGS_PATH_MAX 4200

static const char *const commands[] = { "status", "diff", "log", "add", "commit", "push", "pull",
	NULL };

/* A command line that owns its words. */
struct line {
	char *argv[PATHS_MAX + 40];
	size_t count;
};

static void line_free(struct line *line)
{
	for (size_t i = 0; i < line->count; i++) {
		free(line->argv[i]);
	}
}

static void add(struct line *line, const char *word)
{
	if (line->count + 1 < CUA_ARRAY_LEN(line->argv)) {
		line->argv[line->count++] = strdup(word);
	}
}

static void add_all(struct line *line, const char *const *words)
{
	for (; *words; words++) {
		add(line, *words);
	}
}

/* What a repository brings along is not run: no hooks, no monitors, no filters for diffs. Nor are
 * threads and maintenance wanted, which a process that is alone cannot start. */
static void add_git(struct line *line, const struct tool_call *call)
{
	static const char *const words[] = { "git", "--no-pager", "-c", "core.hooksPath=/dev/null",
		"-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never", "-c",
		"commit.gpgSign=false", "-c", "gc.auto=0", "-c", "core.quotePath=false", "-c",
		"log.showSignature=false", "-c", "maintenance.auto=false", "-c",
		"core.preloadIndex=false", "-c", "index.threads=1", "-c",
		"diff.ignoreSubmodules=dirty", NULL };
	const char *repository = tool_string(call, "repository");
	add_all(line, words);
	if (strcmp(tool_string(call, "command"), "push") == 0) { /* to hooks of another folder */
		add(line, "-c");
		add(line, "protocol.file.allow=never");
	}
	if (repository) {
		add(line, "-C");
		add(line, repository);
	}
}

/* With what each is asked for. The settings of a nested repository are its own: none is entered. */
static const char *const spellings[][8] = {
	{ "status", "--short", "--branch", "--ignore-submodules=dirty" },
	{ "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty" },
	{ "log", "--no-color", "--no-ext-diff", "--no-textconv", "--date=iso", "--stat" },
	{ "add" },
	{ "commit" },
	{ "pull", "--ff-only", "--no-recurse-submodules" },
	{ "push", "--no-recurse-submodules" },
};

static void add_command(struct line *line, const struct tool_call *call, const char *command)
{
	char count[32];
	for (size_t i = 0; i < CUA_ARRAY_LEN(spellings); i++) {
		if (strcmp(spellings[i][0], command) == 0) {
			add_all(line, spellings[i]);
		}
	}
	if (strcmp(command, "log") == 0) {
		snprintf(count, sizeof(count), "--max-count=%d",
				tool_integer(call, "max_count", 10));
		add(line, count);
	}
	if (strcmp(command, "diff") == 0 && tool_boolean(call, "staged")) {
		add(line, "--cached");
	}
	if (strcmp(command, "commit") == 0) {
		add(line, "--message");
		add(line, tool_string(call, "message") ? tool_string(call, "message") : "");
	}
}

/* Has a component ".."; git would compare files of any folder. */
static bool leads_up(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
		if (strncmp(at, "..", 2) == 0 && (!at[2] || at[2] == '/')) {
			return true;
		}
	}
	return false;
}

/* Settings of the repository that make git run programs or look elsewhere. */
#define DANGEROUS \
	"^(filter\\.|include|gpg\\.|extensions\\.worktreeconfig|core\\.(worktree|sshcommand|" \
	"gitproxy|askpass|" \
	"alternaterefscommand)|" \
	"credential\\.|remote\\..*\\.(uploadpack|receivepack|vcs)|uploadpack\\.|url\\.)"

/* True if settings have none of their words in them, in which case git need not be asked what they
 * are. A word may stand in another setting, or the settings in another file: then it is. */
static bool is_plain(const struct cua_buffer *text)
{
	static const char *const words[] = { "filter", "include", "gpg", "worktree", "sshcommand",
		"gitproxy", "askpass", "alternaterefscommand", "credential", "uploadpack",
		"receivepack", "vcs", "[url" };
	if (text->len == 0 || strlen(text->data) != text->len) {
		return false;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		if (strcasestr(text->data, words[i])) {
			return false;
		}
	}
	return true;
}

static bool is_repository_plain(struct tool_call *call)
{
	const char *repository = tool_string(call, "repository");
	char path[SETTINGS_PATH_MAX];
	CUA_AUTO_FD int fd = -1;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, SETTINGS_MAX);
	snprintf(path, sizeof(path), "%.4000s/.git/commondir", repository ? repository : ".");
	if (tool_open(&call->world->workspace, path, O_PATH, &fd, NULL) != CUA_ERR_NOT_FOUND) {
		return false;
	}
	snprintf(path, sizeof(path), "%.4000s/.git/config", repository ? repository : ".");
	return tool_read_whole(&call->world->workspace, path, &text, NULL) == CUA_OK &&
			is_plain(&text);
}

/* The settings of the tools, which bash can write. Where the runner is not confined they are the
 * user's own, who may set what they like; those of the system are not a model's to change. */
static enum cua_status read_global(bool *ret_is_plain, struct cua_error *err)
{
	const char *path = getenv("GIT_CONFIG_GLOBAL");
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, SETTINGS_MAX);
	const enum cua_status status = path ? cua_file_read(path, &text, err) : CUA_ERR_NOT_FOUND;
	*ret_is_plain = text.len == 0 || is_plain(&text);
	return status == CUA_ERR_NOT_FOUND ? CUA_OK : status;
}

/* scope: --local or --global */
static enum cua_status check_scope(
		struct tool_call *call, const char *scope, const char *whose, struct cua_error *err)
{
	__attribute__((cleanup(line_free))) struct line line = { .count = 0 };
	const char *const words[] = { "config", scope, "--name-only", "--get-regexp", DANGEROUS,
		NULL };
	CUA_AUTO_BUFFER struct cua_buffer names;
	int code = 0;
	cua_buffer_init(&names, 65536);
	add_git(&line, call);
	add_all(&line, words);
	line.argv[line.count] = NULL;
	enum cua_status status = tool_program_run(
			call, (const char *const *)line.argv, NULL, &names, &code, err);
	if (status != CUA_OK || names.len == 0) {
		return status;
	}
	names.data[strcspn(names.data, "\n")] = '\0';
	return CUA_FAIL(err, CUA_ERR_POLICY, 0,
			"git: %s %.200s, by which programs would run or other folders be used; "
			"bash may do it",
			whose, names.data);
}

static enum cua_status check_settings(struct tool_call *call, struct cua_error *err)
{
	bool is_global_plain = false;
	enum cua_status status = read_global(&is_global_plain, err);
	if (status == CUA_OK && !is_repository_plain(call)) {
		status = check_scope(call, "--local", "the repository sets", err);
	}
	if (status == CUA_OK && !is_global_plain) {
		status = check_scope(call, "--global", "the tools' global settings have", err);
	}
	return status;
}

/* What git says then is not what stood in its way. */
static enum cua_status explain(struct tool_call *call, struct cua_error *err)
{
	if (call->is_error && strstr(call->text.data, CANNOT_START)) {
		return cua_buffer_printf(&call->text, err,
				"\n[no other program is started here, so that no nested "
				"repository's settings count. Name the files to be added; bash "
				"may do the rest]");
	}
	if (call->is_error && strstr(call->text.data, IS_LOCAL)) {
		return cua_buffer_printf(&call->text, err,
				"\n[a repository in a folder has hooks of its own, which would "
				"run; bash may push there]");
	}
	return CUA_OK;
}

static enum cua_status check(
		const struct tool_call *call, const char *command, struct cua_error *err)
{
	const cJSON *paths = cua_json_member(call->arguments, "paths"), *path = NULL;
	cJSON_ArrayForEach (path, paths) {
		if (path->valuestring[0] == '/' || leads_up(path->valuestring)) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0,
					"git: %.200s must be relative to the repository, without "
					"..",
					path->valuestring);
		}
	}
	if (strcmp(command, "commit") == 0 && !tool_string(call, "message")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "git: commit needs a message");
	}
	if (strcmp(command, "add") == 0 && cJSON_GetArraySize(paths) == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "git: add needs paths; \".\" is all");
	}
	if (strcmp(command, "push") == 0 || strcmp(command, "pull") == 0) {
		return paths ? CUA_FAIL(err, CUA_ERR_INVAL, 0, "git: %s takes no paths", command)
			     : CUA_OK;
	}
	return CUA_OK;
}

static enum cua_status run(struct tool_call *call, struct cua_error *err)
{
	const char *command = tool_string(call, "command");
	const char *repository = tool_string(call, "repository");
	const cJSON *paths = cua_json_member(call->arguments, "paths"), *path = NULL;
	__attribute__((cleanup(line_free))) struct line line = { .count = 0 };
	CUA_AUTO_FREE char *folder = NULL;
	enum cua_status status = check(call, command, err);
	if (status == CUA_OK && repository) {
		status = tool_argument_path(&call->world->workspace, repository, &folder, err);
	}
	/* Without a network git does all that it has to by itself. */
	call->is_alone = strcmp(command, "push") != 0 && strcmp(command, "pull") != 0;
	if (status == CUA_OK) {
		status = check_settings(call, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	add_git(&line, call);
	add_command(&line, call, command);
	if (cJSON_GetArraySize(paths) > 0) {
		add(&line, "--");
	}
	cJSON_ArrayForEach (path, paths) {
		add(&line, path->valuestring);
	}
	line.argv[line.count] = NULL;
	status = tool_program_tell(call, (const char *const *)line.argv, err);
	if (status == CUA_OK) {
		status = explain(call, err);
	}
	return status == CUA_OK && call->text.len == 0 ? cua_buffer_printf(&call->text, err, "done")
						       : status;
}

const struct tool tool_git = {
	.name = "git",
	.help = "Use a git repository of the workspace. Hooks are not run. push and pull need a "
		"network.",
	.place = TOOL_IN_SANDBOX,
	.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_REACHES_OUT,
	.args = { { "command", TOOL_ARG_STRING, .required = true, .max = 20, .choices = commands,
				  .help = "what to do" },
			{ "repository", TOOL_ARG_STRING, .min = 1, .max = 4096,
					.help = "its folder; the workspace if not given" },
			{ "paths", TOOL_ARG_STRINGS, .min = 0, .max = PATHS_MAX,
					.help = "relative to the repository; add needs some" },
			{ "message", TOOL_ARG_STRING, .min = 1, .max = 65536,
					.help = "of a commit" },
			{ "staged", TOOL_ARG_BOOLEAN, .help = "diff: of what was added" },
			{ "max_count", TOOL_ARG_INTEGER, .min = 1, .max = 1000,
					.help = "log: how many commits; 10 if not given" } },
	.run = run,
};

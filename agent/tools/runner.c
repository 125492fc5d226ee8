#include "agent/tools/runner.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tools/confine.h"
#include "agent/tools/family.h"
#include "agent/tools/limits.h"
#include "agent/tools/world.h"
#include "cua/base/json.h"
#include "cua/base/process.h"
#include "cua/base/sandbox.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define TEXT_MAX ((size_t)1 << 20)
#define TIMEOUT_S 30
#define SETUP_TIMEOUT_S 600
#define OPEN_FILES_MAX 1024
#define GIT_EMAIL "agent@desktop.invalid"

/* --- answers --- */

/* Plain text: what programs print may be anything. */
static char *plain(const struct cua_buffer *text)
{
	char *clean = NULL;
	size_t size = 0;
	for (size_t i = 0; i < text->len; i++) {
		text->data[i] = text->data[i] ? text->data[i] : ' ';
	}
	FILE *out = open_memstream(&clean, &size);
	if (!out) {
		return NULL;
	}
	cua_text_block(out, text->data ? text->data : "");
	return fclose(out) == 0 ? clean : NULL;
}

static cJSON *answer_of(struct tool_call *call)
{
	cJSON *answer = cJSON_CreateObject();
	cJSON *content = cJSON_AddArrayToObject(answer, "content");
	CUA_AUTO_FREE char *text = plain(&call->text);
	if (text && (text[0] || !call->images)) {
		cJSON *part = cJSON_CreateObject();
		cJSON_AddStringToObject(part, "type", "text");
		cJSON_AddStringToObject(part, "text", text);
		cJSON_AddItemToArray(content, part);
	}
	while (cJSON_GetArraySize(call->images) > 0) {
		cJSON_AddItemToArray(content, cJSON_DetachItemFromArray(call->images, 0));
	}
	cJSON_AddBoolToObject(answer, "is_error", call->is_error);
	if (call->has_exit_status) {
		cJSON_AddNumberToObject(answer, "exit_status", call->exit_status);
	}
	if (call->directory) {
		cJSON_AddStringToObject(answer, "directory", call->directory);
	}
	return answer;
}

static cJSON *refusal(const struct cua_error *why)
{
	cJSON *answer = cJSON_CreateObject();
	cJSON_AddStringToObject(answer, "code", cua_status_name(why->status));
	cJSON_AddStringToObject(answer, "message", why->msg);
	return answer;
}

/* --- calls --- */

static cJSON *run_call(struct tool_world *world, const cJSON *request)
{
	const char *name = cua_json_text(request, "tool");
	const struct tool *tool = tool_find(name);
	const int timeout_s = tool && strcmp(name, "environment_setup") == 0 ? SETUP_TIMEOUT_S
									     : TIMEOUT_S;
	struct cua_error why = { 0 };
	struct tool_call call = { .arguments = cua_json_member(request, "arguments"),
		.world = world };
	if (!tool || tool->place != TOOL_IN_SANDBOX) {
		cua_error_set(&why, CUA_ERR_NOT_FOUND, 0, "there is no tool \"%.60s\" here", name);
		return refusal(&why);
	}
	if (tool_check(tool, call.arguments, &why) != CUA_OK) {
		return refusal(&why);
	}
	world->is_cancelled = false;
	world->has_network = strcmp(cua_json_text(request, "network"), "none") != 0;
	const unsigned int full = tool_limits_look();
	call.began = tool_moment_now();
	call.deadline_us = cua_now_us() +
			(uint64_t)tool_integer(&call, "timeout_s", timeout_s) * 1000000U;
	cua_buffer_init(&call.text, TEXT_MAX);
	/* Who gives up at once may be heard together with the call. */
	const enum cua_status status = tool_is_cancelled(&call)
			? CUA_FAIL(&why, CUA_ERR_CANCELLED, 0, "the caller gave up")
			: tool->run(&call, &why);
	cJSON *answer = status == CUA_OK ? answer_of(&call) : refusal(&why);
	/* answer_of() leaves it one string. */
	tool_limits_tell(full,
			status != CUA_OK                 ? why.msg
					: call.text.data ? call.text.data
							 : "",
			answer);
	cJSON_Delete(call.images);
	free(call.directory);
	cua_buffer_finish(&call.text);
	return answer;
}

static void serve(struct tool_world *world)
{
	CUA_AUTO_JSON cJSON *request = NULL;
	struct cua_error why = { 0 };
	if (tool_link_receive(&world->link, -1, &request, &why) != CUA_OK) {
		world->is_over = true;
		return;
	}
	tool_workers_reap(world);
	if (!cua_json_member(request, "tool")) {
		return; /* a cancel that came too late */
	}
	CUA_AUTO_JSON cJSON *answer = run_call(world, request);
	tool_workers_reap(world);
	enum cua_status status = tool_link_send(&world->link, answer, &why);
	if (status == CUA_ERR_TOO_LARGE) {
		CUA_AUTO_JSON cJSON *instead = refusal(&why);
		status = tool_link_send(&world->link, instead, &why);
	}
	world->is_over = status != CUA_OK;
}

/* A control group bounds memory and processes of all tools together; where there is none, the
 * desktop has resource limits, of which each process of a tool gets half. */
static void bound_tools(void)
{
	static const int shared[] = { RLIMIT_DATA, RLIMIT_NPROC };
	static const struct cua_rlimit own[] = { { RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, OPEN_FILES_MAX } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(own); i++) {
		cua_lower_rlimit(&own[i]);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(shared); i++) {
		struct rlimit desktops;
		const __typeof__(RLIMIT_DATA) resource = shared[i];
		if (getrlimit(resource, &desktops) == 0 && desktops.rlim_cur != RLIM_INFINITY) {
			cua_lower_rlimit(&(const struct cua_rlimit){
					(int)resource, desktops.rlim_cur / 2 });
		}
	}
}

/* Settings and caches go where they may be written, and where no other program looks for its own.
 */
static void redirect(const char *home)
{
	static const struct {
		const char *name, *scheme, *leaf;
	} places[] = { { "XDG_CACHE_HOME", "", "" }, { "XDG_DATA_HOME", "", "/share" },
		{ "GIT_CONFIG_GLOBAL", "", "/gitconfig" }, { "PYTHONUSERBASE", "", "/python" },
		{ "MPLCONFIGDIR", "", "/matplotlib" }, { "npm_config_cache", "", "/npm" },
		{ "UserInstallation", "file://", "/libreoffice" } };
	for (size_t i = 0; home && i < CUA_ARRAY_LEN(places); i++) {
		char place[PATH_MAX];
		snprintf(place, sizeof(place), "%s%s/" TOOL_CACHE "%s", places[i].scheme, home,
				places[i].leaf);
		setenv(places[i].name, place, 1);
	}
	/* git commits where nobody has said who they are; any setting of theirs comes first, the
	 * name is that of the account. */
	setenv("EMAIL", GIT_EMAIL, 1);
}

/* Without a sandbox there is none either: tools may do what the user may. */
static enum cua_status confine(struct tool_world *world, struct cua_error *err)
{
	if (access(CUA_SANDBOX_PROGRAM, F_OK) != 0) {
		return CUA_OK;
	}
	redirect(getenv("HOME"));
	enum cua_status status = tool_confine(&world->workspace, err);
	if (status != CUA_ERR_UNAVAILABLE) {
		return status;
	}
	CUA_AUTO_JSON cJSON *warning = cJSON_CreateObject();
	cJSON_AddStringToObject(warning, "warning", err->msg);
	return tool_link_send(&world->link, warning, err);
}

static enum cua_status take_groups(struct tool_world *world, struct cua_error *err)
{
	char line_break;
	size_t len = 0;
	enum cua_status status =
			cua_unix_recv(world->link.fd, &line_break, 1, &len, world->group_fds, err);
	while (status == CUA_OK && world->group_fd_count < CUA_UNIX_FDS_MAX &&
			world->group_fds[world->group_fd_count] >= 0) {
		world->group_fd_count++;
	}
	return status;
}

static enum cua_status set_up(struct tool_world *world, struct cua_error *err)
{
	const char *home = getenv("HOME");
	setenv("LANG", "C.UTF-8", 0);
	setenv("TERM", "dumb", 1);
	setenv("PAGER", "cat", 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	setenv("GIT_CEILING_DIRECTORIES", home ? home : "/", 1);
	enum cua_status status = take_groups(world, err);
	if (status == CUA_OK) {
		status = tool_workspace_open(&world->workspace, err);
	}
	return status == CUA_OK ? confine(world, err) : status;
}

int tool_runner_run(int link_fd)
{
	struct tool_world world = { .link.fd = link_fd };
	struct cua_error why = { 0 };
	/* Daemons of a shell stay in this family, and end with it. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cua_forbid_tracing(); /* nor may what it starts trace it */
	bound_tools();
	signal(SIGPIPE, SIG_IGN);
	cua_buffer_init(&world.link.received, TOOL_LINK_MAX);
	if (set_up(&world, &why) != CUA_OK) {
		CUA_AUTO_JSON cJSON *answer = refusal(&why);
		return tool_link_send(&world.link, answer, NULL) == CUA_OK ? 0 : 1;
	}
	while (!world.is_over) {
		serve(&world);
	}
	tool_family_kill(&(const struct tool_family){ .head = getpid() });
	return 0;
}

/* Desktops: started, looked at, worked by hand and stopped. What is asked of one is asked of its
 * own API, which checks it: cua/contract/README.md. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/desktops.h"
#include "cua/server/arguments.h"
#include "cua/server/command.h"
#include "cua/server/desktop_screenshot.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "cua/server/workspace.h"

#define START_TIMEOUT_MS 120000
#define STOP_TIMEOUT_MS 60000
#define STATUS_TIMEOUT_MS 5000
#define ACTIONS_TIMEOUT_MS 300000 /* beyond any action */
#define TOOL_TIMEOUT_MS 700000    /* beyond the longest that a tool may take */

/* --- in and out --- */

/* Each as an option of `cua desktop start`, which checks it. --sandbox is none of them: without
 * one, applications can do what the server can. */
static const struct field new_fields[] = {
	{ "name", FIELD_TEXT, 0, 1, DESKTOP_NAME_MAX, NULL, NULL,
			"without: the first free of desktop-1, desktop-2, ..." },
	{ "project", FIELD_TEXT, 0, 1, 100, NULL, NULL, "its files are the workspace" },
	{ "size", FIELD_TEXT, 0, 3, 16, NULL, NULL, "of the screen: 1280x800" },
	{ "max_size", FIELD_TEXT, 0, 3, 16, NULL, NULL, "room for resize_screen" },
	{ "dpi", FIELD_WHOLE, 0, 96, 192 },
	{ "opengl", FIELD_BOOL, .help = "offers GLX to applications, drawn in software" },
	{ "network", FIELD_TEXT, 0, 1, 4000, NULL, NULL, "none, allow:NAME,... or open" },
	{ "memory", FIELD_TEXT, 0, 1, 16, NULL, NULL, "2G" },
	{ "cpus", FIELD_TEXT, 0, 1, 16 },
	{ "processes", FIELD_TEXT, 0, 1, 16 },
	{ "disk", FIELD_TEXT, 0, 1, 16, NULL, NULL, "of the home: 10G" },
	{ "open_files", FIELD_TEXT, 0, 1, 16 },
	{ 0 },
};
static const struct fields new_body = { "NewDesktop", new_fields };

static const struct field desktop_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "state", FIELD_TEXT, FIELD_REQUIRED, .choices = "running|detached|dead|spare",
			.help = "detached: its host is gone, and a start by its name gives it "
				"another; dead: it can only be stopped; spare: it waits in the "
				"pool" },
	{ "why", FIELD_TEXT, .help = "it is dead" },
	{ "width", FIELD_WHOLE, FIELD_REQUIRED },
	{ "height", FIELD_WHOLE, FIELD_REQUIRED },
	{ "sandbox", FIELD_TEXT, FIELD_REQUIRED, .choices = "bwrap|none" },
	{ "network", FIELD_TEXT, FIELD_REQUIRED, .choices = "none|allow|open" },
	{ "names", FIELD_TEXTS, .help = "that its network reaches, of allow" },
	{ "proxy", FIELD_TEXT, .choices = "running|ended", .help = "of allow" },
	{ "gateway", FIELD_TEXT, .choices = "running|ended", .help = "of open" },
	{ "created_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" },
	{ "lease", FIELD_TEXT, .choices = "agent|person",
			.help = "who has the input; of one alone that runs" },
	{ "viewers", FIELD_WHOLE, .help = "of one alone that runs" },
	{ "workspace", FIELD_TEXT, .help = "a folder inside; of one alone that runs" },
	{ "limits", FIELD_ANY, FIELD_REQUIRED,
			.help = "held_by, note, and of each limit: limit, used, peak" },
	{ 0 },
};
static const struct fields desktop_answer = { "Desktop", desktop_fields };

static const struct field actions_fields[] = {
	{ "actions", FIELD_ANY, FIELD_REQUIRED,
			.help = "an array: {\"action\": \"click\", \"x\": 100, \"y\": 200}" },
	{ "screenshot", FIELD_ANY, .help = "what it may be, or false" },
	{ "settle", FIELD_ANY, .help = "{\"timeout_ms\": 3000}, or false: it does not wait" },
	{ "coordinates", FIELD_ANY, .help = "[width, height] of the picture that was seen" },
	{ "keep_held", FIELD_BOOL,
			.help = "keys and buttons that are left down stay so after the request" },
	{ 0 },
};
static const struct fields actions_body = { "Actions", actions_fields };

static const struct field acted_fields[] = {
	{ "results", FIELD_ANY, FIELD_REQUIRED,
			.help = "an array: action, status, ms, and what the action answers" },
	{ "settle", FIELD_ANY },
	{ "changed", FIELD_ANY, .help = "rectangles: [x, y, width, height]" },
	{ "pointer", FIELD_ANY },
	{ "focused", FIELD_ANY, .help = "a window: id, title, class" },
	{ "new_windows", FIELD_ANY },
	{ "screen", FIELD_ANY },
	{ "screenshot", FIELD_ANY, .help = "media_type, data in base64, width, height, etag" },
	{ "withheld", FIELD_ANY, .help = "a secret may be on the screen, which is not shown" },
	{ "person_note", FIELD_TEXT, .help = "once after a person used the desktop" },
	{ 0 },
};
static const struct fields acted_answer = { "Acted", acted_fields };

static const struct field tool_fields[] = {
	{ "tool", FIELD_TEXT, FIELD_REQUIRED, 1, 100, NULL, NULL, "bash, python, read_file, ..." },
	{ "arguments", FIELD_ANY, .help = "an object: {\"command\": \"ls\"}" },
	{ 0 },
};
static const struct fields tool_body = { "ToolCall", tool_fields };

static const struct field tool_answer_fields[] = {
	{ "content", FIELD_ANY, FIELD_REQUIRED, .help = "parts as of MCP: text and image" },
	{ "is_error", FIELD_BOOL, FIELD_REQUIRED, .help = "it ran, and failed" },
	{ "exit_status", FIELD_WHOLE,
			.help = "of what bash or python ran, if it came to its own end" },
	{ "directory", FIELD_TEXT, .help = "that the shell of bash is in by now" },
	{ 0 },
};
static const struct fields tool_answer = { "ToolAnswer", tool_answer_fields };

/* --- finding --- */

/* Not one that a command could take for an option. */
static enum cua_status check_name(const char *name, struct cua_error *err)
{
	enum cua_status status = desktop_name_check(name, err);
	return status == CUA_OK && name[0] == '-'
			? CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "the name of a desktop does not begin with '-' here")
			: status;
}

static enum cua_status find(const struct request *request, struct desktop_record *ret_record,
		struct cua_error *err)
{
	enum cua_status status = check_name(request->parameters[0], err);
	return status == CUA_OK ? cua_desktop_find(request->parameters[0], ret_record, err)
				: status;
}

/* Paths of the server's machine are nobody's business. */
static void present(cJSON *desktop)
{
	cJSON_AddNumberToObject(desktop, "created_ms", cua_json_number(desktop, "created") * 1000);
	cJSON_DeleteItemFromObjectCaseSensitive(desktop, "created");
	cJSON_DeleteItemFromObjectCaseSensitive(desktop, "socket");
	cJSON_DeleteItemFromObjectCaseSensitive(desktop, "home");
}

/* --- asking one --- */

static enum cua_status find_socket(const struct request *request, char *socket_path, size_t size,
		struct cua_error *err)
{
	struct desktop_record record;
	enum cua_status status = find(request, &record, err);
	if (status == CUA_OK) {
		desktop_path(&record, "api.sock", socket_path, size);
	}
	return status;
}

static enum cua_status no_host(const struct request *request, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
			"the host of desktop %s is gone; a start by its name gives it another",
			request->parameters[0]);
}

/* What it answers is answered, also beside an error. */
static enum cua_status call(
		struct request *request, const char *target, int timeout_ms, struct cua_error *err)
{
	char socket_path[CUA_PATH_MAX + 16];
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = find_socket(request, socket_path, sizeof(socket_path), err);
	if (status != CUA_OK) {
		return status;
	}
	status = cua_http_unix_json_until(socket_path, "POST", target, request->body, timeout_ms,
			request_stop_fd(request), &answer, err);
	if (status == CUA_ERR_CLOSED && !answer) {
		return no_host(request, err);
	}
	cJSON_DeleteItemFromObjectCaseSensitive(answer, "error");
	*(status == CUA_OK ? &request->answer : &request->failed) = CUA_STEAL(answer);
	return status;
}

static enum cua_status post_actions(struct request *request, struct cua_error *err)
{
	return call(request, "/v1/actions", ACTIONS_TIMEOUT_MS, err);
}

static enum cua_status post_tool(struct request *request, struct cua_error *err)
{
	return call(request, "/v1/tools", TOOL_TIMEOUT_MS, err);
}

static enum cua_status get_screenshot(struct request *request, struct cua_error *err)
{
	char socket_path[CUA_PATH_MAX + 16];
	enum cua_status status = find_socket(request, socket_path, sizeof(socket_path), err);
	if (status == CUA_OK) {
		status = desktop_screenshot_take(request, socket_path, err);
	}
	return status == CUA_ERR_CLOSED ? no_host(request, err) : status;
}

/* --- how they stand --- */

static enum cua_status get_desktops(struct request *request, struct cua_error *err)
{
	cJSON *list = cua_desktop_list(err), *desktop = NULL;
	if (!list) {
		return err->status;
	}
	cJSON_ArrayForEach (desktop, list) {
		present(desktop);
	}
	request_answer_page(request, list, "name");
	return CUA_OK;
}

/* What only its host knows, of one that has one; it may go meanwhile. */
static void add_status(cJSON *desktop)
{
	static const char *const members[] = { "lease", "viewers", "workspace" };
	CUA_AUTO_JSON cJSON *status = NULL;
	if (strcmp(cua_json_text(desktop, "state"), "running") != 0 ||
			cua_http_unix_json(cua_json_text(desktop, "socket"), "GET", "/v1/desktop",
					NULL, STATUS_TIMEOUT_MS, &status, NULL) != CUA_OK) {
		return;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(members); i++) {
		cJSON *member = cJSON_DetachItemFromObjectCaseSensitive(status, members[i]);
		if (member) {
			cJSON_AddItemToObject(desktop, members[i], member);
		}
	}
}

static enum cua_status describe(const char *name, cJSON **ret_desktop, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = cua_desktop_list(err);
	cJSON *desktop = NULL;
	if (!list) {
		return err->status;
	}
	cJSON_ArrayForEach (desktop, list) {
		if (strcmp(cua_json_text(desktop, "name"), name) == 0) {
			*ret_desktop = cJSON_DetachItemViaPointer(list, desktop);
			add_status(*ret_desktop);
			present(*ret_desktop);
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "there is no desktop \"%s\"", name);
}

static enum cua_status get_desktop(struct request *request, struct cua_error *err)
{
	struct desktop_record record;
	enum cua_status status = find(request, &record, err);
	return status == CUA_OK ? describe(record.name, &request->answer, err) : status;
}

/* --- starting and stopping --- */

/* Files of the server's machine are not for clients to name. */
static enum cua_status check_new(const cJSON *body, struct cua_error *err)
{
	const char *name = cua_json_string(body, "name");
	if (strchr(cua_json_text(body, "network"), '@')) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"network must be none, allow:NAME,... or open");
	}
	return name ? check_name(name, err) : CUA_OK;
}

static enum cua_status add_workspace(
		const struct request *request, struct arguments *arguments, struct cua_error *err)
{
	char path[1100];
	CUA_AUTO_JSON cJSON *row = NULL;
	const char *project = cua_json_string(request->body, "project");
	if (!project) {
		return CUA_OK;
	}
	enum cua_status status =
			store_get(request->server->store, &row, err, "there is no such project",
					"SELECT id FROM projects WHERE id = ?", "s", project);
	if (status == CUA_OK) {
		status = workspace_of_project(
				request->server, cua_json_text(row, "id"), path, sizeof(path), err);
	}
	if (status == CUA_OK) {
		CUA_AUTO_JSON cJSON *value = cJSON_CreateString(path);
		arguments_add_option(arguments, "workspace", value);
	}
	return status;
}

/* Of a wrong request the command does not say which: a name that is taken is told apart here. */
static enum cua_status start_failure(const char *name, int exit_status)
{
	struct desktop_record record;
	if (exit_status != CUA_EXIT_FAILED) {
		return CUA_ERR_UNAVAILABLE;
	}
	return name && cua_desktop_find(name, &record, NULL) == CUA_OK ? CUA_ERR_EXISTS
								       : CUA_ERR_INVAL;
}

static enum cua_status start(const struct request *request, const struct arguments *arguments,
		cJSON **ret_started, struct cua_error *err)
{
	const struct command command = { .argv = arguments->list, .timeout_ms = START_TIMEOUT_MS };
	struct command_result result;
	enum cua_status status = command_run(&command, &result, err);
	if (status == CUA_OK) {
		const char *name = cua_json_string(request->body, "name");
		status = command_check(&result, start_failure(name, result.exit_status), err);
	}
	if (status == CUA_OK) {
		*ret_started = cJSON_ParseWithLength(
				result.out.data ? result.out.data : "", result.out.len);
	}
	command_result_finish(&result);
	return status;
}

/* A desktop of which nobody heard that it is there would stay for good. One that was there before,
 * and got another host, is not ours to stop. */
static enum cua_status stop_unwanted(
		struct request *request, const cJSON *started, struct cua_error *err)
{
	struct pollfd stop = { .fd = request_stop_fd(request), .events = POLLIN };
	const char *const argv[] = { "cua", "desktop", "stop", cua_json_text(started, "name"),
		NULL };
	const struct command command = { .argv = argv, .timeout_ms = STOP_TIMEOUT_MS };
	if (poll(&stop, 1, 0) <= 0 || cJSON_IsTrue(cua_json_member(started, "attached"))) {
		return CUA_OK;
	}
	enum cua_status status = command_json(&command, CUA_ERR_IO, NULL, err);
	return status == CUA_OK ? CUA_FAIL(err, CUA_ERR_CANCELLED, 0,
						  "nobody waits for the desktop any more")
				: status;
}

static enum cua_status post_desktop(struct request *request, struct cua_error *err)
{
	const char *const first[] = { "cua", "desktop", "start", "--json" };
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	CUA_AUTO_JSON cJSON *started = NULL;
	const cJSON *option = NULL;
	if (!arguments) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "arguments");
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(first); i++) {
		arguments_add(arguments, first[i]);
	}
	cJSON_ArrayForEach (option, request->body) {
		if (strcmp(option->string, "project") != 0) {
			arguments_add_option(arguments, option->string, option);
		}
	}
	enum cua_status status = check_new(request->body, err);
	if (status == CUA_OK) {
		status = add_workspace(request, arguments, err);
	}
	if (status == CUA_OK) {
		status = start(request, arguments, &started, err);
	}
	free(arguments);
	if (status == CUA_OK) {
		status = describe(cua_json_text(started, "name"), &request->answer, err);
	}
	return status == CUA_OK ? stop_unwanted(request, started, err) : status;
}

static enum cua_status delete_desktop(struct request *request, struct cua_error *err)
{
	struct desktop_record record;
	const char *const argv[] = { "cua", "desktop", "stop", record.name, NULL };
	const struct command command = { .argv = argv, .timeout_ms = STOP_TIMEOUT_MS };
	enum cua_status status = find(request, &record, err);
	return status == CUA_OK ? command_json(&command, CUA_ERR_IO, NULL, err) : status;
}

static enum cua_status reset_desktop(struct request *request, struct cua_error *err)
{
	struct desktop_record record;
	const char *const argv[] = { "cua", "desktop", "reset", record.name, NULL };
	const struct command command = { .argv = argv,
		.timeout_ms = STOP_TIMEOUT_MS + START_TIMEOUT_MS };
	enum cua_status status = find(request, &record, err);
	if (status == CUA_OK) {
		status = command_json(&command, CUA_ERR_UNAVAILABLE, NULL, err);
	}
	return status == CUA_OK ? describe(record.name, &request->answer, err) : status;
}

static const struct route table[] = {
	{ "GET", "/v1/desktops", "listDesktops", "All desktops", SCOPE_WATCH, ROUTE_LIST,
			&list_query, NULL, &desktop_answer, 0, get_desktops },
	{ "POST", "/v1/desktops", "startDesktop",
			"Starts one, or gives one that lost its host another", SCOPE_ACT, 0, NULL,
			&new_body, &desktop_answer, 201, post_desktop },
	{ "GET", "/v1/desktops/{desktop}", "getDesktop", "How one stands", SCOPE_WATCH, 0, NULL,
			NULL, &desktop_answer, 0, get_desktop },
	{ "DELETE", "/v1/desktops/{desktop}", "stopDesktop",
			"Ends all that runs on it and removes its files", SCOPE_ACT, 0, NULL, NULL,
			NULL, 0, delete_desktop },
	{ "POST", "/v1/desktops/{desktop}/reset", "resetDesktop",
			"Stops it and starts it anew, as it was started, with a fresh home",
			SCOPE_ACT, 0, NULL, NULL, &desktop_answer, 0, reset_desktop },
	{ "POST", "/v1/desktops/{desktop}/actions", "actOnDesktop",
			"Clicks, types, looks; 423 while a person has the input", SCOPE_ACT,
			ROUTE_LARGE, NULL, &actions_body, &acted_answer, 0, post_actions },
	{ "GET", "/v1/desktops/{desktop}/screenshot", "takeScreenshot", "The screen as a picture",
			SCOPE_WATCH, ROUTE_FILE, &desktop_screenshot_query, NULL, NULL, 0,
			get_screenshot },
	{ "POST", "/v1/desktops/{desktop}/tools", "callTool",
			"Runs a tool inside: a shell, Python, files", SCOPE_ACT, ROUTE_LARGE, NULL,
			&tool_body, &tool_answer, 0, post_tool },
};
const struct routes desktop_routes = ROUTES("desktops", "Computers that runs work on", table);

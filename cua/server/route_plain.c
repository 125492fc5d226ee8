/* /run-terminal, /run-python, /run-browser: one answer of one tool, on a desktop that is there for
 * it alone and gone with it. By GET only where the server was told so, and never by a cookie. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/plain_desktop.h"
#include "cua/server/routes.h"

#define AT_ONCE_MAX 4
#define RETRY_AFTER_S 2
#define CMD_MAX 30000 /* with every quote as four bytes it is an argument of a program still */
#define TIME_MAX_S 600
#define TIME_S 30
#define BROWSER_TIME_S 60
#define BROWSER_SETTLE_S 10
#define ANSWER_SLACK_MS 15000 /* for a tool to end what runs longer than its time */

/* --- in and out --- */

#define COMMON_FIELDS \
	{ "timeout_s", FIELD_WHOLE, 0, 1, TIME_MAX_S, NULL, NULL, \
		"then it is ended; 30 without, 60 of a browser" }, \
	{ \
		"network", FIELD_TEXT, 0, 1, 4000, NULL, NULL, \
				"none, allow:NAME,... or open; none without" \
	}

static const struct field terminal_fields[] = {
	{ "cmd", FIELD_TEXT, 0, 1, CMD_MAX, NULL, NULL, "for bash" },
	COMMON_FIELDS,
	{ 0 },
};
static const struct fields terminal_in = { "RunTerminal", terminal_fields };

static const struct field python_fields[] = {
	{ "code", FIELD_TEXT, 0, 1, REQUEST_BODY_MAX, NULL, NULL, "of Python" },
	COMMON_FIELDS,
	{ 0 },
};
static const struct fields python_in = { "RunPython", python_fields };

static const struct field browser_fields[] = {
	{ "url", FIELD_TEXT, 0, 1, 32000, NULL, NULL, "http, https, file, data or about" },
	{ "screenshot", FIELD_BOOL, .help = "a picture of the screen as well" },
	COMMON_FIELDS,
	{ 0 },
};
static const struct fields browser_in = { "RunBrowser", browser_fields };

static const struct field ran_fields[] = {
	{ "output", FIELD_TEXT, FIELD_REQUIRED,
			.help = "what it printed, errors with it; of more than 30 KB the middle "
				"is left out" },
	{ "exit_status", FIELD_WHOLE, FIELD_REQUIRED, .help = "of Python 1 for an exception" },
	{ "images", FIELD_ANY, .help = "that Python showed: type, mimeType, data in base64" },
	{ 0 },
};
static const struct fields ran_out = { "Ran", ran_fields };

static const struct field browsed_fields[] = {
	{ "title", FIELD_TEXT, FIELD_REQUIRED, .help = "of the browser's window" },
	{ "text", FIELD_TEXT, FIELD_REQUIRED, .help = "the screen in words, as read_screen tells" },
	{ "screenshot", FIELD_TEXT, .help = "PNG in base64" },
	{ 0 },
};
static const struct fields browsed_out = { "Browsed", browsed_fields };

/* Query and body as one object, the caller's. */
static enum cua_status take_arguments(const struct request *request, const char *wanted,
		cJSON **ret_arguments, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *arguments =
			request->body ? cJSON_Duplicate(request->body, true) : cJSON_CreateObject();
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, request->query) {
		if (cua_json_member(arguments, member->string)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"%s is in the query and in the body: give it once",
					member->string);
		}
		cJSON_AddItemToObject(arguments, member->string, cJSON_Duplicate(member, true));
	}
	if (!cua_json_member(arguments, wanted)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is missing, in the query or the body",
				wanted);
	}
	*ret_arguments = CUA_STEAL(arguments);
	return CUA_OK;
}

static int time_s(const cJSON *arguments, int without)
{
	const int given = cua_json_int(arguments, "timeout_s");
	return given > 0 ? given : without;
}

/* --- who may --- */

/* A link or a picture on any page makes a browser send a GET: only who has a token in hand. */
static enum cua_status check_method(struct request *request, struct cua_error *err)
{
	const char *method = request->head->method;
	const bool is_get = strcmp(method, "GET") == 0;
	if (strcmp(method, "POST") == 0 ||
			(is_get && request->server->options->plain_get &&
					!request->caller.is_session)) {
		return CUA_OK;
	}
	if (is_get && request->server->options->plain_get) {
		request->http_status = 403;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"GET runs nothing for a cookie: send a token, Authorization: "
				"Bearer TOKEN");
	}
	request->http_status = 405;
	(void)!cua_buffer_printf(&request->headers, NULL, "allow: POST%s\r\n",
			request->server->options->plain_get ? ", GET" : "");
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s runs nothing here: use POST%s", method,
			is_get ? ", or start the server with cua serve --plain-get" : "");
}

/* --- asking a desktop of its own --- */

struct question {
	const char *target;
	cJSON *body;
	int timeout_ms;
};

static enum cua_status ask_fresh(struct request *request, const struct question *question,
		const char *network, cJSON **ret_answer, struct cua_error *err)
{
	struct plain_desktop desktop;
	enum cua_status status = plain_desktop_start(request->server, network, &desktop, err);
	if (status == CUA_OK) {
		status = cua_http_unix_json_until(desktop.socket_path, "POST", question->target,
				question->body, question->timeout_ms, request_stop_fd(request),
				ret_answer, err);
	}
	plain_desktop_stop(request->server, &desktop);
	if (status == CUA_ERR_CANCELLED) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"its client hung up, or the server is ending");
	}
	return status;
}

/* Each has a thread and a desktop: a few at once. */
static enum cua_status ask(struct request *request, const struct question *question,
		const char *network, cJSON **ret_answer, struct cua_error *err)
{
	atomic_int *running = &request->server->plain_running;
	enum cua_status status = CUA_OK;
	if (atomic_fetch_add(running, 1) < AT_ONCE_MAX) {
		status = ask_fresh(request, question, network, ret_answer, err);
	} else {
		(void)!cua_buffer_printf(
				&request->headers, NULL, "retry-after: %d\r\n", RETRY_AFTER_S);
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"%d requests of this kind run already; ask again later",
				AT_ONCE_MAX);
	}
	atomic_fetch_sub(running, 1);
	return status;
}

/* --- programs --- */

/* As a program of its own: exit ends that, and not the shell of the tool with its status. The
 * caller's. */
static char *command_of(const char *cmd)
{
	static const char before[] = "bash -c '", quote[] = "'\\''";
	char *command = malloc(sizeof(before) + 4 * strlen(cmd) + 2);
	if (!command) {
		return NULL;
	}
	char *end = stpcpy(command, before);
	for (; *cmd; cmd++) {
		if (*cmd == '\'') {
			end = stpcpy(end, quote);
		} else {
			*end++ = *cmd;
		}
	}
	strcpy(end, "'");
	return command;
}

/* What the tool says of the status is told in a member of its own. */
static void cut_status(char *text, int exit_status)
{
	char mark[40];
	const int len = snprintf(mark, sizeof(mark), "[exit status %d]", exit_status);
	const size_t text_len = strlen(text);
	if (exit_status != 0 && text_len >= (size_t)len &&
			strcmp(text + text_len - (size_t)len, mark) == 0) {
		char *end = text + text_len - (size_t)len;
		end -= end > text && end[-1] == '\n';
		*end = '\0';
	}
}

static cJSON *output_of(const cJSON *said)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cJSON *output = cJSON_CreateObject(), *part = NULL;
	cJSON *images = cJSON_CreateArray();
	cua_buffer_init(&text, (size_t)1 << 20);
	cJSON_ArrayForEach (part, cua_json_member(said, "content")) {
		char *words = cJSON_GetStringValue(cua_json_member(part, "text"));
		if (words) {
			cut_status(words, cua_json_int(said, "exit_status"));
			(void)!cua_buffer_printf(&text, NULL, "%s%s", text.len ? "\n" : "", words);
		} else {
			cJSON_AddItemToArray(images, cJSON_Duplicate(part, true));
		}
	}
	cJSON_AddStringToObject(output, "output", text.data ? text.data : "");
	if (images->child) {
		cJSON_AddItemToObject(output, "images", images);
	} else {
		cJSON_Delete(images);
	}
	return output;
}

static enum cua_status run_tool(struct request *request, const char *tool, const cJSON *wanted,
		cJSON *arguments, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject(), *said = NULL;
	const int timeout_s = time_s(wanted, TIME_S);
	cJSON_AddNumberToObject(arguments, "timeout_s", timeout_s);
	cJSON_AddStringToObject(body, "tool", tool);
	cJSON_AddItemToObject(body, "arguments", arguments);
	const struct question question = { "/v1/tools", body, timeout_s * 1000 + ANSWER_SLACK_MS };
	const uint64_t began_us = cua_now_us();
	enum cua_status status =
			ask(request, &question, cua_json_string(wanted, "network"), &said, err);
	if (status != CUA_OK) {
		return status;
	}
	const cJSON *exit_status = cua_json_member(said, "exit_status");
	cJSON *output = output_of(said);
	if (cJSON_IsNumber(exit_status)) {
		cJSON_AddNumberToObject(output, "exit_status", exit_status->valueint);
		request->answer = output;
		return CUA_OK;
	}
	/* What it had printed is told beside the error. */
	request->failed = output;
	if (cua_now_us() - began_us >= (uint64_t)timeout_s * 1000000) {
		return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
				"it ran longer than %d s and was ended; timeout_s gives it up to "
				"%d",
				timeout_s, TIME_MAX_S);
	}
	request->http_status = 502; /* nothing that asking again would mend */
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
			"what ran it ended before it, and has told no exit status");
}

static enum cua_status run_terminal(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *wanted = NULL;
	enum cua_status status = check_method(request, err);
	if (status == CUA_OK) {
		status = take_arguments(request, "cmd", &wanted, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_FREE char *command = command_of(cua_json_text(wanted, "cmd"));
	if (!command) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "command");
	}
	cJSON *arguments = cJSON_CreateObject();
	cJSON_AddStringToObject(arguments, "command", command);
	return run_tool(request, "bash", wanted, arguments, err);
}

static enum cua_status run_python(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *wanted = NULL;
	enum cua_status status = check_method(request, err);
	if (status == CUA_OK) {
		status = take_arguments(request, "code", &wanted, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON *arguments = cJSON_CreateObject();
	cJSON_AddStringToObject(arguments, "code", cua_json_text(wanted, "code"));
	return run_tool(request, "python", wanted, arguments, err);
}

/* --- the browser --- */

/* Opens it, and reads what is there when the screen has come to rest. */
static cJSON *visit(const cJSON *wanted, int timeout_s)
{
	cJSON *body = cJSON_CreateObject();
	cJSON *actions = cJSON_AddArrayToObject(body, "actions");
	cJSON *open = cJSON_CreateObject(), *read = cJSON_CreateObject();
	const int settle_s = timeout_s < BROWSER_SETTLE_S ? timeout_s : BROWSER_SETTLE_S;
	cJSON_AddStringToObject(open, "action", "open_url");
	cJSON_AddStringToObject(open, "url", cua_json_text(wanted, "url"));
	cJSON_AddStringToObject(read, "action", "read_screen");
	cJSON_AddItemToArray(actions, open);
	cJSON_AddItemToArray(actions, read);
	cJSON *settle = cJSON_AddObjectToObject(body, "settle");
	cJSON_AddNumberToObject(settle, "timeout_ms", settle_s * 1000);
	if (cJSON_IsTrue(cua_json_member(wanted, "screenshot"))) {
		cJSON_AddObjectToObject(body, "screenshot");
	} else {
		cJSON_AddFalseToObject(body, "screenshot");
	}
	return body;
}

static cJSON *page_of(const cJSON *acted)
{
	cJSON *page = cJSON_CreateObject();
	const cJSON *read = cJSON_GetArrayItem(cua_json_member(acted, "results"), 1);
	const char *picture = cua_json_string(cua_json_member(acted, "screenshot"), "data");
	cJSON_AddStringToObject(
			page, "title", cua_json_text(cua_json_member(acted, "focused"), "title"));
	cJSON_AddStringToObject(page, "text", cua_json_text(read, "text"));
	if (picture) {
		cJSON_AddStringToObject(page, "screenshot", picture);
	}
	return page;
}

static enum cua_status run_browser(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *wanted = NULL, *body = NULL, *acted = NULL;
	enum cua_status status = check_method(request, err);
	if (status == CUA_OK) {
		status = take_arguments(request, "url", &wanted, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	const int timeout_s = time_s(wanted, BROWSER_TIME_S);
	body = visit(wanted, timeout_s);
	const struct question question = { "/v1/actions", body, timeout_s * 1000 };
	status = ask(request, &question, cua_json_string(wanted, "network"), &acted, err);
	if (status == CUA_OK) {
		request->answer = page_of(acted);
	}
	return status;
}

#define BOTH(path, name, get_name, summary, in, out, handle) \
	{ "POST", path, name, summary, SCOPE_ACT, 0, &(in), &(in), &(out), 0, handle }, \
	{ \
		"GET", path, get_name, summary ", with --plain-get", SCOPE_ACT, 0, &(in), NULL, \
				&(out), 0, handle \
	}

static const struct route table[] = {
	BOTH("/run-terminal", "runTerminal", "runTerminalByGet",
			"Runs a command in a fresh sandbox", terminal_in, ran_out, run_terminal),
	BOTH("/run-python", "runPython", "runPythonByGet", "Runs Python in a fresh sandbox",
			python_in, ran_out, run_python),
	BOTH("/run-browser", "runBrowser", "runBrowserByGet",
			"Opens a page in the browser of a fresh sandbox", browser_in, browsed_out,
			run_browser),
};
const struct routes plain_routes =
		ROUTES("plain", "One answer of one tool in a fresh sandbox", table);

#include "cua/api/desktop_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define CUA_LOG_MODULE "host.tools"
#include "cua/api/desktop_request.h"
#include "cua/api/reply.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/paths.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/desktop_limits.h"
#include "display/session_client.h"

#define PROGRAM "cua-tool-runner"
#define MESSAGE_MAX ((size_t)24 << 20)
#define START_TIMEOUT_MS 5000
#define QUEUE_MAX 64
#define END_WAIT_MS 5000
#define ACT_MAX_LEN ((size_t)1 << 20)
/* Unread by the runner. */
#define UNREAD_MAX ((size_t)64 << 20)
/* A call that was given up ends by itself within some seconds. */
#define END_TIMEOUT_MS 15000
/* A person may be asked meanwhile, and all other calls wait. */
#define HELD_MAX_MS 300000

struct call {
	struct cua_http_exchange *exchange; /* NULL: nobody waits any more, or it is held */
	char *request;                      /* owned; the line for the runner */
	char tool[64];                      /* its name, for who waits */
	uint64_t begun_us;                  /* 0: it waits */
	bool is_judged;                     /* its caller is asked before a script acts */
	unsigned long connection;           /* of its caller */
	char *held;       /* owned; an act that waits for the caller's word; NULL: none */
	uint64_t held_us; /* since when */
	TAILQ_ENTRY(call) link;
};

struct desktop_tools {
	uv_loop_t *loop;
	const struct desktop_record *record;
	struct desktop_tools_handler handler;
	uv_pipe_t *link; /* to the runner; NULL while there is none */
	int session_fd;  /* as long as it is open, the runner runs */
	struct cua_buffer received;
	uv_timer_t end_timer;           /* runs while a call that was given up has not ended */
	uv_timer_t held_timer;          /* runs while an act is held */
	struct desktop_reached reached; /* before the call under way */
	int act;                        /* number of the act under way; 0: none */
	double waited_ms;               /* it was held so long */
	TAILQ_HEAD(, call) calls;       /* the first is under way */
	int count;
};

struct message {
	uv_write_t write;
	char *text; /* owned */
};

static void next_call(struct desktop_tools *tools);
static void lose(struct desktop_tools *tools);

/* --- answers --- */

/* What was reached in the call under way, the runner's word with it; "": nothing was. */
static void explain(const struct desktop_tools *tools, cJSON *answer, char *words, size_t size)
{
	CUA_AUTO_JSON cJSON *told = cJSON_DetachItemFromObjectCaseSensitive(answer, "reached");
	desktop_limits_explain(tools->record, &tools->reached, told, words, size);
}

/* With a last word about limits that the call ran into; NULL: there is none. The caller frees. */
static char *add_reached(const struct desktop_tools *tools, const char *text)
{
	char words[512];
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(text);
	explain(tools, answer, words, sizeof(words));
	cJSON *content = cua_json_member(answer, "content");
	if (!words[0] || !cJSON_IsArray(content)) {
		return NULL;
	}
	cJSON *part = cJSON_CreateObject();
	cJSON_AddStringToObject(part, "type", "text");
	cJSON_AddStringToObject(part, "text", words);
	cJSON_AddItemToArray(content, part);
	return cJSON_PrintUnformatted(answer);
}

/* Of the first call; text: what the runner said, NULL: why it said nothing. */
static void end_call(struct desktop_tools *tools, const char *text, const struct cua_error *why)
{
	struct call *call = TAILQ_FIRST(&tools->calls);
	tools->act = 0;
	uv_timer_stop(&tools->end_timer);
	uv_timer_stop(&tools->held_timer);
	TAILQ_REMOVE(&tools->calls, call, link);
	tools->count--;
	if (call->exchange && text) {
		CUA_AUTO_FREE char *longer = add_reached(tools, text);
		api_reply_text(call->exchange, 200, longer ? longer : text);
	} else if (call->exchange) {
		api_reply_error(call->exchange, why, -1);
	}
	free(call->request);
	free(call->held);
	free(call);
	tools->handler.on_over(tools->handler.user_data);
}

/* --- the runner --- */

static void on_link_closed(uv_handle_t *handle)
{
	free(handle);
}

static void hang_up(struct desktop_tools *tools)
{
	if (tools->link) {
		uv_close((uv_handle_t *)CUA_STEAL(tools->link), on_link_closed);
	}
	cua_closep(&tools->session_fd); /* the session kills the process */
	tools->session_fd = -1;
	cua_buffer_finish(&tools->received);
}

static void lose(struct desktop_tools *tools)
{
	struct cua_error why;
	cua_error_set(&why, CUA_ERR_CLOSED, 0,
			"the tools of this desktop ended unexpectedly; the next call starts them "
			"anew, without the shell's and Python's variables");
	hang_up(tools);
	desktop_limits_kill_tools(tools->record); /* what it would have ended */
	if (!TAILQ_EMPTY(&tools->calls)) {
		end_call(tools, NULL, &why);
		next_call(tools);
	}
}

static void on_end_timer(uv_timer_t *timer)
{
	cua_log_warn("a tool did not end when it was told to; all tools are ended");
	lose(timer->data);
}

static void on_sent(uv_write_t *write, int status)
{
	struct message *message = write->data;
	(void)status; /* a broken link is read as its end */
	free(message->text);
	free(message);
}

/* text: taken over. */
static void send_line(struct desktop_tools *tools, char *text)
{
	struct message *message = calloc(1, sizeof(*message));
	const bool is_unread = tools->link &&
			uv_stream_get_write_queue_size((uv_stream_t *)tools->link) > UNREAD_MAX;
	if (!message || !tools->link || is_unread) {
		free(text);
		free(message);
		return;
	}
	message->text = text;
	message->write.data = message;
	static char line_break[] = "\n"; /* libuv does not copy */
	const uv_buf_t parts[] = { uv_buf_init(text, (unsigned int)strlen(text)),
		uv_buf_init(line_break, 1) };
	if (uv_write(&message->write, (uv_stream_t *)tools->link, parts, 2, on_sent) != 0) {
		on_sent(&message->write, 0);
	}
}

/* The call under way is to end; nobody waits for its answer. */
static void give_up(struct desktop_tools *tools)
{
	send_line(tools, strdup("{\"cancel\":true}"));
	uv_timer_start(&tools->end_timer, on_end_timer, END_TIMEOUT_MS, 0);
	tools->handler.on_over(tools->handler.user_data);
}

/* Nobody says whether what is held may be done. */
static void drop_held(struct desktop_tools *tools)
{
	uv_timer_stop(&tools->held_timer);
	free(CUA_STEAL(TAILQ_FIRST(&tools->calls)->held));
	give_up(tools);
}

static void on_held_timer(uv_timer_t *timer)
{
	cua_log_warn("a script has waited %d s for leave to act, and is ended", HELD_MAX_MS / 1000);
	drop_held(timer->data);
}

/* All that an act does and shows: the picture after it, too, which is there unless it is false. */
static cJSON *to_judge(const char *body)
{
	CUA_AUTO_JSON cJSON *request = cJSON_Parse(body);
	cJSON *actions = cJSON_DetachItemFromObjectCaseSensitive(request, "actions");
	cJSON *shot = cJSON_DetachItemFromObjectCaseSensitive(request, "screenshot");
	if (!cJSON_IsFalse(shot)) {
		cJSON *look = cJSON_IsObject(shot) ? CUA_STEAL(shot) : cJSON_CreateObject();
		cJSON_AddStringToObject(look, "action", "screenshot");
		cJSON_AddItemToArray(actions, look);
	}
	cJSON_Delete(shot);
	return actions;
}

/* The caller's request is answered with what the script is about to do, which cannot be exchanged
 * any more; desktop_tools_judged() goes on. */
static void hold(struct desktop_tools *tools, struct call *call, char **body)
{
	CUA_AUTO_FREE char *error = NULL;
	tools->handler.on_check(*body, strlen(*body), &error, tools->handler.user_data);
	if (error) {
		desktop_tools_acted(tools, tools->act, error);
		return;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *act = cJSON_AddObjectToObject(json, "act");
	cJSON_AddNumberToObject(act, "number", tools->act);
	cJSON_AddItemToObject(act, "actions", to_judge(*body));
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	if (!text) {
		lose(tools);
		return;
	}
	call->held = CUA_STEAL(*body);
	call->held_us = cua_now_us();
	uv_timer_start(&tools->held_timer, on_held_timer, HELD_MAX_MS, 0);
	api_reply_text(CUA_STEAL(call->exchange), 200, text);
}

static void act(struct desktop_tools *tools, const cJSON *json, const cJSON *request)
{
	struct call *call = TAILQ_FIRST(&tools->calls);
	const int number = cua_json_int(json, "number");
	CUA_AUTO_FREE char *body = cJSON_PrintUnformatted(request);
	/* The sandbox speaks here: whoever does not keep to the protocol is no runner. */
	if (!call || tools->act != 0 || number <= 0 || !body || strlen(body) > ACT_MAX_LEN) {
		lose(tools);
		return;
	}
	tools->act = number;
	tools->waited_ms = 0;
	if (!call->exchange) {
		desktop_tools_acted(
				tools, number, "{\"error\":{\"message\":\"the caller gave up\"}}");
	} else if (call->is_judged) {
		hold(tools, call, &body);
	} else {
		tools->handler.on_act(number, body, strlen(body), tools->handler.user_data);
	}
}

/* Whole lines: a script acts, or the call is over. */
static void on_line(struct desktop_tools *tools, const char *line)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(line);
	const cJSON *acts = cua_json_member(json, "act");
	const char *code = cua_json_string(json, "code");
	const char *warning = cua_json_string(json, "warning");
	const struct call *call = TAILQ_FIRST(&tools->calls);
	if (warning) {
		cua_log_warn("tools can open all of the desktop's home: %.200s", warning);
	} else if (acts) {
		act(tools, json, acts);
	} else if (code && call) {
		const enum cua_status said = cua_status_from_name(code);
		struct cua_error why;
		char words[256];
		explain(tools, json, words, sizeof(words));
		cua_error_set(&why, said == CUA_OK ? CUA_ERR_APP : said, 0, "%.480s%s%s",
				cua_json_text(json, "message"), words[0] ? "\n" : "", words);
		end_call(tools, NULL, &why);
		next_call(tools);
	} else if (cJSON_IsObject(json) && call) {
		end_call(tools, line, NULL);
		next_call(tools);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
	(void)handle;
	*ret_buffer = uv_buf_init(malloc(suggested), (unsigned int)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct desktop_tools *tools = stream->data;
	CUA_AUTO_FREE char *bytes = buffer->base;
	if (got < 0 ||
			(got > 0 &&
					cua_buffer_append(&tools->received, bytes, (size_t)got,
							NULL) != CUA_OK)) {
		lose(tools);
		return;
	}
	char *end;
	while (tools->received.len > 0 &&
			(end = memchr(tools->received.data, '\n', tools->received.len))) {
		*end = '\0';
		CUA_AUTO_FREE char *line = strdup(tools->received.data);
		cua_buffer_consume(&tools->received, (size_t)(end - tools->received.data) + 1);
		if (line) {
			on_line(tools, line);
		}
		if (tools->link != (uv_pipe_t *)stream) {
			return; /* lost meanwhile */
		}
	}
}

/* What tools run is in groups of its own; the runner is not, so that it gets its processor time and
 * its processes whatever they do. */
static enum cua_status give_groups(
		const struct desktop_tools *tools, int socket, struct cua_error *err)
{
	int fds[CUA_CGROUP_KINDS], count = 0;
	enum cua_status status = desktop_limits_open_tools(tools->record, fds, &count, err);
	if (status == CUA_OK) {
		status = cua_unix_send(socket, "\n", 1, fds, count, err);
	}
	while (count > 0) {
		cua_closep(&fds[--count]);
	}
	return status;
}

/* In the sandbox, by the session; its file goes in as a descriptor, as the reader's does. */
static enum cua_status start(struct desktop_tools *tools, struct cua_error *err)
{
	int pair[2];
	char path[CUA_PATH_MAX];
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (cua_program_path(PROGRAM, path, sizeof(path), NULL) != CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the program " PROGRAM " is missing; it belongs beside cua");
	}
	CUA_AUTO_FD int program_fd = open(path, O_RDONLY | O_CLOEXEC);
	CUA_AUTO_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (program_fd < 0 || null_fd < 0 ||
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "link to the tools");
	}
	CUA_AUTO_FD int theirs = pair[1];
	CUA_AUTO_FD int ours = pair[0];
	const int fds[] = { theirs, null_fd, null_fd, program_fd };
	cJSON_AddItemToArray(cJSON_AddArrayToObject(request, "argv"), cJSON_CreateString(PROGRAM));
	enum cua_status status = session_request_fds(tools->record, request, fds,
			(int)CUA_ARRAY_LEN(fds), &tools->session_fd, err);
	if (status == CUA_OK) {
		status = session_answer(tools->session_fd, START_TIMEOUT_MS, &answer, err);
	}
	if (status == CUA_OK) {
		status = give_groups(tools, ours, err);
	}
	tools->link = status == CUA_OK ? calloc(1, sizeof(*tools->link)) : NULL;
	if (!tools->link) {
		hang_up(tools);
		cua_error_prefix(err, "the tools do not start");
		return status != CUA_OK ? status : CUA_ERR_NOMEM;
	}
	uv_pipe_init(tools->loop, tools->link, 0);
	tools->link->data = tools;
	uv_pipe_open(tools->link, cua_steal_fd(&ours));
	cua_buffer_init(&tools->received, MESSAGE_MAX);
	uv_read_start((uv_stream_t *)tools->link, on_alloc, on_read);
	return CUA_OK;
}

/* --- calls --- */

static void next_call(struct desktop_tools *tools)
{
	struct cua_error why = { 0 };
	struct call *call = TAILQ_FIRST(&tools->calls);
	if (!call) {
		return;
	}
	if (!tools->link && start(tools, &why) != CUA_OK) {
		cua_log_warn("%s", why.msg);
		/* For all: to try again for each would take its time each. */
		while (!TAILQ_EMPTY(&tools->calls)) {
			end_call(tools, NULL, &why);
		}
		return;
	}
	desktop_limits_read(tools->record, &tools->reached);
	call->begun_us = cua_now_us();
	send_line(tools, CUA_STEAL(call->request));
}

/* The body is {"tool": NAME, "arguments": {...}, "judged": bool}; the runner checks the rest. */
static enum cua_status line_of(const struct desktop_tools *tools,
		const struct cua_http_exchange *exchange, char **ret_line, struct call *ret_call,
		struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_Parse(exchange->body.data ? exchange->body.data : "");
	CUA_AUTO_JSON cJSON *line = cJSON_CreateObject();
	const char *name = cua_json_string(body, "tool");
	const cJSON *arguments = cua_json_member(body, "arguments");
	const cJSON *judged = cua_json_member(body, "judged");
	if (!name || cJSON_GetArraySize(body) != 1 + (arguments ? 1 : 0) + (judged ? 1 : 0) ||
			(arguments && !cJSON_IsObject(arguments)) ||
			(judged && !cJSON_IsBool(judged))) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the body must be {\"tool\": NAME, \"arguments\": {...}, "
				"\"judged\": true or false}, of which tool is needed");
	}
	ret_call->is_judged = cJSON_IsTrue(judged);
	snprintf(ret_call->tool, sizeof(ret_call->tool), "%s", name);
	cJSON_AddStringToObject(line, "tool", name);
	cJSON_AddItemToObject(line, "arguments",
			arguments ? cJSON_Duplicate(arguments, true) : cJSON_CreateObject());
	cJSON_AddStringToObject(line, "network",
			tools->record->settings.sandboxed
					? desktop_network_name(&tools->record->settings)
					: "open");
	*ret_line = cJSON_PrintUnformatted(line);
	return *ret_line ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

void desktop_tools_call(struct desktop_tools *tools, struct cua_http_exchange *exchange)
{
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *line = NULL;
	struct call *call = NULL,
		    read = { .exchange = exchange, .connection = exchange->connection };
	enum cua_status status = line_of(tools, exchange, &line, &read, &why);
	if (status == CUA_OK && tools->count >= QUEUE_MAX) {
		status = CUA_FAIL(&why, CUA_ERR_UNAVAILABLE, 0, "%d calls are waiting already",
				QUEUE_MAX);
	}
	if (status == CUA_OK) {
		call = calloc(1, sizeof(*call));
	}
	if (!call) {
		api_reply_error(exchange, &why, -1);
		return;
	}
	*call = read;
	call->request = CUA_STEAL(line);
	TAILQ_INSERT_TAIL(&tools->calls, call, link);
	if (tools->count++ == 0) {
		next_call(tools);
	}
}

void desktop_tools_tell(const struct desktop_tools *tools, struct cua_http_exchange *exchange)
{
	const struct call *call = TAILQ_FIRST(&tools->calls);
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	if (call) {
		cJSON *running = cJSON_AddObjectToObject(json, "running");
		cJSON_AddStringToObject(running, "tool", call->tool);
		cJSON_AddNumberToObject(
				running, "ms", (double)((cua_now_us() - call->begun_us) / 1000));
		cJSON_AddBoolToObject(running, "held", call->held != NULL);
	}
	cJSON_AddNumberToObject(json, "waiting", tools->count > 0 ? tools->count - 1 : 0);
	api_reply_json(exchange, 200, json);
}

bool desktop_tools_gone(struct desktop_tools *tools, const struct cua_http_exchange *exchange)
{
	struct call *call = NULL;
	TAILQ_FOREACH(call, &tools->calls, link)
	{
		if (call->exchange == exchange) {
			break;
		}
	}
	if (!call) {
		return false;
	}
	/* Releases it; nobody reads that. */
	api_reply_text(CUA_STEAL(call->exchange), 200, "{}");
	if (call == TAILQ_FIRST(&tools->calls)) {
		give_up(tools);
	} else {
		TAILQ_REMOVE(&tools->calls, call, link);
		tools->count--;
		free(call->request);
		free(call);
	}
	return true;
}

void desktop_tools_closed(struct desktop_tools *tools, unsigned long connection)
{
	struct call *call = TAILQ_FIRST(&tools->calls);
	if (call && call->held && call->connection == connection) {
		drop_held(tools);
	}
}

/* The body is {"number": N, "allowed": true}, or {"number": N, "allowed": false, "reason": WHY}:
 * leave is what says so, and never what leaves something out. */
static enum cua_status read_word(const struct cua_http_exchange *exchange, int *ret_number,
		bool *ret_allowed, char *reason, size_t size, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_Parse(exchange->body.data ? exchange->body.data : "");
	const cJSON *number = cua_json_member(body, "number");
	const cJSON *allowed = cua_json_member(body, "allowed");
	const cJSON *why = cua_json_member(body, "reason");
	const bool is_yes = cJSON_IsTrue(allowed);
	if (!cJSON_IsNumber(number) || number->valuedouble != number->valueint ||
			!cJSON_IsBool(allowed) || cJSON_IsString(why) == is_yes ||
			cJSON_GetArraySize(body) != (is_yes ? 2 : 3)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the body must be {\"number\": N, \"allowed\": true}, or "
				"{\"number\": N, \"allowed\": false, \"reason\": WHY}");
	}
	*ret_number = number->valueint;
	*ret_allowed = is_yes;
	snprintf(reason, size, "%s", is_yes ? "" : why->valuestring);
	return CUA_OK;
}

void desktop_tools_judged(struct desktop_tools *tools, struct cua_http_exchange *exchange)
{
	struct call *call = TAILQ_FIRST(&tools->calls);
	struct cua_error why = { 0 };
	char reason[sizeof(why.msg)];
	int number = 0;
	bool is_allowed = false;
	enum cua_status status =
			read_word(exchange, &number, &is_allowed, reason, sizeof(reason), &why);
	if (status == CUA_OK &&
			(!call || !call->held || call->connection != exchange->connection ||
					number != tools->act)) {
		status = CUA_FAIL(&why, CUA_ERR_NOT_FOUND, 0,
				"no script of this connection waits for leave to do this; one that "
				"gets no word for %d s is ended",
				HELD_MAX_MS / 1000);
	}
	if (status != CUA_OK) {
		api_reply_error(exchange, &why, -1);
		return;
	}
	CUA_AUTO_FREE char *act_body = CUA_STEAL(call->held);
	uv_timer_stop(&tools->held_timer);
	call->exchange = exchange;
	tools->waited_ms = (double)(cua_now_us() - call->held_us) / 1000.0;
	if (is_allowed) {
		tools->handler.on_act(
				tools->act, act_body, strlen(act_body), tools->handler.user_data);
		return;
	}
	cua_error_set(&why, CUA_ERR_POLICY, 0, "%s", reason);
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(&why, -1);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	desktop_tools_acted(tools, tools->act, text ? text : "{}");
}

/* Without its link it ends its family, and then itself, which the session tells. */
void desktop_tools_stop(struct desktop_tools *tools, const struct cua_error *why)
{
	if (!tools->link) {
		return;
	}
	hang_up(tools);
	desktop_limits_kill_tools(tools->record);
	while (!TAILQ_EMPTY(&tools->calls)) {
		end_call(tools, NULL, why);
	}
}

enum cua_status desktop_tools_end(struct desktop_tools *tools, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (!tools->link) {
		return CUA_OK;
	}
	if (!TAILQ_EMPTY(&tools->calls)) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "a tool is running on this desktop");
	}
	uv_close((uv_handle_t *)CUA_STEAL(tools->link), on_link_closed);
	enum cua_status status = session_answer(tools->session_fd, END_WAIT_MS, &answer, err);
	hang_up(tools);
	return status;
}

void desktop_tools_acted(struct desktop_tools *tools, int number, const char *answer)
{
	char *line = NULL;
	if (number != tools->act) {
		return; /* of a call that is over */
	}
	tools->act = 0;
	if (asprintf(&line, "{\"acted\":%s,\"number\":%d,\"waited_ms\":%.0f}", answer, number,
			    tools->waited_ms) >= 0) {
		send_line(tools, line);
	}
}

enum cua_status desktop_tools_create(uv_loop_t *loop, const struct desktop_record *record,
		const struct desktop_tools_handler *handler, struct desktop_tools **ret_tools,
		struct cua_error *err)
{
	struct desktop_tools *tools = calloc(1, sizeof(*tools));
	if (!tools) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "tools");
	}
	*tools = (struct desktop_tools){
		.loop = loop, .record = record, .handler = *handler, .session_fd = -1
	};
	TAILQ_INIT(&tools->calls);
	uv_timer_init(loop, &tools->end_timer);
	uv_timer_init(loop, &tools->held_timer);
	tools->end_timer.data = tools->held_timer.data = tools;
	*ret_tools = tools;
	return CUA_OK;
}

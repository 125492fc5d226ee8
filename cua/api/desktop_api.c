#include "cua/api/desktop_api.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <uv.h>

#define CUA_LOG_MODULE "host"
#include "cua/api/desktop_changes.h"
#include "cua/api/desktop_control.h"
#include "cua/api/desktop_lease.h"
#include "cua/api/desktop_stream.h"
#include "cua/api/desktop_thread.h"
#include "cua/api/desktop_tools.h"
#include "cua/api/desktop_vnc.h"
#include "cua/api/reply.h"
#include "cua/base/http_server.h"
#include "cua/base/log.h"
#include "cua/base/process.h"
#include "cua/base/sandbox.h"
#include "cua/base/util.h"
#include "display/desktop_end.h"
#include "display/desktop_limits.h"

#define BODY_MAX_LEN ((size_t)16 << 20) /* a picture for the clipboard */
/* Input that a caller asked to keep down is released after so long without a request. */
#define HELD_MAX_MS 60000
#define WATCH_MS 1000
/* The longest that a working X server says nothing, with much to spare. */
#define STUCK_MS 8000

/* Scripts of the tools, as the connection that an input belongs to; sockets count from 1. */
#define TOOLS_CONNECTION (~0UL)

static const char *const kept_headers[] = { "if-none-match", NULL };

struct host {
	struct desktop_record record;
	uv_loop_t loop;
	uv_signal_t term_signal, child_signal;
	uv_timer_t held_timer, watch_timer;
	int jobs; /* submitted and not done */
	struct cua_http_server *server;
	struct desktop_thread *thread;
	struct desktop_streams *streams;
	struct desktop_vnc *vnc;
	struct desktop_tools *tools;
	struct desktop_job *tool_job; /* of a tool's script, until it is done; NULL */
	struct desktop_lease *lease;
	struct desktop_changes *changes;
};

/* --- jobs --- */

/* An X server that hangs would hang the display's thread with it, and every request. */
static void on_watch(uv_timer_t *timer)
{
	struct host *host = timer->data;
	if (desktop_thread_break_if_stuck(host->thread, WATCH_MS, STUCK_MS)) {
		cua_log_error("the X server has said nothing for %d s, hung up on it",
				STUCK_MS / 1000);
		desktop_end_note_silence(&host->record, STUCK_MS / 1000);
	}
}

static void submit(struct host *host, struct desktop_job *job, struct cua_http_exchange *exchange)
{
	job->exchange = exchange;
	if (exchange) {
		job->connection = exchange->connection;
		exchange->user_data = job;
	}
	if (host->jobs++ == 0) {
		uv_timer_start(&host->watch_timer, on_watch, WATCH_MS, WATCH_MS);
	}
	desktop_thread_submit(host->thread, job);
}

static struct desktop_job *job_for(struct cua_http_exchange *exchange, enum desktop_job_kind kind)
{
	struct desktop_job *job = desktop_job_create(kind);
	if (!job && exchange) {
		const struct cua_error error = { CUA_ERR_NOMEM, ENOMEM, "out of memory" };
		api_reply_error(exchange, &error, -1);
	}
	return job;
}

static void release_held(struct host *host, unsigned long connection)
{
	struct desktop_job *job = job_for(NULL, DESKTOP_JOB_RELEASE);
	if (job) {
		job->connection = connection;
		submit(host, job, NULL);
	}
}

static void on_held_too_long(uv_timer_t *timer)
{
	struct host *host = timer->data;
	cua_log_warn("a button was down for %d s without a request, released", HELD_MAX_MS / 1000);
	release_held(host, 0);
}

/* The list of desktops tells the size, and the next host must not change it. */
static void note_size(struct host *host)
{
	const struct cua_point screen = desktop_thread_screen(host->thread);
	struct cua_error error = { 0 };
	if (screen.x == host->record.settings.width_px &&
			screen.y == host->record.settings.height_px) {
		return;
	}
	host->record.settings.width_px = screen.x;
	host->record.settings.height_px = screen.y;
	if (desktop_record_write_host(&host->record, &error) != CUA_OK) {
		cua_log_warn("%s", error.msg);
	}
}

static void on_job_done(struct desktop_job *job, void *user_data)
{
	struct host *host = user_data;
	note_size(host);
	if (job->exchange) {
		if (!job->is_answered) {
			desktop_job_answer(job);
		}
		cua_http_end(job->exchange);
	}
	if (job->act > 0) {
		host->tool_job = job == host->tool_job ? NULL : host->tool_job;
		desktop_tools_acted(host->tools, job->act, job->body.data ? job->body.data : "{}");
	}
	if (job->kind == DESKTOP_JOB_STREAM_OPEN || job->kind == DESKTOP_JOB_STREAM_CLOSE) {
		desktop_streams_job_done(job);
	}
	if (--host->jobs == 0) {
		uv_timer_stop(&host->watch_timer);
	}
	if (!desktop_thread_holds_input(host->thread)) {
		uv_timer_stop(&host->held_timer);
	} else if (job->kind == DESKTOP_JOB_ACTIONS) {
		uv_timer_start(&host->held_timer, on_held_too_long, HELD_MAX_MS, 0);
	}
	desktop_job_destroy(job);
}

/* --- routes --- */

static void post_actions(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error = { 0 };
	int index = -1;
	struct desktop_job *job = job_for(exchange, DESKTOP_JOB_ACTIONS);
	if (!job) {
		return;
	}
	enum cua_status status = desktop_request_parse(
			exchange->body.data ? exchange->body.data : "", exchange->body.len,
			desktop_thread_screen(host->thread), &job->request, &index, &error);
	if (exchange->body.len > 0) {
		explicit_bzero(exchange->body.data, exchange->body.len); /* it may hold secrets */
	}
	if (status == CUA_OK && job->request.secrets.count > 0) {
		/* What a tool has started could read the screen or the keys, or have put up the
		 * window. */
		status = desktop_tools_end(host->tools, &error);
	}
	if (status != CUA_OK) {
		desktop_job_destroy(job);
		api_reply_error(exchange, &error, index);
		return;
	}
	submit(host, job, exchange);
}

static void get_screenshot(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error = { 0 };
	struct desktop_job *job = job_for(exchange, DESKTOP_JOB_SCREENSHOT);
	if (!job) {
		return;
	}
	snprintf(job->if_none_match, sizeof(job->if_none_match), "%s",
			cua_http_header(&exchange->head, "if-none-match"));
	if (desktop_shot_parse(exchange->head.query, desktop_thread_screen(host->thread),
			    &job->shot, &error) != CUA_OK) {
		desktop_job_destroy(job);
		api_reply_error(exchange, &error, -1);
		return;
	}
	submit(host, job, exchange);
}

static void get_desktop(struct host *host, struct cua_http_exchange *exchange)
{
	const struct cua_point screen = desktop_thread_screen(host->thread);
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "name", host->record.name);
	cJSON_AddNumberToObject(json, "width", screen.x);
	cJSON_AddNumberToObject(json, "height", screen.y);
	cJSON_AddStringToObject(
			json, "sandbox", host->record.settings.sandboxed ? "bwrap" : "none");
	desktop_record_refresh_network(&host->record); /* another proxy may have been started */
	desktop_network_describe(&host->record, json);
	cJSON_AddNumberToObject(json, "host_pid", getpid());
	cJSON_AddStringToObject(json, "lease", desktop_lease_holder(host->lease));
	cJSON_AddNumberToObject(json, "viewers", desktop_thread_viewers(host->thread));
	cJSON_AddStringToObject(json, "home", host->record.home);
	if (host->record.settings.workspace[0]) {
		cJSON_AddStringToObject(json, "workspace_folder", host->record.settings.workspace);
	}
	char workspace[CUA_PATH_MAX + 16];
	snprintf(workspace, sizeof(workspace), "%s/workspace",
			host->record.settings.sandboxed ? CUA_SANDBOX_HOME : host->record.home);
	cJSON_AddStringToObject(json, "workspace", workspace);
	cJSON_AddItemToObject(json, "limits", desktop_limits_describe(&host->record));
	api_reply_json(exchange, 200, json);
}

static void get_actions(struct host *host, struct cua_http_exchange *exchange)
{
	(void)host;
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	cJSON *actions = cJSON_AddObjectToObject(json, "actions");
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = &cua_action_table[i];
		cJSON *action = cJSON_AddObjectToObject(actions, spec->name);
		cJSON_AddStringToObject(action, "description", spec->help);
		cJSON_AddItemToObject(action, "parameters", cua_action_schema(spec));
	}
	api_reply_json(exchange, 200, json);
}

/* --- take-over --- */

static void submit_order(struct host *host, struct cua_http_exchange *exchange,
		const struct control_order *asked, bool is_plain)
{
	struct desktop_order *order = calloc(1, sizeof(*order));
	if (!order) {
		const struct cua_error error = { CUA_ERR_NOMEM, ENOMEM, "out of memory" };
		api_reply_error(exchange, &error, -1);
		return;
	}
	order->order = *asked;
	order->exchange = exchange;
	order->is_plain = is_plain;
	desktop_thread_order(host->thread, order);
}

static void post_control(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error = { 0 };
	struct control_order order;
	if (desktop_control_parse(exchange->body.data ? exchange->body.data : "",
			    exchange->body.len, &order, &error) != CUA_OK) {
		api_reply_error(exchange, &error, -1);
		return;
	}
	submit_order(host, exchange, &order, false);
}

static void post_resume(struct host *host, struct cua_http_exchange *exchange)
{
	const struct control_order order = desktop_control_resume();
	submit_order(host, exchange, &order, true);
}

static void on_ordered(struct desktop_order *order, void *user_data)
{
	(void)user_data;
	desktop_control_answer(order);
}

/* What a person has the desktop for: in private nothing may look on, else nothing new begins. */
static enum cua_status check_person(const struct host *host, bool acts, struct cua_error *err)
{
	if (desktop_thread_is_private(host->thread)) {
		return CUA_FAIL(err, CUA_ERR_PERSON, 0,
				"a person has desktop %s in private: nothing on it is shown, told "
				"or "
				"done until it is given back",
				host->record.name);
	}
	return acts && desktop_thread_person_holds(host->thread)
			? CUA_FAIL(err, CUA_ERR_PERSON, 0,
					  "a person has the input of desktop %s, and tools wait "
					  "until "
					  "it comes back; with cua resume it does",
					  host->record.name)
			: CUA_OK;
}

static void post_vnc(struct host *host, struct cua_http_exchange *exchange)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(exchange->body.data ? exchange->body.data : "{}");
	const cJSON *listen = cJSON_GetObjectItemCaseSensitive(json, "listen");
	const bool none = !listen || cJSON_IsNull(listen);
	if (!cJSON_IsObject(json) || cJSON_GetArraySize(json) != (listen ? 1 : 0) ||
			(!none &&
					(!cJSON_IsNumber(listen) || listen->valuedouble < 0 ||
							listen->valuedouble > 65535 ||
							listen->valuedouble != listen->valueint))) {
		struct cua_error error;
		cua_error_set(&error, CUA_ERR_INVAL, 0,
				"listen must be null or a port, 0 to 65535 (0: any)");
		api_reply_error(exchange, &error, -1);
		return;
	}
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (desktop_vnc_listen(host->vnc, none ? -1 : listen->valueint, &answer, &error) !=
			CUA_OK) {
		api_reply_error(exchange, &error, -1);
		return;
	}
	api_reply_json(exchange, 200, answer);
}

/* --- tools --- */

static void post_tools(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error = { 0 };
	if (check_person(host, true, &error) != CUA_OK) {
		api_reply_error(exchange, &error, -1);
		return;
	}
	if (desktop_thread_withholds(host->thread)) {
		cua_error_set(&error, CUA_ERR_POLICY, 0,
				"a secret can be seen on this desktop, and tools wait until it "
				"cannot: leave the field, or close its window");
		api_reply_error(exchange, &error, -1);
		return;
	}
	desktop_tools_call(host->tools, exchange);
}

static void get_tools(struct host *host, struct cua_http_exchange *exchange)
{
	desktop_tools_tell(host->tools, exchange);
}

static void post_tools_act(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error = { 0 };
	if (check_person(host, false, &error) != CUA_OK) {
		api_reply_error(exchange, &error, -1); /* the call has ended */
		return;
	}
	desktop_tools_judged(host->tools, exchange);
}

static void on_tools_check(const char *body, size_t len, char **ret_error, void *user_data)
{
	struct desktop_request request = { 0 };
	struct cua_error error = { 0 };
	int index = -1;
	const struct host *host = user_data;
	if (desktop_script_parse(body, len, desktop_thread_screen(host->thread), &request, &index,
			    &error) != CUA_OK) {
		CUA_AUTO_JSON cJSON *json = cua_http_error_json(&error, index);
		*ret_error = cJSON_PrintUnformatted(json);
	}
	desktop_request_finish(&request);
}

static void on_tools_act(int number, const char *body, size_t len, void *user_data)
{
	struct host *host = user_data;
	struct cua_error error = { 0 };
	int index = -1;
	struct desktop_job *job = job_for(NULL, DESKTOP_JOB_ACTIONS);
	enum cua_status status = job
			? desktop_script_parse(body, len, desktop_thread_screen(host->thread),
					  &job->request, &index, &error)
			: CUA_FAIL(&error, CUA_ERR_NOMEM, ENOMEM, "action");
	if (status == CUA_OK) {
		job->act = number;
		host->tool_job = job;
		job->connection = TOOLS_CONNECTION;
		submit(host, job, NULL);
		return;
	}
	desktop_job_destroy(job);
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(&error, index);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	desktop_tools_acted(host->tools, number, text ? text : "{}");
}

static void on_tools_over(void *user_data)
{
	struct host *host = user_data;
	if (host->tool_job) {
		desktop_thread_cancel(host->thread, host->tool_job);
	}
	release_held(host, TOOLS_CONNECTION);
}

/* --- frames --- */

static void get_frames(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error;
	(void)host;
	cua_error_set(&error, CUA_ERR_INVAL, 0, "%s is a WebSocket: ask for an upgrade",
			exchange->head.path);
	CUA_AUTO_JSON cJSON *json = cua_http_error_json(&error, -1);
	api_reply_json(exchange, 426, json);
}

static enum cua_status on_stream(
		struct cua_http_stream *stream, void *user_data, struct cua_error *err)
{
	struct host *host = user_data;
	if (strcmp(stream->head.path, "/v1/frames") != 0) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s is no WebSocket", stream->head.path);
	}
	const enum cua_status status = check_person(host, false, err);
	return status == CUA_OK ? desktop_streams_open(host->streams, stream, err) : status;
}

static void get_changes(struct host *host, struct cua_http_exchange *exchange)
{
	struct cua_error error;
	if (check_person(host, false, &error) != CUA_OK) {
		api_reply_error(exchange, &error, -1);
		return;
	}
	desktop_changes_begin(host->changes, exchange);
}

static bool is_of_changes(const struct cua_http_stream *stream)
{
	return strcmp(stream->head.path, "/v1/changes") == 0;
}

static void on_stream_drained(struct cua_http_stream *stream, void *user_data)
{
	(void)user_data;
	(is_of_changes(stream) ? desktop_changes_drained : desktop_streams_drained)(stream);
}

static void on_stream_closed(struct cua_http_stream *stream, void *user_data)
{
	(void)user_data;
	(is_of_changes(stream) ? desktop_changes_closed : desktop_streams_closed)(stream);
}

static void submit_stream_job(struct desktop_job *job, void *user_data)
{
	submit(user_data, job, NULL);
}

static void get_lease(struct host *host, struct cua_http_exchange *exchange)
{
	desktop_lease_get(host->lease, exchange);
}

static void get_control(struct host *host, struct cua_http_exchange *exchange)
{
	desktop_lease_get_control(host->lease, exchange);
}

/* --- dispatch --- */

static const struct {
	const char *method, *path;
	void (*handle)(struct host *host, struct cua_http_exchange *exchange);
} routes[] = {
	{ "POST", "/v1/actions", post_actions },
	{ "GET", "/v1/actions", get_actions },
	{ "GET", "/v1/screenshot", get_screenshot },
	{ "GET", "/v1/desktop", get_desktop },
	{ "GET", "/v1/frames", get_frames },
	{ "GET", "/v1/changes", get_changes },
	{ "GET", "/v1/lease", get_lease },
	{ "GET", "/v1/control", get_control },
	{ "POST", "/v1/control", post_control },
	{ "POST", "/v1/resume", post_resume },
	{ "GET", "/v1/tools", get_tools },
	{ "POST", "/v1/tools", post_tools },
	{ "POST", "/v1/tools/act", post_tools_act },
	{ "POST", "/v1/vnc", post_vnc },
};

static void on_request(struct cua_http_exchange *exchange, void *user_data)
{
	struct cua_error error;
	bool path_known = false;
	for (size_t i = 0; i < CUA_ARRAY_LEN(routes); i++) {
		if (strcmp(routes[i].path, exchange->head.path) != 0) {
			continue;
		}
		path_known = true;
		if (strcmp(routes[i].method, exchange->head.method) == 0) {
			routes[i].handle(user_data, exchange);
			return;
		}
	}
	if (path_known) {
		cua_error_set(&error, CUA_ERR_INVAL, 0, "%s has no method %s", exchange->head.path,
				exchange->head.method);
		CUA_AUTO_JSON cJSON *json = cua_http_error_json(&error, -1);
		api_reply_json(exchange, 405, json);
		return;
	}
	cua_error_set(&error, CUA_ERR_NOT_FOUND, 0, "no such path: %s", exchange->head.path);
	api_reply_error(exchange, &error, -1);
}

static void on_gone(struct cua_http_exchange *exchange, void *user_data)
{
	struct host *host = user_data;
	if (desktop_tools_gone(host->tools, exchange)) {
		return;
	}
	if (exchange->user_data) {
		desktop_thread_cancel(host->thread, exchange->user_data);
	} else {
		desktop_lease_look(host->lease);
	}
}

static void on_close(unsigned long connection, void *user_data)
{
	struct host *host = user_data;
	desktop_tools_closed(host->tools, connection);
	release_held(host, connection);
}

static void on_people(void *user_data)
{
	struct host *host = user_data;
	struct cua_error why;
	if (desktop_thread_is_cut_off(host->thread)) {
		cua_log_error("the X server has closed the connection; another host can attach");
		uv_stop(&host->loop);
	}
	/* What a tool has started could look at the screen. */
	if (host->tools && check_person(host, false, &why) != CUA_OK) {
		desktop_tools_stop(host->tools, &why);
	}
	if (host->lease) {
		desktop_lease_look(host->lease);
	}
}

static void on_news(unsigned int news, void *user_data)
{
	struct host *host = user_data;
	desktop_changes_tell(host->changes, news);
}

/* --- the vnc process --- */

static void on_link(int fd, struct cua_process_id process, void *user_data)
{
	struct host *host = user_data;
	struct cua_error error = { 0 };
	struct desktop_job *job = job_for(NULL, DESKTOP_JOB_LINK);
	if (!job) {
		close(fd);
		return;
	}
	job->link_fd = fd;
	submit(host, job, NULL);
	host->record.vnc = process;
	if (desktop_record_write_host(&host->record, &error) != CUA_OK) {
		cua_log_warn("%s", error.msg);
	}
}

static void on_child(uv_signal_t *handle, int number)
{
	(void)number;
	struct host *host = handle->data;
	int wait_status = 0;
	for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
		desktop_vnc_child_ended(host->vnc, pid, wait_status);
	}
}

/* --- life --- */

static void on_term(uv_signal_t *handle, int number)
{
	(void)number;
	uv_stop(&((struct host *)handle->data)->loop);
}

static void init_handles(struct host *host)
{
	uv_loop_init(&host->loop);
	uv_signal_init(&host->loop, &host->term_signal);
	uv_signal_init(&host->loop, &host->child_signal);
	uv_timer_init(&host->loop, &host->held_timer);
	uv_timer_init(&host->loop, &host->watch_timer);
	host->term_signal.data = host->child_signal.data = host;
	host->held_timer.data = host->watch_timer.data = host;
	uv_signal_start(&host->term_signal, on_term, SIGTERM);
	uv_signal_start(&host->child_signal, on_child, SIGCHLD);
}

static enum cua_status host_start(struct host *host, struct cua_error *err)
{
	const struct desktop_thread_handler thread_handler = { on_job_done, on_ordered, on_people,
		on_news, host };
	const struct desktop_vnc_handler vnc_handler = { on_link, host };
	const struct cua_http_handler handler = { .on_request = on_request,
		.on_gone = on_gone,
		.on_close = on_close,
		.on_stream = on_stream,
		.on_stream_drained = on_stream_drained,
		.on_stream_closed = on_stream_closed,
		.user_data = host };
	char path[CUA_PATH_MAX + 16];
	desktop_path(&host->record, "api.sock", path, sizeof(path));
	enum cua_status status = desktop_thread_create(
			&host->loop, &host->record, &thread_handler, &host->thread, err);
	if (status == CUA_OK) {
		status = desktop_lease_create(&host->loop, host->thread, &host->lease, err);
	}
	if (status == CUA_OK) {
		status = desktop_changes_create(&host->loop, host->thread, &host->changes, err);
	}
	if (status == CUA_OK) {
		status = desktop_streams_create(&host->loop, host->thread, submit_stream_job, host,
				&host->streams, err);
	}
	if (status == CUA_OK) {
		const struct desktop_tools_handler tools = { on_tools_check, on_tools_act,
			on_tools_over, host };
		status = desktop_tools_create(
				&host->loop, &host->record, &tools, &host->tools, err);
	}
	if (status == CUA_OK) {
		const struct cua_http_listen listen = {
			.unix_path = path, .headers = kept_headers, .max_body_len = BODY_MAX_LEN
		};
		status = cua_http_server_create(&host->loop, &listen, &handler, &host->server, err);
	}
	if (status == CUA_OK) {
		status = desktop_vnc_create(
				&host->loop, &host->record, &vnc_handler, &host->vnc, err);
	}
	if (status == CUA_OK) {
		host->record.host = cua_process_identify(getpid());
		host->record.vnc = (struct cua_process_id){ 0 };
		status = desktop_record_write_host(&host->record, err);
	}
	return status;
}

int desktop_host_run(const struct desktop_record *record, int ready_fd)
{
	/* libuv's signal handler, which the end of any child calls, needs the loop until exit. */
	static struct host host;
	struct cua_error error = { 0 };
	host.record = *record;
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	init_handles(&host);
	if (host_start(&host, &error) != CUA_OK) {
		CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "error", error.msg);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
		dprintf(ready_fd, "%s\n", text ? text : "{}");
		return 1;
	}
	dprintf(ready_fd, "{\"ready\": true}\n");
	close(ready_fd);
	cua_log_info("desktop %s is up", record->name);
	uv_run(&host.loop, UV_RUN_DEFAULT);

	/* Stopping: release what is down first; the rest ends with the process. */
	const bool joined = desktop_thread_stop(host.thread);
	cua_log_info("desktop %s: host ends%s", record->name,
			joined ? "" : ", the X server does not answer");
	char path[CUA_PATH_MAX + 16];
	desktop_path(&host.record, "api.sock", path, sizeof(path));
	unlink(path);
	desktop_vnc_leave(host.vnc);
	return 0;
}

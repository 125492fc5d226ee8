#include "cua/server/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/desktops.h"
#include "cua/server/desktop_control.h"
#include "cua/server/server.h"
#include "display/session_client.h"

#define TERMINALS_MAX 64
#define TERMINALS_PER_TOKEN 16
#define READ_LEN 16384
#define INPUT_MAX ((size_t)1 << 20) /* that the client has sent, and the shell not yet read */
#define SIZE_MAX_LEN 256            /* of a text message */
#define START_TIMEOUT_MS 10000
#define REST_MS 300  /* what was written before the end comes so soon */
#define REST_MAX 100 /* times: a client that does not read is not waited for without end */

/* RFC 6455, 7.4.1 */
#define CLOSE_NORMAL 1000
#define CLOSE_PROTOCOL 1002
#define CLOSE_FAILED 1011

/* Lives until its stream is closed, its thread is done and its handles are. */
struct terminal {
	struct stream_face face;
	struct server *server;
	struct cua_http_stream *stream; /* NULL: closed */
	struct ticket_grant grant;
	uv_work_t work;
	bool is_starting, has_begun;
	struct cua_error error; /* of the start */
	int fd, session_fd;     /* -1: not there */
	uv_poll_t io, session;
	uv_timer_t rest;
	int rests;
	int handles;            /* that are open */
	bool is_drained;        /* the client has all that was sent */
	bool is_listening;      /* to the client */
	bool is_silent;         /* nobody has the terminal any more */
	bool has_ended;         /* the shell; what it wrote may be still to come */
	int exit_status;        /* then */
	int columns, rows;      /* that the client asked for since; 0: none */
	struct cua_buffer in;   /* for the shell */
	struct cua_buffer text; /* a text message, begun */
};

/* --- its life --- */

static void release(struct terminal *terminal)
{
	if (terminal->stream || terminal->is_starting || terminal->handles > 0) {
		return;
	}
	/* The session hangs up on the shell, and the kernel on what is in its foreground. */
	cua_closep(&terminal->fd);
	cua_closep(&terminal->session_fd);
	cua_buffer_finish(&terminal->in);
	cua_buffer_finish(&terminal->text);
	terminal->server->terminals--;
	free(terminal);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct terminal *terminal = handle->data;
	terminal->handles--;
	release(terminal);
}

static void close_handles(struct terminal *terminal)
{
	uv_handle_t *const handles[] = { (uv_handle_t *)&terminal->io,
		(uv_handle_t *)&terminal->session, (uv_handle_t *)&terminal->rest };
	for (size_t i = 0; terminal->handles > 0 && i < CUA_ARRAY_LEN(handles); i++) {
		if (!uv_is_closing(handles[i])) {
			uv_close(handles[i], on_handle_closed);
		}
	}
}

static void end(struct terminal *terminal, int code, const char *reason)
{
	if (terminal->stream) {
		cua_http_stream_close_with(terminal->stream, code, reason);
	}
	close_handles(terminal);
}

/* What it wrote is out. */
static void end_with_shell(struct terminal *terminal)
{
	char reason[32];
	snprintf(reason, sizeof(reason), "exit %d", terminal->exit_status);
	end(terminal, CLOSE_NORMAL, reason);
}

/* --- from the shell, and to it --- */

static void watch_io(struct terminal *terminal);

static bool is_open(const struct terminal *terminal)
{
	return terminal->stream && terminal->handles > 0 &&
			!uv_is_closing((const uv_handle_t *)&terminal->io);
}

static void read_some(struct terminal *terminal)
{
	char bytes[READ_LEN];
	struct cua_error error = { 0 };
	const ssize_t len = read(terminal->fd, bytes, sizeof(bytes));
	if (len <= 0) {
		terminal->is_silent = len == 0 || (errno != EAGAIN && errno != EINTR);
		return;
	}
	terminal->is_drained = false;
	if (cua_http_stream_send(terminal->stream, false, bytes, (size_t)len, &error) != CUA_OK) {
		end(terminal, CLOSE_FAILED, error.msg);
	}
}

static void write_some(struct terminal *terminal)
{
	while (terminal->in.len > 0) {
		const ssize_t len = write(terminal->fd, terminal->in.data, terminal->in.len);
		if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		}
		/* Nobody will read it. */
		cua_buffer_consume(&terminal->in, len < 0 ? terminal->in.len : (size_t)len);
	}
}

static void on_io(uv_poll_t *io, int status, int events)
{
	struct terminal *terminal = io->data;
	if (!is_open(terminal)) {
		return;
	}
	if (status < 0 || events & UV_WRITABLE) {
		write_some(terminal);
	}
	if (terminal->is_drained && (status < 0 || events & UV_READABLE)) {
		read_some(terminal);
	}
	if (terminal->is_silent && terminal->has_ended) {
		end_with_shell(terminal);
	}
	watch_io(terminal);
}

static void watch_io(struct terminal *terminal)
{
	if (!is_open(terminal)) {
		return;
	}
	const int events = (terminal->is_drained && !terminal->is_silent ? UV_READABLE : 0) |
			(terminal->in.len > 0 ? UV_WRITABLE : 0);
	const bool listens = terminal->in.len < READ_LEN;
	if (listens != terminal->is_listening) {
		terminal->is_listening = listens;
		cua_http_stream_listen(terminal->stream, listens);
	}
	if (events) {
		uv_poll_start(&terminal->io, events, on_io);
	} else {
		uv_poll_stop(&terminal->io);
	}
}

/* Others may have the terminal still, whom nobody waits for. */
static void on_rest(uv_timer_t *timer)
{
	struct terminal *terminal = timer->data;
	if (terminal->is_drained || ++terminal->rests >= REST_MAX) {
		end_with_shell(terminal);
	}
}

/* The shell has ended, or its session has. What it wrote comes first. */
static void on_session(uv_poll_t *poll, int status, int events)
{
	struct terminal *terminal = poll->data;
	CUA_AUTO_JSON cJSON *answer = NULL;
	struct cua_error error = { 0 };
	(void)status, (void)events;
	uv_poll_stop(poll);
	if (session_answer(terminal->session_fd, 0, &answer, &error) != CUA_OK) {
		end(terminal, CLOSE_FAILED, error.msg);
		return;
	}
	terminal->exit_status = cua_json_member(answer, "signal")
			? 128 + cua_json_int(answer, "signal")
			: cua_json_int(answer, "exit");
	terminal->has_ended = true;
	if (terminal->is_silent) {
		end_with_shell(terminal);
	} else {
		uv_timer_start(&terminal->rest, on_rest, REST_MS, REST_MS);
	}
}

/* --- the start --- */

static void set_size(const struct terminal *terminal)
{
	const struct winsize cells = { .ws_row = (unsigned short)terminal->rows,
		.ws_col = (unsigned short)terminal->columns };
	if (terminal->rows > 0 && terminal->fd >= 0) {
		(void)ioctl(terminal->fd, TIOCSWINSZ, &cells);
	}
}

/* As its user would have it. */
static cJSON *shell_request(const struct terminal *terminal)
{
	static const char *const words[] = { "env", "TERM=xterm-256color", "COLORTERM=truecolor",
		"sh", "-c", "exec \"$(command -v bash || command -v sh)\" -i" };
	cJSON *request = cJSON_CreateObject();
	cJSON *argv = cJSON_AddArrayToObject(request, "argv");
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		cJSON_AddItemToArray(argv, cJSON_CreateString(words[i]));
	}
	cJSON *size = cJSON_AddObjectToObject(request, "terminal");
	cJSON_AddNumberToObject(size, "columns", terminal->grant.columns);
	cJSON_AddNumberToObject(size, "rows", terminal->grant.rows);
	return request;
}

/* It comes from the sandbox: nothing but a terminal is read here. */
static bool is_terminal(int fd)
{
	struct stat info;
	return fstat(fd, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(5, 2) &&
			fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0;
}

static enum cua_status start(struct terminal *terminal, struct cua_error *err)
{
	struct desktop_record record;
	CUA_AUTO_FD int session_fd = -1, fd = -1;
	CUA_AUTO_JSON cJSON *request = shell_request(terminal), *answer = NULL;
	enum cua_status status = cua_desktop_find(terminal->grant.subject, &record, err);
	if (status == CUA_OK) {
		status = session_request(&record, request, NULL, &session_fd, err);
	}
	if (status == CUA_OK) {
		status = session_answer_fd(session_fd, START_TIMEOUT_MS, &answer, &fd, err);
	}
	if (status == CUA_OK && !is_terminal(fd)) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "the session gave no terminal");
	}
	/* Last: what a person takes in private from here on hangs it up. */
	if (status == CUA_OK) {
		status = desktop_control_check(&record, &terminal->grant.caller, err);
	}
	if (status == CUA_OK) {
		terminal->fd = cua_steal_fd(&fd);
		terminal->session_fd = cua_steal_fd(&session_fd);
	}
	return status;
}

static void on_start(uv_work_t *work)
{
	struct terminal *terminal = work->data;
	if (start(terminal, &terminal->error) == CUA_OK) {
		terminal->error.status = CUA_OK;
	}
}

static void on_started(uv_work_t *work, int status)
{
	struct terminal *terminal = work->data;
	uv_loop_t *loop = &terminal->server->loop;
	(void)status;
	terminal->is_starting = false;
	if (!terminal->stream || terminal->fd < 0) {
		end(terminal, CLOSE_FAILED, terminal->error.msg);
		release(terminal);
		return;
	}
	uv_poll_init(loop, &terminal->io, terminal->fd);
	uv_poll_init(loop, &terminal->session, terminal->session_fd);
	uv_timer_init(loop, &terminal->rest);
	terminal->handles = 3;
	terminal->io.data = terminal->session.data = terminal->rest.data = terminal;
	uv_poll_start(&terminal->session, UV_READABLE, on_session);
	set_size(terminal);
	write_some(terminal);
	watch_io(terminal);
}

/* --- from the client --- */

static bool take_size(struct terminal *terminal)
{
	CUA_AUTO_JSON cJSON *size = cJSON_ParseWithLength(
			terminal->text.data ? terminal->text.data : "", terminal->text.len);
	const int columns = cua_json_int(size, "columns"), rows = cua_json_int(size, "rows");
	if (columns < 1 || columns > TERMINAL_SIZE_MAX || rows < 1 || rows > TERMINAL_SIZE_MAX) {
		return false;
	}
	terminal->columns = columns;
	terminal->rows = rows;
	if (is_open(terminal)) {
		set_size(terminal);
	}
	return true;
}

static void take_text(struct terminal *terminal, const char *data, size_t len, bool is_last)
{
	bool is_good = cua_buffer_append(&terminal->text, data, len, NULL) == CUA_OK;
	if (is_good && is_last) {
		is_good = take_size(terminal);
		cua_buffer_clear(&terminal->text);
	}
	if (!is_good) {
		end(terminal, CLOSE_PROTOCOL,
				"a text must be {\"columns\": 1 to 1000, \"rows\": 1 to 1000}");
	}
}

static void on_data(struct cua_http_stream *stream, const char *data, size_t len, bool is_text,
		bool is_last)
{
	struct terminal *terminal = stream->user_data;
	if (is_text) {
		take_text(terminal, data, len, is_last);
		return;
	}
	/* What comes before the shell is there waits for it. */
	if (cua_buffer_append(&terminal->in, data, len, NULL) != CUA_OK) {
		end(terminal, CLOSE_PROTOCOL, "more was sent than the shell reads");
	}
	if (is_open(terminal)) {
		write_some(terminal);
		watch_io(terminal);
	}
}

static void on_drained(struct cua_http_stream *stream)
{
	struct terminal *terminal = stream->user_data;
	if (!terminal->has_begun) {
		terminal->has_begun = true;
		cua_http_stream_listen(stream, false);
		terminal->is_starting = uv_queue_work(&terminal->server->loop, &terminal->work,
							on_start, on_started) == 0;
	}
	terminal->is_drained = true;
	watch_io(terminal);
}

static void on_closed(struct cua_http_stream *stream)
{
	struct terminal *terminal = stream->user_data;
	terminal->stream = NULL;
	close_handles(terminal);
	release(terminal);
}

enum cua_status terminal_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err)
{
	struct server *server = request->server;
	if (server->terminals >= TERMINALS_MAX) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%d terminals are open already",
				TERMINALS_MAX);
	}
	if (streams_count(&server->streams, request->caller.id, on_closed) >= TERMINALS_PER_TOKEN) {
		stream->refused_with = 429;
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"%d terminals are open with this token: close one first",
				TERMINALS_PER_TOKEN);
	}
	struct terminal *terminal = calloc(1, sizeof(*terminal));
	if (!terminal) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "terminal");
	}
	terminal->face = (struct stream_face){
		.on_data = on_data, .on_drained = on_drained, .on_closed = on_closed
	};
	terminal->server = server;
	terminal->stream = stream;
	terminal->grant = request->grant;
	terminal->fd = terminal->session_fd = -1;
	terminal->work.data = terminal;
	cua_buffer_init(&terminal->in, INPUT_MAX);
	cua_buffer_init(&terminal->text, SIZE_MAX_LEN);
	server->terminals++;
	stream->user_data = terminal;
	return CUA_OK;
}

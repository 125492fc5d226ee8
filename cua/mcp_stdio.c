#include "cua/mcp_stdio.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define READ_LEN ((size_t)64 << 10)
/* Calls that are nearly over may answer who has nothing more to ask: printf ... | cua mcp. Hosts
 * wait about two seconds before they send a signal. */
#define LAST_CALLS_MS 1500

/* A call on its thread. */
struct worker {
	struct stdio_server *server;
	struct mcp_serve_call *call;
	pthread_t thread;
	atomic_bool has_ended;
	LIST_ENTRY(worker) entry;
};

struct stdio_server {
	struct mcp_serve_session *session;
	struct mcp_serve_out out;
	int in_fd, out_fd, signal_fd;
	int ended_fd; /* an eventfd: a worker has ended, or the client reads no more */
	struct cua_buffer line;
	bool is_too_long; /* the rest of a line that was over the bound is skipped */
	LIST_HEAD(, worker) workers;
	pthread_mutex_t out_mutex;
	atomic_bool is_deaf; /* the client reads nothing any more */
};

static void wake(struct stdio_server *server)
{
	const uint64_t one = 1;
	(void)!write(server->ended_fd, &one, sizeof(one));
}

/* --- out --- */

/* In pieces that a pipe takes at once, so that a signal ends the waiting for a client that does not
 * read. */
static bool write_piece(struct stdio_server *server, const char **at, size_t *left)
{
	struct pollfd fds[] = { { .fd = server->out_fd, .events = POLLOUT },
		{ .fd = server->signal_fd, .events = POLLIN } };
	if (poll(fds, CUA_ARRAY_LEN(fds), -1) < 0) {
		return errno == EINTR;
	}
	if (fds[1].revents || !(fds[0].revents & POLLOUT)) {
		return false;
	}
	const ssize_t wrote = write(server->out_fd, *at, *left < PIPE_BUF ? *left : PIPE_BUF);
	if (wrote < 0) {
		return errno == EINTR || errno == EAGAIN;
	}
	*at += wrote;
	*left -= (size_t)wrote;
	return true;
}

static bool write_all(struct stdio_server *server, const char *text, size_t len)
{
	bool is_good = true;
	while (is_good && len > 0) {
		is_good = write_piece(server, &text, &len);
	}
	return is_good;
}

static void emit(const char *text, size_t len, void *user_data)
{
	struct stdio_server *server = user_data;
	pthread_mutex_lock(&server->out_mutex);
	if (!atomic_load(&server->is_deaf) &&
			!(write_all(server, text, len) && write_all(server, "\n", 1))) {
		atomic_store(&server->is_deaf, true);
		wake(server);
	}
	pthread_mutex_unlock(&server->out_mutex);
}

/* --- calls --- */

static void *work(void *user_data)
{
	struct worker *worker = user_data;
	(void)mcp_serve_call_run(worker->call);
	atomic_store(&worker->has_ended, true);
	wake(worker->server);
	return NULL;
}

static void begin_call(struct stdio_server *server, struct mcp_serve_call *call)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (worker) {
		worker->server = server;
		worker->call = call;
		atomic_init(&worker->has_ended, false);
	}
	if (!worker || pthread_create(&worker->thread, NULL, work, worker) != 0) {
		mcp_serve_call_give_up(call, "no thread can be had for the call");
		mcp_serve_call_destroy(call);
		free(worker);
		return;
	}
	LIST_INSERT_HEAD(&server->workers, worker, entry);
}

static void reap(struct stdio_server *server)
{
	uint64_t count = 0;
	struct worker *worker = LIST_FIRST(&server->workers);
	(void)!read(server->ended_fd, &count, sizeof(count));
	while (worker) {
		struct worker *next = LIST_NEXT(worker, entry);
		if (atomic_load(&worker->has_ended)) {
			pthread_join(worker->thread, NULL);
			LIST_REMOVE(worker, entry);
			mcp_serve_call_destroy(worker->call);
			free(worker);
		}
		worker = next;
	}
}

/* --- in --- */

static bool is_blank(const char *text, size_t len)
{
	size_t at = 0;
	while (at < len && memchr(" \t\r", text[at], 3)) {
		at++;
	}
	return at == len;
}

static void take_line(struct stdio_server *server, const char *text, size_t len)
{
	struct mcp_serve_message message;
	struct mcp_serve_call *call = NULL;
	if (is_blank(text, len) || mcp_serve_read(text, len, &message, &server->out) != 0) {
		return;
	}
	(void)!mcp_serve_handle(server->session, &message, &server->out, &call);
	mcp_serve_message_finish(&message);
	if (call) {
		begin_call(server, call);
	}
}

static void refuse_line(struct stdio_server *server)
{
	mcp_serve_refuse(&server->out, NULL, MCP_SERVE_ERROR_REQUEST, NULL,
			"a message may have %zu MiB", MCP_SERVE_MESSAGE_MAX >> 20);
	server->is_too_long = true;
	cua_buffer_finish(&server->line);
}

/* A part of a line. */
static enum cua_status keep(
		struct stdio_server *server, const char *bytes, size_t len, struct cua_error *err)
{
	if (server->is_too_long) {
		return CUA_OK;
	}
	enum cua_status status = cua_buffer_append(&server->line, bytes, len, err);
	if (status == CUA_ERR_TOO_LARGE) {
		refuse_line(server);
		return CUA_OK;
	}
	return status;
}

static enum cua_status take_bytes(
		struct stdio_server *server, const char *bytes, size_t len, struct cua_error *err)
{
	const char *end = NULL;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && (end = memchr(bytes, '\n', len))) {
		const size_t part = (size_t)(end - bytes);
		status = keep(server, bytes, part, err);
		if (status == CUA_OK && !server->is_too_long) {
			take_line(server, server->line.data ? server->line.data : "",
					server->line.len);
		}
		/* A long one is rare, and its memory is not kept for the next. */
		cua_buffer_finish(&server->line);
		server->is_too_long = false;
		bytes += part + 1;
		len -= part + 1;
	}
	return status == CUA_OK ? keep(server, bytes, len, err) : status;
}

/* *ret_more: the client may say more. */
static enum cua_status read_some(struct stdio_server *server, bool *ret_more, struct cua_error *err)
{
	char bytes[READ_LEN];
	const ssize_t len = read(server->in_fd, bytes, sizeof(bytes));
	*ret_more = len != 0;
	if (len < 0) {
		return errno == EINTR || errno == EAGAIN
				? CUA_OK
				: CUA_FAIL(err, CUA_ERR_IO, errno, "standard input");
	}
	return len > 0 ? take_bytes(server, bytes, (size_t)len, err) : CUA_OK;
}

/* --- the loop --- */

static int tick_ms(const struct stdio_server *server)
{
	return LIST_EMPTY(&server->workers) ? -1 : MCP_SERVE_TICK_MS;
}

/* A write that a signal has cut off makes the client look deaf, too. */
static enum cua_status why_deaf(const struct stdio_server *server, struct cua_error *err)
{
	struct pollfd fd = { .fd = server->signal_fd, .events = POLLIN };
	return poll(&fd, 1, 0) > 0
			? CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "ended by a signal")
			: CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the client reads nothing any more");
}

/* Until the input ends, or something else. */
static enum cua_status serve_client(struct stdio_server *server, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	bool more = true;
	uint64_t tick_us = cua_now_us();
	while (status == CUA_OK && more) {
		struct pollfd fds[] = { { .fd = server->in_fd, .events = POLLIN },
			{ .fd = server->ended_fd, .events = POLLIN },
			{ .fd = server->signal_fd, .events = POLLIN } };
		if (poll(fds, CUA_ARRAY_LEN(fds), tick_ms(server)) < 0 && errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
		}
		if (fds[2].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "ended by a signal");
		}
		if (fds[1].revents) {
			reap(server);
		}
		if (fds[0].revents) {
			status = read_some(server, &more, err);
		}
		if (atomic_load(&server->is_deaf)) {
			return why_deaf(server, err);
		}
		if (cua_now_us() - tick_us >= MCP_SERVE_TICK_MS * 1000U) {
			mcp_serve_session_tick(server->session);
			tick_us = cua_now_us();
		}
	}
	/* A last message may come without a line break. */
	if (status == CUA_OK && server->line.len > 0) {
		take_line(server, server->line.data, server->line.len);
	}
	return status;
}

/* Until there is none any more, or the time is over. */
static void await_workers(struct stdio_server *server, int wait_ms)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)wait_ms * 1000U;
	while (!LIST_EMPTY(&server->workers) && !atomic_load(&server->is_deaf)) {
		struct pollfd fds[] = { { .fd = server->ended_fd, .events = POLLIN },
			{ .fd = server->signal_fd, .events = POLLIN } };
		const int left_ms = cua_ms_until(deadline_us);
		if (left_ms == 0 ||
				(poll(fds, CUA_ARRAY_LEN(fds), left_ms) < 0 && errno != EINTR) ||
				fds[1].revents) {
			return;
		}
		if (fds[0].revents) {
			reap(server);
		}
	}
}

/* A call that is cancelled ends: what it waits for looks at that. */
static void end_workers(struct stdio_server *server)
{
	struct worker *worker = NULL;
	mcp_serve_session_cancel(server->session);
	while ((worker = LIST_FIRST(&server->workers))) {
		pthread_join(worker->thread, NULL);
		LIST_REMOVE(worker, entry);
		mcp_serve_call_destroy(worker->call);
		free(worker);
	}
}

enum cua_status mcp_stdio_run(struct mcp_serve *serve, int in_fd, int out_fd, int signal_fd,
		struct cua_error *err)
{
	struct stdio_server server = { .in_fd = in_fd, .out_fd = out_fd, .signal_fd = signal_fd };
	server.out = (struct mcp_serve_out){ emit, &server };
	server.ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server.ended_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "eventfd");
	}
	enum cua_status status = mcp_serve_session_create(serve, NULL, &server.session, err);
	if (status == CUA_OK) {
		LIST_INIT(&server.workers);
		atomic_init(&server.is_deaf, false);
		pthread_mutex_init(&server.out_mutex, NULL);
		cua_buffer_init(&server.line, MCP_SERVE_MESSAGE_MAX);
		status = serve_client(&server, err);
		mcp_serve_end_watching(serve);
		if (status == CUA_OK) {
			await_workers(&server, LAST_CALLS_MS);
		}
		end_workers(&server);
		cua_buffer_finish(&server.line);
		pthread_mutex_destroy(&server.out_mutex);
		mcp_serve_session_destroy(server.session);
	}
	close(server.ended_fd);
	return status;
}

/* A server that is a process of ours, in a sandbox of its own: a message is a line of its stdin or
 * stdout. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/mcp/mcp_message.h"
#include "agent/mcp/mcp_stdio_start.h"
#include "agent/mcp/mcp_text.h"
#include "agent/mcp/mcp_transport.h"
#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "cua/egress/relay.h"

#define SEND_MS 2000 /* for what no answer is waited for */
#define READ_LEN 65536
#define TAIL_LEN 1024     /* of what it says on stderr */
#define LAST_LEN 120      /* of these, what an error quotes */
#define GARBAGE_MAX 100   /* lines that are no message: some print a greeting */
#define LAST_WORDS_MS 500 /* for what it says on stderr when it has ended */
#define ANSWERS_MAX 65536 /* bytes that wait for a server that asks and does not read */
#define END_STEP_MS 600   /* for each way to end it: three steps are under two seconds */

struct stdio {
	struct mcp_transport transport; /* first */
	struct mcp_transport_config config;
	struct mcp_stdio_process process;
	int bwrap_fd, init_fd;     /* pidfds; -1 if it was gone before */
	int in_fd, out_fd, err_fd; /* its stdin, stdout and stderr; -1: closed */
	struct cua_buffer line;
	struct cua_buffer out; /* whole lines, and the rest of one, that it has yet to read */
	size_t written;        /* of these, in this exchange */
	bool is_driving;       /* in an exchange, which writes what is there to be written */
	size_t exchanged;
	int garbage_lines;
	char tail[TAIL_LEN + 1];
};

/* --- what it says --- */

/* The end of its stderr is kept: it often says why a server ended. */
static void keep_tail(struct stdio *stdio, const char *bytes, size_t len)
{
	const size_t keep = len < TAIL_LEN ? len : TAIL_LEN;
	size_t old = strlen(stdio->tail);
	const size_t drop = old + keep > TAIL_LEN ? old + keep - TAIL_LEN : 0;
	memmove(stdio->tail, stdio->tail + drop, old - drop);
	old -= drop;
	for (size_t i = 0; i < keep; i++) {
		const char byte = bytes[len - keep + i];
		stdio->tail[old + i] = byte ? byte : ' ';
	}
	stdio->tail[old + keep] = '\0';
}

/* False at its end. */
static bool read_stderr(struct stdio *stdio)
{
	char bytes[READ_LEN];
	const ssize_t len = read(stdio->err_fd, bytes, sizeof(bytes));
	if (len > 0) {
		keep_tail(stdio, bytes, (size_t)len);
	}
	return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static enum cua_status take_line(
		struct stdio *stdio, const char *line, size_t len, struct cua_error *err)
{
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' ')) {
		len--;
	}
	if (len == 0) {
		return CUA_OK;
	}
	enum cua_status status = stdio->config.on_text(line, len, stdio->config.user_data, err);
	if (status == CUA_ERR_APP && ++stdio->garbage_lines <= GARBAGE_MAX) {
		status = CUA_OK;
	}
	return status;
}

static enum cua_status take_bytes(
		struct stdio *stdio, const char *bytes, size_t len, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	stdio->exchanged += len;
	if (stdio->exchanged > MCP_EXCHANGE_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the server sent over %zu bytes in answer to one request",
				MCP_EXCHANGE_MAX);
	}
	while (status == CUA_OK && len > 0) {
		const char *end = memchr(bytes, '\n', len);
		const size_t part = end ? (size_t)(end - bytes) : len;
		if (cua_buffer_append(&stdio->line, bytes, part, err) != CUA_OK) {
			return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
					"the server sent a line of over %zu bytes",
					stdio->line.max_len);
		}
		bytes += part;
		len -= part;
		if (end) {
			status = take_line(stdio, stdio->line.data, stdio->line.len, err);
			cua_buffer_clear(&stdio->line);
			bytes++;
			len--;
		}
	}
	return status;
}

/* CUA_ERR_CLOSED at the end of its stdout. */
static enum cua_status read_stdout(struct stdio *stdio, bool *ret_more, struct cua_error *err)
{
	char bytes[READ_LEN];
	const ssize_t len = read(stdio->out_fd, bytes, sizeof(bytes));
	*ret_more = len > 0;
	if (len > 0) {
		return take_bytes(stdio, bytes, (size_t)len, err);
	}
	return len == 0 ? CUA_ERR_CLOSED
			: errno == EAGAIN || errno == EINTR
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "the server's stdout");
}

/* --- an exchange --- */

static void close_fd(int *fd)
{
	cua_closep(fd);
	*fd = -1;
}

static void stdio_hang_up(struct mcp_transport *transport, const struct mcp_outgoing *session)
{
	(void)session;
	close_fd(&((struct stdio *)transport)->in_fd);
}

/* In words, with what it said last. */
static enum cua_status has_ended(struct stdio *stdio, struct cua_error *err)
{
	char last[LAST_LEN * 4 + 4];
	struct pollfd said = { .fd = stdio->err_fd, .events = POLLIN };
	const uint64_t deadline_us = cua_now_us() + LAST_WORDS_MS * 1000ULL;
	/* Its last words are on the way; one that only closed its stdout may go on for good. */
	while (cua_now_us() < deadline_us && poll(&said, 1, 100) > 0 && read_stderr(stdio)) {
	}
	const size_t len = strlen(stdio->tail);
	mcp_text_line(last, sizeof(last),
			len > LAST_LEN ? stdio->tail + len - LAST_LEN : stdio->tail);
	const bool is_missing = strstr(stdio->tail, "bwrap: execvp") ||
			strstr(stdio->tail, EGRESS_RELAY_NO_COMMAND);
	return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the server ended%s%s%s",
			last[0] ? "; it last said: " : "", last,
			is_missing ? " (programs outside /usr and /opt, and what they need, go "
				     "into \"read\" of its entry)"
				   : "");
}

static enum cua_status write_some(struct stdio *stdio, struct cua_error *err)
{
	const ssize_t len = write(stdio->in_fd, stdio->out.data, stdio->out.len);
	if (len < 0 && errno != EAGAIN && errno != EINTR) {
		return errno == EPIPE ? has_ended(stdio, err)
				      : CUA_FAIL(err, CUA_ERR_IO, errno, "the server's stdin");
	}
	if (len > 0) {
		cua_buffer_consume(&stdio->out, (size_t)len);
		stdio->written += (size_t)len;
	}
	return CUA_OK;
}

/* What was in the pipe when it ended still counts: it may be the answer. */
static enum cua_status read_rest(
		struct stdio *stdio, const struct mcp_wait *wait, struct cua_error *err)
{
	bool more = true;
	while (more && !wait->is_answered) {
		enum cua_status status = read_stdout(stdio, &more, err);
		if (status == CUA_ERR_CLOSED) {
			break;
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	return wait->is_answered ? CUA_OK : has_ended(stdio, err);
}

enum { AT_IN, AT_OUT, AT_ERR, AT_CANCEL, AT_END, AT_COUNT };

static enum cua_status handle(struct stdio *stdio, const struct pollfd *polled,
		const struct mcp_wait *wait, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	bool more = false;
	if (polled[AT_CANCEL].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
	}
	if (polled[AT_ERR].revents && !read_stderr(stdio)) {
		close(stdio->err_fd);
		stdio->err_fd = -1;
	}
	if (polled[AT_OUT].revents) {
		status = read_stdout(stdio, &more, err);
		if (status == CUA_ERR_CLOSED) {
			return has_ended(stdio, err);
		}
	}
	if (status == CUA_OK && !wait->is_answered && polled[AT_END].revents) {
		return read_rest(stdio, wait, err);
	}
	if (status == CUA_OK && polled[AT_IN].revents) {
		status = write_some(stdio, err);
	}
	return status;
}

/* Until so many bytes are sent, and the request is answered. */
static enum cua_status drive(struct stdio *stdio, size_t whole, const struct mcp_wait *wait,
		struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && (stdio->written < whole || !wait->is_answered)) {
		struct pollfd polled[AT_COUNT] = {
			[AT_IN] = { .fd = stdio->out.len > 0 ? stdio->in_fd : -1,
					.events = POLLOUT },
			[AT_OUT] = { .fd = stdio->out_fd, .events = POLLIN },
			[AT_ERR] = { .fd = stdio->err_fd, .events = POLLIN },
			[AT_CANCEL] = { .fd = stdio->config.cancel_fd, .events = POLLIN },
			[AT_END] = { .fd = stdio->bwrap_fd, .events = POLLIN },
		};
		const int left_ms = cua_ms_until(wait->deadline_us);
		if (left_ms == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "no answer in time%s",
					stdio->garbage_lines > 0 ? "; what came was no JSON-RPC"
								 : "");
		}
		const int ready = poll(polled, AT_COUNT, left_ms);
		if (ready < 0 && errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
		}
		if (ready > 0) {
			status = handle(stdio, polled, wait, err);
		}
	}
	return status;
}

/* With its end, behind what waits. */
static enum cua_status add_line(struct stdio *stdio, const char *text, struct cua_error *err)
{
	return cua_buffer_printf(&stdio->out, err, "%s\n", text);
}

/* What has become of a request that is not answered, and stood behind so many bytes. */
static void settle(struct stdio *stdio, size_t ahead, size_t len, enum cua_status status,
		struct mcp_wait *wait)
{
	const size_t sent = stdio->written > ahead ? stdio->written - ahead : 0;
	int unread = 0;
	if (status == CUA_ERR_CLOSED && ioctl(stdio->in_fd, FIONREAD, &unread) == 0 &&
			(size_t)unread >= sent) {
		wait->is_sent = false; /* it was dead before it read a byte of it */
	}
	if (sent > 0 && sent < len) { /* half a line: nothing can follow it */
		close_fd(&stdio->in_fd);
		cua_buffer_clear(&stdio->out);
	} else if (sent == 0 && stdio->out.len > 0) { /* nor is it sent any more */
		stdio->out.len = ahead - stdio->written;
		stdio->out.data[stdio->out.len] = '\0';
	}
}

/* What it came to says why it failed; of one that answered, why a part of it may have. */
static void tell_reached(struct stdio *stdio, enum cua_status status, struct mcp_wait *wait,
		struct cua_error *err)
{
	char reached[sizeof(wait->reached)];
	if (!mcp_bounds_explain(&stdio->process.bounds, reached, sizeof(reached))) {
		return;
	}
	if (status == CUA_OK) {
		snprintf(wait->reached, sizeof(wait->reached), "%s", reached);
	} else if (err) {
		const size_t len = strlen(err->msg);
		snprintf(err->msg + len, sizeof(err->msg) - len, "; the server's %s", reached);
	}
}

static enum cua_status stdio_exchange(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct mcp_wait *wait, struct cua_error *err)
{
	struct stdio *stdio = (struct stdio *)transport;
	const size_t ahead = stdio->out.len;
	if (stdio->in_fd < 0 || stdio->bwrap_fd < 0) {
		return has_ended(stdio, err);
	}
	enum cua_status status = add_line(stdio, outgoing->text, err);
	if (status != CUA_OK) {
		return status;
	}
	const size_t len = stdio->out.len - ahead;
	stdio->exchanged = stdio->written = 0;
	stdio->is_driving = true;
	status = drive(stdio, ahead + len, wait, err);
	stdio->is_driving = false;
	wait->is_sent = stdio->written > ahead;
	tell_reached(stdio, status, wait, err);
	if (status != CUA_OK) {
		settle(stdio, ahead, len, status, wait);
	} else if (stdio->out.len > 0) { /* what the server asked last */
		(void)!write_some(stdio, NULL);
	}
	return status;
}

/* What a server hears in the middle of an exchange is written beside it, so that one that does not
 * read keeps nobody waiting. */
static enum cua_status stdio_tell(struct mcp_transport *transport,
		const struct mcp_outgoing *outgoing, struct cua_error *err)
{
	struct stdio *stdio = (struct stdio *)transport;
	const uint64_t deadline_us = cua_now_us() + SEND_MS * 1000ULL;
	enum cua_status status = stdio->in_fd < 0
			? CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the server hears nothing any more")
			: stdio->is_driving && stdio->out.len > ANSWERS_MAX
			? CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "the server does not read")
			: add_line(stdio, outgoing->text, err);
	while (status == CUA_OK && !stdio->is_driving && stdio->out.len > 0) {
		struct pollfd writable = { .fd = stdio->in_fd, .events = POLLOUT };
		status = poll(&writable, 1, cua_ms_until(deadline_us)) > 0
				? write_some(stdio, err)
				: CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "the server does not read");
	}
	return status;
}

/* --- its end --- */

/* Meanwhile what it says is read: who cannot write does not end. */
static bool ends_within(struct stdio *stdio, int wait_ms)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)wait_ms * 1000U;
	while (stdio->bwrap_fd >= 0) {
		struct pollfd polled[] = { { .fd = stdio->bwrap_fd, .events = POLLIN },
			{ .fd = stdio->out_fd, .events = POLLIN },
			{ .fd = stdio->err_fd, .events = POLLIN } };
		char bytes[READ_LEN];
		const int left_ms = cua_ms_until(deadline_us);
		if (left_ms == 0 || (poll(polled, 3, left_ms) < 0 && errno != EINTR)) {
			return false;
		}
		if (polled[0].revents) {
			return true;
		}
		if (polled[1].revents && read(stdio->out_fd, bytes, sizeof(bytes)) <= 0) {
			close_fd(&stdio->out_fd);
		}
		if (polled[2].revents && !read_stderr(stdio)) {
			close_fd(&stdio->err_fd);
		}
	}
	return true;
}

/* It has closed stdin. Then SIGTERM for all of its process group; then the first process of its
 * namespace, and with it all others, forked or not. */
static void end_processes(struct stdio *stdio)
{
	const pid_t init = stdio->process.sandbox.init.pid;
	if (!ends_within(stdio, END_STEP_MS) && stdio->init_fd >= 0) {
		(void)kill(-init, SIGTERM);
		(void)ends_within(stdio, END_STEP_MS);
	}
	if (stdio->init_fd >= 0) {
		struct pollfd gone = { .fd = stdio->init_fd, .events = POLLIN };
		(void)syscall(SYS_pidfd_send_signal, stdio->init_fd, SIGKILL, NULL, 0);
		(void)poll(&gone, 1, END_STEP_MS);
	}
	if (stdio->process.sandbox.bwrap.pid > 0) {
		(void)cua_process_end(stdio->process.sandbox.bwrap, SIGKILL, END_STEP_MS);
		waitpid(stdio->process.sandbox.bwrap.pid, NULL, 0);
	}
}

static void stdio_destroy(struct mcp_transport *transport)
{
	struct stdio *stdio = (struct stdio *)transport;
	close_fd(&stdio->in_fd);
	end_processes(stdio);
	mcp_stdio_clean_up(&stdio->process);
	close_fd(&stdio->out_fd);
	close_fd(&stdio->err_fd);
	close_fd(&stdio->bwrap_fd);
	close_fd(&stdio->init_fd);
	cua_buffer_finish(&stdio->line);
	cua_buffer_finish(&stdio->out);
	free(stdio);
}

static const struct mcp_transport_ops stdio_ops = {
	.exchange = stdio_exchange,
	.tell = stdio_tell,
	.hang_up = stdio_hang_up,
	.destroy = stdio_destroy,
};

/* Our end does not wait, its end does. */
static bool make_pipe(int *ret_ours, int *ret_its, bool we_read)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0) {
		return false;
	}
	*ret_ours = ends[we_read ? 0 : 1];
	*ret_its = ends[we_read ? 1 : 0];
	return fcntl(*ret_ours, F_SETFL, O_NONBLOCK) == 0;
}

enum cua_status mcp_stdio_create(const struct mcp_transport_config *config,
		struct mcp_transport **ret_transport, struct cua_error *err)
{
	struct stdio *stdio = calloc(1, sizeof(*stdio));
	int child_fds[3] = { -1, -1, -1 };
	if (!stdio) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	*stdio = (struct stdio){ .transport.ops = &stdio_ops,
		.config = *config,
		.bwrap_fd = -1,
		.init_fd = -1,
		.in_fd = -1,
		.out_fd = -1,
		.err_fd = -1 };
	cua_buffer_init(&stdio->line, MCP_MESSAGE_MAX);
	cua_buffer_init(&stdio->out, MCP_EXCHANGE_MAX);
	enum cua_status status = CUA_OK;
	if (!make_pipe(&stdio->in_fd, &child_fds[0], false) ||
			!make_pipe(&stdio->out_fd, &child_fds[1], true) ||
			!make_pipe(&stdio->err_fd, &child_fds[2], true)) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "pipes");
	}
	if (status == CUA_OK) {
		status = mcp_stdio_start(config, child_fds, &stdio->process, err);
	}
	if (status == CUA_OK) {
		stdio->bwrap_fd = cua_process_open(stdio->process.sandbox.bwrap);
		stdio->init_fd = cua_process_open(stdio->process.sandbox.init);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(child_fds); i++) {
		cua_closep(&child_fds[i]);
	}
	if (status != CUA_OK) {
		if (status == CUA_ERR_UNAVAILABLE && read_stderr(stdio) && stdio->tail[0]) {
			char said[300];
			mcp_text_line(said, sizeof(said), stdio->tail);
			cua_error_prefix(err, "%s", said);
		}
		stdio_destroy(&stdio->transport);
		return status;
	}
	*ret_transport = &stdio->transport;
	return CUA_OK;
}

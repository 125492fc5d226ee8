#include "agent/tools/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/tools/family.h"
#include "agent/tools/world.h"
#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"

/* A picture of 8 MB in base64. */
#define SAID_MAX ((size_t)12 << 20)
/* What is told to end gets so long before it is made to. */
#define ENDING_US 1000000U

/* How a run goes. */
struct turn {
	struct tool_worker *worker;
	struct tool_call *call;
	struct tool_output output;
	int status;
	bool is_over, is_lost; /* lost: the process has ended */
};

/* --- the process --- */

static void close_fd(int *fd)
{
	cua_closep(fd);
	*fd = -1;
}

static void close_all(struct tool_worker *worker)
{
	close_fd(&worker->code_fd);
	close_fd(&worker->said_fd);
	close_fd(&worker->output_fd);
	cua_buffer_finish(&worker->said);
}

/* What is there now; a program may close its output and go on. */
static void read_output(struct tool_worker *worker, struct tool_output *output)
{
	if (worker->output_fd >= 0 && !tool_output_read(output, worker->output_fd)) {
		close_fd(&worker->output_fd);
	}
}

void tool_worker_stop(struct tool_worker *worker)
{
	if (worker->pid > 0) {
		tool_process_end(worker->pid);
	}
	worker->pid = 0;
	close_all(worker);
}

static enum cua_status start(
		struct tool_worker *worker, struct tool_world *world, struct cua_error *err)
{
	int code[2] = { -1, -1 }, said[2] = { -1, -1 }, output[2] = { -1, -1 };
	CUA_AUTO_FD int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	enum cua_status status = CUA_OK;
	if (null_fd < 0 || pipe2(code, O_CLOEXEC) != 0 || pipe2(said, O_CLOEXEC) != 0 ||
			pipe2(output, O_CLOEXEC) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "pipes for %s", worker->name);
	}
	const struct cua_fd_map fds[] = { { null_fd, 0 }, { output[1], 1 }, { output[1], 2 },
		{ code[0], 3 }, { said[1], 4 } };
	const struct cua_spawn spawn = { .argv = worker->argv,
		.exec_fd = -1,
		.cwd = world->workspace.path,
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = (uid_t)-1,
		.new_session = true,
		.oom_score_adj = CUA_OOM_SCORE_EXPENDABLE };
	if (status == CUA_OK) {
		status = cua_spawn(&spawn, &worker->pid, err);
	}
	cua_closep(&code[0]);
	cua_closep(&said[1]);
	cua_closep(&output[1]);
	worker->code_fd = code[1];
	worker->said_fd = said[0];
	worker->output_fd = output[0];
	cua_buffer_init(&worker->said, SAID_MAX);
	if (status != CUA_OK) {
		worker->pid = 0;
		close_all(worker);
		return status;
	}
	fcntl(worker->output_fd, F_SETFL, O_NONBLOCK);
	fcntl(worker->code_fd, F_SETFL, O_NONBLOCK);
	return CUA_OK;
}

/* As it reads them: one that has been stopped does not. */
static void send_code(struct turn *turn, const char *code, size_t len)
{
	const int fd = turn->worker->code_fd;
	while (len > 0 && !turn->is_lost && cua_now_us() < turn->call->deadline_us) {
		struct pollfd ready[] = { { .fd = fd, .events = POLLOUT },
			{ .fd = turn->call->world->link.fd, .events = POLLIN } };
		const int count = poll(
				ready, CUA_ARRAY_LEN(ready), cua_ms_until(turn->call->deadline_us));
		if (count > 0 && ready[1].revents && tool_is_cancelled(turn->call)) {
			return;
		}
		const ssize_t sent = count > 0 && ready[0].revents ? write(fd, code, len) : 0;
		turn->is_lost = sent < 0 && errno != EAGAIN && errno != EINTR;
		code += sent > 0 ? sent : 0;
		len -= sent > 0 ? (size_t)sent : 0;
	}
}

/* --- what it says --- */

static void answer(struct turn *turn, const cJSON *question)
{
	struct tool_worker *worker = turn->worker;
	CUA_AUTO_JSON cJSON *said = worker->answer ? worker->answer(question, turn->call) : NULL;
	CUA_AUTO_FREE char *text = said ? cJSON_PrintUnformatted(said) : NULL;
	turn->is_lost = !text;
	if (text) {
		send_code(turn, text, strlen(text) + 1);
	}
}

/* Messages that are complete, one after another. */
static void hear(struct turn *turn)
{
	struct cua_buffer *said = &turn->worker->said;
	char part[4096];
	const ssize_t got = read(turn->worker->said_fd, part, sizeof(part));
	if (got <= 0 || cua_buffer_append(said, part, (size_t)got, NULL) != CUA_OK) {
		turn->is_lost = got == 0 || (got < 0 && errno != EINTR) || got > 0;
		return;
	}
	size_t used = 0;
	for (char *end; !turn->is_over && !turn->is_lost &&
			(end = memchr(said->data + used, '\0', said->len - used));) {
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(said->data + used);
		used = (size_t)(end - said->data) + 1;
		if (cJSON_IsObject(json)) {
			answer(turn, json);
		} else {
			turn->status = cJSON_IsNumber(json) ? json->valueint : 1;
			turn->is_over = true;
		}
	}
	cua_buffer_consume(said, used);
}

/* One wait for whatever comes, at most until the time. False if it was over. */
static bool step(struct turn *turn, uint64_t until_us, bool heeds_cancel)
{
	struct tool_worker *worker = turn->worker;
	struct pollfd ready[] = { { .fd = worker->said_fd, .events = POLLIN },
		{ .fd = worker->output_fd, .events = POLLIN },
		{ .fd = heeds_cancel ? turn->call->world->link.fd : -1, .events = POLLIN } };
	const int count = poll(ready, CUA_ARRAY_LEN(ready), cua_ms_until(until_us));
	if (ready[1].revents) {
		read_output(worker, &turn->output);
	}
	if (ready[0].revents) {
		hear(turn);
	}
	return (count > 0 && !(ready[2].revents && tool_is_cancelled(turn->call))) ||
			(count < 0 && errno == EINTR);
}

/* Until it is over, lost, or the time has come. */
static void run_until(struct turn *turn, uint64_t until_us, bool heeds_cancel)
{
	while (!turn->is_over && !turn->is_lost && cua_now_us() < until_us &&
			!(heeds_cancel && turn->call->world->is_cancelled) &&
			step(turn, until_us, heeds_cancel)) {
	}
}

/* Ends what it runs by and by; what does not go takes the process with it. */
static void end(struct turn *turn)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGKILL };
	struct tool_worker *worker = turn->worker;
	for (size_t i = 0; i < CUA_ARRAY_LEN(signals) && !turn->is_over && !turn->is_lost; i++) {
		tool_family_signal(worker->pid, signals[i]);
		if (worker->takes_interrupts && signals[i] != SIGKILL) {
			kill(worker->pid, SIGINT);
		}
		run_until(turn, cua_now_us() + ENDING_US, false);
	}
	turn->is_lost = !turn->is_over;
}

enum cua_status tool_worker_run(struct tool_worker *worker, struct tool_call *call,
		const char *code, int *ret_status, struct cua_error *err)
{
	struct turn *turn CUA_AUTO_FREE = calloc(1, sizeof(*turn));
	enum cua_status status = turn ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "output");
	if (status == CUA_OK && worker->pid == 0) {
		status = start(worker, call->world, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	*turn = (struct turn){ .worker = worker, .call = call };
	/* What was printed between calls belongs to nobody's. */
	read_output(worker, &turn->output);
	send_code(turn, code, strlen(code) + 1);
	/* An act that waited for leave has moved it. */
	for (uint64_t until_us = 0; until_us < call->deadline_us && !call->world->is_cancelled;) {
		until_us = call->deadline_us;
		run_until(turn, until_us, true);
	}
	const bool timed_out = cua_now_us() >= call->deadline_us;
	const bool is_cut = !turn->is_over && !turn->is_lost;
	if (is_cut) {
		end(turn);
	}
	read_output(worker, &turn->output);
	status = tool_output_tell(&turn->output, &call->text, err);
	*ret_status = turn->status;
	if (status == CUA_OK && is_cut) {
		status = timed_out ? cua_buffer_printf(&call->text, err,
						     "\n[ended: it ran longer than its time]")
				   : CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "the caller gave up");
		*ret_status = -1;
	}
	if (turn->is_lost) {
		tool_worker_stop(worker);
		*ret_status = -1;
	}
	if (status == CUA_OK && turn->is_lost) {
		status = cua_buffer_printf(&call->text, err,
				"\n[the %s has ended; the next call starts a new one, without its "
				"variables]",
				worker->name);
	}
	return status;
}

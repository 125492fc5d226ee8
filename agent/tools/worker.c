#include "agent/tools/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tools/family.h"
#include "agent/tools/world.h"
#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"

/* A picture of 8 MB in base64. */
#define SAID_MAX ((size_t)12 << 20)
/* What is told to end gets so long, each time, before it is made to. */
#define TOLD_US 500000U
/* And so long to come back when what it ran is gone. */
#define BACK_US 500000U

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

struct tool_family tool_worker_family(
		const struct tool_world *world, pid_t head, const struct tool_moment *since)
{
	const pid_t shell = world->shell.pid, python = world->python.pid;
	return (struct tool_family){ .head = head,
		.others = { shell == head ? 0 : shell, python == head ? 0 : python },
		.since = *since };
}

/* Ends it and all that it has started; since: as in struct tool_family. */
static void stop(struct tool_worker *worker, struct tool_world *world,
		const struct tool_moment *since)
{
	if (worker->pid > 0) {
		const struct tool_family family = tool_worker_family(world, worker->pid, since);
		tool_family_end(&family);
	}
	worker->pid = 0;
	close_all(worker);
	tool_workers_reap(world);
}

void tool_workers_reap(struct tool_world *world)
{
	struct tool_worker *const workers[] = { &world->shell, &world->python };
	for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;) {
		for (size_t i = 0; i < CUA_ARRAY_LEN(workers); i++) {
			if (workers[i]->pid == pid) {
				workers[i]->pid = 0;
				close_all(workers[i]);
			}
		}
	}
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
		.group_fds = world->group_fds,
		.group_fd_count = world->group_fd_count,
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
		const bool is_full = err && err->sys_errno == EAGAIN;
		worker->pid = 0;
		close_all(worker);
		return is_full ? CUA_FAIL(err, CUA_ERR_UNAVAILABLE, EAGAIN,
						 "no more processes may be started: a restart of "
						 "bash or python ends what it has started")
			       : status;
	}
	fcntl(worker->output_fd, F_SETFL, O_NONBLOCK);
	fcntl(worker->code_fd, F_SETFL, O_NONBLOCK);
	return CUA_OK;
}

enum cua_status tool_worker_restart(
		struct tool_worker *worker, struct tool_world *world, struct cua_error *err)
{
	stop(worker, world, &(const struct tool_moment){ 0 });
	return start(worker, world, err);
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

/* One wait for whatever comes, at most until the time, also for a descriptor; -1: none. False if it
 * was over. */
static bool step(struct turn *turn, uint64_t until_us, bool heeds_cancel, int also_fd)
{
	struct tool_worker *worker = turn->worker;
	const struct tool_link *link = &turn->call->world->link;
	struct pollfd ready[] = { { .fd = worker->said_fd, .events = POLLIN },
		{ .fd = worker->output_fd, .events = POLLIN },
		{ .fd = heeds_cancel ? link->fd : -1, .events = POLLIN },
		{ .fd = also_fd, .events = POLLIN } };
	if (heeds_cancel && tool_link_has_message(link) && tool_is_cancelled(turn->call)) {
		return false;
	}
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
			step(turn, until_us, heeds_cancel, -1)) {
	}
}

/* Until it is over and nothing that it has started is left: then true. False if it is lost, or the
 * time has come. */
static bool run_until_alone(struct turn *turn, const struct tool_family *family, uint64_t until_us)
{
	while (!turn->is_lost && cua_now_us() < until_us) {
		CUA_AUTO_FD int left_fd = tool_family_watch(family);
		if (turn->is_over && left_fd < 0) {
			return true;
		}
		(void)step(turn, until_us, false, left_fd);
	}
	return false;
}

/* What was ended is waited for by who has started it; code that is empty has Python do so. */
static void settle(struct turn *turn)
{
	turn->is_over = false;
	turn->call->deadline_us = cua_now_us() + BACK_US;
	send_code(turn, "", 1);
	run_until(turn, turn->call->deadline_us, false);
}

/* Ends what it runs by and by, whatever that has started too; what does not go takes the process
 * with it. */
static void end(struct turn *turn)
{
	static const int signals[] = { SIGINT, SIGTERM };
	struct tool_worker *worker = turn->worker;
	const struct tool_family family =
			tool_worker_family(turn->call->world, worker->pid, &turn->call->began);
	bool is_alone = false;
	for (size_t i = 0; i < CUA_ARRAY_LEN(signals) && !is_alone && !turn->is_lost; i++) {
		tool_family_signal(&family, signals[i]);
		if (worker->takes_interrupts && !turn->is_over) {
			kill(worker->pid, SIGINT);
		}
		is_alone = run_until_alone(turn, &family, cua_now_us() + TOLD_US);
	}
	if (!is_alone && !turn->is_lost) {
		tool_family_kill(&family);
		run_until(turn, cua_now_us() + BACK_US, false);
	}
	/* What it has started on the way to its end. */
	if (!is_alone && turn->is_over) {
		tool_family_kill(&family);
	}
	if (worker->takes_interrupts && turn->is_over) {
		settle(turn);
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
		stop(worker, call->world, &call->began);
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

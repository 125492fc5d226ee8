#include "cua/server/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/paths.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/cmd.h"

#define OUT_MAX_LEN ((size_t)16 << 20)
#define ERR_MAX_LEN ((size_t)16 << 10)

enum { IN, OUT, ERR, STREAMS };

struct pipes {
	int ours[STREAMS], theirs[STREAMS];
};

static void pipes_close(int *fds)
{
	for (int i = 0; i < STREAMS; i++) {
		cua_closep(&fds[i]);
	}
}

static enum cua_status pipes_open(struct pipes *pipes, struct cua_error *err)
{
	*pipes = (struct pipes){ { -1, -1, -1 }, { -1, -1, -1 } };
	for (int i = 0; i < STREAMS; i++) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) != 0) {
			const int failed = errno;
			pipes_close(pipes->ours);
			pipes_close(pipes->theirs);
			return CUA_FAIL(err, CUA_ERR_IO, failed, "pipe");
		}
		pipes->ours[i] = ends[i == IN];
		pipes->theirs[i] = ends[i != IN];
		(void)fcntl(pipes->ours[i], F_SETFL, O_NONBLOCK);
	}
	return CUA_OK;
}

/* In a session of its own. Unlike fork(), this copies no memory of a server with many threads,
 * which all of them would wait for. */
static enum cua_status spawn(
		const char *const *argv, const int *fds, pid_t *ret_pid, struct cua_error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	int failed = posix_spawn_file_actions_addchdir_np(&actions, "/");
	for (int i = 0; i < STREAMS && failed == 0; i++) {
		failed = posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	}
	if (failed == 0) {
		failed = posix_spawn_file_actions_addclosefrom_np(&actions, STREAMS);
	}
	if (failed == 0) {
		(void)posix_spawnattr_setsigmask(&attr, &none);
		(void)posix_spawnattr_setsigdefault(&attr, &all);
		(void)posix_spawnattr_setflags(&attr,
				POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
		failed = posix_spawn(ret_pid, argv[0], &actions, &attr,
				(char *const *)(uintptr_t)argv, environ);
	}
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return failed == 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, failed, "%s", argv[0]);
}

static enum cua_status start(const struct command *command, struct pipes *pipes, pid_t *ret_pid,
		struct cua_error *err)
{
	char program[CUA_PATH_MAX];
	const char *argv[128] = { program };
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	for (int i = 1; i < 127 && command->argv[i]; i++) {
		argv[i] = command->argv[i];
	}
	if (status == CUA_OK) {
		status = spawn(argv, pipes->theirs, ret_pid, err);
	}
	pipes_close(pipes->theirs);
	return status;
}

/* What can be written now; closed when all is. A command may have no use for it. */
static void feed(int *fd, const char **input, size_t *left)
{
	const ssize_t wrote = *left > 0 ? write(*fd, *input, *left) : 0;
	if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	*input += wrote > 0 ? wrote : 0;
	*left -= wrote > 0 ? (size_t)wrote : 0;
	if (wrote < 0 || *left == 0) {
		cua_closep(fd);
	}
}

/* What came; closed at the end. */
static enum cua_status drain(int *fd, struct cua_buffer *buffer, bool cuts, struct cua_error *err)
{
	char piece[16384];
	const ssize_t len = read(*fd, piece, sizeof(piece));
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		return CUA_OK;
	}
	if (len <= 0) {
		cua_closep(fd);
		return CUA_OK;
	}
	enum cua_status status = cua_buffer_append(buffer, piece, (size_t)len, err);
	return cuts && status == CUA_ERR_TOO_LARGE ? CUA_OK : status;
}

static enum cua_status talk(const struct command *command, int stop_fd, struct pipes *pipes,
		struct command_result *result, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)command->timeout_ms * 1000;
	const char *input = command->input ? command->input : "";
	size_t left = strlen(input);
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && (pipes->ours[OUT] >= 0 || pipes->ours[ERR] >= 0)) {
		struct pollfd polls[STREAMS + 1];
		for (int i = 0; i < STREAMS; i++) {
			polls[i] = (struct pollfd){ .fd = pipes->ours[i],
				.events = i == IN ? POLLOUT : POLLIN };
		}
		polls[STREAMS] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
		const uint64_t now = cua_now_us();
		if (now >= deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "cua %s took more than %d s",
					command->argv[1], command->timeout_ms / 1000);
		}
		if (poll(polls, STREAMS + 1, (int)((deadline_us - now) / 1000) + 1) < 0 &&
				errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
		}
		if (polls[STREAMS].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0,
					"cua %s was ended: nobody waits for it", command->argv[1]);
		}
		if (polls[IN].revents) {
			feed(&pipes->ours[IN], &input, &left);
		}
		if (polls[OUT].revents) {
			status = drain(&pipes->ours[OUT], &result->out, false, err);
		}
		if (status == CUA_OK && polls[ERR].revents) {
			status = drain(&pipes->ours[ERR], &result->err, true, err);
		}
	}
	return status;
}

static int await_end(pid_t pid)
{
	int how = 0;
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {
	}
	return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

enum cua_status command_run_until(const struct command *command, int stop_fd,
		struct command_result *ret_result, struct cua_error *err)
{
	struct pipes pipes;
	pid_t pid = 0;
	*ret_result = (struct command_result){ .exit_status = -1 };
	cua_buffer_init(&ret_result->out, OUT_MAX_LEN);
	cua_buffer_init(&ret_result->err, ERR_MAX_LEN);
	enum cua_status status = pipes_open(&pipes, err);
	if (status != CUA_OK) {
		return status;
	}
	status = start(command, &pipes, &pid, err);
	if (status == CUA_OK) {
		status = talk(command, stop_fd, &pipes, ret_result, err);
		if (status != CUA_OK) {
			kill(pid, SIGKILL);
		}
		ret_result->exit_status = await_end(pid);
	}
	pipes_close(pipes.ours);
	return status;
}

enum cua_status command_run(const struct command *command, struct command_result *ret_result,
		struct cua_error *err)
{
	return command_run_until(command, -1, ret_result, err);
}

void command_result_finish(struct command_result *result)
{
	cua_buffer_finish(&result->out);
	cua_buffer_finish(&result->err);
}

/* The first line, without "cua NAME: ". */
enum cua_status command_check(
		const struct command_result *result, enum cua_status failed, struct cua_error *err)
{
	if (result->exit_status == CUA_EXIT_OK) {
		return CUA_OK;
	}
	const char *said = result->err.data ? result->err.data : "";
	const char *colon = strncmp(said, "cua", 3) == 0 ? strstr(said, ": ") : NULL;
	said = colon ? colon + 2 : said;
	char line[sizeof(err->msg)];
	size_t len = 0;
	len = strcspn(said, "\n");
	len = len < sizeof(line) ? len : sizeof(line) - 1;
	memcpy(line, said, len);
	line[len] = '\0';
	const enum cua_status status =
			result->exit_status == CUA_EXIT_USAGE ? CUA_ERR_INVAL : failed;
	if (len == 0) {
		return CUA_FAIL(err, status, 0, "it ended with status %d", result->exit_status);
	}
	return CUA_FAIL(err, status, 0, "%s", line);
}

enum cua_status command_json(const struct command *command, enum cua_status failed,
		cJSON **ret_json, struct cua_error *err)
{
	struct command_result result;
	enum cua_status status = command_run(command, &result, err);
	if (status == CUA_OK) {
		status = command_check(&result, failed, err);
	}
	if (status == CUA_OK && ret_json) {
		*ret_json = cJSON_ParseWithLength(
				result.out.data ? result.out.data : "", result.out.len);
		status = *ret_json ? CUA_OK
				   : CUA_FAIL(err, CUA_ERR_IO, 0, "cua %s printed no JSON",
						     command->argv[1]);
	}
	command_result_finish(&result);
	return status;
}

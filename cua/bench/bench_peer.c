#include "cua/bench/bench_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "display/session_client.h"

#define START_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS 120000
#define ARGS_MAX 32
#define LINE_MAX_LEN 16384
#define PROGRAM_LEAF ".cua-bench"

extern char **environ;

void bench_figure_missing(struct bench_figure *figure)
{
	bench_figure_note(figure, "not installed; tests/bench/install-peers.sh installs it");
}

enum cua_status bench_run_timed(
		char *const *argv, double *ret_ms, int *ret_exit, struct cua_error *err)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid = 0;
	int wait_status = 0;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	const uint64_t started_us = cua_now_us();
	const int failed = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
	pid_t ended = -1;
	while (!failed && (ended = waitpid(pid, &wait_status, 0)) < 0 && errno == EINTR) {
	}
	*ret_ms = bench_ms_since(started_us);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (failed || ended != pid) {
		return CUA_FAIL(err, failed == ENOENT ? CUA_ERR_NOT_FOUND : CUA_ERR_IO,
				failed ? failed : errno, "%s", argv[0]);
	}
	*ret_exit = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
	return CUA_OK;
}

/* --- inside --- */

static cJSON *run_request(const cJSON *argv)
{
	char *words[ARGS_MAX + 1] = { NULL };
	cJSON *answer = cJSON_CreateObject();
	int count = 0, exit_status = -1;
	double ms = 0;
	struct cua_error error = { 0 };
	const cJSON *word = NULL;
	cJSON_ArrayForEach (word, argv) {
		const char *display = getenv("DISPLAY");
		if (cJSON_IsString(word) && count < ARGS_MAX) {
			words[count++] = strcmp(word->valuestring, "$DISPLAY") == 0 && display
					? strdup(display)
					: strdup(word->valuestring);
		}
	}
	enum cua_status status = words[0] ? bench_run_timed(words, &ms, &exit_status, &error)
					  : CUA_FAIL(&error, CUA_ERR_INVAL, 0, "no program");
	if (status == CUA_OK) {
		cJSON_AddNumberToObject(answer, "ms", ms);
		cJSON_AddNumberToObject(answer, "exit", exit_status);
	} else {
		cJSON_AddStringToObject(answer, "code", cua_status_name(status));
		cJSON_AddStringToObject(answer, "message", error.msg);
	}
	for (int i = 0; i < count; i++) {
		free(words[i]);
	}
	return answer;
}

int bench_runner_main(void)
{
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		CUA_AUTO_JSON cJSON *argv = cJSON_Parse(line);
		CUA_AUTO_JSON cJSON *answer = run_request(argv);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(answer);
		printf("%s\n", text ? text : "{}");
		fflush(stdout);
	}
	free(line);
	return 0;
}

/* --- outside --- */

struct bench_runner {
	struct bench_desktop *desktop;
	int session_fd, to_fd, from_fd; /* to_fd: its standard input */
};

/* A copy of this program in the desktop's home: the one way in. */
static enum cua_status install(struct bench_desktop *desktop, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32];
	CUA_AUTO_BUFFER struct cua_buffer program;
	cua_buffer_init(&program, (size_t)256 << 20);
	enum cua_status status = cua_file_read("/proc/self/exe", &program, err);
	if (status == CUA_OK) {
		status = bench_put_file(desktop, PROGRAM_LEAF, program.data, program.len, err);
	}
	snprintf(path, sizeof(path), "%s/" PROGRAM_LEAF, desktop->record.home);
	if (status == CUA_OK && chmod(path, 0755) != 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	return status;
}

static enum cua_status start_inside(struct bench_runner *runner, struct cua_error *err)
{
	char program[CUA_PATH_MAX + 32];
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	CUA_AUTO_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null_fd < 0 || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
		cua_closep(&in[0]);
		cua_closep(&in[1]);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	snprintf(program, sizeof(program), "%s/" PROGRAM_LEAF, runner->desktop->inside_home);
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *started = NULL;
	const char *const words[] = { program, "--runner" };
	cJSON_AddItemToObject(request, "argv", cJSON_CreateStringArray(words, 2));
	const int theirs[3] = { in[0], out[1], null_fd };
	enum cua_status status = session_request(
			&runner->desktop->record, request, theirs, &runner->session_fd, err);
	if (status == CUA_OK) {
		status = session_answer(runner->session_fd, START_TIMEOUT_MS, &started, err);
	}
	close(in[0]);
	close(out[1]);
	runner->to_fd = in[1];
	runner->from_fd = out[0];
	return status;
}

enum cua_status bench_runner_start(struct bench_desktop *desktop, struct bench_runner **ret_runner,
		struct cua_error *err)
{
	struct bench_runner *runner = calloc(1, sizeof(*runner));
	if (!runner) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "runner");
	}
	*runner = (struct bench_runner){ desktop, -1, -1, -1 };
	enum cua_status status = install(desktop, err);
	if (status == CUA_OK) {
		status = start_inside(runner, err);
	}
	if (status != CUA_OK) {
		bench_runner_stop(runner);
		return status;
	}
	*ret_runner = runner;
	return CUA_OK;
}

void bench_runner_stop(struct bench_runner *runner)
{
	if (runner) {
		cua_closep(&runner->to_fd);
		cua_closep(&runner->from_fd);
		cua_closep(&runner->session_fd);
		free(runner);
	}
}

/* A line of the runner's, which shares its sandbox with applications: read with a cap. */
static enum cua_status read_line(
		struct bench_runner *runner, char line[LINE_MAX_LEN], struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + PEER_TIMEOUT_MS * 1000ULL;
	size_t len = 0;
	for (;;) {
		struct pollfd fds[] = { { runner->from_fd, POLLIN, 0 },
			{ runner->desktop->bench->stop_fd, POLLIN, 0 } };
		const int ready = poll(fds, 2, cua_ms_until(deadline_us));
		if (fds[1].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
		}
		if (ready == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "it did not end in %d s",
					PEER_TIMEOUT_MS / 1000);
		}
		const ssize_t got = read(runner->from_fd, line + len, LINE_MAX_LEN - 1 - len);
		if (got <= 0) {
			return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the bench's runner is gone");
		}
		len += (size_t)got;
		line[len] = '\0';
		if (strchr(line, '\n')) {
			return CUA_OK;
		}
	}
}

static void replace(cJSON *argv, const char *mark, const char *by)
{
	cJSON *word = NULL;
	cJSON_ArrayForEach (word, argv) {
		const char *at = cJSON_IsString(word) ? strstr(word->valuestring, mark) : NULL;
		char text[1024];
		if (at) {
			snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - word->valuestring),
					word->valuestring, by, at + strlen(mark));
			cJSON_SetValuestring(word, text);
		}
	}
}

enum cua_status bench_runner_run(struct bench_runner *runner, const cJSON *argv, double *ret_ms,
		struct cua_error *err)
{
	char line[LINE_MAX_LEN], size[32];
	const struct desktop_record *record = &runner->desktop->record;
	CUA_AUTO_JSON cJSON *words = cJSON_Duplicate(argv, true);
	snprintf(size, sizeof(size), "%dx%d", record->settings.width_px,
			record->settings.height_px);
	replace(words, "$SIZE", size);
	replace(words, "$HOME", runner->desktop->inside_home);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(words);
	const int len = snprintf(line, sizeof(line), "%s\n", text ? text : "[]");
	if (len >= (int)sizeof(line)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "a command of %d bytes", len);
	}
	if (write(runner->to_fd, line, (size_t)len) != len) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, errno, "the bench's runner is gone");
	}
	enum cua_status status = read_line(runner, line, err);
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(line);
	const char *code = bench_text(answer, "code");
	if (code[0]) {
		return CUA_FAIL(err, cua_status_from_name(code), 0, "%.200s",
				bench_text(answer, "message"));
	}
	if (bench_number(answer, "exit", -1) != 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "it ended with status %.0f",
				bench_number(answer, "exit", -1));
	}
	*ret_ms = bench_number(answer, "ms", 0);
	return CUA_OK;
}

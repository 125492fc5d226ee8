#include "tests/world.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "tests/files.h"

#define PROGRAM_DEADLINE_MS 90000

/* --- directories --- */

const char *world_path(const struct world *world, const char *leaf)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % CUA_ARRAY_LEN(paths)];
	snprintf(path, sizeof(paths[0]), "%s/%s", world->dir, leaf);
	return path;
}

void world_create(struct world *world, uid_t uid)
{
	*world = (struct world){ .dir = "/tmp/cua-test-XXXXXX", .uid = uid };
	assert_non_null(mkdtemp(world->dir));
	assert_int_equal(chmod(world->dir, 0711), 0);
	snprintf(world->program, sizeof(world->program), "%s/cua", world->dir);
	static const char *const programs[] = { "", "-host", "-session", "-egress", "-gateway",
		"-serve", "-vnc-server", "-run", "-runs", "-secret", "-reader", "-tool-runner",
		"-tools", "-picture-check", "-bench", "-mcp-servers", "-models", "-templates",
		"-view" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(programs); i++) {
		char from[512], to[512];
		snprintf(from, sizeof(from), "%s%s", CUA_TEST_PROGRAM, programs[i]);
		snprintf(to, sizeof(to), "%s%s", world->program, programs[i]);
		copy_program(from, to);
	}
	if (uid != (uid_t)-1) {
		assert_int_equal(chown(world->dir, uid, uid), 0);
	}
}

void world_destroy(struct world *world)
{
	struct output output;
	if (!world->dir[0]) {
		return;
	}
	world_cua(world, &output, "desktop", "stop", "--all", NULL);
	assert_int_equal(cua_remove_tree(world->dir, NULL), CUA_OK);
	world->dir[0] = '\0';
	expect_status(&output, 0, "desktop stop --all");
	output_finish(&output);
}

/* --- programs --- */

static char *take_memfd(int fd, size_t *ret_len)
{
	struct stat info;
	assert_int_equal(fstat(fd, &info), 0);
	const size_t len = (size_t)info.st_size;
	char *text = calloc(1, len + 1);
	assert_non_null(text);
	for (size_t at = 0; at < len;) {
		const ssize_t got = pread(fd, text + at, len - at, (off_t)at);
		assert_true(got > 0);
		at += (size_t)got;
	}
	close(fd);
	if (ret_len) {
		*ret_len = len;
	}
	return text;
}

static int wait_for_end(pid_t pid, const char *what, int deadline_ms)
{
	const struct cua_process_id id = cua_process_identify(pid);
	const int pidfd = id.pid > 0 ? cua_process_open(id) : -1;
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int wait_status = 0;
	if (pidfd >= 0 && poll(&ended, 1, deadline_ms) == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &wait_status, 0);
		fail_msg("%s did not end in %d s", what, deadline_ms / 1000);
	}
	if (pidfd >= 0) {
		close(pidfd);
	}
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static pid_t spawn_in(const struct world *world, const char *const *argv, const char *const *extra,
		int in, int out, int err)
{
	char runtime[128], state[128], home[128], path[512];
	snprintf(runtime, sizeof(runtime), "CUA_RUNTIME_DIR=%s/run", world->dir);
	snprintf(state, sizeof(state), "CUA_STATE_DIR=%s/state", world->dir);
	snprintf(home, sizeof(home), "HOME=%s", world->dir);
	snprintf(path, sizeof(path), "PATH=%s", world->path[0] ? world->path : getenv("PATH"));
	const char *envp[WORLD_WORDS_MAX] = { runtime, state, home, path, "LANG=C.UTF-8" };
	for (size_t i = 0, at = 5; extra && extra[i] && at + 1 < WORLD_WORDS_MAX; i++) {
		envp[at++] = extra[i];
	}
	const struct cua_fd_map fds[] = { { in, 0 }, { out, 1 }, { err, 2 } };
	const struct cua_spawn spawn = { .argv = argv,
		.envp = envp,
		.exec_fd = -1,
		.cwd = "/",
		.fds = fds,
		.fd_count = (int)CUA_ARRAY_LEN(fds),
		.uid = world->uid };
	pid_t pid = 0;
	struct cua_error error = { 0 };
	if (cua_spawn(&spawn, &pid, &error) != CUA_OK) {
		fail_msg("%s: %s", argv[0], error.msg);
	}
	return pid;
}

pid_t world_start(const struct world *world, const char *const *argv, const char *const *extra)
{
	CUA_AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return spawn_in(world, argv, extra, null, null, null);
}

struct program world_begin(const struct world *world, const char *const *argv,
		const char *const *extra, const char *input, size_t input_len)
{
	const int in = memfd_create("in", MFD_CLOEXEC);
	struct program program = { .name = argv[0],
		.out = memfd_create("out", MFD_CLOEXEC),
		.err = memfd_create("err", MFD_CLOEXEC) };
	assert_int_equal(write(in, input ? input : "", input_len), input_len);
	lseek(in, 0, SEEK_SET);
	program.pid = spawn_in(world, argv, extra, in, program.out, program.err);
	close(in);
	return program;
}

void world_await(const struct world *world, struct program *program, struct output *ret_output)
{
	ret_output->exit_status = wait_for_end(program->pid, program->name,
			world->deadline_ms > 0 ? world->deadline_ms : PROGRAM_DEADLINE_MS);
	ret_output->out = take_memfd(program->out, &ret_output->out_len);
	ret_output->err = take_memfd(program->err, NULL);
}

void world_exec(const struct world *world, const char *const *argv, const char *const *extra,
		const char *input, size_t input_len, struct output *ret_output)
{
	struct program program = world_begin(world, argv, extra, input, input_len);
	world_await(world, &program, ret_output);
}

void output_finish(struct output *output)
{
	free(output->out);
	free(output->err);
	*output = (struct output){ 0 };
}

static void cua_words(const struct world *world, struct output *ret_output, va_list words)
{
	const char *argv[WORLD_WORDS_MAX] = { world->program };
	for (size_t i = 1; i + 1 < WORLD_WORDS_MAX; i++) {
		argv[i] = va_arg(words, const char *);
		if (!argv[i]) {
			break;
		}
	}
	world_exec(world, argv, NULL, NULL, 0, ret_output);
}

void world_cua(const struct world *world, struct output *ret_output, ...)
{
	va_list words;
	va_start(words, ret_output);
	cua_words(world, ret_output, words);
	va_end(words);
}

void expect_status(const struct output *output, int exit_status, const char *what)
{
	if (output->exit_status != exit_status) {
		fail_msg("%s ended with %d, not %d: %s%s", what, output->exit_status, exit_status,
				output->out, output->err);
	}
}

void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		fail_msg("\"%s\" is not in \"%s\"", part, text);
	}
}

void world_expect(const struct world *world, int exit_status, ...)
{
	struct output output;
	va_list words;
	va_start(words, exit_status);
	cua_words(world, &output, words);
	va_end(words);
	expect_status(&output, exit_status, "cua");
	output_finish(&output);
}

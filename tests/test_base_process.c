#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/buffer.h"
#include "cua/base/process.h"
#include "cua/base/util.h"

#define NOBODY 65534

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* Everything until the other side closes. */
static void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	while ((got = read(fd, text + len, size - 1 - len)) > 0) {
		len += (size_t)got;
	}
	assert_int_equal(got, 0);
	text[len] = '\0';
}

/* Runs a program to its end with its output in text; its wait status is returned. */
static int run(const struct cua_spawn *how, const char *const *argv, char *text, size_t size)
{
	int out[2], wait_status = 0;
	pid_t pid = 0;
	struct cua_error err = { 0 };
	make_pipe(out);
	const struct cua_fd_map to_stdout = { out[1], 1 };
	struct cua_spawn spawn = *how;
	spawn.argv = argv;
	spawn.fds = &to_stdout;
	spawn.fd_count = 1;
	if (cua_spawn(&spawn, &pid, &err) != CUA_OK) {
		fail_msg("%s", err.msg);
	}
	close(out[1]);
	read_all(out[0], text, size);
	close(out[0]);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	return wait_status;
}

#define SHELL(script) ((const char *const[]){ "sh", "-c", (script), NULL })
static const struct cua_spawn plain = { .exec_fd = -1, .uid = (uid_t)-1 };

/* --- starting --- */

static void a_program_that_is_not_there_is_reported(void **state)
{
	static const struct {
		const char *program, *cwd;
		enum cua_status status;
		int sys_errno;
		const char *said;
	} cases[] = {
		{ "/nonexistent/program", NULL, CUA_ERR_NOT_FOUND, ENOENT, "(exec)" },
		{ "no-such-program-in-path", NULL, CUA_ERR_NOT_FOUND, ENOENT, "(exec)" },
		{ "/dev", NULL, CUA_ERR_IO, EACCES, "(exec)" },
		{ "/dev/null", NULL, CUA_ERR_IO, EACCES, "(exec)" },
		{ "true", "/nonexistent", CUA_ERR_NOT_FOUND, ENOENT, "(chdir)" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		struct cua_spawn spawn = plain;
		struct cua_error err = { 0 };
		pid_t pid = 77;
		const char *const argv[] = { cases[i].program, NULL };
		spawn.argv = argv;
		spawn.cwd = cases[i].cwd;
		assert_int_equal(cua_spawn(&spawn, &pid, &err), cases[i].status);
		assert_int_equal(err.sys_errno, cases[i].sys_errno);
		assert_non_null(strstr(err.msg, cases[i].program));
		assert_non_null(strstr(err.msg, cases[i].said));
		assert_int_equal(pid, 77);
		/* Nothing is left to reap. */
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
}

static void a_bad_descriptor_is_reported(void **state)
{
	struct cua_spawn spawn = plain;
	struct cua_error err = { 0 };
	pid_t pid = 0;
	const struct cua_fd_map fds[] = { { 900, 3 } };
	(void)state;
	spawn.argv = SHELL("exit 0");
	spawn.fds = fds;
	spawn.fd_count = 1;
	assert_int_equal(cua_spawn(&spawn, &pid, &err), CUA_ERR_IO);
	assert_int_equal(err.sys_errno, EBADF);
	assert_non_null(strstr(err.msg, "(descriptors)"));
	spawn.fd_count = CUA_SPAWN_FDS_MAX + 1;
	assert_int_equal(cua_spawn(&spawn, &pid, &err), CUA_ERR_INVAL);
}

static void exit_statuses_come_back(void **state)
{
	char text[64];
	(void)state;
	int wait_status = run(&plain, SHELL("echo out; exit 7"), text, sizeof(text));
	assert_true(WIFEXITED(wait_status));
	assert_int_equal(WEXITSTATUS(wait_status), 7);
	assert_string_equal(text, "out\n");
	wait_status = run(&plain, SHELL("kill -KILL $$"), text, sizeof(text));
	assert_true(WIFSIGNALED(wait_status));
	assert_int_equal(WTERMSIG(wait_status), SIGKILL);
}

static void signals_are_reset_in_the_child(void **state)
{
	char text[64];
	sigset_t set, old;
	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	void (*old_pipe)(int) = signal(SIGPIPE, SIG_IGN);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
	int by_pipe = run(&plain, SHELL("kill -PIPE $$; exit 1"), text, sizeof(text));
	int by_term = run(&plain, SHELL("kill -TERM $$; exit 1"), text, sizeof(text));
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, old_pipe);
	assert_true(WIFSIGNALED(by_pipe) && WTERMSIG(by_pipe) == SIGPIPE);
	assert_true(WIFSIGNALED(by_term) && WTERMSIG(by_term) == SIGTERM);
	/* And ours are as they were. */
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &set), 0);
	assert_int_equal(sigismember(&set, SIGTERM), sigismember(&old, SIGTERM));
}

static void environment_and_directory_are_set(void **state)
{
	static const char *const envp[] = { "ONLY=this", NULL };
	struct cua_spawn spawn = plain;
	char text[256];
	(void)state;
	spawn.envp = envp;
	spawn.cwd = "/";
	run(&spawn, SHELL("echo $ONLY $HOME; pwd"), text, sizeof(text));
	assert_string_equal(text, "this\n/\n");
}

static void a_new_session_is_its_own_leader(void **state)
{
	struct cua_spawn spawn = plain;
	char text[256];
	int pid = 0, sid = -1;
	(void)state;
	spawn.new_session = true;
	run(&spawn, SHELL("cut -d' ' -f1,6 /proc/$$/stat"), text, sizeof(text));
	assert_int_equal(sscanf(text, "%d %d", &pid, &sid), 2);
	assert_int_equal(pid, sid);
}

static void an_open_file_is_run(void **state)
{
	struct cua_spawn spawn = plain;
	char text[64];
	CUA_AUTO_FD int fd = open("/bin/echo", O_RDONLY | O_CLOEXEC);
	(void)state;
	assert_true(fd >= 0);
	spawn.exec_fd = fd;
	run(&spawn, (const char *const[]){ "not a path", "hello", NULL }, text, sizeof(text));
	assert_string_equal(text, "hello\n");
}

static void a_user_is_dropped_to(void **state)
{
	struct cua_spawn spawn = plain;
	char text[64], expected[64];
	(void)state;
	run(&spawn, SHELL("id -u"), text, sizeof(text)); /* (uid_t)-1: stays */
	snprintf(expected, sizeof(expected), "%u\n", (unsigned int)geteuid());
	assert_string_equal(text, expected);
	spawn.uid = NOBODY;
	if (geteuid() != 0) {
		pid_t pid = 0;
		struct cua_error err = { 0 };
		spawn.argv = SHELL("exit 0");
		assert_int_equal(cua_spawn(&spawn, &pid, &err), CUA_ERR_IO);
		assert_int_equal(err.sys_errno, EPERM);
		return;
	}
	run(&spawn, SHELL("id -u; id -g; id -G; id -ru"), text, sizeof(text));
	assert_string_equal(text, "65534\n65534\n65534\n65534\n");
}

/* Puts a descriptor at a number, keeping what was there. */
static int place(int fd, int number)
{
	const int kept = fcntl(number, F_DUPFD_CLOEXEC, 100);
	assert_int_equal(dup3(fd, number, O_CLOEXEC), number);
	return kept;
}

static void put_back(int kept, int number)
{
	close(number);
	if (kept >= 0) {
		assert_int_equal(dup3(kept, number, O_CLOEXEC), number);
		close(kept);
	}
}

static void descriptors_may_swap_their_numbers(void **state)
{
	int at3[2], at4[2], wait_status;
	char text[64];
	pid_t pid = 0;
	(void)state;
	make_pipe(at3);
	make_pipe(at4);
	/* Out of the way of 3 and 4 themselves. */
	const int read3 = fcntl(at3[0], F_DUPFD_CLOEXEC, 110),
		  write3 = fcntl(at3[1], F_DUPFD_CLOEXEC, 110),
		  read4 = fcntl(at4[0], F_DUPFD_CLOEXEC, 110),
		  write4 = fcntl(at4[1], F_DUPFD_CLOEXEC, 110);
	for (int i = 0; i < 2; i++) {
		close(at3[i]);
		close(at4[i]);
	}
	const int kept3 = place(write3, 3), kept4 = place(write4, 4);
	const struct cua_fd_map fds[] = { { 3, 4 }, { 4, 3 } };
	struct cua_spawn spawn = plain;
	spawn.argv = SHELL("echo to-three >&3; echo to-four >&4");
	spawn.fds = fds;
	spawn.fd_count = 2;
	enum cua_status status = cua_spawn(&spawn, &pid, NULL);
	put_back(kept3, 3);
	put_back(kept4, 4);
	close(write3);
	close(write4);
	assert_int_equal(status, CUA_OK);
	read_all(read3, text, sizeof(text));
	assert_string_equal(text, "to-four\n");
	read_all(read4, text, sizeof(text));
	assert_string_equal(text, "to-three\n");
	close(read3);
	close(read4);
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_int_equal(wait_status, 0);
}

static void one_descriptor_may_appear_twice(void **state)
{
	int out[2], wait_status;
	char text[64];
	pid_t pid = 0;
	(void)state;
	make_pipe(out);
	const struct cua_fd_map fds[] = { { out[1], 1 }, { out[1], 2 }, { out[1], 9 } };
	struct cua_spawn spawn = plain;
	spawn.argv = SHELL("echo 1; echo 2 >&2; echo 9 >&9");
	spawn.fds = fds;
	spawn.fd_count = 3;
	assert_int_equal(cua_spawn(&spawn, &pid, NULL), CUA_OK);
	close(out[1]);
	read_all(out[0], text, sizeof(text));
	close(out[0]);
	assert_string_equal(text, "1\n2\n9\n");
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_int_equal(wait_status, 0);
}

static void no_descriptor_leaks_into_the_child(void **state)
{
	int open_here[40];
	char text[512];
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(open_here); i++) {
		open_here[i] = open(
				"/dev/null", O_RDONLY); /* not close-on-exec: that is the point */
		assert_true(open_here[i] >= 0);
	}
	run(&plain, (const char *const[]){ "ls", "/proc/self/fd", NULL }, text, sizeof(text));
	for (size_t i = 0; i < CUA_ARRAY_LEN(open_here); i++) {
		close(open_here[i]);
	}
	assert_string_equal(text, "0\n1\n2\n3\n"); /* 3 is the directory that ls reads */
}

/* --- ending --- */

/* A child that lives until its input ends. */
static pid_t start_cat(int *ret_input)
{
	int in[2];
	pid_t pid = 0;
	make_pipe(in);
	const struct cua_fd_map fds[] = { { in[0], 0 } };
	struct cua_spawn spawn = plain;
	spawn.argv = (const char *const[]){ "cat", NULL };
	spawn.fds = fds;
	spawn.fd_count = 1;
	assert_int_equal(cua_spawn(&spawn, &pid, NULL), CUA_OK);
	close(in[0]);
	*ret_input = in[1];
	return pid;
}

static void a_process_is_ended_once(void **state)
{
	CUA_AUTO_FD int input = -1;
	int wait_status = 0;
	(void)state;
	const pid_t pid = start_cat(&input);
	const struct cua_process_id id = cua_process_identify(pid);
	assert_int_equal(id.pid, pid);
	assert_true(id.start_ticks > 0);
	CUA_AUTO_FD int pidfd = cua_process_open(id);
	assert_true(pidfd >= 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	assert_true(cua_process_end(id, SIGTERM, 10000));
	/* Dead and not yet reaped counts as gone. */
	assert_int_equal(cua_process_open(id), -1);
	assert_true(cua_process_end(id, SIGKILL, 0));
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM);
	assert_int_equal(cua_process_identify(pid).pid, 0);
	assert_int_equal(cua_process_open(id), -1);
	assert_true(cua_process_end(id, SIGKILL, 0));
}

static void a_stranger_with_the_same_pid_is_left_alone(void **state)
{
	CUA_AUTO_FD int input = -1;
	int wait_status = 0;
	(void)state;
	const pid_t pid = start_cat(&input);
	struct cua_process_id former = cua_process_identify(pid);
	former.start_ticks -= 1;
	assert_int_equal(cua_process_open(former), -1);
	assert_true(cua_process_end(former, SIGKILL, 1000));
	const struct cua_process_id nobody = { 0, 0 }, negative = { -1, 0 };
	assert_true(cua_process_end(nobody, SIGKILL, 0));
	assert_true(cua_process_end(negative, SIGKILL, 0));
	assert_int_equal(cua_process_identify(0).pid, 0);
	assert_int_equal(cua_process_identify(-1).pid, 0);
	assert_int_equal(waitpid(pid, &wait_status, WNOHANG), 0); /* it lives */
	close(cua_steal_fd(&input));
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_true(WIFEXITED(wait_status)); /* by itself */
}

static void one_that_ignores_the_signal_is_not_gone(void **state)
{
	int out[2], wait_status = 0;
	pid_t pid = 0;
	char ready[8];
	(void)state;
	make_pipe(out);
	CUA_AUTO_FD int input = -1;
	int in[2];
	make_pipe(in);
	const struct cua_fd_map fds[] = { { in[0], 0 }, { out[1], 1 } };
	struct cua_spawn spawn = plain;
	spawn.argv = SHELL("trap '' TERM; echo ready; read line");
	spawn.fds = fds;
	spawn.fd_count = 2;
	assert_int_equal(cua_spawn(&spawn, &pid, NULL), CUA_OK);
	close(in[0]);
	close(out[1]);
	input = in[1];
	assert_int_equal(read(out[0], ready, sizeof(ready)), 6);
	close(out[0]);
	const struct cua_process_id id = cua_process_identify(pid);
	assert_false(cua_process_end(id, SIGTERM, 20));
	assert_true(cua_process_end(id, SIGKILL, 10000));
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	assert_int_equal(WTERMSIG(wait_status), SIGKILL);
}

/* Field 2 of /proc/PID/stat is a name, and a name may look like the fields after it. */
static void a_name_with_brackets_does_not_confuse(void **state)
{
	char path[] = "/tmp/cua-test-XXXXXX", program[64];
	CUA_AUTO_FD int input = -1;
	int in[2], wait_status = 0;
	pid_t pid = 0;
	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(program, sizeof(program), "%s/a) R 1 1 (b", path);
	assert_int_equal(symlink("/bin/cat", program), 0);
	make_pipe(in);
	const struct cua_fd_map fds[] = { { in[0], 0 } };
	struct cua_spawn spawn = plain;
	spawn.argv = (const char *const[]){ program, NULL };
	spawn.fds = fds;
	spawn.fd_count = 1;
	enum cua_status status = cua_spawn(&spawn, &pid, NULL);
	unlink(program);
	rmdir(path);
	assert_int_equal(status, CUA_OK);
	close(in[0]);
	input = in[1];
	const struct cua_process_id child = cua_process_identify(pid),
				    self = cua_process_identify(getpid());
	assert_int_equal(child.pid, pid);
	assert_true(child.start_ticks >= self.start_ticks);
	assert_true(cua_process_end(child, SIGKILL, 10000));
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
}

/* Older kernels know no slices of a thread's own. */
static void a_short_slice_is_asked_for(void **state)
{
	char output[4096];
	struct utsname kernel;
	unsigned int major = 0, minor = 0;
	(void)state;
	assert_int_equal(uname(&kernel), 0);
	assert_int_equal(sscanf(kernel.release, "%u.%u", &major, &minor), 2);
	if (major < 6 || (major == 6 && minor < 12) || access("/proc/self/sched", R_OK) != 0) {
		skip();
	}
	const char *const argv[] = { "grep", "-c", "^se.slice *: *100000$", "/proc/self/sched",
		NULL };
	struct cua_spawn spawn = plain;
	run(&spawn, argv, output, sizeof(output));
	assert_string_equal(output, "0\n");
	spawn.short_slice = true;
	run(&spawn, argv, output, sizeof(output));
	assert_string_equal(output, "1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_that_is_not_there_is_reported),
		cmocka_unit_test(a_bad_descriptor_is_reported),
		cmocka_unit_test(exit_statuses_come_back),
		cmocka_unit_test(signals_are_reset_in_the_child),
		cmocka_unit_test(environment_and_directory_are_set),
		cmocka_unit_test(a_new_session_is_its_own_leader),
		cmocka_unit_test(an_open_file_is_run),
		cmocka_unit_test(a_user_is_dropped_to),
		cmocka_unit_test(descriptors_may_swap_their_numbers),
		cmocka_unit_test(one_descriptor_may_appear_twice),
		cmocka_unit_test(no_descriptor_leaks_into_the_child),
		cmocka_unit_test(a_process_is_ended_once),
		cmocka_unit_test(a_stranger_with_the_same_pid_is_left_alone),
		cmocka_unit_test(one_that_ignores_the_signal_is_not_gone),
		cmocka_unit_test(a_name_with_brackets_does_not_confuse),
		cmocka_unit_test(a_short_slice_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

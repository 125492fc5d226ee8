#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

struct place {
	char dir[64], path[128]; /* path: a file in dir, not made */
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	assert_non_null(place);
	snprintf(place->dir, sizeof(place->dir), "/tmp/cua-test-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/file", place->dir);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;
	int result = cua_remove_tree(place->dir, NULL) == CUA_OK ? 0 : -1;
	free(place);
	return result;
}

static int entries_in(const char *path)
{
	int count = 0;
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	}
	closedir(dir);
	return count;
}

static void assert_content(const char *path, const char *expected)
{
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	cua_buffer_init(&buffer, 1 << 20);
	assert_int_equal(cua_file_read(path, &buffer, NULL), CUA_OK);
	assert_string_equal(buffer.data ? buffer.data : "", expected);
}

static void a_file_comes_back_as_written(void **state)
{
	const struct place *place = *state;
	struct stat info;
	assert_int_equal(cua_file_write(place->path, "one", 3, 0600, NULL), CUA_OK);
	assert_content(place->path, "one");
	assert_int_equal(stat(place->path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(cua_file_write(place->path, "two", 3, 0644, NULL), CUA_OK);
	assert_content(place->path, "two");
	assert_int_equal(stat(place->path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0644); /* whatever the umask */
	assert_int_equal(cua_file_write(place->path, "", 0, 0644, NULL), CUA_OK);
	assert_content(place->path, "");
	assert_int_equal(entries_in(place->dir), 1);
}

static void reading_has_a_bound(void **state)
{
	const struct place *place = *state;
	struct cua_error err = { 0 };
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	cua_buffer_init(&buffer, 3);
	assert_int_equal(cua_file_read(place->path, &buffer, &err), CUA_ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, place->path));
	assert_int_equal(cua_file_write(place->path, "four", 4, 0600, NULL), CUA_OK);
	assert_int_equal(cua_file_read(place->path, &buffer, &err), CUA_ERR_TOO_LARGE);
}

static void what_is_no_file_is_refused_at_once(void **state)
{
	const struct place *place = *state;
	struct cua_error err = { 0 };
	char said[200];
	CUA_AUTO_BUFFER struct cua_buffer buffer;
	cua_buffer_init(&buffer, 3);
	assert_int_equal(mkfifo(place->path, 0600), 0); /* that nobody writes to */
	assert_int_equal(cua_file_read(place->path, &buffer, &err), CUA_ERR_INVAL);
	snprintf(said, sizeof(said), "%s is a pipe, not a file", place->path);
	assert_string_equal(err.msg, said);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(mknod(place->path, S_IFSOCK | 0600, 0), 0);
	assert_int_equal(cua_file_read(place->path, &buffer, &err), CUA_ERR_INVAL);
	assert_non_null(strstr(err.msg, "is a socket, not a file"));
	assert_int_equal(cua_file_read("/dev/zero", &buffer, &err), CUA_ERR_INVAL);
	assert_string_equal(err.msg, "/dev/zero is a device, not a file");
	assert_int_equal(cua_file_read(place->dir, &buffer, &err), CUA_ERR_INVAL);
	assert_non_null(strstr(err.msg, "is a folder, not a file"));
}

static char large[65536];

static void a_write_that_fails_leaves_the_old_file(void **state)
{
	const struct place *place = *state;
	struct cua_error err = { 0 };
	struct rlimit old;
	assert_int_equal(cua_file_write(place->path, "old", 3, 0600, NULL), CUA_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	const struct rlimit small = { 4096, old.rlim_max };
	void (*old_handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum cua_status status = cua_file_write(place->path, large, sizeof(large), 0600, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, old_handler);
	assert_int_equal(status, CUA_ERR_IO);
	assert_int_equal(err.sys_errno, EFBIG);
	assert_content(place->path, "old");
	assert_int_equal(entries_in(place->dir), 1);
	/* Onto a directory: written, but not renamed. */
	char taken[160];
	snprintf(taken, sizeof(taken), "%s/taken", place->dir);
	assert_int_equal(mkdir(taken, 0700), 0);
	assert_int_equal(cua_file_write(taken, "new", 3, 0600, &err), CUA_ERR_IO);
	assert_int_equal(entries_in(place->dir), 2);
	assert_int_equal(cua_file_write("/nonexistent/file", "new", 3, 0600, &err), CUA_ERR_IO);
}

/* In a mount namespace of its own: 0 the file was kept, 77 no mount to be had. */
static int write_into_full_disk(const struct place *place)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			mount("tmpfs", place->dir, "tmpfs", 0, "size=16k") != 0) {
		return 77;
	}
	struct cua_error err = { 0 };
	char text[8] = "";
	if (cua_file_write(place->path, "old", 3, 0600, NULL) != CUA_OK ||
			cua_file_write(place->path, large, sizeof(large), 0600, &err) !=
					CUA_ERR_IO ||
			err.sys_errno != ENOSPC || entries_in(place->dir) != 1) {
		return 1;
	}
	cua_file_tail(place->path, text, sizeof(text));
	return strcmp(text, "old") == 0 ? 0 : 2;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
	int wait_status = 0;
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(write_into_full_disk(*state));
	}
	assert_int_equal(waitpid(pid, &wait_status, 0), pid);
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 77) {
		print_message("no mount namespace here\n");
		skip();
	}
	assert_int_equal(wait_status, 0);
}

static void writing_replaces_a_link_not_its_target(void **state)
{
	const struct place *place = *state;
	char target[160];
	snprintf(target, sizeof(target), "%s/target", place->dir);
	assert_int_equal(cua_file_write(target, "mine", 4, 0600, NULL), CUA_OK);
	assert_int_equal(symlink(target, place->path), 0);
	assert_int_equal(cua_file_write(place->path, "new", 3, 0600, NULL), CUA_OK);
	assert_content(target, "mine");
	assert_content(place->path, "new");
}

static void directories_are_made_on_the_way(void **state)
{
	const struct place *place = *state;
	struct cua_error err = { 0 };
	char path[256], long_path[5000];
	struct stat info;
	snprintf(path, sizeof(path), "%s/a//b/c/", place->dir);
	assert_int_equal(cua_make_dirs(path, 0700, NULL), CUA_OK);
	assert_int_equal(cua_make_dirs(path, 0755, NULL), CUA_OK);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_int_equal(cua_make_dirs("/", 0700, NULL), CUA_OK);
	assert_int_equal(cua_make_dirs("", 0700, &err), CUA_ERR_IO);
	/* A file in the way, in the middle and at the end. */
	assert_int_equal(cua_file_write(place->path, "x", 1, 0600, NULL), CUA_OK);
	assert_int_equal(cua_make_dirs(place->path, 0700, &err), CUA_ERR_IO);
	snprintf(path, sizeof(path), "%s/sub", place->path);
	assert_int_equal(cua_make_dirs(path, 0700, &err), CUA_ERR_IO);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(cua_make_dirs(long_path, 0700, &err), CUA_ERR_TOO_LARGE);
	assert_int_equal(cua_file_write(long_path, "x", 1, 0600, &err), CUA_ERR_TOO_LARGE);
}

static void links_are_removed_not_followed(void **state)
{
	const struct place *place = *state;
	char tree[160], inside[256], kept_dir[160], kept[256], link_path[256];
	snprintf(kept_dir, sizeof(kept_dir), "%s/kept", place->dir);
	snprintf(kept, sizeof(kept), "%s/file", kept_dir);
	snprintf(tree, sizeof(tree), "%s/tree", place->dir);
	snprintf(inside, sizeof(inside), "%s/a/b", tree);
	assert_int_equal(cua_make_dirs(kept_dir, 0700, NULL), CUA_OK);
	assert_int_equal(cua_make_dirs(inside, 0700, NULL), CUA_OK);
	assert_int_equal(cua_file_write(kept, "mine", 4, 0600, NULL), CUA_OK);
	snprintf(link_path, sizeof(link_path), "%s/a/to-dir", tree);
	assert_int_equal(symlink(kept_dir, link_path), 0);
	snprintf(link_path, sizeof(link_path), "%s/a/b/to-file", tree);
	assert_int_equal(symlink(kept, link_path), 0);
	snprintf(link_path, sizeof(link_path), "%s/dangling", tree);
	assert_int_equal(symlink("/nonexistent", link_path), 0);
	assert_int_equal(cua_remove_tree(tree, NULL), CUA_OK);
	assert_int_equal(access(tree, F_OK), -1);
	assert_content(kept, "mine");
	/* The root itself may be a link. */
	snprintf(link_path, sizeof(link_path), "%s/root", place->dir);
	assert_int_equal(symlink(kept_dir, link_path), 0);
	assert_int_equal(cua_remove_tree(link_path, NULL), CUA_OK);
	assert_content(kept, "mine");
	assert_int_equal(cua_remove_tree(tree, NULL), CUA_OK); /* nothing there */
	assert_int_equal(cua_remove_tree(kept, NULL), CUA_OK); /* a plain file */
	assert_int_equal(access(kept, F_OK), -1);
}

static void a_tail_starts_at_a_line(void **state)
{
	const struct place *place = *state;
	char tail[16];
	cua_file_tail(place->path, tail, sizeof(tail));
	assert_string_equal(tail, "");
	assert_int_equal(cua_file_write(place->path, "short\n", 6, 0600, NULL), CUA_OK);
	cua_file_tail(place->path, tail, sizeof(tail));
	assert_string_equal(tail, "short\n");
	assert_int_equal(cua_file_write(place->path, "first line\nsecond\nthird\n", 24, 0600, NULL),
			CUA_OK);
	cua_file_tail(place->path, tail, sizeof(tail));
	assert_string_equal(tail, "second\nthird\n");
	cua_file_tail(place->dir, tail, sizeof(tail));
	assert_string_equal(tail, "");
	/* A pipe with no writer does not hold it up, and a link is not followed. */
	char other[160];
	snprintf(other, sizeof(other), "%s/pipe", place->dir);
	assert_int_equal(mkfifo(other, 0600), 0);
	cua_file_tail(other, tail, sizeof(tail));
	assert_string_equal(tail, "");
	snprintf(other, sizeof(other), "%s/link", place->dir);
	assert_int_equal(symlink(place->path, other), 0);
	cua_file_tail(other, tail, sizeof(tail));
	assert_string_equal(tail, "");
}

static void what_is_too_long_shows_both_ends(void **state)
{
	const struct place *place = *state;
	char text[33];
	cua_file_ends(place->path, text, sizeof(text));
	assert_string_equal(text, "");
	assert_int_equal(cua_file_write(place->path, "all of it", 9, 0600, NULL), CUA_OK);
	cua_file_ends(place->path, text, sizeof(text));
	assert_string_equal(text, "all of it");
	static const char usage[] = "bad option\nusage:\n much\n more\n and more\nlast\n";
	assert_int_equal(cua_file_write(place->path, usage, strlen(usage), 0600, NULL), CUA_OK);
	cua_file_ends(place->path, text, sizeof(text));
	assert_string_equal(text, "bad option\n ...  and more\nlast\n");
}

static void directories_of_ours_come_from_the_environment(void **state)
{
	const struct place *place = *state;
	char chosen[160], path[CUA_PATH_MAX];
	struct cua_error err = { 0 };
	snprintf(chosen, sizeof(chosen), "%s/run", place->dir);
	setenv("CUA_RUNTIME_DIR", chosen, 1);
	assert_int_equal(cua_runtime_dir(path, sizeof(path), &err), CUA_OK);
	assert_string_equal(path, chosen);
	assert_int_equal(access(chosen, W_OK), 0);
	snprintf(chosen, sizeof(chosen), "%s/state/deep", place->dir);
	setenv("CUA_STATE_DIR", chosen, 1);
	assert_int_equal(cua_state_dir(path, sizeof(path), &err), CUA_OK);
	assert_string_equal(path, chosen);
	/* A link, even to a directory of ours, is not ours. */
	snprintf(chosen, sizeof(chosen), "%s/link", place->dir);
	assert_int_equal(symlink(place->dir, chosen), 0);
	setenv("CUA_RUNTIME_DIR", chosen, 1);
	assert_int_equal(cua_runtime_dir(path, sizeof(path), &err), CUA_ERR_POLICY);
	if (geteuid() == 0) {
		snprintf(chosen, sizeof(chosen), "%s/theirs", place->dir);
		assert_int_equal(mkdir(chosen, 0777), 0);
		assert_int_equal(chown(chosen, 65534, 65534), 0);
		setenv("CUA_RUNTIME_DIR", chosen, 1);
		assert_int_equal(cua_runtime_dir(path, sizeof(path), &err), CUA_ERR_POLICY);
	}
	unsetenv("CUA_RUNTIME_DIR");
	unsetenv("CUA_STATE_DIR");
}

static void take_signal(int number)
{
	(void)number;
}

#define DISTURBED_BYTES (4U << 20)

static unsigned char byte_at(size_t at)
{
	return (unsigned char)(at % 251);
}

/* Interrupts who writes before it takes a part; ends with 0 if all came as it was. */
static _Noreturn void read_and_disturb(int fd, pid_t writer)
{
	unsigned char part[16384];
	size_t at = 0;
	ssize_t got = 0;
	bool is_right = true;
	do {
		kill(writer, SIGUSR1);
		got = read(fd, part, sizeof(part));
		for (ssize_t i = 0; i < got; i++) {
			is_right = is_right && part[i] == byte_at(at++);
		}
	} while (got > 0);
	_exit(is_right && at == DISTURBED_BYTES ? 0 : 1);
}

static void all_is_written_in_spite_of_signals(void **state)
{
	(void)state;
	int fds[2], result = -1;
	struct sigaction before;
	const struct sigaction disturbed = { .sa_handler = take_signal }; /* without SA_RESTART */
	CUA_AUTO_FREE unsigned char *bytes = malloc(DISTURBED_BYTES);
	assert_non_null(bytes);
	for (size_t i = 0; i < DISTURBED_BYTES; i++) {
		bytes[i] = byte_at(i);
	}
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(sigaction(SIGUSR1, &disturbed, &before), 0);
	const pid_t writer = getpid(), reader = fork();
	if (reader == 0) {
		close(fds[1]);
		read_and_disturb(fds[0], writer);
	}
	assert_true(reader > 0);
	close(fds[0]);
	const bool is_written = cua_write_all(fds[1], bytes, DISTURBED_BYTES);
	close(fds[1]);
	while (waitpid(reader, &result, 0) < 0 && errno == EINTR) {
	}
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
	assert_true(is_written);
	assert_int_equal(result, 0);
}

static void what_cannot_be_written_says_why(void **state)
{
	(void)state;
	CUA_AUTO_FD int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	errno = 0;
	assert_false(cua_write_all(fd, "text", 4));
	assert_int_equal(errno, ENOSPC);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(a_file_comes_back_as_written),
		IN_PLACE(reading_has_a_bound),
		IN_PLACE(what_is_no_file_is_refused_at_once),
		IN_PLACE(a_write_that_fails_leaves_the_old_file),
		IN_PLACE(a_full_disk_leaves_the_old_file),
		IN_PLACE(writing_replaces_a_link_not_its_target),
		IN_PLACE(directories_are_made_on_the_way),
		IN_PLACE(links_are_removed_not_followed),
		IN_PLACE(a_tail_starts_at_a_line),
		IN_PLACE(what_is_too_long_shows_both_ends),
		cmocka_unit_test(all_is_written_in_spite_of_signals),
		cmocka_unit_test(what_cannot_be_written_says_why),
		IN_PLACE(directories_of_ours_come_from_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

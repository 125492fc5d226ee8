#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

static int open_fds(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir)) {
		count++;
	}
	closedir(dir);
	return count;
}

static void socket_pair(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

/* What cua_unix_send() would refuse: any number of descriptors in one message. */
static void send_raw(int socket, const int *fds, size_t count)
{
	union {
		char bytes[CMSG_SPACE(64 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = 'x';
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	assert_non_null(header);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	assert_int_equal(sendmsg(socket, &message, 0), 1);
}

static void descriptors_arrive_with_their_message(void **state)
{
	int ends[2], pipes[2], got[CUA_UNIX_FDS_MAX];
	char data[16];
	size_t len = 0;
	(void)state;
	const int before = open_fds();
	socket_pair(ends);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	for (int count = 0; count <= CUA_UNIX_FDS_MAX; count++) {
		const int fds[CUA_UNIX_FDS_MAX] = { pipes[1], pipes[1], pipes[1], pipes[1] };
		assert_int_equal(cua_unix_send(ends[0], "hello", 5, fds, count, NULL), CUA_OK);
		assert_int_equal(cua_unix_recv(ends[1], data, sizeof(data), &len, got, NULL),
				CUA_OK);
		assert_int_equal(len, 5);
		assert_memory_equal(data, "hello", 5);
		for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
			char byte = 0;
			if (i >= count) {
				assert_int_equal(got[i], -1);
				continue;
			}
			assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
			assert_int_equal(write(got[i], "p", 1), 1);
			assert_int_equal(read(pipes[0], &byte, 1), 1);
			close(got[i]);
		}
	}
	close(ends[0]);
	assert_int_equal(cua_unix_recv(ends[1], data, sizeof(data), &len, got, NULL), CUA_OK);
	assert_int_equal(len, 0);
	close(ends[1]);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(open_fds(), before);
}

static void too_many_descriptors_are_refused_on_both_sides(void **state)
{
	int ends[2], fds[64], got[CUA_UNIX_FDS_MAX];
	char data[16];
	size_t len = 99;
	struct cua_error err = { 0 };
	(void)state;
	socket_pair(ends);
	for (size_t i = 0; i < CUA_ARRAY_LEN(fds); i++) {
		fds[i] = ends[0];
	}
	assert_int_equal(cua_unix_send(ends[0], "x", 1, fds, CUA_UNIX_FDS_MAX + 1, &err),
			CUA_ERR_INVAL);
	const int before = open_fds();
	for (size_t count = CUA_UNIX_FDS_MAX + 1; count <= 64; count += 59) {
		send_raw(ends[0], fds, count);
		assert_int_equal(cua_unix_recv(ends[1], data, sizeof(data), &len, got, &err),
				CUA_ERR_TOO_LARGE);
		assert_int_equal(len, 99);
		for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
			assert_int_equal(got[i], -1);
		}
		assert_int_equal(open_fds(), before);
	}
	close(ends[0]);
	close(ends[1]);
}

static void a_message_that_does_not_fit_is_dropped_whole(void **state)
{
	int ends[2], got[CUA_UNIX_FDS_MAX];
	char data[4];
	size_t len = 0;
	(void)state;
	socket_pair(ends);
	const int before = open_fds();
	assert_int_equal(cua_unix_send(ends[0], "12345", 5, ends, 2, NULL), CUA_OK);
	assert_int_equal(cua_unix_recv(ends[1], data, sizeof(data), &len, got, NULL),
			CUA_ERR_TOO_LARGE);
	assert_int_equal(open_fds(), before);
	assert_int_equal(cua_unix_send(ends[0], "1234", 4, NULL, 0, NULL), CUA_OK);
	assert_int_equal(cua_unix_recv(ends[1], data, sizeof(data), &len, got, NULL), CUA_OK);
	assert_int_equal(len, 4);
	close(ends[0]);
	close(ends[1]);
}

static void the_other_end_may_be_silent_or_gone(void **state)
{
	int ends[2], got[CUA_UNIX_FDS_MAX];
	char data[4];
	size_t len = 0;
	struct cua_error err = { 0 };
	(void)state;
	socket_pair(ends);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(cua_unix_recv(ends[1], data, sizeof(data), &len, got, &err),
			CUA_ERR_TIMEOUT);
	close(ends[0]);
	assert_int_equal(cua_unix_send(ends[1], "x", 1, NULL, 0, &err), CUA_ERR_CLOSED);
	assert_int_equal(err.sys_errno, EPIPE); /* and no SIGPIPE */
	close(ends[1]);
	assert_int_equal(cua_unix_recv(-1, data, sizeof(data), &len, got, &err), CUA_ERR_IO);
}

static void a_socket_has_its_mode_and_replaces_an_old_one(void **state)
{
	char dir[] = "/tmp/cua-test-XXXXXX", path[64];
	struct stat info;
	struct cua_error err = { 0 };
	int fd = -1, client = -1;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	assert_false(cua_unix_is_alive(path, SOCK_STREAM));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(cua_unix_listen(path, SOCK_STREAM, 0600, &fd, &err), CUA_OK);
		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_mode & 07777, 0600);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(cua_unix_is_alive(path, SOCK_STREAM));
		assert_false(cua_unix_is_alive(path, SOCK_SEQPACKET));
		assert_int_equal(cua_unix_connect(path, SOCK_STREAM, &client, &err), CUA_OK);
		assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
		close(client);
		close(fd);
		assert_false(cua_unix_is_alive(path, SOCK_STREAM)); /* there, but nobody listens */
		assert_int_equal(
				cua_unix_connect(path, SOCK_STREAM, &client, &err), CUA_ERR_CLOSED);
		assert_int_equal(err.sys_errno, ECONNREFUSED);
	}
	unlink(path);
	rmdir(dir);
}

static void a_path_must_fit_an_address(void **state)
{
	char path[120];
	struct cua_error err = { 0 };
	int fd = -1;
	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[108] = '\0';
	assert_int_equal(cua_unix_listen(path, SOCK_STREAM, 0600, &fd, &err), CUA_ERR_TOO_LARGE);
	assert_non_null(strstr(err.msg, "107"));
	assert_int_equal(cua_unix_connect(path, SOCK_STREAM, &fd, &err), CUA_ERR_TOO_LARGE);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_arrive_with_their_message),
		cmocka_unit_test(too_many_descriptors_are_refused_on_both_sides),
		cmocka_unit_test(a_message_that_does_not_fit_is_dropped_whole),
		cmocka_unit_test(the_other_end_may_be_silent_or_gone),
		cmocka_unit_test(a_socket_has_its_mode_and_replaces_an_old_one),
		cmocka_unit_test(a_path_must_fit_an_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

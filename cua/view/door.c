#include "cua/view/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sodium.h>

#include "cua/base/paths.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "cua/view/handshake.h"

#define WRONG_MAX 5
/* Who has not given the password yet. Other users of the machine reach the port as well. */
#define WAITING_MAX 8

/* --- opening --- */

enum cua_status door_open_unix(struct door *door, const char *name, struct cua_error *err)
{
	char runtime_dir[CUA_PATH_MAX];
	*door = (struct door){ .listen_fd = -1 };
	enum cua_status status = cua_runtime_dir(runtime_dir, sizeof(runtime_dir), err);
	if (status != CUA_OK) {
		return status;
	}
	if (snprintf(door->folder, sizeof(door->folder), "%s/view-XXXXXX", runtime_dir) >=
					(int)sizeof(door->folder) ||
			!mkdtemp(door->folder)) {
		door->folder[0] = '\0';
		return CUA_FAIL(err, CUA_ERR_IO, errno, "a folder in %s", runtime_dir);
	}
	snprintf(door->path, sizeof(door->path), "%s/%.32s", door->folder, name);
	return cua_unix_listen(door->path, SOCK_STREAM, 0600, &door->listen_fd, err);
}

/* Letters and digits that are not mistaken for one another. */
static void make_password(char password[DOOR_PASSWORD_SIZE])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	for (int i = 0; i < DOOR_PASSWORD_SIZE - 1; i++) {
		password[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	}
	password[DOOR_PASSWORD_SIZE - 1] = '\0';
}

enum cua_status door_open_loopback(struct door *door, int port, struct cua_error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	const int one = 1;
	*door = (struct door){ .listen_fd = -1 };
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
			bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
			listen(fd, 4) != 0 ||
			getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "port %d", port);
	}
	make_password(door->password);
	door->port = ntohs(address.sin_port);
	door->listen_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

void door_close(struct door *door)
{
	cua_closep(&door->listen_fd);
	if (door->path[0]) {
		unlink(door->path);
	}
	if (door->folder[0]) {
		rmdir(door->folder);
	}
	sodium_memzero(door, sizeof(*door));
	door->listen_fd = -1;
}

/* --- waiting --- */

/* The folder keeps others out already, but for root. */
static bool is_ours(int fd)
{
	const uid_t uid = cua_unix_peer_uid(fd);
	return uid == geteuid() || uid == 0;
}

/* Those at the port, oldest first. */
struct waiting {
	struct handshake at[WAITING_MAX];
	int count;
	int wrong; /* passwords, of all */
};

static void turn_away(struct waiting *waiting, int index)
{
	close(waiting->at[index].fd);
	waiting->count--;
	memmove(&waiting->at[index], &waiting->at[index + 1],
			(size_t)(waiting->count - index) * sizeof(waiting->at[0]));
}

/* The oldest of those who have said least: silence holds nobody up. */
static int find_least(const struct waiting *waiting)
{
	int least = 0;
	for (int i = 1; i < waiting->count; i++) {
		least = waiting->at[i].step < waiting->at[least].step ? i : least;
	}
	return least;
}

static void let_wait(struct waiting *waiting, int fd)
{
	const int one = 1;
	struct handshake handshake;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (handshake_begin(&handshake, fd, NULL) != CUA_OK) {
		close(fd);
		return;
	}
	if (waiting->count == WAITING_MAX) {
		turn_away(waiting, find_least(waiting));
	}
	waiting->at[waiting->count++] = handshake;
}

/* Whoever has given the password; -1: nobody yet. */
static int listen_to_all(struct waiting *waiting, const char *password)
{
	for (int i = 0; i < waiting->count && waiting->wrong < WRONG_MAX;) {
		bool is_in = false, is_wrong = false;
		if (handshake_advance(&waiting->at[i], password, &is_in, &is_wrong, NULL) !=
				CUA_OK) {
			waiting->wrong += is_wrong;
			turn_away(waiting, i);
		} else if (is_in) {
			return cua_steal_fd(&waiting->at[i].fd);
		} else {
			i++;
		}
	}
	return -1;
}

static int next_ms(const struct waiting *waiting)
{
	uint64_t next_us = UINT64_MAX;
	for (int i = 0; i < waiting->count; i++) {
		const uint64_t deadline_us = waiting->at[i].deadline_us;
		next_us = deadline_us < next_us ? deadline_us : next_us;
	}
	return waiting->count > 0 ? cua_ms_until(next_us) : -1;
}

/* Until anything happens at the port or to those who wait. */
static enum cua_status wait_for_news(const struct door *door, const struct waiting *waiting,
		int viewer_fd, int stop_fd, struct cua_error *err)
{
	struct pollfd news[3 + WAITING_MAX] = { { .fd = door->listen_fd, .events = POLLIN },
		{ .fd = viewer_fd, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
	for (int i = 0; i < waiting->count; i++) {
		news[3 + i] = (struct pollfd){ .fd = waiting->at[i].fd, .events = POLLIN };
	}
	if (poll(news, 3 + (nfds_t)waiting->count, next_ms(waiting)) < 0 && errno != EINTR) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
	}
	if (news[2].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
	}
	if (news[1].revents && !news[0].revents) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "the viewer ended before it had connected");
	}
	return CUA_OK;
}

/* One that has just come. True if it needs no password. */
static bool comes_in(const struct door *door, struct waiting *waiting, int fd)
{
	if (!door->path[0]) {
		let_wait(waiting, fd);
		return false;
	}
	if (!is_ours(fd)) {
		close(fd);
		return false;
	}
	return true;
}

static enum cua_status wait_for_one(const struct door *door, struct waiting *waiting, int viewer_fd,
		int stop_fd, int *ret_fd, struct cua_error *err)
{
	while (waiting->wrong < WRONG_MAX) {
		enum cua_status status = wait_for_news(door, waiting, viewer_fd, stop_fd, err);
		if (status != CUA_OK) {
			return status;
		}
		/* Neither waits. */
		const int fd = accept4(door->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0 && comes_in(door, waiting, fd)) {
			*ret_fd = fd;
			return CUA_OK;
		}
		*ret_fd = listen_to_all(waiting, door->password);
		if (*ret_fd >= 0) {
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_POLICY, 0, "%d wrong passwords; start it again for another",
			WRONG_MAX);
}

enum cua_status door_wait(struct door *door, pid_t viewer_pid, int stop_fd, int *ret_fd,
		struct cua_error *err)
{
	CUA_AUTO_FD int viewer_fd =
			viewer_pid > 0 ? (int)syscall(SYS_pidfd_open, viewer_pid, 0) : -1;
	struct waiting waiting = { .count = 0 };
	enum cua_status status = wait_for_one(door, &waiting, viewer_fd, stop_fd, ret_fd, err);
	for (int i = 0; i < waiting.count; i++) {
		cua_closep(&waiting.at[i].fd);
	}
	return status;
}

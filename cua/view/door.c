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

/* CUA_ERR_POLICY: not this one. */
static enum cua_status admit(const struct door *door, int fd, int stop_fd, bool *ret_wrong,
		struct cua_error *err)
{
	const int one = 1;
	if (door->path[0]) {
		return is_ours(fd) ? CUA_OK
				   : CUA_FAIL(err, CUA_ERR_POLICY, 0, "another user's viewer");
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return handshake_with_viewer(fd, stop_fd, door->password, ret_wrong, err);
}

static enum cua_status wait_for_one(
		const struct door *door, int viewer_fd, int stop_fd, struct cua_error *err)
{
	struct pollfd waits[3] = { { .fd = door->listen_fd, .events = POLLIN },
		{ .fd = viewer_fd, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
	while (poll(waits, 3, -1) < 0) {
		if (errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
		}
	}
	if (waits[2].revents) {
		return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
	}
	if (waits[0].revents) {
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_APP, 0, "the viewer ended before it had connected");
}

enum cua_status door_wait(struct door *door, pid_t viewer_pid, int stop_fd, int *ret_fd,
		struct cua_error *err)
{
	CUA_AUTO_FD int viewer_fd =
			viewer_pid > 0 ? (int)syscall(SYS_pidfd_open, viewer_pid, 0) : -1;
	for (int wrong = 0; wrong < WRONG_MAX;) {
		enum cua_status status = wait_for_one(door, viewer_fd, stop_fd, err);
		bool is_wrong = false;
		if (status != CUA_OK) {
			return status;
		}
		CUA_AUTO_FD int fd = accept4(door->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			continue;
		}
		status = admit(door, fd, stop_fd, &is_wrong, err);
		if (status == CUA_OK) {
			*ret_fd = cua_steal_fd(&fd);
		}
		if (status == CUA_OK || status == CUA_ERR_CANCELLED) {
			return status;
		}
		wrong += is_wrong;
	}
	return CUA_FAIL(err, CUA_ERR_POLICY, 0, "%d wrong passwords; start it again for another",
			WRONG_MAX);
}

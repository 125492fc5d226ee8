#include "cua/base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cua/base/util.h"

#define SEND_TIMEOUT_S 5

static enum cua_status fill_address(
		const char *path, struct sockaddr_un *address, struct cua_error *err)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path)) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"socket path %s has more than %zu bytes; set CUA_RUNTIME_DIR to a "
				"shorter directory",
				path, sizeof(address->sun_path) - 1);
	}
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return CUA_OK;
}

enum cua_status cua_unix_listen(
		const char *path, int type, mode_t mode, int *ret_fd, struct cua_error *err)
{
	struct sockaddr_un address;
	enum cua_status status = fill_address(path, &address, err);
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "socket");
	}
	unlink(path);
	/* Nobody connects before listen(), so the mode is in force in time. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || chmod(path, mode) != 0 ||
			listen(fd, 64) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

enum cua_status cua_unix_connect(const char *path, int type, int *ret_fd, struct cua_error *err)
{
	struct sockaddr_un address;
	enum cua_status status = fill_address(path, &address, err);
	if (status != CUA_OK) {
		return status;
	}
	/* Non-blocking, because a listener with a full backlog may leave us waiting for ever. */
	CUA_AUTO_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "socket");
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return CUA_FAIL(err, errno == EAGAIN ? CUA_ERR_TIMEOUT : CUA_ERR_CLOSED, errno,
				"%s", path);
	}
	const struct timeval send_timeout = { .tv_sec = SEND_TIMEOUT_S };
	if (fcntl(fd, F_SETFL, 0) != 0 ||
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout,
					sizeof(send_timeout)) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

bool cua_unix_is_alive(const char *path, int type)
{
	CUA_AUTO_FD int fd = -1;
	const enum cua_status status = cua_unix_connect(path, type, &fd, NULL);
	return status == CUA_OK || status == CUA_ERR_TIMEOUT;
}

uid_t cua_unix_peer_uid(int socket)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.uid : (uid_t)-1;
}

pid_t cua_unix_peer_pid(int socket)
{
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);
	return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

enum cua_status cua_unix_send(int socket, const void *data, size_t len, const int *fds,
		int fd_count, struct cua_error *err)
{
	union {
		char bytes[CMSG_SPACE(CUA_UNIX_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (fd_count > CUA_UNIX_FDS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "more than %d descriptors",
				CUA_UNIX_FDS_MAX);
	}
	if (fd_count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE((size_t)fd_count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN((size_t)fd_count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, (size_t)fd_count * sizeof(int));
	}
	ssize_t sent;
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent != (ssize_t)len) {
		return CUA_FAIL(err,
				errno == EPIPE || errno == ECONNRESET ? CUA_ERR_CLOSED : CUA_ERR_IO,
				errno, "send");
	}
	return CUA_OK;
}

static void take_fds(struct msghdr *message, int ret_fds[CUA_UNIX_FDS_MAX])
{
	int count = 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
			header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t got = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < got; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(fd));
			if (count < CUA_UNIX_FDS_MAX) {
				ret_fds[count++] = fd;
			} else {
				close(fd);
			}
		}
	}
}

enum cua_status cua_unix_recv(int socket, void *data, size_t size, size_t *ret_len,
		int ret_fds[CUA_UNIX_FDS_MAX], struct cua_error *err)
{
	union {
		char bytes[CMSG_SPACE(CUA_UNIX_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = data, .iov_len = size };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
		ret_fds[i] = -1;
	}
	ssize_t got;
	do {
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		return CUA_FAIL(err, errno == EAGAIN ? CUA_ERR_TIMEOUT : CUA_ERR_IO, errno,
				"receive");
	}
	take_fds(&message, ret_fds);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		for (int i = 0; i < CUA_UNIX_FDS_MAX; i++) {
			cua_closep(&ret_fds[i]);
			ret_fds[i] = -1;
		}
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"message over %zu bytes or with more than %d descriptors", size,
				CUA_UNIX_FDS_MAX);
	}
	*ret_len = (size_t)got;
	return CUA_OK;
}

#include "cua/view/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

const char *const upstream_modes[VNC_MODE_COUNT] = { "watch", "act", "private" };

enum cua_status upstream_open_desktop(struct upstream *upstream,
		const struct desktop_record *record, enum vnc_mode mode, struct cua_error *err)
{
	struct vnc_pass pass = { .mode = mode }; /* of nobody by name: whoever has the desktop */
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_FD int fd = -1;
	*upstream = (struct upstream){ .fd = -1 };
	memcpy(pass.magic, VNC_PASS_MAGIC, sizeof(pass.magic));
	desktop_path(record, "viewers.sock", path, sizeof(path));
	if (cua_unix_connect(path, SOCK_STREAM, &fd, NULL) != CUA_OK ||
			send(fd, &pass, sizeof(pass), MSG_NOSIGNAL) != (ssize_t)sizeof(pass)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the host of desktop %s does not answer; if it is gone, cua "
				"desktop "
				"start --name=%s gives it another",
				record->name, record->name);
	}
	upstream->fd = cua_steal_fd(&fd);
	return CUA_OK;
}

static void *carry(void *data)
{
	struct upstream *upstream = data;
	const struct tunnel_target target = view_server_target(&upstream->server, upstream->path);
	upstream->status = tunnel_to_server(&target, upstream->thread_fd, &upstream->error);
	cua_closep(&upstream->thread_fd);
	return NULL;
}

enum cua_status upstream_open_server(struct upstream *upstream, const struct view_server *server,
		const char *desktop, enum vnc_mode mode, struct cua_error *err)
{
	int pair[2];
	*upstream = (struct upstream){ .fd = -1, .server = *server };
	enum cua_status status = view_server_ticket(server, desktop, upstream_modes[mode],
			upstream->path, sizeof(upstream->path), err);
	if (status != CUA_OK) {
		return status;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "socket");
	}
	upstream->fd = pair[0];
	upstream->thread_fd = pair[1];
	const int failed = pthread_create(&upstream->thread, NULL, carry, upstream);
	if (failed) {
		cua_closep(&upstream->fd);
		cua_closep(&upstream->thread_fd);
		return CUA_FAIL(err, CUA_ERR_NOMEM, failed, "thread");
	}
	upstream->has_thread = true;
	return CUA_OK;
}

enum cua_status upstream_close(struct upstream *upstream, struct cua_error *err)
{
	cua_closep(&upstream->fd);
	if (!upstream->has_thread) {
		return CUA_OK;
	}
	pthread_join(upstream->thread, NULL);
	upstream->has_thread = false;
	if (upstream->status != CUA_OK && err) {
		*err = upstream->error;
	}
	return upstream->status;
}

#ifndef CUA_BASE_UNIX_SOCKET_H
#define CUA_BASE_UNIX_SOCKET_H

/* Unix sockets and descriptors passed over them. All descriptors are close-on-exec. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cua/base/error.h"

/* type is SOCK_STREAM or SOCK_SEQPACKET. An old socket at path is replaced. */
CUA_NODISCARD enum cua_status cua_unix_listen(
		const char *path, int type, mode_t mode, int *ret_fd, struct cua_error *err);
/* CUA_ERR_CLOSED if nobody listens, CUA_ERR_TIMEOUT if the listener takes no more connections.
 * The socket blocks, sending for at most 5 s. */
CUA_NODISCARD enum cua_status cua_unix_connect(
		const char *path, int type, int *ret_fd, struct cua_error *err);
/* True if somebody listens at path. */
bool cua_unix_is_alive(const char *path, int type);

/* Who listens at the other end; (uid_t)-1 if that cannot be told. */
uid_t cua_unix_peer_uid(int socket);
/* 0 if that cannot be told. */
pid_t cua_unix_peer_pid(int socket);

#define CUA_UNIX_FDS_MAX 4

/* One message with its descriptors, at most CUA_UNIX_FDS_MAX, which stay the caller's. */
CUA_NODISCARD enum cua_status cua_unix_send(int socket, const void *data, size_t len,
		const int *fds, int fd_count, struct cua_error *err);

/**
 * cua_unix_recv() - one message of a SOCK_SEQPACKET socket.
 * @ret_len: bytes received; 0 at the end of the connection.
 * @ret_fds: CUA_UNIX_FDS_MAX entries, -1 where there is none; the caller closes them.
 *
 * Return: CUA_OK; CUA_ERR_TOO_LARGE if the message did not fit or had more descriptors, all of
 *         which are then closed; CUA_ERR_TIMEOUT if the socket is non-blocking and nothing is
 *         there; CUA_ERR_IO.
 */
CUA_NODISCARD enum cua_status cua_unix_recv(int socket, void *data, size_t size, size_t *ret_len,
		int ret_fds[CUA_UNIX_FDS_MAX], struct cua_error *err);

#endif

#ifndef CUA_SERVER_WORKSPACE_TAR_H
#define CUA_SERVER_WORKSPACE_TAR_H

/* The folder of a project as a tar archive, and back, piece by piece: files, folders and links;
 * what else agents may have made is left out. Links are kept as links, and never followed.
 * Source: POSIX.1-2001, pax interchange format, by libarchive. */

#include <stdint.h>
#include <sys/types.h>

#include "cua/base/error.h"

/* Takes a piece of an archive; it may wait. A status other than CUA_OK ends it. */
typedef enum cua_status (*workspace_tar_fn)(
		const void *data, size_t len, void *user_data, struct cua_error *err);

CUA_NODISCARD enum cua_status workspace_tar_write(
		int root_fd, workspace_tar_fn take, void *user_data, struct cua_error *err);

struct workspace_tar_result {
	int64_t files, folders, links, bytes;
	int64_t left_out;     /* devices, pipes, hard links, names that no path may have */
	char left_first[256]; /* the first of these; "" for none */
};

/**
 * workspace_tar_read() - what is in an archive, into the folder.
 * @fd: the archive, a regular file, from where it stands; plain or compressed by gzip.
 * @stop_fd: once it can be read, nothing more is done.
 *
 * A file or a link that is there is replaced, a folder that is there stays. Nothing outside of the
 * folder is touched, whatever the archive names and whatever is in the folder. What was done
 * before a failure stays.
 *
 * Return: CUA_OK; CUA_ERR_INVAL if it is no archive, or is damaged; CUA_ERR_TOO_LARGE if it has too
 *         many entries, or one that takes too much memory; CUA_ERR_CANCELLED by stop_fd;
 *         CUA_ERR_UNAVAILABLE if the disk is full; CUA_ERR_EXISTS, CUA_ERR_POLICY and CUA_ERR_IO,
 *         with the path.
 */
CUA_NODISCARD enum cua_status workspace_tar_read(int root_fd, int fd, int stop_fd,
		struct workspace_tar_result *ret_result, struct cua_error *err);

#endif

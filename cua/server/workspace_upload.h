#ifndef CUA_SERVER_WORKSPACE_UPLOAD_H
#define CUA_SERVER_WORKSPACE_UPLOAD_H

/* Files that come in pieces: kept beside their place until they are complete, then renamed. How
 * much of one is there, is how long what is kept is: it outlives the server. */

#include <stdbool.h>
#include <stdint.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

/* This much of the disk stays free for everything else. */
#define WORKSPACE_DISK_FREE_MIN ((uint64_t)256 << 20)

struct workspace_piece {
	const struct cua_buffer *bytes;
	int64_t offset; /* in the file; 0: begins it anew */
	bool completes; /* it is the last: the file takes its place */
};

/* ret_offset: where the next piece begins, also when the piece's was wrong. CUA_ERR_EXISTS for
 * that, and for a folder in its place; CUA_ERR_UNAVAILABLE without room on the disk. */
CUA_NODISCARD enum cua_status workspace_upload(int root_fd, const char *path,
		const struct workspace_piece *piece, int64_t *ret_offset, struct cua_error *err);
/* 0: there is none. */
CUA_NODISCARD enum cua_status workspace_upload_offset(
		int root_fd, const char *path, int64_t *ret_offset, struct cua_error *err);
/* A file, finished or not, or a folder with all in it; a link itself, never what it leads to.
 * CUA_ERR_NOT_FOUND. */
CUA_NODISCARD enum cua_status workspace_remove(
		int root_fd, const char *path, struct cua_error *err);

#endif

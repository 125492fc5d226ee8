#ifndef CUA_BASE_FILE_H
#define CUA_BASE_FILE_H

/* Whole files and directory trees. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cua/base/buffer.h"
#include "cua/base/error.h"

/* Appends the regular file to buffer; CUA_ERR_NOT_FOUND, CUA_ERR_TOO_LARGE past the buffer's cap,
 * CUA_ERR_INVAL for a folder, a pipe and the like, at once. */
CUA_NODISCARD enum cua_status cua_file_read(
		const char *path, struct cua_buffer *buffer, struct cua_error *err);
/* "a folder", "a pipe", ...: what a mode of stat(2) says. */
const char *cua_file_kind(mode_t mode);
/* All of it, where the descriptor stands; false with errno if it cannot be, a part may be written
 * then. */
CUA_NODISCARD bool cua_write_all(int fd, const void *data, size_t len);
/* Readers see the old content or the new one, never a part: written beside it, then renamed. */
CUA_NODISCARD enum cua_status cua_file_write(
		const char *path, const void *data, size_t len, mode_t mode, struct cua_error *err);
/* The same for what has to survive a power loss: the file and its name are on the disk when this
 * returns. name is in the folder dir_fd; mode 0600. After a failure there is no part of it. */
CUA_NODISCARD enum cua_status cua_file_write_durable(
		int dir_fd, const char *name, const void *data, size_t len, struct cua_error *err);
/* The same in two parts: the disk has it when *ret_fd, and then dir_fd, were synced. Readers see
 * the whole file at once; after a power loss in between, its name may be there without it. */
CUA_NODISCARD enum cua_status cua_file_write_unsynced(int dir_fd, const char *name,
		const void *data, size_t len, int *ret_fd, struct cua_error *err);
/* mkdir -p; existing directories are fine, whatever their mode. */
CUA_NODISCARD enum cua_status cua_make_dirs(const char *path, mode_t mode, struct cua_error *err);
/* rm -rf, without following symbolic links; nothing there is fine. */
CUA_NODISCARD enum cua_status cua_remove_tree(const char *path, struct cua_error *err);
/* The same of a name in the folder dir_fd, which may be one of O_PATH. */
CUA_NODISCARD enum cua_status cua_remove_tree_at(
		int dir_fd, const char *name, struct cua_error *err);
/* The last at most size-1 bytes of a file, from the start of a line; "" if there is none. */
void cua_file_tail(const char *path, char *tail, size_t size);
void cua_file_tail_fd(int fd, char *tail, size_t size);
/* At most size-1 bytes: the whole file, or its beginning, " ... " and its end. */
void cua_file_ends(const char *path, char *text, size_t size);

#endif

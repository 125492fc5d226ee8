#ifndef CUA_WORKSPACE_FOLDER_H
#define CUA_WORKSPACE_FOLDER_H

/* A folder of the user's choice that a desktop sees as its workspace. Nothing of it is copied, and
 * it outlives the desktop. */

#include <stddef.h>

#include "cua/base/error.h"
#include "display/desktop_record.h"

/**
 * cua_workspace_check() - may this folder be a workspace?
 * @ret_path: its path without links; size bytes.
 *
 * Not one that would hand out more than was meant: the root, a home directory, what contains one or
 * is hidden in one, folders of the system, what cua itself keeps, or what contains that. Not one
 * that somebody else could exchange for another: every folder above it must be writable by root,
 * its owner and the caller alone, or be sticky.
 *
 * Return: CUA_OK; CUA_ERR_INVAL or CUA_ERR_NOT_FOUND with the reason.
 */
CUA_NODISCARD enum cua_status cua_workspace_check(
		const char *path, char *ret_path, size_t size, struct cua_error *err);

/**
 * cua_workspace_open() - the folder as a mount that is nowhere yet, for struct cua_spawn.
 * @uid: who is to see the files of the folder's owner as its own; what it makes is the owner's.
 *
 * For root alone. Follows no link. Return: CUA_OK; CUA_ERR_UNAVAILABLE with what to do if the file
 * system cannot map owners; CUA_ERR_IO.
 * Source: mount_setattr(2), open_tree(2).
 */
CUA_NODISCARD enum cua_status cua_workspace_open(
		const char *path, uid_t uid, int *ret_tree_fd, struct cua_error *err);

/* Where the sandbox has bound it by its path: is it the folder that was checked? */
CUA_NODISCARD enum cua_status cua_workspace_verify(
		const struct desktop_record *record, struct cua_error *err);

#endif

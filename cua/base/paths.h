#ifndef CUA_BASE_PATHS_H
#define CUA_BASE_PATHS_H

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/error.h"

#define CUA_PATH_MAX 1024

/* Sockets and records of running desktops: $CUA_RUNTIME_DIR, else /run/cua for root, else
 * $XDG_RUNTIME_DIR/cua, else /tmp/cua-UID. Made if absent; CUA_ERR_POLICY if somebody else owns
 * it. */
CUA_NODISCARD enum cua_status cua_runtime_dir(char *path, size_t size, struct cua_error *err);

/* Homes of desktops and folders of runs: $CUA_STATE_DIR, else /var/lib/cua for root, else
 * $XDG_STATE_HOME/cua, else ~/.local/state/cua. Made if absent. */
CUA_NODISCARD enum cua_status cua_state_dir(char *path, size_t size, struct cua_error *err);

/* cua's folder of configuration: $XDG_CONFIG_HOME/cua, else ~/.config/cua. It need not be there. */
CUA_NODISCARD enum cua_status cua_config_dir(char *path, size_t size, struct cua_error *err);

/* A file that a person wrote: what the variable names, else NAME in cua's folder of configuration.
 * *ret_is_named: the variable names it; a file
 * that nobody named need not be there. */
CUA_NODISCARD enum cua_status cua_config_path(const char *variable, const char *name, char *path,
		size_t size, bool *ret_is_named, struct cua_error *err);

/* A program of ours: it lies beside the one that runs. CUA_ERR_NOT_FOUND. */
CUA_NODISCARD enum cua_status cua_program_path(
		const char *name, char *path, size_t size, struct cua_error *err);

#endif

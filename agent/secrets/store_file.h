#ifndef CUA_AGENT_SECRETS_STORE_FILE_H
#define CUA_AGENT_SECRETS_STORE_FILE_H

/* The sealed file of the secrets, and its key: "sealed" and "key" in the folder "secrets" of cua's
 * state, or the key that systemd hands over as the credential "cua-secrets.key". */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/error.h"

/* The folder, which is a lock of its own. make: make it if absent; else *ret_fd is -1 then. */
CUA_NODISCARD enum cua_status store_file_folder(bool make, int *ret_fd, struct cua_error *err);

/* *ret_text: of sodium_malloc(), owned by the caller; NULL if there is no file. CUA_ERR_POLICY if
 * it is not what was written. */
CUA_NODISCARD enum cua_status store_file_read(
		int dir_fd, char **ret_text, size_t *ret_len, struct cua_error *err);
/* Readers see the old file or the new one, also after a power loss. */
CUA_NODISCARD enum cua_status store_file_write(
		int dir_fd, const char *text, size_t len, struct cua_error *err);

#endif

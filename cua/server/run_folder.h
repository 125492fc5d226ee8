#ifndef CUA_SERVER_RUN_FOLDER_H
#define CUA_SERVER_RUN_FOLDER_H

/* The folder of a run that is the server's: its journal and its pictures. */

#include "cua/server/route.h"

/* id: the whole of its name. ret_fd: the caller's; -1 if the run has not begun, and has none.
 * CUA_ERR_NOT_FOUND for a run that there is not. */
CUA_NODISCARD enum cua_status run_folder_open(
		struct request *request, const char *id, int *ret_fd, struct cua_error *err);

#endif

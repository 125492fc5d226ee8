#ifndef CUA_API_DESKTOP_API_H
#define CUA_API_DESKTOP_API_H

/* The routes of the desktop API (cua/contract/README.md) and the vnc process beside them: the
 * desktop host. */

#include "display/desktop_record.h"

/* Serves until SIGTERM; writes {"ready": true} or {"error": "..."} to ready_fd once. Returns the
 * exit status of the process. */
int desktop_host_run(const struct desktop_record *record, int ready_fd);

#endif

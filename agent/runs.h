#ifndef CUA_AGENT_RUNS_H
#define CUA_AGENT_RUNS_H

/* The folder that holds all runs. */

#include "cua/base/error.h"

/* $CUA_RUNS_DIR, or runs/ in cua_state_dir(); it need not be there. The caller owns it. */
CUA_NODISCARD enum cua_status agent_runs_dir(char **ret_path, struct cua_error *err);

#endif

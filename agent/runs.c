#include "agent/runs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cua/base/paths.h"

enum cua_status agent_runs_dir(char **ret_path, struct cua_error *err)
{
	char state[CUA_PATH_MAX];
	const char *runs = getenv("CUA_RUNS_DIR");
	int len = -1;
	if (runs && runs[0]) {
		len = asprintf(ret_path, "%s", runs);
	} else {
		enum cua_status status = cua_state_dir(state, sizeof(state), err);
		if (status != CUA_OK) {
			return status;
		}
		len = asprintf(ret_path, "%s/runs", state);
	}
	return len >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "folder of runs");
}

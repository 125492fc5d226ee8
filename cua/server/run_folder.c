#include "cua/server/run_folder.h"

#include <errno.h>
#include <fcntl.h>

#include "agent/runs.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/server.h"

enum cua_status run_folder_open(
		struct request *request, const char *id, int *ret_fd, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	CUA_AUTO_FREE char *dir = NULL;
	*ret_fd = -1;
	enum cua_status status = store_get(request->server->store, &row, err,
			"there is no such run", "SELECT id FROM runs WHERE id = ?", "s", id);
	if (status != CUA_OK) {
		return status;
	}
	status = agent_runs_find(cua_json_text(row, "id"), &dir, err);
	if (status != CUA_OK) {
		return status == CUA_ERR_NOT_FOUND ? CUA_OK : status;
	}
	*ret_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_IO, errno, "the folder of the run");
}

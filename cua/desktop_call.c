#include "cua/desktop_call.h"

#include "cua/base/http_unix.h"
#include "cua/base/process.h"
#include "cua/base/util.h"
#include "cua/desktops.h"

/* Beyond any action: a wait or a held key of a minute, an application that starts slowly. */
#define CALL_TIMEOUT_MS 300000

enum cua_status cua_desktop_call(const char *name, const char *method, const char *path,
		const cJSON *body, cJSON **ret_answer, struct cua_error *err)
{
	struct desktop_record record;
	cua_short_slice();
	enum cua_status status = cua_desktop_find(name, &record, err);
	if (status != CUA_OK) {
		return status;
	}
	char socket_path[CUA_PATH_MAX + 16];
	desktop_path(&record, "api.sock", socket_path, sizeof(socket_path));
	CUA_AUTO_JSON cJSON *answer = NULL;
	status = cua_http_unix_json(socket_path, method, path, body, CALL_TIMEOUT_MS, &answer, err);
	if (status == CUA_ERR_CLOSED && !answer) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0,
				"the host of desktop %s is gone; cua desktop start --name %s "
				"starts it "
				"again",
				record.name, record.name);
	}
	if (ret_answer) {
		*ret_answer = CUA_STEAL(answer);
	}
	return status;
}

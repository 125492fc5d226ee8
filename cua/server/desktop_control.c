#include "cua/server/desktop_control.h"

#include <string.h>

#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/desktops.h"

#define TIMEOUT_MS 10000

enum cua_status desktop_control_ask(const struct desktop_record *record, const char *method,
		const cJSON *body, cJSON **ret_answer, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	desktop_path(record, "api.sock", path, sizeof(path));
	const enum cua_status status = cua_http_unix_json(
			path, method, "/v1/control", body, TIMEOUT_MS, ret_answer, err);
	if (status == CUA_ERR_CLOSED && !*ret_answer) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the host of desktop %s is gone; a start by its name gives it "
				"another",
				record->name);
	}
	return status;
}

void desktop_control_give_all(const char *person)
{
	CUA_AUTO_JSON cJSON *desktops = cua_desktop_list(NULL);
	CUA_AUTO_JSON cJSON *order = cJSON_CreateObject();
	cJSON *who = cJSON_AddObjectToObject(order, "person");
	const cJSON *desktop = NULL;
	cJSON_AddStringToObject(order, "do", "give");
	cJSON_AddStringToObject(who, "id", person);
	cJSON_AddStringToObject(who, "name", person);
	cJSON_ArrayForEach (desktop, desktops) {
		CUA_AUTO_JSON cJSON *answer = NULL; /* mostly that they have not got it */
		const char *socket = cua_json_text(desktop, "socket");
		if (strcmp(cua_json_text(desktop, "state"), "running") == 0) {
			(void)!cua_http_unix_json(socket, "POST", "/v1/control", order, TIMEOUT_MS,
					&answer, NULL);
		}
	}
}

enum cua_status desktop_control_check(const struct desktop_record *record,
		const struct caller *caller, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *control = NULL;
	const enum cua_status status = desktop_control_ask(record, "GET", NULL, &control, err);
	if (status != CUA_OK || strcmp(cua_json_text(control, "mode"), "private") != 0 ||
			strcmp(cua_json_text(control, "person_id"), caller->id) == 0) {
		return status;
	}
	return CUA_FAIL(err, CUA_ERR_PERSON, 0,
			"a person has desktop %s in private: nothing runs on it for others until "
			"it is given back",
			record->name);
}

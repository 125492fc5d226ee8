/* What goes out to a desktop: actions, the screenshot that is wanted, and the secrets that texts
 * name. */

#include "agent/desktop_client_internal.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/placeholder.h"

/* --- actions --- */

/* The screenshot after the last action serves for all; a wait of no time keeps the place of
 * each action in the list, which errors refer to. */
static cJSON *prepare_action(const cJSON *action)
{
	const char *name = cua_json_string(action, "action");
	if (!name || strcmp(name, "screenshot") != 0 || cJSON_GetArraySize(action) != 1) {
		return cJSON_Duplicate(action, true);
	}
	cJSON *wait = cJSON_CreateObject();
	cJSON_AddStringToObject(wait, "action", "wait");
	cJSON_AddNumberToObject(wait, "duration_ms", 0);
	return wait;
}

char *desktop_client_body(const struct agent_desktop *desktop, const cJSON *actions)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(body, "actions");
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		cJSON *prepared = prepare_action(action);
		if (!prepared || !cJSON_AddItemToArray(list, prepared)) {
			cJSON_Delete(prepared);
			return NULL;
		}
	}
	cJSON_AddBoolToObject(body, "look_after_person", true);
	cJSON *screenshot = cJSON_AddObjectToObject(body, "screenshot");
	cJSON_AddBoolToObject(screenshot, "pointer", !desktop->hides_pointer);
	/* It goes over the wire to a model, and again with each turn. */
	cJSON_AddStringToObject(screenshot, "level", "small");
	if (desktop->view.x > 0) {
		const int size[] = { desktop->view.x, desktop->view.y };
		cJSON_AddNumberToObject(screenshot, "width", size[0]);
		cJSON_AddNumberToObject(screenshot, "height", size[1]);
		cJSON_AddItemToObject(body, "coordinates", cJSON_CreateIntArray(size, 2));
	}
	if (desktop->etag[0]) {
		cJSON_AddStringToObject(screenshot, "if_none_match", desktop->etag);
	}
	return cJSON_PrintUnformatted(body);
}

/* --- secrets --- */

/* The value stays where it is, and is not copied. */
static void name_secret(const struct agent_secret *secret, cJSON *named, size_t *size)
{
	cJSON *json = cua_json_member(named, secret->name) ? NULL : cJSON_CreateObject();
	if (!json) {
		return;
	}
	cJSON_AddItemToObject(json, "value", cJSON_CreateStringReference(secret->value));
	cJSON_AddItemToObject(json, "windows", cJSON_Duplicate(secret->windows, true));
	cJSON_AddItemToObject(json, "origins", cJSON_Duplicate(secret->origins, true));
	cJSON_AddItemToObject(named, secret->name, json);
	CUA_AUTO_FREE char *windows = cJSON_PrintUnformatted(secret->windows);
	CUA_AUTO_FREE char *origins = cJSON_PrintUnformatted(secret->origins);
	*size += 100 + strlen(secret->name) + 6 * strlen(secret->value) +
			(windows ? strlen(windows) : 0) + (origins ? strlen(origins) : 0);
}

/* What the texts of the actions name; size: that its JSON has at most. */
static cJSON *name_secrets(const struct agent_desktop *desktop, const cJSON *actions, size_t *size)
{
	cJSON *named = cJSON_CreateObject();
	const cJSON *action = NULL;
	struct cua_placeholder found;
	cJSON_ArrayForEach (action, actions) {
		const char *text = strcmp(cua_json_text(action, "action"), "type") == 0
				? cua_json_text(action, "text")
				: "";
		for (; cua_placeholder_next(text, &found); text = found.at + found.len) {
			const struct agent_secret *secret =
					agent_secrets_find(desktop->secrets, found.name);
			if (secret && !secret->is_api_key) {
				name_secret(secret, named, size);
			}
		}
	}
	return named;
}

enum cua_status desktop_client_add_secrets(const struct agent_desktop *desktop, const char *body,
		const cJSON *actions, char **ret_whole, struct cua_error *err)
{
	static const char member[] = ",\"secrets\":";
	size_t size = 64, len = body ? strlen(body) : 0;
	CUA_AUTO_JSON cJSON *named = name_secrets(desktop, actions, &size);
	if (len == 0 || (named && !named->child)) {
		return CUA_OK;
	}
	char *whole = named ? sodium_malloc(len + size) : NULL;
	char *at = whole ? whole + len - 1 + strlen(member) : NULL;
	if (!whole) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	memcpy(whole, body, len);
	memcpy(whole + len - 1, member, sizeof(member)); /* in the place of the brace */
	if (!cJSON_PrintPreallocated(named, at, (int)size - 32, false)) {
		sodium_free(whole);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	strcat(at, "}");
	*ret_whole = whole;
	return CUA_OK;
}

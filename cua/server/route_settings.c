/* What an admin sets for the whole server. */

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/run_start.h"
#include "cua/server/server.h"
#include "cua/server/settings.h"

static const struct field state_fields[] = {
	{ "url", FIELD_TEXT, FIELD_REQUIRED },
	{ "events", FIELD_TEXTS },
	{ "secret", FIELD_TEXT, FIELD_NULLABLE, .help = "its name" },
	{ "waiting", FIELD_WHOLE, FIELD_REQUIRED, .help = "messages that it has not taken yet" },
	{ "last_ms", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE,
			.help = "when the last was sent, or was tried" },
	{ "last_error", FIELD_TEXT, FIELD_REQUIRED | FIELD_NULLABLE },
	{ 0 },
};
static const struct fields state_answer = { "WebhookState", state_fields };

static const struct field settings_fields[] = {
	{ "max_agents", FIELD_WHOLE, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "defaults", FIELD_OBJECT, FIELD_REQUIRED, .of = &run_settings },
	{ "webhooks", FIELD_LIST, FIELD_REQUIRED, .of = &state_answer },
	{ 0 },
};
static const struct fields settings_answer = { "Settings", settings_fields };

static enum cua_status add_state(struct store *store, cJSON *webhook, struct cua_error *err)
{
	static const char *const members[] = { "waiting", "last_ms", "last_error" };
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(store, &row, err, "none",
			"SELECT count(next_ms) AS waiting, max(changed_ms) AS last_ms, (SELECT "
			"error "
			"FROM deliveries WHERE url = ?1 ORDER BY changed_ms DESC LIMIT 1) AS "
			"last_error FROM deliveries WHERE url = ?1",
			"s", cua_json_text(webhook, "url"));
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(members); i++) {
		cJSON *member = cJSON_DetachItemFromObjectCaseSensitive(row, members[i]);
		cJSON_AddItemToObject(webhook, members[i], member ? member : cJSON_CreateNull());
	}
	return status;
}

static enum cua_status get_settings(struct request *request, struct cua_error *err)
{
	cJSON *webhook = NULL;
	enum cua_status status = settings_get(request->server->store, &request->answer, err);
	cJSON_ArrayForEach (webhook, cua_json_member(request->answer, "webhooks")) {
		if (status == CUA_OK) {
			status = add_state(request->server->store, webhook, err);
		}
	}
	return status;
}

static enum cua_status patch_settings(struct request *request, struct cua_error *err)
{
	const cJSON *defaults = cua_json_member(request->body, "defaults");
	enum cua_status status =
			cJSON_IsObject(defaults) ? run_settings_check(defaults, true, err) : CUA_OK;
	if (status == CUA_OK && request->body) {
		status = settings_put(request->server->store, request->body, err);
	}
	if (status == CUA_OK) {
		status = settings_apply(request->server, err);
	}
	return status == CUA_OK ? get_settings(request, err) : status;
}

static const struct route table[] = {
	{ "GET", "/v1/settings", "getSettings", "What is set for the whole server", SCOPE_ADMIN, 0,
			NULL, NULL, &settings_answer, 0, get_settings },
	{ "PATCH", "/v1/settings", "changeSettings", "Sets what is named, and nothing else",
			SCOPE_ADMIN, ROUTE_LARGE, NULL, &settings_change, &settings_answer, 0,
			patch_settings },
};
const struct routes settings_routes = ROUTES("settings", "Of the whole server", table);

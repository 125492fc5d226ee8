#include "cua/server/settings.h"

#include <string.h>

#include <curl/curl.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/run_start.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"
#include "cua/server/webhooks.h"

#define WEBHOOKS_MAX 16
#define URL_MAX_LEN 2000

static const struct field webhook_fields[] = {
	{ "url", FIELD_TEXT, FIELD_REQUIRED, 1, URL_MAX_LEN, NULL, NULL,
			"https, or http on this machine; redirects are not followed" },
	{ "events", FIELD_TEXTS, 0, 1, 3, NULL, NULL,
			"approval, question, run (it has ended); without: all" },
	{ "secret", FIELD_TEXT, FIELD_NULLABLE, 1, 64, NULL, NULL,
			"the name of a secret of the kind api_key that messages are signed with: "
			"webhook-signature, as of standardwebhooks.com" },
	{ 0 },
};
const struct fields settings_webhook = { "Webhook", webhook_fields };

static const struct field change_fields[] = {
	{ "max_agents", FIELD_WHOLE, FIELD_NULLABLE, 1, 10000, NULL, NULL,
			"that go on at once; null: as cua serve was started" },
	{ "defaults", FIELD_OBJECT, FIELD_NULLABLE, .of = &run_settings,
			.help = "of all runs, behind those of their projects" },
	{ "webhooks", FIELD_LIST, FIELD_NULLABLE, 0, WEBHOOKS_MAX, NULL, &settings_webhook,
			"who is told when somebody is needed; all of them anew" },
	{ 0 },
};
const struct fields settings_change = { "SettingsChange", change_fields };

/* --- webhooks --- */

/* By the same parser that sends to it. */
static bool is_allowed(CURLU *url)
{
	char *scheme = NULL, *host = NULL, *user = NULL, *fragment = NULL;
	(void)curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
	(void)curl_url_get(url, CURLUPART_HOST, &host, 0);
	(void)curl_url_get(url, CURLUPART_USER, &user, 0);
	(void)curl_url_get(url, CURLUPART_FRAGMENT, &fragment, 0);
	const bool is_here = host &&
			(strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
					strcmp(host, "localhost") == 0);
	const bool is_good = scheme && host && !user && !fragment &&
			(strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_here));
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_free(fragment);
	return is_good;
}

static enum cua_status check_url(const char *text, struct cua_error *err)
{
	CURLU *url = curl_url();
	const bool is_good = url &&
			curl_url_set(url, CURLUPART_URL, text,
					CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME) ==
					CURLUE_OK &&
			is_allowed(url);
	curl_url_cleanup(url);
	return is_good ? CUA_OK
		       : CUA_FAIL(err, CUA_ERR_INVAL, 0,
					 "webhooks: the url must be https://..., or http:// and "
					 "127.0.0.1, [::1] or localhost, without user and "
					 "fragment");
}

static enum cua_status check_webhook(const cJSON *webhook, struct cua_error *err)
{
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, cua_json_member(webhook, "events")) {
		if (!webhooks_is_event(event->valuestring)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"webhooks: there is no event \"%.40s\"; there are "
					"approval, "
					"question and run",
					event->valuestring);
		}
	}
	return check_url(cua_json_text(webhook, "url"), err);
}

static enum cua_status check_webhooks(const cJSON *webhooks, struct cua_error *err)
{
	const cJSON *webhook = NULL, *other = NULL;
	cJSON_ArrayForEach (webhook, webhooks) {
		enum cua_status status = check_webhook(webhook, err);
		if (status != CUA_OK) {
			return status;
		}
		for (other = webhook->next; other; other = other->next) {
			if (strcmp(cua_json_text(other, "url"), cua_json_text(webhook, "url")) ==
					0) {
				return CUA_FAIL(err, CUA_ERR_INVAL, 0,
						"webhooks: a url is there twice");
			}
		}
	}
	return CUA_OK;
}

/* --- keeping --- */

static cJSON *without(const char *name)
{
	return strcmp(name, "defaults") == 0            ? cJSON_CreateObject()
			: strcmp(name, "webhooks") == 0 ? cJSON_CreateArray()
							: cJSON_CreateNull();
}

enum cua_status settings_get(struct store *store, cJSON **ret_settings, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(store, &row, err, "nothing was set",
			"SELECT value_json FROM settings WHERE name = 'server'", "");
	if (status != CUA_OK && status != CUA_ERR_NOT_FOUND) {
		return status;
	}
	const cJSON *kept = cua_json_member(row, "value");
	cJSON *settings = cJSON_CreateObject();
	for (const struct field *field = change_fields; field->name; field++) {
		const cJSON *value = cua_json_member(kept, field->name);
		cJSON_AddItemToObject(settings, field->name,
				value ? cJSON_Duplicate(value, true) : without(field->name));
	}
	*ret_settings = settings;
	return CUA_OK;
}

enum cua_status settings_put(struct store *store, const cJSON *change, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *settings = NULL;
	const cJSON *member = NULL;
	enum cua_status status = check_webhooks(cua_json_member(change, "webhooks"), err);
	if (status == CUA_OK) {
		status = settings_get(store, &settings, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON_ArrayForEach (member, change) {
		cJSON_ReplaceItemInObjectCaseSensitive(settings, member->string,
				cJSON_IsNull(member) ? without(member->string)
						     : cJSON_Duplicate(member, true));
	}
	return store_run(store, NULL, err,
			"INSERT INTO settings (name, value_json) VALUES ('server', ?1) ON CONFLICT "
			"(name) DO UPDATE SET value_json = ?1",
			"j", settings);
}

enum cua_status settings_apply(struct server *server, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *settings = NULL;
	enum cua_status status = settings_get(server->store, &settings, err);
	if (status == CUA_OK) {
		runs_set_max(server->runs, cua_json_int(settings, "max_agents"));
	}
	return status;
}

/* What the feed is told of runs and of what they ask. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/server/runs_internal.h"

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"

/* --- what the store says --- */

void runs_note_changed(struct runs *runs, const char *id)
{
	struct changed *changed = NULL;
	pthread_mutex_lock(&runs->mutex);
	STAILQ_FOREACH(changed, &runs->changed, link)
	{
		if (strcmp(changed->id, id) == 0) {
			break;
		}
	}
	if (!changed && (changed = calloc(1, sizeof(*changed)))) {
		snprintf(changed->id, sizeof(changed->id), "%s", id);
		STAILQ_INSERT_TAIL(&runs->changed, changed, link);
	}
	pthread_mutex_unlock(&runs->mutex);
	uv_async_send(&runs->news);
}

static struct changed *take_changed(struct runs *runs)
{
	pthread_mutex_lock(&runs->mutex);
	struct changed *changed = STAILQ_FIRST(&runs->changed);
	if (changed) {
		STAILQ_REMOVE_HEAD(&runs->changed, link);
	}
	pthread_mutex_unlock(&runs->mutex);
	return changed;
}

static void tell_row(struct runs *runs, const char *id)
{
	struct cua_error error = { 0 };
	cJSON *row = NULL;
	enum cua_status status = store_get(runs->server->store, &row, &error, "it was deleted",
			"SELECT project, state, error FROM runs WHERE id = ?", "s", id);
	if (status == CUA_ERR_NOT_FOUND) {
		row = cJSON_CreateObject();
		cJSON_AddStringToObject(row, "state", "deleted");
	} else if (status != CUA_OK) {
		cua_log_warn("run %s: %s", id, error.msg);
		return;
	}
	const char *state = cua_json_text(row, "state");
	const bool is_over = strcmp(state, "queued") != 0 && strcmp(state, "starting") != 0 &&
			strcmp(state, "running") != 0;
	if (is_over) {
		cJSON_AddNullToObject(row, "now");
	}
	feed_note(runs->server->feed, "run", id, is_over, row);
}

void runs_tell_changed(struct runs *runs)
{
	for (struct changed *changed; (changed = take_changed(runs));) {
		tell_row(runs, changed->id);
		free(changed);
	}
}

/* --- what a run says --- */

void runs_tell_address(struct live *live, cJSON *state)
{
	cJSON *question = cua_json_member(state, "question");
	const char *id = cua_json_text(question, "id");
	const char *path = cua_json_text(question, "picture"), *slash = strrchr(path, '/');
	char address[128];
	pthread_mutex_lock(&live->runs->mutex);
	snprintf(live->shows, sizeof(live->shows), "%s", path[0] ? id : "");
	snprintf(live->picture, sizeof(live->picture), "%s", slash ? slash + 1 : path);
	pthread_mutex_unlock(&live->runs->mutex);
	if (path[0]) {
		snprintf(address, sizeof(address), "/v1/approvals/%.60s/picture", id);
		cJSON_ReplaceItemInObjectCaseSensitive(
				question, "picture", cJSON_CreateString(address));
	}
}

static void tell_now(const struct live *live, const cJSON *state)
{
	cJSON *members = cJSON_CreateObject();
	cJSON *now = cJSON_AddObjectToObject(members, "now");
	cJSON_AddStringToObject(now, "state", cua_json_text(state, "state"));
	cJSON_AddNumberToObject(now, "step", cua_json_number(state, "step"));
	feed_note(live->runs->server->feed, "run", live->id, false, members);
}

void runs_tell_unasked(struct live *live)
{
	if (live->asks[0]) {
		cJSON *members = cJSON_CreateObject();
		cJSON_AddStringToObject(members, "state", "over");
		cJSON_AddStringToObject(members, "run", live->id);
		feed_note(live->runs->server->feed, "approval", live->asks, true, members);
	}
	live->asks[0] = '\0';
}

void runs_tell_state(struct live *live, const cJSON *state)
{
	const cJSON *question = cua_json_member(state, "question");
	const char *id = cua_json_text(question, "id");
	tell_now(live, state);
	if (strcmp(live->asks, id) == 0) {
		return;
	}
	runs_tell_unasked(live);
	if (id[0]) {
		cJSON *members = cJSON_Duplicate(question, true);
		cJSON_DeleteItemFromObjectCaseSensitive(members, "id");
		cJSON_AddStringToObject(members, "state", "open");
		cJSON_AddStringToObject(members, "run", live->id);
		snprintf(live->asks, sizeof(live->asks), "%s", id);
		feed_note(live->runs->server->feed, "approval", id, false, members);
	}
}

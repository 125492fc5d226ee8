#include "agent/model/responses_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/model/model_pictures.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define NOT_FOUND "previous_response_not_found"

static void responses_destroy(void *self)
{
	struct responses *talk = self;
	if (talk) {
		model_items_finish(&talk->items);
		model_shelf_finish(&talk->shelf);
		free(talk);
	}
}

static enum cua_status responses_create(
		const struct agent_model_config *config, void **ret_self, struct cua_error *err)
{
	struct responses *talk = calloc(1, sizeof(*talk));
	if (!talk) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	}
	talk->config = config;
	*ret_self = talk;
	return CUA_OK;
}

static enum cua_status responses_url(void *self, struct cua_buffer *url, struct cua_error *err)
{
	const struct responses *talk = self;
	return cua_buffer_printf(url, err, "%s/responses", talk->config->base_url);
}

bool responses_uses_threads(const struct agent_model_config *config)
{
	return config->spec->threads && !config->is_probe;
}

static bool is_of_type(const char *text, const char *type)
{
	const struct agent_json_span item = { text, strlen(text) };
	struct agent_json_span value;
	return agent_json_member(item, "type", &value) && value.len == strlen(type) + 2 &&
			memcmp(value.at + 1, type, strlen(type)) == 0;
}

static void keep_thread(struct responses *talk, const char *text)
{
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(text);
	const char *id = cua_json_string(answer, "id");
	const bool is_kept = responses_uses_threads(talk->config) && !talk->quirks.no_threads;
	snprintf(talk->thread, sizeof(talk->thread), "%s", id && is_kept ? id : "");
}

/* What the server has is kept out of memory, where there is a place for it. */
static void shelve(struct responses *talk)
{
	const char *dir = model_pictures_dir(talk->config->pictures);
	if (model_shelf_put(&talk->shelf, dir, &talk->items)) {
		model_items_drop(&talk->items, talk->items.count);
		talk->held = talk->adapted = 0;
	}
}

static enum cua_status responses_add_turn(
		void *self, const struct model_items *items, struct cua_error *err)
{
	struct responses *talk = self;
	const size_t before = talk->items.count;
	enum cua_status status = CUA_OK;
	bool is_compacted = false;
	talk->thread[0] = '\0';
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		const char *text = items->texts[i];
		if (is_of_type(text, RESPONSES_ANSWER)) {
			keep_thread(talk, text);
			continue;
		}
		is_compacted = is_compacted || is_of_type(text, "compaction");
		status = model_items_add(&talk->items, text, strlen(text), err);
	}
	/* What a compaction says stands for all that the model was told before this turn. */
	if (status == CUA_OK && is_compacted) {
		model_items_drop(&talk->items, before);
		model_shelf_finish(&talk->shelf);
		talk->adapted = 0;
	}
	talk->held = talk->items.count;
	if (status == CUA_OK && talk->thread[0]) {
		shelve(talk);
	}
	return status;
}

/* --- what a server does not take --- */

static bool names(const char *param, const char *message, const char *word)
{
	return strcasestr(param, word) || strcasestr(message, word);
}

static bool learn(bool *quirk, bool is_named)
{
	if (*quirk || !is_named) {
		return false;
	}
	*quirk = true;
	return true;
}

/* The server has lost the answer, or keeps none: all is sent again. */
static bool learn_thread(struct responses *talk, const struct model_failure *failure)
{
	const bool is_lost = strcmp(failure->code, NOT_FOUND) == 0;
	if (!responses_uses_threads(talk->config) || talk->quirks.no_threads ||
			(!is_lost && !names(failure->param, failure->message, "store") &&
					!names(failure->param, failure->message,
							"previous_response_id"))) {
		return false;
	}
	if (!is_lost || !talk->thread[0]) {
		talk->quirks.no_threads = true;
	}
	talk->thread[0] = '\0';
	return true;
}

/* It comes as 400 and as 404. */
static void responses_read_error(const cJSON *body, struct model_failure *failure)
{
	(void)body;
	failure->is_refused = failure->is_refused || strcmp(failure->code, NOT_FOUND) == 0;
}

static bool responses_learn(void *self, const struct model_failure *failure)
{
	struct responses *talk = self;
	struct responses_quirks *quirks = &talk->quirks;
	const char *param = failure->param, *message = failure->message;
	if (learn_thread(talk, failure)) {
		return true;
	}
	bool is_new = learn(&quirks->no_detail, names(param, message, "detail")) ||
			learn(&quirks->no_summary, names(param, message, "summary")) ||
			learn(&quirks->needs_store, names(param, message, "store")) ||
			learn(&quirks->no_include, names(param, message, "encrypted")) ||
			learn(&quirks->no_compaction,
					names(param, message, "context_management")) ||
			learn(&quirks->no_status, strcasestr(param, "status"));
	talk->adapted = is_new ? 0 : talk->adapted;
	return is_new;
}

const struct agent_model_api model_api_responses = {
	.name = "responses",
	.key_header = "Authorization: Bearer ",
	.create = responses_create,
	.destroy = responses_destroy,
	.add_user = responses_add_user,
	.add_answers = responses_add_answers,
	.add_turn = responses_add_turn,
	.url = responses_url,
	.body = responses_body,
	.take_event = responses_take_event,
	.take_body = responses_take_body,
	.take_turn = responses_take_turn,
	.read_error = responses_read_error,
	.learn = responses_learn,
};

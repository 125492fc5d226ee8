#include "agent/model/responses_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"

static void responses_destroy(void *self)
{
	struct responses *talk = self;
	if (talk) {
		model_items_finish(&talk->items);
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

static bool has_compaction(const struct model_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		const struct agent_json_span item = { items->texts[i], strlen(items->texts[i]) };
		struct agent_json_span type;
		static const char word[] = "\"compaction\"";
		if (agent_json_member(item, "type", &type) && type.len == strlen(word) &&
				memcmp(type.at, word, type.len) == 0) {
			return true;
		}
	}
	return false;
}

static enum cua_status responses_add_turn(
		void *self, const struct model_items *items, struct cua_error *err)
{
	struct responses *talk = self;
	const size_t before = talk->items.count;
	enum cua_status status = model_items_add_all(&talk->items, items, err);
	/* What a compaction says stands for all that the model was told before this turn. */
	if (status == CUA_OK && has_compaction(items)) {
		model_items_drop(&talk->items, before);
		talk->adapted = 0;
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

static bool responses_learn(void *self, const struct model_failure *failure)
{
	struct responses *talk = self;
	struct responses_quirks *quirks = &talk->quirks;
	const char *param = failure->param, *message = failure->message;
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
	.learn = responses_learn,
};

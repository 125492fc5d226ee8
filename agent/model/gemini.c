#include "agent/model/gemini_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static void drop_calls(struct gemini *talk)
{
	for (size_t i = 0; i < talk->call_count; i++) {
		free(talk->calls[i].id);
		free(talk->calls[i].name);
	}
	free(CUA_STEAL(talk->calls));
	talk->call_count = 0;
}

static void gemini_destroy(void *self)
{
	struct gemini *talk = self;
	if (talk) {
		model_items_finish(&talk->contents);
		model_items_finish(&talk->plain);
		drop_calls(talk);
		free(talk);
	}
}

bool gemini_is_legacy(const struct gemini *talk)
{
	return strcmp(talk->config->spec->tool, "legacy") == 0;
}

static enum cua_status gemini_create(
		const struct agent_model_config *config, void **ret_self, struct cua_error *err)
{
	struct gemini *talk = calloc(1, sizeof(*talk));
	if (!talk) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	}
	talk->config = config;
	talk->quirks.no_desktop = gemini_is_legacy(talk);
	talk->quirks.no_detection = gemini_is_legacy(talk);
	*ret_self = talk;
	return CUA_OK;
}

static enum cua_status gemini_url(void *self, struct cua_buffer *url, struct cua_error *err)
{
	const struct gemini *talk = self;
	return cua_buffer_printf(url, err, "%s/models/%s:streamGenerateContent?alt=sse",
			talk->config->base_url, talk->config->model);
}

/* --- a turn --- */

static enum cua_status keep_call(struct gemini *talk, const char *part, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(part);
	const cJSON *call = cua_json_member(json, "functionCall");
	const char *id = cua_json_string(call, "id");
	const char *name = cua_json_string(call, "name");
	if (!cJSON_IsObject(call)) {
		return CUA_OK;
	}
	struct gemini_call *calls =
			reallocarray(talk->calls, talk->call_count + 1, sizeof(*talk->calls));
	if (!calls) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	talk->calls = calls;
	calls[talk->call_count++] = (struct gemini_call){ .id = id && id[0] ? strdup(id) : NULL,
		.name = strdup(name ? name : "") };
	const struct gemini_call *kept = &calls[talk->call_count - 1];
	return kept->name && (kept->id || !id || !id[0])
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
}

/* The parts go back as they came: a signature that is lost or changed fails every request to
 * come. A content without parts is none. */
enum cua_status gemini_add_turn(void *self, const struct model_items *items, struct cua_error *err)
{
	struct gemini *talk = self;
	CUA_AUTO_BUFFER struct cua_buffer content;
	cua_buffer_init(&content, 2 * MODEL_REPLY_MAX);
	drop_calls(talk);
	talk->turns++;
	enum cua_status status =
			cua_buffer_printf(&content, err, "{\"role\":\"model\",\"parts\":[");
	if (status == CUA_OK) {
		status = model_items_join(items, &content, err);
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(&content, "]}", 2, err);
	}
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = keep_call(talk, items->texts[i], err);
	}
	if (status == CUA_OK && items->count > 0) {
		status = model_items_add(&talk->contents, content.data, content.len, err);
		return status == CUA_OK ? model_items_add(&talk->plain, "", 0, err) : status;
	}
	return status;
}

/* --- errors --- */

static bool is_per_day(const cJSON *detail)
{
	const cJSON *violation = NULL;
	cJSON_ArrayForEach (violation, cua_json_member(detail, "violations")) {
		if (strstr(cua_json_text(violation, "quotaId"), "PerDay")) {
			return true;
		}
	}
	return false;
}

/* There are no headers for it: the wait, "37s", and the quota are in the details. A wrong key is a
 * 400 that says so there. */
static void gemini_read_error(const cJSON *body, struct model_failure *failure)
{
	const cJSON *error = cua_json_member(body, "error"), *detail = NULL;
	cJSON_ArrayForEach (detail, cua_json_member(error, "details")) {
		const char *type = cua_json_text(detail, "@type");
		const char *delay = cua_json_text(detail, "retryDelay");
		size_t len = strlen(delay);
		if (strstr(type, "google.rpc.RetryInfo") && len > 1 && delay[len - 1] == 's') {
			snprintf(failure->retry_after, sizeof(failure->retry_after), "%.*s",
					(int)(len - 1), delay);
		}
		if (strcmp(cua_json_text(detail, "reason"), "API_KEY_INVALID") == 0) {
			snprintf(failure->code, sizeof(failure->code), "API_KEY_INVALID");
		}
		if (strstr(type, "google.rpc.QuotaFailure") && is_per_day(detail)) {
			snprintf(failure->should_retry, sizeof(failure->should_retry), "false");
		}
	}
}

static bool learn(bool *quirk, const char *message, const char *const *words)
{
	for (; !*quirk && *words; words++) {
		*quirk = strcasestr(message, *words);
		if (*quirk) {
			return true;
		}
	}
	return false;
}

static bool gemini_learn(void *self, const struct model_failure *failure)
{
	static const char *const desktop[] = { "environment", NULL };
	static const char *const detection[] = { "prompt_injection", "PromptInjection", NULL };
	static const char *const thoughts[] = { "thinking", "include_thoughts", "includeThoughts",
		NULL };
	struct gemini *talk = self;
	const char *message = failure->message;
	return learn(&talk->quirks.no_detection, message, detection) ||
			learn(&talk->quirks.no_thoughts, message, thoughts) ||
			learn(&talk->quirks.no_desktop, message, desktop);
}

const struct agent_model_api model_api_gemini = {
	.name = "gemini",
	.key_header = "x-goog-api-key: ",
	.create = gemini_create,
	.destroy = gemini_destroy,
	.add_user = gemini_add_user,
	.add_answers = gemini_add_answers,
	.add_turn = gemini_add_turn,
	.url = gemini_url,
	.body = gemini_body,
	.reply_size = sizeof(struct gemini_reply),
	.reply_finish = gemini_reply_finish,
	.take_event = gemini_take_event,
	.take_body = gemini_take_body,
	.take_turn = gemini_take_turn,
	.read_error = gemini_read_error,
	.learn = gemini_learn,
};

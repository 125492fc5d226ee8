#include "agent/model/responses_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static enum cua_status keep_usage(
		struct model_reply *reply, const cJSON *response, struct cua_error *err)
{
	const cJSON *usage = cua_json_member(response, "usage");
	const cJSON *input = cua_json_member(usage, "input_tokens_details");
	const cJSON *output = cua_json_member(usage, "output_tokens_details");
	const struct agent_usage used = {
		.input_tokens = cua_json_number(usage, "input_tokens"),
		.cached_tokens = cua_json_number(input, "cached_tokens"),
		.cache_write_tokens = cua_json_number(input, "cache_write_tokens"),
		.output_tokens = cua_json_number(usage, "output_tokens"),
		.reasoning_tokens = cua_json_number(output, "reasoning_tokens"),
	};
	return model_reply_use(reply, &used, err);
}

static size_t count_elements(struct agent_json_span list)
{
	struct agent_json_span item;
	size_t count = 0, at = 0;
	while (agent_json_element(list, &at, &item)) {
		count++;
	}
	return count;
}

/* If the items did not come one by one, the whole response has them. */
static enum cua_status keep_output(
		struct model_reply *reply, struct agent_json_span response, struct cua_error *err)
{
	struct agent_json_span output, item;
	enum cua_status status = CUA_OK;
	size_t at = 0;
	if (!agent_json_member(response, "output", &output) || output.at[0] != '[' ||
			count_elements(output) <= reply->items.count) {
		return CUA_OK;
	}
	model_items_finish(&reply->items);
	reply->values = 0;
	while (status == CUA_OK && agent_json_element(output, &at, &item)) {
		status = model_reply_keep(reply, item, err);
	}
	return status;
}

static enum model_end incomplete_end(const cJSON *response)
{
	const char *reason =
			cua_json_string(cua_json_member(response, "incomplete_details"), "reason");
	if (reason && strcmp(reason, "max_output_tokens") == 0) {
		return MODEL_END_CUT;
	}
	return reason && strcmp(reason, "content_filter") == 0 ? MODEL_END_FILTERED
							       : MODEL_END_FAILED;
}

/* Kept with the items, and so in a journal: a run that goes on does so from this answer. */
static enum cua_status keep_id(
		struct model_reply *reply, const cJSON *response, struct cua_error *err)
{
	const char *id = cua_json_string(response, "id");
	CUA_AUTO_JSON cJSON *answer = cJSON_CreateObject();
	if (!id || !responses_uses_threads(reply->config)) {
		return CUA_OK;
	}
	cJSON_AddStringToObject(answer, "type", RESPONSES_ANSWER);
	cJSON_AddStringToObject(answer, "id", id);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(answer);
	return text ? model_reply_keep(reply, (struct agent_json_span){ text, strlen(text) }, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

/* at_best: what the event, or the lack of one, says. */
static enum model_end end_of(enum model_end at_best, const cJSON *response)
{
	const char *state = cua_json_string(response, "status");
	if (at_best != MODEL_END_COMPLETED || !state || strcmp(state, "completed") == 0) {
		return at_best;
	}
	return strcmp(state, "incomplete") == 0 ? incomplete_end(response) : MODEL_END_FAILED;
}

static enum cua_status take_response(struct model_reply *reply, enum model_end at_best,
		const cJSON *response, struct agent_json_span text, struct cua_error *err)
{
	enum model_end end = end_of(at_best, response);
	enum cua_status status = keep_usage(reply, response, err);
	if (status != CUA_OK) {
		return status;
	}
	if (end == MODEL_END_FAILED) {
		const char *state = cua_json_string(response, "status");
		snprintf(reply->code, sizeof(reply->code), "%s", state ? state : "");
		model_reply_error(reply, cua_json_member(response, "error"));
	} else if (end == MODEL_END_COMPLETED) {
		status = keep_output(reply, text, err);
		status = status == CUA_OK ? keep_id(reply, response, err) : status;
	}
	if (status == CUA_OK) {
		reply->end = end;
	}
	return status;
}

struct event {
	const char *type;
	const cJSON *json;
	struct agent_json_span text;
};

static enum cua_status take_end(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	struct agent_json_span text;
	const cJSON *response = cua_json_member(event->json, "response");
	if (!agent_json_member(event->text, "response", &text) || text.at[0] != '{') {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the last event has no response");
	}
	enum model_end end = MODEL_END_FAILED;
	if (strcmp(event->type, "response.completed") == 0) {
		end = MODEL_END_COMPLETED;
	} else if (strcmp(event->type, "response.incomplete") == 0) {
		end = incomplete_end(response);
	}
	return take_response(reply, end, response, text, err);
}

static enum cua_status take_error(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	(void)err;
	const cJSON *nested = cua_json_member(event->json, "error");
	model_reply_error(reply, cJSON_IsObject(nested) ? nested : event->json);
	reply->end = MODEL_END_FAILED;
	return CUA_OK;
}

static enum cua_status take_words(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	return model_reply_words(reply, cua_json_string(event->json, "delta"), err);
}

static enum cua_status end_words(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	(void)event;
	return model_reply_words(reply, "\n", err);
}

static enum cua_status take_item(
		struct model_reply *reply, const struct event *event, struct cua_error *err)
{
	struct agent_json_span item;
	if (!agent_json_member(event->text, "item", &item) || item.at[0] != '{') {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "an output_item.done event has no item");
	}
	return model_reply_keep(reply, item, err);
}

static const struct {
	const char *type;
	enum cua_status (*take)(struct model_reply *reply, const struct event *event,
			struct cua_error *err);
} events[] = {
	{ "response.output_text.delta", take_words },
	{ "response.output_text.done", end_words },
	{ "response.reasoning_summary_text.delta", take_words },
	{ "response.reasoning_summary_text.done", end_words },
	{ "response.refusal.delta", take_words },
	{ "response.refusal.done", end_words },
	{ "response.output_item.done", take_item },
	{ "response.completed", take_end },
	{ "response.incomplete", take_end },
	{ "response.failed", take_end },
	{ "response.cancelled", take_end },
	{ "error", take_error },
};

enum cua_status responses_take_event(struct model_reply *reply, const char *name, const cJSON *json,
		struct agent_json_span text, struct cua_error *err)
{
	(void)name; /* the data says it too, and some servers leave the name out */
	struct event event = { .type = cua_json_string(json, "type"), .json = json, .text = text };
	for (size_t i = 0; event.type && i < CUA_ARRAY_LEN(events); i++) {
		if (strcmp(events[i].type, event.type) == 0) {
			return events[i].take(reply, &event, err);
		}
	}
	return CUA_OK;
}

enum cua_status responses_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err)
{
	if (!cJSON_IsArray(cua_json_member(body, "output"))) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "the model's answer has no output");
	}
	return take_response(reply, MODEL_END_COMPLETED, body, text, err);
}

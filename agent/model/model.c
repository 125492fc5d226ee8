#include "agent/model/model_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define URL_MAX ((size_t)8 << 10)

static const struct agent_model_api *const apis[] = {
	&model_api_responses,
	&model_api_chat,
	&model_api_anthropic,
	&model_api_gemini,
};

const char *agent_model_api_name(size_t index)
{
	return index < CUA_ARRAY_LEN(apis) ? apis[index]->name : NULL;
}

static const struct agent_model_api *find_api(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(apis); i++) {
		if (strcmp(apis[i]->name, name) == 0) {
			return apis[i];
		}
	}
	return NULL;
}

enum cua_status agent_model_check_api(const char *api, struct cua_error *err)
{
	char names[128] = "";
	if (find_api(api)) {
		return CUA_OK;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(apis); i++) {
		size_t used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
				apis[i]->name);
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no model API \"%.40s\"; these are: %s",
			api, names);
}

/* --- the conversation's life --- */

static enum cua_status copy_config(struct agent_model *model,
		const struct agent_model_config *config, struct cua_error *err)
{
	model->config = *config;
	model->config.api = model->api->name;
	if (!config->spec) {
		model->config.spec = &agent_model_spec_unknown;
	}
	if (!config->key_header || !config->key_header[0]) {
		model->config.key_header = model->api->key_header;
	}
	model->config.model = model->model = strdup(config->model);
	model->config.base_url = model->base_url = strdup(config->base_url);
	model->config.session = model->session = strdup(config->session);
	model->instructions = config->instructions ? strdup(config->instructions) : NULL;
	model->config.instructions = model->instructions;
	return model->model && model->base_url && model->session &&
					!model->instructions == !config->instructions
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
}

enum cua_status agent_model_create(const struct agent_model_config *config,
		struct agent_model **ret_model, struct cua_error *err)
{
	const struct agent_model_api *api = find_api(config->api);
	if (!api) {
		return agent_model_check_api(config->api, err);
	}
	struct agent_model *model = calloc(1, sizeof(*model));
	if (!model) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "model");
	}
	model->api = api;
	cua_buffer_init(&model->url, URL_MAX);
	enum cua_status status = copy_config(model, config, err);
	if (status == CUA_OK && !config->redactor) {
		status = model_redactor_create(config, &model->redactor, err);
		model->config.redactor = model->redactor;
	}
	if (status == CUA_OK) {
		status = model_pictures_create(config->pictures_dir, &model->pictures, err);
		model->config.pictures = model->pictures;
		model->config.pictures_dir = NULL;
	}
	if (status == CUA_OK) {
		status = api->create(&model->config, &model->self, err);
	}
	if (status == CUA_OK) {
		status = api->url(model->self, &model->url, err);
	}
	if (status == CUA_OK) {
		status = cua_http_client_create(NULL, config->cancel_fd, &model->http, err);
	}
	if (status != CUA_OK) {
		agent_model_destroy(model);
		return status;
	}
	*ret_model = model;
	return CUA_OK;
}

void agent_model_destroy(struct agent_model *model)
{
	if (!model) {
		return;
	}
	model->api->destroy(model->self);
	model_pictures_destroy(model->pictures);
	cua_http_client_destroy(model->http);
	cua_buffer_finish(&model->url);
	agent_redactor_destroy(model->redactor);
	free(model->model);
	free(model->base_url);
	free(model->session);
	free(model->instructions);
	free(model);
}

/* --- what the model is told; with marks in the place of pictures --- */

/* A picture as a conversation holds it, whatever its size: a mark. */
struct marked {
	struct agent_image image;
	char mark[MODEL_MARK_SIZE];
};

static enum cua_status mark_image(struct agent_model *model, const struct agent_image *image,
		struct marked *ret_marked, struct cua_error *err)
{
	ret_marked->image = *image;
	ret_marked->image.base64 = ret_marked->mark;
	ret_marked->image.bytes = NULL;
	ret_marked->image.len = 0;
	return model_pictures_mark(model->pictures, image, ret_marked->mark, err);
}

enum cua_status agent_model_add_user(struct agent_model *model, const char *text,
		const struct agent_image *image, struct cua_error *err)
{
	struct marked marked;
	enum cua_status status = image ? mark_image(model, image, &marked, err) : CUA_OK;
	return status == CUA_OK
			? model->api->add_user(model->self, text, image ? &marked.image : NULL, err)
			: status;
}

enum cua_status agent_model_add_answers(struct agent_model *model,
		const struct agent_answer *answers, size_t count, const char *note,
		struct cua_error *err)
{
	CUA_AUTO_FREE struct agent_answer *copies = calloc(count + 1, sizeof(*copies));
	CUA_AUTO_FREE struct marked *marked = calloc(count + 1, sizeof(*marked));
	if (!copies || !marked) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answers");
	}
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		status = mark_image(model, answers[i].image, &marked[i], err);
		copies[i] = answers[i];
		copies[i].image = &marked[i].image;
	}
	return status == CUA_OK ? model->api->add_answers(model->self, copies, count, note, err)
				: status;
}

/* --- turns --- */

static enum cua_status print_raw(
		const struct model_items *items, char **ret_raw, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer raw;
	cua_buffer_init(&raw, 2 * MODEL_REPLY_MAX);
	enum cua_status status = cua_buffer_append(&raw, "[", 1, err);
	if (status == CUA_OK) {
		status = model_items_join(items, &raw, err);
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(&raw, "]", 1, err);
	}
	if (status == CUA_OK) {
		*ret_raw = CUA_STEAL(raw.data);
	}
	return status;
}

enum cua_status model_take_items(struct agent_model *model, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	struct agent_turn turn = { 0 };
	enum cua_status status = model->api->take_turn(model->self, items, &turn, err);
	if (status == CUA_OK && turn.end == AGENT_TURN_COMPLETE) {
		status = print_raw(items, &turn.raw, err);
		if (status == CUA_OK) {
			status = model->api->add_turn(model->self, items, err);
		}
	}
	if (status != CUA_OK) {
		agent_turn_finish(&turn);
		return status;
	}
	*ret_turn = turn;
	return CUA_OK;
}

static enum cua_status split_raw(const char *raw, struct model_items *items, struct cua_error *err)
{
	struct agent_json_span list = { raw, strlen(raw) }, item;
	CUA_AUTO_JSON cJSON *json = NULL;
	enum cua_status status = agent_json_parse(raw, list.len, "a recorded turn", &json, err);
	if (status == CUA_OK && !cJSON_IsArray(json)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "a recorded turn is not a list");
	}
	size_t at = 0;
	while (status == CUA_OK && agent_json_element(list, &at, &item)) {
		status = model_items_add(items, item.at, item.len, err);
	}
	return status;
}

enum cua_status agent_model_restore_turn(struct agent_model *model, const char *raw,
		struct agent_turn *ret_turn, struct cua_error *err)
{
	struct model_items items = { 0 };
	enum cua_status status = split_raw(raw, &items, err);
	if (status == CUA_OK) {
		status = model_take_items(model, &items, ret_turn, err);
	}
	model_items_finish(&items);
	return status;
}

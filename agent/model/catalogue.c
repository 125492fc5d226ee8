#include "agent/model/catalogue.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/model/catalogue_internal.h"
#include "agent/model/json_span.h"
#include "agent_models.h" /* agent_models_json[], of models.json */
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define FILE_MAX ((size_t)4 << 20)
#define FILES 2

/* One file: its text is kept for telling where something stands. */
struct file {
	char path[CUA_PATH_MAX]; /* of the user's; "" for ours */
	struct cua_buffer text;
	cJSON *json; /* owned */
};

struct agent_catalogue {
	struct file files[FILES];         /* ours, the user's */
	struct agent_provider *providers; /* owned */
	const char **models;              /* owned; the names are of the files */
	size_t provider_count, model_count;
};

static const cJSON *part(const struct file *file, const char *name)
{
	return cua_json_member(file->json, name);
}

/* --- where it is wrong --- */

static enum cua_status fail_at(const struct file *file, const char *at, struct cua_error *err)
{
	int line = 1, column = 1;
	agent_json_place(file->text.data, at, &line, &column);
	cua_error_prefix(err, "%s:%d:%d", file->path, line, column);
	return CUA_ERR_INVAL;
}

/* Says where the member stands, and which it is. */
static enum cua_status fail_in(
		const struct file *file, const struct catalogue_path *path, struct cua_error *err)
{
	struct agent_json_span span = { file->text.data, file->text.len };
	char names[256] = "";
	for (int i = 0; i < path->depth; i++) {
		size_t len = strlen(names);
		struct agent_json_span next;
		snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? " > " : "",
				path->names[i]);
		if (agent_json_member(span, path->names[i], &next)) {
			span = next;
		}
	}
	cua_error_prefix(err, "%s", names);
	return fail_at(file, span.at, err);
}

static enum cua_status parse(struct file *file, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *checked = NULL;
	const char *end = NULL;
	file->json = cJSON_ParseWithLengthOpts(file->text.data, file->text.len, &end, false);
	if (!file->json) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "here it is not JSON");
		return fail_at(file, end, err);
	}
	/* The spans below want text that this has accepted. */
	if (agent_json_parse(file->text.data, file->text.len, file->path, &checked, err) !=
			CUA_OK) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is not one JSON object in UTF-8",
				file->path);
	}
	return CUA_OK;
}

/* --- reading --- */

const struct agent_provider *catalogue_find_provider(
		const struct agent_catalogue *catalogue, const char *name, size_t len)
{
	for (size_t i = 0; i < catalogue->provider_count; i++) {
		const struct agent_provider *provider = &catalogue->providers[i];
		if (strlen(provider->name) == len && strncmp(provider->name, name, len) == 0) {
			return provider;
		}
	}
	return NULL;
}

/* The place of the provider in the list, which has room for one more. */
static enum cua_status open_provider(struct agent_catalogue *catalogue, const char *name,
		size_t *ret_index, struct cua_error *err)
{
	const struct agent_provider *known = catalogue_find_provider(catalogue, name, strlen(name));
	if (known) {
		*ret_index = (size_t)(known - catalogue->providers);
		return CUA_OK;
	}
	if (strlen(name) >= sizeof(known->name) || strchr(name, '/')) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"is no name of a provider: at most %zu bytes, no slash",
				sizeof(known->name) - 1);
	}
	struct agent_provider *providers = reallocarray(
			catalogue->providers, catalogue->provider_count + 1, sizeof(*providers));
	if (!providers) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "catalogue");
	}
	catalogue->providers = providers;
	struct agent_provider *provider = &providers[catalogue->provider_count];
	*provider = (struct agent_provider){ .api = "chat", .needs_key = true };
	strcpy(provider->name, name);
	*ret_index = catalogue->provider_count++;
	return CUA_OK;
}

static enum cua_status read_providers(struct agent_catalogue *catalogue, const struct file *file,
		struct catalogue_path *path, struct cua_error *err)
{
	const cJSON *entry = NULL;
	cJSON_ArrayForEach (entry, part(file, "providers")) {
		size_t at = 0;
		*path = (struct catalogue_path){ { "providers", entry->string }, 2 };
		enum cua_status status = open_provider(catalogue, entry->string, &at, err);
		if (status == CUA_OK) {
			status = catalogue_apply(catalogue_provider_fields, entry,
					&catalogue->providers[at], path, err);
		}
		if (status == CUA_OK && !catalogue->providers[at].base_url[0]) {
			status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "has no base_url");
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static bool is_listed(const struct agent_catalogue *catalogue, const char *name)
{
	for (size_t i = 0; i < catalogue->model_count; i++) {
		if (strcasecmp(catalogue->models[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static enum cua_status add_model(
		struct agent_catalogue *catalogue, const char *name, struct cua_error *err)
{
	if (strpbrk(name, "*?[") || is_listed(catalogue, name)) {
		return CUA_OK;
	}
	const char **models = reallocarray(
			catalogue->models, catalogue->model_count + 1, sizeof(*models));
	if (!models) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "catalogue");
	}
	catalogue->models = models;
	models[catalogue->model_count++] = name;
	return CUA_OK;
}

static enum cua_status read_models(struct agent_catalogue *catalogue, const struct file *file,
		struct catalogue_path *path, struct cua_error *err)
{
	const cJSON *entry = NULL;
	cJSON_ArrayForEach (entry, part(file, "models")) {
		struct catalogue_model model = { .spec = agent_model_spec_unknown };
		*path = (struct catalogue_path){ { "models", entry->string }, 2 };
		enum cua_status status =
				catalogue_apply(catalogue_model_fields, entry, &model, path, err);
		if (status == CUA_OK && model.provider[0] &&
				!catalogue_find_provider(catalogue, model.provider,
						strlen(model.provider))) {
			path->names[path->depth++] = "provider";
			status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "there is no provider \"%s\"",
					model.provider);
		}
		if (status == CUA_OK) {
			status = add_model(catalogue, entry->string, err);
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

static enum cua_status check_parts(
		const struct file *file, struct catalogue_path *path, struct cua_error *err)
{
	const cJSON *value = NULL;
	*path = (struct catalogue_path){ 0 };
	if (!cJSON_IsObject(file->json)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be an object");
	}
	cJSON_ArrayForEach (value, file->json) {
		*path = (struct catalogue_path){ { value->string }, 1 };
		if (strcmp(value->string, "providers") != 0 &&
				strcmp(value->string, "models") != 0) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"is no part that is known; these are: providers, models");
		}
		if (!cJSON_IsObject(value)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be an object");
		}
	}
	return CUA_OK;
}

static enum cua_status read_file(
		struct agent_catalogue *catalogue, struct file *file, struct cua_error *err)
{
	struct catalogue_path path = { 0 };
	enum cua_status status = parse(file, err);
	if (status != CUA_OK) {
		return status;
	}
	status = check_parts(file, &path, err);
	if (status == CUA_OK) {
		status = read_providers(catalogue, file, &path, err);
	}
	if (status == CUA_OK) {
		status = read_models(catalogue, file, &path, err);
	}
	return status == CUA_ERR_INVAL ? fail_in(file, &path, err) : status;
}

enum cua_status agent_catalogue_path(char *path, size_t size, struct cua_error *err)
{
	bool is_named = false;
	return cua_config_path("CUA_MODELS", "models.json", path, size, &is_named, err);
}

/* A file that nobody named need not be there. */
static enum cua_status read_users_file(
		struct agent_catalogue *catalogue, const char *path, struct cua_error *err)
{
	struct file *file = &catalogue->files[1];
	const char *own = getenv("CUA_MODELS");
	bool is_named = path || (own && own[0]);
	enum cua_status status = CUA_OK;
	if (path) {
		snprintf(file->path, sizeof(file->path), "%s", path);
	} else {
		status = agent_catalogue_path(file->path, sizeof(file->path), err);
	}
	if (status == CUA_OK) {
		status = cua_file_read(file->path, &file->text, err);
		if (status == CUA_ERR_NOT_FOUND && !is_named) {
			return CUA_OK;
		}
	}
	return status == CUA_OK ? read_file(catalogue, file, err) : status;
}

enum cua_status agent_catalogue_load(
		const char *path, struct agent_catalogue **ret_catalogue, struct cua_error *err)
{
	struct agent_catalogue *catalogue = calloc(1, sizeof(*catalogue));
	if (!catalogue) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "catalogue");
	}
	for (size_t i = 0; i < FILES; i++) {
		cua_buffer_init(&catalogue->files[i].text, FILE_MAX);
	}
	enum cua_status status = cua_buffer_append(&catalogue->files[0].text, agent_models_json,
			sizeof(agent_models_json) - 1, err);
	if (status == CUA_OK) {
		status = read_file(catalogue, &catalogue->files[0], err);
	}
	if (status == CUA_OK) {
		status = read_users_file(catalogue, path, err);
	}
	if (status != CUA_OK) {
		agent_catalogue_destroy(catalogue);
		return status;
	}
	*ret_catalogue = catalogue;
	return CUA_OK;
}

void agent_catalogue_destroy(struct agent_catalogue *catalogue)
{
	if (!catalogue) {
		return;
	}
	for (size_t i = 0; i < FILES; i++) {
		cua_buffer_finish(&catalogue->files[i].text);
		cJSON_Delete(catalogue->files[i].json);
	}
	free(catalogue->providers);
	free(catalogue->models);
	free(catalogue);
}

const char *agent_catalogue_model(const struct agent_catalogue *catalogue, size_t index)
{
	return index < catalogue->model_count ? catalogue->models[index] : NULL;
}

const struct agent_provider *agent_catalogue_provider(
		const struct agent_catalogue *catalogue, size_t index)
{
	return index < catalogue->provider_count ? &catalogue->providers[index] : NULL;
}

bool catalogue_describe(const struct agent_catalogue *catalogue, const char *name,
		struct catalogue_model *ret_model)
{
	bool is_found = false;
	*ret_model = (struct catalogue_model){ .spec = agent_model_spec_unknown };
	for (size_t i = 0; i < FILES; i++) {
		const cJSON *entry = NULL;
		cJSON_ArrayForEach (entry, part(&catalogue->files[i], "models")) {
			struct catalogue_path path = { 0 };
			if (fnmatch(entry->string, name, FNM_CASEFOLD) == 0 &&
					catalogue_apply(catalogue_model_fields, entry, ret_model,
							&path, NULL) == CUA_OK) {
				is_found = true;
			}
		}
	}
	return is_found;
}

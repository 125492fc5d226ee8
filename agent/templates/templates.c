/* Which templates there are: those of the user's folder, and those that come with cua. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/templates/template.h"
#include "agent/templates/templates_internal.h"
#include "agent_templates_shipped.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/base/yaml_file.h"

#define NAME_MAX_LEN 64
#define FILES_MAX 1000
#define SUFFIX ".yaml"

/* --- files --- */

static bool has_suffix(const char *name)
{
	const size_t len = strlen(name), suffix = strlen(SUFFIX);
	return len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

static const char *shipped_text(const char *name)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(shipped); i++) {
		if (strcmp(shipped[i].name, name) == 0) {
			return shipped[i].text;
		}
	}
	return NULL;
}

static char *read_file(const char *path, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CUA_YAML_BYTES_MAX);
	enum cua_status status = cua_file_read(path, &text, err);
	if (status == CUA_OK && text.data && strlen(text.data) != text.len) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "%s:1: it holds bytes of value 0", path);
		return NULL;
	}
	if (status == CUA_ERR_TOO_LARGE) {
		cua_error_prefix(err, "%s:1", path);
	}
	char *copy = status == CUA_OK ? strdup(text.data ? text.data : "") : NULL;
	if (status == CUA_OK && !copy) {
		cua_error_set(err, CUA_ERR_NOMEM, ENOMEM, "template");
	}
	return copy;
}

/* path: NULL for one that comes with cua. */
static enum cua_status load(const char *name, const char *path,
		struct agent_template **ret_template, struct cua_error *err)
{
	char source[NAME_MAX_LEN + 20];
	struct cua_error why = { 0 };
	snprintf(source, sizeof(source), "template %.*s", NAME_MAX_LEN, name);
	struct agent_template *template = calloc(1, sizeof(*template));
	enum cua_status status =
			template ? CUA_OK : CUA_FAIL(&why, CUA_ERR_NOMEM, ENOMEM, "template");
	if (status == CUA_OK) {
		template->name = strdup(name);
		template->path = path ? strdup(path) : NULL;
		template->text = path ? read_file(path, &why) : strdup(shipped_text(name));
		status = template->name && template->text && !template->path == !path
				? template_read(template, path ? path : source, &why)
				: why.status ? why.status
					     : CUA_FAIL(&why, CUA_ERR_NOMEM, ENOMEM, "template");
	}
	if (status != CUA_OK) {
		agent_template_destroy(template);
		if (err) {
			*err = why;
		}
		return status;
	}
	*ret_template = template;
	return CUA_OK;
}

/* --- which there are --- */

static int is_template(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && has_suffix(entry->d_name);
}

static bool is_listed(const cJSON *list, const char *name)
{
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, list) {
		if (strcmp(cua_json_text(row, "name"), name) == 0) {
			return true;
		}
	}
	return false;
}

static void add_row(cJSON *list, const char *name, const char *path)
{
	struct agent_template *template = NULL;
	struct cua_error why = { 0 };
	cJSON *row = cJSON_CreateObject();
	cJSON_AddStringToObject(row, "name", name);
	if (path) {
		cJSON_AddStringToObject(row, "path", path);
	} else {
		cJSON_AddNullToObject(row, "path");
	}
	if (load(name, path, &template, &why) != CUA_OK) {
		cJSON_AddStringToObject(row, "problem", why.msg);
	} else {
		cJSON_AddStringToObject(row, "description",
				template->description ? template->description : "");
	}
	agent_template_destroy(template);
	cJSON_AddItemToArray(list, row);
}

static enum cua_status folder(char *path, size_t size, struct cua_error *err)
{
	bool is_named = false;
	return cua_config_path("CUA_TEMPLATES", "templates", path, size, &is_named, err);
}

/* A folder that is not there has none. */
static enum cua_status add_own(cJSON *list, struct cua_error *err)
{
	char path[CUA_PATH_MAX], file[CUA_PATH_MAX + 300];
	struct dirent **entries = NULL;
	enum cua_status status = folder(path, sizeof(path), err);
	const int count = status == CUA_OK ? scandir(path, &entries, is_template, alphasort) : 0;
	if (count < 0 && errno != ENOENT) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "the folder of templates, %s", path);
	}
	for (int i = 0; i < count; i++) {
		if (i < FILES_MAX) {
			char name[sizeof(entries[i]->d_name)];
			const size_t len = strlen(entries[i]->d_name) - strlen(SUFFIX);
			snprintf(name, sizeof(name), "%.*s", (int)len, entries[i]->d_name);
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			add_row(list, name, file);
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

cJSON *agent_templates_list(struct cua_error *err)
{
	cJSON *list = cJSON_CreateArray();
	if (!list || add_own(list, err) != CUA_OK) {
		cJSON_Delete(list);
		return NULL;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(shipped); i++) {
		if (!is_listed(list, shipped[i].name)) {
			add_row(list, shipped[i].name, NULL);
		}
	}
	return list;
}

/* --- one of them --- */

static enum cua_status not_found(const char *name, struct cua_error *err)
{
	char names[400] = "";
	CUA_AUTO_JSON cJSON *list = agent_templates_list(err);
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, list) {
		const size_t used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "",
				cua_json_text(row, "name"));
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
			"there is no template \"%.64s\"; these are: %s; the path of a file has a "
			"slash in it or ends with " SUFFIX,
			name, names);
}

enum cua_status agent_template_load(
		const char *name, struct agent_template **ret_template, struct cua_error *err)
{
	char path[CUA_PATH_MAX], file[CUA_PATH_MAX + NAME_MAX_LEN + 10];
	if (strchr(name, '/') || has_suffix(name)) {
		return load(name, name, ret_template, err);
	}
	if (!name[0] || name[0] == '.' || strlen(name) > NAME_MAX_LEN) {
		return not_found(name, err);
	}
	enum cua_status status = folder(path, sizeof(path), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(file, sizeof(file), "%s/%s" SUFFIX, path, name);
	/* One that cannot be looked at is there: reading it will say so. */
	if (access(file, F_OK) == 0 || errno != ENOENT) {
		return load(name, file, ret_template, err);
	}
	return shipped_text(name) ? load(name, NULL, ret_template, err) : not_found(name, err);
}

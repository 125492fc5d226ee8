#include "agent/mcp/mcp_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_entry.h"
#include "agent/model/json_span.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/names.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define FILE_MAX ((size_t)1 << 20)
#define SERVERS "mcpServers"

enum cua_status agent_mcp_config_path(char *path, size_t size, struct cua_error *err)
{
	bool is_named = false;
	return cua_config_path("CUA_MCP_SERVERS", "mcpServers.json", path, size, &is_named, err);
}

/* --- the file --- */

struct file {
	char path[CUA_PATH_MAX];
	struct cua_buffer text;
	cJSON *json; /* owned */
};

static void close_file(struct file *file)
{
	cua_buffer_finish(&file->text);
	cJSON_Delete(file->json);
}

/* Says where the member stands; name and member may be NULL. */
static enum cua_status fail_at(const struct file *file, const char *name, const char *member,
		struct cua_error *err)
{
	const char *names[] = { SERVERS, name, member };
	struct agent_json_span span = { file->text.data, file->text.len };
	int line = 1, column = 1;
	for (size_t i = 0; i < CUA_ARRAY_LEN(names) && names[i]; i++) {
		struct agent_json_span next;
		if (agent_json_member(span, names[i], &next)) {
			span = next;
		}
	}
	agent_json_place(file->text.data, span.at, &line, &column);
	if (name) {
		cua_error_prefix(err, "%s%s%s", name, member ? " > " : "", member ? member : "");
	}
	cua_error_prefix(err, "%s:%d", file->path, line);
	return err ? err->status : CUA_ERR_INVAL;
}

static enum cua_status parse_file(struct file *file, struct cua_error *err)
{
	const char *end = NULL;
	CUA_AUTO_JSON cJSON *checked = NULL;
	int line = 1, column = 1;
	file->json = cJSON_ParseWithLengthOpts(file->text.data, file->text.len, &end, false);
	if (!file->json) {
		agent_json_place(file->text.data, end, &line, &column);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s:%d:%d: here it is not JSON", file->path,
				line, column);
	}
	if (agent_json_parse(file->text.data, file->text.len, file->path, &checked, err) !=
			CUA_OK) { /* what follows, or how deep it nests */
		if (err) {
			err->status = CUA_ERR_INVAL;
		}
		return CUA_ERR_INVAL;
	}
	const cJSON *servers = cua_json_member(file->json, SERVERS);
	if (!cJSON_IsObject(file->json) || (servers && !cJSON_IsObject(servers))) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "must be {\"" SERVERS "\": {...}}");
		return fail_at(file, NULL, NULL, err);
	}
	return CUA_OK;
}

/* A file that nobody named need not be there, nor one that is made: it is empty then. */
static enum cua_status open_file(
		const char *path, bool is_made, struct file *file, struct cua_error *err)
{
	bool is_named = true;
	*file = (struct file){ 0 };
	cua_buffer_init(&file->text, FILE_MAX);
	enum cua_status status = CUA_OK;
	if (path) {
		snprintf(file->path, sizeof(file->path), "%s", path);
	} else {
		status = cua_config_path("CUA_MCP_SERVERS", "mcpServers.json", file->path,
				sizeof(file->path), &is_named, err);
	}
	if (status == CUA_OK) {
		status = cua_file_read(file->path, &file->text, err);
	}
	if (status == CUA_ERR_NOT_FOUND && (is_made || !is_named)) {
		file->json = cJSON_CreateObject();
		return file->json ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "file");
	}
	return status == CUA_OK ? parse_file(file, err) : status;
}

void agent_mcp_config_finish(struct agent_mcp_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		mcp_entry_finish(&config->entries[i]);
	}
	free(config->entries);
	*config = (struct agent_mcp_config){ 0 };
}

/* One that is wrong has its problem and no more. */
static void set_problem(
		struct agent_mcp_entry *entry, const char *name, const struct cua_error *why)
{
	mcp_entry_finish(entry);
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	snprintf(entry->problem, sizeof(entry->problem), "%s", why->msg);
}

static enum cua_status read_servers(const struct file *file, const char *only, bool keeps_wrong,
		struct agent_mcp_config *config, struct cua_error *err)
{
	const cJSON *servers = cua_json_member(file->json, SERVERS), *json = NULL;
	const int count = cJSON_GetArraySize(servers);
	if (count > AGENT_MCP_SERVERS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s: over %d servers", file->path,
				AGENT_MCP_SERVERS_MAX);
	}
	config->entries = calloc((size_t)count + 1, sizeof(*config->entries));
	if (!config->entries) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "servers");
	}
	cJSON_ArrayForEach (json, servers) {
		const char *member = NULL;
		if (only && !cua_names_have(only, json->string)) {
			continue;
		}
		struct agent_mcp_entry *entry = &config->entries[config->count++];
		struct cua_error why = { 0 };
		if (mcp_entry_read(json, true, entry, &member, &why) == CUA_OK) {
			continue;
		}
		const enum cua_status status = fail_at(file, json->string, member, &why);
		if (!keeps_wrong || status == CUA_ERR_NOMEM) {
			if (err) {
				*err = why;
			}
			return status;
		}
		set_problem(entry, json->string, &why);
	}
	return only && config->count == 0
			? CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s has no server \"%.64s\"",
					  file->path, only)
			: CUA_OK;
}

static enum cua_status load(const char *path, const char *only, bool keeps_wrong,
		struct agent_mcp_config *ret_config, struct cua_error *err)
{
	struct agent_mcp_config config = { 0 };
	struct file file;
	enum cua_status status = open_file(path, false, &file, err);
	if (status == CUA_OK) {
		status = read_servers(&file, only, keeps_wrong, &config, err);
	}
	close_file(&file);
	if (status != CUA_OK) {
		agent_mcp_config_finish(&config);
		return status;
	}
	*ret_config = config;
	return CUA_OK;
}

enum cua_status agent_mcp_config_load(const char *path, const char *only,
		struct agent_mcp_config *ret_config, struct cua_error *err)
{
	return load(path, only, false, ret_config, err);
}

enum cua_status agent_mcp_config_load_usable(const char *path, const char *only,
		struct agent_mcp_config *ret_config, struct cua_error *err)
{
	return load(path, only, true, ret_config, err);
}

static enum cua_status write_file(const struct file *file, struct cua_error *err)
{
	char folder[CUA_PATH_MAX];
	CUA_AUTO_FREE char *text = cJSON_Print(file->json);
	snprintf(folder, sizeof(folder), "%s", file->path);
	char *slash = strrchr(folder, '/');
	enum cua_status status = text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "file");
	if (status == CUA_OK && slash && slash != folder) {
		*slash = '\0';
		status = cua_make_dirs(folder, 0700, err);
	}
	return status == CUA_OK ? cua_file_write(file->path, text, strlen(text), 0600, err)
				: status;
}

static enum cua_status change(struct file *file, const char *name, cJSON **entry, bool replace,
		struct cua_error *err)
{
	cJSON *servers = cua_json_member(file->json, SERVERS);
	const bool is_there = cua_json_member(servers, name) != NULL;
	if (!*entry && !is_there) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%s has no server \"%.64s\"", file->path,
				name);
	}
	if (*entry && is_there && !replace) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "%s has a server \"%.64s\" already",
				file->path, name);
	}
	servers = servers ? servers : cJSON_AddObjectToObject(file->json, SERVERS);
	cJSON_DeleteItemFromObjectCaseSensitive(servers, name);
	if (*entry && !cJSON_AddItemToObject(servers, name, CUA_STEAL(*entry))) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "entry");
	}
	return write_file(file, err);
}

enum cua_status agent_mcp_config_change(const char *path, const char *name, cJSON *entry,
		bool replace, struct cua_error *err)
{
	struct file file;
	enum cua_status status = open_file(path, entry != NULL, &file, err);
	if (status == CUA_OK) {
		status = change(&file, name, &entry, replace, err);
	}
	cJSON_Delete(entry);
	close_file(&file);
	return status;
}

#include "agent/mcp/mcp_entry.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_expand.h"
#include "agent/mcp/mcp_folders.h"
#include "agent/model/model.h"
#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/egress/allow_list.h"

#define LIST_MAX 256 /* arguments, variables, headers */

/* An entry that is being read; member is the one that is wrong, if one is. */
struct reading {
	struct agent_mcp_entry *entry;
	bool expands; /* else a variable is taken as it stands */
	const char *member;
	struct cua_error *err;
};

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++) {
		free(list[i]);
	}
	free(list);
}

void mcp_entry_finish(struct agent_mcp_entry *entry)
{
	free_list(entry->argv);
	free_list(entry->env);
	mcp_folders_finish(entry);
	free_list(entry->headers);
	free(entry->url);
	free(entry->allowed);
	cJSON_Delete(entry->written);
	*entry = (struct agent_mcp_entry){ 0 };
}

static enum cua_status expand(const struct reading *reading, const char *text, char **ret_text)
{
	if (reading->expands) {
		return mcp_expand(text, ret_text, reading->err);
	}
	*ret_text = strdup(text);
	return *ret_text ? CUA_OK : CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "text");
}

/* The strings of a list, expanded, behind the first, which is taken and may be NULL. */
static enum cua_status read_list(
		struct reading *reading, const cJSON *list, char *first, char ***ret_list)
{
	const int count = list ? cJSON_GetArraySize(list) : 0;
	if ((list && !cJSON_IsArray(list)) || count > LIST_MAX) {
		free(first);
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
				"must be a list of at most %d strings", LIST_MAX);
	}
	char **texts = calloc((size_t)count + 2, sizeof(*texts));
	if (!texts) {
		free(first);
		return CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "list");
	}
	*ret_list = texts;
	if (first) {
		*texts++ = first;
	}
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item)) {
			return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
					"must be a list of strings");
		}
		enum cua_status status = expand(reading, item->valuestring, texts++);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

/* {"NAME": "value"} as "NAME=value" or "Name: value". */
static enum cua_status read_map(
		struct reading *reading, const cJSON *map, const char *separator, char ***ret_list)
{
	const int count = map ? cJSON_GetArraySize(map) : 0;
	if ((map && !cJSON_IsObject(map)) || count > LIST_MAX) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
				"must be an object with at most %d strings", LIST_MAX);
	}
	char **texts = calloc((size_t)count + 1, sizeof(*texts));
	if (!texts) {
		return CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "list");
	}
	*ret_list = texts;
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, map) {
		CUA_AUTO_FREE char *value = NULL;
		const bool is_name = item->string[0] && !strpbrk(item->string, "=: \t\r\n");
		if (!cJSON_IsString(item) || !is_name) {
			return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
					"must be an object of names and strings");
		}
		enum cua_status status = expand(reading, item->valuestring, &value);
		if (status != CUA_OK) {
			return status;
		}
		if (separator[0] == ':' && strpbrk(value, "\r\n")) {
			return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "%.60s must be one line",
					item->string);
		}
		if (asprintf(texts, "%s%s%s", item->string, separator, value) < 0) {
			*texts = NULL;
			return CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "list");
		}
		texts++;
	}
	return CUA_OK;
}

/* One after another, so that a name is not hidden in another. No file is read: what a person
 * approves stands in the entry. */
static enum cua_status read_names(struct reading *reading, const cJSON *names)
{
	CUA_AUTO_BUFFER struct cua_buffer words;
	const cJSON *name = NULL;
	char list[EGRESS_LIST_MAX];
	enum cua_status status = CUA_OK;
	cua_buffer_init(&words, EGRESS_LIST_MAX);
	cJSON_ArrayForEach (name, names) {
		const char *text = cJSON_GetStringValue(name);
		if (!text || strpbrk(text, ",@")) {
			return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
					"\"allow\" must be a list of names such as example.org and "
					"*.example.org");
		}
		status = cua_buffer_printf(
				&words, reading->err, "%s%s", words.len ? "," : "", text);
		if (status != CUA_OK) {
			return status;
		}
	}
	status = egress_list_read(words.len ? words.data : "", list, reading->err);
	if (status == CUA_OK) {
		reading->entry->allowed = strdup(list);
		status = reading->entry->allowed
				? CUA_OK
				: CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "names");
	}
	return status;
}

static enum cua_status read_network(struct reading *reading, const cJSON *network)
{
	const cJSON *names = cua_json_member(network, "allow");
	const char *word = network ? cJSON_GetStringValue(network) : "none";
	if (cJSON_IsArray(names) && cJSON_GetArraySize(network) == 1) {
		return read_names(reading, names);
	}
	if (!word || (strcmp(word, "none") != 0 && strcmp(word, "open") != 0)) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
				"must be \"none\", {\"allow\": [\"NAME\", ...]} or \"open\"");
	}
	reading->entry->has_network = strcmp(word, "open") == 0;
	return CUA_OK;
}

static enum cua_status read_stdio(struct reading *reading, const cJSON *json)
{
	struct agent_mcp_entry *entry = reading->entry;
	const char *command = cua_json_string(json, "command");
	reading->member = "command";
	if (!command || !command[0]) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "an entry has a command, or a url");
	}
	char *program = NULL;
	enum cua_status status = expand(reading, command, &program);
	if (status == CUA_OK) {
		reading->member = "args";
		status = read_list(reading, cua_json_member(json, "args"), program, &entry->argv);
	}
	if (status == CUA_OK) {
		reading->member = "env";
		status = read_map(reading, cua_json_member(json, "env"), "=", &entry->env);
	}
	if (status == CUA_OK) {
		reading->member = "read";
		status = mcp_folders_read(
				entry, cua_json_member(json, "read"), false, reading->err);
	}
	if (status == CUA_OK) {
		reading->member = "write";
		status = mcp_folders_read(
				entry, cua_json_member(json, "write"), true, reading->err);
	}
	if (status == CUA_OK) {
		reading->member = "network";
		status = read_network(reading, cua_json_member(json, "network"));
	}
	return status;
}

/* Says nothing of the URL as it became: it may hold a secret. */
static enum cua_status check_url(const struct reading *reading)
{
	const struct agent_mcp_entry *entry = reading->entry;
	const char *url = entry->url;
	struct cua_error why = { 0 };
	const bool is_whole = reading->expands || !strstr(url, "${");
	const bool is_good = is_whole
			? agent_model_check_url(url, entry->headers[0] != NULL, &why) == CUA_OK
			: !strpbrk(url, "?#");
	return is_good ? CUA_OK
			: why.status == CUA_ERR_NOMEM
			? CUA_FAIL(reading->err, CUA_ERR_NOMEM, ENOMEM, "url")
			: CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
					  "must be an https or http URL without user name and "
					  "query (a token goes into headers, and these not over "
					  "plain http but to a loopback address)");
}

static enum cua_status read_http(struct reading *reading, const cJSON *json)
{
	struct agent_mcp_entry *entry = reading->entry;
	reading->member = "url";
	enum cua_status status = expand(reading, cua_json_text(json, "url"), &entry->url);
	if (status == CUA_OK) {
		reading->member = "headers";
		status = read_map(reading, cua_json_member(json, "headers"), ": ", &entry->headers);
	}
	if (status == CUA_OK) {
		reading->member = "url";
		status = check_url(reading);
	}
	return status;
}

static enum cua_status read_entry(struct reading *reading, const cJSON *json)
{
	static const struct {
		const char *type;
		enum agent_mcp_transport transport;
	} types[] = { { "stdio", AGENT_MCP_STDIO }, { "http", AGENT_MCP_HTTP },
		{ "streamable-http", AGENT_MCP_HTTP }, { "sse", AGENT_MCP_SSE } };
	const bool has_url = cua_json_string(json, "url") != NULL;
	const char *type = cua_json_string(json, "type");
	type = type ? type : has_url ? "http" : "stdio";
	size_t at = 0;
	while (at < CUA_ARRAY_LEN(types) && strcmp(types[at].type, type) != 0) {
		at++;
	}
	reading->member = "type";
	if (at == CUA_ARRAY_LEN(types)) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0,
				"must be \"stdio\", \"http\" or \"sse\"");
	}
	reading->entry->transport = types[at].transport;
	if ((types[at].transport != AGENT_MCP_STDIO) != has_url) {
		return CUA_FAIL(reading->err, CUA_ERR_INVAL, 0, "\"%s\" does not go with %s", type,
				has_url ? "a url" : "no url");
	}
	return has_url ? read_http(reading, json) : read_stdio(reading, json);
}

const char *agent_mcp_network_name(const struct agent_mcp_entry *entry)
{
	return entry->has_network || entry->transport != AGENT_MCP_STDIO ? "open"
			: entry->allowed                                 ? "allow"
									 : "none";
}

enum cua_status agent_mcp_check_name(const char *name, struct cua_error *err)
{
	const size_t len = strlen(name);
	bool is_good = len > 0 && len <= AGENT_MCP_NAME_MAX && isalnum((unsigned char)name[0]);
	for (size_t i = 0; i < len; i++) {
		is_good = is_good && (isalnum((unsigned char)name[i]) || strchr("_-.", name[i]));
	}
	return is_good ? CUA_OK
		       : CUA_FAIL(err, CUA_ERR_INVAL, 0,
					 "\"%.80s\" is no name for a server: it has 1 to %d "
					 "letters, "
					 "digits and _-. and begins with a letter or digit",
					 name, AGENT_MCP_NAME_MAX);
}

enum cua_status mcp_entry_read(const cJSON *json, bool expands, struct agent_mcp_entry *entry,
		const char **ret_member, struct cua_error *err)
{
	struct reading reading = { .entry = entry, .expands = expands, .err = err };
	enum cua_status status = agent_mcp_check_name(json->string, err);
	if (status == CUA_OK && !cJSON_IsObject(json)) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "must be an object");
	}
	if (status == CUA_OK) {
		snprintf(entry->name, sizeof(entry->name), "%s", json->string);
		status = read_entry(&reading, json);
	}
	if (status == CUA_OK) {
		entry->written = cJSON_Duplicate(json, true);
		status = entry->written ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "entry");
	}
	*ret_member = reading.member;
	return status;
}

enum cua_status agent_mcp_check_entry(const char *name, const cJSON *entry, struct cua_error *err)
{
	struct agent_mcp_entry read = { 0 };
	const char *member = NULL;
	CUA_AUTO_JSON cJSON *root = cJSON_CreateObject();
	if (!cJSON_AddItemReferenceToObject(root, name, (cJSON *)(uintptr_t)entry)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "entry");
	}
	enum cua_status status = mcp_entry_read(root->child, false, &read, &member, err);
	if (status != CUA_OK && member) {
		cua_error_prefix(err, "%s", member);
	}
	mcp_entry_finish(&read);
	return status;
}

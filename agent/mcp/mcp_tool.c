#include "agent/mcp/mcp_tool.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/mcp/mcp_http_value.h"
#include "agent/mcp/mcp_text.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define DEFINITION_MAX ((size_t)256 << 10)
#define DEPTH_MAX 32
#define HEADERS_MAX 64
#define ANNOTATION "x-mcp-header"

/* --- what identifies a description --- */

static int by_name(const void *left, const void *right)
{
	return strcmp((*(cJSON *const *)left)->string, (*(cJSON *const *)right)->string);
}

/* At every depth, so that the order a server happens to write in does not matter. */
static bool sort_members(cJSON *json)
{
	cJSON *child = NULL;
	cJSON_ArrayForEach (child, json) {
		if (!sort_members(child)) {
			return false;
		}
	}
	const int count = cJSON_GetArraySize(json);
	if (count == 0) {
		return true;
	}
	CUA_AUTO_FREE cJSON **items = calloc((size_t)count, sizeof(*items));
	if (!items) {
		return false;
	}
	for (int i = 0; i < count; i++) {
		items[i] = cJSON_DetachItemFromArray(json, 0);
	}
	if (cJSON_IsObject(json)) {
		qsort(items, (size_t)count, sizeof(*items), by_name);
	}
	for (int i = 0; i < count; i++) {
		cJSON_AddItemToArray(json, items[i]); /* a member keeps its name */
	}
	return true;
}

bool mcp_tool_hash(const cJSON *json, char hash[65])
{
	unsigned char bytes[crypto_generichash_BYTES];
	CUA_AUTO_JSON cJSON *copy = cJSON_Duplicate(json, true);
	CUA_AUTO_FREE char *text = copy && sort_members(copy) ? cJSON_PrintUnformatted(copy) : NULL;
	if (!text) {
		return false;
	}
	crypto_generichash(
			bytes, sizeof(bytes), (const unsigned char *)text, strlen(text), NULL, 0);
	sodium_bin2hex(hash, 65, bytes, sizeof(bytes));
	return true;
}

/* --- x-mcp-header --- */

static bool is_token(const char *text)
{
	for (const char *byte = text; *byte; byte++) {
		if (!isalnum((unsigned char)*byte) && !strchr("!#$%&'*+-.^_`|~", *byte)) {
			return false;
		}
	}
	return text[0] != '\0';
}

struct annotations {
	const char *names[HEADERS_MAX];
	size_t count;
};

static bool take_annotation(
		const cJSON *schema, const cJSON *value, struct annotations *annotations)
{
	const char *name = cJSON_GetStringValue(value), *type = cua_json_text(schema, "type");
	if (!name || !is_token(name) || annotations->count == HEADERS_MAX ||
			(strcmp(type, "string") != 0 && strcmp(type, "integer") != 0 &&
					strcmp(type, "boolean") != 0)) {
		return false;
	}
	for (size_t i = 0; i < annotations->count; i++) {
		if (strcasecmp(annotations->names[i], name) == 0) {
			return false;
		}
	}
	annotations->names[annotations->count++] = name;
	return true;
}

/* Is each annotation where it may be? is_reached: by properties alone. */
static bool check_annotations(const cJSON *json, bool is_reached, struct annotations *annotations)
{
	const cJSON *member = NULL, *property = NULL;
	cJSON_ArrayForEach (member, json) {
		if (member->string && strcmp(member->string, ANNOTATION) == 0) {
			if (!is_reached || !take_annotation(json, member, annotations)) {
				return false;
			}
		} else if (is_reached && member->string &&
				strcmp(member->string, "properties") == 0) {
			cJSON_ArrayForEach (property, member) {
				if (!check_annotations(property, true, annotations)) {
					return false;
				}
			}
		} else if (!check_annotations(member, false, annotations)) {
			return false;
		}
	}
	return true;
}

static bool add_header(char **lines, size_t *count, const char *name, const cJSON *value)
{
	CUA_AUTO_FREE char *text = cJSON_IsString(value) ? mcp_http_value(value->valuestring)
			: cJSON_IsBool(value)   ? strdup(cJSON_IsTrue(value) ? "true" : "false")
			: cJSON_IsNumber(value) ? cJSON_PrintUnformatted(value)
						: NULL;
	if (!text) {
		return cJSON_IsObject(value) ||
				cJSON_IsArray(value); /* the server will refuse it */
	}
	/* The semicolon is libcurl's spelling of a header without a value. */
	if (asprintf(&lines[*count], text[0] ? "Mcp-Param-%s: %s" : "Mcp-Param-%s;%s", name, text) <
			0) {
		lines[*count] = NULL;
		return false;
	}
	(*count)++;
	return true;
}

static bool add_headers(char **lines, size_t *count, const cJSON *schema, const cJSON *arguments)
{
	const cJSON *property = NULL;
	cJSON_ArrayForEach (property, cua_json_member(schema, "properties")) {
		const cJSON *value = cua_json_member(arguments, property->string);
		const char *name = cua_json_string(property, ANNOTATION);
		if (!value || cJSON_IsNull(value)) {
			continue;
		}
		if (name && *count < HEADERS_MAX && !add_header(lines, count, name, value)) {
			return false;
		}
		if (!name && !add_headers(lines, count, property, value)) {
			return false;
		}
	}
	return true;
}

char **mcp_tool_headers(const struct agent_mcp_tool *tool, const cJSON *arguments)
{
	size_t count = 0;
	char **lines = calloc(HEADERS_MAX + 1, sizeof(*lines));
	if (!lines ||
			add_headers(lines, &count, cua_json_member(tool->definition, "inputSchema"),
					arguments)) {
		return lines;
	}
	while (count > 0) {
		free(lines[--count]);
	}
	free(lines);
	return NULL;
}

/* --- taking one --- */

static int depth_of(const cJSON *json)
{
	int deepest = 0;
	const cJSON *child = NULL;
	cJSON_ArrayForEach (child, json) {
		const int depth = depth_of(child);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* Why a tool cannot be taken; NULL if it can. */
static const char *trouble_with(
		const struct agent_mcp_tools *tools, const cJSON *tool, bool is_http)
{
	const char *name = cua_json_text(tool, "name");
	const cJSON *schema = cua_json_member(tool, "inputSchema");
	struct annotations annotations = { .count = 0 };
	const size_t len = strlen(name);
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("_-./", name[i])) {
			return "a name with other characters than letters, digits and _-./";
		}
	}
	if (len == 0 || len > AGENT_MCP_TOOL_NAME_MAX) {
		return "no name, or one that is too long";
	}
	if (mcp_tools_find(tools, name)) {
		return "a name that another tool has";
	}
	if (!cJSON_IsObject(schema) || strcmp(cua_json_text(schema, "type"), "object") != 0) {
		return "an inputSchema that is not of an object";
	}
	if (depth_of(tool) > DEPTH_MAX) {
		return "schemas that nest too deep";
	}
	if (is_http && !check_annotations(schema, true, &annotations)) {
		return "an " ANNOTATION " where none may be";
	}
	return NULL;
}

static bool add_words(cJSON *to, const cJSON *from, const char *name)
{
	const char *words = cua_json_string(from, name);
	CUA_AUTO_FREE char *clean = words ? mcp_text_clean(words) : NULL;
	return !words || (clean && cJSON_AddStringToObject(to, name, clean));
}

static bool add_object(cJSON *to, const cJSON *from, const char *name)
{
	const cJSON *object = cua_json_member(from, name);
	cJSON *copy = cJSON_IsObject(object) ? cJSON_Duplicate(object, true) : NULL;
	(void)cua_text_strip_json(copy); /* a person who approves it sees all that a model reads */
	return !cJSON_IsObject(object) || (copy && cJSON_AddItemToObject(to, name, copy));
}

static bool describe(const cJSON *tool, struct agent_mcp_tool *ret_tool)
{
	cJSON *definition = cJSON_CreateObject();
	*ret_tool = (struct agent_mcp_tool){ .name = strdup(cua_json_text(tool, "name")),
		.definition = definition };
	return ret_tool->name && cJSON_AddStringToObject(definition, "name", ret_tool->name) &&
			add_words(definition, tool, "title") &&
			add_words(definition, tool, "description") &&
			add_object(definition, tool, "inputSchema") &&
			add_object(definition, tool, "outputSchema") &&
			add_object(definition, tool, "annotations") &&
			mcp_tool_hash(definition, ret_tool->hash);
}

static void finish_tool(struct agent_mcp_tool *tool)
{
	free(tool->name);
	cJSON_Delete(tool->definition);
}

static bool make_room(struct agent_mcp_tools *tools)
{
	if (tools->count < tools->capacity) {
		return true;
	}
	const size_t capacity = tools->capacity * 2 + 16;
	struct agent_mcp_tool *list = reallocarray(tools->list, capacity, sizeof(*list));
	if (list) {
		tools->list = list;
		tools->capacity = capacity;
	}
	return list != NULL;
}

static void drop(struct agent_mcp_tools *tools, const cJSON *tool, const char *why)
{
	if (tools->dropped++ == 0) {
		char name[80];
		mcp_text_line(name, sizeof(name), cua_json_text(tool, "name"));
		snprintf(tools->problem, sizeof(tools->problem), "%s: it has %s", name, why);
	}
}

enum cua_status mcp_tools_add(struct agent_mcp_tools *tools, const cJSON *tool, bool is_http,
		struct cua_error *err)
{
	const char *why = trouble_with(tools, tool, is_http);
	struct agent_mcp_tool described;
	if (why) {
		drop(tools, tool, why);
		return CUA_OK;
	}
	if (tools->count == AGENT_MCP_TOOLS_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "over %d tools", AGENT_MCP_TOOLS_MAX);
	}
	if (!describe(tool, &described) || !make_room(tools)) {
		finish_tool(&described);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "tool");
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(described.definition);
	if (!text || strlen(text) > DEFINITION_MAX) {
		finish_tool(&described);
		drop(tools, tool, "a description that is too long");
		return CUA_OK;
	}
	if (strlen(text) > AGENT_MCP_TOOLS_BYTES_MAX - tools->bytes) {
		finish_tool(&described);
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"descriptions of tools of over %zu bytes",
				AGENT_MCP_TOOLS_BYTES_MAX);
	}
	tools->bytes += strlen(text);
	tools->list[tools->count++] = described;
	return CUA_OK;
}

const struct agent_mcp_tool *mcp_tools_find(const struct agent_mcp_tools *tools, const char *name)
{
	for (size_t i = 0; i < tools->count; i++) {
		if (strcmp(tools->list[i].name, name) == 0) {
			return &tools->list[i];
		}
	}
	return NULL;
}

void mcp_tools_finish(struct agent_mcp_tools *tools)
{
	for (size_t i = 0; i < tools->count; i++) {
		finish_tool(&tools->list[i]);
	}
	free(tools->list);
	*tools = (struct agent_mcp_tools){ 0 };
}

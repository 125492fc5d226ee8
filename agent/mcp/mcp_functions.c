/* What a model sees of the tools of all servers. */

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_client_internal.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define NAMES_MAX 400 /* in one answer of mcp_tools */
#define FOUND_MAX 25
#define SUMMARY_MAX 160 /* characters of a description in a list */
#define SEPARATOR "__"
#define PREFIX "mcp" SEPARATOR
#define HASH_BYTES 16
#define HASH_DIGITS 16 /* of it in a name */

static const char tools_help[] =
		"Look up the tools of connected servers (Model Context Protocol). Without "
		"arguments: "
		"all their names. With query: those whose names or descriptions have all its "
		"words. "
		"With server and tool: the description and the schema of the arguments, which "
		"mcp_call takes.";
static const char call_help[] = "Call a tool of a connected server. Look it up with mcp_tools "
				"first: arguments must "
				"fit its schema.";

const struct agent_mcp_tool *mcp_nth(
		const struct agent_mcp *mcp, size_t index, const struct mcp_member **ret_member)
{
	for (size_t i = 0; i < mcp->count; i++) {
		const struct mcp_member *member = &mcp->members[i];
		for (size_t t = 0; member->tools && t < member->tools->count; t++) {
			const struct agent_mcp_tool *tool = &member->tools->list[t];
			if (tool->is_approved && index-- == 0) {
				*ret_member = member;
				return tool;
			}
		}
	}
	return NULL;
}

bool mcp_is_direct(const struct agent_mcp *mcp)
{
	const struct mcp_member *member = NULL;
	return mcp_nth(mcp, AGENT_MCP_DIRECT_MAX, &member) == NULL;
}

/* Does it end as those that have a hash? */
static bool looks_hashed(const char *name)
{
	const size_t len = strlen(name);
	return len > HASH_DIGITS && name[len - HASH_DIGITS - 1] == '_' &&
			strspn(name + len - HASH_DIGITS, "0123456789abcdef") == HASH_DIGITS;
}

/* What does not fit is told apart by a hash; so are two that differ in other letters alone, and
 * names with the separator at two places, which another server and tool could have as well. */
void mcp_function_name(const char *server, const char *tool, char name[65])
{
	char whole[AGENT_MCP_NAME_MAX + AGENT_MCP_TOOL_NAME_MAX + 16], hash[2 * HASH_BYTES + 1];
	unsigned char digest[HASH_BYTES];
	crypto_generichash_state state;
	crypto_generichash_init(&state, NULL, 0, sizeof(digest));
	crypto_generichash_update(&state, (const unsigned char *)server, strlen(server) + 1);
	crypto_generichash_update(&state, (const unsigned char *)tool, strlen(tool));
	crypto_generichash_final(&state, digest, sizeof(digest));
	sodium_bin2hex(hash, sizeof(hash), digest, sizeof(digest));
	snprintf(whole, sizeof(whole), PREFIX "%s" SEPARATOR "%s", server, tool);
	const char *separator = strstr(whole + strlen(PREFIX), SEPARATOR);
	bool is_same = strlen(whole) <= 64 && !strstr(separator + 1, SEPARATOR) &&
			!looks_hashed(whole);
	for (char *byte = whole; *byte; byte++) {
		if (!isalnum((unsigned char)*byte) && *byte != '_' && *byte != '-') {
			*byte = '_';
			is_same = false;
		}
	}
	if (is_same) {
		snprintf(name, 65, "%.64s", whole);
	} else {
		snprintf(name, 65, "%.*s_%.*s", 63 - HASH_DIGITS, whole, HASH_DIGITS, hash);
	}
}

static cJSON *string_property(cJSON *schema, const char *name, const char *help)
{
	cJSON *properties = cua_json_member(schema, "properties");
	cJSON *property = cJSON_AddObjectToObject(
			properties ? properties : cJSON_AddObjectToObject(schema, "properties"),
			name);
	cJSON_AddStringToObject(property, "type", "string");
	cJSON_AddStringToObject(property, "description", help);
	return property;
}

static cJSON *add_schema(cJSON *schemas, const char *name)
{
	cJSON *schema = cJSON_AddObjectToObject(schemas, name);
	cJSON_AddStringToObject(schema, "type", "object");
	return schema;
}

enum cua_status mcp_make_schemas(struct agent_mcp *mcp, struct cua_error *err)
{
	static const char *const required[] = { "server", "tool", "arguments" };
	mcp->schemas = cJSON_CreateObject();
	cJSON *look_up = add_schema(mcp->schemas, "mcp_tools");
	string_property(look_up, "query", "words");
	string_property(look_up, "server", "name of a server");
	string_property(look_up, "tool", "name of a tool of that server");
	cJSON_AddBoolToObject(look_up, "additionalProperties", false);
	cJSON *call = add_schema(mcp->schemas, "mcp_call");
	string_property(call, "server", "name of a server");
	string_property(call, "tool", "name of a tool of that server");
	cJSON *arguments =
			cJSON_AddObjectToObject(cua_json_member(call, "properties"), "arguments");
	cJSON_AddStringToObject(arguments, "type", "object");
	/* Some model APIs take no object without them. */
	cJSON_AddObjectToObject(arguments, "properties");
	cJSON_AddBoolToObject(arguments, "additionalProperties", true);
	cJSON_AddItemToObject(call, "required",
			cJSON_CreateStringArray(required, CUA_ARRAY_LEN(required)));
	const bool is_whole = cJSON_AddBoolToObject(call, "additionalProperties", false) != NULL;
	return is_whole ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "schemas");
}

static bool own_function(
		const struct agent_mcp *mcp, size_t index, struct agent_mcp_function *ret_function)
{
	static const char *const names[] = { "mcp_tools", "mcp_call" };
	if (index >= CUA_ARRAY_LEN(names)) {
		return false;
	}
	*ret_function = (struct agent_mcp_function){
		.description = index == 0 ? tools_help : call_help,
		.parameters = cua_json_member(mcp->schemas, names[index]),
	};
	snprintf(ret_function->name, sizeof(ret_function->name), "%s", names[index]);
	return true;
}

bool agent_mcp_function(
		const struct agent_mcp *mcp, size_t index, struct agent_mcp_function *ret_function)
{
	const struct mcp_member *member = NULL;
	if (!mcp_is_direct(mcp)) {
		return own_function(mcp, index, ret_function);
	}
	const struct agent_mcp_tool *tool = mcp_nth(mcp, index, &member);
	if (!tool) {
		return false;
	}
	*ret_function = (struct agent_mcp_function){
		.description = cua_json_text(tool->definition, "description"),
		.parameters = cua_json_member(tool->definition, "inputSchema"),
	};
	mcp_function_name(member->entry->name, tool->name, ret_function->name);
	return true;
}

/* --- mcp_tools --- */

static bool has_words(const struct mcp_member *member, const struct agent_mcp_tool *tool,
		const char *query)
{
	char words[500];
	char *rest = NULL;
	snprintf(words, sizeof(words), "%s", query);
	for (char *word = strtok_r(words, " \t\n,", &rest); word;
			word = strtok_r(NULL, " \t\n,", &rest)) {
		if (!strcasestr(tool->name, word) && !strcasestr(member->entry->name, word) &&
				!strcasestr(cua_json_text(tool->definition, "description"), word)) {
			return false;
		}
	}
	return true;
}

static void print_whole(FILE *out, const struct agent_mcp_tool *tool)
{
	CUA_AUTO_FREE char *schema =
			cJSON_PrintUnformatted(cua_json_member(tool->definition, "inputSchema"));
	fprintf(out, "%s\n%s\nArguments: %s\n", tool->name,
			cua_json_text(tool->definition, "description"), schema ? schema : "");
}

/* Lists names, with a query also what each does. */
static void print_list(
		const struct agent_mcp *mcp, const char *server, const char *query, FILE *out)
{
	const struct mcp_member *member = NULL, *last = NULL;
	const struct agent_mcp_tool *tool = NULL;
	size_t found = 0;
	for (size_t i = 0; (tool = mcp_nth(mcp, i, &member)); i++) {
		if ((server[0] && strcmp(server, member->entry->name) != 0) ||
				!has_words(member, tool, query) ||
				++found > (query[0] ? FOUND_MAX : NAMES_MAX)) {
			continue;
		}
		const bool is_first = last != member;
		if (is_first) {
			fprintf(out, "%sserver %s:", last ? "\n" : "", member->entry->name);
		}
		last = member;
		fprintf(out, "%s%s", query[0] ? "\n  " : is_first ? " " : ", ", tool->name);
		if (query[0]) {
			fputs(": ", out);
			cua_text_line(out, cua_json_text(tool->definition, "description"),
					SUMMARY_MAX);
		}
	}
	fprintf(out, found == 0 ? "no tool of that kind" : "\n%zu in all; give a query for fewer",
			found);
}

enum cua_status mcp_describe(const struct agent_mcp *mcp, const cJSON *arguments,
		struct agent_mcp_result *ret_result, struct cua_error *err)
{
	const char *server = cua_json_text(arguments, "server");
	const char *name = cua_json_text(arguments, "tool");
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0, shown = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	const struct mcp_member *member = NULL;
	const struct agent_mcp_tool *tool = NULL;
	for (size_t i = 0; name[0] && (tool = mcp_nth(mcp, i, &member)); i++) {
		if (strcmp(tool->name, name) == 0 &&
				(!server[0] || strcmp(server, member->entry->name) == 0)) {
			fprintf(out, "server %s, tool ", member->entry->name);
			print_whole(out, tool);
			shown++;
		}
	}
	if (shown == 0) {
		const char *query = cua_json_text(arguments, "query");
		print_list(mcp, server, query[0] ? query : name, out);
	}
	if (fclose(out) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
	}
	return mcp_content_text(text, false, ret_result, err);
}

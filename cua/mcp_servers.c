#include "cua/mcp_servers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/egress/allow_list.h"

/* --- an entry, for people --- */

const char *mcp_servers_transport(const struct agent_mcp_entry *entry)
{
	return entry->transport == AGENT_MCP_STDIO          ? "stdio"
			: entry->transport == AGENT_MCP_SSE ? "sse"
							    : "http";
}

void mcp_servers_print_network(const cJSON *network)
{
	const cJSON *name = NULL;
	const char *word = cJSON_GetStringValue(network);
	printf("network %s", cJSON_IsObject(network) ? "allow" : word ? word : "none");
	cJSON_ArrayForEach (name, cua_json_member(network, "allow")) {
		const char *text = cJSON_GetStringValue(name);
		putchar(' ');
		cua_text_line(stdout, text ? text : "", 0);
	}
}

static void print_folders(const struct agent_mcp_entry *entry, bool is_writable)
{
	const char *before = is_writable ? "  writes " : "  reads ";
	for (size_t i = 0; i < entry->folder_count; i++) {
		const struct agent_mcp_folder *folder = &entry->folders[i];
		if (folder->is_writable != is_writable) {
			continue;
		}
		fputs(before, stdout);
		cua_text_line(stdout, folder->path, 0);
		if (strcmp(folder->path, folder->real) != 0) {
			fputs(" -> ", stdout);
			cua_text_line(stdout, folder->real, 0);
		}
		before = " ";
	}
}

void mcp_servers_print_entry(const struct agent_mcp_entry *entry)
{
	const cJSON *argument = NULL;
	printf("%-20s %-6s ", entry->name, mcp_servers_transport(entry));
	cua_text_line(stdout, cua_json_text(entry->written, "command"), 0);
	cua_text_line(stdout, cua_json_text(entry->written, "url"), 0);
	cJSON_ArrayForEach (argument, cua_json_member(entry->written, "args")) {
		const char *text = cJSON_GetStringValue(argument);
		putchar(' ');
		cua_text_line(stdout, text ? text : "", 0);
	}
	print_folders(entry, false);
	print_folders(entry, true);
	if (entry->has_network || entry->allowed) {
		fputs("  ", stdout);
		mcp_servers_print_network(cua_json_member(entry->written, "network"));
	}
	putchar('\n');
}

/* --- an entry, from options --- */

/* "NAME=value" or "Name: value" as members of an object; false if one is neither. */
static bool add_pairs(cJSON *entry, const char *name, const char *const *pairs, size_t count,
		char separator)
{
	cJSON *object = count > 0 ? cJSON_AddObjectToObject(entry, name) : NULL;
	for (size_t i = 0; i < count; i++) {
		const char *value = strchr(pairs[i], separator);
		CUA_AUTO_FREE char *key =
				value ? strndup(pairs[i], (size_t)(value - pairs[i])) : NULL;
		if (!key || !key[0]) {
			return false;
		}
		value++;
		cJSON_AddStringToObject(
				object, key, value + (separator == ':' ? strspn(value, " ") : 0));
	}
	return true;
}

/* A folder as a person names it on the command line; false if there is none. */
static bool add_folders(cJSON *entry, const char *name, const char *const *folders, size_t count)
{
	cJSON *list_of_them = count > 0 ? cJSON_AddArrayToObject(entry, name) : NULL;
	for (size_t i = 0; i < count; i++) {
		CUA_AUTO_FREE char *whole = realpath(folders[i], NULL);
		if (!whole) {
			perror(folders[i]);
			return false;
		}
		cJSON_AddItemToArray(list_of_them, cJSON_CreateString(whole));
	}
	return true;
}

static bool is_url(const char *word)
{
	return strncasecmp(word, "http://", 7) == 0 || strncasecmp(word, "https://", 8) == 0;
}

/* "none", "open" or "allow:NAME,...", as cua desktop start takes it; says what is wrong. */
static bool add_network(cJSON *entry, const char *network)
{
	static const char allow[] = "allow:";
	struct cua_error why = { 0 };
	char list[EGRESS_LIST_MAX];
	if (strcmp(network, "none") == 0 || strcmp(network, "open") == 0) {
		return cJSON_AddStringToObject(entry, "network", network) != NULL;
	}
	if (strncmp(network, allow, strlen(allow)) != 0) {
		(void)cua_cmd_usage("mcp-servers",
				"--network must be none, open, allow:NAME,... or allow:@FILE");
		return false;
	}
	if (egress_list_read(network + strlen(allow), list, &why) != CUA_OK) {
		(void)mcp_servers_fail(&why);
		return false;
	}
	cJSON *names = cJSON_AddArrayToObject(cJSON_AddObjectToObject(entry, "network"), "allow");
	for (char *rest = list, *name; (name = strsep(&rest, ","));) {
		cJSON_AddItemToArray(names, cJSON_CreateString(name));
	}
	return true;
}

cJSON *mcp_servers_make_entry(const struct mcp_servers_options *options)
{
	cJSON *entry = cJSON_CreateObject();
	const char *first = options->names[1];
	bool is_good = true;
	if (is_url(first)) {
		cJSON_AddStringToObject(entry, "type", options->sse ? "sse" : "http");
		cJSON_AddStringToObject(entry, "url", first);
		is_good = options->name_count == 2 && !options->network &&
				options->env_count + options->read_count + options->write_count ==
						0;
	} else {
		cJSON_AddStringToObject(entry, "command", first);
		cJSON_AddItemToObject(entry, "args",
				cJSON_CreateStringArray((const char *const *)options->names + 2,
						(int)options->name_count - 2));
		is_good = options->header_count == 0 && !options->sse;
	}
	if (!is_good || !add_pairs(entry, "env", options->env, options->env_count, '=') ||
			!add_pairs(entry, "headers", options->headers, options->header_count,
					':')) {
		(void)cua_cmd_usage("mcp-servers", "these do not go together");
		cJSON_Delete(entry);
		return NULL;
	}
	if ((options->network && !add_network(entry, options->network)) ||
			!add_folders(entry, "read", options->read, options->read_count) ||
			!add_folders(entry, "write", options->write, options->write_count)) {
		cJSON_Delete(entry);
		return NULL;
	}
	return entry;
}

#include "agent/policy/doubts.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/policy/names.h"
#include "cua/base/json.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"

/* Where doubts are kept, and what they are about. */
struct doubts {
	cJSON *list; /* borrowed */
	const cJSON *servers;
	const struct agent_policy *policy; /* NULL: a call */
	int line;
};

static void CUA_PRINTF(2, 3) add(struct doubts *doubts, const char *fmt, ...)
{
	char text[512], whole[640];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (doubts->policy) {
		snprintf(whole, sizeof(whole), "%.100s:%d: %s", agent_policy_name(doubts->policy),
				doubts->line, text);
	}
	cJSON_AddItemToArray(doubts->list, cJSON_CreateString(doubts->policy ? whole : text));
}

static const cJSON *first_of(const cJSON *value)
{
	return cJSON_IsArray(value) ? value->child : value;
}

static const cJSON *next_of(const cJSON *value, const cJSON *text)
{
	return cJSON_IsArray(value) ? text->next : NULL;
}

/* patterns NULL: any. */
static bool is_meant(const cJSON *patterns, const char *name)
{
	for (const cJSON *at = first_of(patterns); at; at = next_of(patterns, at)) {
		if (fnmatch(at->valuestring, name, 0) == 0) {
			return true;
		}
	}
	return !patterns;
}

/* Of a server: its tools, none if it is not among those that are meant. */
static const cJSON *tools_meant(const cJSON *servers, const cJSON *server)
{
	return is_meant(servers, server->string) ? server : NULL;
}

static void doubt_server(struct doubts *doubts, const cJSON *pattern)
{
	struct cua_nearest nearest = { .word = pattern->valuestring };
	char hint[CUA_NEAREST_HINT_SIZE];
	const cJSON *server = NULL;
	cJSON_ArrayForEach (server, doubts->servers) {
		if (fnmatch(pattern->valuestring, server->string, 0) == 0) {
			return;
		}
		cua_nearest_try(&nearest, server->string);
	}
	add(doubts, "no MCP server here is called '%.64s'%s", pattern->valuestring,
			cua_nearest_hint(&nearest, "", hint));
}

/* Is there a server of these of which no tool is known? */
static bool is_dark(const struct doubts *doubts, const cJSON *servers)
{
	bool is_any = false;
	const cJSON *server = NULL;
	cJSON_ArrayForEach (server, doubts->servers) {
		if (is_meant(servers, server->string)) {
			is_any = true;
			if (!cJSON_IsObject(server)) {
				return true;
			}
		}
	}
	return !is_any;
}

/* servers: patterns of those that are meant; NULL: any. */
static void doubt_tool(struct doubts *doubts, const cJSON *servers, const cJSON *pattern)
{
	struct cua_nearest nearest = { .word = pattern->valuestring };
	char hint[CUA_NEAREST_HINT_SIZE];
	const cJSON *server = NULL, *tool = NULL;
	cJSON_ArrayForEach (server, doubts->servers) {
		const cJSON *offered = tools_meant(servers, server);
		cJSON_ArrayForEach (tool, offered) {
			if (fnmatch(pattern->valuestring, tool->string, 0) == 0) {
				return;
			}
			cua_nearest_try(&nearest, tool->string);
		}
	}
	if (!is_dark(doubts, servers)) {
		add(doubts, "no MCP server that is meant has a tool '%.64s'%s",
				pattern->valuestring, cua_nearest_hint(&nearest, "", hint));
	}
}

/* True if no tool can be found that takes it, and all that are meant say what they take. */
static bool is_not_taken(const struct doubts *doubts, const cJSON *servers, const cJSON *tools,
		struct cua_nearest *nearest)
{
	bool is_any = false;
	const cJSON *server = NULL, *tool = NULL, *property = NULL;
	cJSON_ArrayForEach (server, doubts->servers) {
		const cJSON *offered = tools_meant(servers, server);
		cJSON_ArrayForEach (tool, offered) {
			if (!is_meant(tools, tool->string)) {
				continue;
			}
			const cJSON *properties = cua_json_member(
					cua_json_member(tool, "inputSchema"), "properties");
			if (!properties || cua_json_member(properties, nearest->word)) {
				return false;
			}
			cJSON_ArrayForEach (property, properties) {
				cua_nearest_try(nearest, property->string);
			}
			is_any = true;
		}
	}
	return is_any && !is_dark(doubts, servers);
}

static void doubt_argument(
		struct doubts *doubts, const cJSON *servers, const cJSON *tools, const char *name)
{
	struct cua_nearest nearest = { .word = name };
	char hint[CUA_NEAREST_HINT_SIZE];
	if (is_not_taken(doubts, servers, tools, &nearest)) {
		add(doubts, "no tool of an MCP server that is meant takes '%.64s'%s", name,
				cua_nearest_hint(&nearest, "", hint));
	}
}

/* An argument in a row: of the tools of servers, or of any. */
static void doubt_row_argument(struct doubts *doubts, const cJSON *when, const char *name)
{
	const cJSON *server = cua_json_member(when, "server");
	const cJSON *tool = cua_json_member(when, "server_tool");
	if (server || tool) {
		doubt_argument(doubts, server, tool, name);
	} else if (policy_argument_is_foreign(when, name)) {
		add(doubts,
				"no tool of cua takes '%.64s', but only one of an MCP server may: "
				"name "
				"the tool that is meant, so that it can be checked",
				name);
	}
}

static void doubt_row(struct doubts *doubts, const struct policy_row *row)
{
	const cJSON *when = row->when, *argument = NULL;
	const cJSON *server = cua_json_member(when, "server");
	const cJSON *tool = cua_json_member(when, "server_tool");
	const char *of = cua_json_string(cua_json_member(when, "amount"), "of");
	doubts->line = row->line;
	for (const cJSON *at = first_of(server); at; at = next_of(server, at)) {
		doubt_server(doubts, at);
	}
	for (const cJSON *at = first_of(tool); at; at = next_of(tool, at)) {
		doubt_tool(doubts, server, at);
	}
	cJSON_ArrayForEach (argument, cua_json_member(when, "argument")) {
		doubt_row_argument(doubts, when, argument->string);
	}
	if (of) {
		doubt_row_argument(doubts, when, of);
	}
	if (row->limit.of) {
		doubt_row_argument(doubts, when, row->limit.of);
	}
}

cJSON *agent_policy_doubts(const struct agent_policy *policy, const cJSON *servers)
{
	cJSON *list = cJSON_CreateArray();
	struct doubts doubts = { .list = list, .servers = servers, .policy = policy };
	const struct policy_table *tables[] = { &policy->classes, &policy->taints, &policy->rules };
	for (size_t i = 0; list && i < CUA_ARRAY_LEN(tables); i++) {
		for (size_t k = 0; k < tables[i]->count; k++) {
			if (tables[i]->rows[k].file == policy->files[0]) {
				doubt_row(&doubts, &tables[i]->rows[k]);
			}
		}
	}
	return list;
}

cJSON *agent_policy_doubts_of_call(
		const cJSON *servers, const char *server, const char *tool, const cJSON *arguments)
{
	cJSON *list = cJSON_CreateArray();
	struct doubts doubts = { .list = list, .servers = servers };
	CUA_AUTO_JSON cJSON *named_server = cJSON_CreateString(server);
	CUA_AUTO_JSON cJSON *named_tool = cJSON_CreateString(tool);
	const cJSON *argument = NULL;
	if (!named_server || !named_tool) {
		return list;
	}
	doubt_server(&doubts, named_server);
	doubt_tool(&doubts, named_server, named_tool);
	cJSON_ArrayForEach (argument, arguments) {
		doubt_argument(&doubts, named_server, named_tool, argument->string);
	}
	return list;
}

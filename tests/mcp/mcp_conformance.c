/* The client half of the official conformance suite runs this against servers of its own:
 *
 *   mcp_conformance URL
 *
 * with the scenario in MCP_CONFORMANCE_SCENARIO. It does with our client what the scenario is
 * about; the suite is the judge. */

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mcp/mcp_server.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* A person who takes what is suggested. */
static cJSON *accept_defaults(const char *server, const cJSON *params, void *user_data)
{
	(void)server;
	(void)user_data;
	cJSON *content = cJSON_CreateObject();
	const cJSON *property = NULL;
	const cJSON *schema = cua_json_member(params, "requestedSchema");
	cJSON_ArrayForEach (property, cua_json_member(schema, "properties")) {
		const cJSON *suggested = cua_json_member(property, "default");
		if (suggested) {
			cJSON_AddItemToObject(content, property->string,
					cJSON_Duplicate(suggested, true));
		} else if (strcmp(cua_json_text(property, "type"), "boolean") == 0) {
			cJSON_AddTrueToObject(content, property->string);
		}
	}
	return content;
}

static int fail(const struct cua_error *why)
{
	fprintf(stderr, "mcp_conformance: %s\n", why->msg);
	return 1;
}

static int call(struct agent_mcp_server *server, const struct agent_mcp_tools *tools,
		const char *name, const cJSON *arguments)
{
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *result = NULL;
	bool is_uncertain = false;
	const struct agent_mcp_tool *tool = mcp_tools_find(tools, name);
	if (!tool) {
		fprintf(stderr, "mcp_conformance: there is no tool %s\n", name);
		return 1;
	}
	if (agent_mcp_server_call(server, tool, arguments, &result, &is_uncertain, &why) !=
			CUA_OK) {
		return fail(&why);
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(result);
	printf("%s: %s\n", name, text ? text : "");
	return 0;
}

/* The calls that the scenario names, with their arguments. */
static int call_as_told(struct agent_mcp_server *server, const struct agent_mcp_tools *tools)
{
	const char *told = getenv("MCP_CONFORMANCE_CONTEXT");
	CUA_AUTO_JSON cJSON *context = told ? cJSON_Parse(told) : NULL;
	const cJSON *one = NULL;
	int failed = 0;
	cJSON_ArrayForEach (one, cua_json_member(context, "toolCalls")) {
		failed |= call(server, tools, cua_json_text(one, "name"),
				cua_json_member(one, "arguments"));
	}
	return failed;
}

/* What a tool of the suite is given: a number for each number, else nothing. */
static int call_all(struct agent_mcp_server *server, const struct agent_mcp_tools *tools)
{
	int failed = 0;
	for (size_t i = 0; i < tools->count; i++) {
		const cJSON *property = NULL,
			    *schema = cua_json_member(tools->list[i].definition, "inputSchema");
		CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
		cJSON_ArrayForEach (property, cua_json_member(schema, "properties")) {
			const char *type = cua_json_text(property, "type");
			if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0) {
				cJSON_AddNumberToObject(arguments, property->string, 3);
			} else if (strcmp(type, "string") == 0) {
				cJSON_AddStringToObject(arguments, property->string, "text");
			}
		}
		failed |= call(server, tools, tools->list[i].name, arguments);
	}
	return failed;
}

/* The schema of one tool goes back as an argument of the other. */
static int return_schema(struct agent_mcp_server *server, const struct agent_mcp_tools *tools)
{
	static const char echo[] = "json_schema_echo";
	int failed = 0;
	for (size_t i = 0; i < tools->count; i++) {
		CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
		cJSON_AddItemToObject(arguments, "schema",
				cJSON_Duplicate(cua_json_member(tools->list[i].definition,
								"inputSchema"),
						true));
		if (strcmp(tools->list[i].name, echo) != 0) {
			failed |= call(server, tools, echo, arguments);
		}
	}
	return failed;
}

static int play(struct agent_mcp_server *server, const char *scenario)
{
	struct cua_error why = { 0 };
	struct agent_mcp_tools *tools = NULL;
	if (agent_mcp_server_tools(server, &tools, &why) != CUA_OK) {
		return fail(&why);
	}
	printf("%s, %zu tools, %zu dropped: %s\n", agent_mcp_server_facts(server).protocol,
			tools->count, tools->dropped, tools->problem);
	if (strcmp(scenario, "http-custom-headers") == 0) {
		return call_as_told(server, tools);
	}
	if (strcmp(scenario, "json-schema-2020-12-preservation") == 0) {
		return return_schema(server, tools);
	}
	/* That server lists and has nothing to be called: the suite looks at what is fetched. */
	return strcmp(scenario, "json-schema-ref-no-deref") == 0 ? 0 : call_all(server, tools);
}

int main(int argc, char **argv)
{
	struct agent_mcp_server *server = NULL;
	struct cua_error why = { 0 };
	const char *scenario = getenv("MCP_CONFORMANCE_SCENARIO");
	char *none[] = { NULL };
	struct agent_mcp_entry entry = { .name = "suite",
		.transport = AGENT_MCP_HTTP,
		.url = argc > 1 ? argv[argc - 1] : NULL,
		.headers = none };
	const struct agent_mcp_server_options options = { .cancel_fd = -1,
		.on_elicit = accept_defaults };
	signal(SIGPIPE, SIG_IGN);
	if (!entry.url || !scenario || sodium_init() < 0) {
		fputs("usage: MCP_CONFORMANCE_SCENARIO=NAME mcp_conformance URL\n", stderr);
		return 2;
	}
	if (agent_mcp_server_create(&entry, &options, &server, &why) != CUA_OK) {
		return fail(&why);
	}
	const int failed = play(server, scenario);
	agent_mcp_server_destroy(server);
	return failed;
}

/* What runs can be started with: templates, models, servers of tools. */

#include <stdio.h>
#include <string.h>

#include "agent/mcp/mcp_config.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/command.h"
#include "cua/server/routes.h"

#define COMMAND_TIMEOUT_MS 30000
#define TEST_TIMEOUT_MS 180000 /* a server may be fetched before it starts */
#define EXIT_NOT_PASSED 5      /* of cua models test */

static enum cua_status list_by(
		const char *command_name, const char *verb, cJSON **ret_json, struct cua_error *err)
{
	const char *const argv[] = { "cua", command_name, "--json", verb, NULL };
	const struct command command = { .argv = argv, .timeout_ms = COMMAND_TIMEOUT_MS };
	enum cua_status status = command_json(&command, CUA_ERR_UNAVAILABLE, ret_json, err);
	if (status == CUA_ERR_INVAL) { /* a file of this machine has a mistake, not the request */
		status = CUA_ERR_UNAVAILABLE;
		err->status = status;
	}
	return status;
}

/* --- templates --- */

static const struct field template_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "description", FIELD_TEXT },
	{ "problem", FIELD_TEXT, .help = "in place of the description: its mistake" },
	{ "is_own", FIELD_BOOL, FIELD_REQUIRED, .help = "it does not come with cua" },
	{ 0 },
};
static const struct fields template_answer = { "Template", template_fields };

static enum cua_status get_templates(struct request *request, struct cua_error *err)
{
	cJSON *list = NULL, *item = NULL;
	enum cua_status status = list_by("templates", NULL, &list, err);
	if (status != CUA_OK) {
		return status;
	}
	cJSON_ArrayForEach (item, list) {
		cJSON_AddBoolToObject(item, "is_own", cua_json_string(item, "path") != NULL);
		cJSON_DeleteItemFromObjectCaseSensitive(item, "path");
	}
	request_answer_page(request, list, "name");
	return CUA_OK;
}

/* --- models --- */

static const struct field price_fields[] = {
	{ "input", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "cached", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "cache_write", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "output", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "confirmed", FIELD_BOOL, FIELD_REQUIRED, .help = "by the vendor" },
	{ 0 },
};
static const struct fields prices = { "ModelPrices", price_fields };

static const struct field model_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "provider", FIELD_TEXT, FIELD_REQUIRED },
	{ "api", FIELD_TEXT, FIELD_REQUIRED },
	{ "base_url", FIELD_TEXT, FIELD_REQUIRED },
	{ "keys", FIELD_TEXTS, FIELD_REQUIRED,
			.help = "names of variables and of secrets that its key is looked for in" },
	{ "key_set", FIELD_BOOL, FIELD_REQUIRED },
	{ "needs_key", FIELD_BOOL, FIELD_REQUIRED },
	{ "context", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE, .help = "tokens" },
	{ "max_output", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE, .help = "tokens" },
	{ "prices", FIELD_OBJECT, FIELD_REQUIRED, .of = &prices,
			.help = "US dollars per million tokens; null: not known" },
	{ "note", FIELD_TEXT },
	{ 0 },
};
static const struct fields model = { "Model", model_fields };

static const struct field provider_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED, .help = "further models are PROVIDER/NAME" },
	{ "api", FIELD_TEXT, FIELD_REQUIRED },
	{ "base_url", FIELD_TEXT, FIELD_REQUIRED },
	{ "keys", FIELD_TEXTS, FIELD_REQUIRED },
	{ "key_set", FIELD_BOOL, FIELD_REQUIRED },
	{ "needs_key", FIELD_BOOL, FIELD_REQUIRED },
	{ 0 },
};
static const struct fields provider = { "ModelProvider", provider_fields };

static const struct field models_fields[] = {
	{ "models", FIELD_LIST, FIELD_REQUIRED, .of = &model },
	{ "providers", FIELD_LIST, FIELD_REQUIRED, .of = &provider },
	{ 0 },
};
static const struct fields models_answer = { "Models", models_fields };

static const struct field probe_fields[] = {
	{ "provider", FIELD_TEXT, 0, 1, 100, NULL, NULL, "of a model that is not listed" },
	{ "base_url", FIELD_TEXT, 0, 1, 1000, NULL, NULL, "where the model is; an admin's to say" },
	{ "api", FIELD_TEXT, 0, .choices = "responses|anthropic|gemini|chat" },
	{ 0 },
};
static const struct fields probe_body = { "ModelProbe", probe_fields };

static const struct field probed_fields[] = {
	{ "ok", FIELD_BOOL, FIELD_REQUIRED },
	{ "message", FIELD_TEXT, FIELD_REQUIRED, .help = "how long it took, or what is wrong" },
	{ 0 },
};
static const struct fields probe_answer = { "ModelProbed", probed_fields };

static enum cua_status get_models(struct request *request, struct cua_error *err)
{
	return list_by("models", NULL, &request->answer, err);
}

static enum cua_status check_name(const char *name, struct cua_error *err)
{
	return name[0] == '-' || strpbrk(name, "/\\")
			? CUA_FAIL(err, CUA_ERR_INVAL, 0, "\"%.60s\" is no name", name)
			: CUA_OK;
}

static cJSON *probe_json(const struct command_result *result)
{
	cJSON *json = cJSON_CreateObject();
	const char *said = result->out.data ? result->out.data : "";
	CUA_AUTO_FREE char *line = strndup(said, strcspn(said, "\n"));
	cJSON_AddBoolToObject(json, "ok", result->exit_status == 0);
	cJSON_AddStringToObject(json, "message", line ? line : "");
	return json;
}

/* The command says on its output what a model answered, and whether it passed by its status. */
static enum cua_status post_model_test(struct request *request, struct cua_error *err)
{
	char name[400], base_url[1100], api[40];
	const char *argv[8] = { "cua", "models", "test" };
	const char *provider_name = cua_json_text(request->body, "provider");
	int count = 3;
	snprintf(name, sizeof(name), "%s%s%s", provider_name, provider_name[0] ? "/" : "",
			request->parameters[0]);
	if (snprintf(base_url, sizeof(base_url), "--base-url=%s",
			    cua_json_text(request->body, "base_url")) > 11) {
		argv[count++] = base_url;
	}
	if (snprintf(api, sizeof(api), "--api=%s", cua_json_text(request->body, "api")) > 6) {
		argv[count++] = api;
	}
	argv[count++] = "--";
	argv[count++] = name;
	const struct command command = { .argv = argv, .timeout_ms = TEST_TIMEOUT_MS };
	struct command_result result;
	enum cua_status status = check_name(request->parameters[0], err);
	if (status == CUA_OK) {
		status = check_name(provider_name, err);
	}
	/* As of a run: whoever names the address is sent a key. */
	if (status == CUA_OK && cua_json_member(request->body, "base_url") &&
			!(request->caller.scopes & SCOPE_ADMIN)) {
		status = CUA_FAIL(err, CUA_ERR_POLICY, 0, "base_url is an admin's to set");
	}
	if (status != CUA_OK) {
		return status;
	}
	status = command_run(&command, &result, err);
	if (status == CUA_OK && result.exit_status != EXIT_NOT_PASSED) {
		status = command_check(&result, CUA_ERR_IO, err);
	}
	if (status == CUA_OK) {
		request->answer = probe_json(&result);
	}
	command_result_finish(&result);
	return status;
}

/* --- servers of tools --- */

static const struct field server_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "transport", FIELD_TEXT, FIELD_REQUIRED, .choices = "stdio|http|sse" },
	{ "command", FIELD_TEXT, .help = "of stdio" },
	{ "url", FIELD_TEXT, .help = "of http and sse" },
	{ "env", FIELD_TEXTS, FIELD_REQUIRED, .help = "names of variables that it gets" },
	{ "headers", FIELD_TEXTS, FIELD_REQUIRED, .help = "names of headers that it is sent" },
	{ "read", FIELD_TEXTS, FIELD_REQUIRED, .help = "folders that it may read" },
	{ "write", FIELD_TEXTS, FIELD_REQUIRED, .help = "folders that it may change" },
	{ "network", FIELD_TEXT, .help = "of stdio: none, allow:NAME,... or open" },
	{ 0 },
};
static const struct fields server_answer = { "McpServer", server_fields };

static const struct field tool_fields[] = {
	{ "definition", FIELD_ANY, FIELD_REQUIRED, .help = "a tool of MCP: written by the server" },
	{ "hash", FIELD_TEXT, FIELD_REQUIRED },
	{ "approved", FIELD_BOOL, FIELD_REQUIRED, .help = "a model may have it" },
	{ 0 },
};
static const struct fields tool = { "McpTool", tool_fields };

static const struct field tested_fields[] = {
	{ "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "ok", FIELD_BOOL, FIELD_REQUIRED, .help = "false: error is there, and nothing else" },
	{ "error", FIELD_TEXT },
	{ "protocol", FIELD_TEXT },
	{ "server", FIELD_TEXT, .help = "its name, as it says" },
	{ "version", FIELD_TEXT },
	{ "instructions", FIELD_TEXT },
	{ "connect_ms", FIELD_NUMBER },
	{ "list_ms", FIELD_NUMBER },
	{ "dropped", FIELD_WHOLE, .help = "tools that cannot be used" },
	{ "tools", FIELD_LIST, .of = &tool },
	{ "changes", FIELD_ANY, .help = "since it was approved" },
	{ "changes_hash", FIELD_TEXT, .help = "of these, for their approval" },
	{ 0 },
};
static const struct fields test_answer = { "McpTested", tested_fields };

static cJSON *names_of(const cJSON *object)
{
	cJSON *names = cJSON_CreateArray();
	const cJSON *member = NULL;
	cJSON_ArrayForEach (member, object) {
		cJSON_AddItemToArray(names, cJSON_CreateString(member->string));
	}
	return names;
}

static cJSON *texts_of(const cJSON *list)
{
	return cJSON_IsArray(list) ? cJSON_Duplicate(list, true) : cJSON_CreateArray();
}

static void add_network(cJSON *json, const cJSON *network)
{
	char text[4200] = "allow:";
	const char *word = cJSON_GetStringValue(network);
	const cJSON *name = NULL;
	size_t len = strlen(text);
	cJSON_ArrayForEach (name, cua_json_member(network, "allow")) {
		if (cJSON_IsString(name) && len < sizeof(text)) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					text[len - 1] == ':' ? "" : ",", name->valuestring);
		}
	}
	cJSON_AddStringToObject(json, "network",
			cJSON_IsObject(network) ? text
					: word  ? word
						: "none");
}

/* Values of variables and headers, and arguments, are where people keep keys. */
static cJSON *server_json(const cJSON *listed)
{
	cJSON *json = cJSON_CreateObject();
	const cJSON *entry = cua_json_member(listed, "entry");
	const char *url = cua_json_string(entry, "url");
	const char *command = cua_json_string(entry, "command");
	cJSON_AddStringToObject(json, "name", cua_json_text(listed, "name"));
	cJSON_AddStringToObject(json, "transport", cua_json_text(listed, "transport"));
	if (command) {
		cJSON_AddStringToObject(json, "command", command);
		add_network(json, cua_json_member(entry, "network"));
	}
	if (url) {
		cJSON_AddStringToObject(json, "url", url);
	}
	cJSON_AddItemToObject(json, "env", names_of(cua_json_member(entry, "env")));
	cJSON_AddItemToObject(json, "headers", names_of(cua_json_member(entry, "headers")));
	cJSON_AddItemToObject(json, "read", texts_of(cua_json_member(entry, "read")));
	cJSON_AddItemToObject(json, "write", texts_of(cua_json_member(entry, "write")));
	return json;
}

static enum cua_status get_servers(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = NULL;
	const cJSON *listed = NULL;
	enum cua_status status = list_by("mcp-servers", "list", &list, err);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *servers = cJSON_CreateArray();
	cJSON_ArrayForEach (listed, list) {
		cJSON_AddItemToArray(servers, server_json(listed));
	}
	request_answer_page(request, servers, "name");
	return CUA_OK;
}

static enum cua_status find_server(const char *name, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *list = NULL;
	const cJSON *listed = NULL;
	enum cua_status status = check_name(name, err);
	if (status == CUA_OK) {
		status = list_by("mcp-servers", "list", &list, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON_ArrayForEach (listed, list) {
		if (strcmp(cua_json_text(listed, "name"), name) == 0) {
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "there is no server \"%.60s\"", name);
}

/* One that fails says so in what it prints, too. */
static enum cua_status post_server_test(struct request *request, struct cua_error *err)
{
	const char *name = request->parameters[0];
	const char *const argv[] = { "cua", "mcp-servers", "test", "--json", "--", name, NULL };
	const struct command command = { .argv = argv, .timeout_ms = TEST_TIMEOUT_MS };
	struct command_result result;
	enum cua_status status = find_server(name, err);
	if (status != CUA_OK) {
		return status;
	}
	status = command_run(&command, &result, err);
	if (status == CUA_OK) {
		request->answer = cJSON_ParseWithLength(
				result.out.data ? result.out.data : "", result.out.len);
		status = request->answer ? CUA_OK : command_check(&result, CUA_ERR_IO, err);
	}
	command_result_finish(&result);
	return status;
}

static const struct field entry_fields[] = {
	{ "command", FIELD_TEXT, 0, 1, 4096, NULL, NULL, "of stdio" },
	{ "args", FIELD_TEXTS, 0, 0, 256, NULL, NULL, "of it" },
	{ "env", FIELD_ANY, .help = "an object of texts: variables that it gets" },
	{ "read", FIELD_TEXTS, 0, 0, 64, NULL, NULL, "folders that it may read" },
	{ "write", FIELD_TEXTS, 0, 0, 64, NULL, NULL, "folders that it may change" },
	{ "network", FIELD_ANY, .help = "none, open, or {\"allow\": [\"NAME\", ...]}" },
	{ "url", FIELD_TEXT, 0, 1, 4096, NULL, NULL, "of http and sse" },
	{ "headers", FIELD_ANY, .help = "an object of texts: headers that it is sent" },
	{ "type", FIELD_TEXT, .choices = "stdio|http|streamable-http|sse" },
	{ 0 },
};
static const struct fields entry_body = { "NewMcpServer", entry_fields };

static const struct field approve_fields[] = {
	{ "changes_hash", FIELD_TEXT, FIELD_REQUIRED, 64, 64, NULL, NULL,
			"as the test told it, which showed them: for others it is not said yes" },
	{ 0 },
};
static const struct fields approve_body = { "ApproveMcpServer", approve_fields };

/* As it stands in the file, where keys may be in it: into it without a command line. */
static enum cua_status put_server(struct request *request, struct cua_error *err)
{
	const char *name = request->parameters[0];
	CUA_AUTO_JSON cJSON *entry =
			request->body ? cJSON_Duplicate(request->body, true) : cJSON_CreateObject();
	enum cua_status status = agent_mcp_check_name(name, err);
	if (status == CUA_OK && cua_json_member(entry, "url") &&
			cua_json_member(entry, "command")) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "it has a command or a url, not both");
	}
	if (status == CUA_OK) {
		status = agent_mcp_check_entry(name, entry, err);
	}
	return status == CUA_OK ? agent_mcp_config_change(NULL, name, CUA_STEAL(entry), true, err)
				: status;
}

static enum cua_status delete_server(struct request *request, struct cua_error *err)
{
	const char *name = request->parameters[0];
	const char *const argv[] = { "cua", "mcp-servers", "remove", "--", name, NULL };
	const struct command command = { .argv = argv, .timeout_ms = COMMAND_TIMEOUT_MS };
	enum cua_status status = find_server(name, err);
	return status == CUA_OK ? command_json(&command, CUA_ERR_IO, NULL, err) : status;
}

/* What another look finds must be what was seen. */
static enum cua_status approve_server(struct request *request, struct cua_error *err)
{
	char seen[80];
	const char *name = request->parameters[0];
	const char *const argv[] = { "cua", "mcp-servers", "approve", "--yes", seen, "--json", "--",
		name, NULL };
	const struct command command = { .argv = argv, .timeout_ms = TEST_TIMEOUT_MS };
	snprintf(seen, sizeof(seen), "--seen=%.64s", cua_json_text(request->body, "changes_hash"));
	enum cua_status status = find_server(name, err);
	return status == CUA_OK ? command_json(&command, CUA_ERR_EXISTS, NULL, err) : status;
}

static const struct route table[] = {
	{ "GET", "/v1/templates", "listTemplates", "What kinds of work need", SCOPE_WATCH,
			ROUTE_LIST, &list_query, NULL, &template_answer, 0, get_templates },
	{ "GET", "/v1/models", "listModels", "Models that are known, and who serves them",
			SCOPE_WATCH, 0, NULL, NULL, &models_answer, 0, get_models },
	{ "POST", "/v1/models/{model}/test", "testModel", "Asks it for one word", SCOPE_ACT, 0,
			NULL, &probe_body, &probe_answer, 0, post_model_test },
	{ "GET", "/v1/mcp-servers", "listMcpServers", "Servers of tools", SCOPE_WATCH, ROUTE_LIST,
			&list_query, NULL, &server_answer, 0, get_servers },
	{ "POST", "/v1/mcp-servers/{server}/test", "testMcpServer",
			"Starts it, and asks which tools it has", SCOPE_ACT, 0, NULL, NULL,
			&test_answer, 0, post_server_test },
	{ "PUT", "/v1/mcp-servers/{server}", "putMcpServer",
			"Adds a server of tools, or changes one: no model has its tools before "
			"they "
			"are approved",
			SCOPE_ADMIN, 0, NULL, &entry_body, NULL, 0, put_server },
	{ "POST", "/v1/mcp-servers/{server}/approve", "approveMcpServer",
			"Models may have the tools that its test showed", SCOPE_ADMIN, 0, NULL,
			&approve_body, NULL, 0, approve_server },
	{ "DELETE", "/v1/mcp-servers/{server}", "deleteMcpServer",
			"Removes it, and what was approved of it", SCOPE_ADMIN, 0, NULL, NULL, NULL,
			0, delete_server },
};
const struct routes catalogue_routes = ROUTES("catalogue", "What runs can be started with", table);

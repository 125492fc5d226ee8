/* Tools of /mcp that are routes of ours: what they take is described and checked by the same
 * tables, and whoever may not ask for the route is not offered the tool. */

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/effect.h"
#include "cua/server/mcp.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"

#define STEERS (CUA_EFFECT_CHANGES | CUA_EFFECT_ONCE)
#define WORKS (CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_REACHES_OUT)

/* --- which route --- */

static const struct route *route_of(const char *operation)
{
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		for (size_t i = 0; i < (*routes)->count; i++) {
			if (strcmp((*routes)->list[i].name, operation) == 0) {
				return &(*routes)->list[i];
			}
		}
	}
	return NULL;
}

/* What stands in the path: of these routes at most one thing. */
static bool parameter_of(const struct route *route, char *name, size_t size)
{
	const char *at = strchr(route->path, '{');
	if (at) {
		snprintf(name, size, "%.*s", (int)strcspn(at + 1, "}"), at + 1);
	}
	return at;
}

/* --- what it takes --- */

/* A query or a body, as the route has the one or the other. */
static const struct fields *fields_of(const struct route *route)
{
	static const struct field none[] = { { 0 } };
	static const struct fields nothing = { "Nothing", none };
	return route->body ? route->body : route->query ? route->query : &nothing;
}

static cJSON *schema(const struct mcp_serve_extra *extra)
{
	char name[64];
	const struct route *route = route_of(extra->subject);
	cJSON *json = fields_schema_whole(fields_of(route));
	if (parameter_of(route, name, sizeof(name))) {
		cJSON *text = cJSON_AddObjectToObject(cua_json_member(json, "properties"), name);
		cJSON *required = cua_json_member(json, "required");
		cJSON_AddStringToObject(text, "type", "string");
		cJSON_AddStringToObject(text, "description", "its id, or its name");
		required = required ? required : cJSON_AddArrayToObject(json, "required");
		cJSON_AddItemToArray(required, cJSON_CreateString(name));
	}
	return json;
}

/* The part of the path is taken out of arguments. */
static enum cua_status take_parameter(
		struct request *request, cJSON *arguments, struct cua_error *err)
{
	char name[64];
	if (!parameter_of(request->route, name, sizeof(name))) {
		return CUA_OK;
	}
	const char *value = cua_json_text(arguments, name);
	if (!value[0] || strchr(value, '/') || strlen(value) >= sizeof(request->parameters[0])) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s must be a text that is not empty, without a slash", name);
	}
	snprintf(request->parameters[0], sizeof(request->parameters[0]), "%s", value);
	cJSON_DeleteItemFromObjectCaseSensitive(arguments, name);
	return CUA_OK;
}

/* --- a call --- */

enum cua_status mcp_tools_call(const char *operation, cJSON *given, int cancel_fd,
		const struct mcp_client *client, cJSON **ret_answer, struct cua_error *err)
{
	const struct cua_http_head head = { .method = "POST" };
	struct request request = { .server = client->server,
		.route = route_of(operation),
		.head = &head,
		.caller = client->caller,
		.gone_fd = cancel_fd,
		.stop_fd = -1 };
	cua_buffer_init(&request.headers, 4096);
	*(request.route->body ? &request.body : &request.query) = given;
	enum cua_status status = take_parameter(&request, given, err);
	if (status == CUA_OK) {
		status = fields_check(fields_of(request.route), given, err);
	}
	if (status == CUA_OK) {
		status = request.route->handle(&request, err);
	}
	if (status == CUA_OK && request.route->flags & ROUTE_LIST) {
		request_wrap_list(&request);
	}
	if (status == CUA_OK) {
		*ret_answer = request.answer ? CUA_STEAL(request.answer) : cJSON_CreateObject();
	}
	request_finish(&request);
	return status;
}

/* subject: of a row, the name of its operation. */
static enum cua_status run(const struct mcp_serve_extra *extra, const cJSON *arguments,
		int cancel_fd, const void *client, cJSON **ret_answer, struct cua_error *err)
{
	return mcp_tools_call(extra->subject, cJSON_Duplicate(arguments, true), cancel_fd, client,
			ret_answer, err);
}

/* --- the table --- */

#define TOOL(name, operation, effect, help) \
	{ \
		name, help, effect, operation, schema, run \
	}

static const struct mcp_serve_extra tools[] = {
	TOOL("desktop_list", "listDesktops", 0, "The desktops that there are, and how they stand."),
	TOOL("desktop_start", "startDesktop", CUA_EFFECT_CHANGES,
			"Start a desktop; the other tools take its name. It stays until "
			"desktop_stop."),
	TOOL("desktop_stop", "stopDesktop",
			CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_ONCE,
			"End all that runs on a desktop and remove its files."),
	TOOL("run_start", "createRun", WORKS,
			"Let a model of this server do a task, on a desktop of its own and under "
			"the server's policy. Answers at once; run_status says what came of it. It "
			"costs what its model costs."),
	TOOL("run_list", "listRuns", 0, "Runs, the newest first: their tasks and what they cost."),
	TOOL("run_status", "getRun", 0,
			"How a run stands: waiting, working, asking a question, paused, or what it "
			"came to, with its answer."),
	TOOL("run_tell", "tellRun", CUA_EFFECT_CHANGES,
			"Tell a run that goes on something; its model hears it before its next "
			"answer."),
	TOOL("run_interrupt", "interruptRun", CUA_EFFECT_CHANGES,
			"Break off what a run is saying or doing just now, and tell it what to do "
			"instead; without a text it waits for run_tell."),
	TOOL("run_pause", "pauseRun", STEERS, "Let a run wait before its next call."),
	TOOL("run_continue", "resumeRun", STEERS | CUA_EFFECT_REACHES_OUT,
			"Let a run that was paused go on."),
	TOOL("run_cancel", "cancelRun", STEERS | CUA_EFFECT_DESTROYS,
			"End a run; what it has done stays."),
	TOOL("approval_list", "listApprovals", 0,
			"What runs ask just now, and may not go on "
			"without."),
	TOOL("approval_decide", "decideApproval", WORKS,
			"Answer what a run asks, as the user said it. Once it is answered it "
			"cannot "
			"be taken back."),
};

_Static_assert(CUA_ARRAY_LEN(tools) <= MCP_TOOLS_MAX, "room for all tools");

void mcp_tools_list(unsigned int scopes, const struct mcp_serve_extra *list[MCP_TOOLS_MAX + 1])
{
	size_t count = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(tools); i++) {
		const unsigned int wanted = route_of(tools[i].subject)->scope;
		if ((scopes & wanted) == wanted) {
			list[count++] = &tools[i];
		}
	}
	list[count] = NULL;
}

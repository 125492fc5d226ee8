/* Resources: lists of them, templates of their addresses, and reading one. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* Not found, before the newest revision, which has no code of its own for it. */
#define ERROR_NO_RESOURCE (-32002)

/* --- which there are --- */

enum cua_status mcp_serve_add_resource(struct mcp_serve *serve,
		const struct mcp_serve_resource *resource, struct cua_error *err)
{
	const struct mcp_serve_resource **resources = reallocarray(
			serve->resources, serve->resource_count + 1, sizeof(*resources));
	if (!resources) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resources");
	}
	serve->resources = resources;
	resources[serve->resource_count++] = resource;
	return CUA_OK;
}

static bool is_template(const struct mcp_serve_resource *resource)
{
	return strchr(resource->uri, '{') != NULL;
}

/* Is uri this template's, with something in the place of {name} that is one part of a path? */
static bool matches(const char *template, const char *uri, char variable[MCP_SERVE_VARIABLE_SIZE])
{
	const char *end = strchr(template, '}') + 1;
	const size_t before = strcspn(template, "{"), after = strlen(end), len = strlen(uri);
	if (len <= before + after || len - before - after >= MCP_SERVE_VARIABLE_SIZE ||
			strncmp(uri, template, before) != 0 ||
			strcmp(uri + len - after, end) != 0) {
		return false;
	}
	snprintf(variable, MCP_SERVE_VARIABLE_SIZE, "%.*s", (int)(len - before - after),
			uri + before);
	return !strpbrk(variable, "/?#%");
}

const struct mcp_serve_resource *mcp_serve_find_resource(const struct mcp_serve *serve,
		const char *uri, char variable[MCP_SERVE_VARIABLE_SIZE])
{
	variable[0] = '\0';
	for (size_t i = 0; i < serve->resource_count; i++) {
		const struct mcp_serve_resource *resource = serve->resources[i];
		if (is_template(resource) ? matches(resource->uri, uri, variable)
					  : strcmp(resource->uri, uri) == 0) {
			return resource;
		}
	}
	return NULL;
}

bool mcp_serve_has_news(const struct mcp_serve *serve)
{
	for (size_t i = 0; i < serve->resource_count; i++) {
		if (serve->resources[i]->watch) {
			return true;
		}
	}
	return false;
}

/* --- lists --- */

static cJSON *define(const struct mcp_serve_resource *resource, const char *revision)
{
	cJSON *definition = cJSON_CreateObject();
	cJSON_AddStringToObject(
			definition, is_template(resource) ? "uriTemplate" : "uri", resource->uri);
	cJSON_AddStringToObject(definition, "name", resource->name);
	if (resource->title && strcmp(revision, MCP_SERVE_REVISION_OUTPUT) >= 0) {
		cJSON_AddStringToObject(definition, "title", resource->title);
	}
	cJSON_AddStringToObject(definition, "description", resource->help);
	cJSON_AddStringToObject(definition, "mimeType", resource->media_type);
	return definition;
}

/* All are in one page: of no cursor there is a next. */
static int list(struct mcp_serve_asked *asked, const char *name, bool of_templates)
{
	const struct mcp_serve *serve = asked->session->serve;
	if (cua_json_member(asked->message->params, "cursor")) {
		return mcp_serve_wrong_params(
				asked, "the cursor is none that a list here has given");
	}
	cJSON *items = cJSON_CreateArray();
	for (size_t i = 0; i < serve->resource_count; i++) {
		if (is_template(serve->resources[i]) == of_templates) {
			cJSON_AddItemToArray(items, define(serve->resources[i], asked->revision));
		}
	}
	return mcp_serve_reply_list(asked, name, items);
}

int mcp_serve_list_resources(struct mcp_serve_asked *asked)
{
	return list(asked, "resources", false);
}

int mcp_serve_list_templates(struct mcp_serve_asked *asked)
{
	return list(asked, "resourceTemplates", true);
}

/* --- reading --- */

void mcp_serve_set_not_found(
		const struct mcp_serve_call *call, const char *uri, struct mcp_serve_result *result)
{
	result->error_code = mcp_serve_is_modern(call->revision) ? MCP_SERVE_ERROR_PARAMS
								 : ERROR_NO_RESOURCE;
	result->error_data = cJSON_CreateObject();
	cJSON_AddStringToObject(result->error_data, "uri", uri);
}

/* content is taken. */
static cJSON *with_contents(const struct mcp_serve_call *call, cJSON *content)
{
	cJSON *whole = cJSON_CreateObject();
	cJSON *contents = cJSON_AddArrayToObject(whole, "contents");
	if (!cJSON_AddItemToArray(contents, content)) {
		cJSON_Delete(content);
		cJSON_Delete(whole);
		return NULL;
	}
	if (mcp_serve_is_modern(call->revision)) {
		mcp_serve_add_cache(whole, 0); /* what is read changes at any time */
	}
	return whole;
}

static enum cua_status read_resource(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	char variable[MCP_SERVE_VARIABLE_SIZE];
	const char *uri = cua_json_text(call->arguments, "uri");
	const struct mcp_serve_resource *resource =
			mcp_serve_find_resource(call->session->serve, uri, variable);
	if (!resource) {
		mcp_serve_set_not_found(call, uri, result);
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "there is no resource \"%.200s\" here",
				uri);
	}
	cJSON *content = cJSON_CreateObject();
	cJSON_AddStringToObject(content, "uri", uri);
	cJSON_AddStringToObject(content, "mimeType", resource->media_type);
	enum cua_status status =
			resource->read(call, resource, variable[0] ? variable : NULL, content, err);
	if (status != CUA_OK) {
		cJSON_Delete(content);
		if (status == CUA_ERR_NOT_FOUND) {
			mcp_serve_set_not_found(call, uri, result);
		}
		return status;
	}
	result->whole = with_contents(call, content);
	return result->whole ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resource");
}

int mcp_serve_read_resource(struct mcp_serve_asked *asked)
{
	static const struct mcp_serve_tool method = {
		.name = "resources/read", .run = read_resource, .is_method = true
	};
	if (!cua_json_string(asked->message->params, "uri")) {
		return mcp_serve_wrong_params(asked, "uri must be a string");
	}
	return mcp_serve_begin(asked, &method);
}

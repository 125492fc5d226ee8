/* openapi.json, from the tables of routes. Source: OpenAPI 3.1.0. */

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/server.h"

/* Fields, and the objects in them, once each. */
static void add_schema(cJSON *schemas, const struct fields *fields)
{
	if (!fields || cua_json_member(schemas, fields->name)) {
		return;
	}
	cJSON_AddItemToObject(schemas, fields->name, fields_schema(fields));
	for (const struct field *field = fields->list; field->name; field++) {
		add_schema(schemas, field->of);
	}
}

static cJSON *reference(const char *name)
{
	char path[96];
	cJSON *json = cJSON_CreateObject();
	snprintf(path, sizeof(path), "#/components/schemas/%s", name);
	cJSON_AddStringToObject(json, "$ref", path);
	return json;
}

static cJSON *content_of(const char *type, cJSON *schema)
{
	cJSON *content = cJSON_CreateObject();
	cJSON *media = cJSON_AddObjectToObject(content, type);
	if (schema) {
		cJSON_AddItemToObject(media, "schema", schema);
	}
	return content;
}

/* --- parameters --- */

static void add_path_parameters(cJSON *parameters, const char *path)
{
	while ((path = strchr(path, '{'))) {
		char name[64];
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(path + 1, "}"), path + 1);
		cJSON *parameter = cJSON_CreateObject();
		cJSON_AddStringToObject(parameter, "name", name);
		cJSON_AddStringToObject(parameter, "in", "path");
		cJSON_AddBoolToObject(parameter, "required", true);
		cJSON *schema = cJSON_AddObjectToObject(parameter, "schema");
		cJSON_AddStringToObject(schema, "type", "string");
		cJSON_AddItemToArray(parameters, parameter);
		path++;
	}
}

static void add_query_parameters(cJSON *parameters, const struct fields *query)
{
	cJSON *schema = query ? fields_schema(query) : NULL;
	cJSON *property = NULL;
	for (cJSON *properties = cua_json_member(schema, "properties");
			(property = cJSON_DetachItemFromArray(properties, 0));) {
		cJSON *parameter = cJSON_CreateObject();
		cJSON_AddStringToObject(parameter, "name", property->string);
		cJSON_AddStringToObject(parameter, "in", "query");
		cJSON_AddItemToObject(parameter, "schema", property);
		cJSON_AddItemToArray(parameters, parameter);
	}
	cJSON_Delete(schema);
}

/* --- answers --- */

static cJSON *list_schema(const struct fields *of)
{
	cJSON *schema = cJSON_CreateObject();
	cJSON_AddStringToObject(schema, "type", "object");
	cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
	cJSON *items = cJSON_AddObjectToObject(properties, "items");
	cJSON_AddStringToObject(items, "type", "array");
	cJSON_AddItemToObject(items, "items", reference(of->name));
	cJSON *next = cJSON_AddObjectToObject(properties, "next");
	cJSON *types = cJSON_AddArrayToObject(next, "type");
	cJSON_AddItemToArray(types, cJSON_CreateString("string"));
	cJSON_AddItemToArray(types, cJSON_CreateString("null"));
	cJSON_AddStringToObject(
			next, "description", "?after= of the next page; null: that was all");
	return schema;
}

static void add_answers(cJSON *operation, const struct route *route)
{
	char code[8];
	const bool is_upgrade = route->flags & ROUTE_TICKET;
	const bool is_stream = route->websocket && !is_upgrade;
	const bool has_body = route->answer || route->flags & ROUTE_FILE || is_stream;
	snprintf(code, sizeof(code), "%d",
			is_upgrade                       ? 101
					: route->created ? route->created
					: has_body       ? 200
							 : 204);
	cJSON *responses = cJSON_AddObjectToObject(operation, "responses");
	cJSON *good = cJSON_AddObjectToObject(responses, code);
	cJSON_AddStringToObject(good, "description", route->summary);
	if (route->answer) {
		cJSON_AddItemToObject(good, "content",
				content_of("application/json",
						route->flags & ROUTE_LIST
								? list_schema(route->answer)
								: reference(route->answer->name)));
	} else if (is_stream) {
		cJSON_AddItemToObject(good, "content", content_of("text/event-stream", NULL));
	} else if (route->flags & ROUTE_FILE) {
		cJSON_AddItemToObject(good, "content", content_of("*/*", NULL));
	}
	cJSON *bad = cJSON_AddObjectToObject(responses, "default");
	cJSON_AddStringToObject(bad, "description", "What is wrong");
	cJSON_AddItemToObject(bad, "content",
			content_of("application/problem+json", reference("Problem")));
}

/* --- operations --- */

static void add_security(cJSON *operation, const struct route *route)
{
	cJSON *security = cJSON_AddArrayToObject(operation, "security");
	static const char *const schemes[] = { "token", "session" };
	const bool is_open = route->flags & (ROUTE_PUBLIC | ROUTE_TICKET);
	for (size_t i = 0; !is_open && i < 2; i++) {
		cJSON *scheme = cJSON_CreateObject();
		cJSON_AddArrayToObject(scheme, schemes[i]);
		cJSON_AddItemToArray(security, scheme);
	}
	if (!is_open) {
		cJSON_AddItemToObject(operation, "x-scopes", scopes_json(route->scope));
	}
}

static void add_operation(cJSON *paths, cJSON *schemas, const struct route *route, const char *tag)
{
	char method[8];
	cJSON *path = cua_json_member(paths, route->path);
	path = path ? path : cJSON_AddObjectToObject(paths, route->path);
	size_t len = 0;
	for (; route->method[len] && len < sizeof(method) - 1; len++) {
		method[len] = (char)(route->method[len] | 0x20);
	}
	method[len] = '\0';
	cJSON *operation = cJSON_AddObjectToObject(path, method);
	cJSON *tags = cJSON_AddArrayToObject(operation, "tags");
	cJSON_AddItemToArray(tags, cJSON_CreateString(tag));
	cJSON_AddStringToObject(operation, "operationId", route->name);
	cJSON_AddStringToObject(operation, "summary", route->summary);
	add_security(operation, route);
	cJSON *parameters = cJSON_AddArrayToObject(operation, "parameters");
	add_path_parameters(parameters, route->path);
	add_query_parameters(parameters, route->query);
	if (route->body || route->flags & ROUTE_BYTES) {
		cJSON *body = cJSON_AddObjectToObject(operation, "requestBody");
		cJSON_AddBoolToObject(body, "required", true);
		cJSON_AddItemToObject(body, "content",
				route->body ? content_of("application/json",
							      reference(route->body->name))
					    : content_of("application/octet-stream", NULL));
	}
	add_answers(operation, route);
	add_schema(schemas, route->body);
	add_schema(schemas, route->answer);
}

static void add_security_schemes(cJSON *components)
{
	cJSON *schemes = cJSON_AddObjectToObject(components, "securitySchemes");
	cJSON *token = cJSON_AddObjectToObject(schemes, "token");
	cJSON_AddStringToObject(token, "type", "http");
	cJSON_AddStringToObject(token, "scheme", "bearer");
	cJSON *session = cJSON_AddObjectToObject(schemes, "session");
	cJSON_AddStringToObject(session, "type", "apiKey");
	cJSON_AddStringToObject(session, "in", "cookie");
	cJSON_AddStringToObject(session, "name", "cua_session");
	cJSON_AddStringToObject(session, "description",
			"of a browser; where the URL has a port with it behind the name: "
			"cua_session_8180. Each request needs the header X-Cua-Csrf as well, or "
			"where it takes one a ticket");
}

cJSON *server_openapi(void)
{
	static const struct field problem_fields[] = { { "type", FIELD_TEXT, FIELD_REQUIRED },
		{ "title", FIELD_TEXT, FIELD_REQUIRED }, { "status", FIELD_WHOLE, FIELD_REQUIRED },
		{ "detail", FIELD_TEXT, FIELD_REQUIRED, .help = "what happened and what to do" },
		{ "code", FIELD_TEXT, FIELD_REQUIRED }, { "class", FIELD_TEXT, FIELD_REQUIRED },
		{ 0 } };
	static const struct fields problem = { "Problem", problem_fields };
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "openapi", "3.1.0");
	cJSON *info = cJSON_AddObjectToObject(json, "info");
	cJSON_AddStringToObject(info, "title", "cua");
	cJSON_AddStringToObject(info, "version", "1");
	cJSON_AddStringToObject(info, "description",
			"Agents with computers: started, watched, approved, taken over and given "
			"back.");
	cJSON *tags = cJSON_AddArrayToObject(json, "tags");
	cJSON *paths = cJSON_AddObjectToObject(json, "paths");
	cJSON *components = cJSON_AddObjectToObject(json, "components");
	cJSON *schemas = cJSON_AddObjectToObject(components, "schemas");
	add_schema(schemas, &problem);
	add_security_schemes(components);
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		cJSON *tag = cJSON_CreateObject();
		cJSON_AddStringToObject(tag, "name", (*routes)->tag);
		cJSON_AddStringToObject(tag, "description", (*routes)->about);
		cJSON_AddItemToArray(tags, tag);
		for (size_t i = 0; i < (*routes)->count; i++) {
			add_operation(paths, schemas, &(*routes)->list[i], (*routes)->tag);
		}
	}
	return json;
}

void openapi_tag(struct openapi_file *file)
{
	unsigned char hash[16];
	char digits[2 * sizeof(hash) + 1];
	crypto_generichash(
			hash, sizeof(hash), (const unsigned char *)file->text, file->len, NULL, 0);
	sodium_bin2hex(digits, sizeof(digits), hash, sizeof(hash));
	snprintf(file->etag, sizeof(file->etag), "\"%s\"", digits);
}

enum cua_status openapi_make(struct openapi_file *file, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *json = server_openapi();
	file->text = cJSON_PrintUnformatted(json);
	if (!file->text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "openapi.json");
	}
	file->len = strlen(file->text);
	openapi_tag(file);
	return CUA_OK;
}

void openapi_finish(struct openapi_file *file)
{
	free(file->text);
	file->text = NULL;
}

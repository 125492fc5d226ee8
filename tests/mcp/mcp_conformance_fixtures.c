#include "tests/mcp/mcp_conformance_fixtures.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* --- resources --- */

static enum cua_status read_resource(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	const bool is_picture = strcmp(resource->media_type, "image/png") == 0;
	char text[100];
	(void)call;
	(void)err;
	snprintf(text, sizeof(text), "{\"id\":\"%.40s\",\"templateTest\":true}",
			variable ? variable : "none");
	cJSON_AddStringToObject(
			content, is_picture ? "blob" : "text", is_picture ? FIXTURE_PNG : text);
	return CUA_OK;
}

/* It never changes. */
static int watch_resource(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err)
{
	(void)resource;
	(void)serve;
	(void)client;
	(void)variable;
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		cua_error_set(err, CUA_ERR_IO, errno, "eventfd");
	}
	return fd;
}

static const struct mcp_serve_resource resources[] = {
	{ .uri = "test://watched-resource",
			.name = "watched",
			.help = "a text",
			.media_type = "text/plain",
			.watch = watch_resource,
			.read = read_resource },
	{ .uri = "test://static-text",
			.name = "text",
			.help = "a text",
			.media_type = "text/plain",
			.read = read_resource },
	{ .uri = "test://static-binary",
			.name = "picture",
			.help = "a picture",
			.media_type = "image/png",
			.read = read_resource },
	{ .uri = "test://template/{id}/data",
			.name = "data",
			.help = "data of an id",
			.media_type = "application/json",
			.read = read_resource },
};

/* --- prompts --- */

static void add_content(cJSON *messages, const char *json)
{
	cJSON *message = cJSON_CreateObject();
	cJSON_AddStringToObject(message, "role", "user");
	cJSON_AddItemToObject(message, "content", cJSON_Parse(json));
	cJSON_AddItemToArray(messages, message);
}

static enum cua_status say_arguments(const struct mcp_serve_prompt *prompt, const cJSON *arguments,
		cJSON *messages, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(arguments);
	(void)prompt;
	(void)err;
	mcp_serve_add_message(messages, text);
	return CUA_OK;
}

static enum cua_status say_image(const struct mcp_serve_prompt *prompt, const cJSON *arguments,
		cJSON *messages, struct cua_error *err)
{
	(void)prompt;
	(void)arguments;
	(void)err;
	add_content(messages,
			"{\"type\":\"image\",\"mimeType\":\"image/png\",\"data\":\"" FIXTURE_PNG
			"\"}");
	mcp_serve_add_message(messages, "Please analyze the image above.");
	return CUA_OK;
}

static enum cua_status say_resource(const struct mcp_serve_prompt *prompt, const cJSON *arguments,
		cJSON *messages, struct cua_error *err)
{
	(void)prompt;
	(void)err;
	add_content(messages,
			"{\"type\":\"resource\",\"resource\":{\"mimeType\":\"text/plain\","
			"\"text\":\"Embedded resource content for testing.\"}}");
	cJSON_AddStringToObject(
			cua_json_member(cua_json_member(messages->child, "content"), "resource"),
			"uri", cua_json_text(arguments, "resourceUri"));
	return CUA_OK;
}

static const struct mcp_serve_prompt prompts[] = {
	{ "test_simple_prompt", "says the same always", { { 0 } }, say_arguments },
	{ "test_prompt_with_arguments", "says its arguments",
			{ { "arg1", "one", true, "test|other" }, { "arg2", "two", true, NULL } },
			say_arguments },
	{ "test_prompt_with_embedded_resource", "has a resource in it",
			{ { "resourceUri", "which", true, NULL } }, say_resource },
	{ "test_prompt_with_image", "has a picture in it", { { 0 } }, say_image },
	{ "test_input_required_result_prompt", "is filled in by the user",
			{ { "context", "What context should the prompt use?", true, NULL } },
			say_arguments },
};

/* --- tools that ask --- */

static cJSON *form_of(const char *field, const char *type)
{
	cJSON *form = cJSON_CreateObject();
	cJSON_AddStringToObject(form, "type", "object");
	cJSON_AddStringToObject(
			cJSON_AddObjectToObject(cJSON_AddObjectToObject(form, "properties"), field),
			"type", type);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(form, "required"), cJSON_CreateString(field));
	return form;
}

struct step {
	const char *key, *message, *field, *type;
};

static const struct step confirm[] = { { "confirm", "Please confirm", "ok", "boolean" }, { 0 } };
static const struct step rounds[] = { { "step1", "Step 1: What is your name?", "name", "string" },
	{ "step2", "Step 2: What is your favorite color?", "color", "string" }, { 0 } };

/* One question after another; which is the next, the client keeps. */
static enum cua_status ask_steps(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	const struct step *steps = call->tool->subject;
	int at = cua_json_int(call->state, "step");
	enum cua_status status = CUA_OK;
	for (; status == CUA_OK && steps[at].key && !result->input_requests; at++) {
		CUA_AUTO_JSON cJSON *said = NULL;
		status = mcp_serve_elicit(call, result, steps[at].key, steps[at].message,
				form_of(steps[at].field, steps[at].type), &said, err);
	}
	if (result->input_requests) {
		result->state = cJSON_CreateObject();
		cJSON_AddNumberToObject(result->state, "step", at - 1);
	} else if (status == CUA_OK) {
		mcp_serve_add_text(result, "state-ok");
	}
	return status;
}

/* A user, a model and folders at once. */
static enum cua_status ask_all(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *said = NULL;
	enum cua_status status = mcp_serve_elicit(call, result, "user_name", "What is your name?",
			form_of("name", "string"), &said, err);
	if (status == CUA_OK && result->input_requests) {
		cJSON_AddItemToObject(result->input_requests, "greeting",
				cJSON_Parse("{\"method\":\"sampling/createMessage\",\"params\":{"
					    "\"maxTokens\":50,\"messages\":[{\"role\":\"user\","
					    "\"content\":{\"type\":\"text\",\"text\":\"Generate a "
					    "greeting\"}}]}}"));
		cJSON_AddItemToObject(result->input_requests, "client_roots",
				cJSON_Parse("{\"method\":\"roots/list\",\"params\":{}}"));
		result->state = cJSON_CreateObject();
	} else if (status == CUA_OK) {
		mcp_serve_add_text(result, "all was said");
	}
	return status;
}

/* In a form with all kinds of fields; subject: its properties. */
static enum cua_status ask_form(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *said = NULL;
	cJSON *form = cJSON_CreateObject();
	cJSON_AddStringToObject(form, "type", "object");
	cJSON_AddItemToObject(form, "properties", cJSON_Parse(call->tool->subject));
	enum cua_status status = mcp_serve_elicit(
			call, result, "form", "Please fill it in", form, &said, err);
	if (said) {
		mcp_serve_add_structured(result, cJSON_Duplicate(said, true));
	}
	return status;
}

#define OPTIONS "\"enum\":[\"option1\",\"option2\",\"option3\"]"
#define TITLED(title) \
	"{\"const\":\"value1\",\"title\":\"First " title "\"},{\"const\":\"value2\",\"title\":" \
	"\"Second " title "\"}"

static const char form_user[] = "{\"username\":{\"type\":\"string\"},\"email\":{\"type\":"
				"\"string\"}}";
static const char form_defaults[] =
		"{\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},\"age\":{\"type\":"
		"\"integer\",\"default\":30},\"score\":{\"type\":\"number\",\"default\":95.5},"
		"\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\",\"pending\"],"
		"\"default\":\"active\"},\"verified\":{\"type\":\"boolean\",\"default\":true}}";
static const char form_enums[] =
		"{\"untitledSingle\":{\"type\":\"string\"," OPTIONS "},\"titledSingle\":{\"type\":"
		"\"string\",\"oneOf\":[" TITLED(
				"Option") "]},\"legacyEnum\":{\"type\":\"string\","
					  "\"enum\":[\"opt1\",\"opt2\"],\"enumNames\":[\"Option "
					  "One\",\"Option Two\"]},"
					  "\"untitledMulti\":{\"type\":\"array\",\"items\":{"
					  "\"type\":\"string\"," OPTIONS "}},"
					  "\"titledMulti\":{\"type\":\"array\",\"items\":{"
					  "\"anyOf\":[" TITLED("Choice") "]}}}";

static enum cua_status need_sampling(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	if (!cua_json_member(call->capabilities, "sampling")) {
		return mcp_serve_lacks(call, result, "sampling", err);
	}
	mcp_serve_add_text(result, "it can");
	return CUA_OK;
}

static enum cua_status log_steps(
		struct mcp_serve_call *call, struct mcp_serve_result *result, struct cua_error *err)
{
	(void)err;
	mcp_serve_log(call, MCP_SERVE_INFO, "test", "Tool execution started");
	mcp_serve_log(call, MCP_SERVE_INFO, "test", "Tool processing data");
	mcp_serve_log(call, MCP_SERVE_INFO, "test", "Tool execution completed");
	mcp_serve_add_text(result, "done");
	return CUA_OK;
}

static const struct mcp_serve_tool tools[] = {
	{ .name = "test_tool_with_logging", .run = log_steps },
	{ .name = "test_elicitation", .run = ask_form, .subject = form_user },
	{ .name = "test_elicitation_sep1034_defaults", .run = ask_form, .subject = form_defaults },
	{ .name = "test_elicitation_sep1330_enums", .run = ask_form, .subject = form_enums },
	{ .name = "test_missing_capability", .run = need_sampling },
	{ .name = "test_input_required_result_request_state",
			.run = ask_steps,
			.subject = confirm },
	{ .name = "test_input_required_result_tampered_state",
			.run = ask_steps,
			.subject = confirm },
	{ .name = "test_input_required_result_multi_round", .run = ask_steps, .subject = rounds },
	{ .name = "test_input_required_result_multiple_inputs", .run = ask_all },
};

enum cua_status fixtures_add_more(struct mcp_serve *serve, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(resources); i++) {
		status = mcp_serve_add_resource(serve, &resources[i], err);
	}
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(prompts); i++) {
		status = mcp_serve_add_prompt(serve, &prompts[i], err);
	}
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(tools); i++) {
		struct mcp_serve_tool tool = tools[i];
		tool.help = "what the conformance suite looks for";
		status = mcp_serve_add(serve, &tool,
				cJSON_Parse("{\"type\":\"object\",\"properties\":{}}"), NULL, err);
	}
	return status;
}

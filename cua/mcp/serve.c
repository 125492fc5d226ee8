/* What is offered: the tools of all groups that were asked for, in one list. */

#include "cua/mcp/serve.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/names.h"
#include "cua/base/nearest.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define OFFER_DEFAULT "computer,tools,runs"

static const struct {
	const char *name;
	unsigned int groups;
} group_names[] = {
	{ "computer", MCP_SERVE_COMPUTER },
	{ "tools", MCP_SERVE_TOOLS },
	{ "runs", MCP_SERVE_RUNS },
	{ "approvals", MCP_SERVE_APPROVALS },
	{ "all", MCP_SERVE_COMPUTER | MCP_SERVE_TOOLS | MCP_SERVE_RUNS | MCP_SERVE_APPROVALS },
};

/* --- a tool --- */

/* "mouse_down" is "Mouse down" for people. */
static void add_title(cJSON *definition, const char *name)
{
	char title[64];
	snprintf(title, sizeof(title), "%s", name);
	title[0] = (char)toupper((unsigned char)title[0]);
	for (char *at = title; (at = strchr(at, '_'));) {
		*at = ' ';
	}
	cJSON_AddStringToObject(definition, "title", title);
}

/* Each of them is said, as what is left out means the worst. */
static void add_annotations(cJSON *definition, unsigned int effect)
{
	cJSON *annotations = cJSON_AddObjectToObject(definition, "annotations");
	const bool changes = effect & CUA_EFFECT_CHANGES;
	cJSON_AddBoolToObject(annotations, "readOnlyHint", !changes);
	cJSON_AddBoolToObject(annotations, "destructiveHint", effect & CUA_EFFECT_DESTROYS);
	cJSON_AddBoolToObject(annotations, "idempotentHint", !changes || effect & CUA_EFFECT_ONCE);
	cJSON_AddBoolToObject(annotations, "openWorldHint", effect & CUA_EFFECT_REACHES_OUT);
}

static void add_desktop_argument(cJSON *schema)
{
	cJSON *argument = cJSON_AddObjectToObject(cua_json_member(schema, "properties"), "desktop");
	cJSON_AddStringToObject(argument, "type", "string");
	cJSON_AddStringToObject(
			argument, "description", "which desktop; needless while there is only one");
}

/* Takes schema and output. */
static cJSON *define(const struct mcp_serve *serve, const struct mcp_serve_tool *tool,
		cJSON *schema, cJSON *output)
{
	cJSON *definition = cJSON_CreateObject();
	cJSON_AddStringToObject(definition, "name", tool->name);
	add_title(definition, tool->name);
	cJSON_AddStringToObject(definition, "description", tool->help);
	if (serve->options.takes_desktop && tool->group & (MCP_SERVE_COMPUTER | MCP_SERVE_TOOLS)) {
		add_desktop_argument(schema);
	}
	bool is_whole = schema && cJSON_AddItemToObject(definition, "inputSchema", schema);
	if (!is_whole) {
		cJSON_Delete(schema);
	}
	if (output && !cJSON_AddItemToObject(definition, "outputSchema", output)) {
		cJSON_Delete(output);
	}
	add_annotations(definition, tool->effect);
	if (!is_whole) {
		cJSON_Delete(definition);
	}
	return is_whole ? definition : NULL;
}

static unsigned int groups_of(const char *name, size_t len)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(group_names); i++) {
		if (strlen(group_names[i].name) == len &&
				strncmp(group_names[i].name, name, len) == 0) {
			return group_names[i].groups;
		}
	}
	return 0;
}

static bool is_offered(const struct mcp_serve *serve, const struct mcp_serve_tool *tool)
{
	const char *at = serve->options.offer, *name = NULL;
	size_t len = 0;
	if (serve->options.read_only && tool->effect & CUA_EFFECT_CHANGES) {
		return false;
	}
	while (cua_names_next(&at, &name, &len)) {
		if (groups_of(name, len) & tool->group ||
				(strlen(tool->name) == len &&
						strncmp(tool->name, name, len) == 0)) {
			return true;
		}
	}
	return false;
}

enum cua_status mcp_serve_add(struct mcp_serve *serve, const struct mcp_serve_tool *tool,
		cJSON *schema, cJSON *output, struct cua_error *err)
{
	cJSON *definition = define(serve, tool, schema, output);
	struct mcp_serve_tool *tools = definition
			? reallocarray(serve->tools, serve->tool_count + 1, sizeof(*tools))
			: NULL;
	if (!tools) {
		cJSON_Delete(definition);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "tools");
	}
	serve->tools = tools;
	tools[serve->tool_count] = *tool;
	tools[serve->tool_count++].definition = definition;
	return CUA_OK;
}

const struct mcp_serve_tool *mcp_serve_find(const struct mcp_serve *serve, const char *name)
{
	for (size_t i = 0; i < serve->tool_count; i++) {
		if (strcmp(serve->tools[i].name, name) == 0) {
			return &serve->tools[i];
		}
	}
	return NULL;
}

/* --- all of them --- */

/* Whoever mistypes a name would miss a tool and not know why. */
static enum cua_status check_offer(const struct mcp_serve *serve, struct cua_error *err)
{
	const char *at = serve->options.offer, *name = NULL;
	size_t len = 0;
	while (cua_names_next(&at, &name, &len)) {
		char word[64], hint[CUA_NEAREST_HINT_SIZE];
		snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), name);
		struct cua_nearest nearest = { .word = word };
		if (groups_of(name, len) || mcp_serve_find(serve, word)) {
			continue;
		}
		for (size_t i = 0; i < CUA_ARRAY_LEN(group_names); i++) {
			cua_nearest_try(&nearest, group_names[i].name);
		}
		for (size_t i = 0; i < serve->tool_count; i++) {
			cua_nearest_try(&nearest, serve->tools[i].name);
		}
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"there is no group and no tool \"%s\" to offer%s", word,
				cua_nearest_hint(&nearest,
						"; groups are computer, tools, runs, approvals "
						"and all",
						hint));
	}
	return CUA_OK;
}

static bool offers_group(const struct mcp_serve *serve, enum mcp_serve_group group)
{
	const char *at = serve->options.offer, *name = NULL;
	size_t len = 0;
	while (cua_names_next(&at, &name, &len)) {
		if (groups_of(name, len) & group) {
			return true;
		}
	}
	return false;
}

static void drop_others(struct mcp_serve *serve)
{
	size_t kept = 0;
	for (size_t i = 0; i < serve->tool_count; i++) {
		if (is_offered(serve, &serve->tools[i])) {
			serve->tools[kept++] = serve->tools[i];
		} else {
			cJSON_Delete(serve->tools[i].definition);
		}
	}
	serve->tool_count = kept;
}

enum cua_status mcp_serve_create(const struct mcp_serve_options *options,
		struct mcp_serve **ret_serve, struct cua_error *err)
{
	struct mcp_serve *serve = calloc(1, sizeof(*serve));
	if (!serve) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	serve->options = *options;
	pthread_mutex_init(&serve->asks_mutex, NULL);
	TAILQ_INIT(&serve->asks);
	pthread_mutex_init(&serve->watches_mutex, NULL);
	LIST_INIT(&serve->watches);
	randombytes_buf(serve->state_key, sizeof(serve->state_key));
	if (!serve->options.offer) {
		serve->options.offer = OFFER_DEFAULT;
	}
	enum cua_status status = mcp_serve_add_actions(serve, err);
	if (status == CUA_OK) {
		status = mcp_serve_add_sampling(serve, err);
	}
	if (status == CUA_OK) {
		status = mcp_serve_add_tools(serve, err);
	}
	if (status == CUA_OK) {
		status = mcp_serve_add_runs(serve, err);
	}
	if (status == CUA_OK) {
		status = check_offer(serve, err);
	}
	serve->takes_word = offers_group(serve, MCP_SERVE_APPROVALS);
	drop_others(serve);
	if (status == CUA_OK) {
		status = mcp_serve_add_extras(serve, err);
	}
	if (status == CUA_OK) {
		status = mcp_serve_add_resources(serve, err);
	}
	if (status == CUA_OK) {
		status = mcp_serve_add_extra_resources(serve, err);
	}
	if (status == CUA_OK && serve->tool_count == 0) {
		status = serve->options.offer[0]
				? CUA_FAIL(err, CUA_ERR_INVAL, 0,
						  "nothing is left to offer: every tool of "
						  "\"%.200s\" "
						  "changes something",
						  serve->options.offer)
				: CUA_FAIL(err, CUA_ERR_INVAL, 0, "no tool is named to offer");
	}
	if (status != CUA_OK) {
		mcp_serve_destroy(serve);
		return status;
	}
	*ret_serve = serve;
	return CUA_OK;
}

void mcp_serve_destroy(struct mcp_serve *serve)
{
	if (!serve) {
		return;
	}
	for (size_t i = 0; i < serve->tool_count; i++) {
		cJSON_Delete(serve->tools[i].definition);
	}
	free(serve->tools);
	mcp_serve_watches_finish(serve);
	pthread_mutex_destroy(&serve->watches_mutex);
	pthread_mutex_destroy(&serve->asks_mutex);
	free(serve->extra_resources);
	free(serve->resources);
	free(serve->prompts);
	free(serve);
}

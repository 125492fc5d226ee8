#include "agent/model/anthropic_internal.h"

#include <string.h>

#include "cua/base/util.h"

/* The newest first. Dates compare as text. */
static const struct {
	const char *type, *beta;
} computer_tools[] = {
	{ ANTHROPIC_TOOLSET, "" },
	{ "computer_20251124", "computer-use-2025-11-24" },
	{ "computer_20250124", "computer-use-2025-01-24" },
	{ "computer_20241022", "computer-use-2024-10-22" },
};

bool anthropic_is_toolset(const struct anthropic *talk)
{
	return strncmp(talk->tool, "computer_toolset_", 17) == 0;
}

const char *anthropic_tool_beta(const char *type)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(computer_tools); i++) {
		if (strcmp(computer_tools[i].type, type) == 0) {
			return computer_tools[i].beta;
		}
	}
	return "";
}

const char *anthropic_next_tool(struct anthropic *talk)
{
	const char *next = NULL;
	for (size_t i = CUA_ARRAY_LEN(computer_tools); i > 0; i--) {
		unsigned bit = 1U << (i - 1);
		if (strcmp(computer_tools[i - 1].type, talk->tool) == 0) {
			talk->refused_tools |= bit;
		}
		next = talk->refused_tools & bit ? next : computer_tools[i - 1].type;
	}
	return next;
}

/* A dated tool that is at least so new; the toolset is. */
static bool is_since(const struct anthropic *talk, const char *type)
{
	return anthropic_is_toolset(talk) || strcmp(talk->tool, type) >= 0;
}

static cJSON *add_tool(cJSON *tools, const char *type, const char *name)
{
	cJSON *tool = cJSON_CreateObject();
	if (type) {
		cJSON_AddStringToObject(tool, "type", type);
	}
	if (name) {
		cJSON_AddStringToObject(tool, "name", name);
	}
	cJSON_AddItemToArray(tools, tool);
	return tool;
}

/* The toolset learns the size of the screen from screenshots, and refuses to be told. */
static void add_computer(const struct anthropic *talk, cJSON *tools)
{
	if (anthropic_is_toolset(talk)) {
		add_tool(tools, talk->tool, NULL);
		return;
	}
	cJSON *tool = add_tool(tools, talk->tool, ANTHROPIC_FAMILY);
	cJSON_AddNumberToObject(tool, "display_width_px", talk->config->screen.x);
	cJSON_AddNumberToObject(tool, "display_height_px", talk->config->screen.y);
	if (is_since(talk, "computer_20251124")) {
		cJSON_AddBoolToObject(tool, "enable_zoom", true);
	}
}

/* --- the model's own shell and text editor --- */

/* As the loop calls them. */
#define SHELL "bash"
#define EDITOR "text_editor"

static const char *editor_name(const struct anthropic *talk)
{
	return is_since(talk, "computer_20250124") ? "str_replace_based_edit_tool"
						   : "str_replace_editor";
}

const char *anthropic_own_function(const struct anthropic *talk, const char *name)
{
	if (model_offers(talk->config, SHELL) && strcmp(name, SHELL) == 0) {
		return SHELL;
	}
	return model_offers(talk->config, EDITOR) && strcmp(name, editor_name(talk)) == 0 ? EDITOR
											  : NULL;
}

static void add_own_functions(const struct anthropic *talk, cJSON *tools)
{
	bool is_recent = is_since(talk, "computer_20250124");
	if (model_offers(talk->config, SHELL)) {
		add_tool(tools, is_recent ? "bash_20250124" : "bash_20241022", "bash");
	}
	if (model_offers(talk->config, EDITOR)) {
		add_tool(tools, is_recent ? "text_editor_20250728" : "text_editor_20241022",
				editor_name(talk));
	}
}

/* --- functions --- */

struct offer {
	const struct anthropic *talk;
	cJSON *tools;
};

static void add_function(const char *name, const char *help, cJSON *parameters, void *user_data)
{
	const struct offer *offer = user_data;
	static const char *const members[] = { "mouse_down", "mouse_up", "hold_key" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(members); i++) {
		if (strcmp(members[i], name) == 0 && is_since(offer->talk, "computer_20250124")) {
			cJSON_Delete(parameters); /* the computer tool has it */
			return;
		}
	}
	if (strcmp(name, SHELL) == 0 || strcmp(name, EDITOR) == 0) {
		cJSON_Delete(parameters); /* the model knows them */
		return;
	}
	cJSON *tool = add_tool(offer->tools, NULL, name);
	cJSON_AddStringToObject(tool, "description", help);
	cJSON_AddItemToObject(tool, "input_schema", parameters);
}

void anthropic_add_tools(const struct anthropic *talk, cJSON *body)
{
	cJSON *tools = cJSON_AddArrayToObject(body, "tools");
	struct offer offer = { talk, tools };
	add_computer(talk, tools);
	add_own_functions(talk, tools);
	model_each_function(talk->config, add_function, &offer);
}

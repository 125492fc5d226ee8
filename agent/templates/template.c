/* A template: its file to what a run takes. */

#include "agent/templates/template.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/templates/templates_internal.h"
#include "agent/tools/tool.h"
#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/base/yaml_file.h"

#define INSTRUCTIONS_MAX ((size_t)32 << 10)
#define NAMES_MAX ((size_t)4 << 10)
#define NUMBER_MAX 1e9

/* --- texts --- */

static enum cua_status read_text(const struct cua_yaml *yaml, const char *name, size_t len_max,
		const char **ret_text, struct cua_error *err)
{
	const cJSON *value = cua_json_member(cua_yaml_root(yaml), name);
	const char *text = cJSON_GetStringValue(value);
	if (value && (!text || !text[strspn(text, " \t\r\n")])) {
		return cua_yaml_fail(yaml, value, err, "%s needs a text", name);
	}
	if (text && strlen(text) > len_max) {
		return cua_yaml_fail(yaml, value, err, "%s has more than %zu bytes", name, len_max);
	}
	*ret_text = text;
	return CUA_OK;
}

/* --- tools and servers --- */

static enum cua_status check_tool(
		const struct cua_yaml *yaml, const cJSON *name, struct cua_error *err)
{
	return tool_find(name->valuestring)
			? CUA_OK
			: cua_yaml_fail(yaml, name, err,
					  "there is no tool '%.40s'; cua tools lists them",
					  name->valuestring);
}

/* Which servers there are is known when a run begins. */
static enum cua_status check_server(
		const struct cua_yaml *yaml, const cJSON *name, struct cua_error *err)
{
	return name->valuestring[0] && !strchr(name->valuestring, ',')
			? CUA_OK
			: cua_yaml_fail(yaml, name, err, "a server has a name without commas");
}

typedef enum cua_status (*name_check_fn)(
		const struct cua_yaml *yaml, const cJSON *name, struct cua_error *err);

static enum cua_status add_name(const struct cua_yaml *yaml, const cJSON *value,
		name_check_fn check, struct cua_buffer *names, struct cua_error *err)
{
	enum cua_status status = cJSON_IsString(value)
			? check(yaml, value, err)
			: cua_yaml_fail(yaml, value, err, "needs a name");
	return status == CUA_OK ? cua_buffer_printf(names, err, "%s%s", names->len > 0 ? "," : "",
						  value->valuestring)
				: status;
}

/* A list of names, all or none; as the command line has it. */
static enum cua_status read_names(const struct cua_yaml *yaml, const char *member,
		name_check_fn check, char **ret_names, struct cua_error *err)
{
	const cJSON *value = cua_json_member(cua_yaml_root(yaml), member), *name = NULL;
	const char *word = cJSON_GetStringValue(value);
	CUA_AUTO_BUFFER struct cua_buffer names;
	cua_buffer_init(&names, NAMES_MAX);
	if (!value) {
		return CUA_OK;
	}
	enum cua_status status = CUA_OK;
	if (word && (strcmp(word, "all") == 0 || strcmp(word, "none") == 0)) {
		status = cua_buffer_printf(&names, err, "%s", word);
	} else if (!cJSON_IsArray(value) || !value->child) {
		status = cua_yaml_fail(yaml, value, err,
				"%s needs all, none or a list of names: [a, b]", member);
	}
	cJSON_ArrayForEach (name, value) {
		status = status == CUA_OK ? add_name(yaml, name, check, &names, err) : status;
	}
	if (status == CUA_OK && !(*ret_names = strdup(names.data))) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "template");
	}
	return status;
}

/* --- limits --- */

static enum cua_status read_number(const struct cua_yaml *yaml, const cJSON *value, bool is_whole,
		double *ret_number, struct cua_error *err)
{
	const double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
	if (!(number >= 0 && number <= NUMBER_MAX) || (is_whole && number != floor(number))) {
		return cua_yaml_fail(yaml, value, err,
				"%s needs a %snumber from 0 to %.0f, 0: no limit", value->string,
				is_whole ? "whole " : "", NUMBER_MAX);
	}
	*ret_number = number;
	return CUA_OK;
}

static enum cua_status read_limits(struct agent_template *template, struct cua_error *err)
{
	static const char *const names[] = { "steps", "time", "tokens", "cost", "repeats", "errors",
		NULL };
	double numbers[] = { -1, -1, -1, -1, -1, -1 };
	const cJSON *limits = cua_json_member(cua_yaml_root(template->yaml), "limits");
	enum cua_status status = limits
			? cua_yaml_check_members(template->yaml, limits, "limits", names, err)
			: CUA_OK;
	for (int i = 0; status == CUA_OK && names[i]; i++) {
		const cJSON *value = cua_json_member(limits, names[i]);
		if (value) {
			status = read_number(template->yaml, value, strcmp(names[i], "cost") != 0,
					&numbers[i], err);
		}
	}
	template->limits = (struct agent_limits){ .steps = (int)numbers[0],
		.time_s = (int)numbers[1],
		.tokens = numbers[2],
		.usd = numbers[3],
		.repeats = (int)numbers[4],
		.errors = (int)numbers[5] };
	return status;
}

/* --- the desktop --- */

static enum cua_status read_desktop(struct agent_template *template, struct cua_error *err)
{
	const cJSON *desktop = cua_json_member(cua_yaml_root(template->yaml), "desktop");
	const cJSON *option = NULL;
	if (desktop && !cJSON_IsObject(desktop)) {
		return cua_yaml_fail(template->yaml, desktop, err,
				"desktop needs members, such as size: 1920x1080");
	}
	cJSON_ArrayForEach (option, desktop) {
		if (!cJSON_IsString(option)) {
			return cua_yaml_fail(template->yaml, option, err,
					"%.40s needs a text; put it into quotes", option->string);
		}
	}
	template->desktop = desktop;
	return CUA_OK;
}

/* --- the file --- */

static enum cua_status read_policy(struct agent_template *template, struct cua_error *err)
{
	const struct cua_yaml *yaml = template->yaml;
	const cJSON *policy = cua_json_member(cua_yaml_root(yaml), "policy");
	if (!policy) {
		return CUA_OK;
	}
	/* The same text: rules have the lines of this file, and a journal keeps it whole. */
	return agent_policy_parse(cua_yaml_name(yaml), template->text, strlen(template->text),
			&template->policy, err);
}

enum cua_status template_read(
		struct agent_template *template, const char *source, struct cua_error *err)
{
	static const char *const names[] = { "description", "instructions", "model", "tools", "mcp",
		"policy", "limits", "desktop", NULL };
	enum cua_status status = cua_yaml_parse(
			source, template->text, strlen(template->text), &template->yaml, err);
	if (status == CUA_OK) {
		status = cua_yaml_check_members(template->yaml, cua_yaml_root(template->yaml),
				"a template", names, err);
	}
	if (status == CUA_OK) {
		status = read_text(template->yaml, "description", 200, &template->description, err);
	}
	if (status == CUA_OK) {
		status = read_text(template->yaml, "instructions", INSTRUCTIONS_MAX,
				&template->instructions, err);
	}
	if (status == CUA_OK) {
		status = read_text(template->yaml, "model", 200, &template->model, err);
	}
	status = status == CUA_OK ? read_desktop(template, err) : status;
	if (status == CUA_OK) {
		status = read_names(template->yaml, "tools", check_tool, &template->tools, err);
	}
	if (status == CUA_OK) {
		status = read_names(template->yaml, "mcp", check_server, &template->mcp, err);
	}
	status = status == CUA_OK ? read_limits(template, err) : status;
	return status == CUA_OK ? read_policy(template, err) : status;
}

void agent_template_destroy(struct agent_template *template)
{
	if (!template) {
		return;
	}
	agent_policy_destroy(template->policy);
	cua_yaml_destroy(template->yaml);
	free(template->name);
	free(template->path);
	free(template->text);
	free(template->tools);
	free(template->mcp);
	free(template);
}

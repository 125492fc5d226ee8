#include "cua/run_template.h"

#include "cua/base/yaml_file.h"
#include "cua/desktop_options.h"

static void fill_limits(const struct agent_limits *from, struct agent_limits *limits)
{
	limits->steps = limits->steps < 0 ? from->steps : limits->steps;
	limits->time_s = limits->time_s < 0 ? from->time_s : limits->time_s;
	limits->tokens = limits->tokens < 0 ? from->tokens : limits->tokens;
	limits->usd = limits->usd < 0 ? from->usd : limits->usd;
	limits->repeats = limits->repeats < 0 ? from->repeats : limits->repeats;
	limits->errors = limits->errors < 0 ? from->errors : limits->errors;
}

enum cua_status run_template_desktop(const struct agent_template *template,
		struct cua_desktop_options *desktop, struct cua_error *err)
{
	const cJSON *option = NULL;
	cJSON_ArrayForEach (option, template->desktop) {
		struct cua_error why = { 0 };
		if (cua_desktop_option_fill(option->string, option->valuestring, desktop, &why) !=
				CUA_OK) {
			return cua_yaml_fail(template->yaml, option, err, "%s", why.msg);
		}
	}
	return cua_desktop_options_check(desktop, err);
}

static void fill(const struct agent_template *template, struct run_options *options)
{
	if (!options->wish.model) {
		options->wish.model = template->model;
	}
	if (!options->tools) {
		options->tools = template->tools;
	}
	if (!options->mcp) {
		options->mcp = template->mcp;
	}
	fill_limits(&template->limits, &options->limits);
}

enum cua_status run_template_take(struct run_options *options, struct agent_template **ret_template,
		struct cua_error *err)
{
	*ret_template = NULL;
	if (!options->template_name) {
		return CUA_OK;
	}
	enum cua_status status = agent_template_load(options->template_name, ret_template, err);
	options->template = *ret_template;
	if (status != CUA_OK) {
		return status;
	}
	fill(*ret_template, options);
	return run_template_desktop(*ret_template, &options->new_desktop, err);
}

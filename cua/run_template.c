#include "cua/run_template.h"

#include "cua/template_desktop.h"

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
	options->limits = agent_limits_or(&options->limits, &template->limits);
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
	return cua_template_desktop(*ret_template, &options->new_desktop, err);
}

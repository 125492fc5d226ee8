#ifndef CUA_AGENT_TEMPLATES_TEMPLATE_H
#define CUA_AGENT_TEMPLATES_TEMPLATE_H

/* What a kind of work needs, in one file: what the model is told, which tools it gets, under which
 * policy, which model, how much it may use up. README.md says what may stand in it. */

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "agent/limits.h"
#include "agent/policy/policy.h"
#include "cua/base/error.h"

struct cua_yaml;

/* Texts are NULL where the file says nothing. */
struct agent_template {
	char *name, *path, *text;    /* owned; path: NULL for one that comes with cua */
	struct cua_yaml *yaml;       /* owned */
	const char *description;     /* of the file */
	const char *instructions;    /* of the file */
	const char *model;           /* of the file */
	const cJSON *desktop;        /* of the file: {NAME: text}, options of `cua desktop start` */
	char *tools, *mcp;           /* owned; as `cua run --tools` and `--mcp` take them */
	struct agent_limits limits;  /* -1: not said */
	struct agent_policy *policy; /* owned; NULL: the user's own */
};

/**
 * agent_template_load() - read a template, and all that is in it.
 * @name: of a file NAME.yaml in the user's folder, else of one that comes with cua; with a slash or
 *        ".yaml" at its end the path of a file.
 *
 * Return: CUA_OK; CUA_ERR_INVAL, CUA_ERR_TOO_LARGE with FILE:LINE; CUA_ERR_NOT_FOUND lists what
 *         there is; CUA_ERR_IO, CUA_ERR_NOMEM. Release with agent_template_destroy().
 */
CUA_NODISCARD enum cua_status agent_template_load(
		const char *name, struct agent_template **ret_template, struct cua_error *err);
void agent_template_destroy(struct agent_template *template);

/* [{"name", "path" (null for one that comes with cua), "description"} or {"name", "path",
 * "problem"}] by name, those of the user in place of those of the same name. The caller owns it;
 * NULL when memory runs out or the user's folder cannot be read. */
cJSON *agent_templates_list(struct cua_error *err);

#endif

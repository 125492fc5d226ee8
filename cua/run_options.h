#ifndef CUA_RUN_OPTIONS_H
#define CUA_RUN_OPTIONS_H

/* The command line of `cua run`. */

#include <stdbool.h>
#include <stdio.h>

#include "agent/limits.h"
#include "agent/model/catalogue.h"
#include "agent/templates/template.h"
#include "cua/desktops.h"

/* All borrowed from argv. */
struct run_options {
	struct agent_model_wish wish;
	const char *desktop, *task, *resume, *policy, *tools, *mcp, *template_name, *name;
	char *read_task;                        /* owned: the task, of standard input */
	const struct agent_template *template;  /* NULL: none; not of argv */
	struct agent_limits limits;             /* -1: not given */
	struct cua_desktop_options new_desktop; /* for the one that is started without desktop */
	int spares;                             /* of the pool; -1: as it is */
	bool keep, json, help, detach, attended, explain_cost;
	const struct agent_secrets *secrets; /* of cmd_run.c: no option */
};

void run_options_help(FILE *out);

/* False if it is wrong; what, has been said. Either way run_options_finish(). */
bool run_options_parse(int argc, char **argv, struct run_options *ret_options);
void run_options_finish(struct run_options *options);

/* The limits that were given, those of the run that is resumed (NULL: none is), the usual ones. */
struct agent_limits run_options_limits(
		const struct run_options *options, const struct agent_limits *resumed);

#endif

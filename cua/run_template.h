#ifndef CUA_RUN_TEMPLATE_H
#define CUA_RUN_TEMPLATE_H

/* A template under the command line of `cua run`. */

#include "cua/run_options.h"

/* Loads the one that the command line names, and fills what that leaves open. Without a name there
 * is nothing to do. CUA_ERR_INVAL has FILE:LINE; otherwise as agent_template_load(). ret_template:
 * to be destroyed after the options; NULL if there is none. */
CUA_NODISCARD enum cua_status run_template_take(struct run_options *options,
		struct agent_template **ret_template, struct cua_error *err);

/* What it says of the desktop that is started, into what is not given yet. CUA_ERR_INVAL. */
CUA_NODISCARD enum cua_status run_template_desktop(const struct agent_template *template,
		struct cua_desktop_options *desktop, struct cua_error *err);

#endif

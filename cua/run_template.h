#ifndef CUA_RUN_TEMPLATE_H
#define CUA_RUN_TEMPLATE_H

/* A template under the command line of `cua run`. */

#include "cua/run_options.h"

/* Loads the one that the command line names, and fills what that leaves open. Without a name there
 * is nothing to do. CUA_ERR_INVAL has FILE:LINE; otherwise as agent_template_load(). ret_template:
 * to be destroyed after the options; NULL if there is none. */
CUA_NODISCARD enum cua_status run_template_take(struct run_options *options,
		struct agent_template **ret_template, struct cua_error *err);

#endif

#ifndef CUA_TEMPLATE_DESKTOP_H
#define CUA_TEMPLATE_DESKTOP_H

/* What a template says of the desktop. */

#include "agent/templates/template.h"
#include "cua/desktops.h"

/* Into what is not given yet. CUA_ERR_INVAL with FILE:LINE. */
CUA_NODISCARD enum cua_status cua_template_desktop(const struct agent_template *template,
		struct cua_desktop_options *desktop, struct cua_error *err);

#endif

#ifndef CUA_AGENT_TEMPLATES_TEMPLATES_INTERNAL_H
#define CUA_AGENT_TEMPLATES_TEMPLATES_INTERNAL_H

/* Between template.c (what a file says) and templates.c (which files there are). */

#include "agent/templates/template.h"

/* Fills what is of the text, which is set. source: what messages call the file. */
CUA_NODISCARD enum cua_status template_read(
		struct agent_template *template, const char *source, struct cua_error *err);

#endif

#ifndef CUA_DISPLAY_SESSION_HOME_H
#define CUA_DISPLAY_SESSION_HOME_H

#include "cua/base/error.h"

/* Writes the settings that spare an agent the first-run pages and tips of the applications: into
 * home what is not there yet, into session_dir the window manager's configuration and wrappers
 * (bin/) that give applications their flags. */
CUA_NODISCARD enum cua_status display_session_home_prepare(
		const char *home, const char *session_dir, int dpi, struct cua_error *err);

#endif

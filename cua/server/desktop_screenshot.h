#ifndef CUA_SERVER_DESKTOP_SCREENSHOT_H
#define CUA_SERVER_DESKTOP_SCREENSHOT_H

/* A picture of a desktop. */

#include "cua/server/route.h"

extern const struct fields desktop_screenshot_query;

/* From the desktop behind this socket into the answer. */
CUA_NODISCARD enum cua_status desktop_screenshot_take(
		struct request *request, const char *socket_path, struct cua_error *err);

#endif

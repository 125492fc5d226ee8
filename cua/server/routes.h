#ifndef CUA_SERVER_ROUTES_H
#define CUA_SERVER_ROUTES_H

/* The tables of route_*.c. */

#include "cua/server/route.h"

extern const struct routes service_routes, session_routes, ticket_routes, project_routes,
		file_routes, backup_routes, run_routes, desktop_routes, viewer_routes,
		terminal_routes, catalogue_routes, secret_routes, usage_routes, settings_routes,
		feed_routes, mcp_routes, plain_routes, page_routes, picture_routes, exec_routes,
		journal_routes;
extern const struct routes control_routes;

#endif

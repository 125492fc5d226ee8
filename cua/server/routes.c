#include "cua/server/route.h"

#include "cua/server/routes.h"

static const struct field list_fields[] = { LIST_FIELDS, { 0 } };
const struct fields list_query = { "List", list_fields };

const struct routes *const server_routes[] = {
	&service_routes,
	&session_routes,
	&ticket_routes,
	&project_routes,
	&file_routes,
	&backup_routes,
	&run_routes,
	&desktop_routes,
	&control_routes,
	&viewer_routes,
	&terminal_routes,
	&exec_routes,
	&catalogue_routes,
	&secret_routes,
	&usage_routes,
	&settings_routes,
	&feed_routes,
	&mcp_routes,
	&plain_routes,
	&page_routes,
	&picture_routes,
	&journal_routes,
	NULL,
};

/* Terminals on desktops: a ticket, and what it opens. */

#include <stdio.h>

#include "cua/base/json.h"
#include "cua/desktops.h"
#include "cua/server/desktop_control.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "cua/server/terminal.h"

static const struct field new_fields[] = {
	{ "columns", FIELD_WHOLE, 0, 1, TERMINAL_SIZE_MAX, NULL, NULL, "80 without" },
	{ "rows", FIELD_WHOLE, 0, 1, TERMINAL_SIZE_MAX, NULL, NULL, "24 without" },
	{ 0 },
};
static const struct fields new_body = { "NewTerminal", new_fields };

static const struct field ticket_fields[] = {
	{ "ticket", FIELD_TEXT, FIELD_REQUIRED, .help = "told once, good once" },
	{ "path", FIELD_TEXT, FIELD_REQUIRED, .help = "of the WebSocket, with the ticket" },
	{ "expires_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" },
	{ 0 },
};
static const struct fields ticket_answer = { "TerminalTicket", ticket_fields };

static const struct field use_fields[] = {
	{ "ticket", FIELD_TEXT, FIELD_REQUIRED, 1, 100, NULL, NULL, "of openTerminal" }, { 0 }
};
static const struct fields use_query = { "TicketUse", use_fields };

static int size_or(const cJSON *body, const char *name, int usual)
{
	const int size = cua_json_int(body, name);
	return size > 0 ? size : usual;
}

static enum cua_status post_terminal(struct request *request, struct cua_error *err)
{
	struct desktop_record record;
	struct ticket_grant grant = { .kind = "terminal",
		.columns = size_or(request->body, "columns", 80),
		.rows = size_or(request->body, "rows", 24),
		.caller = request->caller };
	char ticket[TICKET_SIZE], path[200];
	int64_t expires_ms = 0;
	enum cua_status status = cua_desktop_find(request->parameters[0], &record, err);
	if (status == CUA_OK) {
		status = desktop_control_check(&record, &request->caller, err);
	}
	if (status == CUA_OK) {
		snprintf(grant.subject, sizeof(grant.subject), "%s", record.name);
		status = tickets_make(request->server->tickets, &grant, request->head->peer, ticket,
				&expires_ms, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, sizeof(path), "/v1/desktops/%s/terminal?ticket=%s", record.name, ticket);
	request->answer = cJSON_CreateObject();
	cJSON_AddStringToObject(request->answer, "ticket", ticket);
	cJSON_AddStringToObject(request->answer, "path", path);
	cJSON_AddNumberToObject(request->answer, "expires_ms", (double)expires_ms);
	return CUA_OK;
}

static const struct route table[] = {
	{ "POST", "/v1/desktops/{desktop}/terminals", "openTerminal",
			"A ticket for a shell in its sandbox", SCOPE_ACT, ROUTE_SECRET, NULL,
			&new_body, &ticket_answer, 201, post_terminal },
	{ "GET", "/v1/desktops/{desktop}/terminal", "useTerminal",
			"A shell, as a WebSocket: binary messages are bytes both ways, a text "
			"{\"columns\": 80, \"rows\": 24} is a new size; closed with 1000 and "
			"\"exit N\" when it ends",
			SCOPE_ACT, ROUTE_TICKET, &use_query, NULL, NULL, 0, NULL,
			terminal_websocket },
};
const struct routes terminal_routes = ROUTES("terminals", "Shells on desktops", table);

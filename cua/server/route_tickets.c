/* Tickets for what a browser opens without headers: streams as WebSockets, and downloads. */

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/server/request_internal.h"
#include "cua/server/routes.h"

static const struct field new_fields[] = {
	{ "path", FIELD_TEXT, FIELD_REQUIRED, 1, sizeof(((struct ticket_grant *)0)->subject) - 1,
			NULL, NULL, "what it opens, without its query: /v1/events" },
	{ 0 },
};
static const struct fields new_body = { "NewTicket", new_fields };

static const struct field ticket_fields[] = {
	{ "ticket", FIELD_TEXT, FIELD_REQUIRED,
			.help = "?ticket= of the path: good once, from the same address, beside "
				"the cookie of the session" },
	{ "expires_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" },
	{ 0 },
};
static const struct fields ticket_answer = { "Ticket", ticket_fields };

/* What stands there takes tickets of this kind. */
static bool is_opened(char *path)
{
	const struct cua_http_head head = { .method = "GET", .path = path };
	struct request request = { 0 };
	char allowed[64];
	const struct route *route = request_find_route(&head, &request, allowed, sizeof(allowed));
	return route && route->flags & ROUTE_OPENED;
}

static enum cua_status post_ticket(struct request *request, struct cua_error *err)
{
	struct ticket_grant grant = { .kind = TICKET_PATH, .caller = request->caller };
	char ticket[TICKET_SIZE];
	int64_t expires_ms = 0;
	snprintf(grant.subject, sizeof(grant.subject), "%s", cua_json_text(request->body, "path"));
	if (!request->caller.is_session) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a token needs no ticket: it is sent along in Authorization");
	}
	if (!is_opened(grant.subject)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"nothing at %.100s takes such a ticket; in /openapi.json it is "
				"what "
				"has ?ticket=",
				grant.subject);
	}
	enum cua_status status = tickets_make(request->server->tickets, &grant, request->head->peer,
			ticket, &expires_ms, err);
	if (status == CUA_OK) {
		request->answer = cJSON_CreateObject();
		cJSON_AddStringToObject(request->answer, "ticket", ticket);
		cJSON_AddNumberToObject(request->answer, "expires_ms", (double)expires_ms);
	}
	return status;
}

static const struct route table[] = {
	{ "POST", "/v1/tickets", "createTicket",
			"For a session: opens what a browser asks for without headers, once",
			SCOPE_WATCH, ROUTE_SECRET, NULL, &new_body, &ticket_answer, 201,
			post_ticket },
};
const struct routes ticket_routes =
		ROUTES("tickets", "For WebSockets and downloads of browsers", table);

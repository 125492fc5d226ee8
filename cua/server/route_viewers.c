/* People who see desktops: a ticket, and the WebSocket that it opens. */

#include <stdio.h>
#include <string.h>

#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/desktops.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"
#include "cua/server/viewer.h"
#include "display/vnc/vnc_input.h"

#define STATUS_TIMEOUT_MS 5000

static const struct field wish_fields[] = {
	{ "mode", FIELD_TEXT, FIELD_REQUIRED, .choices = "watch|act|private",
			.help = "private: as act, and what the person does is not for the model; "
				"both want the scope act" },
	{ 0 },
};
static const struct fields wish_body = { "NewViewer", wish_fields };

static const struct field viewer_fields[] = {
	{ "ticket", FIELD_TEXT, FIELD_REQUIRED,
			.help = "good once, for who asked: with the same token or session, or "
				"without any, and from the same address" },
	{ "path", FIELD_TEXT, FIELD_REQUIRED, .help = "of the WebSocket, with the ticket in it" },
	{ "mode", FIELD_TEXT, FIELD_REQUIRED, .choices = "watch|act|private" },
	{ "expires_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "of the ticket; since 1970" },
	{ 0 },
};
static const struct fields viewer_answer = { "Viewer", viewer_fields };

static const struct field rfb_fields[] = {
	{ "ticket", FIELD_TEXT, FIELD_REQUIRED, 1, TICKET_SIZE },
	{ 0 },
};
static const struct fields rfb_query = { "Rfb", rfb_fields };

/* Its host has to be there, and to take one more. */
static enum cua_status check_desktop(const char *name, struct cua_error *err)
{
	struct desktop_record record;
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = desktop_name_check(name, err);
	if (status == CUA_OK) {
		status = cua_desktop_find(name, &record, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	desktop_path(&record, "api.sock", path, sizeof(path));
	status = cua_http_unix_json(
			path, "GET", "/v1/desktop", NULL, STATUS_TIMEOUT_MS, &answer, err);
	if (status == CUA_ERR_CLOSED) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the host of desktop %s is gone; a start by its name gives it "
				"another",
				name);
	}
	const int viewers = status == CUA_OK ? cua_json_int(answer, "viewers") : 0;
	return viewers >= VNC_VIEWERS_MAX ? CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
							    "desktop %s has %d viewers, and takes "
							    "no more",
							    name, viewers)
					  : status;
}

static enum cua_status post_viewer(struct request *request, struct cua_error *err)
{
	const char *mode = cua_json_text(request->body, "mode");
	struct ticket_grant grant = { .kind = "rfb", .caller = request->caller };
	char ticket[TICKET_SIZE], path[sizeof(grant.subject) + 100];
	const char *desktop = request->parameters[0];
	int64_t expires_ms = 0;
	if (viewer_mode(mode) != VNC_MODE_WATCH && !(request->caller.scopes & SCOPE_ACT)) {
		request->http_status = 403;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"this token may watch, and not act: it lacks a scope");
	}
	enum cua_status status = check_desktop(desktop, err);
	if (status == CUA_OK) {
		snprintf(grant.subject, sizeof(grant.subject), "%.*s", DESKTOP_NAME_MAX, desktop);
		snprintf(grant.mode, sizeof(grant.mode), "%s", mode);
		status = tickets_make(request->server->tickets, &grant, request->head->peer, ticket,
				&expires_ms, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, sizeof(path), "/v1/desktops/%s/rfb?ticket=%s", grant.subject, ticket);
	request->answer = cJSON_CreateObject();
	cJSON_AddStringToObject(request->answer, "ticket", ticket);
	cJSON_AddStringToObject(request->answer, "path", path);
	cJSON_AddStringToObject(request->answer, "mode", mode);
	cJSON_AddNumberToObject(request->answer, "expires_ms", (double)expires_ms);
	return CUA_OK;
}

static const struct route table[] = {
	{ "POST", "/v1/desktops/{desktop}/viewers", "viewDesktop",
			"A ticket to see a desktop, or to use it; 503 when it has all the viewers "
			"that it takes",
			SCOPE_WATCH, ROUTE_SECRET, NULL, &wish_body, &viewer_answer, 201,
			post_viewer },
	{ "GET", "/v1/desktops/{desktop}/rfb", "openViewer",
			"The desktop by RFB, in binary frames, with security type None",
			SCOPE_WATCH, ROUTE_TICKET, &rfb_query, NULL, NULL, 0, NULL,
			viewer_websocket },
};
const struct routes viewer_routes =
		ROUTES("viewers", "Desktops live, for people: RFB over a WebSocket", table);

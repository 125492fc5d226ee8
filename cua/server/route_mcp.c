/* /mcp: desktops, their tools and runs for hosts of the Model Context Protocol, over Streamable
 * HTTP. Each POST stands for itself, in every revision; what the token may decides what is offered.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/desktops.h"
#include "cua/mcp/serve_http.h"
#include "cua/server/mcp_call.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"

/* --- what is offered --- */

static enum cua_status open_desktop(const char *wanted, struct mcp_serve_desktop *ret_desktop,
		void *user_data, struct cua_error *err)
{
	struct desktop_record record;
	(void)user_data;
	enum cua_status status = cua_desktop_find(wanted, &record, err);
	if (status == CUA_OK) {
		snprintf(ret_desktop->name, sizeof(ret_desktop->name), "%s", record.name);
		desktop_path(&record, "api.sock", ret_desktop->socket_path,
				sizeof(ret_desktop->socket_path));
	}
	return status;
}

/* cua mcp has tools of its own for runs; here they are routes, whose runs the server keeps. */
static unsigned int scopes_of(size_t index)
{
	return SCOPE_WATCH | (index & 1 ? SCOPE_ACT : 0) | (index & 2 ? SCOPE_APPROVE : 0);
}

static struct mcp_serve *offer_to(const struct mcp_offers *offers, unsigned int scopes)
{
	return offers->of[(scopes & SCOPE_ACT ? 1 : 0) | (scopes & SCOPE_APPROVE ? 2 : 0)];
}

enum cua_status mcp_offers_create(struct mcp_offers *ret_offers, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	pthread_mutex_init(&ret_offers->mutex, NULL);
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(ret_offers->of); i++) {
		const struct mcp_serve_options options = { .offer = "computer,tools",
			.takes_desktop = true,
			.read_only = !(scopes_of(i) & SCOPE_ACT),
			.open_desktop = open_desktop,
			.extras = ret_offers->extras[i],
			.extra_resources = mcp_resources };
		mcp_tools_list(scopes_of(i), ret_offers->extras[i]);
		status = mcp_serve_create(&options, &ret_offers->of[i], err);
	}
	return status;
}

void mcp_offers_destroy(struct mcp_offers *offers)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(offers->of); i++) {
		mcp_serve_destroy(offers->of[i]);
	}
}

/* --- one message --- */

static const char *find_header(const char *name, void *user_data)
{
	const struct request *request = user_data;
	const char *value = cua_http_header(request->head, name);
	return value[0] ? value : NULL;
}

/* The first as it is, which most answers are; several as server-sent events. */
static void answer(struct mcp_call *call, struct request *request)
{
	cua_buffer_finish(&request->file);
	request->file_type = call->count > 1 ? "text/event-stream" : "application/json";
	request->file = call->count > 1 ? call->events : call->first;
	cua_buffer_init(call->count > 1 ? &call->events : &call->first, 0);
	if (call->has_failed) {
		request->http_status = 500;
	}
}

/* *ret_goes_on: it is answered by a stream. The code. */
static int run_tool(struct mcp_call *call, struct request *request, bool *ret_goes_on)
{
	const char *accepts = cua_http_header(request->head, "accept");
	if (strcasestr(accepts, "text/event-stream")) {
		mcp_call_stream(call, request);
		*ret_goes_on = true;
		return 0;
	}
	if (mcp_serve_call_is_long(call->tool)) {
		mcp_serve_call_give_up(call->tool,
				"the answer is a stream: Accept must have text/event-stream");
		return MCP_SERVE_ERROR_REQUEST;
	}
	/* Without it, the call is not ended when its client hangs up. */
	(void)!mcp_serve_call_stop_with(call->tool, request_stop_fd(request), NULL);
	return mcp_serve_call_run(call->tool);
}

static void take_notification(
		const struct request *request, const struct mcp_serve_message *message)
{
	if (strcmp(message->method, "notifications/cancelled") == 0) {
		mcp_call_cancel(&request->server->mcp, &request->caller,
				cua_json_member(message->params, "requestId"));
	}
}

static void give_session(const struct mcp_call *call, struct request *request,
		const struct mcp_serve_message *message, int code)
{
	CUA_AUTO_FREE char *id = mcp_serve_http_session_id(call->session, message, code);
	if (id) {
		(void)!cua_buffer_printf(&request->headers, NULL, "mcp-session-id: %s\r\n", id);
	}
}

/* The HTTP status; as run_tool(). */
static int handle(struct mcp_call *call, struct request *request,
		const struct mcp_serve_message *message, bool *ret_goes_on)
{
	const struct mcp_serve_headers headers = { find_header, request };
	const struct mcp_serve_out out = mcp_call_out(call);
	const char *revision = NULL;
	int code = mcp_serve_http_check(message, &headers, &out, &revision);
	if (code == 0 && message->kind == MCP_SERVE_NOTIFICATION) {
		take_notification(request, message);
	}
	if (code == 0 &&
			mcp_serve_session_create(
					offer_to(&request->server->mcp, request->caller.scopes),
					revision, &call->session, NULL) != CUA_OK) {
		return 503;
	}
	if (code == 0 &&
			mcp_serve_http_resume(call->session, message, &headers, revision, &out) !=
					0) {
		return 404;
	}
	if (code == 0) {
		mcp_serve_session_set_client(call->session, &call->client);
		code = mcp_serve_handle(call->session, message, &out, &call->tool);
		give_session(call, request, message, code);
	}
	if (call->tool) {
		call->id = cJSON_Duplicate(message->id, true);
		code = run_tool(call, request, ret_goes_on);
	}
	return code == 0 && message->kind != MCP_SERVE_REQUEST
			? 202
			: mcp_serve_http_status(revision, code);
}

static enum cua_status post_mcp(struct request *request, struct cua_error *err)
{
	struct mcp_serve_message message;
	struct mcp_call *call = mcp_call_create(request);
	bool goes_on = false;
	if (!call) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	const struct mcp_serve_out out = mcp_call_out(call);
	const char *text = request->bytes->data ? request->bytes->data : "";
	request->http_status = 400;
	if (mcp_serve_read(text, request->bytes->len, &message, &out) == 0) {
		request->http_status = handle(call, request, &message, &goes_on);
		mcp_serve_message_finish(&message);
	}
	if (goes_on) {
		return CUA_OK;
	}
	answer(call, request);
	mcp_call_destroy(call);
	return request->http_status == 503 ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "session")
					   : CUA_OK;
}

/* --- news --- */

static const char *why_not(int http_status)
{
	switch (http_status) {
	case 404:
		return "this session is not known here: begin again with initialize";
	case 405:
		return "a GET is for the Mcp-Session-Id of an older revision, whose news of "
		       "resources "
		       "come on it";
	case 406:
		return "the answer is a stream: Accept must have text/event-stream";
	case 409:
		return "this session has a stream already";
	default:
		return "no more streams can be had now";
	}
}

static enum cua_status get_mcp(struct request *request, struct cua_error *err)
{
	const struct mcp_serve_headers headers = { find_header, request };
	struct mcp_call *call = mcp_call_create(request);
	if (!call) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	const struct mcp_serve_out out = mcp_call_out(call);
	int http_status = 503;
	if (mcp_serve_session_create(offer_to(&request->server->mcp, request->caller.scopes), NULL,
			    &call->session, NULL) == CUA_OK) {
		mcp_serve_session_set_client(call->session, &call->client);
		http_status = mcp_serve_http_listen(call->session, &headers, &out, &call->tool);
	}
	if (http_status == 200) {
		mcp_call_stream(call, request);
		return CUA_OK;
	}
	mcp_call_destroy(call);
	request->http_status = http_status;
	if (http_status == 405) {
		(void)!cua_buffer_printf(&request->headers, NULL, "allow: POST\r\n");
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s", why_not(http_status));
}

static const struct route table[] = {
	{ "GET", "/mcp", "listenMcp",
			"News of resources that a session has subscribed to, of the Model Context "
			"Protocol's older revisions: server-sent events",
			SCOPE_WATCH, 0, NULL, NULL, NULL, 0, get_mcp },
	{ "POST", "/mcp", "callMcp",
			"One message of the Model Context Protocol: desktops, their tools and runs",
			SCOPE_WATCH, ROUTE_BYTES | ROUTE_FILE | ROUTE_SECRET, NULL, NULL, NULL, 0,
			post_mcp },
};
const struct routes mcp_routes = ROUTES("mcp", "For hosts of the Model Context Protocol", table);

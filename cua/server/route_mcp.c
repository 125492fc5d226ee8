/* /mcp: a desktop and its tools for hosts of the Model Context Protocol, over Streamable HTTP. Each
 * POST stands for itself, in every revision; what the token may decides what is offered. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/desktops.h"
#include "cua/mcp/serve_http.h"
#include "cua/server/mcp.h"
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

/* Runs are started by /v1/runs, which keeps them: what cua mcp has for them is not offered here. */
enum cua_status mcp_offers_create(struct mcp_offers *ret_offers, struct cua_error *err)
{
	struct mcp_serve_options options = {
		.offer = "computer,tools", .takes_desktop = true, .open_desktop = open_desktop
	};
	enum cua_status status = mcp_serve_create(&options, &ret_offers->acts, err);
	options.read_only = true;
	return status == CUA_OK ? mcp_serve_create(&options, &ret_offers->watches, err) : status;
}

void mcp_offers_destroy(struct mcp_offers *offers)
{
	mcp_serve_destroy(offers->acts);
	mcp_serve_destroy(offers->watches);
}

/* --- one message --- */

struct post {
	struct request *request;
	int count; /* of messages in the answer */
	struct cua_buffer events;
};

static const char *find_header(const char *name, void *user_data)
{
	const struct request *request = user_data;
	const char *value = cua_http_header(request->head, name);
	return value[0] ? value : NULL;
}

/* The first as it is, which most answers are; all of them as server-sent events. */
static void collect(const char *text, size_t len, void *user_data)
{
	struct post *post = user_data;
	struct cua_buffer *first = &post->request->file;
	if (post->count++ == 0 && cua_buffer_append(first, text, len, NULL) != CUA_OK) {
		post->request->http_status = 500;
	}
	if (cua_buffer_printf(&post->events, NULL, "data: %.*s\n\n", (int)len, text) != CUA_OK) {
		post->request->http_status = 500;
	}
}

/* The HTTP status. */
static int handle(struct post *post, const struct mcp_serve_message *message,
		const struct mcp_serve_out *out)
{
	struct request *request = post->request;
	const struct mcp_offers *offers = &request->server->mcp;
	const struct mcp_serve_headers headers = { find_header, request };
	struct mcp_serve_session *session = NULL;
	struct mcp_serve_call *call = NULL;
	const char *revision = NULL;
	int code = mcp_serve_http_check(message, &headers, out, &revision);
	if (code == 0 &&
			mcp_serve_session_create(request->caller.scopes & SCOPE_ACT
							? offers->acts
							: offers->watches,
					revision, &session, NULL) != CUA_OK) {
		return 503;
	}
	if (code == 0) {
		code = mcp_serve_handle(session, message, out, &call);
	}
	if (call) {
		code = mcp_serve_call_run(call);
		mcp_serve_call_destroy(call);
	}
	mcp_serve_session_destroy(session);
	return code == 0 && message->kind != MCP_SERVE_REQUEST
			? 202
			: mcp_serve_http_status(revision, code);
}

static enum cua_status post_mcp(struct request *request, struct cua_error *err)
{
	struct mcp_serve_message message;
	struct post post = { .request = request };
	const struct mcp_serve_out out = { collect, &post };
	const char *text = request->bytes->data ? request->bytes->data : "";
	cua_buffer_init(&post.events, request->file.max_len);
	request->http_status = 400;
	if (mcp_serve_read(text, request->bytes->len, &message, &out) == 0) {
		request->http_status = handle(&post, &message, &out);
		mcp_serve_message_finish(&message);
	}
	request->file_type = post.count > 1 ? "text/event-stream" : "application/json";
	cua_buffer_finish(post.count > 1 ? &request->file : &post.events);
	if (post.count > 1) {
		request->file = post.events;
	}
	return request->http_status == 503 ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "session")
					   : CUA_OK;
}

static const struct route table[] = {
	{ "POST", "/mcp", "callMcp",
			"One message of the Model Context Protocol: desktops and their tools",
			SCOPE_WATCH, ROUTE_BYTES | ROUTE_FILE | ROUTE_SECRET, NULL, NULL, NULL, 0,
			post_mcp },
};
const struct routes mcp_routes = ROUTES("mcp", "For hosts of the Model Context Protocol", table);

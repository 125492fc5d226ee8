/* Which route a request is for, and whether it is let in: gate, token, scope, rate. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/server/request_internal.h"
#include "cua/server/session.h"

/* --- finding --- */

/* Does the path fit? What stands in place of {...} goes to parameters. */
static bool fits(
		const char *pattern, const char *path, char parameters[REQUEST_PARAMETERS_MAX][256])
{
	int count = 0;
	while (*pattern && *path) {
		if (*pattern != '{') {
			if (*pattern++ != *path++) {
				return false;
			}
			continue;
		}
		const size_t len = strcspn(path, "/");
		if (len == 0 || len >= sizeof(parameters[0]) || count == REQUEST_PARAMETERS_MAX) {
			return false;
		}
		snprintf(parameters[count++], sizeof(parameters[0]), "%.*s", (int)len, path);
		path += len;
		pattern += strcspn(pattern, "}") + 1;
	}
	return !*pattern && !*path;
}

const struct route *request_find_route(const struct cua_http_head *head, struct request *request,
		char *allowed, size_t size)
{
	const bool is_head = strcmp(head->method, "HEAD") == 0;
	const char *method = is_head ? "GET" : head->method;
	size_t len = 0;
	allowed[0] = '\0';
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		for (size_t i = 0; i < (*routes)->count; i++) {
			const struct route *route = &(*routes)->list[i];
			if (!fits(route->path, head->path, request->parameters)) {
				continue;
			}
			/* What goes on without an end has no head alone. */
			if (strcmp(route->method, method) == 0 && !(is_head && route->websocket)) {
				return route;
			}
			len += (size_t)snprintf(allowed + len, len < size ? size - len : 0, "%s%s",
					len > 0 ? ", " : "", route->method);
		}
	}
	return NULL;
}

/* --- letting in --- */

static bool has_bearer(const struct cua_http_head *head)
{
	return strncasecmp(cua_http_header(head, "authorization"), "bearer ", 7) == 0;
}

static enum gate_verdict judge(
		const struct server *server, const struct cua_http_head *head, bool is_websocket)
{
	char session[TOKEN_SIZE];
	const struct gate_request request = { .method = head->method,
		.host = cua_http_header(head, "host"),
		.origin = cua_http_header(head, "origin"),
		.fetch_site = cua_http_header(head, "sec-fetch-site"),
		.fetch_mode = cua_http_header(head, "sec-fetch-mode"),
		.is_page = strcmp(head->path, "/") == 0 || strncmp(head->path, "/assets/", 8) == 0,
		.is_websocket = is_websocket,
		.has_token = has_bearer(head),
		.has_cookie = session_of_cookie(head, session) };
	return gate_check(&server->gate, &request);
}

enum cua_status request_check_gate(const struct server *server, const struct cua_http_head *head,
		bool is_websocket, int *ret_http_status, struct cua_error *err)
{
	const enum gate_verdict verdict = judge(server, head, is_websocket);
	*ret_http_status = verdict == GATE_WRONG_HOST ? 421 : 403;
	switch (verdict) {
	case GATE_WRONG_HOST:
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"this server does not go by the name \"%.100s\"; --public-url "
				"gives it "
				"further names",
				cua_http_header(head, "host"));
	case GATE_OTHER_SITE:
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"pages of other sites may not speak to this server");
	case GATE_NO_ORIGIN:
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"a cookie alone does not do: send Origin, or a token");
	default:
		*ret_http_status = 0;
		return CUA_OK;
	}
}

static void refuse_guess(const struct server *server, const char *peer, int *ret_http_status,
		int *ret_wait_s)
{
	*ret_wait_s = limiter_penalty_s(server->limiter, peer);
	*ret_http_status = *ret_wait_s > 0 ? 429 : 401;
	if (*ret_wait_s == 0) {
		limiter_note_failure(server->limiter, peer);
	}
}

enum cua_status request_authenticate(struct server *server, struct store *store,
		const struct cua_http_head *head, struct caller *caller, int *ret_http_status,
		int *ret_wait_s, struct cua_error *err)
{
	char session[TOKEN_SIZE];
	enum cua_status status = CUA_ERR_NOT_FOUND;
	if (has_bearer(head)) {
		status = token_check(store, cua_http_header(head, "authorization") + 7, TOKEN_API,
				caller, err);
	} else if (session_of_cookie(head, session)) {
		status = token_check(store, session, TOKEN_SESSION, caller, err);
	} else {
		*ret_http_status = 401;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"a token is wanted: Authorization: Bearer TOKEN; cua serve token "
				"makes one");
	}
	if (status == CUA_ERR_NOT_FOUND) {
		refuse_guess(server, head->peer, ret_http_status, ret_wait_s);
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "the token is not known here, or is over");
	}
	return status;
}

/* The session's own ticket for this path. */
static bool has_ticket(const struct request *request)
{
	const char *ticket = cua_http_argument(request->head, "ticket");
	struct ticket_grant grant;
	return request->route->flags & ROUTE_OPENED && ticket &&
			tickets_use(request->server->tickets, ticket, TICKET_PATH,
					request->head->path, request->head->peer, &grant,
					NULL) == CUA_OK &&
			strcmp(grant.caller.id, request->caller.id) == 0;
}

/* A page of another site can neither read this nor send it, and who is sent the cookie, on another
 * port of the same name, does not have it. */
static enum cua_status check_second(const struct request *request, struct cua_error *err)
{
	const char *sent = cua_http_header(request->head, "x-cua-csrf");
	const char *wanted = request->caller.csrf;
	if (!request->caller.is_session) {
		return CUA_OK;
	}
	const bool is_sent = wanted[0] && strlen(sent) == strlen(wanted) &&
			sodium_memcmp(sent, wanted, strlen(wanted)) == 0;
	return is_sent || has_ticket(request)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "the header X-Cua-Csrf of this session is missing or "
					  "wrong; "
					  "POST /v1/login set it");
}

enum cua_status request_admit(struct request *request, struct cua_error *err)
{
	int wait_s = 0, left = 0;
	if (request->route->flags & ROUTE_TICKET) {
		request->http_status = 426;
		(void)!cua_buffer_printf(&request->headers, NULL, "upgrade: websocket\r\n");
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "this is a WebSocket, and nothing else");
	}
	if (request->route->flags & ROUTE_PUBLIC) {
		return CUA_OK;
	}
	enum cua_status status = request_authenticate(request->server, request->server->store,
			request->head, &request->caller, &request->http_status, &wait_s, err);
	if (status == CUA_OK) {
		request->http_status = 403;
		status = check_second(request, err);
	}
	if (status == CUA_OK &&
			(request->caller.scopes & request->route->scope) != request->route->scope) {
		status = CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"this token may not do that: it lacks a scope");
	}
	if (status == CUA_OK &&
			!limiter_take(request->server->limiter, request->caller.id, &left,
					&wait_s)) {
		request->http_status = 429;
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"more than %d requests a second with this token",
				LIMITER_PER_SECOND);
	}
	if (request->http_status == 401) {
		(void)!cua_buffer_printf(&request->headers, NULL, "www-authenticate: Bearer\r\n");
	}
	if (wait_s > 0) {
		(void)!cua_buffer_printf(&request->headers, NULL, "retry-after: %d\r\n", wait_s);
	}
	if (request->caller.id[0]) {
		(void)!cua_buffer_printf(&request->headers, NULL,
				"ratelimit-policy: \"token\";q=%d;w=1\r\n"
				"ratelimit: \"token\";r=%d;t=1\r\n",
				LIMITER_PER_SECOND, left);
	}
	if (status == CUA_OK) {
		request->http_status = 0;
	}
	return status;
}

/* --- WebSockets --- */

/* Who got the ticket. Whoever says besides who it is must be the same. */
static enum cua_status take_ticket(struct request *request, int *ret_http_status, int *ret_wait_s,
		struct cua_error *err)
{
	struct server *server = request->server;
	struct caller named = { 0 };
	char session[TOKEN_SIZE];
	enum cua_status status = tickets_use(server->tickets,
			cua_json_text(request->query, "ticket"),
			strrchr(request->route->path, '/') + 1, request->parameters[0],
			request->head->peer, &request->grant, err);
	if (status == CUA_ERR_NOT_FOUND) {
		refuse_guess(server, request->head->peer, ret_http_status, ret_wait_s);
		return status;
	}
	request->caller = request->grant.caller;
	if (status != CUA_OK ||
			(!has_bearer(request->head) &&
					!session_of_cookie(request->head, session))) {
		return status;
	}
	status = request_authenticate(server, server->store, request->head, &named, ret_http_status,
			ret_wait_s, err);
	if (status == CUA_OK && strcmp(named.id, request->caller.id) != 0) {
		*ret_http_status = 403;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "this ticket was given to another");
	}
	return status;
}

enum cua_status request_admit_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err)
{
	struct server *server = request->server;
	int wait_s = 0, left = 0;
	enum cua_status status = request->route->flags & ROUTE_TICKET
			? take_ticket(request, &stream->refused_with, &wait_s, err)
			: request_authenticate(server, server->store, &stream->head,
					  &request->caller, &stream->refused_with, &wait_s, err);
	if (status == CUA_OK && !(request->route->flags & ROUTE_TICKET)) {
		status = check_second(request, err);
		stream->refused_with = status == CUA_OK ? stream->refused_with : 403;
	}
	if (status == CUA_OK &&
			(request->caller.scopes & request->route->scope) != request->route->scope) {
		stream->refused_with = 403;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0,
				"this token may not do that: it lacks a scope");
	}
	if (status == CUA_OK &&
			!limiter_take(server->limiter, request->caller.id, &left, &wait_s)) {
		stream->refused_with = 429;
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"more than %d requests a second with this token",
				LIMITER_PER_SECOND);
	}
	if (status == CUA_OK) {
		status = streams_check_room(&server->streams, request->caller.id, err);
		stream->refused_with = status == CUA_OK ? stream->refused_with : 429;
	}
	return status;
}

/* A request from its head to its answer: found, let in, known, counted, checked, handled. */

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/once.h"
#include "cua/server/problem.h"
#include "cua/server/server.h"
#include "cua/server/session.h"

const char *const server_headers[] = { "host", "origin", "sec-fetch-site", "sec-fetch-mode",
	"authorization", "cookie", "content-type", "if-none-match", "if-match", "range", "if-range",
	"accept", "idempotency-key", "last-event-id", "x-cua-csrf", "upload-offset", "traceparent",
	"mcp-protocol-version", "mcp-method", "mcp-name", "accept-encoding", NULL };

/* What a request is while a thread works on it. */
struct job {
	uv_work_t work;
	struct request public;
	struct cua_http_exchange *exchange;
};

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

/* NULL: there is none; ret_allowed: the methods that there are, "" for no such path. */
static const struct route *find_route(const struct cua_http_head *head, struct request *request,
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

static enum gate_verdict check_gate(
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

static enum cua_status refuse_at_gate(enum gate_verdict verdict, const struct cua_http_head *head,
		int *ret_http_status, struct cua_error *err)
{
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

/* Who it is; caller->id stays "" for nobody. ret_http_status: of a refusal. */
static enum cua_status authenticate(struct server *server, struct store *store,
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

/* A page of another site can neither read this nor send it. */
static enum cua_status check_csrf(const struct request *request, struct cua_error *err)
{
	const char *sent = cua_http_header(request->head, "x-cua-csrf");
	const char *wanted = request->caller.csrf;
	const bool acts = strcmp(request->route->method, "GET") != 0;
	if (!acts || !request->caller.is_session) {
		return CUA_OK;
	}
	return strlen(sent) == strlen(wanted) && sodium_memcmp(sent, wanted, strlen(wanted)) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "the header X-Cua-Csrf of this session is missing or "
					  "wrong; "
					  "GET /v1/session tells it");
}

static enum cua_status admit(struct request *request, struct cua_error *err)
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
	enum cua_status status = authenticate(request->server, request->server->store,
			request->head, &request->caller, &request->http_status, &wait_s, err);
	if (status == CUA_OK) {
		request->http_status = 403;
		status = check_csrf(request, err);
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

/* --- the body --- */

static bool is_json_type(const char *type)
{
	const size_t len = strcspn(type, "; ");
	return len == strlen("application/json") && strncasecmp(type, "application/json", len) == 0;
}

static enum cua_status take_body(
		struct request *request, struct cua_http_exchange *exchange, struct cua_error *err)
{
	static const struct field none[] = { { 0 } };
	static const struct fields nothing = { "Nothing", none };
	const struct route *route = request->route;
	request->bytes = &exchange->body;
	if (!(route->flags & (ROUTE_LARGE | ROUTE_BYTES)) &&
			exchange->body.len > REQUEST_BODY_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "the body has more than %zu bytes",
				REQUEST_BODY_MAX);
	}
	if (route->flags & ROUTE_BYTES) {
		return CUA_OK;
	}
	if (exchange->body.len == 0) {
		CUA_AUTO_JSON cJSON *empty = cJSON_CreateObject();
		return fields_check(route->body ? route->body : &nothing, empty, err);
	}
	if (!is_json_type(cua_http_header(request->head, "content-type"))) {
		request->http_status = 415;
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the body must have the Content-Type application/json");
	}
	request->body = cJSON_ParseWithLength(exchange->body.data, exchange->body.len);
	if (!request->body) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the body is no JSON");
	}
	return fields_check(route->body ? route->body : &nothing, request->body, err);
}

/* --- the answer --- */

int request_limit(const struct request *request)
{
	const int limit = cua_json_int(request->query, "limit");
	return limit > 0 ? limit : LIST_LIMIT_DEFAULT;
}

void request_answer_list(struct request *request, cJSON *items, const char *member)
{
	const int limit = request_limit(request);
	if (cJSON_GetArraySize(items) > limit) {
		cJSON_DeleteItemFromArray(items, limit);
		snprintf(request->next, sizeof(request->next), "%s",
				cua_json_text(cJSON_GetArrayItem(items, limit - 1), member));
	}
	request->answer = items;
}

void request_answer_page(struct request *request, cJSON *all, const char *member)
{
	const char *after = cua_json_string(request->query, "after");
	bool is_behind = !after;
	while (!is_behind && all->child) {
		is_behind = strcmp(cua_json_text(all->child, member), after) == 0;
		cJSON_DeleteItemFromArray(all, 0);
	}
	while (cJSON_GetArraySize(all) > request_limit(request) + 1) {
		cJSON_DeleteItemFromArray(all, request_limit(request) + 1);
	}
	request_answer_list(request, all, member);
}

void request_wrap_list(struct request *request)
{
	cJSON *list = cJSON_CreateObject();
	cJSON_AddItemToObject(list, "items", CUA_STEAL(request->answer));
	if (request->next[0]) {
		cJSON_AddStringToObject(list, "next", request->next);
	} else {
		cJSON_AddNullToObject(list, "next");
	}
	request->answer = list;
}

/* The same answer has the same tag: a client that knows it is told so. */
static bool add_etag(const struct request *request, const char *text, char etag[40])
{
	unsigned char hash[16];
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, strlen(text), NULL, 0);
	etag[0] = '"';
	sodium_bin2hex(etag + 1, 33, hash, sizeof(hash));
	strcpy(etag + 33, "\"");
	return strcmp(request->route->method, "GET") == 0 &&
			strcmp(cua_http_header(request->head, "if-none-match"), etag) == 0;
}

static void answer_text(struct job *job, const char *text, int http_status, bool is_problem)
{
	struct request *request = &job->public;
	char etag[40];
	const bool is_known = !is_problem && add_etag(request, text, etag);
	const struct cua_http_reply reply = {
		.status = is_known ? 304 : http_status,
		.content_type = is_problem ? "application/problem+json" : "application/json",
		.etag = is_problem ? NULL : etag,
		.headers = request->headers.data,
		.body = is_known ? "" : text,
		.body_len = is_known ? 0 : strlen(text),
	};
	cua_http_answer(job->exchange, &reply);
}

static void answer_file(struct job *job)
{
	struct request *request = &job->public;
	const bool is_known = request->etag[0] &&
			strcmp(cua_http_header(request->head, "if-none-match"), request->etag) == 0;
	if (is_known) {
		cua_buffer_clear(&request->file);
	}
	const struct cua_http_reply reply = { .status = is_known ? 304
				: request->http_status           ? request->http_status
								 : 200,
		.content_type = request->file_type,
		.etag = request->etag[0] ? request->etag : NULL,
		.cache = request->cache,
		.headers = request->headers.data,
		.taken = &request->file };
	cua_http_answer(job->exchange, &reply);
}

static void answer_error(struct job *job, const struct cua_error *error)
{
	struct request *request = &job->public;
	struct cua_error other = { 0 };
	const int http_status = request->http_status ? request->http_status
						     : cua_status_http(error->status);
	CUA_AUTO_FREE char *text = problem_text(error, http_status, request->failed);
	if (once_end(request, http_status, "", &other) != CUA_OK) {
		cua_log_warn("%s", other.msg);
	}
	answer_text(job, text ? text : "{}", http_status, true);
}

static void answer_ok(struct job *job)
{
	struct request *request = &job->public;
	const struct route *route = request->route;
	struct cua_error error = { 0 };
	if (route->flags & ROUTE_FILE && !request->answer) {
		answer_file(job);
		return;
	}
	if (route->flags & ROUTE_LIST) {
		request_wrap_list(request);
	}
	const int http_status = request->http_status ? request->http_status
			: route->created             ? route->created
			: request->answer            ? 200
						     : 204;
	CUA_AUTO_FREE char *text = request->answer ? cJSON_PrintUnformatted(request->answer) : NULL;
	if (once_end(request, http_status, text ? text : "", &error) != CUA_OK) {
		request->http_status = 0;
		answer_error(job, &error);
		return;
	}
	answer_text(job, text ? text : "", http_status, false);
}

/* --- on a thread --- */

/* poll(2) of one descriptor, since all that waits here takes one. */
int request_stop_fd(struct request *request)
{
	const int fds[] = { request->gone_fd, request->server->ending_fd };
	if (request->stop_fd >= 0) {
		return request->stop_fd;
	}
	request->stop_fd = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < CUA_ARRAY_LEN(fds); i++) {
		struct epoll_event readable = { .events = EPOLLIN };
		if (fds[i] >= 0 &&
				epoll_ctl(request->stop_fd, EPOLL_CTL_ADD, fds[i], &readable) !=
						0) {
			cua_log_warn("a client's hang-up will not be seen");
		}
	}
	return request->stop_fd;
}

/* Of a stream; it may be answered elsewhere as a WebSocket, too. */
static enum cua_status check_room(struct request *request, struct cua_error *err)
{
	const bool is_stream =
			request->route->websocket && strcmp(request->head->method, "GET") == 0;
	enum cua_status status = is_stream
			? streams_check_room(&request->server->streams, request->caller.id, err)
			: CUA_OK;
	request->http_status = status == CUA_OK ? request->http_status : 429;
	return status;
}

static void handle(struct job *job)
{
	struct request *request = &job->public;
	struct cua_error error = { 0 };
	CUA_AUTO_FREE char *before = NULL;
	bool is_again = false;
	enum cua_status status = admit(request, &error);
	if (status == CUA_OK) {
		status = fields_take_query(
				request->route->query, request->head, &request->query, &error);
	}
	if (status == CUA_OK) {
		status = take_body(request, job->exchange, &error);
	}
	if (status == CUA_OK) {
		status = check_room(request, &error);
	}
	if (status == CUA_OK) {
		status = once_begin(request, &is_again, &before, &error);
	}
	if (status == CUA_OK && is_again) {
		answer_text(job, before, request->http_status, request->http_status >= 400);
		return;
	}
	if (status == CUA_OK) {
		status = request->route->handle(request, &error);
	}
	if (status != CUA_OK) {
		answer_error(job, &error);
	} else if (!request->begin_stream) {
		answer_ok(job);
	}
}

static void on_work(uv_work_t *work)
{
	handle(work->data);
}

void request_finish(struct request *request)
{
	cua_closep(&request->stop_fd);
	cJSON_Delete(request->query);
	cJSON_Delete(request->body);
	cJSON_Delete(request->answer);
	cJSON_Delete(request->failed);
	cua_buffer_finish(&request->file);
	cua_buffer_finish(&request->headers);
}

static void job_destroy(struct job *job)
{
	request_finish(&job->public);
	cua_closep(&job->public.gone_fd);
	free(job);
}

static void on_work_done(uv_work_t *work, int status)
{
	struct job *job = work->data;
	(void)status;
	struct server *server = job->public.server;
	server->requests_running--;
	if (job->public.caller.id[0]) {
		cua_http_trust(job->exchange);
	}
	if (job->public.begin_stream) {
		struct cua_http_stream *stream =
				job->public.begin_stream(&job->public, job->exchange);
		if (stream) {
			streams_add(&server->streams, stream, &job->public.caller);
		}
	} else {
		cua_http_end(job->exchange);
	}
	job_destroy(job);
}

/* --- from the HTTP server --- */

static void refuse(struct cua_http_exchange *exchange, int http_status,
		const struct cua_error *error, const char *headers)
{
	CUA_AUTO_FREE char *text = problem_text(error, http_status, NULL);
	const struct cua_http_reply reply = { .status = http_status,
		.content_type = "application/problem+json",
		.headers = headers,
		.body = text ? text : "{}",
		.body_len = text ? strlen(text) : 2 };
	cua_http_reply(exchange, &reply);
}

static struct job *job_create(struct server *server, struct cua_http_exchange *exchange)
{
	struct job *job = calloc(1, sizeof(*job));
	if (job) {
		job->work.data = job;
		job->exchange = exchange;
		exchange->user_data = job;
		job->public.gone_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		job->public.stop_fd = -1;
		job->public.server = server;
		job->public.head = &exchange->head;
		cua_buffer_init(&job->public.file, (size_t)512 << 20);
		cua_buffer_init(&job->public.headers, 4096);
	}
	return job;
}

static void refuse_route(struct cua_http_exchange *exchange, const char *allowed)
{
	struct cua_error error = { 0 };
	char header[128];
	snprintf(header, sizeof(header), "allow: %s\r\n", allowed);
	cua_error_set(&error, CUA_ERR_NOT_FOUND, 0,
			allowed[0] ? "%.100s takes %s only"
				   : "there is nothing at %.100s%s; /openapi.json lists all",
			exchange->head.path, allowed);
	refuse(exchange, allowed[0] ? 405 : 404, &error, allowed[0] ? header : NULL);
}

/* Who may not send it, and what is too large, is refused before the body is read. */
bool server_on_head(struct cua_http_exchange *exchange, void *user_data)
{
	struct server *server = user_data;
	struct request request = { .server = server, .head = &exchange->head };
	struct cua_error error = { 0 };
	char allowed[64], headers[64] = "";
	int http_status = 0, wait_s = 0;
	enum cua_status status = refuse_at_gate(check_gate(server, &exchange->head, false),
			&exchange->head, &http_status, &error);
	if (status == CUA_OK) {
		request.route = find_route(&exchange->head, &request, allowed, sizeof(allowed));
	}
	if (status == CUA_OK && !request.route) {
		refuse_route(exchange, allowed);
		return false;
	}
	if (status == CUA_OK && !(request.route->flags & (ROUTE_LARGE | ROUTE_BYTES)) &&
			exchange->announced_len > REQUEST_BODY_MAX) {
		http_status = 413;
		status = CUA_FAIL(&error, CUA_ERR_TOO_LARGE, 0, "the body has more than %zu bytes",
				REQUEST_BODY_MAX);
	}
	if (status == CUA_OK && !(request.route->flags & ROUTE_PUBLIC)) {
		status = authenticate(server, server->reader, &exchange->head, &request.caller,
				&http_status, &wait_s, &error);
		if (wait_s > 0) {
			snprintf(headers, sizeof(headers), "retry-after: %d\r\n", wait_s);
		} else if (http_status == 401) {
			snprintf(headers, sizeof(headers), "www-authenticate: Bearer\r\n");
		}
	}
	if (status == CUA_OK) {
		if (request.caller.id[0]) {
			cua_http_trust(exchange);
		}
		return true;
	}
	refuse(exchange, http_status ? http_status : cua_status_http(error.status), &error,
			headers);
	return false;
}

/* What is done for it may stop. */
void server_on_gone(struct cua_http_exchange *exchange, void *user_data)
{
	const struct job *job = exchange->user_data;
	(void)user_data;
	if (job && job->public.gone_fd >= 0) {
		(void)!eventfd_write(job->public.gone_fd, 1);
	}
}

void server_on_request(struct cua_http_exchange *exchange, void *user_data)
{
	struct server *server = user_data;
	struct cua_error error = { 0 };
	char allowed[64];
	int http_status = 0;
	server->connections = cua_http_server_connections(server->http);
	if (refuse_at_gate(check_gate(server, &exchange->head, false), &exchange->head,
			    &http_status, &error) != CUA_OK) {
		refuse(exchange, http_status, &error, NULL);
		return;
	}
	struct job *job = job_create(server, exchange);
	if (!job) {
		cua_error_set(&error, CUA_ERR_NOMEM, ENOMEM, "request");
		refuse(exchange, 503, &error, NULL);
		return;
	}
	job->public.route = find_route(&exchange->head, &job->public, allowed, sizeof(allowed));
	if (!job->public.route) {
		job_destroy(job);
		refuse_route(exchange, allowed);
		return;
	}
	server->requests_running++;
	if (uv_queue_work(&server->loop, &job->work, on_work, on_work_done) != 0) {
		on_work_done(&job->work, 0);
	}
}

/* --- streams --- */

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
	status = authenticate(server, server->store, request->head, &named, ret_http_status,
			ret_wait_s, err);
	if (status == CUA_OK && strcmp(named.id, request->caller.id) != 0) {
		*ret_http_status = 403;
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "this ticket was given to another");
	}
	return status;
}

/* As admit(); a WebSocket acts by what is said on it. */
static enum cua_status admit_websocket(
		struct request *request, struct cua_http_stream *stream, struct cua_error *err)
{
	struct server *server = request->server;
	int wait_s = 0, left = 0;
	enum cua_status status = request->route->flags & ROUTE_TICKET
			? take_ticket(request, &stream->refused_with, &wait_s, err)
			: authenticate(server, server->store, &stream->head, &request->caller,
					  &stream->refused_with, &wait_s, err);
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

enum cua_status server_on_websocket(
		struct cua_http_stream *stream, void *user_data, struct cua_error *err)
{
	struct server *server = user_data;
	struct request request = { .server = server, .head = &stream->head };
	char allowed[64];
	enum cua_status status = refuse_at_gate(check_gate(server, &stream->head, true),
			&stream->head, &stream->refused_with, err);
	if (status != CUA_OK) {
		return status;
	}
	request.route = find_route(&stream->head, &request, allowed, sizeof(allowed));
	if (!request.route || !request.route->websocket) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "%.100s is no WebSocket",
				stream->head.path);
	}
	status = fields_take_query(request.route->query, &stream->head, &request.query, err);
	if (status == CUA_OK) {
		status = admit_websocket(&request, stream, err);
	}
	if (status == CUA_OK) {
		status = request.route->websocket(&request, stream, err);
	}
	if (status == CUA_OK) {
		streams_add(&server->streams, stream, &request.caller);
		cua_http_stream_trust(stream);
	}
	cJSON_Delete(request.query);
	return status;
}

void server_on_stream_data(struct cua_http_stream *stream, const char *data, size_t len,
		bool is_text, bool is_last, void *user_data)
{
	const struct stream_face *face = stream->user_data;
	(void)user_data;
	if (face->on_data) {
		face->on_data(stream, data, len, is_text, is_last);
	}
}

void server_on_stream_drained(struct cua_http_stream *stream, void *user_data)
{
	const struct stream_face *face = stream->user_data;
	(void)user_data;
	face->on_drained(stream);
}

void server_on_stream_closed(struct cua_http_stream *stream, void *user_data)
{
	struct stream_face *face = stream->user_data;
	(void)user_data;
	streams_remove(face);
	face->on_closed(stream);
}

/* A request from its head to its answer: found, let in, known, counted, checked, handled. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "cua/base/http_error.h"

#define CUA_LOG_MODULE "serve"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/once.h"
#include "cua/server/request_internal.h"

const char *const server_headers[] = { "host", "origin", "sec-fetch-site", "sec-fetch-mode",
	"authorization", "cookie", "content-type", "if-none-match", "if-match", "range", "if-range",
	"accept", "idempotency-key", "last-event-id", "x-cua-csrf", "upload-offset", "traceparent",
	"mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "accept-encoding",
	NULL };

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

static enum cua_status take_place(struct request *request, struct cua_error *err)
{
	request->busy = busy_enter(&request->server->busy, &request->caller);
	if (request->busy > 0) {
		return CUA_OK;
	}
	request->http_status = 503;
	(void)!cua_buffer_printf(&request->headers, NULL, "retry-after: 1\r\n");
	return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
			"too many requests are under way: a token may have %d at once, all "
			"together "
			"%d",
			BUSY_PER_TOKEN, BUSY_ALL);
}

static void handle(struct job *job)
{
	struct request *request = &job->public;
	struct cua_error error = { 0 };
	CUA_AUTO_FREE char *before = NULL;
	bool is_again = false;
	enum cua_status status = request_admit(request, &error);
	if (status == CUA_OK && request->caller.id[0]) {
		status = take_place(request, &error);
	}
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
		request_answer_text(job, before, request->http_status, request->http_status >= 400);
		return;
	}
	if (status == CUA_OK) {
		status = request->route->handle(request, &error);
	}
	if (status != CUA_OK) {
		request_answer_error(job, &error);
	} else if (!request->begin_stream) {
		request_answer_ok(job);
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
	busy_leave(&job->public.server->busy, job->public.busy);
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
	CUA_AUTO_FREE char *text = cua_http_problem(error, http_status, NULL);
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
	enum cua_status status =
			request_check_gate(server, &exchange->head, false, &http_status, &error);
	if (status == CUA_OK) {
		request.route = request_find_route(
				&exchange->head, &request, allowed, sizeof(allowed));
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
		status = request_authenticate(server, server->reader, &exchange->head,
				&request.caller, &http_status, &wait_s, &error);
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
	if (request_check_gate(server, &exchange->head, false, &http_status, &error) != CUA_OK) {
		refuse(exchange, http_status, &error, NULL);
		return;
	}
	struct job *job = job_create(server, exchange);
	if (!job) {
		cua_error_set(&error, CUA_ERR_NOMEM, ENOMEM, "request");
		refuse(exchange, 503, &error, NULL);
		return;
	}
	job->public.route =
			request_find_route(&exchange->head, &job->public, allowed, sizeof(allowed));
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

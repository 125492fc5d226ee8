/* What a request is answered: objects, lists, files, problems; with tags. */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/http_error.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/once.h"
#include "cua/server/request_internal.h"

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

/* All behind the last, at once: lists may be long. last: NULL: nothing. */
static void cut(cJSON *last, cJSON *list)
{
	if (last) {
		cJSON_Delete(last->next);
		last->next = NULL;
		list->child->prev = last;
	}
}

void request_answer_page(struct request *request, cJSON *all, const char *member)
{
	const char *after = cua_json_string(request->query, "after");
	bool is_behind = !after;
	while (!is_behind && all->child) {
		is_behind = strcmp(cua_json_text(all->child, member), after) == 0;
		cJSON_DeleteItemFromArray(all, 0);
	}
	cut(cJSON_GetArrayItem(all, request_limit(request)), all);
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

void request_answer_text(struct job *job, const char *text, int http_status, bool is_problem)
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

void request_answer_error(struct job *job, const struct cua_error *error)
{
	struct request *request = &job->public;
	struct cua_error other = { 0 };
	const int http_status = request->http_status ? request->http_status
						     : cua_status_http(error->status);
	CUA_AUTO_FREE char *text = cua_http_problem(error, http_status, request->failed);
	if (once_end(request, http_status, "", &other) != CUA_OK) {
		cua_log_warn("%s", other.msg);
	}
	request_answer_text(job, text ? text : "{}", http_status, true);
}

void request_answer_ok(struct job *job)
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
		request_answer_error(job, &error);
		return;
	}
	request_answer_text(job, text ? text : "", http_status, false);
}

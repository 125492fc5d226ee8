/* A call of a tool: run on a thread of the transport, cancelled and told of from others. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

/* --- life --- */

/* Models write null for what they leave out. */
static cJSON *given_arguments(const struct mcp_serve_tool *tool, const cJSON *params)
{
	const cJSON *arguments = tool->is_method ? params : cua_json_member(params, "arguments");
	cJSON *given = arguments ? cJSON_Duplicate(arguments, true) : cJSON_CreateObject();
	for (cJSON *at = given ? given->child : NULL, *next = NULL; at; at = next) {
		next = at->next;
		if (cJSON_IsNull(at)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(given, at));
		}
	}
	return given;
}

/* Which desktop is no argument of what is done there. */
static cJSON *take_desktop(const struct mcp_serve_call *call)
{
	const bool is_taken = call->session->serve->options.takes_desktop &&
			call->tool->group & (MCP_SERVE_COMPUTER | MCP_SERVE_TOOLS);
	return is_taken ? cJSON_DetachItemFromObjectCaseSensitive(call->arguments, "desktop")
			: NULL;
}

static cJSON *wanted_token(const cJSON *params)
{
	const cJSON *token = cua_json_member(cua_json_member(params, "_meta"), "progressToken");
	return cJSON_IsString(token) || cJSON_IsNumber(token) ? cJSON_Duplicate(token, true) : NULL;
}

static char *given_state(const cJSON *params, const char *revision)
{
	const char *state = cua_json_string(params, "requestState");
	return state && mcp_serve_is_modern(revision) ? strdup(state) : NULL;
}

/* In the newest revision each request says them. */
static cJSON *capabilities_of(
		const struct mcp_serve_session *session, const cJSON *params, const char *revision)
{
	return cJSON_Duplicate(mcp_serve_is_modern(revision)
					? cua_json_member(cua_json_member(params, "_meta"),
							  MCP_SERVE_META_CAPABILITIES)
					: session->capabilities,
			true);
}

static bool enter(struct mcp_serve_call *call)
{
	struct mcp_serve_session *session = call->session;
	pthread_mutex_lock(&session->mutex);
	const bool has_room = session->call_count < MCP_SERVE_CALLS_MAX;
	if (has_room) {
		TAILQ_INSERT_TAIL(&session->calls, call, entry);
		session->call_count++;
	}
	pthread_mutex_unlock(&session->mutex);
	return has_room;
}

static void leave(struct mcp_serve_call *call)
{
	struct mcp_serve_session *session = call->session;
	pthread_mutex_lock(&session->mutex);
	TAILQ_REMOVE(&session->calls, call, entry);
	session->call_count--;
	pthread_mutex_unlock(&session->mutex);
}

static void release(struct mcp_serve_call *call)
{
	cJSON_Delete(call->id);
	cJSON_Delete(call->arguments);
	cJSON_Delete(call->desktop);
	cJSON_Delete(call->capabilities);
	cJSON_Delete(call->inputs);
	cJSON_Delete(call->state);
	free(call->sealed);
	cJSON_Delete(call->progress_token);
	if (call->tool->is_long) { /* it was not run */
		mcp_serve_watch_drop(call->watch);
	}
	cua_closep(&call->cancel_fd);
	cua_closep(&call->cancelled_fd);
	pthread_mutex_destroy(&call->mutex);
	free(call);
}

enum cua_status mcp_serve_call_create(struct mcp_serve_session *session,
		const struct mcp_serve_tool *tool, const struct mcp_serve_message *message,
		const char *revision, const struct mcp_serve_out *out,
		struct mcp_serve_call **ret_call, struct cua_error *err)
{
	struct mcp_serve_call *call = calloc(1, sizeof(*call));
	if (!call) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	}
	*call = (struct mcp_serve_call){ .session = session,
		.tool = tool,
		.revision = revision,
		.id = cJSON_Duplicate(message->id, true),
		.arguments = given_arguments(tool, message->params),
		.capabilities = capabilities_of(session, message->params, revision),
		.inputs = cJSON_Duplicate(cua_json_member(message->params, "inputResponses"), true),
		.sealed = given_state(message->params, revision),
		.progress_token = wanted_token(message->params),
		.out = *out,
		.cancelled_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.cancel_fd = epoll_create1(EPOLL_CLOEXEC),
		.began_us = cua_now_us() };
	pthread_mutex_init(&call->mutex, NULL);
	call->desktop = take_desktop(call);
	enum cua_status status = CUA_OK;
	if (!call->id || !call->arguments) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	} else if (call->cancelled_fd < 0 || call->cancel_fd < 0) {
		status = CUA_FAIL(err, CUA_ERR_IO, errno, "eventfd");
	} else {
		status = mcp_serve_call_stop_with(call, call->cancelled_fd, err);
	}
	if (status == CUA_OK && !enter(call)) {
		status = CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%d calls are under way; wait until one has ended",
				MCP_SERVE_CALLS_MAX);
	}
	if (status != CUA_OK) {
		release(call);
		return status;
	}
	*ret_call = call;
	return CUA_OK;
}

void mcp_serve_call_destroy(struct mcp_serve_call *call)
{
	if (call) {
		leave(call);
		release(call);
	}
}

/* --- meanwhile --- */

void mcp_serve_call_cancel(struct mcp_serve_call *call)
{
	const uint64_t one = 1;
	pthread_mutex_lock(&call->mutex);
	call->is_cancelled = true;
	pthread_mutex_unlock(&call->mutex);
	(void)!write(call->cancelled_fd, &one, sizeof(one));
}

enum cua_status mcp_serve_call_stop_with(struct mcp_serve_call *call, int fd, struct cua_error *err)
{
	struct epoll_event readable = { .events = EPOLLIN };
	return epoll_ctl(call->cancel_fd, EPOLL_CTL_ADD, fd, &readable) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "epoll");
}

bool mcp_serve_call_is_open(struct mcp_serve_call *call)
{
	pthread_mutex_lock(&call->mutex);
	const bool is_open = !call->is_answered && !call->is_cancelled;
	pthread_mutex_unlock(&call->mutex);
	return is_open;
}

/* Progress is the time that it has taken: what nobody can foretell has no total. */
void mcp_serve_call_tick(struct mcp_serve_call *call)
{
	const double seconds = (double)((cua_now_us() - call->began_us) / 1000U) / 1000.0;
	pthread_mutex_lock(&call->mutex);
	if (call->progress_token && !call->is_answered && !call->is_cancelled &&
			seconds > call->progress) {
		char text[96];
		cJSON *params = cJSON_CreateObject();
		call->progress = seconds;
		snprintf(text, sizeof(text), "%.40s has run for %.0f s", call->tool->name, seconds);
		cJSON_AddItemToObject(
				params, "progressToken", mcp_serve_copy_id(call->progress_token));
		cJSON_AddNumberToObject(params, "progress", seconds);
		cJSON_AddStringToObject(params, "message", text);
		mcp_serve_notify(&call->out, "notifications/progress", params);
	}
	pthread_mutex_unlock(&call->mutex);
}

/* --- its end --- */

/* What it asks first comes back with the answers, and with what is kept meanwhile. */
static cJSON *answer_of(const struct mcp_serve_call *call, struct mcp_serve_result *result)
{
	const bool has_state = result->input_requests && result->state;
	CUA_AUTO_FREE char *sealed = has_state ? mcp_serve_seal_state(call, result->state) : NULL;
	cJSON *json = mcp_serve_result_json(result, call->revision);
	if (has_state && (!sealed || !cJSON_AddStringToObject(json, "requestState", sealed))) {
		cJSON_Delete(json);
		return NULL;
	}
	return json;
}

/* Progress after it would be of nothing; of a call that was cancelled nobody wants to hear. */
static int finish(struct mcp_serve_call *call, struct mcp_serve_result *result,
		const struct cua_error *why)
{
	int code = 0;
	pthread_mutex_lock(&call->mutex);
	if (!call->is_cancelled && !call->is_answered && result->error_code) {
		code = mcp_serve_refuse(&call->out, call->id, result->error_code,
				CUA_STEAL(result->error_data), "%s", why->msg);
	} else if (!call->is_cancelled && !call->is_answered) {
		mcp_serve_answer(&call->out, call->id, call->revision, answer_of(call, result));
	}
	call->is_answered = true;
	pthread_mutex_unlock(&call->mutex);
	return code;
}

int mcp_serve_call_run(struct mcp_serve_call *call)
{
	struct mcp_serve_result result = { 0 };
	struct cua_error why = { 0 };
	enum cua_status status = mcp_serve_open_state(call, &result, &why);
	if (status == CUA_OK) {
		status = call->tool->run(call, &result, &why);
	}
	if (status != CUA_OK && call->tool->is_method && !result.error_code) {
		result.error_code = status == CUA_ERR_INVAL ? MCP_SERVE_ERROR_PARAMS
							    : MCP_SERVE_ERROR_INTERNAL;
	}
	if (status != CUA_OK && !result.error_code) {
		mcp_serve_set_error(&result, &why);
	}
	const int code = finish(call, &result, &why);
	mcp_serve_result_finish(&result);
	if (call->watch) {
		mcp_serve_go_on(call);
	}
	return code;
}

bool mcp_serve_call_is_long(const struct mcp_serve_call *call)
{
	return call->tool->is_long;
}

void mcp_serve_call_give_up(struct mcp_serve_call *call, const char *reason)
{
	pthread_mutex_lock(&call->mutex);
	(void)mcp_serve_refuse(&call->out, call->id, MCP_SERVE_ERROR_INTERNAL, NULL, "%s", reason);
	call->is_answered = true;
	pthread_mutex_unlock(&call->mutex);
}

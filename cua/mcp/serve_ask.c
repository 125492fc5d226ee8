/* Asking a client. In the newest revision a call is answered with what is asked, and comes again
 * with the answer; before, it is a request to the client while the call goes on. */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_internal.h"

#define ID_BYTES 16
#define ANSWER_MS (10 * 60 * 1000) /* a person reads, and may be away */

cJSON *mcp_serve_required(const char *capability)
{
	cJSON *data = cJSON_CreateObject();
	cJSON_AddObjectToObject(cJSON_AddObjectToObject(data, "requiredCapabilities"), capability);
	return data;
}

enum cua_status mcp_serve_lacks(const struct mcp_serve_call *call, struct mcp_serve_result *result,
		const char *capability, struct cua_error *err)
{
	if (mcp_serve_is_modern(call->revision)) {
		result->error_code = MCP_SERVE_ERROR_CAPABILITY;
		result->error_data = mcp_serve_required(capability);
	}
	return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "this host does not say that it can do %s",
			capability);
}

/* --- the newest revision --- */

/* params: taken. */
static enum cua_status ask_by_answer(struct mcp_serve_result *result,
		const struct mcp_serve_question *question, cJSON *params, struct cua_error *err)
{
	cJSON *requests = cJSON_CreateObject();
	cJSON *request = cJSON_AddObjectToObject(requests, question->key);
	cJSON_AddStringToObject(request, "method", question->method);
	if (!cJSON_AddItemToObject(request, "params", params)) {
		cJSON_Delete(params);
		cJSON_Delete(requests);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "question");
	}
	result->input_requests = requests;
	return CUA_OK;
}

/* --- those before --- */

/* A request to the client that waits; in serve->asks meanwhile. Nobody can guess its id: who has
 * it was asked. */
struct mcp_serve_ask {
	TAILQ_ENTRY(mcp_serve_ask) entry;
	char id[4 + 2 * ID_BYTES + 1];
	int answer_fd; /* an eventfd, readable once there is an answer */
	cJSON *answer; /* owned; the whole message; NULL: none yet */
};

void mcp_serve_take_answer(struct mcp_serve *serve, const struct mcp_serve_message *message)
{
	struct mcp_serve_ask *ask = NULL;
	const uint64_t one = 1;
	pthread_mutex_lock(&serve->asks_mutex);
	TAILQ_FOREACH(ask, &serve->asks, entry)
	{
		if (cJSON_IsString(message->id) && strcmp(message->id->valuestring, ask->id) == 0 &&
				!ask->answer) {
			ask->answer = cJSON_Duplicate(message->whole, true);
			(void)!write(ask->answer_fd, &one, sizeof(one));
		}
	}
	pthread_mutex_unlock(&serve->asks_mutex);
}

static void enter(struct mcp_serve *serve, struct mcp_serve_ask *ask)
{
	unsigned char bytes[ID_BYTES];
	randombytes_buf(bytes, sizeof(bytes));
	memcpy(ask->id, "cua-", 4);
	sodium_bin2hex(ask->id + 4, sizeof(ask->id) - 4, bytes, sizeof(bytes));
	pthread_mutex_lock(&serve->asks_mutex);
	TAILQ_INSERT_TAIL(&serve->asks, ask, entry);
	pthread_mutex_unlock(&serve->asks_mutex);
}

static void leave(struct mcp_serve *serve, struct mcp_serve_ask *ask)
{
	pthread_mutex_lock(&serve->asks_mutex);
	TAILQ_REMOVE(&serve->asks, ask, entry);
	pthread_mutex_unlock(&serve->asks_mutex);
	close(ask->answer_fd);
}

static enum cua_status await(const struct mcp_serve_call *call, const struct mcp_serve_ask *ask,
		struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + ANSWER_MS * 1000ULL;
	struct pollfd fds[] = { { .fd = ask->answer_fd, .events = POLLIN },
		{ .fd = call->cancel_fd, .events = POLLIN } };
	while (!fds[0].revents) {
		const int left_ms = cua_ms_until(deadline_us);
		if (left_ms == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "the host gave no answer in time");
		}
		if (poll(fds, CUA_ARRAY_LEN(fds), left_ms) < 0 && errno != EINTR) {
			return CUA_FAIL(err, CUA_ERR_IO, errno, "poll");
		}
		if (fds[1].revents) {
			return CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "cancelled");
		}
	}
	return CUA_OK;
}

/* What the client says no with is for whoever asked. */
static enum cua_status take(
		const struct mcp_serve_ask *ask, cJSON **ret_said, struct cua_error *err)
{
	const cJSON *error = cua_json_member(ask->answer, "error");
	const cJSON *said = cua_json_member(ask->answer, "result");
	if (error) {
		return CUA_FAIL(err, CUA_ERR_PERSON, 0, "the host refused: %.400s",
				cua_json_text(error, "message"));
	}
	*ret_said = said ? cJSON_Duplicate(said, true) : cJSON_CreateObject();
	return *ret_said ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answer");
}

/* params: taken. */
static enum cua_status ask_by_request(struct mcp_serve_call *call, const char *method,
		cJSON *params, cJSON **ret_said, struct cua_error *err)
{
	struct mcp_serve *serve = call->session->serve;
	struct mcp_serve_ask ask = { .answer_fd = eventfd(0, EFD_CLOEXEC) };
	if (ask.answer_fd < 0) {
		cJSON_Delete(params);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "eventfd");
	}
	enter(serve, &ask);
	mcp_serve_request(&call->out, ask.id, method, params);
	enum cua_status status = await(call, &ask, err);
	leave(serve, &ask); /* nobody else has the answer any more */
	if (status == CUA_OK) {
		status = take(&ask, ret_said, err);
	}
	cJSON_Delete(ask.answer);
	return status;
}

/* --- both --- */

enum cua_status mcp_serve_ask(struct mcp_serve_call *call, struct mcp_serve_result *result,
		const struct mcp_serve_question *question, cJSON *params, cJSON **ret_said,
		struct cua_error *err)
{
	*ret_said = NULL;
	if (!params) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "question");
	}
	return mcp_serve_is_modern(call->revision)
			? ask_by_answer(result, question, params, err)
			: ask_by_request(call, question->method, params, ret_said, err);
}

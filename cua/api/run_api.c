#include "cua/api/run_api.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <uv.h>

#define CUA_LOG_MODULE "run"
#include "agent/runs.h"
#include "cua/api/reply.h"
#include "cua/api/run_watch.h"
#include "cua/base/http_server.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define BODY_MAX_LEN ((size_t)256 << 10)
#define TEXT_MAX_LEN ((size_t)64 << 10) /* of a message or an answer */
#define MESSAGES_MAX 100                /* that wait to be heard */
#define ID_BYTES 16

struct message {
	char *text; /* owned */
	STAILQ_ENTRY(message) link;
};

struct question {
	char id[2 * ID_BYTES + 1];
	cJSON *json;  /* owned; NULL: nothing is asked */
	char *answer; /* owned; NULL: not yet */
};

struct run_api {
	int cancel_fd; /* borrowed */
	/* eventfds: something for the run, an answer, a person interrupts */
	int news_fd, answer_fd, interrupt_fd;
	pthread_t thread;               /* runs the loop */
	struct cua_http_server *server; /* NULL: nobody can reach the run yet */
	struct run_watch *watch;        /* with the server */
	uv_loop_t loop;
	uv_async_t stop;
	char name[128];
	pthread_mutex_t mutex; /* of what follows */
	char desktop[128];     /* that it works on, by its name */
	STAILQ_HEAD(, message) messages;
	int message_count;
	bool is_paused;   /* or is about to be */
	bool awaits_word; /* paused until something is said */
	bool is_over;
	int step;
	double seq; /* of the last event in its journal */
	struct question question;
};

/* --- what the run does; with the mutex held --- */

static const char *state_name(const struct run_api *api)
{
	return api->is_over                                           ? "ending"
			: api->question.json && !api->question.answer ? "asking"
			: api->is_paused                              ? "paused"
								      : "working";
}

static cJSON *describe(const struct run_api *api)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "run", api->name);
	cJSON_AddStringToObject(json, "state", state_name(api));
	cJSON_AddStringToObject(json, "desktop", api->desktop);
	cJSON_AddNumberToObject(json, "step", api->step);
	cJSON_AddNumberToObject(json, "seq", api->seq);
	cJSON_AddNumberToObject(json, "unheard", api->message_count);
	cJSON_AddItemToObject(json, "question",
			api->question.json && !api->question.answer
					? cJSON_Duplicate(api->question.json, true)
					: cJSON_CreateNull());
	return json;
}

/* Something of it has changed. */
static void tell_watchers(const struct run_api *api)
{
	if (api->server) {
		run_watch_news(api->watch);
	}
}

static enum cua_status check_lives(const struct run_api *api, struct cua_error *err)
{
	return api->is_over ? CUA_FAIL(err, CUA_ERR_EXISTS, 0, "the run is ending") : CUA_OK;
}

/* --- routes: with the mutex held --- */

/* A text of the body; a copy, the caller's. */
static enum cua_status take_text(
		const cJSON *body, const char *name, char **ret_text, struct cua_error *err)
{
	const char *text = cua_json_string(body, name);
	if (!text || !text[0]) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s must be a text that is not empty", name);
	}
	if (strlen(text) > TEXT_MAX_LEN) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "%s has more than %zu bytes", name,
				TEXT_MAX_LEN);
	}
	enum cua_status status = cua_utf8_check(text, strlen(text), err);
	if (status != CUA_OK) {
		return status;
	}
	*ret_text = strdup(text);
	return *ret_text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "%s", name);
}

static enum cua_status get_run(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	(void)api, (void)body, (void)err;
	return CUA_OK;
}

static enum cua_status post_message(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = NULL;
	enum cua_status status = check_lives(api, err);
	if (status == CUA_OK && api->message_count >= MESSAGES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"%d messages wait already for the run to hear them", MESSAGES_MAX);
	}
	status = status == CUA_OK ? take_text(body, "text", &text, err) : status;
	struct message *message = status == CUA_OK ? calloc(1, sizeof(*message)) : NULL;
	if (!message) {
		return status == CUA_OK ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "message") : status;
	}
	message->text = CUA_STEAL(text);
	STAILQ_INSERT_TAIL(&api->messages, message, link);
	api->message_count++;
	api->is_paused = api->is_paused && !api->awaits_word;
	(void)eventfd_write(api->news_fd, 1);
	tell_watchers(api);
	return CUA_OK;
}

static enum cua_status set_paused(struct run_api *api, bool is_paused, struct cua_error *err)
{
	enum cua_status status = check_lives(api, err);
	if (status == CUA_OK) {
		api->is_paused = is_paused;
		api->awaits_word = false;
		(void)eventfd_write(api->news_fd, 1);
		tell_watchers(api);
	}
	return status;
}

static enum cua_status post_pause(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	(void)body;
	return set_paused(api, true, err);
}

static enum cua_status post_resume(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	(void)body;
	return set_paused(api, false, err);
}

/* With a text the run goes on by that at once; else it waits for one. */
static enum cua_status post_interrupt(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	enum cua_status status = check_lives(api, err);
	if (status == CUA_OK && cua_json_member(body, "text")) {
		status = post_message(api, body, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	if (!api->is_paused && api->message_count == 0) {
		api->is_paused = api->awaits_word = true;
	}
	(void)eventfd_write(api->interrupt_fd, 1);
	(void)eventfd_write(api->news_fd, 1);
	tell_watchers(api);
	return CUA_OK;
}

static enum cua_status post_cancel(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	(void)body, (void)err;
	(void)eventfd_write(api->cancel_fd, 1);
	return CUA_OK;
}

/* Only the question that the caller saw: another may have come meanwhile. */
static enum cua_status post_answer(struct run_api *api, const cJSON *body, struct cua_error *err)
{
	struct question *question = &api->question;
	const char *id = cua_json_text(body, "question");
	CUA_AUTO_FREE char *text = NULL;
	enum cua_status status = take_text(body, "answer", &text, err);
	if (status != CUA_OK) {
		return status;
	}
	if (!question->json || question->answer || strcmp(id, question->id) != 0) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"the run does not ask that any more; its status says what it asks");
	}
	if (strcmp(cua_json_text(question->json, "kind"), "approval") == 0 &&
			strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the answer to this is \"yes\" or \"no\"");
	}
	question->answer = CUA_STEAL(text);
	(void)eventfd_write(api->answer_fd, 1);
	tell_watchers(api);
	return CUA_OK;
}

static const struct route {
	const char *method, *path;
	enum cua_status (*run)(struct run_api *api, const cJSON *body, struct cua_error *err);
} routes[] = {
	{ "GET", "/v1/run", get_run },
	{ "POST", "/v1/run/messages", post_message },
	{ "POST", "/v1/run/interrupt", post_interrupt },
	{ "POST", "/v1/run/pause", post_pause },
	{ "POST", "/v1/run/resume", post_resume },
	{ "POST", "/v1/run/cancel", post_cancel },
	{ "POST", "/v1/run/answer", post_answer },
};

static const struct route *find_route(const struct cua_http_exchange *exchange)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(routes); i++) {
		if (strcmp(routes[i].method, exchange->head.method) == 0 &&
				strcmp(routes[i].path, exchange->head.path) == 0) {
			return &routes[i];
		}
	}
	return NULL;
}

/* In the thread of the sockets. */
static void on_request(struct cua_http_exchange *exchange, void *user_data)
{
	struct run_api *api = user_data;
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *body = NULL, *answer = NULL;
	if (strcmp(exchange->head.method, "GET") == 0 &&
			strcmp(exchange->head.path, "/v1/run/watch") == 0) {
		run_watch_begin(api->watch, exchange);
		return;
	}
	const struct route *route = find_route(exchange);
	enum cua_status status = route
			? CUA_OK
			: CUA_FAIL(&error, CUA_ERR_NOT_FOUND, 0, "no route %s %s",
					  exchange->head.method, exchange->head.path);
	if (status == CUA_OK && exchange->body.len > 0) {
		body = cJSON_ParseWithLength(exchange->body.data, exchange->body.len);
		status = cJSON_IsObject(body)
				? CUA_OK
				: CUA_FAIL(&error, CUA_ERR_INVAL, 0, "the body is no JSON object");
	}
	if (status == CUA_OK) {
		pthread_mutex_lock(&api->mutex);
		status = route->run(api, body, &error);
		answer = describe(api);
		pthread_mutex_unlock(&api->mutex);
	}
	if (status == CUA_OK) {
		api_reply_json(exchange, 200, answer);
	} else {
		api_reply_error(exchange, &error, -1);
	}
}

static cJSON *state_for_watchers(void *user_data)
{
	struct run_api *api = user_data;
	pthread_mutex_lock(&api->mutex);
	cJSON *json = describe(api);
	pthread_mutex_unlock(&api->mutex);
	return json;
}

static void on_drained(struct cua_http_stream *stream, void *user_data)
{
	struct run_api *api = user_data;
	run_watch_drained(api->watch, stream);
}

static void on_watcher_closed(struct cua_http_stream *stream, void *user_data)
{
	struct run_api *api = user_data;
	run_watch_closed(api->watch, stream);
}

/* --- the thread --- */

static void *run_loop(void *data)
{
	struct run_api *api = data;
	uv_run(&api->loop, UV_RUN_DEFAULT);
	return NULL;
}

/* In the thread; the loop ends when all is closed. */
static void on_stop(uv_async_t *stop)
{
	struct run_api *api = stop->data;
	cua_http_server_destroy(api->server);
	run_watch_end(api->watch);
	uv_close((uv_handle_t *)stop, NULL);
}

/* Signals are the run's own thread's. */
static int start_thread(struct run_api *api)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int failed = pthread_create(&api->thread, NULL, run_loop, api);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

static enum cua_status listen_on(struct run_api *api, struct cua_error *err)
{
	const struct cua_http_handler handler = { .on_request = on_request,
		.on_stream_drained = on_drained,
		.on_stream_closed = on_watcher_closed,
		.user_data = api };
	char path[CUA_PATH_MAX];
	const struct cua_http_listen listen = { .unix_path = path, .max_body_len = BODY_MAX_LEN };
	enum cua_status status = agent_runs_socket(api->name, path, sizeof(path), err);
	if (status != CUA_OK) {
		return status;
	}
	if (uv_loop_init(&api->loop) != 0) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "loop");
	}
	uv_async_init(&api->loop, &api->stop, on_stop);
	api->stop.data = api;
	api->watch = run_watch_create(&api->loop, state_for_watchers, api);
	status = api->watch
			? cua_http_server_create(&api->loop, &listen, &handler, &api->server, err)
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "watchers of the run");
	const int failed = status == CUA_OK ? start_thread(api) : 0;
	if (status == CUA_OK && failed == 0) {
		return CUA_OK;
	}
	on_stop(&api->stop);
	uv_run(&api->loop, UV_RUN_DEFAULT);
	uv_loop_close(&api->loop);
	api->server = NULL;
	return status == CUA_OK ? CUA_FAIL(err, CUA_ERR_NOMEM, failed, "thread") : status;
}

/* --- the run's side --- */

enum cua_status run_api_create(int cancel_fd, struct run_api **ret_api, struct cua_error *err)
{
	struct run_api *api = calloc(1, sizeof(*api));
	if (!api) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "API of the run");
	}
	api->cancel_fd = cancel_fd;
	api->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	api->answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	api->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	STAILQ_INIT(&api->messages);
	pthread_mutex_init(&api->mutex, NULL);
	if (api->news_fd < 0 || api->answer_fd < 0 || api->interrupt_fd < 0) {
		const int failed = errno;
		run_api_destroy(api);
		return CUA_FAIL(err, CUA_ERR_IO, failed, "eventfd");
	}
	*ret_api = api;
	return CUA_OK;
}

void run_api_destroy(struct run_api *api)
{
	if (!api) {
		return;
	}
	if (api->server) {
		uv_async_send(&api->stop);
		pthread_join(api->thread, NULL);
		uv_loop_close(&api->loop);
		api->server = NULL;
	}
	free(run_api_answer(api));
	for (char *text; (text = run_api_hear(api));) {
		free(text);
	}
	cua_closep(&api->news_fd);
	cua_closep(&api->answer_fd);
	cua_closep(&api->interrupt_fd);
	pthread_mutex_destroy(&api->mutex);
	free(api);
}

void run_api_note(struct run_api *api, const cJSON *event)
{
	const char *name = cua_json_string(event, "run");
	struct cua_error error = { 0 };
	if (name && !api->server) {
		snprintf(api->name, sizeof(api->name), "%s", name);
		if (listen_on(api, &error) != CUA_OK) {
			cua_log_warn("nobody can reach the run: %s", error.msg);
		}
	}
	pthread_mutex_lock(&api->mutex);
	api->is_over = strcmp(cua_json_text(event, "type"), "run_end") == 0;
	api->step = cJSON_HasObjectItem(event, "step") ? cua_json_int(event, "step") : api->step;
	api->seq = cua_json_number(event, "seq") > 0 ? cua_json_number(event, "seq") : api->seq;
	if (cua_json_string(event, "desktop")) { /* run_start, run_resume */
		snprintf(api->desktop, sizeof(api->desktop), "%s", cua_json_text(event, "desktop"));
	}
	pthread_mutex_unlock(&api->mutex);
	const char *type = cua_json_text(event, "type");
	if (strcmp(type, "turn") == 0 || strcmp(type, "retry") == 0 ||
			strcmp(cua_json_text(event, "phase"), "interrupted") == 0) {
		run_api_words(api, NULL);
	} else {
		tell_watchers(api);
	}
}

void run_api_words(struct run_api *api, const char *words)
{
	if (api->server) {
		run_watch_words(api->watch, words);
	}
}

char *run_api_hear(struct run_api *api)
{
	char *text = NULL;
	pthread_mutex_lock(&api->mutex);
	struct message *message = STAILQ_FIRST(&api->messages);
	if (message) {
		STAILQ_REMOVE_HEAD(&api->messages, link);
		api->message_count--;
		text = message->text;
		free(message);
	}
	pthread_mutex_unlock(&api->mutex);
	tell_watchers(api);
	return text;
}

bool run_api_has_said(struct run_api *api)
{
	pthread_mutex_lock(&api->mutex);
	const bool has_said = api->message_count > 0;
	pthread_mutex_unlock(&api->mutex);
	return has_said;
}

bool run_api_is_paused(struct run_api *api)
{
	pthread_mutex_lock(&api->mutex);
	const bool is_paused = api->is_paused;
	pthread_mutex_unlock(&api->mutex);
	return is_paused;
}

void run_api_pause(struct run_api *api, bool awaits_word)
{
	pthread_mutex_lock(&api->mutex);
	api->is_paused = true;
	api->awaits_word = awaits_word;
	pthread_mutex_unlock(&api->mutex);
}

int run_api_interrupt_fd(const struct run_api *api)
{
	return api->interrupt_fd;
}

void run_api_wait(struct run_api *api)
{
	eventfd_t count;
	struct pollfd fds[] = { { .fd = api->news_fd, .events = POLLIN },
		{ .fd = api->cancel_fd, .events = POLLIN } };
	while (poll(fds, CUA_ARRAY_LEN(fds), -1) < 0 && errno == EINTR) {
	}
	(void)eventfd_read(api->news_fd, &count);
}

/* --- questions --- */

void run_api_ask(struct run_api *api, cJSON *question)
{
	unsigned char id[ID_BYTES];
	free(run_api_answer(api)); /* of one before */
	pthread_mutex_lock(&api->mutex);
	randombytes_buf(id, sizeof(id));
	sodium_bin2hex(api->question.id, sizeof(api->question.id), id, sizeof(id));
	cJSON_AddStringToObject(question, "id", api->question.id);
	api->question.json = question;
	pthread_mutex_unlock(&api->mutex);
	tell_watchers(api);
}

int run_api_answer_fd(const struct run_api *api)
{
	return api->answer_fd;
}

char *run_api_answer(struct run_api *api)
{
	eventfd_t count;
	pthread_mutex_lock(&api->mutex);
	char *answer = CUA_STEAL(api->question.answer);
	cJSON_Delete(CUA_STEAL(api->question.json));
	(void)eventfd_read(api->answer_fd, &count);
	pthread_mutex_unlock(&api->mutex);
	tell_watchers(api);
	return answer;
}

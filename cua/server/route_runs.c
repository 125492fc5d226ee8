/* Runs: started, listed, steered, and what they ask answered. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/runs.h"
#include "cua/base/http_unix.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/run_events.h"
#include "cua/server/run_start.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"
#include "cua/server/settings.h"

#define CALL_TIMEOUT_MS 5000
#define TASK_MAX_LEN ((1 << 20) - 1)
#define TASK_SHOWN_LEN "1000" /* characters, in lists */
#define QUEUED_MAX 1000

/* --- in and out --- */

static const struct field new_fields[] = { { "task", FIELD_TEXT, FIELD_REQUIRED, 1, TASK_MAX_LEN,
							   NULL, NULL, "what is to be done" },
	{ "project", FIELD_TEXT, 0, 1, 100, NULL, NULL, "its id; without: default" },
	{ "settings", FIELD_OBJECT, .of = &run_settings,
			.help = "before the defaults of the project" },
	{ 0 } };
static const struct fields new_body = { "NewRun", new_fields };

static const struct field run_fields[] = { { "id", FIELD_TEXT, FIELD_REQUIRED },
	{ "project", FIELD_TEXT, FIELD_REQUIRED },
	{ "task", FIELD_TEXT, FIELD_REQUIRED, .help = "in lists its first 1000 characters" },
	{ "settings", FIELD_OBJECT, FIELD_REQUIRED, .of = &run_settings },
	{ "state", FIELD_TEXT, FIELD_REQUIRED,
			.choices = "queued|starting|running|done|gave_up|limit|model_error|"
				   "desktop_error|stopped|interrupted|broken_off|failed|cancelled",
			.help = "the last ten are ends" },
	{ "now", FIELD_ANY, FIELD_REQUIRED | FIELD_NULLABLE,
			.help = "how a run stands that goes on: state, desktop, step, question" },
	{ "by", FIELD_TEXT, FIELD_REQUIRED, .help = "name of the token that asked for it" },
	{ "created_ms", FIELD_NUMBER, FIELD_REQUIRED },
	{ "started_ms", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "ended_ms", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "error", FIELD_TEXT, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "answer", FIELD_TEXT, FIELD_REQUIRED | FIELD_NULLABLE, .help = "of the model" },
	{ "model", FIELD_TEXT, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "steps", FIELD_WHOLE, FIELD_REQUIRED }, { "actions", FIELD_WHOLE, FIELD_REQUIRED },
	{ "ms", FIELD_NUMBER, FIELD_REQUIRED }, { "input_tokens", FIELD_NUMBER, FIELD_REQUIRED },
	{ "output_tokens", FIELD_NUMBER, FIELD_REQUIRED },
	{ "cost_usd", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE, .help = "null: not known" },
	{ 0 } };
static const struct fields run_answer = { "Run", run_fields };

static const struct field filter_fields[] = { LIST_FIELDS, { "project", FIELD_TEXT, 0, 1, 100 },
	{ "state", FIELD_TEXT, 0, 1, 40 }, { 0 } };
static const struct fields list_filter = { "RunFilter", filter_fields };

static const struct field message_fields[] = {
	{ "text", FIELD_TEXT, FIELD_REQUIRED, 1, 65536, NULL, NULL,
			"what the model is told before its next answer" },
	{ 0 }
};
static const struct fields message_body = { "Message", message_fields };

static const struct field interruption_fields[] = { { "text", FIELD_TEXT, 0, 1, 65536, NULL, NULL,
								    "what the model is told next; "
								    "without, the run waits for a "
								    "message" },
	{ 0 } };
static const struct fields interruption_body = { "Interruption", interruption_fields };

static const struct field after_fields[] = {
	{ "after", FIELD_WHOLE, 0, 0, 1e15, NULL, NULL,
			"the seq of the last event that is known; also Last-Event-ID" },
	TICKET_FIELD, { 0 }
};
static const struct fields events_query = { "EventsAfter", after_fields };

#define COLUMNS_WITH(task) \
	"id, project, " task \
	", settings_json, state, by, created_ms, started_ms, ended_ms, error, " \
	"answer, model, steps, actions, ms, input_tokens, output_tokens, cost_usd"

#define COLUMNS COLUMNS_WITH("task")

static void add_now(const struct request *request, cJSON *run)
{
	cJSON *now = runs_state(request->server->runs, cua_json_text(run, "id"));
	cJSON_AddItemToObject(run, "now", now ? now : cJSON_CreateNull());
}

/* --- starting and finding --- */

static void take_settings(cJSON *into, const cJSON *from)
{
	const cJSON *setting = NULL;
	cJSON_ArrayForEach (setting, from) {
		cJSON_DeleteItemFromObjectCaseSensitive(into, setting->string);
		cJSON_AddItemToObject(into, setting->string, cJSON_Duplicate(setting, true));
	}
}

/* A queue that nobody will see the end of is full. */
static enum cua_status check_room(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(request->server->store, &row, err, "none",
			"SELECT count(*) AS n FROM runs WHERE state = 'queued'", "");
	if (status == CUA_OK && cua_json_int(row, "n") >= QUEUED_MAX) {
		request->http_status = 503;
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "%d runs wait already", QUEUED_MAX);
	}
	return status;
}

/* Into the queue. settings: checked. */
static enum cua_status add_run(struct request *request, const char *project, const char *task,
		const cJSON *settings, struct cua_error *err)
{
	char id[AGENT_RUN_NAME_SIZE];
	enum cua_status status = check_room(request, err);
	if (status != CUA_OK) {
		return status;
	}
	agent_runs_make_name(id);
	status = store_get(request->server->store, &request->answer, err, "the run has just gone",
			"INSERT INTO runs (id, project, task, settings_json, state, by, "
			"created_ms) "
			"VALUES (?, ?, ?, ?, 'queued', ?, ?) RETURNING " COLUMNS,
			"sssjsi", id, project, task, settings, request->caller.name,
			store_now_ms());
	if (status == CUA_OK) {
		add_now(request, request->answer);
		runs_note_changed(request->server->runs, id);
		runs_kick(request->server->runs);
	}
	return status;
}

static enum cua_status post_run(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *project = NULL, *all = NULL, *settings = cJSON_CreateObject();
	const char *named = cua_json_string(request->body, "project");
	const char *task = cua_json_text(request->body, "task");
	if (!task[strspn(task, " \t\r\n")]) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "task is empty");
	}
	enum cua_status status = run_settings_check(cua_json_member(request->body, "settings"),
			request->caller.scopes & SCOPE_ADMIN, err);
	if (status == CUA_OK) {
		status = store_get(request->server->store, &project, err,
				"there is no such project",
				"SELECT id, defaults_json FROM projects WHERE id = ?", "s",
				named ? named : "default");
	}
	if (status == CUA_OK) {
		status = settings_get(request->server->store, &all, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	take_settings(settings, cua_json_member(all, "defaults"));
	take_settings(settings, cua_json_member(project, "defaults"));
	take_settings(settings, cua_json_member(request->body, "settings"));
	return add_run(request, cua_json_text(project, "id"), task, settings, err);
}

/* Its settings are ours, and so anybody's who may start a run. */
static enum cua_status post_demo(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *settings = NULL;
	struct server *server = request->server;
	enum cua_status status = demo_settings(&server->demo, server->state_dir, &settings, err);
	return status == CUA_OK ? add_run(request, "default", demo_task, settings, err) : status;
}

/* The newest first. */
static enum cua_status get_runs(struct request *request, struct cua_error *err)
{
	cJSON *items = NULL;
	cJSON *item = NULL;
	const char *after = cua_json_text(request->query, "after");
	const char *project = cua_json_string(request->query, "project");
	const char *state = cua_json_string(request->query, "state");
	enum cua_status status = store_run(request->server->store, &items, err,
			"SELECT " COLUMNS
			" FROM runs WHERE (?1 = '' OR id < ?1) AND (?2 IS NULL OR "
			"project = ?2) AND (?3 IS NULL OR state = ?3) ORDER BY id DESC LIMIT ?4",
			"sssi", after, project, state, (int64_t)request_limit(request) + 1);
	if (status != CUA_OK) {
		return status;
	}
	request_answer_list(request, items, "id");
	cJSON_ArrayForEach (item, items) {
		add_now(request, item);
	}
	return CUA_OK;
}

static enum cua_status get_run(struct request *request, struct cua_error *err)
{
	enum cua_status status = store_get(request->server->store, &request->answer, err,
			"there is no such run", "SELECT " COLUMNS " FROM runs WHERE id = ?", "s",
			request->parameters[0]);
	if (status == CUA_OK) {
		add_now(request, request->answer);
	}
	return status;
}

/* --- steering --- */

/* What the API of a run says to a request; it must go on. */
static enum cua_status call_run(
		struct request *request, const char *path, const cJSON *body, struct cua_error *err)
{
	char socket_path[CUA_PATH_MAX];
	CUA_AUTO_JSON cJSON *row = NULL, *answer = NULL;
	enum cua_status status = store_get(request->server->store, &row, err,
			"there is no such run", "SELECT id, state FROM runs WHERE id = ?", "s",
			request->parameters[0]);
	if (status == CUA_OK && strcmp(cua_json_text(row, "state"), "running") != 0) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "this run does not go on: it is %s",
				cua_json_text(row, "state"));
	}
	if (status == CUA_OK) {
		status = agent_runs_socket(
				cua_json_text(row, "id"), socket_path, sizeof(socket_path), err);
	}
	if (status == CUA_OK) {
		status = cua_http_unix_json(
				socket_path, "POST", path, body, CALL_TIMEOUT_MS, &answer, err);
	}
	if (status == CUA_ERR_CLOSED && !answer) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0, "this run is starting or ending just now");
	}
	return status == CUA_OK ? get_run(request, err) : status;
}

static enum cua_status post_message(struct request *request, struct cua_error *err)
{
	return call_run(request, "/v1/run/messages", request->body, err);
}

static enum cua_status post_interrupt(struct request *request, struct cua_error *err)
{
	return call_run(request, "/v1/run/interrupt", request->body, err);
}

static enum cua_status post_pause(struct request *request, struct cua_error *err)
{
	return call_run(request, "/v1/run/pause", NULL, err);
}

static enum cua_status post_resume(struct request *request, struct cua_error *err)
{
	return call_run(request, "/v1/run/resume", NULL, err);
}

/* One that waits is taken out of the queue; one that goes on is told. */
static enum cua_status post_cancel(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(request->server->store, &row, err, "it does not wait",
			"UPDATE runs SET state = 'cancelled', ended_ms = ? WHERE id = ? AND state "
			"= "
			"'queued' RETURNING id",
			"is", store_now_ms(), request->parameters[0]);
	if (status == CUA_ERR_NOT_FOUND) {
		return call_run(request, "/v1/run/cancel", NULL, err);
	}
	if (status == CUA_OK) {
		runs_note_cancelled(request->server->runs);
		runs_note_changed(request->server->runs, request->parameters[0]);
	}
	return status == CUA_OK ? get_run(request, err) : status;
}

static bool is_open_state(const char *state)
{
	return strcmp(state, "queued") == 0 || strcmp(state, "starting") == 0 ||
			strcmp(state, "running") == 0;
}

/* One that has ended, with its journal. */
static enum cua_status delete_run(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	CUA_AUTO_FREE char *path = NULL;
	struct store *store = request->server->store;
	const char *id = request->parameters[0];
	enum cua_status status = store_get(store, &row, err, "there is no such run",
			"SELECT state FROM runs WHERE id = ?", "s", id);
	if (status == CUA_OK && is_open_state(cua_json_text(row, "state"))) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"this run waits or goes on: cancel it first");
	}
	if (status == CUA_OK && agent_runs_find(id, &path, NULL) == CUA_OK) {
		status = agent_run_delete(path, err);
	}
	if (status == CUA_OK) {
		status = store_run(store, NULL, err,
				"DELETE FROM runs WHERE id = ? AND state NOT IN ('queued', "
				"'running', 'starting')",
				"s", id);
	}
	if (status == CUA_OK) {
		runs_note_changed(request->server->runs, id);
	}
	return status;
}

/* --- questions --- */

static const struct field answer_fields[] = {
	{ "answer", FIELD_TEXT, FIELD_REQUIRED, 1, 65536, NULL, NULL,
			"yes or no to an approval, a text to a question" },
	{ 0 }
};
static const struct fields answer_body = { "Answer", answer_fields };

static const struct field question_fields[] = { { "id", FIELD_TEXT, FIELD_REQUIRED },
	{ "run", FIELD_TEXT, FIELD_REQUIRED },
	{ "kind", FIELD_TEXT, FIELD_REQUIRED, .choices = "approval|question" },
	{ "who", FIELD_TEXT, .help = "asks, of a question" },
	{ "words", FIELD_TEXT, FIELD_REQUIRED,
			.help = "what is asked; of a model or a page: hostile" },
	{ "reason", FIELD_TEXT, .help = "why a rule wants it to be asked" },
	{ "class", FIELD_TEXT, .help = "of risk" }, { "rule", FIELD_TEXT }, { "note", FIELD_TEXT },
	{ "picture", FIELD_TEXT,
			.help = "the path of what getApprovalPicture answers, the screen with the "
				"spot marked" },
	{ "expires_in_s", FIELD_NUMBER }, { 0 } };
static const struct fields question_answer = { "Question", question_fields };

static cJSON *open_questions(const struct request *request)
{
	CUA_AUTO_JSON cJSON *states = runs_states(request->server->runs);
	cJSON *questions = cJSON_CreateArray();
	const cJSON *state = NULL;
	cJSON_ArrayForEach (state, states) {
		cJSON *question = cua_json_member(state, "question");
		if (cJSON_IsObject(question)) {
			question = cJSON_Duplicate(question, true);
			cJSON_AddStringToObject(question, "run", cua_json_text(state, "run"));
			cJSON_AddItemToArray(questions, question);
		}
	}
	return questions;
}

static enum cua_status get_questions(struct request *request, struct cua_error *err)
{
	(void)err;
	request->answer = open_questions(request);
	return CUA_OK;
}

static const cJSON *find_question(const cJSON *questions, const char *id)
{
	const cJSON *question = NULL;
	cJSON_ArrayForEach (question, questions) {
		if (strcmp(cua_json_text(question, "id"), id) == 0) {
			return question;
		}
	}
	return NULL;
}

/* The run counts the first answer, whoever gives it; here it is written down who did. */
static enum cua_status post_answer(struct request *request, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *questions = open_questions(request), *body = cJSON_CreateObject();
	const char *id = request->parameters[0];
	const char *answer = cua_json_text(request->body, "answer");
	const cJSON *question = find_question(questions, id);
	if (!question) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "this is not asked, or not any more");
	}
	cJSON_AddStringToObject(body, "question", id);
	cJSON_AddStringToObject(body, "answer", answer);
	snprintf(request->parameters[0], sizeof(request->parameters[0]), "%s",
			cua_json_text(question, "run"));
	enum cua_status status = call_run(request, "/v1/run/answer", body, err);
	return status == CUA_OK ? store_run(request->server->store, NULL, err,
						  "INSERT INTO answers (question, run, asked_json, "
						  "answer, by, "
						  "answered_ms) VALUES (?, ?, ?, ?, ?, ?)",
						  "ssjssi", cua_json_text(question, "id"),
						  cua_json_text(question, "run"), question, answer,
						  request->caller.name, store_now_ms())
				: status;
}

static const struct route table[] = {
	{ "POST", "/v1/runs", "createRun", "Puts a run into the queue", SCOPE_ACT,
			ROUTE_ONCE | ROUTE_LARGE, NULL, &new_body, &run_answer, 201, post_run },
	{ "POST", "/v1/demo", "startDemo",
			"Puts a run into the queue that needs no key: a stand-in plays the model",
			SCOPE_ACT, 0, NULL, NULL, &run_answer, 201, post_demo },
	{ "GET", "/v1/runs", "listRuns", "Runs, the newest first", SCOPE_WATCH, ROUTE_LIST,
			&list_filter, NULL, &run_answer, 0, get_runs },
	{ "GET", "/v1/runs/{run}", "getRun", "One run", SCOPE_WATCH, 0, NULL, NULL, &run_answer, 0,
			get_run },
	{ "DELETE", "/v1/runs/{run}", "deleteRun", "Deletes a run that has ended, with its journal",
			SCOPE_ADMIN, 0, NULL, NULL, NULL, 0, delete_run },
	{ "GET", "/v1/runs/{run}/events", "watchRun",
			"Its events as they happen: server-sent events, or a WebSocket",
			SCOPE_WATCH, ROUTE_OPENED, &events_query, NULL, NULL, 0, run_events_get,
			run_events_websocket },
	{ "POST", "/v1/runs/{run}/messages", "tellRun", "Tells the model something", SCOPE_ACT,
			ROUTE_LARGE, NULL, &message_body, &run_answer, 202, post_message },
	{ "POST", "/v1/runs/{run}/interrupt", "interruptRun",
			"Breaks off what the model says or does now; the run waits for a message",
			SCOPE_ACT, ROUTE_LARGE, NULL, &interruption_body, &run_answer, 202,
			post_interrupt },
	{ "POST", "/v1/runs/{run}/pause", "pauseRun", "Before its next call it waits", SCOPE_ACT, 0,
			NULL, NULL, &run_answer, 202, post_pause },
	{ "POST", "/v1/runs/{run}/resume", "resumeRun", "Lets it go on", SCOPE_ACT, 0, NULL, NULL,
			&run_answer, 202, post_resume },
	{ "POST", "/v1/runs/{run}/cancel", "cancelRun", "Ends it, with nothing held down",
			SCOPE_ACT, 0, NULL, NULL, &run_answer, 202, post_cancel },
	{ "GET", "/v1/approvals", "listApprovals",
			"What runs ask just now: approvals and questions", SCOPE_WATCH, ROUTE_LIST,
			&list_query, NULL, &question_answer, 0, get_questions },
	{ "POST", "/v1/approvals/{approval}", "decideApproval", "Answers, once", SCOPE_APPROVE,
			ROUTE_LARGE, NULL, &answer_body, &run_answer, 0, post_answer },
};
const struct routes run_routes = ROUTES("runs", "Agents at work", table);

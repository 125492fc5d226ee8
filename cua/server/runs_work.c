/* What is done for runs on threads: the queue, starting, and what became of them. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/journal_read.h"
#include "agent/runs.h"
#include "cua/server/runs_internal.h"
#include "cua/server/workspace.h"

#define CUA_LOG_MODULE "serve"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/command.h"
#include "cua/server/run_start.h"
#include "cua/server/telemetry.h"

#define STARTS_MAX 4 /* of one run, that breaks off */
#define FREE_BYTES_MIN ((uint64_t)400 << 20)
#define SPARE_BYTES ((uint64_t)100 << 20) /* a desktop without applications */
#define END_SPARES_MS 60000

/* --- the queue --- */

/* Those that are being started have not taken theirs yet. */
static bool has_memory(const struct runs *runs)
{
	const uint64_t bytes = server_memory_available();
	return runs->count == 0 || bytes == 0 ||
			bytes >= FREE_BYTES_MIN + (uint64_t)runs->starting_now * RUNS_AGENT_BYTES;
}

/* None while what they take is needed for work. */
static int spares_now(const struct runs *runs)
{
	const int wanted = runs->server->options->spares;
	const uint64_t bytes = server_memory_available();
	return bytes == 0 ||
					bytes >= FREE_BYTES_MIN + RUNS_AGENT_BYTES +
									(uint64_t)wanted *
											SPARE_BYTES
			? wanted
			: 0;
}

void runs_end_spares(void)
{
	static const char *const argv[] = { "cua", "desktop", "stop", "--spares-of-runs", NULL };
	const struct command command = { .argv = argv, .timeout_ms = END_SPARES_MS };
	struct command_result result;
	struct cua_error why = { 0 };
	enum cua_status status = command_run(&command, &result, &why);
	if (status == CUA_OK) {
		status = command_check(&result, CUA_ERR_UNAVAILABLE, &why);
	}
	if (status != CUA_OK) {
		cua_log_warn("desktops that were kept ready: %s", why.msg);
	}
	command_result_finish(&result);
}

/* Of the project with the fewest that go on, of the token with the fewest there, who waits longest;
 * where these have as many, not twice in a row of the same. One statement: nobody cancels it in
 * between. */
void runs_work_pick(struct runs *runs)
{
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *row = NULL;
	runs->picked[0] = '\0';
	runs->looks_again = !has_memory(runs);
	if ((runs->looks_again || runs->server->options->spares == 0) &&
			atomic_exchange(&runs->has_spares, false)) {
		runs_end_spares();
	}
	if (runs->looks_again) {
		return;
	}
	enum cua_status status = store_get(runs->server->store, &row, &error, "nothing waits",
			"WITH live AS MATERIALIZED (SELECT project, \"by\" FROM runs WHERE state "
			"IN ('starting', 'running')) "
			"UPDATE runs SET state = 'starting' WHERE state = 'queued' AND id = "
			"(SELECT id FROM runs AS r WHERE state = 'queued' ORDER BY "
			"(SELECT count(*) FROM live WHERE live.project = r.project), "
			"r.project = ?1, "
			"(SELECT count(*) FROM live WHERE live.project = r.project AND "
			"live.\"by\" = r.\"by\"), r.\"by\" = ?2, id LIMIT 1) "
			"RETURNING id, project, \"by\"",
			"ss", runs->last_project, runs->last_by);
	if (status == CUA_OK) {
		snprintf(runs->picked, sizeof(runs->picked), "%s", cua_json_text(row, "id"));
		snprintf(runs->last_project, sizeof(runs->last_project), "%s",
				cua_json_text(row, "project"));
		snprintf(runs->last_by, sizeof(runs->last_by), "%s", cua_json_text(row, "by"));
		runs_note_changed(runs, runs->picked);
	} else if (status != CUA_ERR_NOT_FOUND) {
		cua_log_warn("the queue: %s", error.msg);
		runs->looks_again = true;
	}
}

/* --- what became of one --- */

/* What cannot be written down now is looked at again. */
static void end_with(struct live *live, enum cua_status status, const struct cua_error *error)
{
	live->outcome = status == CUA_OK ? LIVE_IS_OVER : LIVE_LOOK_AGAIN;
	runs_note_changed(live->runs, live->id);
	if (status != CUA_OK) {
		cua_log_warn("run %s: %s", live->id, error->msg);
	}
}

static int64_t wants_trace(const struct live *live)
{
	return telemetry_wants_traces(live->runs->server->telemetry);
}

static void note(struct live *live, const char *state, const struct cua_error *why)
{
	struct cua_error error = { 0 };
	end_with(live,
			store_run(live->runs->server->store, NULL, &error,
					"UPDATE runs SET state = ?, error = ?, ended_ms = ?, "
					"trace_waits = ? WHERE id = ?",
					"ssiis", state, why->msg, store_now_ms(), wants_trace(live),
					live->id),
			&error);
}

static void note_end(struct live *live, const struct agent_run_summary *summary)
{
	struct cua_error error = { 0 };
	CUA_AUTO_FD int dir_fd = open(summary->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CUA_AUTO_JSON cJSON *end = agent_run_last_event(dir_fd);
	const cJSON *usage = cua_json_member(end, "usage");
	CUA_AUTO_JSON cJSON *cost = cJSON_CreateNumber(summary->cost_usd);
	end_with(live,
			store_run(live->runs->server->store, NULL, &error,
					"UPDATE runs SET state = ?, answer = ?, error = ?, model = "
					"?, "
					"steps = ?, actions = ?, ms = ?, input_tokens = ?, "
					"output_tokens "
					"= ?, cost_usd = ?, ended_ms = ?, trace_waits = ? WHERE id "
					"= ?",
					"ssssiidddjiis", summary->state,
					cua_json_string(end, "answer"),
					cua_json_string(end, "message"), summary->model,
					(int64_t)summary->steps, (int64_t)summary->actions,
					summary->ms, cua_json_number(usage, "input_tokens"),
					cua_json_number(usage, "output_tokens"),
					summary->cost_usd >= 0 ? cost : NULL, store_now_ms(),
					wants_trace(live), live->id),
			&error);
}

/* One that was being started when the server was killed, and has not begun: it waits again. */
static bool put_back(struct live *live)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	return store_get(live->runs->server->store, &row, NULL, "it was not being started",
			       "UPDATE runs SET state = 'queued' WHERE id = ? AND state = "
			       "'starting' "
			       "RETURNING id",
			       "s", live->id) == CUA_OK;
}

/* It has begun, now or before. */
void runs_work_note_begun(struct live *live)
{
	struct cua_error why = { 0 };
	enum cua_status status = store_run(live->runs->server->store, NULL, &why,
			"UPDATE runs SET state = 'running', started_ms = COALESCE(started_ms, ?) "
			"WHERE "
			"id = ? AND state = 'starting'",
			"is", live->begun_ms > 0 ? live->begun_ms : store_now_ms(), live->id);
	end_with(live, status, &why);
	if (status == CUA_OK) {
		live->outcome = LIVE_GOES_ON;
	}
}

void runs_work_finish(struct live *live)
{
	struct agent_run_summary summary;
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *path = NULL;
	enum cua_status status = agent_runs_find(live->id, &path, &why);
	if (status == CUA_OK) {
		status = agent_run_summarise(path, &summary, &why);
	}
	if (status == CUA_ERR_NOT_FOUND && put_back(live)) {
		runs_note_changed(live->runs, live->id);
		live->outcome = LIVE_IS_OVER;
		return;
	}
	if (status == CUA_ERR_NOT_FOUND) {
		note(live, "failed", &why);
		return;
	}
	if (status != CUA_OK) {
		end_with(live, status, &why);
		return;
	}
	if (strcmp(summary.state, "running") == 0) {
		runs_work_note_begun(live); /* the server may have been killed before it did */
	} else if (strcmp(summary.state, "broken_off") == 0) {
		live->outcome = LIVE_BROKE_OFF;
	} else {
		note_end(live, &summary);
	}
	agent_run_summary_finish(&summary);
}

/* --- starting --- */

static enum cua_status start_new(struct live *live, const cJSON *row, struct cua_error *err)
{
	char workspace[1100];
	enum cua_status status = workspace_of_project(live->runs->server,
			cua_json_text(row, "project"), workspace, sizeof(workspace), err);
	const struct run_wish wish = { .task = cua_json_text(row, "task"),
		.workspace = workspace,
		.settings = cua_json_member(row, "settings"),
		.spares = spares_now(live->runs) };
	if (wish.spares > 0) {
		atomic_store(&live->runs->has_spares, true);
	}
	return status == CUA_OK ? run_start(live->id, &wish, err) : status;
}

void runs_work_start(struct live *live)
{
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status =
			store_get(live->runs->server->store, &row, &why, "there is no such run",
					"UPDATE runs SET starts = starts + 1 WHERE id = ? "
					"RETURNING starts, project, "
					"task, settings_json",
					"s", live->id);
	if (status != CUA_OK) {
		end_with(live, status == CUA_ERR_NOT_FOUND ? CUA_OK : status, &why);
		return;
	}
	if (live->is_again && cua_json_int(row, "starts") > STARTS_MAX) {
		cua_error_set(&why, CUA_ERR_UNAVAILABLE, 0,
				"it broke off %d times; cua run --resume goes on with it",
				STARTS_MAX);
		note(live, "broken_off", &why);
		return;
	}
	status = live->is_again ? run_start_again(live->id, &why) : start_new(live, row, &why);
	live->is_again = false;
	if (status == CUA_OK || status == CUA_ERR_EXISTS) {
		live->begun_ms = store_now_ms();
		live->outcome = LIVE_GOES_ON;
	} else {
		note(live, "failed", &why);
	}
}

/* Going on with a run: its journal is read back, the conversation is rebuilt as it was sent, and
 * what was left open is answered. Nothing is done again. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "agent/run_internal.h"
#include "agent/runs.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define TEXT_SIZE 2048 /* of what the model is told */

static const char lost_picture[] = "It ran, and its picture was lost when the run was interrupted; "
				   "call it again to see it.";
static const char uncertain[] =
		"The run was interrupted while this call was running. Whether its actions took "
		"effect, all or in part, is not known, and none was repeated. Look at the "
		"screenshot before you go on.";
static const char not_begun[] = "not run, because the run was interrupted before it";

#define TIME_MAX_S 1e12 /* of a clock: no desktop is older */

/* --- may it go on? --- */

static const cJSON *find_last(const cJSON *events, const char *type)
{
	const cJSON *found = NULL, *event = NULL;
	cJSON_ArrayForEach (event, events) {
		found = agent_event_is(event, type) ? event : found;
	}
	return found;
}

/* A run that failed by what is around it can go on when that is mended; so can one that was
 * interrupted or came to a limit. One that came to an answer, or was stopped for a reason, is over.
 */
static enum cua_status check_end(const cJSON *events, struct cua_error *err)
{
	static const enum cua_agent_outcome may_go_on[] = { CUA_AGENT_LIMIT, CUA_AGENT_MODEL_ERROR,
		CUA_AGENT_DESKTOP_ERROR, CUA_AGENT_INTERRUPTED };
	const cJSON *last = cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
	if (!agent_event_is(events->child, "run_start")) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"the run broke off before it began; start another");
	}
	if (!agent_event_is(last, "run_end")) {
		return CUA_OK;
	}
	const char *outcome = cua_json_string(last, "outcome");
	for (size_t i = 0; outcome && i < CUA_ARRAY_LEN(may_go_on); i++) {
		if (strcmp(outcome, cua_agent_outcome_name(may_go_on[i])) == 0) {
			return CUA_OK;
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "the run is over: %s", outcome ? outcome : "?");
}

static enum cua_status take_settings(const cJSON *events, struct cua_agent_resumable *run)
{
	const cJSON *start = events->child, *last = find_last(events, "run_resume");
	const char *names[] = { "task", "api", "model", "base_url" };
	char **places[] = { &run->task, &run->api, &run->model, &run->base_url };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const char *text = cua_json_string(start, names[i]);
		*places[i] = strdup(text ? text : "");
		if (!*places[i]) {
			return CUA_ERR_NOMEM;
		}
	}
	last = last ? last : start;
	const char *desktop = cua_json_string(last, "desktop");
	run->desktop = strdup(desktop ? desktop : "");
	const double created_s = cua_json_number(last, "desktop_created");
	run->desktop_created_s = created_s >= 0 && created_s < TIME_MAX_S ? (int64_t)created_s : 0;
	run->desktop_is_own = cJSON_IsTrue(cua_json_member(last, "desktop_is_own"));
	const cJSON *settings = cua_json_member(last, "desktop_settings");
	if (settings && !(run->desktop_settings = cJSON_Duplicate(settings, true))) {
		return CUA_ERR_NOMEM;
	}
	const cJSON *limits = cua_json_member(last, "limits");
	const cJSON *policy = cua_json_member(last, "policy");
	const char *name = cua_json_string(policy, "name"), *text = cua_json_string(policy, "text");
	if (name && text &&
			(!(run->policy_name = strdup(name)) ||
					!(run->policy_text = strdup(text)))) {
		return CUA_ERR_NOMEM;
	}
	const char *optional[] = { "tools", "instructions", "template" };
	char **optional_places[] = { &run->tools, &run->instructions, &run->template_name };
	for (size_t i = 0; i < CUA_ARRAY_LEN(optional); i++) {
		const char *value = cua_json_string(start, optional[i]);
		if (value && !(*optional_places[i] = strdup(value))) {
			return CUA_ERR_NOMEM;
		}
	}
	if (!(run->mcp = run_mcp_names(events))) {
		return CUA_ERR_NOMEM;
	}
	run->limits = (struct agent_limits){ .steps = cua_json_int(limits, "steps"),
		.time_s = cua_json_int(limits, "time_s"),
		.tokens = cua_json_number(limits, "tokens"),
		.usd = cua_json_number(limits, "usd"),
		.repeats = cua_json_int(limits, "repeats"),
		.errors = cua_json_int(limits, "errors") };
	return run->desktop ? CUA_OK : CUA_ERR_NOMEM;
}

/* What a person said last of whether it is to go on. */
static void take_pause(const cJSON *events, struct cua_agent_resumable *run)
{
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const char *phase = agent_event_is(event, "person") ? cua_json_text(event, "phase")
								    : "";
		if (strcmp(phase, "interrupted") == 0) {
			run->is_interrupted = !run->is_paused;
		} else if (strcmp(phase, "paused") == 0) {
			run->is_paused = !run->is_interrupted;
		} else if (strcmp(phase, "went_on") == 0 || agent_event_is(event, "turn")) {
			run->is_paused = run->is_interrupted = false;
		} else if (cJSON_IsTrue(cua_json_member(event, "said"))) {
			run->is_interrupted = false;
		}
	}
}

enum cua_status run_resumable(
		const cJSON *events, struct cua_agent_resumable *ret_run, struct cua_error *err)
{
	struct cua_agent_resumable run = { 0 };
	enum cua_status status = check_end(events, err);
	if (status == CUA_OK && take_settings(events, &run) != CUA_OK) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "run");
	}
	take_pause(events, &run);
	if (status != CUA_OK) {
		cua_agent_resumable_finish(&run);
		return status;
	}
	*ret_run = run;
	return CUA_OK;
}

enum cua_status cua_agent_resume_read(
		const char *id, struct cua_agent_resumable *ret_run, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *events = NULL;
	CUA_AUTO_FREE char *path = NULL;
	enum cua_status status = agent_runs_find(id, &path, err);
	CUA_AUTO_FD int dir_fd =
			status == CUA_OK ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (status == CUA_OK && agent_journal_is_held(dir_fd)) {
		status = CUA_FAIL(
				err, CUA_ERR_EXISTS, 0, "another process is at this run: %s", path);
	}
	if (status == CUA_OK) {
		status = agent_journal_events(dir_fd, &events, err);
	}
	if (status == CUA_OK) {
		status = run_resumable(events, ret_run, err);
	}
	if (status == CUA_OK) {
		ret_run->path = CUA_STEAL(path);
	}
	return status;
}

void cua_agent_resumable_finish(struct cua_agent_resumable *run)
{
	free(run->path);
	free(run->task);
	free(run->api);
	free(run->model);
	free(run->base_url);
	free(run->desktop);
	cJSON_Delete(run->desktop_settings);
	free(run->tools);
	free(run->instructions);
	free(run->template_name);
	free(run->mcp);
	free(run->policy_name);
	free(run->policy_text);
	*run = (struct cua_agent_resumable){ 0 };
}

/* --- what it has used up --- */

/* Clocks are set, so a process that died counts from its first event to its last, and one that
 * ended as it said. */
static double sum_time(const cJSON *events)
{
	double spent_ms = 0, begun_ms = 0, last_ms = 0;
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const bool is_begin = agent_event_is(event, "run_start") ||
				agent_event_is(event, "run_resume");
		if (is_begin && last_ms > begun_ms) {
			spent_ms += last_ms - begun_ms;
		}
		if (agent_event_is(event, "run_end")) {
			spent_ms = cua_json_number(event, "ms");
		}
		last_ms = agent_event_time_ms(event);
		begun_ms = is_begin || agent_event_is(event, "run_end") ? last_ms : begun_ms;
	}
	return spent_ms + (last_ms > begun_ms ? last_ms - begun_ms : 0);
}

/* Of a turn, or of requests that had no good answer. */
static void add_spent(struct cua_agent_result *result, const cJSON *event)
{
	const cJSON *json = cua_json_member(event, "usage");
	const struct agent_usage usage = {
		.input_tokens = cua_json_number(json, "input_tokens"),
		.cached_tokens = cua_json_number(json, "cached_tokens"),
		.cache_write_tokens = cua_json_number(json, "cache_write_tokens"),
		.output_tokens = cua_json_number(json, "output_tokens"),
		.reasoning_tokens = cua_json_number(json, "reasoning_tokens"),
	};
	agent_usage_add(&result->usage, &usage);
	const cJSON *cost = cua_json_member(event, "cost_usd");
	result->cost_usd += cJSON_IsNumber(cost) ? cost->valuedouble : (double)NAN;
	result->model_ms += cua_json_number(event, "ms");
}

static void add_result(struct cua_agent_result *result, const cJSON *event)
{
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, cua_json_member(event, "results")) {
		const char *status = cua_json_string(action, "status");
		result->actions += !status || strcmp(status, "failed") != 0;
	}
	if (!cua_json_member(event, "server")) {
		result->desktop_ms += cua_json_number(event, "ms");
	}
}

static void add_up(struct agent_run *run, const cJSON *events)
{
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "turn")) {
			add_spent(run->result, event);
			run->result->steps = cua_json_int(event, "step");
		} else if (agent_event_is(event, "unanswered")) {
			add_spent(run->result, event);
		} else if (agent_event_is(event, "result")) {
			add_result(run->result, event);
		} else if (agent_event_is(event, "look")) {
			run->result->desktop_ms += cua_json_number(event, "ms");
		}
	}
	run->step = run->result->steps;
	run->spent_ms = sum_time(events);
}

void run_resume_open(struct agent_run *run)
{
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *events = NULL;
	enum cua_status status = agent_journal_open(
			&run->journal, run->options->resume, &run->cut_bytes, &why);
	if (status == CUA_OK) {
		status = agent_journal_events(run->journal.dir_fd, &events, &why);
	}
	if (status == CUA_OK) {
		status = check_end(events, &why); /* it may have ended since it was read first */
	}
	if (status != CUA_OK) {
		agent_journal_finish(&run->journal); /* and gets no end that it has not had */
		run_end_desktop(run, &why);
		return;
	}
	add_up(run, events);
	run_policy_replay(run, events);
}

/* --- the conversation --- */

struct history {
	struct agent_run *run;
	struct agent_turn turn;  /* the last one */
	const cJSON *turn_event; /* NULL before the first */
	bool is_open;            /* nothing was said to the model since */
	bool has_task;
};

static enum cua_status load_image(struct agent_run *run, const cJSON *json,
		struct agent_image *ret_image, struct cua_error *err)
{
	struct agent_image image = { 0 };
	const char *sha256 = cua_json_string(json, "screenshot");
	if (!sha256 || !agent_event_is_sha256(sha256)) {
		return CUA_FAIL(err, CUA_ERR_POLICY, 0, "an event names no screenshot");
	}
	enum cua_status status = agent_journal_read_screenshot(&run->journal, sha256, &image, err);
	if (status == CUA_OK) {
		image.width = cua_json_int(json, "width");
		image.height = cua_json_int(json, "height");
		*ret_image = image;
	}
	return status;
}

static enum cua_status replay_user(
		struct history *history, const cJSON *event, struct cua_error *err)
{
	struct agent_image image = { 0 };
	const char *text = cua_json_string(event, "text");
	const bool has_image = cua_json_member(event, "screenshot") != NULL;
	enum cua_status status = has_image ? load_image(history->run, event, &image, err) : CUA_OK;
	if (status == CUA_OK) {
		status = agent_model_add_user(history->run->model, text ? text : "",
				has_image ? &image : NULL, err);
	}
	agent_image_finish(&image);
	history->is_open = false;
	history->has_task = true;
	return status;
}

static enum cua_status replay_turn(
		struct history *history, const cJSON *event, struct cua_error *err)
{
	const char *raw = cua_json_string(event, "raw");
	if (!raw) {
		return CUA_OK; /* cut or refused: no part of the conversation */
	}
	agent_turn_finish(&history->turn);
	history->turn = (struct agent_turn){ 0 };
	history->turn_event = event;
	history->is_open = true;
	return agent_model_restore_turn(history->run->model, raw, &history->turn, err);
}

/* The last event of this type that is about a call of the last turn; NULL. */
static const cJSON *find_of_call(
		const struct history *history, const char *type, const struct agent_call *call)
{
	const cJSON *found = NULL;
	for (const cJSON *event = history->turn_event->next;
			event && !agent_event_is(event, "turn"); event = event->next) {
		const char *id = cua_json_string(event, "call_id");
		if (id && agent_event_is(event, type) && strcmp(id, call->id) == 0) {
			found = event;
		}
	}
	return found;
}

/* Answers with their images, which are owned. */
struct answers {
	struct agent_answer *list;
	struct agent_image *images;
	size_t count;
};

static bool answers_init(struct answers *answers, size_t count)
{
	answers->list = calloc(count + 1, sizeof(*answers->list));
	answers->images = calloc(count + 1, sizeof(*answers->images));
	answers->count = count;
	return answers->list && answers->images;
}

static void answers_finish(struct answers *answers)
{
	for (size_t i = 0; answers->images && i < answers->count; i++) {
		agent_image_finish(&answers->images[i]);
	}
	free(answers->list);
	free(answers->images);
}

static enum agent_answer_status status_of(const char *name)
{
	for (int i = AGENT_ANSWER_OK; name && i <= AGENT_ANSWER_UNCERTAIN; i++) {
		if (strcmp(name, run_answer_name((enum agent_answer_status)i)) == 0) {
			return (enum agent_answer_status)i;
		}
	}
	return AGENT_ANSWER_UNCERTAIN;
}

static enum cua_status read_answers(struct history *history, const cJSON *event,
		struct answers *answers, struct cua_error *err)
{
	size_t i = 0;
	const cJSON *json = NULL;
	enum cua_status status = CUA_OK;
	if (!answers_init(answers, history->turn.call_count)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "answers");
	}
	cJSON_ArrayForEach (json, cua_json_member(event, "answers")) {
		const struct agent_call *call = i < answers->count ? &history->turn.calls[i] : NULL;
		const char *id = cua_json_string(json, "call_id");
		if (!call || !id || strcmp(id, call->id) != 0) {
			return CUA_FAIL(err, CUA_ERR_POLICY, 0,
					"answers in the journal belong to no call");
		}
		status = load_image(history->run, json, &answers->images[i], err);
		if (status != CUA_OK) {
			return status;
		}
		answers->list[i] = (struct agent_answer){
			.call = call,
			.status = status_of(cua_json_string(json, "status")),
			.results = cua_json_member(
					find_of_call(history, "result", call), "results"),
			.words = cua_json_string(find_of_call(history, "result", call), "words"),
			.has_own_image = cJSON_IsTrue(cua_json_member(json, "has_own_image")),
			.problem = cua_json_string(json, "problem"),
			.image = &answers->images[i],
			.acknowledged = cJSON_IsTrue(cua_json_member(json, "acknowledged")),
		};
		i++;
	}
	return i == answers->count
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_POLICY, 0, "a call in the journal has no answer");
}

static enum cua_status replay_answers(
		struct history *history, const cJSON *event, struct cua_error *err)
{
	struct answers answers = { 0 };
	enum cua_status status = history->turn_event
			? read_answers(history, event, &answers, err)
			: CUA_FAIL(err, CUA_ERR_POLICY, 0,
					  "answers in the journal come before a turn");
	if (status == CUA_OK) {
		status = agent_model_add_answers(history->run->model, answers.list, answers.count,
				cua_json_string(event, "note"), err);
	}
	answers_finish(&answers);
	history->is_open = false;
	return status;
}

static enum cua_status replay(struct history *history, const cJSON *events, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "user")) {
			status = replay_user(history, event, err);
		} else if (agent_event_is(event, "turn")) {
			status = replay_turn(history, event, err);
		} else if (agent_event_is(event, "answers")) {
			status = replay_answers(history, event, err);
		}
		if (status != CUA_OK) {
			cua_error_prefix(err, "event %.0f of the journal",
					cua_json_number(event, "seq"));
			return status;
		}
	}
	return CUA_OK;
}

/* --- what was left open --- */

/* By the policy or a person, and not because of another call. */
static bool was_refused(const struct history *history, const struct agent_call *call)
{
	return find_of_call(history, "decision", call) && find_of_call(history, "not_run", call);
}

/* As the call would have been answered; image: of the answer, if it has one of its own. */
static void settle_result(struct history *history, const cJSON *result, struct agent_image *image,
		struct agent_answer *answer)
{
	const bool has_picture = cJSON_IsTrue(cua_json_member(result, "has_own_image"));
	answer->status = status_of(cua_json_string(result, "status"));
	answer->results = cua_json_member(result, "results");
	answer->words = cua_json_string(result, "words");
	answer->problem = answer->status == AGENT_ANSWER_UNCERTAIN
			? uncertain
			: cua_json_string(result, "message");
	if (has_picture &&
			load_image(history->run, cua_json_member(result, "picture"), image, NULL) ==
					CUA_OK) {
		answer->image = image;
		answer->has_own_image = true;
	} else if (has_picture) {
		answer->words = lost_picture; /* a journal of before pictures were kept */
	}
}

/* What is known of a call that was not answered. False if the run is over. */
static bool settle_call(struct history *history, const struct agent_call *call,
		struct agent_image *image, struct agent_answer *answer)
{
	const cJSON *result = find_of_call(history, "result", call);
	const cJSON *refused = find_of_call(history, "not_run", call);
	*answer = (struct agent_answer){ .call = call,
		.image = agent_desktop_screen(history->run->desktop),
		.acknowledged = cJSON_IsTrue(cua_json_member(
				find_of_call(history, "safety", call), "acknowledged")) };
	if (result) {
		settle_result(history, result, image, answer);
		return true;
	}
	if (find_of_call(history, "intent", call)) {
		answer->status = AGENT_ANSWER_UNCERTAIN;
		answer->problem = uncertain;
		return run_note_lost(
				history->run, call, "the run was interrupted before it was known");
	}
	answer->status = call->problem[0] || was_refused(history, call) ? AGENT_ANSWER_FAILED
									: AGENT_ANSWER_NOT_RUN;
	answer->problem = refused          ? cua_json_string(refused, "message")
			: call->problem[0] ? call->problem
					   : not_begun;
	return refused || run_note_not_run(history->run, call, answer->problem);
}

static void describe(const struct agent_run *run, bool has_pictures, const char *note, char *text,
		size_t size)
{
	snprintf(text, size, "The run was interrupted and goes on now; time has passed. %s %s%s%s",
			run->options->desktop_is_new ? "The desktop is a new one: what was open, "
						       "and what was not "
						       "kept elsewhere, is gone."
						     : "The desktop is the same.",
			has_pictures ? "Pictures that tools made are from before; what is on the "
				       "screen now, a screenshot shows."
				     : "The screenshot shows what there is now.",
			note ? "\n" : "", note ? note : "");
}

static void answer_open_calls(struct history *history, const char *note)
{
	struct answers answers = { 0 };
	bool has_pictures = false;
	char text[TEXT_SIZE];
	struct agent_run *run = history->run;
	struct cua_error why = { 0 };
	bool goes_on = true;
	if (!answers_init(&answers, history->turn.call_count)) {
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "answers");
		run_end_desktop(run, &why);
		goes_on = false;
	}
	for (size_t i = 0; goes_on && i < answers.count; i++) {
		goes_on = settle_call(history, &history->turn.calls[i], &answers.images[i],
				&answers.list[i]);
		has_pictures = has_pictures || answers.list[i].has_own_image;
	}
	if (goes_on) {
		describe(run, has_pictures, note, text, sizeof(text));
		(void)run_tell_answers(run, answers.list, answers.count, text);
	}
	answers_finish(&answers);
}

static void go_on(struct history *history, const char *note)
{
	char text[TEXT_SIZE];
	struct agent_run *run = history->run;
	if (!history->has_task) {
		(void)run_tell(run, run->options->task, agent_desktop_screen(run->desktop));
	} else if (history->is_open &&
			(history->turn.call_count == 0 || run_find_give_up(&history->turn) ||
					run_find_done(&history->turn))) {
		run_take_turn(run, &history->turn);
	} else if (history->is_open) {
		answer_open_calls(history, note);
	} else {
		describe(run, false, note, text, sizeof(text));
		(void)run_tell(run, text, agent_desktop_screen(run->desktop));
	}
}

void run_resume_talk(struct agent_run *run, const char *note)
{
	struct history history = { .run = run };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *events = NULL;
	enum cua_status status = agent_journal_events(run->journal.dir_fd, &events, &why);
	if (status == CUA_OK) {
		status = replay(&history, events, &why);
	}
	if (status == CUA_OK) {
		go_on(&history, note);
	} else {
		run_end_desktop(run, &why);
	}
	agent_turn_finish(&history.turn);
}

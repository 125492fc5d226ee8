#include "agent/run_internal.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/catalogue.h"
#include "agent/report.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define MODEL_IDLE_S 300 /* one turn of reasoning may be silent for minutes */
#define NUDGES_MAX 3     /* turns in a row that neither act nor answer */
#define PAUSES_MAX 20    /* turns in a row that a server stopped in the middle */

static const struct {
	const char *name;
	int exit_status;
} outcomes[CUA_AGENT_OUTCOME_COUNT] = {
	[CUA_AGENT_DONE] = { "done", 0 },
	[CUA_AGENT_GAVE_UP] = { "gave_up", 3 },
	[CUA_AGENT_LIMIT] = { "limit", 0 }, /* see agent_limit_exit() */
	[CUA_AGENT_MODEL_ERROR] = { "model_error", 5 },
	[CUA_AGENT_DESKTOP_ERROR] = { "desktop_error", 6 },
	[CUA_AGENT_STOPPED] = { "stopped", 7 },
	[CUA_AGENT_INTERRUPTED] = { "interrupted", 130 },
};

const char *cua_agent_outcome_name(enum cua_agent_outcome outcome)
{
	return outcomes[outcome].name;
}

int cua_agent_exit_status(const struct cua_agent_result *result)
{
	return result->outcome == CUA_AGENT_LIMIT ? agent_limit_exit(result->limit)
						  : outcomes[result->outcome].exit_status;
}

const struct agent_limits cua_agent_default_limits = {
	.steps = 100, .time_s = 1800, .repeats = 6, .errors = 10
};

/* --- how a run ends --- */

void run_end(struct agent_run *run, enum cua_agent_outcome outcome, const struct cua_error *why)
{
	if (run->is_over) {
		return;
	}
	run->is_over = true;
	run->result->outcome = outcome;
	if (why) {
		run->result->error = *why;
	}
}

void run_end_desktop(struct agent_run *run, const struct cua_error *why)
{
	if (why->status == CUA_ERR_CANCELLED) {
		run_end(run, CUA_AGENT_INTERRUPTED, NULL);
	} else if (why->status == CUA_ERR_TIMEOUT && cua_now_us() >= run->deadline_us) {
		run_end_limit(run, AGENT_LIMIT_TIME, NULL);
	} else {
		run_end(run, CUA_AGENT_DESKTOP_ERROR, why);
	}
}

/* The clock may stop a request before the loop looks at it. */
void run_end_limit(struct agent_run *run, enum agent_limit limit, const struct cua_error *why)
{
	struct cua_error time = { 0 };
	if (limit == AGENT_LIMIT_TIME && !why) {
		const struct agent_limits limits = { .time_s = run->options->limits.time_s };
		const struct agent_spent all = { .time_s = limits.time_s };
		(void)agent_limits_check(&limits, &all, &time);
	}
	if (!run->is_over) {
		run->result->limit = limit;
	}
	run_end(run, CUA_AGENT_LIMIT, why ? why : &time);
}

bool run_is_cancelled(const struct agent_run *run)
{
	struct pollfd cancel = { .fd = run->options->cancel_fd, .events = POLLIN };
	return poll(&cancel, 1, 0) > 0;
}

uint64_t run_expiry(const struct agent_run *run, uint64_t since_us, int seconds)
{
	const uint64_t then_us = since_us + (uint64_t)seconds * 1000000U;
	return then_us < run->deadline_us ? then_us : run->deadline_us;
}

static void end_model(struct agent_run *run, const struct cua_error *why)
{
	switch (why->status) {
	case CUA_ERR_CANCELLED:
		run_end(run, CUA_AGENT_INTERRUPTED, NULL);
		break;
	case CUA_ERR_TIMEOUT: /* of the run: that of a request is a model error */
		run_end_limit(run, AGENT_LIMIT_TIME, NULL);
		break;
	case CUA_ERR_NOMEM:
	case CUA_ERR_NOT_FOUND: /* a picture of this run */
		run_end(run, CUA_AGENT_DESKTOP_ERROR, why);
		break;
	default:
		run_end(run, CUA_AGENT_MODEL_ERROR, why);
	}
}

/* Takes text over as the run's answer. */
static void keep_answer(struct agent_run *run, const char *text)
{
	free(run->result->answer);
	run->result->answer = strdup(text);
}

/* --- secrets --- */

/* What is kept, and the key: what must not be told, written down or shown. */
static bool open_redactor(struct agent_run *run)
{
	const char *key = run->options->api_key ? run->options->api_key : "";
	struct cua_error why = { 0 };
	enum cua_status status = agent_redactor_create(run->options->secrets, &run->redactor, &why);
	if (status == CUA_OK && strlen(key) >= AGENT_KEY_HIDDEN_MIN) {
		status = agent_redactor_add(run->redactor, "API_KEY", key, &why);
	}
	if (status != CUA_OK) {
		run_end_desktop(run, &why);
	}
	return status == CUA_OK;
}

char *run_hide(struct agent_run *run, const char *text)
{
	char *copy = strdup(text);
	if (copy) {
		agent_redact(run->redactor, &copy);
	} else {
		struct cua_error why;
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "message");
		run_end_desktop(run, &why);
	}
	return copy;
}

/* What the caller gets, and prints. */
static void hide_result(struct agent_run *run)
{
	struct cua_agent_result *result = run->result;
	if (result->answer) {
		agent_redact(run->redactor, &result->answer);
	}
	agent_redact_fixed(run->redactor, result->error.msg, sizeof(result->error.msg));
}

/* --- telling the model --- */

static bool tell(struct agent_run *run, const char *text, const struct agent_image *image,
		bool is_person)
{
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *told = run_hide(run, text);
	if (!told || !run_note_user(run, told, image, is_person)) {
		return false;
	}
	if (agent_model_add_user(run->model, told, image, &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	return true;
}

bool run_tell(struct agent_run *run, const char *text, const struct agent_image *image)
{
	return tell(run, text, image, false);
}

bool run_tell_said(struct agent_run *run, const char *text)
{
	return tell(run, text, NULL, true);
}

bool run_tell_answers(struct agent_run *run, const struct agent_answer *answers, size_t count,
		const char *note)
{
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *told = note ? run_hide(run, note) : NULL;
	if ((note && !told) || !run_note_answers(run, answers, count, told)) {
		return false;
	}
	if (agent_model_add_answers(run->model, answers, count, told, &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	return true;
}

/* --- one turn --- */

const struct agent_call *run_find_give_up(const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		if (turn->calls[i].kind == AGENT_CALL_GIVE_UP) {
			return &turn->calls[i];
		}
	}
	return NULL;
}

static void nudge(struct agent_run *run)
{
	struct cua_error why = { 0 };
	if (++run->nudges > NUDGES_MAX) {
		cua_error_set(&why, CUA_ERR_MODEL, 0,
				"the model neither acted nor answered %d times in a row",
				run->nudges);
		run_end(run, CUA_AGENT_MODEL_ERROR, &why);
		return;
	}
	(void)run_tell(run,
			"Go on with the task. If it is done, give the final answer; if it cannot "
			"be "
			"done, call give_up.",
			NULL);
}

static void go_on(struct agent_run *run)
{
	struct cua_error why = { 0 };
	if (++run->pauses > PAUSES_MAX) {
		cua_error_set(&why, CUA_ERR_MODEL, 0, "the model paused %d times in a row",
				run->pauses);
		run_end(run, CUA_AGENT_MODEL_ERROR, &why);
	}
}

/* The last word is a person's: what was said meanwhile may change what there is to do. */
static void take_answer(struct agent_run *run, const char *answer)
{
	bool was_told = false;
	if (run_hear(run, &was_told) && !was_told) {
		keep_answer(run, answer);
		run_end(run, CUA_AGENT_DONE, NULL);
	}
}

void run_take_turn(struct agent_run *run, const struct agent_turn *turn)
{
	const struct agent_call *give_up = run_find_give_up(turn);
	const bool has_news = run_has_news(run);
	const bool is_paused = turn->is_paused && turn->call_count == 0;
	run->pauses = is_paused ? run->pauses : 0;
	if (turn->refusal) {
		keep_answer(run, turn->refusal);
		run_end(run, CUA_AGENT_GAVE_UP, NULL);
	} else if (turn->end == AGENT_TURN_CUT) {
		struct cua_error why = { 0 };
		cua_error_set(&why, CUA_ERR_MODEL, 0,
				"the model's answer is incomplete: it reached the limit of length");
		run_end(run, CUA_AGENT_MODEL_ERROR, &why);
	} else if (give_up && !has_news) {
		keep_answer(run, give_up->reason);
		run_end(run, CUA_AGENT_GAVE_UP, NULL);
	} else if (run_find_done(turn) && !has_news) {
		keep_answer(run, run_find_done(turn));
		run_end(run, CUA_AGENT_DONE, NULL);
	} else if (is_paused) {
		go_on(run);
	} else if (turn->call_count > 0) {
		run->nudges = 0;
		run_calls(run, turn);
	} else if (turn->answer) {
		take_answer(run, turn->answer);
	} else {
		nudge(run);
	}
}

double run_cost(const struct agent_run *run, const struct agent_usage *usage)
{
	const struct agent_model_spec *spec = run->options->spec;
	return agent_usage_cost(&(spec ? spec : &agent_model_spec_unknown)->prices, usage);
}

static bool may_go_on(struct agent_run *run)
{
	struct cua_error why = { 0 };
	const struct agent_spent spent = { .steps = run->step,
		.time_s = (run->spent_ms + (double)(cua_now_us() - run->started_us) / 1000.0) /
				1000.0,
		.tokens = run->result->usage.input_tokens + run->result->usage.output_tokens,
		.usd = run->result->cost_usd };
	const enum agent_limit limit = agent_limits_check(&run->options->limits, &spent, &why);
	if (limit != AGENT_LIMIT_NONE) {
		run_end_limit(run, limit, &why);
	}
	return !run->is_over;
}

/* A turn that a person broke off is none: what was said meanwhile is heard, and the model is asked
 * again. */
static bool give_way(struct agent_run *run, enum cua_status status)
{
	return status == CUA_ERR_CANCELLED && run_take_interrupt(run);
}

/* *ret_has_turn: a person broke it off otherwise. False if the run is over. */
static bool ask(struct agent_run *run, struct agent_turn *ret_turn, bool *ret_has_turn)
{
	struct cua_error why = { 0 }, disk = { 0 };
	/* What the model is told must be on the disk before anything comes of its answer. */
	if (agent_journal_sync_begin(&run->journal, &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	const uint64_t asked_us = cua_now_us();
	(void)run_let_interrupt(run, true);
	enum cua_status status = agent_model_ask(run->model, run->deadline_us, ret_turn, &why);
	(void)run_let_interrupt(run, false);
	run->result->model_ms += (double)(cua_now_us() - asked_us) / 1000.0;
	agent_usage_add(&run->result->usage, &ret_turn->usage);
	run->result->cost_usd += run_cost(run, &ret_turn->usage);
	if (agent_journal_sync_end(&run->journal, &disk) != CUA_OK) {
		agent_turn_finish(ret_turn);
		run_end_desktop(run, &disk);
		return false;
	}
	*ret_has_turn = status == CUA_OK;
	if (status != CUA_OK) {
		run_note_unanswered(run, ret_turn, &why);
		if (give_way(run, status)) {
			run->step--;
			return true;
		}
		end_model(run, &why);
		return false;
	}
	run->result->steps = run->step;
	return true;
}

static void loop(struct agent_run *run)
{
	bool was_told = false, has_turn = false;
	while (!run->is_over && run_hear(run, &was_told) && may_go_on(run)) {
		struct agent_turn turn;
		run->step++;
		if (!ask(run, &turn, &has_turn)) {
			return;
		}
		if (has_turn && run_note_turn(run, &turn)) {
			run_take_turn(run, &turn);
		}
		if (has_turn) {
			agent_turn_finish(&turn);
		}
		if (!run->is_over && run_is_cancelled(run)) {
			run_end(run, CUA_AGENT_INTERRUPTED, NULL);
		}
	}
}

/* --- the run --- */

static void show_words(const char *words, void *user_data)
{
	const struct agent_run *run = user_data;
	run->options->on_words(words, run->options->user_data);
}

static enum cua_status open_model(struct agent_run *run, struct cua_error *err)
{
	const struct cua_agent_options *options = run->options;
	const struct agent_image *screen = agent_desktop_screen(run->desktop);
	char pictures[CUA_PATH_MAX];
	snprintf(pictures, sizeof(pictures), "%s/screenshots", run->journal.path);
	struct agent_model_config config = {
		.api = options->api,
		.model = options->model,
		.base_url = options->base_url,
		.api_key = options->api_key,
		.key_header = options->key_header,
		.redactor = run->redactor,
		.spec = options->spec,
		.session = run->journal.name,
		.pictures_dir = pictures,
		.screen = { screen->width, screen->height },
		.functions = run->functions,
		.instructions = options->instructions,
		.cancel_fd = run->stop_fd,
		.retries_max = options->model_retries,
		.retry_unit = options->retry_unit,
		.idle_timeout_s = MODEL_IDLE_S,
		.on_retry = run_note_retry,
		.on_words = options->on_words ? show_words : NULL,
		.user_data = run,
	};
	return agent_model_create(&config, &run->model, err);
}

static void open_journal(struct agent_run *run)
{
	struct cua_error why = { 0 };
	if (sodium_init() < 0) {
		cua_error_set(&why, CUA_ERR_UNAVAILABLE, 0, "libsodium does not start");
		run_end_desktop(run, &why);
	} else if (run->options->resume) {
		run_resume_open(run);
	} else if (agent_journal_create(&run->journal, run->options->runs_dir, run->options->name,
				   &why) != CUA_OK) {
		run_end_desktop(run, &why);
	}
	if (!run->is_over) {
		run->journal.cancel_fd = run->options->cancel_fd;
		run->journal.redactor = run->redactor;
		run->journal.on_event = run->options->on_event;
		run->journal.user_data = run->options->user_data;
		run->result->run_dir = strdup(run->journal.path);
	}
}

/* Journal, servers, desktop, first look, model, first message. */
static void prepare(struct agent_run *run)
{
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *note = NULL;
	open_journal(run);
	if (run->options->limits.time_s > 0) {
		const double left_ms = run->options->limits.time_s * 1000.0 - run->spent_ms;
		run->deadline_us =
				run->started_us + (left_ms > 0 ? (uint64_t)(left_ms * 1000.0) : 0);
	}
	if (run->is_over || !(run->options->resume ? run_note_resume(run) : run_note_start(run)) ||
			!run_mcp_open(run)) {
		return;
	}
	if (agent_desktop_create(run->options->desktop_socket, run->stop_fd, &run->desktop, &why) !=
			CUA_OK) {
		run_end_desktop(run, &why);
		return;
	}
	agent_desktop_set_deadline(run->desktop, run->deadline_us);
	agent_desktop_use_secrets(run->desktop, run->options->secrets);
	if (agent_desktop_fit(run->desktop, run->options->spec ? &run->options->spec->images : NULL,
			    &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return;
	}
	if (!run_look(run, &note)) {
		return;
	}
	if (open_model(run, &why) != CUA_OK) {
		run_end_desktop(run, &why);
	} else if (run->options->resume) {
		run_resume_talk(run, note);
	} else if (run_tell(run, run->options->task, agent_desktop_screen(run->desktop)) &&
			run_secrets_tell(run) && note) {
		(void)run_tell(run, note, NULL);
	}
}

/* A run whose record is not whole is not a success, whatever the model achieved. */
static void close_journal(struct agent_run *run)
{
	struct cua_agent_result *result = run->result;
	struct cua_error why = { 0 };
	enum cua_status noted = run_note_end(run, &why);
	enum cua_status reported = agent_report_write(
			run->journal.dir_fd, run->redactor, noted == CUA_OK ? &why : NULL);
	result->has_report = reported == CUA_OK;
	if ((noted != CUA_OK || reported != CUA_OK) && !result->error.msg[0]) {
		result->outcome = CUA_AGENT_DESKTOP_ERROR;
		result->error = why;
	}
}

void cua_agent_run(const struct cua_agent_options *options, struct cua_agent_result *ret_result)
{
	*ret_result = (struct cua_agent_result){ 0 };
	struct agent_run run = { .options = options,
		.result = ret_result,
		.journal = { .dir_fd = -1, .screenshots_fd = -1, .events_fd = -1 },
		.started_us = cua_now_us(),
		.deadline_us = UINT64_MAX,
		.stop_fd = -1 };
	if (run_stop_open(&run) && open_redactor(&run) && run_policy_open(&run) &&
			run_tools_open(&run)) {
		prepare(&run);
	}
	/* Money that cannot be counted is none from the start. */
	const struct agent_usage any = { .input_tokens = 1, .output_tokens = 1 };
	ret_result->cost_usd += 0 * run_cost(&run, &any);
	if (!run.is_over) {
		loop(&run);
	}
	ret_result->ms = run.spent_ms + (double)(cua_now_us() - run.started_us) / 1000.0;
	hide_result(&run);
	if (run.journal.events_fd >= 0) {
		close_journal(&run);
	}
	agent_model_destroy(run.model);
	run_mcp_close(&run);
	agent_desktop_destroy(run.desktop);
	agent_journal_finish(&run.journal);
	run_policy_close(&run);
	cJSON_Delete(run.functions);
	agent_redactor_destroy(run.redactor);
	run_stop_close(&run);
}

void cua_agent_result_finish(struct cua_agent_result *result)
{
	free(result->answer);
	free(result->run_dir);
	*result = (struct cua_agent_result){ 0 };
}

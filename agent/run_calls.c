#include "agent/run_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define NOTES_MAX ((size_t)64 << 10)

/* What the model must be told besides the answers; one user message after them. */
struct notes {
	struct agent_run *run;
	struct cua_buffer text;
};

static void add_note(struct notes *notes, const char *lead, const char *text)
{
	struct cua_error why = { 0 };
	if (cua_buffer_printf(&notes->text, &why, "%s%s%s", notes->text.len ? "\n" : "", lead,
			    text) == CUA_ERR_NOMEM) {
		run_end_desktop(notes->run, &why);
	}
}

/* --- looking --- */

static bool await_person(struct agent_run *run)
{
	struct cua_error why = { 0 };
	uint64_t started_us = cua_now_us();
	if (!run_note_person(run, "has_desktop", 0)) {
		return false;
	}
	enum cua_status status = agent_desktop_await_lease(run->desktop, run->deadline_us, &why);
	double ms = (double)(cua_now_us() - started_us) / 1000.0;
	if (status == CUA_ERR_TIMEOUT && cua_now_us() >= run->deadline_us) {
		run_end(run, CUA_AGENT_LIMIT, &why);
		return false;
	}
	if (status != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	return run_note_person(run, "gave_back", ms);
}

static bool keep_note(struct agent_run *run, const char *note, char **ret_note)
{
	struct cua_error why = { 0 };
	if (!note) {
		return true;
	}
	free(*ret_note);
	*ret_note = strdup(note);
	if (!*ret_note) {
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "note");
		run_end_desktop(run, &why);
	}
	return *ret_note;
}

bool run_look(struct agent_run *run, char **ret_note)
{
	CUA_AUTO_JSON cJSON *look = cJSON_Parse("[{\"action\": \"screenshot\"}]");
	for (;;) {
		struct agent_outcome outcome;
		struct cua_error why = { 0 };
		enum cua_status status = agent_desktop_act(run->desktop, look, &outcome, &why);
		run->result->desktop_ms += outcome.ms;
		bool is_kept = keep_note(run, outcome.person_note, ret_note);
		double ms = outcome.ms;
		if (status == CUA_OK && outcome.status != CUA_OK) {
			status = outcome.status;
			cua_error_set(&why, status, 0, "%s", outcome.message);
		}
		agent_outcome_finish(&outcome);
		if (!is_kept) {
			return false;
		}
		if (status == CUA_OK) {
			return run_note_look(run, ms);
		}
		if (status != CUA_ERR_PERSON) {
			run_end_desktop(run, &why);
			return false;
		}
		if (!await_person(run)) {
			return false;
		}
	}
}

/* --- before anything runs --- */

/* Asks for every pending safety check first. Anything but a yes ends the run. */
static bool pass_safety(struct agent_run *run, const struct agent_turn *turn)
{
	const struct cua_agent_options *options = run->options;
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct agent_call *call = &turn->calls[i];
		if (!call->safety_checks) {
			continue;
		}
		bool is_yes = options->approve &&
				options->approve(call->safety_checks, options->user_data);
		if (!run_note_safety(run, call, is_yes)) {
			return false;
		}
		if (!is_yes && run_is_cancelled(run)) {
			run_end(run, CUA_AGENT_INTERRUPTED, NULL);
			return false;
		}
		if (!is_yes) {
			struct cua_error why = { 0 };
			cua_error_set(&why, CUA_ERR_POLICY, 0,
					"the model's provider asked for consent and got none");
			run_end(run, CUA_AGENT_STOPPED, &why);
			return false;
		}
	}
	return true;
}

static const char *first_problem(const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		if (turn->calls[i].problem[0]) {
			return turn->calls[i].problem;
		}
	}
	return NULL;
}

/* --- answers --- */

/* The text that answers a function call: what the desktop said of its one action. */
static char *result_text(const struct agent_outcome *outcome, const char *problem)
{
	CUA_AUTO_JSON cJSON *text = NULL;
	const cJSON *results = outcome
			? cJSON_GetObjectItemCaseSensitive(outcome->answer, "results")
			: NULL;
	const cJSON *first = cJSON_GetArrayItem(results, 0);
	text = first ? cJSON_Duplicate(first, true) : cJSON_CreateObject();
	if (problem) {
		cJSON_AddStringToObject(text, "error", problem);
	}
	return cJSON_PrintUnformatted(text);
}

static bool answer(struct agent_run *run, const struct agent_call *call,
		const struct agent_outcome *outcome, const char *problem)
{
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *text =
			call->kind == AGENT_CALL_FUNCTION ? result_text(outcome, problem) : NULL;
	if (agent_model_add_answer(run->model, call, text, agent_desktop_screen(run->desktop), true,
			    &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	return true;
}

static bool answer_not_run(
		struct agent_run *run, const struct agent_call *call, const char *problem)
{
	return run_note_not_run(run, call, problem) && answer(run, call, NULL, problem);
}

/* --- running --- */

static void note_failure(struct notes *notes, const struct agent_outcome *outcome)
{
	if (outcome->status == CUA_ERR_PERSON) {
		add_note(notes,
				"A person took over the desktop; the rest of your actions was not "
				"run. ",
				"The screenshot shows what the person left: look before you go "
				"on.");
		return;
	}
	char lead[160];
	if (outcome->failed_action >= 0) {
		snprintf(lead, sizeof(lead),
				"Action %d of the call failed (the first is 0), and those after it "
				"were not run: ",
				outcome->failed_action);
	} else {
		snprintf(lead, sizeof(lead), "The call failed: ");
	}
	add_note(notes, lead, outcome->message);
}

/* After a failure the screen may have changed hands; look at it as the agent's again. */
static bool settle_with_person(struct agent_run *run, struct notes *notes)
{
	CUA_AUTO_FREE char *note = NULL;
	if (!await_person(run) || !run_look(run, &note)) {
		return false;
	}
	if (note) {
		add_note(notes, "", note);
	}
	return !run->is_over;
}

static int count_results(const struct agent_outcome *outcome)
{
	int count = 0;
	const cJSON *result = NULL;
	cJSON_ArrayForEach (result, cJSON_GetObjectItemCaseSensitive(outcome->answer, "results")) {
		const char *status = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(result, "status"));
		count += !status || strcmp(status, "failed") != 0;
	}
	return count;
}

/* What to do with an outcome that did arrive. False if the run is over. */
static bool take_outcome(struct agent_run *run, const struct agent_call *call,
		const struct agent_outcome *outcome, struct notes *notes)
{
	if (!run_note_result(run, call, outcome, NULL)) {
		return false;
	}
	run->result->actions += count_results(outcome);
	if (call->note[0]) {
		add_note(notes, "", call->note);
	}
	if (outcome->person_note) {
		add_note(notes, "", outcome->person_note);
	}
	if (outcome->status == CUA_OK) {
		return answer(run, call, outcome, NULL);
	}
	if (call->kind == AGENT_CALL_COMPUTER || outcome->status == CUA_ERR_PERSON) {
		note_failure(notes, outcome); /* a function's answer says it itself */
	}
	if (outcome->status == CUA_ERR_PERSON && !settle_with_person(run, notes)) {
		return false;
	}
	return answer(run, call, outcome, outcome->message);
}

/* Intent, effect, result. *ret_failed: an action did not succeed. False if the run is over. */
static bool run_call(struct agent_run *run, const struct agent_call *call, struct notes *notes,
		bool *ret_failed)
{
	struct agent_outcome outcome;
	struct cua_error why = { 0 };
	if (run_is_cancelled(run)) {
		run_end(run, CUA_AGENT_INTERRUPTED, NULL);
		return false;
	}
	if (!run_note_intent(run, call)) {
		return false;
	}
	enum cua_status status = agent_desktop_act(run->desktop, call->actions, &outcome, &why);
	run->result->desktop_ms += outcome.ms;
	bool goes_on = false;
	if (status == CUA_OK) {
		*ret_failed = outcome.status != CUA_OK;
		goes_on = take_outcome(run, call, &outcome, notes);
	} else {
		run_end_desktop(run, &why);
		run_note_result(run, call, &outcome, &why);
	}
	agent_outcome_finish(&outcome);
	return goes_on;
}

static void run_all(struct agent_run *run, const struct agent_turn *turn, struct notes *notes)
{
	bool has_failed = false;
	for (size_t i = 0; i < turn->call_count && !run->is_over; i++) {
		const struct agent_call *call = &turn->calls[i];
		if (has_failed) {
			add_note(notes, "Not run, because a call before it failed: call ",
					call->id);
			answer_not_run(run, call, "not run, because a call before it failed");
		} else if (!run_call(run, call, notes, &has_failed)) {
			return;
		}
	}
}

/* One bad call and none is run: the model did not mean half of its plan. */
static void refuse_all(struct agent_run *run, const struct agent_turn *turn, struct notes *notes)
{
	for (size_t i = 0; i < turn->call_count && !run->is_over; i++) {
		const struct agent_call *call = &turn->calls[i];
		const char *why = call->problem[0]
				? call->problem
				: "not run, because another call of the same answer was refused";
		answer_not_run(run, call, why);
	}
	add_note(notes, "Nothing was run: ", first_problem(turn));
}

void run_calls(struct agent_run *run, const struct agent_turn *turn)
{
	struct notes notes = { .run = run };
	struct cua_error why = { 0 };
	cua_buffer_init(&notes.text, NOTES_MAX);
	if (first_problem(turn)) {
		refuse_all(run, turn, &notes);
	} else if (pass_safety(run, turn)) {
		run_all(run, turn, &notes);
	}
	if (!run->is_over && notes.text.len > 0 &&
			agent_model_add_user(run->model, notes.text.data, NULL, &why) != CUA_OK) {
		run_end_desktop(run, &why);
	}
	cua_buffer_finish(&notes.text);
}

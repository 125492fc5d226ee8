#include "agent/run_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define NOTE_MAX ((size_t)64 << 10)
#define TAKEN_OVER \
	"A person took over the desktop; the rest of your actions was not run. The screenshot " \
	"shows what the person left: look before you go on."

/* What an answer points to. */
struct kept {
	cJSON *outcome; /* owned; what the desktop answered */
	char problem[640];
	struct agent_image image;
};

/* One turn's calls and what came of them. */
struct batch {
	struct agent_run *run;
	const struct agent_turn *turn;
	struct agent_answer *answers; /* owned; as many as the turn has calls */
	struct kept *kept;            /* owned; likewise */
	size_t answered;
	struct cua_buffer note; /* what the model must know besides the answers */
};

static void add_note(struct batch *batch, const char *text)
{
	struct cua_error why = { 0 };
	if (cua_buffer_printf(&batch->note, &why, "%s%s", batch->note.len ? "\n" : "", text) ==
			CUA_ERR_NOMEM) {
		run_end_desktop(batch->run, &why);
	}
}

/* --- looking --- */

static bool await_person(struct agent_run *run)
{
	struct cua_error why = { 0 };
	struct agent_lease lease;
	const uint64_t started_us = cua_now_us();
	(void)agent_desktop_is_persons(run->desktop, &lease);
	if (!run_note_lease(run, "has_desktop", &lease)) {
		return false;
	}
	/* It is the person's time, which ends by itself when they have gone. */
	agent_desktop_set_deadline(run->desktop, UINT64_MAX);
	enum cua_status status = agent_desktop_await_lease(run->desktop, &lease, &why);
	const uint64_t waited_us = run_leave_out(run, started_us);
	if (status != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	lease.ms = lease.ms > 0 ? lease.ms : (double)waited_us / 1000.0;
	run->person_was_private = lease.is_private;
	return run_note_lease(run, "gave_back", &lease);
}

/* Where a person has left the browser, behind what the desktop says of them. */
static bool add_place(struct agent_run *run, char **note)
{
	static const char *const browsers[] = { "chrom", "firefox", "browser", "epiphany" };
	const char *class = agent_desktop_window(run->desktop, "class");
	bool is_browser = false;
	for (size_t i = 0; class && i < CUA_ARRAY_LEN(browsers); i++) {
		is_browser = is_browser || strcasestr(class, browsers[i]);
	}
	CUA_AUTO_FREE char *url = is_browser && *note && !run->person_was_private
			? agent_desktop_url(run->desktop)
			: NULL;
	char *longer = NULL;
	if (!url) {
		return true;
	}
	cua_text_strip(url);
	if (asprintf(&longer, "%s. The browser is at %s", *note, url) < 0) {
		struct cua_error why = { 0 };
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "note");
		run_end_desktop(run, &why);
		return false;
	}
	free(*note);
	*note = longer;
	agent_redact(run->redactor, note);
	return true;
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
		return false;
	}
	agent_redact(run->redactor, ret_note);
	return true;
}

/* It is short, and all that follows goes by it: it is not broken off. */
static bool look(struct agent_run *run, char **ret_note)
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

bool run_look(struct agent_run *run, char **ret_note)
{
	const bool may_interrupt = run_let_interrupt(run, false);
	const bool goes_on = look(run, ret_note);
	(void)run_let_interrupt(run, may_interrupt);
	return goes_on;
}

/* --- before anything runs --- */

/* Asks for every pending safety check first. Anything but a yes ends the run. */
static bool pass_safety(struct agent_run *run, const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct agent_call *call = &turn->calls[i];
		if (!call->safety_checks) {
			continue;
		}
		bool is_yes = run_policy_check(run, call);
		if (run->is_over || !run_note_safety(run, call, is_yes)) {
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

static bool has_problem(const struct agent_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		if (turn->calls[i].problem[0]) {
			return true;
		}
	}
	return false;
}

/* --- answers --- */

/* Of the next call. outcome: NULL if it never came to the desktop; what it points to is taken over.
 * problem: NULL if there is none. */
static bool answer(struct batch *batch, enum agent_answer_status status,
		struct agent_outcome *outcome, const char *problem)
{
	const struct agent_image *seen = outcome && outcome->picture.base64
			? &outcome->picture
			: agent_desktop_screen(batch->run->desktop);
	struct kept *kept = &batch->kept[batch->answered];
	struct cua_error why = { 0 };
	if (agent_image_copy(seen, &kept->image, &why) != CUA_OK) {
		run_end_desktop(batch->run, &why);
		return false;
	}
	kept->outcome = outcome ? CUA_STEAL(outcome->answer) : NULL;
	snprintf(kept->problem, sizeof(kept->problem), "%s", problem ? problem : "");
	agent_redact_fixed(batch->run->redactor, kept->problem, sizeof(kept->problem));
	batch->answers[batch->answered] = (struct agent_answer){
		.call = &batch->turn->calls[batch->answered],
		.status = status,
		.results = cua_json_member(kept->outcome, "results"),
		.words = cua_json_string(kept->outcome, "words"),
		.has_own_image = cJSON_IsTrue(cua_json_member(kept->outcome, "has_own_image")),
		.problem = problem ? kept->problem : NULL,
		.image = &kept->image,
		/* pass_safety() has ended the run otherwise. */
		.acknowledged = batch->turn->calls[batch->answered].safety_checks != NULL,
	};
	batch->answered++;
	return true;
}

static bool answer_not_run(
		struct batch *batch, enum agent_answer_status status, const char *problem)
{
	const struct agent_call *call = &batch->turn->calls[batch->answered];
	return run_note_not_run(batch->run, call, problem) && answer(batch, status, NULL, problem);
}

static void describe_failure(const struct agent_call *call, const struct agent_outcome *outcome,
		char *text, size_t size)
{
	if (outcome->status == CUA_ERR_PERSON) {
		snprintf(text, size, "%s", TAKEN_OVER);
	} else if (outcome->failed_action >= 0 && call->kind == AGENT_CALL_COMPUTER) {
		snprintf(text, size,
				"Action %d of the call failed (the first is 0), and those after it "
				"were "
				"not run: %s",
				outcome->failed_action, outcome->message);
	} else {
		snprintf(text, size, "%s", outcome->message);
	}
}

/* --- running --- */

/* After a failure the screen may have changed hands; look at it as the agent's again. */
static bool settle_with_person(struct batch *batch)
{
	CUA_AUTO_FREE char *note = NULL;
	if (!await_person(batch->run) || !run_look(batch->run, &note) ||
			!add_place(batch->run, &note)) {
		return false;
	}
	if (note) {
		add_note(batch, note);
	}
	return !batch->run->is_over;
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

static void note_invisible(struct batch *batch, size_t count)
{
	char text[120];
	snprintf(text, sizeof(text),
			"%zu invisible characters were left out of what the desktop answered.",
			count);
	add_note(batch, text);
}

/* What to do with an outcome that did arrive. False if the run is over. */
static bool take_outcome(
		struct batch *batch, const struct agent_call *call, struct agent_outcome *outcome)
{
	char problem[640];
	if (!run_note_result(batch->run, call, outcome, NULL)) {
		return false;
	}
	batch->run->result->actions += count_results(outcome);
	if (call->note[0]) {
		add_note(batch, call->note);
	}
	if (outcome->invisible > 0) {
		note_invisible(batch, outcome->invisible);
	}
	if (outcome->person_note) {
		add_note(batch, outcome->person_note);
	}
	if (cua_json_string(outcome->answer, "withheld")) {
		add_note(batch, cua_json_text(outcome->answer, "withheld"));
	}
	if (outcome->status == CUA_OK) {
		return answer(batch, AGENT_ANSWER_OK, outcome, NULL);
	}
	describe_failure(call, outcome, problem, sizeof(problem));
	if (outcome->status == CUA_ERR_PERSON && !settle_with_person(batch)) {
		return false;
	}
	return answer(batch, outcome->is_uncertain ? AGENT_ANSWER_UNCERTAIN : AGENT_ANSWER_FAILED,
			outcome, problem);
}

/* The same again on the same screen has not done what was meant: first the model is told so, which
 * it hears only after its turn. True if the run is over. */
static bool goes_in_circles(struct batch *batch, const struct agent_call *call)
{
	struct agent_run *run = batch->run;
	const int limit = run->options->limits.repeats;
	const struct agent_image *screen = agent_desktop_screen(run->desktop);
	const int times = agent_circle_note(&run->circle, call->actions, screen->sha256);
	struct cua_error why = { 0 };
	const bool was_told = run->circle_told_step > 0 && run->circle_told_step < run->step;
	if (limit > 0 && times > limit && was_told) {
		cua_error_set(&why, CUA_ERR_MODEL, 0,
				"the model did the same on the same screen %d times, and goes on; "
				"--max-repeats raises the limit",
				times - 1);
		run_end_limit(run, AGENT_LIMIT_REPEATS, &why);
	} else if (limit > 0 && times == limit / 2 + 1) {
		char text[200];
		snprintf(text, sizeof(text),
				"You have done exactly this on exactly this screen %d times now. "
				"Do something else: another way, or give_up.",
				times);
		add_note(batch, text);
		run->circle_told_step = run->step;
	}
	return run->is_over;
}

/* False if the run is over. */
static bool count_errors(struct agent_run *run, bool is_error)
{
	const int limit = run->options->limits.errors;
	struct cua_error why = { 0 };
	run->errors = is_error ? run->errors + 1 : 0;
	if (limit > 0 && run->errors >= limit) {
		cua_error_set(&why, CUA_ERR_MODEL, 0,
				"%d calls of the model failed one after another; --max-errors "
				"raises the limit",
				run->errors);
		run_end_limit(run, AGENT_LIMIT_ERRORS, &why);
	}
	return !run->is_over;
}

static bool refuse(struct batch *batch, const char *problem)
{
	return answer_not_run(batch, AGENT_ANSWER_FAILED, problem) &&
			count_errors(batch->run, true);
}

/* *ret_refused: it is not to run, and the model is told why. False if the run is over. */
static bool pass_policy(struct batch *batch, const struct run_request *request, bool *ret_refused)
{
	char problem[640] = "";
	CUA_AUTO_FREE char *note = NULL;
	enum run_pass pass = RUN_PASS_REFUSED;
	if (run_secrets_check(batch->run, request->call, problem, sizeof(problem))) {
		pass = run_policy_pass(batch->run, request, problem, sizeof(problem), &note);
	}
	if (note) {
		add_note(batch, note);
	}
	*ret_refused = pass == RUN_PASS_REFUSED;
	return pass == RUN_PASS_GO || (pass == RUN_PASS_REFUSED && refuse(batch, problem));
}

/* What the policy is asked about. False, with problem, if there is nothing to ask. */
static bool describe_call(struct agent_run *run, const struct agent_call *call,
		struct run_request *ret_request, char *problem, size_t size)
{
	if (run_mcp_has(run, call)) {
		return run_mcp_request(run, call, ret_request, problem, size);
	}
	*ret_request = call->kind == AGENT_CALL_TOOL ? run_tool_request(run, call)
						     : run_policy_computer(run, call);
	return true;
}

static enum cua_status perform(struct agent_run *run, const struct run_request *request,
		struct agent_outcome *ret_outcome, struct cua_error *err)
{
	const struct agent_call *call = request->call;
	if (run_mcp_has(run, call)) {
		return run_mcp_call(run, request, ret_outcome, err);
	}
	enum cua_status status = call->kind == AGENT_CALL_TOOL
			? run_tool(run, call, ret_outcome, err)
			: agent_desktop_act(run->desktop, call->actions, ret_outcome, err);
	run->result->desktop_ms += ret_outcome->ms;
	return status;
}

static enum cua_status perform_unless_interrupted(struct agent_run *run,
		const struct run_request *request, struct agent_outcome *ret_outcome,
		struct cua_error *err)
{
	(void)run_let_interrupt(run, true);
	enum cua_status status = perform(run, request, ret_outcome, err);
	(void)run_let_interrupt(run, false);
	return status;
}

/* Nothing that a tool, a window or a page shows is told or written down before. */
static void hide_outcome(struct agent_run *run, struct agent_outcome *outcome)
{
	static const char notice[] =
			"[a picture that holds a secret of the user in its bytes is not shown]";
	agent_redact_json(run->redactor, outcome->answer);
	agent_redact_fixed(run->redactor, outcome->message, sizeof(outcome->message));
	outcome->person_note = cua_json_string(outcome->answer, "person_note");
	if (outcome->picture.base64 &&
			agent_redact_finds(run->redactor, outcome->picture.bytes,
					outcome->picture.len)) {
		agent_image_finish(&outcome->picture);
		cJSON_ReplaceItemInObjectCaseSensitive(
				outcome->answer, "has_own_image", cJSON_CreateFalse());
		cJSON_DeleteItemFromObjectCaseSensitive(outcome->answer, "words");
		cJSON_AddStringToObject(outcome->answer, "words", notice);
	}
}

static bool look_anew(struct batch *batch)
{
	CUA_AUTO_FREE char *note = NULL;
	if (!run_look(batch->run, &note)) {
		return false;
	}
	if (note) {
		add_note(batch, note);
	}
	return true;
}

/* What the model meant to do before a pause it decided by a screen that may be another one now. As
 * long as a person has the desktop it neither acts nor looks. */
static bool wait_for_person(struct batch *batch, bool *ret_failed)
{
	const char *how = NULL;
	char problem[200];
	struct agent_lease lease;
	if (agent_desktop_is_persons(batch->run->desktop, &lease)) {
		*ret_failed = true;
		return settle_with_person(batch) &&
				answer_not_run(batch, AGENT_ANSWER_FAILED, TAKEN_OVER);
	}
	if (!run_wait(batch->run, &how)) {
		return false;
	}
	if (!how) {
		return true;
	}
	*ret_failed = true;
	snprintf(problem, sizeof(problem),
			"Not run: a person %s the run before this. The screenshot shows what is "
			"there now; look before you go on.",
			how);
	return look_anew(batch) && answer_not_run(batch, AGENT_ANSWER_FAILED, problem);
}

/* Its request is dropped, which ends it on the desktop; how far it came nobody says. */
static bool take_interruption(struct batch *batch, const struct agent_call *call,
		const struct agent_outcome *outcome)
{
	struct cua_error why = { 0 };
	cua_error_set(&why, CUA_ERR_CANCELLED, 0, "a person interrupted it");
	return run_note_result(batch->run, call, outcome, &why) && look_anew(batch) &&
			answer(batch, AGENT_ANSWER_UNCERTAIN, NULL,
					"A person interrupted this: it may have taken effect, all "
					"or "
					"in part. The screenshot shows what is there now; look "
					"before "
					"you go on.");
}

/* Intent, effect, result. *ret_failed: an action did not succeed. False if the run is over. */
static bool run_call(struct batch *batch, const struct agent_call *call, bool *ret_failed)
{
	struct agent_run *run = batch->run;
	struct agent_outcome outcome;
	struct run_request request;
	struct cua_error why = { 0 };
	char problem[640];
	if (run_is_cancelled(run)) {
		run_end(run, CUA_AGENT_INTERRUPTED, NULL);
		return false;
	}
	if (!describe_call(run, call, &request, problem, sizeof(problem))) {
		*ret_failed = true;
		return refuse(batch, problem);
	}
	if (goes_in_circles(batch, call) || !pass_policy(batch, &request, ret_failed)) {
		return false;
	}
	/* Whoever paused it while another was asked has it wait, whatever was answered. */
	if (!*ret_failed && !wait_for_person(batch, ret_failed)) {
		return false;
	}
	if (*ret_failed) {
		return true;
	}
	if (!run_note_intent(run, &request)) {
		return false;
	}
	const enum cua_status status = perform_unless_interrupted(run, &request, &outcome, &why);
	const cJSON *told = outcome.answer; /* the batch's, once it is taken */
	hide_outcome(run, &outcome);
	bool goes_on = false;
	if (status == CUA_OK) {
		*ret_failed = outcome.status != CUA_OK ||
				cJSON_IsTrue(cua_json_member(outcome.answer, "is_error"));
		/* What was read counts, also where the run ends here and goes on later. */
		goes_on = take_outcome(batch, call, &outcome) &&
				run_policy_read(run, &request, told) &&
				count_errors(run, *ret_failed && outcome.status != CUA_ERR_PERSON);
	} else if (status == CUA_ERR_CANCELLED && run_take_interrupt(run)) {
		*ret_failed = true;
		goes_on = take_interruption(batch, call, &outcome);
	} else {
		run_end_desktop(run, &why);
		run_note_result(run, call, &outcome, &why);
	}
	agent_outcome_finish(&outcome);
	return goes_on;
}

static void run_all(struct batch *batch)
{
	bool has_failed = false, goes_on = true;
	for (size_t i = 0; goes_on && i < batch->turn->call_count; i++) {
		goes_on = has_failed || wait_for_person(batch, &has_failed);
		if (goes_on && has_failed && batch->answered == i) {
			goes_on = answer_not_run(batch, AGENT_ANSWER_NOT_RUN,
					"not run, because a call before it failed");
		} else if (goes_on && !has_failed) {
			goes_on = run_call(batch, &batch->turn->calls[i], &has_failed);
		}
	}
}

/* One bad call and none is run: the model did not mean half of its plan. */
static void refuse_all(struct batch *batch)
{
	bool goes_on = true;
	for (size_t i = 0; goes_on && i < batch->turn->call_count; i++) {
		const char *problem = batch->turn->calls[i].problem;
		goes_on = problem[0] ? answer_not_run(batch, AGENT_ANSWER_FAILED, problem)
				     : answer_not_run(batch, AGENT_ANSWER_NOT_RUN,
						       "not run, because another call of the same "
						       "answer was refused");
	}
	if (goes_on) {
		(void)count_errors(batch->run, true);
	}
}

/* The turn would end the run, but the last word is a person's. */
static void refuse_end(struct batch *batch)
{
	bool goes_on = true;
	for (size_t i = 0; goes_on && i < batch->turn->call_count; i++) {
		goes_on = answer_not_run(batch, AGENT_ANSWER_FAILED,
				"Not done yet: a person has said something meanwhile, which "
				"follows.");
	}
}

static void open_batch(struct batch *batch, struct cua_error *why)
{
	size_t count = batch->turn->call_count;
	cua_buffer_init(&batch->note, NOTE_MAX);
	batch->answers = calloc(count, sizeof(*batch->answers));
	batch->kept = calloc(count, sizeof(*batch->kept));
	if (!batch->answers || !batch->kept) {
		cua_error_set(why, CUA_ERR_NOMEM, ENOMEM, "answers");
		run_end_desktop(batch->run, why);
	}
}

static void close_batch(struct batch *batch)
{
	for (size_t i = 0; i < batch->answered; i++) {
		cJSON_Delete(batch->kept[i].outcome);
		agent_image_finish(&batch->kept[i].image);
	}
	free(batch->answers);
	free(batch->kept);
	cua_buffer_finish(&batch->note);
}

void run_calls(struct agent_run *run, const struct agent_turn *turn)
{
	struct batch batch = { .run = run, .turn = turn };
	struct cua_error why = { 0 };
	open_batch(&batch, &why);
	/* Before anything else: an answer acknowledges what it answers, also that of a call that is
	 * refused. */
	if (!run->is_over && run_policy_look(run) && pass_safety(run, turn)) {
		if (has_problem(turn)) {
			refuse_all(&batch);
		} else if (run_find_give_up(turn) || run_find_done(turn)) {
			refuse_end(&batch);
		} else {
			run_all(&batch);
		}
	}
	if (!run->is_over) {
		(void)run_tell_answers(run, batch.answers, batch.answered, batch.note.data);
	}
	close_batch(&batch);
}

/* The policy's place in a run: what is known of a call, the decision, a person's yes, taint. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/event.h"
#include "agent/run_internal.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* --- with the run --- */

bool run_policy_open(struct agent_run *run)
{
	struct cua_error why = { 0 };
	run->policy = run->options->policy;
	run->ledger = agent_ledger_create();
	if (!run->ledger) {
		cua_error_set(&why, CUA_ERR_NOMEM, ENOMEM, "policy");
	} else if (run->policy || agent_policy_load(NULL, &run->own_policy, &why) == CUA_OK) {
		run->policy = run->policy ? run->policy : run->own_policy;
		run->approvals.limit = agent_policy_questions(run->policy);
		return true;
	}
	run_end_desktop(run, &why);
	return false;
}

void run_policy_close(struct agent_run *run)
{
	agent_ledger_destroy(run->ledger);
	agent_policy_destroy(run->own_policy);
}

/* How long ago an event was; clocks are set, so never more than it can have been. */
static uint64_t us_since(const cJSON *event)
{
	const double ago_ms = (double)time(NULL) * 1000.0 - agent_event_time_ms(event);
	return ago_ms > 0 && ago_ms < 1e12 ? (uint64_t)(ago_ms * 1000.0) : 0;
}

static void replay_counted(
		struct agent_run *run, const cJSON *counted, uint64_t now_us, uint64_t ago_us)
{
	const cJSON *one = NULL;
	cJSON_ArrayForEach (one, counted) {
		agent_ledger_restore(run->ledger, run->policy, cua_json_text(one, "file"),
				cua_json_int(one, "line"), cua_json_number(one, "amount"), now_us,
				ago_us);
	}
}

/* Where the shell is, if the answer of a tool says so. */
static void keep_directory(struct agent_run *run, const cJSON *answer)
{
	const char *directory = cua_json_string(answer, "directory");
	if (directory) {
		snprintf(run->directory, sizeof(run->directory), "%s", directory);
	}
}

void run_policy_replay(struct agent_run *run, const cJSON *events)
{
	const uint64_t now_us = cua_now_us();
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const uint64_t ago_us = us_since(event);
		const char *answer = cua_json_text(event, "answer");
		if (agent_event_is(event, "taint")) {
			run->is_tainted = true;
		} else if (agent_event_is(event, "decision")) {
			replay_counted(run, cua_json_member(event, "counted"), now_us, ago_us);
		} else if (agent_event_is(event, "result") && !run->options->desktop_is_new) {
			keep_directory(run, event);
		} else if (agent_event_is(event, "approval") && strcmp(answer, "nobody") != 0 &&
				strcmp(answer, "not_asked") != 0) {
			agent_approvals_asked(
					&run->approvals, now_us > ago_us ? now_us - ago_us : 0);
			agent_approvals_refuse(&run->approvals, cua_json_text(event, "refused"));
		}
	}
}

/* --- what is known --- */

struct run_request run_policy_computer(struct agent_run *run, const struct agent_call *call)
{
	return (struct run_request){ .call = call,
		.tool = "computer",
		.arguments = call->actions,
		.network = agent_desktop_network(run->desktop) };
}

struct agent_asked run_policy_asked(const struct run_request *request)
{
	return (struct agent_asked){ .tool = request->tool,
		.server = request->server,
		.server_tool = request->server_tool,
		.arguments = request->arguments };
}

static bool is_computer(const struct run_request *request)
{
	return strcmp(request->tool, "computer") == 0;
}

/* After it another window may be the active one. */
static bool may_change_window(const cJSON *action)
{
	static const char *const stay[] = { "move", "scroll", "mouse_up", "clipboard_set" };
	const struct cua_action_spec *spec = cua_action_find(cua_json_text(action, "action"));
	for (size_t i = 0; i < CUA_ARRAY_LEN(stay); i++) {
		if (spec && strcmp(spec->name, stay[i]) == 0) {
			return false;
		}
	}
	return !spec || spec->is_input;
}

static struct agent_policy_call describe(const struct agent_run *run,
		const struct run_request *request, const cJSON *arguments, bool knows_window,
		const char *url)
{
	return (struct agent_policy_call){
		.tool = request->tool,
		.arguments = arguments,
		.server = request->server,
		.server_tool = request->server_tool,
		.window_class = knows_window ? agent_desktop_window(run->desktop, "class") : NULL,
		.window_title = knows_window ? agent_desktop_window(run->desktop, "title") : NULL,
		.url = knows_window ? url : NULL,
		.workspace = request->workspace,
		.directory = run->directory[0] ? run->directory : NULL,
		.network = request->network,
		.is_tainted = run->is_tainted,
		.now_us = cua_now_us(),
	};
}

/* All actions of a request of the computer; the worst verdict holds for all. ledger NULL: nothing
 * is counted. */
static void judge(struct agent_run *run, struct agent_ledger *ledger,
		const struct run_request *request, const char *url,
		struct agent_decision *ret_decision)
{
	struct agent_decision decision = { 0 };
	bool knows_window = true, wants_url = false;
	const cJSON *action = is_computer(request) ? request->arguments->child : request->arguments;
	for (bool is_first = true; action; is_first = false) {
		const struct agent_policy_call call =
				describe(run, request, action, knows_window, url);
		struct agent_decision one;
		agent_policy_judge(run->policy, ledger, &call, &one);
		wants_url = wants_url || one.wants_url;
		if (is_first || agent_decision_is_worse(&one, &decision)) {
			decision = one;
		}
		knows_window = knows_window && !may_change_window(action);
		action = is_computer(request) ? action->next : NULL;
	}
	decision.wants_url = wants_url;
	*ret_decision = decision;
}

/* --- the decision --- */

static void tell(char *problem, size_t size, const struct agent_decision *decision, const char *how)
{
	const bool has_part = decision->part[0] != '\0', has_note = decision->note[0] != '\0';
	snprintf(problem, size,
			"Not run: %s. The reason: %s%s%s%s%s%s%s. Do it in another way, or give up "
			"and say why.",
			how, decision->reason, has_part ? ": \"" : "", decision->part,
			has_part ? "\"" : "", has_note ? " (" : "", decision->note,
			has_note ? ")" : "");
}

/* The screen that the person said yes to must be there still. False if the run is over. */
static bool take_yes(struct agent_run *run, const struct run_request *request, char **ret_note,
		enum agent_approval *ret_approval)
{
	const struct agent_asked asked = run_policy_asked(request);
	const char *screen = NULL;
	if (is_computer(request)) {
		if (!run_look(run, ret_note)) {
			return false;
		}
		screen = agent_desktop_screen(run->desktop)->sha256;
	}
	*ret_approval = agent_approvals_take(&run->approvals, &asked, screen, cua_now_us());
	return true;
}

static enum run_pass ask(struct agent_run *run, const struct run_request *request,
		const struct agent_decision *decision, char *problem, size_t size, char **ret_note)
{
	static const char *const voids[] = {
		[AGENT_APPROVAL_NONE] = "a person was asked, and memory ran out",
		[AGENT_APPROVAL_EXPIRED] = "a person said yes too late",
		[AGENT_APPROVAL_SCREEN] =
				"a person said yes, but the screen is another one by now; "
				"look at it, and ask for the same again if it is right",
	};
	const struct agent_asked asked = run_policy_asked(request);
	const char *why = NULL;
	enum agent_approval approval = AGENT_APPROVAL_NONE;
	if (run->options->approve &&
			!agent_approvals_may_ask(&run->approvals, &asked, cua_now_us(), &why)) {
		tell(problem, size, decision, why);
		return run_note_approval(run, request->call, "not_asked", NULL, 0)
				? RUN_PASS_REFUSED
				: RUN_PASS_OVER;
	}
	/* A person decides by what is there now; of a script nobody has looked since. */
	if (request->is_script && run->options->approve && !run_look(run, ret_note)) {
		return RUN_PASS_OVER;
	}
	switch (run_question(run, request, decision, NULL)) {
	case RUN_ANSWER_OVER:
		return RUN_PASS_OVER;
	case RUN_ANSWER_NOBODY:
		tell(problem, size, decision,
				"it needs a person's yes, and nobody is there to ask");
		return RUN_PASS_REFUSED;
	case RUN_ANSWER_NONE:
		tell(problem, size, decision,
				"it needs a person's yes, and nobody answered in time");
		return RUN_PASS_REFUSED;
	case RUN_ANSWER_INTERRUPTED:
		tell(problem, size, decision,
				"it needs a person's yes, and a person interrupted the run "
				"instead");
		return RUN_PASS_REFUSED;
	case RUN_ANSWER_NO:
		tell(problem, size, decision, "a person was asked and did not allow it");
		return RUN_PASS_REFUSED;
	case RUN_ANSWER_YES:
		break;
	}
	if (!take_yes(run, request, ret_note, &approval)) {
		return RUN_PASS_OVER;
	}
	if (approval == AGENT_APPROVAL_HOLDS) {
		return RUN_PASS_GO;
	}
	tell(problem, size, decision, voids[approval]);
	return run_note_approval(run, request->call,
			       approval == AGENT_APPROVAL_SCREEN ? "screen_changed" : "expired",
			       NULL, 0)
			? RUN_PASS_REFUSED
			: RUN_PASS_OVER;
}

enum run_pass run_policy_pass(struct agent_run *run, const struct run_request *request,
		char *problem, size_t size, char **ret_note)
{
	struct agent_decision decision;
	CUA_AUTO_FREE char *url = NULL;
	judge(run, NULL, request, NULL, &decision);
	if (decision.wants_url) {
		url = agent_desktop_url(run->desktop);
	}
	const size_t counted = agent_ledger_count(run->ledger);
	judge(run, run->ledger, request, url, &decision);
	if (!run_note_decision(run, request, &decision, agent_ledger_since(run->ledger, counted))) {
		return RUN_PASS_OVER;
	}
	if (decision.verdict == AGENT_ASK) {
		return ask(run, request, &decision, problem, size, ret_note);
	}
	if (decision.verdict == AGENT_DENY) {
		char how[120] = "the policy does not allow it";
		if (request->is_script) { /* there it is an exception, which code may look at */
			snprintf(how, sizeof(how), "the policy's rule \"%.80s\" does not allow it",
					decision.rule);
		}
		tell(problem, size, &decision, how);
		return RUN_PASS_REFUSED;
	}
	return RUN_PASS_GO;
}

/* --- safety checks --- */

static enum agent_verdict judge_check(
		struct agent_run *run, const struct agent_call *call, const cJSON *check)
{
	const struct run_request request = {
		.call = call, .tool = "safety_check", .network = "none"
	};
	const struct agent_policy_call facts = describe(run, &request, check, true, NULL);
	struct agent_decision decision;
	const size_t counted = agent_ledger_count(run->ledger);
	agent_policy_judge(run->policy, run->ledger, &facts, &decision);
	return run_note_decision(run, &request, &decision, agent_ledger_since(run->ledger, counted))
			? decision.verdict
			: AGENT_DENY;
}

bool run_policy_check(struct agent_run *run, const struct agent_call *call)
{
	enum agent_verdict worst = AGENT_ALLOW;
	const cJSON *check = NULL;
	cJSON_ArrayForEach (check, call->safety_checks) {
		const enum agent_verdict verdict = judge_check(run, call, check);
		worst = verdict > worst ? verdict : worst;
	}
	/* An empty list is no consent either. */
	if (!call->safety_checks->child || worst == AGENT_ASK) {
		const struct run_request request = run_policy_computer(run, call);
		const struct agent_decision decision = { .verdict = AGENT_ASK,
			.reason = "the model's provider asks for consent",
			.rule = "safety_check",
			.file = "",
			.risk = AGENT_RISK_EXTERNAL };
		return run_question(run, &request, &decision, call->safety_checks) ==
				RUN_ANSWER_YES;
	}
	return !run->is_over && worst == AGENT_ALLOW;
}

/* --- taint --- */

static bool note_if_tainted(struct agent_run *run, const struct run_request *request,
		const cJSON *arguments, bool knows_window, const cJSON *answer)
{
	struct agent_decision decision;
	struct agent_policy_call call = describe(run, request, arguments, knows_window, NULL);
	call.told = cua_json_string(answer, "words");
	CUA_AUTO_FREE char *url = NULL;
	bool taints = agent_policy_taints(run->policy, &call, &decision);
	if (taints && knows_window && decision.wants_url &&
			(url = agent_desktop_url(run->desktop))) {
		call.url = url;
		taints = agent_policy_taints(run->policy, &call, &decision);
	}
	if (!taints) {
		return true;
	}
	run->is_tainted = true;
	return run_note_taint(run, request->call, &decision);
}

/* Shows something of the screen, beside what every answer does. */
static bool shows(const cJSON *action)
{
	static const char *const blind[] = { "cursor_position", "wait" };
	const struct cua_action_spec *spec = cua_action_find(cua_json_text(action, "action"));
	for (size_t i = 0; i < CUA_ARRAY_LEN(blind); i++) {
		if (spec && strcmp(spec->name, blind[i]) == 0) {
			return false;
		}
	}
	return !spec || !spec->is_input;
}

static bool any_changes_window(const cJSON *action)
{
	for (; action; action = action->next) {
		if (may_change_window(action)) {
			return true;
		}
	}
	return false;
}

/* What a call shows in its middle may be a window that was neither there before it, when the model
 * saw the screen, nor is now. What a script is about to do is shown behind what it does. */
static bool read_actions(struct agent_run *run, const struct run_request *request)
{
	bool has_changed = false, goes_on = true;
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, request->arguments) {
		const bool is_other = has_changed && shows(action) &&
				(request->is_script || any_changes_window(action->next));
		goes_on = goes_on &&
				(run->is_tainted ||
						note_if_tainted(run, request, action, !is_other,
								NULL));
		has_changed = has_changed || may_change_window(action);
	}
	return goes_on;
}

bool run_policy_read(struct agent_run *run, const struct run_request *request, const cJSON *answer)
{
	if (is_computer(request)) {
		return read_actions(run, request);
	}
	const bool goes_on = run->is_tainted ||
			note_if_tainted(run, request, request->arguments, true, answer);
	keep_directory(run, answer); /* what it has read, it read where it was before */
	return goes_on;
}

bool run_policy_look(struct agent_run *run)
{
	CUA_AUTO_JSON cJSON *look = cJSON_Parse("[{\"action\":\"screenshot\"}]");
	const struct run_request request = { .tool = "computer",
		.arguments = look,
		.network = agent_desktop_network(run->desktop) };
	return look && run_policy_read(run, &request, NULL);
}

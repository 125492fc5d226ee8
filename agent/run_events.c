#include "agent/run_internal.h"

#include <math.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static cJSON *open_event(const char *type)
{
	cJSON *event = cJSON_CreateObject();
	if (!cJSON_AddStringToObject(event, "type", type)) {
		cJSON_Delete(event);
		return NULL;
	}
	return event;
}

static cJSON *open_step_event(struct agent_run *run, const char *type)
{
	cJSON *event = open_event(type);
	cJSON_AddNumberToObject(event, "step", run->step);
	return event;
}

static bool append(struct agent_run *run, cJSON *event, bool sync)
{
	struct cua_error why = { 0 };
	if (agent_journal_append(&run->journal, event, sync, &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	return true;
}

static void add_usage(cJSON *event, const struct agent_usage *usage)
{
	cJSON *json = cJSON_AddObjectToObject(event, "usage");
	cJSON_AddNumberToObject(json, "input_tokens", usage->input_tokens);
	cJSON_AddNumberToObject(json, "cached_tokens", usage->cached_tokens);
	cJSON_AddNumberToObject(json, "cache_write_tokens", usage->cache_write_tokens);
	cJSON_AddNumberToObject(json, "output_tokens", usage->output_tokens);
	cJSON_AddNumberToObject(json, "reasoning_tokens", usage->reasoning_tokens);
}

static void add_cost(cJSON *json, const char *name, double usd)
{
	if (!isnan(usd)) {
		cJSON_AddNumberToObject(json, name, usd);
	}
}

/* Times to a hundredth of a millisecond: more digits are noise. */
static void add_ms(cJSON *event, const char *name, double ms)
{
	cJSON_AddNumberToObject(event, name, (double)(int64_t)(ms * 100.0 + 0.5) / 100.0);
}

/* Files the image and names it in the event; NULL adds nothing. */
static bool add_image(struct agent_run *run, cJSON *event, const struct agent_image *image)
{
	struct cua_error why = { 0 };
	if (!image) {
		return true;
	}
	if (agent_journal_screenshot(&run->journal, image->sha256, image->bytes, image->len,
			    &why) != CUA_OK) {
		run_end_desktop(run, &why);
		return false;
	}
	cJSON_AddStringToObject(event, "screenshot", image->sha256);
	cJSON_AddNumberToObject(event, "width", image->width);
	cJSON_AddNumberToObject(event, "height", image->height);
	return true;
}

static bool add_screen(struct agent_run *run, cJSON *event)
{
	return add_image(run, event, agent_desktop_screen(run->desktop));
}

static void add_limits(cJSON *event, const struct agent_limits *limits)
{
	cJSON *json = cJSON_AddObjectToObject(event, "limits");
	cJSON_AddNumberToObject(json, "steps", limits->steps);
	cJSON_AddNumberToObject(json, "time_s", limits->time_s);
	cJSON_AddNumberToObject(json, "tokens", limits->tokens);
	cJSON_AddNumberToObject(json, "usd", limits->usd);
	cJSON_AddNumberToObject(json, "repeats", limits->repeats);
	cJSON_AddNumberToObject(json, "errors", limits->errors);
}

static void add_prices(cJSON *event, const struct agent_model_spec *spec)
{
	const struct agent_prices *prices = spec ? &spec->prices : &agent_model_spec_unknown.prices;
	cJSON *json = cJSON_AddObjectToObject(event, "prices");
	add_cost(json, "input", prices->input);
	add_cost(json, "cached", prices->cached);
	add_cost(json, "cache_write", prices->cache_write);
	add_cost(json, "output", prices->output);
}

static void add_desktop(cJSON *event, const struct cua_agent_options *options)
{
	cJSON_AddStringToObject(event, "desktop",
			options->desktop_name ? options->desktop_name : options->desktop_socket);
	cJSON_AddNumberToObject(event, "desktop_created", (double)options->desktop_created_s);
	cJSON_AddBoolToObject(event, "desktop_is_own", options->desktop_is_own);
	if (options->desktop_settings) {
		cJSON_AddItemToObject(event, "desktop_settings",
				cJSON_Duplicate(options->desktop_settings, true));
	}
	add_limits(event, &options->limits);
	cJSON_AddStringToObject(event, "version", CUA_VERSION);
}

/* Whole, so that the run can go on under it whatever becomes of the file. */
static void add_policy(cJSON *event, const struct agent_policy *policy)
{
	cJSON *json = cJSON_AddObjectToObject(event, "policy");
	cJSON_AddStringToObject(json, "name", agent_policy_name(policy));
	cJSON_AddStringToObject(json, "text", agent_policy_text(policy));
}

bool run_note_start(struct agent_run *run)
{
	const struct cua_agent_options *options = run->options;
	cJSON *event = open_event("run_start");
	cJSON_AddStringToObject(event, "run", run->journal.name);
	cJSON_AddStringToObject(event, "task", options->task);
	cJSON_AddStringToObject(event, "api", options->api);
	cJSON_AddStringToObject(event, "model", options->model);
	cJSON_AddStringToObject(event, "base_url", options->base_url);
	add_prices(event, options->spec);
	add_desktop(event, options);
	add_policy(event, run->policy);
	if (options->tools) {
		cJSON_AddStringToObject(event, "tools", options->tools);
	}
	if (options->template_name) {
		cJSON_AddStringToObject(event, "template", options->template_name);
	}
	if (options->instructions) {
		cJSON_AddStringToObject(event, "instructions", options->instructions);
	}
	if (options->mcp) {
		cJSON_AddStringToObject(event, "mcp", options->mcp);
	}
	return append(run, event, true);
}

bool run_note_resume(struct agent_run *run)
{
	cJSON *event = open_step_event(run, "run_resume");
	cJSON_AddStringToObject(event, "run", run->journal.name);
	cJSON_AddBoolToObject(event, "desktop_is_new", run->options->desktop_is_new);
	add_desktop(event, run->options);
	add_policy(event, run->policy);
	if (run->cut_bytes > 0) {
		cJSON_AddNumberToObject(event, "cut_bytes", (double)run->cut_bytes);
	}
	return append(run, event, true);
}

bool run_note_user(struct agent_run *run, const char *text, const struct agent_image *image,
		bool is_person)
{
	cJSON *event = open_step_event(run, "user");
	if (is_person) {
		cJSON_AddBoolToObject(event, "said", true);
	}
	cJSON_AddStringToObject(event, "text", text);
	if (!add_image(run, event, image)) {
		cJSON_Delete(event);
		return false;
	}
	return append(run, event, false);
}

static const char *const answer_statuses[] = {
	[AGENT_ANSWER_OK] = "ok",
	[AGENT_ANSWER_FAILED] = "failed",
	[AGENT_ANSWER_NOT_RUN] = "not_run",
	[AGENT_ANSWER_UNCERTAIN] = "uncertain",
};

const char *run_answer_name(enum agent_answer_status status)
{
	return answer_statuses[status];
}

bool run_note_answers(struct agent_run *run, const struct agent_answer *answers, size_t count,
		const char *note)
{
	cJSON *event = open_step_event(run, "answers");
	cJSON *list = cJSON_AddArrayToObject(event, "answers");
	for (size_t i = 0; i < count; i++) {
		cJSON *json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "call_id", answers[i].call->id);
		cJSON_AddStringToObject(json, "status", run_answer_name(answers[i].status));
		if (answers[i].problem) {
			cJSON_AddStringToObject(json, "problem", answers[i].problem);
		}
		cJSON_AddBoolToObject(json, "acknowledged", answers[i].acknowledged);
		if (answers[i].has_own_image) {
			cJSON_AddBoolToObject(json, "has_own_image", true);
		}
		cJSON_AddItemToArray(list, json);
		if (!add_image(run, json, answers[i].image)) {
			cJSON_Delete(event);
			return false;
		}
	}
	if (note) {
		cJSON_AddStringToObject(event, "note", note);
	}
	return append(run, event, false);
}

bool run_note_lost(struct agent_run *run, const struct agent_call *call, const char *message)
{
	cJSON *event = open_step_event(run, "result");
	cJSON_AddStringToObject(event, "call_id", call->id);
	cJSON_AddStringToObject(event, "status", "uncertain");
	cJSON_AddStringToObject(event, "message", message);
	return append(run, event, true);
}

bool run_note_look(struct agent_run *run, double ms)
{
	cJSON *event = open_step_event(run, "look");
	add_ms(event, "ms", ms);
	if (!add_screen(run, event)) {
		cJSON_Delete(event);
		return false;
	}
	return append(run, event, false);
}

/* What the requests of a turn have used up, and the run so far. */
static void add_spent(const struct agent_run *run, cJSON *event, const struct agent_turn *turn)
{
	cJSON_AddNumberToObject(event, "retries", turn->retries);
	add_ms(event, "ms", turn->ms);
	add_usage(event, &turn->usage);
	add_cost(event, "cost_usd", run_cost(run, &turn->usage));
	cJSON *spent = cJSON_AddObjectToObject(event, "spent");
	cJSON_AddNumberToObject(spent, "tokens",
			run->result->usage.input_tokens + run->result->usage.output_tokens);
	add_cost(spent, "usd", run->result->cost_usd);
}

bool run_note_turn(struct agent_run *run, const struct agent_turn *turn)
{
	cJSON *event = open_step_event(run, "turn");
	cJSON_AddStringToObject(event, "words", turn->words);
	if (turn->answer) {
		cJSON_AddStringToObject(event, "answer", turn->answer);
	}
	if (turn->refusal) {
		cJSON_AddStringToObject(event, "refusal", turn->refusal);
	}
	for (size_t i = 0; i < turn->call_count; i++) {
		if (turn->calls[i].reason) {
			cJSON_AddStringToObject(event, "gives_up", turn->calls[i].reason);
			break;
		}
	}
	if (turn->raw) {
		cJSON_AddStringToObject(event, "raw", turn->raw);
	}
	cJSON_AddNumberToObject(event, "calls", (double)turn->call_count);
	add_spent(run, event, turn);
	return append(run, event, false);
}

static void add_error(cJSON *event, enum cua_status status, const char *message)
{
	cJSON_AddStringToObject(event, "message", message);
	cJSON_AddStringToObject(event, "class", cua_error_class_name(cua_status_class(status)));
	cJSON_AddStringToObject(event, "code", cua_status_name(status));
}

void run_note_unanswered(
		struct agent_run *run, const struct agent_turn *turn, const struct cua_error *why)
{
	if (turn->usage.input_tokens + turn->usage.output_tokens > 0) {
		cJSON *event = open_step_event(run, "unanswered");
		add_error(event, why->status, why->msg);
		add_spent(run, event, turn);
		append(run, event, false);
	}
}

static cJSON *open_call_event(
		struct agent_run *run, const char *type, const struct agent_call *call)
{
	cJSON *event = open_step_event(run, type);
	cJSON_AddStringToObject(event, "call_id", call->id);
	return event;
}

static void add_server(cJSON *event, const struct run_request *request)
{
	if (request->server) {
		cJSON_AddStringToObject(event, "server", request->server);
		cJSON_AddStringToObject(event, "server_tool", request->server_tool);
	}
}

bool run_note_intent(struct agent_run *run, const struct run_request *request)
{
	const struct agent_call *call = request->call;
	cJSON *event = open_call_event(run, "intent", call);
	const struct agent_image *screen = agent_desktop_screen(run->desktop);
	cJSON *actions = cJSON_Duplicate(call->actions, true);
	if (call->tool) {
		cJSON_AddStringToObject(event, "tool", call->tool);
		cJSON_AddItemToObject(
				event, "arguments", cJSON_Duplicate(request->arguments, true));
		add_server(event, request);
	}
	if (!actions || !cJSON_AddItemToObject(event, "actions", actions)) {
		cJSON_Delete(actions);
		cJSON_Delete(event);
		event = NULL; /* reported as out of memory */
	}
	cJSON *secrets = run_secrets_names(call->actions);
	if (secrets) {
		cJSON_AddItemToObject(event, "secrets", secrets);
	}
	if (call->note[0]) {
		cJSON_AddStringToObject(event, "note", call->note);
	}
	if (screen) {
		cJSON_AddStringToObject(event, "seen", screen->sha256);
	}
	return append(run, event, true);
}

/* Copies what the desktop answered, but for the screenshot, which is filed. */
static void add_answer(cJSON *event, const cJSON *answer)
{
	static const char *const names[] = { "results", "settle", "changed", "pointer", "focused",
		"new_windows", "person_note", "words", "is_error", "has_own_image", "directory",
		"server", "withheld" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const cJSON *value = cua_json_member(answer, names[i]);
		if (value) {
			cJSON_AddItemToObject(event, names[i], cJSON_Duplicate(value, true));
		}
	}
}

/* What a tool showed: the answer to the model names it, too, and may never come to be written. */
static bool add_own_picture(
		struct agent_run *run, cJSON *event, const struct agent_outcome *outcome)
{
	return !cJSON_IsTrue(cua_json_member(outcome->answer, "has_own_image")) ||
			!outcome->picture.base64 ||
			add_image(run, cJSON_AddObjectToObject(event, "picture"),
					&outcome->picture);
}

bool run_note_result(struct agent_run *run, const struct agent_call *call,
		const struct agent_outcome *outcome, const struct cua_error *lost)
{
	cJSON *event = open_call_event(run, "result", call);
	const bool is_uncertain = outcome->is_uncertain && (lost || outcome->status != CUA_OK);
	const char *message = lost ? lost->msg : outcome->message;
	cJSON_AddStringToObject(event, "status",
			is_uncertain                                        ? "uncertain"
					: lost || outcome->status != CUA_OK ? "failed"
									    : "ok");
	if (message[0]) {
		add_error(event, lost ? lost->status : outcome->status, message);
	}
	if (outcome->failed_action >= 0) {
		cJSON_AddNumberToObject(event, "failed_action", outcome->failed_action);
	}
	add_ms(event, "ms", outcome->ms);
	add_answer(event, outcome->answer);
	if (!lost && (!add_screen(run, event) || !add_own_picture(run, event, outcome))) {
		cJSON_Delete(event);
		return false;
	}
	/* What depends on it waits for the disk: the next intent, the next request to the model,
	 * the end of the run. */
	return append(run, event, false);
}

bool run_note_not_run(struct agent_run *run, const struct agent_call *call, const char *why)
{
	cJSON *event = open_call_event(run, "not_run", call);
	cJSON_AddStringToObject(event, "message", why);
	return append(run, event, false);
}

bool run_note_safety(struct agent_run *run, const struct agent_call *call, bool acknowledged)
{
	cJSON *event = open_call_event(run, "safety", call);
	cJSON_AddItemToObject(event, "checks", cJSON_Duplicate(call->safety_checks, true));
	cJSON_AddBoolToObject(event, "acknowledged", acknowledged);
	return append(run, event, true);
}

bool run_note_decision(struct agent_run *run, const struct run_request *request,
		const struct agent_decision *decision, cJSON *counted)
{
	cJSON *event = open_call_event(run, "decision", request->call);
	cJSON_AddStringToObject(event, "tool", request->tool);
	add_server(event, request);
	cJSON_AddStringToObject(event, "verdict", agent_verdict_names[decision->verdict]);
	cJSON_AddStringToObject(event, "class", agent_risk_names[decision->risk]);
	cJSON_AddStringToObject(event, "rule", decision->rule);
	cJSON_AddStringToObject(event, "reason", decision->reason);
	cJSON_AddStringToObject(event, "file", decision->file);
	cJSON_AddNumberToObject(event, "line", decision->line);
	cJSON_AddBoolToObject(event, "tainted", run->is_tainted);
	if (request->is_script) {
		cJSON_AddItemToObject(event, "actions", cJSON_Duplicate(request->arguments, true));
	}
	if (counted) {
		cJSON_AddItemToObject(event, "counted", counted);
	}
	if (decision->part[0]) {
		cJSON_AddStringToObject(event, "part", decision->part);
	}
	if (decision->note[0]) {
		cJSON_AddStringToObject(event, "note", decision->note);
	}
	/* What follows from it waits for the disk itself: an intent, a question, an answer. */
	return append(run, event, false);
}

bool run_note_approval(struct agent_run *run, const struct agent_call *call, const char *answer,
		const char *picture, double ms)
{
	char refused[AGENT_REFUSAL_SIZE];
	cJSON *event = open_call_event(run, "approval", call);
	const struct agent_image *screen = agent_desktop_screen(run->desktop);
	cJSON_AddStringToObject(event, "answer", answer);
	if (screen) {
		cJSON_AddStringToObject(event, "seen", screen->sha256);
	}
	if (picture) {
		cJSON_AddStringToObject(event, "picture", picture);
	}
	if (strcmp(answer, "no") == 0 && agent_approvals_last_refusal(&run->approvals, refused)) {
		cJSON_AddStringToObject(event, "refused", refused);
	}
	add_ms(event, "ms", ms);
	return append(run, event, true);
}

bool run_note_question(struct agent_run *run, const struct agent_call *call,
		const struct cua_agent_question *question, const char *picture)
{
	cJSON *event = open_call_event(run, "question", call);
	cJSON_AddStringToObject(event, "words", question->words);
	cJSON_AddStringToObject(event, "reason", question->reason);
	cJSON_AddStringToObject(event, "rule", question->rule);
	cJSON_AddStringToObject(event, "class", question->risk);
	if (picture) {
		cJSON_AddStringToObject(event, "picture", picture);
	}
	return append(run, event, false);
}

bool run_note_taint(struct agent_run *run, const struct agent_call *call,
		const struct agent_decision *decision)
{
	cJSON *event = open_step_event(run, "taint");
	if (call) {
		cJSON_AddStringToObject(event, "call_id", call->id);
	}
	cJSON_AddStringToObject(event, "reason", decision->reason);
	cJSON_AddStringToObject(event, "file", decision->file);
	cJSON_AddNumberToObject(event, "line", decision->line);
	return append(run, event, false);
}

bool run_note_mcp(struct agent_run *run, cJSON *servers)
{
	cJSON *event = open_step_event(run, "mcp");
	cJSON_AddItemToObject(event, "servers", servers);
	return append(run, event, false);
}

bool run_note_mcp_trouble(struct agent_run *run, const char *server, const char *what)
{
	cJSON *event = open_step_event(run, "mcp_trouble");
	cJSON_AddStringToObject(event, "server", server);
	cJSON_AddStringToObject(event, "message", what);
	return append(run, event, false);
}

bool run_note_elicitation(struct agent_run *run, const struct agent_call *call, const char *server,
		const char *message, const char *answer, double ms)
{
	cJSON *event = open_call_event(run, "elicitation", call);
	cJSON_AddStringToObject(event, "server", server);
	cJSON_AddStringToObject(event, "message", message);
	cJSON_AddStringToObject(event, "answer", answer);
	add_ms(event, "ms", ms);
	return append(run, event, true);
}

bool run_note_progress(struct agent_run *run, const struct agent_call *call, const char *server,
		const struct agent_mcp_progress *progress)
{
	cJSON *event = open_call_event(run, "progress", call);
	cJSON_AddStringToObject(event, "server", server);
	cJSON_AddNumberToObject(event, "progress", progress->progress);
	if (progress->total > 0) {
		cJSON_AddNumberToObject(event, "total", progress->total);
	}
	if (progress->message[0]) {
		cJSON_AddStringToObject(event, "message", progress->message);
	}
	return append(run, event, false);
}

bool run_note_person(struct agent_run *run, const char *phase, double ms)
{
	cJSON *event = open_step_event(run, "person");
	cJSON_AddStringToObject(event, "phase", phase);
	if (ms > 0) {
		add_ms(event, "ms", ms);
	}
	return append(run, event, false);
}

bool run_note_lease(struct agent_run *run, const char *phase, const struct agent_lease *lease)
{
	cJSON *event = open_step_event(run, "person");
	cJSON_AddStringToObject(event, "phase", phase);
	if (lease->person[0]) {
		cJSON_AddStringToObject(event, "person", lease->person);
		cJSON_AddBoolToObject(event, "private", lease->is_private);
	}
	if (strcmp(phase, "gave_back") == 0 && lease->ms > 0) {
		add_ms(event, "ms", lease->ms);
	}
	return append(run, event, false);
}

void run_note_retry(const char *why, int attempt, double delay_ms, void *user_data)
{
	struct agent_run *run = user_data;
	cJSON *event = open_step_event(run, "retry");
	cJSON_AddStringToObject(event, "message", why);
	cJSON_AddNumberToObject(event, "attempt", attempt);
	add_ms(event, "delay_ms", delay_ms);
	append(run, event, false);
}

enum cua_status run_note_end(struct agent_run *run, struct cua_error *err)
{
	const struct cua_agent_result *result = run->result;
	cJSON *event = open_event("run_end");
	cJSON_AddStringToObject(event, "outcome", cua_agent_outcome_name(result->outcome));
	cJSON_AddNumberToObject(event, "exit_status", cua_agent_exit_status(result));
	if (result->outcome == CUA_AGENT_LIMIT) {
		cJSON_AddStringToObject(event, "limit", agent_limit_name(result->limit));
	}
	if (result->answer) {
		cJSON_AddStringToObject(event, "answer", result->answer);
	}
	if (result->error.msg[0]) {
		add_error(event, result->error.status, result->error.msg);
	}
	cJSON_AddNumberToObject(event, "steps", result->steps);
	cJSON_AddNumberToObject(event, "actions", result->actions);
	add_ms(event, "ms", result->ms);
	add_ms(event, "model_ms", result->model_ms);
	add_ms(event, "desktop_ms", result->desktop_ms);
	add_usage(event, &result->usage);
	add_cost(event, "cost_usd", result->cost_usd);
	cJSON_AddStringToObject(event, "run_dir", run->journal.path);
	return agent_journal_end(&run->journal, event, err);
}

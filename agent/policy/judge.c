/* Which class a call has, and which rule decides it. */

#include <stdlib.h>
#include <string.h>

#include "agent/policy/command.h"
#include "agent/policy/path.h"
#include "agent/policy/policy_internal.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define HOUR_US (3600ULL * 1000000U)
#define ENTRIES_MAX 100000
#define PLACES_MAX 4

/* --- how often --- */

struct entry {
	const struct policy_row *row;
	uint64_t when_us;
	double amount;
};

struct agent_ledger {
	struct entry *entries;
	size_t count, capacity;
};

struct agent_ledger *agent_ledger_create(void)
{
	return calloc(1, sizeof(struct agent_ledger));
}

void agent_ledger_destroy(struct agent_ledger *ledger)
{
	if (ledger) {
		free(ledger->entries);
		free(ledger);
	}
}

static bool add_entry(struct agent_ledger *ledger, const struct entry *entry)
{
	if (ledger->count == ledger->capacity) {
		const size_t capacity = ledger->capacity ? 2 * ledger->capacity : 64;
		struct entry *entries = capacity > ENTRIES_MAX
				? NULL
				: realloc(ledger->entries, capacity * sizeof(*entries));
		if (!entries) {
			return false;
		}
		ledger->entries = entries;
		ledger->capacity = capacity;
	}
	ledger->entries[ledger->count++] = *entry;
	return true;
}

size_t agent_ledger_count(const struct agent_ledger *ledger)
{
	return ledger->count;
}

cJSON *agent_ledger_since(const struct agent_ledger *ledger, size_t count)
{
	cJSON *list = count < ledger->count ? cJSON_CreateArray() : NULL;
	for (size_t i = count; i < ledger->count; i++) {
		const struct entry *entry = &ledger->entries[i];
		cJSON *json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "file", cua_yaml_name(entry->row->file));
		cJSON_AddNumberToObject(json, "line", entry->row->line);
		cJSON_AddNumberToObject(json, "amount", entry->amount);
		cJSON_AddItemToArray(list, json);
	}
	return list;
}

void agent_ledger_restore(struct agent_ledger *ledger, const struct agent_policy *policy,
		const char *file, int line, double amount, uint64_t now_us, uint64_t ago_us)
{
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct policy_row *row = &policy->rules.rows[i];
		if (row->line == line && strcmp(cua_yaml_name(row->file), file) == 0 &&
				(row->limit.times > 0 || row->limit.of)) {
			const struct entry entry = { row, ago_us < now_us ? now_us - ago_us : 0,
				amount };
			(void)add_entry(ledger, &entry); /* full: nothing more is allowed by it */
		}
	}
}

/* Counts the call; false if it goes over the row's limit, or cannot be counted. */
static bool take_from_limit(struct agent_ledger *ledger, const struct policy_row *row,
		const struct agent_policy_call *call)
{
	const struct policy_limit *limit = &row->limit;
	struct entry entry = { row, call->now_us, 0 };
	int times = 1;
	if (limit->times == 0 && !limit->of) {
		return true;
	}
	if (limit->of &&
			(!policy_amount(call->arguments, limit->of, &entry.amount) ||
					entry.amount < 0)) {
		return false;
	}
	double sum = entry.amount;
	for (size_t i = 0; ledger && i < ledger->count; i++) {
		const struct entry *past = &ledger->entries[i];
		if (past->row == row &&
				(!limit->per_hour || call->now_us - past->when_us < HOUR_US)) {
			times++;
			sum += past->amount;
		}
	}
	const bool is_within = limit->of ? sum <= limit->sum : times <= limit->times;
	return is_within && (!ledger || add_entry(ledger, &entry));
}

/* --- risk --- */

static bool is_about_files(const struct policy_row *row)
{
	return policy_when_has(row->when, "path") || policy_when_has(row->when, "writes");
}

/* The first row that applies; where rows before it may apply, the worst of them all. A form is all
 * that its command does: if a redirection writes beside it, only rows about files count still, and
 * it is a write at least. */
static void classify(const struct agent_policy *policy, struct policy_view *view,
		struct agent_decision *decision)
{
	const struct policy_row *found = NULL;
	enum policy_match match = POLICY_NO;
	bool is_form = false;
	for (size_t i = 0; i < policy->classes.count && match != POLICY_YES; i++) {
		const struct policy_row *row = &policy->classes.rows[i];
		match = is_form && !is_about_files(row) ? POLICY_NO
							: policy_when_match(row->when, view);
		if (match == POLICY_YES && policy_writes_beside(row->when, view)) {
			match = POLICY_MAYBE;
			is_form = policy_when_has(row->when, "form");
		}
		if (match != POLICY_NO && (!found || row->value > found->value)) {
			found = row;
		}
	}
	view->has_risk = true;
	view->risk = found ? (enum agent_risk)found->value : AGENT_RISK_EXTERNAL;
	if (is_form && view->risk < AGENT_RISK_WRITE) {
		view->risk = AGENT_RISK_WRITE;
	} else if (!is_form && match != POLICY_YES && view->risk < AGENT_RISK_EXTERNAL) {
		view->risk = AGENT_RISK_EXTERNAL; /* nothing says what it is */
		found = NULL;
	}
	decision->risk = view->risk;
	decision->risk_why = found ? found->why : NULL;
	decision->risk_file = found ? cua_yaml_name(found->file) : NULL;
	decision->risk_line = found ? found->line : 0;
}

/* --- rules --- */

static void note(struct agent_decision *decision, const struct policy_row *row, const char *why)
{
	snprintf(decision->note, sizeof(decision->note), "%s:%d (%s) does not apply: %s",
			cua_yaml_name(row->file), row->line, row->name, why);
}

/* Rule of two: who reads what strangers write does not also use secrets or act on the world outside
 * without a person, unless a rule says for this very case that it may. */
static bool is_held_back(const struct policy_row *row, const struct policy_view *view)
{
	return view->call->is_tainted &&
			(view->risk == AGENT_RISK_EXTERNAL ||
					view->risk == AGENT_RISK_CREDENTIAL) &&
			!policy_when_has(row->when, "tainted");
}

/* A provider's check is a question to a person: only a rule about such checks may answer it. */
static bool is_about_checks(const struct policy_row *row)
{
	return policy_when_has(row->when, "tool") &&
			strcmp(cua_json_text(row->when, "tool"), "safety_check") == 0;
}

static bool may_allow(const struct policy_row *row, enum policy_match match,
		const struct policy_view *view, struct agent_decision *decision)
{
	if (match == POLICY_MAYBE) {
		note(decision, row, "what it asks for is not known for certain");
		return false;
	}
	if (strcmp(view->call->tool, "safety_check") == 0 && !is_about_checks(row)) {
		return false;
	}
	if (is_held_back(row, view)) {
		note(decision, row,
				"what a stranger may have written was read before, and the rule "
				"does not say tainted: true");
		return false;
	}
	return true;
}

static void take_rule(struct agent_decision *decision, const struct policy_row *row)
{
	decision->verdict = (enum agent_verdict)row->value;
	decision->rule = row->name;
	/* A rule about a class says no more than the class's own row, which knows why. */
	const bool is_by_class = decision->risk_why && policy_when_has(row->when, "class");
	decision->reason = row->why ? row->why : is_by_class ? decision->risk_why : row->name;
	decision->file = cua_yaml_name(row->file);
	decision->line = row->line;
}

static void decide(const struct agent_policy *policy, struct agent_ledger *ledger,
		struct policy_view *view, struct agent_decision *decision)
{
	classify(policy, view, decision);
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct policy_row *row = &policy->rules.rows[i];
		enum policy_match match = policy_when_match(row->when, view);
		if (match == POLICY_YES && policy_writes_beside(row->when, view)) {
			match = POLICY_MAYBE;
		}
		if (match == POLICY_NO ||
				(row->value == AGENT_ALLOW &&
						!may_allow(row, match, view, decision))) {
			continue;
		}
		if (!take_from_limit(ledger, row, view->call)) {
			note(decision, row, "its limit is used up");
			continue;
		}
		take_rule(decision, row);
		if (match == POLICY_MAYBE) {
			snprintf(decision->note, sizeof(decision->note),
					"whether it is what the rule is about is not known for "
					"certain");
		}
		break;
	}
	if (!decision->rule) {
		take_rule(decision, &policy->otherwise);
		if (decision->verdict == AGENT_ALLOW &&
				(is_held_back(&policy->otherwise, view) ||
						strcmp(view->call->tool, "safety_check") == 0)) {
			decision->verdict = AGENT_ASK;
		}
	}
	decision->wants_url = view->lacks_url;
}

/* --- calls --- */

/* Of bash, one argument is a command line. */
static const char *command_line(const struct agent_policy_call *call)
{
	return strcmp(call->tool, "bash") == 0 ? cua_json_string(call->arguments, "command") : NULL;
}

/* "cua" puts the workspace into the home of the desktop, which is the shell's. */
static cJSON *split_line(const struct agent_policy_call *call, const char *line)
{
	char home[AGENT_PATH_MAX];
	const bool is_known = call->workspace && agent_path_resolve(call->workspace, "..", home);
	return line ? agent_command_split(line, is_known ? home : NULL) : NULL;
}

/* Where a command of a line may run: a cd may have worked, or not. */
struct places {
	char list[PLACES_MAX][AGENT_PATH_MAX];
	size_t count;  /* 0: it may be anywhere */
	bool is_given; /* the call says, or its workspace does */
};

static void begin_places(struct places *places, const struct agent_policy_call *call)
{
	const char *first = call->directory ? call->directory : call->workspace;
	places->is_given = first != NULL;
	places->count = 1;
	if (first && !agent_path_resolve("/", first, places->list[0])) {
		places->count = 0;
	}
}

/* What a command does to those that come after it. */
static void move_places(struct places *places, const cJSON *part)
{
	const char *name = cua_json_text(part, "by_name");
	const cJSON *paths = cua_json_member(part, "paths");
	const bool is_cd = strcmp(name, "cd") == 0 || strncmp(name, "cd ", 3) == 0;
	if (!is_cd && strncmp(name, "pushd", 5) != 0 && strncmp(name, "popd", 4) != 0) {
		return;
	}
	const char *to = cJSON_GetStringValue(cJSON_GetArrayItem(paths, 0));
	const size_t count = places->count;
	if (!is_cd || cJSON_GetArraySize(paths) != 1 || !places->is_given ||
			2 * count > PLACES_MAX) {
		places->count = 0;
		return;
	}
	for (size_t i = 0; i < count && places->count > 0; i++) {
		const bool is_known = agent_path_resolve(
				places->list[i], to, places->list[places->count]);
		places->count = is_known ? places->count + 1 : 0;
	}
}

/* The view of one command in one of its places; the last index is places->count, or 1. */
static struct policy_view view_part(const struct agent_policy_call *call,
		const struct places *places, size_t index, const cJSON *part)
{
	const bool is_known = places->count > 0;
	return (struct policy_view){ .call = call,
		.command = is_known ? part : NULL,
		.directory = is_known && places->is_given ? places->list[index] : NULL,
		.is_opaque = !is_known };
}

bool agent_decision_is_worse(const struct agent_decision *one, const struct agent_decision *other)
{
	return one->verdict != other->verdict ? one->verdict > other->verdict
					      : one->risk > other->risk;
}

/* Each simple command is judged by itself, and the worst holds for all. */
static void decide_parts(const struct agent_policy *policy, struct agent_ledger *ledger,
		const struct agent_policy_call *call, const cJSON *parts,
		struct agent_decision *decision)
{
	const cJSON *part = NULL;
	struct places places;
	begin_places(&places, call);
	cJSON_ArrayForEach (part, parts) {
		for (size_t i = 0; i == 0 || i < places.count; i++) {
			struct policy_view view = view_part(call, &places, i, part);
			struct agent_decision one = { 0 };
			decide(policy, i == 0 ? ledger : NULL, &view, &one);
			snprintf(one.part, sizeof(one.part), "%s", cua_json_text(part, "text"));
			if ((part == parts->child && i == 0) ||
					agent_decision_is_worse(&one, decision)) {
				*decision = one;
			}
		}
		move_places(&places, part);
	}
}

void agent_policy_judge(const struct agent_policy *policy, struct agent_ledger *ledger,
		const struct agent_policy_call *call, struct agent_decision *ret_decision)
{
	struct agent_decision decision = { 0 };
	const char *line = command_line(call);
	CUA_AUTO_JSON cJSON *parts = split_line(call, line);
	if (parts) {
		decide_parts(policy, ledger, call, parts, &decision);
	} else {
		struct policy_view view = { .call = call, .is_opaque = line != NULL };
		decide(policy, ledger, &view, &decision);
	}
	*ret_decision = decision;
}

/* --- taint --- */

static bool taints(const struct agent_policy *policy, struct policy_view *view,
		struct agent_decision *ret_decision)
{
	struct agent_decision decision = { 0 };
	classify(policy, view, &decision);
	for (size_t i = 0; i < policy->taints.count; i++) {
		const struct policy_row *row = &policy->taints.rows[i];
		const enum policy_match match = policy_when_match(row->when, view);
		if (match == POLICY_NO || (match == POLICY_MAYBE && !row->value)) {
			continue;
		}
		if (ret_decision && row->value) {
			take_rule(&decision, row);
			decision.wants_url = view->lacks_url;
			*ret_decision = decision;
		}
		return row->value;
	}
	return false;
}

bool agent_policy_taints(const struct agent_policy *policy, const struct agent_policy_call *call,
		struct agent_decision *ret_decision)
{
	const char *line = command_line(call);
	CUA_AUTO_JSON cJSON *parts = split_line(call, line);
	const cJSON *part = NULL;
	struct places places;
	begin_places(&places, call);
	cJSON_ArrayForEach (part, parts) {
		for (size_t i = 0; i == 0 || i < places.count; i++) {
			struct policy_view view = view_part(call, &places, i, part);
			if (taints(policy, &view, ret_decision)) {
				return true;
			}
		}
		move_places(&places, part);
	}
	struct policy_view view = { .call = call, .is_opaque = line != NULL };
	return !parts && taints(policy, &view, ret_decision);
}

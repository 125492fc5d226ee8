/* Policy files: YAML to rows, each mistake with its line. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/policy/approval.h"
#include "agent/policy/names.h"
#include "agent/policy/policy_internal.h"
#include "agent_policy_default.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define ROWS_MAX 1000 /* of one table */
#define TIMES_MAX 1000000

static const char default_name[] = "default policy";

const char *const agent_verdict_names[AGENT_VERDICT_COUNT + 1] = { "allow", "ask", "deny", NULL };
const char *const agent_risk_names[AGENT_RISK_COUNT + 1] = { "read", "write", "external",
	"irreversible", "credential", NULL };
static const char *const periods[] = { "run", "hour", NULL };

/* What a row of a table is read by. */
typedef enum cua_status (*row_read_fn)(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err);

/* --- members --- */

static enum cua_status read_when(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	row->when = cua_json_member(json, "when");
	return row->when ? policy_when_check(yaml, row->when, err) : CUA_OK;
}

/* Of what is judged before it runs. */
static enum cua_status read_when_before(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	const enum cua_status status = read_when(yaml, json, row, err);
	return status == CUA_OK && policy_when_has(row->when, "told")
			? cua_yaml_fail(yaml, cua_json_member(row->when, "told"), err,
					  "what a call brings is not known before: told is a "
					  "condition of taints alone")
			: status;
}

/* Optional. */
static enum cua_status read_why(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	const cJSON *why = cua_json_member(json, "why");
	row->why = cJSON_GetStringValue(why);
	return !why || row->why ? CUA_OK : cua_yaml_fail(yaml, why, err, "why needs a text");
}

static enum cua_status read_times(const struct cua_yaml *yaml, const cJSON *value, int *ret_times,
		struct cua_error *err)
{
	const double times = cJSON_IsNumber(value) ? value->valuedouble : 0;
	if (!(times >= 1 && times <= TIMES_MAX && floor(times) == times)) {
		return cua_yaml_fail(yaml, value, err, "times needs a whole number from 1 to %d",
				TIMES_MAX);
	}
	*ret_times = (int)times;
	return CUA_OK;
}

static enum cua_status read_period(const struct cua_yaml *yaml, const cJSON *json, bool *ret_hour,
		struct cua_error *err)
{
	int period = 0;
	const cJSON *per = cua_json_member(json, "per");
	if (!per) {
		return cua_yaml_fail(yaml, json, err, "per is missing: run or hour");
	}
	enum cua_status status = cua_yaml_choice(yaml, per, periods, &period, err);
	*ret_hour = period == 1;
	return status;
}

static enum cua_status read_limit(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_limit *limit, struct cua_error *err)
{
	static const char *const names[] = { "times", "sum", "of", "per", NULL };
	const cJSON *times = cua_json_member(json, "times"), *sum = cua_json_member(json, "sum");
	enum cua_status status = cua_yaml_check_members(yaml, json, "limit", names, err);
	limit->of = cua_json_string(json, "of");
	if (status == CUA_OK && times) {
		status = read_times(yaml, times, &limit->times, err);
	}
	if (status == CUA_OK && (!times == !sum || (sum != NULL) != (limit->of != NULL))) {
		status = cua_yaml_fail(yaml, json, err,
				"limit needs {times: 20, per: hour} or {sum: 100, of: ARGUMENT, "
				"per: run}");
	}
	if (status == CUA_OK && sum) {
		limit->sum = sum->valuedouble;
		if (!cJSON_IsNumber(sum) || !(sum->valuedouble >= 0)) {
			status = cua_yaml_fail(yaml, sum, err, "sum needs a number from 0");
		}
	}
	return status == CUA_OK ? read_period(yaml, json, &limit->per_hour, err) : status;
}

/* --- rows --- */

static enum cua_status read_class(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	static const char *const names[] = { "class", "when", "why", NULL };
	enum cua_status status = cua_yaml_check_members(yaml, json, "a class", names, err);
	if (status == CUA_OK && !cua_json_member(json, "class")) {
		status = cua_yaml_fail(yaml, json, err, "class is missing");
	}
	if (status == CUA_OK) {
		status = cua_yaml_choice(yaml, cua_json_member(json, "class"), agent_risk_names,
				&row->value, err);
	}
	status = status == CUA_OK ? read_when_before(yaml, json, row, err) : status;
	if (status == CUA_OK && policy_when_has(row->when, "class")) {
		status = cua_yaml_fail(yaml, cua_json_member(row->when, "class"), err,
				"a class cannot depend on the class");
	}
	return status == CUA_OK ? read_why(yaml, json, row, err) : status;
}

static enum cua_status read_taint(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	static const char *const names[] = { "taint", "when", "why", NULL };
	const cJSON *taint = cua_json_member(json, "taint");
	enum cua_status status = cua_yaml_check_members(yaml, json, "a taint", names, err);
	if (status == CUA_OK && !cJSON_IsBool(taint)) {
		status = cua_yaml_fail(
				yaml, taint ? taint : json, err, "taint needs true or false");
	}
	row->value = cJSON_IsTrue(taint);
	status = status == CUA_OK ? read_when(yaml, json, row, err) : status;
	return status == CUA_OK ? read_why(yaml, json, row, err) : status;
}

static enum cua_status read_rule(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	static const char *const names[] = { "allow", "ask", "deny", "when", "why", "limit", NULL };
	enum cua_status status = cua_yaml_check_members(yaml, json, "a rule", names, err);
	int verdicts = 0;
	for (int i = 0; status == CUA_OK && i < AGENT_VERDICT_COUNT; i++) {
		const cJSON *name = cua_json_member(json, names[i]);
		if (name) {
			verdicts++;
			row->value = i;
			row->name = cJSON_GetStringValue(name);
		}
	}
	if (status == CUA_OK && (verdicts != 1 || !row->name || !row->name[0])) {
		return cua_yaml_fail(yaml, json, err,
				"a rule is written 'allow: NAME', 'ask: NAME' or 'deny: NAME', and "
				"then when");
	}
	status = status == CUA_OK ? read_when_before(yaml, json, row, err) : status;
	const cJSON *limit = cua_json_member(json, "limit");
	if (status == CUA_OK && limit) {
		status = read_limit(yaml, limit, &row->limit, err);
	}
	if (status == CUA_OK && row->limit.of) {
		status = policy_check_argument(yaml, row->when, row->limit.of, limit, err);
	}
	return status == CUA_OK ? read_why(yaml, json, row, err) : status;
}

/* Appends the rows of a list; NULL is an empty one. */
static enum cua_status read_table(const struct cua_yaml *yaml, const cJSON *list, row_read_fn read,
		struct policy_table *table, struct cua_error *err)
{
	const cJSON *json = NULL;
	const size_t more = (size_t)cJSON_GetArraySize(list);
	if (list && !cJSON_IsArray(list)) {
		return cua_yaml_fail(yaml, list, err, "%s needs a list", list->string);
	}
	if (more > ROWS_MAX) {
		return cua_yaml_fail(yaml, list, err, "%s has more than %d rows", list->string,
				ROWS_MAX);
	}
	struct policy_row *rows = realloc(table->rows, (table->count + more + 1) * sizeof(*rows));
	if (!rows) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "policy");
	}
	table->rows = rows;
	cJSON_ArrayForEach (json, list) {
		struct policy_row *row = &table->rows[table->count++];
		*row = (struct policy_row){ .file = yaml, .line = cua_yaml_line(yaml, json) };
		enum cua_status status = read(yaml, json, row, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

/* --- files --- */

static enum cua_status read_otherwise(const struct cua_yaml *yaml, const cJSON *json,
		struct policy_row *row, struct cua_error *err)
{
	*row = (struct policy_row){ .file = yaml,
		.line = cua_yaml_line(yaml, json),
		.name = "default",
		.why = "no rule is about it" };
	return cua_yaml_choice(yaml, json, agent_verdict_names, &row->value, err);
}

static enum cua_status read_questions(const struct cua_yaml *yaml, const cJSON *json,
		struct agent_question_limit *limit, struct cua_error *err)
{
	static const char *const names[] = { "times", "per", NULL };
	enum cua_status status = cua_yaml_check_members(yaml, json, "questions", names, err);
	const cJSON *times = cua_json_member(json, "times");
	status = status == CUA_OK ? read_times(yaml, times ? times : json, &limit->times, err)
				  : status;
	if (status == CUA_OK && limit->times > AGENT_QUESTIONS_KEPT) {
		status = cua_yaml_fail(yaml, times, err, "nobody answers more than %d questions",
				AGENT_QUESTIONS_KEPT);
	}
	return status == CUA_OK ? read_period(yaml, json, &limit->per_hour, err) : status;
}

/* That of a template is one of its members. */
static const cJSON *policy_root(const struct cua_yaml *yaml)
{
	const cJSON *root = cua_yaml_root(yaml), *member = cua_json_member(root, "policy");
	return member ? member : root;
}

/* The first file that says something about a member decides it. */
static enum cua_status read_file(
		struct agent_policy *policy, const struct cua_yaml *yaml, struct cua_error *err)
{
	static const char *const names[] = { "include", "classes", "taints", "rules", "default",
		"questions", NULL };
	const cJSON *root = policy_root(yaml);
	const cJSON *otherwise = cua_json_member(root, "default");
	const cJSON *questions = cua_json_member(root, "questions");
	enum cua_status status = cua_yaml_check_members(yaml, root, "a policy", names, err);
	if (status == CUA_OK) {
		status = read_table(yaml, cua_json_member(root, "classes"), read_class,
				&policy->classes, err);
	}
	if (status == CUA_OK) {
		status = read_table(yaml, cua_json_member(root, "taints"), read_taint,
				&policy->taints, err);
	}
	if (status == CUA_OK) {
		status = read_table(yaml, cua_json_member(root, "rules"), read_rule, &policy->rules,
				err);
	}
	if (status == CUA_OK && otherwise && !policy->otherwise.file) {
		status = read_otherwise(yaml, otherwise, &policy->otherwise, err);
	}
	if (status == CUA_OK && questions && policy->questions.times == 0) {
		status = read_questions(yaml, questions, &policy->questions, err);
	}
	return status;
}

static enum cua_status read_include(struct agent_policy *policy, struct cua_error *err)
{
	const struct cua_yaml *yaml = policy->files[0];
	const cJSON *root = policy_root(yaml);
	const cJSON *include = cua_json_member(root, "include");
	const char *name = cJSON_GetStringValue(include);
	if (!include && policy->otherwise.file) {
		return CUA_OK;
	}
	if (!include) {
		return cua_yaml_fail(yaml, root, err,
				"what happens to a call that no rule is about? Write 'default: "
				"ask' (or allow, deny), or 'include: default'");
	}
	if (!name || strcmp(name, "default") != 0) {
		return cua_yaml_fail(yaml, include, err,
				"include needs 'default', the policy that comes with cua");
	}
	enum cua_status status = cua_yaml_parse(default_name, agent_policy_default,
			strlen(agent_policy_default), &policy->files[1], err);
	return status == CUA_OK ? read_file(policy, policy->files[1], err) : status;
}

static enum cua_status read_policy(struct agent_policy *policy, const char *name, const char *text,
		size_t len, struct cua_error *err)
{
	policy->text = strndup(text, len);
	if (!policy->text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "policy");
	}
	enum cua_status status = cua_yaml_parse(name, text, len, &policy->files[0], err);
	status = status == CUA_OK ? read_file(policy, policy->files[0], err) : status;
	return status == CUA_OK ? read_include(policy, err) : status;
}

enum cua_status agent_policy_parse(const char *name, const char *text, size_t len,
		struct agent_policy **ret_policy, struct cua_error *err)
{
	struct agent_policy *policy = calloc(1, sizeof(*policy));
	enum cua_status status = policy ? read_policy(policy, name, text, len, err)
					: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "policy");
	if (status != CUA_OK) {
		agent_policy_destroy(policy);
		return status;
	}
	*ret_policy = policy;
	return CUA_OK;
}

enum cua_status agent_policy_load(
		const char *path, struct agent_policy **ret_policy, struct cua_error *err)
{
	if (!path) {
		return agent_policy_parse(default_name, agent_policy_default,
				strlen(agent_policy_default), ret_policy, err);
	}
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, CUA_YAML_BYTES_MAX);
	enum cua_status status = cua_file_read(path, &text, err);
	if (status == CUA_ERR_TOO_LARGE) {
		cua_error_prefix(err, "%s:1", path);
	}
	return status == CUA_OK ? agent_policy_parse(path, text.data ? text.data : "", text.len,
						  ret_policy, err)
				: status;
}

void agent_policy_destroy(struct agent_policy *policy)
{
	if (!policy) {
		return;
	}
	for (size_t i = 0; i < POLICY_FILES_MAX; i++) {
		cua_yaml_destroy(policy->files[i]);
	}
	free(policy->classes.rows);
	free(policy->taints.rows);
	free(policy->rules.rows);
	free(policy->text);
	free(policy);
}

const char *agent_policy_name(const struct agent_policy *policy)
{
	return cua_yaml_name(policy->files[0]);
}

const char *agent_policy_text(const struct agent_policy *policy)
{
	return policy->text;
}

const char *agent_policy_default_text(void)
{
	return agent_policy_default;
}

struct agent_question_limit agent_policy_questions(const struct agent_policy *policy)
{
	return policy->questions;
}

enum cua_status agent_policy_path(
		char *path, size_t size, bool *ret_is_there, struct cua_error *err)
{
	bool is_named = false;
	enum cua_status status =
			cua_config_path("CUA_POLICY", "policy.yaml", path, size, &is_named, err);
	/* One that cannot be looked at is there: reading it will say so. */
	*ret_is_there = status == CUA_OK &&
			(is_named || access(path, F_OK) == 0 || errno != ENOENT);
	return status;
}

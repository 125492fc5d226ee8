#ifndef CUA_AGENT_POLICY_POLICY_INTERNAL_H
#define CUA_AGENT_POLICY_POLICY_INTERNAL_H

/* Between load.c (files to rows), condition.c (what a row asks for) and judge.c (which row it is).
 */

#include "agent/policy/policy.h"
#include "cua/base/yaml_file.h"

/* Where something is not known, it may hold. */
enum policy_match { POLICY_NO, POLICY_MAYBE, POLICY_YES };

/* "limit": after that, the row is passed over. */
struct policy_limit {
	int times;      /* 0: none */
	double sum;     /* of the argument `of`; of NULL: none */
	const char *of; /* borrowed from the file */
	bool per_hour;  /* else per run */
};

struct policy_row {
	const struct cua_yaml *file;
	const cJSON *when; /* a mapping; NULL: always */
	int line;
	int value; /* enum agent_verdict, enum agent_risk, or whether it taints */
	const char *name, *why;
	struct policy_limit limit;
};

struct policy_table {
	struct policy_row *rows; /* owned */
	size_t count;
};

#define POLICY_FILES_MAX 2 /* the user's and the default */

struct agent_policy {
	char *text; /* owned */
	struct cua_yaml *files[POLICY_FILES_MAX];
	struct policy_table classes, taints, rules;
	struct policy_row otherwise; /* "default" */
	struct agent_question_limit questions;
};

/* A call, or a simple command of one, and what is known of it by now. */
struct policy_view {
	const struct agent_policy_call *call;
	const cJSON *command;  /* of agent_command_split(); NULL: it has none */
	const char *directory; /* that the command runs in; NULL: the workspace */
	bool is_opaque;        /* it has some, and they could not be taken apart */
	bool has_risk;
	enum agent_risk risk;
	bool lacks_url; /* set where a condition would need it */
};

/* Is this a mapping of conditions that are there, with values that they take? */
CUA_NODISCARD enum cua_status policy_when_check(
		const struct cua_yaml *yaml, const cJSON *when, struct cua_error *err);
enum policy_match policy_when_match(const cJSON *when, struct policy_view *view);
/* It is about the words of a command, and a redirection writes a file, of which it says nothing. */
bool policy_writes_beside(const cJSON *when, const struct policy_view *view);
/* Does it ask for this condition? */
bool policy_when_has(const cJSON *when, const char *condition);

/* A number that an argument of this name is; false if it is none. */
bool policy_amount(const cJSON *arguments, const char *name, double *ret_amount);

#endif

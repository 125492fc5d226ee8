#ifndef CUA_AGENT_POLICY_POLICY_H
#define CUA_AGENT_POLICY_POLICY_H

/* What an agent may do, decided by rules that a person wrote, outside the model: the same call and
 * the same facts have the same answer. agent/policy/README.md is about the files. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

enum agent_verdict { AGENT_ALLOW, AGENT_ASK, AGENT_DENY, AGENT_VERDICT_COUNT };

/* From the least to the worst. */
enum agent_risk {
	AGENT_RISK_READ,
	AGENT_RISK_WRITE,
	AGENT_RISK_EXTERNAL,
	AGENT_RISK_IRREVERSIBLE,
	AGENT_RISK_CREDENTIAL,
	AGENT_RISK_COUNT,
};

/* NULL-terminated, by enum. */
extern const char *const agent_verdict_names[AGENT_VERDICT_COUNT + 1];
extern const char *const agent_risk_names[AGENT_RISK_COUNT + 1];

struct agent_policy;

/**
 * agent_policy_load() - a policy from a file.
 * @path: NULL: the default that is compiled in.
 *
 * Return: CUA_OK; CUA_ERR_INVAL, CUA_ERR_TOO_LARGE with FILE:LINE; CUA_ERR_NOT_FOUND, CUA_ERR_IO;
 *         CUA_ERR_NOMEM. Release with agent_policy_destroy().
 */
CUA_NODISCARD enum cua_status agent_policy_load(
		const char *path, struct agent_policy **ret_policy, struct cua_error *err);
/* The same from its text; name is what messages call it. */
CUA_NODISCARD enum cua_status agent_policy_parse(const char *name, const char *text, size_t len,
		struct agent_policy **ret_policy, struct cua_error *err);
void agent_policy_destroy(struct agent_policy *policy);

/* What agent_policy_parse() needs to make it again. */
const char *agent_policy_name(const struct agent_policy *policy);
const char *agent_policy_text(const struct agent_policy *policy);
/* The text of the default. */
const char *agent_policy_default_text(void);

/* The file that is taken if nobody names one: $CUA_POLICY, else policy.yaml in cua's folder of
 * configuration. *ret_is_there: false if it is the latter and there is none. */
CUA_NODISCARD enum cua_status agent_policy_path(
		char *path, size_t size, bool *ret_is_there, struct cua_error *err);

/* How often a run may ask a person; 0: without end. */
struct agent_question_limit {
	int times;
	bool per_hour; /* else per run */
};
struct agent_question_limit agent_policy_questions(const struct agent_policy *policy);

/* A call and what is known around it. All borrowed; NULL: not known, but where it says else. */
struct agent_policy_call {
	const char *tool;                 /* "computer", "bash", "mcp", ...; never NULL */
	const cJSON *arguments;           /* an object; of "computer": one canonical action */
	const char *server, *server_tool; /* of "mcp"; else NULL */
	/* The active window; "" if there is none. */
	const char *window_class, *window_title;
	const char *url;       /* where the browser in that window is */
	const char *workspace; /* absolute path; NULL: there is none */
	const char *directory; /* that the shell is in; NULL: the workspace */
	const char *told;      /* what it brought, for taints; NULL: it has not run yet */
	const char *network;   /* that the tool has: "none", "allow", "open" */
	bool is_tainted;
	uint64_t now_us; /* of cua_now_us() */
};

struct agent_decision {
	enum agent_verdict verdict;
	enum agent_risk risk;
	/* All of the policy's lifetime. */
	const char *rule;   /* its name; "default" if no rule applies */
	const char *reason; /* for people and the model */
	const char *file;   /* "default policy", or as it was named */
	int line;
	const char *risk_why;  /* that it has this class; NULL: it is not said */
	const char *risk_file; /* what made the risk class */
	int risk_line;
	/* What was judged alone, of a command line: the simple command that decided; else "". */
	char part[160];
	char note[200]; /* why a rule that may have been meant did not decide; else "" */
	/* A row that may have decided asks where the browser is, and that is not known. */
	bool wants_url;
};

/* How often rules with a limit have applied. One for each run. */
struct agent_ledger;
struct agent_ledger *agent_ledger_create(void); /* NULL when memory runs out */
void agent_ledger_destroy(struct agent_ledger *ledger);

/* Decides, and counts in the ledger, which may be NULL: then no limit is used up. */
void agent_policy_judge(const struct agent_policy *policy, struct agent_ledger *ledger,
		const struct agent_policy_call *call, struct agent_decision *ret_decision);
/* Of what is judged part by part, the worst decision holds for all. */
bool agent_decision_is_worse(const struct agent_decision *one, const struct agent_decision *other);
size_t agent_ledger_count(const struct agent_ledger *ledger);
/* What was counted since it had so many: [{"file", "line", "amount"}] of the rules. The caller owns
 * it; NULL if nothing was. */
cJSON *agent_ledger_since(const struct agent_ledger *ledger, size_t count);
/* Counts a call again that was judged `ago_us` before now_us by the rule at this line of this file.
 */
void agent_ledger_restore(struct agent_ledger *ledger, const struct agent_policy *policy,
		const char *file, int line, double amount, uint64_t now_us, uint64_t ago_us);
/* May what this call brought have been written by a stranger? ret_decision, which may be NULL:
 * rule, reason, file and line of what says so. */
bool agent_policy_taints(const struct agent_policy *policy, const struct agent_policy_call *call,
		struct agent_decision *ret_decision);
/* The conditions there are, for --help. */
void agent_policy_print_conditions(FILE *out);

#endif

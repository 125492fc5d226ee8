#ifndef CUA_AGENT_AGENT_H
#define CUA_AGENT_AGENT_H

/* One run: a task, a model, a desktop; observe, ask, check, act, settle, observe. */

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "agent/model/model.h"
#include "cua/base/error.h"

#define CUA_AGENT_DEFAULT_STEPS 100
#define CUA_AGENT_DEFAULT_TIME_S 1800

enum cua_agent_outcome {
	CUA_AGENT_DONE,
	CUA_AGENT_GAVE_UP, /* the model called give_up, or refused */
	CUA_AGENT_LIMIT,   /* of steps or of time */
	CUA_AGENT_MODEL_ERROR,
	CUA_AGENT_DESKTOP_ERROR, /* the desktop, or this machine: disk, memory */
	CUA_AGENT_STOPPED,       /* by policy, or by a person's no */
	CUA_AGENT_INTERRUPTED,
	CUA_AGENT_OUTCOME_COUNT,
};

/* "done", "gave_up", ... as events and --json spell them. */
const char *cua_agent_outcome_name(enum cua_agent_outcome outcome);
/* What the process exits with. */
int cua_agent_outcome_exit(enum cua_agent_outcome outcome);

/* All borrowed for the time of the run. */
struct cua_agent_options {
	const char *task;
	const char *api; /* one of agent_model_api_name() */
	const char *model, *base_url;
	const char *api_key; /* NULL for a server that wants none */
	const char *desktop_socket, *desktop_name;
	const char *runs_dir; /* NULL: where agent_journal_create() puts it */
	int max_steps, max_time_s;
	int cancel_fd; /* readable: stop; -1 for none */
	int model_retries;
	double retry_unit; /* 1; tests shorten the waiting */
	/* Each event of the journal, after it was written. May be NULL. */
	void (*on_event)(const cJSON *event, void *user_data);
	/* Words of the model as they arrive, before the turn that they belong to. May be NULL. */
	agent_words_fn on_words;
	/* A provider's safety checks: may the call go on? NULL: no. */
	bool (*approve)(const cJSON *checks, void *user_data);
	void *user_data;
};

struct cua_agent_result {
	enum cua_agent_outcome outcome;
	char *answer;  /* owned; what the model answered, or its reason to give up; may be NULL */
	char *run_dir; /* owned; NULL if there is none */
	struct cua_error error; /* of outcomes that are errors */
	bool has_report;        /* run_dir/report.html is there */
	int steps, actions;
	double ms, model_ms, desktop_ms;
	struct agent_usage usage;
};

/* Runs to the end. ret_result is filled whatever the outcome. */
void cua_agent_run(const struct cua_agent_options *options, struct cua_agent_result *ret_result);
void cua_agent_result_finish(struct cua_agent_result *result);

#endif

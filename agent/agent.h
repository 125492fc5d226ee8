#ifndef CUA_AGENT_AGENT_H
#define CUA_AGENT_AGENT_H

/* One run: a task, a model, a desktop; observe, ask, check, act, settle, observe. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/limits.h"
#include "agent/model/model.h"
#include "agent/policy/policy.h"
#include "cua/base/error.h"

/* Of a run that is told nothing else. */
extern const struct agent_limits cua_agent_default_limits;

enum cua_agent_outcome {
	CUA_AGENT_DONE,
	CUA_AGENT_GAVE_UP, /* the model called give_up, or refused */
	CUA_AGENT_LIMIT,   /* one of struct agent_limits */
	CUA_AGENT_MODEL_ERROR,
	CUA_AGENT_DESKTOP_ERROR, /* the desktop, or this machine: disk, memory */
	CUA_AGENT_STOPPED,       /* by policy, or by a person's no */
	CUA_AGENT_INTERRUPTED,
	CUA_AGENT_OUTCOME_COUNT,
};

/* "done", "gave_up", ... as events and --json spell them. */
const char *cua_agent_outcome_name(enum cua_agent_outcome outcome);

/* What a person is asked. All borrowed. */
struct cua_agent_question {
	const char *words;  /* what the model wants to do; of the model: print it as hostile text */
	const char *reason; /* why it is asked */
	const char *rule;   /* "FILE:LINE (NAME)" */
	const char *risk;   /* its class */
	const char *note;   /* "" if there is none */
	const char *picture; /* path of a PNG: the screen with the spots marked; NULL: no spot */
	const cJSON *checks; /* a provider's safety checks; NULL if it is not about those */
	uint64_t expires_us; /* of cua_now_us(): a later yes is none */
};

/* What a person said to a question; none: nobody answered in time, which refuses nothing for good.
 */
enum cua_agent_consent { CUA_AGENT_CONSENT_NO, CUA_AGENT_CONSENT_YES, CUA_AGENT_CONSENT_NONE };

/* A person who says something to a run that goes on, unasked. */
struct cua_agent_person {
	/* The next message for the model, which the caller frees; NULL: none. */
	char *(*hear)(void *user_data);
	/* Is there one? */
	bool (*has_said)(void *user_data);
	/* Is the run to wait before its next call? */
	bool (*is_paused)(void *user_data);
	/* Until it is not paused any more, there is a message, or cancel_fd is readable. */
	void (*wait)(void *user_data);
	/* An eventfd, which the run reads: what the model says or does is broken off, and the run
	 * hears what the person says; -1: nobody can. */
	int interrupt_fd;
};

/* All borrowed for the time of the run. */
struct cua_agent_options {
	const char *task;
	const char *api; /* one of agent_model_api_name() */
	const char *model, *base_url;
	const char *api_key;                 /* NULL for a server that wants none */
	const char *key_header;              /* NULL and "": as the API has it */
	const struct agent_secrets *secrets; /* NULL: none */
	const struct agent_model_spec *spec; /* NULL: nothing is known of the model */
	const char *desktop_socket, *desktop_name;
	int64_t desktop_created_s;     /* tells desktops of one name apart; 0 if unknown */
	bool desktop_is_own;           /* started for this run */
	const cJSON *desktop_settings; /* kept for --resume, which may need another; NULL: unknown
					*/
	const char *runs_dir;          /* NULL: where agent_journal_create() puts it */
	const char *name;              /* of a new run; NULL: one is made */
	const char *resume;            /* folder of the run to go on with; NULL for a new one */
	bool desktop_is_new; /* to the run that is resumed: its own is gone, or another was chosen
			      */
	struct agent_limits limits;
	int cancel_fd; /* readable: stop; -1 for none */
	int model_retries;
	double retry_unit; /* 1; tests shorten the waiting */
	/* Each event of the journal, after it was written. May be NULL. */
	void (*on_event)(const cJSON *event, void *user_data);
	/* Words of the model as they arrive, before the turn that they belong to. May be NULL. */
	agent_words_fn on_words;
	const struct agent_policy *policy; /* NULL: the default */
	const char *tools; /* offered beside the computer: names with commas, or "all"; NULL: none
			    */
	const char *instructions;  /* of the user, beside the task; NULL: none */
	const char *template_name; /* where these settings come from; NULL: none */
	/* Servers of mcpServers.json whose tools are offered as well: names with commas, or "all";
	 * NULL: none. Those of them that nobody approved are not; events say which. */
	const char *mcp;
	/* What a person says to a question of the model or of a server, which is hostile text; the
	 * caller frees. who: "The model", "The server NAME". expires_us: of cua_now_us(); nothing
	 * is waited for beyond it; UINT64_MAX: there is time. NULL, also for the function: nobody
	 * is there. */
	char *(*ask)(const char *who, const char *question, uint64_t expires_us, void *user_data);
	/* May the call go on? NULL: nobody is there to ask, and it may not. */
	enum cua_agent_consent (*approve)(
			const struct cua_agent_question *question, void *user_data);
	const struct cua_agent_person *person; /* NULL: nobody can say anything */
	void *user_data;
};

struct cua_agent_result {
	enum cua_agent_outcome outcome;
	char *answer;  /* owned; what the model answered, or its reason to give up; may be NULL */
	char *run_dir; /* owned; NULL if there is none */
	enum agent_limit limit; /* of CUA_AGENT_LIMIT: which */
	struct cua_error error; /* of outcomes that are errors */
	bool has_report;        /* run_dir/report.html is there */
	int steps, actions;
	double ms, model_ms, desktop_ms;
	struct agent_usage usage;
	double cost_usd; /* NAN if a price is not known */
};

/* What `cua run --resume` has to know before it can go on. */
struct cua_agent_resumable {
	char *path;                          /* owned; of the folder */
	char *task, *api, *model, *base_url; /* owned */
	char *desktop;                       /* owned; the name it had last */
	int64_t desktop_created_s;
	bool desktop_is_own;
	/* A person had it wait: until it is told to go on, or, interrupted, until they say
	 * something. */
	bool is_paused, is_interrupted;
	cJSON *desktop_settings; /* owned; as they were given; NULL: unknown */
	struct agent_limits limits;
	char *tools;                        /* owned; NULL: none were offered */
	char *instructions, *template_name; /* owned; NULL: it had none */
	char *mcp;                          /* owned; names of servers with commas, or "none" */
	char *policy_name, *policy_text;    /* owned; NULL: of a run that had none */
};

/**
 * cua_agent_resume_read() - can this run go on, and as what?
 * @id: as agent_runs_find() takes it.
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND; CUA_ERR_INVAL for one that came to its end: the model answered
 *         or gave up, or a person or a rule stopped it; CUA_ERR_EXISTS while a process is at it;
 *         CUA_ERR_IO. Release with cua_agent_resumable_finish() on CUA_OK.
 */
CUA_NODISCARD enum cua_status cua_agent_resume_read(
		const char *id, struct cua_agent_resumable *ret_run, struct cua_error *err);
void cua_agent_resumable_finish(struct cua_agent_resumable *run);

/* Runs to the end. ret_result is filled whatever the outcome. */
void cua_agent_run(const struct cua_agent_options *options, struct cua_agent_result *ret_result);
/* What the process exits with. */
int cua_agent_exit_status(const struct cua_agent_result *result);
void cua_agent_result_finish(struct cua_agent_result *result);

/* Names of tools with commas, "all" or "none"; CUA_ERR_INVAL names the one there is not. */
CUA_NODISCARD enum cua_status cua_agent_check_tools(const char *names, struct cua_error *err);
/* Servers likewise; CUA_ERR_INVAL also for a mistake in mcpServers.json, of an entry only if it is
 * named; CUA_ERR_NOT_FOUND. */
CUA_NODISCARD enum cua_status cua_agent_check_mcp(const char *names, struct cua_error *err);

#endif

#ifndef CUA_AGENT_RUN_INTERNAL_H
#define CUA_AGENT_RUN_INTERNAL_H

/* The state of a run, shared by run.c (the loop), run_calls.c (one turn's calls) and
 * run_events.c (what goes into the journal). */

#include "agent/agent.h"
#include "agent/desktop_client.h"
#include "agent/journal.h"
#include "agent/model/model.h"

struct agent_run {
	const struct cua_agent_options *options;
	struct cua_agent_result *result;
	struct agent_journal journal;
	struct agent_desktop *desktop;
	struct agent_model *model;
	uint64_t started_us, deadline_us;
	int step;
	bool is_over; /* result->outcome says how */
};

/* Ends the run. The first end counts. */
void run_end(struct agent_run *run, enum cua_agent_outcome outcome, const struct cua_error *why);
/* Ends it with an error of the desktop or of this machine; CUA_ERR_CANCELLED is an interruption. */
void run_end_desktop(struct agent_run *run, const struct cua_error *why);
bool run_is_cancelled(const struct agent_run *run);

/* --- run_calls.c --- */

/* Runs the calls of a turn and answers each; may end the run. */
void run_calls(struct agent_run *run, const struct agent_turn *turn);
/* Looks at the screen, waiting for a person to give it back if need be. *ret_note: what the person
 * did, owned, NULL if nothing. False if the run is over. */
bool run_look(struct agent_run *run, char **ret_note);

/* --- run_events.c; each returns false, and ends the run, if the journal cannot be written --- */

bool run_note_start(struct agent_run *run);
bool run_note_look(struct agent_run *run, double ms);
bool run_note_turn(struct agent_run *run, const struct agent_turn *turn);
bool run_note_intent(struct agent_run *run, const struct agent_call *call);
/* lost: why no answer came; NULL if one did. */
bool run_note_result(struct agent_run *run, const struct agent_call *call,
		const struct agent_outcome *outcome, const struct cua_error *lost);
bool run_note_not_run(struct agent_run *run, const struct agent_call *call, const char *why);
bool run_note_safety(struct agent_run *run, const struct agent_call *call, bool acknowledged);
bool run_note_person(struct agent_run *run, const char *phase, double ms);
void run_note_retry(const char *why, int attempt, double delay_ms, void *user_data);
CUA_NODISCARD enum cua_status run_note_end(struct agent_run *run, struct cua_error *err);

#endif

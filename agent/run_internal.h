#ifndef CUA_AGENT_RUN_INTERNAL_H
#define CUA_AGENT_RUN_INTERNAL_H

/* The state of a run, shared by run.c (the loop), run_calls.c (one turn's calls),
 * resume.c (going on with a run) and run_events.c (what goes into the journal). */

#include "agent/agent.h"
#include "agent/desktop_client.h"
#include "agent/journal.h"
#include "agent/mcp/mcp_server.h"
#include "agent/model/model.h"
#include "agent/policy/approval.h"

struct agent_run {
	const struct cua_agent_options *options;
	struct cua_agent_result *result;
	struct agent_journal journal;
	struct agent_desktop *desktop;
	struct agent_model *model;
	uint64_t started_us, deadline_us;
	double spent_ms;   /* by the processes that were at this run before */
	int64_t cut_bytes; /* that a crash left in the journal */
	int step;
	int nudges; /* turns in a row that neither acted nor answered */
	int pauses; /* turns in a row that the model is to be asked to go on with */
	int errors; /* calls in a row that failed */
	struct agent_circle circle;
	int circle_told_step; /* when the model was last told that it goes in circles; 0: never */
	bool is_over;         /* result->outcome says how */
	bool person_was_private; /* who had the desktop last; nothing of where they were is told */
	int stop_fd;             /* owned; readable: what goes on ends; see run_interrupt.c */
	bool may_interrupt;      /* so it is also when a person interrupts */
	struct agent_redactor *redactor; /* owned */
	const struct agent_policy *policy;
	struct agent_policy *own_policy; /* the default, if the options have none */
	struct agent_ledger *ledger;
	struct agent_approvals approvals;
	cJSON *functions;     /* owned; the tools that are offered */
	struct run_mcp *mcp;  /* owned; NULL: no servers */
	bool has_own[2];      /* a shell, a Python: none that another run has left */
	char directory[4096]; /* that the shell is in; "": the workspace */
	bool is_tainted;      /* it has read what a stranger may have written */
};

/* A call as the policy sees it. All borrowed. */
struct run_request {
	const struct agent_call *call;
	const char *tool;       /* "computer", "bash", "mcp", ... */
	const cJSON *arguments; /* an object; of the computer a list of canonical actions */
	const char *server, *server_tool; /* of "mcp" */
	const char *workspace;            /* absolute path; NULL: there is none */
	const char *network; /* that the tool has: "none", "allow", "open"; NULL: not known */
	bool is_script; /* actions that a script of the call does, in the pixels of the screen */
};

enum run_pass {
	RUN_PASS_GO,
	RUN_PASS_REFUSED, /* the model is to be told */
	RUN_PASS_OVER,    /* so is the run */
};

/* Ends the run. The first end counts. */
void run_end(struct agent_run *run, enum cua_agent_outcome outcome, const struct cua_error *why);
/* Ends it with an error of the desktop or of this machine; CUA_ERR_CANCELLED is an interruption,
 * CUA_ERR_TIMEOUT at the end of the run's time its limit. */
void run_end_desktop(struct agent_run *run, const struct cua_error *why);
/* why: NULL for the time, which may end a wait anywhere. */
void run_end_limit(struct agent_run *run, enum agent_limit limit, const struct cua_error *why);
bool run_is_cancelled(const struct agent_run *run);
/* So many seconds from since_us, but no later than the run's time: until when a person may answer.
 */
uint64_t run_expiry(const struct agent_run *run, uint64_t since_us, int seconds);
/* A copy without secrets, which the caller owns; NULL, and the run is over, if memory runs out. */
char *run_hide(struct agent_run *run, const char *text);
/* A message to the model, into the journal first; image may be NULL. False if the run is over. */
bool run_tell(struct agent_run *run, const char *text, const struct agent_image *image);
/* The same of a person who said it in the middle of the run. */
bool run_tell_said(struct agent_run *run, const char *text);
/* The answers to all calls of the last turn, likewise. */
bool run_tell_answers(struct agent_run *run, const struct agent_answer *answers, size_t count,
		const char *note);
/* What a turn that came whole leads to: actions, or the end of the run. */
void run_take_turn(struct agent_run *run, const struct agent_turn *turn);

/* The call by which a turn gives up; NULL. */
const struct agent_call *run_find_give_up(const struct agent_turn *turn);

/* US dollars; NAN if a price is not known. */
double run_cost(const struct agent_run *run, const struct agent_usage *usage);

/* --- run_calls.c --- */

/* Runs the calls of a turn and answers each; may end the run. Those of a turn that would end it are
 * refused: a person has said something meanwhile. */
void run_calls(struct agent_run *run, const struct agent_turn *turn);
/* Looks at the screen, waiting for a person to give it back if need be. *ret_note: what the person
 * did, owned, NULL if nothing. False if the run is over. */
bool run_look(struct agent_run *run, char **ret_note);

/* --- run_hear.c --- */

/* Tells the model what a person has said since, and waits while the run is paused; between two
 * turns. *ret_told: there was something. False if the run is over. */
bool run_hear(struct agent_run *run, bool *ret_told);
/* A person has said something that the model has not been told. */
bool run_has_news(const struct agent_run *run);
/* The time since then is a person's, not the run's: how long it was, in microseconds. */
uint64_t run_leave_out(struct agent_run *run, uint64_t since_us);
/* Waits while the run is paused. *ret_how: "paused" or "interrupted"; NULL: neither. False if the
 * run is over. */
bool run_wait(struct agent_run *run, const char **ret_how);

/* --- run_interrupt.c --- */

bool run_stop_open(struct agent_run *run);
void run_stop_close(struct agent_run *run);
/* May a person break off what comes now? How it was before. */
bool run_let_interrupt(struct agent_run *run, bool may);
bool run_is_interrupted(const struct agent_run *run);
/* Was it? Then it is in the journal, and no longer. False also if the run is over, or is to end. */
bool run_take_interrupt(struct agent_run *run);

/* --- run_tools.c --- */

bool run_tools_open(struct agent_run *run);
/* The request of a call of a tool. */
struct run_request run_tool_request(struct agent_run *run, const struct agent_call *call);
/* Runs it. The outcome's answer has "words" and "is_error"; a call that the tool refuses is CUA_OK
 * with the outcome's status set, as of actions. */
CUA_NODISCARD enum cua_status run_tool(struct agent_run *run, const struct agent_call *call,
		struct agent_outcome *ret_outcome, struct cua_error *err);
/* The answer of a turn that calls done, and nothing else; NULL. */
const char *run_find_done(const struct agent_turn *turn);

/* --- run_script.c --- */

/* Runs a tool on the desktop, of which each action that a script of it does is judged before. As
 * run_tool(). */
CUA_NODISCARD enum cua_status run_script(struct agent_run *run, const struct agent_call *call,
		struct agent_outcome *ret_outcome, struct cua_error *err);

/* --- run_elicit.c --- */

/* What a person answers to a server that asks in the middle of a call, which the caller owns; NULL
 * to decline, as where nobody answers in ten minutes. Written down. params: message and
 * requestedSchema, hostile text. The run has somebody to ask. */
cJSON *run_elicit(struct agent_run *run, const struct agent_call *call, const char *server,
		const cJSON *params);

/* --- run_mcp.c --- */

/* Starts the servers, adds what they offer to the functions, and writes down what is not offered.
 * False if the run is over. */
bool run_mcp_open(struct agent_run *run);
/* The run's deadline is another one now. */
void run_mcp_set_deadline(struct agent_run *run);
void run_mcp_close(struct agent_run *run);
/* Is it a call of one of their functions? */
bool run_mcp_has(const struct agent_run *run, const struct agent_call *call);
/* What the call is about; valid until the next. False, with problem for the model, if there is no
 * such tool, or none that was approved. */
bool run_mcp_request(struct agent_run *run, const struct agent_call *call,
		struct run_request *ret_request, char *problem, size_t size);
/* Calls it. As run_tool(); a server that fails is CUA_OK with the outcome's status set. */
CUA_NODISCARD enum cua_status run_mcp_call(struct agent_run *run, const struct run_request *request,
		struct agent_outcome *ret_outcome, struct cua_error *err);
/* The servers of a run that goes on, names with commas, owned; NULL when memory runs out. */
char *run_mcp_names(const cJSON *events);

/* --- run_secrets.c --- */

/* Placeholders stand where they may, and for something. problem: for the model. */
bool run_secrets_check(const struct agent_run *run, const struct agent_call *call, char *problem,
		size_t size);
/* Names of the secrets that actions type; the caller owns the list. NULL: none. */
cJSON *run_secrets_names(const cJSON *actions);
/* Which there are. False if the run is over. */
bool run_secrets_tell(struct agent_run *run);

/* --- run_policy.c --- */

bool run_policy_open(struct agent_run *run);
void run_policy_close(struct agent_run *run);
/* The request of a call of the computer. */
struct run_request run_policy_computer(struct agent_run *run, const struct agent_call *call);
/* May it run? Judges it, asks a person if need be, and writes both down. problem: for the model, of
 * one that is refused. *ret_note: what a person did meanwhile, owned, NULL if nothing. */
enum run_pass run_policy_pass(struct agent_run *run, const struct run_request *request,
		char *problem, size_t size, char **ret_note);
/* What a person's answer about it is for. */
struct agent_asked run_policy_asked(const struct run_request *request);
/* What the request brought was read, or is on the screen. answer: of a tool, else NULL. False if
 * the run is over. */
bool run_policy_read(struct agent_run *run, const struct run_request *request, const cJSON *answer);
/* The screen is what the model has seen. Likewise. */
bool run_policy_look(struct agent_run *run);
/* A provider's safety checks: may the call go on? False also if the run is over. */
bool run_policy_check(struct agent_run *run, const struct agent_call *call);
/* Counts again what the journal of a run that goes on says. */
void run_policy_replay(struct agent_run *run, const cJSON *events);

/* --- run_question.c --- */

enum run_answer {
	RUN_ANSWER_YES,
	RUN_ANSWER_NO,
	RUN_ANSWER_NONE, /* not in time */
	RUN_ANSWER_INTERRUPTED,
	RUN_ANSWER_NOBODY, /* there is nobody to ask */
	RUN_ANSWER_OVER,
};

/* Asks a person. checks: as in struct cua_agent_question. Written down but for RUN_ANSWER_OVER. */
enum run_answer run_question(struct agent_run *run, const struct run_request *request,
		const struct agent_decision *decision, const cJSON *checks);
/* The screen with the spots of the actions marked, in the folder of the run. False if there is no
 * spot, or no picture can be made. */
bool run_question_picture(
		struct agent_run *run, const struct run_request *request, char *name, size_t size);

/* --- resume.c --- */

/* What cua_agent_resume_read() makes of the events; path stays NULL. */
CUA_NODISCARD enum cua_status run_resumable(
		const cJSON *events, struct cua_agent_resumable *ret_run, struct cua_error *err);

/* Opens the journal and adds up what is in it. */
void run_resume_open(struct agent_run *run);
/* With desktop, first look and model: rebuilds the conversation, answers what was left open, and
 * tells the model. note: what a person did, NULL if nothing. */
void run_resume_talk(struct agent_run *run, const char *note);

/* --- run_events.c; each returns false, and ends the run, if the journal cannot be written --- */

bool run_note_start(struct agent_run *run);
bool run_note_resume(struct agent_run *run);
/* is_person: a person said it in the middle of the run. */
bool run_note_user(struct agent_run *run, const char *text, const struct agent_image *image,
		bool is_person);
bool run_note_answers(struct agent_run *run, const struct agent_answer *answers, size_t count,
		const char *note);
/* "ok", "failed", "not_run", "uncertain". */
const char *run_answer_name(enum agent_answer_status status);
/* Of an intent whose process died before it knew. */
bool run_note_lost(struct agent_run *run, const struct agent_call *call, const char *message);
bool run_note_look(struct agent_run *run, double ms);
bool run_note_turn(struct agent_run *run, const struct agent_turn *turn);
/* What requests without a good answer have cost, if anything. */
void run_note_unanswered(
		struct agent_run *run, const struct agent_turn *turn, const struct cua_error *why);
bool run_note_intent(struct agent_run *run, const struct run_request *request);
/* lost: why no answer came; NULL if one did. */
bool run_note_result(struct agent_run *run, const struct agent_call *call,
		const struct agent_outcome *outcome, const struct cua_error *lost);
bool run_note_not_run(struct agent_run *run, const struct agent_call *call, const char *why);
bool run_note_safety(struct agent_run *run, const struct agent_call *call, bool acknowledged);
/* counted: of agent_ledger_since(), taken over. */
bool run_note_decision(struct agent_run *run, const struct run_request *request,
		const struct agent_decision *decision, cJSON *counted);
/* answer: "yes", "no", "unanswered", "nobody", "not_asked", "expired", "screen_changed". picture:
 * NULL for none. */
bool run_note_approval(struct agent_run *run, const struct agent_call *call, const char *answer,
		const char *picture, double ms);
/* What a person is about to be asked. picture: a name in the folder, NULL for none. */
bool run_note_question(struct agent_run *run, const struct agent_call *call,
		const struct cua_agent_question *question, const char *picture);
bool run_note_taint(struct agent_run *run, const struct agent_call *call,
		const struct agent_decision *decision);
/* servers is taken: a list of {"name", "usable", "tools"}. */
bool run_note_mcp(struct agent_run *run, cJSON *servers);
/* A server, or something of it, is not offered. */
bool run_note_mcp_trouble(struct agent_run *run, const char *server, const char *what);
/* answer: "accepted", "declined", "unanswered" (in time), "not_asked" (a form of another kind),
 * "secret" (likewise). */
bool run_note_elicitation(struct agent_run *run, const struct agent_call *call, const char *server,
		const char *message, const char *answer, double ms);
bool run_note_progress(struct agent_run *run, const struct agent_call *call, const char *server,
		const struct agent_mcp_progress *progress);
/* phase: "has_desktop", "gave_back", "paused", "went_on", "interrupted". ms: how long it lasted; 0
 * for none. */
bool run_note_person(struct agent_run *run, const char *phase, double ms);
/* The same of a person who has the desktop, or had it. */
bool run_note_lease(struct agent_run *run, const char *phase, const struct agent_lease *lease);
void run_note_retry(const char *why, int attempt, double delay_ms, void *user_data);
CUA_NODISCARD enum cua_status run_note_end(struct agent_run *run, struct cua_error *err);

#endif

#ifndef CUA_AGENT_POLICY_APPROVAL_H
#define CUA_AGENT_POLICY_APPROVAL_H

/* A person's yes: for one action on one screen, once, and not for long. And how often a person was
 * asked, so that nobody who is asked again and again says yes in the end. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "agent/policy/policy.h"

#define AGENT_APPROVAL_S 120
#define AGENT_REFUSALS_KEPT 64
#define AGENT_QUESTIONS_KEPT 256

/* What an answer is for: all of it. */
struct agent_asked {
	const char *tool;
	const char *server, *server_tool; /* of "mcp"; else NULL */
	const cJSON *arguments;
};

struct agent_approvals {
	struct agent_question_limit limit;
	uint64_t asked;                           /* how often */
	uint64_t asked_us[AGENT_QUESTIONS_KEPT];  /* the last of them */
	uint8_t refused[AGENT_REFUSALS_KEPT][32]; /* what a person said no to */
	uint64_t refused_count;
	bool is_given;
	uint8_t given[32];
	char screen[65]; /* "": it has nothing to do with one */
	uint64_t expires_us;
};

/* May a person be asked now whether this call may run? If not, *ret_why says why, for the model. */
bool agent_approvals_may_ask(const struct agent_approvals *approvals,
		const struct agent_asked *call, uint64_t now_us, const char **ret_why);
/* A person is asked now; a yes holds until AGENT_APPROVAL_S from here. */
void agent_approvals_asked(struct agent_approvals *approvals, uint64_t now_us);
/* What the person said. screen: SHA-256 of the screenshot that was shown; NULL if the call has
 * nothing to do with a screen. */
void agent_approvals_answer(struct agent_approvals *approvals, const struct agent_asked *call,
		const char *screen, bool is_yes, uint64_t asked_us);

/* For a journal: the last call that a person said no to, as text; false if there is none. */
#define AGENT_REFUSAL_SIZE 65
bool agent_approvals_last_refusal(
		const struct agent_approvals *approvals, char refusal[AGENT_REFUSAL_SIZE]);
/* And from there again; what is no such text is passed over. */
void agent_approvals_refuse(struct agent_approvals *approvals, const char *refusal);

enum agent_approval {
	AGENT_APPROVAL_HOLDS,
	AGENT_APPROVAL_NONE, /* none was given, or for something else */
	AGENT_APPROVAL_EXPIRED,
	AGENT_APPROVAL_SCREEN, /* it was for another screen */
};

/* Uses the yes up, whether it holds or not. */
enum agent_approval agent_approvals_take(struct agent_approvals *approvals,
		const struct agent_asked *call, const char *screen, uint64_t now_us);

#endif

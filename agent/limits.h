#ifndef CUA_AGENT_LIMITS_H
#define CUA_AGENT_LIMITS_H

/* What a run may use up, and when it only goes in circles. */

#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/* 0: no limit. */
struct agent_limits {
	int steps;     /* answers of the model */
	int time_s;    /* since the run began */
	double tokens; /* of all requests, in and out */
	double usd;
	int repeats; /* the same actions on the same screen, of the last AGENT_PAIRS_KEPT calls */
	int errors;  /* calls that failed, one after another */
};

enum agent_limit {
	AGENT_LIMIT_NONE,
	AGENT_LIMIT_STEPS,
	AGENT_LIMIT_TIME,
	AGENT_LIMIT_TOKENS,
	AGENT_LIMIT_MONEY,
	AGENT_LIMIT_REPEATS,
	AGENT_LIMIT_ERRORS,
	AGENT_LIMIT_COUNT,
};

/* "steps", "time", ... as events spell them; "" for none. */
const char *agent_limit_name(enum agent_limit limit);
/* What the process exits with: 10 for steps, and so on. */
int agent_limit_exit(enum agent_limit limit);

/* Used up so far. */
struct agent_spent {
	int steps;
	double time_s, tokens;
	double usd; /* NAN as soon as a price is not known */
};

/* The first limit that is reached; err says which and how to raise it. */
enum agent_limit agent_limits_check(const struct agent_limits *limits,
		const struct agent_spent *spent, struct cua_error *err);

/* Those that are given; for one that is not, which is below 0, the other. */
struct agent_limits agent_limits_or(
		const struct agent_limits *given, const struct agent_limits *otherwise);

/* --- circles --- */

#define AGENT_PAIRS_KEPT 24

struct agent_circle {
	uint8_t pairs[AGENT_PAIRS_KEPT]
		     [16]; /* hashes of actions and the screen they were meant for */
	uint64_t count;    /* of all pairs so far */
};

/* How often the last pairs hold this one, itself included. 0 for actions that only look or wait:
 * what is waited for may take long. screen: its hash. */
int agent_circle_note(struct agent_circle *circle, const cJSON *actions, const char *screen);

#endif

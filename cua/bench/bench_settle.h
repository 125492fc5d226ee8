#ifndef CUA_BENCH_SETTLE_H
#define CUA_BENCH_SETTLE_H

/* One trial of settling: act, take the settled picture, and look on for two seconds more. */

#include "cua/bench/bench_watch.h"

struct bench_trial {
	bool restless;     /* the step's own word: something is to move by itself */
	bool says_so;      /* the answer does too, and has not waited until its deadline */
	double whole_ms;   /* from the request to its answer with the settled picture */
	double ms;         /* of that, after the end of the input */
	double over_ms;    /* of that, after the last change */
	bool wrong;        /* the settled picture was not what came to stay, or nothing changed */
	bool wrong_half_s; /* a picture half a second after the input would not have been right */
	bool wrong_two_s;
	char reason[16];
	struct cua_region area; /* where the picture was wrong */
};

/* step: {"actions": [...], "restless": true}. name goes before the pictures of a wrong trial. */
CUA_NODISCARD enum cua_status bench_settle_trial(struct bench_desktop *desktop,
		struct bench_watch *watch, const cJSON *step, const char *name,
		struct bench_trial *ret_trial, struct cua_error *err);

/* {"actions": [...], "between": true}: what leads from one trial to the next, done and waited for.
 */
bool bench_settle_is_between(const cJSON *step);
CUA_NODISCARD enum cua_status bench_settle_between(struct bench_desktop *desktop,
		struct bench_watch *watch, const cJSON *step, struct cua_error *err);

/* Until the screen has not changed for so long; waits no longer than max_ms. */
CUA_NODISCARD enum cua_status bench_settle_rest(struct bench_desktop *desktop,
		struct bench_watch *watch, int rest_ms, int max_ms, struct cua_error *err);

#endif

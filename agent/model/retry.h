#ifndef CUA_AGENT_RETRY_H
#define CUA_AGENT_RETRY_H

/* When a request to a model may be sent again, and after how long. Requests only: an action on
 * a desktop is never repeated. */

#include <stdbool.h>
#include <time.h>

#define AGENT_RETRIES_MAX 5
#define AGENT_RETRY_TOTAL_MS 120000.0 /* waiting, all retries of one request together */

/* What is known about a request that failed. Strings may be NULL or "". */
struct agent_retry_facts {
	long http_status; /* 0: the connection failed, or the stream ended early */
	const char *should_retry, *retry_after, *retry_after_ms; /* headers */
	const char *error_code;                                  /* error.code of the body */
};

bool agent_retry_wanted(const struct agent_retry_facts *facts);

/* attempt: 0 for the first retry. random01: 0 to 1. now: for a Retry-After that is a date. */
double agent_retry_delay_ms(
		const struct agent_retry_facts *facts, int attempt, double random01, time_t now);

#endif

#ifndef CUA_TESTS_WAITING_H
#define CUA_TESTS_WAITING_H

/* Waiting for what a test cannot be told of, with a deadline. */

#include <stdbool.h>

/* For whatever a test waits for; when it passes, the test fails. */
#define DESKTOP_DEADLINE_MS 20000

typedef bool (*condition_fn)(void *data);
/* Polls, since a condition may be anything, in another process or in /proc; fails the test, naming
 * what, at the deadline. */
void wait_until(condition_fn condition, void *data, const char *what);
bool waits_until(condition_fn condition, void *data, int timeout_ms);

#endif

#ifndef CUA_TESTS_DESKTOP_RECORDER_H
#define CUA_TESTS_DESKTOP_RECORDER_H

/* A window that writes down what reaches it: tests/x_recorder.c in a desktop. */

#include "tests/desktop_fixture.h"
#include "tests/json_path.h"

/* Starts it full screen, and waits until it has the keyboard. */
void recorder_start(struct desktop *desktop);
/* Events from here on. */
void recorder_mark(struct desktop *desktop);
/* Events since the mark, an array; of the types in the list "press release", NULL for all but
 * pings. The caller deletes. */
cJSON *recorder_events(struct desktop *desktop, const char *types);

#endif

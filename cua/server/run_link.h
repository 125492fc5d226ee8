#ifndef CUA_SERVER_RUN_LINK_H
#define CUA_SERVER_RUN_LINK_H

/* The connection to a run that goes on: GET /v1/run/watch of its API. On the loop's thread. */

#include <cjson/cJSON.h>
#include <uv.h>

#include "cua/base/error.h"

struct run_link;

struct run_link_handler {
	/* One line of the answer: {"state": ...} or {"words": ..., "anew": ...}. */
	void (*on_line)(const cJSON *line, void *user_data);
	/* Once: nobody listens there, or the run has ended, however. link must not be used again.
	 */
	void (*on_closed)(void *user_data);
	void *user_data;
};

/* handler is copied. NULL without memory. */
struct run_link *run_link_create(
		uv_loop_t *loop, const char *run, const struct run_link_handler *handler);
/* on_closed is not called any more. */
void run_link_destroy(struct run_link *link);

#endif

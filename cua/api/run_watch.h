#ifndef CUA_API_RUN_WATCH_H
#define CUA_API_RUN_WATCH_H

/* Those who watch a run by its API: GET /v1/run/watch, an answer that goes on as long as the run
 * does. All here is called by the thread of the sockets, but run_watch_words() and
 * run_watch_news(). */

#include <cjson/cJSON.h>
#include <uv.h>

#include "cua/base/http_server.h"

struct run_watch;

/* How the run stands, the caller's; called by the thread of the sockets. */
typedef cJSON *(*run_watch_state_fn)(void *user_data);

/* NULL without memory. */
struct run_watch *run_watch_create(uv_loop_t *loop, run_watch_state_fn state, void *user_data);
/* Its handles are closed; it is released with the last. */
void run_watch_end(struct run_watch *watch);

/* exchange is released. */
void run_watch_begin(struct run_watch *watch, struct cua_http_exchange *exchange);
void run_watch_drained(struct run_watch *watch, struct cua_http_stream *stream);
void run_watch_closed(struct run_watch *watch, struct cua_http_stream *stream);

/* By any thread: something has changed of how the run stands. */
void run_watch_news(struct run_watch *watch);
/* By any thread: the model says more; NULL: what it was saying is an event now, or void. */
void run_watch_words(struct run_watch *watch, const char *words);

#endif

#ifndef CUA_API_RUN_API_H
#define CUA_API_RUN_API_H

/* The API of a run that goes on: how it stands, what a person tells it, and what it asks. HTTP on a
 * unix socket that only its user may open, agent_runs_socket(); its requests and answers are in
 * cua/contract/README.md. The loop of a run is straight-line code with waits, so the sockets have a
 * thread of their own; all here is called by the run's, but in run_api.c. */

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

struct run_api;

/* cancel_fd: an eventfd, borrowed, that a request to cancel the run writes to. */
CUA_NODISCARD enum cua_status run_api_create(
		int cancel_fd, struct run_api **ret_api, struct cua_error *err);
/* NULL is nothing. Requests that come now are refused. */
void run_api_destroy(struct run_api *api);

/* An event of the run: from the first on, which names it, others can reach it. */
void run_api_note(struct run_api *api, const cJSON *event);

/* What the model says, as it comes. NULL: those words are in an event now, or void. */
void run_api_words(struct run_api *api, const char *words);

/* What struct cua_agent_person wants. */
char *run_api_hear(struct run_api *api);
bool run_api_has_said(struct run_api *api);
bool run_api_is_paused(struct run_api *api);
void run_api_wait(struct run_api *api);
/* An eventfd, the run's to read. */
int run_api_interrupt_fd(const struct run_api *api);
/* Before the run begins: it waits to be told to go on. awaits_word: or for a message. */
void run_api_pause(struct run_api *api, bool awaits_word);

/* --- questions --- */

/* Asks whoever looks. question: an object, taken over; it gets an "id" of its own. */
void run_api_ask(struct run_api *api, cJSON *question);
/* Readable once it is answered. */
int run_api_answer_fd(const struct run_api *api);
/* Ends the question. The answer, which the caller frees: "yes", "no", or a text; NULL: none came.
 */
char *run_api_answer(struct run_api *api);

#endif

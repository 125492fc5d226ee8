#ifndef CUA_SERVER_RUNS_H
#define CUA_SERVER_RUNS_H

/* The runs that the server owns: which wait, which go on, what became of them. Agents are processes
 * of their own, which outlive the server: a new one finds them by the store and their sockets. */

#include <stdbool.h>
#include <sys/queue.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

struct server;
struct runs;

/* On the loop's thread; then with runs_begin() those go on that did when the last server ended. */
CUA_NODISCARD enum cua_status runs_create(
		struct server *server, struct runs **ret_runs, struct cua_error *err);
CUA_NODISCARD enum cua_status runs_begin(struct runs *runs, struct cua_error *err);
/* Lets go of them: they go on. */
void runs_end(struct runs *runs);
void runs_destroy(struct runs *runs);

/* Stops the desktops that are kept ready; waits for it. Those at work go on. */
void runs_end_spares(void);

/* Any thread: there is something in the queue. */
void runs_kick(struct runs *runs);
/* Any thread: one that waited was taken out of the queue. */
void runs_note_cancelled(struct runs *runs);
/* Any thread: what the store says of a run has changed, or is about to be committed; the feed tells
 * of it. */
void runs_note_changed(struct runs *runs, const char *id);
/* Any thread: how a run stands that goes on, as its API says, the caller's; NULL for others. */
cJSON *runs_state(struct runs *runs, const char *id);
/* Any thread: all of these, an array. */
cJSON *runs_states(struct runs *runs);
#define RUNS_NAME_SIZE 64
/* Any thread: the file that shows what a question is about, in the folder of its run. False if
 * there is none, or the run is over. */
bool runs_picture(struct runs *runs, const char *question, char run[RUNS_NAME_SIZE],
		char picture[RUNS_NAME_SIZE]);
/* Any thread: so many agents at once from now on; 0: as the server was started. */
void runs_set_max(struct runs *runs, int max);
/* Of agents, that may go on at once. */
int runs_max(const struct runs *runs);

/* Who wants to know at once; on the loop's thread. Ours to the members before link. */
struct runs_watcher {
	char run[40];
	bool is_live; /* goes on, or is being started */
	bool is_over;
	const char *state;  /* JSON, of the run's API; NULL: not known; valid in on_news */
	const char *words;  /* of the model, of the answer that it is giving */
	unsigned int round; /* changes when words begin anew */
	void (*on_news)(struct runs_watcher *watcher);
	LIST_ENTRY(runs_watcher) link;
};

/* on_news is called at once, and with every change. One that is not over will be told of. */
void runs_watch(struct runs *runs, struct runs_watcher *watcher);
void runs_unwatch(struct runs_watcher *watcher);

#endif

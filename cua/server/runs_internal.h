#ifndef CUA_SERVER_RUNS_INTERNAL_H
#define CUA_SERVER_RUNS_INTERNAL_H

/* Between runs.c and runs_work.c. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "cua/base/buffer.h"
#include "cua/server/run_link.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"

/* An agent, and a desktop with Writer or a browser. */
#define RUNS_AGENT_BYTES ((uint64_t)512 << 20)

/* A run that is being started, or goes on. */
struct live {
	LIST_ENTRY(live) link;
	struct runs *runs;
	char id[40];
	struct run_link *run; /* NULL: not connected */
	char *state;          /* owned; JSON; with the mutex */
	struct cua_buffer words;
	unsigned int round;
	char asks[64];               /* the question that the feed tells of; "": none */
	char shows[64], picture[64]; /* the file that goes with which one; with the mutex */
	uv_timer_t again;            /* to connect, or to look what became of it */
	int failed_links;            /* in a row */
	bool is_starting;
	uv_work_t work;
	bool is_working;  /* on a thread */
	bool has_closed;  /* its connection, meanwhile */
	bool is_again;    /* to be started: it broke off */
	int64_t begun_ms; /* by our own start; 0: it was begun by a server before this one */
	/* What the work came to. */
	enum { LIVE_GOES_ON, LIVE_IS_OVER, LIVE_BROKE_OFF, LIVE_LOOK_AGAIN } outcome;
};

/* A run of which the feed is to tell. */
struct changed {
	STAILQ_ENTRY(changed) link;
	char id[40];
};

struct runs {
	struct server *server;
	uv_async_t news;
	uv_work_t telling; /* the feed of what has changed; one at a time, so in their order */
	bool is_telling;
	STAILQ_HEAD(, changed) changed; /* with the mutex */
	uv_timer_t later;               /* looks again whether there is memory */
	uv_work_t picking;
	bool is_picking, is_stale; /* picked while something was added */
	atomic_bool has_cancelled; /* since the watchers of those that wait were told */
	bool is_ending;
	char picked[40]; /* "" for none */
	char last_project[64],
			last_by[128]; /* of the last that was picked; the thread's that picks */
	bool looks_again;             /* there was no memory for another, or the store failed */
	int starting;                 /* of those that are live */
	int starting_now;             /* the same, for the thread that picks */
	/* A run that was started keeps some; or a server before, which was killed, has left some.
	 */
	atomic_bool has_spares;
	int count; /* of live ones */
	atomic_int max;
	int usual_max;         /* where nothing is set */
	pthread_mutex_t mutex; /* of the list, and of state in it, where other threads read them */
	LIST_HEAD(, live) list;
	LIST_HEAD(, runs_watcher) watchers;
};

/* runs_work.c: on a thread; the results are in what they are given. */
void runs_work_pick(struct runs *runs);
void runs_work_start(struct live *live);
void runs_work_note_begun(struct live *live);
void runs_work_finish(struct live *live);

/* runs_tell.c: a run says where on this machine the picture of its question is; whoever asks us
 * gets it by our address. */
void runs_tell_address(struct live *live, cJSON *state);
/* What the feed is told. On a thread; on the loop's; the same. */
void runs_tell_changed(struct runs *runs);
void runs_tell_state(struct live *live, const cJSON *state);
/* The run is not there any more to be answered. */
void runs_tell_unasked(struct live *live);

#endif

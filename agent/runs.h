#ifndef CUA_AGENT_RUNS_H
#define CUA_AGENT_RUNS_H

/* The folder that holds all runs, and what there is to know of one without reading all of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"

/* $CUA_RUNS_DIR, or runs/ in cua_state_dir(); it need not be there. The caller owns it. */
CUA_NODISCARD enum cua_status agent_runs_dir(char **ret_path, struct cua_error *err);

/**
 * agent_runs_find() - the folder of a run.
 * @id:       its name, the first characters of it, or "last".
 * @ret_path: owned by the caller.
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND; CUA_ERR_INVAL if several runs begin with id.
 */
CUA_NODISCARD enum cua_status agent_runs_find(
		const char *id, char **ret_path, struct cua_error *err);

/* Where a run listens while it goes on; id is the whole of its name. The folder is made. */
CUA_NODISCARD enum cua_status agent_runs_socket(
		const char *id, char *path, size_t size, struct cua_error *err);

#define AGENT_RUN_NAME_SIZE 32

/* Sorts by time, to the millisecond, and cannot collide. After sodium_init(). */
void agent_runs_make_name(char name[AGENT_RUN_NAME_SIZE]);
/* As it makes them. */
bool agent_runs_is_name(const char *name);

struct agent_run_summary {
	char *path, *id;    /* path is owned, id is the end of it */
	char state[32];     /* "running", "broken_off", or the outcome it ended with */
	char *task, *model; /* owned; "" if unknown */
	char started[32];   /* as in the first event; "" if unknown */
	int steps, actions;
	double ms;         /* of its life; without an end, from its first event to its last */
	double cost_usd;   /* -1 if unknown */
	int64_t bytes;     /* of all its files */
	int64_t changed_s; /* when its last event was written; seconds since 1970 */
};

/* Reads what there is: a folder without a readable event is a broken_off run. */
CUA_NODISCARD enum cua_status agent_run_summarise(
		const char *path, struct agent_run_summary *ret_summary, struct cua_error *err);
void agent_run_summary_finish(struct agent_run_summary *summary);
/* As --json prints it; the caller owns it. */
cJSON *agent_run_summary_json(const struct agent_run_summary *summary);

/* Of the journal of a run, whoever writes it; NULL if it does not end with a whole event. The
 * caller's. */
cJSON *agent_run_last_event(int run_dir_fd);

/* All runs, the oldest first; none if the folder is not there. Release with agent_runs_free(). */
CUA_NODISCARD enum cua_status agent_runs_list(
		struct agent_run_summary **ret_runs, size_t *ret_count, struct cua_error *err);
void agent_runs_free(struct agent_run_summary *runs, size_t count);

/* Removes the folder. CUA_ERR_EXISTS while a process is at the run. */
CUA_NODISCARD enum cua_status agent_run_delete(const char *path, struct cua_error *err);

#endif

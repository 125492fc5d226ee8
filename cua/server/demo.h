#ifndef CUA_SERVER_DEMO_H
#define CUA_SERVER_DEMO_H

/* A run that needs no key: cua-standin plays the model, over HTTP like a real one. */

#include <pthread.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/base/process.h"

struct store;

/* The stand-in of this state folder. As long as a run may ask it, it outlives its server as the
 * agents do, and the next server goes on with it; it ends with a server that no such run is left
 * of, or when nobody has asked it for long. */
struct demo {
	pthread_mutex_t mutex;
	struct cua_process_id process; /* pid 0: none */
	int port;
};

void demo_init(struct demo *demo);

/* What the demo is told to do. */
extern const char demo_task[];

/**
 * demo_settings() - starts a stand-in if none runs.
 * @state_dir:    its script and the policy of its runs go there.
 * @ret_settings: of a run against it, as run_settings says; the caller's.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE where cua-standin is not installed or does not start.
 */
CUA_NODISCARD enum cua_status demo_settings(struct demo *demo, const char *state_dir,
		cJSON **ret_settings, struct cua_error *err);

/* The server ends: so does the stand-in, unless a run waits for it or goes on. */
void demo_end(struct demo *demo, const char *state_dir, struct store *store);

#endif

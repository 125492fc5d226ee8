#ifndef CUA_RUN_PERSON_H
#define CUA_RUN_PERSON_H

/* Who is asked what a run may do, and what the model wants to know: a person at the terminal that
 * `cua run` was started on, or one who answers by the run's API. The first answer counts. */

#include <stdbool.h>

#include "agent/agent.h"
#include "cua/api/run_api.h"

struct run_person {
	struct run_api *api; /* borrowed */
	int stop_fd;         /* readable: the run is to end */
	bool has_terminal;   /* stdin */
	bool is_attended;    /* questions wait for somebody elsewhere */
};

bool run_person_is_there(const struct run_person *person);
enum cua_agent_consent run_person_approve(
		struct run_person *person, const struct cua_agent_question *question);
/* A text, which the caller frees; NULL: none. expires_us: as in struct cua_agent_question. */
char *run_person_ask(struct run_person *person, const char *who, const char *question,
		uint64_t expires_us);

#endif

#ifndef CUA_AGENT_RUN_PRINT_H
#define CUA_AGENT_RUN_PRINT_H

/* A run on a terminal: one line per step, as it happens. */

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/agent.h"

struct agent_printer {
	FILE *out;
	bool as_json; /* events as they are in events.jsonl instead of lines for people */
	bool in_line; /* a step's line is begun */
	bool person_said;
	int actions_said; /* in the line */
};

/* Prints an event; the on_event of struct cua_agent_options. */
void agent_print_event(struct agent_printer *printer, const cJSON *event);
/* The last lines: answer, counts, folder. Errors go to err_out. */
void agent_print_result(struct agent_printer *printer, const struct cua_agent_result *result,
		FILE *err_out);

#endif

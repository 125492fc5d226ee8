#ifndef CUA_AGENT_RUN_PRINT_H
#define CUA_AGENT_RUN_PRINT_H

/* A run on a terminal: one line per step, as it happens, below the words of the model. */

#include <stdbool.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/agent.h"
#include "cua/base/buffer.h"

struct agent_printer {
	FILE *out;
	bool as_json;     /* events as they are in events.jsonl instead of lines for people */
	bool in_line;     /* a step's line is begun */
	bool in_progress; /* the line is about how far a call is: the next about it takes its place,
			     on a terminal */
	bool person_said;
	bool asks_here;   /* questions are put on this terminal, beside the printer */
	bool answer_said; /* the run's answer has been shown as it came */
	int actions_said; /* in the line */
	int steps;
	struct cua_buffer words; /* of the turn that is coming in, as it said them */
	int breaks;              /* of lines, to be shown before its next word */
};

void agent_printer_init(struct agent_printer *printer, FILE *out, bool as_json);
void agent_printer_finish(struct agent_printer *printer);

/* Prints an event; the on_event of struct cua_agent_options. */
void agent_print_event(struct agent_printer *printer, const cJSON *event);
/* Prints words as they arrive; the on_words. */
void agent_print_words(struct agent_printer *printer, const char *words);
/* The last lines: answer, counts, folder. Errors go to err_out. */
void agent_print_result(struct agent_printer *printer, const struct cua_agent_result *result,
		FILE *err_out);
/* The same of a run by its last event, in which there is what a result has but for the folder. */
void agent_print_end(struct agent_printer *printer, const cJSON *run_end, const char *run_dir,
		FILE *err_out);

#endif

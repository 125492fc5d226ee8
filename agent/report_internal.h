#ifndef CUA_AGENT_REPORT_INTERNAL_H
#define CUA_AGENT_REPORT_INTERNAL_H

/* Between report.c (the file), report_page.c (head, filters, timeline), report_step.c (one step),
 * report_marks.c (where actions went) and report_style.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/event.h"

/* A screenshot; each distinct one is in the page once, and elements refer to it by its number. */
struct report_shot {
	const char *sha256; /* borrowed from an event; NULL: none */
	int width, height;
	size_t number;
};

/* A turn of the model and what followed from it: consecutive events. */
struct report_step {
	const cJSON *first, *end; /* end: the event after the last; NULL at the end of all */
	const cJSON *turn;        /* NULL: the model was asked and never answered */
	struct report_shot shot;  /* what it saw; sha256 NULL: nothing */
	double number;
	double since_ms; /* the begin of the run, by the clock */
	double model_ms, desktop_ms;
	bool acts;        /* on the screen, and does not only look or wait */
	bool has_problem; /* something failed, was not run, or is not known */
};

struct report {
	const cJSON *events;
	struct report_step *steps; /* owned */
	size_t step_count, problem_count, acting_count;
	struct report_shot *shots; /* owned; distinct */
	size_t shot_count;
	struct report_shot last; /* the screen at the end */
	double longest_ms;       /* of the steps' model and desktop time */
	int run_dir_fd;          /* borrowed */
};

/* --- report_steps.c --- */

/* Finds steps and screenshots. False when memory runs out. */
bool report_read(struct report *report);
void report_finish(struct report *report);

/* --- report_step.c --- */

void report_put_step(FILE *out, const struct report *report, const struct report_step *step);
/* step NULL: no marks. */
void report_put_shot(FILE *out, const struct report_shot *shot, const struct report_step *step,
		const char *caption);
void report_put_quote(FILE *out, const char *text);

/* --- report_marks.c --- */

/* The spots of a step's actions, numbered, as the inside of an <svg>. */
void report_put_marks(FILE *out, const struct report_step *step);

/* --- report_page.c --- */

/* Errors of out stay in out: ask ferror(). */
void report_put_page(FILE *out, const struct report *report);

extern const char *const report_style[]; /* NULL at the end */

#endif

#ifndef CUA_AGENT_REPORT_INTERNAL_H
#define CUA_AGENT_REPORT_INTERNAL_H

/* Between report.c (the file), report_page.c (head, filters, timeline), report_step.c (one step),
 * report_marks.c (where actions went) and report_style.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "agent/event.h"
#include "agent/secrets/redact.h"
#include "cua/base/error.h"

/* A screenshot; each distinct one is in the page once, and elements refer to it by its number. */
struct report_shot {
	char sha256[65]; /* "": none */
	int width, height;
	size_t number;
};

/* A turn of the model and what followed from it: consecutive events. */
struct report_step {
	size_t first;            /* of its events, counted from the first of the journal */
	bool has_turn;           /* else the model was asked and never answered */
	struct report_shot shot; /* what it saw */
	double number;
	double since_ms; /* the begin of the run, by the clock */
	double model_ms, desktop_ms;
	bool acts;        /* on the screen, and does not only look or wait */
	bool has_problem; /* something failed, was not run, or is not known */
};

/* What is known before the page is begun: events are read once for it, and once more for the steps,
 * so that those of one step are all that is in memory. */
struct report {
	cJSON *start, *end; /* owned; run_start, and the last event if it is an end */
	cJSON *servers;     /* owned; the last of its events that names them; NULL */
	double begun_ms;
	size_t event_count;
	struct report_step *steps; /* owned */
	size_t step_count, step_capacity, problem_count, acting_count;
	struct report_shot *shots; /* owned; distinct */
	size_t shot_count, shot_capacity;
	size_t *slots;           /* owned; where a screenshot is in shots, by its hash */
	struct report_shot last; /* the screen at the end */
	double longest_ms;       /* of the steps' model and desktop time */
	int run_dir_fd;          /* borrowed */
	const struct agent_redactor *redactor; /* borrowed */
};

/* --- report_steps.c --- */

/* Finds steps and screenshots. */
CUA_NODISCARD enum cua_status report_read(struct report *report, struct cua_error *err);
void report_finish(struct report *report);

/* --- report_step.c --- */

/* events: a list of those of the step. */
void report_put_step(FILE *out, const struct report *report, const struct report_step *step,
		const cJSON *events);
/* events: for the marks; NULL for none. */
void report_put_shot(FILE *out, const struct report_shot *shot, const cJSON *events,
		const char *caption);
void report_put_quote(FILE *out, const char *text);

/* --- report_marks.c --- */

/* The spots of a step's actions, numbered, as the inside of an <svg>. */
void report_put_marks(FILE *out, const cJSON *events);

/* --- report_page.c --- */

/* Errors of out stay in out: ask ferror(). */
CUA_NODISCARD enum cua_status report_put_page(
		FILE *out, const struct report *report, struct cua_error *err);

extern const char *const report_style[]; /* NULL at the end */

#endif

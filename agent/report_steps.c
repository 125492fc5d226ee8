#include "agent/report_internal.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/journal_read.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define CAPACITY_FIRST 64

/* --- screenshots --- */

/* Twice as many as there can be screenshots, so that some are free. */
static size_t slot_count(const struct report *report)
{
	return 2 * report->shot_capacity;
}

/* Where a hash is, or belongs: the first eight digits of a SHA-256 are as good as any. In a slot is
 * a number from 1; 0 is free. */
static size_t *find_slot(const struct report *report, const char *sha256)
{
	char digits[9] = "";
	memcpy(digits, sha256, 8);
	size_t at = strtoul(digits, NULL, 16) % slot_count(report);
	while (report->slots[at] &&
			strcmp(report->shots[report->slots[at] - 1].sha256, sha256) != 0) {
		at = (at + 1) % slot_count(report);
	}
	return &report->slots[at];
}

static bool grow_shots(struct report *report)
{
	const size_t capacity = report->shot_capacity ? 2 * report->shot_capacity : CAPACITY_FIRST;
	struct report_shot *shots = reallocarray(report->shots, capacity, sizeof(*shots));
	size_t *slots = calloc(2 * capacity, sizeof(*slots));
	report->shots = shots ? shots : report->shots;
	if (!shots || !slots) {
		free(slots);
		return false;
	}
	free(report->slots);
	report->slots = slots;
	report->shot_capacity = capacity;
	for (size_t i = 0; i < report->shot_count; i++) {
		*find_slot(report, shots[i].sha256) = i + 1;
	}
	return true;
}

/* What the event shows, if it shows anything. False when memory runs out. */
static bool note_shot(struct report *report, const cJSON *event)
{
	const char *sha256 = cua_json_text(event, "screenshot");
	const double width = cua_json_number(event, "width"),
		     height = cua_json_number(event, "height");
	if (!agent_event_is_sha256(sha256) ||
			!(width > 0 && width < 32768 && height > 0 && height < 32768)) {
		return true;
	}
	if (report->shot_count == report->shot_capacity && !grow_shots(report)) {
		return false;
	}
	size_t *slot = find_slot(report, sha256);
	if (!*slot) {
		struct report_shot *shot = &report->shots[report->shot_count];
		*shot = (struct report_shot){ .number = report->shot_count };
		memcpy(shot->sha256, sha256, sizeof(shot->sha256));
		*slot = ++report->shot_count;
	}
	report->last = report->shots[*slot - 1];
	report->last.width = (int)width;
	report->last.height = (int)height;
	return true;
}

/* --- steps --- */

static bool only_looks(const cJSON *actions)
{
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		const char *name = cua_json_text(action, "action");
		if (strcmp(name, "wait") != 0 && strcmp(name, "screenshot") != 0 &&
				strcmp(name, "cursor_position") != 0) {
			return false;
		}
	}
	return true;
}

static void note_event(struct report_step *step, const cJSON *event)
{
	if (agent_event_is(event, "intent")) {
		step->acts = step->acts || !only_looks(cua_json_member(event, "actions"));
	} else if (agent_event_is(event, "result")) {
		if (!cua_json_member(event, "server")) {
			step->desktop_ms += cua_json_number(event, "ms");
		}
		step->has_problem = step->has_problem ||
				strcmp(cua_json_text(event, "status"), "ok") != 0;
	} else if (agent_event_is(event, "safety")) {
		step->has_problem = step->has_problem ||
				!cJSON_IsTrue(cua_json_member(event, "acknowledged"));
	} else if (agent_event_is(event, "not_run") || agent_event_is(event, "retry")) {
		step->has_problem = true;
	}
}

/* A turn begins a step, unless the requests before it that failed have. */
static bool begins_step(const struct report_step *current, const cJSON *event)
{
	return (agent_event_is(event, "turn") || agent_event_is(event, "retry")) &&
			(!current || current->has_turn);
}

/* NULL when memory runs out. */
static struct report_step *begin_step(struct report *report, const cJSON *event)
{
	if (report->step_count == report->step_capacity) {
		const size_t capacity =
				report->step_capacity ? 2 * report->step_capacity : CAPACITY_FIRST;
		struct report_step *steps = reallocarray(report->steps, capacity, sizeof(*steps));
		if (!steps) {
			return NULL;
		}
		report->steps = steps;
		report->step_capacity = capacity;
	}
	struct report_step *step = &report->steps[report->step_count++];
	*step = (struct report_step){ .first = report->event_count,
		.shot = report->last,
		.number = cua_json_number(event, "step"),
		.since_ms = agent_event_time_ms(event) - report->begun_ms };
	return step;
}

/* The end that the run has now: one that was resumed had others before. */
static void keep_ends(struct report *report, cJSON **event)
{
	cJSON_Delete(CUA_STEAL(report->end));
	if (agent_event_is(*event, "mcp")) {
		cJSON_Delete(report->servers);
		report->servers = CUA_STEAL(*event);
		return;
	}
	if (!report->start && agent_event_is(*event, "run_start")) {
		report->start = CUA_STEAL(*event);
	} else if (agent_event_is(*event, "run_end")) {
		report->end = CUA_STEAL(*event);
	}
}

static enum cua_status take_event(cJSON **event, void *user_data, struct cua_error *err)
{
	struct report *report = user_data;
	struct report_step *step =
			report->step_count > 0 ? &report->steps[report->step_count - 1] : NULL;
	agent_redact_json(report->redactor, *event);
	if (report->event_count == 0) {
		report->begun_ms = agent_event_time_ms(*event);
	}
	const bool begins = begins_step(step, *event);
	if (begins) {
		step = begin_step(report, *event);
	}
	if ((begins && !step) || !note_shot(report, *event)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events");
	}
	if (step && agent_event_is(*event, "turn")) {
		step->has_turn = true;
		step->model_ms = cua_json_number(*event, "ms");
	}
	if (step) {
		note_event(step, *event);
	}
	report->event_count++;
	keep_ends(report, event);
	return CUA_OK;
}

static void sum_up(struct report *report)
{
	for (size_t i = 0; i < report->step_count; i++) {
		const struct report_step *step = &report->steps[i];
		const double ms = step->model_ms + step->desktop_ms;
		report->longest_ms = ms > report->longest_ms ? ms : report->longest_ms;
		report->acting_count += step->acts;
		report->problem_count += step->has_problem;
	}
}

enum cua_status report_read(struct report *report, struct cua_error *err)
{
	enum cua_status status = agent_journal_each(report->run_dir_fd, take_event, report, err);
	if (status == CUA_OK) {
		sum_up(report);
	}
	return status;
}

void report_finish(struct report *report)
{
	cJSON_Delete(report->start);
	cJSON_Delete(report->end);
	cJSON_Delete(report->servers);
	free(report->steps);
	free(report->shots);
	free(report->slots);
}

#include "agent/report_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"

/* --- screenshots --- */

/* Where a hash is, or belongs: the first eight digits of a SHA-256 are as good as any. */
static size_t find_slot(const size_t *slots, size_t slot_count, const struct report *report,
		const char *sha256)
{
	char digits[9] = "";
	memcpy(digits, sha256, 8);
	size_t at = strtoul(digits, NULL, 16) % slot_count;
	while (slots[at] && strcmp(report->shots[slots[at] - 1].sha256, sha256) != 0) {
		at = (at + 1) % slot_count;
	}
	return at;
}

/* Numbers from 1, 0 is free; twice as many as there can be screenshots. */
struct slots {
	size_t *numbers; /* owned */
	size_t count;
};

/* What the event shows, if it shows anything. */
static void note_shot(struct report *report, struct slots *slots, const cJSON *event,
		struct report_shot *current)
{
	const char *sha256 = cua_json_text(event, "screenshot");
	const double width = cua_json_number(event, "width"),
		     height = cua_json_number(event, "height");
	if (!agent_event_is_sha256(sha256) ||
			!(width > 0 && width < 32768 && height > 0 && height < 32768)) {
		return;
	}
	const size_t slot = find_slot(slots->numbers, slots->count, report, sha256);
	if (!slots->numbers[slot]) {
		report->shots[report->shot_count] = (struct report_shot){ sha256, (int)width,
			(int)height, report->shot_count };
		slots->numbers[slot] = ++report->shot_count;
	}
	*current = report->shots[slots->numbers[slot] - 1];
	current->width = (int)width;
	current->height = (int)height;
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
		step->desktop_ms += cua_json_number(event, "ms");
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
	return agent_event_is(event, "turn")
			? !current || current->turn
			: agent_event_is(event, "retry") && (!current || current->turn);
}

static void read_events(struct report *report, struct slots *slots)
{
	struct report_step *step = NULL;
	const cJSON *event = NULL;
	const double begun_ms = agent_event_time_ms(report->events->child);
	cJSON_ArrayForEach (event, report->events) {
		if (begins_step(step, event)) {
			if (step) {
				step->end = event;
			}
			step = &report->steps[report->step_count++];
			*step = (struct report_step){ .first = event,
				.shot = report->last,
				.number = cua_json_number(event, "step"),
				.since_ms = agent_event_time_ms(event) - begun_ms };
		}
		if (step && agent_event_is(event, "turn")) {
			step->turn = event;
			step->model_ms = cua_json_number(event, "ms");
		}
		if (step) {
			note_event(step, event);
		}
		note_shot(report, slots, event, &report->last);
	}
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

bool report_read(struct report *report)
{
	const size_t count = (size_t)cJSON_GetArraySize(report->events) + 1;
	struct slots slots = { calloc(2 * count, sizeof(*slots.numbers)), 2 * count };
	report->steps = calloc(count, sizeof(*report->steps));
	report->shots = calloc(count, sizeof(*report->shots));
	const bool is_well = slots.numbers && report->steps && report->shots;
	if (is_well) {
		read_events(report, &slots);
		sum_up(report);
	}
	free(slots.numbers);
	return is_well;
}

void report_finish(struct report *report)
{
	free(report->steps);
	free(report->shots);
}

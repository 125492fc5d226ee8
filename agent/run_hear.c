/* What a person says to a run that goes on. */

#include <stdlib.h>

#include "agent/run_internal.h"
#include "cua/base/util.h"

/* *ret_told: there was something. False if the run is over. */
static bool tell_all(struct agent_run *run, bool *ret_told)
{
	const struct cua_agent_options *options = run->options;
	bool goes_on = true;
	while (goes_on) {
		CUA_AUTO_FREE char *said = options->person->hear(options->user_data);
		if (!said) {
			return true;
		}
		*ret_told = true;
		goes_on = run_tell_said(run, said);
	}
	return false;
}

bool run_has_news(const struct agent_run *run)
{
	const struct cua_agent_options *options = run->options;
	return options->person &&
			(options->person->has_said(options->user_data) || run_is_interrupted(run));
}

uint64_t run_leave_out(struct agent_run *run, uint64_t since_us)
{
	const uint64_t lasted_us = cua_now_us() - since_us;
	run->started_us += lasted_us;
	if (run->deadline_us < UINT64_MAX) {
		run->deadline_us += lasted_us;
		run_mcp_set_deadline(run);
	}
	agent_desktop_set_deadline(run->desktop, run->deadline_us);
	return lasted_us;
}

static bool end_pause(struct agent_run *run, uint64_t paused_us)
{
	const uint64_t lasted_us = run_leave_out(run, paused_us);
	return run_note_person(run, "went_on", (double)lasted_us / 1000.0);
}

/* hears: what is said meanwhile is told to the model at once, which may be asked next. */
static bool wait_paused(struct agent_run *run, bool hears, bool *ret_waited, bool *ret_told)
{
	const struct cua_agent_options *options = run->options;
	const uint64_t paused_us = cua_now_us();
	if (!options->person->is_paused(options->user_data)) {
		return true;
	}
	*ret_waited = true;
	bool goes_on = run_note_person(run, "paused", 0);
	while (goes_on && options->person->is_paused(options->user_data)) {
		options->person->wait(options->user_data);
		(void)run_take_interrupt(run); /* nothing goes on */
		if (run_is_cancelled(run)) {
			run_end(run, CUA_AGENT_INTERRUPTED, NULL);
			return false;
		}
		goes_on = !run->is_over && (!hears || tell_all(run, ret_told));
	}
	return goes_on && end_pause(run, paused_us);
}

bool run_hear(struct agent_run *run, bool *ret_told)
{
	bool has_waited = false;
	*ret_told = false;
	(void)run_take_interrupt(run); /* nothing goes on */
	return !run->options->person ||
			(!run->is_over && tell_all(run, ret_told) &&
					wait_paused(run, true, &has_waited, ret_told) &&
					tell_all(run, ret_told));
}

bool run_wait(struct agent_run *run, const char **ret_how)
{
	const bool is_interrupted = run_take_interrupt(run);
	bool was_told = false, has_waited = false;
	const bool goes_on = !run->options->person ||
			(!run->is_over && wait_paused(run, false, &has_waited, &was_told));
	*ret_how = is_interrupted ? "interrupted" : has_waited ? "paused" : NULL;
	return goes_on;
}

#include "display/display_internal.h"

#include "cua/base/util.h"

/* No drawing for so long after the application has read its input: at rest. First drawing after a
 * key comes 5 to 17 ms after the input in LibreOffice and Chromium, a caret blinks every 600 ms. */
#define QUIET_MS 50
/* Writer formats a longer text bit by bit, with pauses of up to 100 ms between. */
#define QUIET_MUCH_MS 150
/* An application that answers no pings gets more time for its first drawing. */
#define QUIET_UNASKED_MS 90
/* An input that should show and has drawn nothing at all gets so long before it is believed to
 * have had no effect: the first text in a new document took Writer 200 ms. */
#define UNCHANGED_MS 400
/* An answer later than this means that the application was busy: it may be about to draw. */
#define PROMPT_US 15000

struct quiet {
	uint64_t since_us; /* rest is counted from here, or from the last drawing */
	uint64_t quiet_us;
	bool expects_change;
	uint64_t planned_us; /* when the rest ends as far as is known */
};

static uint64_t rest_begins_us(const struct display *display, const struct quiet *quiet)
{
	return display->damage.last_us > quiet->since_us ? display->damage.last_us
							 : quiet->since_us;
}

static uint64_t rest_ends_us(const struct display *display, const struct quiet *quiet)
{
	const bool waits_for_first = quiet->expects_change && !display_has_changed(display);
	return rest_begins_us(display, quiet) +
			(waits_for_first ? UNCHANGED_MS * 1000ULL : quiet->quiet_us);
}

/* Drawing moves the end of the rest, and the first drawing may bring it nearer. */
static bool has_moved(struct display *display, void *user_data)
{
	const struct quiet *quiet = user_data;
	return rest_ends_us(display, quiet) != quiet->planned_us;
}

/* Waits until nothing is drawn for the quiet time. CUA_ERR_TIMEOUT at the deadline. */
static enum cua_status wait_quiet(struct display *display, struct quiet *quiet,
		uint64_t deadline_us, struct cua_error *err)
{
	for (;;) {
		display_handle_events(display);
		quiet->planned_us = rest_ends_us(display, quiet);
		const uint64_t now_us = cua_now_us();
		if (now_us >= quiet->planned_us || now_us >= deadline_us) {
			return now_us >= quiet->planned_us ? CUA_OK : CUA_ERR_TIMEOUT;
		}
		const uint64_t until_us =
				quiet->planned_us < deadline_us ? quiet->planned_us : deadline_us;
		enum cua_status status = display_wait(display, until_us, has_moved, quiet, err);
		if (status != CUA_OK && status != CUA_ERR_TIMEOUT) {
			return status;
		}
	}
}

/* Ask, wait for rest, ask again: done when an application at rest answers promptly and has drawn
 * nothing meanwhile. One that is busy behind a quiet screen answers late and gets another round. */
static enum cua_status settle_rounds(struct display *display, enum display_expect expect,
		int least_quiet_ms, uint64_t deadline_us, struct cua_error *err)
{
	bool asked = false, answered = false;
	enum cua_status status =
			window_ping(display, cua_ms_until(deadline_us), &asked, &answered, err);
	const int quiet_ms = asked ? QUIET_MS : QUIET_UNASKED_MS;
	struct quiet quiet = { .since_us = cua_now_us(),
		.quiet_us = (uint64_t)(quiet_ms > least_quiet_ms ? quiet_ms : least_quiet_ms) *
				1000U,
		.expects_change = expect != DISPLAY_EXPECT_NOTHING };
	while (status == CUA_OK) {
		status = wait_quiet(display, &quiet, deadline_us, err);
		if (status != CUA_OK) {
			return status;
		}
		const uint64_t asked_us = cua_now_us(), count = display->damage.count;
		status = window_ping(display, cua_ms_until(deadline_us), &asked, &answered, err);
		if (status != CUA_OK) {
			return status;
		}
		if (!asked ||
				(answered && cua_now_us() - asked_us <= PROMPT_US &&
						display->damage.count == count)) {
			return CUA_OK;
		}
		if (!answered) {
			return CUA_ERR_TIMEOUT;
		}
		quiet.since_us = cua_now_us();
	}
	return status;
}

enum cua_status display_settle(struct display *display, int timeout_ms, enum display_expect expect,
		struct display_settle *ret_settle, struct cua_error *err)
{
	const uint64_t start_us = display->changes.input_end_us;
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	struct cua_error local = { 0 };
	enum cua_status status = settle_rounds(display, expect,
			expect == DISPLAY_EXPECT_MUCH ? QUIET_MUCH_MS : 0, deadline_us, &local);
	if (status != CUA_OK && status != CUA_ERR_TIMEOUT) {
		if (err) {
			*err = local;
		}
		return status;
	}
	ret_settle->reason = status == CUA_ERR_TIMEOUT    ? "timeout"
			: display->changes.rect_count > 0 ? "quiet"
							  : "unchanged";
	ret_settle->ms = (double)(cua_now_us() - start_us) / 1000.0;
	ret_settle->last_change_ms = display->damage.last_us > start_us
			? (double)(display->damage.last_us - start_us) / 1000.0
			: 0;
	return CUA_OK;
}

enum cua_status settle_rest(
		struct display *display, int quiet_ms, uint64_t deadline_us, struct cua_error *err)
{
	return settle_rounds(display, DISPLAY_EXPECT_NOTHING, quiet_ms, deadline_us, err);
}

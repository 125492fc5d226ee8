#include "display/display_internal.h"

#define CUA_LOG_MODULE "display.settle"
#include "cua/base/log.h"
#include "cua/base/util.h"

/* When the screen has come to rest. Times are those of LibreOffice, Chromium and GTK on two
 * processors; the first numbers hold where the processes can be watched, the second where not. */

/* Nothing changed for so long: at rest. Changes of one input follow each other within 30 ms unless
 * somebody computes between them; frames of a film within 42. */
#define QUIET_MS 40
#define QUIET_LARGE_MS 50
#define QUIET_BLIND_MS 50
/* An application that answers no pings gets more time for its first drawing. */
#define QUIET_UNASKED_MS 50
#define QUIET_UNASKED_BLIND_MS 90
/* Writer formats a longer text bit by bit, with pauses of up to 100 ms between. */
#define QUIET_MUCH_MS 45
#define QUIET_MUCH_BLIND_MS 150
/* An input that should show and has changed nothing at all gets so long before it is believed to
 * have had no effect: the first text in a new document took Writer 200 ms, computing. */
#define UNCHANGED_MS 120
#define UNCHANGED_BLIND_MS 400
/* What was computed is drawn within two frames. */
#define AFTER_BUSY_US 25000U
/* Whoever computes for longer without changing anything does so for another reason. */
#define BUSY_MAX_US 2000000U
/* A window manager that is there answers sooner. */
#define MANAGER_TIMEOUT_MS 300
/* An answer later than this means that the application was busy: it may be about to draw. */
#define PROMPT_US 15000U
/* The look at all threads begins so long before the end of a rest at most. */
#define LOOK_MAX_US 6000U
/* How often processor times are read, and pixels compared, at most. */
#define SAMPLE_US 8000U
#define CHECK_US 4000U
/* Late changes are expected until then after the input. */
#define LATE_MAX_US 700000U
/* A timer so long after the time at which a late change is expected is that which it waits for. */
#define LATE_MORE_US 200000U
/* From a timer to the change that it leads to. */
#define TIMER_US 40000U

struct settling {
	enum display_expect expect;
	uint64_t input_us; /* the end of the input */
	uint64_t since_us; /* rest is counted from here, or from the last change */
	struct load_deadline deadline;
	bool waits_out; /* a busy machine moves the deadline */
	uint64_t quiet_us, unchanged_us;
	uint64_t checked_us; /* when pixels were last compared */
	uint32_t key;        /* habit_key(); 0: late changes do not matter */
	uint64_t late_until_us;
	struct habit_late late; /* so far */
	bool waited;            /* for a late change */
};

static uint64_t later(uint64_t a_us, uint64_t b_us)
{
	return a_us > b_us ? a_us : b_us;
}

static uint64_t earlier(uint64_t a_us, uint64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

/* --- waiting --- */

/* A picture is wanted at its deadline as it is then; an input would go to the wrong place. */
static bool is_over(const struct display *display, struct settling *settling)
{
	return settling->waits_out ? load_deadline_is_over(display->load, &settling->deadline)
				   : cua_now_us() >= settling->deadline.us;
}

/* The input should show, and has not yet. */
static bool waits_for_first(const struct display *display, const struct settling *settling)
{
	return settling->expect >= DISPLAY_EXPECT_CHANGE && !display_has_changed(display);
}

static bool has_drawn(struct display *display, void *user_data)
{
	(void)user_data;
	return activity_is_pending(display);
}

/* Sleeps until the time, or until something was drawn, and looks at it. */
static enum cua_status step(struct display *display, struct settling *settling, uint64_t until_us,
		struct cua_error *err)
{
	const uint64_t sample_us =
			load_is_known(display->load) ? cua_now_us() + SAMPLE_US : until_us;
	enum cua_status status =
			display_wait(display, earlier(until_us, sample_us), has_drawn, NULL, err);
	if (status == CUA_OK && cua_now_us() < settling->checked_us + CHECK_US) {
		/* What is drawn in one go is looked at once. */
		status = display_wait(display, settling->checked_us + CHECK_US, NULL, NULL, err);
	}
	if (status == CUA_OK || status == CUA_ERR_TIMEOUT) {
		status = activity_check(display, err);
		settling->checked_us = cua_now_us();
	}
	load_sample(display->load);
	return status;
}

/* Whether computing matters: not when it is for what moves by itself, nor when nothing has come of
 * it for long. */
static bool heeds_computing(const struct display *display, const struct settling *settling)
{
	const uint64_t ends_us = later(settling->since_us, activity_last_us(display)) + BUSY_MAX_US;
	if (activity_is_moving(display, settling->input_us)) {
		return false;
	}
	return cua_now_us() < ends_us || waits_for_first(display, settling) ||
			cua_now_us() <
			ends_us + load_held_back_us(display->load, &settling->deadline);
}

static uint64_t rest_ends_us(const struct display *display, const struct settling *settling)
{
	const bool first = waits_for_first(display, settling);
	const uint64_t busy_us = load_busy_us(display->load);
	const uint64_t large_us = later(settling->quiet_us, QUIET_LARGE_MS * 1000U);
	uint64_t ends_us =
			settling->since_us + (first ? settling->unchanged_us : settling->quiet_us);
	ends_us = later(ends_us, activity_rest_us(display, settling->quiet_us, large_us));
	if (busy_us > 0 && heeds_computing(display, settling)) {
		ends_us = later(ends_us,
				busy_us + (first ? settling->unchanged_us : AFTER_BUSY_US));
	}
	return ends_us;
}

/* Until nothing has changed for the quiet time and nobody computes. CUA_ERR_TIMEOUT at the
 * deadline. The look at all threads begins so that it is done when the quiet time is. */
static enum cua_status wait_quiet(
		struct display *display, struct settling *settling, struct cua_error *err)
{
	const uint64_t look_us = earlier(load_look_us(display->load), LOOK_MAX_US);
	uint64_t looked_us = 0;
	enum cua_status status = activity_check(display, err);
	while (status == CUA_OK) {
		const uint64_t ends_us = rest_ends_us(display, settling);
		const uint64_t look_at_us = ends_us - look_us;
		const bool looked = looked_us >= look_at_us || !heeds_computing(display, settling);
		if (looked && cua_now_us() >= ends_us) {
			return CUA_OK;
		}
		if (is_over(display, settling)) {
			return CUA_ERR_TIMEOUT;
		}
		uint64_t until_us = looked ? ends_us : look_at_us;
		if (!looked && cua_now_us() >= look_at_us) {
			/* Who has something to draw may wait for a processor: rest ends later. */
			looked_us = until_us = cua_now_us();
			(void)load_is_running(display->load);
		}
		status = step(display, settling, earlier(until_us, settling->deadline.us), err);
	}
	return status;
}

/* Ask, wait for rest, ask again: done when an application at rest answers promptly and has changed
 * nothing meanwhile. One that is busy behind a quiet screen answers late and gets another round. */
static enum cua_status wait_rounds(
		struct display *display, struct settling *settling, struct cua_error *err)
{
	bool asked = true, answered = true;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK) {
		status = wait_quiet(display, settling, err);
		if (status != CUA_OK) {
			return status;
		}
		const uint64_t asked_us = cua_now_us(), count = activity_changes(display);
		status = window_ping(display, cua_ms_until(settling->deadline.us), &asked,
				&answered, err);
		if (status == CUA_OK) {
			status = activity_check(display, err);
		}
		if (status != CUA_OK) {
			return status;
		}
		if (!asked ||
				(answered && cua_now_us() - asked_us <= PROMPT_US &&
						activity_changes(display) == count)) {
			return CUA_OK;
		}
		if (!answered && is_over(display, settling)) {
			return CUA_ERR_TIMEOUT;
		}
		settling->since_us = cua_now_us();
	}
	return status;
}

/* --- late changes --- */

/* Who was kept from a processor draws later than is to be learnt. */
static uint64_t late_after_us(uint64_t input_us, uint64_t last_us)
{
	return earlier(last_us - input_us, LATE_MAX_US);
}

/* The first of two late changes may be as late as the last one was, on a busy machine. */
static bool has_come(const struct habit_late *late, const struct habit_late *expected)
{
	return late->us > 0 && late->rounds >= expected->rounds &&
			late->us >= expected->us - expected->us / 8;
}

/* Until when it is worth waiting for a late change. A timer that was seen counts even when it has
 * run meanwhile: what it leads to may take its time. Once the change has come that usually comes
 * last, that was it: a new document of Writer is painted late twice. */
static uint64_t late_until_us(const struct display *display, struct settling *settling)
{
	/* What is late comes later where others keep its processor. */
	const uint64_t from_us =
			settling->input_us + load_held_back_us(display->load, &settling->deadline);
	const uint64_t last_us = from_us + LATE_MAX_US;
	const struct habit_late expected = habit_expected(display->habits, settling->key);
	const uint64_t late_us = expected.us;
	const bool new = habit_is_new(display->habits, settling->key);
	const bool came = has_come(&settling->late, &expected);
	uint64_t until_us = settling->late_until_us;
	if (new || (late_us > 0 && !came)) {
		const uint64_t expected_us = from_us + late_us + late_us / 8 + TIMER_US;
		const uint64_t timer_us = load_timer_us(display->load, cua_now_us(),
				new ? last_us : expected_us + LATE_MORE_US);
		until_us = late_us > 0 ? later(until_us, expected_us) : until_us;
		until_us = timer_us > 0 ? later(until_us, timer_us + TIMER_US) : until_us;
	}
	if (came && !new) {
		until_us = 0;
	}
	settling->late_until_us = until_us;
	const uint64_t busy_us = load_busy_us(display->load);
	return until_us > 0 && busy_us < last_us ? later(until_us, busy_us + AFTER_BUSY_US)
						 : until_us;
}

/* At rest, as it seems: is there a timer that leads to a change, or was there a late one lately?
 * True if there is a change to be followed. */
static enum cua_status wait_late(struct display *display, struct settling *settling,
		bool *ret_changed, struct cua_error *err)
{
	const uint64_t changes = activity_wide_changes(display);
	enum cua_status status = CUA_OK;
	*ret_changed = false;
	while (status == CUA_OK) {
		const uint64_t until_us = late_until_us(display, settling);
		if (activity_wide_changes(display) != changes) {
			*ret_changed = true;
			return CUA_OK;
		}
		if (cua_now_us() >= settling->deadline.us) {
			return CUA_ERR_TIMEOUT;
		}
		if (cua_now_us() >= until_us) {
			return CUA_OK;
		}
		settling->waited = true;
		status = step(display, settling, earlier(until_us, settling->deadline.us), err);
	}
	return status;
}

static enum cua_status settle(
		struct display *display, struct settling *settling, struct cua_error *err)
{
	bool changed = true;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && changed) {
		changed = false;
		status = wait_rounds(display, settling, err);
		if (status == CUA_OK && settling->key) {
			status = wait_late(display, settling, &changed, err);
		}
		const uint64_t last_us = activity_last_us(display);
		if (changed && last_us > settling->input_us) {
			settling->late.us = late_after_us(settling->input_us, last_us);
			settling->late.rounds++;
		}
	}
	return status;
}

/* --- between requests --- */

static void end_watch(struct display *display)
{
	display->watch.key = 0;
	activity_rest(display);
}

void settle_watch(struct display *display)
{
	struct display_watch *watch = &display->watch;
	if (watch->key == 0) {
		activity_rest(display);
		return;
	}
	if (display->dead || activity_check(display, NULL) != CUA_OK) {
		end_watch(display);
		return;
	}
	const uint64_t last_us = activity_last_us(display);
	if (activity_wide_changes(display) != watch->changes && last_us > watch->input_us &&
			last_us <= watch->until_us) {
		const uint64_t late_us = late_after_us(watch->input_us, last_us);
		watch->changes = activity_wide_changes(display);
		watch->late.rounds += late_us > watch->late.us + QUIET_MS * 1000U;
		watch->late.us = late_us;
	}
	if (cua_now_us() > watch->until_us) {
		habit_note(display->habits, watch->key, watch->late);
		end_watch(display);
	}
}

/* What was late in a former settling of the same input is not forgotten. */
static void start_watch(struct display *display, const struct settling *settling)
{
	struct display_watch *watch = &display->watch;
	if (watch->key && watch->late.us > 0) {
		habit_note(display->habits, watch->key, watch->late);
	}
	if (settling->key) {
		*watch = (struct display_watch){ .key = settling->key,
			.waited = settling->waited,
			.input_us = settling->input_us,
			.until_us = settling->input_us + LATE_MAX_US +
					load_held_back_us(display->load, &settling->deadline),
			.late = settling->late,
			.changes = activity_wide_changes(display) };
	}
}

/* --- for the others --- */

void settle_begin_input(struct display *display, const struct cua_action *action)
{
	struct display_watch *watch = &display->watch;
	if (watch->key && (watch->waited || watch->late.us > 0 || cua_now_us() > watch->until_us)) {
		habit_note(display->habits, watch->key, watch->late);
	}
	watch->key = 0;
	load_begin(display->load);
	activity_input(display);
	display->changes.change_count = activity_changes(display);
	/* Escape closes a menu in one case and a dialog in another. */
	display->changes.kind = habit_kind(action, display->changes.window_count);
}

static void choose_times(struct display *display, struct settling *settling, bool asked)
{
	const bool known = load_is_known(display->load);
	int quiet_ms = known ? QUIET_MS : QUIET_BLIND_MS;
	if (!asked) {
		quiet_ms = known ? QUIET_UNASKED_MS : QUIET_UNASKED_BLIND_MS;
	} else if (settling->expect == DISPLAY_EXPECT_MUCH) {
		quiet_ms = known ? QUIET_MUCH_MS : QUIET_MUCH_BLIND_MS;
	}
	settling->quiet_us = later((uint64_t)quiet_ms * 1000U, settling->quiet_us);
	settling->unchanged_us = (known ? UNCHANGED_MS : UNCHANGED_BLIND_MS) * 1000U;
	/* Who has waited already counts from the last change. */
	settling->since_us = settling->expect == DISPLAY_EXPECT_REST ? 0 : cua_now_us();
}

static enum cua_status start_settling(
		struct display *display, struct settling *settling, struct cua_error *err)
{
	bool asked = false, answered = false;
	enum cua_status status = CUA_OK;
	load_sample(display->load);
	load_deadline_set(display->load, &settling->deadline, settling->deadline.us);
	/* The chord or the button may have been the window manager's: close, another window. */
	if (settling->expect == DISPLAY_EXPECT_INPUT) {
		status = window_wait_manager(display, MANAGER_TIMEOUT_MS, err);
	}
	if (status == CUA_OK || status == CUA_ERR_TIMEOUT) {
		status = window_ping(display, cua_ms_until(settling->deadline.us), &asked,
				&answered, err);
	}
	choose_times(display, settling, asked);
	return status;
}

static long long ms_after(uint64_t since_us, uint64_t at_us)
{
	return at_us > 0 ? ((long long)at_us - (long long)since_us) / 1000 : 0;
}

enum cua_status display_settle(struct display *display, int timeout_ms, enum display_expect expect,
		struct display_settle *ret_settle, struct cua_error *err)
{
	struct cua_error local = { 0 };
	char class[128];
	struct settling settling = { .expect = expect,
		.input_us = display->changes.input_end_us,
		.deadline.us = cua_now_us() + (uint64_t)timeout_ms * 1000U,
		.waits_out = expect == DISPLAY_EXPECT_INPUT };
	enum cua_status status = start_settling(display, &settling, &local);
	if (status == CUA_OK && expect != DISPLAY_EXPECT_INPUT) {
		window_class(display, window_active(display), class, sizeof(class));
		settling.key = habit_key(display->changes.kind, class);
	}
	if (status == CUA_OK) {
		status = settle(display, &settling, &local);
	}
	if (status == CUA_ERR_TIMEOUT) {
		load_give_up(display->load);
	}
	if (status != CUA_OK && status != CUA_ERR_TIMEOUT) {
		if (err) {
			*err = local;
		}
		return status;
	}
	cua_log_debug("settle: input +0, rest %lld, last change %lld, computing %lld, late until "
		      "%lld "
		      "ms, kind %x",
			ms_after(settling.input_us, cua_now_us()),
			ms_after(settling.input_us, activity_last_us(display)),
			ms_after(settling.input_us, load_busy_us(display->load)),
			ms_after(settling.input_us, settling.late_until_us), settling.key);
	start_watch(display, &settling);
	const uint64_t last_us = activity_last_us(display);
	ret_settle->reason = status == CUA_ERR_TIMEOUT                                ? "timeout"
			: activity_is_moving(display, settling.input_us)              ? "animated"
			: last_us > settling.input_us || display_has_changed(display) ? "quiet"
										      : "unchanged";
	ret_settle->ms = (double)(cua_now_us() - settling.input_us) / 1000.0;
	ret_settle->last_change_ms = last_us > settling.input_us
			? (double)(last_us - settling.input_us) / 1000.0
			: 0;
	return CUA_OK;
}

void display_describe_animations(const struct display *display, cJSON *settle)
{
	cJSON_AddItemToObject(settle, "animated", activity_describe(display));
}

enum cua_status settle_rest(
		struct display *display, int quiet_ms, uint64_t deadline_us, struct cua_error *err)
{
	struct settling settling = { .expect = DISPLAY_EXPECT_NOTHING,
		.input_us = cua_now_us(),
		.deadline.us = deadline_us,
		.waits_out = true,
		.quiet_us = (uint64_t)quiet_ms * 1000U };
	enum cua_status status = start_settling(display, &settling, err);
	return status == CUA_OK ? wait_rounds(display, &settling, err) : status;
}

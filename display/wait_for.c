/* wait_for: until something is so, with a deadline. Looks when something was drawn or a window's
 * properties changed, not by the clock; but what an application tells of itself may change after
 * it has drawn, so texts and URLs are looked at once more a while later. */

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <wctype.h>

#include <isa-l/crc64.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/reading.h"

/* Between two looks: at windows and pixels, at the tree or the text of a picture. */
#define LOOK_AGAIN_US 20000U
#define READ_AGAIN_US 150000U
/* A look without news, for what is told later than it is drawn. */
#define LOOK_ANYWAY_US 1000000U
#define NAMES_MAX 5
#define SEEN_SIZE 512

struct waiting {
	const struct cua_action *action;
	uint64_t started_us, deadline_us;
	/* As they were before the last look. */
	uint64_t damage_count, properties;
	/* Pixels: as they were at first, and as they are since when. */
	uint64_t first_sum, sum, changed_us;
	uint64_t changes;                  /* of pixels, seen so far */
	struct window_listening listening; /* for this wait alone */
	char seen[SEEN_SIZE];              /* what is there instead, for the error */
	cJSON *result;                     /* what was found is added to it */
};

/* --- pixels --- */

/* Of the region, or of the whole screen; animations of the moment do not count. */
static enum cua_status sum_pixels(struct display *display, const struct waiting *waiting,
		uint64_t *ret_sum, struct cua_error *err)
{
	enum cua_status status = frame_update(display, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct cua_region screen = display_screen(display);
	const struct cua_region *asked = &waiting->action->region;
	const struct cua_region area = asked->width > 0 ? *asked : screen;
	if (area.width > screen.width - area.x || area.height > screen.height - area.y) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"region %d,%d,%d,%d leaves the screen of %dx%d", area.x, area.y,
				area.width, area.height, screen.width, screen.height);
	}
	uint64_t sum = 0;
	for (int y = area.y; y < area.y + area.height; y++) {
		for (int x = area.x, end; x < area.x + area.width; x = end) {
			const bool moves =
					activity_moves_at(display, x, y, area.x + area.width, &end);
			const uint8_t *pixels = display->frame.pixels +
					((size_t)y * (size_t)display->width_px + (size_t)x) * 4;
			sum = moves ? sum : crc64_ecma_refl(sum, pixels, (uint64_t)(end - x) * 4);
		}
	}
	*ret_sum = sum;
	return CUA_OK;
}

static enum cua_status look_at_pixels(struct display *display, struct waiting *waiting,
		bool *ret_holds, struct cua_error *err)
{
	uint64_t sum = 0;
	enum cua_status status = sum_pixels(display, waiting, &sum, err);
	if (status != CUA_OK) {
		return status;
	}
	const uint64_t now_us = cua_now_us();
	if (waiting->changed_us == 0) {
		waiting->first_sum = sum;
		waiting->sum = sum;
		waiting->changed_us = now_us;
	} else if (sum != waiting->sum) {
		waiting->sum = sum;
		waiting->changed_us = now_us;
		waiting->changes++;
	}
	if (waiting->action->until == CUA_WAIT_CHANGE) {
		*ret_holds = sum != waiting->first_sum;
		snprintf(waiting->seen, sizeof(waiting->seen), "nothing changed there");
		return CUA_OK;
	}
	*ret_holds = now_us >= waiting->changed_us + (uint64_t)waiting->action->rest_ms * 1000U;
	snprintf(waiting->seen, sizeof(waiting->seen),
			"it changed %llu times, and was never still for %d ms",
			(unsigned long long)waiting->changes, waiting->action->rest_ms);
	return CUA_OK;
}

/* --- windows --- */

static bool contains(const char *text, const char *part)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	bool found = false;
	for (const char *start = text; locale && *start && !found; start++) {
		const char *at = start, *wanted = part;
		const char *end = text + strlen(text), *wanted_end = part + strlen(part);
		bool same = true;
		while (same && wanted < wanted_end) {
			const uint32_t a = at < end ? cua_utf8_next(&at, end) : 0;
			const uint32_t b = cua_utf8_next(&wanted, wanted_end);
			same = a != 0 && a != CUA_UTF8_INVALID &&
					towlower_l(a, locale) == towlower_l(b, locale);
		}
		found = same;
	}
	if (locale) {
		freelocale(locale);
	}
	return found;
}

static enum cua_status look_at_windows(struct display *display, struct waiting *waiting,
		bool *ret_holds, struct cua_error *err)
{
	const bool wants_gone = waiting->action->until == CUA_WAIT_WINDOW_GONE;
	Window windows[WINDOWS_MAX], found = None;
	const int count = window_list(display, windows);
	for (int i = 0; i < count && !display->dead; i++) {
		window_listen(display, &waiting->listening, windows[i]);
	}
	size_t used = (size_t)snprintf(waiting->seen, sizeof(waiting->seen), "%s",
			count > 0 ? "the windows are" : "there is no window");
	for (int i = count - 1; i >= 0 && found == None && !display->dead; i--) {
		char title[256], class[128];
		window_title(display, windows[i], title, sizeof(title));
		window_class(display, windows[i], class, sizeof(class));
		if (contains(title, waiting->action->text) ||
				contains(class, waiting->action->text)) {
			found = windows[i];
		}
		if (count - i <= NAMES_MAX && used < sizeof(waiting->seen)) {
			used += (size_t)snprintf(waiting->seen + used, sizeof(waiting->seen) - used,
					" \"%.60s\"", title);
		}
	}
	*ret_holds = (found != None) != wants_gone;
	if (found != None && !wants_gone) {
		cJSON_AddItemToObject(waiting->result, "window", window_describe(display, found));
	} else if (found != None) {
		snprintf(waiting->seen, sizeof(waiting->seen), "window %lu is still there", found);
	}
	return display_ok(display, err);
}

/* --- what applications tell --- */

static void add_match(const struct reading_matches *matches, cJSON *result)
{
	const struct reading_match *match = &matches->items[0];
	const int box[] = { match->box.x, match->box.y, match->box.width, match->box.height };
	cJSON_AddStringToObject(result, "text", match->text);
	cJSON_AddStringToObject(result, "source", matches->source);
	cJSON_AddNumberToObject(result, "x", match->box.x + match->box.width / 2);
	cJSON_AddNumberToObject(result, "y", match->box.y + match->box.height / 2);
	cJSON_AddItemToObject(result, "box", cJSON_CreateIntArray(box, 4));
	if (match->ref > 0) {
		char ref[16];
		snprintf(ref, sizeof(ref), "e%u", match->ref);
		cJSON_AddStringToObject(result, "ref", ref);
	}
}

/* The last look gets its time, too: a tree that was cut short says that nothing is there. */
static int reading_time_ms(const struct waiting *waiting, int max_ms)
{
	const int left_ms = cua_ms_until(waiting->deadline_us);
	return left_ms < READING_LEAST_MS ? READING_LEAST_MS : left_ms < max_ms ? left_ms : max_ms;
}

static void tell_unseen(struct display *display, const struct reading_matches *matches,
		char seen[SEEN_SIZE])
{
	char title[256];
	if (matches->is_withheld) {
		snprintf(seen, SEEN_SIZE,
				"the screen is withheld until the field that a secret was typed "
				"into is left");
		return;
	}
	window_title(display, window_active(display), title, sizeof(title));
	snprintf(seen, SEEN_SIZE, "%s; in front is \"%s\"",
			matches->is_unread ? "the elements of the screen do not have it, and text "
					     "recognition has not read its picture in time"
					   : "neither the elements nor the picture of the screen "
					     "have it",
			title);
}

/* What the next look may not meet is waited out. */
static enum cua_status look_again_after(const struct display *display, struct waiting *waiting,
		enum cua_status status, const struct cua_error *what, struct cua_error *err)
{
	const bool may_pass = status == CUA_ERR_NOT_FOUND || status == CUA_ERR_APP ||
			status == CUA_ERR_TIMEOUT || status == CUA_ERR_CLOSED;
	if (may_pass && !display->dead) {
		snprintf(waiting->seen, sizeof(waiting->seen), "%.300s", what->msg);
		return CUA_OK;
	}
	if (err) {
		*err = *what;
	}
	return status;
}

static enum cua_status look_for_text(struct display *display, struct waiting *waiting,
		bool *ret_holds, struct cua_error *err)
{
	const bool wants_gone = waiting->action->until == CUA_WAIT_TEXT_GONE;
	const struct reading_options options = { .region = waiting->action->region,
		.timeout_ms = reading_time_ms(waiting, READING_TIMEOUT_MS),
		.max_ms = reading_time_ms(waiting, READING_MAX_MS) };
	struct cua_error local = { 0 };
	CUA_AUTO_FREE struct reading_matches *matches = calloc(1, sizeof(*matches));
	if (!matches) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "matches");
	}
	enum cua_status status = reading_find_text(
			display, waiting->action->text, &options, matches, &local);
	if (status != CUA_OK) {
		return look_again_after(display, waiting, status, &local, err);
	}
	const bool was_found = matches->count > 0;
	*ret_holds = wants_gone ? !was_found && !matches->is_withheld && !matches->is_unread
				: was_found;
	if (!was_found) {
		tell_unseen(display, matches, waiting->seen);
	} else if (wants_gone) {
		snprintf(waiting->seen, sizeof(waiting->seen), "it is still there, at %d,%d",
				matches->items[0].box.x, matches->items[0].box.y);
	} else {
		add_match(matches, waiting->result);
	}
	return CUA_OK;
}

static enum cua_status look_at_url(struct display *display, struct waiting *waiting,
		bool *ret_holds, struct cua_error *err)
{
	char url[READING_URL_MAX] = "";
	struct cua_error local = { 0 };
	enum cua_status status = reading_document_url(
			display, reading_time_ms(waiting, READING_TIMEOUT_MS), url, &local);
	if (status != CUA_OK) {
		return look_again_after(display, waiting, status, &local, err);
	}
	*ret_holds = strstr(url, waiting->action->text) != NULL;
	if (*ret_holds) {
		cJSON_AddStringToObject(waiting->result, "url", url);
	}
	snprintf(waiting->seen, sizeof(waiting->seen), "it is at %.400s", url);
	return CUA_OK;
}

/* --- waiting --- */

static enum cua_status look(struct display *display, struct waiting *waiting, bool *ret_holds,
		struct cua_error *err)
{
	*ret_holds = false;
	waiting->damage_count = display->damage.count;
	waiting->properties = display->properties;
	switch (waiting->action->until) {
	case CUA_WAIT_TEXT:
	case CUA_WAIT_TEXT_GONE:
		return look_for_text(display, waiting, ret_holds, err);
	case CUA_WAIT_WINDOW:
	case CUA_WAIT_WINDOW_GONE:
		return look_at_windows(display, waiting, ret_holds, err);
	case CUA_WAIT_URL:
		return look_at_url(display, waiting, ret_holds, err);
	default:
		return look_at_pixels(display, waiting, ret_holds, err);
	}
}

static bool has_news(struct display *display, void *user_data)
{
	const struct waiting *waiting = user_data;
	return display->damage.count != waiting->damage_count ||
			display->properties != waiting->properties;
}

static uint64_t earlier(uint64_t a_us, uint64_t b_us)
{
	return a_us < b_us ? a_us : b_us;
}

/* Sleeps until a look is worth it: at once after news, but not again and again. */
static enum cua_status wait_for_news(struct display *display, struct waiting *waiting,
		uint64_t looked_us, uint64_t took_us, struct cua_error *err)
{
	const int until = waiting->action->until;
	const bool reads = until == CUA_WAIT_TEXT || until == CUA_WAIT_TEXT_GONE ||
			until == CUA_WAIT_URL;
	uint64_t next_us = looked_us + LOOK_ANYWAY_US;
	if (until == CUA_WAIT_REST) {
		next_us = waiting->changed_us + (uint64_t)waiting->action->rest_ms * 1000U;
	}
	enum cua_status status = display_wait(
			display, earlier(next_us, waiting->deadline_us), has_news, waiting, err);
	if (status == CUA_OK) {
		/* No more than half of the time is spent looking. */
		const uint64_t least_us = reads ? READ_AGAIN_US : LOOK_AGAIN_US;
		const uint64_t pause_us = took_us > least_us ? took_us : least_us;
		status = display_wait(display, earlier(looked_us + pause_us, waiting->deadline_us),
				NULL, NULL, err);
	}
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

static enum cua_status too_late(const struct waiting *waiting, struct cua_error *err)
{
	const struct cua_action *action = waiting->action;
	return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "until %s%s%.80s%s: not in %d ms; %.300s",
			cua_wait_names[action->until], action->text ? " \"" : "",
			action->text ? action->text : "", action->text ? "\"" : "",
			action->timeout_ms, waiting->seen);
}

enum cua_status wait_for_condition(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const uint64_t started_us = cua_now_us();
	struct waiting waiting = { .action = action,
		.started_us = started_us,
		.deadline_us = started_us + (uint64_t)action->timeout_ms * 1000U,
		.result = result };
	bool holds = false;
	enum cua_status status = CUA_OK;
	for (;;) {
		const uint64_t began_us = cua_now_us();
		status = look(display, &waiting, &holds, err);
		const uint64_t looked_us = cua_now_us();
		if (status == CUA_OK && !holds && looked_us >= waiting.deadline_us) {
			status = too_late(&waiting, err);
		}
		if (status != CUA_OK || holds) {
			break;
		}
		status = wait_for_news(display, &waiting, looked_us, looked_us - began_us, err);
		if (status != CUA_OK) {
			break;
		}
	}
	window_listen_end(display, &waiting.listening);
	if (status == CUA_OK) {
		cJSON_AddNumberToObject(
				result, "waited_ms", (double)(cua_now_us() - started_us) / 1000.0);
	}
	return status;
}

#include "display/activity.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/crc64.h>

#include "cua/base/util.h"
#include "display/display_internal.h"

/* Pixels are remembered as a checksum for each tile. */
#define TILE_PX 64
/* Areas drawn on and not yet looked at; more are merged. */
#define PENDING_MAX 64
/* Places that changed, each with its rhythm. */
#define TRACKS_MAX 48
/* Parts of one frame of an animation arrive together. */
#define SAME_BEAT_US 4000U
/* Faster than this on average: a spinner, a video. Slower: a caret. */
#define FAST_GAP_US 200000U
#define SLOW_GAP_US 2000000U
/* So long something must move before it counts as moving by itself: a menu that fades in and a
 * page that appears in parts take less. */
#define FAST_SPAN_US 1000000U
#define FAST_GAP_MAX_US 260000U
#define FAST_BEATS 8
/* A film that goes on where one was before may stall for so long between its first frames. */
#define AGAIN_GAP_US 500000U
#define SLOW_BEATS 6
#define CARET_BEATS 3
/* After so many changes of one place the next is expected at their pace. */
#define FEW_BEATS 3
#define PACE_MAX_US 60000U
/* More than a line of text: an animation may have begun. */
#define LARGE_PIXELS 20000
/* A caret is so narrow and so high; a spinner fits in a square. */
#define CARET_WIDTH_PX 4
#define CARET_HEIGHT_PX 96
#define SPINNER_PX 128
#define SLACK_PX 4

/* Gaps that are looked at to tell an even beat. */
#define GAPS 6

/* A place that changed, and when. */
struct track {
	struct cua_region area;
	uint64_t first_us, last_us;
	uint64_t gaps_us[GAPS]; /* the last of them, a ring */
	unsigned int beats;     /* 0: remembered, and unchanged since the last input */
	bool moves;             /* by itself: an animation */
	bool moved; /* as an animation that ended: a film that goes on begins with one frame */
};

struct activity {
	int width_px, height_px, columns, rows; /* of the tiles; 0 before the first look */
	uint64_t *sums;                         /* owned, columns * rows */
	bool *known;                            /* owned: the sum is that of what is shown */
	struct cua_region pending[PENDING_MAX];
	int pending_count;
	uint64_t pending_us; /* when the last of them was reported */
	struct track tracks[TRACKS_MAX];
	int track_count;
	uint64_t changes, wide_changes;
	bool looks; /* at what is drawn; without, rhythms are taken from the reports alone */
};

struct activity *activity_create(void)
{
	return calloc(1, sizeof(struct activity));
}

void activity_destroy(struct activity *activity)
{
	if (activity) {
		free(activity->sums);
		free(activity->known);
		free(activity);
	}
}

/* --- areas --- */

static int64_t pixels_in_common(const struct cua_region *a, const struct cua_region *b)
{
	struct cua_region common;
	return region_common(a, b, &common) ? region_pixels(&common) : 0;
}

static bool lies_in(const struct cua_region *inner, const struct cua_region *outer)
{
	return pixels_in_common(inner, outer) == region_pixels(inner);
}

static bool is_narrow(const struct cua_region *area)
{
	return area->width <= CARET_WIDTH_PX && area->height <= CARET_HEIGHT_PX;
}

/* --- rhythms --- */

static uint64_t mean_gap_us(const struct track *track)
{
	return track->beats > 1 ? (track->last_us - track->first_us) / (track->beats - 1) : 0;
}

/* Parts of one animation change from frame to frame, but they stay in one place. */
static bool is_same_place(const struct track *track, const struct cua_region *area)
{
	const int64_t common = pixels_in_common(&track->area, area);
	const int64_t least = region_pixels(&track->area) < region_pixels(area)
			? region_pixels(&track->area)
			: region_pixels(area);
	const struct cua_region whole = region_around(&track->area, area);
	return common * 2 >= least &&
			region_pixels(&whole) <= 4 * (least > 24 * 24 ? least : 24 * 24);
}

/* When an animation has missed so many beats it has ended. */
static bool has_ended(const struct track *track, uint64_t now_us)
{
	const uint64_t gap_us = mean_gap_us(track);
	const uint64_t limit_us = gap_us > FAST_GAP_US ? gap_us * 5 / 2 : 700000U;
	return now_us > track->last_us + limit_us;
}

/* A video or a spinner, and no caret. */
static bool is_film(const struct track *track)
{
	return mean_gap_us(track) <= FAST_GAP_US && !is_narrow(&track->area);
}

/* The last gaps of so many beats are alike. */
static bool is_even(const struct track *track, unsigned int beats)
{
	uint64_t least_us = UINT64_MAX, most_us = 0;
	for (unsigned int i = 1; i < beats && i <= GAPS; i++) {
		const uint64_t gap_us = track->gaps_us[(track->beats - i) % GAPS];
		least_us = gap_us < least_us ? gap_us : least_us;
		most_us = gap_us > most_us ? gap_us : most_us;
	}
	return track->beats >= beats && most_us <= least_us * 3 / 2;
}

/* Windows that open one after another change the same place too, though not for long at so even a
 * beat. */
static void judge(struct track *track)
{
	const unsigned int slow_beats = is_narrow(&track->area) ? CARET_BEATS : SLOW_BEATS;
	const bool fast = mean_gap_us(track) <= FAST_GAP_US;
	const bool long_enough = track->beats >= FAST_BEATS &&
			track->last_us - track->first_us >= FAST_SPAN_US;
	if (fast ? long_enough : is_even(track, slow_beats)) {
		track->moves = true;
	}
}

static void start_track(struct track *track, const struct cua_region *area, uint64_t at_us)
{
	*track = (struct track){ .area = *area, .first_us = at_us, .last_us = at_us, .beats = 1 };
}

static void beat(struct track *track, const struct cua_region *area, uint64_t at_us)
{
	const uint64_t gap_us = at_us - track->last_us;
	const uint64_t mean_us = mean_gap_us(track);
	const uint64_t fast_max_us = track->moved ? AGAIN_GAP_US : FAST_GAP_MAX_US;
	const bool out_of_step = track->beats > 1 &&
			(gap_us > SLOW_GAP_US || (mean_us <= FAST_GAP_US && gap_us > fast_max_us));
	if (!track->moves && (track->beats == 0 || out_of_step)) {
		const bool moved = track->moved;
		start_track(track, area, at_us);
		track->moved = moved;
		return;
	}
	track->area = region_around(&track->area, area);
	if (gap_us < SAME_BEAT_US) {
		return;
	}
	track->last_us = at_us;
	track->beats++;
	track->gaps_us[(track->beats - 1) % GAPS] = gap_us;
	judge(track);
}

/* The track that has not changed for longest, an animation only if there is nothing else. */
static struct track *oldest(struct activity *activity)
{
	struct track *found = &activity->tracks[0];
	for (int i = 1; i < activity->track_count; i++) {
		struct track *track = &activity->tracks[i];
		if (track->moves < found->moves ||
				(track->moves == found->moves && track->last_us < found->last_us)) {
			found = track;
		}
	}
	return found;
}

/* The animation that an area belongs to, NULL if none. Wide ones may reach a little further than
 * they did so far; what is drawn beside a caret is text. */
static struct track *animation_at(
		struct activity *activity, const struct cua_region *area, uint64_t at_us)
{
	for (int i = 0; i < activity->track_count; i++) {
		struct track *track = &activity->tracks[i];
		const int slack = track->area.width > 2 * CARET_WIDTH_PX ? SLACK_PX : 0;
		const struct cua_region reach = { track->area.x - slack, track->area.y - slack,
			track->area.width + 2 * slack, track->area.height + 2 * slack };
		if (track->moves && !has_ended(track, at_us) && lies_in(area, &reach)) {
			return track;
		}
	}
	return NULL;
}

/* True if the place was known to move by itself before this change. */
static bool note_change(struct activity *activity, const struct cua_region *area, uint64_t at_us)
{
	struct track *track = animation_at(activity, area, at_us);
	if (track) {
		beat(track, area, at_us);
		return true;
	}
	for (int i = 0; i < activity->track_count; i++) {
		if (!activity->tracks[i].moves && is_same_place(&activity->tracks[i], area)) {
			beat(&activity->tracks[i], area, at_us);
			return false;
		}
	}
	track = activity->track_count < TRACKS_MAX ? &activity->tracks[activity->track_count++]
						   : oldest(activity);
	start_track(track, area, at_us);
	return false;
}

/* --- pixels --- */

static bool fit_tiles(struct display *display)
{
	struct activity *activity = display->activity;
	if (activity->sums && activity->known && activity->width_px == display->width_px &&
			activity->height_px == display->height_px) {
		return true;
	}
	free(activity->sums);
	free(activity->known);
	activity->width_px = display->width_px;
	activity->height_px = display->height_px;
	activity->columns = (display->width_px + TILE_PX - 1) / TILE_PX;
	activity->rows = (display->height_px + TILE_PX - 1) / TILE_PX;
	const size_t count = (size_t)activity->columns * (size_t)activity->rows;
	activity->sums = calloc(count, sizeof(*activity->sums));
	activity->known = calloc(count, sizeof(*activity->known));
	return activity->sums && activity->known;
}

static uint64_t sum_tile(const struct display *display, int column, int row)
{
	const int x = column * TILE_PX, top = row * TILE_PX;
	const int width = display->width_px - x < TILE_PX ? display->width_px - x : TILE_PX;
	const int bottom = display->height_px - top < TILE_PX ? display->height_px : top + TILE_PX;
	uint64_t sum = 0;
	for (int y = top; y < bottom; y++) {
		const uint8_t *pixels = display->frame.pixels +
				((size_t)y * (size_t)display->width_px + (size_t)x) * 4;
		sum = crc64_ecma_refl(sum, pixels, (uint64_t)width * 4);
	}
	return sum;
}

/* Looks at every tile of the areas once; changed[] tells which differ from what was known. */
static void compare(struct display *display, bool *looked, bool *changed)
{
	struct activity *activity = display->activity;
	for (int i = 0; i < activity->pending_count; i++) {
		const struct cua_region *area = &activity->pending[i];
		for (int row = area->y / TILE_PX; row <= (area->y + area->height - 1) / TILE_PX;
				row++) {
			for (int column = area->x / TILE_PX;
					column <= (area->x + area->width - 1) / TILE_PX; column++) {
				const int tile = row * activity->columns + column;
				if (looked[tile]) {
					continue;
				}
				const uint64_t sum = sum_tile(display, column, row);
				looked[tile] = true;
				changed[tile] = !activity->known[tile] ||
						sum != activity->sums[tile];
				activity->sums[tile] = sum;
				activity->known[tile] = true;
			}
		}
	}
}

static bool has_changed(
		const struct activity *activity, const struct cua_region *area, const bool *changed)
{
	for (int row = area->y / TILE_PX; row <= (area->y + area->height - 1) / TILE_PX; row++) {
		for (int column = area->x / TILE_PX;
				column <= (area->x + area->width - 1) / TILE_PX; column++) {
			if (changed[row * activity->columns + column]) {
				return true;
			}
		}
	}
	return false;
}

/* Nobody looked at what was drawn there. */
static void forget(struct activity *activity, const struct cua_region *area)
{
	for (int row = area->y / TILE_PX;
			row < activity->rows && row <= (area->y + area->height - 1) / TILE_PX;
			row++) {
		for (int column = area->x / TILE_PX; column < activity->columns &&
				column <= (area->x + area->width - 1) / TILE_PX;
				column++) {
			activity->known[row * activity->columns + column] = false;
		}
	}
}

static void forget_pending(struct activity *activity)
{
	for (int i = 0; i < activity->pending_count; i++) {
		forget(activity, &activity->pending[i]);
	}
	activity->pending_count = 0;
}

enum cua_status activity_check(struct display *display, struct cua_error *err)
{
	struct activity *activity = display->activity;
	if (activity->pending_count == 0) {
		return CUA_OK;
	}
	enum cua_status status = frame_read_damaged(display, err);
	if (status != CUA_OK) {
		return status;
	}
	if (!fit_tiles(display)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "tiles of the screen");
	}
	const size_t count = (size_t)activity->columns * (size_t)activity->rows;
	CUA_AUTO_FREE bool *marks = calloc(2 * count, sizeof(*marks));
	if (!marks) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "tiles of the screen");
	}
	struct cua_region areas[PENDING_MAX];
	int area_count = 0;
	for (int i = 0; i < activity->pending_count; i++) {
		/* The screen may have become smaller since. */
		if (display_clip(display, &activity->pending[i], &areas[area_count])) {
			area_count++;
		}
	}
	memcpy(activity->pending, areas, sizeof(areas[0]) * (size_t)area_count);
	activity->pending_count = area_count;
	compare(display, marks, marks + count);
	for (int i = 0; i < area_count; i++) {
		if (has_changed(activity, &areas[i], marks + count) &&
				!note_change(activity, &areas[i], activity->pending_us)) {
			activity->changes++;
			activity->wide_changes += !is_narrow(&areas[i]);
		}
	}
	activity->pending_count = 0;
	return CUA_OK;
}

/* --- what happens --- */

static void add_pending(struct activity *activity, const struct cua_region *area)
{
	for (int i = 0; i < activity->pending_count; i++) {
		if (lies_in(area, &activity->pending[i])) {
			return;
		}
	}
	if (activity->pending_count < PENDING_MAX) {
		activity->pending[activity->pending_count++] = *area;
		return;
	}
	struct cua_region *last = &activity->pending[PENDING_MAX - 1];
	*last = region_around(last, area);
}

void activity_damaged(struct display *display, const struct cua_region *area, bool late)
{
	struct activity *activity = display->activity;
	struct cua_region visible;
	if (!display_clip(display, area, &visible)) {
		return;
	}
	activity->pending_us = cua_now_us();
	if (activity->looks && late) {
		forget(activity, &visible);
	} else if (activity->looks) {
		add_pending(activity, &visible);
	} else {
		(void)note_change(activity, &visible, activity->pending_us);
		forget(activity, &visible);
	}
}

void activity_input(struct display *display)
{
	struct activity *activity = display->activity;
	const uint64_t now_us = cua_now_us();
	int kept = 0;
	for (int i = 0; i < activity->track_count; i++) {
		struct track *track = &activity->tracks[i];
		if (track->moves && has_ended(track, now_us)) {
			*track = (struct track){ .area = track->area, .moved = is_film(track) };
		}
		/* What was remembered and has changed without moving was another thing. */
		if (track->moves || (track->moved && track->beats == 0)) {
			activity->tracks[kept++] = *track;
		}
	}
	activity->track_count = kept;
	forget_pending(activity);
	activity->looks = true;
}

void activity_rest(struct display *display)
{
	forget_pending(display->activity);
	display->activity->looks = false;
}

/* --- what is known --- */

bool activity_is_pending(const struct display *display)
{
	return display->activity->pending_count > 0;
}

uint64_t activity_changes(const struct display *display)
{
	return display->activity->changes;
}

uint64_t activity_wide_changes(const struct display *display)
{
	return display->activity->wide_changes;
}

uint64_t activity_last_us(const struct display *display)
{
	const struct activity *activity = display->activity;
	uint64_t last_us = 0;
	for (int i = 0; i < activity->track_count; i++) {
		if (!activity->tracks[i].moves && activity->tracks[i].last_us > last_us) {
			last_us = activity->tracks[i].last_us;
		}
	}
	return last_us;
}

uint64_t activity_rest_us(const struct display *display, uint64_t small_us, uint64_t large_us)
{
	const struct activity *activity = display->activity;
	uint64_t rest_us = 0;
	for (int i = 0; i < activity->track_count; i++) {
		const struct track *track = &activity->tracks[i];
		uint64_t quiet_us =
				region_pixels(&track->area) < LARGE_PIXELS ? small_us : large_us;
		uint64_t gap_us = 0;
		if (track->moves || track->beats == 0) {
			continue;
		}
		if (track->moved) {
			gap_us = AGAIN_GAP_US;
		} else if (track->beats >= FEW_BEATS) {
			gap_us = mean_gap_us(track) * 3 / 2;
			gap_us = gap_us < FAST_GAP_MAX_US ? gap_us : FAST_GAP_MAX_US;
		}
		quiet_us = gap_us > quiet_us ? gap_us : quiet_us;
		if (track->last_us + quiet_us > rest_us) {
			rest_us = track->last_us + quiet_us;
		}
	}
	return rest_us;
}

bool activity_is_moving(const struct display *display, uint64_t since_us)
{
	const struct activity *activity = display->activity;
	const uint64_t now_us = cua_now_us();
	for (int i = 0; i < activity->track_count; i++) {
		const struct track *track = &activity->tracks[i];
		if (track->moves && mean_gap_us(track) <= FAST_GAP_US &&
				track->last_us > since_us && !has_ended(track, now_us)) {
			return true;
		}
	}
	return false;
}

bool activity_moves_at(const struct display *display, int x, int y, int end, int *ret_end)
{
	const struct activity *activity = display->activity;
	const uint64_t now_us = cua_now_us();
	*ret_end = end;
	for (int i = 0; i < activity->track_count; i++) {
		const struct track *track = &activity->tracks[i];
		const struct cua_region *area = &track->area;
		if (!track->moves || has_ended(track, now_us) || y < area->y ||
				y >= area->y + area->height || x >= area->x + area->width) {
			continue;
		}
		if (x >= area->x) {
			*ret_end = area->x + area->width < end ? area->x + area->width : end;
			return true;
		}
		*ret_end = area->x < *ret_end ? area->x : *ret_end;
	}
	return false;
}

static const char *kind_of(const struct track *track)
{
	if (is_narrow(&track->area)) {
		return "caret";
	}
	return track->area.width <= SPINNER_PX && track->area.height <= SPINNER_PX ? "spinner"
										   : "video";
}

cJSON *activity_describe(const struct display *display)
{
	const struct activity *activity = display->activity;
	const uint64_t now_us = cua_now_us();
	cJSON *list = cJSON_CreateArray();
	for (int i = 0; i < activity->track_count; i++) {
		const struct track *track = &activity->tracks[i];
		if (!track->moves || has_ended(track, now_us)) {
			continue;
		}
		const int region[] = { track->area.x, track->area.y, track->area.width,
			track->area.height };
		cJSON *item = cJSON_CreateObject();
		cJSON_AddItemToObject(item, "region", cJSON_CreateIntArray(region, 4));
		cJSON_AddStringToObject(item, "kind", kind_of(track));
		cJSON_AddNumberToObject(item, "period_ms", (double)(mean_gap_us(track) / 1000U));
		cJSON_AddItemToArray(list, item);
	}
	return list;
}

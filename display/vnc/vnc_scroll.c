#include "display/vnc/vnc_scroll.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc64.h>

/* Fewer moved rows than these are sent as quickly as pixels. */
#define MOVED_MIN 32
#define RUN_MIN 8
/* Fewer rows that are the same between new ones, as between lines of text, are sent with them: many
 * small pictures take longer than a large one. */
#define GAP_MIN 24
/* Looked at of a row to guess where it was. */
#define PIECE_BYTES 64
#define PIECES 12
/* So many rows that are unlike all others have to agree on a shift. */
#define VOTES_MIN 12
#define NO_ROW (-1)
#define MANY_ROWS (-2)

/* Rows of before, by their sums. */
struct slot {
	uint64_t sum;
	int row;
};

struct vnc_scroll {
	int rows_max;
	size_t slot_count;  /* a power of two, more than twice rows_max */
	struct slot *slots; /* owned, as the others are */
	int *votes;         /* by shift + rows_max */
	enum vnc_row *fates;
};

struct area {
	const char *before, *after;
	size_t stride_bytes, row_bytes;
	int rows;
};

struct vnc_scroll *vnc_scroll_create(int rows_max)
{
	struct vnc_scroll *scroll = calloc(1, sizeof(*scroll));
	if (!scroll) {
		return NULL;
	}
	scroll->rows_max = rows_max;
	scroll->slot_count = 64;
	while (scroll->slot_count < (size_t)rows_max * 2) {
		scroll->slot_count *= 2;
	}
	scroll->slots = calloc(scroll->slot_count, sizeof(*scroll->slots));
	scroll->votes = calloc(2 * (size_t)rows_max + 1, sizeof(*scroll->votes));
	scroll->fates = calloc((size_t)rows_max + 1, sizeof(*scroll->fates));
	if (!scroll->slots || !scroll->votes || !scroll->fates) {
		vnc_scroll_destroy(scroll);
		return NULL;
	}
	return scroll;
}

void vnc_scroll_destroy(struct vnc_scroll *scroll)
{
	if (scroll) {
		free(scroll->slots);
		free(scroll->votes);
		free(scroll->fates);
		free(scroll);
	}
}

static bool rows_equal(const struct area *area, int before, int after)
{
	return memcmp(area->before + (size_t)before * area->stride_bytes,
			       area->after + (size_t)after * area->stride_bytes,
			       area->row_bytes) == 0;
}

/* Of some parts of it: what is taken for moved is compared whole. */
static uint64_t sum_of(const struct area *area, const char *picture, int row)
{
	const uint8_t *bytes = (const uint8_t *)picture + (size_t)row * area->stride_bytes;
	uint64_t sum = 0;
	if (area->row_bytes <= (size_t)2 * PIECES * PIECE_BYTES) {
		return crc64_ecma_refl(0, bytes, area->row_bytes);
	}
	const size_t step = (area->row_bytes - PIECE_BYTES) / (PIECES - 1);
	for (size_t i = 0; i < PIECES; i++) {
		sum = crc64_ecma_refl(sum, bytes + i * step, PIECE_BYTES);
	}
	return sum;
}

/* Where the sum is, or where it would go. */
static struct slot *find_slot(const struct vnc_scroll *scroll, uint64_t sum)
{
	size_t at = (size_t)sum & (scroll->slot_count - 1);
	while (scroll->slots[at].row != NO_ROW && scroll->slots[at].sum != sum) {
		at = (at + 1) & (scroll->slot_count - 1);
	}
	return &scroll->slots[at];
}

static void remember_rows(struct vnc_scroll *scroll, const struct area *area)
{
	for (size_t i = 0; i < scroll->slot_count; i++) {
		scroll->slots[i].row = NO_ROW;
	}
	for (int row = 0; row < area->rows; row++) {
		const uint64_t sum = sum_of(area, area->before, row);
		struct slot *slot = find_slot(scroll, sum);
		slot->row = slot->row == NO_ROW ? row : MANY_ROWS;
		slot->sum = sum;
	}
}

/* Rows that are new ask where they were, those that are there but once: empty ones say nothing. */
static int elect_shift(struct vnc_scroll *scroll, const struct area *area)
{
	int best = 0;
	memset(scroll->votes, 0, (2 * (size_t)scroll->rows_max + 1) * sizeof(*scroll->votes));
	for (int row = 0; row < area->rows; row++) {
		if (scroll->fates[row] == VNC_ROW_SAME) {
			continue;
		}
		const struct slot *slot = find_slot(scroll, sum_of(area, area->after, row));
		if (slot->row >= 0) {
			const int shift = row - slot->row;
			scroll->votes[shift + scroll->rows_max]++;
			best = scroll->votes[shift + scroll->rows_max] >
							scroll->votes[best + scroll->rows_max]
					? shift
					: best;
		}
	}
	return scroll->votes[best + scroll->rows_max] >= VOTES_MIN ? best : 0;
}

static bool was_moved(const struct area *area, int row, int shift)
{
	const int from = row - shift;
	return from >= 0 && from < area->rows && rows_equal(area, from, row);
}

/* From the first to the last row of the run that is not where it was; returns how many of them. */
static int mark_run(struct vnc_scroll *scroll, int first, int end)
{
	int count = 0;
	while (first < end && scroll->fates[first] == VNC_ROW_SAME) {
		first++;
	}
	while (end > first && scroll->fates[end - 1] == VNC_ROW_SAME) {
		end--;
	}
	for (int row = first; row < end && end - first >= RUN_MIN; row++) {
		count += scroll->fates[row] == VNC_ROW_NEW;
		scroll->fates[row] = VNC_ROW_MOVED;
	}
	return count;
}

static int mark_moved(struct vnc_scroll *scroll, const struct area *area, int shift)
{
	int count = 0;
	for (int first = 0; first < area->rows;) {
		int end = first;
		while (end < area->rows && was_moved(area, end, shift)) {
			end++;
		}
		count += mark_run(scroll, first, end);
		first = end + 1;
	}
	return count;
}

static int mark_others(struct vnc_scroll *scroll, const struct area *area)
{
	int count = 0;
	for (int row = 0; row < area->rows; row++) {
		const bool same = rows_equal(area, row, row);
		scroll->fates[row] = same ? VNC_ROW_SAME : VNC_ROW_NEW;
		count += !same;
	}
	return count;
}

static void close_gaps(struct vnc_scroll *scroll, int rows)
{
	int last_new = -GAP_MIN;
	for (int row = 0; row < rows; row++) {
		if (scroll->fates[row] == VNC_ROW_MOVED) {
			last_new = -GAP_MIN;
		} else if (scroll->fates[row] == VNC_ROW_NEW) {
			for (int gap = last_new + 1; row - last_new < GAP_MIN && gap < row; gap++) {
				scroll->fates[gap] = VNC_ROW_NEW;
			}
			last_new = row;
		}
	}
}

/* Their shift; 0: too few of them, and the fates are as they were. */
static int find_moved(struct vnc_scroll *scroll, const struct area *area)
{
	remember_rows(scroll, area);
	const int shift = elect_shift(scroll, area);
	if (shift != 0 && mark_moved(scroll, area, shift) < MOVED_MIN) {
		(void)mark_others(scroll, area);
		return 0;
	}
	return shift;
}

const enum vnc_row *vnc_scroll_look(struct vnc_scroll *scroll, const char *before,
		const char *after, size_t stride_bytes, size_t row_bytes, int rows, int *ret_shift)
{
	const struct area area = { before, after, stride_bytes, row_bytes, rows };
	const int others = mark_others(scroll, &area);
	*ret_shift = others < MOVED_MIN ? 0 : find_moved(scroll, &area);
	close_gaps(scroll, rows);
	return scroll->fates;
}

#ifndef CUA_DISPLAY_VNC_VNC_SCROLL_H
#define CUA_DISPLAY_VNC_VNC_SCROLL_H

/* What has become of an area: which of its rows are others, and which were only moved up or down,
 * as text in a terminal is. Works on pixels alone; one thread. */

#include <stddef.h>

enum vnc_row {
	VNC_ROW_SAME,
	VNC_ROW_MOVED, /* as the row `shift` above it was */
	VNC_ROW_NEW,
};

struct vnc_scroll;

/* NULL if there is no memory. */
struct vnc_scroll *vnc_scroll_create(int rows_max);
void vnc_scroll_destroy(struct vnc_scroll *scroll);

/**
 * vnc_scroll_look() - compare an area with what it was.
 * @before, @after: its first row in two pictures.
 * @stride_bytes:   row to row, in both.
 * @row_bytes:      of each row, those that count.
 * @rows:           at most as many as it was created for.
 * @ret_shift:      rows that the moved ones went down, negative: up; 0: none has moved.
 *
 * Rows that are the same or moved are so to the last byte; some of the new ones may be the same.
 *
 * Return: the rows' fates, rows of them; good until the next look.
 */
const enum vnc_row *vnc_scroll_look(struct vnc_scroll *scroll, const char *before,
		const char *after, size_t stride_bytes, size_t row_bytes, int rows, int *ret_shift);

#endif

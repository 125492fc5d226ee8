/* What a person has changed on the desktop, for the model, which was not there: windows, the
 * focus, and where on the screen. */

#include "display/display_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/text.h"

#define SEEN_WINDOWS_MAX 24
#define NAMED_MAX 6 /* of each kind of change */
#define TILE_PX 32

struct seen_window {
	Window window;
	char title[100];
};

struct takeover_seen {
	struct seen_window windows[SEEN_WINDOWS_MAX];
	int window_count;
	Window active;
	int width_px, height_px;
	uint64_t *tiles; /* owned; checksums, row by row; NULL: the screen could not be read */
};

static int columns_of(const struct takeover_seen *seen)
{
	return (seen->width_px + TILE_PX - 1) / TILE_PX;
}

static int rows_of(const struct takeover_seen *seen)
{
	return (seen->height_px + TILE_PX - 1) / TILE_PX;
}

/* Every pixel counts by its place (FNV-1a, of words). */
static uint64_t checksum(
		const struct takeover_seen *seen, const uint8_t *pixels, int column, int row)
{
	const int left = column * TILE_PX, top = row * TILE_PX;
	const int width = seen->width_px - left < TILE_PX ? seen->width_px - left : TILE_PX;
	const int bottom = seen->height_px - top < TILE_PX ? seen->height_px : top + TILE_PX;
	uint64_t sum = 0xcbf29ce484222325U;
	for (int y = top; y < bottom; y++) {
		const uint32_t *line = (const uint32_t *)(const void *)pixels +
				(size_t)y * (size_t)seen->width_px + left;
		for (int x = 0; x < width; x++) {
			sum = (sum ^ (line[x] & 0xffffff)) * 0x100000001b3U;
		}
	}
	return sum;
}

static uint64_t *read_tiles(struct display *display, const struct takeover_seen *seen)
{
	const int columns = columns_of(seen), rows = rows_of(seen);
	if (frame_read_damaged(display, NULL) != CUA_OK || display->width_px != seen->width_px ||
			display->height_px != seen->height_px) {
		return NULL;
	}
	uint64_t *tiles = calloc((size_t)columns * (size_t)rows, sizeof(*tiles));
	for (int i = 0; tiles && i < columns * rows; i++) {
		tiles[i] = checksum(seen, display->frame.pixels, i % columns, i / columns);
	}
	return tiles;
}

static void read_windows(struct display *display, struct takeover_seen *seen)
{
	static Window windows[WINDOWS_MAX];
	const int count = window_list(display, windows);
	const int skip = count > SEEN_WINDOWS_MAX ? count - SEEN_WINDOWS_MAX : 0;
	for (int i = skip; i < count && !display->dead; i++) {
		/* A window manager that is behind lists what has gone. */
		XWindowAttributes attributes;
		if (!XGetWindowAttributes(display->xlib, windows[i], &attributes)) {
			continue;
		}
		struct seen_window *window = &seen->windows[seen->window_count++];
		window->window = windows[i];
		window_title(display, windows[i], window->title, sizeof(window->title));
		cua_text_strip(window->title);
	}
	seen->active = window_read_active(display);
}

struct takeover_seen *takeover_look(struct display *display)
{
	struct takeover_seen *seen = calloc(1, sizeof(*seen));
	if (!seen || display->dead) {
		return seen;
	}
	read_windows(display, seen);
	seen->width_px = display->width_px;
	seen->height_px = display->height_px;
	seen->tiles = read_tiles(display, seen);
	return seen;
}

void takeover_seen_destroy(struct takeover_seen *seen)
{
	if (seen) {
		free(seen->tiles);
		free(seen);
	}
}

/* --- in words --- */

static const struct seen_window *find_window(const struct takeover_seen *seen, Window window)
{
	for (int i = 0; i < seen->window_count; i++) {
		if (seen->windows[i].window == window) {
			return &seen->windows[i];
		}
	}
	return NULL;
}

/* How many some have that others lack. */
static int count_missing(const struct takeover_seen *have, const struct takeover_seen *lack)
{
	int count = 0;
	for (int i = 0; i < have->window_count; i++) {
		count += !find_window(lack, have->windows[i].window);
	}
	return count;
}

/* A title says what was done: after private use there are counts alone. */
static void put_counts(
		FILE *out, const struct takeover_seen *before, const struct takeover_seen *now)
{
	const int opened = count_missing(now, before), closed = count_missing(before, now);
	if (opened > 0) {
		fprintf(out, "; windows opened: %d", opened);
	}
	if (closed > 0) {
		fprintf(out, "; windows closed: %d", closed);
	}
	if (now->active != before->active) {
		fputs(find_window(now, now->active) ? "; another window is active now"
						    : "; no window is active now",
				out);
	}
}

/* What some have that others lack: opened, or the other way round, closed. */
static void put_missing(FILE *out, const char *what, const struct takeover_seen *have,
		const struct takeover_seen *lack)
{
	int count = 0;
	for (int i = 0; i < have->window_count; i++) {
		if (find_window(lack, have->windows[i].window)) {
			continue;
		}
		if (count < NAMED_MAX) {
			fputs(count == 0 ? what : ", ", out);
			fputc('"', out);
			cua_text_line(out, have->windows[i].title, 0);
			fputc('"', out);
		}
		count++;
	}
	if (count > NAMED_MAX) {
		fprintf(out, " and %d more", count - NAMED_MAX);
	}
}

static void put_titles(
		FILE *out, const struct takeover_seen *before, const struct takeover_seen *now)
{
	int count = 0;
	for (int i = 0; i < now->window_count && count < NAMED_MAX; i++) {
		const struct seen_window *was = find_window(before, now->windows[i].window);
		if (was && strcmp(was->title, now->windows[i].title) != 0) {
			fputs(count++ == 0 ? "; other titles: \"" : ", \"", out);
			cua_text_line(out, now->windows[i].title, 0);
			fputc('"', out);
		}
	}
}

static void put_focus(
		FILE *out, const struct takeover_seen *before, const struct takeover_seen *now)
{
	const struct seen_window *active = find_window(now, now->active);
	if (now->active == before->active) {
		return;
	}
	if (!active) {
		fputs("; no window is active now", out);
		return;
	}
	fputs("; active is now \"", out);
	cua_text_line(out, active->title, 0);
	fputc('"', out);
}

/* The box around the tiles that differ, in the coordinates that the caller uses. */
static void put_area(struct display *display, FILE *out, const struct takeover_seen *before,
		const struct takeover_seen *now)
{
	if (before->width_px != now->width_px || before->height_px != now->height_px) {
		fprintf(out, "; the screen is %dx%d now", now->width_px, now->height_px);
		return;
	}
	const int columns = columns_of(now), count = columns * rows_of(now);
	int left = columns, right = -1, top = -1, bottom = -1;
	for (int i = 0; before->tiles && now->tiles && i < count; i++) {
		if (before->tiles[i] != now->tiles[i]) {
			left = i % columns < left ? i % columns : left;
			right = i % columns > right ? i % columns : right;
			top = top < 0 ? i / columns : top;
			bottom = i / columns;
		}
	}
	if (right < 0) {
		fputs(before->tiles && now->tiles ? "; the screen looks as before" : "", out);
		return;
	}
	const int edge_x = (right + 1) * TILE_PX, edge_y = (bottom + 1) * TILE_PX;
	fprintf(out, "; what changed on the screen of %dx%d lies within x %d to %d, y %d to %d",
			display->width_px, display->height_px, left * TILE_PX,
			(edge_x < now->width_px ? edge_x : now->width_px) - 1, top * TILE_PX,
			(edge_y < now->height_px ? edge_y : now->height_px) - 1);
}

void takeover_tell_changes(struct display *display, const struct takeover_seen *seen,
		bool is_private, char *text, size_t size)
{
	struct takeover_seen *now = seen && !display->dead ? takeover_look(display) : NULL;
	FILE *out = now ? fmemopen(text, size, "w") : NULL;
	text[0] = '\0';
	if (out) {
		if (is_private) {
			put_counts(out, seen, now);
		} else {
			put_missing(out, "; windows opened: ", now, seen);
			put_missing(out, "; windows closed: ", seen, now);
			put_focus(out, seen, now);
			put_titles(out, seen, now);
			put_area(display, out, seen, now);
		}
		fclose(out);
		text[size - 1] = '\0';
	}
	takeover_seen_destroy(now);
}

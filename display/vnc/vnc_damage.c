/* Damage becomes what viewers are sent: rows that are the same are nothing, rows that have moved
 * are a copy at the viewer, and only the rest is pixels. */

#include <stdlib.h>
#include <string.h>

#include "display/vnc/vnc_rfb_internal.h"

/* libvncserver's own rfbScheduleCopyRegion() needs a pointer shape, and takes it that all viewers
 * see the same screen. One copy at a time: a second one that waits for a slow viewer is pixels. */
static bool takes_copy(const struct _rfbScreenInfo *screen, const rfbClientRec *client)
{
	return client->useCopyRect && client->enableCursorShapeUpdates &&
			client->scaledScreen == screen && sraRgnEmpty(client->copyRegion);
}

/* Copies go out before pixels. What is yet to be sent of the source is not there to be copied, and
 * is sent in its new place, too. */
static void schedule_copy(rfbClientPtr client, sraRegionPtr moved, int shift)
{
	sraRegionPtr unsent = sraRgnCreateRgn(client->modifiedRegion);
	sraRgnOffset(unsent, 0, shift);
	sraRgnAnd(unsent, moved);
	sraRgnOr(client->modifiedRegion, unsent);
	sraRgnDestroy(unsent);
	sraRgnOr(client->copyRegion, moved);
	client->copyDX = 0;
	client->copyDY = shift;
}

static void move_region(struct vnc_rfb *rfb, sraRegionPtr moved, int shift)
{
	rfbClientIteratorPtr iterator = rfbGetClientIterator(rfb->screen);
	rfbClientPtr client;
	while ((client = rfbClientIteratorNext(iterator))) {
		if (takes_copy(rfb->screen, client)) {
			schedule_copy(client, moved, shift);
		} else {
			sraRgnOr(client->modifiedRegion, moved);
		}
	}
	rfbReleaseClientIterator(iterator);
}

static void add_rows(sraRegionPtr region, const struct vnc_box *box, int first, int end)
{
	sraRegionPtr rows = sraRgnCreateRect(box->x1, box->y1 + first, box->x2, box->y1 + end);
	sraRgnOr(region, rows);
	sraRgnDestroy(rows);
}

static void tell_viewers(struct vnc_rfb *rfb, const struct vnc_box *box, const enum vnc_row *fates,
		int shift)
{
	sraRegionPtr moved = sraRgnCreate(), drawn = sraRgnCreate();
	const int rows = box->y2 - box->y1;
	for (int first = 0, end; first < rows; first = end) {
		end = first + 1;
		while (end < rows && fates[end] == fates[first]) {
			end++;
		}
		if (fates[first] != VNC_ROW_SAME) {
			add_rows(fates[first] == VNC_ROW_MOVED ? moved : drawn, box, first, end);
		}
	}
	if (shift != 0) {
		move_region(rfb, moved, shift);
	}
	rfbMarkRegionAsModified(rfb->screen, drawn);
	sraRgnDestroy(moved);
	sraRgnDestroy(drawn);
}

static void take_box(struct vnc_rfb *rfb, struct vnc_box *box)
{
	if (!vnc_screen_read(&rfb->frame, rfb->fresh, box)) {
		return;
	}
	const size_t stride = (size_t)rfb->frame.width_px * VNC_BYTES_PER_PIXEL;
	const size_t row_bytes = (size_t)(box->x2 - box->x1) * VNC_BYTES_PER_PIXEL;
	const size_t at = (size_t)box->y1 * stride + (size_t)box->x1 * VNC_BYTES_PER_PIXEL;
	char *shown = rfb->screen->frameBuffer + at;
	const char *fresh = rfb->fresh + at;
	const int rows = box->y2 - box->y1;
	int shift = 0;
	const enum vnc_row *fates =
			vnc_scroll_look(rfb->scroll, shown, fresh, stride, row_bytes, rows, &shift);
	tell_viewers(rfb, box, fates, shift);
	for (int row = 0; row < rows; row++) {
		if (fates[row] != VNC_ROW_SAME) {
			memcpy(shown + (size_t)row * stride, fresh + (size_t)row * stride,
					row_bytes);
		}
	}
}

/* It was read with another: the frame has had the pixels before the mailbox has the damage. */
static bool is_taken(const struct vnc_damage *damage, int i)
{
	const struct vnc_box *box = &damage->boxes[i];
	for (int k = 0; k < i; k++) {
		const struct vnc_box *taken = &damage->boxes[k];
		if (taken->x1 <= box->x1 && taken->y1 <= box->y1 && taken->x2 >= box->x2 &&
				taken->y2 >= box->y2) {
			return true;
		}
	}
	return false;
}

void vnc_screen_damage(struct vnc_rfb *rfb, const struct vnc_damage *damage)
{
	for (int i = 0; i < damage->count; i++) {
		struct vnc_box box = damage->boxes[i];
		if (!is_taken(damage, i)) {
			take_box(rfb, &box);
		}
	}
}

bool vnc_damage_resize(struct vnc_rfb *rfb, int width, int height)
{
	char *fresh = malloc((size_t)width * (size_t)height * VNC_BYTES_PER_PIXEL);
	struct vnc_scroll *scroll = vnc_scroll_create(height);
	if (!fresh || !scroll) {
		free(fresh);
		vnc_scroll_destroy(scroll);
		return false;
	}
	vnc_damage_finish(rfb);
	rfb->fresh = fresh;
	rfb->scroll = scroll;
	return true;
}

void vnc_damage_finish(struct vnc_rfb *rfb)
{
	free(rfb->fresh);
	vnc_scroll_destroy(rfb->scroll);
	rfb->fresh = NULL;
	rfb->scroll = NULL;
}

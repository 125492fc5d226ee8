/* A person has the desktop in private: that person's viewers see another frame than all others.
 * libvncserver encodes from a client's scaledScreen, which is made for scaling; here it is a screen
 * of the same size that only their clients have. The screen of all others shows what the host has
 * put in its place. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CUA_LOG_MODULE "vnc.private"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_rfb_internal.h"

bool vnc_private_is_on(const struct vnc_rfb *rfb)
{
	return rfb->hidden != NULL;
}

bool vnc_private_has(const struct vnc_rfb *rfb, const rfbClientRec *client)
{
	const struct vnc_client *viewer = client->clientData;
	return rfb->hidden && viewer && rfb->sees_private[viewer->slot];
}

/* Also while a private frame does not fit: then nobody sees it, and its text is still theirs. */
bool vnc_private_may_have(const struct vnc_rfb *rfb, const rfbClientRec *client, bool is_private)
{
	const struct vnc_client *viewer = client->clientData;
	return viewer && (is_private || rfb->hidden ? rfb->sees_private[viewer->slot] : true);
}

static void mark(rfbClientPtr client, const struct vnc_box *box)
{
	sraRegionPtr region = sraRgnCreateRect(box->x1, box->y1, box->x2, box->y2);
	sraRgnOr(client->modifiedRegion, region);
	sraRgnDestroy(region);
}

/* Who sees what may be another by now: all of it is new, to those whom it concerns. */
void vnc_private_apply(struct vnc_rfb *rfb)
{
	const struct vnc_box whole = { 0, 0, rfb->screen->width, rfb->screen->height };
	rfbClientIteratorPtr iterator = rfbGetClientIterator(rfb->screen);
	rfbClientPtr client;
	while ((client = rfbClientIteratorNext(iterator))) {
		rfbScreenInfoPtr shown = vnc_private_has(rfb, client) ? rfb->hidden : rfb->screen;
		if (client->scaledScreen != shown) {
			client->scaledScreen = shown;
			mark(client, &whole);
			client->cursorWasChanged = client->cursorWasMoved = TRUE;
		}
	}
	rfbReleaseClientIterator(iterator);
}

void vnc_private_finish(struct vnc_rfb *rfb)
{
	if (rfb->hidden) {
		rfbScreenInfoPtr hidden = rfb->hidden;
		rfb->hidden = NULL;
		if (rfb->screen) {
			vnc_private_apply(rfb);
		}
		free(hidden->frameBuffer);
		free(hidden);
	}
	cua_closep(&rfb->private_frame.fd);
	rfb->private_frame.fd = -1;
}

/* frame: taken over; fd -1: over. A frame that does not fit the screen shows nothing: the host
 * sends another after the next change of size. */
void vnc_private_set(struct vnc_rfb *rfb, struct vnc_frame_source frame)
{
	rfbScreenInfoPtr screen = rfb->screen;
	vnc_private_finish(rfb);
	const bool fits = frame.width_px == (uint32_t)screen->width &&
			frame.height_px == (uint32_t)screen->height;
	char *pixels = frame.fd >= 0 && fits
			? calloc((size_t)frame.width_px * frame.height_px, VNC_BYTES_PER_PIXEL)
			: NULL;
	rfbScreenInfoPtr hidden = pixels ? malloc(sizeof(*hidden)) : NULL;
	if (!hidden) {
		free(pixels);
		cua_closep(&frame.fd);
		return;
	}
	*hidden = *screen; /* nothing but its pixels and its size is looked at */
	hidden->frameBuffer = pixels;
	hidden->scaledScreenNext = NULL;
	rfb->hidden = hidden;
	rfb->private_frame = frame;
	const struct vnc_damage whole = { .boxes = { { 0, 0, screen->width, screen->height } },
		.count = 1 };
	vnc_private_apply(rfb);
	vnc_private_damage(rfb, &whole);
}

void vnc_private_damage(struct vnc_rfb *rfb, const struct vnc_damage *damage)
{
	for (int i = 0; i < damage->count; i++) {
		struct vnc_box box = damage->boxes[i];
		if (!vnc_screen_read(&rfb->private_frame, rfb->hidden->frameBuffer, &box)) {
			continue;
		}
		rfbClientIteratorPtr iterator = rfbGetClientIterator(rfb->screen);
		rfbClientPtr client;
		while ((client = rfbClientIteratorNext(iterator))) {
			if (vnc_private_has(rfb, client)) {
				mark(client, &box);
			}
		}
		rfbReleaseClientIterator(iterator);
	}
}

/* cursor: taken over. Its shape tells what is under it: others keep the one of before. */
void vnc_private_set_cursor(struct vnc_rfb *rfb, rfbCursorPtr cursor)
{
	rfbSetCursor(rfb->screen, cursor);
	rfbClientIteratorPtr iterator = rfbGetClientIterator(rfb->screen);
	rfbClientPtr client;
	while ((client = rfbClientIteratorNext(iterator))) {
		if (rfb->hidden && !vnc_private_has(rfb, client)) {
			client->cursorWasChanged = FALSE;
		}
	}
	rfbReleaseClientIterator(iterator);
}

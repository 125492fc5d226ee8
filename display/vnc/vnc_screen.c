#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CUA_LOG_MODULE "vnc.screen"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/vnc/vnc_clipboard.h"
#include "display/vnc/vnc_rfb_internal.h"

#define BYTES_PER_PIXEL VNC_BYTES_PER_PIXEL
/* Bounds a write to a viewer whose relay is stuck, which does not happen while the main thread
 * lives; libvncserver counts in steps of five seconds. */
#define CLIENT_WAIT_MS 5000
/* A pointer shape has to fit in libvncserver's update buffer of 32 KiB, or the viewer's stream
 * breaks: 88 * 88 * 4 bytes and the mask do. */
#define CURSOR_EDGE_MAX 88

/* The frame is read with pread(): one that was cut short behind our back gives a short read,
 * where a mapping would give SIGBUS. */
static bool read_rows(const struct vnc_frame_source *frame, char *pixels, const struct vnc_box *box)
{
	size_t row_bytes = (size_t)frame->width_px * BYTES_PER_PIXEL;
	bool in_one = frame->stride_bytes == row_bytes &&
			(size_t)(box->x2 - box->x1) * 2 >= frame->width_px;
	size_t left = in_one ? 0 : (size_t)box->x1 * BYTES_PER_PIXEL;
	size_t rows = in_one ? (size_t)(box->y2 - box->y1) : 1;
	size_t len = in_one ? rows * row_bytes : (size_t)(box->x2 - box->x1) * BYTES_PER_PIXEL;
	for (size_t y = (size_t)box->y1; y < (size_t)box->y2; y += rows) {
		char *to = pixels + y * row_bytes + left;
		off_t at = (off_t)(y * frame->stride_bytes + left);
		if (pread(frame->fd, to, len, at) != (ssize_t)len) {
			return false;
		}
	}
	return true;
}

static bool clip(struct vnc_box *box, const struct vnc_frame_source *frame)
{
	int width = (int)frame->width_px, height = (int)frame->height_px;
	box->x2 = box->x2 < width ? box->x2 : width;
	box->y2 = box->y2 < height ? box->y2 : height;
	return box->x1 < box->x2 && box->y1 < box->y2;
}

bool vnc_screen_read(const struct vnc_frame_source *frame, char *pixels, struct vnc_box *box)
{
	if (!clip(box, frame)) {
		return false;
	}
	if (!read_rows(frame, pixels, box)) {
		cua_log_debug("the frame is shorter than it was");
		return false;
	}
	return true;
}

void vnc_screen_read_anew(struct vnc_rfb *rfb)
{
	const struct vnc_damage whole = {
		.boxes = { { 0, 0, rfb->screen->width, rfb->screen->height } }, .count = 1
	};
	vnc_screen_damage(rfb, &whole);
}

/* B8G8R8X8, as the frame is; libvncserver puts red first whenever it makes a format. */
static void set_format(rfbScreenInfoPtr screen)
{
	screen->depth = 24;
	screen->serverFormat.depth = 24;
	screen->serverFormat.redShift = 16;
	screen->serverFormat.greenShift = 8;
	screen->serverFormat.blueShift = 0;
}

static rfbScreenInfoPtr create_screen(struct vnc_rfb *rfb, int width, int height)
{
	rfbScreenInfoPtr screen = rfbGetScreen(NULL, NULL, width, height, 8, 3, BYTES_PER_PIXEL);
	if (!screen) {
		return NULL;
	}
	/* It never listens: rfbInitServer() is not called, and would look for systemd's sockets. */
	screen->port = 0;
	screen->ipv6port = 0;
	screen->httpDir = NULL;
	screen->permitFileTransfer = FALSE;
	screen->screenData = rfb;
	screen->desktopName = rfb->desktop;
	screen->alwaysShared = TRUE;
	screen->deferUpdateTime = 0; /* what comes while we encode is gathered in the mailbox */
	screen->maxClientWait = CLIENT_WAIT_MS;
	screen->cursor = NULL;
	screen->newClientHook = vnc_rfb_on_new_client;
	screen->passwordCheck = vnc_rfb_check_password;
	screen->authPasswdData = rfb; /* not NULL: authentication is required */
	set_format(screen);
	return screen;
}

/* rfbNewFramebuffer() makes a format of its own and hands it to the clients' translations. */
static void resize_screen(rfbScreenInfoPtr screen, char *pixels, int width, int height)
{
	char *old = screen->frameBuffer;
	rfbNewFramebuffer(screen, pixels, width, height, 8, 3, BYTES_PER_PIXEL);
	free(old);
	set_format(screen);
	rfbClientIteratorPtr iterator = rfbGetClientIterator(screen);
	rfbClientPtr client;
	while ((client = rfbClientIteratorNext(iterator))) {
		screen->setTranslateFunction(client);
	}
	rfbReleaseClientIterator(iterator);
}

void vnc_screen_set_frame(struct vnc_rfb *rfb, struct vnc_frame_source frame)
{
	int width = (int)frame.width_px, height = (int)frame.height_px;
	bool same = rfb->screen && rfb->frame.width_px == frame.width_px &&
			rfb->frame.height_px == frame.height_px;
	if (!same) {
		char *pixels = calloc((size_t)width * (size_t)height, BYTES_PER_PIXEL);
		const bool has_room = pixels && vnc_damage_resize(rfb, width, height);
		if (has_room && !rfb->screen) {
			rfb->screen = create_screen(rfb, width, height);
			if (rfb->screen) {
				rfb->screen->frameBuffer = pixels;
			}
		} else if (has_room) {
			vnc_private_finish(rfb); /* of the former size; another one follows */
			resize_screen(rfb->screen, pixels, width, height);
		}
		if (!has_room || !rfb->screen) {
			cua_log_warn("no memory for a frame of %dx%d; keeping the old one", width,
					height);
			free(pixels);
			close(frame.fd);
			return;
		}
	}
	cua_closep(&rfb->frame.fd);
	rfb->frame = frame;
	const struct vnc_damage whole = { .boxes = { { 0, 0, width, height } }, .count = 1 };
	vnc_screen_damage(rfb, &whole);
}

void vnc_screen_move_cursor(struct vnc_rfb *rfb, uint16_t x, uint16_t y)
{
	rfbScreenInfoPtr screen = rfb->screen;
	screen->cursorX = x < screen->width ? x : screen->width - 1;
	screen->cursorY = y < screen->height ? y : screen->height - 1;
	rfbClientIteratorPtr iterator = rfbGetClientIterator(screen);
	rfbClientPtr client;
	while ((client = rfbClientIteratorNext(iterator))) {
		if (client->enableCursorPosUpdates &&
				(!vnc_private_is_on(rfb) || vnc_private_has(rfb, client))) {
			client->cursorWasMoved = TRUE;
		}
	}
	rfbReleaseClientIterator(iterator);
}

struct cursor_window {
	int x, y, width, height; /* in the shape that came */
};

/* The part around the hot spot, of a shape that is too large. */
static struct cursor_window choose_window(int width, int height, int hot_x, int hot_y)
{
	struct cursor_window window = { 0, 0, width, height };
	if (width > CURSOR_EDGE_MAX) {
		int x = hot_x - CURSOR_EDGE_MAX / 2, most = width - CURSOR_EDGE_MAX;
		window.x = x < 0 ? 0 : x > most ? most : x;
		window.width = CURSOR_EDGE_MAX;
	}
	if (height > CURSOR_EDGE_MAX) {
		int y = hot_y - CURSOR_EDGE_MAX / 2, most = height - CURSOR_EDGE_MAX;
		window.y = y < 0 ? 0 : y > most ? most : y;
		window.height = CURSOR_EDGE_MAX;
	}
	return window;
}

static uint32_t unpremultiply(uint32_t pixel)
{
	uint32_t alpha = pixel >> 24, colour = 0;
	for (int shift = 0; alpha > 0 && shift < 24; shift += 8) {
		uint32_t value = (pixel >> shift & 0xff) * 255 / alpha;
		colour |= (value > 255 ? 255 : value) << shift;
	}
	return colour;
}

/* RFB's Cursor has a mask of one bit; the alpha is for viewers that get the pointer painted. */
static void fill_cursor(rfbCursorPtr cursor, const uint32_t *pixels, size_t stride)
{
	size_t mask_stride = ((size_t)cursor->width + 7) / 8;
	for (size_t y = 0; y < cursor->height; y++) {
		for (size_t x = 0; x < cursor->width; x++) {
			uint32_t pixel = pixels[y * stride + x], colour = unpremultiply(pixel);
			size_t at = y * cursor->width + x;
			memcpy(cursor->richSource + at * sizeof(colour), &colour, sizeof(colour));
			cursor->alphaSource[at] = (unsigned char)(pixel >> 24);
			if (pixel >> 24 >= 0x80) {
				cursor->mask[y * mask_stride + x / 8] |=
						(unsigned char)(0x80 >> x % 8);
			}
		}
	}
}

rfbCursorPtr vnc_cursor_create(uint16_t width, uint16_t height, uint16_t hot_x, uint16_t hot_y,
		const uint32_t *pixels)
{
	struct cursor_window window = choose_window(width, height, hot_x, hot_y);
	size_t count = (size_t)window.width * (size_t)window.height;
	rfbCursorPtr cursor = calloc(1, sizeof(*cursor));
	if (!cursor) {
		return NULL;
	}
	cursor->cleanup = cursor->cleanupSource = TRUE;
	cursor->cleanupMask = cursor->cleanupRichSource = TRUE;
	cursor->width = (unsigned short)window.width;
	cursor->height = (unsigned short)window.height;
	cursor->xhot = (unsigned short)(hot_x - window.x);
	cursor->yhot = (unsigned short)(hot_y - window.y);
	cursor->foreRed = cursor->foreGreen = cursor->foreBlue = 0xffff;
	cursor->richSource = calloc(count, sizeof(uint32_t));
	cursor->alphaSource = calloc(count, 1);
	cursor->mask = calloc(((size_t)window.width + 7) / 8 * (size_t)window.height, 1);
	if (!cursor->richSource || !cursor->alphaSource || !cursor->mask) {
		rfbFreeCursor(cursor);
		return NULL;
	}
	fill_cursor(cursor, pixels + (size_t)window.y * width + window.x, width);
	return cursor;
}

/* Latin-1, for viewers without the extended clipboard. */
static void send_plain_text(rfbClientPtr client, const struct cua_buffer *latin1)
{
	rfbServerCutTextMsg header = { .type = rfbServerCutText,
		.length = Swap32IfLE((uint32_t)latin1->len) };
	if (rfbWriteExact(client, (const char *)&header, sz_rfbServerCutTextMsg) < 0 ||
			(latin1->len > 0 &&
					rfbWriteExact(client, latin1->data, (int)latin1->len) <
							0)) {
		rfbCloseClient(client);
	}
}

/* "There is text": who wants it asks. */
static bool notify_text(rfbClientPtr client)
{
	const uint32_t flags = rfbExtendedClipboard_Notify | rfbExtendedClipboard_Text;
	const uint32_t message[] = { Swap32IfLE((uint32_t)rfbServerCutText << 24),
		Swap32IfLE(0U - (uint32_t)sizeof(flags)), Swap32IfLE(flags) };
	return rfbWriteExact(client, (const char *)message, sizeof(message)) >= 0;
}

/* The text is also left where libvncserver looks when the viewer asks for it. noVNC takes none
 * unasked. */
static void send_extended_text(rfbClientPtr client, const struct cua_buffer *message,
		const struct cua_buffer *crlf)
{
	char *copy = malloc(crlf->len);
	if (!copy) {
		return;
	}
	memcpy(copy, crlf->data, crlf->len);
	free(client->extClipboardData);
	client->extClipboardData = copy;
	client->extClipboardDataSize = (int)crlf->len;
	bool is_there = true;
	if ((client->extClipboardUserCap & rfbExtendedClipboard_Provide) &&
			crlf->len <= client->extClipboardMaxUnsolicitedSize) {
		is_there = rfbWriteExact(client, message->data, (int)message->len) >= 0;
	} else if (client->extClipboardUserCap & rfbExtendedClipboard_Notify) {
		is_there = notify_text(client);
	}
	if (!is_there) {
		rfbCloseClient(client);
	}
}

/* Not rfbSendServerCutTextUTF8(): in 0.9.14 it also writes to clients that have not
 * authenticated yet, which gives the text away. */
void vnc_screen_send_text(struct vnc_rfb *rfb, const struct vnc_cut_text *text)
{
	struct cua_buffer CUA_AUTO_BUFFER latin1;
	struct cua_buffer CUA_AUTO_BUFFER crlf;
	struct cua_buffer CUA_AUTO_BUFFER message;
	cua_buffer_init(&latin1, VNC_LINK_TEXT_MAX);
	cua_buffer_init(&crlf, 2 * VNC_LINK_TEXT_MAX + 1);
	cua_buffer_init(&message, 4 * VNC_LINK_TEXT_MAX);
	if (vnc_text_to_latin1(text->bytes, text->len, &latin1, NULL) != CUA_OK ||
			vnc_text_to_crlf(text->bytes, text->len, &crlf, NULL) != CUA_OK ||
			vnc_text_deflate(text->bytes, text->len, &message, NULL) != CUA_OK) {
		return;
	}
	rfbClientIteratorPtr iterator = rfbGetClientIterator(rfb->screen);
	rfbClientPtr client;
	while ((client = rfbClientIteratorNext(iterator))) {
		const struct vnc_client *viewer = client->clientData;
		if (!viewer->is_ready || client->viewOnly ||
				!(text->viewers & UINT32_C(1) << viewer->slot) ||
				!vnc_private_may_have(rfb, client, text->is_private)) {
			continue;
		}
		if (client->enableExtendedClipboard) {
			send_extended_text(client, &message, &crlf);
		} else {
			send_plain_text(client, &latin1);
		}
	}
	rfbReleaseClientIterator(iterator);
}

void vnc_screen_finish(struct vnc_rfb *rfb)
{
	vnc_private_finish(rfb);
	if (rfb->screen) {
		rfbShutdownServer(rfb->screen, TRUE);
		char *pixels = rfb->screen->frameBuffer;
		rfbScreenCleanup(rfb->screen);
		free(pixels);
		rfb->screen = NULL;
	}
	vnc_damage_finish(rfb);
	cua_closep(&rfb->frame.fd);
	rfb->frame.fd = -1;
}

#include "cua/bench/bench_rfb.h"

#include <errno.h>
#include <rfb/rfbclient.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/bench/bench_client.h"

#define ANSWER_TIMEOUT_S 10
#define SHOW_TIMEOUT_MS 10000
/* The viewer looks after the person's wish to stop so often. */
#define SLICE_US 100000

struct bench_rfb {
	struct bench *bench;
	const char *server;
	rfbClient *client;
	uint8_t *before; /* the framebuffer when it was remembered */
	bool has_changed;
	int updates;
};

static CUA_PRINTF(1, 2) void stay_silent(const char *fmt, ...)
{
	(void)fmt;
}

static int tag; /* its address is libvncclient's key for our data */

/* --- updates --- */

/* So many pixels of the area are as they were, or some more than most. */
static size_t count_same(const struct bench_rfb *rfb, const struct cua_region *area, size_t most)
{
	const size_t width = (size_t)rfb->client->width;
	size_t same = 0;
	for (size_t y = (size_t)area->y; y < (size_t)(area->y + area->height) && same <= most;
			y++) {
		const size_t row = (y * width + (size_t)area->x) * 4;
		const uint32_t *now = (const void *)(rfb->client->frameBuffer + row);
		const uint32_t *then = (const void *)(rfb->before + row);
		for (int x = 0; x < area->width; x++) {
			same += ((now[x] ^ then[x]) & 0xffffffU) == 0;
		}
	}
	return same;
}

static size_t pixels_of(const struct cua_region *area)
{
	return (size_t)area->width * (size_t)area->height;
}

/* But for a caret, which may have blinked between. */
static bool is_all_new(const struct bench_rfb *rfb, const struct cua_region *area)
{
	const size_t most = pixels_of(area) / 1000;
	return count_same(rfb, area, most) <= most;
}

static void on_rectangle(rfbClient *client, int x, int y, int width, int height)
{
	struct bench_rfb *rfb = rfbClientGetClientData(client, &tag);
	const struct cua_region area = { x, y, width, height };
	rfb->has_changed = rfb->has_changed ||
			(rfb->before && count_same(rfb, &area, SIZE_MAX - 1) < pixels_of(&area));
}

static void on_update(rfbClient *client)
{
	struct bench_rfb *rfb = rfbClientGetClientData(client, &tag);
	rfb->updates++;
}

/* One message, or none in so long; *ret_some: there was one. */
static enum cua_status handle(struct bench_rfb *rfb, unsigned int timeout_us, bool *ret_some,
		struct cua_error *err)
{
	enum cua_status status = bench_check(rfb->bench, err);
	if (status != CUA_OK) {
		return status;
	}
	/* libvncclient reads ahead, and waits on the socket all the same. */
	const int ready = rfb->client->buffered > 0 ? 1 : WaitForMessage(rfb->client, timeout_us);
	*ret_some = ready > 0;
	return ready < 0 || (ready > 0 && !HandleRFBServerMessage(rfb->client))
			? CUA_FAIL(err, CUA_ERR_APP, 0, "%s hung up", rfb->server)
			: CUA_OK;
}

static enum cua_status check_time(
		const struct bench_rfb *rfb, uint64_t deadline_us, struct cua_error *err)
{
	return cua_now_us() <= deadline_us
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
					  "the viewer of %s does not show the screen after %d ms",
					  rfb->server, SHOW_TIMEOUT_MS);
}

enum cua_status bench_rfb_wait(struct bench_rfb *rfb, const uint8_t *pixels, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SHOW_TIMEOUT_MS * 1000ULL;
	const size_t count = (size_t)rfb->client->width * (size_t)rfb->client->height;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && !bench_pixels_alike(rfb->client->frameBuffer, pixels, count)) {
		bool some = false;
		status = check_time(rfb, deadline_us, err);
		if (status == CUA_OK) {
			status = handle(rfb, SLICE_US, &some, err);
		}
	}
	return status;
}

enum cua_status bench_rfb_rest(struct bench_rfb *rfb, int ms, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SHOW_TIMEOUT_MS * 1000ULL;
	bool some = true;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && some) {
		status = check_time(rfb, deadline_us, err);
		if (status == CUA_OK) {
			status = handle(rfb, (unsigned int)ms * 1000, &some, err);
		}
	}
	return status;
}

enum cua_status bench_rfb_watch(
		struct bench_rfb *rfb, int ms, int *ret_updates, struct cua_error *err)
{
	const uint64_t end_us = cua_now_us() + (uint64_t)ms * 1000;
	const int before = rfb->updates;
	enum cua_status status = CUA_OK;
	for (uint64_t now_us; status == CUA_OK && (now_us = cua_now_us()) < end_us;) {
		const uint64_t left_us = end_us - now_us;
		bool some = false;
		status = handle(rfb, (unsigned int)(left_us < SLICE_US ? left_us : SLICE_US), &some,
				err);
	}
	*ret_updates = rfb->updates - before;
	return status;
}

void bench_rfb_remember(struct bench_rfb *rfb)
{
	memcpy(rfb->before, rfb->client->frameBuffer,
			(size_t)rfb->client->width * (size_t)rfb->client->height * 4);
	rfb->has_changed = false;
}

enum cua_status bench_rfb_wait_changed(
		struct bench_rfb *rfb, const struct cua_region *area, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SHOW_TIMEOUT_MS * 1000ULL;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && !(area ? is_all_new(rfb, area) : rfb->has_changed)) {
		bool some = false;
		status = check_time(rfb, deadline_us, err);
		if (status == CUA_OK) {
			status = handle(rfb, SLICE_US, &some, err);
		}
	}
	return status;
}

enum cua_status bench_rfb_key(
		struct bench_rfb *rfb, uint32_t keysym, bool down, struct cua_error *err)
{
	return SendKeyEvent(rfb->client, keysym, down)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_APP, 0, "%s hung up", rfb->server);
}

/* --- life --- */

static void prepare(rfbClient *client)
{
	client->readTimeout = ANSWER_TIMEOUT_S;
	client->format.redShift = 16; /* as the screen is read */
	client->format.greenShift = 8;
	client->format.blueShift = 0;
	client->format.depth = 24;
	client->appData.encodingsString = "copyrect tight raw";
	client->appData.compressLevel = 1;
	client->appData.enableJPEG = FALSE;
	client->appData.useRemoteCursor = TRUE; /* it is not in the picture */
	client->GotFrameBufferUpdate = on_rectangle;
	client->FinishedFrameBufferUpdate = on_update;
}

/* What rfbInitClient() does with a connection that is there already. */
static enum cua_status begin(
		struct bench_rfb *rfb, int width_px, int height_px, struct cua_error *err)
{
	rfbClient *client = rfb->client;
	if (!InitialiseRFBConnection(client)) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "%s does not answer", rfb->server);
	}
	client->width = client->si.framebufferWidth;
	client->height = client->si.framebufferHeight;
	client->updateRect.x = client->updateRect.y = 0;
	client->updateRect.w = client->width;
	client->updateRect.h = client->height;
	if (client->width != width_px || client->height != height_px) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "%s shows %dx%d", rfb->server, client->width,
				client->height);
	}
	if (!client->MallocFrameBuffer(client) || !SetFormatAndEncodings(client) ||
			!SendFramebufferUpdateRequest(
					client, 0, 0, client->width, client->height, FALSE)) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "%s hung up", rfb->server);
	}
	rfb->before = calloc((size_t)width_px * (size_t)height_px, 4);
	return rfb->before ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "viewer");
}

enum cua_status bench_rfb_start(struct bench *bench, int fd, const char *server, int width_px,
		int height_px, struct bench_rfb **ret_rfb, struct cua_error *err)
{
	rfbClientLog = rfbClientErr = stay_silent;
	struct bench_rfb *rfb = calloc(1, sizeof(*rfb));
	rfbClient *client = rfb ? rfbGetClient(8, 3, 4) : NULL;
	if (!client) {
		close(fd);
		free(rfb);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "viewer");
	}
	*rfb = (struct bench_rfb){ .bench = bench, .server = server, .client = client };
	rfbClientSetClientData(client, &tag, rfb);
	client->sock = fd;
	prepare(client);
	enum cua_status status = begin(rfb, width_px, height_px, err);
	if (status != CUA_OK) {
		bench_rfb_stop(rfb);
		return status;
	}
	*ret_rfb = rfb;
	return CUA_OK;
}

void bench_rfb_stop(struct bench_rfb *rfb)
{
	if (!rfb) {
		return;
	}
	free(rfb->client->frameBuffer);
	free(rfb->client->rcSource);
	rfb->client->frameBuffer = rfb->client->rcSource = NULL;
	rfbClientCleanup(rfb->client);
	free(rfb->before);
	free(rfb);
}

#include "tests/vnc_viewers.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

static int seen_tag; /* its address is libvncclient's key for our data */

struct vnc_seen *vnc_viewer_seen(rfbClient *viewer)
{
	return rfbClientGetClientData(viewer, &seen_tag);
}

static char *give_password(rfbClient *viewer)
{
	return strdup(vnc_viewer_seen(viewer)->password);
}

static void on_cursor(
		rfbClient *viewer, int hot_x, int hot_y, int width, int height, int bytes_per_pixel)
{
	(void)bytes_per_pixel;
	struct vnc_seen *seen = vnc_viewer_seen(viewer);
	seen->cursor_x = hot_x;
	seen->cursor_y = hot_y;
	seen->cursor_width = width;
	seen->cursor_height = height;
	memcpy(seen->cursor_mask, viewer->rcMask, sizeof(seen->cursor_mask));
	free(viewer->rcMask); /* libvncclient forgets it at the next shape */
	viewer->rcMask = NULL;
}

static void on_text(rfbClient *viewer, const char *text, int len)
{
	struct vnc_seen *seen = vnc_viewer_seen(viewer);
	size_t kept = (size_t)len < sizeof(seen->text) ? (size_t)len : sizeof(seen->text) - 1;
	memcpy(seen->text, text, kept);
	seen->text[kept] = '\0';
	seen->texts++;
}

__attribute__((format(printf, 1, 2))) static void stay_silent(const char *fmt, ...)
{
	(void)fmt;
}

static rfbClient *make_viewer(const char *encodings, struct vnc_seen *seen)
{
	rfbClientLog = rfbClientErr = stay_silent;
	signal(SIGPIPE, SIG_IGN); /* libvncclient writes without MSG_NOSIGNAL */
	rfbClient *viewer = rfbGetClient(8, 3, 4);
	assert_non_null(viewer);
	viewer->format.redShift = 16; /* as the frame is */
	viewer->format.greenShift = 8;
	viewer->format.blueShift = 0;
	viewer->format.depth = 24;
	viewer->appData.encodingsString = encodings;
	viewer->appData.useRemoteCursor = TRUE;
	viewer->appData.enableJPEG = FALSE;
	viewer->canHandleNewFBSize = TRUE;
	viewer->connectTimeout = 10;
	viewer->readTimeout = 10;
	viewer->GetPassword = give_password;
	viewer->GotCursorShape = on_cursor;
	viewer->GotXCutText = on_text;
	rfbClientSetClientData(viewer, &seen_tag, seen);
	return viewer;
}

rfbClient *vnc_viewer_connect(const char *address, int port, const char *password,
		const char *encodings, struct vnc_seen *seen)
{
	*seen = (struct vnc_seen){ .password = password };
	rfbClient *viewer = make_viewer(encodings, seen);
	free(viewer->serverHost);
	viewer->serverHost = strdup(address);
	viewer->serverPort = port;
	return rfbInitClient(viewer, NULL, NULL) ? viewer : NULL;
}

/* What rfbInitClient() does after it has connected. */
static bool begin(rfbClient *viewer)
{
	if (!InitialiseRFBConnection(viewer)) {
		return false;
	}
	viewer->width = viewer->si.framebufferWidth;
	viewer->height = viewer->si.framebufferHeight;
	viewer->updateRect.x = viewer->updateRect.y = 0;
	viewer->updateRect.w = viewer->width;
	viewer->updateRect.h = viewer->height;
	return viewer->MallocFrameBuffer(viewer) && SetFormatAndEncodings(viewer) &&
			SendFramebufferUpdateRequest(
					viewer, 0, 0, viewer->width, viewer->height, FALSE);
}

rfbClient *vnc_viewer_adopt(int fd, const char *encodings, struct vnc_seen *seen)
{
	*seen = (struct vnc_seen){ .password = "" };
	rfbClient *viewer = make_viewer(encodings, seen);
	viewer->sock = fd;
	if (!begin(viewer)) {
		vnc_viewer_disconnect(viewer);
		return NULL;
	}
	return viewer;
}

int vnc_pass_connect(const struct vnc_host *host, enum vnc_mode mode, const char *person,
		const char *name)
{
	struct vnc_pass pass = { .mode = mode };
	int fd = -1;
	memcpy(pass.magic, VNC_PASS_MAGIC, sizeof(pass.magic));
	strncpy(pass.person, person, sizeof(pass.person) - 1);
	strncpy(pass.name, name, sizeof(pass.name) - 1);
	assert_int_equal(cua_unix_connect(host->pass_path, SOCK_STREAM, &fd, NULL), CUA_OK);
	vnc_raw_write(fd, &pass, sizeof(pass));
	return fd;
}

void vnc_viewer_wait(rfbClient *viewer, bool (*done)(rfbClient *viewer, const void *data),
		const void *data)
{
	uint64_t deadline_us = cua_now_us() + UINT64_C(1000) * VNC_DEADLINE_MS;
	while (!done(viewer, data)) {
		int left_ms = cua_ms_until(deadline_us);
		assert_true(left_ms > 0);
		/* libvncclient reads ahead, and waits on the socket all the same. */
		int ready = viewer->buffered > 0 ? 1
						 : WaitForMessage(viewer, (unsigned)left_ms * 1000);
		assert_true(ready > 0);
		assert_true(HandleRFBServerMessage(viewer));
	}
}

static bool shows_frame(rfbClient *viewer, const void *data)
{
	const struct vnc_host *host = data;
	if (viewer->width != (int)host->width_px || viewer->height != (int)host->height_px) {
		return false;
	}
	const uint32_t *shown = (const void *)viewer->frameBuffer;
	for (size_t i = 0; i < (size_t)host->width_px * host->height_px; i++) {
		if ((shown[i] ^ host->pixels[i]) & 0xffffff) {
			return false;
		}
	}
	return true;
}

void vnc_viewer_wait_frame(rfbClient *viewer, const struct vnc_host *host)
{
	vnc_viewer_wait(viewer, shows_frame, host);
}

/* Of the rectangles behind the first. */
static void after_update(rfbClient *viewer, int x, int y, int width, int height)
{
	(void)viewer;
	(void)x;
	(void)y;
	(void)width;
	(void)height;
}

static void on_update(rfbClient *viewer, int x, int y, int width, int height)
{
	after_update(viewer, x, y, width, height);
	viewer->GotFrameBufferUpdate = after_update;
}

static bool got_update(rfbClient *viewer, const void *data)
{
	(void)data;
	return viewer->GotFrameBufferUpdate == after_update;
}

void vnc_viewer_sync(rfbClient *viewer)
{
	GotFrameBufferUpdateProc old = viewer->GotFrameBufferUpdate;
	viewer->GotFrameBufferUpdate = on_update;
	assert_true(SendFramebufferUpdateRequest(viewer, 0, 0, 1, 1, FALSE));
	vnc_viewer_wait(viewer, got_update, NULL);
	viewer->GotFrameBufferUpdate = old;
}

void vnc_viewer_disconnect(rfbClient *viewer)
{
	free(viewer->frameBuffer);
	free(viewer->rcSource);
	rfbClientCleanup(viewer);
}

int vnc_raw_connect(const struct vnc_host *host)
{
	int fd = -1;
	assert_int_equal(cua_unix_connect(host->path, SOCK_STREAM, &fd, NULL), CUA_OK);
	return fd;
}

bool vnc_raw_read(int fd, void *data, size_t len)
{
	for (size_t got = 0; got < len;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&wait, 1, VNC_DEADLINE_MS), 1);
		ssize_t some = read(fd, (char *)data + got, len - got);
		if (some <= 0) {
			return false;
		}
		got += (size_t)some;
	}
	return true;
}

void vnc_raw_write(int fd, const void *data, size_t len)
{
	/* The server may have hung up: what it makes of the rest is not the writer's concern. */
	ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
	(void)sent;
}

void vnc_raw_wait_end(int fd)
{
	char byte;
	while (vnc_raw_read(fd, &byte, 1)) {
	}
}

void vnc_raw_answer(const uint8_t challenge[16], const char *password, uint8_t response[16])
{
	extern void rfbClientEncryptBytes(unsigned char *bytes, char *passwd);
	char copy[9] = "";
	memcpy(copy, password, strnlen(password, 8));
	memcpy(response, challenge, 16);
	rfbClientEncryptBytes(response, copy);
}

bool vnc_raw_login(int fd, const char *password)
{
	uint8_t version[12], types[2], challenge[16], response[16], result[4], init[24];
	char name[64];
	if (!vnc_raw_read(fd, version, sizeof(version))) {
		return false;
	}
	vnc_raw_write(fd, "RFB 003.008\n", 12);
	assert_true(vnc_raw_read(fd, types, sizeof(types)));
	assert_int_equal(types[0], 1); /* one security type: VNC authentication */
	assert_int_equal(types[1], 2);
	vnc_raw_write(fd, "\2", 1);
	assert_true(vnc_raw_read(fd, challenge, sizeof(challenge)));
	vnc_raw_answer(challenge, password, response);
	vnc_raw_write(fd, response, sizeof(response));
	assert_true(vnc_raw_read(fd, result, sizeof(result)));
	if (result[3] != 0) {
		return false;
	}
	vnc_raw_write(fd, "\1", 1);
	assert_true(vnc_raw_read(fd, init, sizeof(init)));
	assert_true(init[23] < sizeof(name));
	return vnc_raw_read(fd, name, init[23]);
}

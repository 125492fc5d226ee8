#include "cua/bench/bench_vnc.h"

#include <errno.h>
#include <fcntl.h>
#include <rfb/rfbclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/bench/bench_client.h"
#include "display/session_client.h"

#define START_TIMEOUT_MS 10000
#define SHOW_TIMEOUT_MS 10000
/* The viewer looks after the person's wish to stop so often. */
#define SLICE_US 100000

struct bench_vnc {
	struct bench_desktop *desktop;
	int session_fd, pid; /* pid: inside */
	rfbClient *viewer;
};

static CUA_PRINTF(1, 2) void stay_silent(const char *fmt, ...)
{
	(void)fmt;
}

/* As inetd would: it serves the socket that it finds as its standard input. Its pauses are cut to
 * the least it takes. */
static enum cua_status start_server(struct bench_vnc *vnc, int socket_fd, struct cua_error *err)
{
	const char *const words[] = { "x11vnc", "-inetd", "-quiet", "-nopw", "-wait", "1", "-defer",
		"1", "-nonap", "-nowait_bog", "-nocursor" };
	CUA_AUTO_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *started = NULL;
	cJSON_AddItemToObject(
			request, "argv", cJSON_CreateStringArray(words, (int)CUA_ARRAY_LEN(words)));
	const int theirs[3] = { socket_fd, null_fd, null_fd };
	enum cua_status status = session_request(
			&vnc->desktop->record, request, theirs, &vnc->session_fd, err);
	if (status == CUA_OK) {
		status = session_answer(vnc->session_fd, START_TIMEOUT_MS, &started, err);
	}
	vnc->pid = (int)bench_number(started, "pid", 0);
	return status;
}

/* What rfbInitClient() does with a connection that is there already. */
static enum cua_status start_viewer(struct bench_vnc *vnc, int socket_fd, struct cua_error *err)
{
	rfbClientLog = rfbClientErr = stay_silent;
	rfbClient *viewer = rfbGetClient(8, 3, 4);
	if (!viewer) {
		close(socket_fd);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "viewer");
	}
	vnc->viewer = viewer;
	viewer->sock = socket_fd;
	viewer->readTimeout = START_TIMEOUT_MS / 1000;
	viewer->format.redShift = 16; /* as the screen is read */
	viewer->format.greenShift = 8;
	viewer->format.blueShift = 0;
	viewer->format.depth = 24;
	viewer->appData.encodingsString = "tight raw";
	viewer->appData.compressLevel = 1;
	viewer->appData.enableJPEG = FALSE;
	if (!InitialiseRFBConnection(viewer)) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "x11vnc does not answer");
	}
	viewer->width = viewer->si.framebufferWidth;
	viewer->height = viewer->si.framebufferHeight;
	viewer->updateRect.x = viewer->updateRect.y = 0;
	viewer->updateRect.w = viewer->width;
	viewer->updateRect.h = viewer->height;
	if (viewer->width != vnc->desktop->record.settings.width_px ||
			viewer->height != vnc->desktop->record.settings.height_px ||
			!viewer->MallocFrameBuffer(viewer) || !SetFormatAndEncodings(viewer) ||
			!SendFramebufferUpdateRequest(
					viewer, 0, 0, viewer->width, viewer->height, FALSE)) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "x11vnc hung up");
	}
	return CUA_OK;
}

enum cua_status bench_vnc_start(
		struct bench_desktop *desktop, struct bench_vnc **ret_vnc, struct cua_error *err)
{
	int sockets[2];
	struct bench_vnc *vnc = calloc(1, sizeof(*vnc));
	if (!vnc || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
		free(vnc);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "socket");
	}
	*vnc = (struct bench_vnc){ .desktop = desktop, .session_fd = -1 };
	enum cua_status status = start_server(vnc, sockets[0], err);
	close(sockets[0]);
	if (status == CUA_OK) {
		status = start_viewer(vnc, sockets[1], err);
	} else {
		close(sockets[1]);
	}
	if (status != CUA_OK) {
		bench_vnc_stop(vnc);
		return status;
	}
	*ret_vnc = vnc;
	return CUA_OK;
}

void bench_vnc_stop(struct bench_vnc *vnc)
{
	if (!vnc) {
		return;
	}
	if (vnc->viewer) {
		free(vnc->viewer->frameBuffer);
		vnc->viewer->frameBuffer = NULL;
		rfbClientCleanup(vnc->viewer);
	}
	cua_closep(&vnc->session_fd);
	free(vnc);
}

/* It looks at the screen all the time: while others have their turn it must not. */
enum cua_status bench_vnc_pause(struct bench_vnc *vnc, struct bench_runner *runner, bool pause,
		struct cua_error *err)
{
	char command[64];
	double ms = 0;
	snprintf(command, sizeof(command), "kill -%s %d", pause ? "STOP" : "CONT", vnc->pid);
	const char *const words[] = { "sh", "-c", command };
	CUA_AUTO_JSON cJSON *argv = cJSON_CreateStringArray(words, 3);
	return bench_runner_run(runner, argv, &ms, err);
}

enum cua_status bench_vnc_wait(struct bench_vnc *vnc, const uint8_t *pixels, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SHOW_TIMEOUT_MS * 1000ULL;
	const size_t count = (size_t)vnc->viewer->width * (size_t)vnc->viewer->height;
	while (!bench_pixels_alike(vnc->viewer->frameBuffer, pixels, count)) {
		enum cua_status status = bench_check(vnc->desktop->bench, err);
		if (status != CUA_OK) {
			return status;
		}
		if (cua_now_us() > deadline_us) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0,
					"the viewer does not show the screen after %d ms",
					SHOW_TIMEOUT_MS);
		}
		const int ready = WaitForMessage(vnc->viewer, SLICE_US);
		if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(vnc->viewer))) {
			return CUA_FAIL(err, CUA_ERR_APP, 0, "x11vnc hung up");
		}
	}
	return CUA_OK;
}

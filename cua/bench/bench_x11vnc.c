#include "cua/bench/bench_x11vnc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/session_client.h"

#define START_TIMEOUT_MS 10000

/* As inetd would: it serves the socket that it finds as its standard input. Its pauses are cut to
 * the least it takes. */
static enum cua_status start_server(
		struct bench_x11vnc *x11vnc, int socket_fd, struct cua_error *err)
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
			&x11vnc->desktop->record, request, theirs, &x11vnc->session_fd, err);
	if (status == CUA_OK) {
		status = session_answer(x11vnc->session_fd, START_TIMEOUT_MS, &started, err);
	}
	x11vnc->pid = (int)bench_number(started, "pid", 0);
	return status;
}

enum cua_status bench_x11vnc_start(struct bench_desktop *desktop, struct bench_x11vnc **ret_x11vnc,
		struct cua_error *err)
{
	int sockets[2];
	const struct desktop_settings *settings = &desktop->record.settings;
	struct bench_x11vnc *x11vnc = calloc(1, sizeof(*x11vnc));
	if (!x11vnc || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
		free(x11vnc);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "socket");
	}
	*x11vnc = (struct bench_x11vnc){ .desktop = desktop, .session_fd = -1 };
	enum cua_status status = start_server(x11vnc, sockets[0], err);
	close(sockets[0]);
	if (status == CUA_OK) {
		status = bench_rfb_start(desktop->bench, sockets[1], "x11vnc", settings->width_px,
				settings->height_px, &x11vnc->viewer, err);
	} else {
		close(sockets[1]);
	}
	if (status != CUA_OK) {
		bench_x11vnc_stop(x11vnc);
		return status;
	}
	*ret_x11vnc = x11vnc;
	return CUA_OK;
}

/* Who has much to do does not come to see that its viewer has gone, and reads no events: the X
 * server keeps those for it. */
static void kill_server(const struct bench_x11vnc *x11vnc)
{
	CUA_AUTO_FD int fd = -1;
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddNumberToObject(request, "kill", x11vnc->pid);
	if (session_request(&x11vnc->desktop->record, request, NULL, &fd, NULL) == CUA_OK) {
		(void)!session_answer(fd, START_TIMEOUT_MS, &answer, NULL);
	}
}

void bench_x11vnc_stop(struct bench_x11vnc *x11vnc)
{
	if (x11vnc) {
		if (x11vnc->pid > 0) {
			kill_server(x11vnc);
		}
		bench_rfb_stop(x11vnc->viewer);
		cua_closep(&x11vnc->session_fd);
		free(x11vnc);
	}
}

/* It looks at the screen all the time: while others have their turn it must not. */
enum cua_status bench_x11vnc_pause(struct bench_x11vnc *x11vnc, struct bench_runner *runner,
		bool pause, struct cua_error *err)
{
	char command[64];
	double ms = 0;
	snprintf(command, sizeof(command), "kill -%s %d", pause ? "STOP" : "CONT", x11vnc->pid);
	const char *const words[] = { "sh", "-c", command };
	CUA_AUTO_JSON cJSON *argv = cJSON_CreateStringArray(words, 3);
	return bench_runner_run(runner, argv, &ms, err);
}

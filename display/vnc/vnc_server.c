#include "display/vnc/vnc_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUA_LOG_MODULE "vnc"
#include "cua/base/log.h"
#include "cua/base/util.h"

#define TICK_MS 250
#define IDLE_TICK_MS 3000
/* Without a viewer for so long it ends; the host starts another one for the next. */
#define IDLE_END_US UINT64_C(3000000)

static void announce(struct vnc_server *server, struct vnc_viewer *viewer)
{
	if (!viewer->announced) {
		viewer->announced = true;
		vnc_outbox_joined(&server->outbox, viewer->slot, &viewer->pass);
	}
}

/* Counts again, and lets go of what those who left were holding. */
static void on_viewers_changed(struct vnc_relay *relay)
{
	struct vnc_server *server = relay->loop->data;
	uint32_t viewers = 0, controllers = 0;
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		struct vnc_viewer *viewer = &server->viewers[slot];
		if (vnc_viewer_is_open(viewer) && viewer->access != VNC_ACCESS_NONE) {
			viewers++;
			controllers += viewer->access == VNC_ACCESS_CONTROL;
			announce(server, viewer);
		}
	}
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		struct vnc_viewer *viewer = &server->viewers[slot];
		if (viewer->gone && viewer->access == VNC_ACCESS_CONTROL) {
			vnc_input_leave(&server->input, slot, controllers == 0);
			viewer->access = VNC_ACCESS_NONE;
		}
		if (viewer->gone && viewer->announced) {
			vnc_outbox_left(&server->outbox, slot);
			viewer->announced = false;
		}
	}
	vnc_outbox_viewers(&server->outbox, viewers, controllers);
	if (server->is_private) {
		vnc_server_show_private(server);
	}
}

void vnc_server_show_private(struct vnc_server *server)
{
	bool sees[VNC_VIEWERS_MAX] = { false };
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		const struct vnc_viewer *viewer = &server->viewers[slot];
		sees[slot] = server->is_private && vnc_viewer_is_open(viewer) &&
				viewer->access == VNC_ACCESS_CONTROL &&
				strncmp(viewer->pass.person, server->private_person,
						VNC_PERSON_SIZE) == 0;
	}
	if (server->rfb) {
		vnc_rfb_show_private(server->rfb, sees);
	}
}

static void on_reported(uv_async_t *async)
{
	struct vnc_server *server = async->data;
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		vnc_viewer_update(&server->viewers[slot]);
	}
}

static void notify(void *user_data)
{
	uv_async_send(user_data);
}

static bool has_viewers(const struct vnc_server *server)
{
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		if (!vnc_viewer_is_free(&server->viewers[slot])) {
			return true;
		}
	}
	return false;
}

static void on_tick(uv_timer_t *timer)
{
	struct vnc_server *server = timer->data;
	uint64_t now_us = cua_now_us();
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		vnc_viewer_check_time(&server->viewers[slot], now_us);
	}
	vnc_listeners_resume(server, VNC_PAUSED_FOR_TIME);
	if (server->pace == VNC_PACE_IDLE && now_us - server->viewer_seen_us >= IDLE_END_US &&
			!vnc_rfb_remembers_failures(server->rfb)) {
		vnc_server_stop(server);
	}
}

static enum vnc_pace pace_needed(const struct vnc_server *server)
{
	bool is_needed = vnc_listeners_wait_for_time(server);
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		is_needed = is_needed || vnc_viewer_needs_clock(&server->viewers[slot]);
	}
	return is_needed ? VNC_PACE_BRISK : has_viewers(server) ? VNC_PACE_NONE : VNC_PACE_IDLE;
}

/* No tick where there is nothing to look after: viewers who watch a still screen cost nothing. */
static void set_pace(struct vnc_server *server)
{
	const enum vnc_pace pace = pace_needed(server);
	const uint64_t tick_ms = pace == VNC_PACE_BRISK ? TICK_MS : IDLE_TICK_MS;
	if (pace == server->pace) {
		return;
	}
	if (pace == VNC_PACE_IDLE) {
		server->viewer_seen_us = cua_now_us();
	}
	server->pace = pace;
	if (pace == VNC_PACE_NONE) {
		uv_timer_stop(&server->tick);
	} else {
		uv_timer_start(&server->tick, on_tick, tick_ms, tick_ms);
	}
}

static void on_before_sleep(uv_prepare_t *prepare)
{
	struct vnc_server *server = prepare->data;
	vnc_listeners_resume(server, VNC_PAUSED_FOR_SLOT);
	vnc_host_flush(server);
	set_pace(server);
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	vnc_server_stop(signal->loop->data);
}

void vnc_server_stop(struct vnc_server *server)
{
	uv_stop(&server->loop);
}

static enum cua_status start_link(struct vnc_server *server, int fd, struct cua_error *err)
{
	int type = 0;
	socklen_t len = sizeof(type);
	server->link_fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_SEQPACKET) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "descriptor %d is not the host's link", fd);
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "link");
	}
	server->packet = malloc(sizeof(struct vnc_link_message) + VNC_LINK_TEXT_MAX);
	if (!server->packet) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "link");
	}
	enum cua_status status = vnc_outbox_init(&server->outbox, fd, err);
	if (status != CUA_OK) {
		return status;
	}
	int failed = uv_poll_init(&server->loop, &server->link, fd);
	if (!failed) {
		failed = uv_poll_start(&server->link, UV_READABLE, vnc_host_on_link);
	}
	return failed ? CUA_FAIL(err, CUA_ERR_IO, -failed, "link") : CUA_OK;
}

static enum cua_status start_loop_handles(struct vnc_server *server, struct cua_error *err)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	int failed = uv_async_init(&server->loop, &server->reported, on_reported);
	server->reported.data = server;
	if (!failed) {
		failed = uv_prepare_init(&server->loop, &server->before_sleep);
		server->before_sleep.data = server;
	}
	if (!failed) {
		failed = uv_prepare_start(&server->before_sleep, on_before_sleep);
	}
	if (!failed) {
		failed = uv_timer_init(&server->loop, &server->tick);
		server->tick.data = server; /* it is started before the first sleep */
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(numbers) && !failed; i++) {
		failed = uv_signal_init(&server->loop, &server->signals[i]);
		if (!failed) {
			failed = uv_signal_start(&server->signals[i], on_signal, numbers[i]);
		}
	}
	return failed ? CUA_FAIL(err, CUA_ERR_IO, -failed, "event loop") : CUA_OK;
}

static void close_sockets(const struct vnc_server_options *options)
{
	close(options->listen_fd);
	if (options->pass_fd >= 0) {
		close(options->pass_fd);
	}
}

static enum cua_status listen_to_viewers(struct vnc_server *server,
		const struct vnc_server_options *options, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	server->pass_listener.has_pass = true;
	if (options->pass_fd >= 0) {
		status = vnc_listener_open(server, &server->pass_listener, options->pass_fd, err);
	}
	if (status != CUA_OK) {
		close(options->listen_fd);
		return status;
	}
	return vnc_listener_open(server, &server->unix_listener, options->listen_fd, err);
}

static enum cua_status start(struct vnc_server *server, const struct vnc_server_options *options,
		struct cua_error *err)
{
	vnc_input_init(&server->input, &server->outbox);
	server->relay = (struct vnc_relay){ .loop = &server->loop,
		.outbox = &server->outbox,
		.input = &server->input,
		.held_max = 1U << 20,
		.on_change = on_viewers_changed };
	enum cua_status status = start_link(server, options->link_fd, err);
	if (status == CUA_OK) {
		status = start_loop_handles(server, err);
	}
	if (status == CUA_OK) {
		status = vnc_rfb_create(
				options->desktop, notify, &server->reported, &server->rfb, err);
		server->relay.rfb = server->rfb;
	}
	if (status != CUA_OK) {
		close_sockets(options);
		return status;
	}
	return listen_to_viewers(server, options, err);
}

static void close_handle(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle)) {
		uv_close(handle, NULL);
	}
}

static void finish(struct vnc_server *server)
{
	for (int slot = 0; slot < VNC_VIEWERS_MAX; slot++) {
		vnc_viewer_close(&server->viewers[slot]);
	}
	/* The host may still be there, after a signal: it gets the releases. */
	bool waits = false;
	if (server->outbox.entries && vnc_outbox_flush(&server->outbox, &waits, NULL) != CUA_OK) {
		cua_log_debug("the host is gone");
	}
	vnc_listener_close(&server->unix_listener);
	vnc_listener_close(&server->pass_listener);
	if (server->tcp_listener) {
		vnc_listener_close(CUA_STEAL(server->tcp_listener));
	}
	/* Joins the thread, which reports through a handle of the loop until then. */
	vnc_rfb_destroy(server->rfb);
	server->rfb = server->relay.rfb = NULL;
	uv_walk(&server->loop, close_handle, NULL);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	uv_loop_close(&server->loop);
	vnc_outbox_finish(&server->outbox);
	cua_closep(&server->link_fd);
	free(server->packet);
	explicit_bzero(server->view_password, sizeof(server->view_password));
	explicit_bzero(server->control_password, sizeof(server->control_password));
}

enum cua_status vnc_server_run(const struct vnc_server_options *options, struct cua_error *err)
{
	struct vnc_server *server = calloc(1, sizeof(*server));
	if (!server || uv_loop_init(&server->loop) != 0) {
		free(server);
		close(options->link_fd);
		close_sockets(options);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "vnc");
	}
	server->loop.data = server;
	server->link_fd = -1;
	server->unix_listener.fd = server->pass_listener.fd = -1;
	signal(SIGPIPE, SIG_IGN); /* libvncserver writes without MSG_NOSIGNAL */
	enum cua_status status = start(server, options, err);
	if (status == CUA_OK) {
		uv_run(&server->loop, UV_RUN_DEFAULT);
	}
	finish(server);
	free(server);
	return status;
}

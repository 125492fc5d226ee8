#include "cua/view/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"

#define READ_LEN 65536
#define UNTAKEN_MAX ((size_t)1 << 20)
#define CONNECT_TIMEOUT_S 20
/* Who was silent so long is asked whether it is there, and given up so much later. */
#define SILENT_S 30
#define SILENT_GIVEN_UP_S 45

struct tunnel {
	uv_loop_t loop;
	uv_poll_t viewer;
	uv_prepare_t before_sleep; /* ends the loop, once that is wanted */
	struct lws_context *context;
	struct lws *wsi; /* NULL: not yet, or no more */
	int viewer_fd, events;
	bool is_open, is_over;
	struct cua_buffer untaken; /* of the server, that the viewer did not take yet */
	unsigned char out[LWS_PRE + READ_LEN];
	size_t out_len; /* of the viewer, on its way to the server */
	enum cua_status status;
	struct cua_error error;
};

static void end(struct tunnel *tunnel, enum cua_status status, const char *text)
{
	if (!tunnel->is_over) {
		tunnel->is_over = true;
		tunnel->status = status;
		cua_error_set(&tunnel->error, status, 0, "%s", text);
	}
}

/* --- the viewer --- */

static void on_viewer(uv_poll_t *poll, int status, int events);

static void wait_for_viewer(struct tunnel *tunnel)
{
	const bool reads = tunnel->is_open && tunnel->out_len == 0;
	const int events = UV_DISCONNECT | (reads ? UV_READABLE : 0) |
			(tunnel->untaken.len > 0 ? UV_WRITABLE : 0);
	if (events != tunnel->events && !tunnel->is_over) {
		tunnel->events = events;
		uv_poll_start(&tunnel->viewer, events, on_viewer);
	}
}

/* How much of it the viewer takes now; 0 also when it is gone, which reading tells. */
static size_t write_viewer(const struct tunnel *tunnel, const char *data, size_t len)
{
	size_t written = 0;
	while (written < len) {
		const ssize_t some = send(tunnel->viewer_fd, data + written, len - written,
				MSG_NOSIGNAL | MSG_DONTWAIT);
		if (some < 0 && errno != EINTR) {
			break;
		}
		written += some > 0 ? (size_t)some : 0;
	}
	return written;
}

static void read_viewer(struct tunnel *tunnel)
{
	const ssize_t len = read(tunnel->viewer_fd, tunnel->out + LWS_PRE, READ_LEN);
	if (len > 0) {
		tunnel->out_len = (size_t)len;
		lws_callback_on_writable(tunnel->wsi);
	} else if (len == 0 || (errno != EAGAIN && errno != EINTR)) {
		end(tunnel, CUA_OK, "");
	}
}

static void on_viewer(uv_poll_t *poll, int status, int events)
{
	struct tunnel *tunnel = poll->data;
	if (events & UV_WRITABLE) {
		cua_buffer_consume(&tunnel->untaken,
				write_viewer(tunnel, tunnel->untaken.data, tunnel->untaken.len));
		if (tunnel->untaken.len == 0 && tunnel->wsi) {
			lws_rx_flow_control(tunnel->wsi, 1);
		}
	}
	if (tunnel->is_open && tunnel->out_len == 0 && (status < 0 || (events & UV_READABLE))) {
		read_viewer(tunnel);
	} else if (status < 0 || (events & UV_DISCONNECT)) {
		end(tunnel, CUA_OK, "");
	}
	wait_for_viewer(tunnel);
}

/* --- the server --- */

static int take(struct tunnel *tunnel, const char *data, size_t len)
{
	const size_t written = tunnel->untaken.len == 0 ? write_viewer(tunnel, data, len) : 0;
	if (cua_buffer_append(&tunnel->untaken, data + written, len - written, NULL) != CUA_OK) {
		end(tunnel, CUA_OK, "");
		return -1;
	}
	if (tunnel->untaken.len > 0) {
		lws_rx_flow_control(tunnel->wsi, 0);
	}
	wait_for_viewer(tunnel);
	return 0;
}

static int send_out(struct tunnel *tunnel)
{
	const size_t len = tunnel->out_len;
	if (len == 0) {
		return 0;
	}
	tunnel->out_len = 0;
	if (lws_write(tunnel->wsi, tunnel->out + LWS_PRE, len, LWS_WRITE_BINARY) < (int)len) {
		return -1;
	}
	wait_for_viewer(tunnel);
	return 0;
}

/* Two bytes of a code, and words. */
static void end_by_server(struct tunnel *tunnel, const char *data, size_t len)
{
	char text[160] = "the server hung up";
	if (len > 2) {
		snprintf(text, sizeof(text), "the server hung up: %.*s", (int)(len - 2), data + 2);
	}
	end(tunnel, CUA_ERR_CLOSED, text);
}

static void end_unopened(struct tunnel *tunnel, const char *why)
{
	char text[160];
	snprintf(text, sizeof(text), "the server does not let the viewer in: %s",
			why ? why : "it cannot be reached");
	end(tunnel, CUA_ERR_UNAVAILABLE, text);
}

/* The viewer may have sent something in the same turn of the loop. */
static void forget_server(struct tunnel *tunnel)
{
	tunnel->wsi = NULL;
	tunnel->is_open = false;
}

static int on_event(
		struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct tunnel *tunnel = lws_context_user(lws_get_context(wsi));
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		tunnel->is_open = true;
		wait_for_viewer(tunnel);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return take(tunnel, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return send_out(tunnel);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		end_by_server(tunnel, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		end_unopened(tunnel, in);
		forget_server(tunnel);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		end_by_server(tunnel, NULL, 0);
		forget_server(tunnel);
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

/* --- life --- */

static void on_before_sleep(uv_prepare_t *prepare)
{
	const struct tunnel *tunnel = prepare->data;
	if (tunnel->is_over) {
		uv_stop(prepare->loop);
	}
}

static bool connect_server(struct tunnel *tunnel, const struct tunnel_target *target)
{
	static const struct lws_protocols protocols[] = {
		{ .name = "rfb", .callback = on_event, .rx_buffer_size = READ_LEN },
		{ .name = NULL }
	};
	static const lws_retry_bo_t silence = { .secs_since_valid_ping = SILENT_S,
		.secs_since_valid_hangup = SILENT_GIVEN_UP_S };
	void *loops[1] = { &tunnel->loop };
	const struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.user = tunnel,
		.foreign_loops = loops,
		.timeout_secs = CONNECT_TIMEOUT_S,
		.pt_serv_buf_size = LWS_PRE + READ_LEN,
		.retry_and_idle_policy = &silence,
		.options = LWS_SERVER_OPTION_LIBUV |
				(target->is_tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0) };
	lws_set_log_level(0, NULL);
	tunnel->context = lws_create_context(&info);
	const struct lws_client_connect_info connect_to = { .context = tunnel->context,
		.address = target->host,
		.port = target->port,
		.path = target->path,
		.host = target->host_header,
		.ssl_connection = target->is_tls ? LCCSCF_USE_SSL : 0,
		.local_protocol_name = "rfb",
		.alpn = "http/1.1",
		.pwsi = &tunnel->wsi };
	return tunnel->context && lws_client_connect_via_info(&connect_to);
}

static void start_handles(struct tunnel *tunnel)
{
	uv_poll_init(&tunnel->loop, &tunnel->viewer, tunnel->viewer_fd);
	tunnel->viewer.data = tunnel;
	uv_prepare_init(&tunnel->loop, &tunnel->before_sleep);
	tunnel->before_sleep.data = tunnel;
	uv_prepare_start(&tunnel->before_sleep, on_before_sleep);
}

static void finish(struct tunnel *tunnel)
{
	tunnel->is_over = true;
	uv_close((uv_handle_t *)&tunnel->viewer, NULL);
	uv_close((uv_handle_t *)&tunnel->before_sleep, NULL);
	if (tunnel->context) {
		lws_context_destroy(tunnel->context);
	}
	uv_run(&tunnel->loop, UV_RUN_DEFAULT);
	uv_loop_close(&tunnel->loop);
	cua_buffer_finish(&tunnel->untaken);
}

enum cua_status tunnel_to_server(
		const struct tunnel_target *target, int viewer_fd, struct cua_error *err)
{
	struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
	if (!tunnel || fcntl(viewer_fd, F_SETFL, O_NONBLOCK) != 0 ||
			uv_loop_init(&tunnel->loop) != 0) {
		free(tunnel);
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "tunnel");
	}
	tunnel->viewer_fd = viewer_fd;
	cua_buffer_init(&tunnel->untaken, UNTAKEN_MAX);
	start_handles(tunnel);
	if (!connect_server(tunnel, target)) {
		end_unopened(tunnel, NULL);
	}
	wait_for_viewer(tunnel);
	if (!tunnel->is_over) {
		uv_run(&tunnel->loop, UV_RUN_DEFAULT);
	}
	finish(tunnel);
	const enum cua_status status = tunnel->status;
	if (err) {
		*err = tunnel->error;
	}
	free(tunnel);
	return status;
}

/* --- to a socket --- */

/* One way. */
struct lane {
	int from, to;
	size_t len, sent;
	char bytes[READ_LEN];
};

/* False at the end of either. */
static bool move(struct lane *lane)
{
	if (lane->sent == lane->len) {
		const ssize_t len = read(lane->from, lane->bytes, sizeof(lane->bytes));
		if (len <= 0) {
			return len < 0 && (errno == EAGAIN || errno == EINTR);
		}
		lane->len = (size_t)len;
		lane->sent = 0;
	}
	const ssize_t sent = send(lane->to, lane->bytes + lane->sent, lane->len - lane->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0) {
		return errno == EAGAIN || errno == EINTR;
	}
	lane->sent += (size_t)sent;
	return true;
}

enum cua_status tunnel_to_socket(int desktop_fd, int viewer_fd, int stop_fd, struct cua_error *err)
{
	const int fds[2] = { desktop_fd, viewer_fd };
	struct lane *lanes = calloc(2, sizeof(*lanes));
	if (!lanes || fcntl(desktop_fd, F_SETFL, O_NONBLOCK) != 0 ||
			fcntl(viewer_fd, F_SETFL, O_NONBLOCK) != 0) {
		free(lanes);
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "tunnel");
	}
	enum cua_status status = CUA_OK;
	bool is_over = false;
	for (int i = 0; i < 2; i++) {
		lanes[i].from = fds[i];
		lanes[i].to = fds[1 - i];
	}
	while (!is_over) {
		struct pollfd waits[3] = { [2] = { .fd = stop_fd, .events = POLLIN } };
		for (int i = 0; i < 2; i++) {
			const bool is_full = lanes[i].sent < lanes[i].len;
			waits[is_full ? 1 - i : i].events |= is_full ? POLLOUT : POLLIN;
		}
		for (int i = 0; i < 2; i++) {
			/* One that hung up would be told of without end, though nothing can be
			 * moved: whoever wants something of it learns of it then. */
			waits[i].fd = waits[i].events ? fds[i] : -1;
		}
		if (poll(waits, 3, -1) < 0) {
			continue; /* a signal */
		}
		if (waits[2].revents) {
			status = CUA_FAIL(err, CUA_ERR_CANCELLED, 0, "stopped");
			break;
		}
		for (int i = 0; i < 2 && !is_over; i++) {
			is_over = !move(&lanes[i]);
			if (is_over && i == 0) {
				status = CUA_FAIL(err, CUA_ERR_CLOSED, 0,
						"the desktop has ended this connection");
			}
		}
	}
	free(lanes);
	return status;
}

#include "cua/egress/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CUA_LOG_MODULE "relay"
#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/egress/pump.h"

#define FAREWELL_MS 2000

struct relay {
	uv_loop_t loop;
	uv_tcp_t listener;
	uv_signal_t term;
	char socket_path[128], token_path[128];
};

/* One client. Freed when its handles are closed. */
struct passage {
	struct relay *relay;
	uv_tcp_t client;
	uv_pipe_t proxy;
	uv_timer_t timer; /* of the farewell */
	uv_connect_t connect;
	struct egress_pump pump;
	struct egress_farewell farewell;
	char token[EGRESS_TOKEN_LEN + 2];
	int open_handles;
};

static const char is_gone[] =
		"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Connection: close\r\n\r\n"
		"The egress proxy of this sandbox has ended: there is no network.\n";

static void on_closed(uv_handle_t *handle)
{
	struct passage *passage = handle->data;
	if (--passage->open_handles == 0) {
		egress_pump_finish(&passage->pump);
		free(passage);
	}
}

static void close_passage(struct passage *passage)
{
	uv_handle_t *const handles[] = { (uv_handle_t *)&passage->client,
		(uv_handle_t *)&passage->proxy, (uv_handle_t *)&passage->timer };
	for (size_t i = 0; i < CUA_ARRAY_LEN(handles); i++) {
		if (!uv_is_closing(handles[i])) {
			handles[i]->data = passage;
			uv_close(handles[i], on_closed);
		}
	}
}

static void on_pump_end(struct egress_pump *pump)
{
	close_passage(pump->data);
}

static void on_farewell_end(struct egress_farewell *farewell)
{
	close_passage(farewell->data);
}

static void on_farewell_time(uv_timer_t *timer)
{
	close_passage(timer->data);
}

static void say_gone(struct passage *passage)
{
	passage->farewell.data = passage;
	passage->farewell.end = on_farewell_end;
	uv_timer_start(&passage->timer, on_farewell_time, FAREWELL_MS, 0);
	egress_farewell_start(&passage->farewell, (uv_stream_t *)&passage->client, is_gone,
			sizeof(is_gone) - 1);
}

static bool read_token(struct passage *passage)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, EGRESS_TOKEN_LEN);
	if (cua_file_read(passage->relay->token_path, &text, NULL) != CUA_OK ||
			text.len != EGRESS_TOKEN_LEN) {
		return false;
	}
	snprintf(passage->token, sizeof(passage->token), "%s\n", text.data);
	return true;
}

static void on_token_sent(uv_write_t *write, int status)
{
	(void)write;
	(void)status; /* the pump finds out */
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct passage *passage = connect->data;
	struct egress_pump *pump = &passage->pump;
	uv_buf_t token = uv_buf_init(passage->token, EGRESS_TOKEN_LEN + 1);
	if (status == UV_ECANCELED) {
		return;
	}
	pump->data = passage;
	pump->end = on_pump_end;
	uv_write_t *write = &passage->farewell.write; /* of which there is none any more */
	if (status < 0 || !read_token(passage)) {
		say_gone(passage);
	} else if (uv_write(write, (uv_stream_t *)&passage->proxy, &token, 1, on_token_sent) < 0 ||
			!egress_pump_start(pump, (uv_stream_t *)&passage->client,
					(uv_stream_t *)&passage->proxy, NULL, 0)) {
		close_passage(passage);
	}
}

static void on_client(uv_stream_t *listener, int status)
{
	struct relay *relay = listener->data;
	struct passage *passage = calloc(1, sizeof(*passage));
	if (status < 0 || !passage) {
		free(passage);
		uv_stop(listener->loop); /* the session starts another */
		return;
	}
	passage->relay = relay;
	passage->open_handles = 3;
	uv_tcp_init(&relay->loop, &passage->client);
	uv_pipe_init(&relay->loop, &passage->proxy, 0);
	uv_timer_init(&relay->loop, &passage->timer);
	passage->connect.data = passage;
	passage->timer.data = passage;
	if (uv_accept(listener, (uv_stream_t *)&passage->client) < 0) {
		close_passage(passage);
		return;
	}
	uv_tcp_nodelay(&passage->client, 1);
	uv_pipe_connect(&passage->connect, &passage->proxy, relay->socket_path, on_connect);
}

static void on_term(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

/* In both spellings: curl reads http_proxy in small letters alone, others the large ones first.
 * Node reads none of them unless it is told to. What listens inside is reached without the proxy,
 * which would refuse it. */
void egress_relay_set_environment(void)
{
	static const char *const proxy_names[] = { "http_proxy", "https_proxy", "HTTP_PROXY",
		"HTTPS_PROXY" };
	static const char *const direct_names[] = { "no_proxy", "NO_PROXY" };
	char url[64];
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", EGRESS_RELAY_PORT);
	for (size_t i = 0; i < CUA_ARRAY_LEN(proxy_names); i++) {
		setenv(proxy_names[i], url, 1);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(direct_names); i++) {
		setenv(direct_names[i], "localhost,127.0.0.1,::1", 1);
	}
	setenv("NODE_USE_ENV_PROXY", "1", 1);
}

enum cua_status egress_relay_listen(int *ret_fd, struct cua_error *err)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(EGRESS_RELAY_PORT),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const int on = 1;
	CUA_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
			bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
			listen(fd, 128) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "127.0.0.1:%d", EGRESS_RELAY_PORT);
	}
	*ret_fd = cua_steal_fd(&fd);
	return CUA_OK;
}

int egress_relay_run(int listen_fd, const char *folder)
{
	struct relay relay = { 0 };
	snprintf(relay.socket_path, sizeof(relay.socket_path), "%.100s/" EGRESS_SOCKET, folder);
	snprintf(relay.token_path, sizeof(relay.token_path), "%.100s/" EGRESS_TOKEN, folder);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&relay.loop);
	uv_tcp_init(&relay.loop, &relay.listener);
	uv_signal_init(&relay.loop, &relay.term);
	relay.listener.data = &relay;
	uv_signal_start(&relay.term, on_term, SIGTERM);
	if (uv_tcp_open(&relay.listener, listen_fd) < 0 ||
			uv_listen((uv_stream_t *)&relay.listener, 128, on_client) < 0) {
		cua_log_error("nothing to listen on");
		return 1;
	}
	uv_run(&relay.loop, UV_RUN_DEFAULT);
	return 0;
}

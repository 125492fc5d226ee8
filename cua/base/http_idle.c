#include "cua/base/http_server_internal.h"
#include "cua/base/util.h"

/* libwebsockets sets its timers anew whenever it handles an event, so the next connection starts
 * them; with none there is nothing that they could be for. */
static void on_before_sleep(uv_prepare_t *prepare)
{
	const struct cua_http_server *server = prepare->data;
	for (size_t i = 0; i < server->lws_timer_count; i++) {
		uv_timer_stop((uv_timer_t *)server->lws_timers[i]);
	}
	uv_prepare_stop(prepare);
}

void http_idle_count(struct cua_http_server *server, int difference)
{
	server->connections += difference;
	if (server->connections == 0) {
		/* After its idle handler, which runs first and sets the timers. */
		uv_prepare_start(&server->before_sleep, on_before_sleep);
	} else {
		uv_prepare_stop(&server->before_sleep);
	}
}

static void note_timer(uv_handle_t *handle, void *data)
{
	struct http_timer_walk *walk = data;
	if (handle->type == UV_TIMER && walk->count < CUA_ARRAY_LEN(walk->found)) {
		walk->found[walk->count++] = handle;
	}
}

void http_idle_before_context(struct cua_http_server *server, struct http_timer_walk *ret_before)
{
	ret_before->count = 0;
	uv_walk(server->loop, note_timer, ret_before);
	uv_prepare_init(server->loop, &server->before_sleep);
	server->before_sleep.data = server;
}

/* Those that were not there before it had its context. */
void http_idle_after_context(struct cua_http_server *server, const struct http_timer_walk *before)
{
	struct http_timer_walk now = { .count = 0 };
	uv_walk(server->loop, note_timer, &now);
	for (size_t i = 0; i < now.count; i++) {
		bool old = false;
		for (size_t k = 0; k < before->count; k++) {
			old = old || before->found[k] == now.found[i];
		}
		if (!old && server->lws_timer_count < LWS_TIMERS_MAX) {
			server->lws_timers[server->lws_timer_count++] = now.found[i];
		}
	}
	http_idle_count(server, 0);
}

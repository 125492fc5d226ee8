#include "cua/egress/proxy.h"

#include <signal.h>
#include <stdlib.h>

#include "cua/egress/confine.h"
#include "cua/egress/proxy_internal.h"

#define BACKLOG 1024 /* clients that have not been accepted; more are told that nobody is there */

const struct egress_limits egress_usual_limits = { .connections = 256,
	.connections_per_rule = 64,
	.names_per_hour = 240,
	.sent = 100ULL << 20,
	.received = 16ULL << 30,
	.log = EGRESS_LOG_MAX,
	.head_ms = 10000,
	.dial_ms = 10000,
	.idle_ms = 300000 };

static void on_client(uv_stream_t *listener, int status)
{
	if (status == 0 && !connection_start(listener->data)) {
		uv_stop(listener->loop); /* no memory: no route */
	}
}

static void on_term(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

static void on_life_end(uv_poll_t *life, int status, int events)
{
	(void)status;
	(void)events;
	uv_stop(life->loop);
}

static enum cua_status serve(
		struct egress_proxy *proxy, void (*on_ready)(void), struct cua_error *err)
{
	const struct egress_proxy_options *options = proxy->options;
	if (uv_pipe_open(&proxy->listener, options->listen_fd) < 0 ||
			uv_listen((uv_stream_t *)&proxy->listener, BACKLOG, on_client) < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, 0, "the egress proxy has nothing to listen on");
	}
	enum cua_status status = options->is_confined ? egress_confine(err) : CUA_OK;
	if (status == CUA_OK) {
		if (on_ready) {
			on_ready();
		}
		uv_run(&proxy->loop, UV_RUN_DEFAULT);
	}
	return status;
}

enum cua_status egress_proxy_run(const struct egress_proxy_options *options, void (*on_ready)(void),
		struct cua_error *err)
{
	struct egress_proxy proxy = { .options = options };
	egress_decisions_init(&proxy.log, options->log_fd, options->limits.log);
	signal(SIGPIPE, SIG_IGN);
	/* resolv.conf may have a list of domains to search: a name that is not there would become
	 * another one under them. */
	setenv("LOCALDOMAIN", "", 1);
	if (!ledger_init(&proxy.ledger, &options->limits)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "egress proxy");
	}
	uv_loop_init(&proxy.loop);
	uv_pipe_init(&proxy.loop, &proxy.listener, 0);
	uv_signal_init(&proxy.loop, &proxy.term);
	proxy.listener.data = &proxy;
	uv_signal_start(&proxy.term, on_term, SIGTERM);
	if (options->has_life &&
			(uv_poll_init(&proxy.loop, &proxy.life, options->life_fd) < 0 ||
					uv_poll_start(&proxy.life, UV_READABLE, on_life_end) < 0)) {
		return CUA_FAIL(err, CUA_ERR_IO, 0, "the egress proxy does not see whom it is for");
	}
	const enum cua_status status = serve(&proxy, on_ready, err);
	egress_decisions_finish(&proxy.log);
	ledger_finish(&proxy.ledger); /* connections end with the process */
	return status;
}

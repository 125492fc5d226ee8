#include "cua/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define CUA_LOG_MODULE "serve"
#include "cua/base/log.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/server/feed_desktops.h"
#include "cua/server/once.h"
#include "cua/server/plain_desktop.h"
#include "cua/server/runs.h"
#include "cua/server/session.h"
#include "cua/server/settings.h"
#include "cua/server/telemetry.h"
#include "cua/server/webhooks.h"

#define BODY_MAX_LEN ((size_t)2 << 20)
#define CONNECTIONS_MAX 4000
#define CONNECTIONS_PER_PEER_MAX 1500
#define STRANGERS_MAX 500 /* of them without a token or a login so far */

/* --- what it stands on --- */

/* It is let go with the process, however that ends. Not flock(), which a child would hold that was
 * being started when the server was killed: the next would find it taken. */
static enum cua_status lock_state(struct server *server, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	enum cua_status status = cua_state_dir(server->state_dir, sizeof(server->state_dir), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(path, sizeof(path), "%s/server.lock", server->state_dir);
	server->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (server->lock_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	const struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(server->lock_fd, F_SETLK, &whole) != 0) {
		return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
				"a server runs already on %s; $CUA_STATE_DIR names another folder",
				server->state_dir);
	}
	return CUA_OK;
}

static enum cua_status open_store(
		const char *state_dir, struct store **ret_store, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	snprintf(path, sizeof(path), "%s/server.db", state_dir);
	return store_open(path, ret_store, err);
}

enum cua_status server_open_store(struct store **ret_store, struct cua_error *err)
{
	char state_dir[CUA_PATH_MAX];
	enum cua_status status = cua_state_dir(state_dir, sizeof(state_dir), err);
	return status == CUA_OK ? open_store(state_dir, ret_store, err) : status;
}

static enum cua_status prepare_store(struct server *server, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	enum cua_status status = open_store(server->state_dir, &server->store, err);
	if (status == CUA_OK) {
		snprintf(path, sizeof(path), "%s/server.db", server->state_dir);
		status = store_open_reader(path, &server->reader, err);
	}
	if (status == CUA_OK) {
		status = once_recover(server->store, err);
	}
	return status == CUA_OK
			? store_run(server->store, NULL, err,
					  "INSERT INTO projects (id, name, defaults_json, "
					  "created_ms, "
					  "changed_ms) VALUES ('default', 'default', '{}', ?1, ?1) "
					  "ON CONFLICT DO NOTHING",
					  "i", store_now_ms())
			: status;
}

/* One for each watcher, and some for files. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum cua_status listen_on(struct server *server, struct cua_error *err)
{
	const struct server_options *options = server->options;
	const struct cua_http_listen listen = { .address = options->address,
		.port = options->port,
		.certificate_path = options->certificate_path,
		.key_path = options->key_path,
		.headers = server_headers,
		.max_body_len = BODY_MAX_LEN,
		.max_connections = CONNECTIONS_MAX,
		.max_per_peer = CONNECTIONS_PER_PEER_MAX,
		.max_strangers = STRANGERS_MAX };
	const struct cua_http_handler handler = { .on_head = server_on_head,
		.on_request = server_on_request,
		.on_gone = server_on_gone,
		.on_stream = server_on_websocket,
		.on_stream_data = server_on_stream_data,
		.on_stream_drained = server_on_stream_drained,
		.on_stream_closed = server_on_stream_closed,
		.user_data = server };
	enum cua_status status = cua_http_server_create(
			&server->loop, &listen, &handler, &server->http, err);
	if (status != CUA_OK) {
		return status;
	}
	gate_init(&server->gate, options->address, cua_http_server_port(server->http),
			options->certificate_path != NULL);
	for (size_t i = 0; status == CUA_OK && options->public_urls[i]; i++) {
		status = gate_add(&server->gate, options->public_urls[i], err);
	}
	return status;
}

/* --- its end --- */

static void end(struct server *server)
{
	if (server->is_ending) {
		return;
	}
	server->is_ending = true;
	(void)!eventfd_write(server->ending_fd, 1);
	cua_http_server_destroy(server->http);
	if (server->runs) {
		runs_end(server->runs);
	}
	webhooks_end(server->webhooks);
	feed_desktops_end(server->feed_desktops);
	mcp_news_end(server->mcp.news);
	if (server->feed) {
		feed_end(server->feed);
	}
	streams_finish(&server->streams);
	busy_finish(&server->busy);
	for (size_t i = 0; i < CUA_ARRAY_LEN(server->signals); i++) {
		uv_close((uv_handle_t *)&server->signals[i], NULL);
	}
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	end(signal->data);
}

static void catch_signals(struct server *server)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < CUA_ARRAY_LEN(numbers); i++) {
		uv_signal_init(&server->loop, &server->signals[i]);
		server->signals[i].data = server;
		uv_signal_start(&server->signals[i], on_signal, numbers[i]);
	}
}

/* --- its life --- */

static enum cua_status say_ready(
		struct server *server, void (*on_ready)(const char *url), struct cua_error *err)
{
	char login[TOKEN_SIZE], url[512];
	if (!server->options->tells_login) {
		snprintf(url, sizeof(url), "%s/", server->gate.origins[0]);
		on_ready(url);
		return CUA_OK;
	}
	enum cua_status status = session_make_login(server->store, login, err);
	if (status == CUA_OK) {
		snprintf(url, sizeof(url), "%s/#login=%s", server->gate.origins[0], login);
		on_ready(url);
	}
	return status;
}

static enum cua_status begin(
		struct server *server, void (*on_ready)(const char *url), struct cua_error *err)
{
	busy_init(&server->busy);
	enum cua_status status = streams_init(&server->streams, &server->loop, server->store,
			server->options->max_streams, err);
	if (status == CUA_OK) {
		status = feed_create(&server->loop, &server->feed, err);
	}
	if (status == CUA_OK) {
		status = mcp_news_create(server->feed, &server->mcp.news, err);
	}
	if (status == CUA_OK) {
		status = feed_desktops_create(
				&server->loop, server->feed, &server->feed_desktops, err);
	}
	if (status == CUA_OK) {
		status = listen_on(server, err);
	}
	if (status == CUA_OK) {
		status = telemetry_create(&server->loop, server->store, server->options->traces_url,
				server->ending_fd, &server->telemetry, err);
	}
	if (status == CUA_OK) {
		telemetry_begin(server->telemetry);
	}
	if (status == CUA_OK) {
		status = runs_create(server, &server->runs, err);
	}
	if (status == CUA_OK) {
		status = settings_apply(server, err);
	}
	if (status == CUA_OK) {
		status = webhooks_create(server, &server->webhooks, err);
	}
	if (status == CUA_OK) {
		status = runs_begin(server->runs, err);
	}
	if (status == CUA_OK) {
		status = plain_desktops_clear(server, err);
	}
	return status == CUA_OK ? say_ready(server, on_ready, err) : status;
}

enum cua_status server_run(const struct server_options *options, void (*on_ready)(const char *url),
		struct cua_error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	}
	server->options = options;
	server->lock_fd = -1;
	demo_init(&server->demo);
	server->ending_fd = eventfd(0, EFD_CLOEXEC);
	server->started_ms = store_now_ms();
	raise_descriptors();
	enum cua_status status = lock_state(server, err);
	if (status == CUA_OK) {
		status = prepare_store(server, err);
	}
	if (status == CUA_OK) {
		status = mcp_offers_create(&server->mcp, err);
	}
	if (status == CUA_OK) {
		status = page_load(&server->page, err);
	}
	if (status == CUA_OK) {
		status = openapi_make(&server->openapi, err);
	}
	if (status == CUA_OK) {
		status = openapi_page_make(&server->docs, err);
	}
	server->limiter = status == CUA_OK ? limiter_create() : NULL;
	server->tickets = status == CUA_OK ? tickets_create(server->store, TICKET_LASTS_MS) : NULL;
	if (status == CUA_OK &&
			(!server->limiter || !server->tickets ||
					uv_loop_init(&server->loop) != 0)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "server");
	} else if (status == CUA_OK) {
		catch_signals(server);
		status = begin(server, on_ready, err);
		if (status != CUA_OK) {
			end(server);
		}
		uv_run(&server->loop, UV_RUN_DEFAULT);
		uv_loop_close(&server->loop);
	}
	if (server->store) {
		demo_end(&server->demo, server->state_dir, server->store);
	}
	runs_end_spares();
	runs_destroy(server->runs);
	webhooks_destroy(server->webhooks);
	telemetry_destroy(server->telemetry);
	feed_desktops_destroy(server->feed_desktops);
	mcp_news_destroy(server->mcp.news);
	feed_destroy(server->feed);
	tickets_destroy(server->tickets);
	limiter_destroy(server->limiter);
	mcp_offers_destroy(&server->mcp);
	page_finish(&server->page);
	openapi_finish(&server->openapi);
	openapi_finish(&server->docs);
	store_close(server->reader);
	store_close(server->store);
	cua_closep(&server->lock_fd);
	cua_closep(&server->ending_fd);
	free(server);
	return status;
}

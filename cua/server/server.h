#ifndef CUA_SERVER_SERVER_H
#define CUA_SERVER_SERVER_H

/* cua serve: one process that owns runs, desktops and what is kept of them, and speaks HTTP to
 * people and programs. The loop's thread moves bytes; what may wait, which is every route, has a
 * thread for its time. */

#include <stdatomic.h>
#include <stdbool.h>

#include <uv.h>

#include "cua/base/error.h"
#include "cua/server/busy.h"
#include "cua/server/demo.h"
#include "cua/server/feed.h"
#include "cua/server/gate.h"
#include "cua/server/limiter.h"
#include "cua/server/mcp.h"
#include "cua/server/page.h"
#include "cua/server/route.h"
#include "cua/server/store.h"
#include "cua/server/viewer.h"

struct server_options {
	const char *address; /* in numbers */
	int port;
	const char *certificate_path, *key_path; /* NULL: no TLS */
	const char *public_urls[GATE_NAMES_MAX]; /* further names, up to a NULL */
	int max_agents;                          /* 0: as many as memory allows */
	int max_streams;                         /* of one token */
	int spares; /* desktops that are kept ready for the next runs */
	bool logs_json;
	const char *traces_url; /* NULL: as the environment says */
	bool tells_login;       /* in its URL: somebody sees it now, and nobody keeps it */
	bool plain_get;         /* the plain routes may be used by GET, as scripts of old do */
};

/* The routes do not change: openapi.json and /docs are made once. */
struct openapi_file {
	char *text; /* owned */
	size_t len;
	char etag[40];
};

struct feed_desktops;
struct runs;
struct webhooks;
struct telemetry;

struct server {
	uv_loop_t loop;
	const struct server_options *options;
	char state_dir[1024]; /* CUA_STATE_DIR: all that is kept */
	int lock_fd;          /* of it: a second server is refused */
	struct store *store;
	struct store *reader; /* the same, for the loop's thread, which must not wait for writers */
	struct cua_http_server *http;
	struct gate gate;
	struct limiter *limiter;
	struct tickets *tickets;
	struct feed *feed;
	struct feed_desktops *feed_desktops;
	struct webhooks *webhooks;
	struct streams streams;
	struct busy busy;
	struct viewers viewers; /* on the loop's thread */
	struct runs *runs;
	struct telemetry *telemetry;
	struct mcp_offers mcp;
	struct page_files page;
	struct openapi_file openapi, docs;
	struct demo demo;
	uv_signal_t signals[3];
	int64_t started_ms;
	bool is_ending;
	int ending_fd;               /* can be read from then on: what waits for long ends, too */
	atomic_int requests_running; /* on threads */
	atomic_int plain_running;    /* of them those that have a desktop for themselves */
	int terminals;               /* that are open; the loop's thread alone */
	atomic_int backups;          /* that are being made */
	atomic_int restores;         /* that go on */
	atomic_int connections;      /* at the last request */
};

/* Until a signal ends it. on_ready: it listens; url: of the page, with a login that is used once if
 * tells_login.
 */
CUA_NODISCARD enum cua_status server_run(const struct server_options *options,
		void (*on_ready)(const char *url), struct cua_error *err);

/* The store of a state folder, whether or not a server runs on it. */
CUA_NODISCARD enum cua_status server_open_store(struct store **ret_store, struct cua_error *err);

/* Bytes that programs can have before others lose theirs; 0 if that is not known. */
uint64_t server_memory_available(void);

/* request.c: what the HTTP server tells. */
bool server_on_head(struct cua_http_exchange *exchange, void *user_data);
void server_on_request(struct cua_http_exchange *exchange, void *user_data);
void server_on_gone(struct cua_http_exchange *exchange, void *user_data);
enum cua_status server_on_websocket(
		struct cua_http_stream *stream, void *user_data, struct cua_error *err);
void server_on_stream_data(struct cua_http_stream *stream, const char *data, size_t len,
		bool is_text, bool is_last, void *user_data);
void server_on_stream_drained(struct cua_http_stream *stream, void *user_data);
void server_on_stream_closed(struct cua_http_stream *stream, void *user_data);
extern const char *const server_headers[];

/* openapi.c: the caller's. */
cJSON *server_openapi(void);
CUA_NODISCARD enum cua_status openapi_make(struct openapi_file *file, struct cua_error *err);
void openapi_finish(struct openapi_file *file);
/* A tag of what its text is. */
void openapi_tag(struct openapi_file *file);
/* openapi_page.c: the same for people; and the headers that it goes with. */
CUA_NODISCARD enum cua_status openapi_page_make(struct openapi_file *file, struct cua_error *err);
CUA_NODISCARD enum cua_status openapi_page_headers(
		struct cua_buffer *headers, struct cua_error *err);

#endif

#ifndef CUA_SERVER_STREAMS_H
#define CUA_SERVER_STREAMS_H

/* What goes on: each WebSocket and each stream of events, with the token that opened it. When that
 * is revoked or over, they end. On the loop's thread, but streams_check(),
 * streams_check_room() and streams_count(). */

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>

#include <uv.h>

#include "cua/base/http_server.h"
#include "cua/server/store.h"
#include "cua/server/tokens.h"

/* What a stream is for: the first member of its user_data. The second half is streams.c's. */
struct stream_face {
	/* NULL: what the client says is ignored. */
	void (*on_data)(struct cua_http_stream *stream, const char *data, size_t len, bool is_text,
			bool is_last);
	void (*on_drained)(struct cua_http_stream *stream);
	void (*on_closed)(struct cua_http_stream *stream); /* releases the user_data */

	LIST_ENTRY(stream_face) link;
	struct cua_http_stream *stream; /* NULL: not in the list */
	struct streams *streams;
	char token_id[TOKEN_ID_SIZE];
};

struct streams {
	uv_loop_t *loop;
	struct store *store;
	int max_per_token;
	uv_async_t changed;
	uv_timer_t over;       /* the first of the tokens */
	pthread_mutex_t mutex; /* of the list, where it changes or another thread reads it */
	LIST_HEAD(, stream_face) list;
};

CUA_NODISCARD enum cua_status streams_init(struct streams *streams, uv_loop_t *loop,
		struct store *store, int max_per_token, struct cua_error *err);
/* The loop has to run until its handles are closed. */
void streams_finish(struct streams *streams);

void streams_add(struct streams *streams, struct cua_http_stream *stream,
		const struct caller *caller);
void streams_remove(struct stream_face *face);

/* Before one is opened: CUA_ERR_UNAVAILABLE if the token has as many as it may have. Any thread. */
CUA_NODISCARD enum cua_status streams_check_room(
		struct streams *streams, const char *token_id, struct cua_error *err);

/* How many of these a token has open: by what is called when they close, NULL: all. Any thread. */
int streams_count(struct streams *streams, const char *token_id,
		void (*on_closed)(struct cua_http_stream *stream));

/* A token was revoked: any thread. */
void streams_check(struct streams *streams);

#endif

#ifndef CUA_TESTS_HTTP_STREAMS_H
#define CUA_TESTS_HTTP_STREAMS_H

/* An http_site on TCP whose /events goes on and whose WebSockets listen. It tells 's' when a stream
 * is taken, 'd' when all of it is out, 'm' at the end of a message, 'x' when it is closed. */

#include "tests/http_wire.h"

struct streams {
	struct cua_http_stream *stream; /* the last */
	int count;                      /* of those that are open */
	struct cua_buffer heard;        /* of the last message, which text_count counts */
	int text_count, binary_count;
	size_t heard_len; /* of all */
	bool is_counting; /* heard stays empty */
};

/* For cmocka; *state is the site. */
int open_streams(void **state);
int open_tls_streams(void **state);
int close_streams(void **state);
struct streams *streams_of(struct site *site);

/* On the loop's thread: to the last stream. */
struct to_send {
	const void *data;
	size_t len;
	bool is_text;
};
void streams_send(struct site *site, void *to_send);
void streams_end(struct site *site, void *unused);
void streams_listen(struct site *site, void *listens);

#endif

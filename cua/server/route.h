#ifndef CUA_SERVER_ROUTE_H
#define CUA_SERVER_ROUTE_H

/* The routes of the server: what each is called, who may, what it takes and what it answers. Each
 * is a row of a table in the route_*.c that it belongs to; openapi.json is written from them. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/http_server.h"
#include "cua/server/fields.h"
#include "cua/server/streams.h"
#include "cua/server/tickets.h"
#include "cua/server/tokens.h"

struct request;
struct server;

enum route_flag {
	ROUTE_PUBLIC = 1, /* without a token */
	ROUTE_BYTES = 2,  /* the body is bytes of any type, and no JSON */
	ROUTE_LIST = 4,   /* answers {"items": [...], "next": ...}; takes ?limit= and ?after= */
	ROUTE_ONCE = 8,  /* all of it is in the store: with an Idempotency-Key in one transaction */
	ROUTE_FILE = 16, /* answers bytes of the type that it says */
	ROUTE_LARGE = 32,  /* takes a body of more than 64 KiB */
	ROUTE_SECRET = 64, /* its answer is told once, and must not be kept for a repetition */
	/* A WebSocket alone, for who has a ticket: the query has "ticket", the path one {...},
	 * which is what the ticket was given for, as is the path's last part. */
	ROUTE_TICKET = 128,
	/* A browser opens it without headers: of a session, a ticket for the path (POST
	 * /v1/tickets) does in the place of X-Cua-Csrf. The query has "ticket". */
	ROUTE_OPENED = 256,
};

struct route {
	const char *method, *path; /* "/v1/runs/{run}" */
	const char *name;          /* operationId: getRun */
	const char *summary;
	unsigned int scope; /* enum scope; 0: any token */
	unsigned int flags;
	const struct fields *query, *body, *answer; /* NULL: none; answer NULL: 204 */
	int created;                                /* 201 or 202 in the place of 200; 0: 200 */
	/* On a thread of its own: it may wait. */
	enum cua_status (*handle)(struct request *request, struct cua_error *err);
	/* The same as a WebSocket, on the loop's thread: sets stream->user_data to what begins with
	 * a struct stream_face. NULL: there is none. */
	enum cua_status (*websocket)(struct request *request, struct cua_http_stream *stream,
			struct cua_error *err);
};

struct routes {
	const char *tag, *about;
	const struct route *list;
	size_t count;
};

#define ROUTES(tag, about, table) \
	{ \
		tag, about, table, sizeof(table) / sizeof((table)[0]) \
	}

/* All of them, up to NULL. */
extern const struct routes *const server_routes[];

/* Of a list without further arguments, and what each list takes. */
extern const struct fields list_query;
/* In the query of what has ROUTE_OPENED. */
#define TICKET_FIELD \
	{ \
		"ticket", FIELD_TEXT, 0, 1, TICKET_SIZE, NULL, NULL, \
				"of createTicket: what a session may send in the place of " \
				"X-Cua-Csrf" \
	}
#define LIST_FIELDS \
	{ "limit", FIELD_WHOLE, 0, 1, LIST_LIMIT_MAX, NULL, NULL, "items at most, 50 without" }, \
	{ \
		"after", FIELD_TEXT, 0, 0, 200, NULL, NULL, "next of the page before" \
	}

#define REQUEST_PARAMETERS_MAX 3

struct request {
	struct server *server;
	const struct route *route;
	const struct cua_http_head *head;
	char parameters[REQUEST_PARAMETERS_MAX][256]; /* of the path, in its order */
	cJSON *query;                                 /* checked */
	cJSON *body;                                  /* checked; NULL: none */
	const struct cua_buffer *bytes;               /* with ROUTE_BYTES */
	struct caller caller;
	struct ticket_grant grant; /* with ROUTE_TICKET: what the ticket was given for */
	/* What the handler answers. */
	cJSON *answer;          /* taken over; with ROUTE_LIST the array */
	cJSON *failed;          /* with an error: further members of its problem; taken over */
	char next[256];         /* of a list: what ?after= is for the next; "": that was all */
	struct cua_buffer file; /* with ROUTE_FILE */
	const char *file_type;  /* static */
	char etag[128];         /* with ROUTE_FILE, of the file; "": none */
	const char *cache;      /* with ROUTE_FILE: Cache-Control; NULL: no-store */
	int http_status;        /* 0: as the route says */
	bool has_begun;         /* once.c's */
	int busy;               /* its place among those under way; 0: none */
	int gone_fd; /* can be read once the client hung up; -1: none; request.c's, as is */
	int stop_fd; /* an epoll of it and of the end of the server; -1: nobody asked for it */
	struct cua_buffer headers; /* further ones, each with its line end */
	/* An answer that goes on: called on the loop's thread with the exchange, which it releases.
	 * It answers the stream, whose user_data begins with a struct stream_face, or NULL, having
	 * released stream_data. NULL: none. */
	struct cua_http_stream *(*begin_stream)(
			struct request *request, struct cua_http_exchange *exchange);
	void *stream_data; /* the handler's, until begin_stream took it */
};

#define REQUEST_BODY_MAX ((size_t)64 << 10)

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX 500

/* Can be read once the client hung up, or the server ends: what waits for long stops then. On the
 * request's thread; it stays the request's. */
int request_stop_fd(struct request *request);

/* ?limit=, of a list. */
int request_limit(const struct request *request);
/* items: one more than the limit, if there is more; the member of the last that is kept is where
 * the next page begins. */
void request_answer_list(struct request *request, cJSON *items, const char *member);
/* The same of an array of all there are, in their order: from the one behind ?after= on. */
void request_answer_page(struct request *request, cJSON *all, const char *member);
/* The list that was answered as its reader gets it: items and next. */
void request_wrap_list(struct request *request);
/* Releases what a request holds but its stream_data. */
void request_finish(struct request *request);

#endif

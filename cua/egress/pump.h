#ifndef CUA_EGRESS_PUMP_H
#define CUA_EGRESS_PUMP_H

/* Bytes between two streams, in both directions, as fast as the slower side takes them. */

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#define EGRESS_PART_MAX 32768 /* bytes under way in one direction */

struct egress_pump;

/**
 * egress_pump_fn - what has come from the client, or from the server, before it goes on.
 * @data: what goes on, in place of what came; valid until the next call for this direction.
 *
 * Return: false ends the pump.
 */
typedef bool (*egress_pump_fn)(
		struct egress_pump *pump, bool is_from_client, const char **data, size_t *len);

struct egress_flow {
	struct egress_pump *pump;
	uv_stream_t *from, *to;
	char *part; /* owned; EGRESS_PART_MAX */
	uv_write_t write;
	uv_shutdown_t shutdown;
	bool has_ended; /* and the other side was told */
};

struct egress_pump {
	struct egress_flow flows[2];           /* from the client; from the server */
	egress_pump_fn pass;                   /* NULL: as it came */
	void (*end)(struct egress_pump *pump); /* once: nothing is to be done but to close both */
	void *data;
	bool is_over;
};

/* Both streams stay the caller's, who closes them; what is read into is freed by finish, which has
 * to wait for that. first: what the client had sent before, passed already, valid until the first
 * pass. False without memory. */
bool egress_pump_start(struct egress_pump *pump, uv_stream_t *client, uv_stream_t *server,
		const char *first, size_t first_len);
void egress_pump_finish(struct egress_pump *pump);

/* The last words to a client: written, then the end of the stream, then what it still sends is
 * dropped until it hangs up, so that the words reach it. */
struct egress_farewell {
	uv_write_t write;
	uv_shutdown_t shutdown;
	void (*end)(struct egress_farewell *farewell); /* it hung up, or failed */
	void *data;
	char dropped[512];
};

/* text has to stay until end. */
void egress_farewell_start(struct egress_farewell *farewell, uv_stream_t *client, const char *text,
		size_t len);

#endif

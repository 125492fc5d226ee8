#ifndef CUA_EGRESS_REQUEST_H
#define CUA_EGRESS_REQUEST_H

/* One HTTP request as a client sends it to a proxy: where it leads, and what of it goes on. */

#include <stdbool.h>
#include <stdint.h>

#include <http_parser.h>

#include "cua/base/buffer.h"
#include "cua/base/host_name.h"

#define EGRESS_HEAD_MAX 16384 /* bytes of request line and header fields */

enum egress_reading {
	EGRESS_READ_MORE, /* nothing is wrong so far, and the head is not whole */
	EGRESS_READ_HEAD, /* host and port are certain */
	EGRESS_READ_REFUSED,
};

struct egress_request {
	http_parser parser;
	struct cua_buffer head; /* as it came */
	struct cua_buffer out;  /* what goes to the server next; whoever sends it clears it */
	bool is_connect;
	bool is_complete; /* nothing of the request is to come */
	char host[CUA_HOST_NAME_MAX + 1];
	uint16_t port;
	/* Of EGRESS_READ_REFUSED: a few words that never change, and the HTTP status for them. */
	const char *refusal;
	int refusal_status;
	struct cua_buffer name, value; /* of the header field that is being read */
	bool is_in_value, has_head;
	int hosts; /* header fields of this name */
	bool is_chunked, has_length;
};

void egress_request_init(struct egress_request *request);
void egress_request_finish(struct egress_request *request);

/**
 * egress_request_read_head() - reads on to the end of the head.
 * @ret_used: how many of the bytes belong to the head; the rest is the body, or what is tunnelled.
 *
 * Then out holds the head of a plain request as the server is to get it: with the path instead of
 * the URL, one Host, "Connection: close", and nothing that was meant for this proxy.
 *
 * Refused is whatever two readers could read as two requests or as two hosts: a line break that is
 * no CRLF, folded lines, odd bytes, Host twice or another than that of the URL, a user name in the
 * URL, Content-Length beside Transfer-Encoding or twice, a change of protocol.
 */
enum egress_reading egress_request_read_head(
		struct egress_request *request, const char *data, size_t len, size_t *ret_used);

/* A part of the body, added to out in a framing of ours; what comes behind the body is dropped.
 * False if it cannot be read. */
bool egress_request_read_body(struct egress_request *request, const char *data, size_t len);

#endif

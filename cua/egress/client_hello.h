#ifndef CUA_EGRESS_CLIENT_HELLO_H
#define CUA_EGRESS_CLIENT_HELLO_H

/* What a TLS client says first, as far as it tells where the client wants to go. */

#include <stddef.h>
#include <stdint.h>

#include "cua/base/host_name.h"

/* A record and its header: no ClientHello is longer. */
#define EGRESS_HELLO_MAX (5 + 16384)

enum egress_hello {
	EGRESS_HELLO_MORE,    /* nothing is wrong so far, and it is not whole */
	EGRESS_HELLO_NAME,    /* the name is certain */
	EGRESS_HELLO_REFUSED, /* it is none, or where it leads cannot be told */
};

/**
 * egress_client_hello_read() - the name of the server that a ClientHello asks for.
 * @data:       what has come so far, from its first byte on.
 * @ret_name:   set with EGRESS_HELLO_NAME.
 * @ret_reason: set with EGRESS_HELLO_REFUSED: a few words that never change.
 *
 * Refused: anything but TLS; a ClientHello in pieces of several records, or with more behind it in
 * its record; an extension that comes twice; no name, several, or one that is no name of DNS; and
 * an encrypted one (ECH, ESNI), of which the outer name says nothing about the inner.
 *
 * Source: RFC 8446, 4.1.2 and 5.1; RFC 6066, 3; RFC 9849 (ECH).
 */
enum egress_hello egress_client_hello_read(const uint8_t *data, size_t len,
		char ret_name[CUA_HOST_NAME_MAX + 1], const char **ret_reason);

#endif

#ifndef CUA_EGRESS_ADDRESS_H
#define CUA_EGRESS_ADDRESS_H

#include <sys/socket.h>

/* Why nobody in a sandbox may be connected to this address: a few words that never change. NULL
 * for one of the public internet that is none of this machine's own. */
const char *egress_address_refusal(const struct sockaddr *address);

#endif

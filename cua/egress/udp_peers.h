#ifndef CUA_EGRESS_UDP_PEERS_H
#define CUA_EGRESS_UDP_PEERS_H

/* Who may send UDP into a sandbox with an open network: an address and port that the same port of
 * the sandbox has sent to, for five minutes from then. libslirp itself lets in whoever finds the
 * port. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EGRESS_PEER_SETS 1024
#define EGRESS_PEERS_OF_SET 8 /* the one asked longest ago makes room */

struct egress_udp_peers {
	struct {
		uint64_t key; /* address, port and port of the sandbox; 0: none */
		uint64_t until_us;
	} known[EGRESS_PEER_SETS][EGRESS_PEERS_OF_SET];
};

/* A frame that left the sandbox, whatever it is. */
void egress_udp_peers_note(
		struct egress_udp_peers *peers, const uint8_t *frame, size_t len, uint64_t now_us);
/* May this frame come in? What is no UDP may, and the rest of a datagram in fragments, which is
 * nothing without its beginning. */
bool egress_udp_peers_let_in(const struct egress_udp_peers *peers, const uint8_t *frame, size_t len,
		uint64_t now_us);

#endif

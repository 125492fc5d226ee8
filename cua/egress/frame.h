#ifndef CUA_EGRESS_FRAME_H
#define CUA_EGRESS_FRAME_H

/* Ethernet frames that leave a sandbox with an open network: where each leads, whether it goes on,
 * and what its sender is told if it does not. */

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* The network of each such sandbox, in host byte order: who is there, and nobody else. */
#define EGRESS_NETWORK 0x0a000200U     /* 10.0.2.0 */
#define EGRESS_NETMASK 0xffffff00U     /* of 24 bits */
#define EGRESS_GATEWAY 0x0a000202U     /* 10.0.2.2 */
#define EGRESS_NAME_SERVER 0x0a000203U /* 10.0.2.3 */
#define EGRESS_SANDBOX 0x0a000264U     /* 10.0.2.100 */
#define EGRESS_RESOLV_CONF "nameserver 10.0.2.3\n"
/* Bytes of a packet: each one costs as much as a large one. */
#define EGRESS_MTU 65520

struct egress_destination {
	struct in_addr address;
	uint8_t protocol; /* IPPROTO_* */
	uint16_t port;    /* 0: none, or not in this fragment */
	const char *why;  /* it is refused; a few words that never change; NULL: it is not */
};

/* What was found out about addresses, which is asked of the machine: for a second each. */
struct egress_checked {
	struct {
		in_addr_t address;
		uint64_t until_us;
		const char *why;
	} known[256];
};

enum egress_verdict {
	EGRESS_PASS,    /* ARP, and IPv4 to a public address or to the name server */
	EGRESS_DROP,    /* what no client of ours sends: no IPv4, or not well formed */
	EGRESS_REFUSED, /* where it may not go */
};

/**
 * egress_frame_check() - may this frame go on?
 * @checked:         zeroed at first.
 * @ret_destination: filled for IPv4 that is not dropped; address 0 for ARP.
 *
 * IPv4 with options is dropped: they may name another destination. Of a fragment the address is
 * looked at, which each of them has. The name server's address is for port 53 alone.
 *
 * Source: RFC 791, RFC 894.
 */
enum egress_verdict egress_frame_check(struct egress_checked *checked, const uint8_t *frame,
		size_t len, uint64_t now_us, struct egress_destination *ret_destination);

#define EGRESS_REFUSAL_LEN 70

/**
 * egress_frame_refusal() - tell the sender of TCP or UDP, whose connection then fails at once.
 *
 * Return: EGRESS_REFUSAL_LEN; 0 if this frame gets no answer, as broadcasts do not.
 * Source: RFC 792; RFC 1812, 5.2.7.1, code 13.
 */
size_t egress_frame_refusal(const uint8_t *frame, size_t len, uint8_t answer[EGRESS_REFUSAL_LEN]);

#endif

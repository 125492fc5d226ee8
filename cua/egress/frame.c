#include "cua/egress/frame.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/address.h"

#define CHECK_HOLDS_US 1000000U
#define DNS_PORT 53

/* Where things are in an Ethernet frame that holds IPv4 without options. */
enum {
	AT_SENDER = 6,
	AT_TYPE = 12,
	AT_IP = 14,
	AT_LENGTH = AT_IP + 2,
	AT_FRAGMENT = AT_IP + 6,
	AT_PROTOCOL = AT_IP + 9,
	AT_SOURCE = AT_IP + 12,
	AT_DESTINATION = AT_IP + 16,
	AT_PAYLOAD = AT_IP + 20,
	AT_PORT = AT_PAYLOAD + 2
};

#define IP_LEN 20
#define ICMP_LEN 8
#define QUOTED_LEN 8 /* of what follows the header of the packet that is answered */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffffU);
}

static const char *refusal_of(struct egress_checked *checked, uint32_t host, uint64_t now_us)
{
	const size_t slot = (host ^ host >> 8 ^ host >> 16 ^ host >> 24) %
			CUA_ARRAY_LEN(checked->known);
	const in_addr_t address = htonl(host);
	if (checked->known[slot].address != address || checked->known[slot].until_us <= now_us) {
		const struct sockaddr_in whole = { .sin_family = AF_INET, .sin_addr = { address } };
		checked->known[slot].address = address;
		checked->known[slot].until_us = now_us + CHECK_HOLDS_US;
		checked->known[slot].why = egress_address_refusal((const struct sockaddr *)&whole);
	}
	return checked->known[slot].why;
}

static bool is_ipv4(const uint8_t *frame, size_t len)
{
	return len >= AT_PAYLOAD && get16(frame + AT_TYPE) == ETHERTYPE_IP &&
			frame[AT_IP] == 0x45 && get16(frame + AT_LENGTH) >= IP_LEN &&
			get16(frame + AT_LENGTH) <= len - AT_IP;
}

static bool has_port(const uint8_t *frame)
{
	const bool begins = (get16(frame + AT_FRAGMENT) & 0x1fffU) == 0;
	return begins && get16(frame + AT_LENGTH) >= AT_PORT + 2 - AT_IP &&
			(frame[AT_PROTOCOL] == IPPROTO_TCP || frame[AT_PROTOCOL] == IPPROTO_UDP);
}

static bool is_whole(const uint8_t *frame)
{
	return (get16(frame + AT_FRAGMENT) & 0x3fffU) == 0;
}

enum egress_verdict egress_frame_check(struct egress_checked *checked, const uint8_t *frame,
		size_t len, uint64_t now_us, struct egress_destination *ret_destination)
{
	*ret_destination = (struct egress_destination){ .port = 0 };
	if (len >= AT_IP && get16(frame + AT_TYPE) == ETHERTYPE_ARP) {
		return EGRESS_PASS;
	}
	if (!is_ipv4(frame, len)) {
		return EGRESS_DROP;
	}
	const uint32_t host = get32(frame + AT_DESTINATION);
	ret_destination->address.s_addr = htonl(host);
	ret_destination->protocol = frame[AT_PROTOCOL];
	ret_destination->port = has_port(frame) ? get16(frame + AT_PORT) : 0;
	/* It goes to this machine's name server, which is often on its loopback: with questions for
	 * names alone. */
	if (host == EGRESS_NAME_SERVER && is_whole(frame) && ret_destination->port == DNS_PORT) {
		return EGRESS_PASS;
	}
	ret_destination->why = refusal_of(checked, host, now_us);
	return ret_destination->why ? EGRESS_REFUSED : EGRESS_PASS;
}

/* The one's complement of the one's complement sum of 16-bit words. Source: RFC 1071. */
static uint16_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < len; i += 2) {
		sum += get16(bytes + i);
	}
	while (sum >> 16) {
		sum = (sum & 0xffffU) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

size_t egress_frame_refusal(const uint8_t *frame, size_t len, uint8_t answer[EGRESS_REFUSAL_LEN])
{
	const uint8_t *sender = frame + AT_SENDER;
	if (!is_ipv4(frame, len) || !has_port(frame) || len < AT_PAYLOAD + QUOTED_LEN ||
			get32(frame + AT_DESTINATION) >= 0xe0000000U) {
		return 0;
	}
	uint8_t *ip = answer + AT_IP, *icmp = ip + IP_LEN;
	memset(answer, 0, EGRESS_REFUSAL_LEN);
	memcpy(answer, sender, ETH_ALEN);
	memcpy(answer + AT_SENDER, frame, ETH_ALEN);
	put16(answer + AT_TYPE, ETHERTYPE_IP);
	ip[0] = 0x45;
	put16(answer + AT_LENGTH, EGRESS_REFUSAL_LEN - AT_IP);
	ip[8] = IPDEFTTL;
	answer[AT_PROTOCOL] = IPPROTO_ICMP;
	put32(answer + AT_SOURCE, EGRESS_GATEWAY);
	memcpy(answer + AT_DESTINATION, frame + AT_SOURCE, 4);
	put16(ip + 10, checksum(ip, IP_LEN));
	icmp[0] = ICMP_DEST_UNREACH;
	icmp[1] = ICMP_PKT_FILTERED;
	memcpy(icmp + ICMP_LEN, frame + AT_IP, IP_LEN + QUOTED_LEN);
	put16(icmp + 2, checksum(icmp, ICMP_LEN + IP_LEN + QUOTED_LEN));
	return EGRESS_REFUSAL_LEN;
}

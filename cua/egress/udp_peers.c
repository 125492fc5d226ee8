#include "cua/egress/udp_peers.h"

#include <net/ethernet.h>
#include <netinet/in.h>

/* libslirp forgets a port that was quiet for four minutes. */
#define HOLDS_US 300000000ULL

/* Where things are in an Ethernet frame that holds IPv4 without options; libslirp sends no others,
 * and frame.c lets no others pass. */
enum {
	AT_TYPE = 12,
	AT_VERSION = 14,
	AT_FRAGMENT = 20,
	AT_PROTOCOL = 23,
	AT_SOURCE = 26,
	AT_DESTINATION = 30,
	AT_SOURCE_PORT = 34,
	AT_DESTINATION_PORT = 36,
	UDP_MIN = 42
};

static uint64_t read_number(const uint8_t *at, int bytes)
{
	uint64_t number = 0;
	for (int i = 0; i < bytes; i++) {
		number = number << 8 | at[i];
	}
	return number;
}

static bool is_udp(const uint8_t *frame, size_t len)
{
	return len > AT_PROTOCOL && read_number(frame + AT_TYPE, 2) == ETHERTYPE_IP &&
			frame[AT_PROTOCOL] == IPPROTO_UDP;
}

static bool begins_datagram(const uint8_t *frame)
{
	return (read_number(frame + AT_FRAGMENT, 2) & 0x1fffU) == 0;
}

/* 64 bits: the address, its port, the port of the sandbox. */
static uint64_t key_of(const uint8_t *peer, const uint8_t *peer_port, const uint8_t *own_port)
{
	return read_number(peer, 4) << 32 | read_number(peer_port, 2) << 16 |
			read_number(own_port, 2);
}

/* Multiplied by a large odd number, whose upper bits all of the lower ones reach. */
static size_t set_of(uint64_t key)
{
	return (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32) % EGRESS_PEER_SETS;
}

void egress_udp_peers_note(
		struct egress_udp_peers *peers, const uint8_t *frame, size_t len, uint64_t now_us)
{
	if (!is_udp(frame, len) || len < UDP_MIN || !begins_datagram(frame)) {
		return;
	}
	const uint64_t key = key_of(frame + AT_DESTINATION, frame + AT_DESTINATION_PORT,
			frame + AT_SOURCE_PORT);
	__typeof__(&peers->known[0][0]) set = peers->known[set_of(key)];
	size_t oldest = 0;
	for (size_t i = 0; i < EGRESS_PEERS_OF_SET; i++) {
		if (set[i].key == key) {
			oldest = i;
			break;
		}
		oldest = set[i].until_us < set[oldest].until_us ? i : oldest;
	}
	set[oldest].key = key;
	set[oldest].until_us = now_us + HOLDS_US;
}

bool egress_udp_peers_let_in(const struct egress_udp_peers *peers, const uint8_t *frame, size_t len,
		uint64_t now_us)
{
	if (!is_udp(frame, len)) {
		return true;
	}
	if (frame[AT_VERSION] != 0x45 || len < UDP_MIN) {
		return false;
	}
	if (!begins_datagram(frame)) {
		return true;
	}
	const uint64_t key = key_of(
			frame + AT_SOURCE, frame + AT_SOURCE_PORT, frame + AT_DESTINATION_PORT);
	const size_t at = set_of(key);
	for (size_t i = 0; i < EGRESS_PEERS_OF_SET; i++) {
		if (peers->known[at][i].key == key && peers->known[at][i].until_us > now_us) {
			return true;
		}
	}
	return false;
}

#include "cua/egress/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cua/base/util.h"

/* Source: IANA IPv4 Special-Purpose Address Registry, IPv4 Multicast Address Space. */
static const struct {
	uint32_t network;
	int bits;
	const char *why;
} refused_v4[] = {
	{ 0x00000000, 8, "an address of this network" },     /* 0.0.0.0 is this machine, too */
	{ 0x0a000000, 8, "a private address" },              /* 10.0.0.0 */
	{ 0x64400000, 10, "a carrier's address" },           /* 100.64.0.0; a cloud's metadata */
	{ 0x7f000000, 8, "a loopback address" },             /* 127.0.0.0 */
	{ 0xa83f8110, 32, "a cloud's metadata address" },    /* 168.63.129.16: Azure */
	{ 0xa9fe0000, 16, "a link-local address" },          /* 169.254.0.0; metadata of clouds */
	{ 0xac100000, 12, "a private address" },             /* 172.16.0.0 */
	{ 0xc0000000, 24, "a special address" },             /* 192.0.0.0; a cloud's metadata */
	{ 0xc0000200, 24, "an address of documentation" },   /* 192.0.2.0 */
	{ 0xc0586300, 24, "a 6to4 relay" },                  /* 192.88.99.0 */
	{ 0xc0a80000, 16, "a private address" },             /* 192.168.0.0 */
	{ 0xc6120000, 15, "an address of benchmarks" },      /* 198.18.0.0 */
	{ 0xc6336400, 24, "an address of documentation" },   /* 198.51.100.0 */
	{ 0xcb007100, 24, "an address of documentation" },   /* 203.0.113.0 */
	{ 0xe0000000, 4, "a multicast address" },            /* 224.0.0.0 */
	{ 0xf0000000, 4, "a reserved or broadcast address" } /* 240.0.0.0 */
};

/* Within 2000::/3, outside of which nothing is public: not what is mapped to IPv4 or translated to
 * it (::, ::ffff:0:0, 64:ff9b::), and neither unique local, link-local nor multicast addresses.
 * Source: IANA IPv6 Special-Purpose Address Registry. */
static const struct {
	uint8_t network[4];
	int bits;
	const char *why;
} refused_v6[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23, "a special or Teredo address" },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, "an address of documentation" },
	{ { 0x20, 0x02, 0x00, 0x00 }, 16, "a 6to4 address" },
	{ { 0x3f, 0xff, 0x00, 0x00 }, 20, "an address of documentation" },
};

static uint32_t mask_of(int bits)
{
	return 0xffffffffU << (32 - bits);
}

static const char *refuse_v4(const struct in_addr *address)
{
	const uint32_t host = ntohl(address->s_addr);
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused_v4); i++) {
		if (((host ^ refused_v4[i].network) & mask_of(refused_v4[i].bits)) == 0) {
			return refused_v4[i].why;
		}
	}
	return NULL;
}

static uint32_t first_word(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
			bytes[3];
}

static const char *refuse_v6(const struct in6_addr *address)
{
	const uint32_t word = first_word(address->s6_addr);
	if (word >> 29 != 1) {
		return "no global IPv6 address";
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(refused_v6); i++) {
		if (((word ^ first_word(refused_v6[i].network)) & mask_of(refused_v6[i].bits)) ==
				0) {
			return refused_v6[i].why;
		}
	}
	/* ISATAP (RFC 5214): an IPv4 address at the end, behind 0:5efe or 200:5efe. */
	const uint32_t interface = first_word(address->s6_addr + 8);
	return (interface & 0xfdffffffU) == 0x00005efeU ? "an ISATAP address" : NULL;
}

static bool is_equal(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family) {
		return false;
	}
	if (a->sa_family == AF_INET) {
		return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr ==
				((const struct sockaddr_in *)(const void *)b)->sin_addr.s_addr;
	}
	return a->sa_family == AF_INET6 &&
			memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
					&((const struct sockaddr_in6 *)(const void *)b)->sin6_addr,
					sizeof(struct in6_addr)) == 0;
}

static size_t bytes_of(const struct sockaddr *address, const uint8_t **ret_bytes)
{
	if (address->sa_family == AF_INET) {
		*ret_bytes = (const void *)&((const struct sockaddr_in *)(const void *)address)
					     ->sin_addr;
		return sizeof(struct in_addr);
	}
	*ret_bytes = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
	return address->sa_family == AF_INET6 ? sizeof(struct in6_addr) : 0;
}

/* Is it in the network that the interface is on? A mask of nothing makes no network. */
static bool is_beside(const struct ifaddrs *at, const struct sockaddr *address)
{
	const uint8_t *own, *mask, *wanted;
	if (!at->ifa_addr || !at->ifa_netmask || at->ifa_addr->sa_family != address->sa_family) {
		return false;
	}
	const size_t len = bytes_of(address, &wanted);
	bytes_of(at->ifa_addr, &own);
	/* The family of a netmask is not always set. */
	struct sockaddr_storage whole;
	memcpy(&whole, at->ifa_netmask,
			len == sizeof(struct in_addr) ? sizeof(struct sockaddr_in)
						      : sizeof(struct sockaddr_in6));
	whole.ss_family = address->sa_family;
	bytes_of((const struct sockaddr *)&whole, &mask);
	bool is_same = len > 0 && mask[0] != 0;
	for (size_t i = 0; i < len; i++) {
		is_same = is_same && ((own[i] ^ wanted[i]) & mask[i]) == 0;
	}
	return is_same;
}

static bool is_other_end(const struct ifaddrs *at, const struct sockaddr *address)
{
	return (at->ifa_flags & IFF_POINTOPOINT) && at->ifa_dstaddr &&
			is_equal(at->ifa_dstaddr, address);
}

/* A public address of this machine leads to its services as the loopback does, and one in a network
 * that it is on to neighbours that may trust it. */
static const char *refuse_own(const struct sockaddr *address)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) != 0) {
		return "an address that could not be checked";
	}
	const char *why = NULL;
	for (const struct ifaddrs *at = all; at && !why; at = at->ifa_next) {
		if (at->ifa_addr && is_equal(at->ifa_addr, address)) {
			why = "an address of this machine";
		}
	}
	for (const struct ifaddrs *at = all; at && !why; at = at->ifa_next) {
		if (is_beside(at, address) || is_other_end(at, address)) {
			why = "an address of a network that this machine is on";
		}
	}
	freeifaddrs(all);
	return why;
}

const char *egress_address_refusal(const struct sockaddr *address)
{
	const char *why = "no internet address";
	if (address->sa_family == AF_INET) {
		why = refuse_v4(&((const struct sockaddr_in *)(const void *)address)->sin_addr);
	} else if (address->sa_family == AF_INET6) {
		why = refuse_v6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
	}
	return why ? why : refuse_own(address);
}

/* Who may send UDP into a sandbox: who was asked. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/egress/udp_peers.h"

#define FRAME_LEN 42 /* Ethernet, IPv4 and UDP */
#define SANDBOX "10.0.2.100"
#define MINUTE 60000000ULL

struct ends {
	const char *from;
	uint16_t from_port;
	const char *to;
	uint16_t to_port;
};

static void make_frame(const struct ends *ends, uint8_t frame[FRAME_LEN])
{
	memset(frame, 0, FRAME_LEN);
	frame[12] = 8;
	frame[14] = 0x45;
	frame[23] = IPPROTO_UDP;
	assert_int_equal(inet_pton(AF_INET, ends->from, frame + 26), 1);
	assert_int_equal(inet_pton(AF_INET, ends->to, frame + 30), 1);
	const uint16_t ports[] = { htons(ends->from_port), htons(ends->to_port) };
	memcpy(frame + 34, ports, sizeof(ports));
}

static void note(struct egress_udp_peers *peers, const char *to, uint16_t port, uint16_t own_port,
		uint64_t now_us)
{
	uint8_t frame[FRAME_LEN];
	make_frame(&(struct ends){ SANDBOX, own_port, to, port }, frame);
	egress_udp_peers_note(peers, frame, sizeof(frame), now_us);
}

static bool lets_in(const struct egress_udp_peers *peers, const char *from, uint16_t port,
		uint16_t own_port, uint64_t now_us)
{
	uint8_t frame[FRAME_LEN];
	make_frame(&(struct ends){ from, port, SANDBOX, own_port }, frame);
	return egress_udp_peers_let_in(peers, frame, sizeof(frame), now_us);
}

static void who_was_asked_may_answer(void **state)
{
	CUA_AUTO_FREE struct egress_udp_peers *peers = calloc(1, sizeof(*peers));
	(void)state;
	assert_non_null(peers);
	assert_false(lets_in(peers, "1.2.3.4", 53, 4000, 1));
	note(peers, "1.2.3.4", 53, 4000, 1);
	assert_true(lets_in(peers, "1.2.3.4", 53, 4000, 2));
	assert_false(lets_in(peers, "1.2.3.5", 53, 4000, 2));
	assert_false(lets_in(peers, "1.2.3.4", 54, 4000, 2));
	assert_false(lets_in(peers, "1.2.3.4", 53, 4001, 2));
	assert_true(lets_in(peers, "1.2.3.4", 53, 4000, 4 * MINUTE));
	assert_false(lets_in(peers, "1.2.3.4", 53, 4000, 5 * MINUTE + 1));
	note(peers, "1.2.3.4", 53, 4000, 6 * MINUTE);
	assert_true(lets_in(peers, "1.2.3.4", 53, 4000, 7 * MINUTE));
}

/* The places are bounded: who was asked last keeps one. */
static void many_peers_push_out_the_oldest(void **state)
{
	CUA_AUTO_FREE struct egress_udp_peers *peers = calloc(1, sizeof(*peers));
	char address[INET_ADDRSTRLEN];
	(void)state;
	assert_non_null(peers);
	for (uint32_t i = 0; i < 100000; i++) {
		const struct in_addr peer = { htonl(0x0b000000U + i) };
		assert_non_null(inet_ntop(AF_INET, &peer, address, sizeof(address)));
		note(peers, address, 53, 4000, 1 + i);
		assert_true(lets_in(peers, address, 53, 4000, 2 + i));
	}
	int kept = 0;
	for (uint32_t i = 100000 - 2000; i < 100000; i++) {
		const struct in_addr peer = { htonl(0x0b000000U + i) };
		assert_non_null(inet_ntop(AF_INET, &peer, address, sizeof(address)));
		kept += lets_in(peers, address, 53, 4000, 100001);
	}
	assert_in_range(kept, 1990, 2000);
	assert_false(lets_in(peers, "11.0.0.0", 53, 4000, 100001));
}

/* Only UDP is looked at; and of it nothing that is not well formed comes in. */
static void other_frames_are_not_its_business(void **state)
{
	CUA_AUTO_FREE struct egress_udp_peers *peers = calloc(1, sizeof(*peers));
	uint8_t frame[FRAME_LEN];
	(void)state;
	assert_non_null(peers);
	for (size_t len = 0; len <= FRAME_LEN; len++) {
		CUA_AUTO_FREE uint8_t *copy = malloc(len > 0 ? len : 1);
		assert_non_null(copy);
		make_frame(&(struct ends){ "1.2.3.4", 53, SANDBOX, 4000 }, frame);
		memcpy(copy, frame, len);
		egress_udp_peers_note(peers, copy, len, 1);
		assert_int_equal(egress_udp_peers_let_in(peers, copy, len, 1), len < 24);
	}
	frame[23] = IPPROTO_TCP;
	assert_true(egress_udp_peers_let_in(peers, frame, sizeof(frame), 1));
	frame[23] = IPPROTO_UDP;
	frame[20] = 0x20; /* a beginning, with more to come */
	assert_false(egress_udp_peers_let_in(peers, frame, sizeof(frame), 1));
	frame[21] = 1; /* the rest */
	assert_true(egress_udp_peers_let_in(peers, frame, sizeof(frame), 1));
	frame[12] = 0x86;
	frame[13] = 0xdd;
	assert_true(egress_udp_peers_let_in(peers, frame, sizeof(frame), 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_asked_may_answer),
		cmocka_unit_test(many_peers_push_out_the_oldest),
		cmocka_unit_test(other_frames_are_not_its_business),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

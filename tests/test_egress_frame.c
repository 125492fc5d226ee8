/* Frames that leave a sandbox with an open network: which go on, and what the sender of the others
 * is told. */

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
#include "cua/egress/frame.h"

#define FRAME_LEN 54 /* Ethernet, IPv4, and as much as a TCP header */

struct packet {
	const char *to;
	uint8_t protocol;
	uint16_t port, fragment;
};

static void make_frame(const struct packet *packet, uint8_t frame[FRAME_LEN])
{
	static const uint8_t head[] = { 0x52, 0x55, 10, 0, 2, 2, 2, 1, 2, 3, 4, 5, 8, 0, 0x45, 0, 0,
		FRAME_LEN - 14, 0, 1, 0, 0, 64, 0, 0, 0, 10, 0, 2, 100 };
	memset(frame, 0, FRAME_LEN);
	memcpy(frame, head, sizeof(head));
	frame[20] = (uint8_t)(packet->fragment >> 8);
	frame[21] = (uint8_t)packet->fragment;
	frame[23] = packet->protocol;
	assert_int_equal(inet_pton(AF_INET, packet->to, frame + 30), 1);
	frame[34] = 0x9c; /* from port 40000 */
	frame[35] = 0x40;
	frame[36] = (uint8_t)(packet->port >> 8);
	frame[37] = (uint8_t)packet->port;
}

/* In memory of just this size, whose end a sanitizer watches. */
static enum egress_verdict check(
		const uint8_t *frame, size_t len, struct egress_destination *ret_destination)
{
	struct egress_checked checked = { .known = { { .address = 0 } } };
	CUA_AUTO_FREE uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, frame, len);
	return egress_frame_check(&checked, copy, len, 1, ret_destination);
}

static void only_public_addresses_and_the_name_server_pass(void **state)
{
	static const struct {
		struct packet packet;
		const char *why; /* NULL: it passes */
	} rows[] = {
		{ { "1.2.3.4", IPPROTO_TCP, 443, 0 }, NULL },
		{ { "1.2.3.4", IPPROTO_UDP, 53, 0 }, NULL },
		{ { "1.2.3.4", IPPROTO_ICMP, 0, 0 }, NULL },
		{ { "10.0.2.3", IPPROTO_UDP, 53, 0 }, NULL },
		{ { "10.0.2.3", IPPROTO_TCP, 53, 0 }, NULL },
		{ { "10.0.2.3", IPPROTO_UDP, 53, 0x4000 }, NULL }, /* not to be cut */
		{ { "10.0.2.3", IPPROTO_TCP, 80, 0 }, "a private address" },
		{ { "10.0.2.3", IPPROTO_ICMP, 53, 0 }, "a private address" },
		{ { "10.0.2.3", IPPROTO_UDP, 53, 0x2000 }, "a private address" }, /* the first */
		{ { "10.0.2.3", IPPROTO_UDP, 53, 1 }, "a private address" },      /* a later one */
		{ { "10.0.2.2", IPPROTO_TCP, 53, 0 }, "a private address" },
		{ { "10.0.2.2", IPPROTO_UDP, 69, 0 }, "a private address" },
		{ { "127.0.0.1", IPPROTO_TCP, 80, 0 }, "a loopback address" },
		{ { "169.254.169.254", IPPROTO_TCP, 80, 0 }, "a link-local address" },
		{ { "169.254.169.254", IPPROTO_TCP, 80, 5 }, "a link-local address" },
		{ { "168.63.129.16", IPPROTO_TCP, 80, 0 }, "a cloud's metadata address" },
		{ { "100.100.100.200", IPPROTO_TCP, 80, 0 }, "a carrier's address" },
		{ { "192.168.1.1", IPPROTO_TCP, 80, 0 }, "a private address" },
		{ { "0.0.0.0", IPPROTO_TCP, 80, 0 }, "an address of this network" },
		{ { "224.0.0.251", IPPROTO_UDP, 5353, 0 }, "a multicast address" },
		{ { "255.255.255.255", IPPROTO_UDP, 67, 0 }, "a reserved or broadcast address" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		uint8_t frame[FRAME_LEN];
		struct egress_destination to;
		make_frame(&rows[i].packet, frame);
		const enum egress_verdict verdict = check(frame, sizeof(frame), &to);
		assert_int_equal(verdict, rows[i].why ? EGRESS_REFUSED : EGRESS_PASS);
		if (rows[i].why) {
			assert_string_equal(to.why, rows[i].why);
		}
		assert_int_equal(to.address.s_addr, inet_addr(rows[i].packet.to));
		assert_int_equal(to.protocol, rows[i].packet.protocol);
		const bool begins = (rows[i].packet.fragment & 0x1fff) == 0;
		assert_int_equal(to.port,
				begins && to.protocol != IPPROTO_ICMP ? rows[i].packet.port : 0);
	}
}

static void what_no_client_sends_is_dropped(void **state)
{
	const struct packet packet = { "1.2.3.4", IPPROTO_TCP, 443, 0 };
	static const struct {
		int at;
		uint8_t byte;
	} changes[] = {
		{ 12, 0x86 }, /* another protocol */
		{ 14, 0x46 }, /* options */
		{ 14, 0x65 }, /* another version */
		{ 14, 0x44 }, /* a header that is too short */
		{ 17, 19 },   /* a packet shorter than its header */
		{ 17, 41 },   /* longer than the frame */
		{ 16, 1 },
	};
	struct egress_destination to;
	uint8_t frame[FRAME_LEN];
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(changes); i++) {
		make_frame(&packet, frame);
		frame[changes[i].at] = changes[i].byte;
		assert_int_equal(check(frame, sizeof(frame), &to), EGRESS_DROP);
	}
	make_frame(&packet, frame);
	for (size_t len = 0; len < FRAME_LEN; len++) {
		assert_int_equal(check(frame, len, &to), EGRESS_DROP);
	}
	frame[13] = 6; /* ARP */
	assert_int_equal(check(frame, sizeof(frame), &to), EGRESS_PASS);
	assert_int_equal(to.address.s_addr, 0);
}

static void a_short_packet_has_no_port(void **state)
{
	struct packet packet = { "10.0.2.3", IPPROTO_UDP, 53, 0 };
	struct egress_destination to;
	uint8_t frame[FRAME_LEN];
	(void)state;
	make_frame(&packet, frame);
	frame[17] = 23; /* what lies behind it is padding of the frame */
	assert_int_equal(check(frame, sizeof(frame), &to), EGRESS_REFUSED);
	assert_int_equal(to.port, 0);
}

static uint16_t sum(const uint8_t *bytes, size_t len)
{
	uint32_t all = 0;
	for (size_t i = 0; i < len; i += 2) {
		all += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	}
	all = (all & 0xffff) + (all >> 16);
	return (uint16_t)((all & 0xffff) + (all >> 16));
}

static void the_sender_is_told(void **state)
{
	const struct packet packet = { "169.254.169.254", IPPROTO_TCP, 80, 0 };
	uint8_t frame[FRAME_LEN], answer[EGRESS_REFUSAL_LEN];
	(void)state;
	make_frame(&packet, frame);
	assert_int_equal(egress_frame_refusal(frame, sizeof(frame), answer), EGRESS_REFUSAL_LEN);
	assert_memory_equal(answer, frame + 6, 6); /* to whom it came from */
	assert_memory_equal(answer + 6, frame, 6);
	assert_memory_equal(answer + 12, ((uint8_t[]){ 8, 0, 0x45 }), 3);
	assert_memory_equal(answer + 26, ((uint8_t[]){ 10, 0, 2, 2, 10, 0, 2, 100 }), 8);
	assert_memory_equal(answer + 34, ((uint8_t[]){ 3, 13 }), 2);
	assert_memory_equal(answer + 42, frame + 14, 28);
	assert_int_equal(sum(answer + 14, 20), 0xffff);
	assert_int_equal(sum(answer + 34, EGRESS_REFUSAL_LEN - 34), 0xffff);
}

static void others_get_no_answer(void **state)
{
	static const struct packet packets[] = {
		{ "169.254.169.254", IPPROTO_ICMP, 0, 0 }, /* may be an answer itself */
		{ "169.254.169.254", IPPROTO_TCP, 80, 5 },
		{ "224.0.0.251", IPPROTO_UDP, 5353, 0 },
		{ "255.255.255.255", IPPROTO_UDP, 67, 0 },
	};
	uint8_t frame[FRAME_LEN], answer[EGRESS_REFUSAL_LEN];
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(packets); i++) {
		make_frame(&packets[i], frame);
		assert_int_equal(egress_frame_refusal(frame, sizeof(frame), answer), 0);
	}
	const struct packet packet = { "10.1.2.3", IPPROTO_UDP, 80, 0 };
	make_frame(&packet, frame);
	frame[17] = 24;
	assert_int_equal(egress_frame_refusal(frame, 14 + 24, answer), 0); /* too short to quote */
}

static void an_address_is_checked_anew_after_a_second(void **state)
{
	const struct packet packet = { "1.2.3.4", IPPROTO_TCP, 443, 0 };
	struct egress_checked checked = { .known = { { .address = 0 } } };
	struct egress_destination to;
	uint8_t frame[FRAME_LEN];
	(void)state;
	make_frame(&packet, frame);
	assert_int_equal(egress_frame_check(&checked, frame, sizeof(frame), 5, &to), EGRESS_PASS);
	for (size_t i = 0; i < CUA_ARRAY_LEN(checked.known); i++) {
		checked.known[i].why = "it has become this machine's";
	}
	assert_int_equal(egress_frame_check(&checked, frame, sizeof(frame), 1000004, &to),
			EGRESS_REFUSED);
	assert_int_equal(egress_frame_check(&checked, frame, sizeof(frame), 1000005, &to),
			EGRESS_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_public_addresses_and_the_name_server_pass),
		cmocka_unit_test(what_no_client_sends_is_dropped),
		cmocka_unit_test(a_short_packet_has_no_port),
		cmocka_unit_test(the_sender_is_told),
		cmocka_unit_test(others_get_no_answer),
		cmocka_unit_test(an_address_is_checked_anew_after_a_second),
	};
	return cmocka_run_group_tests_name("egress_frame", tests, NULL, NULL);
}

/* Frames of a sandbox with an open network: whatever passes leads to the public internet or is a
 * question to the name server, the answer to what does not fits what it answers, and who was asked
 * by UDP may answer. */
#include <arpa/inet.h>
#include <string.h>

#include "cua/egress/address.h"
#include "cua/egress/frame.h"
#include "cua/egress/udp_peers.h"
#include "tests/fuzz/fuzz.h"

/* Back the way it came. */
static void turn_around(uint8_t frame[42])
{
	uint8_t own[4];
	memcpy(own, frame + 26, 4);
	memcpy(frame + 26, frame + 30, 4);
	memcpy(frame + 30, own, 4);
	memcpy(own, frame + 34, 2);
	memcpy(frame + 34, frame + 36, 2);
	memcpy(frame + 36, own, 2);
}

static void check_answer(const uint8_t *data, size_t size)
{
	static struct egress_udp_peers peers;
	uint8_t answer[42];
	egress_udp_peers_note(&peers, data, size, 1);
	(void)egress_udp_peers_let_in(&peers, data, size, 2);
	if (size >= sizeof(answer)) {
		memcpy(answer, data, sizeof(answer));
		turn_around(answer);
		FUZZ_CHECK(egress_udp_peers_let_in(&peers, answer, sizeof(answer), 2));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct egress_checked checked;
	struct egress_destination to;
	uint8_t answer[EGRESS_REFUSAL_LEN];
	const enum egress_verdict verdict = egress_frame_check(&checked, data, size, 1, &to);
	FUZZ_CHECK((verdict == EGRESS_REFUSED) == (to.why != NULL));
	FUZZ_CHECK(verdict != EGRESS_DROP || to.address.s_addr == 0);
	if (verdict == EGRESS_PASS && !(data[12] == 8 && data[13] == 6)) {
		const struct sockaddr_in address = { .sin_family = AF_INET,
			.sin_addr = to.address };
		const char *why = egress_address_refusal((const struct sockaddr *)&address);
		FUZZ_CHECK(size >= 34 && memcmp(&to.address, data + 30, 4) == 0);
		FUZZ_CHECK(!why ||
				(to.address.s_addr == htonl(EGRESS_NAME_SERVER) && to.port == 53));
		check_answer(data, size);
	}
	if (egress_frame_refusal(data, size, answer) > 0) {
		FUZZ_CHECK(verdict != EGRESS_DROP && to.port == (data[36] << 8 | data[37]));
		FUZZ_CHECK(memcmp(answer + 42, data + 14, 28) == 0);
	}
	return 0;
}

/* Frames of a sandbox with an open network: whatever passes leads to the public internet or is a
 * question to the name server, and the answer to what does not fits what it answers. */
#include <arpa/inet.h>
#include <string.h>

#include "cua/egress/address.h"
#include "cua/egress/frame.h"
#include "tests/fuzz/fuzz.h"

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
	}
	if (egress_frame_refusal(data, size, answer) > 0) {
		FUZZ_CHECK(verdict != EGRESS_DROP && to.port == (data[36] << 8 | data[37]));
		FUZZ_CHECK(memcmp(answer + 42, data + 14, 28) == 0);
	}
	return 0;
}

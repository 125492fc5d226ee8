/* The parts that need no process: the gate's parser, and the slowing down of guesses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "display/vnc/vnc_gate.h"
#include "display/vnc/vnc_lockout.h"

static void gate_takes_any_bytes(void **state)
{
	(void)state;
	static uint8_t bytes[VNC_GATE_MESSAGE_MAX];
	unsigned seed = 1;
	for (int round = 0; round < 200000; round++) {
		size_t len = (size_t)rand_r(&seed) % 40;
		for (size_t i = 0; i < len; i++) {
			bytes[i] = (uint8_t)(rand_r(&seed) % 3 ? rand_r(&seed) % 7 : rand_r(&seed));
		}
		enum vnc_phase phase = (enum vnc_phase)(round % (VNC_PHASE_NORMAL + 1));
		/* The exact size, so that a sanitizer sees a read beyond it. */
		uint8_t *exact = malloc(len + 1);
		memcpy(exact, bytes, len);
		uint8_t *input = realloc(exact, len > 0 ? len : 1);
		struct vnc_gate_message message = vnc_gate_next(phase, input, len);
		assert_true(message.len <= len);
		if (message.kind == VNC_GATE_MORE || message.kind == VNC_GATE_BAD) {
			assert_int_equal(message.len, 0);
		} else {
			assert_true(message.len > 0);
		}
		free(input);
	}
	/* What fills the buffer is never "more": the viewer would be stuck. */
	for (int type = 0; type < 256; type++) {
		for (int round = 0; round < 200; round++) {
			for (size_t i = 0; i < 16; i++) {
				bytes[i] = (uint8_t)rand_r(&seed);
			}
			bytes[0] = (uint8_t)type;
			struct vnc_gate_message message =
					vnc_gate_next(VNC_PHASE_NORMAL, bytes, sizeof(bytes));
			assert_int_not_equal(message.kind, VNC_GATE_MORE);
		}
	}
}

static void a_day_of_guessing_gets_nowhere(void **state)
{
	(void)state;
	struct vnc_lockout lockout = { 0 };
	int guesses = 0;
	for (uint64_t now_us = 1000000; now_us < UINT64_C(86400000000); now_us += 100000) {
		if (!vnc_lockout_refuses(&lockout, 7, now_us)) {
			vnc_lockout_failed(&lockout, 7, now_us);
			guesses++;
		}
	}
	assert_true(guesses < 1500); /* one a minute */
}

static void failures_of_one_refuse_others_only_when_many(void **state)
{
	(void)state;
	struct vnc_lockout lockout = { 0 };
	for (int i = 0; i < 5; i++) {
		assert_false(vnc_lockout_refuses(&lockout, 7, 1000));
		vnc_lockout_failed(&lockout, 7, 1000);
	}
	assert_true(vnc_lockout_refuses(&lockout, 7, 1000));
	assert_false(vnc_lockout_refuses(&lockout, 8, 1000));
	assert_false(vnc_lockout_refuses(&lockout, 7, 1001000));
	vnc_lockout_succeeded(&lockout, 7);
	vnc_lockout_failed(&lockout, 7, 2000000);
	assert_false(vnc_lockout_refuses(&lockout, 7, 2000000));
	for (uint32_t source = 100; source < 120; source++) {
		vnc_lockout_failed(&lockout, source, 3000000);
	}
	assert_true(vnc_lockout_refuses(&lockout, 8, 3000000));
}

static void failures_are_remembered_for_a_while(void **state)
{
	struct vnc_lockout lockout = { 0 };
	(void)state;
	assert_false(vnc_lockout_remembers(&lockout, 1000));
	vnc_lockout_failed(&lockout, 7, 1000);
	assert_true(vnc_lockout_remembers(&lockout, 1000));
	assert_true(vnc_lockout_remembers(&lockout, UINT64_C(800000000)));
	/* One that got in does not wipe out what others did. */
	vnc_lockout_succeeded(&lockout, 8);
	assert_true(vnc_lockout_remembers(&lockout, 2000));
	assert_false(vnc_lockout_remembers(&lockout, UINT64_C(1000000000)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate_takes_any_bytes),
		cmocka_unit_test(failures_are_remembered_for_a_while),
		cmocka_unit_test(a_day_of_guessing_gets_nowhere),
		cmocka_unit_test(failures_of_one_refuse_others_only_when_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

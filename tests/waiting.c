#include "tests/waiting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "cua/base/util.h"

#define POLL_US 10000

bool waits_until(condition_fn condition, void *data, int timeout_ms)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	while (!condition(data)) {
		if (cua_now_us() > deadline_us) {
			return false;
		}
		usleep(POLL_US);
	}
	return true;
}

void wait_until(condition_fn condition, void *data, const char *what)
{
	if (!waits_until(condition, data, DESKTOP_DEADLINE_MS)) {
		fail_msg("not in %d ms: %s", DESKTOP_DEADLINE_MS, what);
	}
}

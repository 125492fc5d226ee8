/* The gateway's log, when a sandbox sends to wherever it may not. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/egress/gateway_log.h"

#define FLOOD 1000000U

static uint64_t size_of(int fd)
{
	struct stat info;
	assert_int_equal(fstat(fd, &info), 0);
	return (uint64_t)info.st_size;
}

static struct egress_gateway_log *make_log(int fd)
{
	struct egress_gateway_log *log = calloc(1, sizeof(*log));
	assert_non_null(log);
	egress_decisions_init(&log->lines, fd, EGRESS_LOG_MAX);
	return log;
}

static void refused_packets_do_not_end_it(void **state)
{
	CUA_AUTO_FD int fd = memfd_create("log", MFD_CLOEXEC);
	CUA_AUTO_FREE struct egress_gateway_log *log = make_log(fd);
	(void)state;
	for (uint32_t i = 0; i < FLOOD; i++) {
		const struct egress_destination destination = { .address = { htonl(
										0x0a000000U + i) },
			.protocol = IPPROTO_UDP,
			.port = (uint16_t)i,
			.why = "a private address" };
		assert_int_equal(egress_gateway_log(log, &destination, 1000000U + i, NULL), CUA_OK);
	}
	assert_true(size_of(fd) < 200000);
	const uint64_t before = size_of(fd);
	const struct egress_destination public = {
		.address = { htonl(0x01020304U) }, .protocol = IPPROTO_TCP, .port = 443
	};
	assert_int_equal(egress_gateway_log(log, &public, 3000000, NULL), CUA_OK);
	char text[512] = "";
	assert_true(pread(fd, text, sizeof(text) - 1, (off_t)before) > 0);
	assert_non_null(strstr(text, "\"event\":\"left out\",\"count\":999000"));
	assert_non_null(strstr(text, "\"event\":\"allowed\""));
}

/* So that it is in the log when there is room, and not taken for known. */
static void what_was_left_out_is_written_when_it_comes_again(void **state)
{
	CUA_AUTO_FD int fd = memfd_create("log", MFD_CLOEXEC);
	CUA_AUTO_FREE struct egress_gateway_log *log = make_log(fd);
	struct egress_destination destination = { .protocol = IPPROTO_UDP,
		.why = "a private address" };
	(void)state;
	for (uint32_t i = 0; i <= 1000; i++) {
		destination.address.s_addr = htonl(0x0a000000U + i);
		assert_int_equal(egress_gateway_log(log, &destination, 1, NULL), CUA_OK);
	}
	const uint64_t before = size_of(fd);
	assert_int_equal(egress_gateway_log(log, &destination, 20000000, NULL), CUA_OK);
	assert_true(size_of(fd) > before);
	const uint64_t after = size_of(fd);
	assert_int_equal(egress_gateway_log(log, &destination, 40000000, NULL), CUA_OK);
	assert_int_equal(size_of(fd), after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_packets_do_not_end_it),
		cmocka_unit_test(what_was_left_out_is_written_when_it_comes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

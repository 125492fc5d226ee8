/* The log of a proxy or a gateway: what of it is bounded, and by what. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/egress/decisions.h"

#define SECOND 1000000ULL
#define AT_ONCE 1000

static char dir[] = "/tmp/cua-test-decisions-XXXXXX", path[64], old[80];

static int open_log(void)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static enum cua_status write_line(struct egress_decisions *log, bool is_refusal)
{
	CUA_AUTO_JSON cJSON *line = egress_decisions_line();
	cJSON_AddStringToObject(line, "event", is_refusal ? "denied" : "allowed");
	return egress_decisions_write(log, line, is_refusal, NULL);
}

/* How many of these refusals are written. */
static int refuse(struct egress_decisions *log, int count, uint64_t now_us)
{
	int written = 0;
	for (int i = 0; i < count; i++) {
		if (egress_decisions_takes_refusal(log, now_us)) {
			assert_int_equal(write_line(log, true), CUA_OK);
			written++;
		}
	}
	return written;
}

static uint64_t size_of(const char *name)
{
	struct stat info;
	return stat(name, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static bool log_has(const char *words)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	return strstr(text.data, words) != NULL;
}

static int clear(void **state)
{
	(void)state;
	unlink(path);
	unlink(old);
	return 0;
}

static void a_flood_of_refusals_is_counted_and_not_written(void **state)
{
	struct egress_decisions log;
	CUA_AUTO_FD int fd = open_log();
	(void)state;
	egress_decisions_init(&log, fd, EGRESS_LOG_MAX);
	assert_int_equal(refuse(&log, 5000, SECOND), AT_ONCE);
	assert_false(log_has("left out"));
	/* Ten seconds make one more, which tells of those before. */
	assert_int_equal(refuse(&log, 100, 11 * SECOND), 1);
	assert_true(log_has("\"event\":\"left out\",\"count\":4000"));
	assert_int_equal(refuse(&log, 100, 100 * SECOND), 8);
	egress_decisions_finish(&log);
	assert_true(log_has("\"count\":99,"));
	assert_true(log_has("\"count\":92,"));
	/* Quiet makes room again, up to what it was. */
	assert_int_equal(refuse(&log, 5000, 1000000 * SECOND), AT_ONCE);
}

static void what_is_let_through_tells_of_what_was_left_out(void **state)
{
	struct egress_decisions log;
	CUA_AUTO_FD int fd = open_log();
	(void)state;
	egress_decisions_init(&log, fd, EGRESS_LOG_MAX);
	assert_int_equal(refuse(&log, AT_ONCE + 7, SECOND), AT_ONCE);
	assert_int_equal(write_line(&log, false), CUA_OK);
	assert_true(log_has("\"count\":7,"));
}

static void refusals_get_half_of_the_file_at_most(void **state)
{
	struct egress_decisions log;
	CUA_AUTO_FD int fd = open_log();
	(void)state;
	egress_decisions_init(&log, fd, 4000);
	const int written = refuse(&log, 500, SECOND);
	assert_in_range(written, 10, 100);
	assert_in_range(size_of(path), 2000, 2100);
	assert_int_equal(write_line(&log, false), CUA_OK);
	while (write_line(&log, false) == CUA_OK) {
		assert_true(size_of(path) <= 4000);
	}
	assert_in_range(size_of(path), 3900, 4000);
}

/* The file is bounded, not what one process writes into it. */
static void what_was_there_before_counts(void **state)
{
	struct egress_decisions log;
	(void)state;
	for (int i = 0; i < 3; i++) {
		CUA_AUTO_FD int fd = open_log();
		egress_decisions_init(&log, fd, 1000);
		while (write_line(&log, false) == CUA_OK) {
		}
		assert_in_range(size_of(path), 900, 1000);
	}
}

static void a_long_log_makes_room(void **state)
{
	(void)state;
	close(open_log());
	assert_int_equal(truncate(path, 4 << 20), 0);
	egress_decisions_make_room(path);
	assert_int_equal(size_of(path), 4 << 20);
	assert_int_equal(truncate(path, (4 << 20) + 1), 0);
	egress_decisions_make_room(path);
	assert_int_equal(size_of(path), 0);
	assert_int_equal(size_of(old), (4 << 20) + 1);
}

#define TEST(name) cmocka_unit_test_setup(name, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flood_of_refusals_is_counted_and_not_written),
		TEST(what_is_let_through_tells_of_what_was_left_out),
		TEST(refusals_get_half_of_the_file_at_most),
		TEST(what_was_there_before_counts),
		TEST(a_long_log_makes_room),
	};
	if (!mkdtemp(dir)) {
		return 1;
	}
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(old, sizeof(old), "%s" EGRESS_LOG_OLD, path);
	const int failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cua_remove_tree(dir, NULL) == CUA_OK ? failed : 1;
}

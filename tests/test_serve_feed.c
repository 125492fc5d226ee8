/* The feed: what changed last, of each thing, in one row; from any number on. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/feed.h"

static uv_loop_t loop;
static struct feed *feed;

static int begin(void **state)
{
	(void)state;
	return uv_loop_init(&loop) != 0 || feed_create(&loop, &feed, NULL) != CUA_OK;
}

static int finish(void **state)
{
	(void)state;
	feed_end(feed);
	uv_run(&loop, UV_RUN_DEFAULT);
	feed_destroy(feed);
	return uv_loop_close(&loop);
}

static void note(const char *event, const char *id, bool is_over, const char *members)
{
	feed_note(feed, event, id, is_over, cJSON_Parse(members));
}

static cJSON *next(struct feed_watcher *watcher)
{
	CUA_AUTO_FREE char *text = feed_next(feed, watcher);
	return text ? cJSON_Parse(text) : NULL;
}

/* Its thing and its state; NULL: there is none. */
static void expect_next(struct feed_watcher *watcher, const char *id, const char *state)
{
	CUA_AUTO_JSON cJSON *message = next(watcher);
	if (!id) {
		assert_null(message);
		return;
	}
	assert_non_null(message);
	assert_string_equal(cua_json_text(message, cua_json_text(message, "event")), id);
	assert_string_equal(cua_json_text(message, "state"), state);
	assert_true(cua_json_number(message, "seq") == (double)watcher->after);
}

static struct feed_watcher watcher_of_now(void)
{
	struct feed_watcher watcher = { .after = 0 };
	CUA_AUTO_JSON cJSON *message = next(&watcher);
	assert_string_equal(cua_json_text(message, "event"), "reset");
	assert_true(cua_json_number(message, "seq") == (double)watcher.after);
	return watcher;
}

static void changes_come_in_their_order(void **state)
{
	struct feed_watcher watcher = watcher_of_now();
	(void)state;
	note("run", "a", false, "{\"state\":\"queued\"}");
	note("desktop", "a", false, "{\"state\":\"running\"}");
	expect_next(&watcher, "a", "queued");
	expect_next(&watcher, "a", "running");
	expect_next(&watcher, NULL, NULL);
	note("run", "a", true, "{\"state\":\"done\"}");
	expect_next(&watcher, "a", "done");
}

static void what_is_as_it_was_is_not_told(void **state)
{
	struct feed_watcher watcher = watcher_of_now();
	(void)state;
	note("run", "b", false, "{\"state\":\"queued\",\"project\":\"p\"}");
	expect_next(&watcher, "b", "queued");
	note("run", "b", false, "{\"state\":\"queued\"}");
	expect_next(&watcher, NULL, NULL);
	/* Members that are not said again stay. */
	note("run", "b", false, "{\"now\":{\"step\":1}}");
	CUA_AUTO_JSON cJSON *message = next(&watcher);
	assert_string_equal(cua_json_text(message, "project"), "p");
	assert_int_equal(cua_json_int(cua_json_member(message, "now"), "step"), 1);
	/* But of what is over, which is told whole. */
	note("run", "b", true, "{\"state\":\"done\"}");
	CUA_AUTO_JSON cJSON *last = next(&watcher);
	assert_null(cua_json_member(last, "project"));
}

static void who_is_slow_hears_the_latest(void **state)
{
	struct feed_watcher watcher = watcher_of_now();
	(void)state;
	for (int i = 0; i < 1000; i++) {
		char members[64];
		snprintf(members, sizeof(members), "{\"state\":\"%d\"}", i);
		note("run", "c", false, members);
		note("run", "d", false, members);
	}
	expect_next(&watcher, "c", "999");
	expect_next(&watcher, "d", "999");
	expect_next(&watcher, NULL, NULL);
}

static void who_missed_something_is_told_so(void **state)
{
	struct feed_watcher early = watcher_of_now();
	(void)state;
	note("run", "e", true, "{\"state\":\"done\"}");
	struct feed_watcher late = early;
	expect_next(&late, "e", "done");
	for (int i = 0; i < 5000; i++) {
		char id[16];
		snprintf(id, sizeof(id), "f%d", i);
		note("run", id, true, "{\"state\":\"done\"}");
	}
	CUA_AUTO_JSON cJSON *message = next(&early);
	assert_string_equal(cua_json_text(message, "event"), "reset");
	expect_next(&early, NULL, NULL);
	/* As is who comes with a number that was never given. */
	struct feed_watcher other = { .after = UINT64_MAX };
	CUA_AUTO_JSON cJSON *reset = next(&other);
	assert_string_equal(cua_json_text(reset, "event"), "reset");
}

static void it_holds_so_many_bytes(void **state)
{
	struct feed_watcher watcher = watcher_of_now();
	(void)state;
	CUA_AUTO_FREE char *members = malloc((1 << 20) + 64);
	assert_non_null(members);
	memset(members, 'x', (1 << 20) + 63);
	memcpy(members, "{\"words\":\"", 10);
	memcpy(members + (1 << 20), "\",\"state\":\"open\"}", 18);
	for (int i = 0; i < 40; i++) {
		char id[16];
		snprintf(id, sizeof(id), "g%d", i);
		note("approval", id, false, members);
	}
	CUA_AUTO_JSON cJSON *message = next(&watcher);
	assert_string_equal(cua_json_text(message, "event"), "reset");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_come_in_their_order),
		cmocka_unit_test(what_is_as_it_was_is_not_told),
		cmocka_unit_test(who_is_slow_hears_the_latest),
		cmocka_unit_test(who_missed_something_is_told_so),
		cmocka_unit_test(it_holds_so_many_bytes),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

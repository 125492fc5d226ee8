/* What an answer says has changed is what was drawn after the request came, however late the X
 * server tells of what was drawn before. What it tells beside an answer is not slept on. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/display_internal.h"
#include "display/stream.h"
#include "tests/desktop_fixture.h"

#define ROUNDS 50
#define SLEPT_S 30 /* nothing else happens on the desktop meanwhile */

static struct world world;
static struct desktop desktop;
static struct display *display;
static GC gc;

static const struct cua_region place = { 40, 50, 20, 30 };

static int start(void **state)
{
	(void)state;
	struct desktop_record record;
	struct cua_error error = { 0 };
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "changes");
	setenv("CUA_RUNTIME_DIR", world_path(&world, "run"), 1);
	if (desktop_record_read("changes", &record, &error) != CUA_OK ||
			display_connect(&record, &display, &error) != CUA_OK) {
		print_error("%s\n", error.msg);
		return -1;
	}
	gc = XCreateGC(display->xlib, display->root, 0, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (display) {
		XFreeGC(display->xlib, gc);
	}
	display_disconnect(display);
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* On the display's own connection: the server has it before whatever is sent later, and what it
 * tells of it comes later still. */
static void draw(unsigned long colour)
{
	XSetForeground(display->xlib, gc, colour);
	XFillRectangle(display->xlib, display->root, gc, place.x, place.y,
			(unsigned int)place.width, (unsigned int)place.height);
}

static void click(void)
{
	const struct cua_action action = { .type = CUA_ACTION_CLICK,
		.has_at = true,
		.at = { 600, 700 },
		.button = 1,
		.count = 1 };
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *result = cJSON_CreateObject();
	assert_int_equal(display_act(display, &action, result, &error), CUA_OK);
}

static bool is_told(void)
{
	CUA_AUTO_JSON cJSON *answer = cJSON_CreateObject();
	display_sync(display); /* everything has been told */
	display_report(display, answer);
	const cJSON *rect = NULL;
	cJSON_ArrayForEach (rect, cJSON_GetObjectItemCaseSensitive(answer, "changed")) {
		const cJSON *x = cJSON_GetArrayItem(rect, 0), *y = cJSON_GetArrayItem(rect, 1);
		if (x && y && x->valueint == place.x && y->valueint == place.y) {
			return true;
		}
	}
	return false;
}

static void what_was_drawn_before_is_not_told(void **state)
{
	(void)state;
	for (unsigned long round = 0; round < ROUNDS; round++) {
		draw(round * 5);
		display_begin(display);
		click();
		assert_false(is_told());
		assert_false(display_has_changed(display));
	}
}

static void what_is_drawn_afterwards_is_told(void **state)
{
	(void)state;
	for (unsigned long round = 0; round < ROUNDS; round++) {
		display_begin(display);
		click();
		draw(round * 7);
		assert_true(is_told());
	}
}

static void what_is_drawn_afterwards_in_the_same_place_is_told(void **state)
{
	(void)state;
	for (unsigned long round = 0; round < ROUNDS; round++) {
		draw(round * 11);
		display_begin(display);
		click();
		draw(round * 13 + 1);
		assert_true(is_told());
	}
}

/* The server tells of the drawing before it answers, and xcb has read both when this returns:
 * nothing more comes to the descriptor. */
static void draw_and_read_ahead(unsigned long colour)
{
	draw(colour);
	XFlush(display->xlib);
	free(display_answer(display, xcb_get_input_focus(display->xcb).sequence));
}

struct read_ahead {
	bool is_read;
	uint64_t before; /* reports of damage */
};

static bool is_handled(struct display *at, void *data)
{
	struct read_ahead *ahead = data;
	if (!ahead->is_read) {
		ahead->is_read = true;
		ahead->before = at->damage.count;
		draw_and_read_ahead(1);
	}
	return at->damage.count != ahead->before;
}

static void waiting_does_not_sleep_on_what_was_read_beside_an_answer(void **state)
{
	(void)state;
	struct cua_error error = { 0 };
	for (int round = 0; round < ROUNDS; round++) {
		struct read_ahead ahead = { .is_read = false };
		display_sync(display);
		const uint64_t deadline_us = cua_now_us() + SLEPT_S * 1000000U;
		assert_int_equal(display_wait(display, deadline_us, is_handled, &ahead, &error),
				CUA_OK);
		assert_true(cua_now_us() < deadline_us); /* what has come late counts, too */
	}
}

/* A stream that draws and reads ahead with its first updates, and ends the idling with its last. */
struct watcher {
	struct display_stream stream;
	int wake_fd, updates, wanted;
	bool draws; /* with each update but the last */
};

static void set_alarm(int fd, const struct itimerspec *in)
{
	assert_int_equal(timerfd_settime(fd, 0, in, NULL), 0);
}

static void on_update(struct display_stream *stream, struct display_update *update)
{
	struct watcher *watcher = stream->user_data;
	display_update_destroy(update);
	atomic_store(&stream->ready, true);
	if (++watcher->updates >= watcher->wanted) {
		set_alarm(watcher->wake_fd, &(struct itimerspec){ .it_value.tv_nsec = 1 });
	} else if (watcher->draws) {
		draw_and_read_ahead((unsigned long)watcher->updates);
	}
}

/* Idles until so many updates have come. */
static void idle(struct watcher *watcher)
{
	watcher->wake_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	watcher->stream.on_update = on_update;
	watcher->stream.user_data = watcher;
	atomic_store(&watcher->stream.ready, true);
	set_alarm(watcher->wake_fd, &(struct itimerspec){ .it_value.tv_sec = SLEPT_S });
	display_stream_open(display, &watcher->stream);
	assert_true(display_idle(display, watcher->wake_fd));
	display_stream_close(display, &watcher->stream);
	close(watcher->wake_fd);
	assert_int_equal(watcher->updates, watcher->wanted);
}

static void idling_does_not_sleep_on_what_was_read_beside_an_answer(void **state)
{
	(void)state;
	struct watcher watcher = { .wanted = ROUNDS, .draws = true };
	idle(&watcher);
}

static void on_people(void *data)
{
	unsigned long *colour = data;
	draw_and_read_ahead(++*colour);
}

/* What is due while nothing happens reads answers, too. */
static void who_gives_back_in_silence_does_not_put_it_to_sleep(void **state)
{
	(void)state;
	unsigned long colour = 100;
	struct cua_error error = { 0 };
	struct watcher watcher = { .wanted = 2 };
	const struct control_order take = {
		.what = CONTROL_TAKE, .person = display_local_person(), .idle_s = 1
	};
	assert_int_equal(display_order(display, &take, &error), CUA_OK);
	display_sync(display);
	display_on_people(display, on_people, &colour);
	idle(&watcher);
	display_on_people(display, NULL, NULL);
	assert_false(display_person_has_input(display));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_drawn_before_is_not_told),
		cmocka_unit_test(what_is_drawn_afterwards_is_told),
		cmocka_unit_test(what_is_drawn_afterwards_in_the_same_place_is_told),
		cmocka_unit_test(waiting_does_not_sleep_on_what_was_read_beside_an_answer),
		cmocka_unit_test(idling_does_not_sleep_on_what_was_read_beside_an_answer),
		cmocka_unit_test(who_gives_back_in_silence_does_not_put_it_to_sleep),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

/* A person has the desktop in private: that person's viewers see the screen, all others what the
 * host shows in its place, whenever they come. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/vnc_viewers.h"

#define NOTICE 0x202020U
#define SCREEN 0x4488ccU
#define SIZE ((size_t)VNC_TEST_WIDTH * VNC_TEST_HEIGHT * 4)

struct person {
	struct vnc_seen seen;
	rfbClient *viewer;
};

static void come(struct vnc_host *host, struct person *person, enum vnc_mode mode, const char *id)
{
	person->viewer = vnc_viewer_adopt(
			vnc_pass_connect(host, mode, id, "Ann"), "raw", &person->seen);
	assert_non_null(person->viewer);
}

static void go(struct person *person)
{
	vnc_viewer_disconnect(person->viewer);
}

static bool shows(rfbClient *viewer, const void *data)
{
	const uint32_t colour = *(const uint32_t *)data;
	const uint32_t *pixels = (const void *)viewer->frameBuffer;
	for (size_t i = 0; i < SIZE / 4; i++) {
		if ((pixels[i] & 0xffffff) != colour) {
			return false;
		}
	}
	return true;
}

static void expect(struct person *person, uint32_t colour)
{
	vnc_viewer_wait(person->viewer, shows, &colour);
}

static void fill(uint32_t *pixels, uint32_t colour)
{
	for (size_t i = 0; i < SIZE / 4; i++) {
		pixels[i] = colour;
	}
}

/* The screen, which nobody but viewers of person sees; the mapping to draw on. */
static uint32_t *hide(struct vnc_host *host, const char *person)
{
	CUA_AUTO_FD int fd = memfd_create("private", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
	uint32_t *pixels = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(pixels, MAP_FAILED);
	fill(pixels, SCREEN);
	fill(host->pixels, NOTICE);
	struct vnc_link_message message = { .type = VNC_LINK_PRIVATE,
		.u.private = { .width_px = VNC_TEST_WIDTH,
				.height_px = VNC_TEST_HEIGHT,
				.stride_bytes = VNC_TEST_WIDTH * 4 } };
	snprintf(message.u.private.person, sizeof(message.u.private.person), "%s", person);
	vnc_host_send(host, &message, NULL, fd);
	return pixels;
}

static void damage(struct vnc_host *host)
{
	const struct vnc_link_message message = { .type = VNC_LINK_DAMAGE,
		.u.damage = { 0, 0, VNC_TEST_WIDTH, VNC_TEST_HEIGHT } };
	vnc_host_send(host, &message, NULL, -1);
}

static void show_all(struct vnc_host *host, uint32_t colour)
{
	const struct vnc_link_message over = { .type = VNC_LINK_PRIVATE };
	fill(host->pixels, colour);
	vnc_host_send(host, &over, NULL, -1);
}

static void only_the_person_sees_the_screen(void **state)
{
	struct vnc_host *host = *state;
	struct person ann, ann_again, watcher, ben, late;
	come(host, &ann, VNC_MODE_PRIVATE, "ann");
	come(host, &ann_again, VNC_MODE_WATCH, "ann");
	come(host, &watcher, VNC_MODE_WATCH, "eve");
	come(host, &ben, VNC_MODE_ACT, "ben");
	vnc_viewer_wait_frame(watcher.viewer, host);
	uint32_t *screen = hide(host, "ann");
	expect(&ann, SCREEN);
	expect(&watcher, NOTICE);
	expect(&ben, NOTICE);
	expect(&ann_again, NOTICE); /* she said that it only watches: it may stand anywhere */
	/* What happens there nobody else is told of, nor who comes now. */
	fill(screen, 0xff0000);
	damage(host);
	expect(&ann, 0xff0000);
	come(host, &late, VNC_MODE_ACT, "eve");
	expect(&late, NOTICE);
	assert_true(SendFramebufferUpdateRequest(
			watcher.viewer, 0, 0, VNC_TEST_WIDTH, VNC_TEST_HEIGHT, FALSE));
	vnc_viewer_sync(watcher.viewer);
	expect(&watcher, NOTICE);
	/* Her own next viewer sees it at once. */
	go(&ann);
	come(host, &ann, VNC_MODE_ACT, "ann");
	expect(&ann, 0xff0000);
	show_all(host, 0x00aa00);
	expect(&ann, 0x00aa00);
	expect(&watcher, 0x00aa00);
	expect(&late, 0x00aa00);
	munmap(screen, SIZE);
	go(&ann);
	go(&ann_again);
	go(&watcher);
	go(&ben);
	go(&late);
}

static void nor_is_anybody_else_told_what_is_copied(void **state)
{
	struct vnc_host *host = *state;
	struct person ann, ben;
	static const char text[] = "hunter2";
	come(host, &ann, VNC_MODE_PRIVATE, "ann");
	come(host, &ben, VNC_MODE_ACT, "ben");
	vnc_viewer_wait_frame(ben.viewer, host); /* ready for text */
	uint32_t *screen = hide(host, "ann");
	expect(&ann, SCREEN);
	const struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT,
		.u.cut_text.viewers = VNC_LINK_ALL_VIEWERS,
		.data_len = sizeof(text) - 1 };
	vnc_host_send(host, &message, text, -1);
	fill(screen, 0xff0000);
	damage(host);
	expect(&ann, 0xff0000);
	vnc_viewer_sync(ben.viewer);
	assert_string_equal(ann.seen.text, text);
	assert_string_equal(ben.seen.text, "");
	show_all(host, 0x00aa00);
	expect(&ben, 0x00aa00);
	/* Nor afterwards, of what was meant for her alone. */
	const struct vnc_link_message late = { .type = VNC_LINK_SET_CUT_TEXT,
		.u.cut_text = { .is_private = true, .viewers = VNC_LINK_ALL_VIEWERS },
		.data_len = sizeof(text) - 1 };
	vnc_host_send(host, &late, text, -1);
	fill(host->pixels, 0x0000aa);
	damage(host);
	expect(&ben, 0x0000aa);
	assert_string_equal(ben.seen.text, "");
	munmap(screen, SIZE);
	go(&ann);
	go(&ben);
}

static void a_frame_that_does_not_fit_is_seen_by_nobody(void **state)
{
	struct vnc_host *host = *state;
	struct person ann;
	come(host, &ann, VNC_MODE_PRIVATE, "ann");
	CUA_AUTO_FD int fd = memfd_create("private", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 4096), 0);
	struct vnc_link_message message = { .type = VNC_LINK_PRIVATE,
		.u.private = { .person = "ann",
				.width_px = VNC_TEST_WIDTH,
				.height_px = VNC_TEST_HEIGHT,
				.stride_bytes = VNC_TEST_WIDTH * 4 } };
	fill(host->pixels, NOTICE);
	vnc_host_send(host, &message, NULL, fd);
	expect(&ann, NOTICE);
	message.u.private.width_px = 16;
	message.u.private.height_px = 16;
	message.u.private.stride_bytes = 64;
	fill(host->pixels, 0x303030);
	vnc_host_send(host, &message, NULL, fd);
	expect(&ann, 0x303030);
	go(&ann);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, vnc_test_start, vnc_test_stop)
	const struct CMUnitTest tests[] = {
		TEST(only_the_person_sees_the_screen),
		TEST(nor_is_anybody_else_told_what_is_copied),
		TEST(a_frame_that_does_not_fit_is_seen_by_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cua/bench/bench_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xcb/damage.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "cua/base/file.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

struct bench_client {
	xcb_connection_t *xcb;
	const xcb_screen_t *screen;
	xcb_gcontext_t gc; /* exclusive or, through windows */
	uint32_t random;
	size_t len;
	uint8_t *pixels;
	xcb_shm_seg_t segment;
	xcb_damage_damage_t damage;
	uint8_t damage_event;
};

/* By the server's socket and cookie themselves, since its display number is known inside alone. */
static enum cua_status open_connection(const struct desktop_record *record,
		struct bench_client *client, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 32], name[] = "MIT-MAGIC-COOKIE-1";
	CUA_AUTO_BUFFER struct cua_buffer cookie;
	cua_buffer_init(&cookie, 64);
	desktop_path(record, "cookie", path, sizeof(path));
	int fd = -1;
	enum cua_status status = cua_file_read(path, &cookie, err);
	if (status == CUA_OK) {
		status = cua_unix_connect(record->x11_socket, SOCK_STREAM, &fd, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	xcb_auth_info_t auth = { (int)sizeof(name) - 1, name, (int)cookie.len, cookie.data };
	client->xcb = xcb_connect_to_fd(fd, &auth);
	if (xcb_connection_has_error(client->xcb)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server at %s refused the bench",
				record->x11_socket);
	}
	client->screen = xcb_setup_roots_iterator(xcb_get_setup(client->xcb)).data;
	return CUA_OK;
}

static enum cua_status prepare(struct bench_client *client, struct cua_error *err)
{
	const uint32_t values[] = { XCB_GX_XOR, XCB_SUBWINDOW_MODE_INCLUDE_INFERIORS };
	client->gc = xcb_generate_id(client->xcb);
	xcb_create_gc(client->xcb, client->gc, client->screen->root,
			XCB_GC_FUNCTION | XCB_GC_SUBWINDOW_MODE, values);
	client->len = (size_t)client->screen->width_in_pixels * client->screen->height_in_pixels *
			4;
	int memfd = memfd_create("cua-bench", MFD_CLOEXEC);
	if (memfd < 0 || ftruncate(memfd, (off_t)client->len) != 0) {
		cua_closep(&memfd);
		return CUA_FAIL(err, CUA_ERR_IO, errno, "frame memory");
	}
	void *pixels = mmap(NULL, client->len, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (pixels == MAP_FAILED) {
		close(memfd);
		return CUA_FAIL(err, CUA_ERR_NOMEM, errno, "frame memory");
	}
	client->pixels = pixels;
	client->segment = xcb_generate_id(client->xcb);
	/* xcb closes the descriptor that it sends. */
	xcb_generic_error_t *error = xcb_request_check(client->xcb,
			xcb_shm_attach_fd_checked(client->xcb, client->segment, memfd, 0));
	if (error) {
		free(error);
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server refused shared memory");
	}
	return CUA_OK;
}

static enum cua_status open_display(
		const char *display, struct bench_client *client, struct cua_error *err)
{
	client->xcb = xcb_connect(display, NULL);
	if (xcb_connection_has_error(client->xcb)) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server at %s refused the bench",
				display);
	}
	client->screen = xcb_setup_roots_iterator(xcb_get_setup(client->xcb)).data;
	return CUA_OK;
}

/* record or display. */
static enum cua_status open_client(const struct desktop_record *record, const char *display,
		struct bench_client **ret_client, struct cua_error *err)
{
	struct bench_client *client = calloc(1, sizeof(*client));
	if (!client) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "X client");
	}
	client->random = 1;
	enum cua_status status = record ? open_connection(record, client, err)
					: open_display(display, client, err);
	if (status == CUA_OK) {
		status = prepare(client, err);
	}
	if (status != CUA_OK) {
		bench_client_close(client);
		return status;
	}
	*ret_client = client;
	return CUA_OK;
}

enum cua_status bench_client_connect(const struct desktop_record *record,
		struct bench_client **ret_client, struct cua_error *err)
{
	return open_client(record, NULL, ret_client, err);
}

enum cua_status bench_client_connect_display(
		const char *display, struct bench_client **ret_client, struct cua_error *err)
{
	return open_client(NULL, display, ret_client, err);
}

void bench_client_close(struct bench_client *client)
{
	if (!client) {
		return;
	}
	if (client->xcb) {
		xcb_disconnect(client->xcb);
	}
	if (client->pixels) {
		munmap(client->pixels, client->len);
	}
	free(client);
}

enum cua_status bench_client_change(
		struct bench_client *client, const struct cua_region *area, struct cua_error *err)
{
	const xcb_rectangle_t rectangle = { (int16_t)area->x, (int16_t)area->y,
		(uint16_t)area->width, (uint16_t)area->height };
	/* One of the seven ways to invert some of the three channels. */
	client->random = client->random * 1664525U + 1013904223U;
	const uint32_t channels = 1 + (client->random >> 8) % 7;
	const uint32_t changed = (channels & 1 ? 0xffU : 0) | (channels & 2 ? 0xff00U : 0) |
			(channels & 4 ? 0xff0000U : 0);
	xcb_change_gc(client->xcb, client->gc, XCB_GC_FOREGROUND, &changed);
	xcb_generic_error_t *error = xcb_request_check(client->xcb,
			xcb_poly_fill_rectangle_checked(client->xcb, client->screen->root,
					client->gc, 1, &rectangle));
	if (error || xcb_connection_has_error(client->xcb)) {
		free(error);
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server refused to draw");
	}
	return CUA_OK;
}

static enum cua_status read_rows(
		struct bench_client *client, int first, int end, struct cua_error *err)
{
	const uint16_t width = client->screen->width_in_pixels;
	xcb_shm_get_image_reply_t *reply = xcb_shm_get_image_reply(client->xcb,
			xcb_shm_get_image(client->xcb, client->screen->root, 0, (int16_t)first,
					width, (uint16_t)(end - first), ~0U,
					XCB_IMAGE_FORMAT_Z_PIXMAP, client->segment,
					(uint32_t)first * width * 4U),
			NULL);
	if (!reply) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the screen cannot be read");
	}
	free(reply);
	return CUA_OK;
}

enum cua_status bench_client_read(
		struct bench_client *client, const uint8_t **ret_pixels, struct cua_error *err)
{
	enum cua_status status = read_rows(client, 0, client->screen->height_in_pixels, err);
	if (status == CUA_OK) {
		*ret_pixels = client->pixels;
	}
	return status;
}

bool bench_pixels_alike(const uint8_t *one, const uint8_t *other, size_t count)
{
	const uint32_t *left = (const uint32_t *)(const void *)one;
	const uint32_t *right = (const uint32_t *)(const void *)other;
	size_t different = 0;
	for (size_t i = 0; i < count; i++) {
		different += ((left[i] ^ right[i]) & 0xffffffU) != 0;
	}
	return different <= count / 1000;
}

enum cua_status bench_client_follow(struct bench_client *client, struct cua_error *err)
{
	const xcb_query_extension_reply_t *extension =
			xcb_get_extension_data(client->xcb, &xcb_damage_id);
	if (!extension || !extension->present) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no DAMAGE extension");
	}
	client->damage_event = (uint8_t)(extension->first_event + XCB_DAMAGE_NOTIFY);
	free(xcb_damage_query_version_reply(client->xcb,
			xcb_damage_query_version(client->xcb, XCB_DAMAGE_MAJOR_VERSION,
					XCB_DAMAGE_MINOR_VERSION),
			NULL));
	client->damage = xcb_generate_id(client->xcb);
	xcb_damage_create(client->xcb, client->damage, client->screen->root,
			XCB_DAMAGE_REPORT_LEVEL_DELTA_RECTANGLES);
	xcb_flush(client->xcb);
	return CUA_OK;
}

/* The rows that the events in the queue are about. */
static void take_events(struct bench_client *client, int *first, int *end)
{
	for (xcb_generic_event_t *event; (event = xcb_poll_for_event(client->xcb));) {
		const xcb_damage_notify_event_t *notify = (const void *)event;
		if ((event->response_type & 0x7f) == client->damage_event) {
			const int top = notify->area.y, bottom = top + notify->area.height;
			*first = *end == 0 || top < *first ? top : *first;
			*end = bottom > *end ? bottom : *end;
		}
		free(event);
	}
}

enum cua_status bench_client_drawn(struct bench_client *client, int wake_fd,
		const uint8_t **ret_pixels, int *ret_first, int *ret_end, struct cua_error *err)
{
	struct pollfd fds[] = { { .fd = xcb_get_file_descriptor(client->xcb), .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN } };
	int first = 0, end = 0;
	take_events(client, &first, &end);
	if (end == 0 && poll(fds, CUA_ARRAY_LEN(fds), -1) > 0) {
		take_events(client, &first, &end);
	}
	if (xcb_connection_has_error(client->xcb)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the X server is gone");
	}
	*ret_end = 0;
	if (end == 0) {
		return CUA_OK;
	}
	/* From here on the same rows are reported again. */
	xcb_damage_subtract(client->xcb, client->damage, XCB_NONE, XCB_NONE);
	first = first > 0 ? first : 0;
	end = end < client->screen->height_in_pixels ? end : client->screen->height_in_pixels;
	if (end <= first) {
		return CUA_OK;
	}
	enum cua_status status = read_rows(client, first, end, err);
	if (status == CUA_OK) {
		*ret_pixels = client->pixels;
		*ret_first = first;
		*ret_end = end;
	}
	return status;
}

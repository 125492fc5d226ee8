#include "cua/bench/bench_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "cua/bench/bench_client.h"

struct bench_watch {
	struct bench_client *client; /* the thread's alone once it runs */
	int width_px, height_px;
	int stop_fd;
	pthread_t thread;
	bool runs;
	pthread_mutex_t mutex;                          /* guards all below */
	uint8_t *shown;                                 /* owned; the screen as last read */
	struct bench_change changes[BENCH_CHANGES_MAX]; /* a ring */
	size_t change_count;                            /* of all since the mark */
};

struct areas {
	const struct cua_region *areas;
	int count;
};

static bool has_point(const struct areas *areas, int x, int y)
{
	for (int i = 0; i < areas->count; i++) {
		const struct cua_region *area = &areas->areas[i];
		if (x >= area->x && y >= area->y && x < area->x + area->width &&
				y < area->y + area->height) {
			return true;
		}
	}
	return false;
}

/* Around the pixels of rows first to end-1 that differ and lie in none of the areas; rows has the
 * first of them. */
static bool find_difference(const struct bench_watch *watch, const uint8_t *rows, int first,
		int end, const struct areas *except, struct cua_region *ret_area)
{
	const size_t width = (size_t)watch->width_px;
	int left = watch->width_px, right = -1, top = -1, bottom = -1;
	for (int y = first; y < end; y++) {
		const uint32_t *a = (const uint32_t *)(const void *)(rows +
				(size_t)(y - first) * width * 4);
		const uint32_t *b = (const uint32_t *)(const void *)(watch->shown +
				(size_t)y * width * 4);
		if (memcmp(a, b, width * 4) == 0) {
			continue;
		}
		for (int x = 0; x < watch->width_px; x++) {
			if (((a[x] ^ b[x]) & 0xffffffU) && !has_point(except, x, y)) {
				left = x < left ? x : left;
				right = x > right ? x : right;
				top = top < 0 ? y : top;
				bottom = y;
			}
		}
	}
	*ret_area = (struct cua_region){ left, top, right - left + 1, bottom - top + 1 };
	return right >= 0;
}

static void take_rows(struct bench_watch *watch, const uint8_t *rows, int first, int end,
		uint64_t drawn_us)
{
	const size_t stride = (size_t)watch->width_px * 4;
	const struct areas none = { NULL, 0 };
	struct cua_region area;
	pthread_mutex_lock(&watch->mutex);
	if (find_difference(watch, rows, first, end, &none, &area)) {
		watch->changes[watch->change_count++ % BENCH_CHANGES_MAX] =
				(struct bench_change){ drawn_us, area };
		memcpy(watch->shown + (size_t)first * stride, rows, (size_t)(end - first) * stride);
	}
	pthread_mutex_unlock(&watch->mutex);
}

static void *watch_main(void *user_data)
{
	struct bench_watch *watch = user_data;
	uint64_t stop = 0;
	for (;;) {
		const uint8_t *pixels = NULL;
		int first = 0, end = 0;
		if (bench_client_drawn(watch->client, watch->stop_fd, &pixels, &first, &end,
				    NULL) != CUA_OK ||
				read(watch->stop_fd, &stop, sizeof(stop)) > 0) {
			return NULL;
		}
		if (end > 0) {
			take_rows(watch, pixels + (size_t)first * (size_t)watch->width_px * 4,
					first, end, cua_now_us());
		}
	}
}

static enum cua_status prepare(struct bench_watch *watch, struct cua_error *err)
{
	const size_t len = (size_t)watch->width_px * (size_t)watch->height_px * 4;
	const uint8_t *pixels = NULL;
	watch->shown = malloc(len);
	watch->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!watch->shown || watch->stop_fd < 0) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "watch");
	}
	enum cua_status status = bench_client_follow(watch->client, err);
	if (status == CUA_OK) {
		status = bench_client_read(watch->client, &pixels, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	memcpy(watch->shown, pixels, len);
	watch->runs = pthread_create(&watch->thread, NULL, watch_main, watch) == 0;
	return watch->runs ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, EAGAIN, "thread");
}

enum cua_status bench_watch_start(const struct desktop_record *record,
		struct bench_watch **ret_watch, struct cua_error *err)
{
	struct bench_watch *watch = calloc(1, sizeof(*watch));
	if (!watch) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "watch");
	}
	watch->stop_fd = -1;
	watch->width_px = record->settings.width_px;
	watch->height_px = record->settings.height_px;
	pthread_mutex_init(&watch->mutex, NULL);
	enum cua_status status = bench_client_connect(record, &watch->client, err);
	if (status == CUA_OK) {
		status = prepare(watch, err);
	}
	if (status != CUA_OK) {
		bench_watch_stop(watch);
		return status;
	}
	*ret_watch = watch;
	return CUA_OK;
}

void bench_watch_stop(struct bench_watch *watch)
{
	const uint64_t one = 1;
	if (!watch) {
		return;
	}
	if (watch->runs && write(watch->stop_fd, &one, sizeof(one)) == (ssize_t)sizeof(one)) {
		pthread_join(watch->thread, NULL);
	}
	bench_client_close(watch->client);
	cua_closep(&watch->stop_fd);
	pthread_mutex_destroy(&watch->mutex);
	free(watch->shown);
	free(watch);
}

void bench_watch_mark(struct bench_watch *watch)
{
	pthread_mutex_lock(&watch->mutex);
	watch->change_count = 0;
	pthread_mutex_unlock(&watch->mutex);
}

int bench_watch_changes(struct bench_watch *watch, struct bench_change *changes, int max)
{
	pthread_mutex_lock(&watch->mutex);
	const size_t kept = watch->change_count < BENCH_CHANGES_MAX ? watch->change_count
								    : BENCH_CHANGES_MAX;
	const size_t count = kept < (size_t)max ? kept : (size_t)max;
	for (size_t i = 0; i < count; i++) {
		changes[i] = watch->changes[(watch->change_count - count + i) % BENCH_CHANGES_MAX];
	}
	pthread_mutex_unlock(&watch->mutex);
	return (int)count;
}

bool bench_watch_differs(struct bench_watch *watch, const uint8_t *pixels,
		const struct cua_region *areas, int area_count, struct cua_region *ret_area)
{
	const struct areas except = { areas, area_count };
	pthread_mutex_lock(&watch->mutex);
	const bool differs = find_difference(watch, pixels, 0, watch->height_px, &except, ret_area);
	pthread_mutex_unlock(&watch->mutex);
	return differs;
}

enum cua_status bench_watch_png(
		struct bench_watch *watch, struct cua_buffer *png, struct cua_error *err)
{
	pthread_mutex_lock(&watch->mutex);
	enum cua_status status = bench_png_write(
			watch->shown, watch->width_px, watch->height_px, 1, png, err);
	pthread_mutex_unlock(&watch->mutex);
	return status;
}

/* Screenshots: how long one takes and how large it is, by us and by others, in turn on the same
 * screen. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cua/base/util.h"
#include "cua/bench/bench_client.h"
#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_topics.h"
#include "cua/bench/bench_vnc.h"
#include "display/display.h"

#define CONTENDERS_MAX 16

/* One desktop with one screen on it. */
struct seeing {
	struct bench *bench;
	struct bench_desktop *desktop;
	struct display *display; /* our capture, in this process */
	struct bench_client *client;
	struct bench_runner *runner;
	struct bench_vnc *vnc; /* NULL: none */
	const char *screen;
	uint32_t random;
	char etag[128]; /* of the last picture in process */
	char http_etag[128];
};

/* One picture. */
struct taken {
	double ms;    /* negative: as the bench's own clock says */
	size_t bytes; /* 0: unknown */
};

struct contender {
	const char *by;
	enum cua_status (*take)(struct seeing *seeing, const struct contender *contender,
			struct taken *ret_taken, struct cua_error *err);
	const char *query;            /* of the socket */
	struct picture_coding coding; /* in process */
	int level;                    /* of libpng */
	const cJSON *peer;            /* of scenarios/peers.json */
	bool gone;                    /* it is not installed, or has failed */
	struct bench_figure *time, *size;
};

/* --- who takes pictures --- */

static enum cua_status take_in_process(struct seeing *seeing, const struct contender *contender,
		struct taken *ret_taken, struct cua_error *err)
{
	const struct display_shot shot = { .coding = contender->coding };
	struct display_image image;
	enum cua_status status =
			display_screenshot(seeing->display, &shot, seeing->etag, &image, err);
	if (status == CUA_OK) {
		snprintf(seeing->etag, sizeof(seeing->etag), "%s", image.etag);
		ret_taken->bytes = image.unchanged ? 0 : image.bytes.len;
		cua_buffer_finish(&image.bytes);
	}
	return status;
}

static enum cua_status take_by_socket(struct seeing *seeing, const struct contender *contender,
		struct taken *ret_taken, struct cua_error *err)
{
	char path[256], header[160];
	struct cua_http_response response = { 0 };
	snprintf(path, sizeof(path), "/v1/screenshot%s", contender->query);
	snprintf(header, sizeof(header), "If-None-Match: %s", seeing->http_etag);
	enum cua_status status =
			bench_http(seeing->desktop, "GET", path, header, NULL, &response, err);
	if (status == CUA_OK) {
		snprintf(seeing->http_etag, sizeof(seeing->http_etag), "%s", response.etag);
		ret_taken->bytes = response.http_status == 200 ? response.body.len : 0;
	}
	cua_http_response_finish(&response);
	return status;
}

static enum cua_status take_by_libpng(struct seeing *seeing, const struct contender *contender,
		struct taken *ret_taken, struct cua_error *err)
{
	const uint8_t *pixels = NULL;
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, (size_t)256 << 20);
	enum cua_status status = bench_client_read(seeing->client, &pixels, err);
	if (status == CUA_OK) {
		status = bench_png_write(pixels, seeing->desktop->record.width_px,
				seeing->desktop->record.height_px, contender->level, &png, err);
	}
	ret_taken->bytes = status == CUA_OK ? png.len : 0;
	return status;
}

static enum cua_status take_by_peer(struct seeing *seeing, const struct contender *contender,
		struct taken *ret_taken, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 64];
	struct stat info;
	enum cua_status status = bench_runner_run(seeing->runner,
			cJSON_GetObjectItemCaseSensitive(contender->peer, "argv"), &ret_taken->ms,
			err);
	snprintf(path, sizeof(path), "%s/%s", seeing->desktop->record.home,
			bench_text(contender->peer, "picture"));
	if (status == CUA_OK && stat(path, &info) == 0) {
		ret_taken->bytes = (size_t)info.st_size;
	}
	return status;
}

/* From the change until a viewer shows it: x11vnc looks for changes when it sees fit. */
static enum cua_status take_by_vnc(struct seeing *seeing, const struct contender *contender,
		struct taken *ret_taken, struct cua_error *err)
{
	(void)contender;
	const struct desktop_record *record = &seeing->desktop->record;
	const struct cua_region whole = { 0, 0, record->width_px, record->height_px };
	const uint8_t *pixels = NULL;
	enum cua_status status = seeing->vnc
			? bench_vnc_pause(seeing->vnc, seeing->runner, false, err)
			: bench_vnc_start(seeing->desktop, &seeing->vnc, err);
	if (status == CUA_OK) {
		status = bench_client_change(seeing->client, &whole, err);
	}
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_client_read(seeing->client, &pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_vnc_wait(seeing->vnc, pixels, err);
	}
	ret_taken->ms = bench_ms_since(started_us);
	return status == CUA_OK ? bench_vnc_pause(seeing->vnc, seeing->runner, true, err) : status;
}

/* --- measuring --- */

/* Somewhere else each time, so that bands and rows are met in all ways. */
static struct cua_region choose_area(struct seeing *seeing, int width_px, int height_px)
{
	const struct desktop_record *record = &seeing->desktop->record;
	seeing->random = seeing->random * 1664525U + 1013904223U;
	const int x = (int)(seeing->random >> 8) % (record->width_px - width_px + 1);
	seeing->random = seeing->random * 1664525U + 1013904223U;
	const int y = (int)(seeing->random >> 8) % (record->height_px - height_px + 1);
	return (struct cua_region){ x, y, width_px, height_px };
}

/* Others may be absent or fail; ours may not. */
static enum cua_status drop(struct seeing *seeing, struct contender *contender,
		enum cua_status status, const struct cua_error *error, struct cua_error *err)
{
	const bool is_peer = contender->take == take_by_peer || contender->take == take_by_vnc;
	if (status == CUA_ERR_CANCELLED || !is_peer) {
		*err = *error;
		cua_error_prefix(err, "%s", contender->by);
		return status;
	}
	contender->gone = true;
	if (status == CUA_ERR_NOT_FOUND) {
		bench_figure_missing(contender->time);
	} else {
		bench_figure_note(contender->time, "failed: %.200s", error->msg);
	}
	bench_vnc_stop(contender->take == take_by_vnc ? CUA_STEAL(seeing->vnc) : NULL);
	return CUA_OK;
}

static enum cua_status take_one(struct seeing *seeing, struct contender *contender,
		const struct cua_point *change, bool counts, struct cua_error *err)
{
	struct cua_error error = { 0 };
	struct taken taken = { .ms = -1 };
	enum cua_status status = bench_check(seeing->bench, err);
	if (status == CUA_OK && change->x > 0) {
		const struct cua_region area = choose_area(seeing, change->x, change->y);
		status = bench_client_change(seeing->client, &area, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	const uint64_t started_us = cua_now_us();
	status = contender->take(seeing, contender, &taken, &error);
	const double ms = bench_ms_since(started_us);
	if (status != CUA_OK) {
		return drop(seeing, contender, status, &error, err);
	}
	if (counts) {
		status = bench_figure_sample(contender->time, taken.ms < 0 ? ms : taken.ms, err);
	}
	if (status == CUA_OK && counts && taken.bytes > 0 && contender->size) {
		status = bench_figure_sample(contender->size, (double)taken.bytes / 1000.0, err);
	}
	return status;
}

/* In turn, so that whatever else the machine does meets all alike. The first round does not count:
 * it warms caches. */
static enum cua_status take_in_turn(struct seeing *seeing, struct contender *contenders, int count,
		const struct cua_point *change, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	bool more = true;
	for (int round = 0; status == CUA_OK && more; round++) {
		more = false;
		for (int i = 0; status == CUA_OK && i < count; i++) {
			if (!contenders[i].gone &&
					bench_figure_wants_more(
							seeing->bench, contenders[i].time)) {
				status = take_one(seeing, &contenders[i], change, round > 0, err);
				more = true;
			}
		}
	}
	return status;
}

/* One row of the table: change is the size of the area that changes, 0 for none. */
static enum cua_status measure(struct seeing *seeing, const char *name, const char *size_name,
		struct contender *contenders, int count, const struct cua_point *change,
		struct cua_error *err)
{
	const struct desktop_record *record = &seeing->desktop->record;
	bench_progress(seeing->bench, "seeing: %s, %s, %dx%d", name, seeing->screen,
			record->width_px, record->height_px);
	for (int i = 0; i < count; i++) {
		struct bench_key key = { .topic = "seeing",
			.name = name,
			.screen = seeing->screen,
			.width_px = record->width_px,
			.height_px = record->height_px,
			.by = contenders[i].by,
			.unit = "ms" };
		contenders[i].time = bench_figure_add(seeing->bench, &key, err);
		key.name = size_name;
		key.unit = "KB";
		contenders[i].size = size_name ? bench_figure_add(seeing->bench, &key, err) : NULL;
		if (!contenders[i].time || (size_name && !contenders[i].size)) {
			return CUA_ERR_NOMEM;
		}
	}
	return take_in_turn(seeing, contenders, count, change, err);
}

/* Ours, libpng on the same pixels, and the programs of scenarios/peers.json. */
static int list_all(const cJSON *peers, struct contender all[CONTENDERS_MAX])
{
	static const struct contender own[] = {
		{ .by = "cua in process", .take = take_in_process },
		{ .by = "cua socket", .take = take_by_socket, .query = "" },
		{ .by = "libpng level 1", .take = take_by_libpng, .level = 1 },
		{ .by = "libpng level 6", .take = take_by_libpng, .level = 6 },
	};
	int count = (int)CUA_ARRAY_LEN(own);
	memcpy(all, own, sizeof(own));
	const cJSON *peer = NULL;
	cJSON_ArrayForEach (peer, cJSON_GetObjectItemCaseSensitive(peers, "screenshots")) {
		if (count < CONTENDERS_MAX - 1) {
			all[count++] = (struct contender){
				.by = bench_text(peer, "by"), .take = take_by_peer, .peer = peer
			};
		}
	}
	all[count++] = (struct contender){ .by = "x11vnc", .take = take_by_vnc };
	return count;
}

/* Other ways to code the whole screen, each beside what it is meant to beat. */
static enum cua_status measure_codings(struct seeing *seeing, struct cua_error *err)
{
	const struct desktop_record *record = &seeing->desktop->record;
	const struct cua_point whole = { record->width_px, record->height_px };
	static const struct {
		const char *name, *size_name, *query;
		struct picture_coding coding;
		int count;
	} rows[] = {
		{ "whole screen changed, small", "size of the picture, small", "?level=small",
				{ .format = CUA_PICTURE_PNG, .level = CUA_PICTURE_SMALL }, 3 },
		{ "whole screen changed, JPEG", "size of the picture, JPEG", "?format=jpeg",
				{ .format = CUA_PICTURE_JPEG, .quality = 80 }, 2 },
		{ "whole screen changed, WebP", "size of the picture, WebP", "?format=webp",
				{ .format = CUA_PICTURE_WEBP, .quality = 80 }, 2 },
	};
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(rows); i++) {
		struct contender some[] = {
			{ .by = "cua in process",
					.take = take_in_process,
					.coding = rows[i].coding },
			{ .by = "cua socket", .take = take_by_socket, .query = rows[i].query },
			{ .by = "libpng level 6", .take = take_by_libpng, .level = 6 },
		};
		status = measure(seeing, rows[i].name, rows[i].size_name, some, rows[i].count,
				&whole, err);
	}
	return status;
}

static enum cua_status measure_all(struct seeing *seeing, struct cua_error *err)
{
	const struct desktop_record *record = &seeing->desktop->record;
	const struct cua_point whole = { record->width_px, record->height_px };
	const struct cua_point little = { 200, 50 }, none = { 0, 0 };
	struct contender all[CONTENDERS_MAX];
	CUA_AUTO_JSON cJSON *peers = bench_scenario(seeing->bench, "peers", err);
	if (!peers) {
		return CUA_ERR_INVAL;
	}
	const int count = list_all(peers, all);
	enum cua_status status = measure(seeing, "whole screen changed", "size of the picture", all,
			count, &whole, err);
	bench_vnc_stop(CUA_STEAL(seeing->vnc));
	if (status == CUA_OK) {
		status = measure_codings(seeing, err);
	}
	/* Last, since it leaves patches that no picture of the whole should have. */
	if (status == CUA_OK) {
		status = measure(seeing, "200x50 changed", NULL, all, 2, &little, err);
	}
	if (status == CUA_OK) {
		status = measure(seeing, "unchanged, by ETag", NULL, all, 2, &none, err);
	}
	return status;
}

static enum cua_status see_screen(struct bench *bench, const cJSON *screen,
		const struct cua_point *size, struct cua_error *err)
{
	struct seeing seeing = {
		.bench = bench, .screen = bench_text(screen, "name"), .random = 1
	};
	enum cua_status status = bench_desktop_start(bench, size->x, size->y, &seeing.desktop, err);
	if (status == CUA_OK) {
		status = bench_screen_show(seeing.desktop, screen, err);
	}
	if (status == CUA_OK) {
		status = display_connect(&seeing.desktop->record, &seeing.display, err);
	}
	if (status == CUA_OK) {
		status = bench_client_connect(&seeing.desktop->record, &seeing.client, err);
	}
	if (status == CUA_OK) {
		status = bench_runner_start(seeing.desktop, &seeing.runner, err);
	}
	if (status == CUA_OK) {
		status = measure_all(&seeing, err);
	}
	bench_runner_stop(seeing.runner);
	bench_client_close(seeing.client);
	display_disconnect(seeing.display);
	bench_desktop_stop(seeing.desktop);
	return status;
}

static enum cua_status see_all_sizes(
		struct bench *bench, const cJSON *screen, void *user_data, struct cua_error *err)
{
	(void)user_data;
	enum cua_status status = CUA_OK;
	for (int i = 0; status == CUA_OK && i < bench->size_count; i++) {
		status = see_screen(bench, screen, &bench->sizes[i], err);
	}
	return status;
}

enum cua_status bench_seeing(struct bench *bench, struct cua_error *err)
{
	return bench_each_screen(bench, see_all_sizes, NULL, err);
}

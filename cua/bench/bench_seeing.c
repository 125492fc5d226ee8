/* Screenshots: how long one takes and how large it is, by us and by others, in turn on the same
 * screen. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cua/base/util.h"
#include "cua/bench/bench_client.h"
#include "cua/bench/bench_echo.h"
#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_stream.h"
#include "cua/bench/bench_topics.h"
#include "cua/bench/bench_x11vnc.h"
#include "display/display.h"

#define TURNS_MAX 16
/* Longer than the shortest pause between two updates of a stream. */
#define STREAM_PAUSE_MS 20
/* Updates that one sample of their pace is taken from. */
#define STREAM_UPDATES 10

/* One desktop with one screen on it. */
struct seeing {
	struct bench *bench;
	struct bench_desktop *desktop;
	struct display *display; /* our capture, in this process */
	struct bench_client *client;
	struct bench_runner *runner;
	struct bench_x11vnc *vnc;    /* NULL: none */
	struct bench_stream *stream; /* NULL: none */
	struct bench_echo *echo;
	size_t png_bytes; /* of the last picture over the socket */
	const char *screen;
	struct cua_point change; /* size of the area that changes before each picture; 0: none */
	uint32_t random;
	char etag[128]; /* of the last picture in process */
	char http_etag[128];
	struct bench_key size_key; /* of the pictures' sizes; no name: they are not noted */
};

/* How we code a picture, in process and asked for over the socket. */
struct coding {
	const char *name;
	struct picture_coding coding;
	const char *path;
};

static const struct coding fast = { "whole screen changed",
	{ .format = CUA_PICTURE_PNG, .level = CUA_PICTURE_FAST }, "/v1/screenshot" };

/* --- around each picture --- */

/* Somewhere else each time, so that bands and rows are met in all ways. */
static enum cua_status change_screen(struct seeing *seeing, struct cua_error *err)
{
	const struct desktop_record *record = &seeing->desktop->record;
	struct cua_region area = { 0, 0, seeing->change.x, seeing->change.y };
	if (area.width == 0) {
		return CUA_OK;
	}
	seeing->random = seeing->random * 1664525U + 1013904223U;
	area.x = (int)(seeing->random >> 8) % (record->settings.width_px - area.width + 1);
	seeing->random = seeing->random * 1664525U + 1013904223U;
	area.y = (int)(seeing->random >> 8) % (record->settings.height_px - area.height + 1);
	return bench_client_change(seeing->client, &area, err);
}

static enum cua_status note_size(struct seeing *seeing, const struct bench_turn *turn, size_t bytes,
		struct cua_error *err)
{
	struct bench_key key = seeing->size_key;
	if (!key.name || bytes == 0) {
		return CUA_OK;
	}
	key.by = turn->by;
	struct bench_figure *figure = bench_figure_find(seeing->bench, &key);
	figure = figure ? figure : bench_figure_add(seeing->bench, &key, err);
	return figure ? bench_figure_sample(figure, (double)bytes / 1000.0, err) : CUA_ERR_NOMEM;
}

/* --- who takes pictures --- */

/* *ret_bytes: 0 if nothing has changed since the last look. */
static enum cua_status look_in_process(struct seeing *seeing, const struct coding *coding,
		double *ret_ms, size_t *ret_bytes, struct cua_error *err)
{
	const struct display_shot shot = { .coding = coding->coding };
	struct display_image image;
	const uint64_t started_us = cua_now_us();
	enum cua_status status =
			display_screenshot(seeing->display, &shot, seeing->etag, &image, err);
	*ret_ms = bench_ms_since(started_us);
	if (status == CUA_OK) {
		snprintf(seeing->etag, sizeof(seeing->etag), "%s", image.etag);
		*ret_bytes = image.unchanged ? 0 : image.bytes.len;
		cua_buffer_finish(&image.bytes);
	}
	return status;
}

static enum cua_status look_by_socket(struct seeing *seeing, const struct coding *coding,
		double *ret_ms, size_t *ret_bytes, struct cua_error *err)
{
	char header[160];
	struct cua_http_response response = { 0 };
	snprintf(header, sizeof(header), "If-None-Match: %s", seeing->http_etag);
	const uint64_t started_us = cua_now_us();
	enum cua_status status = bench_http(
			seeing->desktop, "GET", coding->path, header, NULL, &response, err);
	*ret_ms = bench_ms_since(started_us);
	if (status == CUA_OK) {
		snprintf(seeing->http_etag, sizeof(seeing->http_etag), "%s", response.etag);
		seeing->png_bytes = response.body.len;
		*ret_bytes = response.http_status == 200 ? response.body.len : 0;
	}
	cua_http_response_finish(&response);
	return status;
}

/* Where a part of the screen changes, whoever looks has seen what it was before: else what others
 * had changed in their turns would be new to him, too. */
static enum cua_status take(const struct bench_turn *turn,
		enum cua_status (*look)(struct seeing *seeing, const struct coding *coding,
				double *ret_ms, size_t *ret_bytes, struct cua_error *err),
		double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	const int width_px = seeing->desktop->record.settings.width_px;
	size_t bytes = 0;
	enum cua_status status = seeing->change.x < width_px
			? look(seeing, turn->data, ret_ms, &bytes, err)
			: CUA_OK;
	if (status == CUA_OK) {
		status = change_screen(seeing, err);
	}
	if (status == CUA_OK) {
		status = look(seeing, turn->data, ret_ms, &bytes, err);
	}
	return status == CUA_OK ? note_size(seeing, turn, bytes, err) : status;
}

static enum cua_status take_in_process(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	return take(turn, look_in_process, ret_ms, err);
}

static enum cua_status take_by_socket(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	return take(turn, look_by_socket, ret_ms, err);
}

/* What every program needs for the same, before it does anything of its own. */
static enum cua_status read_alone(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	const uint8_t *pixels = NULL;
	enum cua_status status = change_screen(seeing, err);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_client_read(seeing->client, &pixels, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status send_alone(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	enum cua_status status = change_screen(seeing, err);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_echo_ask(seeing->echo, seeing->png_bytes, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status take_by_libpng(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	const uint8_t *pixels = NULL;
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, (size_t)256 << 20);
	enum cua_status status = change_screen(seeing, err);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_client_read(seeing->client, &pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_png_write(pixels, seeing->desktop->record.settings.width_px,
				seeing->desktop->record.settings.height_px,
				*(const int *)turn->data, &png, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status == CUA_OK ? note_size(seeing, turn, png.len, err) : status;
}

static enum cua_status take_by_peer(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	const cJSON *peer = turn->data;
	char path[CUA_PATH_MAX + 64];
	struct stat info;
	enum cua_status status = change_screen(seeing, err);
	if (status == CUA_OK) {
		status = bench_runner_run(seeing->runner,
				cJSON_GetObjectItemCaseSensitive(peer, "argv"), ret_ms, err);
	}
	snprintf(path, sizeof(path), "%s/%s", seeing->desktop->record.home,
			bench_text(peer, "picture"));
	if (status == CUA_OK && stat(path, &info) == 0) {
		status = note_size(seeing, turn, (size_t)info.st_size, err);
	}
	return status;
}

/* From the change until a viewer shows it: x11vnc looks for changes when it sees fit. */
static enum cua_status take_by_vnc(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	const uint8_t *pixels = NULL;
	enum cua_status status = seeing->vnc
			? bench_x11vnc_pause(seeing->vnc, seeing->runner, false, err)
			: bench_x11vnc_start(seeing->desktop, &seeing->vnc, err);
	if (status == CUA_OK) {
		status = change_screen(seeing, err);
	}
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_client_read(seeing->client, &pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_rfb_wait(seeing->vnc->viewer, pixels, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status == CUA_OK ? bench_x11vnc_pause(seeing->vnc, seeing->runner, true, err)
				: status;
}

/* From the change until a viewer has decoded all of it. The viewer has what was before, and the
 * pause between two updates of its stream is over. */
static enum cua_status take_by_stream(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct seeing *seeing = turn->user_data;
	const uint8_t *pixels = NULL;
	enum cua_status status = seeing->stream
			? CUA_OK
			: bench_stream_start(seeing->desktop, &seeing->stream, err);
	if (status == CUA_OK) {
		status = bench_client_read(seeing->client, &pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_stream_wait(seeing->stream, pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_pause(seeing->bench, STREAM_PAUSE_MS, err);
	}
	const size_t bytes = status == CUA_OK ? bench_stream_bytes(seeing->stream) : 0;
	if (status == CUA_OK) {
		status = change_screen(seeing, err);
	}
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_client_read(seeing->client, &pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_stream_wait(seeing->stream, pixels, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status == CUA_OK
			? note_size(seeing, turn, bench_stream_bytes(seeing->stream) - bytes, err)
			: status;
}

/* --- the rows --- */

static enum cua_status measure(struct seeing *seeing, const char *name, bool with_sizes,
		struct bench_turn *turns, int count, struct cua_error *err)
{
	const struct desktop_record *record = &seeing->desktop->record;
	const struct bench_key key = { .topic = "seeing",
		.name = name,
		.screen = seeing->screen,
		.width_px = record->settings.width_px,
		.height_px = record->settings.height_px,
		.unit = "ms" };
	seeing->size_key = key;
	seeing->size_key.name = with_sizes ? name : NULL;
	seeing->size_key.unit = "KB";
	return bench_take_turns(seeing->bench, &key, turns, count, err);
}

static int add_ours(struct seeing *seeing, const struct coding *coding,
		struct bench_turn turns[TURNS_MAX])
{
	turns[0] = (struct bench_turn){
		.by = "cua in process", .take = take_in_process, .user_data = seeing, .data = coding
	};
	turns[1] = (struct bench_turn){
		.by = "cua socket", .take = take_by_socket, .user_data = seeing, .data = coding
	};
	return 2;
}

static int add_libpng(struct seeing *seeing, const int *level, struct bench_turn *turn)
{
	*turn = (struct bench_turn){ .by = *level == 1 ? "libpng level 1" : "libpng level 6",
		.take = take_by_libpng,
		.user_data = seeing,
		.data = level };
	return 1;
}

static const int level_1 = 1, level_6 = 6;

/* Ours, libpng on the same pixels, and the programs of scenarios/peers.json. */
static enum cua_status measure_whole(struct seeing *seeing, struct cua_error *err)
{
	struct bench_turn turns[TURNS_MAX];
	CUA_AUTO_JSON cJSON *peers = bench_scenario(seeing->bench, "peers", err);
	if (!peers) {
		return CUA_ERR_INVAL;
	}
	int count = add_ours(seeing, &fast, turns);
	count += add_libpng(seeing, &level_1, &turns[count]);
	count += add_libpng(seeing, &level_6, &turns[count]);
	const cJSON *peer = NULL;
	cJSON_ArrayForEach (peer, cJSON_GetObjectItemCaseSensitive(peers, "screenshots")) {
		if (count < TURNS_MAX - 1) {
			turns[count++] = (struct bench_turn){ .by = bench_text(peer, "by"),
				.take = take_by_peer,
				.user_data = seeing,
				.data = peer,
				.may_fail = true };
		}
	}
	turns[count++] = (struct bench_turn){
		.by = "x11vnc", .take = take_by_vnc, .user_data = seeing, .may_fail = true
	};
	enum cua_status status = measure(seeing, fast.name, true, turns, count, err);
	bench_x11vnc_stop(CUA_STEAL(seeing->vnc));
	return status;
}

static enum cua_status measure_floors(struct seeing *seeing, struct cua_error *err)
{
	struct bench_turn turns[] = {
		{ .by = "MIT-SHM read", .take = read_alone, .user_data = seeing },
		{ .by = "as many bytes over a unix socket",
				.take = send_alone,
				.user_data = seeing },
	};
	return measure(seeing, "whole screen changed, not coded", false, turns,
			CUA_ARRAY_LEN(turns), err);
}

/* Other ways to code the whole screen; small is meant to beat libpng's usual level. */
static enum cua_status measure_codings(struct seeing *seeing, struct cua_error *err)
{
	static const struct coding codings[] = {
		{ "whole screen changed, small",
				{ .format = CUA_PICTURE_PNG, .level = CUA_PICTURE_SMALL },
				"/v1/screenshot?level=small" },
		{ "whole screen changed, JPEG", { .format = CUA_PICTURE_JPEG, .quality = 80 },
				"/v1/screenshot?format=jpeg" },
		{ "whole screen changed, WebP", { .format = CUA_PICTURE_WEBP, .quality = 80 },
				"/v1/screenshot?format=webp" },
	};
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(codings); i++) {
		struct bench_turn turns[TURNS_MAX];
		int count = add_ours(seeing, &codings[i], turns);
		if (codings[i].coding.level == CUA_PICTURE_SMALL) {
			count += add_libpng(seeing, &level_6, &turns[count]);
		}
		status = measure(seeing, codings[i].name, true, turns, count, err);
	}
	return status;
}

/* Drawn on again as soon as an update is there: the pace is the stream's own. */
static enum cua_status measure_stream_pace(struct seeing *seeing, struct cua_error *err)
{
	struct bench_key key = seeing->size_key;
	key.name = "a stream while the whole screen changes";
	key.by = "cua stream";
	key.unit = "updates/s";
	key.more_is_better = true;
	struct bench_figure *figure = bench_figure_add(seeing->bench, &key, err);
	enum cua_status status = figure ? CUA_OK : CUA_ERR_NOMEM;
	for (int i = 0; status == CUA_OK && i <= seeing->bench->runs / STREAM_UPDATES; i++) {
		const uint64_t started_us = cua_now_us();
		for (int k = 0; status == CUA_OK && k < STREAM_UPDATES; k++) {
			status = change_screen(seeing, err);
			if (status == CUA_OK) {
				status = bench_stream_next(seeing->stream, err);
			}
		}
		if (status == CUA_OK) {
			status = bench_figure_sample(figure,
					STREAM_UPDATES * 1000.0 / bench_ms_since(started_us), err);
		}
	}
	return status;
}

/* What those see who are sent the screen; its changes by a stream of ours, or by x11vnc. */
static enum cua_status measure_stream(struct seeing *seeing, struct cua_error *err)
{
	static const struct {
		const char *name;
		struct cua_point change; /* 0: the whole screen */
	} rows[] = { { "whole screen changed, until a viewer has it", { 0, 0 } },
		{ "200x50 changed, until a viewer has it", { 200, 50 } } };
	const struct cua_point whole = { seeing->desktop->record.settings.width_px,
		seeing->desktop->record.settings.height_px };
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(rows); i++) {
		struct bench_turn turns[] = {
			{ .by = "cua stream", .take = take_by_stream, .user_data = seeing },
			{ .by = "x11vnc",
					.take = take_by_vnc,
					.user_data = seeing,
					.may_fail = true }
		};
		seeing->change = rows[i].change.x > 0 ? rows[i].change : whole;
		status = measure(seeing, rows[i].name, true, turns, CUA_ARRAY_LEN(turns), err);
	}
	bench_x11vnc_stop(CUA_STEAL(seeing->vnc));
	if (status == CUA_OK) {
		seeing->change = whole;
		status = measure_stream_pace(seeing, err);
	}
	bench_stream_stop(CUA_STEAL(seeing->stream));
	return status;
}

static enum cua_status measure_all(struct seeing *seeing, struct cua_error *err)
{
	struct bench_turn turns[TURNS_MAX];
	const int count = add_ours(seeing, &fast, turns);
	seeing->change = (struct cua_point){ seeing->desktop->record.settings.width_px,
		seeing->desktop->record.settings.height_px };
	enum cua_status status = measure_whole(seeing, err);
	if (status == CUA_OK) {
		status = measure_floors(seeing, err);
	}
	if (status == CUA_OK) {
		status = measure_codings(seeing, err);
	}
	/* Last, since it leaves patches that no picture of the whole should have. */
	if (status == CUA_OK) {
		seeing->change = (struct cua_point){ 200, 50 };
		status = measure(seeing, "200x50 changed", false, turns, count, err);
	}
	if (status == CUA_OK) {
		seeing->change = (struct cua_point){ 0, 0 };
		status = measure(seeing, "unchanged, by ETag", false, turns, count, err);
	}
	return status == CUA_OK ? measure_stream(seeing, err) : status;
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
		status = bench_echo_start(&seeing.echo, err);
	}
	if (status == CUA_OK) {
		status = measure_all(&seeing, err);
	}
	bench_echo_stop(seeing.echo);
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

#include "cua/bench/bench_settle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/bench/bench_client.h"

/* How long a settled picture has to hold. */
#define LATER_MS 2000
#define AREAS_MAX 32
#define LOOK_AGAIN_MS 50
/* After what is no trial. */
#define BETWEEN_REST_MS 500
#define BETWEEN_MAX_MS 10000

struct moving {
	struct cua_region areas[AREAS_MAX];
	int count;
};

/* What the answer reports as moving by itself; of carets alone where all else is to rest. */
static void read_moving(const cJSON *settle, bool carets_only, struct moving *moving)
{
	const cJSON *item = NULL;
	moving->count = 0;
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(settle, "animated")) {
		const cJSON *region = cJSON_GetObjectItemCaseSensitive(item, "region");
		if (cJSON_GetArraySize(region) != 4 || moving->count == AREAS_MAX ||
				(carets_only && strcmp(bench_text(item, "kind"), "caret") != 0)) {
			continue;
		}
		moving->areas[moving->count++] =
				(struct cua_region){ cJSON_GetArrayItem(region, 0)->valueint,
					cJSON_GetArrayItem(region, 1)->valueint,
					cJSON_GetArrayItem(region, 2)->valueint,
					cJSON_GetArrayItem(region, 3)->valueint };
	}
}

static bool is_moving(const struct moving *moving, const struct cua_region *area)
{
	for (int i = 0; i < moving->count; i++) {
		const struct cua_region *other = &moving->areas[i];
		if (area->x >= other->x && area->y >= other->y &&
				area->x + area->width <= other->x + other->width &&
				area->y + area->height <= other->y + other->height) {
			return true;
		}
	}
	return false;
}

/* An answer that calls most of the screen moving says nothing. */
static bool is_all_moving(const struct bench_desktop *desktop, const struct moving *moving)
{
	const struct desktop_settings *settings = &desktop->record.settings;
	int64_t pixels = 0;
	for (int i = 0; i < moving->count; i++) {
		pixels += (int64_t)moving->areas[i].width * moving->areas[i].height;
	}
	return pixels * 2 > (int64_t)settings->width_px * settings->height_px;
}

/* When the last change was drawn that is no part of what moves by itself; 0 if none was. */
static uint64_t last_change_us(struct bench_watch *watch, const struct moving *moving)
{
	static struct bench_change changes[BENCH_CHANGES_MAX];
	uint64_t last_us = 0;
	const int count = bench_watch_changes(watch, changes, BENCH_CHANGES_MAX);
	for (int i = 0; i < count; i++) {
		if (!is_moving(moving, &changes[i].area)) {
			last_us = changes[i].at_us;
		}
	}
	return last_us;
}

static enum cua_status read_picture(const struct bench_desktop *desktop, const cJSON *answer,
		uint8_t **ret_pixels, struct cua_error *err)
{
	const char *data =
			bench_text(cJSON_GetObjectItemCaseSensitive(answer, "screenshot"), "data");
	const size_t len = strlen(data);
	CUA_AUTO_FREE unsigned char *png = malloc(len + 1);
	size_t png_len = 0;
	int width = 0, height = 0;
	if (!png) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	if (sodium_base642bin(png, len + 1, data, len, NULL, &png_len, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the picture is no base64");
	}
	enum cua_status status = bench_png_read(png, png_len, &width, &height, ret_pixels, err);
	if (status == CUA_OK &&
			(width != desktop->record.settings.width_px ||
					height != desktop->record.settings.height_px)) {
		free(*ret_pixels);
		status = CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the picture is %dx%d", width, height);
	}
	return status;
}

/* Both pictures of a trial that went wrong, for people to look at. */
static enum cua_status save_pictures(const struct bench_desktop *desktop, struct bench_watch *watch,
		const uint8_t *pixels, const char *name, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	const char *dir = desktop->bench->picture_dir;
	CUA_AUTO_BUFFER struct cua_buffer settled;
	CUA_AUTO_BUFFER struct cua_buffer later;
	cua_buffer_init(&settled, (size_t)64 << 20);
	cua_buffer_init(&later, (size_t)64 << 20);
	enum cua_status status = bench_png_write(pixels, desktop->record.settings.width_px,
			desktop->record.settings.height_px, 1, &settled, err);
	if (status == CUA_OK) {
		status = bench_watch_png(watch, &later, err);
	}
	if (status == CUA_OK) {
		snprintf(path, sizeof(path), "%s/%s-settled.png", dir, name);
		status = cua_file_write(path, settled.data, settled.len, 0644, err);
	}
	if (status == CUA_OK) {
		snprintf(path, sizeof(path), "%s/%s-later.png", dir, name);
		status = cua_file_write(path, later.data, later.len, 0644, err);
	}
	return status;
}

/* The end of the input: the results say how long each action took. */
static uint64_t input_end_us(const cJSON *answer, uint64_t asked_us)
{
	double ms = 0;
	const cJSON *result = NULL;
	cJSON_ArrayForEach (result, cJSON_GetObjectItemCaseSensitive(answer, "results")) {
		ms += bench_number(result, "ms", 0);
	}
	return asked_us + (uint64_t)(ms * 1000.0);
}

static void judge(const struct bench_desktop *desktop, struct bench_watch *watch,
		const cJSON *answer, uint64_t asked_us, uint64_t answered_us, const uint8_t *pixels,
		struct bench_trial *trial)
{
	const cJSON *settle = cJSON_GetObjectItemCaseSensitive(answer, "settle");
	const uint64_t input_us = input_end_us(answer, asked_us);
	struct moving moving;
	read_moving(settle, !trial->restless, &moving);
	snprintf(trial->reason, sizeof(trial->reason), "%s", bench_text(settle, "reason"));
	trial->says_so = moving.count > 0 && !is_all_moving(desktop, &moving) &&
			strcmp(trial->reason, "timeout") != 0;
	const uint64_t last_us = last_change_us(watch, &moving);
	const uint64_t from_us = last_us > input_us ? last_us : input_us;
	trial->whole_ms = ((double)answered_us - (double)asked_us) / 1000.0;
	trial->ms = ((double)answered_us - (double)input_us) / 1000.0;
	trial->over_ms = ((double)answered_us - (double)from_us) / 1000.0;
	trial->wrong = bench_watch_differs(
				       watch, pixels, moving.areas, moving.count, &trial->area) ||
			(trial->restless ? !trial->says_so : last_us == 0);
	trial->wrong_half_s = last_us > input_us + 500000U;
	trial->wrong_two_s = last_us > input_us + 2000000U;
}

static enum cua_status act(struct bench_desktop *desktop, const cJSON *step, cJSON **ret_answer,
		struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON_AddItemToObject(body, "actions",
			cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(step, "actions"), true));
	cJSON_AddFalseToObject(cJSON_AddObjectToObject(body, "screenshot"), "pointer");
	return bench_post(desktop, body, ret_answer, err);
}

enum cua_status bench_settle_trial(struct bench_desktop *desktop, struct bench_watch *watch,
		const cJSON *step, const char *name, struct bench_trial *ret_trial,
		struct cua_error *err)
{
	struct bench_trial trial = { .restless = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
						     step, "restless")) };
	CUA_AUTO_JSON cJSON *answer = NULL;
	CUA_AUTO_FREE uint8_t *pixels = NULL;
	bench_watch_mark(watch);
	const uint64_t asked_us = cua_now_us();
	enum cua_status status = act(desktop, step, &answer, err);
	const uint64_t answered_us = desktop->answered_us;
	if (status == CUA_OK) {
		status = read_picture(desktop, answer, &pixels, err);
	}
	if (status == CUA_OK) {
		status = bench_pause(desktop->bench, cua_ms_until(answered_us + LATER_MS * 1000ULL),
				err);
	}
	if (status != CUA_OK) {
		return status;
	}
	judge(desktop, watch, answer, asked_us, answered_us, pixels, &trial);
	if (trial.wrong && desktop->bench->picture_dir) {
		status = save_pictures(desktop, watch, pixels, name, err);
	}
	*ret_trial = trial;
	return status;
}

enum cua_status bench_settle_rest(struct bench_desktop *desktop, struct bench_watch *watch,
		int rest_ms, int max_ms, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)max_ms * 1000U;
	const struct moving none = { .count = 0 };
	uint64_t since_us = cua_now_us();
	enum cua_status status = CUA_OK;
	bench_watch_mark(watch);
	while (status == CUA_OK && cua_now_us() < deadline_us) {
		const uint64_t last_us = last_change_us(watch, &none);
		since_us = last_us > since_us ? last_us : since_us;
		if (cua_now_us() >= since_us + (uint64_t)rest_ms * 1000U) {
			break;
		}
		status = bench_pause(desktop->bench, LOOK_AGAIN_MS, err);
	}
	return status;
}

bool bench_settle_is_between(const cJSON *step)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(step, "between"));
}

enum cua_status bench_settle_between(struct bench_desktop *desktop, struct bench_watch *watch,
		const cJSON *step, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = act(desktop, step, &answer, err);
	if (status == CUA_OK) {
		status = bench_settle_rest(desktop, watch, BETWEEN_REST_MS, BETWEEN_MAX_MS, err);
	}
	return status;
}

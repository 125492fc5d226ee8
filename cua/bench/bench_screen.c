/* The screens of scenarios/screens.json: files that are made, actions that show them. */

#include "cua/bench/bench.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

#define TITLE_TIMEOUT_MS 60000

static bool is_chosen(const struct bench *bench, const cJSON *screen)
{
	bool chosen = bench->screen_count == 0 && bench_is_wanted(bench, screen);
	for (int i = 0; i < bench->screen_count; i++) {
		chosen = chosen || strcmp(bench->screens[i], bench_text(screen, "name")) == 0;
	}
	return chosen;
}

enum cua_status bench_each_screen(
		struct bench *bench, bench_screen_fn each, void *user_data, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *screens = bench_scenario(bench, "screens", err);
	if (!screens) {
		return CUA_ERR_INVAL;
	}
	const cJSON *screen = NULL;
	cJSON_ArrayForEach (screen, cJSON_GetObjectItemCaseSensitive(screens, "screens")) {
		enum cua_status status = bench_check(bench, err);
		if (status == CUA_OK && is_chosen(bench, screen)) {
			status = each(bench, screen, user_data, err);
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	return CUA_OK;
}

/* What a file consists of is said by its "make". */
static enum cua_status make_file(
		const cJSON *file, struct cua_buffer *content, struct cua_error *err)
{
	const char *make = bench_text(file, "make");
	const unsigned int seed = (unsigned int)bench_number(file, "seed", 1);
	if (strcmp(make, "photo") == 0) {
		return bench_photo(seed, (int)bench_number(file, "width", 1280),
				(int)bench_number(file, "height", 800), content, err);
	}
	if (strcmp(make, "text") == 0) {
		const char *text = bench_text(file, "text");
		return cua_buffer_append(content, text, strlen(text), err);
	}
	if (strcmp(make, "prose") == 0) {
		const char *head = bench_text(file, "head"), *tail = bench_text(file, "tail");
		enum cua_status status = cua_buffer_append(content, head, strlen(head), err);
		if (status == CUA_OK) {
			status = bench_prose(seed, (int)bench_number(file, "paragraphs", 20),
					bench_text(file, "before"), bench_text(file, "after"),
					content, err);
		}
		return status == CUA_OK ? cua_buffer_append(content, tail, strlen(tail), err)
					: status;
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"file %s: make is \"%s\"; it must be photo, prose or text",
			bench_text(file, "name"), make);
}

/* "count" files of one description: "#" in the name is their number, and the seeds differ. */
static enum cua_status put_file(
		struct bench_desktop *desktop, const cJSON *file, int number, struct cua_error *err)
{
	char name[128];
	CUA_AUTO_JSON cJSON *numbered = cJSON_Duplicate(file, true);
	CUA_AUTO_BUFFER struct cua_buffer content;
	cua_buffer_init(&content, (size_t)64 << 20);
	const char *pattern = bench_text(file, "name"), *mark = strchr(pattern, '#');
	if (mark) {
		snprintf(name, sizeof(name), "%.*s%d%s", (int)(mark - pattern), pattern, number,
				mark + 1);
	} else {
		snprintf(name, sizeof(name), "%s", pattern);
	}
	cJSON *seed = cJSON_GetObjectItemCaseSensitive(numbered, "seed");
	if (seed) {
		cJSON_SetNumberValue(seed, seed->valuedouble + number);
	}
	enum cua_status status = make_file(numbered, &content, err);
	return status == CUA_OK ? bench_put_file(desktop, name, content.data, content.len, err)
				: status;
}

static enum cua_status put_files(
		struct bench_desktop *desktop, const cJSON *screen, struct cua_error *err)
{
	const cJSON *file = NULL;
	cJSON_ArrayForEach (file, cJSON_GetObjectItemCaseSensitive(screen, "files")) {
		const int count = (int)bench_number(file, "count", 1);
		for (int number = 0; number < count; number++) {
			enum cua_status status = put_file(desktop, file, number, err);
			if (status != CUA_OK) {
				return status;
			}
		}
	}
	return CUA_OK;
}

/* So that people see what was measured. */
static enum cua_status save_picture(
		struct bench_desktop *desktop, const char *name, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	struct cua_http_response response = { 0 };
	enum cua_status status =
			bench_http(desktop, "GET", "/v1/screenshot", NULL, NULL, &response, err);
	snprintf(path, sizeof(path), "%s/%s-%dx%d.png", desktop->bench->picture_dir, name,
			desktop->record.settings.width_px, desktop->record.settings.height_px);
	if (status == CUA_OK) {
		status = cua_file_write(path, response.body.data, response.body.len, 0644, err);
	}
	cua_http_response_finish(&response);
	return status;
}

enum cua_status bench_screen_show(
		struct bench_desktop *desktop, const cJSON *screen, struct cua_error *err)
{
	const char *name = bench_text(screen, "name"), *title = bench_text(screen, "wait_title");
	bench_progress(desktop->bench, "putting up the screen \"%s\", %dx%d", name,
			desktop->record.settings.width_px, desktop->record.settings.height_px);
	const cJSON *actions = cJSON_GetObjectItemCaseSensitive(screen, "actions");
	const cJSON *after = cJSON_GetObjectItemCaseSensitive(screen, "then");
	enum cua_status status = put_files(desktop, screen, err);
	if (status == CUA_OK && cJSON_GetArraySize(actions) > 0) {
		status = bench_act(desktop, actions, err);
	}
	if (status == CUA_OK && title[0]) {
		status = bench_wait_title(desktop, title, TITLE_TIMEOUT_MS, err);
	}
	if (status == CUA_OK && cJSON_GetArraySize(after) > 0) {
		status = bench_act(desktop, after, err);
	}
	if (status == CUA_OK) { /* the pointer out of the way, and a screen at rest */
		status = bench_actf(desktop, err, "[{\"action\":\"move\",\"x\":%d,\"y\":%d}]",
				desktop->record.settings.width_px - 1,
				desktop->record.settings.height_px - 1);
	}
	if (status == CUA_OK && desktop->bench->picture_dir) {
		status = save_picture(desktop, name, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "screen \"%s\"", name);
	}
	return status;
}

enum cua_status bench_screen_show_named(
		struct bench_desktop *desktop, const char *name, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *screens = bench_scenario(desktop->bench, "screens", err);
	if (!screens) {
		return CUA_ERR_INVAL;
	}
	const cJSON *screen = NULL;
	cJSON_ArrayForEach (screen, cJSON_GetObjectItemCaseSensitive(screens, "screens")) {
		if (strcmp(bench_text(screen, "name"), name) == 0) {
			return bench_screen_show(desktop, screen, err);
		}
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no screen \"%s\"", name);
}

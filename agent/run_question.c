/* What a person is asked, and the picture that goes with it. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "agent/run_internal.h"
#include "agent/words.h"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/scale.h"
#include "cua/contract/text.h"

#define RING_RADIUS 18
#define RING_WIDTH 4 /* and as much of white around it */
#define PIXELS_MAX ((size_t)32 << 20)

/* --- the picture --- */

struct canvas {
	unsigned char *pixels; /* red, green, blue */
	int width, height;
	struct cua_point space; /* that points are in: its own size, or that of the screen */
};

static void put_pixel(const struct canvas *canvas, int x, int y, bool is_red)
{
	if (x >= 0 && y >= 0 && x < canvas->width && y < canvas->height) {
		unsigned char *pixel = canvas->pixels +
				((size_t)y * (size_t)canvas->width + (size_t)x) * 3;
		pixel[0] = is_red ? 0xd0 : 0xff;
		pixel[1] = pixel[2] = is_red ? 0x00 : 0xff;
	}
}

/* Around the spot, which stays visible. */
static void draw_ring(const struct canvas *canvas, int at_x, int at_y)
{
	const int reach = RING_RADIUS + 2 * RING_WIDTH;
	for (int y = -reach; y <= reach; y++) {
		for (int x = -reach; x <= reach; x++) {
			const double away = fabs(hypot(x, y) - RING_RADIUS);
			if (away <= RING_WIDTH) {
				put_pixel(canvas, at_x + x, at_y + y, away <= RING_WIDTH / 2.0);
			}
		}
	}
}

static bool draw_point(const struct canvas *canvas, const cJSON *x, const cJSON *y)
{
	if (!cJSON_IsNumber(x) || !cJSON_IsNumber(y)) {
		return false;
	}
	draw_ring(canvas, cua_scale_pixel_to_picture(x->valueint, canvas->width, canvas->space.x),
			cua_scale_pixel_to_picture(y->valueint, canvas->height, canvas->space.y));
	return true;
}

/* How many spots the actions have. */
static int draw_spots(const struct canvas *canvas, const cJSON *actions)
{
	int count = 0;
	const cJSON *action = NULL, *point = NULL;
	cJSON_ArrayForEach (action, actions) {
		count += draw_point(
				canvas, cua_json_member(action, "x"), cua_json_member(action, "y"));
		cJSON_ArrayForEach (point, cua_json_member(action, "path")) {
			const bool is_pair = cJSON_IsArray(point);
			count += draw_point(canvas,
					is_pair ? cJSON_GetArrayItem(point, 0)
						: cua_json_member(point, "x"),
					is_pair ? cJSON_GetArrayItem(point, 1)
						: cua_json_member(point, "y"));
		}
	}
	return count;
}

static bool write_png(struct agent_run *run, png_image *image, const unsigned char *pixels,
		const char *name)
{
	png_alloc_size_t len = 0;
	if (!png_image_write_get_memory_size(*image, len, 0, pixels, 0, NULL)) {
		return false;
	}
	CUA_AUTO_FREE unsigned char *bytes = malloc(len);
	return bytes && png_image_write_to_memory(image, bytes, &len, 0, pixels, 0, NULL) &&
			cua_file_write_durable(run->journal.dir_fd, name, bytes, len, NULL) ==
			CUA_OK;
}

bool run_question_picture(
		struct agent_run *run, const struct run_request *request, char *name, size_t size)
{
	const struct agent_image *screen = agent_desktop_screen(run->desktop);
	png_image image = { .version = PNG_IMAGE_VERSION };
	if (!screen || !png_image_begin_read_from_memory(&image, screen->bytes, screen->len)) {
		return false; /* a picture in another format: the words have to do */
	}
	image.format = PNG_FORMAT_RGB;
	CUA_AUTO_FREE unsigned char *pixels = PNG_IMAGE_SIZE(image) <= 3 * PIXELS_MAX
			? malloc(PNG_IMAGE_SIZE(image))
			: NULL;
	bool is_well = pixels && png_image_finish_read(&image, NULL, pixels, 0, NULL);
	if (is_well) {
		struct canvas canvas = { pixels, (int)image.width, (int)image.height,
			{ (int)image.width, (int)image.height } };
		canvas.space = request->is_script ? agent_desktop_size(run->desktop) : canvas.space;
		snprintf(name, size, "asked-%llu.png",
				(unsigned long long)run->approvals.asked + 1);
		is_well = draw_spots(&canvas, request->arguments) > 0 &&
				write_png(run, &image, pixels, name);
	}
	png_image_free(&image);
	return is_well;
}

/* --- the question --- */

/* "click at 1, 2", "bash {"command": ...}", for a person to read; the caller owns it. */
static char *words_of(const struct run_request *request)
{
	if (strcmp(request->tool, "computer") == 0) {
		return agent_words_whole(request->arguments);
	}
	CUA_AUTO_FREE char *arguments = cJSON_PrintUnformatted(request->arguments);
	char *words = NULL;
	const bool has_server = request->server && request->server_tool;
	if (!arguments ||
			asprintf(&words, "%s%s%s%s%s %s", request->tool, has_server ? " " : "",
					has_server ? request->server : "", has_server ? ": " : "",
					has_server ? request->server_tool : "", arguments) < 0) {
		return NULL;
	}
	return words;
}

static enum cua_agent_consent put_question(struct agent_run *run, const struct run_request *request,
		const struct agent_decision *decision, const cJSON *checks, const char *picture,
		uint64_t asked_us)
{
	char rule[CUA_PATH_MAX + 300], path[CUA_PATH_MAX] = "", note[300];
	CUA_AUTO_FREE char *words = words_of(request);
	if (!words) {
		return CUA_AGENT_CONSENT_NO;
	}
	const size_t hidden = cua_text_strip(words);
	snprintf(note, sizeof(note), "%s", decision->note);
	if (hidden > 0) {
		snprintf(note, sizeof(note), "invisible characters in it: %zu. %s", hidden,
				decision->note);
	}
	snprintf(rule, sizeof(rule), "%s:%d (%s)", decision->file, decision->line, decision->rule);
	if (picture) {
		snprintf(path, sizeof(path), "%s/%s", run->journal.path, picture);
	}
	const struct cua_agent_question question = { .words = words,
		.reason = decision->reason,
		.rule = rule,
		.risk = agent_risk_names[decision->risk],
		.note = note,
		.picture = picture ? path : NULL,
		.checks = checks,
		.expires_us = run_expiry(run, asked_us, AGENT_APPROVAL_S) };
	return run_note_question(run, request->call, &question, picture)
			? run->options->approve(&question, run->options->user_data)
			: CUA_AGENT_CONSENT_NO;
}

enum run_answer run_question(struct agent_run *run, const struct run_request *request,
		const struct agent_decision *decision, const cJSON *checks)
{
	static const struct {
		const char *noted;
		enum run_answer answer;
	} answers[] = { [CUA_AGENT_CONSENT_NO] = { "no", RUN_ANSWER_NO },
		[CUA_AGENT_CONSENT_YES] = { "yes", RUN_ANSWER_YES },
		[CUA_AGENT_CONSENT_NONE] = { "unanswered", RUN_ANSWER_NONE } };
	const struct agent_asked asked = run_policy_asked(request);
	const uint64_t asked_us = cua_now_us();
	const bool has_screen = strcmp(request->tool, "computer") == 0;
	const struct agent_image *screen = has_screen ? agent_desktop_screen(run->desktop) : NULL;
	char picture[32];
	if (!run->options->approve) {
		return run_note_approval(run, request->call, "nobody", NULL, 0) ? RUN_ANSWER_NOBODY
										: RUN_ANSWER_OVER;
	}
	const bool has_picture =
			has_screen && run_question_picture(run, request, picture, sizeof(picture));
	const char *name = has_picture ? picture : NULL;
	agent_approvals_asked(&run->approvals, asked_us);
	const enum cua_agent_consent consent =
			put_question(run, request, decision, checks, name, asked_us);
	if (consent != CUA_AGENT_CONSENT_NONE) {
		agent_approvals_answer(&run->approvals, &asked, screen ? screen->sha256 : NULL,
				consent == CUA_AGENT_CONSENT_YES, asked_us);
	}
	if (consent != CUA_AGENT_CONSENT_YES && run_is_cancelled(run)) {
		run_end(run, CUA_AGENT_INTERRUPTED, NULL);
		return RUN_ANSWER_OVER;
	}
	/* Without an answer to the provider's checks nothing can go on. */
	const bool is_interrupted =
			consent == CUA_AGENT_CONSENT_NONE && !checks && run_is_interrupted(run);
	if (!run_note_approval(run, request->call,
			    is_interrupted ? "interrupted" : answers[consent].noted, name,
			    (double)(cua_now_us() - asked_us) / 1000.0)) {
		return RUN_ANSWER_OVER;
	}
	return is_interrupted ? RUN_ANSWER_INTERRUPTED : answers[consent].answer;
}

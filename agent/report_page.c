#include "agent/report.h"

#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/words.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

/* What the model looked at when it decided. */
struct shot {
	const char *sha256; /* NULL: none yet */
	int width, height;
};

struct page {
	FILE *out;
	const cJSON *events;
	int run_dir_fd;
};

static const cJSON *member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static const char *string_at(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(member(json, name));
	return text ? text : "";
}

static double number_at(const cJSON *json, const char *name)
{
	const cJSON *number = member(json, name);
	return cJSON_IsNumber(number) ? number->valuedouble : 0;
}

static bool is_type(const cJSON *event, const char *type)
{
	return strcmp(string_at(event, "type"), type) == 0;
}

static const cJSON *find_event(const cJSON *events, const char *type)
{
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		if (is_type(event, type)) {
			return event;
		}
	}
	return NULL;
}

/* --- screenshots --- */

/* Only names that the journal makes: nothing in an event can point elsewhere. */
static bool is_sha256(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static void note_shot(struct shot *shot, const cJSON *event)
{
	const char *sha256 = string_at(event, "screenshot");
	if (number_at(event, "width") > 0 && is_sha256(sha256)) {
		shot->sha256 = sha256;
		shot->width = (int)number_at(event, "width");
		shot->height = (int)number_at(event, "height");
	}
}

/* False if the screenshot cannot be read. A multiple of 3 bytes needs no padding in between. */
static bool put_base64(const struct page *page, const char *sha256)
{
	char name[96];
	snprintf(name, sizeof(name), "screenshots/%s.png", sha256);
	int fd = openat(page->run_dir_fd, name, O_RDONLY | O_CLOEXEC);
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!in) {
		cua_closep(&fd);
		return false;
	}
	unsigned char bytes[3 * 4096];
	char base64[4 * 4096 + 1];
	size_t len = 0;
	while ((len = fread(bytes, 1, sizeof(bytes), in)) > 0) {
		sodium_bin2base64(
				base64, sizeof(base64), bytes, len, sodium_base64_VARIANT_ORIGINAL);
		fputs(base64, page->out);
	}
	fclose(in);
	return true;
}

/* --- marks on a screenshot --- */

struct point {
	double x, y;
};

static void put_ring(FILE *out, struct point at, int number)
{
	fprintf(out, "<circle class=\"under\" cx=\"%.0f\" cy=\"%.0f\" r=\"16\"/>", at.x, at.y);
	fprintf(out, "<circle class=\"over\" cx=\"%.0f\" cy=\"%.0f\" r=\"16\"/>", at.x, at.y);
	fprintf(out, "<circle class=\"dot\" cx=\"%.0f\" cy=\"%.0f\" r=\"2.5\"/>", at.x, at.y);
	fprintf(out, "<circle class=\"dot\" cx=\"%.0f\" cy=\"%.0f\" r=\"11\"/>", at.x + 19,
			at.y - 19);
	fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">%d</text>", at.x + 19, at.y - 13.5, number);
}

static void put_line(FILE *out, struct point from, struct point to)
{
	static const char *const classes[] = { "under", "over" };
	double length = hypot(to.x - from.x, to.y - from.y);
	double ux = length > 0 ? (to.x - from.x) / length : 0,
	       uy = length > 0 ? (to.y - from.y) / length : 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(classes); i++) {
		fprintf(out,
				"<path class=\"%s\" d=\"M%.0f %.0fL%.0f %.0fM%.1f %.1fL%.0f "
				"%.0fL%.1f "
				"%.1f\"/>",
				classes[i], from.x, from.y, to.x, to.y, to.x - 14 * ux - 8 * uy,
				to.y - 14 * uy + 8 * ux, to.x, to.y, to.x - 14 * ux + 8 * uy,
				to.y - 14 * uy - 8 * ux);
	}
}

static struct point point_of(const cJSON *json)
{
	if (cJSON_IsArray(json)) {
		const cJSON *x = cJSON_GetArrayItem(json, 0), *y = cJSON_GetArrayItem(json, 1);
		return (struct point){ cJSON_IsNumber(x) ? x->valuedouble : 0,
			cJSON_IsNumber(y) ? y->valuedouble : 0 };
	}
	return (struct point){ number_at(json, "x"), number_at(json, "y") };
}

static void put_drag(FILE *out, const cJSON *path, int number)
{
	const cJSON *at = NULL;
	struct point from = point_of(path->child);
	cJSON_ArrayForEach (at, path) {
		struct point to = point_of(at);
		if (at != path->child) {
			put_line(out, from, to);
		}
		from = to;
	}
	put_ring(out, point_of(path->child), number);
}

static void put_mark(FILE *out, const cJSON *action, int number)
{
	const cJSON *path = member(action, "path");
	if (cJSON_IsArray(path) && path->child) {
		put_drag(out, path, number);
	} else if (member(action, "x") && member(action, "y")) {
		struct point at = point_of(action);
		double x = number_at(action, "scroll_x"), y = number_at(action, "scroll_y");
		if (x != 0 || y != 0) {
			double length = hypot(x, y);
			put_line(out, at,
					(struct point){ at.x + 60 * x / length,
							at.y + 60 * y / length });
		}
		put_ring(out, at, number);
	}
}

static bool is_of_step(const cJSON *event, const char *type, double step)
{
	return is_type(event, type) && number_at(event, "step") == step;
}

static void put_marks(const struct page *page, double step)
{
	int number = 0;
	const cJSON *event = NULL, *action = NULL;
	cJSON_ArrayForEach (event, page->events) {
		if (is_of_step(event, "intent", step)) {
			cJSON_ArrayForEach (action, member(event, "actions")) {
				put_mark(page->out, action, ++number);
			}
		}
	}
}

/* step 0: no marks. */
static void put_figure(
		const struct page *page, const struct shot *shot, double step, const char *caption)
{
	FILE *out = page->out;
	fputs("<figure><span class=\"shot\"><img loading=\"lazy\" alt=\"", out);
	cua_text_html(out, caption);
	fprintf(out, "\" width=\"%d\" height=\"%d\" src=\"data:image/png;base64,", shot->width,
			shot->height);
	bool is_there = put_base64(page, shot->sha256);
	fputs("\">", out);
	if (step > 0) {
		fprintf(out, "<svg aria-hidden=\"true\" viewBox=\"0 0 %d %d\">", shot->width,
				shot->height);
		put_marks(page, step);
		fputs("</svg>", out);
	}
	fprintf(out, "</span><figcaption>%s", is_there ? "" : "(The screenshot is missing.) ");
	cua_text_html(out, caption);
	fputs("</figcaption></figure>\n", out);
}

/* --- a step --- */

static void put_paragraph(FILE *out, const char *class, const char *lead, const char *text)
{
	fprintf(out, "<p class=\"%s\">%s", class, lead);
	cua_text_html(out, text);
	fputs("</p>\n", out);
}

static void put_quote(FILE *out, const char *text)
{
	if (text[0]) {
		fputs("<blockquote>", out);
		cua_text_html(out, text);
		fputs("</blockquote>\n", out);
	}
}

/* The actions of an intent; their numbers go on through the step, as the marks do. */
static int put_actions(FILE *out, const cJSON *intent, int number)
{
	fprintf(out, "<ol class=\"actions\" start=\"%d\">", number + 1);
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, member(intent, "actions")) {
		char *words = NULL;
		size_t len = 0;
		FILE *text = open_memstream(&words, &len);
		if (text) {
			agent_words_action(text, action);
			fclose(text);
		}
		fputs("<li>", out);
		cua_text_html(out, words ? words : "");
		fputs("</li>", out);
		free(words);
		number++;
	}
	fputs("</ol>\n", out);
	return number;
}

static void put_result(FILE *out, const cJSON *event)
{
	const cJSON *settle = member(event, "settle");
	fprintf(out, "<p class=\"time\">Desktop %.2f s", number_at(event, "ms") / 1000.0);
	if (number_at(settle, "ms") >= 1) {
		fprintf(out, ", of it %.2f s until the screen was settled (",
				number_at(settle, "ms") / 1000.0);
		cua_text_html(out, string_at(settle, "reason"));
		fputc(')', out);
	}
	fputs(".</p>\n", out);
	const char *status = string_at(event, "status");
	if (strcmp(status, "ok") != 0) {
		put_paragraph(out, "bad",
				strcmp(status, "uncertain") == 0 ? "Uncertain: " : "Failed: ",
				string_at(event, "message"));
	}
	const cJSON *result = NULL;
	cJSON_ArrayForEach (result, member(event, "results")) {
		if (strcmp(string_at(result, "status"), "no_visible_effect") == 0) {
			put_paragraph(out, "warn",
					"No visible effect: ", string_at(result, "action"));
		}
	}
	if (string_at(event, "person_note")[0]) {
		put_paragraph(out, "warn", "", string_at(event, "person_note"));
	}
}

static void put_safety(FILE *out, const cJSON *event)
{
	bool is_yes = cJSON_IsTrue(member(event, "acknowledged"));
	const cJSON *check = NULL;
	cJSON_ArrayForEach (check, member(event, "checks")) {
		const char *message = string_at(check, "message");
		put_paragraph(out, is_yes ? "warn" : "bad",
				is_yes ? "Safety check, allowed by a person: "
				       : "Safety check, not allowed: ",
				message[0] ? message : string_at(check, "code"));
	}
}

static void put_step_events(const struct page *page, double step)
{
	int number = 0;
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, page->events) {
		if (is_of_step(event, "intent", step)) {
			number = put_actions(page->out, event, number);
		} else if (is_of_step(event, "result", step)) {
			put_result(page->out, event);
		} else if (is_of_step(event, "safety", step)) {
			put_safety(page->out, event);
		} else if (is_of_step(event, "not_run", step)) {
			put_paragraph(page->out, "warn", "Not run: ", string_at(event, "message"));
		} else if (is_of_step(event, "retry", step)) {
			put_paragraph(page->out, "warn",
					"Asked again: ", string_at(event, "message"));
		} else if (is_of_step(event, "person", step)) {
			fprintf(page->out,
					"<p class=\"warn\">A person had the desktop for %.0f "
					"s.</p>\n",
					number_at(event, "ms") / 1000.0);
		}
	}
}

static void put_step(const struct page *page, const cJSON *turn, const struct shot *shot)
{
	FILE *out = page->out;
	double step = number_at(turn, "step");
	fprintf(out, "<section aria-labelledby=\"s%.0f\"%s>", step,
			shot->sha256 ? " class=\"with-shot\"" : "");
	if (shot->sha256) {
		char caption[128];
		snprintf(caption, sizeof(caption),
				"What the model saw before step %.0f, with its actions marked.",
				step);
		put_figure(page, shot, step, caption);
	}
	fprintf(out, "<div><h2 id=\"s%.0f\">Step %.0f</h2>\n", step, step);
	put_quote(out, string_at(turn, "words"));
	put_quote(out, string_at(turn, "answer"));
	put_quote(out, string_at(turn, "refusal"));
	put_quote(out, string_at(turn, "gives_up"));
	fprintf(out, "<p class=\"time\">Model %.1f s, %.0f tokens in, %.0f out.</p>\n",
			number_at(turn, "ms") / 1000.0,
			number_at(member(turn, "usage"), "input_tokens"),
			number_at(member(turn, "usage"), "output_tokens"));
	put_step_events(page, step);
	fputs("</div></section>\n", out);
}

/* --- the whole --- */

static void put_fact(FILE *out, const char *name, const char *value)
{
	fprintf(out, "<div><dt>%s</dt><dd>", name);
	cua_text_html(out, value[0] ? value : "unknown");
	fputs("</dd></div>", out);
}

static void put_number(FILE *out, const char *name, double value, const char *unit)
{
	fprintf(out, "<div><dt>%s</dt><dd>%.0f%s</dd></div>", name, value, unit);
}

/* "gave_up" as a person writes it. */
static void put_spaced(FILE *out, const char *name)
{
	for (; *name; name++) {
		char letter[2] = { *name == '_' ? ' ' : *name, '\0' };
		cua_text_html(out, letter);
	}
}

static void put_outcome(FILE *out, const cJSON *end)
{
	const char *outcome = string_at(end, "outcome");
	bool is_done = strcmp(outcome, "done") == 0;
	fprintf(out, "<p class=\"outcome %s\">Outcome: ", is_done ? "good" : "bad");
	put_spaced(out, end ? outcome : "broken off; there is no last event");
	fputs("</p>\n", out);
	put_quote(out, string_at(end, "answer"));
	if (string_at(end, "message")[0]) {
		put_paragraph(out, "bad", "", string_at(end, "message"));
	}
}

/* "2026-11-21T06:13:33.478Z" to the second. */
static void put_time(FILE *out, const char *time)
{
	char text[40];
	snprintf(text, sizeof(text), "%.10s %.8s UTC", time, strlen(time) > 11 ? time + 11 : "");
	put_fact(out, "Started", time[0] ? text : "");
}

static void put_head(const struct page *page, const cJSON *start, const cJSON *end)
{
	FILE *out = page->out;
	const cJSON *usage = member(end, "usage");
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "img-src data:; style-src 'unsafe-inline'\"><title>cua run: ",
			out);
	cua_text_html(out, string_at(start, "task"));
	fprintf(out, "</title><style>%s</style></head><body>\n<header><p class=\"kicker\">cua run ",
			agent_report_style);
	cua_text_html(out, string_at(start, "run"));
	fputs("</p><h1>", out);
	cua_text_html(out, string_at(start, "task"));
	fputs("</h1>\n", out);
	put_outcome(out, end);
	fputs("<dl>", out);
	put_fact(out, "Model", string_at(start, "model"));
	put_fact(out, "Desktop", string_at(start, "desktop"));
	put_time(out, string_at(start, "time"));
	if (end) {
		put_number(out, "Steps", number_at(end, "steps"), "");
		put_number(out, "Actions", number_at(end, "actions"), "");
		put_number(out, "Whole time", number_at(end, "ms") / 1000.0, " s");
		put_number(out, "Time of the model", number_at(end, "model_ms") / 1000.0, " s");
		put_number(out, "Time of the desktop", number_at(end, "desktop_ms") / 1000.0, " s");
		put_number(out, "Tokens in", number_at(usage, "input_tokens"), "");
		put_number(out, "of them cached", number_at(usage, "cached_tokens"), "");
		put_number(out, "Tokens out", number_at(usage, "output_tokens"), "");
	}
	fputs("</dl></header>\n<main>\n", out);
}

void agent_report_page(FILE *out, const cJSON *events, int run_dir_fd)
{
	struct page page = { out, events, run_dir_fd };
	struct shot shot = { 0 };
	put_head(&page, find_event(events, "run_start"), find_event(events, "run_end"));
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		if (is_type(event, "turn")) {
			put_step(&page, event, &shot);
		}
		note_shot(&shot, event);
	}
	if (shot.sha256) {
		fputs("<section aria-labelledby=\"last\"><h2 id=\"last\">At the end</h2>\n", out);
		put_figure(&page, &shot, 0, "The screen when the run ended.");
		fputs("</section>\n", out);
	}
	fputs("</main></body></html>\n", out);
}

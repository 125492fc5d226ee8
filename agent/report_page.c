#include "agent/report_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "agent/journal_read.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

/* --- head --- */

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
	const char *outcome = cua_json_text(end, "outcome");
	bool is_done = strcmp(outcome, "done") == 0;
	fprintf(out, "<p class=\"outcome %s\">Outcome: ", is_done ? "good" : "bad");
	put_spaced(out, end ? outcome : "broken off; there is no last event");
	fputs("</p>\n", out);
	report_put_quote(out, cua_json_text(end, "answer"));
	if (cua_json_text(end, "message")[0]) {
		fputs("<p class=\"bad\">", out);
		cua_text_html(out, cua_json_text(end, "message"));
		fputs("</p>\n", out);
	}
}

/* "2026-11-21T06:13:33.478Z" to the second. */
static void put_start(FILE *out, const char *time)
{
	char text[40];
	snprintf(text, sizeof(text), "%.10s %.8s UTC", time, strlen(time) > 11 ? time + 11 : "");
	put_fact(out, "Started", time[0] ? text : "");
}

static void put_servers(FILE *out, const cJSON *event)
{
	const cJSON *server = NULL;
	const char *joint = "<div><dt>Servers</dt><dd>";
	cJSON_ArrayForEach (server, cua_json_member(event, "servers")) {
		fputs(joint, out);
		cua_text_html(out, cua_json_text(server, "name"));
		if (cJSON_IsTrue(cua_json_member(server, "usable"))) {
			const int tools = cua_json_int(server, "tools");
			fprintf(out, " (%d tool%s)", tools, tools == 1 ? "" : "s");
		} else {
			fputs(" (could not be used)", out);
		}
		joint = ", ";
	}
	fputs(joint[0] == ',' ? "</dd></div>" : "", out);
}

static void put_facts(FILE *out, const struct report *report)
{
	const cJSON *start = report->start, *end = report->end;
	const cJSON *usage = cua_json_member(end, "usage");
	fputs("<dl>", out);
	put_fact(out, "Model", cua_json_text(start, "model"));
	put_fact(out, "Desktop", cua_json_text(start, "desktop"));
	put_servers(out, report->servers);
	put_start(out, cua_json_text(start, "time"));
	if (end) {
		put_number(out, "Steps", cua_json_number(end, "steps"), "");
		put_number(out, "Actions", cua_json_number(end, "actions"), "");
		put_number(out, "Whole time", cua_json_number(end, "ms") / 1000.0, " s");
		put_number(out, "Time of the model", cua_json_number(end, "model_ms") / 1000.0,
				" s");
		put_number(out, "Time of the desktop", cua_json_number(end, "desktop_ms") / 1000.0,
				" s");
		put_number(out, "Tokens in", cua_json_number(usage, "input_tokens"), "");
		put_number(out, "of them cached", cua_json_number(usage, "cached_tokens"), "");
		put_number(out, "Tokens out", cua_json_number(usage, "output_tokens"), "");
	}
	if (cJSON_IsNumber(cua_json_member(end, "cost_usd"))) {
		fprintf(out, "<div><dt>Cost</dt><dd>%.4f USD</dd></div>",
				cua_json_number(end, "cost_usd"));
	}
	fputs("</dl>", out);
}

static void put_head(FILE *out, const struct report *report)
{
	const cJSON *start = report->start, *end = report->end;
	fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "img-src data:; style-src 'unsafe-inline'\"><title>cua run: ",
			out);
	cua_text_html(out, cua_json_text(start, "task"));
	fputs("</title><style>", out);
	for (const char *const *part = report_style; *part; part++) {
		fputs(*part, out);
	}
	fputs("</style></head><body>\n<header><p class=\"kicker\">cua run ", out);
	cua_text_html(out, cua_json_text(start, "run"));
	fputs("</p><h1>", out);
	cua_text_html(out, cua_json_text(start, "task"));
	fputs("</h1>\n", out);
	put_outcome(out, end);
	put_facts(out, report);
	fputs("</header>\n", out);
}

/* --- finding one's way --- */

/* Radio buttons before everything that they show or hide; a style sheet does the rest. */
static void put_filters(FILE *out, const struct report *report)
{
	static const char *const ids[] = { "all", "acting", "problems" };
	static const char *const names[] = { "All steps", "Acting", "Problems" };
	const size_t counts[] = { report->step_count, report->acting_count, report->problem_count };
	for (size_t i = 0; i < CUA_ARRAY_LEN(ids); i++) {
		fprintf(out, "<input class=\"pick\" type=\"radio\" name=\"show\" id=\"%s\"%s>",
				ids[i], i == 0 ? " checked" : "");
	}
	fputs("<nav class=\"filters\" aria-label=\"Which steps to show\">", out);
	for (size_t i = 0; i < CUA_ARRAY_LEN(ids); i++) {
		fprintf(out, "<label for=\"%s\">%s <b>%zu</b></label>", ids[i], names[i],
				counts[i]);
	}
	fputs("</nav>\n", out);
}

/* The run at a glance: a cell for each step, as wide as it took long, within bounds. */
static void put_strip(FILE *out, const struct report *report)
{
	fprintf(out, "<nav class=\"strip%s\" aria-label=\"Steps\">",
			report->step_count > 300 ? " many" : "");
	for (size_t i = 0; i < report->step_count; i++) {
		const struct report_step *step = &report->steps[i];
		const double ms = step->model_ms + step->desktop_ms;
		const double share = report->longest_ms > 0 ? ms / report->longest_ms : 0;
		fprintf(out,
				"<a href=\"#s%zu\" class=\"%s%s\" style=\"--took:%.2f\" "
				"title=\"Step %.0f\"></a>",
				i + 1, step->has_problem ? "problem " : "",
				step->acts ? "acts" : "looks", share, step->number);
	}
	fputs("</nav>\n", out);
}

/* --- pictures --- */

/* False if the screenshot cannot be read. A multiple of 3 bytes needs no padding in between. */
static bool put_base64(FILE *out, int run_dir_fd, const char *sha256)
{
	char name[96];
	snprintf(name, sizeof(name), "screenshots/%s.png", sha256);
	int fd = openat(run_dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!in) {
		cua_closep(&fd);
		return false;
	}
	unsigned char bytes[3 * 4096];
	char base64[4 * 4096 + 1];
	size_t len = 0;
	fputs("url(data:image/png;base64,", out);
	while ((len = fread(bytes, 1, sizeof(bytes), in)) > 0) {
		sodium_bin2base64(
				base64, sizeof(base64), bytes, len, sodium_base64_VARIANT_ORIGINAL);
		fputs(base64, out);
	}
	fputc(')', out);
	fclose(in);
	return true;
}

/* Behind everything else: the text is there while the pictures still come in. */
static void put_pictures(FILE *out, const struct report *report)
{
	fputs("<style>", out);
	for (size_t i = 0; i < report->shot_count; i++) {
		fprintf(out, ".p%zu{background-image:", i);
		if (!put_base64(out, report->run_dir_fd, report->shots[i].sha256)) {
			fputs("none}\n.p", out);
			fprintf(out, "%zu::after{content:\"The screenshot is missing.\"", i);
		}
		fputs("}\n", out);
	}
	fputs("</style>\n", out);
}

/* --- steps --- */

/* The events of a step, until it is whole. */
struct steps {
	FILE *out;
	const struct report *report;
	size_t at, event_count; /* so many steps have begun, and so many events were read */
	cJSON *events;          /* owned */
};

static void put_whole(struct steps *steps)
{
	if (steps->at > 0) {
		report_put_step(steps->out, steps->report, &steps->report->steps[steps->at - 1],
				steps->events);
	}
	cJSON_Delete(steps->events);
	steps->events = NULL;
}

static enum cua_status take_event(cJSON **event, void *user_data, struct cua_error *err)
{
	struct steps *steps = user_data;
	const struct report *report = steps->report;
	if (steps->at < report->step_count &&
			report->steps[steps->at].first == steps->event_count) {
		put_whole(steps);
		steps->events = cJSON_CreateArray();
		steps->at++;
	}
	steps->event_count++;
	if (steps->at == 0) {
		return CUA_OK;
	}
	agent_redact_json(report->redactor, *event);
	if (!cJSON_AddItemToArray(steps->events, *event)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "events");
	}
	*event = NULL;
	return CUA_OK;
}

static enum cua_status put_steps(FILE *out, const struct report *report, struct cua_error *err)
{
	struct steps steps = { .out = out, .report = report };
	enum cua_status status = agent_journal_each(report->run_dir_fd, take_event, &steps, err);
	put_whole(&steps);
	return status;
}

enum cua_status report_put_page(FILE *out, const struct report *report, struct cua_error *err)
{
	put_head(out, report);
	put_filters(out, report);
	put_strip(out, report);
	fputs("<main>\n", out);
	enum cua_status status = put_steps(out, report, err);
	if (report->last.sha256[0]) {
		fputs("<section class=\"step last\" aria-labelledby=\"last\"><h2 id=\"last\">At "
		      "the "
		      "end</h2>\n",
				out);
		report_put_shot(out, &report->last, NULL, "The screen when the run ended.");
		fputs("</section>\n", out);
	}
	fputs("</main>\n", out);
	put_pictures(out, report);
	fputs("</body></html>\n", out);
	return status;
}

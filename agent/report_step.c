#include "agent/report_internal.h"

#include <stdlib.h>
#include <string.h>

#include "agent/policy/policy.h"
#include "agent/words.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

static void put_paragraph(FILE *out, const char *class, const char *lead, const char *text)
{
	fprintf(out, "<p class=\"%s\">%s", class, lead);
	cua_text_html(out, text);
	fputs("</p>\n", out);
}

void report_put_quote(FILE *out, const char *text)
{
	if (text[0]) {
		fputs("<blockquote>", out);
		cua_text_html(out, text);
		fputs("</blockquote>\n", out);
	}
}

/* --- the picture --- */

/* The picture is a background of the style sheet at the end of the page: there each is once,
 * however many steps show it, and a browser decodes those that come into view. A check box makes it
 * fill the window. */
void report_put_shot(
		FILE *out, const struct report_shot *shot, const cJSON *events, const char *caption)
{
	fprintf(out,
			"<figure><label class=\"zoom\"><input type=\"checkbox\" aria-label=\"Show "
			"the "
			"picture large\"><span class=\"pic p%zu%s\" role=\"img\" "
			"style=\"aspect-ratio:%d/%d\" aria-label=\"",
			shot->number, shot->width > shot->height ? " wide" : "", shot->width,
			shot->height);
	cua_text_html(out, caption);
	fputs("\">", out);
	if (events) {
		fprintf(out, "<svg aria-hidden=\"true\" viewBox=\"0 0 %d %d\">", shot->width,
				shot->height);
		report_put_marks(out, events);
		fputs("</svg>", out);
	}
	fputs("</span></label></figure>\n", out);
}

/* --- what was done --- */

/* The actions of an intent; their numbers go on through the step, as the marks do. */
static int put_actions(FILE *out, const cJSON *intent, int number)
{
	fprintf(out, "<ol class=\"actions\" start=\"%d\">", number + 1);
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, cua_json_member(intent, "actions")) {
		CUA_AUTO_FREE char *words = NULL;
		size_t len = 0;
		FILE *text = open_memstream(&words, &len);
		if (text) {
			agent_words_action(text, action);
			fclose(text);
		}
		fputs("<li>", out);
		cua_text_html(out, words ? words : "");
		fputs("</li>", out);
		number++;
	}
	fputs("</ol>\n", out);
	if (cua_json_string(intent, "tool")) {
		CUA_AUTO_FREE char *words = agent_words_intent(intent);
		put_paragraph(out, "tool", "", words ? words : "");
	}
	if (cua_json_text(intent, "note")[0]) {
		put_paragraph(out, "warn", "", cua_json_text(intent, "note"));
	}
	return number;
}

static void put_settling(FILE *out, const cJSON *settle)
{
	if (cua_json_number(settle, "ms") >= 10) {
		fprintf(out, "<p class=\"time\">%.2f s until the screen was settled (",
				cua_json_number(settle, "ms") / 1000.0);
		cua_text_html(out, cua_json_text(settle, "reason"));
		fputs(").</p>\n", out);
	}
}

static void put_result(FILE *out, const cJSON *event)
{
	const char *status = cua_json_text(event, "status");
	put_settling(out, cua_json_member(event, "settle"));
	if (strcmp(status, "ok") != 0) {
		put_paragraph(out, "bad",
				strcmp(status, "uncertain") == 0 ? "Uncertain: " : "Failed: ",
				cua_json_text(event, "message"));
	}
	if (cua_json_text(event, "words")[0]) {
		fputs("<details><summary>what it said</summary><pre>", out);
		cua_text_html(out, cua_json_text(event, "words"));
		fputs("</pre></details>\n", out);
	}
	const cJSON *result = NULL;
	cJSON_ArrayForEach (result, cua_json_member(event, "results")) {
		if (strcmp(cua_json_text(result, "status"), "no_visible_effect") == 0) {
			put_paragraph(out, "warn",
					"No visible effect: ", cua_json_text(result, "action"));
		}
	}
	if (cua_json_text(event, "person_note")[0]) {
		put_paragraph(out, "warn", "", cua_json_text(event, "person_note"));
	}
}

static void put_safety(FILE *out, const cJSON *event)
{
	bool is_yes = cJSON_IsTrue(cua_json_member(event, "acknowledged"));
	const cJSON *check = NULL;
	cJSON_ArrayForEach (check, cua_json_member(event, "checks")) {
		const char *message = cua_json_text(check, "message");
		put_paragraph(out, is_yes ? "warn" : "bad",
				is_yes ? "Safety check, allowed by a person: "
				       : "Safety check, not allowed: ",
				message[0] ? message : cua_json_text(check, "code"));
	}
}

/* What was allowed without a question is small print. */
static void put_decision(FILE *out, const cJSON *event)
{
	static const struct {
		const char *class, *lead;
	} looks[AGENT_VERDICT_COUNT] = { { "time", "Allowed: " }, { "warn", "Asked: " },
		{ "bad", "Denied: " } };
	const cJSON *actions = cua_json_member(event, "actions"); /* that a script does */
	CUA_AUTO_FREE char *words = actions ? agent_words_actions(actions) : NULL;
	const char *part = words ? words : cua_json_text(event, "part");
	int verdict = AGENT_ALLOW;
	while (verdict < AGENT_DENY &&
			strcmp(agent_verdict_names[verdict], cua_json_text(event, "verdict")) !=
					0) {
		verdict++;
	}
	fprintf(out, "<p class=\"%s\">%s", looks[verdict].class, looks[verdict].lead);
	cua_text_html(out, cua_json_text(event, "reason"));
	if (cua_json_string(event, "server")) {
		fputs(": ", out);
		cua_text_html(out, cua_json_text(event, "server"));
		fputs(", ", out);
		cua_text_html(out, cua_json_text(event, "server_tool"));
	}
	fputs(" (class ", out);
	cua_text_html(out, cua_json_text(event, "class"));
	fputs("; ", out);
	cua_text_html(out, cua_json_text(event, "file"));
	fprintf(out, ":%d)%s", cua_json_int(event, "line"), part[0] ? ": " : "");
	cua_text_html(out, part);
	fputs("</p>\n", out);
}

static void put_told(FILE *out, const char *text)
{
	if (text[0]) {
		fputs("<details><summary>The model was told</summary>", out);
		report_put_quote(out, text);
		fputs("</details>\n", out);
	}
}

static void put_resume(FILE *out, const cJSON *event)
{
	fputs("<p class=\"warn\">Here the run broke off; it went on at ", out);
	cua_text_html(out, cua_json_text(event, "time"));
	fputs(cJSON_IsTrue(cua_json_member(event, "desktop_is_new")) ? ", on another desktop: "
								     : ", on its desktop: ",
			out);
	cua_text_html(out, cua_json_text(event, "desktop"));
	fputs(".</p>\n", out);
}

static void put_trouble(FILE *out, const cJSON *event)
{
	fputs("<p class=\"warn\">Server ", out);
	cua_text_html(out, cua_json_text(event, "server"));
	fputs(": ", out);
	cua_text_html(out, cua_json_text(event, "message"));
	fputs("</p>\n", out);
}

static void put_event(FILE *out, const cJSON *event)
{
	if (agent_event_is(event, "result")) {
		put_result(out, event);
	} else if (agent_event_is(event, "safety")) {
		put_safety(out, event);
	} else if (agent_event_is(event, "decision")) {
		put_decision(out, event);
	} else if (agent_event_is(event, "approval")) {
		put_paragraph(out, "warn", "A person's answer: ", cua_json_text(event, "answer"));
	} else if (agent_event_is(event, "taint")) {
		put_paragraph(out, "warn", "From here on the run is tainted: ",
				cua_json_text(event, "reason"));
	} else if (agent_event_is(event, "mcp_trouble")) {
		put_trouble(out, event);
	} else if (agent_event_is(event, "not_run")) {
		put_paragraph(out, "warn", "Not run: ", cua_json_text(event, "message"));
	} else if (agent_event_is(event, "retry")) {
		put_paragraph(out, "warn", "Asked again: ", cua_json_text(event, "message"));
	} else if (agent_event_is(event, "user")) {
		put_told(out, cua_json_text(event, "text"));
	} else if (agent_event_is(event, "answers")) {
		put_told(out, cua_json_text(event, "note"));
	} else if (agent_event_is(event, "run_resume")) {
		put_resume(out, event);
	} else if (agent_event_is(event, "pause")) {
		fprintf(out, "<p class=\"warn\">The disk was full for %.0f s.</p>\n",
				cua_json_number(event, "ms") / 1000.0);
	} else if (agent_event_is(event, "person") &&
			strcmp(cua_json_text(event, "phase"), "interrupted") == 0) {
		fputs("<p class=\"warn\">A person interrupted the run.</p>\n", out);
	} else if (agent_event_is(event, "person") && cua_json_number(event, "ms") > 0) {
		const bool is_pause = strcmp(cua_json_text(event, "phase"), "went_on") == 0;
		fprintf(out, "<p class=\"warn\">%s",
				is_pause ? "A person paused the run" : "A person had the desktop");
		if (cua_json_text(event, "person")[0]) {
			fputs(" (", out);
			cua_text_html(out, cua_json_text(event, "person"));
			fputs(")", out);
		}
		fprintf(out, " for %.0f s%s.</p>\n", cua_json_number(event, "ms") / 1000.0,
				cJSON_IsTrue(cua_json_member(event, "private"))
						? ", in private: nothing of it is here"
						: "");
	}
}

/* --- the step --- */

static void put_time(FILE *out, double since_ms)
{
	const long seconds = since_ms > 0 ? (long)(since_ms / 1000.0) : 0;
	if (seconds >= 3600) {
		fprintf(out, "%ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
	} else {
		fprintf(out, "%ld:%02ld", seconds / 60, seconds % 60);
	}
}

/* How long model and desktop took, beside the longest step. */
static void put_bar(FILE *out, const struct report *report, const struct report_step *step,
		const cJSON *turn)
{
	const double unit = report->longest_ms > 0 ? 100.0 / report->longest_ms : 0;
	fprintf(out,
			"<p class=\"bar\" aria-hidden=\"true\"><i class=\"m\" "
			"style=\"width:%.1f%%\"></i><i class=\"d\" style=\"width:%.1f%%\"></i></p>"
			"<p class=\"time\">Model %.1f s, desktop %.2f s",
			step->model_ms * unit, step->desktop_ms * unit, step->model_ms / 1000.0,
			step->desktop_ms / 1000.0);
	const cJSON *usage = cua_json_member(turn, "usage");
	fprintf(out, "; %.0f tokens in, %.0f out", cua_json_number(usage, "input_tokens"),
			cua_json_number(usage, "output_tokens"));
	if (cJSON_IsNumber(cua_json_member(turn, "cost_usd"))) {
		fprintf(out, "; %.4f USD", cua_json_number(turn, "cost_usd"));
	}
	fputs(".</p>\n", out);
}

static const cJSON *find_turn(const cJSON *events)
{
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "turn")) {
			break;
		}
	}
	return event;
}

void report_put_step(FILE *out, const struct report *report, const struct report_step *step,
		const cJSON *events)
{
	int number = 0;
	const cJSON *turn = find_turn(events), *event = NULL;
	const size_t index = (size_t)(step - report->steps) + 1;
	fprintf(out, "<section id=\"s%zu\" class=\"step%s%s\" aria-labelledby=\"h%zu\">", index,
			step->has_problem ? " problem" : "", step->acts ? " acts" : "", index);
	fprintf(out, "<h2 id=\"h%zu\"><a href=\"#s%zu\">Step %.0f</a> <span class=\"time\">", index,
			index, step->number);
	put_time(out, step->since_ms);
	fputs("</span></h2>\n", out);
	if (step->shot.sha256[0]) {
		char caption[96];
		snprintf(caption, sizeof(caption),
				"What the model saw before step %.0f, with its actions marked.",
				step->number);
		report_put_shot(out, &step->shot, events, caption);
	}
	fputs("<div class=\"said\">", out);
	report_put_quote(out, cua_json_text(turn, "words"));
	report_put_quote(out, cua_json_text(turn, "answer"));
	report_put_quote(out, cua_json_text(turn, "refusal"));
	report_put_quote(out, cua_json_text(turn, "gives_up"));
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "intent")) {
			number = put_actions(out, event, number);
		} else {
			put_event(out, event);
		}
	}
	if (turn) {
		put_bar(out, report, step, turn);
	} else {
		fputs("<p class=\"bad\">No answer came from the model.</p>\n", out);
	}
	fputs("</div></section>\n", out);
}

#include "agent/run_print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/event.h"
#include "agent/words.h"
#include "cua/base/json.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define WORDS_SHOWN 160 /* characters of what the model said, if it comes in one piece */
#define WORDS_KEPT ((size_t)1 << 20)
#define ACTIONS_SHOWN 240 /* characters of what it did */
#define COLUMNS_USUAL 80

void agent_printer_init(struct agent_printer *printer, FILE *out, bool as_json)
{
	*printer = (struct agent_printer){ .out = out, .as_json = as_json };
	cua_buffer_init(&printer->words, WORDS_KEPT);
}

void agent_printer_finish(struct agent_printer *printer)
{
	cua_buffer_finish(&printer->words);
}

static void end_line(struct agent_printer *printer)
{
	if (printer->in_line) {
		fputc('\n', printer->out);
	}
	printer->in_line = false;
	printer->in_progress = false;
	printer->actions_said = 0;
	printer->breaks = 0;
	cua_buffer_clear(&printer->words);
}

/* --- words --- */

static void open_words(struct agent_printer *printer)
{
	if (printer->words.len == 0) {
		end_line(printer);
		fprintf(printer->out, "%3d  ", printer->steps + 1);
		printer->in_line = true;
	}
}

/* One line's part. Breaks wait for the next word, so that none is left at the end. */
static void put_words(struct agent_printer *printer, const char *words)
{
	if (words[0] && printer->breaks > 0) {
		fputs(printer->breaks > 1 ? "\n\n     " : "\n     ", printer->out);
		printer->breaks = 0;
	}
	cua_text_line(printer->out, words, 0);
}

void agent_print_words(struct agent_printer *printer, const char *words)
{
	CUA_AUTO_FREE char *copy = strdup(words);
	if (printer->as_json || !copy) {
		return;
	}
	open_words(printer);
	if (cua_buffer_append(&printer->words, words, strlen(words), NULL) != CUA_OK) {
		return; /* a megabyte is enough to read */
	}
	char *rest = copy, *line = strsep(&rest, "\n");
	put_words(printer, line);
	while ((line = strsep(&rest, "\n"))) {
		printer->breaks++;
		put_words(printer, line);
	}
	fflush(printer->out);
}

static bool was_said(const struct agent_printer *printer, const char *words)
{
	return printer->words.len > 0 && strstr(printer->words.data, words);
}

/* --- events --- */

/* What the run has used up so far stands in each line: who watches decides by it. */
static void print_spent(const struct agent_printer *printer, const cJSON *turn)
{
	const cJSON *spent = cua_json_member(turn, "spent");
	fprintf(printer->out, "model %.1f s, %.1fk tokens", cua_json_number(turn, "ms") / 1000.0,
			cua_json_number(spent, "tokens") / 1000.0);
	if (cJSON_HasObjectItem(spent, "usd")) {
		fprintf(printer->out, ", $%.4f", cua_json_number(spent, "usd"));
	}
}

/* The lines of words that have not been shown yet, as far as there is room for them: an API may
 * stream a part of them. They mostly come in the order in which they were streamed. */
static void find_unsaid(
		const struct agent_printer *printer, const char *words, char *text, size_t size)
{
	const char *from = printer->words.len > 0 ? printer->words.data : "";
	CUA_AUTO_FREE char *copy = strdup(was_said(printer, words) ? "" : words);
	size_t used = 0;
	text[0] = '\0';
	for (char *rest = copy, *line; used < size && (line = strsep(&rest, "\n"));) {
		const char *said = strstr(from, line);
		if (said) {
			from = said + strlen(line);
		} else {
			used += (size_t)snprintf(text + used, size - used, "%s%s",
					used > 0 ? "\n" : "", line);
		}
	}
}

static void print_turn(struct agent_printer *printer, const cJSON *event)
{
	char unsaid[4 * WORDS_SHOWN + 8]; /* a character has four bytes at most */
	const char *words = cua_json_text(event, "words"), *answer = cua_json_text(event, "answer");
	const char *refusal = cua_json_text(event, "refusal");
	const bool has_words = printer->words.len > 0;
	find_unsaid(printer, words, unsaid, sizeof(unsaid));
	printer->steps = cua_json_int(event, "step");
	printer->answer_said = (answer[0] && was_said(printer, answer)) ||
			(refusal[0] && was_said(printer, refusal));
	end_line(printer);
	if (has_words) {
		fputs("     ", printer->out);
	} else {
		fprintf(printer->out, "%3d  ", printer->steps);
	}
	print_spent(printer, event);
	if (unsaid[0]) {
		fputs("  \xe2\x80\x9c", printer->out);
		cua_text_line(printer->out, unsaid, WORDS_SHOWN);
		fputs("\xe2\x80\x9d", printer->out);
	}
	if (answer[0]) {
		fputs("  answers", printer->out);
	} else if (refusal[0] || cua_json_text(event, "gives_up")[0]) {
		fputs("  gives up", printer->out);
	}
	printer->in_line = true;
}

static void print_intent(struct agent_printer *printer, const cJSON *event)
{
	CUA_AUTO_FREE char *words = agent_words_intent(event);
	fputs(!printer->in_line ? "     " : printer->actions_said ? "; " : "  ", printer->out);
	printer->actions_said++;
	cua_text_line(printer->out, words, ACTIONS_SHOWN);
	printer->in_line = true;
}

static void print_result(struct agent_printer *printer, const cJSON *event)
{
	const cJSON *settle = cua_json_member(event, "settle");
	const char *server = cua_json_string(event, "server");
	fputs(printer->in_line ? "  " : "     ", printer->out);
	printer->in_line = true;
	cua_text_line(printer->out, server ? server : "desktop", 0);
	fprintf(printer->out, " %.2f s", cua_json_number(event, "ms") / 1000.0);
	if (cJSON_IsTrue(cua_json_member(event, "is_error"))) {
		fputs("  (says that it failed)", printer->out);
	}
	if (strcmp(cua_json_text(settle, "reason"), "timeout") == 0) {
		fputs(" (still changing)", printer->out);
	}
	const char *status = cua_json_text(event, "status");
	if (strcmp(status, "ok") != 0) {
		fprintf(printer->out, "  %s: ", status[0] ? status : "failed");
		cua_text_line(printer->out, cua_json_text(event, "message"), ACTIONS_SHOWN);
	}
}

static void print_line(struct agent_printer *printer, const char *lead, const char *text)
{
	end_line(printer);
	fputs(lead, printer->out);
	cua_text_line(printer->out, text, ACTIONS_SHOWN);
	fputc('\n', printer->out);
}

static void print_person(struct agent_printer *printer, const cJSON *event)
{
	const char *phase = cua_json_text(event, "phase");
	if (strcmp(phase, "paused") == 0) {
		print_line(printer, "     ", "paused by a person; cua runs continue goes on");
	} else if (strcmp(phase, "interrupted") == 0) {
		print_line(printer, "     ", "interrupted by a person");
	} else if (strcmp(phase, "went_on") == 0) {
		print_line(printer, "     ", "the run goes on");
	} else if (strcmp(phase, "has_desktop") == 0) {
		if (!printer->person_said) {
			print_line(printer, "     ",
					cJSON_IsTrue(cua_json_member(event, "private"))
							? "a person has the desktop in private; "
							  "waiting"
							: "a person has the desktop; waiting");
		}
		printer->person_said = true;
	} else {
		printer->person_said = false;
		print_line(printer, "     ", "the person gave the desktop back");
	}
}

static void print_question(struct agent_printer *printer, const cJSON *event)
{
	if (printer->asks_here) {
		end_line(printer);
	} else {
		print_line(printer, "     asks a person: ", cua_json_text(event, "words"));
	}
}

static void print_safety(struct agent_printer *printer, const cJSON *event)
{
	print_line(printer, "     ",
			cJSON_IsTrue(cua_json_member(event, "acknowledged"))
					? "safety check: allowed"
					: "safety check: not allowed");
}

static void print_approval(struct agent_printer *printer, const cJSON *event)
{
	const char *answer = cua_json_text(event, "answer");
	print_line(printer, "     ",
			strcmp(answer, "yes") == 0                  ? "allowed by a person"
					: strcmp(answer, "no") == 0 ? "refused by a person"
					: strcmp(answer, "unanswered") == 0
					? "not allowed: nobody answered"
					: "not allowed");
}

/* Columns of the terminal; 0: it is none. */
static int count_columns(FILE *out)
{
	struct winsize size = { 0 };
	const int fd = fileno(out);
	if (fd < 0 || !isatty(fd)) {
		return 0;
	}
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_USUAL;
}

/* "papers: 3 of 10, page 3": on a terminal in the place of the last, cut so that it stays a line.
 */
static void print_progress(struct agent_printer *printer, const cJSON *event)
{
	static const char margin[] = "     ";
	const char *message = cua_json_text(event, "message");
	const double total = cua_json_number(event, "total");
	const int columns = count_columns(printer->out);
	const int room = columns - (int)strlen(margin) - 1;
	char text[ACTIONS_SHOWN * 4], of[32] = "";
	if (total > 0) {
		snprintf(of, sizeof(of), " of %.6g", total);
	}
	snprintf(text, sizeof(text), "%.64s: %.6g%s%s%s", cua_json_text(event, "server"),
			cua_json_number(event, "progress"), of, message[0] ? ", " : "", message);
	if (columns > 0 && printer->in_progress) {
		fputs("\r\033[K", printer->out);
	} else {
		end_line(printer);
	}
	fputs(margin, printer->out);
	cua_text_line(printer->out, text, room > 0 ? (size_t)room : ACTIONS_SHOWN);
	printer->in_line = printer->in_progress = true;
}

static void print_elicitation(struct agent_printer *printer, const cJSON *event)
{
	const char *answer = cua_json_text(event, "answer");
	char text[160];
	snprintf(text, sizeof(text), "%.64s asked a person: %s", cua_json_text(event, "server"),
			strcmp(answer, "accepted") == 0                     ? "answered"
					: strcmp(answer, "declined") == 0   ? "declined"
					: strcmp(answer, "unanswered") == 0 ? "not answered in time"
					: strcmp(answer, "secret") == 0
					? "not passed on, it asks for a secret"
					: "not passed on, its form is of a kind that cannot be "
					  "shown");
	print_line(printer, "     ", text);
}

static void print_mcp(struct agent_printer *printer, const cJSON *event)
{
	const cJSON *server = NULL;
	const char *joint = "servers: ";
	end_line(printer);
	cJSON_ArrayForEach (server, cua_json_member(event, "servers")) {
		fputs(joint, printer->out);
		cua_text_line(printer->out, cua_json_text(server, "name"), 0);
		const int tools = cua_json_int(server, "tools");
		fprintf(printer->out, " (%d tool%s)", tools, tools == 1 ? "" : "s");
		joint = ", ";
	}
	if (strcmp(joint, ", ") == 0) {
		fputc('\n', printer->out);
	}
}

static void print_mcp_trouble(struct agent_printer *printer, const cJSON *event)
{
	end_line(printer);
	fputs("server ", printer->out);
	cua_text_line(printer->out, cua_json_text(event, "server"), 0);
	fputs(": ", printer->out);
	cua_text_line(printer->out, cua_json_text(event, "message"), 0);
	fputc('\n', printer->out);
}

/* Once while it lasts, and once after it. */
static void print_pause(struct agent_printer *printer, const cJSON *event)
{
	char text[64];
	snprintf(text, sizeof(text), "paused for %.0f s: the disk was full",
			cua_json_number(event, "ms") / 1000.0);
	print_line(printer, "     ",
			cua_json_text(event, "message")[0] ? cua_json_text(event, "message")
							   : text);
}

static void print_for_people(struct agent_printer *printer, const cJSON *event)
{
	const char *type = cua_json_text(event, "type");
	if (strcmp(type, "run_start") == 0) {
		fputs("cua run on ", printer->out);
		cua_text_line(printer->out, cua_json_text(event, "desktop"), 0);
		fputs(" with ", printer->out);
		cua_text_line(printer->out, cua_json_text(event, "model"), 0);
		fputc('\n', printer->out);
	} else if (strcmp(type, "run_resume") == 0) {
		print_line(printer, "cua run goes on, on ", cua_json_text(event, "desktop"));
	} else if (strcmp(type, "pause") == 0) {
		print_pause(printer, event);
	} else if (strcmp(type, "mcp") == 0) {
		print_mcp(printer, event);
	} else if (strcmp(type, "progress") == 0) {
		print_progress(printer, event);
	} else if (strcmp(type, "elicitation") == 0) {
		print_elicitation(printer, event);
	} else if (strcmp(type, "mcp_trouble") == 0) {
		print_mcp_trouble(printer, event);
	} else if (strcmp(type, "turn") == 0) {
		print_turn(printer, event);
	} else if (strcmp(type, "intent") == 0) {
		print_intent(printer, event);
	} else if (strcmp(type, "result") == 0) {
		print_result(printer, event);
	} else if (strcmp(type, "not_run") == 0) {
		print_line(printer, "     not run: ", cua_json_text(event, "message"));
	} else if (strcmp(type, "retry") == 0) {
		end_line(printer);
		fprintf(printer->out, "     asking again in %.1f s: ",
				cua_json_number(event, "delay_ms") / 1000.0);
		cua_text_line(printer->out, cua_json_text(event, "message"), ACTIONS_SHOWN);
		fputc('\n', printer->out);
	} else if (strcmp(type, "person") == 0) {
		print_person(printer, event);
	} else if (strcmp(type, "user") == 0 && cJSON_IsTrue(cua_json_member(event, "said"))) {
		print_line(printer, "     a person says: ", cua_json_text(event, "text"));
	} else if (strcmp(type, "question") == 0) {
		print_question(printer, event);
	} else if (strcmp(type, "safety") == 0) {
		print_safety(printer, event);
	} else if (strcmp(type, "approval") == 0) {
		print_approval(printer, event);
	} else if (strcmp(type, "taint") == 0) {
		print_line(printer, "     from here on tainted: ", cua_json_text(event, "reason"));
	}
}

void agent_print_event(struct agent_printer *printer, const cJSON *event)
{
	if (printer->as_json) {
		CUA_AUTO_FREE char *line = cJSON_PrintUnformatted(event);
		fprintf(printer->out, "%s\n", line ? line : "{}");
	} else {
		print_for_people(printer, event);
	}
	fflush(printer->out);
}

static const char *heading(enum cua_agent_outcome outcome)
{
	switch (outcome) {
	case CUA_AGENT_DONE:
		return "done";
	case CUA_AGENT_GAVE_UP:
		return "the model gave up";
	case CUA_AGENT_LIMIT:
		return "stopped at a limit";
	case CUA_AGENT_MODEL_ERROR:
		return "the model failed";
	case CUA_AGENT_DESKTOP_ERROR:
		return "the desktop or this machine failed";
	case CUA_AGENT_STOPPED:
		return "stopped: not allowed";
	case CUA_AGENT_INTERRUPTED:
		return "interrupted";
	case CUA_AGENT_OUTCOME_COUNT:
		break;
	}
	return "";
}

/* A run that did not come to its own end can go on; what stopped it must be raised first. */
static void print_way_on(struct agent_printer *printer, const struct cua_agent_result *result)
{
	const char *slash = result->run_dir ? strrchr(result->run_dir, '/') : NULL;
	const bool is_limit = result->outcome == CUA_AGENT_LIMIT;
	/* What is counted in a row is counted anew. */
	static const char *const options[AGENT_LIMIT_COUNT] = {
		[AGENT_LIMIT_STEPS] = " --max-steps N",
		[AGENT_LIMIT_TIME] = " --max-time S",
		[AGENT_LIMIT_TOKENS] = " --max-tokens N",
		[AGENT_LIMIT_MONEY] = " --max-cost USD",
	};
	if (!slash ||
			!(is_limit || result->outcome == CUA_AGENT_MODEL_ERROR ||
					result->outcome == CUA_AGENT_DESKTOP_ERROR ||
					result->outcome == CUA_AGENT_INTERRUPTED)) {
		return;
	}
	const char *option = is_limit ? options[result->limit] : NULL;
	fprintf(printer->out, "to go on: cua run --resume %s%s\n", slash + 1, option ? option : "");
}

void agent_print_result(
		struct agent_printer *printer, const struct cua_agent_result *result, FILE *err_out)
{
	end_line(printer);
	fflush(printer->out); /* err_out may be the same terminal or file */
	if (result->error.msg[0]) {
		fprintf(err_out, "cua run: %s: ", heading(result->outcome));
		cua_text_line(err_out, result->error.msg, 0);
		fputc('\n', err_out);
	}
	if (printer->as_json) { /* the run_end event has said it all */
		return;
	}
	if (result->answer && !printer->answer_said) {
		fputc('\n', printer->out);
		cua_text_block(printer->out, result->answer);
		fputs("\n\n", printer->out);
	}
	if (printer->answer_said) {
		fputc('\n', printer->out);
	}
	fprintf(printer->out,
			"%s: %d steps, %d actions, %.1f s (model %.1f s, desktop %.1f s), tokens "
			"%.0f in, %.0f out",
			heading(result->outcome), result->steps, result->actions,
			result->ms / 1000.0, result->model_ms / 1000.0, result->desktop_ms / 1000.0,
			result->usage.input_tokens, result->usage.output_tokens);
	if (!isnan(result->cost_usd)) {
		fprintf(printer->out, ", $%.4f", result->cost_usd);
	}
	fputc('\n', printer->out);
	if (result->run_dir) {
		fprintf(printer->out, "%s%s\n", result->run_dir,
				result->has_report ? "/report.html" : "");
	}
	print_way_on(printer, result);
	fflush(printer->out);
}

static enum cua_agent_outcome find_outcome(const char *name)
{
	int i = 0;
	while (i < CUA_AGENT_OUTCOME_COUNT && strcmp(cua_agent_outcome_name(i), name) != 0) {
		i++;
	}
	return i;
}

static enum agent_limit find_limit(const char *name)
{
	int i = AGENT_LIMIT_COUNT - 1;
	while (i > AGENT_LIMIT_NONE && strcmp(agent_limit_name(i), name) != 0) {
		i--;
	}
	return i;
}

void agent_print_end(struct agent_printer *printer, const cJSON *run_end, const char *run_dir,
		FILE *err_out)
{
	const cJSON *usage = cua_json_member(run_end, "usage");
	const cJSON *cost_usd = cua_json_member(run_end, "cost_usd");
	char report[CUA_PATH_MAX];
	CUA_AUTO_FREE char *dir = strdup(run_dir);
	snprintf(report, sizeof(report), "%s/report.html", run_dir);
	struct cua_agent_result result = {
		.outcome = find_outcome(cua_json_text(run_end, "outcome")),
		.answer = cJSON_GetStringValue(cua_json_member(run_end, "answer")),
		.run_dir = dir,
		.limit = find_limit(cua_json_text(run_end, "limit")),
		.has_report = access(report, F_OK) == 0,
		.steps = cua_json_int(run_end, "steps"),
		.actions = cua_json_int(run_end, "actions"),
		.ms = cua_json_number(run_end, "ms"),
		.model_ms = cua_json_number(run_end, "model_ms"),
		.desktop_ms = cua_json_number(run_end, "desktop_ms"),
		.usage = { .input_tokens = cua_json_number(usage, "input_tokens"),
				.output_tokens = cua_json_number(usage, "output_tokens") },
		.cost_usd = (double)NAN,
	};
	if (cJSON_IsNumber(cost_usd)) {
		result.cost_usd = cost_usd->valuedouble;
	}
	snprintf(result.error.msg, sizeof(result.error.msg), "%s",
			cua_json_text(run_end, "message"));
	agent_print_result(printer, &result, err_out);
}

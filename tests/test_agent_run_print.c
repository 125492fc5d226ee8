/* What people see of a run on a terminal. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/run_print.h"
#include "cua/base/util.h"
#include "tests/agent_stage.h"

static void print(const cJSON *event, void *user_data)
{
	agent_print_event(user_data, event);
}

static void print_words(const char *words, void *user_data)
{
	agent_print_words(user_data, words);
}

#define DELTA(text) EVENT("response.output_text.delta", "\"delta\":\"" text "\"")
#define DELTAS_END EVENT("response.output_text.done", "\"text\":\"\"")

static void words_are_printed_once_as_they_come(void **state)
{
	struct agent_stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.on_words = print_words;
	stage->options.user_data = &printer;
	stage->options.approve = NULL;
	stage->replies[0] = DELTA("I \\u001b[31mcl") DELTA("ick.\\nNow.")
			DELTAS_END SAY("I \\u001b[31mclick.\\nNow.") CALL("c1", CLICK) END;
	stage->replies[1] = SAY("Said whole.") CALL("c2", CLICK) END;
	stage->replies[2] = DELTA("All ") DELTA("done.") DELTAS_END DONE;
	agent_stage_play(stage);
	agent_print_result(&printer, &stage->result, printer.out);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_non_null(strstr(text, "\n  1  I click.\n     Now.\n     model 0."));
	assert_non_null(strstr(text, "s  click at 412, 230  desktop 0."));
	assert_non_null(strstr(text, "\n  2  model 0."));
	assert_non_null(strstr(text, "s  \xe2\x80\x9cSaid whole.\xe2\x80\x9d  click at"));
	assert_non_null(strstr(text, "\n  3  All done.\n     model 0."));
	assert_non_null(strstr(text, "s  answers\n\ndone: 3 steps"));
	assert_null(strstr(strstr(text, "All done.") + 1, "All done."));
}

/* What an API streams and what it says of the turn need not be the same. */
static void only_words_that_did_not_come_are_printed(void **state)
{
	struct agent_stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.on_words = print_words;
	stage->options.user_data = &printer;
	stage->replies[0] = DELTA("Came ") DELTA("first.") DELTAS_END SAY("Came first.")
			SAY("Not yet.") CALL("c1", CLICK) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_non_null(strstr(text, "\n  1  Came first.\n     model 0."));
	assert_non_null(strstr(text, "s  \xe2\x80\x9cNot yet.\xe2\x80\x9d  click at"));
}

static void steps_are_printed_a_line_each(void **state)
{
	struct agent_stage *stage = *state;
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	struct agent_printer printer;
	agent_printer_init(&printer, open_memstream(&text, &len), false);
	stage->options.on_event = print;
	stage->options.user_data = &printer;
	stage->options.approve = NULL;
	stage->replies[0] = SAY("\\u001b[31mI click.\\nNow.") CALL("c1", CLICK "," TYPE) END;
	stage->replies[1] = DONE;
	agent_stage_play(stage);
	agent_print_result(&printer, &stage->result, printer.out);
	fclose(printer.out);
	agent_printer_finish(&printer);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text,
			"\xe2\x80\x9cI click. Now.\xe2\x80\x9d  click at 412, 230, then "
			"type \xe2\x80\x9chello\xe2\x80\x9d  desktop 0."));
	assert_non_null(strstr(text, "\nAll done.\n"));
	assert_non_null(strstr(text, "done: 2 steps, 2 actions"));
	assert_non_null(strstr(text, "/report.html\n"));
}

/* --- how far a call is --- */

static const char *const progress_events[] = {
	"{\"type\":\"turn\",\"step\":1,\"words\":\"I read.\"}",
	"{\"type\":\"progress\",\"server\":\"papers\",\"progress\":1}",
	("{\"type\":\"progress\",\"server\":\"papers\",\"progress\":2,\"total\":10,"
	 "\"message\":\"page \\u001b[2Jtwo\"}"),
	"{\"type\":\"result\",\"status\":\"ok\",\"server\":\"papers\",\"ms\":1500}",
};

static void print_events(FILE *out, const char *const *events, size_t count)
{
	struct agent_printer printer;
	agent_printer_init(&printer, out, false);
	for (size_t i = 0; i < count; i++) {
		CUA_AUTO_JSON cJSON *event = cJSON_Parse(events[i]);
		assert_non_null(event);
		agent_print_event(&printer, event);
	}
	agent_printer_finish(&printer);
	fclose(out);
}

static void progress_is_a_line_each_in_a_file(void **state)
{
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	(void)state;
	print_events(open_memstream(&text, &len), progress_events, CUA_ARRAY_LEN(progress_events));
	assert_non_null(strstr(
			text, "\n     papers: 1\n     papers: 2 of 10, page two  papers 1.50 s"));
}

/* What came in between does not make the next line begin in the middle of this one. */
static void a_result_behind_a_question_has_its_line(void **state)
{
	static const char *const events[] = {
		"{\"type\":\"elicitation\",\"server\":\"papers\",\"answer\":\"accepted\"}",
		"{\"type\":\"result\",\"status\":\"ok\",\"server\":\"papers\",\"ms\":1500}",
		"{\"type\":\"taint\",\"reason\":\"why\"}",
	};
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	(void)state;
	print_events(open_memstream(&text, &len), events, CUA_ARRAY_LEN(events));
	assert_string_equal(text,
			"     papers asked a person: answered\n     papers 1.50 s\n"
			"     from here on tainted: why\n");
}

/* What a script does, of which a person was asked. */
static void what_is_done_after_an_approval_has_its_line(void **state)
{
	static const char *const events[] = {
		"{\"type\":\"intent\",\"tool\":\"python\",\"arguments\":{\"code\":\"x\"}}",
		"{\"type\":\"approval\",\"answer\":\"yes\"}",
		"{\"type\":\"intent\",\"actions\":[{\"action\":\"screenshot\"}]}",
		"{\"type\":\"approval\",\"answer\":\"unanswered\"}",
		"{\"type\":\"result\",\"status\":\"ok\",\"ms\":570}",
		"{\"type\":\"turn\",\"step\":3,\"ms\":1000,\"spent\":{\"tokens\":1000}}",
	};
	CUA_AUTO_FREE char *text = NULL;
	size_t len = 0;
	(void)state;
	print_events(open_memstream(&text, &len), events, CUA_ARRAY_LEN(events));
	assert_non_null(strstr(text,
			"\n     allowed by a person\n     look\n"
			"     not allowed: nobody answered\n     desktop 0.57 s\n  3  model 1.0 "
			"s"));
}

static void progress_is_one_line_on_a_terminal(void **state)
{
	char text[4096] = "";
	int ours = -1, its = -1;
	const struct winsize size = { .ws_row = 20, .ws_col = 24 };
	(void)state;
	assert_int_equal(openpty(&ours, &its, NULL, NULL, &size), 0);
	print_events(fdopen(its, "w"), progress_events, CUA_ARRAY_LEN(progress_events));
	for (ssize_t got = 1, at = 0; got > 0; at += got) {
		got = read(ours, text + at, sizeof(text) - 1 - (size_t)at);
		got = got > 0 ? got : 0; /* EIO: nobody holds the terminal any more */
	}
	close(ours);
	assert_non_null(strstr(text,
			"\r\n     papers: 1\r\033[K     papers: 2 of 10, p\xe2\x80\xa6  papers "
			"1.50 s"));
}

/* What went before is not lost: how to go on is said, and with which limit raised. */
static void the_way_on_is_printed(void **state)
{
	struct agent_stage *stage = *state;
	static const struct {
		enum cua_agent_outcome outcome;
		enum agent_limit limit;
		const char *line; /* NULL: none */
	} rows[] = {
		{ CUA_AGENT_LIMIT, AGENT_LIMIT_STEPS,
				"to go on: cua run --resume r1 --max-steps N\n" },
		{ CUA_AGENT_LIMIT, AGENT_LIMIT_MONEY,
				"to go on: cua run --resume r1 --max-cost USD\n" },
		{ CUA_AGENT_LIMIT, AGENT_LIMIT_REPEATS, "to go on: cua run --resume r1\n" },
		{ CUA_AGENT_MODEL_ERROR, AGENT_LIMIT_NONE, "to go on: cua run --resume r1\n" },
		{ CUA_AGENT_INTERRUPTED, AGENT_LIMIT_NONE, "to go on: cua run --resume r1\n" },
		{ CUA_AGENT_DONE, AGENT_LIMIT_NONE, NULL },
		{ CUA_AGENT_GAVE_UP, AGENT_LIMIT_NONE, NULL },
		{ CUA_AGENT_STOPPED, AGENT_LIMIT_NONE, NULL },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *text = NULL;
		size_t len = 0;
		char run_dir[] = "/state/runs/r1";
		struct agent_printer printer;
		const struct cua_agent_result result = {
			.outcome = rows[i].outcome, .limit = rows[i].limit, .run_dir = run_dir
		};
		agent_printer_init(&printer, open_memstream(&text, &len), false);
		agent_print_result(&printer, &result, printer.out);
		fclose(printer.out);
		agent_printer_finish(&printer);
		assert_true(rows[i].line ? strstr(text, rows[i].line) != NULL
					 : strstr(text, "to go on") == NULL);
	}
	stage->replies[0] = DONE;
	agent_stage_play(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(words_are_printed_once_as_they_come),
		STAGED(only_words_that_did_not_come_are_printed),
		STAGED(steps_are_printed_a_line_each),
		STAGED(the_way_on_is_printed),
		cmocka_unit_test(progress_is_a_line_each_in_a_file),
		cmocka_unit_test(progress_is_one_line_on_a_terminal),
		cmocka_unit_test(a_result_behind_a_question_has_its_line),
		cmocka_unit_test(what_is_done_after_an_approval_has_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What can go wrong with a model, as the stand-in plays it over each API, and what `cua run` makes
 * of it: it goes on, or ends with the class, the words and the exit status for that. */

#include <stdio.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/json_path.h"
#include "tests/standin_process.h"

static const char *const apis[] = { "responses", "anthropic", "chat", "gemini" };

static struct world world;
static struct desktop desktop;

/* --- a run --- */

struct ending {
	int exit_status;
	cJSON *run_end; /* owned */
	int retries;
};

static struct ending play(const char *api, const char *fault, const char *limit)
{
	struct ending ending = { 0 };
	struct output output;
	struct standin_process standin;
	standin_process_start(&standin, fault ? "--fault" : NULL, fault, NULL);
	const char *const argv[] = { world.program, "run", "--json", "--desktop", desktop.name,
		"--model", "standin", "--api", api, "--base-url", standin.url, limit,
		"Click twice.", NULL };
	char models[600];
	snprintf(models, sizeof(models), "CUA_MODELS=%s", world_path(&world, "models.json"));
	const char *const env[] = { "CUA_API_KEY=sk-test-0123456789", models, NULL };
	world_exec(&world, argv, env, NULL, 0, &output);
	standin_process_stop(&standin);
	ending.exit_status = output.exit_status;
	for (const char *at = output.out; (at = strstr(at, "\"type\":\"retry\"")); at++) {
		ending.retries++;
	}
	const char *line = output.out;
	for (const char *at = line; (at = strchr(at, '\n')) && at[1]; line = ++at) {
	}
	ending.run_end = cJSON_Parse(line);
	if (strcmp(json_text(ending.run_end, "type"), "run_end") != 0) {
		fail_msg("%s, %s: no run_end: %s %s", api, fault ? fault : "", output.out,
				output.err);
	}
	output_finish(&output);
	return ending;
}

static void check(const char *api, const char *fault, const struct ending *ending, int exit_status,
		const char *class, const char *said)
{
	const char *message = json_text(ending->run_end, "message");
	if (ending->exit_status != exit_status ||
			strcmp(json_text(ending->run_end, "class"), class) != 0 ||
			!strstr(message, said)) {
		fail_msg("%s, %s: status %d, class %s: %s", api, fault, ending->exit_status,
				json_text(ending->run_end, "class"), message);
	}
}

/* --- what passes --- */

static void a_run_goes_on_after_what_passes(void **state)
{
	(void)state;
	static const struct {
		const char *fault;
		int retries; /* at least */
	} rows[] = {
		{ NULL, 0 },
		{ "at=2,status=429,retry-after-ms=20", 1 },
		{ "at=2,status=500,retry-after-ms=20", 1 },
		{ "at=2,status=503,retry-after-ms=20,times=2", 2 },
		{ "at=2,status=400,x-should-retry=true,retry-after-ms=20", 1 },
		{ "at=2,error-event=1", 1 },
		{ "at=2,cut=1", 1 },
		{ "at=2,cut=150", 1 },
		{ "at=2,reset=150", 1 },
		{ "at=2,empty", 1 },
		{ "at=2,delay=100", 0 },
		{ "times=3,pause=5", 0 },
		{ "times=3,piece=1", 0 },
		{ "times=3,content-type=text/plain", 0 },
		{ "at=2,batch=5", 0 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		for (size_t k = 0; k < CUA_ARRAY_LEN(apis); k++) {
			struct ending ending = play(apis[k], rows[i].fault, "--max-steps=20");
			const char *fault = rows[i].fault ? rows[i].fault : "nothing";
			check(apis[k], fault, &ending, 0, "", "");
			if (ending.retries < rows[i].retries) {
				fail_msg("%s, %s: %d retries", apis[k], fault, ending.retries);
			}
			const bool has_more = rows[i].fault && strstr(rows[i].fault, "batch");
			assert_true(json_number(ending.run_end, "actions") >= (has_more ? 7 : 2));
			cJSON_Delete(ending.run_end);
		}
	}
}

/* --- what does not --- */

static void what_does_not_pass_ends_the_run(void **state)
{
	(void)state;
	static const struct {
		const char *fault, *said, *code;
	} rows[] = {
		{ "at=2,status=400,message=no", "answered 400: no", "model" },
		{ "at=2,status=401", "the key is not accepted", "model_key" },
		{ "at=2,status=402", "no credit left", "model_quota" },
		{ "at=2,status=403", "check its rights", "model_key" },
		{ "at=2,status=404", "check --model and --base-url", "model_unknown" },
		{ "at=2,status=413", "too large for this server", "model" },
		{ "at=2,status=429,x-should-retry=false", "wait, or raise its limits",
				"model_quota" },
		{ "at=2,status=429,code=insufficient_quota,x-should-retry=false", "account",
				"model_quota" },
		{ "at=2,redirect=http://127.0.0.1:1/", "to http://127.0.0.1:1/", "model" },
		{ "at=2,garbage", "invalid UTF-8", "model" },
		{ "at=2,bomb=16", "compressed (gzip)", "model" },
		{ "at=2,endless-headers", "headers of the answer", "model" },
		{ "at=2,deep=100000", "nests deeper", "model" },
		{ "at=2,huge=2", "over", "model" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		for (size_t k = 0; k < CUA_ARRAY_LEN(apis); k++) {
			struct ending ending = play(apis[k], rows[i].fault, "--max-steps=20");
			check(apis[k], rows[i].fault, &ending, 5, "model", rows[i].said);
			assert_string_equal(json_text(ending.run_end, "code"), rows[i].code);
			cJSON_Delete(ending.run_end);
		}
	}
}

static void a_turn_ends_as_its_api_says(void **state)
{
	(void)state;
	static const struct {
		const char *api, *fault;
		int exit_status;
		const char *class, *said;
	} rows[] = {
		{ "anthropic", "at=2,end=refusal", 3, "", "" },
		{ "anthropic", "at=2,times=20,end=max_tokens", 5, "model", "limit of length" },
		{ "anthropic", "at=2,end=model_context_window_exceeded", 5, "model",
				"longer than the model can read" },
		{ "chat", "at=2,times=20,end=length", 5, "model", "limit of length" },
		{ "chat", "at=2,end=content_filter", 3, "", "" },
		{ "gemini", "at=2,end=SAFETY", 3, "", "" },
		{ "gemini", "at=2,times=20,end=MAX_TOKENS", 5, "model", "limit of length" },
		{ "gemini", "at=2,end=MALFORMED_FUNCTION_CALL", 0, "", "" },
		{ "responses", "at=2,end=content_filter", 3, "", "" },
		{ "responses", "at=2,times=20,end=max_output_tokens", 5, "model",
				"limit of length" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct ending ending = play(rows[i].api, rows[i].fault, "--max-steps=20");
		check(rows[i].api, rows[i].fault, &ending, rows[i].exit_status, rows[i].class,
				rows[i].said);
		cJSON_Delete(ending.run_end);
	}
}

/* Silence is long with a model: the run's own limit ends it. */
static void a_stream_that_stops_is_ended_by_the_limit(void **state)
{
	(void)state;
	for (size_t k = 0; k < CUA_ARRAY_LEN(apis); k++) {
		struct ending ending = play(apis[k], "at=2,stall=50", "--max-time=2");
		assert_int_equal(ending.exit_status, 11);
		assert_string_equal(json_text(ending.run_end, "limit"), "time");
		cJSON_Delete(ending.run_end);
	}
}

/* What the catalogue says of the stand-in. */
static void write_models(const char *text)
{
	assert_int_equal(cua_file_write(world_path(&world, "models.json"), text, strlen(text), 0600,
					 NULL),
			CUA_OK);
}

/* The server keeps the conversation, loses it, stops in the middle of a turn. */
static void a_thread_goes_on_whatever_happens_to_it(void **state)
{
	(void)state;
	static const char *const faults[] = { NULL, "at=2,status=404,code=thread_not_found",
		"at=2,cut=150", "at=2,end=pause_turn,times=2" };
	write_models("{\"models\":{\"standin\":{\"threads\":true}}}");
	for (size_t i = 0; i < CUA_ARRAY_LEN(faults); i++) {
		const char *fault = faults[i] ? faults[i] : "nothing";
		struct ending ending = play("anthropic", faults[i], "--max-steps=20");
		check("anthropic thread", fault, &ending, 0, "", "");
		assert_true(json_number(ending.run_end, "actions") >= 2);
		cJSON_Delete(ending.run_end);
	}
	write_models("{}");
}

static int begin(void **state)
{
	(void)state;
	desktop_start_alone(&desktop, &world, "standin");
	write_models("{}");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop_alone(&desktop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_goes_on_after_what_passes),
		cmocka_unit_test(what_does_not_pass_ends_the_run),
		cmocka_unit_test(a_turn_ends_as_its_api_says),
		cmocka_unit_test(a_stream_that_stops_is_ended_by_the_limit),
		cmocka_unit_test(a_thread_goes_on_whatever_happens_to_it),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

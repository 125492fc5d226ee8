/* What is told of runs: a journal as a trace, measures as Prometheus reads them, lines of the log.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CUA_LOG_MODULE "test"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "cua/server/spans.h"

static char dir[] = "/tmp/cua-telemetry-XXXXXX";
static int dir_fd = -1;

static const char journal[] =
		"{\"seq\":1,\"time\":\"2026-11-22T10:00:00.000Z\","
		"\"type\":\"run_start\",\"step\":0,\"api\":\"anthropic\",\"model\":\"m\","
		"\"base_url\":\"https://api.example:8443/v1\",\"task\":\"SECRET\"}\n"
		"{\"seq\":2,\"time\":\"2026-11-22T10:00:02.000Z\","
		"\"type\":\"turn\",\"step\":1,\"ms\":1500,\"words\":\"SECRET\","
		"\"usage\":{\"input_tokens\":100,\"output_tokens\":7}}\n"
		"{\"seq\":3,\"time\":\"2026-11-22T10:00:02.100Z\","
		"\"type\":\"intent\",\"step\":1,\"call_id\":\"a\","
		"\"actions\":[{\"action\":\"type\",\"text\":\"SECRET\"}]}\n"
		"{\"seq\":4,\"time\":\"2026-11-22T10:00:02.350Z\","
		"\"type\":\"result\",\"step\":1,\"call_id\":\"a\","
		"\"status\":\"ok\"}\n"
		"{\"seq\":5,\"time\":\"2026-11-22T10:00:03.000Z\","
		"\"type\":\"turn\",\"step\":2,\"ms\":400,"
		"\"usage\":{}}\n"
		"{\"seq\":6,\"time\":\"2026-11-22T10:00:03.100Z\","
		"\"type\":\"intent\",\"step\":2,\"call_id\":\"b\","
		"\"tool\":\"mcp__s__find\",\"server\":\"s\",\"server_tool\":\"find\"}\n"
		"{\"seq\":7,\"time\":\"2026-11-22T10:00:04.100Z\","
		"\"type\":\"result\",\"step\":2,\"call_id\":\"b\","
		"\"status\":\"failed\",\"message\":\"SECRET\",\"class\":\"environment\"}\n"
		"{\"seq\":8,\"time\":\"2026-11-22T10:00:05.000Z\","
		"\"type\":\"unanswered\",\"step\":3,\"ms\":500,\"class\":\"model\","
		"\"usage\":{\"input_tokens\":3,\"output_tokens\":0}}\n"
		"not JSON\n"
		"{\"seq\":9,\"time\":\"2026-11-22T10:00:05.500Z\","
		"\"type\":\"run_end\",\"step\":3,\"outcome\":\"model_error\","
		"\"class\":\"model\",\"usage\":{\"input_tokens\":103}}\n";

static int begin(void **state)
{
	char path[64];
	(void)state;
	if (sodium_init() < 0 || !mkdtemp(dir)) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/events.jsonl", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return cua_file_write(path, journal, sizeof(journal) - 1, 0600, NULL) == CUA_OK ? 0 : -1;
}

static int finish(void **state)
{
	(void)state;
	close(dir_fd);
	return cua_remove_tree(dir, NULL) == CUA_OK ? 0 : -1;
}

static const cJSON *find(const cJSON *spans, const char *name)
{
	const cJSON *span = NULL;
	cJSON_ArrayForEach (span, spans) {
		if (strcmp(cua_json_text(span, "name"), name) == 0) {
			return span;
		}
	}
	fail_msg("no span %s", name);
	return NULL;
}

static const char *attribute(const cJSON *span, const char *key)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, cua_json_member(span, "attributes")) {
		if (strcmp(cua_json_text(item, "key"), key) == 0) {
			const cJSON *value = cua_json_member(item, "value");
			return value->child->valuestring;
		}
	}
	return "";
}

static void expect_span(const cJSON *spans, const char *name, const char *parent, int kind,
		const char *since, const char *until)
{
	const cJSON *span = find(spans, name);
	const cJSON *above = parent ? find(spans, parent) : NULL;
	assert_string_equal(cua_json_text(span, "parentSpanId"),
			above ? cua_json_text(above, "spanId") : "");
	assert_int_equal(cua_json_int(span, "kind"), kind);
	assert_string_equal(cua_json_text(span, "startTimeUnixNano"), since);
	assert_string_equal(cua_json_text(span, "endTimeUnixNano"), until);
}

/* 2026-11-22T10:00:00Z is 1795341600. */
#define NANO(s) "17953416" s

static void a_journal_is_one_span_for_each_step_and_call(void **state)
{
	CUA_AUTO_JSON cJSON *spans = NULL, *again = NULL;
	(void)state;
	assert_int_equal(spans_of_run(dir_fd, "run", NULL, &spans, NULL), CUA_OK);
	assert_int_equal(spans_of_run(dir_fd, "run", NULL, &again, NULL), CUA_OK);
	assert_true(cJSON_Compare(spans, again, true));
	assert_int_equal(cJSON_GetArraySize(spans), 9);
	expect_span(spans, "invoke_agent cua", NULL, 1, NANO("00000000000"), NANO("05500000000"));
	expect_span(spans, "step 1", "invoke_agent cua", 1, NANO("00500000000"),
			NANO("02350000000"));
	expect_span(spans, "chat m", "step 1", 3, NANO("00500000000"), NANO("02000000000"));
	expect_span(spans, "execute_tool computer", "step 1", 1, NANO("02100000000"),
			NANO("02350000000"));
	expect_span(spans, "tools/call find", "step 2", 3, NANO("03100000000"),
			NANO("04100000000"));
	expect_span(spans, "step 3", "invoke_agent cua", 1, NANO("04500000000"),
			NANO("05000000000"));
	const cJSON *chat = find(spans, "chat m"), *tool = find(spans, "tools/call find");
	assert_string_equal(attribute(chat, "gen_ai.provider.name"), "anthropic");
	assert_string_equal(attribute(chat, "gen_ai.usage.input_tokens"), "100");
	assert_string_equal(attribute(chat, "server.address"), "api.example");
	assert_string_equal(attribute(chat, "server.port"), "8443");
	assert_string_equal(attribute(tool, "error.type"), "environment");
	assert_int_equal(cua_json_int(cua_json_member(tool, "status"), "code"), 2);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(spans);
	assert_null(strstr(text, "SECRET"));
}

static void spans_of_other_runs_have_other_ids(void **state)
{
	CUA_AUTO_JSON cJSON *one = NULL, *other = NULL;
	(void)state;
	assert_int_equal(spans_of_run(dir_fd, "one", NULL, &one, NULL), CUA_OK);
	assert_int_equal(spans_of_run(dir_fd, "other", NULL, &other, NULL), CUA_OK);
	assert_string_not_equal(cua_json_text(one->child, "traceId"),
			cua_json_text(other->child, "traceId"));
	assert_string_not_equal(cua_json_text(find(one, "step 1"), "spanId"),
			cua_json_text(find(other, "step 1"), "spanId"));
}

static void a_run_is_noted_in_the_measures(void **state)
{
	static const char *const lines[] = {
		"# TYPE gen_ai_client_operation_duration_seconds histogram\n",
		"gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"anthropic\",gen_ai_request_model=\"m\"} 2\n",
		"gen_ai_client_operation_duration_seconds_bucket{gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"anthropic\",gen_ai_request_model=\"m\",le=\"0.64\"} 1\n",
		"gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name=\"chat\","
		"gen_ai_provider_name=\"anthropic\",gen_ai_request_model=\"m\",error_type="
		"\"model\"} 1\n",
		"gen_ai_client_operation_duration_seconds_sum{gen_ai_operation_name="
		"\"execute_tool\"} 0.25\n",
		"gen_ai_client_token_usage_sum{gen_ai_operation_name=\"chat\",gen_ai_provider_name="
		"\"anthropic\",gen_ai_request_model=\"m\",gen_ai_token_type=\"input\"} 103\n",
		"cua_runs_ended_total{outcome=\"model_error\"} 1\n",
	};
	struct measures *measures = measures_create();
	CUA_AUTO_JSON cJSON *spans = NULL;
	CUA_AUTO_BUFFER struct cua_buffer text;
	(void)state;
	cua_buffer_init(&text, 1 << 20);
	assert_int_equal(spans_of_run(dir_fd, "run", measures, &spans, NULL), CUA_OK);
	measures_write(measures, &text);
	for (size_t i = 0; i < CUA_ARRAY_LEN(lines); i++) {
		if (!strstr(text.data, lines[i])) {
			fail_msg("no %s in\n%s", lines[i], text.data);
		}
	}
	measures_destroy(measures);
}

static void labels_are_escaped_and_bounded(void **state)
{
	struct measures *measures = measures_create();
	CUA_AUTO_BUFFER struct cua_buffer text;
	char long_name[400];
	(void)state;
	cua_buffer_init(&text, 4 << 20);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	const struct measure_labels odd = { { "a\"b\\c\nd" } };
	const struct measure_labels large = { { long_name, long_name, long_name, long_name,
			long_name } };
	measures_note(measures, MEASURE_RUNS_ENDED, &odd, 1);
	measures_note(measures, MEASURE_TOKENS, &large, 1);
	for (int i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", i);
		const struct measure_labels one = { { name } };
		measures_note(measures, MEASURE_RUNS_ENDED, &one, 1);
	}
	measures_write(measures, &text);
	assert_non_null(strstr(text.data, "cua_runs_ended_total{outcome=\"a\\\"b\\\\c\\nd\"} 1\n"));
	int lines = 0;
	for (const char *at = text.data; (at = strstr(at, "\ncua_runs_ended_total{")); at++) {
		lines++;
	}
	assert_in_range(lines, 2, 128);
	measures_destroy(measures);
}

/* In a process of its own: the format is looked up once. */
static void lines_of_the_log_can_be_json(void **state)
{
	char text[4096];
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	const pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		setenv("CUA_LOG_FORMAT", "json", 1);
		cua_log_warn("a \"quoted\" \\ word,\na line%s", "\x01");
		_exit(0);
	}
	close(ends[1]);
	const ssize_t len = read(ends[0], text, sizeof(text) - 1);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	assert_true(len > 0 && text[len - 1] == '\n');
	text[len] = '\0';
	CUA_AUTO_JSON cJSON *line = cJSON_Parse(text);
	assert_string_equal(cua_json_text(line, "level"), "warn");
	assert_string_equal(cua_json_text(line, "module"), "test");
	assert_string_equal(cua_json_text(line, "message"), "a \"quoted\" \\ word,\na line\x01");
	assert_int_equal(strlen(cua_json_text(line, "time")), 24);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_journal_is_one_span_for_each_step_and_call),
		cmocka_unit_test(spans_of_other_runs_have_other_ids),
		cmocka_unit_test(a_run_is_noted_in_the_measures),
		cmocka_unit_test(labels_are_escaped_and_bounded),
		cmocka_unit_test(lines_of_the_log_can_be_json),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

/* `cua serve` and those who look after it: traces at a collector, metrics and the dashboard that
 * asks for them, the unit of systemd. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/files.h"
#include "tests/serve_stage.h"
#include "tests/standin_process.h"
#include "tests/waiting.h"

static struct serve_stage stage;
static struct standin_process model;
static pid_t collector;
static const char spans_template[] = "/tmp/cua-spans-XXXXXX";
static char spans_path[sizeof(spans_template)];
static char traces[64];

static int begin_collector(void)
{
	char digits[16] = "";
	int ends[2], port = 0;
	memcpy(spans_path, spans_template, sizeof(spans_path));
	close(mkstemp(spans_path));
	if (pipe(ends) != 0) {
		return -1;
	}
	collector = fork();
	if (collector == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execlp("python3", "python3", CUA_TEST_RECEIVER, spans_path, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	for (size_t len = 0; !strchr(digits, '\n') && len < sizeof(digits) - 1; len++) {
		if (read(ends[0], digits + len, 1) != 1) {
			break;
		}
	}
	close(ends[0]);
	if (sscanf(digits, "%d", &port) != 1) {
		return -1;
	}
	snprintf(traces, sizeof(traces), "--traces=http://127.0.0.1:%d/v1/traces", port);
	return 0;
}

static int end_collector(void)
{
	kill(collector, SIGTERM);
	waitpid(collector, NULL, 0);
	return unlink(spans_path);
}

static int begin(void **state)
{
	(void)state;
	if (begin_collector() != 0) {
		return -1;
	}
	stage.option = traces;
	serve_stage_open(&stage);
	standin_process_start(&model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	standin_process_stop(&model);
	serve_stage_close(&stage);
	return end_collector();
}

static bool has_root(void *data)
{
	(void)data;
	CUA_AUTO_FREE char *text = read_whole_file(spans_path, NULL);
	return text && strstr(text, "invoke_agent cua");
}

/* The spans that came, by their lines. */
static cJSON *read_spans(void)
{
	cJSON *spans = cJSON_CreateArray();
	CUA_AUTO_FREE char *text = read_whole_file(spans_path, NULL);
	char *rest = text, *line = NULL;
	while ((line = strsep(&rest, "\n")) && line[0]) {
		cJSON *span = cJSON_Parse(line);
		if (cua_json_member(span, "problem")) {
			fail_msg("%s", line);
		}
		cJSON_AddItemToArray(spans, span);
	}
	return spans;
}

static const cJSON *find(const cJSON *spans, const char *member, const char *text)
{
	const cJSON *span = NULL;
	cJSON_ArrayForEach (span, spans) {
		if (strcmp(cua_json_text(span, member), text) == 0) {
			return span;
		}
	}
	return NULL;
}

/* The id of a new run, the caller's. */
static char *start_run(void)
{
	char body[256];
	snprintf(body, sizeof(body),
			"{\"task\":\"Click.\",\"settings\":{\"model\":\"standin\",\"api\":\"chat\","
			"\"base_url\":\"%s\"}}",
			model.url);
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "POST", "/v1/runs", body, 201);
	return strdup(cua_json_text(run, "id"));
}

static void a_run_becomes_a_trace(void **state)
{
	int steps = 0, calls = 0;
	const cJSON *span = NULL;
	(void)state;
	free(start_run());
	wait_until(has_root, NULL, "the trace of a run");
	CUA_AUTO_JSON cJSON *spans = read_spans();
	const cJSON *root = find(spans, "name", "invoke_agent cua");
	cJSON_ArrayForEach (span, spans) {
		const cJSON *above = find(spans, "spanId", cua_json_text(span, "parentSpanId"));
		const char *name = cua_json_text(span, "name");
		assert_string_equal(cua_json_text(span, "traceId"), cua_json_text(root, "traceId"));
		assert_true(span == root || above);
		if (strncmp(name, "step ", 5) == 0) {
			assert_ptr_equal(above, root);
			steps++;
		} else if (span != root) {
			assert_int_equal(strncmp(cua_json_text(above, "name"), "step ", 5), 0);
			calls++;
		}
	}
	assert_in_range(steps, 2, 5);
	assert_in_range(calls, 4, 9); /* two clicks and the answers around them */
}

static bool has_ended(void *data)
{
	char path[128];
	snprintf(path, sizeof(path), "/v1/runs/%s", (const char *)data);
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "GET", path, NULL, 200);
	return !cJSON_IsNull(cua_json_member(run, "ended_ms"));
}

/* Its collector was away, and the server was killed before it came back. */
static void a_trace_that_nobody_took_is_told_by_the_next_server(void **state)
{
	(void)state;
	assert_int_equal(end_collector(), 0);
	CUA_AUTO_FREE char *run = start_run();
	wait_until(has_ended, run, "the end of a run");
	assert_int_equal(begin_collector(), 0);
	serve_stage_kill_and_start(&stage);
	wait_until(has_root, NULL, "the trace of a run of before");
}

/* Names of metrics in an expression of PromQL, each looked for in what is told. */
static void expect_metrics(const char *expression, const char *metrics)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	for (const char *at = expression; *at;) {
		const size_t len = strspn(at, letters);
		const bool is_name = strncmp(at, "cua_", 4) == 0 ||
				strncmp(at, "gen_ai_client_", 14) == 0;
		if (is_name) {
			char line[160];
			snprintf(line, sizeof(line), "\n%.*s", (int)len, at);
			const char *found = strstr(metrics, line);
			while (found && !strchr("{ ", found[strlen(line)])) {
				found = strstr(found + 1, line);
			}
			if (!found) {
				fail_msg("no metric %s, as \"%s\" wants", line + 1, expression);
			}
		}
		at += len > 0 ? len : 1;
	}
}

static void the_dashboard_asks_for_metrics_that_there_are(void **state)
{
	const struct serve_call call = { .method = "GET", .path = "/metrics" };
	struct serve_answer answer = serve_send(&stage, &call);
	CUA_AUTO_FREE char *text = read_whole_file(CUA_TEST_DASHBOARD, NULL);
	CUA_AUTO_JSON cJSON *dashboard = cJSON_Parse(text);
	const cJSON *panel = NULL, *target = NULL;
	int count = 0;
	(void)state;
	assert_int_equal(answer.status, 200);
	cJSON_ArrayForEach (panel, cua_json_member(dashboard, "panels")) {
		cJSON_ArrayForEach (target, cua_json_member(panel, "targets")) {
			expect_metrics(cua_json_text(target, "expr"), answer.text);
			count++;
		}
	}
	assert_in_range(count, 10, 100);
	/* As promtool has it: a type for each, and no line twice. */
	CUA_AUTO_FREE char *copy = strdup(answer.text);
	char *rest = copy, *line = NULL;
	while ((line = strsep(&rest, "\n"))) {
		char again[1024];
		snprintf(again, sizeof(again), "\n%.*s ", (int)strcspn(line, " "), line);
		if (line[0] && line[0] != '#' && rest && strstr(rest, again)) {
			fail_msg("twice: %s", line);
		}
	}
	serve_answer_finish(&answer);
}

static void the_unit_is_one_that_systemd_takes(void **state)
{
	struct output output;
	char path[256];
	(void)state;
	world_cua(&stage.world, &output, "serve", "--install-service", "--print", "--port=9000",
			"--public-url=https://agents.example.org",
			"--traces=http://x/v1/traces?a=%1", NULL);
	expect_status(&output, 0, "cua serve --install-service --print");
	assert_says(output.out, "\"serve\" \"--address=127.0.0.1\" \"--port=9000\" ");
	assert_says(output.out, "\"--public-url=https://agents.example.org\"");
	assert_says(output.out, "a=%%1\"");
	assert_says(output.out, "KillMode=process\n");
	if (system("command -v systemd-analyze >/dev/null") == 0) {
		snprintf(path, sizeof(path), "%s", world_path(&stage.world, "cua.service"));
		FILE *file = fopen(path, "we");
		assert_non_null(file);
		fputs(output.out, file);
		fclose(file);
		char command[512];
		snprintf(command, sizeof(command), "systemd-analyze verify --system %s", path);
		assert_int_equal(system(command), 0);
	}
	output_finish(&output);
	world_cua(&stage.world, &output, "serve", "--print", NULL);
	assert_int_equal(output.exit_status, 2);
	output_finish(&output);
}

/* A user's own, in a home of the test's; for root the folder would be the machine's. */
static void a_unit_that_is_there_stays(void **state)
{
	struct world world;
	struct output output;
	(void)state;
	world_create(&world, geteuid() == 0 ? 65534 : (uid_t)-1);
	char home[300];
	snprintf(home, sizeof(home), "XDG_CONFIG_HOME=%s", world_path(&world, "config"));
	assert_int_equal(mkdir(world_path(&world, "config"), 0777), 0);
	assert_int_equal(chmod(world_path(&world, "config"), 0777), 0);
	const char *const extra[] = { home, NULL };
	const struct {
		const char *option;
		int status;
		const char *says;
	} tries[] = { { "--spares=1", 0, "systemctl --user enable --now cua" },
		{ "--spares=1", 0, "is written" }, { "--spares=3", 1, NULL },
		{ "--spares=1", 0, "loginctl enable-linger" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(tries); i++) {
		const char *const argv[] = { world.program, "serve", "--install-service",
			tries[i].option, NULL };
		world_exec(&world, argv, extra, NULL, 0, &output);
		expect_status(&output, tries[i].status, tries[i].option);
		if (tries[i].says) {
			assert_says(output.out, tries[i].says);
		} else {
			assert_says(output.err, "is there and says something else");
		}
		output_finish(&output);
	}
	CUA_AUTO_FREE char *unit = read_whole_file(
			world_path(&world, "config/systemd/user/cua.service"), NULL);
	assert_non_null(unit);
	assert_says(unit, "\"--spares=1\"");
	assert_says(unit, "WantedBy=default.target\n");
	world_destroy(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_becomes_a_trace),
		cmocka_unit_test(the_dashboard_asks_for_metrics_that_there_are),
		cmocka_unit_test(a_trace_that_nobody_took_is_told_by_the_next_server),
		cmocka_unit_test(the_unit_is_one_that_systemd_takes),
		cmocka_unit_test(a_unit_that_is_there_stays),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

/* `cua serve` with many at once: agents, those who watch them, those who only wait, and those who
 * do not read. What is right decides; times are printed, and decide nothing. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/event.h"
#include "cua/base/buffer.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/serve_socket.h"
#include "tests/standin_process.h"
#include "tests/waiting.h"

#define AGENTS 25
#define IDLE_WATCHERS 1000
#define IDLE_BYTES_MAX (64 * 1024)
#define DEAF_WATCHERS 20
#define EVENTS_MAX 4096
#define LINE_MAX_LEN (8 << 20)
/* As long as a run at a busy time. */
#define WATCH_DEADLINE_MS 200000

static struct serve_stage stage;

static int begin(void **state)
{
	struct rlimit limit;
	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	stage.spares = "--spares=25";
	stage.option = "--max-agents=25";
	serve_stage_open(&stage);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	serve_stage_close(&stage);
	return 0;
}

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* --- figures --- */

struct figures {
	double values[EVENTS_MAX];
	int count;
};

static void add(struct figures *figures, double value)
{
	if (figures->count < EVENTS_MAX) {
		figures->values[figures->count++] = value;
	}
}

static int ascending(const void *a, const void *b)
{
	const double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

static void print(struct figures *figures, const char *what)
{
	const int last = figures->count - 1;
	qsort(figures->values, (size_t)figures->count, sizeof(double), ascending);
	if (last >= 0) {
		print_message("%s: median %.0f ms, p95 %.0f ms, most %.0f ms, of %d\n", what,
				figures->values[last / 2], figures->values[(int)(last * 0.95)],
				figures->values[last], figures->count);
	}
}

/* --- runs, and who watches them --- */

struct watched {
	char id[64], desktop[64];
	struct serve_socket events;
	struct cua_buffer text;
	double seq, since_ms, until_ms; /* of its first event and its last */
	bool is_over;
};

static void start_run(struct watched *watched, const char *url)
{
	char body[256], path[128];
	snprintf(body, sizeof(body),
			"{\"task\":\"Click.\",\"settings\":{\"model\":\"standin\",\"api\":\"chat\","
			"\"base_url\":\"%s\"}}",
			url);
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "POST", "/v1/runs", body, 201);
	snprintf(watched->id, sizeof(watched->id), "%s", cua_json_text(run, "id"));
	snprintf(path, sizeof(path), "/v1/runs/%.60s/events", watched->id);
	cua_buffer_init(&watched->text, LINE_MAX_LEN);
	watched->events = serve_socket_open(&stage, path, false, NULL, NULL);
	assert_int_equal(watched->events.status, 200);
}

/* Each event once, in order. */
static void take_message(struct watched *watched, const cJSON *message, struct figures *delays)
{
	const cJSON *event = cua_json_member(message, "event");
	if (event) {
		assert_true(cua_json_number(event, "seq") == watched->seq + 1);
		watched->seq++;
		watched->until_ms = agent_event_time_ms(event);
		watched->since_ms = watched->seq > 1 ? watched->since_ms : watched->until_ms;
		add(delays, now_ms() - agent_event_time_ms(event));
	}
	if (strcmp(cua_json_text(event, "type"), "run_start") == 0) {
		snprintf(watched->desktop, sizeof(watched->desktop), "%s",
				cua_json_text(event, "desktop"));
	}
	watched->is_over = watched->is_over || cJSON_IsTrue(cua_json_member(message, "over"));
}

static void take_bytes(struct watched *watched, struct figures *delays)
{
	char bytes[65536];
	const ssize_t len = recv(watched->events.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (len <= 0) {
		assert_true(len < 0 && errno == EAGAIN);
		return;
	}
	assert_int_equal(cua_buffer_append(&watched->text, bytes, (size_t)len, NULL), CUA_OK);
	char *at = watched->text.data, *end = at + watched->text.len, *line_end = NULL;
	while ((line_end = memchr(at, '\n', (size_t)(end - at)))) {
		if (strncmp(at, "data: ", 6) == 0) {
			CUA_AUTO_JSON cJSON *message =
					cJSON_ParseWithLength(at + 6, (size_t)(line_end - at - 6));
			assert_non_null(message);
			take_message(watched, message, delays);
		}
		at = line_end + 1;
	}
	const size_t left = (size_t)(end - at);
	memmove(watched->text.data, at, left);
	watched->text.len = left;
}

static void watch_all(struct watched *all, int count, struct figures *delays)
{
	struct pollfd polls[AGENTS];
	const double deadline = now_ms() + WATCH_DEADLINE_MS;
	for (int left = count; left > 0;) {
		left = 0;
		for (int i = 0; i < count; i++) {
			polls[i] = (struct pollfd){ .fd = all[i].is_over ? -1 : all[i].events.fd,
				.events = POLLIN };
			left += !all[i].is_over;
		}
		assert_true(now_ms() < deadline);
		if (left > 0 && poll(polls, (nfds_t)count, 1000) > 0) {
			for (int i = 0; i < count; i++) {
				if (polls[i].revents) {
					take_bytes(&all[i], delays);
				}
			}
		}
	}
}

static void expect_done(struct watched *watched, struct figures *starts)
{
	char path[128];
	snprintf(path, sizeof(path), "/v1/runs/%.60s", watched->id);
	CUA_AUTO_JSON cJSON *run = serve_json(&stage, "GET", path, NULL, 200);
	if (strcmp(cua_json_text(run, "state"), "done") != 0) {
		fail_msg("%s: %s", cua_json_text(run, "state"), cua_json_text(run, "error"));
	}
	assert_int_equal(cua_json_int(run, "actions"), 2);
	add(starts, cua_json_number(run, "started_ms") - cua_json_number(run, "created_ms"));
	serve_socket_close(&watched->events);
	cua_buffer_finish(&watched->text);
}

/* A name is free again when its desktop has gone, which outlives its run. */
static void expect_apart(const struct watched *one, const struct watched *other)
{
	if (strcmp(one->desktop, other->desktop) == 0) {
		assert_true(one->until_ms < other->since_ms || other->until_ms < one->since_ms);
	}
}

static void run_at_once(const char *url, int count, const char *what)
{
	static struct watched all[AGENTS];
	static struct figures starts, delays;
	char text[128];
	memset(all, 0, sizeof(all));
	starts.count = delays.count = 0;
	for (int i = 0; i < count; i++) {
		start_run(&all[i], url);
	}
	watch_all(all, count, &delays);
	for (int i = 0; i < count; i++) {
		expect_done(&all[i], &starts);
		assert_true(all[i].desktop[0]);
		for (int k = 0; k < i; k++) {
			expect_apart(&all[i], &all[k]);
		}
	}
	snprintf(text, sizeof(text), "%s: start of a run", what);
	print(&starts, text);
	snprintf(text, sizeof(text), "%s: an event until it is read", what);
	print(&delays, text);
}

static bool has_spares(void *data)
{
	struct output output;
	int count = 0;
	(void)data;
	world_cua(&stage.world, &output, "desktop", "list", "--json", NULL);
	for (const char *at = output.out; (at = strstr(at, "\"spare\"")); at++) {
		count++;
	}
	output_finish(&output);
	return count >= AGENTS;
}

static void agents_at_once_each_have_a_desktop_and_are_watched(void **state)
{
	struct standin_process model;
	(void)state;
	standin_process_start(&model, NULL);
	run_at_once(model.url, 1, "one agent, without a spare desktop");
	const double deadline = now_ms() + WATCH_DEADLINE_MS;
	while (!has_spares(NULL)) {
		assert_true(now_ms() < deadline);
		poll(NULL, 0, 200);
	}
	run_at_once(model.url, 1, "one agent, with a spare desktop");
	run_at_once(model.url, AGENTS, "25 agents at once");
	standin_process_stop(&model);
}

/* --- those who wait --- */

static double server_bytes(void)
{
	char path[64], line[128];
	double kilobytes = 0;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)stage.server.pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) && sscanf(line, "Pss: %lf", &kilobytes) != 1) {
	}
	fclose(file);
	assert_true(kilobytes > 0);
	return kilobytes * 1024;
}

/* One token may ask a hundred times a second: who is told to wait does. */
static struct serve_socket open_patiently(const char *path, bool is_websocket)
{
	for (int i = 0;; i++) {
		struct serve_socket opened =
				serve_socket_open(&stage, path, is_websocket, NULL, NULL);
		if (opened.status != 429 || i == 30) {
			assert_int_equal(opened.status, is_websocket ? 101 : 200);
			return opened;
		}
		serve_socket_close(&opened);
		poll(NULL, 0, 1000); /* Retry-After */
	}
}

static void idle_watchers_cost_little(void **state)
{
	static struct serve_socket watchers[IDLE_WATCHERS];
	(void)state;
	const double before = server_bytes();
	for (int i = 0; i < IDLE_WATCHERS; i++) {
		watchers[i] = open_patiently("/v1/events", true);
		cJSON_Delete(serve_socket_next(&watchers[i])); /* from where it begins */
	}
	const double each = (server_bytes() - before) / IDLE_WATCHERS;
	print_message("an idle WebSocket: %.1f KB\n", each / 1024);
	assert_true(each <= IDLE_BYTES_MAX);
	cJSON_Delete(serve_json(&stage, "GET", "/v1/session", NULL, 200));
	for (int i = 0; i < IDLE_WATCHERS; i++) {
		serve_socket_close(&watchers[i]);
	}
}

/* --- those who do not read --- */

static void the_deaf_do_no_harm(void **state)
{
	static struct serve_socket deaf[DEAF_WATCHERS];
	struct standin_process model;
	const int small = 1024;
	(void)state;
	for (int i = 0; i < DEAF_WATCHERS; i++) {
		deaf[i] = open_patiently(i % 2 ? "/v1/events" : "/openapi.json", i % 2);
		setsockopt(deaf[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	standin_process_start(&model, NULL);
	run_at_once(model.url, 5, "5 agents beside 20 who do not read");
	standin_process_stop(&model);
	for (int i = 0; i < DEAF_WATCHERS; i++) {
		serve_socket_close(&deaf[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agents_at_once_each_have_a_desktop_and_are_watched),
		cmocka_unit_test(idle_watchers_cost_little),
		cmocka_unit_test(the_deaf_do_no_harm),
	};
	return cmocka_run_group_tests(tests, begin, finish);
}

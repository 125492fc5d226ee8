/* SIGKILL of the agent, of the desktop's host and of both at random times in long runs: whatever
 * was acknowledged is there, no click comes twice, and each run ends as it would have.
 * $CUA_TEST_KILLS (12) is how many there are, $CUA_TEST_KILL_SEED draws other times.
 *
 * The model clicks at many places, each once. It believes what it is told: a call that went well is
 * not looked at again, one that was not run is made again, and of one that is uncertain it looks
 * which of its clicks the application got. The application is x_recorder, which counts them. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/desktop_fixture.h"
#include "tests/test_agent_fake.h"

#define CLICKS 60
#define KILL_WITHIN_MS 1500

static struct world world;
static struct desktop desktop;
static struct fake_server *model_server;
static atomic_int uncertain_calls; /* that the model was told of, in the last request */

/* --- the model --- */

static int place_of(const cJSON *json)
{
	return ((int)json_number(json, "x") - 10) / 10 + (int)json_number(json, "y") / 300 * 30;
}

static void put_click(struct cua_buffer *out, int place)
{
	(void)!cua_buffer_printf(out, NULL,
			"{\"type\":\"click\",\"button\":\"left\",\"x\":%d,\"y\":%d}",
			10 + place % 30 * 10, 100 + place / 30 * 300);
}

/* What the application got, as one who looks at it sees it. */
static void look(bool *is_clicked)
{
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const int place = place_of(event);
		if (place >= 0 && place < CLICKS) {
			is_clicked[place] = true;
		}
	}
}

/* The message of the user that follows the outputs of a call. */
static const char *told_of(const cJSON *call, char *lead, size_t size)
{
	snprintf(lead, size, "Call %s: ", json_text(call, "call_id"));
	for (const cJSON *item = call->next; item; item = item->next) {
		const char *text = json_text(item, "content.0.text");
		const char *at = strstr(text, lead);
		if (at) {
			return at + strlen(lead);
		}
	}
	return "";
}

/* Which clicks are done, as far as the conversation tells; the number of calls so far. */
static int believe(const cJSON *input, bool *is_done)
{
	bool is_clicked[CLICKS] = { false };
	int calls = 0;
	const cJSON *item = NULL, *action = NULL;
	look(is_clicked);
	cJSON_ArrayForEach (item, input) {
		char lead[64];
		if (strcmp(json_text(item, "type"), "computer_call") != 0) {
			continue;
		}
		const char *told = told_of(item, lead, sizeof(lead));
		const bool is_not_run = strncmp(told, "not run", 7) == 0,
			   is_uncertain = strstr(told, "is not known") != NULL;
		calls++;
		cJSON_ArrayForEach (action, json_at(item, "actions")) {
			const int place = place_of(action);
			is_done[place] = is_done[place] || (!told[0] && !is_not_run) ||
					(is_uncertain && is_clicked[place]);
		}
	}
	return calls;
}

static void put_call(struct cua_buffer *out, int number, const int *places, int count)
{
	(void)!cua_buffer_printf(out, NULL,
			"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
			"\"computer_call\",\"id\":\"i%d\",\"call_id\":\"k%d\",\"status\":"
			"\"completed\",\"actions\":[",
			number, number);
	for (int i = 0; i < count; i++) {
		(void)!cua_buffer_printf(out, NULL, "%s", i > 0 ? "," : "");
		put_click(out, places[i]);
	}
	(void)!cua_buffer_printf(out, NULL, "]}}\n\n");
}

/* Two calls of two clicks in each turn, as long as there are any to make. */
static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	(void)user_data;
	bool is_done[CLICKS] = { false };
	int places[4], count = 0;
	CUA_AUTO_JSON cJSON *body = cJSON_Parse(request->body);
	const int calls = believe(json_at(body, "input"), is_done);
	atomic_store(&uncertain_calls, 0);
	for (const char *at = request->body; (at = strstr(at, "is not known")); at++) {
		atomic_fetch_add(&uncertain_calls, 1);
	}
	for (int place = 0; place < CLICKS && count < 4; place++) {
		if (!is_done[place]) {
			places[count++] = place;
		}
	}
	reply->content_type = "text/event-stream";
	if (count == 0) {
		(void)!cua_buffer_printf(&reply->body, NULL,
				"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
				"\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
				"\"output_text\",\"text\":\"All clicked.\"}]}}\n\n");
	} else {
		put_call(&reply->body, calls, places, count < 2 ? count : 2);
		if (count > 2) {
			put_call(&reply->body, calls + 1, places + 2, count - 2);
		}
	}
	(void)!cua_buffer_printf(&reply->body, NULL,
			"data: {\"type\":\"response.completed\",\"response\":{\"status\":"
			"\"completed\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n");
}

/* --- the agent --- */

/* What it prints, it has acknowledged. */
static pid_t start_agent(bool is_resume)
{
	char script[256], url[64];
	snprintf(script, sizeof(script), "exec \"$0\" \"$@\" >>%s/printed 2>>%s/errors", world.dir,
			world.dir);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model_server));
	const char *const begin[] = { "/bin/sh", "-c", script, world.program, "run", "--json",
		"--desktop", desktop.name, "--model", "m", "--api", "responses", "--base-url", url,
		"Click everywhere.", NULL };
	const char *const go_on[] = { "/bin/sh", "-c", script, world.program, "run", "--json",
		"--resume", "last", NULL };
	return world_start(&world, is_resume ? go_on : begin, NULL);
}

/* True if the process ends within this time; then it is reaped. */
static bool ends_within(pid_t pid, int timeout_ms, int *ret_status)
{
	CUA_AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000;
	int ready = 0;
	do {
		ready = poll(&gone, 1, cua_ms_until(deadline_us));
	} while (ready < 0 && errno == EINTR);
	return ready > 0 && waitpid(pid, ret_status, 0) == pid;
}

static void kill_host(void)
{
	const pid_t host = desktop_recorded_pid(&desktop, "host");
	if (host > 1 && !process_is_gone(host)) {
		kill_and_wait(host);
	}
}

static char *file_in_world(const char *leaf)
{
	char *text = read_whole_file(world_path(&world, leaf), NULL);
	assert_non_null(text);
	return text;
}

enum victim { VICTIM_AGENT, VICTIM_HOST, VICTIM_BOTH, VICTIM_COUNT };

/* Kills at a random time, and waits for the agent's end. False if that came first. */
static bool disturb(pid_t agent, enum victim victim)
{
	int status = 0;
	const bool is_killed = !ends_within(agent, (int)(random() % KILL_WITHIN_MS), &status);
	if (is_killed && victim != VICTIM_AGENT) {
		kill_host();
	}
	if (is_killed && victim != VICTIM_HOST) {
		(void)kill(agent, SIGKILL);
	}
	if (is_killed) {
		assert_true(ends_within(agent, DESKTOP_DEADLINE_MS, &status));
	}
	const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	if (code != 0 && code != 6) {
		CUA_AUTO_FREE char *errors = file_in_world("errors");
		fail_msg("exit status %d: %s", code, errors);
	}
	return is_killed;
}

/* --- what must be true afterwards --- */

static void expect_each_click_once(void)
{
	int counts[CLICKS] = { 0 };
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const int place = place_of(event);
		assert_true(place >= 0 && place < CLICKS);
		counts[place]++;
	}
	for (int i = 0; i < CLICKS; i++) {
		if (counts[i] != 1) {
			fail_msg("click %d came %d times", i, counts[i]);
		}
	}
}

/* Every whole line that an agent has printed is in the journal, to the byte. */
static void expect_acknowledged_kept(void)
{
	struct output output;
	world_cua(&world, &output, "runs", "show", "last", "--json", NULL);
	assert_int_equal(output.exit_status, 0);
	CUA_AUTO_FREE char *printed = file_in_world("printed");
	char *rest = NULL;
	for (char *line = strtok_r(printed, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		const size_t len = strlen(line);
		if (line[len - 1] == '}' && !strstr(output.out, line)) {
			fail_msg("was acknowledged and is not there: %s", line);
		}
	}
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", "last", NULL);
}

/* The newest run, as list has it; how many there are. The caller deletes. */
static cJSON *newest_run(int *ret_count)
{
	struct output output;
	char *rest = NULL;
	cJSON *newest = NULL;
	*ret_count = 0;
	world_cua(&world, &output, "runs", "list", "--json", NULL);
	assert_int_equal(output.exit_status, 0);
	for (char *line = strtok_r(output.out, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		cJSON_Delete(newest);
		newest = cJSON_Parse(line);
		(*ret_count)++;
	}
	output_finish(&output);
	return newest;
}

/* Until the run is over: resumed, or begun once more if it was killed before its first event. */
static long run_disturbed(void)
{
	int before = 0, count = 0;
	long killed = 0;
	cJSON_Delete(newest_run(&before));
	for (int starts = 0, is_resume = false;; starts++) {
		assert_true(starts < 400);
		killed += disturb(start_agent(is_resume), (enum victim)(random() % VICTIM_COUNT));
		CUA_AUTO_JSON cJSON *newest = newest_run(&count);
		is_resume = count > before && json_text(newest, "task")[0];
		if (is_resume && strcmp(json_text(newest, "state"), "done") == 0) {
			return killed;
		}
		before = is_resume ? before : count;
	}
}

static long wanted(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text ? strtol(text, NULL, 10) : otherwise;
}

static void killed_runs_end_as_they_would_have(void **state)
{
	(void)state;
	const long kills = wanted("CUA_TEST_KILLS", 12);
	long killed = 0, runs = 0, told = 0;
	srandom((unsigned int)wanted("CUA_TEST_KILL_SEED", 1));
	for (; killed < kills; runs++) {
		recorder_mark(&desktop);
		(void)unlink(world_path(&world, "printed"));
		killed += run_disturbed();
		told += atomic_load(&uncertain_calls);
		expect_each_click_once();
		expect_acknowledged_kept();
		assert_nothing_held(&desktop);
	}
	print_message("%ld kills in %ld runs; %ld calls were uncertain\n", killed, runs, told);
}

static int begin(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "kill");
	recorder_start(&desktop);
	desktop_disconnect(&desktop);
	model_server = fake_server_start(NULL, model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	fake_server_stop(model_server);
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_runs_end_as_they_would_have, begin, finish),
	};
	return cmocka_run_group_tests_name("desktop_resume", tests, NULL, NULL);
}

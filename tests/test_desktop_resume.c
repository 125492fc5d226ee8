/* SIGKILL of the agent, of the desktop's host and of both at random times in long runs: whatever
 * was acknowledged is there, no click comes twice, and each run ends as it would have.
 * $CUA_TEST_KILLS (12) is how many there are, $CUA_TEST_KILL_SEED draws other times.
 *
 * The model (click_model.h) clicks at many places, each once, over each API. The application is
 * x_recorder, which counts them. */

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
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/click_model.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_recorder.h"
#include "tests/files.h"
#include "tests/processes.h"
#include "tests/test_agent_fake.h"
#include "tests/waiting.h"

#define KILL_WITHIN_MS 1500

static struct world world;
static struct desktop desktop;
static struct fake_server *model_server;
static const struct click_api *api; /* of the runs */
static atomic_int uncertain_calls;  /* that the model was told of, in the last request */

/* --- the model --- */

static int place_of(const cJSON *json)
{
	return click_place(json_number(json, "x"), json_number(json, "y"));
}

/* What the application got, as one who looks at it sees it. */
static void look(bool *is_clicked)
{
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const int place = place_of(event);
		if (place >= 0) {
			is_clicked[place] = true;
		}
	}
}

static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	(void)user_data;
	bool is_clicked[CLICK_PLACES] = { false };
	look(is_clicked);
	reply->content_type = "text/event-stream";
	atomic_store(&uncertain_calls,
			click_model_answer(api, request->body, is_clicked, &reply->body));
}

/* --- the agent --- */

/* What it prints, it has acknowledged. */
static pid_t start_agent(bool is_resume)
{
	char script[512], url[64];
	/* Behind what one that was killed had printed of a line. */
	snprintf(script, sizeof(script),
			"echo >>%s/printed; exec \"$0\" \"$@\" >>%s/printed 2>>%s/errors",
			world.dir, world.dir, world.dir);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model_server));
	const char *const begin[] = { "/bin/sh", "-c", script, world.program, "run", "--json",
		"--desktop", desktop.name, "--model", "m", "--api", api->name, "--base-url", url,
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
	int counts[CLICK_PLACES] = { 0 };
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "press");
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		const int place = place_of(event);
		assert_true(place >= 0);
		counts[place]++;
	}
	char wrong[CLICK_PLACES * 8] = "";
	for (int i = 0; i < CLICK_PLACES; i++) {
		const size_t len = strlen(wrong);
		if (counts[i] != 1) {
			snprintf(wrong + len, sizeof(wrong) - len, " %d:%d", i, counts[i]);
		}
	}
	if (wrong[0]) {
		CUA_AUTO_FREE char *errors = file_in_world("errors");
		fail_msg("clicks that came otherwise than once:%s; what the agents said: %s", wrong,
				errors);
	}
	/* The application is on this desktop alone. */
	CUA_AUTO_FREE char *errors = file_in_world("errors");
	assert_null(strstr(errors, "goes on on a new one"));
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

/* A fourth of the kills. */
static void kill_runs(const struct click_api *over)
{
	const long kills = (wanted("CUA_TEST_KILLS", 12) + 3) / 4;
	long killed = 0, runs = 0, told = 0;
	api = over;
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
	print_message("%s: %ld kills in %ld runs; %ld calls were uncertain\n", api->name, killed,
			runs, told);
}

static void killed_runs_over_responses_end_as_they_would_have(void **state)
{
	(void)state;
	kill_runs(&click_apis[0]);
}

static void so_do_those_over_anthropic(void **state)
{
	(void)state;
	kill_runs(&click_apis[1]);
}

static void so_do_those_over_gemini(void **state)
{
	(void)state;
	kill_runs(&click_apis[2]);
}

static void so_do_those_over_chat(void **state)
{
	(void)state;
	kill_runs(&click_apis[3]);
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
		cmocka_unit_test(killed_runs_over_responses_end_as_they_would_have),
		cmocka_unit_test(so_do_those_over_anthropic),
		cmocka_unit_test(so_do_those_over_gemini),
		cmocka_unit_test(so_do_those_over_chat),
	};
	return cmocka_run_group_tests_name("desktop_resume", tests, begin, finish);
}

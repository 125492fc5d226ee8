/* A run that goes on, and a person elsewhere: what they tell it, pause, cancel and answer, by `cua
 * runs` as they type it. The model answers when the test lets it. */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_fixture.h"
#include "tests/json_path.h"
#include "tests/processes.h"
#include "tests/test_agent_fake.h"
#include "tests/waiting.h"

static struct world world;
static struct fake_server *model_server;
static char name[64]; /* of the run */

/* --- the model --- */

static sem_t may_answer;
static atomic_int requests;
static pthread_mutex_t last_mutex = PTHREAD_MUTEX_INITIALIZER;
static char *last_request; /* owned; its body */
static const char *const *turns;

#define LIMIT_S "10" /* seconds; the run needs one of them */

#define STREAM(item) \
	"data: {\"type\":\"response.output_item.done\",\"item\":" item "}\n\n" \
	"data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"," \
	"\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}\n\n"
#define CLICK(id) \
	STREAM("{\"type\":\"computer_call\",\"id\":\"i" id "\",\"call_id\":\"" id \
	       "\",\"status\":\"completed\",\"actions\":[{\"type\":\"click\",\"button\":\"left\"," \
	       "\"x\":600,\"y\":400}]}")
#define ANSWER(text) \
	STREAM("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_" \
	       "text\",\"text\":\"" text "\"}]}")

static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	(void)user_data;
	pthread_mutex_lock(&last_mutex);
	free(last_request);
	last_request = strdup(request->body);
	pthread_mutex_unlock(&last_mutex);
	const int number = atomic_fetch_add(&requests, 1);
	while (sem_wait(&may_answer) != 0) {
	}
	reply->content_type = "text/event-stream";
	(void)!cua_buffer_printf(&reply->body, NULL, "%s", turns[number]);
}

static int begin(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	sem_init(&may_answer, 0, 0);
	atomic_store(&requests, 0);
	model_server = fake_server_start(NULL, model, NULL);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	sem_post(&may_answer); /* a model that a failed test has left waiting */
	world_destroy(&world);
	fake_server_stop(model_server);
	free(CUA_STEAL(last_request));
	sem_destroy(&may_answer);
	return 0;
}

static bool was_asked(void *data)
{
	return atomic_load(&requests) >= *(const int *)data;
}

/* The model has been asked so often, this time with the text; NULL: whatever with. */
static void expect_request(int count, const char *text)
{
	wait_until(was_asked, &count, "a request to the model");
	pthread_mutex_lock(&last_mutex);
	CUA_AUTO_FREE char *body = strdup(last_request);
	pthread_mutex_unlock(&last_mutex);
	assert_int_equal(atomic_load(&requests), count);
	if (text) {
		assert_says(body, text);
	}
}

/* --- the run --- */

/* How it stands; the caller deletes. */
static cJSON *status(void)
{
	struct output output;
	world_cua(&world, &output, "runs", "status", name, "--json", NULL);
	expect_status(&output, 0, "cua runs status");
	cJSON *json = cJSON_Parse(output.out);
	assert_non_null(json);
	output_finish(&output);
	return json;
}

/* Until it waits for the model. detach: "--detach", which option may follow; else both are NULL and
 * its process is returned. */
static pid_t begin_run(const char *const *model_turns, const char *policy, const char *detach,
		const char *option)
{
	char url[64], file[200] = "";
	turns = model_turns;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", fake_server_port(model_server));
	snprintf(file, sizeof(file), "%s", world_path(&world, "policy.yaml"));
	assert_int_equal(cua_file_write(file, policy, strlen(policy), 0644, NULL), CUA_OK);
	const char *const argv[] = { world.program, "run", "--attended", "--policy", file,
		"--model", "m", "--api", "responses", "--base-url", url, "Click.", detach, option,
		NULL };
	pid_t pid = 0;
	if (detach) {
		struct output output;
		world_exec(&world, argv, NULL, NULL, 0, &output);
		expect_status(&output, 0, "cua run");
		output_finish(&output);
	} else {
		pid = world_start(&world, argv, NULL);
	}
	expect_request(1, "Click.");
	snprintf(name, sizeof(name), "last");
	CUA_AUTO_JSON cJSON *now = status();
	snprintf(name, sizeof(name), "%s", json_text(now, "run"));
	return pid;
}

static void start(const char *const *model_turns, const char *policy)
{
	(void)begin_run(model_turns, policy, "--detach", NULL);
}

static bool is_in_state(void *data)
{
	CUA_AUTO_JSON cJSON *now = status();
	return strcmp(json_text(now, "state"), data) == 0;
}

/* data: what its journal holds then. */
static bool has_event(void *data)
{
	struct output output;
	world_cua(&world, &output, "runs", "show", name, "--json", NULL);
	const bool has = strstr(output.out, data);
	output_finish(&output);
	return has;
}

/* Its desktop is stopped after its last event. */
static bool is_over(void *data)
{
	struct output output;
	(void)data;
	world_cua(&world, &output, "runs", "status", name, NULL);
	const bool is_over = output.exit_status == 1 && strstr(output.err, "does not go on");
	output_finish(&output);
	return is_over;
}

/* The run's last words, and its exit status. */
static void expect_end(int exit_status, const char *text)
{
	struct output output;
	world_cua(&world, &output, "runs", "attach", name, NULL);
	expect_status(&output, exit_status, "cua runs attach");
	assert_says(output.out, text);
	output_finish(&output);
	world_expect(&world, 0, "runs", "verify", name, NULL);
	wait_until(is_over, NULL, "the end of the run's process");
}

static const char allow_all[] = "include: default\n";
static const char ask_clicks[] = "include: default\nrules:\n  - ask: clicks\n    when: {action: "
				 "click}\n    why: it presses\n";

/* --- */

static void what_a_person_says_the_model_hears_next(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), ANSWER("Done."),
		ANSWER("Done in blue.") };
	start(script, allow_all);
	CUA_AUTO_JSON cJSON *before = status();
	assert_string_equal(json_text(before, "run"), name);
	assert_string_equal(json_text(before, "state"), "working");
	world_expect(&world, 0, "runs", "tell", name, "Once, m\xc3\xb6glichst links.", NULL);
	CUA_AUTO_JSON cJSON *after = status();
	assert_int_equal(json_number(after, "unheard"), 1);
	sem_post(&may_answer);
	expect_request(2, "m\xc3\xb6glichst links.");
	/* What is said while the model answers is more to do. */
	world_expect(&world, 0, "runs", "tell", name, "Use the blue one.", NULL);
	sem_post(&may_answer);
	expect_request(3, "Use the blue one.");
	sem_post(&may_answer);
	expect_end(0, "a person says: Use the blue one.");
	struct output output;
	world_cua(&world, &output, "runs", "show", name, NULL);
	assert_says(output.out, "Done in blue.");
	output_finish(&output);
}

/* Neither give_up nor done ends a run to which a person has just spoken. */
static void who_gives_up_hears_first_what_a_person_said(void **state)
{
	(void)state;
	static const char *const script[] = {
		STREAM("{\"type\":\"function_call\",\"call_id\":\"g\",\"name\":\"give_up\","
		       "\"arguments\":\"{\\\"reason\\\":\\\"No blue one.\\\"}\"}"),
		ANSWER("Done in red.")
	};
	start(script, allow_all);
	world_expect(&world, 0, "runs", "tell", name, "Red will do.", NULL);
	sem_post(&may_answer);
	expect_request(2, "Red will do.");
	sem_post(&may_answer);
	expect_end(0, "a person says: Red will do.");
}

static void a_paused_run_does_nothing_until_it_goes_on(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), CLICK("b"), ANSWER("Done.") };
	char paused[] = "\"paused\"";
	start(script, allow_all);
	world_expect(&world, 0, "runs", "pause", name, NULL);
	world_expect(&world, 0, "runs", "pause", name, NULL); /* it is already */
	sem_post(&may_answer);
	wait_until(has_event, paused, "a run that waits");
	world_expect(&world, 0, "runs", "continue", name, NULL);
	/* The click was decided by a screen of before the pause. */
	expect_request(2, "a person paused the run before this");
	sem_post(&may_answer);
	expect_request(3, NULL);
	sem_post(&may_answer);
	expect_end(0, "paused by a person");
	struct output output;
	world_cua(&world, &output, "runs", "show", name, NULL);
	assert_says(output.out, "done: 3 steps, 1 actions");
	output_finish(&output);
}

static bool is_past(void *data)
{
	return cua_now_us() > *(const uint64_t *)data;
}

static void the_time_of_a_pause_does_not_count(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), CLICK("b"), ANSWER("Done.") };
	char paused[] = "paused";
	(void)begin_run(script, allow_all, "--detach", "--max-time=" LIMIT_S);
	uint64_t limit_us = cua_now_us() + strtoull(LIMIT_S, NULL, 10) * 1000000U;
	world_expect(&world, 0, "runs", "pause", name, NULL);
	sem_post(&may_answer);
	wait_until(is_in_state, paused, "a run that is paused");
	wait_until(is_past, &limit_us, "the time limit, had there been no pause");
	world_expect(&world, 0, "runs", "continue", name, NULL);
	expect_request(2, "a person paused the run before this");
	sem_post(&may_answer);
	expect_request(3, NULL);
	sem_post(&may_answer);
	expect_end(0, "done: 3 steps, 1 actions");
}

static void a_person_cancels_a_run_that_waits(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a") };
	char paused[] = "paused";
	start(script, allow_all);
	world_expect(&world, 0, "runs", "pause", name, NULL);
	sem_post(&may_answer);
	wait_until(is_in_state, paused, "a run that is paused");
	world_expect(&world, 0, "runs", "cancel", name, NULL);
	expect_end(130, "interrupted");
}

static void a_person_cancels_a_run_whose_model_thinks(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a") };
	start(script, allow_all);
	world_expect(&world, 0, "runs", "cancel", name, NULL);
	expect_end(130, "interrupted");
}

static void a_run_that_is_resumed_is_reached_like_any(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), ANSWER("Done."), ANSWER("In blue.") };
	struct output output;
	start(script, allow_all);
	world_expect(&world, 0, "runs", "cancel", name, NULL);
	sem_post(&may_answer); /* to nobody */
	expect_end(130, "interrupted");
	world_cua(&world, &output, "run", "--resume", name, "--detach", NULL);
	expect_status(&output, 0, "cua run --resume --detach");
	assert_says(output.out, name);
	output_finish(&output);
	expect_request(2, "was interrupted and goes on now");
	world_expect(&world, 0, "runs", "tell", name, "Use the blue one.", NULL);
	sem_post(&may_answer);
	expect_request(3, "Use the blue one.");
	sem_post(&may_answer);
	expect_end(0, "a person says: Use the blue one.");
}

/* The id of what the run asks; the caller frees. */
static char *await_question(const char *words)
{
	char asking[] = "asking";
	wait_until(is_in_state, asking, "a question");
	CUA_AUTO_JSON cJSON *now = status();
	assert_string_equal(json_text(now, "question.kind"), "approval");
	assert_says(json_text(now, "question.words"), words);
	assert_says(json_text(now, "question.reason"), "it presses");
	assert_says(json_text(now, "question.picture"), name);
	return strdup(json_text(now, "question.id"));
}

static void expect_refused(const char *question, const char *answer, const char *why)
{
	struct output output;
	world_cua(&world, &output, "runs", "answer", name, question, answer, NULL);
	expect_status(&output, 1, "an answer that is none");
	assert_says(output.err, why);
	output_finish(&output);
}

static void a_question_takes_one_answer_and_only_its_own(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), CLICK("b"), ANSWER("Done.") };
	start(script, ask_clicks);
	sem_post(&may_answer);
	CUA_AUTO_FREE char *first = await_question("click at 600, 400");
	expect_refused("0123456789abcdef0123456789abcdef", "yes", "does not ask that");
	expect_refused(first, "maybe", "\"yes\" or \"no\"");
	world_expect(&world, 0, "runs", "answer", name, first, "no", NULL);
	expect_request(2, "did not allow it");
	expect_refused(first, "yes", "does not ask that");
	sem_post(&may_answer);
	/* The same again within a minute is not asked: what was refused stays so. */
	expect_request(3, NULL);
	sem_post(&may_answer);
	expect_end(0, "refused by a person");
}

static void a_yes_from_elsewhere_lets_it_happen(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), ANSWER("Done.") };
	start(script, ask_clicks);
	sem_post(&may_answer);
	CUA_AUTO_FREE char *question = await_question("click at 600, 400");
	struct output output;
	world_cua(&world, &output, "runs", "status", name, NULL);
	assert_says(output.out, question);
	output_finish(&output);
	world_expect(&world, 0, "runs", "answer", name, question, "yes", NULL);
	expect_request(2, NULL);
	sem_post(&may_answer);
	expect_end(0, "allowed by a person");
}

static void a_yes_lets_nothing_happen_in_a_pause(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), ANSWER("Done.") };
	char paused[] = "\"paused\"";
	start(script, ask_clicks);
	sem_post(&may_answer);
	CUA_AUTO_FREE char *question = await_question("click at 600, 400");
	world_expect(&world, 0, "runs", "pause", name, NULL);
	world_expect(&world, 0, "runs", "answer", name, question, "yes", NULL);
	wait_until(has_event, paused, "a run that waits");
	world_expect(&world, 0, "runs", "continue", name, NULL);
	expect_request(2, "a person paused the run before this");
	sem_post(&may_answer);
	expect_end(0, "done: 2 steps, 0 actions");
}

/* --- breaking off --- */

/* For a window that never comes, as long as may be. */
#define WAIT(id) \
	STREAM("{\"type\":\"function_call\",\"id\":\"i" id "\",\"call_id\":\"" id \
	       "\",\"name\":\"wait_for\",\"arguments\":\"{\\\"until\\\":\\\"window\\\"," \
	       "\\\"text\\\":\\\"never\\\",\\\"timeout_ms\\\":60000}\"}")

static void who_interrupts_is_heard_at_once(void **state)
{
	(void)state;
	static const char *const script[] = { CLICK("a"), WAIT("b"), CLICK("c"),
		ANSWER("Done in red.") };
	char intent[] = "\"type\":\"intent\"";
	start(script, ask_clicks);
	/* The model, which is thinking: what it says then, nobody hears. */
	world_expect(&world, 0, "runs", "interrupt", name, "Use the blue one.", NULL);
	sem_post(&may_answer);
	expect_request(2, "Use the blue one.");
	/* An action. */
	sem_post(&may_answer);
	wait_until(has_event, intent, "a call");
	world_expect(&world, 0, "runs", "interrupt", name, "Do not wait.", NULL);
	expect_request(3, "A person interrupted this");
	expect_request(3, "Do not wait.");
	/* A question. */
	sem_post(&may_answer);
	CUA_AUTO_FREE char *question = await_question("click at 600, 400");
	world_expect(&world, 0, "runs", "interrupt", name, "Red will do.", NULL);
	expect_request(4, "a person interrupted the run instead");
	expect_request(4, "Red will do.");
	expect_refused(question, "yes", "does not ask that");
	sem_post(&may_answer);
	expect_end(0, "interrupted by a person");
	struct output output;
	world_cua(&world, &output, "runs", "show", name, NULL);
	assert_says(output.out, "done: 3 steps, 0 actions");
	output_finish(&output);
}

/* Also one that died meanwhile, and that a server takes up again by itself. */
static void who_interrupts_without_a_word_is_waited_for(void **state)
{
	(void)state;
	static const char *const script[] = { WAIT("a"), ANSWER("Done in red.") };
	char paused[] = "paused", intent[] = "\"type\":\"intent\"";
	char noted[] = "\"phase\":\"paused\"";
	struct output output;
	const pid_t pid = begin_run(script, allow_all, NULL, NULL);
	sem_post(&may_answer);
	wait_until(has_event, intent, "a call");
	world_expect(&world, 0, "runs", "interrupt", name, NULL);
	wait_until(has_event, noted, "a run that waits");
	kill_and_wait(pid);
	wait_until(is_over, NULL, "the end of the run's process");
	world_cua(&world, &output, "run", "--resume", name, "--attended", "--detach", NULL);
	expect_status(&output, 0, "cua run --resume --detach");
	output_finish(&output);
	wait_until(is_in_state, paused, "a run that still waits");
	world_expect(&world, 0, "runs", "tell", name, "Red will do.", NULL);
	expect_request(2, "Red will do.");
	sem_post(&may_answer);
	expect_end(0, "Done in red.");
}

static void what_makes_no_sense_is_refused(void **state)
{
	(void)state;
	static const char *const script[] = { ANSWER("Done.") };
	CUA_AUTO_FREE char *long_text = malloc(70000);
	memset(long_text, 'a', 69999);
	long_text[69999] = '\0';
	start(script, allow_all);
	world_expect(&world, 1, "runs", "tell", name, "", NULL);
	world_expect(&world, 1, "runs", "tell", name, "\xff", NULL);
	world_expect(&world, 1, "runs", "tell", name, long_text, NULL);
	world_expect(&world, 2, "runs", "tell", name, NULL);
	world_expect(&world, 1, "runs", "pause", "none", NULL);
	for (int i = 0; i < 100; i++) {
		world_expect(&world, 0, "runs", "tell", name, "Go on.", NULL);
	}
	world_expect(&world, 1, "runs", "tell", name, "Once too often.", NULL);
	world_expect(&world, 0, "runs", "cancel", name, NULL);
	expect_end(130, "interrupted");
}

static void a_killed_run_leaves_nothing_once_it_is_deleted(void **state)
{
	(void)state;
	static const char *const script[] = { ANSWER("Done.") };
	char socket_path[250];
	const pid_t pid = begin_run(script, allow_all, NULL, NULL);
	snprintf(socket_path, sizeof(socket_path), "%s/%s.sock", world_path(&world, "run/runs"),
			name);
	assert_int_equal(access(socket_path, F_OK), 0);
	kill_and_wait(pid);
	wait_until(is_over, NULL, "the end of the run's process");
	world_expect(&world, 0, "runs", "delete", name, NULL);
	assert_int_not_equal(access(socket_path, F_OK), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_person_says_the_model_hears_next),
		TEST(who_gives_up_hears_first_what_a_person_said),
		TEST(a_paused_run_does_nothing_until_it_goes_on),
		TEST(the_time_of_a_pause_does_not_count),
		TEST(a_person_cancels_a_run_that_waits),
		TEST(a_person_cancels_a_run_whose_model_thinks),
		TEST(a_run_that_is_resumed_is_reached_like_any),
		TEST(a_question_takes_one_answer_and_only_its_own),
		TEST(a_yes_from_elsewhere_lets_it_happen),
		TEST(a_yes_lets_nothing_happen_in_a_pause),
		TEST(who_interrupts_is_heard_at_once),
		TEST(who_interrupts_without_a_word_is_waited_for),
		TEST(what_makes_no_sense_is_refused),
		TEST(a_killed_run_leaves_nothing_once_it_is_deleted),
	};
	return cmocka_run_group_tests_name("desktop_control", tests, NULL, NULL);
}

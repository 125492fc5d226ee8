/* Going on with a run that broke off: a run is recorded once, cut behind each of its events, and
 * resumed. */

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
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/journal.h"
#include "agent/journal_read.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/agent_resume_turns.h"
#include "tests/agent_stage.h"

struct stage {
	const struct resume_turns *turns; /* what the model does */
	char dir[64], socket[96], url[64], recorded[128], copy[512];
	struct fake_server *model, *desktop;
	struct cua_agent_options options;
	struct cua_agent_result result;
	char *asked[16]; /* owned; bodies as they came */
	int asks;
	cJSON *acted; /* lists of actions, but for looks */
	int posts;
	int fail_action; /* this list of actions fails; -1: none */
	bool hangs_up;   /* the desktop does, on the next actions that are no look */
};

/* --- desktop and model --- */

static void answer_actions(
		struct stage *stage, const cJSON *actions, bool fails, struct fake_reply *reply)
{
	CUA_AUTO_JSON cJSON *answer = cJSON_CreateObject();
	cJSON *results = cJSON_AddArrayToObject(answer, "results");
	const cJSON *action = NULL;
	cJSON_ArrayForEach (action, actions) {
		cJSON *result = cJSON_CreateObject();
		cJSON_AddStringToObject(result, "action",
				cJSON_GetObjectItem(action, "action")->valuestring);
		cJSON_AddStringToObject(result, "status", fails ? "failed" : "delivered");
		cJSON_AddNumberToObject(result, "odd", 0.1 + 0.2);
		cJSON_AddItemToArray(results, result);
	}
	if (fails) {
		cJSON *error = cJSON_AddObjectToObject(answer, "error");
		cJSON_AddStringToObject(error, "code", "invalid");
		cJSON_AddNumberToObject(error, "action", 0);
		cJSON_AddStringToObject(error, "message", "it did not work");
		reply->http_status = 400;
	}
	cJSON *screenshot = cJSON_AddObjectToObject(answer, "screenshot");
	cJSON_AddNumberToObject(screenshot, "width", 1280);
	cJSON_AddNumberToObject(screenshot, "height", 800);
	cJSON_AddStringToObject(screenshot, "data", agent_stage_pictures[stage->posts++ % 2]);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(answer);
	assert_int_equal(cua_buffer_append(&reply->body, text, strlen(text), NULL), CUA_OK);
}

static void desktop(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct stage *stage = user_data;
	if (strcmp(request->path, "/v1/desktop") == 0) {
		assert_int_equal(cua_buffer_printf(&reply->body, NULL,
						 "{\"width\":1280,\"height\":800,\"network\":"
						 "\"none\"}"),
				CUA_OK);
		return;
	}
	if (strncmp(request->path, "/v1/lease", 9) == 0) {
		assert_int_equal(cua_buffer_printf(&reply->body, NULL, "{\"holder\":\"agent\"}"),
				CUA_OK);
		return;
	}
	CUA_AUTO_JSON cJSON *body = cJSON_Parse(request->body);
	cJSON *actions = cJSON_DetachItemFromObject(body, "actions");
	const char *name = cJSON_GetObjectItem(actions->child, "action")->valuestring;
	const bool is_look = strcmp(name, "wait") == 0;
	if (!is_look) {
		cJSON_AddItemToArray(stage->acted, cJSON_Duplicate(actions, true));
		reply->hangs_up = stage->hangs_up;
		stage->hangs_up = false;
	}
	answer_actions(stage, actions,
			!is_look && cJSON_GetArraySize(stage->acted) - 1 == stage->fail_action,
			reply);
	cJSON_Delete(actions);
}

/* Which turn is next, it sees from the conversation. */
static void model(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct stage *stage = user_data;
	const struct resume_turns *turns = stage->turns;
	size_t turn = 0;
	assert_true(stage->asks < (int)CUA_ARRAY_LEN(stage->asked));
	stage->asked[stage->asks++] = strdup(request->body);
	while (turn < CUA_ARRAY_LEN(turns->answered) &&
			strstr(request->body, turns->answered[turn])) {
		turn++;
	}
	reply->content_type = "text/event-stream";
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", turns->turns[turn]), CUA_OK);
}

static void forget(struct stage *stage)
{
	for (int i = 0; i < stage->asks; i++) {
		free(stage->asked[i]);
	}
	stage->asks = 0;
	cJSON_Delete(stage->acted);
	stage->acted = cJSON_CreateArray();
	cua_agent_result_finish(&stage->result);
}

/* --- the stage --- */

/* *state: the API's turns; NULL for those of the first. */
static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	stage->turns = *state ? *state : &resume_turns[0];
	strcpy(stage->dir, "/tmp/cua-test-resume-XXXXXX");
	assert_non_null(mkdtemp(stage->dir));
	assert_true(sodium_init() >= 0);
	assert_int_equal(setenv("CUA_STATE_DIR", stage->dir, true), 0);
	snprintf(stage->socket, sizeof(stage->socket), "%s/api.sock", stage->dir);
	stage->acted = cJSON_CreateArray();
	stage->fail_action = -1;
	stage->model = fake_server_start(NULL, model, stage);
	stage->desktop = fake_server_start(stage->socket, desktop, stage);
	snprintf(stage->url, sizeof(stage->url), "http://127.0.0.1:%d/v1",
			fake_server_port(stage->model));
	stage->options = (struct cua_agent_options){
		.task = "Write hello.",
		.api = stage->turns->api,
		.model = "some-model",
		.base_url = stage->url,
		.desktop_socket = stage->socket,
		.desktop_name = "desktop-1",
		.runs_dir = stage->dir,
		.limits = { .steps = 10, .time_s = 60 },
		.cancel_fd = -1,
	};
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	fake_server_stop(stage->model);
	fake_server_stop(stage->desktop);
	forget(stage);
	cJSON_Delete(stage->acted);
	assert_int_equal(cua_remove_tree(stage->dir, NULL), CUA_OK);
	free(stage);
	return 0;
}

/* A whole run; its requests go to bodies, which the caller frees. */
static int record(struct stage *stage, char **bodies)
{
	cua_agent_run(&stage->options, &stage->result);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	snprintf(stage->recorded, sizeof(stage->recorded), "%s", stage->result.run_dir);
	const int asks = stage->asks;
	for (int i = 0; i < asks; i++) {
		bodies[i] = CUA_STEAL(stage->asked[i]);
	}
	forget(stage);
	return asks;
}

static void copy_tree_file(const char *from, const char *to, size_t max_len)
{
	CUA_AUTO_BUFFER struct cua_buffer data;
	cua_buffer_init(&data, 1 << 24);
	assert_int_equal(cua_file_read(from, &data, NULL), CUA_OK);
	assert_int_equal(cua_file_write(to, data.data ? data.data : "",
					 data.len < max_len ? data.len : max_len, 0600, NULL),
			CUA_OK);
}

/* The recorded run as it was when its first events_len bytes were written: a folder of the same
 * name elsewhere. */
static void cut_at(struct stage *stage, size_t events_len)
{
	char from[700], to[700];
	snprintf(to, sizeof(to), "%s/cut", stage->dir);
	assert_int_equal(cua_remove_tree(to, NULL), CUA_OK);
	snprintf(stage->copy, sizeof(stage->copy), "%s/cut%s", stage->dir,
			strrchr(stage->recorded, '/'));
	snprintf(to, sizeof(to), "%s/screenshots", stage->copy);
	assert_int_equal(cua_make_dirs(to, 0700, NULL), CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(agent_stage_pictures); i++) {
		unsigned char png[128], hash[crypto_hash_sha256_BYTES];
		char hex[65];
		size_t len = 0;
		assert_int_equal(sodium_base642bin(png, sizeof(png), agent_stage_pictures[i],
						 strlen(agent_stage_pictures[i]), NULL, &len, NULL,
						 sodium_base64_VARIANT_ORIGINAL),
				0);
		crypto_hash_sha256(hash, png, len);
		sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
		snprintf(from, sizeof(from), "%s/screenshots/%s.png", stage->recorded, hex);
		snprintf(to, sizeof(to), "%s/screenshots/%s.png", stage->copy, hex);
		copy_tree_file(from, to, SIZE_MAX);
	}
	snprintf(from, sizeof(from), "%s/events.jsonl", stage->recorded);
	snprintf(to, sizeof(to), "%s/events.jsonl", stage->copy);
	copy_tree_file(from, to, events_len);
}

static void resume(struct stage *stage)
{
	stage->options.resume = stage->copy;
	cua_agent_run(&stage->options, &stage->result);
	stage->options.resume = NULL;
}

static cJSON *events_of(const char *run_dir)
{
	cJSON *events = NULL;
	CUA_AUTO_FD int dir_fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(agent_journal_events(dir_fd, &events, NULL), CUA_OK);
	return events;
}

static const char *type_of(const cJSON *event)
{
	return cJSON_GetObjectItem(event, "type")->valuestring;
}

static int count_type(const cJSON *events, const char *type)
{
	int count = 0;
	const cJSON *event = NULL;
	cJSON_ArrayForEach (event, events) {
		count += strcmp(type_of(event), type) == 0;
	}
	return count;
}

static void expect_verified(const struct stage *stage)
{
	struct agent_journal_verdict verdict;
	struct cua_error why = { 0 };
	CUA_AUTO_FD int dir_fd = open(stage->copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (agent_journal_verify(dir_fd, strrchr(stage->copy, '/') + 1, NULL, &verdict, &why) !=
			CUA_OK) {
		fail_msg("%s", why.msg);
	}
	assert_int_equal(verdict.events, verdict.signed_seq);
}

/* --- cut behind each event --- */

/* Breakpoints of the cache move on with the conversation; they are no part of it. */
static char *without_breakpoints(const char *body)
{
	static const char mark[] = ",\"cache_control\":{\"type\":\"ephemeral\"}";
	char *copy = strdup(body);
	for (char *at = copy; (at = strstr(at, mark));) {
		memmove(at, at + strlen(mark), strlen(at + strlen(mark)) + 1);
	}
	return copy;
}

/* Chat Completions says what comes next to a person's words in the same message, as a list of
 * parts: where in the last message what stays the same begins again, up to the new end of known. */
static size_t joined_at(const struct stage *stage, char *known)
{
	static const char content[] = "\"role\":\"user\",\"content\":";
	char *at = NULL;
	if (strcmp(stage->options.api, "chat") != 0) {
		return strlen(known);
	}
	for (char *next = known; (next = strstr(next, content)); next += strlen(content)) {
		at = next;
	}
	assert_non_null(at);
	at += strlen(content);
	at[strlen(at) - (*at == '[' ? 2 : 1)] = '\0'; /* without the ends of list and message */
	return (size_t)(at - known);
}

/* What was said before is said again with the same bytes: the first request after the cut goes on
 * from the last one that the journal knows. */
static void expect_same_conversation(const struct stage *stage, const cJSON *before, char **bodies)
{
	/* Each answers event leads to one more request; the first user event to the first. */
	const int asks = count_type(before, "answers") + (count_type(before, "user") > 0);
	if (asks == 0 || stage->asks == 0) {
		return;
	}
	CUA_AUTO_FREE char *known = without_breakpoints(bodies[asks - 1]);
	CUA_AUTO_FREE char *sent = without_breakpoints(stage->asked[0]);
	known[strlen(known) - 2] = '\0'; /* without "]}" */
	const size_t len = joined_at(stage, known);
	if (strncmp(known, sent, len) != 0 || !strstr(sent + len, known + len)) {
		fail_msg("the conversation is another:\n%s\n%s", known, sent);
	}
}

/* No list of actions whose intent was written is sent to the desktop once more. */
static void expect_nothing_twice(const struct stage *stage, const cJSON *before)
{
	const cJSON *event = NULL, *actions = NULL;
	cJSON_ArrayForEach (event, before) {
		if (strcmp(type_of(event), "intent") != 0) {
			continue;
		}
		cJSON_ArrayForEach (actions, stage->acted) {
			assert_false(cJSON_Compare(
					actions, cJSON_GetObjectItem(event, "actions"), true));
		}
	}
}

static void expect_model_told(const struct stage *stage, const cJSON *before)
{
	const cJSON *last = cJSON_GetArrayItem(before, cJSON_GetArraySize(before) - 1);
	const char *type = type_of(last);
	const bool is_open = strcmp(type, "turn") == 0 || strcmp(type, "intent") == 0 ||
			strcmp(type, "result") == 0 || strcmp(type, "decision") == 0;
	if (stage->asks == 0 || count_type(before, "user") == 0) {
		return;
	}
	assert_non_null(strstr(stage->asked[0], "was interrupted and goes on now"));
	assert_int_equal(strstr(stage->asked[0], "Whether its actions took effect") != NULL,
			strcmp(type, "intent") == 0);
	if (!is_open) {
		assert_null(strstr(stage->asked[0], "not run, because the run was interrupted"));
	}
}

static void resume_behind_event(
		struct stage *stage, const cJSON *events, int count, size_t len, char **bodies)
{
	CUA_AUTO_JSON cJSON *before = cJSON_CreateArray();
	for (int i = 0; i < count; i++) {
		cJSON_AddItemToArray(before, cJSON_Duplicate(cJSON_GetArrayItem(events, i), true));
	}
	cut_at(stage, len);
	resume(stage);
	if (stage->result.outcome != CUA_AGENT_DONE) {
		fail_msg("cut behind event %d: %s", count, stage->result.error.msg);
	}
	assert_string_equal(stage->result.answer, "All done.");
	/* Steps and tokens are those of all turns, each once. */
	CUA_AUTO_JSON cJSON *after = events_of(stage->copy);
	const int steps = count_type(after, "turn");
	assert_int_equal(stage->result.steps, steps);
	assert_true(stage->result.usage.input_tokens > 100 * steps - 1 &&
			stage->result.usage.input_tokens < 100 * steps + 1);
	assert_int_equal(count_type(after, "intent"), count_type(after, "result"));
	expect_same_conversation(stage, before, bodies);
	expect_nothing_twice(stage, before);
	expect_model_told(stage, before);
	expect_verified(stage);
	forget(stage);
}

static void cut_everywhere(struct stage *stage)
{
	char *bodies[16] = { NULL }, path[700];
	const int asks = record(stage, bodies);
	CUA_AUTO_JSON cJSON *events = events_of(stage->recorded);
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 1 << 24);
	snprintf(path, sizeof(path), "%s/events.jsonl", stage->recorded);
	assert_int_equal(cua_file_read(path, &text, NULL), CUA_OK);
	size_t len = 0;
	stage->fail_action = -1;
	for (int count = 1; count < cJSON_GetArraySize(events); count++) {
		len = (size_t)(strchr(text.data + len, '\n') + 1 - text.data);
		resume_behind_event(stage, events, count, len, bodies);
		resume_behind_event(stage, events, count, len + 7, bodies); /* and a torn line */
	}
	for (int i = 0; i < asks; i++) {
		free(bodies[i]);
	}
}

static void a_run_goes_on_behind_each_event(void **state)
{
	cut_everywhere(*state);
}

static void so_does_one_with_a_failed_action(void **state)
{
	struct stage *stage = *state;
	stage->fail_action = 0;
	cut_everywhere(stage);
}

/* --- ends --- */

static enum cua_status may_go_on(struct stage *stage, struct cua_error *why)
{
	struct cua_agent_resumable run;
	char runs[600];
	snprintf(runs, sizeof(runs), "%.*s", (int)(strrchr(stage->copy, '/') - stage->copy),
			stage->copy);
	assert_int_equal(setenv("CUA_RUNS_DIR", runs, true), 0);
	enum cua_status status = cua_agent_resume_read("last", &run, why);
	if (status == CUA_OK) {
		assert_string_equal(run.task, "Write hello.");
		assert_string_equal(run.desktop, "desktop-1");
		assert_int_equal(run.limits.time_s, 60);
		cua_agent_resumable_finish(&run);
	}
	return status;
}

static void a_run_that_is_over_stays_over(void **state)
{
	struct stage *stage = *state;
	char *bodies[16] = { NULL };
	struct cua_error why = { 0 };
	const int asks = record(stage, bodies);
	cut_at(stage, SIZE_MAX);
	assert_int_equal(may_go_on(stage, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "the run is over: done"));
	CUA_AUTO_JSON cJSON *before = events_of(stage->copy);
	resume(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
	assert_int_equal(stage->asks, 0);
	CUA_AUTO_JSON cJSON *after = events_of(stage->copy);
	assert_int_equal(cJSON_GetArraySize(before), cJSON_GetArraySize(after));
	for (int i = 0; i < asks; i++) {
		free(bodies[i]);
	}
}

/* The desktop hung up: the run ended, the call is uncertain; the run goes on and the model is told.
 */
static void a_run_goes_on_after_its_desktop_was_lost(void **state)
{
	struct stage *stage = *state;
	struct cua_error why = { 0 };
	stage->hangs_up = true;
	cua_agent_run(&stage->options, &stage->result);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DESKTOP_ERROR);
	snprintf(stage->copy, sizeof(stage->copy), "%s", stage->result.run_dir);
	const double first_ms = stage->result.ms;
	forget(stage);
	assert_int_equal(may_go_on(stage, &why), CUA_OK);
	stage->options.desktop_is_new = true;
	resume(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_true(stage->result.ms > first_ms);
	assert_non_null(strstr(stage->asked[0], "Whether its actions took effect"));
	assert_non_null(strstr(stage->asked[0], "The desktop is a new one"));
	assert_non_null(strstr(stage->asked[0], "not run, because the run was interrupted"));
	assert_int_equal(cJSON_GetArraySize(stage->acted), 2); /* neither c1 nor f1 */
	expect_verified(stage);
	assert_int_equal(may_go_on(stage, &why), CUA_ERR_INVAL);
}

static void a_limit_can_be_raised(void **state)
{
	struct stage *stage = *state;
	stage->options.limits.steps = 2;
	cua_agent_run(&stage->options, &stage->result);
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	snprintf(stage->copy, sizeof(stage->copy), "%s", stage->result.run_dir);
	forget(stage);
	resume(stage); /* the same limit is reached at once */
	assert_int_equal(stage->result.outcome, CUA_AGENT_LIMIT);
	assert_int_equal(stage->asks, 0);
	forget(stage);
	stage->options.limits.steps = 10;
	resume(stage);
	assert_int_equal(stage->result.outcome, CUA_AGENT_DONE);
	assert_int_equal(stage->result.steps, 4);
	assert_int_equal(stage->result.actions, 4);
	expect_verified(stage);
}

static void a_run_is_not_resumed_twice_at_once(void **state)
{
	struct stage *stage = *state;
	struct agent_journal held;
	struct cua_error why = { 0 };
	char *bodies[16] = { NULL };
	int64_t cut = 0;
	const int asks = record(stage, bodies);
	cut_at(stage, 600);
	assert_int_equal(agent_journal_open(&held, stage->copy, &cut, NULL), CUA_OK);
	assert_int_equal(may_go_on(stage, &why), CUA_ERR_EXISTS);
	resume(stage);
	assert_int_equal(stage->result.error.status, CUA_ERR_EXISTS);
	agent_journal_finish(&held);
	for (int i = 0; i < asks; i++) {
		free(bodies[i]);
	}
}

static void a_changed_journal_is_not_gone_on_with(void **state)
{
	struct stage *stage = *state;
	char *bodies[16] = { NULL }, from[700], to[700];
	const int asks = record(stage, bodies);
	cut_at(stage, 3000);
	snprintf(from, sizeof(from), "%s/head.json", stage->recorded);
	snprintf(to, sizeof(to), "%s/head.json", stage->copy);
	copy_tree_file(from, to, SIZE_MAX);
	resume(stage);
	assert_int_equal(stage->result.error.status, CUA_ERR_POLICY);
	assert_int_equal(stage->asks, 0);
	for (int i = 0; i < asks; i++) {
		free(bodies[i]);
	}
}

#define OVER(name, api, at) \
	{ \
#name " over " api, name, set_up, tear_down, &resume_turns[at] \
	}
#define OVER_ALL(name) \
	OVER(name, "Responses", 0), OVER(name, "Anthropic", 1), OVER(name, "Gemini", 2), \
			OVER(name, "Chat", 3)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		OVER_ALL(a_run_goes_on_behind_each_event),
		OVER_ALL(so_does_one_with_a_failed_action),
		OVER_ALL(a_run_goes_on_after_its_desktop_was_lost),
		TEST(a_run_that_is_over_stays_over),
		TEST(a_limit_can_be_raised),
		TEST(a_run_is_not_resumed_twice_at_once),
		TEST(a_changed_journal_is_not_gone_on_with),
	};
	return cmocka_run_group_tests_name("agent_resume", tests, NULL, NULL);
}

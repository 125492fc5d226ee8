/* What is done about what a server refuses, breaks off or loses: retries, tools, threads, pauses.
 */

#include "tests/anthropic_talk.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

/* --- what goes wrong --- */

static void failed_requests_are_sent_again(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ 529, ERROR("overloaded_error", "Overloaded"), NULL },
		{ 429, ERROR("rate_limit_error", "Slow down"), "retry-after: 2\r\n" },
		{ .lines = START("m1") SAY("0", CLICK("a"))
						ERROR("overloaded_error", "Overloaded") },
		{ .lines = DONE },
	};
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 4);
	ask_well(&talk);
	assert_int_equal(talk.turn.retries, 3);
	assert_int_equal(talk.turn.call_count, 0); /* nothing of the broken answer is left */
	assert_true(cJSON_Compare(asked(&talk, 3), asked(&talk, 0), true));
	assert_non_null(strstr(talk.said, "overloaded_error"));
	close_talk(&talk);
}

static void some_failures_are_final(void **state)
{
	(void)state;
	static const struct reply rows[] = {
		{ 401, ERROR("authentication_error", "invalid x-api-key"), NULL },
		{ 402, ERROR("billing_error", "no credit"), NULL },
		{ 404, ERROR("not_found_error", "model: claude-x"), NULL },
		{ 413, ERROR("request_too_large", "too large"), NULL },
		{ 529, ERROR("overloaded_error", "no"), "x-should-retry: false\r\n" },
		{ 400, ERROR("invalid_request_error", "messages: no"), NULL },
		{ 0, START("m") ERROR("invalid_request_error", "no"), NULL },
		{ 0, START("m") END("model_context_window_exceeded"), NULL },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
		struct talk talk;
		open_talk(&talk, &spec, &rows[i], 1);
		assert_int_equal(cua_status_class(ask(&talk)), CUA_CLASS_MODEL);
		close_talk(&talk);
	}
}

static void a_cut_answer_is_asked_for_again_with_more_room(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ .lines = START("m1") SAY("0", CLICK("a")) END("max_tokens") },
		{ 400,
				ERROR("invalid_request_error",
						"max_tokens: 65536 > 32000, which is the maximum "
						"allowed number of output tokens for claude-x"),
				NULL },
		{ .lines = START("m2") SAY("0", CLICK("a")) END("max_tokens") },
	};
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 3);
	ask_well(&talk);
	assert_int_equal(talk.turn.end, AGENT_TURN_CUT);
	assert_int_equal(talk.turn.call_count, 0);
	assert_int_equal(at(asked(&talk, 0), "max_tokens")->valueint, 16384);
	assert_int_equal(at(asked(&talk, 1), "max_tokens")->valueint, 65536);
	assert_int_equal(at(asked(&talk, 2), "max_tokens")->valueint, 32000);
	close_talk(&talk);
}

static void a_refusal_ends_the_turn(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = START("m1") SAY("0", CLICK("a"))
								  END("refusal") } };
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 1);
	ask_well(&talk);
	assert_int_equal(talk.turn.end, AGENT_TURN_REFUSED);
	assert_int_equal(talk.turn.call_count, 0);
	assert_non_null(talk.turn.refusal);
	close_talk(&talk);
}

static void a_tool_that_is_refused_is_changed_and_said(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ 400,
				ERROR("invalid_request_error",
						"`claude-x` does not support tool types: "
						"computer_20251124."),
				NULL },
		{ .lines = DONE },
	};
	struct agent_model_spec spec = spec_of("computer_20251124");
	struct talk talk;
	snprintf(spec.beta, sizeof(spec.beta), "computer-use-2025-11-24");
	open_talk(&talk, &spec, replies, 2);
	ask_well(&talk);
	assert_string_equal(text_at(&talk, 1, "tools.0.type"), "computer_toolset_20260801");
	assert_null(strstr(talk.server.heads[1], "computer-use"));
	assert_non_null(strstr(talk.said, "computer_20251124"));
	close_talk(&talk);
}

#define NO_TOOL(type) \
	ERROR("invalid_request_error", "`claude-x` does not support tool types: " type ".")

static void tools_are_tried_once_each(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ 400, NO_TOOL("computer_toolset_20260801"), NULL },
		{ 400, NO_TOOL("computer_20251124"), NULL },
		{ 400, NO_TOOL("computer_20250124"), NULL },
		{ 400, NO_TOOL("computer_20241022"), NULL },
	};
	struct talk talk;
	open_talk(&talk, &agent_model_spec_unknown, replies, 4);
	assert_int_equal(ask(&talk), CUA_ERR_MODEL);
	assert_non_null(strstr(talk.server.heads[1], "computer-use-2025-11-24"));
	assert_non_null(strstr(talk.server.heads[2], "computer-use-2025-01-24"));
	close_talk(&talk);
}

static void what_a_server_does_not_know_is_left_out(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ 400,
				ERROR("invalid_request_error",
						"Unexpected value(s) "
						"`context-management-2025-06-27` "
						"for the `anthropic-beta` header."),
				NULL },
		{ 400,
				ERROR("invalid_request_error",
						"thinking.adaptive.display: Extra inputs are not "
						"permitted"),
				NULL },
		{ 400, ERROR("invalid_request_error", "thinking: Extra inputs are not permitted"),
				NULL },
		{ .lines = DONE },
	};
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 4);
	ask_well(&talk);
	assert_null(at(asked(&talk, 1), "context_management"));
	assert_null(strstr(talk.server.heads[1], "anthropic-beta"));
	assert_null(at(asked(&talk, 2), "thinking.display"));
	assert_non_null(at(asked(&talk, 2), "thinking"));
	assert_null(at(asked(&talk, 3), "thinking"));
	close_talk(&talk);
}

/* --- threads --- */

static void a_thread_gets_only_what_is_new(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = ACT("m1") }, { .lines = ACT("m2") },
		{ .lines = DONE } };
	struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	spec.threads = true;
	open_talk(&talk, &spec, replies, 3);
	for (int i = 0; i < 2; i++) {
		ask_well(&talk);
		answer_all(&talk, NULL, NULL);
	}
	ask_well(&talk);
	assert_non_null(strstr(talk.server.heads[0], "message-threads-2026-08-12"));
	assert_string_equal(text_at(&talk, 0, "thread.type"), "create");
	for (int i = 0; i < 3; i++) {
		assert_null(at(asked(&talk, i), "context_management")); /* a thread refuses it */
		assert_in_range(count_breakpoints(asked(&talk, i)), 1, 4);
	}
	assert_string_equal(text_at(&talk, 2, "thread.type"), "continue");
	assert_string_equal(text_at(&talk, 2, "thread.previous_message_id"), "m2");
	assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 2), "messages")), 1);
	assert_string_equal(text_at(&talk, 2, "messages.0.content.0.tool_use_id"), "m2c");
	assert_null(at(asked(&talk, 2), "system"));
	assert_null(at(asked(&talk, 2), "tools"));
	close_talk(&talk);
}

/* Files without a name that this process has open in the folder. */
static int count_unnamed(const char *dir)
{
	int count = 0;
	for (int fd = 0; fd < 64; fd++) {
		char link[40], path[300];
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		const ssize_t len = readlink(link, path, sizeof(path) - 1);
		path[len > 0 ? len : 0] = '\0';
		count += strncmp(path, dir, strlen(dir)) == 0;
	}
	return count;
}

/* After two turns; the request that brings everything again, which the caller owns. dir: of the
 * pictures; NULL: in memory. */
static char *lose_thread(int http_status, const char *body, const char *dir)
{
	const struct reply replies[] = { { .lines = ACT("m1") }, { .lines = ACT("m2") },
		{ http_status, body, NULL }, { .lines = DONE } };
	struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	spec.threads = true;
	open_talk_as(&talk, (struct agent_model_config){ .pictures_dir = dir }, &spec, replies, 4);
	for (int i = 0; i < 2; i++) {
		ask_well(&talk);
		assert_int_equal(dir ? count_unnamed(dir) : 0, dir ? 1 : 0);
		answer_all(&talk, NULL, NULL);
	}
	ask_well(&talk);
	assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 3), "messages")), 5);
	char *last = CUA_STEAL(talk.server.last);
	close_talk(&talk);
	return last;
}

static void a_lost_thread_is_replayed_whole(void **state)
{
	(void)state;
	static const struct {
		int http_status;
		const char *body;
		bool creates;
	} rows[] = {
		{ 404, THREAD_ERROR("thread_not_found"), true },
		{ 400, THREAD_ERROR("thread_already_continued"), true },
		{ 400, THREAD_ERROR("thread_continue_in_flight"), true },
		{ 400, THREAD_ERROR("thread_unsupported_request"), false },
	};
	char dir[] = "/tmp/cua-thread-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/.png", dir); /* the picture has no hash */
	talk_write_image(path);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_FREE char *in_memory =
				lose_thread(rows[i].http_status, rows[i].body, NULL);
		CUA_AUTO_FREE char *on_disk = lose_thread(rows[i].http_status, rows[i].body, dir);
		assert_string_equal(in_memory, on_disk);
		CUA_AUTO_JSON cJSON *whole = cJSON_Parse(on_disk);
		assert_non_null(at(whole, "system"));
		const char *type = cJSON_GetStringValue(at(whole, "thread.type"));
		assert_string_equal(type ? type : "", rows[i].creates ? "create" : "");
	}
	assert_int_equal(count_unnamed(dir), 0);
	assert_int_equal(cua_remove_tree(dir, NULL), CUA_OK);
}

/* A server counts the pictures of a whole thread, and nothing clears them. */
static void a_full_thread_is_begun_anew_without_old_pictures(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = ACT("m1") }, { .lines = ACT("m2") },
		{ .lines = ACT("m3") }, { .lines = DONE } };
	static const char binding[] = "thinking.block_binding.prefix_mismatch_behavior";
	static const struct {
		double max_count, context;
		bool prunes;
	} rows[] = {
		{ 30, 0, false }, { 30, 0, true },
		{ 600, 2 * 30 * 46 * 29, false }, /* by the tokens of 1280x800 */
	};
	char dir[] = "/tmp/cua-thread-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/.png", dir);
	talk_write_image(path);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_spec spec = spec_of("computer_toolset_20260801");
		const char *kept = rows[i].prunes ? "(nothing)" : "drop_block";
		struct talk talk;
		spec.threads = true;
		spec.images.patch = 28;
		spec.images.max_count = rows[i].max_count;
		spec.context = rows[i].context;
		spec.prunes = rows[i].prunes;
		open_talk_as(&talk, (struct agent_model_config){ .pictures_dir = dir }, &spec,
				replies, 4);
		ask_well(&talk);
		answer_all(&talk, NULL, NULL);
		for (int k = 2; k < 30; k++) {
			assert_int_equal(agent_model_add_user(talk.model, "x", &talk_image, NULL),
					CUA_OK);
		}
		ask_well(&talk);
		assert_string_equal(text_at(&talk, 1, "thread.previous_message_id"), "m1");
		assert_string_equal(text_at(&talk, 1, binding), "(nothing)");
		answer_all(&talk, NULL, NULL); /* with the 31st */
		ask_well(&talk);
		assert_string_equal(text_at(&talk, 2, "thread.type"), "create");
		assert_non_null(at(asked(&talk, 2), "system"));
		assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 2), "messages")), 33);
		assert_in_range(count_images(asked(&talk, 2)), 3, 16);
		assert_string_equal(text_at(&talk, 2, binding), kept);
		answer_all(&talk, NULL, NULL);
		ask_well(&talk);
		assert_string_equal(text_at(&talk, 3, "thread.previous_message_id"), "m3");
		assert_int_equal(count_images(asked(&talk, 3)), 1);
		assert_string_equal(text_at(&talk, 3, binding), kept);
		close_talk(&talk);
	}
	assert_int_equal(cua_remove_tree(dir, NULL), CUA_OK);
}

/* --- pauses --- */

#define PAUSED \
	START("m1") \
	SAY("0", THINKING) SAY("1", "{'type':'text','text':'I go on.'}") END("pause_turn")

static void a_paused_turn_is_sent_back_as_it_is(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = PAUSED }, { .lines = ACT("m2") },
		{ .lines = DONE } };
	struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 3);
	ask_well(&talk);
	assert_true(talk.turn.is_paused);
	assert_null(talk.turn.answer);
	assert_string_equal(talk.turn.words, "I go on.");
	ask_well(&talk);
	assert_false(talk.turn.is_paused);
	answer_all(&talk, NULL, NULL);
	ask_well(&talk);
	assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 1), "messages")), 2);
	assert_string_equal(text_at(&talk, 1, "messages.1.role"), "assistant");
	assert_string_equal(text_at(&talk, 1, "messages.1.content.0.signature"), "EqQBA");
	/* Where the request before ended is where the cache is. */
	assert_non_null(at(asked(&talk, 1), "messages.0.content.1.cache_control"));
	assert_non_null(at(asked(&talk, 2), "messages.0.content.1.cache_control"));
	assert_string_equal(text_at(&talk, 2, "messages.3.role"), "user");
	close_talk(&talk);
}

static void a_thread_goes_on_from_a_pause_without_a_word(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = PAUSED }, { .lines = DONE } };
	struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	spec.threads = true;
	open_talk(&talk, &spec, replies, 2);
	ask_well(&talk);
	ask_well(&talk);
	assert_string_equal(text_at(&talk, 1, "thread.previous_message_id"), "m1");
	assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 1), "messages")), 0);
	close_talk(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_requests_are_sent_again),
		cmocka_unit_test(some_failures_are_final),
		cmocka_unit_test(a_cut_answer_is_asked_for_again_with_more_room),
		cmocka_unit_test(a_refusal_ends_the_turn),
		cmocka_unit_test(a_tool_that_is_refused_is_changed_and_said),
		cmocka_unit_test(tools_are_tried_once_each),
		cmocka_unit_test(what_a_server_does_not_know_is_left_out),
		cmocka_unit_test(a_thread_gets_only_what_is_new),
		cmocka_unit_test(a_lost_thread_is_replayed_whole),
		cmocka_unit_test(a_full_thread_is_begun_anew_without_old_pictures),
		cmocka_unit_test(a_paused_turn_is_sent_back_as_it_is),
		cmocka_unit_test(a_thread_goes_on_from_a_pause_without_a_word),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

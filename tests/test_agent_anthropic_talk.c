/* What is sent: requests, results, breakpoints of the cache, pictures. */

#include "tests/anthropic_talk.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"

#define NOT_EXECUTED "Not executed: an earlier computer action in this turn failed."

/* --- requests --- */

static void the_first_request_is_as_documented(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = DONE } };
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 1);
	ask_well(&talk);
	assert_string_equal(talk.turn.answer, "Done.");
	const char *head = talk.server.heads[0];
	assert_non_null(strstr(head, "POST /v1/messages "));
	assert_non_null(strstr(head, "x-api-key: sk-ant-0123456789\r\n"));
	assert_non_null(strstr(head, "anthropic-version: 2023-06-01\r\n"));
	assert_non_null(strstr(head, "anthropic-beta: context-management-2025-06-27\r\n"));
	const cJSON *body = asked(&talk, 0);
	assert_string_equal(text_at(&talk, 0, "model"), "claude-x");
	assert_true(at(body, "max_tokens")->valuedouble >= 1024);
	assert_true(cJSON_IsTrue(at(body, "stream")));
	assert_string_equal(text_at(&talk, 0, "tools.0.type"), "computer_toolset_20260801");
	assert_int_equal(cJSON_GetArraySize(at(body, "tools.0")), 1); /* it refuses the rest */
	assert_null(at(body, "tool_choice"));
	assert_string_equal(text_at(&talk, 0, "thinking.type"), "adaptive");
	assert_string_equal(text_at(&talk, 0, "thinking.display"), "summarized");
	assert_string_equal(text_at(&talk, 0, "system.0.cache_control.type"), "ephemeral");
	assert_non_null(strstr(text_at(&talk, 0, "system.0.text"), "1280x800"));
	assert_string_equal(text_at(&talk, 0, "context_management.edits.0.type"),
			"clear_tool_uses_20250919");
	/* Text first, picture last. */
	assert_string_equal(text_at(&talk, 0, "messages.0.content.0.text"), "Click.");
	assert_string_equal(
			text_at(&talk, 0, "messages.0.content.1.source.data"), talk_image.base64);
	assert_string_equal(
			text_at(&talk, 0, "messages.0.content.1.cache_control.type"), "ephemeral");
	assert_int_equal(count_breakpoints(body), 2);
	close_talk(&talk);
}

static const cJSON *find_tool(const struct talk *talk, const char *name)
{
	const cJSON *tool = NULL;
	cJSON_ArrayForEach (tool, at(asked(talk, 0), "tools")) {
		const char *its = cJSON_GetStringValue(at(tool, "name"));
		if (its && strcmp(its, name) == 0) {
			return tool;
		}
	}
	return NULL;
}

static void each_tool_has_its_own_shape(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = DONE } };
	static const struct {
		const char *tool, *beta, *sent;
		bool zooms, holds;
	} rows[] = {
		{ "computer_20251124", "computer-use-2025-11-24", "computer-use-2025-11-24,", true,
				true },
		{ "computer_20250124", "computer-use-2025-01-24", "computer-use-2025-01-24,", false,
				true },
		{ "computer_20241022", "my-own-beta", "my-own-beta,", false, false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_spec spec = spec_of(rows[i].tool);
		struct talk talk;
		char beta[128];
		snprintf(spec.beta, sizeof(spec.beta), "%s", rows[i].beta);
		snprintf(spec.thinking, sizeof(spec.thinking), "enabled");
		open_talk(&talk, &spec, replies, 1);
		ask_well(&talk);
		snprintf(beta, sizeof(beta), "anthropic-beta: %scontext-management-2025-06-27\r\n",
				rows[i].sent);
		assert_non_null(strstr(talk.server.heads[0], beta));
		const cJSON *tool = find_tool(&talk, "computer");
		assert_string_equal(cJSON_GetStringValue(at(tool, "type")), rows[i].tool);
		assert_int_equal(at(tool, "display_width_px")->valueint, 1280);
		assert_int_equal(at(tool, "display_height_px")->valueint, 800);
		assert_int_equal(at(tool, "enable_zoom") != NULL, rows[i].zooms);
		/* What the tool has is not offered twice. */
		assert_int_equal(find_tool(&talk, "hold_key") == NULL, rows[i].holds);
		assert_null(find_tool(&talk, "bash"));
		assert_null(find_tool(&talk, "str_replace_based_edit_tool"));
		assert_non_null(find_tool(&talk, "give_up"));
		assert_int_equal(at(asked(&talk, 0), "thinking.budget_tokens")->valueint, 4096);
		/* It would shrink a large picture without a word. */
		assert_string_equal(text_at(&talk, 0,
						    "messages.0.content.1.transformations."
						    "oversized_image"),
				"error");
		close_talk(&talk);
	}
}

static void shell_and_editor_are_offered_where_they_can_be_run(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = DONE } };
	static const struct {
		const char *tool, *shell, *editor, *editor_name;
	} rows[] = {
		{ "computer_toolset_20260801", "bash_20250124", "text_editor_20250728",
				"str_replace_based_edit_tool" },
		{ "computer_20250124", "bash_20250124", "text_editor_20250728",
				"str_replace_based_edit_tool" },
		{ "computer_20241022", "bash_20241022", "text_editor_20241022",
				"str_replace_editor" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		CUA_AUTO_JSON cJSON *functions =
				cJSON_Parse("[{\"name\":\"bash\"},{\"name\":\"text_editor\"}]");
		const struct agent_model_config flags = { .functions = functions };
		const struct agent_model_spec spec = spec_of(rows[i].tool);
		struct talk talk;
		open_talk_as(&talk, flags, &spec, replies, 1);
		ask_well(&talk);
		const cJSON *shell = find_tool(&talk, "bash");
		const cJSON *editor = find_tool(&talk, rows[i].editor_name);
		assert_string_equal(cJSON_GetStringValue(at(shell, "type")), rows[i].shell);
		assert_string_equal(cJSON_GetStringValue(at(editor, "type")), rows[i].editor);
		close_talk(&talk);
	}
}

static void a_probe_costs_next_to_nothing(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ .lines = START("m") SAY("0", "{'type':'text','text':'H'}") END("max_tokens") }
	};
	struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	spec.threads = true;
	open_talk_as(&talk, (struct agent_model_config){ .is_probe = true }, &spec, replies, 1);
	ask_well(&talk);
	assert_int_equal(talk.turn.end, AGENT_TURN_CUT);
	assert_int_equal(at(asked(&talk, 0), "max_tokens")->valueint, 1);
	/* model, max_tokens, stream, messages */
	assert_int_equal(cJSON_GetArraySize(asked(&talk, 0)), 4);
	assert_int_equal(count_breakpoints(asked(&talk, 0)), 0);
	assert_null(strstr(talk.server.heads[0], "anthropic-beta"));
	close_talk(&talk);
}

/* --- turns and results --- */

static void turns_go_back_byte_for_byte(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = ACT("m1") }, { .lines = DONE } };
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 2);
	ask_well(&talk);
	answer_all(&talk, NULL, NULL);
	ask_well(&talk);
	assert_non_null(strstr(talk.server.last,
			"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
			"\"thinking\":\"\",\"signature\":\"EqQB\\u0041\",\"n\":1.50},"));
	assert_string_equal(text_at(&talk, 1, "messages.1.role"), "assistant");
	assert_string_equal(text_at(&talk, 1, "messages.1.content.0.signature"), "EqQBA");
	assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 1), "messages.1.content")), 2);
	assert_string_equal(text_at(&talk, 1, "messages.2.content.0.tool_use_id"), "m1c");
	assert_string_equal(text_at(&talk, 1, "messages.2.content.0.toolset_name"), "computer");
	assert_string_equal(text_at(&talk, 1, "messages.2.content.0.content.0.text"), "Clicked.");
	/* No screenshot was asked for: the last result has one. */
	assert_string_equal(text_at(&talk, 1, "messages.2.content.0.content.1.type"), "image");
	close_talk(&talk);
}

/* A turn with five calls whose third fails. */
static void calls_after_a_failure_are_answered_exactly(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ .lines = START("m1") SAY("0", CLICK("a")) SAY("1", SHOT("b")) SAY("2", CLICK("c"))
						SAY("3", SHOT("d")) SAY("4", CLICK("e"))
								END("tool_use") },
		{ .lines = DONE }
	};
	static const enum agent_answer_status statuses[] = { AGENT_ANSWER_OK, AGENT_ANSWER_OK,
		AGENT_ANSWER_FAILED, AGENT_ANSWER_NOT_RUN, AGENT_ANSWER_NOT_RUN };
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 2);
	ask_well(&talk);
	answer_all(&talk, statuses, "A person looked on.");
	ask_well(&talk);
	const cJSON *content = at(asked(&talk, 1), "messages.2.content");
	assert_int_equal(cJSON_GetArraySize(content), 5); /* results alone, in one message */
	for (int i = 0; i < 5; i++) {
		const cJSON *result = cJSON_GetArrayItem(content, i);
		const char id[] = { (char)('a' + i), '\0' };
		assert_string_equal(cJSON_GetStringValue(at(result, "type")), "tool_result");
		assert_string_equal(cJSON_GetStringValue(at(result, "tool_use_id")), id);
		assert_string_equal(cJSON_GetStringValue(at(result, "toolset_name")), "computer");
		assert_int_equal(cJSON_IsTrue(at(result, "is_error")), i >= 2);
	}
	assert_string_equal(text_at(&talk, 1, "messages.2.content.0.content.0.text"), "Clicked.");
	assert_int_equal(cJSON_GetArraySize(at(content, "0.content")), 1);
	assert_string_equal(text_at(&talk, 1, "messages.2.content.1.content.0.type"), "image");
	/* The failure says what failed, and what else is to be known. */
	assert_non_null(strstr(text_at(&talk, 1, "messages.2.content.2.content.0.text"),
			"it did not work"));
	assert_string_equal(text_at(&talk, 1, "messages.2.content.2.content.1.text"),
			"A person looked on.");
	for (int i = 3; i < 5; i++) {
		const cJSON *inner = at(cJSON_GetArrayItem(content, i), "content");
		assert_int_equal(cJSON_GetArraySize(inner), 1);
		assert_string_equal(cJSON_GetStringValue(at(inner, "0.text")), NOT_EXECUTED);
	}
	close_talk(&talk);
}

/* The last call is wrong, so that none was run: the first result must say why, since those
 * behind it cannot. */
static void a_wrong_call_is_named_in_the_first_result(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ .lines = START("m1") SAY("0", CLICK("a")) SAY("1", CLICK("b")) END("tool_use") },
		{ .lines = DONE }
	};
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 2);
	ask_well(&talk);
	const struct agent_answer answers[] = {
		{ .call = &talk.turn.calls[0],
				.status = AGENT_ANSWER_NOT_RUN,
				.problem = "not run",
				.image = &talk_image },
		{ .call = &talk.turn.calls[1],
				.status = AGENT_ANSWER_FAILED,
				.problem = "x is 1280",
				.image = &talk_image },
	};
	assert_int_equal(agent_model_add_answers(talk.model, answers, 2, NULL, NULL), CUA_OK);
	ask_well(&talk);
	assert_string_equal(text_at(&talk, 1, "messages.2.content.0.content.0.text"),
			"not run\nCall 2 of the turn, left_click: x is 1280");
	assert_string_equal(text_at(&talk, 1, "messages.2.content.1.content.0.text"), NOT_EXECUTED);
	close_talk(&talk);
}

/* Functions stand beside the toolset: no mark, and their words are JSON. */
static void functions_are_answered_without_a_mark(void **state)
{
	(void)state;
	static const struct reply replies[] = {
		{ .lines = START("m1") SAY("0", SHOT("a")) SAY("1",
				  "{'type':'tool_use','id':'b','name':'list_windows','input':{}}")
						END("tool_use") },
		{ .lines = DONE }
	};
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 2);
	ask_well(&talk);
	answer_all(&talk, NULL, "Note.");
	ask_well(&talk);
	assert_string_equal(text_at(&talk, 1, "messages.2.content.1.toolset_name"), "(nothing)");
	assert_string_equal(text_at(&talk, 1, "messages.2.content.1.content.0.text"), "{}");
	assert_string_equal(text_at(&talk, 1, "messages.2.content.1.content.1.text"), "Note.");
	/* A screenshot is there already. */
	assert_int_equal(
			cJSON_GetArraySize(at(asked(&talk, 1), "messages.2.content.1.content")), 2);
	close_talk(&talk);
}

/* An answer with nothing in it is not sent back, nor is an empty text: both would be refused. */
static void empty_answers_are_left_out(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = START("m1") END("end_turn") },
		{ .lines = START("m2") SAY("0", "{'type':'text','text':'  '}") SAY("1", THINKING)
						END("end_turn") },
		{ .lines = DONE } };
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 3);
	for (int i = 0; i < 2; i++) {
		ask_well(&talk);
		assert_null(talk.turn.answer);
		assert_int_equal(agent_model_add_user(talk.model, "Go on.", NULL, NULL), CUA_OK);
	}
	ask_well(&talk);
	assert_string_equal(text_at(&talk, 1, "messages.1.content.0.text"), "Go on.");
	assert_string_equal(text_at(&talk, 2, "messages.2.role"), "assistant");
	assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 2), "messages.2.content")), 1);
	close_talk(&talk);
}

/* --- the cache --- */

/* Breakpoints move behind what is new and stay where the last request ended; nothing else of
 * what was sent changes. */
static void the_prefix_stays_and_is_marked_where_it_ended(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = ACT("m1") }, { .lines = ACT("m2") },
		{ .lines = ACT("m3") }, { .lines = DONE } };
	const struct agent_model_spec spec = spec_of("computer_toolset_20260801");
	struct talk talk;
	open_talk(&talk, &spec, replies, 4);
	for (int i = 0; i < 3; i++) {
		ask_well(&talk);
		answer_all(&talk, NULL, NULL);
	}
	ask_well(&talk);
	for (int i = 0; i < 4; i++) {
		const cJSON *body = asked(&talk, i), *messages = at(body, "messages");
		int count = cJSON_GetArraySize(messages);
		assert_int_equal(count, 1 + 2 * i);
		assert_int_equal(count_breakpoints(body), i == 0 ? 2 : 3);
		assert_int_equal(count_breakpoints(cJSON_GetArrayItem(messages, count - 1)), 1);
		if (i > 0) {
			assert_int_equal(count_breakpoints(cJSON_GetArrayItem(messages, count - 3)),
					1);
			assert_true(cJSON_Compare(at(body, "system"),
					at(asked(&talk, i - 1), "system"), true));
			assert_true(cJSON_Compare(
					at(body, "tools"), at(asked(&talk, i - 1), "tools"), true));
		}
	}
	close_talk(&talk);
}

/* --- pictures --- */

static void pictures_that_would_be_shrunk_are_not_sent(void **state)
{
	(void)state;
	static const struct {
		int width, height;
		double max_side, max_patches, many_max_side;
		bool fits;
	} rows[] = {
		{ 1280, 800, 1568, 1568, 2000, true },
		{ 1366, 768, 1568, 1568, 2000, true },
		{ 1440, 900, 1568, 1568, 2000, false }, /* by its patches */
		{ 1440, 900, 2576, 4784, 2000, true },
		{ 1920, 1080, 2576, 4784, 2000, true },
		{ 1560, 100, 1568, 1568, 2000, true },
		{ 1569, 100, 1568, 1568, 2000, false },
		{ 2560, 1440, 2576, 4784, 0, true },
		{ 2560, 1440, 2576, 4784, 2000, false }, /* by the 21st */
		{ 2000, 1500, 2576, 4784, 2000, true },
		{ 3840, 2160, 2576, 4784, 0, false },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_spec spec = spec_of("computer_toolset_20260801");
		struct talk talk;
		spec.images = (struct agent_image_limits){ .patch = 28,
			.max_side = rows[i].max_side,
			.max_patches = rows[i].max_patches,
			.many_max_side = rows[i].many_max_side };
		struct agent_image picture = talk_image;
		picture.width = rows[i].width;
		picture.height = rows[i].height;
		open_talk(&talk, &spec, NULL, 0);
		struct cua_error why = { 0 };
		enum cua_status status = agent_model_add_user(talk.model, "x", &picture, &why);
		if (rows[i].fits) {
			assert_int_equal(status, CUA_OK);
		} else {
			assert_int_equal(status, CUA_ERR_INVAL);
			assert_non_null(strstr(why.msg, "smaller"));
		}
		close_talk(&talk);
	}
}

static void open_long_talk(struct talk *talk, const struct agent_model_spec *spec,
		const struct reply *replies, size_t count)
{
	open_talk(talk, spec, replies, count);
	for (int i = 0; i < 39; i++) {
		assert_int_equal(agent_model_add_user(talk->model, "x", &talk_image, NULL), CUA_OK);
	}
}

/* Many at once, so that the cache holds in between. */
static void old_pictures_go_where_that_is_permitted(void **state)
{
	(void)state;
	static const struct reply replies[] = { { .lines = DONE } };
	for (int prunes = 0; prunes < 2; prunes++) {
		struct agent_model_spec spec = spec_of("computer_20250124");
		struct talk talk;
		spec.images.max_count = 30;
		spec.prunes = prunes;
		open_long_talk(&talk, &spec, replies, 1);
		ask_well(&talk);
		assert_int_equal(count_images(asked(&talk, 0)), 15);
		assert_string_equal(text_at(&talk, 0, "messages.24.content.1.type"), "text");
		assert_string_equal(text_at(&talk, 0, "messages.25.content.1.type"), "image");
		/* Where thoughts are bound to what is gone, the server is told to drop them. */
		assert_string_equal(text_at(&talk, 0,
						    "thinking.block_binding.prefix_mismatch_"
						    "behavior"),
				prunes ? "(nothing)" : "drop_block");
		assert_int_equal(strstr(talk.server.heads[0], "thinking-binding-controls") == NULL,
				prunes);
		close_talk(&talk);
	}
}

static void bound_pictures_stay(void **state)
{
	(void)state;
	static const struct reply replies[] = { { 400,
			ERROR("invalid_request_error",
					"thinking.adaptive.block_binding: Extra inputs are not "
					"permitted"),
			NULL } };
	for (int asks = 0; asks < 2; asks++) {
		struct agent_model_spec spec = spec_of("computer_toolset_20260801");
		struct talk talk;
		spec.images.max_count = 30;
		spec.thinking[0] = asks ? spec.thinking[0] : '\0';
		open_long_talk(&talk, &spec, replies, (size_t)asks);
		assert_int_equal(ask(&talk), CUA_ERR_MODEL);
		assert_non_null(strstr(talk.why.msg, "40 pictures"));
		close_talk(&talk);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_request_is_as_documented),
		cmocka_unit_test(each_tool_has_its_own_shape),
		cmocka_unit_test(shell_and_editor_are_offered_where_they_can_be_run),
		cmocka_unit_test(a_probe_costs_next_to_nothing),
		cmocka_unit_test(turns_go_back_byte_for_byte),
		cmocka_unit_test(calls_after_a_failure_are_answered_exactly),
		cmocka_unit_test(a_wrong_call_is_named_in_the_first_result),
		cmocka_unit_test(functions_are_answered_without_a_mark),
		cmocka_unit_test(empty_answers_are_left_out),
		cmocka_unit_test(the_prefix_stays_and_is_marked_where_it_ended),
		cmocka_unit_test(pictures_that_would_be_shrunk_are_not_sent),
		cmocka_unit_test(old_pictures_go_where_that_is_permitted),
		cmocka_unit_test(bound_pictures_stay),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

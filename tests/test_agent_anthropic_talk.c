#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "agent/model/model.h"
#include "cua/base/util.h"
#include "tests/test_agent_fake.h"

/* What is sent, and what is done about the answers of a server. JSON is written with ' for ". */

#define NOT_EXECUTED "Not executed: an earlier computer action in this turn failed."

#define SAY(index, block) \
	"{'type':'content_block_start','index':" index ",'content_block':" block "}\n" \
	"{'type':'content_block_stop','index':" index "}\n"
#define END(reason) \
	"{'type':'message_delta','delta':{'stop_reason':'" reason "'}}\n{'type':'message_stop'}\n"
#define START(id) "{'type':'message_start','message':{'id':'" id "'}}\n"
#define DONE START("msg_9") SAY("0", "{'type':'text','text':'Done.'}") END("end_turn")
#define ERROR(type, message) \
	"{'type':'error','error':{'type':'" type "','message':'" message "'},'request_id':'r'}"
#define THREAD_ERROR(code) \
	"{'type':'error','error':{'type':'invalid_request_error','message':'No.','details':{" \
	"'error_code':'" code "'}}}"

/* A turn with thinking whose bytes cJSON would not print again. */
#define THINKING "{'type':'thinking','thinking':'','signature':'EqQB\\u0041','n':1.50}"
#define CLICK(id) \
	"{'type':'tool_use','id':'" id "','name':'left_click','toolset_name':'computer','input':" \
	"{'coordinate':[1,2]}}"
#define SHOT(id) \
	"{'type':'tool_use','id':'" id "','name':'screenshot','toolset_name':'computer'," \
	"'input':{}}"
#define ACT(id) START(id) SAY("0", THINKING) SAY("1", CLICK(id "c")) END("tool_use")

struct reply {
	int http_status;   /* 0: 200 with a stream */
	const char *lines; /* events; of another status the body */
	const char *headers;
};

struct server {
	const struct reply *replies;
	size_t count, at;
	cJSON *asked; /* bodies, parsed */
	char *last;   /* owned; the last body, as it came */
	char heads[8][2048];
};

static void put(struct cua_buffer *to, const char *text, const char *before, const char *after)
{
	CUA_AUTO_FREE char *copy = strdup(text);
	for (char *at = copy; *at; at++) {
		*at = *at == '\'' ? '"' : *at;
	}
	for (char *rest = NULL, *line = strtok_r(copy, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		assert_int_equal(
				cua_buffer_printf(to, NULL, "%s%s%s", before, line, after), CUA_OK);
	}
}

static void answer(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct server *server = user_data;
	const struct reply *next = &server->replies[server->at];
	assert_true(server->at < server->count && server->at < CUA_ARRAY_LEN(server->heads));
	snprintf(server->heads[server->at], sizeof(server->heads[0]), "%s", request->head);
	cJSON_AddItemToArray(server->asked, cJSON_Parse(request->body));
	server->at++;
	free(server->last);
	server->last = strdup(request->body);
	reply->http_status = next->http_status ? next->http_status : 200;
	reply->content_type = next->http_status ? "application/json" : "text/event-stream";
	snprintf(reply->headers, sizeof(reply->headers), "%s", next->headers ? next->headers : "");
	put(&reply->body, next->lines,
			next->http_status ? "" : "data: ", next->http_status ? "" : "\n\n");
}

/* A conversation with a server that answers so. */
struct talk {
	struct server server;
	struct fake_server *fake;
	struct agent_model *model;
	struct agent_model_spec spec;
	struct agent_turn turn;
	char said[1000]; /* why something was sent again */
	struct cua_error why;
};

static void on_retry(const char *why, int attempt, double delay_ms, void *user_data)
{
	struct talk *talk = user_data;
	(void)attempt;
	(void)delay_ms;
	size_t used = strlen(talk->said);
	snprintf(talk->said + used, sizeof(talk->said) - used, "%s\n", why);
}

static struct agent_model_spec spec_of(const char *tool)
{
	struct agent_model_spec spec = agent_model_spec_unknown;
	snprintf(spec.tool, sizeof(spec.tool), "%s", tool);
	snprintf(spec.thinking, sizeof(spec.thinking), "adaptive");
	return spec;
}

static char base64[] = "iVBORw0KGgo=";
static const struct agent_image image = {
	.base64 = base64, .media_type = "image/png", .width = 1280, .height = 800
};

/* flags: a configuration of which only these are looked at. */
static void open_talk_as(struct talk *talk, struct agent_model_config flags,
		const struct agent_model_spec *spec, const struct reply *replies, size_t count)
{
	char url[64];
	*talk = (struct talk){ .spec = *spec,
		.server = { .replies = replies, .count = count, .asked = cJSON_CreateArray() } };
	talk->fake = fake_server_start(NULL, answer, &talk->server);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", fake_server_port(talk->fake));
	struct agent_model_config config = { .api = "anthropic",
		.model = "claude-x",
		.base_url = url,
		.api_key = "sk-ant-0123456789",
		.spec = &talk->spec,
		.is_probe = flags.is_probe,
		.has_shell = flags.has_shell,
		.has_editor = flags.has_editor,
		.session = "run-1",
		.screen = { 1280, 800 },
		.cancel_fd = -1,
		.retries_max = 3,
		.on_retry = on_retry,
		.user_data = talk };
	assert_int_equal(agent_model_create(&config, &talk->model, NULL), CUA_OK);
	assert_int_equal(agent_model_add_user(talk->model, "Click.", &image, NULL), CUA_OK);
}

static void open_talk(struct talk *talk, const struct agent_model_spec *spec,
		const struct reply *replies, size_t count)
{
	open_talk_as(talk, (struct agent_model_config){ 0 }, spec, replies, count);
}

static enum cua_status ask(struct talk *talk)
{
	agent_turn_finish(&talk->turn);
	talk->why = (struct cua_error){ 0 };
	return agent_model_ask(talk->model, cua_now_us() + 20000000, &talk->turn, &talk->why);
}

static void ask_well(struct talk *talk)
{
	if (ask(talk) != CUA_OK) {
		fail_msg("%s", talk->why.msg);
	}
}

static void close_talk(struct talk *talk)
{
	agent_turn_finish(&talk->turn);
	agent_model_destroy(talk->model);
	fake_server_stop(talk->fake);
	assert_int_equal(talk->server.at, talk->server.count);
	cJSON_Delete(talk->server.asked);
	free(talk->server.last);
}

/* statuses: one for each call of the last turn. */
static void answer_all(
		struct talk *talk, const enum agent_answer_status *statuses, const char *note)
{
	struct agent_answer answers[8] = { 0 };
	const struct agent_turn *turn = &talk->turn;
	assert_in_range(turn->call_count, 1, CUA_ARRAY_LEN(answers));
	for (size_t i = 0; i < turn->call_count; i++) {
		enum agent_answer_status status = statuses ? statuses[i] : AGENT_ANSWER_OK;
		answers[i] = (struct agent_answer){ .call = &turn->calls[i],
			.status = status,
			.problem = status == AGENT_ANSWER_OK ? NULL : "it did not work",
			.image = &image };
	}
	assert_int_equal(
			agent_model_add_answers(talk->model, answers, turn->call_count, note, NULL),
			CUA_OK);
}

/* "messages.2.content.0.text" of a body. */
static const cJSON *at(const cJSON *json, const char *path)
{
	char name[64];
	while (*path) {
		size_t len = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(name))
					   : cJSON_GetObjectItemCaseSensitive(json, name);
		path += path[len] ? len + 1 : len;
	}
	return json;
}

static const cJSON *asked(const struct talk *talk, int request)
{
	return cJSON_GetArrayItem(talk->server.asked, request);
}

static const char *text_at(const struct talk *talk, int request, const char *path)
{
	const char *text = cJSON_GetStringValue(at(asked(talk, request), path));
	return text ? text : "(nothing)";
}

static int count_breakpoints(const cJSON *json)
{
	int count = json->string && strcmp(json->string, "cache_control") == 0;
	for (const cJSON *child = json->child; child; child = child->next) {
		count += count_breakpoints(child);
	}
	return count;
}

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
	assert_string_equal(text_at(&talk, 0, "messages.0.content.1.source.data"), base64);
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
		const struct agent_model_config flags = { .has_shell = true, .has_editor = true };
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
				.image = &image },
		{ .call = &talk.turn.calls[1],
				.status = AGENT_ANSWER_FAILED,
				.problem = "x is 1280",
				.image = &image },
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
		struct agent_image picture = image;
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

static int count_images(const cJSON *json)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "type"));
	int count = type && strcmp(type, "image") == 0;
	for (const cJSON *child = json->child; child; child = child->next) {
		count += count_images(child);
	}
	return count;
}

static void open_long_talk(struct talk *talk, const struct agent_model_spec *spec,
		const struct reply *replies, size_t count)
{
	open_talk(talk, spec, replies, count);
	for (int i = 0; i < 39; i++) {
		assert_int_equal(agent_model_add_user(talk->model, "x", &image, NULL), CUA_OK);
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
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		const struct reply replies[] = { { .lines = ACT("m1") },
			{ rows[i].http_status, rows[i].body, NULL }, { .lines = DONE } };
		struct agent_model_spec spec = spec_of("computer_toolset_20260801");
		struct talk talk;
		spec.threads = true;
		open_talk(&talk, &spec, replies, 3);
		ask_well(&talk);
		answer_all(&talk, NULL, NULL);
		ask_well(&talk);
		assert_int_equal(cJSON_GetArraySize(at(asked(&talk, 2), "messages")), 3);
		assert_non_null(at(asked(&talk, 2), "system"));
		assert_string_equal(text_at(&talk, 2, "thread.type"),
				rows[i].creates ? "create" : "(nothing)");
		close_talk(&talk);
	}
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
		cmocka_unit_test(failed_requests_are_sent_again),
		cmocka_unit_test(some_failures_are_final),
		cmocka_unit_test(a_cut_answer_is_asked_for_again_with_more_room),
		cmocka_unit_test(a_refusal_ends_the_turn),
		cmocka_unit_test(a_tool_that_is_refused_is_changed_and_said),
		cmocka_unit_test(tools_are_tried_once_each),
		cmocka_unit_test(what_a_server_does_not_know_is_left_out),
		cmocka_unit_test(a_thread_gets_only_what_is_new),
		cmocka_unit_test(a_lost_thread_is_replayed_whole),
		cmocka_unit_test(a_paused_turn_is_sent_back_as_it_is),
		cmocka_unit_test(a_thread_goes_on_from_a_pause_without_a_word),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

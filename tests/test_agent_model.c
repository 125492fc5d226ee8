#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/model/model.h"
#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/test_agent_fake.h"

/* Whatever the API: what agent/model/model.h promises. */

struct server {
	const char *reply; /* the next one */
	bool never_ends;
	cJSON *asked; /* bodies, as strings: their bytes count */
};

static void answer(const struct fake_request *request, struct fake_reply *reply, void *user_data)
{
	struct server *server = user_data;
	cJSON_AddItemToArray(server->asked, cJSON_CreateString(request->body));
	reply->content_type = "text/event-stream";
	reply->never_ends = server->never_ends;
	assert_int_equal(cua_buffer_printf(&reply->body, NULL, "%s", server->reply), CUA_OK);
}

static const char *asked(const struct server *server, int request)
{
	return cJSON_GetStringValue(cJSON_GetArrayItem(server->asked, request));
}

static const char instructions[] = "Use \"short\" words.";

static struct agent_model *open_model_with(const char *api, int port, const char *pictures_dir)
{
	char url[64];
	struct agent_model *model = NULL;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", port);
	struct agent_model_config config = { .api = api,
		.model = "m",
		.base_url = url,
		.session = "run-1",
		.instructions = instructions,
		.screen = { 1280, 800 },
		.pictures_dir = pictures_dir,
		.cancel_fd = -1 };
	assert_int_equal(agent_model_create(&config, &model, NULL), CUA_OK);
	return model;
}

static struct agent_model *open_model(const char *api, int port)
{
	return open_model_with(api, port, NULL);
}

static char base64[] = "iVBORw0KGgo=";
static const struct agent_image image = {
	.base64 = base64, .media_type = "image/png", .width = 1280, .height = 800
};

static void answer_calls(struct agent_model *model, const struct agent_turn *turn)
{
	struct agent_answer answers[4] = { 0 };
	assert_in_range(turn->call_count, 1, CUA_ARRAY_LEN(answers));
	for (size_t i = 0; i < turn->call_count; i++) {
		answers[i] = (struct agent_answer){ .call = &turn->calls[i],
			.status = i == 0 ? AGENT_ANSWER_OK : AGENT_ANSWER_FAILED,
			.problem = i == 0 ? NULL : "it did not work",
			.image = &image };
	}
	assert_int_equal(agent_model_add_answers(model, answers, turn->call_count,
					 "A person looked on.", NULL),
			CUA_OK);
}

static void ask(struct agent_model *model, struct agent_turn *ret_turn)
{
	struct cua_error why = { 0 };
	if (agent_model_ask(model, cua_now_us() + 20000000, ret_turn, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
}

/* A turn with two calls, then one that is done, in each API's spelling. */
static const struct {
	const char *api, *calls, *done;
} scripts[] = {
	{ "responses",
			"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
			"\"reasoning\", "
			"\"id\":\"rs\",\"summary\":[],\"big\":12345678901234567890}}\n\n"
			"data: "
			"{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"computer_"
			"call\",\"call_id\":\"c1\",\"status\":\"completed\",\"actions\":[{\"type\":"
			"\"wait\"}]}}\n\n"
			"data: "
			"{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_"
			"call\",\"call_id\":\"c2\",\"name\":\"list_windows\",\"arguments\":\"{}\"}}"
			"\n\n"
			"data: "
			"{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}"
			"\n\n",
			"data: "
			"{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\","
			"\"content\":[{\"type\":\"output_text\",\"text\":\"Done.\"}]}}\n\n"
			"data: "
			"{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}"
			"\n\n" },
	{ "gemini",
			"data: "
			"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"So.\",\"thought\":"
			"true,\"big\":12345678901234567890},{\"functionCall\":{\"name\":\"wait\"},"
			"\"thoughtSignature\":\"CiQB\"},{\"functionCall\":{\"id\":\"c2\",\"name\":"
			"\"list_windows\",\"args\":{}}}]},\"finishReason\":\"STOP\"}]}\n\n",
			"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Done.\"}]},"
			"\"finishReason\":\"STOP\"}]}\n\n" },
	{ "chat",
			"data: {\"choices\":[{\"delta\":{\"content\":\"So.\",\"reasoning\":\"Hm.\","
			"\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":"
			"\"computer\",\"arguments\":{\"action\":\"wait\",\"duration_ms\":1}}},"
			"{\"index\":1,\"function\":{\"name\":\"list_windows\",\"arguments\":\"\"}}"
			"]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
			"data: {\"choices\":[{\"delta\":{\"content\":\"Done.\"},"
			"\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n" },
	{ "anthropic",
			"data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
			"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\",\"big\":"
			"12345678901234567890}}\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
			"\"signature_delta\",\"signature\":\"EqQB\\u0041\"}}\n\n"
			"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":"
			"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"wait\","
			"\"toolset_name\":\"computer\",\"input\":{}}}\n\n"
			"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
			"\"input_json_delta\",\"partial_json\":\"{\\\"duration\\\":1}\"}}\n\n"
			"data: {\"type\":\"content_block_stop\",\"index\":1}\n\n"
			"data: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":"
			"{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"list_windows\","
			"\"input\":{}}}\n\n"
			"data: {\"type\":\"content_block_stop\",\"index\":2}\n\n"
			"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
			"\"tool_use\"}}\n\n"
			"data: {\"type\":\"message_stop\"}\n\n",
			"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
			"{\"type\":\"text\",\"text\":\"Done.\"}}\n\n"
			"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
			"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
			"\"end_turn\"}}\n\n"
			"data: {\"type\":\"message_stop\"}\n\n" },
};

static void check_rebuilding(const char *api, const char *calls, const char *done)
{
	struct server server = { .reply = calls, .asked = cJSON_CreateArray() };
	struct fake_server *fake = fake_server_start(NULL, answer, &server);
	struct agent_model *first = open_model(api, fake_server_port(fake));
	struct agent_model *second = open_model(api, fake_server_port(fake));
	struct agent_turn turn, restored, last;

	assert_int_equal(agent_model_add_user(first, "Wait.", &image, NULL), CUA_OK);
	ask(first, &turn);
	answer_calls(first, &turn);
	server.reply = done;
	ask(first, &last);
	assert_string_equal(last.answer, "Done.");
	agent_turn_finish(&last);

	assert_int_equal(agent_model_add_user(second, "Wait.", &image, NULL), CUA_OK);
	assert_int_equal(agent_model_restore_turn(second, turn.raw, &restored, NULL), CUA_OK);
	assert_string_equal(restored.raw, turn.raw);
	assert_int_equal(restored.call_count, turn.call_count);
	answer_calls(second, &restored);
	ask(second, &last);
	agent_turn_finish(&last);

	fake_server_stop(fake);
	assert_int_equal(cJSON_GetArraySize(server.asked), 3);
	assert_string_equal(asked(&server, 2), asked(&server, 1));
	assert_true(strlen(asked(&server, 1)) > strlen(asked(&server, 0)));
	agent_turn_finish(&turn);
	agent_turn_finish(&restored);
	agent_model_destroy(first);
	agent_model_destroy(second);
	cJSON_Delete(server.asked);
}

static void a_rebuilt_conversation_asks_with_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; agent_model_api_name(i); i++) {
		size_t at = 0;
		while (at < CUA_ARRAY_LEN(scripts) &&
				strcmp(scripts[at].api, agent_model_api_name(i)) != 0) {
			at++;
		}
		assert_true(at < CUA_ARRAY_LEN(scripts)); /* each API has a script here */
		check_rebuilding(scripts[at].api, scripts[at].calls, scripts[at].done);
	}
}

/* Behind those of every model, in each request. */
static void instructions_of_the_user_are_sent_with_each_request(void **state)
{
	(void)state;
	static const struct {
		const char *api, *path[3];
	} places[] = { { "responses", { "instructions" } },
		{ "chat", { "messages", NULL, "content" } },
		{ "anthropic", { "system", NULL, "text" } },
		{ "gemini", { "systemInstruction", "parts", NULL } } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(scripts); i++) {
		struct server server = { .reply = scripts[i].done, .asked = cJSON_CreateArray() };
		struct fake_server *fake = fake_server_start(NULL, answer, &server);
		struct agent_model *model = open_model(scripts[i].api, fake_server_port(fake));
		struct agent_turn turn;
		assert_int_equal(agent_model_add_user(model, "Wait.", NULL, NULL), CUA_OK);
		ask(model, &turn);
		agent_turn_finish(&turn);
		agent_model_destroy(model);
		fake_server_stop(fake);
		size_t at = 0;
		while (strcmp(places[at].api, scripts[i].api) != 0) {
			assert_true(++at < CUA_ARRAY_LEN(places)); /* each API has a place here */
		}
		CUA_AUTO_JSON cJSON *body = cJSON_Parse(asked(&server, 0));
		const cJSON *value = body;
		for (size_t k = 0; k < 3 && !cJSON_IsString(value); k++) {
			value = cJSON_IsArray(value)
					? value->child
					: cJSON_GetObjectItem(value, places[at].path[k]);
		}
		value = cJSON_IsObject(value) ? cJSON_GetObjectItem(value, "text") : value;
		const char *text = cJSON_GetStringValue(value);
		assert_non_null(text);
		assert_true(strlen(text) > sizeof(instructions) + 100);
		assert_string_equal(text + strlen(text) - strlen(instructions), instructions);
		assert_memory_equal(text, "You operate", 11);
		cJSON_Delete(server.asked);
	}
}

/* How many connections two turns take. */
static int connections_of_two_turns(size_t script, bool never_ends)
{
	struct server server = { .reply = scripts[script].done,
		.never_ends = never_ends,
		.asked = cJSON_CreateArray() };
	struct fake_server *fake = fake_server_start(NULL, answer, &server);
	struct agent_model *model = open_model(scripts[script].api, fake_server_port(fake));
	for (int i = 0; i < 2; i++) {
		struct agent_turn turn;
		assert_int_equal(agent_model_add_user(model, "Wait.", NULL, NULL), CUA_OK);
		ask(model, &turn);
		assert_string_equal(turn.answer, "Done.");
		assert_int_equal(turn.retries, 0);
		agent_turn_finish(&turn);
	}
	const int connections = fake_server_connections(fake);
	agent_model_destroy(model);
	fake_server_stop(fake);
	cJSON_Delete(server.asked);
	return connections;
}

static void a_streamed_answer_leaves_the_connection_for_the_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(scripts); i++) {
		assert_int_equal(connections_of_two_turns(i, false), 1);
		/* Nor does a server that says all and does not end keep the turn waiting. */
		assert_int_equal(connections_of_two_turns(i, true), 2);
	}
}

static int count(const char *text, const char *word)
{
	int found = 0;
	for (const char *at = text; (at = strstr(at, word)); at += strlen(word)) {
		found++;
	}
	return found;
}

static void write_picture(const char *dir, const char *bytes, size_t len)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/abc.png", dir);
	assert_int_equal(cua_file_write(path, bytes, len, 0600, NULL), CUA_OK);
}

/* And a text that looks like a mark is a text. */
static void check_pictures_on_disk(const char *api, const char *dir)
{
	struct server server = { .asked = cJSON_CreateArray() };
	struct fake_server *fake = fake_server_start(NULL, answer, &server);
	struct agent_model *model = open_model_with(api, fake_server_port(fake), dir);
	struct agent_image filed = image;
	struct agent_turn turn;
	struct cua_error why = { 0 };
	snprintf(filed.sha256, sizeof(filed.sha256), "abc");
	for (size_t i = 0; i < CUA_ARRAY_LEN(scripts); i++) {
		server.reply = strcmp(scripts[i].api, api) == 0 ? scripts[i].done : server.reply;
	}
	write_picture(dir, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(agent_model_add_user(model, "cua-picture-0-00000000", &filed, NULL),
			CUA_OK);
	ask(model, &turn);
	agent_turn_finish(&turn);
	/* Nothing of it was kept: other bytes in the file are other bytes in the next request. */
	write_picture(dir, "others!!", 8);
	assert_int_equal(agent_model_add_user(model, "And now?", &filed, NULL), CUA_OK);
	ask(model, &turn);
	agent_turn_finish(&turn);
	/* One that is not what it was told as is not sent. */
	write_picture(dir, "longer than that", 16);
	assert_int_equal(agent_model_ask(model, cua_now_us() + 20000000, &turn, &why),
			CUA_ERR_NOT_FOUND);
	assert_non_null(strstr(why.msg, "abc.png"));
	agent_model_destroy(model);
	fake_server_stop(fake);
	assert_int_equal(cJSON_GetArraySize(server.asked), 2);
	assert_int_equal(count(asked(&server, 0), base64), 1);
	assert_int_equal(count(asked(&server, 0), "cua-picture-"), 1);
	assert_int_equal(count(asked(&server, 1), "b3RoZXJzISE="), 2);
	cJSON_Delete(server.asked);
}

static void pictures_are_read_from_their_folder_for_each_request(void **state)
{
	(void)state;
	char dir[] = "/tmp/cua-pictures-XXXXXX";
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; agent_model_api_name(i); i++) {
		check_pictures_on_disk(agent_model_api_name(i), dir);
	}
	assert_int_equal(cua_remove_tree(dir, NULL), CUA_OK);
}

#define LARGE ((size_t)256 << 10) /* a picture */

/* What the screen showed does not stay in memory. A sanitizer's allocator tells nothing. */
static void a_conversation_does_not_grow_by_its_pictures(void **state)
{
	(void)state;
	char dir[] = "/tmp/cua-test-model-XXXXXX";
	CUA_AUTO_FREE unsigned char *bytes = calloc(1, LARGE);
	CUA_AUTO_FREE char *text = malloc(LARGE * 2);
	assert_true(bytes && text && mkdtemp(dir));
	memset(text, 'A', LARGE * 2 - 1);
	text[LARGE * 2 - 1] = '\0';
	struct agent_image large = image;
	large.base64 = text;
	large.bytes = bytes;
	large.len = LARGE;
	const char *api = NULL;
	for (size_t i = 0; (api = agent_model_api_name(i)); i++) {
		struct agent_model *model = open_model_with(api, 1, dir);
		const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
		for (int told = 0; told < 16; told++) {
			assert_int_equal(
					agent_model_add_user(model, "Look.", &large, NULL), CUA_OK);
		}
		assert_true(mallinfo2().uordblks + mallinfo2().hblkhd - before < LARGE);
		agent_model_destroy(model);
	}
	assert_int_equal(rmdir(dir), 0);
}

static void what_is_no_turn_is_not_restored(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "{}", "[", "[{}]", "[]x" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model *model = open_model("responses", 1);
		struct agent_turn turn;
		struct cua_error why = { 0 };
		assert_int_equal(agent_model_restore_turn(model, rows[i], &turn, &why),
				CUA_ERR_MODEL);
		assert_true(why.msg[0]);
		agent_model_destroy(model);
	}
}

static void an_unknown_api_is_named(void **state)
{
	(void)state;
	struct agent_model *model = NULL;
	struct cua_error why = { 0 };
	const struct agent_model_config config = { .api = "telepathy" };
	assert_int_equal(agent_model_create(&config, &model, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "telepathy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rebuilt_conversation_asks_with_the_same_bytes),
		cmocka_unit_test(instructions_of_the_user_are_sent_with_each_request),
		cmocka_unit_test(a_streamed_answer_leaves_the_connection_for_the_next),
		cmocka_unit_test(pictures_are_read_from_their_folder_for_each_request),
		cmocka_unit_test(a_conversation_does_not_grow_by_its_pictures),
		cmocka_unit_test(what_is_no_turn_is_not_restored),
		cmocka_unit_test(an_unknown_api_is_named),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

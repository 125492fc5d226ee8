#include "tests/anthropic_talk.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

static char base64[] = "iVBORw0KGgo=";
const struct agent_image talk_image = {
	.base64 = base64, .media_type = "image/png", .width = 1280, .height = 800
};

void talk_write_image(const char *path)
{
	unsigned char bytes[256];
	size_t len = 0;
	assert_int_equal(sodium_base642bin(bytes, sizeof(bytes), base64, strlen(base64), NULL, &len,
					 NULL, sodium_base64_VARIANT_ORIGINAL),
			0);
	assert_int_equal(cua_file_write(path, bytes, len, 0600, NULL), CUA_OK);
}

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

static void on_retry(const char *why, int attempt, double delay_ms, void *user_data)
{
	struct talk *talk = user_data;
	(void)attempt;
	(void)delay_ms;
	size_t used = strlen(talk->said);
	snprintf(talk->said + used, sizeof(talk->said) - used, "%s\n", why);
}

struct agent_model_spec spec_of(const char *tool)
{
	struct agent_model_spec spec = agent_model_spec_unknown;
	snprintf(spec.tool, sizeof(spec.tool), "%s", tool);
	snprintf(spec.thinking, sizeof(spec.thinking), "adaptive");
	return spec;
}

void open_talk_as(struct talk *talk, struct agent_model_config flags,
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
		.functions = flags.functions,
		.pictures_dir = flags.pictures_dir,
		.session = "run-1",
		.screen = { 1280, 800 },
		.cancel_fd = -1,
		.retries_max = 3,
		.on_retry = on_retry,
		.user_data = talk };
	assert_int_equal(agent_model_create(&config, &talk->model, NULL), CUA_OK);
	assert_int_equal(agent_model_add_user(talk->model, "Click.", &talk_image, NULL), CUA_OK);
}

void open_talk(struct talk *talk, const struct agent_model_spec *spec, const struct reply *replies,
		size_t count)
{
	open_talk_as(talk, (struct agent_model_config){ 0 }, spec, replies, count);
}

enum cua_status ask(struct talk *talk)
{
	agent_turn_finish(&talk->turn);
	talk->why = (struct cua_error){ 0 };
	return agent_model_ask(talk->model, cua_now_us() + 20000000, &talk->turn, &talk->why);
}

void ask_well(struct talk *talk)
{
	if (ask(talk) != CUA_OK) {
		fail_msg("%s", talk->why.msg);
	}
}

void close_talk(struct talk *talk)
{
	agent_turn_finish(&talk->turn);
	agent_model_destroy(talk->model);
	fake_server_stop(talk->fake);
	assert_int_equal(talk->server.at, talk->server.count);
	cJSON_Delete(talk->server.asked);
	free(talk->server.last);
}

void answer_all(struct talk *talk, const enum agent_answer_status *statuses, const char *note)
{
	struct agent_answer answers[8] = { 0 };
	const struct agent_turn *turn = &talk->turn;
	assert_in_range(turn->call_count, 1, CUA_ARRAY_LEN(answers));
	for (size_t i = 0; i < turn->call_count; i++) {
		enum agent_answer_status status = statuses ? statuses[i] : AGENT_ANSWER_OK;
		answers[i] = (struct agent_answer){ .call = &turn->calls[i],
			.status = status,
			.problem = status == AGENT_ANSWER_OK ? NULL : "it did not work",
			.image = &talk_image };
	}
	assert_int_equal(
			agent_model_add_answers(talk->model, answers, turn->call_count, note, NULL),
			CUA_OK);
}

const cJSON *at(const cJSON *json, const char *path)
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

const cJSON *asked(const struct talk *talk, int request)
{
	return cJSON_GetArrayItem(talk->server.asked, request);
}

const char *text_at(const struct talk *talk, int request, const char *path)
{
	const char *text = cJSON_GetStringValue(at(asked(talk, request), path));
	return text ? text : "(nothing)";
}

int count_breakpoints(const cJSON *json)
{
	int count = json->string && strcmp(json->string, "cache_control") == 0;
	for (const cJSON *child = json->child; child; child = child->next) {
		count += count_breakpoints(child);
	}
	return count;
}

int count_images(const cJSON *json)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "type"));
	int count = type && strcmp(type, "image") == 0;
	for (const cJSON *child = json->child; child; child = child->next) {
		count += count_images(child);
	}
	return count;
}

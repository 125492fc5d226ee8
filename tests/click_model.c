#include "tests/click_model.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define CALLS_IN_TURN 4

int click_place(double x, double y)
{
	const int place = ((int)x - 10) / 10 + (int)y / 300 * 30;
	return x >= 10 && place < CLICK_PLACES ? place : -1;
}

static int x_of(int place)
{
	return 10 + place % 30 * 10;
}

static int y_of(int place)
{
	return 100 + place / 30 * 300;
}

#define PUT(out, ...) ((void)!cua_buffer_printf(out, NULL, __VA_ARGS__))

/* --- OpenAI Responses: two clicks in a call; what went wrong stands in a message behind it --- */

static const char *told_behind(const cJSON *call)
{
	char lead[64];
	snprintf(lead, sizeof(lead), "Call %s: ", cua_json_text(call, "call_id"));
	for (const cJSON *item = call->next; item; item = item->next) {
		const cJSON *part = cJSON_GetArrayItem(cua_json_member(item, "content"), 0);
		const char *at = strstr(cua_json_text(part, "text"), lead);
		if (at) {
			return at + strlen(lead);
		}
	}
	return "";
}

static void responses_read(const cJSON *body,
		void (*add)(const cJSON *arguments, const char *told, void *user_data),
		void *user_data)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, cua_json_member(body, "input")) {
		if (strcmp(cua_json_text(item, "type"), "computer_call") == 0) {
			add(cua_json_member(item, "actions"), told_behind(item), user_data);
		}
	}
}

static int pixels_place(const cJSON *arguments)
{
	return click_place(cua_json_number(arguments, "x"), cua_json_number(arguments, "y"));
}

static void responses_put(struct cua_buffer *out, int number, const int *places, int count)
{
	for (int i = 0; i < count; i += 2) {
		PUT(out,
				"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
				"\"computer_call\",\"id\":\"i%d\",\"call_id\":\"k%d\",\"status\":"
				"\"completed\",\"actions\":[",
				number + i, number + i);
		for (int at = i; at < i + 2 && at < count; at++) {
			PUT(out, "%s{\"type\":\"click\",\"button\":\"left\",\"x\":%d,\"y\":%d}",
					at > i ? "," : "", x_of(places[at]), y_of(places[at]));
		}
		PUT(out, "]}}\n\n");
	}
	if (count == 0) {
		PUT(out,
				"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
				"\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
				"\"output_text\",\"text\":\"All clicked.\"}]}}\n\n");
	}
	PUT(out,
			"data: {\"type\":\"response.completed\",\"response\":{\"status\":"
			"\"completed\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n");
}

/* --- Anthropic Messages: each click is a call, with its result in the next message --- */

static const char *told_in(const cJSON *message, const char *id)
{
	const cJSON *result = NULL;
	cJSON_ArrayForEach (result, cua_json_member(message, "content")) {
		if (strcmp(cua_json_text(result, "tool_use_id"), id) != 0 ||
				!cJSON_IsTrue(cua_json_member(result, "is_error"))) {
			continue;
		}
		const cJSON *content = cua_json_member(result, "content");
		return cJSON_IsString(content)
				? content->valuestring
				: cua_json_text(cJSON_GetArrayItem(content, 0), "text");
	}
	return "";
}

static void anthropic_read(const cJSON *body,
		void (*add)(const cJSON *arguments, const char *told, void *user_data),
		void *user_data)
{
	const cJSON *message = NULL, *block = NULL;
	cJSON_ArrayForEach (message, cua_json_member(body, "messages")) {
		cJSON_ArrayForEach (block, cua_json_member(message, "content")) {
			if (strcmp(cua_json_text(block, "type"), "tool_use") == 0) {
				add(cua_json_member(block, "input"),
						told_in(message->next, cua_json_text(block, "id")),
						user_data);
			}
		}
	}
}

static int anthropic_place(const cJSON *arguments)
{
	const cJSON *at = cua_json_member(arguments, "coordinate");
	return click_place(cJSON_GetNumberValue(cJSON_GetArrayItem(at, 0)),
			cJSON_GetNumberValue(cJSON_GetArrayItem(at, 1)));
}

static void anthropic_put(struct cua_buffer *out, int number, const int *places, int count)
{
	PUT(out,
			"data: {\"type\":\"message_start\",\"message\":{\"id\":\"m%d\",\"usage\":{"
			"\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
			number);
	for (int i = 0; i < count; i++) {
		PUT(out,
				"data: {\"type\":\"content_block_start\",\"index\":%d,"
				"\"content_block\":{\"type\":\"tool_use\",\"id\":\"k%d\",\"name\":"
				"\"left_click\",\"toolset_name\":\"computer\",\"input\":{"
				"\"coordinate\":[%d,%d]}}}\n\n"
				"data: {\"type\":\"content_block_stop\",\"index\":%d}\n\n",
				i, number + i, x_of(places[i]), y_of(places[i]), i);
	}
	if (count == 0) {
		PUT(out,
				"data: "
				"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{"
				"\"type\":\"text\",\"text\":\"All clicked.\"}}\n\n"
				"data: {\"type\":\"content_block_stop\",\"index\":0}\n\n");
	}
	PUT(out,
			"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\"}}\n\n"
			"data: {\"type\":\"message_stop\"}\n\n",
			count > 0 ? "tool_use" : "end_turn");
}

/* --- Gemini: the same with functions, on a grid of a thousand --- */

static const char *error_of(const cJSON *content, const char *id)
{
	const cJSON *part = NULL;
	cJSON_ArrayForEach (part, cua_json_member(content, "parts")) {
		const cJSON *answer = cua_json_member(part, "functionResponse");
		if (strcmp(cua_json_text(answer, "id"), id) == 0) {
			return cua_json_text(cua_json_member(answer, "response"), "error");
		}
	}
	return "";
}

static void gemini_read(const cJSON *body,
		void (*add)(const cJSON *arguments, const char *told, void *user_data),
		void *user_data)
{
	const cJSON *content = NULL, *part = NULL;
	cJSON_ArrayForEach (content, cua_json_member(body, "contents")) {
		cJSON_ArrayForEach (part, cua_json_member(content, "parts")) {
			const cJSON *call = cua_json_member(part, "functionCall");
			if (call) {
				add(cua_json_member(call, "args"),
						error_of(content->next, cua_json_text(call, "id")),
						user_data);
			}
		}
	}
}

static int gemini_place(const cJSON *arguments)
{
	return click_place(cua_json_number(arguments, "x") * 1.28,
			cua_json_number(arguments, "y") * 0.8);
}

static void gemini_put(struct cua_buffer *out, int number, const int *places, int count)
{
	PUT(out, "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[");
	for (int i = 0; i < count; i++) {
		PUT(out,
				"%s{\"functionCall\":{\"id\":\"k%d\",\"name\":\"click\",\"args\":{"
				"\"x\":%d,\"y\":%d}}}",
				i > 0 ? "," : "", number + i, (x_of(places[i]) * 100 + 127) / 128,
				y_of(places[i]) * 10 / 8);
	}
	PUT(out,
			"%s]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":"
			"1,"
			"\"candidatesTokenCount\":1}}\n\n",
			count > 0 ? "" : "{\"text\":\"All clicked.\"}");
}

/* --- Chat Completions: a message of a tool for each call --- */

static const char *tool_error(const cJSON *message, const char *id, cJSON **keep)
{
	for (message = message->next; message; message = message->next) {
		if (strcmp(cua_json_text(message, "tool_call_id"), id) == 0) {
			*keep = cJSON_Parse(cua_json_text(message, "content"));
			return cua_json_text(*keep, "error");
		}
	}
	return "";
}

static void chat_read(const cJSON *body,
		void (*add)(const cJSON *arguments, const char *told, void *user_data),
		void *user_data)
{
	const cJSON *message = NULL, *call = NULL;
	cJSON_ArrayForEach (message, cua_json_member(body, "messages")) {
		cJSON_ArrayForEach (call, cua_json_member(message, "tool_calls")) {
			CUA_AUTO_JSON cJSON *answer = NULL;
			CUA_AUTO_JSON cJSON *arguments = cJSON_Parse(cua_json_text(
					cua_json_member(call, "function"), "arguments"));
			add(arguments, tool_error(message, cua_json_text(call, "id"), &answer),
					user_data);
		}
	}
}

static void chat_put(struct cua_buffer *out, int number, const int *places, int count)
{
	PUT(out, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%s,\"tool_calls\":[",
			count > 0 ? "null" : "\"All clicked.\"");
	for (int i = 0; i < count; i++) {
		PUT(out,
				"%s{\"index\":%d,\"id\":\"k%d\",\"type\":\"function\",\"function\":"
				"{\"name\":\"computer\",\"arguments\":\"{\\\"action\\\":"
				"\\\"click\\\",\\\"x\\\":%d,\\\"y\\\":%d}\"}}",
				i > 0 ? "," : "", i, number + i, x_of(places[i]), y_of(places[i]));
	}
	PUT(out, "]},\"finish_reason\":\"%s\"}]}\n\ndata: [DONE]\n\n",
			count > 0 ? "tool_calls" : "stop");
}

const struct click_api click_apis[4] = {
	{ "responses", responses_read, pixels_place, responses_put },
	{ "anthropic", anthropic_read, anthropic_place, anthropic_put },
	{ "gemini", gemini_read, gemini_place, gemini_put },
	{ "chat", chat_read, pixels_place, chat_put },
};

/* --- the model --- */

struct belief {
	const struct click_api *api;
	const bool *is_clicked;
	bool is_done[CLICK_PLACES];
	int calls, uncertain;
};

static void believe(const cJSON *arguments, const char *told, void *user_data)
{
	struct belief *belief = user_data;
	const bool is_uncertain = strstr(told, "is not known") != NULL;
	const cJSON *one = cJSON_IsArray(arguments) ? arguments->child : arguments;
	belief->calls++;
	belief->uncertain += is_uncertain;
	for (; one; one = cJSON_IsArray(arguments) ? one->next : NULL) {
		const int place = belief->api->place(one);
		if (place >= 0) {
			belief->is_done[place] = belief->is_done[place] || !told[0] ||
					(is_uncertain && belief->is_clicked[place]);
		}
	}
}

int click_model_answer(const struct click_api *api, const char *request, const bool *is_clicked,
		struct cua_buffer *out)
{
	struct belief belief = { .api = api, .is_clicked = is_clicked };
	int places[CALLS_IN_TURN], count = 0;
	CUA_AUTO_JSON cJSON *body = cJSON_Parse(request);
	api->read(body, believe, &belief);
	for (int place = 0; place < CLICK_PLACES && count < CALLS_IN_TURN; place++) {
		if (!belief.is_done[place]) {
			places[count++] = place;
		}
	}
	/* An id is none that there was, whatever the call before it held. */
	api->put(out, belief.calls * CALLS_IN_TURN, places, count);
	return belief.uncertain;
}

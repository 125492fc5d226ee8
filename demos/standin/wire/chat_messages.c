/* The replayed conversation: tool calls answered once and in order, our messages unchanged. */

#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/chat_internal.h"
#include "demos/standin/wire/picture.h"

static const struct check_member plain_members[] = {
	{ "role", CHECK_TEXT, true, NULL },
	{ "content", CHECK_TEXT | CHECK_LIST, true, NULL },
	{ "name", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member tool_members[] = {
	{ "role", CHECK_TEXT, true, NULL },
	{ "content", CHECK_TEXT | CHECK_LIST, true, NULL },
	{ "tool_call_id", CHECK_TEXT, true, NULL },
	{ "name", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member assistant_members[] = {
	{ "role", CHECK_TEXT, true, NULL },
	{ "content", CHECK_TEXT | CHECK_LIST | CHECK_NULL, false, NULL },
	{ "tool_calls", CHECK_LIST, false, NULL },
	{ "refusal", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "reasoning", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "reasoning_content", CHECK_TEXT | CHECK_NULL, false, NULL },
	{ "reasoning_details", CHECK_LIST | CHECK_NULL, false, NULL },
	{ "name", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member text_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "text", CHECK_TEXT, true, NULL },
	{ 0 },
};

static const struct check_member image_members[] = {
	{ "type", CHECK_TEXT, true, NULL },
	{ "image_url", CHECK_OBJECT, true, NULL },
	{ 0 },
};

static const struct check_member url_members[] = {
	{ "url", CHECK_TEXT, true, NULL },
	{ "detail", CHECK_TEXT, false,
			(const char *const[]){ "auto", "low", "high", "original", NULL } },
	{ 0 },
};

struct messages {
	struct wire_request *request;
	int next;         /* index of the call whose answer is due */
	const char *role; /* of the message before */
};

/* --- content --- */

static bool read_image(struct wire_request *request, const cJSON *part, const char *place)
{
	const cJSON *image = check_get(part, "image_url");
	struct check_place at = check_member_of(request, place, "image_url");
	if (!check_members(request, place, part, image_members) ||
			!check_members(request, at.text, image, url_members)) {
		return false;
	}
	const char *base64 = picture_of_data_url(check_text(image, "url"));
	return picture_take(request, base64, at.text, NULL) ||
			wire_refuse(request, 400, "invalid_image_url", at.text,
					"'url' field must be a base64 encoded image.");
}

static bool read_part(struct wire_request *request, const cJSON *part, const char *place,
		bool images, struct cua_buffer *texts)
{
	const char *type = check_text(part, "type");
	if (check_is(type, "text")) {
		return check_members(request, place, part, text_members) &&
				talk_add_text(texts, check_text(part, "text"));
	}
	if (!check_is(type, "image_url")) {
		return wire_refuse(request, 400, "invalid_value", place,
				"Invalid value: '%.40s'. Supported values are: 'text' and "
				"'image_url'.",
				type ? type : "(none)");
	}
	if (!images) {
		return wire_refuse(request, 400, NULL, place,
				"Invalid '%s'. Image URLs are only allowed for messages with role "
				"'user', but this message contains an image URL.",
				place);
	}
	return read_image(request, part, place);
}

static bool read_content(struct wire_request *request, const cJSON *message, const char *place,
		bool images, struct cua_buffer *texts)
{
	const cJSON *content = check_get(message, "content");
	struct check_place at = check_member_of(request, place, "content");
	int index = 0;
	const cJSON *part;
	if (cJSON_IsString(content)) {
		return talk_add_text(texts, content->valuestring);
	}
	cJSON_ArrayForEach (part, content) {
		struct check_place of_part = check_index(request, at.text, index++);
		if (!read_part(request, part, of_part.text, images, texts)) {
			return false;
		}
	}
	return true;
}

/* --- our own messages --- */

/* A string holds JSON; some servers send the object itself. */
static bool same_arguments(const cJSON *one, const cJSON *other)
{
	CUA_AUTO_JSON cJSON *a = cJSON_IsString(one) ? cJSON_Parse(one->valuestring)
						     : cJSON_Duplicate(one, true);
	CUA_AUTO_JSON cJSON *b = cJSON_IsString(other) ? cJSON_Parse(other->valuestring)
						       : cJSON_Duplicate(other, true);
	return a && b && cJSON_Compare(a, b, true);
}

static bool same_calls(const struct wire_request *request, const cJSON *sent, const cJSON *given)
{
	sent = sent ? sent->child : NULL;
	given = given ? given->child : NULL;
	while (sent && given) {
		const cJSON *a = check_get(sent, "function");
		const cJSON *b = check_get(given, "function");
		const char *id = check_text(given, "id");
		bool same_id = wire_quirk(request, "no-ids") ? id != NULL
							     : check_is(id, check_text(sent, "id"));
		if (!same_id || !check_is(check_text(given, "type"), "function") ||
				!check_is(check_text(b, "name"), check_text(a, "name")) ||
				!cJSON_IsString(check_get(b, "arguments")) ||
				!same_arguments(check_get(a, "arguments"),
						check_get(b, "arguments"))) {
			return false;
		}
		sent = sent->next;
		given = given->next;
	}
	return !sent && !given;
}

static bool is_turn(const struct wire_request *request, const cJSON *sent, const cJSON *given)
{
	const char *content = check_text(given, "content");
	const char *sent_content = check_text(sent, "content");
	return strcmp(content ? content : "", sent_content ? sent_content : "") == 0 &&
			same_calls(request, check_get(sent, "tool_calls"),
					check_get(given, "tool_calls"));
}

static bool read_assistant(struct messages *messages, const cJSON *message, const char *place)
{
	struct wire_request *request = messages->request;
	const struct play *play = request->play;
	int index = request->talk.turn;
	if (!check_members(request, place, message, assistant_members)) {
		return false;
	}
	while (index < play->turn_count && !is_turn(request, play->turns[index].sent, message)) {
		index++;
	}
	if (index == play->turn_count) {
		return wire_refuse(request, 400, NULL, place,
				"Invalid '%s': this assistant message is none that was sent, or "
				"not where it belongs; return content and tool_calls as they came.",
				place);
	}
	talk_begin_turn(&request->talk, index);
	messages->next = 0;
	const cJSON *call;
	cJSON_ArrayForEach (call, check_get(message, "tool_calls")) {
		const char *name = check_text(check_get(call, "function"), "name");
		if (!talk_add_call(&request->talk, check_text(call, "id"), name, false)) {
			return false;
		}
	}
	return true;
}

/* --- answers --- */

static bool read_tool(struct messages *messages, const cJSON *message, const char *place)
{
	struct wire_request *request = messages->request;
	if (!check_members(request, place, message, tool_members)) {
		return false;
	}
	const char *id = check_text(message, "tool_call_id");
	struct talk_call *call = talk_find_call(&request->talk, id);
	bool follows = check_any_of(
			messages->role, (const char *const[]){ "assistant", "tool", NULL });
	if (!call || !follows) {
		return wire_refuse(request, 400, NULL, place,
				"Invalid parameter: messages with role 'tool' must be a response "
				"to a preceeding message with 'tool_calls'.");
	}
	if (call != &request->talk.calls[messages->next]) {
		return wire_refuse(request, 400, NULL, place,
				"Invalid '%s': tool_call_id %.60s is answered already, or before "
				"its turn; answer every call once and in order.",
				place, id);
	}
	call->answered = true;
	messages->next++;
	return read_content(request, message, place, wire_quirk(request, "tool-images"),
			&request->talk.told);
}

static bool check_answered(struct messages *messages)
{
	const struct talk_call *call = talk_unanswered(&messages->request->talk);
	return !call ||
			wire_refuse(messages->request, 400, NULL, "messages",
					"An assistant message with 'tool_calls' must be followed "
					"by "
					"tool messages responding to each 'tool_call_id'. The "
					"following tool_call_ids did not have response messages: "
					"%s",
					call->id);
}

/* --- */

static bool read_plain(struct messages *messages, const cJSON *message, const char *place,
		const char *role)
{
	struct wire_request *request = messages->request;
	bool user = strcmp(role, "user") == 0;
	if (wire_quirk(request, "alternate") && check_is(messages->role, "tool")) {
		return wire_refuse(request, 500, NULL, "",
				"After the optional system message, conversation roles must "
				"alternate user and assistant roles except for tool calls and "
				"results.");
	}
	CUA_AUTO_BUFFER struct cua_buffer texts;
	cua_buffer_init(&texts, WIRE_BODY_MAX);
	if (!check_members(request, place, message, plain_members) ||
			!read_content(request, message, place, user, &texts)) {
		return false;
	}
	/* Without tools, what a function answered comes from the user. */
	const char *text = texts.len ? texts.data : "";
	return !user ||
			(talk_add_text(&request->talk.notes, text) &&
					(chat_uses_tools(request) ||
							talk_add_text(&request->talk.told, text)));
}

static bool read_message(struct messages *messages, const cJSON *message, const char *place)
{
	static const char *const roles[] = { "system", "developer", "user", "assistant", "tool",
		NULL };
	const char *role = check_text(message, "role");
	if (!role || !check_any_of(role, roles)) {
		return wire_refuse(messages->request, 400, "invalid_value", place,
				"Invalid value: '%.40s'. Supported values are: 'system', "
				"'assistant', 'user', 'tool', and 'developer'.",
				role ? role : "(none)");
	}
	bool good;
	if (strcmp(role, "tool") == 0) {
		good = read_tool(messages, message, place);
	} else if (!check_answered(messages)) {
		return false;
	} else if (strcmp(role, "assistant") == 0) {
		good = read_assistant(messages, message, place);
	} else {
		good = read_plain(messages, message, place, role);
	}
	messages->role = role;
	return good;
}

bool chat_read_messages(struct wire_request *request, const cJSON *list)
{
	struct messages messages = { .request = request };
	int index = 0;
	const cJSON *message;
	cJSON_ArrayForEach (message, list) {
		struct check_place place = check_index(request, "messages", index++);
		if (!read_message(&messages, message, place.text)) {
			return request->error.http_status
					? false
					: wire_refuse(request, 500, NULL, "", "out of memory");
		}
	}
	return check_answered(&messages);
}

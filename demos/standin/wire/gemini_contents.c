/* The replayed conversation: our contents unchanged, every call answered in the next one. */

#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/wire/gemini_internal.h"
#include "demos/standin/wire/picture.h"

static const struct check_member content_members[] = {
	{ "role", CHECK_TEXT, false, (const char *const[]){ "user", "model", NULL } },
	{ "parts", CHECK_LIST, true, NULL },
	{ 0 },
};

static const struct check_member part_members[] = {
	{ "text", CHECK_TEXT, false, NULL },
	{ "thought", CHECK_BOOL, false, NULL },
	{ "thoughtSignature", CHECK_TEXT, false, NULL },
	{ "inlineData", CHECK_OBJECT, false, NULL },
	{ "functionCall", CHECK_OBJECT, false, NULL },
	{ "functionResponse", CHECK_OBJECT, false, NULL },
	{ "mediaResolution", CHECK_OBJECT, false, NULL },
	{ 0 },
};

static const struct check_member blob_members[] = {
	{ "mimeType", CHECK_TEXT, true,
			(const char *const[]){ "image/png", "image/jpeg", "image/webp", NULL } },
	{ "data", CHECK_TEXT, true, NULL },
	{ "displayName", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member response_members[] = {
	{ "id", CHECK_TEXT, false, NULL },
	{ "name", CHECK_TEXT, true, NULL },
	{ "response", CHECK_OBJECT, true, NULL },
	{ "parts", CHECK_LIST, false, NULL },
	{ "willContinue", CHECK_BOOL, false, NULL },
	{ "scheduling", CHECK_TEXT, false, NULL },
	{ 0 },
};

static const struct check_member response_part_members[] = {
	{ "inlineData", CHECK_OBJECT, true, NULL },
	{ 0 },
};

struct contents {
	struct wire_request *request;
	const cJSON *sent; /* of the turn whose calls are open; borrowed */
	int next;          /* index of the call whose answer is due */
	bool latest;       /* the turn being replayed is the last one */
};

/* --- our own contents --- */

static const cJSON *call_of(const cJSON *part)
{
	return check_get(part, "functionCall");
}

static bool same_call(const cJSON *sent, const cJSON *given)
{
	const cJSON *sent_call;
	cJSON_ArrayForEach (sent_call, sent) {
		if (call_of(sent_call)) {
			break;
		}
	}
	const cJSON *given_call;
	cJSON_ArrayForEach (given_call, given) {
		if (call_of(given_call)) {
			break;
		}
	}
	return !sent_call || !given_call
			? sent_call == given_call
			: cJSON_Compare(call_of(sent_call), call_of(given_call), true);
}

static bool part_differs(
		struct contents *contents, const cJSON *sent, const cJSON *part, const char *place)
{
	const struct gemini_model *model = contents->request->profile;
	const cJSON *call = call_of(sent);
	const char *signature = check_text(sent, "thoughtSignature");
	const char *given = check_text(part, "thoughtSignature");
	if (model->signs && call && signature && !given) {
		return wire_refuse(contents->request, 400, NULL, "",
				"Function call is missing a thought_signature in functionCall "
				"parts. "
				"This is required for tools to work correctly, and missing "
				"thought_signature may lead to degraded model performance. "
				"Additional data, function call `%.60s`, at %s.",
				check_text(call, "name"), place);
	}
	if (model->signs && signature && given && strcmp(signature, given) != 0) {
		return wire_refuse(contents->request, 400, NULL, "",
				"Thought signature is not valid.");
	}
	return wire_refuse(contents->request, 400, NULL, "",
			"%s: the part differs from the one that was sent; return the content of "
			"the model unchanged.",
			place);
}

/* Parts that are thoughts may be left out; all others must be there as they were. */
static bool check_parts(
		struct contents *contents, const cJSON *sent, const cJSON *parts, const char *place)
{
	int index = 0;
	const cJSON *part = parts->child;
	cJSON_ArrayForEach (sent, sent) {
		struct check_place list = check_member_of(contents->request, place, "parts");
		struct check_place at = check_index(contents->request, list.text, index);
		bool same = part && cJSON_Compare(part, sent, true);
		if (!same && cJSON_IsTrue(check_get(sent, "thought"))) {
			continue;
		}
		if (!same) {
			return part_differs(contents, sent, part, at.text);
		}
		part = part->next;
		index++;
	}
	return !part ||
			wire_refuse(contents->request, 400, NULL, "",
					"%s: has a part that was not sent.", place);
}

static bool add_calls(struct contents *contents, const cJSON *sent)
{
	const cJSON *part;
	cJSON_ArrayForEach (part, sent) {
		const cJSON *call = call_of(part);
		const char *id = check_text(call, "id");
		const char *name = check_text(call, "name");
		if (call &&
				!talk_add_call(&contents->request->talk, id ? id : "", name,
						!gemini_offers(contents->request, name))) {
			return false;
		}
	}
	return true;
}

static bool read_model(struct contents *contents, const cJSON *parts, const char *place)
{
	struct wire_request *request = contents->request;
	const struct play *play = request->play;
	int index = request->talk.turn;
	while (index < play->turn_count &&
			!same_call(check_get(play->turns[index].sent, "parts"), parts)) {
		index++;
	}
	if (index == play->turn_count) {
		return wire_refuse(request, 400, NULL, "",
				"%s: this content of the model is none that was sent, or not where "
				"it belongs.",
				place);
	}
	contents->sent = check_get(play->turns[index].sent, "parts");
	contents->next = 0;
	talk_begin_turn(&request->talk, index);
	return check_parts(contents, contents->sent, parts, place) &&
			add_calls(contents, contents->sent);
}

/* --- answers --- */

static bool read_blob(struct wire_request *request, const cJSON *part, const char *place)
{
	const cJSON *blob = check_get(part, "inlineData");
	struct check_place at = check_member_of(request, place, "inline_data");
	if (!check_members(request, at.text, blob, blob_members)) {
		return false;
	}
	return picture_take(request, check_text(blob, "data"), at.text, NULL) ||
			wire_refuse(request, 400, NULL, "",
					"Unable to process input image. Please retry or report in "
					"https://developers.generativeai.google/guide/"
					"troubleshooting");
}

/* The call itself; its arguments may ask for a person's yes. */
static const cJSON *nth_call(const cJSON *sent, int index)
{
	const cJSON *part;
	cJSON_ArrayForEach (part, sent) {
		if (call_of(part) && index-- == 0) {
			return call_of(part);
		}
	}
	return NULL;
}

/* What asks must be acknowledged, unless the answer is an error; what does not must not be. */
static bool check_acknowledged(struct contents *contents, const cJSON *response)
{
	static const char *const passing[] = { "regular", "allowed", NULL };
	const cJSON *call = nth_call(contents->sent, contents->next);
	const cJSON *decision = check_get(check_get(call, "args"), "safety_decision");
	const char *word = check_text(decision, "decision");
	const cJSON *yes = check_get(response, "safety_acknowledgement");
	const bool is_yes = cJSON_IsTrue(yes) || check_is(cJSON_GetStringValue(yes), "true");
	if (yes && (!word || check_any_of(word, passing))) {
		return wire_refuse(contents->request, 400, NULL, "",
				"The function response for `%s` has a safety_acknowledgement, but "
				"no safety decision of that call was pending.",
				check_text(call, "name"));
	}
	return is_yes || !check_is(word, "require_confirmation") ||
			cJSON_HasObjectItem(response, "error") ||
			wire_refuse(contents->request, 400, NULL, "",
					"The function response for `%s` must acknowledge the "
					"safety decision: safety_acknowledgement is missing.",
					check_text(call, "name"));
}

static bool keep_response(
		struct contents *contents, const struct talk_call *call, const cJSON *response)
{
	struct talk *talk = &contents->request->talk;
	const char *error = check_text(response, "error");
	if (call->computer) {
		return !error || talk_add_text(&talk->notes, error);
	}
	char *text = cJSON_PrintUnformatted(response);
	bool good = text && talk_add_text(&talk->told, text);
	cJSON_free(text);
	return good;
}

static bool read_pictures(struct contents *contents, const cJSON *answer, const char *place)
{
	int index = 0;
	const cJSON *part;
	struct check_place list = check_member_of(contents->request, place, "parts");
	cJSON_ArrayForEach (part, check_get(answer, "parts")) {
		struct check_place at = check_index(contents->request, list.text, index++);
		if (!check_members(contents->request, at.text, part, response_part_members) ||
				!read_blob(contents->request, part, at.text)) {
			return false;
		}
	}
	return true;
}

static bool read_response(struct contents *contents, const cJSON *answer, const char *place)
{
	struct wire_request *request = contents->request;
	if (!check_members(request, place, answer, response_members)) {
		return false;
	}
	if (contents->next >= request->talk.call_count) {
		return wire_refuse(request, 400, NULL, "",
				"Please ensure that the number of function response parts is equal "
				"to the number of function call parts of the function call turn.");
	}
	struct talk_call *call = &request->talk.calls[contents->next];
	const char *id = check_text(answer, "id");
	if (!check_is(check_text(answer, "name"), call->name) ||
			(call->id[0] && !check_is(id, call->id))) {
		return wire_refuse(request, 400, NULL, "",
				"%s: answers `%.60s` with id '%.60s', but `%s` with id '%s' is "
				"due.",
				place, check_text(answer, "name"), id ? id : "", call->name,
				call->id);
	}
	const cJSON *response = check_get(answer, "response");
	if (!check_acknowledged(contents, response)) {
		return false;
	}
	call->answered = true;
	contents->next++;
	return keep_response(contents, call, response) && read_pictures(contents, answer, place);
}

static bool read_part(struct contents *contents, const cJSON *part, const char *place)
{
	struct wire_request *request = contents->request;
	const cJSON *answer = check_get(part, "functionResponse");
	const char *text = check_text(part, "text");
	struct check_place at = check_member_of(request, place, "function_response");
	if (!check_members(request, place, part, part_members)) {
		return false;
	}
	if (answer) {
		return read_response(contents, answer, at.text);
	}
	if (check_get(part, "inlineData")) {
		return read_blob(request, part, place);
	}
	return text ? talk_add_text(&request->talk.notes, text)
		    : wire_refuse(request, 400, NULL, "",
				      "%s.data: required oneof field 'data' must have one "
				      "initialized field",
				      place);
}

static bool read_user(struct contents *contents, const cJSON *parts, const char *place)
{
	struct wire_request *request = contents->request;
	struct check_place list = check_member_of(request, place, "parts");
	int index = 0;
	const cJSON *part;
	cJSON_ArrayForEach (part, parts) {
		struct check_place at = check_index(request, list.text, index++);
		if (!read_part(contents, part, at.text)) {
			return false;
		}
	}
	return !talk_unanswered(&request->talk) ||
			wire_refuse(request, 400, NULL, "",
					"Please ensure that the number of function response parts "
					"is "
					"equal to the number of function call parts of the "
					"function "
					"call turn.");
}

static bool read_content(struct contents *contents, const cJSON *content, const char *place)
{
	struct wire_request *request = contents->request;
	if (!check_members(request, place, content, content_members)) {
		return false;
	}
	const cJSON *parts = check_get(content, "parts");
	bool model = check_is(check_text(content, "role"), "model");
	if (!parts->child) {
		return wire_refuse(request, 400, NULL, "",
				"* GenerateContentRequest.%s.parts: contents.parts must not be "
				"empty.",
				place);
	}
	if (model && talk_unanswered(&request->talk)) {
		return wire_refuse(request, 400, NULL, "",
				"Please ensure that function response turn comes immediately after "
				"a function call turn.");
	}
	return model ? read_model(contents, parts, place) : read_user(contents, parts, place);
}

bool gemini_read_contents(struct wire_request *request, const cJSON *list)
{
	struct contents contents = { .request = request };
	int index = 0;
	const cJSON *content;
	if (!list->child) {
		return wire_refuse(request, 400, NULL, "",
				"* GenerateContentRequest.contents: contents is not specified\n");
	}
	cJSON_ArrayForEach (content, list) {
		struct check_place place = check_index(request, "contents", index++);
		if (!read_content(&contents, content, place.text)) {
			return request->error.http_status
					? false
					: wire_refuse(request, 500, NULL, "", "out of memory");
		}
	}
	return !talk_unanswered(&request->talk) ||
			wire_refuse(request, 400, NULL, "",
					"Please ensure that function response turn comes "
					"immediately "
					"after a function call turn.");
}

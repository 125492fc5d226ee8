/* The replayed conversation: every call answered once, every item of ours back unchanged. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/util.h"
#include "demos/standin/wire.h"

#define CALLS_MAX (2 * PLAY_TURNS_MAX)

struct call {
	const char *id;
	bool computer;
	bool answered;
};

struct history {
	const struct play *play;
	struct wire_request *request;
	struct wire_error *error;
	struct call *calls; /* owned */
	int call_count;
	int turn;            /* the turn being replayed, or the one after the last */
	int item;            /* how many items of it came; 0: none is open */
	const char *picture; /* newest data URL */
	char picture_at[64]; /* where, for errors */
	struct cua_buffer told, notes;
	char param[64]; /* "input[3]" */
};

static const char *text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Every member of object must be one of the names. */
static bool only_members(struct history *history, const cJSON *object, const char *where,
		const char *const *names)
{
	const cJSON *member;
	cJSON_ArrayForEach (member, object) {
		size_t i = 0;
		while (names[i] && strcmp(names[i], member->string) != 0) {
			i++;
		}
		if (!names[i]) {
			char param[96];
			snprintf(param, sizeof(param), "%.30s%.16s.%.30s", history->param, where,
					member->string);
			return wire_fail(history->error, 400, "unknown_parameter", param,
					"Unknown parameter: '%s'.", param);
		}
	}
	return true;
}

/* Remembers the picture if it can be one; only the newest is decoded. */
static bool take_picture(struct history *history, const cJSON *part, const char *where)
{
	static const char prefix[] = "data:image/png;base64,iVBORw0KGgo";
	const char *url = text_of(part, "image_url");
	snprintf(history->picture_at, sizeof(history->picture_at), "%.40s%.16s", history->param,
			where);
	if (!url) {
		return wire_fail(history->error, 400, "missing_required_parameter",
				history->picture_at,
				"Missing required parameter: '%s.image_url'. (The stand-in stores "
				"no files.)",
				history->picture_at);
	}
	const char *detail = text_of(part, "detail");
	if (detail && strcmp(detail, "original") != 0 && strcmp(detail, "auto") != 0 &&
			strcmp(detail, "high") != 0 && strcmp(detail, "low") != 0) {
		return wire_fail(history->error, 400, "invalid_value", history->picture_at,
				"Invalid value: '%.40s'. Supported values are: 'low', 'high', "
				"'auto', and 'original'.",
				detail);
	}
	if (strncmp(url, prefix, sizeof(prefix) - 1) != 0) {
		return wire_fail(history->error, 400, "invalid_image_url", history->picture_at,
				"Invalid '%s.image_url'. Expected a base64-encoded data URL with "
				"an image MIME type (e.g. 'data:image/png;base64,iVBORw0KGgo='), "
				"but got a value that begins with '%.24s'.",
				history->picture_at, url);
	}
	history->picture = url;
	history->request->pictures++;
	history->request->picture_bytes += strlen(url);
	return true;
}

/* The parts of a message, or of a function's output. */
static bool take_parts(struct history *history, const cJSON *content, const char *where,
		struct cua_buffer *into)
{
	const char *plain = cJSON_GetStringValue(content);
	if (plain) {
		return cua_buffer_printf(into, NULL, "%s%s", into->len ? " " : "", plain) == CUA_OK;
	}
	if (!cJSON_IsArray(content)) {
		return wire_fail(history->error, 400, "invalid_type", history->param,
				"Invalid type for '%s%s': expected a string or an array.",
				history->param, where);
	}
	const cJSON *part;
	cJSON_ArrayForEach (part, content) {
		const char *type = text_of(part, "type");
		const char *text = text_of(part, "text");
		if (type && strcmp(type, "input_image") == 0) {
			if (!take_picture(history, part, where)) {
				return false;
			}
		} else if (type && text &&
				(strcmp(type, "input_text") == 0 ||
						strcmp(type, "output_text") == 0)) {
			if (cua_buffer_printf(into, NULL, "%s%s", into->len ? " " : "", text) !=
					CUA_OK) {
				return false;
			}
		} else {
			return wire_fail(history->error, 400, "invalid_value", history->param,
					"Invalid value: '%.40s'. Supported values are: "
					"'input_text', 'input_image', and 'output_text'.",
					type ? type : "(none)");
		}
	}
	return true;
}

static struct call *find_call(struct history *history, const char *id)
{
	for (int i = 0; i < history->call_count; i++) {
		if (strcmp(history->calls[i].id, id) == 0) {
			return &history->calls[i];
		}
	}
	return NULL;
}

static bool add_call(struct history *history, const cJSON *item, bool computer)
{
	const char *id = text_of(item, "call_id");
	if (!id || history->call_count == CALLS_MAX || find_call(history, id)) {
		return wire_fail(history->error, 400, "invalid_value", history->param,
				"Duplicate or missing call_id in '%s'.", history->param);
	}
	history->calls[history->call_count++] = (struct call){ .id = id, .computer = computer };
	return true;
}

static bool all_answered(struct history *history)
{
	for (int i = 0; i < history->call_count; i++) {
		if (!history->calls[i].answered) {
			return wire_fail(history->error, 400, NULL, "input",
					"No tool output found for %s call %s.",
					history->calls[i].computer ? "computer" : "function",
					history->calls[i].id);
		}
	}
	return true;
}

static bool answer_call(struct history *history, const cJSON *item, bool computer)
{
	const char *kind = computer ? "computer" : "function";
	const char *id = text_of(item, "call_id");
	if (!id) {
		return wire_fail(history->error, 400, "missing_required_parameter", history->param,
				"Missing required parameter: '%s.call_id'.", history->param);
	}
	struct call *call = find_call(history, id);
	if (!call || call->computer != computer) {
		return wire_fail(history->error, 400, NULL, "input",
				"No tool call found for %s call output with call_id %.80s.", kind,
				id);
	}
	if (call->answered) {
		return wire_fail(history->error, 400, NULL, "input",
				"Duplicate output for %s call %s.", kind, id);
	}
	call->answered = true;
	return true;
}

/* The stored turn an item of this id begins; turns may be dropped from the history, but whole. */
static int turn_that_begins(const struct history *history, const char *id)
{
	for (int i = history->turn; i < history->play->turn_count; i++) {
		const char *first =
				text_of(cJSON_GetArrayItem(history->play->turns[i].items, 0), "id");
		if (first && strcmp(first, id) == 0) {
			return i;
		}
	}
	return -1;
}

static bool replay_differs(struct history *history, const cJSON *sent, const char *type)
{
	const char *sent_type = text_of(sent, "type");
	const char *id = text_of(sent, "id");
	if (strcmp(type, sent_type) != 0) {
		return wire_fail(history->error, 400, NULL, "input",
				"Item '%s' of type '%s' was not provided where it belongs: '%s' "
				"has the type '%s'. Return every output item, in order.",
				id, sent_type, history->param, type);
	}
	if (strcmp(type, "reasoning") == 0) {
		return wire_fail(history->error, 400, "invalid_encrypted_content", "input",
				"The encrypted content for item %s could not be verified. Reason: "
				"Encrypted content could not be decrypted or parsed.",
				id);
	}
	return wire_fail(history->error, 400, NULL, "input",
			"Item '%s' of type '%s' ('%s') differs from the item that was sent.", id,
			type, history->param);
}

/* One of our own items comes back. */
static bool replay_item(struct history *history, const cJSON *item, const char *type)
{
	if (history->item == 0) {
		const char *id = text_of(item, "id");
		int turn = id ? turn_that_begins(history, id) : -1;
		if (!all_answered(history)) {
			return false;
		}
		if (turn < 0) {
			return wire_fail(history->error, 404, NULL, "input",
					"Item with id '%.60s' of type '%s' not found, or provided "
					"without its required 'reasoning' item.",
					id ? id : "(none)", type);
		}
		history->turn = turn;
		cua_buffer_clear(&history->told);
		cua_buffer_clear(&history->notes);
	}
	const cJSON *items = history->play->turns[history->turn].items;
	const cJSON *sent = cJSON_GetArrayItem(items, history->item);
	if (!cJSON_Compare(item, sent, true)) {
		return replay_differs(history, sent, type);
	}
	if (strcmp(type, "computer_call") == 0 || strcmp(type, "function_call") == 0) {
		if (!add_call(history, item, type[0] == 'c')) {
			return false;
		}
	}
	if (++history->item == cJSON_GetArraySize(items)) {
		history->turn++;
		history->item = 0;
	}
	return true;
}

static bool read_computer_output(struct history *history, const cJSON *item)
{
	static const char *const members[] = { "type", "id", "call_id", "output",
		"acknowledged_safety_checks", "status", NULL };
	static const char *const parts[] = { "type", "image_url", "file_id", "detail", NULL };
	const cJSON *output = cJSON_GetObjectItemCaseSensitive(item, "output");
	const char *type = text_of(output, "type");
	if (!only_members(history, item, "", members) ||
			!only_members(history, output, ".output", parts)) {
		return false;
	}
	if (!type || strcmp(type, "computer_screenshot") != 0) {
		return wire_fail(history->error, 400, "invalid_value", history->param,
				"Invalid value for '%s.output.type'. Value must be "
				"'computer_screenshot'.",
				history->param);
	}
	return answer_call(history, item, true) && take_picture(history, output, ".output");
}

static bool read_function_output(struct history *history, const cJSON *item)
{
	static const char *const members[] = { "type", "id", "call_id", "output", "status", NULL };
	return only_members(history, item, "", members) && answer_call(history, item, false) &&
			take_parts(history, cJSON_GetObjectItemCaseSensitive(item, "output"),
					".output", &history->told);
}

static bool read_message(struct history *history, const cJSON *item)
{
	const char *role = text_of(item, "role");
	if (!role ||
			(strcmp(role, "user") != 0 && strcmp(role, "system") != 0 &&
					strcmp(role, "developer") != 0)) {
		return wire_fail(history->error, 400, "invalid_value", history->param,
				"Invalid value: '%.40s'. Supported values are: 'assistant', "
				"'system', 'developer', and 'user'.",
				role ? role : "(none)");
	}
	return take_parts(history, cJSON_GetObjectItemCaseSensitive(item, "content"), ".content",
			&history->notes);
}

static bool read_item(struct history *history, const cJSON *item)
{
	const char *type = text_of(item, "type");
	const char *role = text_of(item, "role");
	type = type || !role ? type : "message";
	if (!type) {
		return wire_fail(history->error, 400, "missing_required_parameter", history->param,
				"Missing required parameter: '%s.type'.", history->param);
	}
	bool ours = strcmp(type, "reasoning") == 0 || strcmp(type, "computer_call") == 0 ||
			strcmp(type, "function_call") == 0 ||
			(strcmp(type, "message") == 0 && role && strcmp(role, "assistant") == 0);
	if (ours || history->item) {
		return replay_item(history, item, type);
	}
	if (strcmp(type, "message") == 0) {
		return read_message(history, item);
	}
	if (strcmp(type, "computer_call_output") == 0) {
		return read_computer_output(history, item);
	}
	if (strcmp(type, "function_call_output") == 0) {
		return read_function_output(history, item);
	}
	return wire_fail(history->error, 400, "invalid_value", history->param,
			"Invalid value: '%.60s'. Supported values are: 'message', 'reasoning', "
			"'computer_call', 'computer_call_output', 'function_call', and "
			"'function_call_output'.",
			type);
}

static bool decode_picture(struct history *history)
{
	struct wire_request *request = history->request;
	if (!history->picture) {
		return true;
	}
	const char *base64 = strchr(history->picture, ',') + 1;
	size_t len = strlen(base64);
	request->png = malloc(len / 4 * 3 + 3);
	if (!request->png) {
		return wire_fail(history->error, 500, "server_error", "", "out of memory");
	}
	if (sodium_base642bin(request->png, len / 4 * 3 + 3, base64, len, NULL, &request->png_len,
			    NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
		return wire_fail(history->error, 400, "invalid_base64", history->picture_at,
				"Invalid '%s.image_url': the data URL is not valid base64.",
				history->picture_at);
	}
	return true;
}

static bool read_items(struct history *history, const cJSON *input)
{
	int index = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, input) {
		snprintf(history->param, sizeof(history->param), "input[%d]", index++);
		if (!read_item(history, item)) {
			return false;
		}
	}
	if (history->item) {
		return wire_fail(history->error, 400, NULL, "input",
				"The history ends within a response: item %d of it is missing.",
				history->item);
	}
	return all_answered(history) && decode_picture(history);
}

bool wire_history_read(const struct play *play, const cJSON *input, struct wire_request *request,
		struct wire_error *error)
{
	struct history history = { .play = play, .request = request, .error = error };
	history.calls = calloc(CALLS_MAX, sizeof(*history.calls));
	cua_buffer_init(&history.told, WIRE_BODY_MAX);
	cua_buffer_init(&history.notes, WIRE_BODY_MAX);
	error->http_status = 0;
	bool good = history.calls && read_items(&history, input);
	if (!good && !error->http_status) {
		wire_fail(error, 500, "server_error", "", "out of memory");
	}
	free(history.calls);
	request->told = history.told.data;
	request->notes = history.notes.data;
	request->input.turns_replayed = history.turn;
	request->input.told = history.told.data ? history.told.data : "";
	request->input.notes = history.turn && history.notes.data ? history.notes.data : "";
	request->input.png = request->png;
	request->input.png_len = request->png_len;
	return good;
}

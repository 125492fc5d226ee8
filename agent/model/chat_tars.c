#include "agent/model/chat_profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

#define SCROLL_CLICKS 5 /* the grammar has no amount */
#define WAIT_S 5

/* --- points --- */

/* <point>1 2</point>, (1,2), [1, 2], <|box_start|>(1,2)<|box_end|>, or four numbers, a box: of it,
 * the middle. */
static enum cua_status read_point_text(
		const char *text, double numbers[4], int *ret_count, struct cua_error *err)
{
	int count = 0;
	for (const char *at = text; *at;) {
		size_t skipped = strspn(at, " ,()[]");
		char *end = NULL;
		if (*at == '<') {
			const char *close = strchr(at, '>');
			skipped = close ? (size_t)(close + 1 - at) : 0;
		}
		at += skipped;
		if (skipped > 0) {
			continue;
		}
		double number = strtod(at, &end);
		if (end == at || count == 4) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "\"%.60s\" is no point", text);
		}
		numbers[count++] = number;
		at = end;
	}
	*ret_count = count;
	return CUA_OK;
}

static enum cua_status read_point_list(
		const cJSON *list, double numbers[4], int *ret_count, struct cua_error *err)
{
	const cJSON *number = NULL;
	int count = 0;
	cJSON_ArrayForEach (number, list) {
		if (!cJSON_IsNumber(number) || count == 4) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a point must be two numbers");
		}
		numbers[count++] = number->valuedouble;
	}
	*ret_count = count;
	return CUA_OK;
}

/* The first of the names that is there. *ret_given is false, and all is well, if none is. */
static enum cua_status take_point(struct chat_reading *reading, const char *const *names,
		struct cua_point *ret_point, bool *ret_given)
{
	CUA_AUTO_JSON cJSON *value = NULL;
	double n[4] = { 0 };
	int count = 0;
	for (; *names && !value; names++) {
		value = model_take(&reading->base, *names);
	}
	*ret_given = value != NULL;
	if (!value) {
		return CUA_OK;
	}
	enum cua_status status = cJSON_IsString(value)
			? read_point_text(value->valuestring, n, &count, reading->base.err)
			: read_point_list(value, n, &count, reading->base.err);
	if (status != CUA_OK) {
		return status;
	}
	if (count != 2 && count != 4) {
		return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "a point must be two numbers");
	}
	return chat_space_point(reading->space, count == 2 ? n[0] : (n[0] + n[2]) / 2,
			count == 2 ? n[1] : (n[1] + n[3]) / 2, ret_point, reading->base.err);
}

static const char *const start_names[] = { "point", "start_box", "start_point", NULL };
static const char *const end_names[] = { "end_box", "end_point", NULL };

static enum cua_status need_point(
		struct chat_reading *reading, const char *const *names, struct cua_point *ret_point)
{
	bool is_given = false;
	enum cua_status status = take_point(reading, names, ret_point, &is_given);
	return status == CUA_OK && !is_given
			? CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "%s is missing", names[0])
			: status;
}

/* --- actions --- */

static enum cua_status add_click(struct chat_reading *reading, const char *button, int count)
{
	struct cua_point at;
	enum cua_status status = need_point(reading, start_names, &at);
	if (status != CUA_OK) {
		return status;
	}
	return model_add_click(&reading->base, &at, button, count);
}

static enum cua_status click(struct chat_reading *reading)
{
	return add_click(reading, "left", 1);
}

static enum cua_status left_double(struct chat_reading *reading)
{
	return add_click(reading, "left", 2);
}

static enum cua_status right_single(struct chat_reading *reading)
{
	return add_click(reading, "right", 1);
}

static enum cua_status drag(struct chat_reading *reading)
{
	struct cua_point from, to;
	enum cua_status status = need_point(reading, start_names, &from);
	if (status == CUA_OK) {
		status = need_point(reading, end_names, &to);
	}
	return status == CUA_OK ? model_add_drag(&reading->base, from, to, "left") : status;
}

/* 'ctrl c' */
static enum cua_status hotkey(struct chat_reading *reading)
{
	return model_add_keys(&reading->base, "key");
}

/* A line break at the end submits: typing it presses Return. */
static enum cua_status type(struct chat_reading *reading)
{
	CUA_AUTO_FREE char *text = NULL;
	enum cua_status status = model_take_text(&reading->base, "content", &text);
	return status == CUA_OK ? model_add_text(&reading->base, text) : status;
}

static enum cua_status scroll(struct chat_reading *reading)
{
	static const struct {
		const char *name;
		int x, y;
	} ways[] = { { "up", 0, -1 }, { "down", 0, 1 }, { "left", -1, 0 }, { "right", 1, 0 } };
	CUA_AUTO_FREE char *way = NULL;
	struct cua_point at;
	bool is_given = false;
	enum cua_status status = take_point(reading, start_names, &at, &is_given);
	if (status == CUA_OK) {
		status = model_take_text(&reading->base, "direction", &way);
	}
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(ways); i++) {
		if (strcmp(ways[i].name, way) == 0) {
			return model_add_scroll(&reading->base, is_given ? &at : NULL,
					ways[i].x * SCROLL_CLICKS, ways[i].y * SCROLL_CLICKS);
		}
	}
	return status == CUA_OK ? CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0,
						  "direction must be up, down, left or right")
				: status;
}

static enum cua_status wait(struct chat_reading *reading)
{
	return model_add_wait(&reading->base, WAIT_S);
}

static enum cua_status finished(struct chat_reading *reading)
{
	CUA_AUTO_JSON cJSON *content = model_take(&reading->base, "content");
	reading->said->end = CHAT_FINISHES;
	if (cJSON_IsString(content)) {
		reading->said->last_words = strdup(content->valuestring);
	}
	return cJSON_IsString(content) && !reading->said->last_words
			? CUA_FAIL(reading->base.err, CUA_ERR_NOMEM, ENOMEM, "answer")
			: CUA_OK;
}

static enum cua_status call_user(struct chat_reading *reading)
{
	reading->said->end = CHAT_GIVES_UP;
	return CUA_OK;
}

static const struct chat_word actions[] = {
	{ "call_user", call_user },
	{ "click", click },
	{ "drag", drag },
	{ "finished", finished },
	{ "hotkey", hotkey },
	{ "left_double", left_double },
	{ "right_single", right_single },
	{ "scroll", scroll },
	{ "type", type },
	{ "wait", wait },
	{ 0 },
};

static enum cua_status read_call(const char **at, struct chat_reading *reading)
{
	char name[64];
	CUA_AUTO_JSON cJSON *arguments = NULL;
	enum cua_status status =
			chat_call_parse(at, name, sizeof(name), &arguments, reading->base.err);
	reading->base.arguments = arguments;
	return status == CUA_OK ? chat_read_word(reading, actions, name) : status;
}

/* --- text --- */

static const char action_label[] = "Action:", thought_label[] = "Thought:";

/* The last one that begins a line. */
static const char *find_action(const char *text)
{
	const char *found = NULL;
	for (const char *at = text; (at = strstr(at, action_label)); at++) {
		found = at == text || at[-1] == '\n' ? at : found;
	}
	return found;
}

static char *copy_thought(const char *text, const char *end)
{
	text += strspn(text, " \t\r\n");
	if (strncmp(text, thought_label, strlen(thought_label)) == 0) {
		text += strlen(thought_label);
		text += strspn(text, " \t\r\n");
	}
	return strndup(text, text < end ? (size_t)(end - text) : 0);
}

enum cua_status chat_tars_read(const char *text, const struct chat_space *space,
		struct chat_said *said, struct cua_error *err)
{
	struct chat_reading reading = chat_reading(space, said, err);
	const char *at = find_action(text);
	enum cua_status status = CUA_OK;
	if (!at) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no line begins with \"Action:\"");
	}
	said->thought = copy_thought(text, at);
	if (!said->thought) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "thought");
	}
	at += strlen(action_label);
	chat_skip_space(&at);
	do {
		if (said->end != CHAT_ACTS) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"nothing may follow the end of the task");
		}
		status = read_call(&at, &reading);
		chat_skip_space(&at);
	} while (status == CUA_OK && *at);
	return status;
}

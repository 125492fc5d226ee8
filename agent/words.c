#include "agent/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"

#define ARGUMENTS_SHOWN 400 /* characters of what a tool of a server is given */
#define TEXT_SHOWN 200      /* bytes of typed text, where not all of it is wanted */

/* Cut at a character, never inside one. */
static void put_cut(FILE *out, const char *text)
{
	size_t len = strlen(text), shown = len;
	if (len > TEXT_SHOWN) {
		shown = TEXT_SHOWN;
		while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80) {
			shown--;
		}
	}
	fprintf(out, "%.*s%s", (int)shown, text, shown < len ? "\xe2\x80\xa6" : "");
}

/* With the keys that line breaks and tabs are. */
static void put_whole(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\xe2\x8f\x8e", out);
		} else if (*text == '\t') {
			fputs("\xe2\x87\xa5", out);
		} else {
			fputc(*text, out);
		}
	}
}

static void put_quoted(FILE *out, const char *text, bool is_whole)
{
	fputs("\xe2\x80\x9c", out);
	(is_whole ? put_whole : put_cut)(out, text);
	fputs("\xe2\x80\x9d", out);
}

static void put_keys(FILE *out, const cJSON *keys)
{
	if (cJSON_IsString(keys)) {
		fputs(keys->valuestring, out);
		return;
	}
	const cJSON *key = NULL;
	const char *joint = "";
	cJSON_ArrayForEach (key, keys) {
		fprintf(out, "%s%s", joint, cJSON_IsString(key) ? key->valuestring : "?");
		joint = "+";
	}
}

static void put_place(FILE *out, const cJSON *action)
{
	if (cua_json_member(action, "x")) {
		fprintf(out, " at %d, %d", cua_json_int(action, "x"), cua_json_int(action, "y"));
	}
}

static void put_modifiers(FILE *out, const cJSON *action)
{
	const cJSON *keys = cua_json_member(action, "keys");
	if (keys && !cJSON_IsNull(keys)) {
		fputs(" holding ", out);
		put_keys(out, keys);
	}
}

static void put_click(FILE *out, const cJSON *action)
{
	static const char *const times[] = { "", "", "double-", "triple-" };
	const char *button = cua_json_text(action, "button");
	int count = cua_json_int(action, "count");
	if (button[0] && strcmp(button, "left") != 0) {
		fprintf(out, "%s ", button);
	}
	fprintf(out, "%sclick", count >= 0 && count <= 3 ? times[count] : "");
}

static void put_drag(FILE *out, const cJSON *action)
{
	const cJSON *path = cua_json_member(action, "path");
	int last = cJSON_GetArraySize(path) - 1;
	fputs("drag", out);
	for (int i = 0; i <= last; i += last > 0 ? last : 1) {
		const cJSON *point = cJSON_GetArrayItem(path, i);
		bool is_pair = cJSON_IsArray(point);
		const cJSON *x = is_pair ? cJSON_GetArrayItem(point, 0)
					 : cua_json_member(point, "x");
		const cJSON *y = is_pair ? cJSON_GetArrayItem(point, 1)
					 : cua_json_member(point, "y");
		fprintf(out, " %s %d, %d", i == 0 ? "from" : "to",
				cJSON_IsNumber(x) ? x->valueint : 0,
				cJSON_IsNumber(y) ? y->valueint : 0);
	}
	if (last > 1) {
		fprintf(out, " through %d points", last + 1);
	}
}

static void put_scroll(FILE *out, const cJSON *action)
{
	int x = cua_json_int(action, "scroll_x"), y = cua_json_int(action, "scroll_y");
	fputs("scroll", out);
	if (y != 0) {
		fprintf(out, " %s %d", y > 0 ? "down" : "up", abs(y));
	}
	if (x != 0) {
		fprintf(out, "%s %s %d", y != 0 ? " and" : "", x > 0 ? "right" : "left", abs(x));
	}
}

/* Name and arguments as they are, for the actions that need no wording of their own. */
static void put_plain(FILE *out, const cJSON *action, const char *name, bool is_whole)
{
	for (const char *at = name; *at; at++) {
		fputc(*at == '_' ? ' ' : *at, out);
	}
	const cJSON *argument = NULL;
	cJSON_ArrayForEach (argument, action) {
		if (strcmp(argument->string, "action") == 0 || strcmp(argument->string, "x") == 0 ||
				strcmp(argument->string, "y") == 0) {
			continue;
		}
		fputc(' ', out);
		if (cJSON_IsString(argument)) {
			put_quoted(out, argument->valuestring, is_whole);
		} else if (cJSON_IsNumber(argument)) {
			fprintf(out, "%.15g", argument->valuedouble);
		} else if (cJSON_IsArray(argument)) {
			put_keys(out, argument);
		}
	}
	put_place(out, action);
}

static void put_action(FILE *out, const cJSON *action, bool is_whole)
{
	const char *name = cua_json_text(action, "action");
	if (strcmp(name, "click") == 0) {
		put_click(out, action);
	} else if (strcmp(name, "drag") == 0) {
		put_drag(out, action);
	} else if (strcmp(name, "scroll") == 0) {
		put_scroll(out, action);
	} else if (strcmp(name, "move") == 0) {
		fputs("move", out);
	} else if (strcmp(name, "type") == 0) {
		fputs("type ", out);
		put_quoted(out, cua_json_text(action, "text"), is_whole);
		return;
	} else if (strcmp(name, "key") == 0) {
		fputs("press ", out);
		put_keys(out, cua_json_member(action, "keys"));
		return;
	} else if (strcmp(name, "screenshot") == 0) {
		fputs("look", out);
		return;
	} else if (strcmp(name, "wait") == 0) {
		fprintf(out, "wait %.1f s", cua_json_int(action, "duration_ms") / 1000.0);
		return;
	} else {
		put_plain(out, action, name, is_whole);
		return;
	}
	put_place(out, action);
	put_modifiers(out, action);
}

void agent_words_action(FILE *out, const cJSON *action)
{
	put_action(out, action, false);
}

static char *join(const cJSON *actions, bool is_whole)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (!out) {
		return NULL;
	}
	const cJSON *action = NULL;
	const char *joint = "";
	cJSON_ArrayForEach (action, actions) {
		fputs(joint, out);
		put_action(out, action, is_whole);
		joint = ", then ";
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

char *agent_words_actions(const cJSON *actions)
{
	return join(actions, false);
}

char *agent_words_whole(const cJSON *actions)
{
	return join(actions, true);
}

/* Arguments of a server's tool nest as they like. */
static void put_tool(FILE *out, const cJSON *intent, const char *tool)
{
	const cJSON *arguments = cua_json_member(intent, "arguments");
	const char *server = cua_json_string(intent, "server");
	if (!server) {
		put_plain(out, arguments, tool, false);
		return;
	}
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(arguments);
	fprintf(out, "%s: %s ", server, cua_json_text(intent, "server_tool"));
	cua_text_line(out, text ? text : "", ARGUMENTS_SHOWN);
}

char *agent_words_intent(const cJSON *intent)
{
	const char *tool = cua_json_string(intent, "tool");
	char *text = NULL;
	size_t len = 0;
	FILE *out = tool ? open_memstream(&text, &len) : NULL;
	if (!tool || !out) {
		return tool ? NULL : agent_words_actions(cua_json_member(intent, "actions"));
	}
	put_tool(out, intent, tool);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

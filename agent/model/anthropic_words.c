#include "agent/model/anthropic_internal.h"

#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* The texts that the API's own driver uses; {name} is a member of the input. */
static const struct {
	const char *member, *words;
} templates[] = {
	{ "left_click", "Clicked." },
	{ "right_click", "Right-clicked." },
	{ "middle_click", "Middle-clicked." },
	{ "double_click", "Double-clicked." },
	{ "triple_click", "Triple-clicked." },
	{ "left_click_drag", "Dragged." },
	{ "mouse_move", "Moved the mouse." },
	{ "left_mouse_down", "Left mouse button pressed." },
	{ "left_mouse_up", "Left mouse button released." },
	{ "scroll", "Scrolled {scroll_direction}." },
	{ "type", "Typed." },
	{ "key", "Pressed {text}." },
	{ "hold_key", "Held {text} for {duration}s." },
	{ "wait", "Waited {duration}s." },
};

bool anthropic_member_shows(const char *member)
{
	return member && (strcmp(member, "screenshot") == 0 || strcmp(member, "zoom") == 0);
}

const char *anthropic_member_of(const struct agent_call *call, const cJSON *input)
{
	return call->name && strcmp(call->name, ANTHROPIC_FAMILY) == 0
			? cua_json_string(input, "action")
			: call->name;
}

static enum cua_status fill(const char *words, const cJSON *input, struct cua_buffer *out,
		struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && *words) {
		size_t len = strcspn(words, "{");
		status = cua_buffer_append(out, words, len, err);
		words += len;
		if (status == CUA_OK && *words) {
			char name[32] = "";
			size_t name_len = strcspn(words + 1, "}");
			memcpy(name, words + 1, name_len);
			const cJSON *value = cua_json_member(input, name);
			status = cJSON_IsNumber(value)
					? cua_buffer_printf(out, err, "%.15g", value->valuedouble)
					: cua_buffer_printf(out, err, "%s",
							  cJSON_IsString(value) ? value->valuestring
										: "");
			words += name_len + 2;
		}
	}
	return status;
}

static enum cua_status tell_position(
		const cJSON *result, struct cua_buffer *words, struct cua_error *err)
{
	const cJSON *x = cua_json_member(result, "x");
	const cJSON *y = cua_json_member(result, "y");
	return cJSON_IsNumber(x) && cJSON_IsNumber(y)
			? cua_buffer_printf(words, err, "X=%d,Y=%d", x->valueint, y->valueint)
			: cua_buffer_printf(words, err, "The desktop did not say.");
}

enum cua_status anthropic_member_words(const char *member, const cJSON *input, const cJSON *results,
		struct cua_buffer *words, struct cua_error *err)
{
	const cJSON *last = cJSON_GetArrayItem(results, cJSON_GetArraySize(results) - 1);
	const char *effect = cua_json_string(last, "status");
	enum cua_status status = CUA_OK;
	if (member && strcmp(member, "cursor_position") == 0) {
		return tell_position(last, words, err);
	}
	for (size_t i = 0; member && i < CUA_ARRAY_LEN(templates); i++) {
		if (strcmp(templates[i].member, member) == 0) {
			status = fill(templates[i].words, input, words, err);
		}
	}
	return status == CUA_OK && words->len > 0 && effect &&
					strcmp(effect, "no_visible_effect") == 0
			? cua_buffer_printf(words, err, " Nothing on the screen changed.")
			: status;
}

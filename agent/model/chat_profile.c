#include "agent/model/chat_profile.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

/* What the readers accept and a model was not trained on is not in its prompt. */

static const char tars_prompt[] =
		"Answer in this form, and with nothing behind it:\n"
		"Thought: what you see, and what you do next and why, in one or two sentences\n"
		"Action: one of the actions below\n\n"
		"click(point='<point>x y</point>')\n"
		"left_double(point='<point>x y</point>')\n"
		"right_single(point='<point>x y</point>')\n"
		"drag(start_point='<point>x y</point>', end_point='<point>x y</point>')\n"
		"hotkey(key='ctrl c') # lower case, separated by spaces, three keys at most\n"
		"type(content='text') # \\', \\\" and \\n are escapes; \\n at the end submits\n"
		"scroll(point='<point>x y</point>', direction='down') # or up, left, right\n"
		"wait() # five seconds\n"
		"finished(content='the final answer') # the task is done\n"
		"call_user() # the task cannot be done";

#define QWEN_TOOL(actions, arguments) \
	"Act by calling the function computer_use, one call in an answer:\n" \
	"<tool_call>\n" \
	"{\"name\": \"computer_use\", \"arguments\": {\"action\": \"left_click\", " \
	"\"coordinate\": [10, 20]}}\n" \
	"</tool_call>\n" \
	"Before the call, say in a sentence what you see and why you do it.\n" \
	"Its actions are:\n" actions "Its other arguments are:\n" arguments

#define QWEN_ACTIONS \
	"key: press the keys in order, release them in reverse\n" \
	"type: type text; \\n is Enter\n" \
	"mouse_move, left_click, right_click, middle_click, double_click: at coordinate\n" \
	"left_click_drag: from where the pointer is to coordinate\n" \
	"scroll: turn the wheel by pixels, up if positive\n" \
	"wait: for time seconds\n"
#define QWEN_END "terminate: the task is done (status success), or cannot be done (failure)\n"
#define QWEN_ARGUMENTS \
	"keys: list of names; text; coordinate: [x, y]; pixels: number; time: number; " \
	"status: success or failure"

static const char qwen25_prompt[] = QWEN_TOOL(QWEN_ACTIONS QWEN_END, QWEN_ARGUMENTS);

static const char qwen3_prompt[] = QWEN_TOOL(QWEN_ACTIONS
		"triple_click: at coordinate\n"
		"hscroll: turn the wheel sideways by pixels, right if positive\n"
		"answer: end with text as the final answer\n" QWEN_END,
		QWEN_ARGUMENTS);

static const char fara_prompt[] = QWEN_TOOL(
		"key: press the keys in order, release them in reverse\n"
		"type: type text, after a click at coordinate if given; with "
		"delete_existing_text clear the field first, with press_enter press Enter "
		"behind it\n"
		"mouse_move, left_click: at coordinate\n"
		"scroll: turn the wheel by pixels, up if positive\n"
		"visit_url: open url in the browser\n"
		"history_back: go back in the browser\n"
		"pause_and_memorize_fact: remember fact\n"
		"wait: for time seconds\n" QWEN_END,
		QWEN_ARGUMENTS "; press_enter, delete_existing_text: true or false; url; fact");

static const char opencua_prompt[] =
		"Answer in this form:\n"
		"## Thought:\nwhat you see, and what you do next and why\n\n"
		"## Action:\nthe action in words\n\n"
		"## Code:\n```python\npyautogui.click(x=10, y=20)\n```\n\n"
		"The code is one call of pyautogui (click, doubleClick, rightClick, "
		"middleClick, moveTo, dragTo, scroll, hscroll, write, press, hotkey), or of\n"
		"computer.triple_click(x, y)\n"
		"computer.wait()\n"
		"computer.terminate(status='success') # or 'failure', if it cannot be done";

static const char holo_prompt[] = "Act by calling the function computer. Coordinates are integers.";

static const char holo3_prompt[] =
		"Answer with one JSON object and nothing else:\n"
		"{\"note\": what must be remembered of this screen, or null, \"thought\": what you "
		"do "
		"next and why, in a sentence, \"tool_call\": {\"tool_name\": \"click\", "
		"\"element\": "
		"\"the button Save\", \"x\": 10, \"y\": 20}}\n"
		"The tools and their arguments, which stand beside tool_name, are:\n"
		"click(element, x, y, button?, count?): button is left, right or middle\n"
		"move(element, x, y)\n"
		"drag(path): a list of [x, y]\n"
		"scroll(x, y, scroll_y?, scroll_x?): wheel clicks, down and right if positive\n"
		"type(text): \\n is Enter\n"
		"key(keys): such as ctrl+s\n"
		"wait(duration_ms)\n"
		"answer(text): the task is done; text is the final answer\n"
		"give_up(reason): the task cannot be done";

static const struct chat_profile profiles[] = {
	{ "fara", fara_prompt, 3, chat_qwen_read, chat_qwen_read_call },
	{ "holo", holo_prompt, 3, NULL, NULL },
	{ "holo3", holo3_prompt, 3, chat_holo_read, NULL },
	{ "opencua", opencua_prompt, 3, chat_python_read, NULL },
	{ "qwen2.5-vl", qwen25_prompt, 0, chat_qwen_read, chat_qwen_read_call },
	{ "qwen3-vl", qwen3_prompt, 0, chat_qwen_read, chat_qwen_read_call },
	{ "ui-tars", tars_prompt, 5, chat_tars_read, NULL },
};

enum cua_status chat_profile_find(
		const char *name, const struct chat_profile **ret_profile, struct cua_error *err)
{
	const struct chat_profile *found = NULL;
	for (size_t i = 0; i < CUA_ARRAY_LEN(profiles); i++) {
		found = strcmp(profiles[i].name, name) == 0 ? &profiles[i] : found;
	}
	if (name[0] && !found) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"there is no profile \"%.40s\"; these are: fara, holo, holo3, "
				"opencua, "
				"qwen2.5-vl, qwen3-vl, ui-tars",
				name);
	}
	*ret_profile = found;
	return CUA_OK;
}

struct chat_reading chat_reading(
		const struct chat_space *space, struct chat_said *said, struct cua_error *err)
{
	return (struct chat_reading){ .base = { .screen = space->screen,
						      .actions = said->actions,
						      .note = said->note,
						      .note_size = sizeof(said->note),
						      .err = err },
		.space = space,
		.said = said };
}

enum cua_status chat_read_word(
		struct chat_reading *reading, const struct chat_word *words, const char *name)
{
	for (; words->name; words++) {
		if (strcmp(words->name, name) == 0) {
			enum cua_status status = words->read(reading);
			return status == CUA_OK ? model_all_taken(&reading->base, name) : status;
		}
	}
	return CUA_FAIL(reading->base.err, CUA_ERR_INVAL, 0, "there is no action \"%.40s\"", name);
}

void chat_said_finish(struct chat_said *said)
{
	cJSON_Delete(said->actions);
	free(said->thought);
	free(said->last_words);
	*said = (struct chat_said){ 0 };
}

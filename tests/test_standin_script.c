#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "demos/standin/script.h"

static enum cua_status parse(const char *text, struct script **ret, struct cua_error *err)
{
	return script_parse("t.yaml", text, strlen(text), ret, err);
}

static void reads_words_and_options(void **state)
{
	(void)state;
	static const char text[] = "task: do it\n"
				   "steps:\n"
				   "  - click_text: Save\n"
				   "    near: File name\n"
				   "    dx: -3\n"
				   "    count: 2\n"
				   "    as: name\n"
				   "  - see: [One, Two]\n"
				   "    within: 7\n"
				   "  - draw: Here\n"
				   "    path: [[0, 0], [5, -5]]\n"
				   "  - drag_text: Few\n"
				   "    by: [10, 0]\n"
				   "  - type: |\n"
				   "      Zoë\n"
				   "      two\n"
				   "  - click_at: [0, 0]\n"
				   "  - scroll: -300\n"
				   "    until: End\n"
				   "  - done: yes\n";
	struct script *script = NULL;
	struct cua_error err;
	assert_int_equal(parse(text, &script, &err), CUA_OK);
	assert_int_equal(script->step_count, 8);
	const struct script_step *step = script->steps;
	assert_int_equal(step[0].word, SCRIPT_CLICK_TEXT);
	assert_int_equal(step[0].line, 3);
	assert_int_equal(step[0].relation, SCRIPT_NEAR);
	assert_string_equal(step[0].anchor, "File name");
	assert_int_equal(step[0].dx, -3);
	assert_int_equal(step[0].count, 2);
	assert_int_equal(step[1].texts.count, 2);
	assert_int_equal(step[1].within_s, 7);
	assert_int_equal(step[2].path.points[1].y, -5);
	assert_int_equal(step[3].by.x, 10);
	assert_string_equal(script_step_text(&step[4]), "Zoë\ntwo\n");
	assert_int_equal(step[5].point.x, 0);
	assert_int_equal(step[6].number, -300);
	assert_string_equal(script_step_text(&step[7]), "yes");
	script_destroy(script);
}

static void errors_name_the_line_and_the_word(void **state)
{
	(void)state;
	static const struct {
		const char *steps, *error;
	} cases[] = {
		{ "  - clik_text: A\n", "t.yaml: line 3: there is no step word 'clik_text'" },
		{ "  - click_text: A\n    buton: left\n",
				"t.yaml: line 4: click_text: there is no option 'buton'; it takes "
				"within, nth" },
		{ "  - click_text: A\n    button: up\n", "line 4: click_text: button 'up' is not" },
		{ "  - see: A\n    within: soon\n", "line 4: see: 'soon' is not a whole number" },
		{ "  - see: A\n    within: 601\n",
				"line 4: see: 601 is out of bounds; it must be 0 "
				"to 600" },
		{ "  - see: []\n", "line 3: see: the list is empty" },
		{ "  - click_text: ''\n", "line 3: click_text: the text is empty" },
		{ "  - click_text: A\n    count: 3\n", "line 3: click_text: count is 3" },
		{ "  - click_text: A\n    near: B\n    below: C\n",
				"line 5: click_text: takes only one of near" },
		{ "  - click_text: A\n    near: B\n    nth: 2\n",
				"line 3: click_text: takes nth or a relation" },
		{ "  - click_at: [1]\n", "line 3: click_at: needs a pair of numbers" },
		{ "  - click_at: [-1, 0]\n", "line 3: click_at: -1 is out of bounds" },
		{ "  - drag_text: A\n", "line 3: drag_text: needs one of 'by: [dx, dy]'" },
		{ "  - draw: A\n", "line 3: draw: needs 'path:" },
		{ "  - draw: A\n    path: [[1, 2]]\n", "line 4: draw: a path has 2 to" },
		{ "  - type: [a, b]\n", "line 3: type: needs a text" },
		{ "  - done: A\n  - see: B\n", "line 3: done: 'done' is the last step" },
		{ "  - see: B\n", "line 3: see: 'done' is the last step" },
		{ "  - call: x\n", "line 3: call: needs a JSON object" },
		{ "  - fault: typo\n", "line 3: fault: fault: there is no 'typo'" },
		{ "  - fault: status=9\n", "line 3: fault: fault: status is '9'" },
		{ "  - key: a\n    batch: yes\n", "line 4: key: needs true or false" },
		{ "  - 7\n", "line 3: a step is written '- word: value'" },
		{ "  - see: [a\n", "t.yaml: line" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char text[512];
		snprintf(text, sizeof(text), "task: t\nsteps:\n%s", cases[i].steps);
		struct script *script = NULL;
		struct cua_error err = { 0 };
		assert_int_equal(parse(text, &script, &err), CUA_ERR_INVAL);
		assert_null(script);
		if (!strstr(err.msg, cases[i].error)) {
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, err.msg, cases[i].error);
		}
	}
}

static void a_script_needs_task_and_steps(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "[]", "task: t\n", "steps:\n  - done: x\n",
		"task: t\nsteps: x\n", "task: t\nsteps: []\n", "task: t\nextra: x\n" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		struct script *script = NULL;
		struct cua_error err;
		assert_int_equal(parse(texts[i], &script, &err), CUA_ERR_INVAL);
	}
	struct script *script = NULL;
	struct cua_error err;
	assert_int_equal(script_load("/nonexistent.yaml", &script, &err), CUA_ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_words_and_options),
		cmocka_unit_test(errors_name_the_line_and_the_word),
		cmocka_unit_test(a_script_needs_task_and_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

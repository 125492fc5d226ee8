#include "tests/contract_actions.h"

static void integers_keep_their_bounds(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			if (arg->type != CUA_ARG_INTEGER) {
				continue;
			}
			const double values[] = { arg->min - 1.0, arg->min, arg->max,
				arg->max + 1.0, 1e300, -1e300, 4294967297.0 };
			char said[64];
			snprintf(said, sizeof(said), "it must be %d to %d", arg->min, arg->max);
			for (size_t k = 0; k < CUA_ARRAY_LEN(values); k++) {
				cJSON *json = minimal(spec_at(i));
				set_arg(json, arg, cJSON_CreateNumber(values[k]));
				if (k == 1 || k == 2) {
					expect_ok(json, NULL);
				} else {
					expect_refused(json, NULL, said);
				}
			}
		}
	}
}

static void coordinates_keep_to_the_screen(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			if (!arg->is_x && !arg->is_y) {
				continue;
			}
			const int last = (arg->is_x ? screen.x : screen.y) - 1;
			char said[64];
			snprintf(said, sizeof(said), "%s is %d; it must be 0 to %d", arg->name,
					last + 1, last);
			cJSON *first = minimal(spec_at(i)), *end = minimal(spec_at(i)),
			      *beyond = minimal(spec_at(i));
			set_arg(first, arg, cJSON_CreateNumber(0));
			set_arg(end, arg, cJSON_CreateNumber(last));
			set_arg(beyond, arg, cJSON_CreateNumber(last + 1));
			expect_ok(first, &screen);
			expect_ok(end, &screen);
			expect_refused(beyond, &screen, said);
		}
	}
}

static void coordinates_go_together(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			if (!arg->is_x && !arg->is_y) {
				continue;
			}
			cJSON *json = minimal(spec_at(i));
			set_arg(json, arg, cJSON_CreateNumber(0));
			cJSON_DeleteItemFromObject(json, arg->is_x ? "y" : "x");
			expect_refused(json, &screen, arg->is_x ? "y is missing" : "x is missing");
		}
	}
	struct cua_action action;
	CUA_AUTO_JSON cJSON *json = cJSON_Parse("{\"action\":\"click\",\"x\":0,\"y\":0}");
	assert_int_equal(cua_action_parse(json, &screen, &action, NULL), CUA_OK);
	assert_true(action.has_at);
	assert_int_equal(action.at.x, 0);
	assert_int_equal(action.at.y, 0);
}

static void strings_keep_their_bounds(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			if (arg->type != CUA_ARG_STRING) {
				continue;
			}
			char said[64];
			CUA_AUTO_FREE char *least = text_of((size_t)arg->min),
					   *most = text_of((size_t)arg->max),
					   *over = text_of((size_t)arg->max + 1);
			cJSON *json = minimal(spec_at(i));
			set(json, arg->name, cJSON_CreateString(least));
			expect_ok(json, NULL);
			json = minimal(spec_at(i));
			set(json, arg->name, cJSON_CreateString(most));
			expect_ok(json, NULL);
			json = minimal(spec_at(i));
			set(json, arg->name, cJSON_CreateString(over));
			snprintf(said, sizeof(said), "%d bytes; at most %d", arg->max + 1,
					arg->max);
			expect_refused(json, NULL, said);
			if (arg->min > 0) {
				json = minimal(spec_at(i));
				set(json, arg->name, cJSON_CreateString(""));
				expect_refused(json, NULL, "is empty");
			}
			json = minimal(spec_at(i));
			set(json, arg->name, cJSON_CreateString("ab\xc0\xaf"));
			expect_refused(json, NULL, "invalid UTF-8 at byte 2 (0xc0)");
		}
	}
}

/* {"action": "drag", "path": ...} and the like, each member as JSON text. */
static cJSON *action_with(const char *name, const char *member, const char *value)
{
	char text[1024];
	snprintf(text, sizeof(text), "{\"action\":\"%s\",\"%s\":%s}", name, member, value);
	cJSON *json = cJSON_Parse(text);
	if (!json) {
		fail_msg("not JSON: %s", text);
	}
	return json;
}

static void paths_keep_their_bounds(void **state)
{
	static const struct {
		const char *path, *said; /* said NULL: fine */
	} cases[] = {
		{ "[[0,0],[1279,799]]", NULL },
		{ "[{\"x\":0,\"y\":0},{\"y\":799,\"x\":1279}]", NULL },
		{ "[[0,0],{\"x\":1,\"y\":1}]", NULL },
		{ "[]", "path has 0 points; it must have 2 to 4096, from and to counted" },
		{ "[[0,0]]", "path has 1 points" },
		{ "[[0,0],[1280,0]]", "path[1] x is 1280; it must be 0 to 1279" },
		{ "[[0,800],[0,0]]", "path[0] y is 800; it must be 0 to 799" },
		{ "[[0,-1],[0,0]]", "path[0] y is -1" },
		{ "[[0,0],[0.5,0]]", "path[1] x is 0.5" },
		{ "[[0,0],[1]]", "path[1] must be [x, y]" },
		{ "[[0,0],[1,2,3]]", "path[1] must be [x, y]" },
		{ "[[0,0],{\"x\":1}]", "path[1] must be [x, y]" },
		{ "[[0,0],{\"x\":1,\"y\":1,\"z\":1}]", "path[1] must be [x, y]" },
		{ "[[0,0],{\"x\":1,\"x\":1}]", "path[1] must be [x, y]" },
		{ "[[0,0],\"1,1\"]", "path[1] must be [x, y]" },
		{ "[[0,0],null]", "path[1] must be [x, y]" },
		{ "{\"x\":1,\"y\":2}", "path must be a list" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		cJSON *json = action_with("drag", "path", cases[i].path);
		if (cases[i].said) {
			expect_refused(json, &screen, cases[i].said);
		} else {
			expect_ok(json, &screen);
		}
	}
	struct cua_action action;
	CUA_AUTO_JSON cJSON *json = action_with("drag", "path", "0");
	set(json, "path", path_of(CUA_ACTION_POINTS_MAX));
	assert_int_equal(cua_action_parse(json, &screen, &action, NULL), CUA_OK);
	assert_int_equal(action.path_len, CUA_ACTION_POINTS_MAX);
	assert_int_equal(action.path[799].y, 799);
	cua_action_finish(&action);
	set(json, "path", path_of(CUA_ACTION_POINTS_MAX + 1));
	assert_int_equal(cua_action_parse(json, &screen, &action, NULL), CUA_ERR_TOO_LARGE);
}

static void regions_stay_inside_the_screen(void **state)
{
	static const struct {
		const char *region, *said;
	} cases[] = {
		{ "[0,0,1280,800]", NULL },
		{ "[1279,799,1,1]", NULL },
		{ "[1280,0,1,1]", "region x is 1280; it must be 0 to 1279" },
		{ "[0,800,1,1]", "region y is 800; it must be 0 to 799" },
		{ "[0,0,0,1]", "region width is 0; it must be 1 to 1280" },
		{ "[0,0,1,0]", "region height is 0; it must be 1 to 800" },
		{ "[1,0,1280,1]", "region width is 1280; it must be 1 to 1279" },
		{ "[0,1,1,800]", "region height is 800; it must be 1 to 799" },
		{ "[-1,0,1,1]", "region x is -1" },
		{ "[0,0,1]", "region must be" },
		{ "[0,0,1,1,1]", "region must be" },
		{ "[0,0,\"1\",1]", "region width must be an integer" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		cJSON *json = action_with("screenshot", "region", cases[i].region);
		if (cases[i].said) {
			expect_refused(json, &screen, cases[i].said);
		} else {
			expect_ok(json, &screen);
		}
	}
}

static void window_ids_are_numbers_or_their_spelling(void **state)
{
	static const struct {
		const char *window;
		uint32_t id; /* 0: refused */
	} cases[] = {
		{ "1", 1 },
		{ "4294967295", 4294967295u },
		{ "\"0x400007\"", 0x400007 },
		{ "\"0XFF\"", 0xff },
		{ "\"4194311\"", 4194311 },
		{ "\"010\"", 10 },
		{ "0", 0 },
		{ "-1", 0 },
		{ "4294967296", 0 },
		{ "1.5", 0 },
		{ "\"\"", 0 },
		{ "\"0x\"", 0 },
		{ "\"0\"", 0 },
		{ "\" 5\"", 0 },
		{ "\"-5\"", 0 },
		{ "\"-18446744073709551615\"", 0 },
		{ "\"99999999999999999999999\"", 0 },
		{ "\"12 \"", 0 },
		{ "\"1e3\"", 0 },
		{ "\"window\"", 0 },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		struct cua_action action = { .window = 0 };
		CUA_AUTO_JSON cJSON *json = action_with("focus_window", "window", cases[i].window);
		enum cua_status status = cua_action_parse(json, NULL, &action, NULL);
		if (status != (cases[i].id ? CUA_OK : CUA_ERR_INVAL) ||
				action.window != cases[i].id) {
			fail_msg("%s gave %d, window %u", cases[i].window, (int)status,
					action.window);
		}
	}
}

static void keys_are_checked_with_the_action(void **state)
{
	static const struct {
		const char *action, *keys, *said;
	} cases[] = {
		{ "key", "\"ctrl+s\"", NULL },
		{ "key", "[\"CTRL\",\"S\"]", NULL },
		{ "key", "[\"+\"]", NULL },
		{ "key", "[]", "keys is empty" },
		{ "key", "null", "keys is empty" },
		{ "key", "\"\"", "keys: empty chord" },
		{ "key", "[\"\"]", "keys: unknown key" },
		{ "key", "[\"ctrl+s\"]", "keys: unknown key \"ctrl+s\"" },
		{ "key", "[\"a\",1]", "keys must be a list of strings" },
		{ "key", "[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]", NULL },
		{ "key", "[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]", "at most 8" },
		{ "click", "null", NULL },
		{ "click", "[]", NULL },
		{ "click", "[\"SHIFT\"]", NULL },
		{ "click", "\"nokey\"", "click: keys: unknown key \"nokey\"" },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		cJSON *json = action_with(cases[i].action, "keys", cases[i].keys);
		if (cases[i].said) {
			expect_refused(json, NULL, cases[i].said);
		} else {
			expect_ok(json, NULL);
		}
	}
}

static void buttons_have_names(void **state)
{
	static const struct {
		const char *name;
		int button;
	} buttons[] = { { "left", 1 }, { "middle", 2 }, { "right", 3 }, { "back", 8 },
		{ "forward", 9 } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(buttons); i++) {
		struct cua_action action;
		CUA_AUTO_JSON cJSON *json = action_with("click", "button", "\"left\"");
		set(json, "button", cJSON_CreateString(buttons[i].name));
		assert_int_equal(cua_action_parse(json, NULL, &action, NULL), CUA_OK);
		assert_int_equal(action.button, buttons[i].button);
		assert_string_equal(cua_button_name(buttons[i].button), buttons[i].name);
	}
	expect_refused(action_with("click", "button", "\"wheel\""), NULL,
			"button is \"wheel\"; it must be left");
	expect_refused(action_with("click", "button", "\"LEFT\""), NULL, "button is \"LEFT\"");
	assert_string_equal(cua_button_name(4), "unknown");
}

static void a_scroll_goes_somewhere(void **state)
{
	(void)state;
	expect_refused(action_with("scroll", "scroll_x", "0"), NULL, "both 0");
	expect_ok(action_with("scroll", "scroll_x", "-100"), NULL);
	expect_ok(action_with("scroll", "scroll_y", "100"), NULL);
}

static void what_would_have_no_effect_is_refused(void **state)
{
	static const struct {
		const char *action, *said; /* said NULL: fine */
	} cases[] = {
		{ "\"type\",\"text\":\"a\",\"keys\":\"ctrl+v\"",
				"keys has no effect where via is keys; it goes with via "
				"clipboard" },
		{ "\"type\",\"text\":\"a\",\"keys\":\"ctrl+v\",\"via\":\"clipboard\"", NULL },
		{ "\"type\",\"text\":\"a\",\"keys\":[]", NULL },
		{ "\"screenshot\",\"quality\":50",
				"quality has no effect where format is png; it goes with format "
				"jpeg or webp" },
		{ "\"screenshot\",\"quality\":50,\"format\":\"webp\"", NULL },
		{ "\"screenshot\",\"quality\":80", NULL }, /* holds anyway */
		{ "\"wait_for\",\"until\":\"change\",\"text\":\"a\"",
				"text has no effect where until is change; it goes with until "
				"text or text_gone or window or window_gone or url" },
		{ "\"wait_for\",\"until\":\"url\",\"text\":\"a\",\"region\":[0,0,1,1]",
				"region has no effect where until is url" },
		{ "\"wait_for\",\"until\":\"rest\",\"region\":[0,0,1,1]", NULL },
		{ "\"wait_for\",\"until\":\"text\",\"text\":\"a\",\"rest_ms\":99",
				"rest_ms has no effect where until is text" },
		{ "\"wait_for\",\"until\":\"text\",\"text\":\"a\",\"rest_ms\":500", NULL },
	};
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char text[256];
		snprintf(text, sizeof(text), "{\"action\":%s}", cases[i].action);
		if (cases[i].said) {
			expect_refused(cJSON_Parse(text), NULL, cases[i].said);
		} else {
			expect_ok(cJSON_Parse(text), NULL);
		}
	}
}

static void what_is_no_action_is_refused(void **state)
{
	static const char *const texts[] = { "{}", "[]", "null", "1", "\"click\"", "{\"action\":1}",
		"{\"action\":null}", "{\"Action\":\"click\"}" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		expect_refused(cJSON_Parse(texts[i]), &screen, "an action is an object");
	}
	assert_int_equal(parse(NULL, &screen, NULL), CUA_ERR_INVAL);
	expect_refused(cJSON_Parse("{\"action\":\"dance\"}"), &screen, "unknown action \"dance\"");
	expect_refused(cJSON_Parse("{\"action\":\"Click\"}"), &screen, "unknown action \"Click\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_keep_their_bounds),
		cmocka_unit_test(coordinates_keep_to_the_screen),
		cmocka_unit_test(coordinates_go_together),
		cmocka_unit_test(strings_keep_their_bounds),
		cmocka_unit_test(paths_keep_their_bounds),
		cmocka_unit_test(regions_stay_inside_the_screen),
		cmocka_unit_test(window_ids_are_numbers_or_their_spelling),
		cmocka_unit_test(keys_are_checked_with_the_action),
		cmocka_unit_test(buttons_have_names),
		cmocka_unit_test(a_scroll_goes_somewhere),
		cmocka_unit_test(what_would_have_no_effect_is_refused),
		cmocka_unit_test(what_is_no_action_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

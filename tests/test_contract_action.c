#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/action.h"

static const struct cua_point screen = { 1280, 800 };

/* --- actions made from the table --- */

static char *text_of(size_t len)
{
	char *text = malloc(len + 1);
	assert_non_null(text);
	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static cJSON *path_of(int points)
{
	cJSON *path = cJSON_CreateArray();
	for (int i = 0; i < points; i++) {
		cJSON_AddItemToArray(path, cJSON_CreateIntArray((int[]){ i % 1280, i % 800 }, 2));
	}
	return path;
}

/* A value that this argument takes. */
static cJSON *good_value(const struct cua_arg_spec *arg)
{
	switch (arg->type) {
	case CUA_ARG_INTEGER:
		return cJSON_CreateNumber(arg->max);
	case CUA_ARG_BOOLEAN:
		return cJSON_CreateFalse();
	case CUA_ARG_STRING:
		return cJSON_CreateString("text");
	case CUA_ARG_BUTTON:
		return cJSON_CreateString("right");
	case CUA_ARG_KEYS:
		return cJSON_CreateString("ctrl+s");
	case CUA_ARG_PATH:
		return path_of(2);
	case CUA_ARG_REGION:
		return cJSON_CreateIntArray((int[]){ 0, 0, 1, 1 }, 4);
	case CUA_ARG_WINDOW:
		return cJSON_CreateNumber(4194311);
	}
	return NULL;
}

/* The least that is an action of this kind. */
static cJSON *minimal(const struct cua_action_spec *spec)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "action", spec->name);
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		if (arg->required) {
			cJSON_AddItemToObject(json, arg->name, good_value(arg));
		}
	}
	if (spec == &cua_action_table[CUA_ACTION_SCROLL]) {
		cJSON_AddNumberToObject(json, "scroll_y", 1);
	}
	return json;
}

static void set(cJSON *json, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(json, name);
	cJSON_AddItemToObject(json, name, value);
}

/* Sets one argument, and the other coordinate beside a coordinate. */
static void set_arg(cJSON *json, const struct cua_arg_spec *arg, cJSON *value)
{
	set(json, arg->name, value);
	if (arg->is_x || arg->is_y) {
		set(json, arg->is_x ? "y" : "x", cJSON_CreateNumber(0));
	}
}

/* Parses and deletes json. */
static enum cua_status parse(cJSON *json, const struct cua_point *bounds, struct cua_error *err)
{
	struct cua_action action;
	enum cua_status status = cua_action_parse(json, bounds, &action, err);
	if (status == CUA_OK) {
		cua_action_finish(&action);
	}
	cJSON_Delete(json);
	return status;
}

static void expect_ok(cJSON *json, const struct cua_point *bounds)
{
	struct cua_error err = { 0 };
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	if (parse(json, bounds, &err) != CUA_OK) {
		fail_msg("%.200s: %s", text, err.msg);
	}
}

/* Refused, with words that name what is wrong. */
static void expect_refused(cJSON *json, const struct cua_point *bounds, const char *said)
{
	struct cua_error err = { 0 };
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	enum cua_status status = parse(json, bounds, &err);
	if ((status != CUA_ERR_INVAL && status != CUA_ERR_TOO_LARGE) || err.status != status ||
			!strstr(err.msg, said)) {
		fail_msg("%.200s: status %d \"%s\" lacks \"%s\"", text, (int)status, err.msg, said);
	}
}

static const struct cua_action_spec *spec_at(int i)
{
	return &cua_action_table[i];
}

/* --- every action --- */

static void the_table_is_whole(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		const struct cua_action_spec *spec = spec_at(i);
		assert_non_null(spec->name);
		assert_non_null(spec->help);
		assert_ptr_equal(cua_action_find(spec->name), spec);
		bool has_x = false, has_y = false;
		for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
			assert_non_null(arg->help);
			assert_true(arg->min <= arg->max);
			has_x = has_x || arg->is_x;
			has_y = has_y || arg->is_y;
		}
		assert_int_equal(has_x, has_y);
	}
	assert_null(cua_action_find("nothing"));
	assert_null(cua_action_find(""));
}

static void the_least_parses_with_the_defaults(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		struct cua_action action;
		struct cua_error err = { 0 };
		CUA_AUTO_JSON cJSON *json = minimal(spec_at(i));
		if (cua_action_parse(json, NULL, &action, &err) != CUA_OK) {
			fail_msg("%s: %s", spec_at(i)->name, err.msg);
		}
		assert_int_equal(action.type, i);
		bool places = false;
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			const char *field = (const char *)&action + arg->offset;
			int number = 0;
			if (arg->required) {
				places = places || arg->is_x;
			} else if (arg->type == CUA_ARG_BOOLEAN) {
				assert_int_equal(*field, arg->default_value);
			} else if (arg->type == CUA_ARG_INTEGER || arg->type == CUA_ARG_BUTTON) {
				memcpy(&number, field, sizeof(number));
				const bool given = cJSON_GetObjectItem(json, arg->name);
				assert_int_equal(number, given ? 1 : arg->default_value);
			} else if (arg->type == CUA_ARG_KEYS) {
				assert_int_equal(action.keys.count, 0);
			} else if (arg->type == CUA_ARG_REGION) {
				assert_int_equal(action.region.width, 0);
			}
		}
		assert_int_equal(action.has_at, places);
		cua_action_finish(&action);
	}
}

static void defaults_are_those_of_the_readme(void **state)
{
	struct cua_action action;
	(void)state;
	CUA_AUTO_JSON cJSON *click = cJSON_Parse("{\"action\":\"click\"}");
	assert_int_equal(cua_action_parse(click, &screen, &action, NULL), CUA_OK);
	assert_false(action.has_at);
	assert_int_equal(action.button, CUA_BUTTON_LEFT);
	assert_int_equal(action.count, 1);
	CUA_AUTO_JSON cJSON *shot = cJSON_Parse("{\"action\":\"screenshot\"}");
	assert_int_equal(cua_action_parse(shot, &screen, &action, NULL), CUA_OK);
	assert_true(action.pointer);
	assert_int_equal(action.max_edge, 0);
}

static void unknown_members_are_named(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		cJSON *json = minimal(spec_at(i));
		cJSON_AddNullToObject(json, "colour");
		expect_refused(json, NULL, "unknown argument \"colour\"");
		json = minimal(spec_at(i));
		cJSON_AddNumberToObject(json, "X", 1); /* members compare with their case */
		expect_refused(json, NULL, "unknown argument \"X\"");
	}
}

static void wrong_types_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			cJSON *wrong[] = { cJSON_CreateObject(), cJSON_CreateNull(),
				cJSON_CreateTrue(), cJSON_CreateNumber(1.5),
				cJSON_CreateString("nonsense"),
				cJSON_Parse("[[1, 2], [3, 4], \"x\"]"), cJSON_Parse("[[[]]]") };
			for (size_t k = 0; k < CUA_ARRAY_LEN(wrong); k++) {
				const bool fits = (arg->type == CUA_ARG_BOOLEAN && k == 2) ||
						(arg->type == CUA_ARG_STRING && k == 4) ||
						(arg->type == CUA_ARG_KEYS && k == 1 &&
								!arg->required);
				cJSON *json = minimal(spec_at(i));
				set_arg(json, arg, wrong[k]);
				if (fits) {
					expect_ok(json, NULL);
				} else {
					expect_refused(json, NULL, arg->name);
				}
			}
		}
	}
}

static void missing_arguments_are_named(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			if (!arg->required) {
				continue;
			}
			char said[64];
			cJSON *json = minimal(spec_at(i));
			cJSON_DeleteItemFromObject(json, arg->name);
			snprintf(said, sizeof(said), "%s: %s is missing", spec_at(i)->name,
					arg->name);
			expect_refused(json, NULL, said);
		}
	}
}

static void an_argument_is_given_once(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			char said[64];
			cJSON *json = minimal(spec_at(i));
			set_arg(json, arg, good_value(arg));
			cJSON_AddItemToObject(json, arg->name, good_value(arg));
			snprintf(said, sizeof(said), "%s is given twice", arg->name);
			expect_refused(json, NULL, said);
		}
		cJSON *json = minimal(spec_at(i));
		cJSON_AddStringToObject(json, "action", "type");
		expect_refused(json, NULL, "action is given twice");
	}
}

/* --- bounds --- */

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
			expect_refused(json, NULL, "65537 bytes; at most 65536");
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
		{ "[]", "path has 0 points; it must have 2 to 4096" },
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

/* --- schema --- */

static double number_at(const cJSON *schema, const char *name)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(schema, name);
	if (!cJSON_IsNumber(number)) {
		fail_msg("schema lacks %s", name);
	}
	return cJSON_GetNumberValue(number);
}

static const char *string_at(const cJSON *schema, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(schema, name));
	return text ? text : "";
}

static bool is_required(const cJSON *schema, const char *name)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(schema, "required")) {
		if (strcmp(item->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

static void check_schema_of_arg(const cJSON *property, const struct cua_arg_spec *arg)
{
	const char *type = string_at(property, "type");
	assert_string_equal(string_at(property, "description"), arg->help);
	switch (arg->type) {
	case CUA_ARG_INTEGER:
		assert_string_equal(type, "integer");
		assert_int_equal((int)number_at(property, "minimum"), arg->min);
		assert_int_equal((int)number_at(property, "maximum"), arg->max);
		break;
	case CUA_ARG_WINDOW:
		assert_string_equal(type, "integer");
		break;
	case CUA_ARG_BOOLEAN:
		assert_string_equal(type, "boolean");
		break;
	case CUA_ARG_STRING:
		assert_string_equal(type, "string");
		break;
	case CUA_ARG_BUTTON:
		assert_string_equal(type, "string");
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(property, "enum")), 5);
		assert_string_equal(string_at(property, "default"), "left");
		break;
	case CUA_ARG_KEYS:
		assert_string_equal(type, "array");
		assert_int_equal((int)number_at(property, "maxItems"), CUA_ACTION_KEYS_MAX);
		break;
	case CUA_ARG_PATH:
		assert_string_equal(type, "array");
		assert_int_equal((int)number_at(property, "minItems"), arg->min);
		assert_int_equal((int)number_at(property, "maxItems"), arg->max);
		break;
	case CUA_ARG_REGION:
		assert_string_equal(type, "array");
		assert_int_equal((int)number_at(property, "minItems"), 4);
		assert_int_equal((int)number_at(property, "maxItems"), 4);
		break;
	}
}

static void schemas_say_what_the_table_says(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		CUA_AUTO_JSON cJSON *made = cua_action_schema(spec_at(i));
		CUA_AUTO_FREE char *text = cJSON_Print(made);
		CUA_AUTO_JSON cJSON *schema = cJSON_Parse(text);
		const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
		int args = 0, required = 0;
		assert_string_equal(string_at(schema, "type"), "object");
		assert_true(cJSON_IsFalse(
				cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties")));
		for (const struct cua_arg_spec *arg = spec_at(i)->args; arg->name; arg++) {
			const cJSON *property =
					cJSON_GetObjectItemCaseSensitive(properties, arg->name);
			if (!property) {
				fail_msg("%s lacks %s", spec_at(i)->name, arg->name);
			}
			check_schema_of_arg(property, arg);
			assert_int_equal(is_required(schema, arg->name), arg->required);
			args++;
			required += arg->required;
		}
		assert_int_equal(cJSON_GetArraySize(properties), args);
		assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(schema, "required")),
				required);
	}
}

/* What the schema calls a default is what the parser fills in. */
static void schema_defaults_are_those_of_the_parser(void **state)
{
	(void)state;
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		CUA_AUTO_JSON cJSON *schema = cua_action_schema(spec_at(i));
		CUA_AUTO_JSON cJSON *plain = minimal(spec_at(i)), *spelled = minimal(spec_at(i));
		const cJSON *property = NULL;
		cJSON_ArrayForEach (property, cJSON_GetObjectItem(schema, "properties")) {
			const cJSON *value = cJSON_GetObjectItemCaseSensitive(property, "default");
			if (value && !cJSON_HasObjectItem(spelled, property->string)) {
				set(spelled, property->string, cJSON_Duplicate(value, 1));
			}
		}
		struct cua_action one, two;
		assert_int_equal(cua_action_parse(plain, NULL, &one, NULL), CUA_OK);
		assert_int_equal(cua_action_parse(spelled, NULL, &two, NULL), CUA_OK);
		assert_int_equal(one.button, two.button);
		assert_int_equal(one.count, two.count);
		assert_int_equal(one.scroll_x, two.scroll_x);
		assert_int_equal(one.max_edge, two.max_edge);
		assert_int_equal(one.pointer, two.pointer);
		cua_action_finish(&one);
		cua_action_finish(&two);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_whole),
		cmocka_unit_test(the_least_parses_with_the_defaults),
		cmocka_unit_test(defaults_are_those_of_the_readme),
		cmocka_unit_test(unknown_members_are_named),
		cmocka_unit_test(wrong_types_are_refused),
		cmocka_unit_test(missing_arguments_are_named),
		cmocka_unit_test(an_argument_is_given_once),
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
		cmocka_unit_test(what_is_no_action_is_refused),
		cmocka_unit_test(schemas_say_what_the_table_says),
		cmocka_unit_test(schema_defaults_are_those_of_the_parser),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

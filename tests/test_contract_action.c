#include "tests/contract_actions.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/contract_actions.h"

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
	case CUA_ARG_CHOICE:
		assert_string_equal(type, "string");
		for (int i = 0; arg->choices[i]; i++) {
			assert_string_equal(
					cJSON_GetArrayItem(cJSON_GetObjectItem(property, "enum"), i)
							->valuestring,
					arg->choices[i]);
		}
		assert_string_equal(
				string_at(property, "default"), arg->choices[arg->default_value]);
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
		assert_int_equal(one.width, two.width);
		assert_int_equal(one.height, two.height);
		assert_int_equal(one.format, two.format);
		assert_int_equal(one.level, two.level);
		assert_int_equal(one.quality, two.quality);
		assert_int_equal(one.pointer, two.pointer);
		cua_action_finish(&one);
		cua_action_finish(&two);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schemas_say_what_the_table_says),
		cmocka_unit_test(schema_defaults_are_those_of_the_parser),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

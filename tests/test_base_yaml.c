#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/base/yaml_file.h"

static struct cua_yaml *parse(const char *text)
{
	struct cua_yaml *yaml = NULL;
	struct cua_error why = { 0 };
	if (cua_yaml_parse("a.yaml", text, strlen(text), &yaml, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	return yaml;
}

static void values_are_what_they_look_like(void **state)
{
	(void)state;
	struct cua_yaml *yaml = parse("a: text\nb: [1, -2.5, 1e3, 007, 0x10, 1., .5]\nc: {d: true, "
				      "e: 'true'}\nf: null\ng: no\nh: ''\ni:\n");
	CUA_AUTO_FREE char *json = cJSON_PrintUnformatted(cua_yaml_root(yaml));
	assert_string_equal(json,
			"{\"a\":\"text\",\"b\":[1,-2.5,1000,\"007\",\"0x10\",\"1.\",\".5\"],\"c\":{"
			"\"d\":true,\"e\":\"true\"},\"f\":null,\"g\":\"no\",\"h\":\"\",\"i\":"
			"null}");
	cua_yaml_destroy(yaml);
}

static void nodes_know_their_lines(void **state)
{
	(void)state;
	struct cua_yaml *yaml =
			parse("# a word before\na: 1\nlist:\n  - one\n  - b: 2\n    c:\n      "
			      "deep\n");
	const cJSON *root = cua_yaml_root(yaml), *list = cua_json_member(root, "list");
	const cJSON *second = cJSON_GetArrayItem(list, 1);
	assert_int_equal(cua_yaml_line(yaml, root), 2);
	assert_int_equal(cua_yaml_line(yaml, cua_json_member(root, "a")), 2);
	assert_int_equal(cua_yaml_line(yaml, list), 3);
	assert_int_equal(cua_yaml_line(yaml, cJSON_GetArrayItem(list, 0)), 4);
	assert_int_equal(cua_yaml_line(yaml, second), 5);
	assert_int_equal(cua_yaml_line(yaml, cua_json_member(second, "c")), 6);
	assert_int_equal(cua_yaml_line(yaml, (const cJSON *)state), 0);

	struct cua_error why = { 0 };
	assert_int_equal(cua_yaml_fail(yaml, second, &why, "%s is wrong", "this"), CUA_ERR_INVAL);
	assert_string_equal(why.msg, "a.yaml:5: this is wrong");
	cua_yaml_destroy(yaml);
}

static void an_empty_document_is_null(void **state)
{
	(void)state;
	struct cua_yaml *yaml = parse("# nothing\n");
	assert_true(cJSON_IsNull(cua_yaml_root(yaml)));
	cua_yaml_destroy(yaml);
}

static void mistakes_are_told_with_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "a: 1\nb: [1, 2\n", "a.yaml:3: did not find expected" },
		{ "a: 1\n\tb: 2\n", "a.yaml:2: found a tab character" },
		{ "a: &x 1\nb: *x\n", "a.yaml:1: an anchor" },
		{ "a: &x [*x]\n", "a.yaml:1: an anchor" },
		{ "a: 1\nb: *y\n", "a.yaml:2: an alias" },
		{ "a: 1\nb: 2\na: 3\n", "a.yaml:3: 'a' is there twice" },
		{ "a: 1\n? [x]\n: 2\n", "a.yaml:2: the name of a member is a text" },
		{ "a: 1\nb: !!binary aGVsbG8=\n", "a.yaml:2: a tag" },
		{ "a: 1\nb: !own x\n", "a.yaml:2: a tag" },
		{ "a: 1\n---\nb: 2\n", "a.yaml:2: a second document begins" },
		{ "a: 1\nb: \"x\\0y\"\n", "a.yaml:2: the text holds a NUL" },
		{ "a: 1\nb: \xff\xfe\n", "a.yaml:2: " },
		{ "a: 1\nb: \x01\n", "a.yaml:2: " },
		{ "a: 'never ends\n", "a.yaml:2: found unexpected end of stream" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_yaml *yaml = NULL;
		struct cua_error why = { 0 };
		assert_int_equal(cua_yaml_parse("a.yaml", rows[i].text, strlen(rows[i].text), &yaml,
						 &why),
				CUA_ERR_INVAL);
		if (strncmp(why.msg, rows[i].said, strlen(rows[i].said)) != 0) {
			fail_msg("%s: %s", rows[i].text, why.msg);
		}
	}
}

/* text, `times` times over, and then the end. */
static enum cua_status parse_long(
		const char *begin, const char *text, size_t times, struct cua_error *ret_why)
{
	struct cua_yaml *yaml = NULL;
	const size_t len = strlen(text), head = strlen(begin);
	CUA_AUTO_FREE char *all = malloc(head + len * times + 1);
	assert_non_null(all);
	strcpy(all, begin);
	for (size_t i = 0; i < times; i++) {
		memcpy(all + head + i * len, text, len + 1);
	}
	enum cua_status status = cua_yaml_parse("a.yaml", all, head + len * times, &yaml, ret_why);
	if (status == CUA_OK) {
		cua_yaml_destroy(yaml);
	}
	return status;
}

static void size_depth_and_number_are_bounded(void **state)
{
	(void)state;
	struct cua_error why = { 0 };
	assert_int_equal(parse_long("a: b\n", "# 78901\n", 32000, &why), CUA_OK);
	assert_int_equal(parse_long("a: b\n", "# 78901\n", 33000, &why), CUA_ERR_TOO_LARGE);
	assert_non_null(strstr(why.msg, "a.yaml:1: the file is over"));
	assert_int_equal(parse_long("", "- x\n", CUA_YAML_NODES_MAX - 1, &why), CUA_OK);
	assert_int_equal(parse_long("", "- x\n", CUA_YAML_NODES_MAX, &why), CUA_ERR_TOO_LARGE);
	assert_int_equal(parse_long("", "- ", CUA_YAML_DEPTH_MAX, &why), CUA_OK);
	assert_int_equal(parse_long("", "- ", CUA_YAML_DEPTH_MAX + 1, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "nested too deep"));
	assert_int_equal(parse_long("a: ", "[", 100000, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "nested too deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_what_they_look_like),
		cmocka_unit_test(nodes_know_their_lines),
		cmocka_unit_test(an_empty_document_is_null),
		cmocka_unit_test(mistakes_are_told_with_their_line),
		cmocka_unit_test(size_depth_and_number_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

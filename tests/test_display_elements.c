/* What the reader says is on the screen comes from among the applications: nothing of it is taken
 * on trust. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "display/element_list.h"
#include "display/element_refs.h"
#include "display/reader/reader.h"

static const struct cua_point screen = { 1280, 800 };

#define NODE_STATES "\"states\":[33554432,8]"
#define NODE \
	"{\"depth\":0,\"window\":77,\"bus\":\":1.5\",\"path\":\"/org/a/1\",\"role\":\"frame\"," \
	"\"name\":\"Title\",\"x\":10,\"y\":20,\"width\":100,\"height\":50," NODE_STATES "}"

static enum cua_status parse(const char *text, struct element_list *list)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
	assert_non_null(json);
	return element_list_parse(json, &screen, list, NULL);
}

static void a_node_arrives_as_it_was_sent(void **state)
{
	(void)state;
	struct element_list list;
	assert_int_equal(
			parse("{\"nodes\":[" NODE "],\"cut\":true,\"stuck\":[12]}", &list), CUA_OK);
	assert_int_equal(list.count, 1);
	assert_true(list.cut);
	assert_int_equal(list.stuck_count, 1);
	assert_int_equal(list.stuck[0], 12);
	const struct element *element = &list.items[0];
	assert_string_equal(element->bus, ":1.5");
	assert_string_equal(element->path, "/org/a/1");
	assert_string_equal(element->role, "frame");
	assert_string_equal(element->name, "Title");
	assert_null(element->value);
	assert_int_equal(element->place.window, 77);
	assert_int_equal(element->box.x, 10);
	assert_int_equal(element->box.height, 50);
	assert_true(element_has(element, ELEMENT_SHOWING));
	assert_true(element_has(element, (enum element_state)35));
	assert_false(element_has(element, ELEMENT_FOCUSED));
	element_list_finish(&list);
}

static void damaged_nodes_are_refused(void **state)
{
	(void)state;
	/* Each replaces a member of a good node. */
	static const char *const members[][2] = { { "\"depth\":0", "\"depth\":1" },
		{ "\"depth\":0", "\"depth\":-1" }, { "\"depth\":0", "\"depth\":\"0\"" },
		{ "\":1.5\"", "\"org.name\"" }, { "\":1.5\"", "\":1.5 \"" }, { "\":1.5\"", "7" },
		{ "\"/org/a/1\"", "\"org/a\"" }, { "\"/org/a/1\"", "\"/org/../a\"" },
		{ "\"/org/a/1\"", "null" }, { "\"window\":77", "\"window\":4294967296" },
		{ "\"window\":77", "\"window\":-1" }, { "\"role\":\"frame\"", "\"role\":5" },
		{ "\"name\":\"Title\"", "\"name\":[]" }, { NODE_STATES, "\"states\":[1]" },
		{ NODE_STATES, "\"states\":[1,-1]" }, { NODE_STATES, "\"states\":[1,4294967296]" },
		{ NODE_STATES, "\"states\":[\"1\",2]" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(members); i++) {
		char text[1024];
		struct element_list list = { .items = NULL };
		const char *at = strstr(NODE, members[i][0]);
		assert_non_null(at);
		snprintf(text, sizeof(text), "{\"nodes\":[%.*s%s%s]}", (int)(at - NODE), NODE,
				members[i][1], at + strlen(members[i][0]));
		if (parse(text, &list) != CUA_ERR_APP) {
			fail_msg("taken: %s", text);
		}
		assert_null(list.items);
	}
	static const char *const others[] = { "{}", "{\"nodes\":{}}", "{\"nodes\":[7]}",
		"{\"nodes\":[" NODE ",{}]}" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(others); i++) {
		struct element_list list = { .items = NULL };
		assert_int_equal(parse(others[i], &list), CUA_ERR_APP);
	}
}

static void boxes_end_at_the_screen(void **state)
{
	(void)state;
	static const struct {
		const char *box;
		struct cua_region want; /* width 0: nothing shows */
	} cases[] = {
		{ "\"x\":-10,\"y\":-5,\"width\":30,\"height\":20", { 0, 0, 20, 15 } },
		{ "\"x\":1270,\"y\":790,\"width\":99,\"height\":99", { 1270, 790, 10, 10 } },
		{ "\"x\":1280,\"y\":0,\"width\":5,\"height\":5", { 0 } },
		{ "\"x\":5,\"y\":5,\"width\":0,\"height\":5", { 0 } },
		{ "\"x\":5,\"y\":5,\"width\":-3,\"height\":5", { 0 } },
		{ "\"x\":-2147483648,\"y\":-2147483648,\"width\":1,\"height\":1", { 0 } },
		{ "\"x\":1e300,\"y\":0,\"width\":1e300,\"height\":1", { 0 } },
		{ "\"x\":\"1\",\"y\":0,\"width\":10,\"height\":1", { 0 } },
	};
	const struct cua_region bounds = { 0, 0, 1280, 800 };
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		char text[256];
		struct cua_region box = { 0 };
		snprintf(text, sizeof(text), "{%s}", cases[i].box);
		CUA_AUTO_JSON cJSON *json = cJSON_Parse(text);
		assert_int_equal(element_read_box(json, &bounds, &box), cases[i].want.width > 0);
		assert_memory_equal(&box, &cases[i].want, sizeof(box));
	}
}

static void texts_come_without_control_characters_and_whole(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t max;
		const char *want;
	} cases[] = {
		{ "plain", 100, "plain" },
		{ "line\nbreak\x1b[31m\x7f", 100, "line break [31m " },
		{ "h\xc3\xa9llo", 2, "h" },
		{ "h\xc3\xa9llo", 3, "h\xc3\xa9" },
		{ "bad \xff byte", 100, "" },
		{ "c1 \xc2\x9b"
		  "31m \xc2\xa0",
				100, "c1   31m \xc2\xa0" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		CUA_AUTO_JSON cJSON *json = cJSON_CreateString(cases[i].in);
		CUA_AUTO_FREE char *text = element_clean_text(json, cases[i].max);
		assert_string_equal(text, cases[i].want);
	}
	assert_null(element_clean_text(NULL, 5));
}

static void too_much_is_refused(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *answer = cJSON_CreateObject();
	cJSON *nodes = cJSON_AddArrayToObject(answer, "nodes");
	cJSON *words = cJSON_AddArrayToObject(answer, "words");
	for (int i = 0; i <= READER_NODES_MAX; i++) {
		cJSON_AddItemToArray(nodes, cJSON_Parse(NODE));
	}
	for (int i = 0; i <= READER_WORDS_MAX; i++) {
		cJSON_AddItemToArray(words, cJSON_CreateObject());
	}
	struct element_list list = { .items = NULL };
	struct word_list word_list = { .items = NULL };
	const struct cua_region region = { 0, 0, 100, 100 };
	assert_int_equal(element_list_parse(answer, &screen, &list, NULL), CUA_ERR_APP);
	assert_int_equal(word_list_parse(answer, &region, &word_list, NULL), CUA_ERR_APP);
}

static void words_are_placed_on_the_screen(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *answer =
			cJSON_Parse("{\"words\":["
				    "{\"text\":\"in\",\"x\":5,\"y\":6,\"width\":10,\"height\":8,"
				    "\"confidence\":90,\"line\":1},"
				    "{\"text\":\"icon\",\"x\":5,\"y\":6,\"width\":10,\"height\":8,"
				    "\"confidence\":3,\"line\":1},"
				    "{\"text\":\" \",\"x\":5,\"y\":6,\"width\":10,\"height\":8,"
				    "\"confidence\":90,\"line\":1},"
				    "{\"text\":\"out\",\"x\":500,\"y\":6,\"width\":10,\"height\":8,"
				    "\"confidence\":90,\"line\":1}]}");
	const struct cua_region region = { 100, 200, 50, 40 };
	struct word_list list;
	assert_int_equal(word_list_parse(answer, &region, &list, NULL), CUA_OK);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].text, "in");
	assert_int_equal(list.items[0].box.x, 105);
	assert_int_equal(list.items[0].box.y, 206);
	word_list_finish(&list);
	CUA_AUTO_JSON cJSON *damaged = cJSON_Parse("{\"words\":[{\"text\":\"in\"}]}");
	assert_int_equal(word_list_parse(damaged, &region, &list, NULL), CUA_ERR_APP);
}

static void an_element_keeps_its_number(void **state)
{
	(void)state;
	struct element_refs refs = { .ring = NULL };
	const unsigned int one = element_refs_number(
			&refs, ":1.1", "/a/1", &(struct element_place){ .window = 5 });
	const unsigned int two = element_refs_number(
			&refs, ":1.1", "/a/2", &(struct element_place){ .window = 5 });
	const unsigned int other = element_refs_number(
			&refs, ":1.2", "/a/1", &(struct element_place){ .window = 6 });
	assert_int_equal(one, 1);
	assert_true(two != one && other != one && other != two);
	assert_int_equal(element_refs_number(&refs, ":1.1", "/a/1",
					 &(struct element_place){ .window = 9 }),
			one);
	assert_int_equal(element_refs_find(&refs, one)->place.window, 9);
	assert_string_equal(element_refs_find(&refs, other)->bus, ":1.2");
	assert_null(element_refs_find(&refs, 4));
	assert_null(element_refs_find(&refs, 0));
	/* So many others that the first is forgotten: then it is a new one. */
	char path[32];
	for (int i = 0; i < ELEMENT_REFS_MAX; i++) {
		snprintf(path, sizeof(path), "/b/%d", i);
		assert_true(element_refs_number(&refs, ":1.1", path,
					    &(struct element_place){ .window = 5 }) > other);
	}
	assert_null(element_refs_find(&refs, one));
	assert_true(element_refs_number(&refs, ":1.1", "/a/1",
				    &(struct element_place){ .window = 5 }) > ELEMENT_REFS_MAX);
	element_refs_finish(&refs);
}

static void references_are_spelled_as_given(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned int number;
	} cases[] = { { "e12", 12 }, { "12", 12 }, { "e1", 1 }, { "", 0 }, { "e", 0 }, { "e0", 0 },
		{ "0", 0 }, { "e-1", 0 }, { "e+1", 0 }, { "e 1", 0 }, { "e1 ", 0 }, { "E1", 0 },
		{ "ee1", 0 }, { "e01", 0 }, { "e1x", 0 }, { "e999999999", 999999999 },
		{ "e4294967295", 4294967295U }, { "e4294967296", 0 }, { "e12345678901", 0 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(cases); i++) {
		assert_int_equal(element_ref_parse(cases[i].text), cases[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_arrives_as_it_was_sent),
		cmocka_unit_test(damaged_nodes_are_refused),
		cmocka_unit_test(boxes_end_at_the_screen),
		cmocka_unit_test(texts_come_without_control_characters_and_whole),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(words_are_placed_on_the_screen),
		cmocka_unit_test(an_element_keeps_its_number),
		cmocka_unit_test(references_are_spelled_as_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Bodies and queries are what their fields say, and every route can be told of. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/fields.h"
#include "cua/server/server.h"

static const struct field inner_fields[] = { { "x", FIELD_WHOLE, FIELD_REQUIRED, 0, 10 }, { 0 } };
static const struct fields inner = { "Inner", inner_fields };
static const struct field outer_fields[] = { { "text", FIELD_TEXT, FIELD_REQUIRED, 1, 5 },
	{ "choice", FIELD_TEXT, FIELD_NULLABLE, .choices = "one|two" },
	{ "number", FIELD_NUMBER, 0, -1, 1 }, { "flag", FIELD_BOOL },
	{ "texts", FIELD_TEXTS, 0, 0, 2 }, { "inner", FIELD_OBJECT, .of = &inner },
	{ "list", FIELD_LIST, .of = &inner }, { "any", FIELD_ANY }, { 0 } };
static const struct fields outer = { "Outer", outer_fields };

static void bodies_are_checked(void **state)
{
	static const struct {
		const char *body, *says; /* NULL: it is good */
	} rows[] = { { "{\"text\":\"a\"}", NULL },
		{ "{\"text\":\"a\",\"choice\":null,\"number\":-1,\"flag\":true,\"texts\":[\"a\"],"
		  "\"inner\":{\"x\":0},\"list\":[{\"x\":10}],\"any\":[1]}",
				NULL },
		{ "{}", "text is missing" }, { "[]", "must be an object" },
		{ "{\"text\":\"\"}", "1 to 5" }, { "{\"text\":\"aaaaaa\"}", "1 to 5" },
		{ "{\"text\":null}", "text must be a text" }, { "{\"text\":\"\xff\"}", "text" },
		{ "{\"text\":\"a\",\"choice\":\"on\"}", "one of one|two" },
		{ "{\"text\":\"a\",\"choice\":\"one|two\"}", "one of one|two" },
		{ "{\"text\":\"a\",\"number\":1.5}", "from -1 to 1" },
		{ "{\"text\":\"a\",\"number\":1e999}", "number" },
		{ "{\"text\":\"a\",\"flag\":1}", "true or false" },
		{ "{\"text\":\"a\",\"texts\":[1]}", "texts[0]" },
		{ "{\"text\":\"a\",\"texts\":[\"1\",\"2\",\"3\"]}", "more than 2" },
		{ "{\"text\":\"a\",\"inner\":{}}", "inner.x is missing" },
		{ "{\"text\":\"a\",\"inner\":{\"x\":0.5}}", "inner.x" },
		{ "{\"text\":\"a\",\"list\":[{\"x\":1},{\"y\":1}]}", "list[1].y" },
		{ "{\"text\":\"a\",\"txet\":\"a\"}", "did you mean" },
		{ "{\"text\":\"a\",\"text\":\"b\"}", "twice" } };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_error why = { 0 };
		CUA_AUTO_JSON cJSON *body = cJSON_Parse(rows[i].body);
		assert_non_null(body);
		const enum cua_status status = fields_check(&outer, body, &why);
		if ((status == CUA_OK) != !rows[i].says ||
				(rows[i].says && !strstr(why.msg, rows[i].says))) {
			fail_msg("%s: %s", rows[i].body, why.msg);
		}
	}
}

static void queries_are_checked(void **state)
{
	char text[] = "text=a=b", number[] = "number=0.5", flag[] = "flag=true", bad[] = "number=x",
	     none[] = "nothing=1", bare[] = "text";
	struct cua_http_head head = { .arguments = { text, number, flag } };
	struct cua_error why = { 0 };
	CUA_AUTO_JSON cJSON *query = NULL;
	(void)state;
	assert_int_equal(fields_take_query(&outer, &head, &query, &why), CUA_OK);
	assert_string_equal(cua_json_text(query, "text"), "a=b");
	assert_true(cua_json_number(query, "number") == 0.5);
	char *const wrong[] = { bad, none, bare };
	for (size_t i = 0; i < CUA_ARRAY_LEN(wrong); i++) {
		struct cua_http_head other = { .arguments = { text, wrong[i] } };
		CUA_AUTO_JSON cJSON *nothing = NULL;
		assert_int_equal(fields_take_query(&outer, &other, &nothing, &why), CUA_ERR_INVAL);
		assert_null(nothing);
	}
}

/* References lead somewhere, and names are of one kind. */
static void openapi_is_whole(void **state)
{
	CUA_AUTO_JSON cJSON *json = server_openapi();
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	const cJSON *schemas = cua_json_member(cua_json_member(json, "components"), "schemas");
	int routes = 0;
	(void)state;
	for (const char *at = text; (at = strstr(at, "#/components/schemas/")); at++) {
		char name[64];
		const char *start = at + strlen("#/components/schemas/");
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(start, "\""), start);
		if (!cua_json_member(schemas, name)) {
			fail_msg("%s is nowhere", name);
		}
	}
	for (const struct routes *const *tables = server_routes; *tables; tables++) {
		for (size_t i = 0; i < (*tables)->count; i++) {
			const struct route *route = &(*tables)->list[i];
			char id[80];
			snprintf(id, sizeof(id), "\"operationId\":\"%s\"", route->name);
			const char *first = strstr(text, id);
			assert_non_null(first);
			assert_null(strstr(first + 1, id));
			/* Nothing acts by GET, and whatever acts wants more than to watch; /mcp
			 * offers what the token may, and viewers and tickets may watch alone. */
			if (strcmp(route->method, "GET") != 0 && !(route->flags & ROUTE_PUBLIC) &&
					strcmp(route->path, "/v1/session") != 0 &&
					strcmp(route->path, "/mcp") != 0 &&
					strcmp(route->name, "createTicket") != 0 &&
					strcmp(route->name, "viewDesktop") != 0) {
				assert_true(route->scope > SCOPE_WATCH);
			}
			routes++;
		}
	}
	assert_true(routes > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_checked),
		cmocka_unit_test(queries_are_checked),
		cmocka_unit_test(openapi_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

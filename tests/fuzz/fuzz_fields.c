/* Bodies and queries of every route: what is taken is what its fields say. The first line is a
 * query, its arguments as they are decoded, with tabs between them; the rest is a body. */
#include <math.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "cua/server/route.h"
#include "tests/fuzz/fuzz.h"

static void check_object(const struct fields *fields, const cJSON *object);

static void check_member(const struct field *field, const cJSON *value)
{
	const cJSON *item = NULL;
	if (cJSON_IsNull(value) || field->type == FIELD_ANY) {
		FUZZ_CHECK(field->type == FIELD_ANY || field->flags & FIELD_NULLABLE);
		return;
	}
	switch (field->type) {
	case FIELD_TEXT:
		FUZZ_CHECK(cua_utf8_check(value->valuestring, strlen(value->valuestring), NULL) ==
				CUA_OK);
		FUZZ_CHECK(field->max == 0 || (double)strlen(value->valuestring) <= field->max);
		break;
	case FIELD_NUMBER:
	case FIELD_WHOLE:
		FUZZ_CHECK(isfinite(value->valuedouble));
		FUZZ_CHECK(field->type != FIELD_WHOLE ||
				floor(value->valuedouble) == value->valuedouble);
		FUZZ_CHECK((field->min == 0 && field->max == 0) ||
				(value->valuedouble >= field->min &&
						value->valuedouble <= field->max));
		break;
	case FIELD_OBJECT:
		check_object(field->of, value);
		break;
	case FIELD_LIST:
		cJSON_ArrayForEach (item, value) {
			check_object(field->of, item);
		}
		break;
	default:
		FUZZ_CHECK(field->type == FIELD_BOOL ? cJSON_IsBool(value) : cJSON_IsArray(value));
	}
}

static void check_object(const struct fields *fields, const cJSON *object)
{
	const cJSON *member = NULL;
	FUZZ_CHECK(cJSON_IsObject(object));
	cJSON_ArrayForEach (member, object) {
		const struct field *field = fields->list;
		while (field->name && strcmp(field->name, member->string) != 0) {
			field++;
		}
		FUZZ_CHECK(field->name);
		check_member(field, member);
	}
}

static void take(const struct route *route, const struct cua_http_head *head, const cJSON *body)
{
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *query = NULL;
	if (body && route->body && fields_check(route->body, body, &error) == CUA_OK) {
		check_object(route->body, body);
	}
	if (fields_take_query(route->query, head, &query, &error) == CUA_OK) {
		FUZZ_CHECK(route->query || !query->child);
		if (route->query) {
			check_object(route->query, query);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cua_http_head head = { 0 };
	CUA_AUTO_FREE char *text = calloc(1, size + 1);
	FUZZ_CHECK(text);
	memcpy(text, data, size);
	char *rest = strchr(text, '\n');
	if (rest) {
		*rest++ = '\0';
	}
	CUA_AUTO_JSON cJSON *body = rest ? cJSON_Parse(rest) : NULL;
	char *arguments = text;
	for (size_t i = 0; i < CUA_HTTP_ARGUMENTS_MAX - 1 && arguments; i++) {
		head.arguments[i] = strsep(&arguments, "\t");
	}
	for (const struct routes *const *routes = server_routes; *routes; routes++) {
		for (size_t i = 0; i < (*routes)->count; i++) {
			take(&(*routes)->list[i], &head, body);
		}
	}
	return 0;
}

#include "agent/model/json_span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

static size_t skip_space(const char *text, size_t at, size_t len)
{
	while (at < len && memchr(" \t\r\n", text[at], 4)) {
		at++;
	}
	return at;
}

/* at: the opening quote. Returns the place after the closing one. Looks at each byte once, and at
 * many at a time: a picture is a string, too. */
static size_t skip_string(const char *text, size_t at, size_t len)
{
	const char *from = text + at + 1, *end = text + len, *quote = NULL;
	while (from < end && (quote = memchr(from, '"', (size_t)(end - from)))) {
		const char *escape = NULL;
		while (from < quote && (escape = memchr(from, '\\', (size_t)(quote - from)))) {
			from = escape + 2;
		}
		if (from <= quote) {
			return (size_t)(quote - text) + 1;
		}
	}
	return len;
}

/* What a look at a text says of it before it is parsed. */
struct shape {
	int depth;    /* how deep it nests */
	size_t count; /* brackets that open, and commas: values come behind these */
};

/* Returns the place after the value that starts at `at`. */
static size_t skip_value(const char *text, size_t at, size_t len, struct shape *ret_shape)
{
	struct shape shape = { 0 };
	int depth = 0;
	while (at < len) {
		char byte = text[at];
		if (byte == '"') {
			at = skip_string(text, at, len);
		} else if (byte == '{' || byte == '[') {
			depth++;
			shape.depth = depth > shape.depth ? depth : shape.depth;
			shape.count++;
			at++;
		} else if (depth == 0 && (byte == '}' || byte == ']' || byte == ',')) {
			break;
		} else {
			depth -= byte == '}' || byte == ']';
			shape.count += byte == ',';
			at++;
		}
		if (depth == 0 && memchr("\"}]", text[at - 1], 3)) {
			break;
		}
	}
	if (ret_shape) {
		*ret_shape = shape;
	}
	return at;
}

size_t agent_json_count(struct agent_json_span text)
{
	struct shape shape;
	skip_value(text.at, skip_space(text.at, 0, text.len), text.len, &shape);
	return shape.count + 1;
}

enum cua_status agent_json_parse(const char *text, size_t len, const char *what, cJSON **ret_json,
		struct cua_error *err)
{
	if (cua_utf8_check(text, len, err) != CUA_OK) {
		cua_error_prefix(err, "%s", what);
		if (err) {
			err->status = CUA_ERR_MODEL;
		}
		return CUA_ERR_MODEL;
	}
	/* cJSON takes it inside a string, which then ends early for everyone who measures it. */
	if (memchr(text, '\0', len)) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "%s contains a NUL character", what);
	}
	struct shape shape;
	skip_value(text, skip_space(text, 0, len), len, &shape);
	if (shape.depth > AGENT_JSON_DEPTH_MAX) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "%s nests deeper than %d", what,
				AGENT_JSON_DEPTH_MAX);
	}
	if (shape.count >= AGENT_JSON_VALUES_MAX) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "%s has over %d values", what,
				AGENT_JSON_VALUES_MAX);
	}
	const char *end = NULL;
	cJSON *json = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (!json) {
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "%s is not JSON", what);
	}
	if (skip_space(text, (size_t)(end - text), len) != len) {
		cJSON_Delete(json);
		return CUA_FAIL(err, CUA_ERR_MODEL, 0, "%s has text after its JSON", what);
	}
	*ret_json = json;
	return CUA_OK;
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static enum cua_status check_members(const cJSON *object, const char *what, struct cua_error *err)
{
	const cJSON *member = NULL;
	size_t count = 0;
	CUA_AUTO_FREE const char **names =
			calloc((size_t)cJSON_GetArraySize(object) + 1, sizeof(*names));
	if (!names) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "%s", what);
	}
	cJSON_ArrayForEach (member, object) {
		names[count++] = member->string;
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(names[i - 1], names[i]) == 0) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s have \"%.60s\" twice", what,
					names[i]);
		}
	}
	return CUA_OK;
}

enum cua_status agent_json_check_names(const cJSON *json, const char *what, struct cua_error *err)
{
	enum cua_status status = cJSON_IsObject(json) ? check_members(json, what, err) : CUA_OK;
	for (const cJSON *child = json->child; status == CUA_OK && child; child = child->next) {
		status = child->child ? agent_json_check_names(child, what, err) : CUA_OK;
	}
	return status;
}

static struct agent_json_span trimmed(const char *text, size_t from, size_t to)
{
	while (to > from && memchr(" \t\r\n", text[to - 1], 4)) {
		to--;
	}
	return (struct agent_json_span){ text + from, to - from };
}

/* Steps over a comma or the opening bracket. False at the closing bracket. */
static bool next_item(struct agent_json_span list, size_t *at)
{
	*at = skip_space(list.at, *at, list.len);
	if (*at < list.len && memchr("{[,", list.at[*at], 3)) {
		*at = skip_space(list.at, *at + 1, list.len);
	}
	return *at < list.len && list.at[*at] != '}' && list.at[*at] != ']';
}

bool agent_json_member(
		struct agent_json_span object, const char *name, struct agent_json_span *ret_value)
{
	size_t name_len = strlen(name);
	size_t at = 0;
	if (object.len == 0 || object.at[skip_space(object.at, 0, object.len)] != '{') {
		return false;
	}
	while (next_item(object, &at)) {
		const char *key = object.at + at + 1;
		size_t after = skip_string(object.at, at, object.len);
		size_t key_len = after - at - 2;
		at = skip_space(object.at, after, object.len);
		at = skip_space(object.at, at + 1, object.len); /* the colon */
		size_t end = skip_value(object.at, at, object.len, NULL);
		if (key_len == name_len && memcmp(key, name, name_len) == 0) {
			*ret_value = trimmed(object.at, at, end);
			return true;
		}
		at = end;
	}
	return false;
}

bool agent_json_element(struct agent_json_span list, size_t *at, struct agent_json_span *ret_value)
{
	/* Another opening bracket than the list's own belongs to the element: step over the
	 * list's at 0 only. */
	*at = skip_space(list.at, *at, list.len);
	if (*at < list.len && (list.at[*at] == ',' || *at == skip_space(list.at, 0, list.len))) {
		*at = skip_space(list.at, *at + 1, list.len);
	}
	if (*at >= list.len || list.at[*at] == ']') {
		return false;
	}
	size_t end = skip_value(list.at, *at, list.len, NULL);
	*ret_value = trimmed(list.at, *at, end);
	*at = end;
	return true;
}

void agent_json_place(const char *text, const char *at, int *ret_line, int *ret_column)
{
	int line = 1, column = 1;
	for (const char *byte = text; byte && byte < at; byte++) {
		column = *byte == '\n' ? 1 : column + 1;
		line += *byte == '\n';
	}
	*ret_line = line;
	*ret_column = column;
}

bool agent_json_has_nul(struct agent_json_span text)
{
	for (size_t at = 0; at + 1 < text.len; at++) {
		if (text.at[at] != '\\') {
			continue;
		}
		if (text.len - at >= 6 && memcmp(text.at + at + 1, "u0000", 5) == 0) {
			return true;
		}
		at++;
	}
	return false;
}

#include "agent/model/chat_profile.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define TEXT_MAX ((size_t)1 << 20)

void chat_skip_space(const char **at)
{
	*at += strspn(*at, " \t\r\n");
}

static enum cua_status expected(const char *what, const char *at, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s was expected at \"%.40s\"", what, at);
}

/* --- strings --- */

static bool read_hex(const char *at, int digits, unsigned *ret_value)
{
	unsigned value = 0;
	for (int i = 0; i < digits; i++) {
		if (!isxdigit((unsigned char)at[i])) {
			return false;
		}
		int digit = tolower((unsigned char)at[i]);
		value = value * 16 + (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
	}
	*ret_value = value;
	return true;
}

static enum cua_status add_char(struct cua_buffer *text, unsigned c, struct cua_error *err)
{
	char bytes[4];
	int len = 0;
	if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "U+%04X is no character", c);
	}
	if (c < 0x80) {
		bytes[len++] = (char)c;
	} else if (c < 0x800) {
		bytes[len++] = (char)(0xC0 | (c >> 6));
	} else if (c < 0x10000) {
		bytes[len++] = (char)(0xE0 | (c >> 12));
		bytes[len++] = (char)(0x80 | ((c >> 6) & 0x3F));
	} else {
		bytes[len++] = (char)(0xF0 | (c >> 18));
		bytes[len++] = (char)(0x80 | ((c >> 12) & 0x3F));
		bytes[len++] = (char)(0x80 | ((c >> 6) & 0x3F));
	}
	if (c >= 0x80) {
		bytes[len++] = (char)(0x80 | (c & 0x3F));
	}
	return cua_buffer_append(text, bytes, (size_t)len, err);
}

/* \xHH, \uXXXX, with both halves of a surrogate pair, \UXXXXXXXX. at: the letter. */
static enum cua_status read_number_escape(
		const char **at, struct cua_buffer *text, struct cua_error *err)
{
	const int digits = **at == 'x' ? 2 : **at == 'u' ? 4 : 8;
	unsigned value = 0, low = 0;
	if (!read_hex(*at + 1, digits, &value)) {
		return expected("an escape", *at - 1, err);
	}
	*at += 1 + digits;
	if (value >= 0xD800 && value < 0xDC00 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
			read_hex(*at + 2, 4, &low) && low >= 0xDC00 && low < 0xE000) {
		value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
		*at += 6;
	}
	return add_char(text, value, err);
}

/* at: behind the backslash. As in Python, one that escapes nothing stays. */
static enum cua_status read_escape(const char **at, struct cua_buffer *text, struct cua_error *err)
{
	static const char letters[] = "ntrbf", meant[] = "\n\t\r\b\f";
	const char c = **at, *letter = c ? strchr(letters, c) : NULL;
	if (c == 'x' || c == 'u' || c == 'U') {
		return read_number_escape(at, text, err);
	}
	if (!c) {
		return expected("the end of a string", *at, err);
	}
	*at += 1;
	if (letter) {
		return cua_buffer_append(text, &meant[letter - letters], 1, err);
	}
	if (c == '\n') {
		return CUA_OK; /* a line that goes on */
	}
	enum cua_status status =
			strchr("\\'\"/", c) ? CUA_OK : cua_buffer_append(text, "\\", 1, err);
	return status == CUA_OK ? cua_buffer_append(text, &c, 1, err) : status;
}

static enum cua_status read_string(const char **at, cJSON **ret_value, struct cua_error *err)
{
	const char quote = **at;
	const char *from = *at;
	enum cua_status status = CUA_OK;
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, TEXT_MAX);
	*at += 1;
	while (status == CUA_OK && **at != quote) {
		size_t len = strcspn(*at, quote == '"' ? "\"\\" : "'\\");
		status = len > 0 ? cua_buffer_append(&text, *at, len, err) : CUA_OK;
		*at += len;
		if (status == CUA_OK && **at == '\\') {
			*at += 1;
			status = read_escape(at, &text, err);
		} else if (status == CUA_OK && !**at) {
			status = CUA_FAIL(
					err, CUA_ERR_INVAL, 0, "the string %.40s has no end", from);
		}
	}
	if (status == CUA_ERR_TOO_LARGE) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a string is over %zu bytes", TEXT_MAX);
	}
	if (status != CUA_OK) {
		return status;
	}
	*at += 1;
	*ret_value = cJSON_CreateString(text.data ? text.data : "");
	return *ret_value ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "string");
}

/* --- everything else --- */

static enum cua_status read_word(const char **at, cJSON **ret_value, struct cua_error *err)
{
	static const struct {
		const char *word;
		int value; /* -1: nothing */
	} words[] = { { "True", 1 }, { "true", 1 }, { "False", 0 }, { "false", 0 }, { "None", -1 },
		{ "null", -1 } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i].word);
		if (strncmp(*at, words[i].word, len) == 0 && !isalnum((unsigned char)(*at)[len])) {
			*at += len;
			*ret_value = words[i].value < 0 ? cJSON_CreateNull()
							: cJSON_CreateBool(words[i].value);
			return *ret_value ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "value");
		}
	}
	return expected("a value", *at, err);
}

static enum cua_status read_number(const char **at, cJSON **ret_value, struct cua_error *err)
{
	char text[40];
	size_t len = strspn(*at, "+-.0123456789eE");
	char *end = NULL;
	if (len == 0 || len >= sizeof(text)) {
		return expected("a number", *at, err);
	}
	snprintf(text, sizeof(text), "%.*s", (int)len, *at);
	double value = strtod(text, &end);
	if (*end || !isfinite(value)) {
		return expected("a number", *at, err);
	}
	*at += len;
	*ret_value = cJSON_CreateNumber(value);
	return *ret_value ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "number");
}

static enum cua_status read_value(
		const char **at, int depth, cJSON **ret_value, struct cua_error *err);

/* Takes the value over. */
static enum cua_status add_member(cJSON *to, const char *key, cJSON *value, struct cua_error *err)
{
	if (key && cua_json_member(to, key)) {
		cJSON_Delete(value);
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "\"%.40s\" is given twice", key);
	}
	bool ok = key ? cJSON_AddItemToObject(to, key, value) : cJSON_AddItemToArray(to, value);
	if (!ok) {
		cJSON_Delete(value);
	}
	return ok ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "value");
}

static enum cua_status read_key(const char **at, cJSON **ret_key, struct cua_error *err)
{
	if (**at != '"' && **at != '\'') {
		return expected("a name in quotes", *at, err);
	}
	enum cua_status status = read_string(at, ret_key, err);
	chat_skip_space(at);
	if (status == CUA_OK && **at != ':') {
		cJSON_Delete(CUA_STEAL(*ret_key));
		return expected("a colon", *at, err);
	}
	*at += status == CUA_OK;
	return status;
}

/* Lists, tuples and dictionaries, with or without a comma at their end. */
static enum cua_status read_members(
		const char **at, char close, int depth, cJSON *to, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int count = 0;; count++) {
		CUA_AUTO_JSON cJSON *key = NULL;
		cJSON *value = NULL;
		chat_skip_space(at);
		if (**at == close) {
			*at += 1;
			return CUA_OK;
		}
		if (count == CHAT_LITERAL_ITEMS_MAX) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a list has over %d items",
					CHAT_LITERAL_ITEMS_MAX);
		}
		status = close == '}' ? read_key(at, &key, err) : CUA_OK;
		if (status == CUA_OK) {
			status = read_value(at, depth, &value, err);
		}
		if (status == CUA_OK) {
			status = add_member(to, cJSON_GetStringValue(key), value, err);
		}
		if (status != CUA_OK) {
			return status;
		}
		chat_skip_space(at);
		if (**at != ',' && **at != close) {
			return expected("a comma", *at, err);
		}
		*at += **at == ',';
	}
}

static enum cua_status read_value(
		const char **at, int depth, cJSON **ret_value, struct cua_error *err)
{
	chat_skip_space(at);
	const char open = **at;
	if (open == '"' || open == '\'') {
		return read_string(at, ret_value, err);
	}
	if (open != '{' && open != '[' && open != '(') {
		return isalpha((unsigned char)open) ? read_word(at, ret_value, err)
						    : read_number(at, ret_value, err);
	}
	if (depth == CHAT_LITERAL_DEPTH_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "values nest deeper than %d",
				CHAT_LITERAL_DEPTH_MAX);
	}
	CUA_AUTO_JSON cJSON *value = open == '{' ? cJSON_CreateObject() : cJSON_CreateArray();
	if (!value) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "value");
	}
	*at += 1;
	enum cua_status status = read_members(at,
			open == '{'                   ? '}'
					: open == '[' ? ']'
						      : ')',
			depth + 1, value, err);
	if (status == CUA_OK) {
		*ret_value = CUA_STEAL(value);
	}
	return status;
}

enum cua_status chat_literal_parse(const char **at, cJSON **ret_value, struct cua_error *err)
{
	return read_value(at, 0, ret_value, err);
}

/* --- calls --- */

static size_t name_len(const char *at)
{
	size_t len = 0;
	while (isalnum((unsigned char)at[len]) || at[len] == '_' || (len > 0 && at[len] == '.')) {
		len++;
	}
	return isdigit((unsigned char)at[0]) ? 0 : len;
}

static enum cua_status read_argument(
		const char **at, int place, cJSON *arguments, struct cua_error *err)
{
	char key[64];
	cJSON *value = NULL;
	size_t len = name_len(*at);
	const char *after = *at + len;
	chat_skip_space(&after);
	snprintf(key, sizeof(key), "%d", place);
	if (len > 0 && *after == '=') {
		snprintf(key, sizeof(key), "%.*s", (int)len, *at);
		*at = after + 1;
	}
	enum cua_status status = read_value(at, 0, &value, err);
	return status == CUA_OK ? add_member(arguments, key, value, err) : status;
}

enum cua_status chat_call_parse(const char **at, char *name, size_t name_size,
		cJSON **ret_arguments, struct cua_error *err)
{
	size_t len = name_len(*at);
	CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
	enum cua_status status = arguments ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "call");
	if (status == CUA_OK && (len == 0 || len >= name_size || (*at)[len] != '(')) {
		return expected("a call", *at, err);
	}
	snprintf(name, name_size, "%.*s", (int)len, *at);
	*at += len + 1;
	chat_skip_space(at);
	for (int place = 0; status == CUA_OK && **at != ')'; place++) {
		status = place == CHAT_LITERAL_ITEMS_MAX
				? CUA_FAIL(err, CUA_ERR_INVAL, 0, "a call has over %d arguments",
						  CHAT_LITERAL_ITEMS_MAX)
				: read_argument(at, place, arguments, err);
		chat_skip_space(at);
		if (status == CUA_OK && **at != ',' && **at != ')') {
			return expected("a comma", *at, err);
		}
		*at += status == CUA_OK && **at == ',';
		chat_skip_space(at);
	}
	if (status == CUA_OK) {
		*at += 1;
		*ret_arguments = CUA_STEAL(arguments);
	}
	return status;
}

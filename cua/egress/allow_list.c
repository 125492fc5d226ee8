#include "cua/egress/allow_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

#define FILE_MAX ((size_t)1 << 20) /* bytes */
#define NAMES_MAX (EGRESS_LIST_MAX / 4)

struct names {
	char (*list)[EGRESS_RULE_MAX]; /* owned */
	size_t count;
};

/* One with two labels or more: everything under "com" or "localhost" is never meant. */
static bool read_entry(const char *text, size_t len, char ret_entry[EGRESS_RULE_MAX])
{
	char name[CUA_HOST_NAME_MAX + 1];
	const bool is_under = len > 2 && text[0] == '*' && text[1] == '.';
	const size_t skip = is_under ? 2 : 0;
	if (!cua_host_name_read(text + skip, len - skip, name) || !strchr(name, '.')) {
		return false;
	}
	snprintf(ret_entry, EGRESS_RULE_MAX, "%s%s", is_under ? "*." : "", name);
	return true;
}

static enum cua_status add(struct names *names, const char *text, size_t len, struct cua_error *err)
{
	char entry[EGRESS_RULE_MAX];
	if (!read_entry(text, len, entry)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"'%.*s' is no name: write example.org, or *.example.org for all "
				"names under it; no URL, port or address, and names beyond ASCII "
				"as xn--...",
				len > 80 ? 80 : (int)len, text);
	}
	if (names->count == NAMES_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %d names", NAMES_MAX);
	}
	memcpy(names->list[names->count++], entry, sizeof(entry));
	return CUA_OK;
}

static enum cua_status add_words(struct names *names, const char *words, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (const char *at = words; status == CUA_OK;) {
		const size_t len = strcspn(at, ",");
		status = add(names, at, len, err);
		if (!at[len]) {
			break;
		}
		at += len + 1;
	}
	return status;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) {
		at++;
	}
	return at;
}

/* One line, without its line break. */
static enum cua_status add_line(
		struct names *names, const char *at, size_t len, struct cua_error *err)
{
	const char *comment = memchr(at, '#', len);
	const char *end = comment ? comment : at + len;
	at = skip_blanks(at, end);
	while (end > at && skip_blanks(end - 1, end) == end) {
		end--;
	}
	return at == end ? CUA_OK : add(names, at, (size_t)(end - at), err);
}

static enum cua_status add_file(struct names *names, const char *path, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, FILE_MAX);
	enum cua_status status = cua_file_read(path, &text, err);
	const char *at = text.data ? text.data : "", *end = at + text.len;
	for (int number = 1; status == CUA_OK && at < end; number++) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		line_end = line_end ? line_end : end;
		status = add_line(names, at, (size_t)(line_end - at), err);
		if (status != CUA_OK) {
			cua_error_prefix(err, "%s:%d", path, number);
		}
		at = line_end + 1;
	}
	return status;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static enum cua_status write_list(
		struct names *names, char ret_list[EGRESS_LIST_MAX], struct cua_error *err)
{
	char list[EGRESS_LIST_MAX];
	size_t len = 0;
	qsort(names->list, names->count, sizeof(*names->list), by_text);
	for (size_t i = 0; i < names->count; i++) {
		if (i > 0 && strcmp(names->list[i], names->list[i - 1]) == 0) {
			continue;
		}
		const int more = snprintf(list + len, sizeof(list) - len, "%s%s",
				len > 0 ? "," : "", names->list[i]);
		if (more < 0 || (size_t)more >= sizeof(list) - len) {
			return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
					"the names have more than %d bytes; *.example.org stands "
					"for many",
					EGRESS_LIST_MAX - 1);
		}
		len += (size_t)more;
	}
	if (len == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"there is no name; without any, the network is none");
	}
	memcpy(ret_list, list, len + 1);
	return CUA_OK;
}

enum cua_status egress_list_read(
		const char *words, char ret_list[EGRESS_LIST_MAX], struct cua_error *err)
{
	CUA_AUTO_FREE char(*list)[EGRESS_RULE_MAX] = calloc(NAMES_MAX, sizeof(*list));
	struct names names = { .list = list };
	if (!list) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "list of names");
	}
	enum cua_status status = words[0] == '@' ? add_file(&names, words + 1, err)
						 : add_words(&names, words, err);
	return status == CUA_OK ? write_list(&names, ret_list, err) : status;
}

bool egress_list_match(const char *list, const char *host, char ret_rule[EGRESS_RULE_MAX])
{
	for (const char *at = list; *at;) {
		char rule[EGRESS_RULE_MAX];
		const size_t len = strcspn(at, ",");
		snprintf(rule, sizeof(rule), "%.*s", (int)len, at);
		const bool is_match = strncmp(rule, "*.", 2) == 0
				? cua_host_name_is_under(host, rule + 2)
				: strcmp(host, rule) == 0;
		if (is_match) {
			memcpy(ret_rule, rule, sizeof(rule));
			return true;
		}
		at += len + (at[len] == ',');
	}
	return false;
}

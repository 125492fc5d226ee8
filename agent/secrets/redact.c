#include "agent/secrets/redact.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "cua/contract/forms.h"
#include "cua/contract/placeholder.h"

#define TEXT_MAX SIZE_MAX

/* A build that hides nothing is what the test of leaks must catch; no other has this. */
#ifdef CUA_TEST_NO_REDACTION
#define IS_HIDING false
#else
#define IS_HIDING true
#endif

struct value {
	char name[CUA_PLACEHOLDER_NAME_MAX + 1];
	void *memory; /* owned; of sodium_malloc() */
	struct cua_form forms[CUA_FORMS];
};

struct place {
	uint32_t value, form;
};

struct agent_redactor {
	struct value *values; /* owned */
	size_t count, most;   /* the most bytes that one may be spelled with */
	/* What may begin with a byte. */
	struct place *begins[256]; /* owned */
	size_t begin_count[256];
};

struct found {
	size_t at, len;
	const struct value *value;
};

/* --- making --- */

void agent_redactor_destroy(struct agent_redactor *redactor)
{
	if (!redactor) {
		return;
	}
	for (size_t i = 0; i < redactor->count; i++) {
		sodium_free(redactor->values[i].memory);
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(redactor->begins); i++) {
		free(redactor->begins[i]);
	}
	free(redactor->values);
	free(redactor);
}

static bool index_form(struct agent_redactor *redactor, struct place place)
{
	const struct cua_form *form = &redactor->values[place.value].forms[place.form];
	redactor->most =
			cua_form_most(form) > redactor->most ? cua_form_most(form) : redactor->most;
	for (unsigned int byte = 0; byte < CUA_ARRAY_LEN(redactor->begins); byte++) {
		if (!cua_form_begins(form, (unsigned char)byte)) {
			continue;
		}
		struct place *list = reallocarray(redactor->begins[byte],
				redactor->begin_count[byte] + 1, sizeof(*list));
		if (!list) {
			return false;
		}
		redactor->begins[byte] = list;
		list[redactor->begin_count[byte]++] = place;
	}
	return true;
}

enum cua_status agent_redactor_add(struct agent_redactor *redactor, const char *name,
		const char *value, struct cua_error *err)
{
	const size_t len = strlen(value);
	if (len < AGENT_SECRET_VALUE_MIN) {
		return CUA_OK;
	}
	struct value *values = reallocarray(redactor->values, redactor->count + 1, sizeof(*values));
	redactor->values = values ? values : redactor->values;
	void *memory = values ? sodium_malloc(cua_form_memory(len)) : NULL;
	if (!memory) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
	}
	struct value *added = &values[redactor->count];
	*added = (struct value){ .memory = memory };
	snprintf(added->name, sizeof(added->name), "%s", name);
	cua_form_make(value, memory, added->forms);
	bool is_whole = true;
	for (uint32_t i = 0; i < CUA_FORMS; i++) {
		const struct place place = { (uint32_t)redactor->count, i };
		is_whole = is_whole && added->forms[i].count > 0 && index_form(redactor, place);
	}
	redactor->count++;
	return is_whole ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
}

enum cua_status agent_redactor_create(const struct agent_secrets *secrets,
		struct agent_redactor **ret_redactor, struct cua_error *err)
{
	struct agent_redactor *redactor = sodium_init() < 0 ? NULL : calloc(1, sizeof(*redactor));
	enum cua_status status =
			redactor ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "secrets");
	const struct agent_secret *secret = NULL;
	for (size_t i = 0; status == CUA_OK && secrets && (secret = agent_secrets_get(secrets, i));
			i++) {
		status = agent_redactor_add(redactor, secret->name, secret->value, err);
	}
	if (status != CUA_OK) {
		agent_redactor_destroy(redactor);
		return status;
	}
	*ret_redactor = redactor;
	return CUA_OK;
}

/* --- finding --- */

/* The longest that begins exactly there. *ret_begun: the text ends within one. */
static bool find_at(const struct agent_redactor *redactor, const char *text, size_t len, size_t at,
		struct found *found, bool *ret_begun)
{
	const unsigned char byte = (unsigned char)text[at];
	found->len = 0;
	*ret_begun = false;
	for (size_t i = 0; i < redactor->begin_count[byte]; i++) {
		const struct place place = redactor->begins[byte][i];
		const struct value *value = &redactor->values[place.value];
		size_t found_len = 0;
		const enum cua_form_match match = cua_form_match(
				&value->forms[place.form], text + at, text + len, &found_len);
		*ret_begun = *ret_begun || match == CUA_FORM_BEGUN;
		if (match == CUA_FORM_WHOLE && found_len > found->len) {
			*found = (struct found){ at, found_len, value };
		}
	}
	return found->len > 0;
}

/* The first at or after `at`. */
static bool find(const struct agent_redactor *redactor, const char *text, size_t len, size_t at,
		struct found *ret_found)
{
	bool begun = false;
	if (!redactor || !IS_HIDING) {
		return false;
	}
	while (at < len) {
		if (find_at(redactor, text, len, at, ret_found, &begun)) {
			return true;
		}
		/* Blotting out from the middle of an escape would break it. */
		size_t slashes = 0;
		while (at + slashes < len && text[at + slashes] == '\\') {
			slashes++;
		}
		at += slashes > 0 ? slashes : 1;
	}
	return false;
}

bool agent_redact_finds(const struct agent_redactor *redactor, const void *bytes, size_t len)
{
	struct found found;
	return find(redactor, bytes, len, 0, &found);
}

size_t agent_redact_begun(const struct agent_redactor *redactor, const char *text, size_t len)
{
	struct found found;
	bool begun = false;
	if (!redactor || !IS_HIDING) {
		return 0;
	}
	for (size_t at = len > redactor->most ? len - redactor->most : 0; at < len; at++) {
		if (!find_at(redactor, text, len, at, &found, &begun) && begun) {
			return len - at;
		}
	}
	return 0;
}

/* --- hiding --- */

size_t agent_redact_blot(const struct agent_redactor *redactor, char *text, size_t len)
{
	struct found found = { 0 };
	size_t count = 0;
	for (size_t at = 0; find(redactor, text, len, at, &found); at = found.at + found.len) {
		memset(text + found.at, '*', found.len);
		count++;
	}
	return count;
}

/* Appends what the text becomes, from the first that was found on. */
static enum cua_status rewrite(const struct agent_redactor *redactor, const char *text, size_t len,
		struct found found, struct cua_buffer *out, size_t *ret_count)
{
	enum cua_status status = cua_buffer_reserve(out, len + 1, NULL);
	size_t at = 0;
	bool is_found = true;
	while (status == CUA_OK && is_found) {
		status = cua_buffer_append(out, text + at, found.at - at, NULL);
		if (status == CUA_OK) {
			status = cua_buffer_printf(out, NULL,
					CUA_PLACEHOLDER_BEGIN "%s" CUA_PLACEHOLDER_END,
					found.value->name);
		}
		at = found.at + found.len;
		++*ret_count;
		is_found = find(redactor, text, len, at, &found);
	}
	return status == CUA_OK ? cua_buffer_append(out, text + at, len - at, NULL) : status;
}

size_t agent_redact(const struct agent_redactor *redactor, char **text)
{
	const size_t len = strlen(*text);
	struct cua_buffer out;
	struct found found;
	size_t count = 0;
	if (!find(redactor, *text, len, 0, &found)) {
		return 0;
	}
	cua_buffer_init(&out, TEXT_MAX);
	if (rewrite(redactor, *text, len, found, &out, &count) != CUA_OK) {
		cua_buffer_finish(&out);
		agent_redact_blot(redactor, *text, len);
		return count;
	}
	sodium_memzero(*text, len);
	free(*text);
	*text = CUA_STEAL(out.data);
	return count;
}

size_t agent_redact_json(const struct agent_redactor *redactor, cJSON *json)
{
	cJSON *child = NULL;
	if (!redactor || !json) {
		return 0;
	}
	size_t count = json->string ? agent_redact(redactor, &json->string) : 0;
	if (cJSON_IsString(json)) {
		count += agent_redact(redactor, &json->valuestring);
	}
	cJSON_ArrayForEach (child, json) {
		count += agent_redact_json(redactor, child);
	}
	return count;
}

void agent_redact_fixed(const struct agent_redactor *redactor, char *text, size_t size)
{
	CUA_AUTO_FREE char *copy = strdup(text);
	if (!copy) {
		agent_redact_blot(redactor, text, strlen(text));
	} else if (agent_redact(redactor, &copy) > 0) {
		snprintf(text, size, "%s", copy);
	}
}

#include "cua/contract/forms.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

#define SPELLING_MAX 12  /* bytes of a character with escapes that a stream is kept back for */
#define SEPARATORS_MAX 4 /* between two bytes in hexadecimal digits */
#define ALIGNMENTS 3     /* three bytes are four characters */
#define PADDING_MAX 2

/* --- making --- */

static size_t align(size_t size)
{
	return (size + 15) / 16 * 16;
}

static size_t base64_max(size_t len)
{
	return sodium_base64_ENCODED_LEN(len + ALIGNMENTS, sodium_base64_VARIANT_ORIGINAL);
}

size_t cua_form_memory(size_t value_len)
{
	return align(value_len * sizeof(uint32_t)) + align(value_len) +
			ALIGNMENTS * align(base64_max(value_len)) +
			ALIGNMENTS * align(base64_max(4 * value_len));
}

static void *take(char **memory, size_t size)
{
	void *taken = *memory;
	*memory += align(size);
	return taken;
}

/* Of bytes that stand so many bytes behind the begin of what was encoded. */
static struct cua_form make_base64(
		const unsigned char *bytes, size_t len, size_t offset, char **memory)
{
	const size_t size = base64_max(len);
	char *text = take(memory, size);
	unsigned char *padded = sodium_malloc(len + offset);
	const size_t first = (8 * offset + 5) / 6, end = 8 * (offset + len) / 6;
	struct cua_form form = { .kind = CUA_FORM_BASE64 };
	if (!padded) {
		return form; /* of no characters: matches nothing */
	}
	memset(padded, 0, offset);
	memcpy(padded + offset, bytes, len);
	sodium_bin2base64(text, size, padded, len + offset, sodium_base64_VARIANT_ORIGINAL);
	sodium_free(padded);
	form.bytes = (const unsigned char *)text + first;
	form.count = end - first;
	form.has_tail = 8 * (offset + len) % 6 != 0;
	return form;
}

/* Of the code points; as many bytes as come of them. */
static size_t make_utf16(const uint32_t *codes, size_t count, unsigned char *bytes)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++) {
		const uint32_t code = codes[i], above = code - 0x10000;
		const uint32_t units[] = { code > 0xffff ? 0xd800 + (above >> 10) : code,
			0xdc00 + (above & 0x3ff) };
		for (int k = 0; k < (code > 0xffff ? 2 : 1); k++) {
			bytes[len++] = (unsigned char)(units[k] & 0xff);
			bytes[len++] = (unsigned char)(units[k] >> 8);
		}
	}
	return len;
}

void cua_form_make(const char *value, void *memory, struct cua_form forms[CUA_FORMS])
{
	char *left = memory;
	const size_t len = strlen(value);
	const char *at = value, *end = value + len;
	uint32_t *codes = take(&left, len * sizeof(*codes));
	unsigned char *bytes = take(&left, len);
	size_t count = 0, wide_len = 0;
	unsigned char *wide = sodium_malloc(4 * len);
	while (at < end) {
		const uint32_t code = cua_utf8_next(&at, end);
		at += code == CUA_UTF8_INVALID;
		codes[count++] = code;
	}
	memcpy(bytes, value, len);
	wide_len = wide ? make_utf16(codes, count, wide) : 0;
	forms[0] = (struct cua_form){ .kind = CUA_FORM_SPELLED, .codes = codes, .count = count };
	forms[1] = (struct cua_form){ .kind = CUA_FORM_HEX, .bytes = bytes, .count = len };
	for (size_t i = 0; i < ALIGNMENTS; i++) {
		forms[2 + i] = make_base64(bytes, len, i, &left);
	}
	for (size_t i = 0; i < ALIGNMENTS; i++) {
		forms[2 + ALIGNMENTS + i] = wide ? make_base64(wide, wide_len, i, &left)
						 : (struct cua_form){ .kind = CUA_FORM_BASE64 };
	}
	sodium_free(wide);
}

size_t cua_form_most(const struct cua_form *form)
{
	return (form->count + 1) * SPELLING_MAX;
}

/* --- texts that may end anywhere --- */

/* Steps over the literal, whatever its case. */
static enum cua_form_match step_over(const char **at, const char *end, const char *literal)
{
	const size_t len = strlen(literal), there = (size_t)(end - *at);
	if (strncasecmp(*at, literal, len < there ? len : there) != 0) {
		return CUA_FORM_NONE;
	}
	*at += len < there ? len : there;
	return len > there ? CUA_FORM_BEGUN : CUA_FORM_WHOLE;
}

/* A number in so many hexadecimal digits, behind what stands before it. */
static enum cua_form_match step_hex(
		const char **at, const char *end, const char *before, int digits, uint32_t number)
{
	char literal[16];
	snprintf(literal, sizeof(literal), "%s%0*x", before, digits, (unsigned int)number);
	return step_over(at, end, literal);
}

/* --- characters --- */

static enum cua_form_match match_as_is(const char **at, const char *end, uint32_t code)
{
	char bytes[CUA_UTF8_MAX + 1];
	cua_utf8_encode(code, bytes);
	const size_t len = strlen(bytes), there = (size_t)(end - *at);
	if (memcmp(*at, bytes, len < there ? len : there) != 0) {
		return CUA_FORM_NONE;
	}
	*at += len < there ? len : there;
	return len > there ? CUA_FORM_BEGUN : CUA_FORM_WHOLE;
}

/* Behind the backslashes. */
static enum cua_form_match match_number(const char **at, const char *end, uint32_t code)
{
	if (code <= 0xffff) {
		return step_hex(at, end, "u", 4, code);
	}
	enum cua_form_match match = step_hex(at, end, "u", 4, 0xd800 + ((code - 0x10000) >> 10));
	const char *slashes = *at;
	while (match == CUA_FORM_WHOLE && *at < end && **at == '\\') {
		(*at)++;
	}
	if (match == CUA_FORM_WHOLE && *at == end) {
		return CUA_FORM_BEGUN;
	}
	if (match == CUA_FORM_WHOLE && *at == slashes) {
		return CUA_FORM_NONE;
	}
	return match == CUA_FORM_WHOLE
			? step_hex(at, end, "u", 4, 0xdc00 + ((code - 0x10000) & 0x3ff))
			: match;
}

/* With the escapes of JSON, of which there are more backslashes where JSON is quoted in JSON. */
static enum cua_form_match match_escaped(const char **at, const char *end, uint32_t code)
{
	const char *place = *at;
	while (place < end && *place == '\\') {
		place++;
	}
	if (place == *at) {
		return CUA_FORM_NONE;
	}
	if (place == end) {
		*at = end;
		return code == '\\' ? CUA_FORM_WHOLE : CUA_FORM_BEGUN;
	}
	const char *number = place;
	const enum cua_form_match match = match_number(&number, end, code);
	if (match != CUA_FORM_NONE) {
		*at = number;
		return match;
	}
	if (code == '\\') { /* what is behind them is the next character's */
		*at = place;
		return CUA_FORM_WHOLE;
	}
	*at = place;
	return match_as_is(at, end, code);
}

/* "%7E"; "%257E", where the percent sign was escaped again. */
static enum cua_form_match match_percent_byte(const char **at, const char *end, unsigned char byte)
{
	enum cua_form_match match = step_over(at, end, "%");
	while (match == CUA_FORM_WHOLE) {
		const char *digits = *at;
		const enum cua_form_match last = step_hex(&digits, end, "", 2, byte);
		if (last != CUA_FORM_NONE) {
			*at = digits;
			return last;
		}
		match = step_over(at, end, "25");
	}
	return match;
}

static enum cua_form_match match_percent(const char **at, const char *end, uint32_t code)
{
	char bytes[CUA_UTF8_MAX + 1];
	enum cua_form_match match = CUA_FORM_WHOLE;
	if (code == ' ' && **at == '+') {
		(*at)++;
		return CUA_FORM_WHOLE;
	}
	cua_utf8_encode(code, bytes);
	for (const char *byte = bytes; *byte && match == CUA_FORM_WHOLE; byte++) {
		match = match_percent_byte(at, end, (unsigned char)*byte);
	}
	return match;
}

/* "&#39;", "&#039;", "&#x27;" */
static enum cua_form_match match_entity_number(const char **at, const char *end, uint32_t code)
{
	char number[16];
	enum cua_form_match match = step_over(at, end, "&#");
	if (match != CUA_FORM_WHOLE) {
		return match;
	}
	const bool is_hex = *at < end && (**at == 'x' || **at == 'X');
	*at += is_hex;
	while (*at < end && **at == '0') {
		(*at)++;
	}
	snprintf(number, sizeof(number), is_hex ? "%x;" : "%u;", (unsigned int)code);
	return step_over(at, end, number);
}

/* The five names that programs use, and numbers. */
static enum cua_form_match match_entity(const char **at, const char *end, uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *name;
	} names[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" },
		{ '\'', "&apos;" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		const char *place = *at;
		const enum cua_form_match match = names[i].code == code
				? step_over(&place, end, names[i].name)
				: CUA_FORM_NONE;
		if (match != CUA_FORM_NONE) {
			*at = place;
			return match;
		}
	}
	return match_entity_number(at, end, code);
}

static enum cua_form_match match_character(const char **at, const char *end, uint32_t code)
{
	static enum cua_form_match (*const ways[])(
			const char **at, const char *end, uint32_t code) = { match_escaped,
		match_percent, match_entity, match_as_is };
	for (size_t i = 0; i < CUA_ARRAY_LEN(ways); i++) {
		const char *place = *at;
		const enum cua_form_match match = ways[i](&place, end, code);
		if (match != CUA_FORM_NONE) {
			*at = place;
			return match;
		}
	}
	return CUA_FORM_NONE;
}

/* All of it in one way after the other: "%25" may be a percent sign, or what the value holds. */
static enum cua_form_match match_spelled(
		const struct cua_form *form, const char **at, const char *end)
{
	const char *place = *at;
	enum cua_form_match match = CUA_FORM_WHOLE, plain = CUA_FORM_WHOLE;
	for (size_t i = 0; i < form->count && plain == CUA_FORM_WHOLE; i++) {
		plain = place < end ? match_as_is(&place, end, form->codes[i]) : CUA_FORM_BEGUN;
	}
	if (plain == CUA_FORM_WHOLE) {
		*at = place;
		return CUA_FORM_WHOLE;
	}
	for (size_t i = 0; i < form->count && match == CUA_FORM_WHOLE; i++) {
		const uint32_t code = form->codes[i];
		match = *at < end ? match_character(at, end, code) : CUA_FORM_BEGUN;
		if (match == CUA_FORM_NONE && code == '\\' && i > 0 && form->codes[i - 1] == code) {
			match = CUA_FORM_WHOLE; /* taken with the one before */
		}
	}
	return match == CUA_FORM_NONE ? plain : match;
}

/* --- bytes --- */

/* "73:65", "7365 6372", "0x73, 0x65", "\x73\x65" */
static enum cua_form_match step_separator(const char **at, const char *end)
{
	const char *place = *at;
	while (place < end && place - *at < SEPARATORS_MAX && strchr(" ,:-\r\n", *place) &&
			*place) {
		place++;
	}
	if (end - place >= 2 && (*place == '0' || *place == '\\') && place[1] == 'x') {
		place += 2;
	}
	*at = place;
	return place == end ? CUA_FORM_BEGUN : CUA_FORM_WHOLE;
}

static enum cua_form_match match_hex(const struct cua_form *form, const char **at, const char *end)
{
	enum cua_form_match match = CUA_FORM_WHOLE;
	for (size_t i = 0; i < form->count && match == CUA_FORM_WHOLE; i++) {
		match = i > 0 ? step_separator(at, end) : CUA_FORM_WHOLE;
		if (match == CUA_FORM_WHOLE) {
			match = step_hex(at, end, "", 2, form->bytes[i]);
		}
	}
	return match;
}

/* A line break between two characters, also as JSON has it. */
static void skip_breaks(const char **at, const char *end)
{
	for (;;) {
		if (*at < end && (**at == '\n' || **at == '\r')) {
			(*at)++;
		} else if (end - *at >= 2 && **at == '\\' && strchr("nr", (*at)[1]) && (*at)[1]) {
			*at += 2;
		} else {
			return;
		}
	}
}

/* Either alphabet, and what URLs and JSON make of its two marks. */
static enum cua_form_match match_base64_character(const char **at, const char *end, char wanted)
{
	const char *const spellings[] = { wanted == '+' ? "-" : "_", wanted == '+' ? "%2b" : "%2f",
		"\\/" };
	if (**at == wanted) {
		(*at)++;
		return CUA_FORM_WHOLE;
	}
	for (size_t i = 0; (wanted == '+' && i < 2) || (wanted == '/' && i < 3); i++) {
		const char *place = *at;
		const enum cua_form_match match = step_over(&place, end, spellings[i]);
		if (match != CUA_FORM_NONE) {
			*at = place;
			return match;
		}
	}
	return CUA_FORM_NONE;
}

static enum cua_form_match match_base64(
		const struct cua_form *form, const char **at, const char *end)
{
	enum cua_form_match match = CUA_FORM_WHOLE;
	for (size_t i = 0; i < form->count && match == CUA_FORM_WHOLE; i++) {
		if (i > 0) {
			skip_breaks(at, end);
		}
		match = *at < end ? match_base64_character(at, end, (char)form->bytes[i])
				  : CUA_FORM_BEGUN;
		/* The end may be half of a line break in JSON. */
		match = match == CUA_FORM_NONE && i > 0 && end - *at == 1 && **at == '\\'
				? CUA_FORM_BEGUN
				: match;
	}
	if (match == CUA_FORM_WHOLE && form->has_tail && *at < end && **at &&
			(isalnum((unsigned char)**at) || strchr("+/-_", **at))) {
		(*at)++;
	}
	for (int i = 0; match == CUA_FORM_WHOLE && i < PADDING_MAX && *at < end && **at == '=';
			i++) {
		(*at)++;
	}
	return match;
}

/* --- any --- */

bool cua_form_begins(const struct cua_form *form, unsigned char byte)
{
	char text[2] = { (char)byte, '\0' };
	size_t len = 0;
	return form->count > 0 && cua_form_match(form, text, text + 1, &len) != CUA_FORM_NONE;
}

enum cua_form_match cua_form_match(
		const struct cua_form *form, const char *at, const char *end, size_t *ret_len)
{
	const char *place = at;
	if (form->count == 0) {
		return CUA_FORM_NONE;
	}
	const enum cua_form_match match = form->kind == CUA_FORM_SPELLED
			? match_spelled(form, &place, end)
			: form->kind == CUA_FORM_HEX ? match_hex(form, &place, end)
						     : match_base64(form, &place, end);
	*ret_len = (size_t)(place - at);
	return match;
}

#include "cua/contract/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cua/contract/invisible.h"
#include "cua/contract/utf8.h"

enum form { FORM_LINE, FORM_BLOCK, FORM_HTML };

/* at: after an ESC. Steps over the rest of a control sequence, so that its letters do not
 * show. Source: ECMA-48, 5.4 (CSI) and 5.6 (OSC and its like). */
static const char *skip_escape(const char *at, const char *end)
{
	if (at < end && *at == '[') {
		at++;
		while (at < end && *at >= 0x20 && *at <= 0x3f) {
			at++;
		}
		return at < end && *at >= 0x40 && *at <= 0x7e ? at + 1 : at;
	}
	if (at < end && strchr("]P^_X", *at) && *at) {
		while (at < end && *at != '\a' && *at != '\x1b' && *at != '\n') {
			at++;
		}
		return at;
	}
	return at;
}

static void put_html(FILE *out, char byte)
{
	switch (byte) {
	case '&':
		fputs("&amp;", out);
		break;
	case '<':
		fputs("&lt;", out);
		break;
	case '>':
		fputs("&gt;", out);
		break;
	case '"':
		fputs("&quot;", out);
		break;
	case '\'':
		fputs("&#39;", out);
		break;
	default:
		fputc(byte, out);
	}
}

/* False if the character is left out. */
static bool put_ascii(FILE *out, char byte, enum form form)
{
	const bool is_space = byte == '\n' || byte == '\r' || byte == '\t';
	if (is_space && form == FORM_LINE) {
		fputc(' ', out);
	} else if (byte == '\r' || (!is_space && (byte < 0x20 || byte == 0x7f))) {
		return false;
	} else if (form == FORM_HTML) {
		put_html(out, byte);
	} else {
		fputc(byte, out);
	}
	return true;
}

static void put_text(FILE *out, const char *text, size_t max_chars, enum form form)
{
	const char *at = text ? text : "", *end = at + strlen(at);
	size_t chars = 0;
	uint32_t before = 0;
	while (at < end) {
		if (max_chars > 0 && chars >= max_chars) {
			fputs("\xe2\x80\xa6", out);
			return;
		}
		const char *start = at;
		uint32_t code = cua_utf8_next(&at, end);
		if (code == CUA_UTF8_INVALID) {
			at = start + 1;
			fputs("\xef\xbf\xbd", out);
			chars++;
		} else if (code == 0x1b) {
			at = skip_escape(at, end);
		} else if (code < 0x80) {
			chars += put_ascii(out, (char)code, form);
			before = code;
		} else if (code == CUA_BRAILLE_BLANK) {
			chars += put_ascii(out, ' ', form);
			before = ' ';
		} else if (code >= 0xa0 && !cua_is_invisible(code, before, at, end)) {
			fwrite(start, 1, (size_t)(at - start), out);
			chars++;
			before = code;
		}
	}
}

void cua_text_line(FILE *out, const char *text, size_t max_chars)
{
	put_text(out, text, max_chars, FORM_LINE);
}

void cua_text_block(FILE *out, const char *text)
{
	put_text(out, text, 0, FORM_BLOCK);
}

void cua_text_html(FILE *out, const char *text)
{
	put_text(out, text, 0, FORM_HTML);
}

size_t cua_text_strip(char *text)
{
	size_t count = 0;
	const char *at = text, *end = text + strlen(text);
	char *to = text;
	uint32_t before = 0;
	while (at < end) {
		const char *start = at;
		const uint32_t code = (unsigned char)*at < 0x80 ? (unsigned char)*at++
								: cua_utf8_next(&at, end);
		if (code == CUA_UTF8_INVALID) {
			at = start + 1;
		} else if (cua_is_invisible(code, before, at, end)) {
			count++;
			if (code == CUA_BRAILLE_BLANK) {
				*to++ = ' ';
				before = ' ';
			}
			continue;
		}
		before = code;
		memmove(to, start, (size_t)(at - start));
		to += at - start;
	}
	*to = '\0';
	return count;
}

size_t cua_text_strip_json(cJSON *json)
{
	cJSON *child = NULL;
	size_t count = json && json->string ? cua_text_strip(json->string) : 0;
	if (cJSON_IsString(json)) {
		count += cua_text_strip(json->valuestring);
	}
	cJSON_ArrayForEach (child, json) {
		count += cua_text_strip_json(child);
	}
	return count;
}

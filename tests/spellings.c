#include "tests/spellings.h"

#include <ctype.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cua/base/util.h"
#include "cua/contract/text.h"

static char *as_is(const char *value)
{
	return strdup(value);
}

static char *base64_of(const unsigned char *bytes, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1);
	EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
	return text;
}

static char *base64(const char *value)
{
	return base64_of((const unsigned char *)value, strlen(value));
}

static char *base64_url(const char *value)
{
	char *text = base64(value);
	for (char *at = text; *at; at++) {
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
	}
	text[strcspn(text, "=")] = '\0';
	return text;
}

static char *hexadecimal(const char *value)
{
	char *text = calloc(2 * strlen(value) + 1, 1);
	for (size_t i = 0; value[i]; i++) {
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)value[i]);
	}
	return text;
}

static char *percent(const char *value)
{
	char *text = calloc(3 * strlen(value) + 1, 1), *to = text;
	for (const char *at = value; *at; at++) {
		const bool is_plain = isalnum((unsigned char)*at) || strchr("-._~", *at);
		to += sprintf(to, is_plain ? "%c" : "%%%02X", is_plain ? *at : (unsigned char)*at);
	}
	return text;
}

/* As Python's json does it: ASCII alone. */
static char *json(const char *value)
{
	char *text = calloc(6 * strlen(value) + 1, 1), *to = text;
	iconv_t converter = iconv_open("UTF-16BE", "UTF-8");
	size_t left = strlen(value), room = 4 * left;
	unsigned char *units = malloc(room + 1);
	char *from = strdup(value), *at = from, *out = (char *)units;
	iconv(converter, &at, &left, &out, &room);
	iconv_close(converter);
	for (unsigned char *unit = units; (char *)unit < out; unit += 2) {
		const unsigned int code = (unsigned int)unit[0] << 8 | unit[1];
		if (code == '"' || code == '\\') {
			to += sprintf(to, "\\%c", (char)code);
		} else {
			to += code < 0x7f ? sprintf(to, "%c", (char)code)
					  : sprintf(to, "\\u%04x", code);
		}
	}
	free(units);
	free(from);
	return text;
}

static char *html(const char *value)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	cua_text_html(out, value);
	fclose(out);
	return text;
}

static char *utf16(const char *value)
{
	iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
	size_t left = strlen(value), size = 4 * left, room = size;
	char *units = malloc(size + 1), *from = strdup(value), *at = from, *out = units;
	iconv(converter, &at, &left, &out, &room);
	iconv_close(converter);
	char *text = base64_of((const unsigned char *)units, size - room);
	free(units);
	free(from);
	return text;
}

static const struct {
	const char *name;
	char *(*spell)(const char *value);
} spellings[SPELLINGS] = { { "as it is", as_is }, { "base64", base64 }, { "base64url", base64_url },
	{ "hex", hexadecimal }, { "percent", percent }, { "JSON", json }, { "HTML", html },
	{ "base64 of UTF-16LE", utf16 } };

const char *spelling_name(size_t spelling)
{
	return spellings[spelling].name;
}

char *spell(size_t spelling, const char *value)
{
	return spellings[spelling].spell(value);
}

#include "agent/mcp/mcp_http_value.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGINNING "=?base64?"
#define ENDING "?="

static bool is_plain(const char *text)
{
	const size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~') {
			return false;
		}
	}
	return len == 0 ||
			(text[0] != ' ' && text[len - 1] != ' ' &&
					strncmp(text, BEGINNING, strlen(BEGINNING)) != 0);
}

char *mcp_http_value(const char *text)
{
	if (is_plain(text)) {
		return strdup(text);
	}
	const size_t len = strlen(text);
	const size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
	char *value = malloc(strlen(BEGINNING) + size + strlen(ENDING));
	if (value) {
		memcpy(value, BEGINNING, strlen(BEGINNING));
		sodium_bin2base64(value + strlen(BEGINNING), size, (const unsigned char *)text, len,
				sodium_base64_VARIANT_ORIGINAL);
		strcat(value, ENDING);
	}
	return value;
}

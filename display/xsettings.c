#include "display/xsettings.h"

#include <string.h>

enum setting_type { SETTING_INT, SETTING_STRING, SETTING_COLOR };

/* What is left to read. It never goes beyond the end: what is not there reads as failed. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool big_endian, failed;
};

static const uint8_t *take(struct reader *reader, size_t len)
{
	const uint8_t *at = reader->at;
	if (reader->failed || len > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->at += len;
	reader->left -= len;
	return at;
}

static uint32_t take_number(struct reader *reader, size_t len)
{
	const uint8_t *bytes = take(reader, len);
	uint32_t number = 0;
	for (size_t i = 0; bytes && i < len; i++) {
		number = number << 8 | bytes[reader->big_endian ? i : len - 1 - i];
	}
	return number;
}

/* Texts are filled up to a multiple of four bytes. */
static const uint8_t *take_text(struct reader *reader, uint32_t len)
{
	const uint8_t *text = take(reader, len);
	(void)take(reader, (4 - len % 4) % 4);
	return text;
}

bool xsettings_find_int(const uint8_t *bytes, size_t len, const char *name, int32_t *ret_value)
{
	struct reader reader = { .at = bytes, .left = len };
	const uint8_t *head = take(&reader, 8); /* byte order, unused, serial */
	reader.big_endian = head && head[0] == 1;
	const uint32_t count = take_number(&reader, 4);
	for (uint32_t i = 0; i < count && !reader.failed; i++) {
		const uint32_t type = take_number(&reader, 1);
		(void)take(&reader, 1);
		const uint32_t name_len = take_number(&reader, 2);
		const uint8_t *found = take_text(&reader, name_len);
		(void)take(&reader, 4); /* serial of its last change */
		if (type == SETTING_INT) {
			const int32_t value = (int32_t)take_number(&reader, 4);
			if (!reader.failed && strlen(name) == name_len &&
					memcmp(found, name, name_len) == 0) {
				*ret_value = value;
				return true;
			}
		} else if (type == SETTING_STRING) {
			(void)take_text(&reader, take_number(&reader, 4));
		} else if (type == SETTING_COLOR) {
			(void)take(&reader, 8);
		} else {
			reader.failed = true; /* nobody knows how long it is */
		}
	}
	return false;
}

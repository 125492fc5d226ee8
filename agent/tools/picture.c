#include "agent/tools/picture.h"

#include <string.h>

const char *tool_picture_type(const void *bytes, size_t len)
{
	static const struct {
		const char *start, *media_type;
		size_t len;
	} kinds[] = {
		{ "\x89PNG\r\n\x1a\n", "image/png", 8 },
		{ "\xff\xd8\xff", "image/jpeg", 3 },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (len >= kinds[i].len && memcmp(bytes, kinds[i].start, kinds[i].len) == 0) {
			return kinds[i].media_type;
		}
	}
	const char *text = bytes;
	return len >= 12 && memcmp(text, "RIFF", 4) == 0 && memcmp(text + 8, "WEBP", 4) == 0
			? "image/webp"
			: NULL;
}

enum cua_status tool_show_picture(
		struct tool_call *call, const void *bytes, size_t len, struct cua_error *err)
{
	const char *media_type = tool_picture_type(bytes, len);
	if (!media_type) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "this is no picture in PNG, JPEG or WebP");
	}
	if (len > TOOL_PICTURE_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the picture has %zu bytes; at most %zu are shown", len,
				TOOL_PICTURE_MAX);
	}
	return tool_add_image(call, bytes, len, media_type, err);
}

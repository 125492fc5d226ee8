#include "agent/tools/picture.h"

#include "cua/picture/decode.h"

enum cua_status tool_show_picture(
		struct tool_call *call, const void *bytes, size_t len, struct cua_error *err)
{
	const char *media_type = cua_picture_type(bytes, len);
	if (!media_type) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "this is no picture in PNG, JPEG or WebP");
	}
	if (len > TOOL_PICTURE_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0,
				"the picture has %zu bytes; at most %zu are shown", len,
				TOOL_PICTURE_MAX);
	}
	/* Here, where there is no key, and who takes this process over gets nothing that it has
	 * not. */
	enum cua_status status = cua_picture_decode(bytes, len, err);
	return status == CUA_OK ? tool_add_image(call, bytes, len, media_type, err) : status;
}

#include "agent/model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

enum cua_status agent_image_copy(const struct agent_image *image, struct agent_image *ret_copy,
		struct cua_error *err)
{
	*ret_copy = *image;
	ret_copy->base64 = strdup(image->base64);
	ret_copy->bytes = image->bytes ? malloc(image->len) : NULL;
	if (!ret_copy->base64 || !ret_copy->bytes != !image->bytes) {
		agent_image_finish(ret_copy);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	if (image->bytes) {
		memcpy(ret_copy->bytes, image->bytes, image->len);
	}
	return CUA_OK;
}

void agent_image_finish(struct agent_image *image)
{
	free(image->base64);
	free(image->bytes);
	*image = (struct agent_image){ 0 };
}

const char *agent_image_type(const unsigned char *bytes, size_t len)
{
	static const struct {
		const char *media_type, *word;
		size_t at, len;
	} types[] = {
		{ "image/png", "\x89PNG\r\n\x1a\n", 0, 8 },
		{ "image/jpeg", "\xff\xd8\xff", 0, 3 },
		{ "image/webp", "WEBP", 8, 4 },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(types); i++) {
		if (len >= types[i].at + types[i].len &&
				memcmp(bytes + types[i].at, types[i].word, types[i].len) == 0) {
			return types[i].media_type;
		}
	}
	return NULL;
}

const char *agent_image_suffix(const char *media_type)
{
	return !media_type                                      ? "png"
			: strcmp(media_type, "image/jpeg") == 0 ? "jpg"
			: strcmp(media_type, "image/webp") == 0 ? "webp"
								: "png";
}

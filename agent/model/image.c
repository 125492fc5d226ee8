#include "agent/model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum cua_status agent_image_copy(const struct agent_image *image, struct agent_image *ret_copy,
		struct cua_error *err)
{
	*ret_copy = *image;
	ret_copy->base64 = strdup(image->base64);
	return ret_copy->base64 ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
}

void agent_image_finish(struct agent_image *image)
{
	free(image->base64);
	*image = (struct agent_image){ 0 };
}

const char *agent_image_suffix(const char *media_type)
{
	return strcmp(media_type, "image/jpeg") == 0            ? "jpg"
			: strcmp(media_type, "image/webp") == 0 ? "webp"
								: "png";
}

/* The pictures in what a desktop answers. */

#include "agent/desktop_client_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

/* Bytes, type and hash, out of the base64. OpenSSL's codec and hash are several times faster than
 * libsodium's, which are made for secrets. */
static enum cua_status decode_image(struct agent_image *image, struct cua_error *err)
{
	const size_t len = strlen(image->base64);
	const size_t padding = len - strcspn(image->base64, "=");
	unsigned char hash[EVP_MAX_MD_SIZE];
	image->bytes = malloc(len / 4 * 3 + 3);
	if (!image->bytes) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	const int decoded = EVP_DecodeBlock(
			image->bytes, (const unsigned char *)image->base64, (int)len);
	image->len = decoded > 0 && padding <= 2 ? (size_t)decoded - padding : 0;
	if (!(image->media_type = agent_image_type(image->bytes, image->len))) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop's screenshot is no picture");
	}
	if (!EVP_Digest(image->bytes, image->len, hash, NULL, EVP_sha256(), NULL)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	sodium_bin2hex(image->sha256, sizeof(image->sha256), hash, SHA256_DIGEST_LENGTH);
	return CUA_OK;
}

/* A screenshot as the desktop answers it; the bytes are taken out of the answer. */
static enum cua_status read_image(
		cJSON *screenshot, struct agent_image *ret_image, struct cua_error *err)
{
	cJSON *data = cua_json_member(screenshot, "data");
	const cJSON *width = cua_json_member(screenshot, "width");
	const cJSON *height = cua_json_member(screenshot, "height");
	if (!cJSON_IsString(data) || !cJSON_IsNumber(width) || !cJSON_IsNumber(height)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent no screenshot");
	}
	struct agent_image image = { .width = width->valueint, .height = height->valueint };
	if (image.width <= 0 || image.height <= 0 || image.width > 32767 || image.height > 32767) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop's screenshot is %dx%d",
				image.width, image.height);
	}
	image.base64 = CUA_STEAL(data->valuestring);
	enum cua_status status = decode_image(&image, err);
	if (status != CUA_OK) {
		agent_image_finish(&image);
		return status;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(screenshot, "data");
	*ret_image = image;
	return CUA_OK;
}

enum cua_status desktop_client_take_screenshot(
		struct agent_desktop *desktop, cJSON *answer, struct cua_error *err)
{
	cJSON *screenshot = cua_json_member(answer, "screenshot");
	struct agent_image image;
	if (cJSON_IsTrue(cua_json_member(screenshot, "unchanged")) && desktop->screen.base64) {
		return CUA_OK;
	}
	enum cua_status status = read_image(screenshot, &image, err);
	if (status != CUA_OK) {
		return status;
	}
	agent_image_finish(&desktop->screen);
	desktop->screen = image;
	if (cua_json_int(screenshot, "screen_width") > 0 &&
			cua_json_int(screenshot, "screen_height") > 0) {
		desktop->size = (struct cua_point){ cua_json_int(screenshot, "screen_width"),
			cua_json_int(screenshot, "screen_height") };
	}
	const char *etag = cua_json_string(screenshot, "etag");
	snprintf(desktop->etag, sizeof(desktop->etag), "%s", etag ? etag : "");
	return CUA_OK;
}

enum cua_status desktop_client_take_picture(struct agent_outcome *outcome, struct cua_error *err)
{
	const cJSON *results = cua_json_member(outcome->answer, "results");
	const cJSON *last = cJSON_GetArrayItem(results, cJSON_GetArraySize(results) - 1);
	cJSON *image = cua_json_member(last, "image");
	return cua_json_member(image, "data") ? read_image(image, &outcome->picture, err) : CUA_OK;
}

void desktop_client_drop_images(cJSON *answer)
{
	cJSON *result = NULL;
	cJSON_ArrayForEach (result, cua_json_member(answer, "results")) {
		cJSON_DeleteItemFromObjectCaseSensitive(cua_json_member(result, "image"), "data");
	}
}

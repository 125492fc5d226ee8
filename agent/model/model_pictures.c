#include "agent/model/model_pictures.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/file.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"

#define PICTURE_MAX ((size_t)64 << 20)
#define INDEX_DIGITS 8

struct kept_picture {
	char sha256[65];
	const char *suffix; /* of its file */
	size_t len;         /* of its base64 */
	char *base64;       /* owned; NULL: it is in the folder */
};

struct model_pictures {
	char *dir;                    /* owned; NULL: in memory */
	char prefix[MODEL_MARK_SIZE]; /* of every mark */
	size_t prefix_len, count, capacity;
	struct kept_picture *list; /* owned */
};

enum cua_status model_pictures_create(
		const char *dir, struct model_pictures **ret_pictures, struct cua_error *err)
{
	unsigned char nonce[16];
	char hex[2 * sizeof(nonce) + 1];
	struct model_pictures *pictures = calloc(1, sizeof(*pictures));
	if (pictures && dir) {
		pictures->dir = strdup(dir);
	}
	if (!pictures || !pictures->dir != !dir) {
		free(pictures);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "pictures");
	}
	randombytes_buf(nonce, sizeof(nonce));
	sodium_bin2hex(hex, sizeof(hex), nonce, sizeof(nonce));
	snprintf(pictures->prefix, sizeof(pictures->prefix), "cua-picture-%s-", hex);
	pictures->prefix_len = strlen(pictures->prefix);
	*ret_pictures = pictures;
	return CUA_OK;
}

void model_pictures_destroy(struct model_pictures *pictures)
{
	if (!pictures) {
		return;
	}
	for (size_t i = 0; i < pictures->count; i++) {
		free(pictures->list[i].base64);
	}
	free(pictures->list);
	free(pictures->dir);
	free(pictures);
}

const char *model_pictures_dir(const struct model_pictures *pictures)
{
	return pictures ? pictures->dir : NULL;
}

enum cua_status model_pictures_mark(struct model_pictures *pictures,
		const struct agent_image *image, char *mark, struct cua_error *err)
{
	if (pictures->count == pictures->capacity) {
		const size_t capacity = pictures->capacity ? pictures->capacity * 2 : 16;
		struct kept_picture *list = reallocarray(pictures->list, capacity, sizeof(*list));
		if (!list) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "pictures");
		}
		pictures->list = list;
		pictures->capacity = capacity;
	}
	struct kept_picture *kept = &pictures->list[pictures->count];
	*kept = (struct kept_picture){ .suffix = agent_image_suffix(image->media_type),
		.len = strlen(image->base64),
		.base64 = pictures->dir ? NULL : strdup(image->base64) };
	if (!pictures->dir && !kept->base64) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	snprintf(kept->sha256, sizeof(kept->sha256), "%s", image->sha256);
	memcpy(mark, pictures->prefix, pictures->prefix_len);
	snprintf(mark + pictures->prefix_len, INDEX_DIGITS + 1, "%08" PRIx32,
			(uint32_t)pictures->count++);
	return CUA_OK;
}

static size_t mark_len(const struct model_pictures *pictures)
{
	return pictures->prefix_len + INDEX_DIGITS;
}

/* What stands at a mark. */
static const struct kept_picture *look_up(const struct model_pictures *pictures, const char *mark)
{
	char digits[INDEX_DIGITS + 1];
	snprintf(digits, sizeof(digits), "%.*s", INDEX_DIGITS, mark + pictures->prefix_len);
	const size_t index = strtoul(digits, NULL, 16);
	return index < pictures->count ? &pictures->list[index] : NULL;
}

size_t model_pictures_len(const struct model_pictures *pictures, const char *data)
{
	const bool is_mark = pictures && strncmp(data, pictures->prefix, pictures->prefix_len) == 0;
	const struct kept_picture *kept = is_mark ? look_up(pictures, data) : NULL;
	return kept ? kept->len : strlen(data);
}

/* --- sending --- */

/* The next mark from here on; the end of the text if there is none. */
static size_t find_mark(const struct model_upload *upload, size_t from)
{
	const struct cua_buffer *text = upload->text;
	const struct model_pictures *pictures = upload->pictures;
	const char *mark = text->len > from
			? memmem(text->data + from, text->len - from, pictures->prefix,
					  pictures->prefix_len)
			: NULL;
	return mark ? (size_t)(mark - text->data) : text->len;
}

void model_upload_init(struct model_upload *upload, const struct model_pictures *pictures,
		const struct cua_buffer *text)
{
	*upload = (struct model_upload){ .pictures = pictures, .text = text, .len = text->len };
	for (size_t at = find_mark(upload, 0); at < text->len;) {
		const struct kept_picture *kept = look_up(pictures, text->data + at);
		upload->len += (kept ? kept->len : 0) - mark_len(pictures);
		at = find_mark(upload, at + mark_len(pictures));
	}
	upload->mark_at = find_mark(upload, 0);
}

void model_upload_finish(struct model_upload *upload)
{
	free(CUA_STEAL(upload->picture));
}

static enum cua_status read_file(const struct model_pictures *pictures,
		const struct kept_picture *kept, char **ret_base64, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 96];
	CUA_AUTO_BUFFER struct cua_buffer bytes;
	struct cua_error why = { 0 };
	cua_buffer_init(&bytes, PICTURE_MAX);
	snprintf(path, sizeof(path), "%s/%s.%s", pictures->dir, kept->sha256, kept->suffix);
	enum cua_status status = cua_file_read(path, &bytes, &why);
	const size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
	if (status != CUA_OK || size != kept->len + 1) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, why.sys_errno,
				"a screenshot of the conversation is gone or changed: %s", path);
	}
	char *base64 = malloc(size);
	if (!base64) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
	}
	/* Six times faster than libsodium, which is made for secrets; and each request has all
	 * pictures in it. */
	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)bytes.data, (int)bytes.len);
	*ret_base64 = base64;
	return CUA_OK;
}

static enum cua_status read_picture(const struct model_pictures *pictures,
		const struct kept_picture *kept, char **ret_base64, struct cua_error *err)
{
	if (!kept->base64) {
		return read_file(pictures, kept, ret_base64, err);
	}
	*ret_base64 = strdup(kept->base64);
	return *ret_base64 ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "screenshot");
}

/* The mark that the text has come to becomes its picture. */
static enum cua_status open_picture(struct model_upload *upload, struct cua_error *err)
{
	const struct kept_picture *kept =
			look_up(upload->pictures, upload->text->data + upload->at);
	free(CUA_STEAL(upload->picture));
	upload->picture_at = upload->picture_len = 0;
	enum cua_status status =
			kept ? read_picture(upload->pictures, kept, &upload->picture, err) : CUA_OK;
	upload->picture_len = status == CUA_OK && kept ? kept->len : 0;
	upload->at += mark_len(upload->pictures);
	upload->mark_at = find_mark(upload, upload->at);
	return status;
}

enum cua_status model_upload_read(
		char *to, size_t size, size_t *ret_len, void *user_data, struct cua_error *err)
{
	struct model_upload *upload = user_data;
	size_t done = 0;
	while (done < size) {
		const size_t room = size - done;
		const size_t of_picture = upload->picture_len - upload->picture_at;
		const size_t of_text = upload->mark_at - upload->at;
		size_t len = 0;
		if (of_picture > 0) {
			len = of_picture < room ? of_picture : room;
			memcpy(to + done, upload->picture + upload->picture_at, len);
			upload->picture_at += len;
		} else if (of_text > 0) {
			len = of_text < room ? of_text : room;
			memcpy(to + done, upload->text->data + upload->at, len);
			upload->at += len;
		} else if (upload->at == upload->text->len) {
			break;
		} else {
			enum cua_status status = open_picture(upload, err);
			if (status != CUA_OK) {
				return status;
			}
		}
		done += len;
	}
	*ret_len = done;
	return CUA_OK;
}

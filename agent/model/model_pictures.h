#ifndef CUA_AGENT_MODEL_PICTURES_H
#define CUA_AGENT_MODEL_PICTURES_H

/* The pictures of a conversation. The conversation holds a mark for each: JSON text that stands
 * where the base64 will be. The bytes go in while a request is sent, one picture at a time, so
 * that a thousand screenshots need no memory. A mark has a random number in it that nobody else
 * sees: no text of a model can be one. */

#include "agent/model/model.h"
#include "cua/base/buffer.h"

#define MODEL_MARK_SIZE 56 /* with its end */

struct model_pictures;

/* dir: a folder with each picture as SHA256.png, or what its media type is called, from which it
 * is read when it is sent; NULL: they are kept in memory. Copied. */
CUA_NODISCARD enum cua_status model_pictures_create(
		const char *dir, struct model_pictures **ret_pictures, struct cua_error *err);
void model_pictures_destroy(struct model_pictures *pictures);

/* As it was given. pictures may be NULL. */
const char *model_pictures_dir(const struct model_pictures *pictures);

/* Takes a picture in. mark: MODEL_MARK_SIZE bytes. */
CUA_NODISCARD enum cua_status model_pictures_mark(struct model_pictures *pictures,
		const struct agent_image *image, char *mark, struct cua_error *err);
/* Bytes of base64 that data stands for, which may be a mark. pictures NULL: there are no marks. */
size_t model_pictures_len(const struct model_pictures *pictures, const char *data);

/* A text with marks while it is sent. */
struct model_upload {
	const struct model_pictures *pictures; /* borrowed */
	const struct cua_buffer *text;         /* borrowed */
	size_t len;                            /* of all of it, pictures included */
	size_t at, mark_at;                    /* in the text; where the next mark is */
	char *picture;                         /* owned; that is being sent, as base64 */
	size_t picture_len, picture_at;
};

/* Release with model_upload_finish(). */
void model_upload_init(struct model_upload *upload, const struct model_pictures *pictures,
		const struct cua_buffer *text);
/* A cua_http_body_fn; user_data is the upload. CUA_ERR_NOT_FOUND if a picture is not there, or
 * is not what it was. */
CUA_NODISCARD enum cua_status model_upload_read(
		char *to, size_t size, size_t *ret_len, void *user_data, struct cua_error *err);
void model_upload_finish(struct model_upload *upload);

#endif

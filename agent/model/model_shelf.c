#include "agent/model/model_shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

static bool open_file(struct model_shelf *shelf, const char *dir)
{
	shelf->fd = dir ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	shelf->is_open = shelf->fd >= 0;
	return shelf->is_open;
}

/* A text ends with its NUL, which JSON does not hold. What a failed write has left is written over.
 */
bool model_shelf_put(struct model_shelf *shelf, const char *dir, const struct model_items *texts)
{
	CUA_AUTO_BUFFER struct cua_buffer all;
	cua_buffer_init(&all, MODEL_BODY_MAX);
	bool is_put = shelf->is_open || open_file(shelf, dir);
	for (size_t i = 0; is_put && i < texts->count; i++) {
		const char *text = texts->texts[i];
		is_put = cua_buffer_append(&all, text, strlen(text) + 1, NULL) == CUA_OK;
	}
	if (!is_put || lseek(shelf->fd, shelf->len, SEEK_SET) < 0 ||
			!cua_write_all(shelf->fd, all.data, all.len)) {
		return false;
	}
	shelf->len += (off_t)all.len;
	shelf->count += texts->count;
	return true;
}

static enum cua_status read_all(
		const struct model_shelf *shelf, struct model_items *texts, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer all;
	cua_buffer_init(&all, (size_t)shelf->len);
	enum cua_status status = cua_buffer_reserve(&all, (size_t)shelf->len, err);
	size_t at = 0;
	while (status == CUA_OK && at < (size_t)shelf->len) {
		const ssize_t got =
				pread(shelf->fd, all.data + at, (size_t)shelf->len - at, (off_t)at);
		if (got == 0 || (got < 0 && errno != EINTR)) {
			return CUA_FAIL(err, CUA_ERR_NOT_FOUND, got < 0 ? errno : EIO,
					"what the server kept of the conversation");
		}
		at += got > 0 ? (size_t)got : 0;
	}
	for (size_t i = 0, from = 0; status == CUA_OK && i < shelf->count; i++) {
		const size_t len = strlen(all.data + from);
		status = model_items_add(texts, all.data + from, len, err);
		from += len + 1;
	}
	return status;
}

enum cua_status model_shelf_take(
		struct model_shelf *shelf, struct model_items *ret_texts, struct cua_error *err)
{
	struct model_items texts = { 0 };
	enum cua_status status = shelf->count > 0 ? read_all(shelf, &texts, err) : CUA_OK;
	if (status != CUA_OK) {
		model_items_finish(&texts);
		return status;
	}
	model_shelf_finish(shelf);
	*ret_texts = texts;
	return CUA_OK;
}

void model_shelf_finish(struct model_shelf *shelf)
{
	if (shelf->is_open) {
		close(shelf->fd);
	}
	*shelf = (struct model_shelf){ 0 };
}

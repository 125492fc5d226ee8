#include "agent/model/model_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

enum cua_status model_items_add(
		struct model_items *items, const char *text, size_t len, struct cua_error *err)
{
	if (items->count == items->capacity) {
		size_t capacity = items->capacity ? items->capacity * 2 : 16;
		char **texts = reallocarray(items->texts, capacity, sizeof(*texts));
		if (!texts) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
		}
		items->texts = texts;
		items->capacity = capacity;
	}
	char *copy = strndup(text, len);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
	}
	items->texts[items->count++] = copy;
	return CUA_OK;
}

enum cua_status model_items_add_json(
		struct model_items *items, const cJSON *json, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "conversation");
	}
	return model_items_add(items, text, strlen(text), err);
}

enum cua_status model_items_add_all(
		struct model_items *items, const struct model_items *more, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < more->count; i++) {
		status = model_items_add(items, more->texts[i], strlen(more->texts[i]), err);
	}
	return status;
}

void model_items_drop(struct model_items *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items->texts[i]);
	}
	items->count -= count;
	if (count > 0) {
		memmove(items->texts, items->texts + count, items->count * sizeof(*items->texts));
	}
}

enum cua_status model_items_join(
		const struct model_items *items, struct cua_buffer *buffer, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < items->count; i++) {
		status = i > 0 ? cua_buffer_append(buffer, ",", 1, err) : CUA_OK;
		if (status == CUA_OK) {
			status = cua_buffer_append(
					buffer, items->texts[i], strlen(items->texts[i]), err);
		}
	}
	return status;
}

void model_items_finish(struct model_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->texts[i]);
	}
	free(items->texts);
	*items = (struct model_items){ 0 };
}

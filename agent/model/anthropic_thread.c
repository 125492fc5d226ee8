#include "agent/model/anthropic_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/model/model_pictures.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

/* Of what the model can read at once; nothing clears what is in a thread. */
#define PICTURES_SHARE 0.5

/* --- the thread --- */

bool anthropic_uses_threads(const struct anthropic *talk)
{
	return talk->config->spec->threads && !talk->quirks.no_threads && !talk->config->is_probe;
}

bool anthropic_continues(const struct anthropic *talk)
{
	return anthropic_uses_threads(talk) && talk->thread[0];
}

void anthropic_keep_thread(struct anthropic *talk, const cJSON *end)
{
	const char *id = cua_json_string(end, "id");
	snprintf(talk->thread, sizeof(talk->thread), "%s",
			id && anthropic_uses_threads(talk) ? id : "");
	talk->left_out = anthropic_pictures_left_out(talk);
}

/* How many pictures a thread may have: fewer than the server takes if they leave no room for words,
 * but only where it can be begun anew without them. */
static double pictures_max(const struct anthropic *talk)
{
	const struct agent_model_spec *spec = talk->config->spec;
	const struct cua_point screen = talk->config->screen;
	const double patch = spec->images.patch;
	double max = spec->images.max_count > 0 ? spec->images.max_count : HUGE_VAL;
	if (anthropic_may_prune(talk) && spec->context > 0 && patch > 0) {
		const double tokens = ceil(screen.x / patch) * ceil(screen.y / patch);
		max = fmin(max, floor(PICTURES_SHARE * spec->context / tokens));
	}
	return fmax(max, 2);
}

/* Half of those that a thread may have go at a time: each time all others are sent again. It
 * follows from the conversation alone, so that one that is rebuilt does the same. */
double anthropic_pictures_left_out(const struct anthropic *talk)
{
	const double max = pictures_max(talk), half = ceil(max / 2), over = talk->images - max;
	return over > 0 ? ceil(over / half) * half : 0;
}

void anthropic_end_full_thread(struct anthropic *talk)
{
	if (anthropic_continues(talk) && anthropic_pictures_left_out(talk) > talk->left_out) {
		talk->thread[0] = '\0';
	}
}

/* --- the shelf --- */

/* A message is three texts there: its numbers, itself, and itself without pictures, or "". */
static enum cua_status list_messages(
		const struct anthropic *talk, struct model_items *list, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < talk->count; i++) {
		const struct anthropic_message *message = &talk->messages[i];
		char numbers[48];
		const int len = snprintf(numbers, sizeof(numbers), "%d %zu", message->images,
				message->image_bytes);
		status = model_items_add(list, numbers, (size_t)len, err);
		if (status == CUA_OK) {
			status = model_items_add(list, message->text, message->text_len, err);
		}
		if (status == CUA_OK) {
			status = model_items_add(list, message->plain ? message->plain : "",
					message->plain_len, err);
		}
	}
	return status;
}

/* What the server has is kept out of memory, where there is a place for it. */
void anthropic_shelve(struct anthropic *talk)
{
	struct model_items list = { 0 };
	const char *dir = model_pictures_dir(talk->config->pictures);
	if (list_messages(talk, &list, NULL) == CUA_OK &&
			model_shelf_put(&talk->shelf, dir, &list)) {
		anthropic_drop_messages(talk);
		talk->held = 0;
	}
	model_items_finish(&list);
}

/* The three texts of a message become one, and are taken out of the list. */
static enum cua_status add_listed(struct anthropic *talk, char **texts, struct cua_error *err)
{
	int images = 0;
	size_t image_bytes = 0;
	if (sscanf(texts[0], "%d %zu", &images, &image_bytes) != 2) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "a message of the conversation");
	}
	char *plain = texts[2][0] ? CUA_STEAL(texts[2]) : NULL;
	return anthropic_add_message(talk, CUA_STEAL(texts[1]), plain, images, image_bytes, err);
}

enum cua_status anthropic_unshelve(struct anthropic *talk, struct cua_error *err)
{
	struct model_items list = { 0 };
	enum cua_status status = model_shelf_take(&talk->shelf, &list, err);
	if (status == CUA_OK) { /* those in memory come behind */
		status = list_messages(talk, &list, err);
	}
	if (status == CUA_OK) {
		anthropic_drop_messages(talk);
		talk->images = 0;
	}
	for (size_t i = 0; status == CUA_OK && i + 2 < list.count; i += 3) {
		status = add_listed(talk, list.texts + i, err);
	}
	model_items_finish(&list);
	return status;
}

/* POST /v1/actions and the query of GET /v1/screenshot. */
#include <string.h>

#include "cua/api/desktop_request.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_error(enum cua_status status, const struct cua_error *err)
{
	FUZZ_CHECK(status == CUA_ERR_INVAL || status == CUA_ERR_TOO_LARGE);
	FUZZ_CHECK(err->status == status);
	FUZZ_CHECK(err->msg[0] && !strpbrk(err->msg, "\r\n"));
	FUZZ_CHECK(cua_utf8_check(err->msg, strlen(err->msg), NULL) == CUA_OK);
}

static void check_shot(const struct display_shot *shot, struct cua_point screen)
{
	FUZZ_CHECK(shot->region.width == 0 ||
			(shot->region.x >= 0 && shot->region.y >= 0 && shot->region.width > 0 &&
					shot->region.height > 0 &&
					shot->region.x + shot->region.width <= screen.x &&
					shot->region.y + shot->region.height <= screen.y));
	FUZZ_CHECK(shot->max_edge >= 0 && shot->max_edge <= 32767);
	FUZZ_CHECK(shot->width >= 0 && shot->width <= CUA_PICTURE_EDGE_MAX);
	FUZZ_CHECK(shot->height >= 0 && shot->height <= CUA_PICTURE_EDGE_MAX);
	FUZZ_CHECK(shot->max_edge == 0 || (shot->width == 0 && shot->height == 0));
	FUZZ_CHECK(shot->coding.format <= CUA_PICTURE_WEBP);
	FUZZ_CHECK(shot->coding.level <= CUA_PICTURE_SMALL);
	FUZZ_CHECK(shot->coding.quality >= 1 && shot->coding.quality <= 100);
}

static void check_action(const struct cua_action *action, struct cua_point screen)
{
	FUZZ_CHECK(action->type < CUA_ACTION_TYPE_COUNT);
	FUZZ_CHECK(action->at.x >= 0 && action->at.x < screen.x);
	FUZZ_CHECK(action->at.y >= 0 && action->at.y < screen.y);
	FUZZ_CHECK(action->keys.count >= 0 && action->keys.count <= CUA_ACTION_KEYS_MAX);
	FUZZ_CHECK(action->duration_ms >= 0 && action->duration_ms <= CUA_ACTION_DURATION_MAX_MS);
	for (int i = 0; i < action->path_len; i++) {
		FUZZ_CHECK(action->path[i].x >= 0 && action->path[i].x < screen.x);
		FUZZ_CHECK(action->path[i].y >= 0 && action->path[i].y < screen.y);
	}
	if (action->text) {
		const size_t len = strlen(action->text);
		FUZZ_CHECK(len <= CUA_ACTION_TEXT_MAX);
		FUZZ_CHECK(cua_utf8_check(action->text, len, NULL) == CUA_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cua_point screen = { 1280, 800 };
	CUA_AUTO_FREE char *text = malloc(size + 1);
	struct desktop_request request;
	struct display_shot shot;
	struct cua_error err = { 0 };
	int index = -2;
	if (!text) {
		return 0;
	}
	if (size > 0) {
		memcpy(text, data, size);
	}
	text[size] = '\0';
	enum cua_status status = desktop_request_parse(text, size, screen, &request, &index, &err);
	if (status == CUA_OK) {
		FUZZ_CHECK(index == -1);
		FUZZ_CHECK(request.count >= 1 && request.count <= CUA_ACTIONS_MAX);
		FUZZ_CHECK(request.settle_ms >= -1 && request.settle_ms <= DISPLAY_SETTLE_MAX_MS);
		check_shot(&request.shot, screen);
		for (int i = 0; i < request.count; i++) {
			check_action(&request.actions[i], screen);
		}
		desktop_request_finish(&request);
	} else {
		FUZZ_CHECK(index >= -1 && index < CUA_ACTIONS_MAX);
		check_error(status, &err);
	}
	status = desktop_shot_parse(text, screen, &shot, &err);
	if (status == CUA_OK) {
		check_shot(&shot, screen);
	} else {
		check_error(status, &err);
	}
	return 0;
}

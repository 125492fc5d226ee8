#include "tests/live_stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "tests/waiting.h"

void live_stage_open(struct serve_stage *stage)
{
	serve_stage_open(stage);
	const char *const names[] = { "seen", "other" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		char body[64];
		snprintf(body, sizeof(body), "{\"name\":\"%s\",\"size\":\"%dx%d\"}", names[i],
				LIVE_WIDTH, LIVE_HEIGHT);
		cJSON_Delete(serve_json(stage, "POST", "/v1/desktops", body, 201));
	}
}

char *live_ticket(const struct serve_stage *stage, const char *desktop, const char *mode,
		const char *token)
{
	char path[128], body[64];
	const struct serve_call call = {
		.method = "POST", .path = path, .body = body, .token = token
	};
	snprintf(path, sizeof(path), "/v1/desktops/%s/viewers", desktop);
	snprintf(body, sizeof(body), "{\"mode\":\"%s\"}", mode);
	struct serve_answer answer = serve_send(stage, &call);
	if (answer.status != 201) {
		fail_msg("%s: %ld %s", path, answer.status, answer.text ? answer.text : "");
	}
	assert_string_equal(cua_json_text(answer.json, "mode"), mode);
	char *opened = strdup(cua_json_text(answer.json, "path"));
	serve_answer_finish(&answer);
	return opened;
}

#define NEVER_SHOWN 0x5a /* each byte of a pixel that has not come yet */

/* All of it has come: the corners are not what they were set to. */
static bool has_picture(rfbClient *viewer, const void *data)
{
	(void)data;
	const uint8_t *pixels = viewer->frameBuffer;
	return pixels[0] != NEVER_SHOWN && pixels[4 * LIVE_WIDTH * LIVE_HEIGHT - 4] != NEVER_SHOWN;
}

void live_viewer_open(
		const struct serve_stage *stage, struct live_viewer *viewer, enum vnc_mode mode)
{
	struct view_server server;
	assert_int_equal(view_server_init(&server, stage->base, stage->token, NULL), CUA_OK);
	assert_int_equal(upstream_open_server(&viewer->upstream, &server, "seen", mode, NULL),
			CUA_OK);
	const int fd = fcntl(viewer->upstream.fd, F_DUPFD_CLOEXEC, 3);
	viewer->rfb = vnc_viewer_adopt(fd, "tight raw", &viewer->seen);
	assert_non_null(viewer->rfb);
	assert_int_equal(viewer->rfb->width, LIVE_WIDTH);
	assert_int_equal(viewer->rfb->height, LIVE_HEIGHT);
	memset(viewer->rfb->frameBuffer, NEVER_SHOWN, (size_t)LIVE_WIDTH * LIVE_HEIGHT * 4);
	vnc_viewer_wait(viewer->rfb, has_picture, NULL);
}

void live_viewer_close(struct live_viewer *viewer)
{
	vnc_viewer_disconnect(viewer->rfb);
	(void)upstream_close(&viewer->upstream, NULL);
}

struct wanted {
	const struct serve_stage *stage;
	int viewers;
	const char *lease;
};

static bool is_so(void *data)
{
	const struct wanted *wanted = data;
	CUA_AUTO_JSON cJSON *desktop =
			serve_json(wanted->stage, "GET", "/v1/desktops/seen", NULL, 200);
	return wanted->lease ? strcmp(cua_json_text(desktop, "lease"), wanted->lease) == 0
			     : cua_json_int(desktop, "viewers") == wanted->viewers;
}

void live_wait_viewers(const struct serve_stage *stage, int count)
{
	struct wanted wanted = { .stage = stage, .viewers = count };
	wait_until(is_so, &wanted, "so many viewers");
}

void live_wait_lease(const struct serve_stage *stage, const char *owner)
{
	struct wanted wanted = { .stage = stage, .lease = owner };
	wait_until(is_so, &wanted, "who has the input");
}

#include "tests/takeover_stage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_recorder.h"
#include "tests/waiting.h"

struct takeover_stage takeover;

/* POST /v1/control; the answer, the caller deletes. */
cJSON *takeover_control_of(struct desktop *of, const char *body, long status)
{
	struct cua_http_response response;
	assert_int_equal(desktop_http(of, "POST", "/v1/control", body, strlen(body), NULL,
					 &response),
			status);
	cJSON *answer = cJSON_Parse(response.body.data);
	assert_non_null(answer);
	cua_http_response_finish(&response);
	return answer;
}

cJSON *takeover_control(const char *body, long status)
{
	return takeover_control_of(&takeover.desktop, body, status);
}

cJSON *takeover_get(const char *path, long status)
{
	struct cua_http_response response;
	const long got = desktop_http(&takeover.desktop, "GET", path, NULL, 0, NULL, &response);
	if (got != status) {
		fail_msg("%s: %ld: %.300s", path, got, response.body.data);
	}
	cJSON *answer = cJSON_Parse(response.body.data ? response.body.data : "");
	cua_http_response_finish(&response);
	return answer;
}

void takeover_take(const char *body)
{
	CUA_AUTO_JSON cJSON *answer = takeover_control(body, 200);
	assert_string_equal(json_text(answer, "owner"), "person");
}

void takeover_give(void)
{
	CUA_AUTO_JSON cJSON *answer = takeover_control("{\"do\":\"give\"}", 200);
	assert_string_equal(json_text(answer, "owner"), "agent");
}

/* A vnc process that was killed takes no passwords until the host has seen its end. */
static bool makes_passwords(void *data)
{
	struct cua_http_response response;
	const long status = desktop_http(&takeover.desktop, "POST", "/v1/vnc", "{\"listen\":null}",
			15, NULL, &response);
	*(cJSON **)data = status == 200 ? cJSON_Parse(response.body.data) : NULL;
	cua_http_response_finish(&response);
	return status == 200;
}

rfbClient *takeover_connect_viewer(struct vnc_seen *ret_seen)
{
	cJSON *made = NULL;
	wait_until(makes_passwords, &made, "passwords for viewers");
	CUA_AUTO_JSON cJSON *vnc = made;
	rfbClient *connected = vnc_viewer_connect(json_text(vnc, "socket"), 0,
			json_text(vnc, "control_password"), "raw", ret_seen);
	assert_non_null(connected);
	return connected;
}

void takeover_press_key(uint32_t keysym)
{
	SendKeyEvent(takeover.viewer, keysym, TRUE);
	SendKeyEvent(takeover.viewer, keysym, FALSE);
	vnc_viewer_sync(takeover.viewer);
}

int takeover_start(void **state)
{
	(void)state;
	world_create(&takeover.world, (uid_t)-1);
	desktop_start(&takeover.desktop, &takeover.world, "taken");
	recorder_start(&takeover.desktop);
	return 0;
}

/* One that has not read for 5 s is hung up on, and a test may take long on a busy machine. */
int takeover_renew_viewer(void **state)
{
	(void)state;
	if (takeover.viewer) {
		vnc_viewer_disconnect(takeover.viewer);
		takeover.viewer = NULL;
	}
	takeover.viewer = takeover_connect_viewer(&takeover.seen);
	return 0;
}

int takeover_finish(void **state)
{
	(void)state;
	if (takeover.viewer) {
		vnc_viewer_disconnect(takeover.viewer);
	}
	desktop_stop(&takeover.desktop);
	world_destroy(&takeover.world);
	return 0;
}

bool takeover_has_marker(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *events = recorder_events(&takeover.desktop, "key_release");
	const cJSON *last = cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
	return strcmp(json_text(last, "name"), "F12") == 0;
}

/* The agent's request is answered: refused, unless it was over before. */
void takeover_expect_end(int fd)
{
	char answer[4096] = "";
	size_t len = 0;
	ssize_t got = 0;
	while (len < sizeof(answer) - 1 && !strstr(answer, "}]") &&
			(got = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0) {
		len += (size_t)got;
		answer[len] = '\0';
		if (strstr(answer, "\"error\"")) {
			break;
		}
	}
	assert_true(strstr(answer, " 423 ") || strstr(answer, " 200 "));
	close(fd);
}

void takeover_expect_owner(const char *name, const char *mode)
{
	CUA_AUTO_JSON cJSON *now = takeover_get("/v1/control", 200);
	assert_string_equal(json_text(now, "person"), name);
	assert_string_equal(json_text(now, "mode"), mode);
}

bool takeover_agent_has_it(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *now = takeover_get("/v1/control", 200);
	return strcmp(json_text(now, "owner"), "agent") == 0;
}

void takeover_expect_note(const char *text)
{
	CUA_AUTO_JSON cJSON *answer = desktop_post(&takeover.desktop, TAKEOVER_LOOK, NULL);
	const char *note = json_text(answer, "person_note");
	if (!strstr(note, text)) {
		fail_msg("\"%s\" is not in \"%s\"", text, note);
	}
	CUA_AUTO_JSON cJSON *again = desktop_post(&takeover.desktop, TAKEOVER_LOOK, NULL);
	assert_null(json_at(again, "person_note"));
}

void takeover_forget_notes(void)
{
	cJSON_Delete(desktop_post(&takeover.desktop, TAKEOVER_LOOK, NULL));
}

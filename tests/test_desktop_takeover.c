/* A person takes the desktop from an agent that acts: from the grant on nothing of the agent's
 * arrives, and nothing stays down, whatever the agent was at. Who has it, by HTTP as by viewers. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <X11/keysym.h>

#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_recorder.h"
#include "tests/processes.h"
#include "tests/vnc_viewers.h"
#include "tests/waiting.h"

#define RACES 200
#define GRANT_MS 50

static struct world world;
static struct desktop desktop;
static rfbClient *viewer; /* of the person at this machine */
static struct vnc_seen seen;

/* --- asking --- */

/* POST /v1/control; the answer, the caller deletes. */
static cJSON *control_of(struct desktop *of, const char *body, long status)
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

static cJSON *control(const char *body, long status)
{
	return control_of(&desktop, body, status);
}

static cJSON *get(const char *path, long status)
{
	struct cua_http_response response;
	const long got = desktop_http(&desktop, "GET", path, NULL, 0, NULL, &response);
	if (got != status) {
		fail_msg("%s: %ld: %.300s", path, got, response.body.data);
	}
	cJSON *answer = cJSON_Parse(response.body.data ? response.body.data : "");
	cua_http_response_finish(&response);
	return answer;
}

static void take(const char *body)
{
	CUA_AUTO_JSON cJSON *answer = control(body, 200);
	assert_string_equal(json_text(answer, "owner"), "person");
}

static void give(void)
{
	CUA_AUTO_JSON cJSON *answer = control("{\"do\":\"give\"}", 200);
	assert_string_equal(json_text(answer, "owner"), "agent");
}

/* A vnc process that was killed takes no passwords until the host has seen its end. */
static bool makes_passwords(void *data)
{
	struct cua_http_response response;
	const long status = desktop_http(
			&desktop, "POST", "/v1/vnc", "{\"listen\":null}", 15, NULL, &response);
	*(cJSON **)data = status == 200 ? cJSON_Parse(response.body.data) : NULL;
	cua_http_response_finish(&response);
	return status == 200;
}

static rfbClient *connect_viewer(struct vnc_seen *ret_seen)
{
	cJSON *made = NULL;
	wait_until(makes_passwords, &made, "passwords for viewers");
	CUA_AUTO_JSON cJSON *vnc = made;
	rfbClient *connected = vnc_viewer_connect(json_text(vnc, "socket"), 0,
			json_text(vnc, "control_password"), "raw", ret_seen);
	assert_non_null(connected);
	return connected;
}

static void press_key(uint32_t keysym)
{
	SendKeyEvent(viewer, keysym, TRUE);
	SendKeyEvent(viewer, keysym, FALSE);
	vnc_viewer_sync(viewer);
}

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "taken");
	recorder_start(&desktop);
	return 0;
}

/* One that has not read for 5 s is hung up on, and a test may take long on a busy machine. */
static int renew_viewer(void **state)
{
	(void)state;
	if (viewer) {
		vnc_viewer_disconnect(viewer);
	}
	viewer = connect_viewer(&seen);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (viewer) {
		vnc_viewer_disconnect(viewer);
	}
	desktop_stop(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- races --- */

static const char *const acts[] = {
	"[{\"action\":\"type\",\"text\":\"The quick brown fox jumps over the lazy dog, again and "
	"again, and THE DOG DOES NOT MIND IT AT ALL, for it is asleep, as lazy dogs are, and the "
	"fox is quick; this goes on for a while, until somebody takes the keyboard away.\"}]",
	"[{\"action\":\"type\",\"text\":\"\xc3\xa4\xce\xbb\xd0\xb6\xe4\xbd\xa0\xe5\xa5\xbd "
	"\xce\xb1\xce\xb2\xce\xb3\xce\xb4\xce\xb5\xce\xb6\xce\xb7\xce\xb8 "
	"\xd0\xb0\xd0\xb1\xd0\xb2\xd0\xb3\xd0\xb4\xd0\xb5 \xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97\"}]",
	"[{\"action\":\"drag\",\"path\":[[10,300],[900,700],[60,400],[900,420]],\"keys\":\"ctrl\"}"
	"]",
	"[{\"action\":\"click\",\"x\":300,\"y\":300},{\"action\":\"click\",\"x\":320,\"y\":310},"
	"{\"action\":\"click\",\"x\":340,\"y\":320,\"keys\":\"shift\"},"
	"{\"action\":\"click\",\"x\":360,\"y\":330},{\"action\":\"click\",\"x\":380,\"y\":340}]",
	"[{\"action\":\"mouse_down\",\"x\":500,\"y\":500},{\"action\":\"move\",\"x\":520,\"y\":520}"
	","
	"{\"action\":\"wait\",\"duration_ms\":500},{\"action\":\"mouse_up\"}]",
	"[{\"action\":\"hold_key\",\"keys\":\"ctrl+shift+b\",\"duration_ms\":500},"
	"{\"action\":\"key\",\"keys\":\"alt+x\",\"count\":20}]",
	"[{\"action\":\"scroll\",\"x\":300,\"y\":300,\"scroll_y\":30,\"keys\":\"ctrl\"},"
	"{\"action\":\"scroll\",\"x\":300,\"y\":300,\"scroll_y\":-30}]",
};

static void sleep_us(long us)
{
	const struct timespec time = { us / 1000000, us % 1000000 * 1000 };
	nanosleep(&time, NULL); /* a moment of the race, and no wait for anything */
}

static bool marker_is_there(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "key_release");
	const cJSON *last = cJSON_GetArrayItem(events, cJSON_GetArraySize(events) - 1);
	return strcmp(json_text(last, "name"), "F12") == 0;
}

/* Before the person's key everything went up that went down, and after it comes nothing. */
static void expect_clean_cut(const char *act)
{
	CUA_AUTO_JSON cJSON *events =
			recorder_events(&desktop, "press release key_press key_release motion");
	const cJSON *event = NULL;
	bool is_past = false, keys[256] = { false };
	unsigned int buttons = 0;
	cJSON_ArrayForEach (event, events) {
		const char *type = json_text(event, "event");
		const bool is_marker = strcmp(json_text(event, "name"), "F12") == 0;
		const int keycode = (int)json_number(event, "keycode");
		if (is_marker && strcmp(type, "key_press") == 0) {
			is_past = true;
			assert_int_equal(json_number(event, "state"), 0); /* no modifier is down */
			assert_null(memchr(keys, true, sizeof(keys)));
			assert_int_equal(buttons, 0);
		} else if (is_past && !is_marker) {
			CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(event);
			fail_msg("after the grant, of %s: %s", act, text);
		} else if (strncmp(type, "key_", 4) == 0) {
			keys[keycode & 255] = strcmp(type, "key_press") == 0;
		} else if (strcmp(type, "motion") != 0) {
			const unsigned int bit = 1U << (int)json_number(event, "button");
			buttons = strcmp(type, "press") == 0 ? buttons | bit : buttons & ~bit;
		}
	}
	assert_true(is_past);
}

/* Sent, and not waited for; the connection. */
static int post_open(const char *path, const char *body)
{
	char head[256];
	int fd = -1;
	assert_int_equal(cua_unix_connect(desktop.socket, SOCK_STREAM, &fd, NULL), CUA_OK);
	const int len = snprintf(head, sizeof(head),
			"POST %s HTTP/1.1\r\nHost: desktop\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n",
			path, strlen(body));
	assert_int_equal(write(fd, head, (size_t)len), len);
	assert_int_equal(write(fd, body, strlen(body)), strlen(body));
	return fd;
}

/* The agent's request is answered: refused, unless it was over before. */
static void expect_end(int fd)
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

static int compare(const void *one, const void *other)
{
	const double a = *(const double *)one, b = *(const double *)other;
	return (a > b) - (a < b);
}

/* By a word, or by the key alone; the milliseconds until it was granted. */
static double race(int number, bool by_word)
{
	char body[1200];
	const char *act = acts[(size_t)number % CUA_ARRAY_LEN(acts)];
	double ms = 0;
	snprintf(body, sizeof(body), "{\"actions\":%s,\"screenshot\":false%s}", act,
			number % 3 == 0 ? ",\"settle\":false" : "");
	recorder_mark(&desktop);
	const int fd = desktop_post_and_leave_open(&desktop, body);
	sleep_us(random() % 60000);
	if (by_word) {
		const uint64_t before_us = cua_now_us();
		take("{\"do\":\"take\"}");
		ms = (double)(cua_now_us() - before_us) / 1000.0;
	}
	press_key(XK_F12);
	expect_end(fd);
	wait_until(marker_is_there, NULL, "the person's key");
	expect_clean_cut(act);
	give();
	return ms;
}

static void nothing_comes_after_the_grant(void **state)
{
	(void)state;
	static double times[RACES];
	int count = 0;
	srandom(7);
	for (int i = 0; i < RACES; i++) {
		const bool by_word = i % 4 != 3;
		const double ms = race(i, by_word);
		if (ms > GRANT_MS) {
			print_message("%.1f ms: %.60s\n", ms,
					acts[(size_t)i % CUA_ARRAY_LEN(acts)]);
		}
		if (by_word) {
			times[count++] = ms;
		}
	}
	qsort(times, (size_t)count, sizeof(times[0]), compare);
	print_message("%d grants: median %.1f ms, p95 %.1f ms, longest %.1f ms\n", count,
			times[count / 2], times[count * 95 / 100], times[count - 1]);
	assert_true(times[count / 2] < GRANT_MS);
	assert_nothing_held(&desktop);
}

/* --- who --- */

#define EVE "\"person\":{\"id\":\"eve\",\"name\":\"Eve\"}"
#define ANN "\"person\":{\"id\":\"ann\",\"name\":\"Ann\"}"

static void expect_owner(const char *name, const char *mode)
{
	CUA_AUTO_JSON cJSON *now = get("/v1/control", 200);
	assert_string_equal(json_text(now, "person"), name);
	assert_string_equal(json_text(now, "mode"), mode);
}

static void one_person_has_it_and_the_others_wait(void **state)
{
	(void)state;
	recorder_mark(&desktop);
	take("{\"do\":\"take\"," ANN "}");
	CUA_AUTO_JSON cJSON *refused = control("{\"do\":\"take\"}", 409);
	assert_string_equal(json_text(refused, "person"), "Ann");
	assert_string_equal(json_text(refused, "error.code"), "exists");
	cJSON_Delete(control("{\"do\":\"give\"}", 409));
	press_key(XK_x); /* who has not got it presses in vain */
	CUA_AUTO_JSON cJSON *waits = control("{\"do\":\"request\"}", 200);
	assert_string_equal(json_text(waits, "person"), "Ann");
	assert_int_equal(cJSON_GetArraySize(json_at(waits, "requests")), 1);
	cJSON_Delete(control("{\"do\":\"give\"," ANN "}", 200));
	CUA_AUTO_JSON cJSON *mine = get("/v1/control", 200);
	assert_string_equal(json_text(mine, "owner"), "person");
	assert_string_not_equal(json_text(mine, "person"), "Ann");
	assert_int_equal(cJSON_GetArraySize(json_at(mine, "requests")), 0);
	press_key(XK_F12);
	wait_until(marker_is_there, NULL, "the person's key");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "key_press");
	assert_int_equal(cJSON_GetArraySize(events), 1);
	give();
	/* Again and again is the same. */
	give();
	take("{\"do\":\"take\"}");
	take("{\"do\":\"take\"}");
	cJSON_Delete(control("{\"do\":\"give\",\"force\":true," ANN "}", 200));
	expect_owner("", "");
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const bodies[] = { "", "[]", "{}", "{\"do\":\"steal\"}", "{\"do\":7}",
		"{\"do\":\"take\",\"do\":\"give\"}", "{\"do\":\"take\",\"private\":1}",
		"{\"do\":\"take\",\"hurry\":true}", "{\"do\":\"take\",\"for_s\":0}",
		"{\"do\":\"take\",\"for_s\":1.5}", "{\"do\":\"take\",\"for_s\":3601}",
		"{\"do\":\"take\",\"person\":\"Ann\"}", "{\"do\":\"take\",\"person\":{}}",
		"{\"do\":\"take\",\"person\":{\"id\":\"a b\"}}",
		"{\"do\":\"take\",\"person\":{\"id\":\"abcdefghijklmnopqrstuvwxyz\"}}",
		"{\"do\":\"take\",\"person\":{\"id\":\"a\",\"name\":\"\\u001b[2J\"}}",
		"{\"do\":\"give\",\"note\":\"\xff\"}", "{\"do\":\"give\",\"note\":7}",
		"{\"do\":\"take\"} and more" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(bodies); i++) {
		cJSON_Delete(control(bodies[i], 400));
	}
	CUA_AUTO_FREE char *body = malloc(4000);
	snprintf(body, 4000, "{\"do\":\"give\",\"note\":\"%03000d\"}", 7);
	cJSON_Delete(control(body, 400));
	cJSON_Delete(get("/v1/control?wait_ms=many", 400));
	cJSON_Delete(get("/v1/control?wait_ms=60001", 400));
	cJSON_Delete(get("/v1/control?since=-1", 400));
	expect_owner("", "");
}

static void what_a_person_leaves_down_comes_up(void **state)
{
	(void)state;
	take("{\"do\":\"take\"}");
	recorder_mark(&desktop);
	SendPointerEvent(viewer, 400, 400, rfbButton1Mask);
	SendKeyEvent(viewer, XK_Shift_L, TRUE);
	press_key(XK_F12);
	wait_until(marker_is_there, NULL, "the person's input");
	cJSON_Delete(control("{\"do\":\"give\"}", 200));
	assert_nothing_held(&desktop);
	/* Letting go of what has come up takes nothing over. */
	SendPointerEvent(viewer, 400, 400, 0);
	SendKeyEvent(viewer, XK_Shift_L, FALSE);
	expect_owner("", "");
}

/* In ms, after which the X server repeats a key that is held. */
static long server_repeats_after(void)
{
	CUA_AUTO_FREE char *delay = desktop_probe(&desktop, "repeat", "");
	return strtol(delay, NULL, 10);
}

/* However late the release comes. */
static void a_key_repeats_when_the_viewer_says_so(void **state)
{
	(void)state;
	const long usual = server_repeats_after();
	take("{\"do\":\"take\"}");
	assert_true(server_repeats_after() > 60000);
	recorder_mark(&desktop);
	/* Shift is none that repeats; what it makes of the others stays. */
	SendKeyEvent(viewer, XK_Shift_L, TRUE);
	for (int i = 0; i < 3; i++) {
		SendKeyEvent(viewer, XK_Shift_L, TRUE);
		SendKeyEvent(viewer, XK_A, TRUE);
	}
	SendKeyEvent(viewer, XK_A, FALSE);
	SendKeyEvent(viewer, XK_Shift_L, FALSE);
	press_key(XK_F12);
	wait_until(marker_is_there, NULL, "the person's keys");
	CUA_AUTO_JSON cJSON *events = recorder_events(&desktop, "key_press");
	assert_int_equal(cJSON_GetArraySize(events), 5);
	for (int i = 1; i <= 3; i++) {
		assert_string_equal(json_text(cJSON_GetArrayItem(events, i), "name"), "A");
	}
	give();
	assert_int_equal(server_repeats_after(), usual);
	assert_true(usual < 1000);
}

static void time_gives_it_back(void **state)
{
	char path[80];
	(void)state;
	CUA_AUTO_JSON cJSON *taken = control("{\"do\":\"take\",\"for_s\":1," ANN "}", 200);
	assert_true(json_number(taken, "expires_ms") - json_number(taken, "since_ms") < 1500);
	snprintf(path, sizeof(path), "/v1/control?wait_ms=20000&since=%.0f",
			json_number(taken, "revision"));
	CUA_AUTO_JSON cJSON *later = get(path, 200);
	assert_string_equal(json_text(later, "owner"), "agent");
}

static bool agent_has_it(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *now = get("/v1/control", 200);
	return strcmp(json_text(now, "owner"), "agent") == 0;
}

/* --- what the model is told --- */

static const char look[] = "{\"actions\":[{\"action\":\"wait\",\"duration_ms\":0}]}";

static void expect_note(const char *text)
{
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, look, NULL);
	const char *note = json_text(answer, "person_note");
	if (!strstr(note, text)) {
		fail_msg("\"%s\" is not in \"%s\"", text, note);
	}
	CUA_AUTO_JSON cJSON *again = desktop_post(&desktop, look, NULL);
	assert_null(json_at(again, "person_note"));
}

static void forget_notes(void)
{
	cJSON_Delete(desktop_post(&desktop, look, NULL));
}

static bool bills_are_there(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	return strcmp(json_text(answer, "focused.title"), "Bills of May") == 0;
}

static bool bills_are_gone(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(answer);
	return !strstr(text, "\"Bills of May\"");
}

static void the_model_is_told_what_changed(void **state)
{
	static const char careful[] =
			"{\"actions\":[{\"action\":\"click\",\"x\":9,\"y\":9}],"
			"\"look_after_person\":true,\"screenshot\":false,\"settle\":false}";
	long status = 0;
	(void)state;
	forget_notes();
	take("{\"do\":\"take\"}");
	recorder_mark(&desktop);
	press_key(XK_F12);
	wait_until(marker_is_there, NULL, "the person's key");
	free(desktop_sh(&desktop, "xterm -T 'Bills of May' -e sleep 600 >/dev/null 2>&1 &"));
	wait_until(bills_are_there, NULL, "the window opens");
	cJSON_Delete(control("{\"do\":\"give\",\"note\":\"I have logged in.\"}", 200));
	/* What was decided before is not done. */
	CUA_AUTO_JSON cJSON *refused = desktop_post(&desktop, careful, &status);
	assert_int_equal(status, 423);
	assert_string_equal(json_text(refused, "error.class"), "person");
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, look, NULL);
	const char *note = json_text(answer, "person_note");
	print_message("%s\n", note);
	assert_non_null(strstr(note, "a person used the desktop for "));
	assert_non_null(strstr(note, "(1 key presses, 0 clicks)"));
	assert_non_null(strstr(note, "windows opened: \"Bills of May\""));
	assert_non_null(strstr(note, "active is now \"Bills of May\""));
	assert_non_null(strstr(note, "what changed on the screen of 1280x800 lies within x "));
	assert_non_null(strstr(note, "The person says: \"I have logged in.\""));
	cJSON_Delete(desktop_post(&desktop, careful, &status));
	assert_int_equal(status, 200);
	take("{\"do\":\"take\"}");
	/* Who takes it is answered before it is looked at; what is asked next, after that. */
	wait_until(bills_are_there, NULL, "the window");
	free(desktop_sh(&desktop, "pkill -f '[B]ills of May'"));
	wait_until(bills_are_gone, NULL, "the window closes");
	give();
	expect_note("windows closed: \"Bills of May\"");
}

/* --- private --- */

static void expect_nothing_is_told(void)
{
	static const struct {
		const char *method, *path, *body;
	} calls[] = {
		{ "GET", "/v1/screenshot", NULL },
		{ "GET", "/v1/screenshot?region=0,0,9,9", NULL },
		{ "POST", "/v1/actions", "{\"actions\":[{\"action\":\"screenshot\"}]}" },
		{ "POST", "/v1/actions", "{\"actions\":[{\"action\":\"read_screen\"}]}" },
		{ "POST", "/v1/actions", "{\"actions\":[{\"action\":\"clipboard_get\"}]}" },
		{ "POST", "/v1/actions", "{\"actions\":[{\"action\":\"list_windows\"}]}" },
		{ "POST", "/v1/actions",
				"{\"actions\":[{\"action\":\"cursor_position\"}],"
				"\"screenshot\":false,\"settle\":false}" },
		{ "POST", "/v1/tools",
				"{\"tool\":\"bash\",\"arguments\":{\"command\":\"xwd -root\"}}" },
		{ "POST", "/v1/tools/act", "{\"number\":1,\"allowed\":true}" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(calls); i++) {
		struct cua_http_response response;
		const char *body = calls[i].body;
		const long status = desktop_http(&desktop, calls[i].method, calls[i].path, body,
				body ? strlen(body) : 0, NULL, &response);
		CUA_AUTO_JSON cJSON *answer = cJSON_Parse(response.body.data);
		if (status != 423 || cJSON_GetArraySize(answer) != 1 ||
				!strstr(json_text(answer, "error.message"), "in private")) {
			fail_msg("%s %s: %ld %.200s", calls[i].path, body ? body : "", status,
					response.body.data);
		}
		assert_string_equal(json_text(answer, "error.class"), "person");
		cua_http_response_finish(&response);
	}
}

static void in_private_nothing_is_told(void **state)
{
	(void)state;
	forget_notes();
	CUA_AUTO_JSON cJSON *taken = control("{\"do\":\"take\",\"private\":true}", 200);
	assert_string_equal(json_text(taken, "mode"), "private");
	expect_nothing_is_told();
	CUA_AUTO_JSON cJSON *lease = get("/v1/lease", 200);
	assert_string_equal(json_text(lease, "holder"), "person");
	assert_true(cJSON_IsTrue(json_at(lease, "last.private")));
	/* A copy that is pasted nowhere else. */
	free(desktop_sh(&desktop,
			"printf 'hunter2' | xclip -selection clipboard >/dev/null 2>&1; "
			"while [ \"$(xclip -o -selection clipboard)\" != hunter2 ]; do :; done"));
	give();
	CUA_AUTO_JSON cJSON *copied = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(copied, "results.0.text"), "");
	expect_note(", in private: what was done is not told; look at the screen");
	/* Over is over. */
	cJSON_Delete(get("/v1/screenshot", 200));
}

static void of_private_windows_there_are_counts_alone(void **state)
{
	(void)state;
	forget_notes();
	cJSON_Delete(control("{\"do\":\"take\",\"private\":true}", 200));
	free(desktop_sh(&desktop,
			"xterm -T 'Inbox of alice' -e sleep 600 >/dev/null 2>&1 & "
			"until id=$(xwininfo -name 'Inbox of alice' 2>/dev/null | "
			"sed -n 's/.*id: \\(0x[0-9a-f]*\\).*/\\1/p') && [ \"$id\" ] && "
			"xprop -root _NET_CLIENT_LIST | grep -q \"$id\"; do :; done"));
	give();
	CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, look, NULL);
	const char *note = json_text(answer, "person_note");
	assert_non_null(strstr(note, "; windows opened: 1"));
	assert_null(strstr(note, "Inbox"));
	assert_null(strstr(note, "alice"));
	assert_null(strchr(note, '"'));
	free(desktop_sh(&desktop, "pkill -f '[I]nbox of alice'"));
	forget_notes();
}

static void private_stops_what_looks_on(void **state)
{
	(void)state;
	struct desktop other = desktop; /* another connection */
	other.client = NULL;
	const int fd = desktop_post_and_leave_open(&desktop,
			"{\"actions\":[{\"action\":\"wait\",\"duration_ms\":60000},"
			"{\"action\":\"screenshot\"}]}");
	sleep_us(20000);
	cJSON_Delete(control_of(&other, "{\"do\":\"take\",\"private\":true}", 200));
	expect_end(fd);
	cJSON_Delete(control_of(&other, "{\"do\":\"give\"}", 200));
	desktop_disconnect(&other);
	forget_notes();
}

static bool tool_runs(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *tools = get("/v1/tools", 200);
	return json_number(tools, "running.ms") >= 0;
}

static void private_ends_tools(void **state)
{
	(void)state;
	const int fd = post_open("/v1/tools",
			"{\"tool\":\"bash\",\"arguments\":{\"command\":\"sleep 600\"}}");
	wait_until(tool_runs, NULL, "a tool that runs");
	take("{\"do\":\"take\",\"private\":true}");
	expect_end(fd);
	free(desktop_sh(&desktop, "while pgrep -f '[s]leep 600'; do :; done"));
	give();
	forget_notes();
	/* Otherwise it goes on, and no other begins. */
	take("{\"do\":\"take\"}");
	close(post_open("/v1/tools", "{\"tool\":\"bash\",\"arguments\":{}}"));
	give();
	forget_notes();
}

/* --- what viewers see --- */

#define NOTICE 0x202020U

static uint32_t corner_of(rfbClient *of)
{
	const uint32_t *pixels = (const void *)of->frameBuffer;
	return pixels[40 * of->width + 40] & 0xffffff;
}

static bool sees_notice(rfbClient *of, const void *data)
{
	(void)data;
	return corner_of(of) == NOTICE;
}

static bool sees_screen(rfbClient *of, const void *data)
{
	(void)data;
	return corner_of(of) != NOTICE;
}

static rfbClient *come(enum vnc_mode mode, const char *id, struct vnc_seen *ret_seen)
{
	struct vnc_host site = { .link_fd = -1 };
	snprintf(site.pass_path, sizeof(site.pass_path), "%s",
			world_path(&world, "run/desktops/taken/viewers.sock"));
	rfbClient *came = vnc_viewer_adopt(vnc_pass_connect(&site, mode, id, id), "raw", ret_seen);
	assert_non_null(came);
	return came;
}

static void others_see_a_notice_in_private(void **state)
{
	struct vnc_seen of_ann, of_eve;
	(void)state;
	rfbClient *ann = come(VNC_MODE_PRIVATE, "ann", &of_ann);
	rfbClient *eve = come(VNC_MODE_ACT, "eve", &of_eve);
	vnc_viewer_wait(ann, sees_screen, NULL);
	vnc_viewer_wait(eve, sees_screen, NULL);
	recorder_mark(&desktop);
	SendKeyEvent(ann, XK_F12, TRUE); /* takes, as her viewer says: in private */
	SendKeyEvent(ann, XK_F12, FALSE);
	wait_until(marker_is_there, NULL, "the person's key");
	expect_owner("ann", "private");
	vnc_viewer_wait(eve, sees_notice, NULL);
	vnc_viewer_sync(ann);
	vnc_viewer_wait(ann, sees_screen, NULL);
	expect_nothing_is_told();
	/* Another's input is nobody's. */
	SendKeyEvent(eve, XK_x, TRUE);
	SendKeyEvent(eve, XK_x, FALSE);
	vnc_viewer_sync(eve);
	/* She goes, and may come back for half a minute. */
	vnc_viewer_disconnect(ann);
	ann = come(VNC_MODE_PRIVATE, "ann", &of_ann);
	vnc_viewer_wait(ann, sees_screen, NULL);
	expect_owner("ann", "private");
	SendKeyEvent(ann, XK_Pause, TRUE);
	SendKeyEvent(ann, XK_Pause, FALSE);
	wait_until(agent_has_it, NULL, "the desktop is given back");
	vnc_viewer_wait(eve, sees_screen, NULL);
	CUA_AUTO_JSON cJSON *presses = recorder_events(&desktop, "key_press");
	assert_int_equal(cJSON_GetArraySize(presses), 1);
	vnc_viewer_disconnect(ann);
	vnc_viewer_disconnect(eve);
	forget_notes();
}

static bool has_text(rfbClient *of, const void *data)
{
	return strcmp(vnc_viewer_seen(of)->text, data) == 0;
}

/* As a program on the desktop would. */
static void copy(const char *text)
{
	char command[128];
	snprintf(command, sizeof(command),
			"printf '%s' | xclip -selection clipboard >/dev/null 2>&1", text);
	free(desktop_sh(&desktop, command));
}

/* Ann or Eve has it in private then. */
static void expect_of_two(const char *owner, rfbClient *sees, rfbClient *does_not)
{
	expect_owner(owner, "private");
	vnc_viewer_wait(does_not, sees_notice, NULL);
	vnc_viewer_wait(sees, sees_screen, NULL);
}

static void what_is_copied_in_private_goes_to_its_owner(void **state)
{
	struct vnc_seen of_ann, of_eve;
	(void)state;
	rfbClient *ann = come(VNC_MODE_PRIVATE, "ann", &of_ann);
	rfbClient *eve = come(VNC_MODE_ACT, "eve", &of_eve);
	vnc_viewer_wait(ann, sees_screen, NULL);
	vnc_viewer_wait(eve, sees_screen, NULL);
	copy("for all");
	vnc_viewer_wait(ann, has_text, "for all");
	vnc_viewer_wait(eve, has_text, "for all");
	take("{\"do\":\"take\",\"private\":true," ANN "}");
	expect_of_two("Ann", ann, eve);
	copy("for ann");
	vnc_viewer_wait(ann, has_text, "for ann");
	/* The next one who has it in private sees it, and who had it does not any more. */
	cJSON_Delete(control("{\"do\":\"request\",\"private\":true," EVE "}", 200));
	cJSON_Delete(control("{\"do\":\"give\"," ANN "}", 200));
	expect_of_two("Eve", eve, ann);
	assert_string_equal(of_eve.text, "for all");
	copy("for eve");
	vnc_viewer_wait(eve, has_text, "for eve");
	cJSON_Delete(control("{\"do\":\"give\"," EVE "}", 200));
	vnc_viewer_wait(ann, sees_screen, NULL);
	assert_string_equal(of_ann.text, "for ann");
	copy("for all again");
	vnc_viewer_wait(ann, has_text, "for all again");
	vnc_viewer_wait(eve, has_text, "for all again");
	vnc_viewer_disconnect(ann);
	vnc_viewer_disconnect(eve);
	forget_notes();
}

/* --- who is killed --- */

static void a_killed_viewer_gives_back_what_a_press_took(void **state)
{
	(void)state;
	recorder_mark(&desktop);
	press_key(XK_F12);
	wait_until(marker_is_there, NULL, "the person's key");
	CUA_AUTO_JSON cJSON *mine = get("/v1/control", 200);
	assert_string_equal(json_text(mine, "owner"), "person");
	kill_and_wait(desktop_recorded_pid(&desktop, "vnc"));
	wait_until(agent_has_it, NULL, "the desktop is given back");
	/* What was asked for is kept, for who comes back. */
	vnc_viewer_disconnect(viewer);
	viewer = connect_viewer(&seen);
	take("{\"do\":\"take\"}");
	kill_and_wait(desktop_recorded_pid(&desktop, "vnc"));
	vnc_viewer_disconnect(viewer);
	viewer = connect_viewer(&seen);
	recorder_mark(&desktop);
	press_key(XK_F12);
	wait_until(marker_is_there, NULL, "the person's key");
	give();
}

/* Also one that comes up while nobody looks on. */
static void the_next_host_keeps_what_is_private(void **state)
{
	(void)state;
	cJSON_Delete(control("{\"do\":\"take\",\"private\":true," ANN "}", 200));
	vnc_viewer_disconnect(viewer);
	viewer = NULL;
	kill_and_wait(desktop_recorded_pid(&desktop, "host"));
	desktop_disconnect(&desktop);
	world_expect(&world, 0, "desktop", "start", "--name=taken", NULL);
	expect_owner("Ann", "private");
	expect_nothing_is_told();
	cJSON_Delete(control("{\"do\":\"take\"}", 409));
	cJSON_Delete(control("{\"do\":\"give\"," ANN "}", 200));
	cJSON_Delete(get("/v1/screenshot", 200));
	expect_note(", in private: what was done is not told");
	viewer = connect_viewer(&seen);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, renew_viewer)
	const struct CMUnitTest tests[] = {
		TEST(one_person_has_it_and_the_others_wait),
		TEST(what_makes_no_sense_is_refused),
		TEST(what_a_person_leaves_down_comes_up),
		TEST(a_key_repeats_when_the_viewer_says_so),
		TEST(time_gives_it_back),
		TEST(the_model_is_told_what_changed),
		TEST(in_private_nothing_is_told),
		TEST(of_private_windows_there_are_counts_alone),
		TEST(private_stops_what_looks_on),
		TEST(private_ends_tools),
		TEST(others_see_a_notice_in_private),
		TEST(what_is_copied_in_private_goes_to_its_owner),
		TEST(nothing_comes_after_the_grant),
		TEST(a_killed_viewer_gives_back_what_a_press_took),
		TEST(the_next_host_keeps_what_is_private),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

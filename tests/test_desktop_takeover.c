/* A person takes the desktop from an agent that acts: from the grant on nothing of the agent's
 * arrives, and nothing stays down, whatever the agent was at. Who has it, by HTTP as by viewers. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <X11/keysym.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_recorder.h"
#include "tests/processes.h"
#include "tests/takeover_stage.h"
#include "tests/waiting.h"

#define RACES 200
#define GRANT_MS 50

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

/* Before the person's key everything went up that went down, and after it comes nothing. */
static void expect_clean_cut(const char *act)
{
	CUA_AUTO_JSON cJSON *events = recorder_events(
			&takeover.desktop, "press release key_press key_release motion");
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
	recorder_mark(&takeover.desktop);
	const int fd = desktop_post_and_leave_open(&takeover.desktop, "/v1/actions", body);
	sleep_us(random() % 60000);
	if (by_word) {
		const uint64_t before_us = cua_now_us();
		takeover_take("{\"do\":\"take\"}");
		ms = (double)(cua_now_us() - before_us) / 1000.0;
	}
	takeover_press_key(XK_F12);
	takeover_expect_end(fd);
	wait_until(takeover_has_marker, NULL, "the person's key");
	expect_clean_cut(act);
	takeover_give();
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
	assert_nothing_held(&takeover.desktop);
}

/* --- who --- */

static void one_person_has_it_and_the_others_wait(void **state)
{
	(void)state;
	recorder_mark(&takeover.desktop);
	takeover_take("{\"do\":\"take\"," ANN "}");
	CUA_AUTO_JSON cJSON *refused = takeover_control("{\"do\":\"take\"}", 409);
	assert_string_equal(json_text(refused, "person"), "Ann");
	assert_string_equal(json_text(refused, "error.code"), "exists");
	cJSON_Delete(takeover_control("{\"do\":\"give\"}", 409));
	takeover_press_key(XK_x); /* who has not got it presses in vain */
	CUA_AUTO_JSON cJSON *waits = takeover_control("{\"do\":\"request\"}", 200);
	assert_string_equal(json_text(waits, "person"), "Ann");
	assert_int_equal(cJSON_GetArraySize(json_at(waits, "requests")), 1);
	cJSON_Delete(takeover_control("{\"do\":\"give\"," ANN "}", 200));
	CUA_AUTO_JSON cJSON *mine = takeover_get("/v1/control", 200);
	assert_string_equal(json_text(mine, "owner"), "person");
	assert_string_not_equal(json_text(mine, "person"), "Ann");
	assert_int_equal(cJSON_GetArraySize(json_at(mine, "requests")), 0);
	takeover_press_key(XK_F12);
	wait_until(takeover_has_marker, NULL, "the person's key");
	CUA_AUTO_JSON cJSON *events = recorder_events(&takeover.desktop, "key_press");
	assert_int_equal(cJSON_GetArraySize(events), 1);
	takeover_give();
	/* Again and again is the same. */
	takeover_give();
	takeover_take("{\"do\":\"take\"}");
	takeover_take("{\"do\":\"take\"}");
	cJSON_Delete(takeover_control("{\"do\":\"give\",\"force\":true," ANN "}", 200));
	takeover_expect_owner("", "");
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
		cJSON_Delete(takeover_control(bodies[i], 400));
	}
	CUA_AUTO_FREE char *body = malloc(4000);
	snprintf(body, 4000, "{\"do\":\"give\",\"note\":\"%03000d\"}", 7);
	cJSON_Delete(takeover_control(body, 400));
	cJSON_Delete(takeover_get("/v1/control?wait_ms=many", 400));
	cJSON_Delete(takeover_get("/v1/control?wait_ms=60001", 400));
	cJSON_Delete(takeover_get("/v1/control?since=-1", 400));
	takeover_expect_owner("", "");
}

static void what_a_person_leaves_down_comes_up(void **state)
{
	(void)state;
	takeover_take("{\"do\":\"take\"}");
	recorder_mark(&takeover.desktop);
	SendPointerEvent(takeover.viewer, 400, 400, rfbButton1Mask);
	SendKeyEvent(takeover.viewer, XK_Shift_L, TRUE);
	takeover_press_key(XK_F12);
	wait_until(takeover_has_marker, NULL, "the person's input");
	cJSON_Delete(takeover_control("{\"do\":\"give\"}", 200));
	assert_nothing_held(&takeover.desktop);
	/* Letting go of what has come up takes nothing over. */
	SendPointerEvent(takeover.viewer, 400, 400, 0);
	SendKeyEvent(takeover.viewer, XK_Shift_L, FALSE);
	takeover_expect_owner("", "");
}

/* In ms, after which the X server repeats a key that is held. */
static long server_repeats_after(void)
{
	CUA_AUTO_FREE char *delay = desktop_probe(&takeover.desktop, "repeat", "");
	return strtol(delay, NULL, 10);
}

/* However late the release comes. */
static void a_key_repeats_when_the_viewer_says_so(void **state)
{
	(void)state;
	const long usual = server_repeats_after();
	takeover_take("{\"do\":\"take\"}");
	assert_true(server_repeats_after() > 60000);
	recorder_mark(&takeover.desktop);
	/* Shift is none that repeats; what it makes of the others stays. */
	SendKeyEvent(takeover.viewer, XK_Shift_L, TRUE);
	for (int i = 0; i < 3; i++) {
		SendKeyEvent(takeover.viewer, XK_Shift_L, TRUE);
		SendKeyEvent(takeover.viewer, XK_A, TRUE);
	}
	SendKeyEvent(takeover.viewer, XK_A, FALSE);
	SendKeyEvent(takeover.viewer, XK_Shift_L, FALSE);
	takeover_press_key(XK_F12);
	wait_until(takeover_has_marker, NULL, "the person's keys");
	CUA_AUTO_JSON cJSON *events = recorder_events(&takeover.desktop, "key_press");
	assert_int_equal(cJSON_GetArraySize(events), 5);
	for (int i = 1; i <= 3; i++) {
		assert_string_equal(json_text(cJSON_GetArrayItem(events, i), "name"), "A");
	}
	takeover_give();
	assert_int_equal(server_repeats_after(), usual);
	assert_true(usual < 1000);
}

static void time_gives_it_back(void **state)
{
	char path[80];
	(void)state;
	CUA_AUTO_JSON cJSON *taken = takeover_control("{\"do\":\"take\",\"for_s\":1," ANN "}", 200);
	assert_true(json_number(taken, "expires_ms") - json_number(taken, "since_ms") < 1500);
	snprintf(path, sizeof(path), "/v1/control?wait_ms=20000&since=%.0f",
			json_number(taken, "revision"));
	CUA_AUTO_JSON cJSON *later = takeover_get(path, 200);
	assert_string_equal(json_text(later, "owner"), "agent");
}

/* --- what the model is told --- */

static bool bills_are_there(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *answer =
			desktop_act(&takeover.desktop, "[{\"action\":\"list_windows\"}]");
	return strcmp(json_text(answer, "focused.title"), "Bills of May") == 0;
}

static bool bills_are_gone(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *answer =
			desktop_act(&takeover.desktop, "[{\"action\":\"list_windows\"}]");
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
	takeover_forget_notes();
	takeover_take("{\"do\":\"take\"}");
	recorder_mark(&takeover.desktop);
	takeover_press_key(XK_F12);
	wait_until(takeover_has_marker, NULL, "the person's key");
	free(desktop_sh(&takeover.desktop,
			"xterm -T 'Bills of May' -e sleep 600 >/dev/null 2>&1 &"));
	wait_until(bills_are_there, NULL, "the window opens");
	cJSON_Delete(takeover_control("{\"do\":\"give\",\"note\":\"I have logged in.\"}", 200));
	/* What was decided before is not done. */
	CUA_AUTO_JSON cJSON *refused = desktop_post(&takeover.desktop, careful, &status);
	assert_int_equal(status, 423);
	assert_string_equal(json_text(refused, "error.class"), "person");
	CUA_AUTO_JSON cJSON *answer = desktop_post(&takeover.desktop, TAKEOVER_LOOK, NULL);
	const char *note = json_text(answer, "person_note");
	print_message("%s\n", note);
	assert_non_null(strstr(note, "a person used the desktop for "));
	assert_non_null(strstr(note, "(1 key presses, 0 clicks)"));
	assert_non_null(strstr(note, "windows opened: \"Bills of May\""));
	assert_non_null(strstr(note, "active is now \"Bills of May\""));
	assert_non_null(strstr(note, "what changed on the screen of 1280x800 lies within x "));
	assert_non_null(strstr(note, "The person says: \"I have logged in.\""));
	cJSON_Delete(desktop_post(&takeover.desktop, careful, &status));
	assert_int_equal(status, 200);
	takeover_take("{\"do\":\"take\"}");
	/* Who takes it is answered before it is looked at; what is asked next, after that. */
	wait_until(bills_are_there, NULL, "the window");
	free(desktop_sh(&takeover.desktop, "pkill -f '[B]ills of May'"));
	wait_until(bills_are_gone, NULL, "the window closes");
	takeover_give();
	takeover_expect_note("windows closed: \"Bills of May\"");
}

/* --- who is killed --- */

static void a_killed_viewer_gives_back_what_a_press_took(void **state)
{
	(void)state;
	recorder_mark(&takeover.desktop);
	takeover_press_key(XK_F12);
	wait_until(takeover_has_marker, NULL, "the person's key");
	CUA_AUTO_JSON cJSON *mine = takeover_get("/v1/control", 200);
	assert_string_equal(json_text(mine, "owner"), "person");
	kill_and_wait(desktop_recorded_pid(&takeover.desktop, "vnc"));
	wait_until(takeover_agent_has_it, NULL, "the desktop is given back");
	/* What was asked for is kept, for who comes back. */
	vnc_viewer_disconnect(takeover.viewer);
	takeover.viewer = takeover_connect_viewer(&takeover.seen);
	takeover_take("{\"do\":\"take\"}");
	kill_and_wait(desktop_recorded_pid(&takeover.desktop, "vnc"));
	vnc_viewer_disconnect(takeover.viewer);
	takeover.viewer = takeover_connect_viewer(&takeover.seen);
	recorder_mark(&takeover.desktop);
	takeover_press_key(XK_F12);
	wait_until(takeover_has_marker, NULL, "the person's key");
	takeover_give();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, takeover_renew_viewer)
	const struct CMUnitTest tests[] = {
		TEST(one_person_has_it_and_the_others_wait),
		TEST(what_makes_no_sense_is_refused),
		TEST(what_a_person_leaves_down_comes_up),
		TEST(a_key_repeats_when_the_viewer_says_so),
		TEST(time_gives_it_back),
		TEST(the_model_is_told_what_changed),
		TEST(nothing_comes_after_the_grant),
		TEST(a_killed_viewer_gives_back_what_a_press_took),
	};
	return cmocka_run_group_tests(tests, takeover_start, takeover_finish);
}

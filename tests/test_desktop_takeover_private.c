/* A person who has the desktop in private: what the model, tools and other viewers get of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <X11/keysym.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_recorder.h"
#include "tests/processes.h"
#include "tests/takeover_stage.h"
#include "tests/waiting.h"

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
		const long status = desktop_http(&takeover.desktop, calls[i].method, calls[i].path,
				body, body ? strlen(body) : 0, NULL, &response);
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
	takeover_forget_notes();
	CUA_AUTO_JSON cJSON *taken = takeover_control("{\"do\":\"take\",\"private\":true}", 200);
	assert_string_equal(json_text(taken, "mode"), "private");
	expect_nothing_is_told();
	CUA_AUTO_JSON cJSON *lease = takeover_get("/v1/lease", 200);
	assert_string_equal(json_text(lease, "holder"), "person");
	assert_true(cJSON_IsTrue(json_at(lease, "last.private")));
	/* A copy that is pasted nowhere else. */
	free(desktop_sh(&takeover.desktop,
			"printf 'hunter2' | xclip -selection clipboard >/dev/null 2>&1; "
			"while [ \"$(xclip -o -selection clipboard)\" != hunter2 ]; do :; done"));
	takeover_give();
	CUA_AUTO_JSON cJSON *copied =
			desktop_act(&takeover.desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(copied, "results.0.text"), "");
	takeover_expect_note(", in private: what was done is not told; look at the screen");
	/* Over is over. */
	cJSON_Delete(takeover_get("/v1/screenshot", 200));
}

static void of_private_windows_there_are_counts_alone(void **state)
{
	(void)state;
	takeover_forget_notes();
	cJSON_Delete(takeover_control("{\"do\":\"take\",\"private\":true}", 200));
	free(desktop_sh(&takeover.desktop,
			"xterm -T 'Inbox of alice' -e sleep 600 >/dev/null 2>&1 & "
			"until id=$(xwininfo -name 'Inbox of alice' 2>/dev/null | "
			"sed -n 's/.*id: \\(0x[0-9a-f]*\\).*/\\1/p') && [ \"$id\" ] && "
			"xprop -root _NET_CLIENT_LIST | grep -q \"$id\"; do :; done"));
	takeover_give();
	CUA_AUTO_JSON cJSON *answer = desktop_post(&takeover.desktop, TAKEOVER_LOOK, NULL);
	const char *note = json_text(answer, "person_note");
	assert_non_null(strstr(note, "; windows opened: 1"));
	assert_null(strstr(note, "Inbox"));
	assert_null(strstr(note, "alice"));
	assert_null(strchr(note, '"'));
	/* What comes next is for the recorder again. */
	free(desktop_sh(&takeover.desktop,
			"pkill -f '[I]nbox of alice'; "
			"until xprop -id $(xprop -root 32x '\\t$0' _NET_ACTIVE_WINDOW | cut -f 2) "
			"WM_NAME 2>/dev/null | grep -q recorder; do :; done"));
	takeover_forget_notes();
}

static void private_stops_what_looks_on(void **state)
{
	(void)state;
	struct desktop other = takeover.desktop; /* another connection */
	other.client = NULL;
	recorder_mark(&takeover.desktop);
	const int fd = desktop_post_and_leave_open(&takeover.desktop, "/v1/actions",
			"{\"actions\":[{\"action\":\"key\",\"keys\":\"F12\"},"
			"{\"action\":\"wait\",\"duration_ms\":60000},"
			"{\"action\":\"screenshot\"}],\"settle\":false}");
	wait_until(takeover_has_marker, NULL, "the agent's key");
	cJSON_Delete(takeover_control_of(&other, "{\"do\":\"take\",\"private\":true}", 200));
	takeover_expect_end(fd);
	cJSON_Delete(takeover_control_of(&other, "{\"do\":\"give\"}", 200));
	desktop_disconnect(&other);
	takeover_forget_notes();
}

static bool tool_runs(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *tools = takeover_get("/v1/tools", 200);
	return json_number(tools, "running.ms") >= 0;
}

static void private_ends_tools(void **state)
{
	(void)state;
	const int fd = desktop_post_and_leave_open(&takeover.desktop, "/v1/tools",
			"{\"tool\":\"bash\",\"arguments\":{\"command\":\"sleep 600\"}}");
	wait_until(tool_runs, NULL, "a tool that runs");
	takeover_take("{\"do\":\"take\",\"private\":true}");
	takeover_expect_end(fd);
	free(desktop_sh(&takeover.desktop, "while pgrep -f '[s]leep 600'; do :; done"));
	takeover_give();
	takeover_forget_notes();
	/* Otherwise it goes on, and no other begins. */
	takeover_take("{\"do\":\"take\"}");
	close(desktop_post_and_leave_open(
			&takeover.desktop, "/v1/tools", "{\"tool\":\"bash\",\"arguments\":{}}"));
	takeover_give();
	takeover_forget_notes();
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
			world_path(&takeover.world, "run/desktops/taken/viewers.sock"));
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
	recorder_mark(&takeover.desktop);
	SendKeyEvent(ann, XK_F12, TRUE); /* takes, as her viewer says: in private */
	SendKeyEvent(ann, XK_F12, FALSE);
	wait_until(takeover_has_marker, NULL, "the person's key");
	takeover_expect_owner("ann", "private");
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
	takeover_expect_owner("ann", "private");
	SendKeyEvent(ann, XK_Pause, TRUE);
	SendKeyEvent(ann, XK_Pause, FALSE);
	wait_until(takeover_agent_has_it, NULL, "the desktop is given back");
	vnc_viewer_wait(eve, sees_screen, NULL);
	CUA_AUTO_JSON cJSON *presses = recorder_events(&takeover.desktop, "key_press");
	assert_int_equal(cJSON_GetArraySize(presses), 1);
	vnc_viewer_disconnect(ann);
	vnc_viewer_disconnect(eve);
	takeover_forget_notes();
}

static bool has_text(rfbClient *of, const void *data)
{
	return strcmp(vnc_viewer_seen(of)->text, data) == 0;
}

static bool has_width(rfbClient *of, const void *data)
{
	return of->width == atoi(data);
}

/* As a program on the desktop would. xclip ends before the server has heard from the copy of itself
 * that stays behind, and an owner of before may be one that does not answer. */
static void copy(const char *text)
{
	char command[320];
	snprintf(command, sizeof(command),
			"printf '%s' | xclip -selection clipboard >/dev/null 2>&1; timeout 20 sh "
			"-c 'until [ \"$(timeout 1 xclip -o -selection clipboard)\" = \"%s\" ]; do "
			":; done' && printf taken",
			text, text);
	CUA_AUTO_FREE char *taken = desktop_sh(&takeover.desktop, command);
	assert_string_equal(taken, "taken");
}

/* Ann or Eve has it in private then. */
static void expect_of_two(const char *owner, rfbClient *sees, rfbClient *does_not)
{
	takeover_expect_owner(owner, "private");
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
	takeover_take("{\"do\":\"take\",\"private\":true," ANN "}");
	expect_of_two("Ann", ann, eve);
	copy("for ann");
	vnc_viewer_wait(ann, has_text, "for ann");
	/* The next one who has it in private sees it, and who had it does not any more. */
	cJSON_Delete(takeover_control("{\"do\":\"request\",\"private\":true," EVE "}", 200));
	cJSON_Delete(takeover_control("{\"do\":\"give\"," ANN "}", 200));
	expect_of_two("Eve", eve, ann);
	assert_string_equal(of_eve.text, "for all");
	copy("for eve");
	vnc_viewer_wait(eve, has_text, "for eve");
	cJSON_Delete(takeover_control("{\"do\":\"give\"," EVE "}", 200));
	vnc_viewer_wait(ann, sees_screen, NULL);
	assert_string_equal(of_ann.text, "for ann");
	copy("for all again");
	vnc_viewer_wait(ann, has_text, "for all again");
	vnc_viewer_wait(eve, has_text, "for all again");
	vnc_viewer_disconnect(ann);
	vnc_viewer_disconnect(eve);
	takeover_forget_notes();
}

/* What was copied before anybody came: who may not have it in private is told afterwards, and who
 * watches never. */
static void who_comes_is_told_of_the_text_as_soon_as_may_be(void **state)
{
	struct vnc_seen of_ann, of_ann_again, of_eve, of_ben;
	(void)state;
	desktop_do(&takeover.desktop, "[{\"action\":\"clipboard_set\",\"text\":\"before\"}]");
	rfbClient *ann = come(VNC_MODE_PRIVATE, "ann", &of_ann);
	vnc_viewer_wait(ann, has_text, "before");
	takeover_take("{\"do\":\"take\",\"private\":true," ANN "}");
	rfbClient *eve = come(VNC_MODE_ACT, "eve", &of_eve);
	rfbClient *ben = come(VNC_MODE_WATCH, "ben", &of_ben);
	vnc_viewer_wait(eve, sees_notice, NULL);
	vnc_viewer_wait(ben, sees_notice, NULL);
	rfbClient *ann_again = come(VNC_MODE_PRIVATE, "ann", &of_ann_again);
	vnc_viewer_wait(ann_again, has_text, "before");
	vnc_viewer_sync(eve);
	assert_int_equal(of_eve.texts, 0);
	SendKeyEvent(ann, XK_Pause, TRUE);
	SendKeyEvent(ann, XK_Pause, FALSE);
	vnc_viewer_wait(eve, has_text, "before");
	copy("last");
	vnc_viewer_wait(eve, has_text, "last");
	vnc_viewer_wait(ann, has_text, "last");
	vnc_viewer_wait(ann_again, has_text, "last");
	vnc_viewer_sync(ben);
	/* Each was told of each once. */
	assert_int_equal(of_ben.texts, 0);
	assert_int_equal(of_eve.texts, 2);
	assert_int_equal(of_ann.texts, 2);
	assert_int_equal(of_ann_again.texts, 2);
	vnc_viewer_disconnect(ann);
	vnc_viewer_disconnect(ann_again);
	vnc_viewer_disconnect(eve);
	vnc_viewer_disconnect(ben);
	takeover_forget_notes();
}

/* Its queue has the question before the news that the selection is another's. */
static void an_owner_that_answers_late_has_nothing_to_say(void **state)
{
	struct vnc_seen of_ann;
	(void)state;
	copy("one");
	free(desktop_sh(&takeover.desktop, "pkill -STOP xclip"));
	rfbClient *ann = come(VNC_MODE_ACT, "ann", &of_ann);
	vnc_viewer_wait(ann, sees_screen, NULL);
	vnc_viewer_sync(ann);
	cJSON_Delete(takeover_get("/v1/screenshot", 200)); /* so the host has asked */
	copy("two");
	free(desktop_sh(&takeover.desktop, "pkill -CONT xclip"));
	vnc_viewer_wait(ann, has_text, "two");
	vnc_viewer_sync(ann);
	assert_int_equal(of_ann.texts, 1);
	vnc_viewer_disconnect(ann);
	takeover_forget_notes();
}

/* Whatever happens meanwhile: who has the desktop next gets nothing that was copied in private, and
 * who comes meanwhile neither. */
static void what_was_copied_in_private_is_gone_with_it(void **state)
{
	struct vnc_seen of_ann, of_eve;
	(void)state;
	rfbClient *ann = come(VNC_MODE_PRIVATE, "ann", &of_ann);
	copy("at first");
	vnc_viewer_wait(ann, has_text, "at first");
	of_ann.texts = 0;
	takeover_take("{\"do\":\"take\",\"private\":true," ANN "}");
	vnc_viewer_wait(ann, sees_screen, NULL);
	copy("for ann");
	vnc_viewer_wait(ann, has_text, "for ann");
	rfbClient *eve = come(VNC_MODE_ACT, "eve", &of_eve);
	vnc_viewer_wait(eve, sees_notice, NULL);
	free(desktop_sh(&takeover.desktop,
			"xrandr --newmode small 0 1000 1000 1000 1000 700 700 700 700; xrandr "
			"--addmode screen small; xrandr --output screen --mode small"));
	vnc_viewer_wait(ann, has_width, "1000");
	vnc_viewer_wait(eve, has_width, "1000");
	cJSON_Delete(takeover_control("{\"do\":\"request\",\"private\":true," EVE "}", 200));
	cJSON_Delete(takeover_control("{\"do\":\"give\"," ANN "}", 200));
	expect_of_two("Eve", eve, ann);
	copy("for eve");
	vnc_viewer_wait(eve, has_text, "for eve");
	free(desktop_sh(&takeover.desktop, "xrandr --output screen --mode 1280x800"));
	vnc_viewer_wait(ann, has_width, "1280");
	cJSON_Delete(takeover_control("{\"do\":\"give\"," EVE "}", 200));
	vnc_viewer_wait(ann, sees_screen, NULL);
	copy("for all");
	vnc_viewer_wait(ann, has_text, "for all");
	vnc_viewer_wait(eve, has_text, "for all");
	assert_int_equal(of_ann.texts, 2);
	assert_int_equal(of_eve.texts, 2);
	vnc_viewer_disconnect(ann);
	vnc_viewer_disconnect(eve);
	takeover_forget_notes();
}

/* Also one that comes up while nobody looks on. */
static void the_next_host_keeps_what_is_private(void **state)
{
	(void)state;
	cJSON_Delete(takeover_control("{\"do\":\"take\",\"private\":true," ANN "}", 200));
	vnc_viewer_disconnect(takeover.viewer);
	takeover.viewer = NULL;
	kill_and_wait(desktop_recorded_pid(&takeover.desktop, "host"));
	desktop_disconnect(&takeover.desktop);
	world_expect(&takeover.world, 0, "desktop", "start", "--name=taken", NULL);
	takeover_expect_owner("Ann", "private");
	expect_nothing_is_told();
	cJSON_Delete(takeover_control("{\"do\":\"take\"}", 409));
	cJSON_Delete(takeover_control("{\"do\":\"give\"," ANN "}", 200));
	cJSON_Delete(takeover_get("/v1/screenshot", 200));
	takeover_expect_note(", in private: what was done is not told");
	takeover.viewer = takeover_connect_viewer(&takeover.seen);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, takeover_renew_viewer)
	const struct CMUnitTest tests[] = {
		TEST(in_private_nothing_is_told),
		TEST(of_private_windows_there_are_counts_alone),
		TEST(private_stops_what_looks_on),
		TEST(private_ends_tools),
		TEST(others_see_a_notice_in_private),
		TEST(what_is_copied_in_private_goes_to_its_owner),
		TEST(who_comes_is_told_of_the_text_as_soon_as_may_be),
		TEST(an_owner_that_answers_late_has_nothing_to_say),
		TEST(what_was_copied_in_private_is_gone_with_it),
		TEST(the_next_host_keeps_what_is_private),
	};
	return cmocka_run_group_tests(tests, takeover_start, takeover_finish);
}

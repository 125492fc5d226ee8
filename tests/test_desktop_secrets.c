/* Secrets on a desktop: where they are typed, that they arrive to the character, and that nothing
 * of the screen is shown as long as they can be seen. */

#include <png.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/vnc_viewers.h"
#include "tests/waiting.h"

#define PAPER 0x20 /* of the notice: red, green and blue */
#define VALUE "Tr0ub4dor & <3> \"\\ Žluťoučký kůň 你好, 1234!"
#define PAGE "http://127.0.0.1:8080"
#define OTHER "http://127.0.0.1:8081"

static struct world world;
static struct desktop desktop;

static const char site[] =
		"mkdir -p site && cd site\n"
		"cat > index.html <<'EOF'\n"
		"<meta charset=utf-8><title>Login</title>\n"
		"<form onsubmit=\"location='/done.html';return false\">\n"
		"<input id=u autofocus><input type=password id=p>\n"
		"<input type=button id=s value=Reveal "
		"onclick=\"p.type='text'\"><button>Go</button>\n"
		"</form><script src=right.js></script><script>\n"
		"const title = e => document.title =\n"
		"  e.target.value === right ? 'right' : 'wrong ' + e.target.value.length;\n"
		"p.onchange = u.onchange = title;\n"
		"const thief = location.search;\n"
		"p.oninput = () => { if (p.value.length != 3) return;\n"
		"  if (thief == '?field') u.focus();\n"
		"  if (thief == '?window') open('/thief.html', 't', 'width=300,height=200'); };\n"
		"</script>\n"
		"EOF\n"
		"echo '<title>Done</title>thanks' > done.html\n"
		"cat > get.html <<'EOF'\n"
		"<meta charset=utf-8><title>Get</title><form action=/done.html>\n"
		"<input type=password name=p autofocus><button>Go</button></form>\n"
		"EOF\n"
		"cat > thief.html <<'EOF'\n"
		"<title>got 0</title><input id=i autofocus oninput=\"document.title = 'got ' + "
		"i.value.length\">\n"
		"EOF\n"
		"echo '<title>Around</title><iframe src=" PAGE
		"/ width=900 height=300></iframe>' > "
		"around.html\n"
		"busybox httpd -p 127.0.0.1:8080\n"
		"busybox httpd -p 127.0.0.1:8081\n";

static int start(void **state)
{
	(void)state;
	CUA_AUTO_JSON cJSON *value = cJSON_CreateString(VALUE);
	CUA_AUTO_FREE char *quoted = cJSON_PrintUnformatted(value);
	CUA_AUTO_FREE char *script = NULL;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "secret");
	free(desktop_sh(&desktop, site));
	assert_true(asprintf(&script, "cat > site/right.js <<'EOF'\nconst right = %s;\nEOF\n",
				    quoted) > 0);
	free(desktop_sh(&desktop, script));
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_stop(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- what a test does --- */

/* actions: JSON; windows and origins: one each, or NULL. */
static cJSON *act_with_secret(
		const char *actions, const char *window, const char *origin, long *ret_http_status)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *list = cJSON_Parse(actions);
	assert_non_null(list);
	cJSON_AddItemToObject(body, "actions", list);
	cJSON *secrets = cJSON_AddObjectToObject(body, "secrets");
	cJSON *secret = cJSON_AddObjectToObject(secrets, "PW");
	cJSON_AddStringToObject(secret, "value", VALUE);
	cJSON_AddItemToObject(secret, "windows", cJSON_CreateStringArray(&window, window ? 1 : 0));
	cJSON_AddItemToObject(secret, "origins", cJSON_CreateStringArray(&origin, origin ? 1 : 0));
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	cJSON *answer = desktop_post(&desktop, text, ret_http_status);
	CUA_AUTO_FREE char *said = cJSON_PrintUnformatted(answer);
	assert_null(strstr(said, "Tr0ub4dor")); /* of the answer, none may hold it */
	return answer;
}

static bool is_withheld(const cJSON *answer)
{
	return json_text(answer, "withheld")[0] != '\0';
}

static bool type_secret(const char *window, const char *origin)
{
	CUA_AUTO_JSON cJSON *answer = act_with_secret(
			"[{\"action\":\"type\",\"text\":\"{{secret:PW}}\"}]", window, origin, NULL);
	assert_string_equal(json_text(answer, "results.0.secrets.0"), "PW");
	return is_withheld(answer);
}

/* Are pictures withheld after it? */
static bool act_and_look(const char *actions)
{
	CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop, "%s", actions);
	return is_withheld(answer);
}

/* The picture of the screen: is it the notice? */
static bool is_notice(void)
{
	struct cua_http_response response;
	png_image image = { .version = PNG_IMAGE_VERSION };
	assert_int_equal(desktop_http(&desktop, "GET", "/v1/screenshot", NULL, 0, NULL, &response),
			200);
	assert_true(png_image_begin_read_from_memory(
			&image, response.body.data, response.body.len));
	image.format = PNG_FORMAT_RGB;
	CUA_AUTO_FREE uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
	assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
	cua_http_response_finish(&response);
	size_t paper = 0;
	for (size_t i = 0; i < PNG_IMAGE_SIZE(image); i++) {
		paper += pixels[i] == PAPER;
	}
	return paper > PNG_IMAGE_SIZE(image) / 100 * 98; /* words and pointer are on it */
}

static bool is_shown(void *data)
{
	(void)data;
	return !is_notice();
}

/* Soon: while a window is too busy to say what it shows, an earlier secret may be in it. */
static void expect_shown(void)
{
	wait_until(is_shown, NULL, "the screen is shown");
}

static void expect_refused(const char *window, const char *origin, const char *said)
{
	long http_status = 0;
	CUA_AUTO_JSON cJSON *answer =
			act_with_secret("[{\"action\":\"type\",\"text\":\"{{secret:PW}}\"}]",
					window, origin, &http_status);
	assert_int_not_equal(http_status, 200);
	assert_string_equal(json_text(answer, "error.code"), "policy");
	if (!strstr(json_text(answer, "error.message"), said)) {
		fail_msg("%s", json_text(answer, "error.message"));
	}
	expect_shown();
}

static void open_page(const char *url, const char *title)
{
	desktop_do(&desktop,
			"[{\"action\":\"open_url\",\"url\":\"%s\"},{\"action\":\"wait_for\","
			"\"until\":"
			"\"window\",\"text\":\"%s\",\"timeout_ms\":20000},{\"action\":\"wait_for\","
			"\"until\":\"text\",\"text\":\"Go\",\"timeout_ms\":20000}]",
			url, title);
}

static void open_login(const char *search)
{
	char url[64];
	snprintf(url, sizeof(url), PAGE "/%s", search);
	open_page(url, "Login");
	assert_false(act_and_look("[{\"action\":\"key\",\"keys\":[\"Tab\"]}]"));
}

static void expect_title(const char *title)
{
	desktop_do(&desktop,
			"[{\"action\":\"wait_for\",\"until\":\"window\",\"text\":\"%s\","
			"\"timeout_ms\":10000}]",
			title);
}

/* Another page in the place of this one ends what is known of its fields. */
static void reload(void)
{
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":[\"F5\"]}]");
	expect_title("Login");
	assert_false(is_notice());
}

static void kill_window(const char *class)
{
	CUA_AUTO_JSON cJSON *windows = desktop_act(&desktop, "[{\"action\":\"list_windows\"}]");
	const cJSON *window = NULL;
	cJSON_ArrayForEach (window, json_at(windows, "results.0.windows")) {
		if (strcasecmp(json_text(window, "class"), class) == 0) {
			desktop_do(&desktop, "[{\"action\":\"kill_window\",\"window\":%d}]",
					(int)json_number(window, "id"));
			return;
		}
	}
	fail_msg("there is no window of %s", class);
}

#define TAB "[{\"action\":\"key\",\"keys\":[\"Tab\"]}]"

/* --- pages --- */

static void a_page_that_may_have_it_gets_it_to_the_character(void **state)
{
	(void)state;
	open_login("");
	assert_false(is_notice());
	assert_true(type_secret(NULL, PAGE));
	assert_true(is_notice());
	/* Words are withheld like pictures. */
	CUA_AUTO_JSON cJSON *read = desktop_act(&desktop,
			"[{\"action\":\"read_screen\"},{\"action\":\"find_text\",\"text\":\"Go\"},"
			"{\"action\":\"read_text\"},{\"action\":\"mark_screen\"}]");
	assert_non_null(strstr(json_text(read, "results.0.text"), "withheld"));
	assert_int_equal(cJSON_GetArraySize(json_at(read, "results.1.matches")), 0);
	assert_int_equal(cJSON_GetArraySize(json_at(read, "results.2.words")), 0);
	assert_int_equal(cJSON_GetArraySize(json_at(read, "results.3.marks")), 0);
	assert_int_equal(cJSON_GetArraySize(json_at(read, "changed")), 0);
	/* Nobody looked: it is not gone. */
	long status = 0;
	CUA_AUTO_JSON cJSON *late = desktop_post(&desktop,
			"{\"actions\":[{\"action\":\"wait_for\",\"until\":\"text_gone\",\"text\":"
			"\"Go\",\"timeout_ms\":100}]}",
			&status);
	assert_int_equal(status, 504);
	assert_non_null(strstr(json_text(late, "error.message"), "withheld"));
	/* The field is left: it shows dots. */
	assert_false(act_and_look(TAB));
	assert_false(is_notice());
	expect_title("right");
}

static void nobody_else_gets_it(void **state)
{
	(void)state;
	open_login("");
	expect_refused(NULL, OTHER, "may not be typed here");
	expect_refused(NULL, "https://127.0.0.1:8080", "may not be typed here");
	expect_refused("XTerm", NULL, "may not be typed here");
	expect_refused("Login*", NULL, "may not be typed here"); /* a page chose that title */
	/* The address bar is no field of the page, which believes that it has the focus. */
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":[\"ctrl\",\"l\"]}]");
	expect_refused(NULL, PAGE, "where no field of a page has the focus");
	desktop_do(&desktop,
			"[{\"action\":\"key\",\"keys\":[\"Escape\"]},{\"action\":\"key\","
			"\"keys\":[\"Escape\"]}]");
	CUA_AUTO_JSON cJSON *where = desktop_act(&desktop,
			"[{\"action\":\"find_text\",\"text\":\"Tr0ub\"},{\"action\":\"list_"
			"windows\"}]");
	assert_int_equal(cJSON_GetArraySize(json_at(where, "results.0.matches")), 0);
}

/* A page in a page: who is around it may have put it there. */
static void a_page_in_a_page_of_another_does_not_get_it(void **state)
{
	(void)state;
	open_page(OTHER "/around.html", "Around");
	desktop_do(&desktop, "[{\"action\":\"find_text\",\"text\":\"Go\"}]");
	desktop_do(&desktop, TAB);
	desktop_do(&desktop, TAB);
	expect_refused(NULL, PAGE, "may not be typed here");
}

static void what_a_field_shows_is_withheld_until_it_is_gone(void **state)
{
	(void)state;
	open_page(PAGE "/", "Login");
	assert_true(type_secret(NULL, PAGE)); /* into the field for names */
	assert_true(act_and_look(TAB));
	assert_true(is_notice());
	/* Copied meanwhile: the clipboard is withheld, and cleared. */
	assert_true(act_and_look("[{\"action\":\"key\",\"keys\":[\"shift\",\"Tab\"]},{\"action\":"
				 "\"key\",\"keys\":[\"ctrl\",\"a\"]},{\"action\":\"key\",\"keys\":"
				 "[\"ctrl\",\"c\"]}]"));
	CUA_AUTO_JSON cJSON *during = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_non_null(strstr(json_text(during, "results.0.text"), "withheld"));
	assert_false(act_and_look("[{\"action\":\"key\",\"keys\":[\"Delete\"]},{\"action\":\"key\","
				  "\"keys\":[\"Tab\"]}]"));
	assert_false(is_notice());
	CUA_AUTO_JSON cJSON *after = desktop_act(&desktop, "[{\"action\":\"clipboard_get\"}]");
	assert_string_equal(json_text(after, "results.0.text"), "");
}

/* A button that makes the dots readable: the picture after the click shows nothing. */
static void a_password_that_is_revealed_is_withheld_again(void **state)
{
	(void)state;
	open_login("");
	assert_true(type_secret(NULL, PAGE));
	assert_false(act_and_look(TAB)); /* on the button */
	assert_true(act_and_look("[{\"action\":\"key\",\"keys\":[\"space\"]}]"));
	assert_true(is_notice());
	/* A page in another tab is not it; back there, it is. */
	desktop_do(&desktop, "[{\"action\":\"open_url\",\"url\":\"" PAGE "/done.html\"}]");
	expect_title("Done");
	assert_false(is_notice());
	assert_true(act_and_look("[{\"action\":\"key\",\"keys\":[\"ctrl\",\"w\"]}]"));
	assert_true(is_notice());
	reload();
}

static void a_form_that_is_sent_ends_it(void **state)
{
	(void)state;
	open_login("");
	CUA_AUTO_JSON cJSON *answer = act_with_secret(
			"[{\"action\":\"type\",\"text\":\"{{secret:PW}}\\n\"}]", NULL, PAGE, NULL);
	assert_string_equal(json_text(answer, "results.0.status"), "delivered");
	expect_title("Done");
	assert_false(is_notice());
}

/* The address bar shows it then, as URLs have it. */
static void a_form_that_puts_it_into_the_address_does_not(void **state)
{
	(void)state;
	open_page(PAGE "/get.html", "Get");
	CUA_AUTO_JSON cJSON *answer = act_with_secret(
			"[{\"action\":\"type\",\"text\":\"{{secret:PW}}\\n\"}]", NULL, PAGE, NULL);
	assert_string_equal(json_text(answer, "results.0.status"), "delivered");
	expect_title("Done");
	assert_true(is_notice());
	desktop_do(&desktop, "[{\"action\":\"open_url\",\"url\":\"" PAGE "/\"}]");
	expect_title("Login");
	assert_false(is_notice());
}

/* --- thieves of the focus --- */

static void a_field_that_takes_the_focus_stops_it(void **state)
{
	long http_status = 0;
	(void)state;
	open_login("?field");
	CUA_AUTO_JSON cJSON *answer =
			act_with_secret("[{\"action\":\"type\",\"text\":\"{{secret:PW}}\"}]", NULL,
					PAGE, &http_status);
	assert_string_equal(json_text(answer, "error.code"), "policy");
	assert_non_null(strstr(json_text(answer, "error.message"), "the focus has moved"));
	/* A part of it may be in the other field, which shows it. */
	assert_true(is_withheld(answer));
	assert_true(act_and_look(TAB));
	assert_true(is_notice());
	reload();
}

static void a_window_that_takes_the_focus_gets_nothing(void **state)
{
	long http_status = 0;
	(void)state;
	open_login("?window");
	CUA_AUTO_JSON cJSON *answer =
			act_with_secret("[{\"action\":\"type\",\"text\":\"{{secret:PW}}\"}]", NULL,
					PAGE, &http_status);
	assert_string_equal(json_text(answer, "error.code"), "policy");
	expect_title("got 0");
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":[\"alt\",\"F4\"]}]");
	reload();
}

/* --- windows --- */

/* No tree tells what a terminal shows: what is drawn does. */
static void a_prompt_that_shows_nothing_is_not_withheld(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"open_app\",\"name\":\"xterm\"},{\"action\":\"type\","
			"\"text\":\"stty -echo; read -r a; stty echo; printf %%s \\\"$a\\\" > "
			"said\\n\"}]");
	expect_refused(NULL, PAGE, "the active window is XTerm, where no field of a page");
	assert_false(type_secret("xterm", NULL));
	assert_false(act_and_look("[{\"action\":\"key\",\"keys\":[\"Return\"]}]"));
	CUA_AUTO_FREE char *said =
			desktop_sh(&desktop, "until test -s said; do sleep 0.05; done; cat said");
	assert_string_equal(said, "Tr0ub4dor & <3> \"\\ Žluťoučký kůň 你好, 1234!");
	/* One that echoes is withheld until its window is closed. */
	assert_true(type_secret("XTerm", NULL));
	assert_true(act_and_look("[{\"action\":\"key\",\"keys\":[\"ctrl\",\"c\"]}]"));
	assert_true(is_notice());
	kill_window("xterm");
	assert_false(is_notice());
}

static void an_editor_is_withheld_as_long_as_it_holds_it(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"mousepad\"}]");
	assert_true(type_secret("*mousepad*", NULL));
	assert_true(is_notice());
	assert_true(act_and_look("[{\"action\":\"key\",\"keys\":[\"Return\"]}]"));
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"xterm\"}]");
	assert_true(is_notice()); /* the editor is behind it */
	kill_window("mousepad");
	assert_false(is_notice());
	kill_window("xterm");
}

/* LibreOffice's own dialog for a password. */
static void a_dialog_of_libreoffice_gets_it_by_its_title(void **state)
{
	(void)state;
	desktop_do(&desktop, "[{\"action\":\"open_app\",\"name\":\"LibreOffice Calc\"}]");
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":[\"alt\",\"t\"]}]");
	CUA_AUTO_JSON cJSON *found =
			desktop_find_element(&desktop, "Protect Spreadsheet Structure");
	desktop_do(&desktop,
			"[{\"action\":\"click\",\"ref\":\"%s\"},{\"action\":\"wait_for\","
			"\"until\":\"window\",\"text\":\"Protect Spreadsheet\","
			"\"timeout_ms\":15000}]",
			json_text(found, "ref"));
	expect_refused("Protect Document", NULL, "may not be typed here");
	assert_true(type_secret("Protect Spreadsheet*", NULL));
	desktop_do(&desktop, TAB);
	expect_shown(); /* dots */
	assert_true(type_secret("Protect Spreadsheet*", NULL));
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":[\"Return\"]}]");
	expect_shown();
	/* Both were the same, or the dialog would be there still. */
	desktop_do(&desktop,
			"[{\"action\":\"wait_for\",\"until\":\"window_gone\",\"text\":\"Protect "
			"Spreadsheet\",\"timeout_ms\":10000}]");
	kill_window("libreoffice-calc");
}

/* --- viewers --- */

/* It reads all the time, as people's do: on one that has not read for 5 s the server hangs up, and
 * an action takes longer than that on a busy machine. */
struct watcher {
	rfbClient *viewer;
	pthread_t thread;
	pthread_mutex_t lock; /* of the viewer's picture */
	atomic_bool ends, is_hung_up;
};

static void *watch(void *data)
{
	struct watcher *watcher = data;
	while (!atomic_load(&watcher->ends) && !atomic_load(&watcher->is_hung_up)) {
		const int ready = WaitForMessage(watcher->viewer, 20000);
		pthread_mutex_lock(&watcher->lock);
		if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(watcher->viewer))) {
			atomic_store(&watcher->is_hung_up, true);
		}
		pthread_mutex_unlock(&watcher->lock);
	}
	return NULL;
}

static void watcher_start(struct watcher *watcher, rfbClient *viewer)
{
	assert_non_null(viewer);
	*watcher = (struct watcher){ .viewer = viewer };
	pthread_mutex_init(&watcher->lock, NULL);
	assert_int_equal(pthread_create(&watcher->thread, NULL, watch, watcher), 0);
}

static void watcher_stop(struct watcher *watcher)
{
	atomic_store(&watcher->ends, true);
	pthread_join(watcher->thread, NULL);
	pthread_mutex_destroy(&watcher->lock);
	vnc_viewer_disconnect(watcher->viewer);
}

static bool watcher_sees_notice(void *data)
{
	struct watcher *watcher = data;
	assert_false(atomic_load(&watcher->is_hung_up));
	pthread_mutex_lock(&watcher->lock);
	const rfbClient *viewer = watcher->viewer;
	const uint8_t *pixel = viewer->frameBuffer + 4 * (size_t)(40 * viewer->width + 40);
	const bool is_paper = pixel[0] == PAPER && pixel[1] == PAPER && pixel[2] == PAPER;
	pthread_mutex_unlock(&watcher->lock);
	return is_paper;
}

static bool watcher_sees_screen(void *data)
{
	return !watcher_sees_notice(data);
}

static void viewers_are_shown_the_notice(void **state)
{
	struct cua_http_response response;
	struct vnc_seen seen;
	static struct watcher watcher; /* its thread outlives a test that fails */
	(void)state;
	assert_int_equal(desktop_http(&desktop, "POST", "/v1/vnc", "{\"listen\":null}", 15, NULL,
					 &response),
			200);
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(response.body.data);
	cua_http_response_finish(&response);
	open_login("");
	watcher_start(&watcher,
			vnc_viewer_connect(json_text(json, "socket"), 0,
					json_text(json, "view_password"), "raw", &seen));
	wait_until(watcher_sees_screen, &watcher, "the viewer sees the screen");
	assert_true(type_secret(NULL, PAGE));
	wait_until(watcher_sees_notice, &watcher, "the viewer sees the notice");
	/* Another size, with new memory: a notice again. */
	desktop_do(&desktop, "[{\"action\":\"resize_screen\",\"width\":1000,\"height\":700}]");
	assert_true(is_notice());
	desktop_do(&desktop, "[{\"action\":\"resize_screen\",\"width\":1280,\"height\":800}]");
	assert_false(act_and_look(TAB));
	wait_until(watcher_sees_screen, &watcher, "the viewer sees the screen again");
	watcher_stop(&watcher);
}

/* --- requests --- */

static void bad_secrets_are_told(void **state)
{
	static const char *const bodies[] = { "[]", "{\"PW\":{}}", "{\"PW\":\"x\"}",
		"{\"PW\":{\"value\":\"\",\"windows\":[],\"origins\":[]}}",
		"{\"PW\":{\"value\":\"x\",\"windows\":[1],\"origins\":[]}}",
		"{\"P W\":{\"value\":\"x\",\"windows\":[],\"origins\":[]}}",
		"{\"PW\":{\"value\":\"x\",\"windows\":[],\"origins\":[],\"more\":1}}" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(bodies); i++) {
		CUA_AUTO_FREE char *body = NULL;
		long http_status = 0;
		assert_true(asprintf(&body,
					    "{\"actions\":[{\"action\":\"type\",\"text\":\"a\"}],"
					    "\"secrets\":%s}",
					    bodies[i]) > 0);
		CUA_AUTO_JSON cJSON *answer = desktop_post(&desktop, body, &http_status);
		assert_int_equal(http_status, 400);
		assert_non_null(strstr(json_text(answer, "error.message"), "secrets must be"));
	}
	long http_status = 0;
	CUA_AUTO_JSON cJSON *pasted = act_with_secret(
			"[{\"action\":\"type\",\"text\":\"{{secret:PW}}\",\"via\":\"clipboard\"}]",
			"*", NULL, &http_status);
	assert_non_null(strstr(json_text(pasted, "error.message"), "never through the clipboard"));
}

/* They could read the screen and the keys, and put up windows of any name. */
static void tools_are_ended_before_and_wait_behind_it(void **state)
{
	(void)state;
	struct output output;
	world_expect(&world, 0, "tools", "call", "-d", desktop.name, "bash",
			"{\"command\": \"kept=1; setsid sleep 4242 >/dev/null 2>&1 & setsid xterm "
			"-class Pinentry -e sleep 4243 >/dev/null 2>&1 & echo started\"}",
			NULL);
	CUA_AUTO_FREE char *there = desktop_sh(&desktop,
			"for i in $(seq 1000); do "
			"pgrep -f 'sleep 424[2]' >/dev/null && pgrep -f 'sleep 424[3]' >/dev/null "
			"&& "
			"break; sleep 0.01; done; pgrep -fc 'sleep 424[23]' || true");
	assert_int_not_equal(atoi(there), 0);
	world_expect(&world, 0, "open_app", "-d", desktop.name, "xterm -class Terminal -e cat",
			NULL);
	assert_true(type_secret("Terminal", NULL));
	CUA_AUTO_FREE char *left = desktop_sh(&desktop, "pgrep -fc 'sleep 424[23]' || true");
	assert_int_equal(atoi(left), 0);
	world_cua(&world, &output, "tools", "call", "-d", desktop.name, "bash",
			"{\"command\": \"echo $kept\"}", NULL);
	assert_int_equal(output.exit_status, 1);
	assert_non_null(strstr(output.err, "tools wait until it cannot"));
	output_finish(&output);
	kill_window("Terminal");
	world_expect(&world, 0, "screenshot", "-d", desktop.name, "-o", "/dev/null", NULL);
	world_expect(&world, 0, "tools", "call", "-d", desktop.name, "bash",
			"{\"command\": \"test -z $kept\"}", NULL);
}

static void logs_say_nothing(void **state)
{
	static const char *const logs[] = { "run/desktops/secret/host.log",
		"run/desktops/secret/session.log" };
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(logs); i++) {
		assert_false(file_contains(world_path(&world, logs[i]), "Tr0ub4dor"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_that_may_have_it_gets_it_to_the_character),
		cmocka_unit_test(nobody_else_gets_it),
		cmocka_unit_test(a_page_in_a_page_of_another_does_not_get_it),
		cmocka_unit_test(what_a_field_shows_is_withheld_until_it_is_gone),
		cmocka_unit_test(a_password_that_is_revealed_is_withheld_again),
		cmocka_unit_test(a_form_that_is_sent_ends_it),
		cmocka_unit_test(a_form_that_puts_it_into_the_address_does_not),
		cmocka_unit_test(a_field_that_takes_the_focus_stops_it),
		cmocka_unit_test(a_window_that_takes_the_focus_gets_nothing),
		cmocka_unit_test(a_prompt_that_shows_nothing_is_not_withheld),
		cmocka_unit_test(an_editor_is_withheld_as_long_as_it_holds_it),
		cmocka_unit_test(viewers_are_shown_the_notice),
		cmocka_unit_test(bad_secrets_are_told),
		cmocka_unit_test(a_dialog_of_libreoffice_gets_it_by_its_title),
		cmocka_unit_test(tools_are_ended_before_and_wait_behind_it),
		cmocka_unit_test(logs_say_nothing),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

/* Settled pictures, and what moves by itself. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/desktop_processes.h"

/* More trials prove what a few cannot; see tests/README.md. */
#define TRIALS_ENV "CUA_TEST_SETTLE_TRIALS"
#define FEW_TRIALS 3
#define MANY_TRIALS 100

static struct world world;
static struct desktop desktop;

static int start(void **state)
{
	(void)state;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "settle");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

static void show_page(const char *name, const char *html)
{
	char path[600], url[600];
	snprintf(path, sizeof(path), "%s/%s", desktop.home, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(html, file) >= 0);
	assert_int_equal(fclose(file), 0);
	snprintf(url, sizeof(url), "file://%s/%s", desktop.inside_home, name);
	cJSON_Delete(desktop_text_action(&desktop, "open_url", "url", url));
}

static void what_moves_by_itself_is_reported_and_not_waited_for(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	show_page("moving.html",
			"<!doctype "
			"html><title>moving</title><style>#s{position:absolute;left:300px;"
			"top:200px;width:40px;height:40px;border:6px solid "
			"#ccc;border-top-color:#36c;"
			"border-radius:50%;animation:t 1s linear infinite}@keyframes "
			"t{to{transform:"
			"rotate(360deg)}}</style><p id=p>0</p><div id=s></div><script>let n=0;"
			"onkeydown=()=>p.textContent=++n</script>");
	/* Whatever the first answers make of it, it is known after it has moved for a while. */
	CUA_AUTO_JSON cJSON *answer = NULL;
	for (int i = 0; i < 5; i++) {
		cJSON_Delete(answer);
		answer = desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"x\"}]");
	}
	assert_string_equal(json_text(answer, "settle.reason"), "animated");
	assert_string_equal(json_text(answer, "settle.animated.0.kind"), "spinner");
	const cJSON *region = json_at(answer, "settle.animated.0.region");
	const int x = cJSON_GetArrayItem(region, 0)->valueint;
	const int y = cJSON_GetArrayItem(region, 1)->valueint;
	assert_in_range(x, 280, 310);
	assert_in_range(y, 180 + 80, 220 + 100);
	assert_string_equal(json_text(answer, "results.0.status"), "delivered");
}

/* Between two inputs it has to blink a few times: what blinked is forgotten at each. */
static void what_blinks_is_reported_as_a_caret(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	show_page("blinking.html",
			"<!doctype html><title>blinking</title><p id=p>0</p><div id=c "
			"style='position:absolute;left:600px;top:400px;width:1px;height:20px;"
			"background:#000'></div><script>let n=0;onkeydown=()=>p.textContent=++n;"
			"setInterval(()=>{c.hidden=!c.hidden},530)</script>");
	bool is_caret = false;
	for (int i = 0; i < 5 && !is_caret; i++) {
		CUA_AUTO_JSON cJSON *answer = desktop_act(&desktop,
				"[{\"action\":\"wait\",\"duration_ms\":3000},"
				"{\"action\":\"key\",\"keys\":\"x\"}]");
		const cJSON *moving = NULL;
		cJSON_ArrayForEach (moving, json_at(answer, "settle.animated")) {
			is_caret = is_caret || strcmp(json_text(moving, "kind"), "caret") == 0;
		}
	}
	assert_true(is_caret);
}

/* A film that goes on after a pause may stall after its first frames: it has moved there before,
 * and is waited for longer. */
static void a_film_that_goes_on_is_reported(void **state)
{
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0) {
		skip();
	}
	show_page("film.html",
			"<!doctype html><title>film</title><style>#f{position:absolute;left:300px;"
			"top:150px;width:300px;height:200px}</style><div id=f></div><script>"
			"let on=true,n=0,first=0;function "
			"next(){if(!on)return;n++;f.style.background="
			"`hsl(${n*40},70%,50%)`;setTimeout(next,n-first==5?240:40)}next();"
			"onkeydown=e=>{if(e.key=='s'){on=!on;if(on){first=n;next()}}}</script>");
	CUA_AUTO_JSON cJSON *playing = NULL;
	for (int i = 0; i < 5; i++) {
		cJSON_Delete(playing);
		playing = desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"x\"}]");
	}
	assert_string_equal(json_text(playing, "settle.animated.0.kind"), "video");
	cJSON_Delete(desktop_act(&desktop,
			"[{\"action\":\"key\",\"keys\":\"s\"},{\"action\":\"wait_for\",\"until\":"
			"\"rest\",\"rest_ms\":1000}]"));
	CUA_AUTO_JSON cJSON *again = desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"s\"}]");
	assert_string_equal(json_text(again, "settle.reason"), "animated");
	assert_string_equal(json_text(again, "settle.animated.0.kind"), "video");
}

/* At once, and late two times more: the last is what is learnt. */
static void who_draws_late_twice_is_waited_for(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"open_app\",\"name\":\"xterm -title Twice -e sh -c 'while "
			"read l; do echo at once; sleep 0.25; echo late; sleep 0.25; echo later; "
			"done'\"}]");
	for (int i = 0; i < 6; i++) {
		CUA_AUTO_JSON cJSON *answer =
				desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"Return\"}]");
		const double last_ms = json_number(answer, "settle.last_change_ms");
		if (i >= 3 && last_ms < 490) {
			fail_msg("round %d: the last change was seen after %.0f ms", i, last_ms);
		}
		desktop_do(&desktop,
				"[{\"action\":\"wait_for\",\"until\":\"rest\",\"rest_ms\":800}]");
	}
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"ctrl+d\"}]");
}

static void an_input_without_effect_is_told(void **state)
{
	(void)state;
	desktop_do(&desktop,
			"[{\"action\":\"open_app\",\"name\":\"xterm -e sh -c 'stty -echo; clear; "
			"sleep 60'\"}]");
	CUA_AUTO_JSON cJSON *answer =
			desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"F5\"}]");
	assert_string_equal(json_text(answer, "results.0.status"), "no_visible_effect");
	assert_string_equal(json_text(answer, "settle.reason"), "unchanged");
}

static bool next_input_waits_in_vain(void)
{
	CUA_AUTO_JSON cJSON *answer =
			desktop_act(&desktop, "[{\"action\":\"key\",\"keys\":\"F5\"}]");
	return strcmp(json_text(answer, "settle.reason"), "timeout") == 0;
}

/* One input finds out; those after it do not wait for it again. That they come at once is the
 * point: after a pause of 0.15 s what a program used in the pause would tell. On a machine with
 * other work a program may find no processor for so long that it seems to sleep, and is waited for
 * again; if it were waited for each time, all would wait in vain. */
static void a_program_that_always_computes_is_waited_for_once(void **state)
{
	(void)state;
	int tries = 0, in_vain = 0;
	free(desktop_sh(&desktop, "timeout 100 yes >/dev/null 2>&1 &"));
	while (!next_input_waits_in_vain()) {
		assert_true(++tries < 5);
	}
	for (int i = 0; i < 5; i++) {
		in_vain += next_input_waits_in_vain();
	}
	assert_in_range(in_vain, 0, 2);
	desktop_end_processes(&desktop, "yes");
}

static int trials_wanted(void)
{
	const char *text = getenv(TRIALS_ENV);
	const int trials = text ? atoi(text) : FEW_TRIALS;
	return trials > 0 ? trials : FEW_TRIALS;
}

/* Of few trials a machine with much else to do may spoil some; of many, one in two hundred of each
 * row. */
static void settled_pictures_are_those_that_stay(void **state)
{
	char trials[32];
	struct output output;
	int rows = 0, wrong_in_all = 0;
	(void)state;
	if (access("/usr/bin/chromium", X_OK) != 0 || access("/usr/bin/soffice", X_OK) != 0) {
		skip();
	}
	const int count = trials_wanted();
	snprintf(trials, sizeof(trials), "--trials=%d", count);
	world.deadline_ms = 240000 + count * 30000;
	world_cua(&world, &output, "bench", "settle", trials, "--parallel=3", "--json", NULL);
	if (output.exit_status != 0) {
		fail_msg("%s", output.err);
	}
	char *rest = NULL;
	for (char *line = strtok_r(output.out, "\n", &rest); line;
			line = strtok_r(NULL, "\n", &rest)) {
		CUA_AUTO_JSON cJSON *figure = cJSON_Parse(line);
		if (strcmp(json_text(figure, "figure"), "wrong pictures") != 0 ||
				strcmp(json_text(figure, "by"), "cua") != 0) {
			continue;
		}
		const int wrong = (int)(json_number(figure, "median") * count / 100.0 + 0.5);
		wrong_in_all += wrong;
		rows++;
		if (wrong > 0) {
			print_message("%s: %s\n", json_text(figure, "screen"),
					json_text(figure, "note"));
		}
		assert_true(count < MANY_TRIALS || wrong <= (count + 199) / 200);
	}
	output_finish(&output);
	assert_true(rows >= 13);
	assert_true(wrong_in_all <= 1 || count >= MANY_TRIALS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_input_without_effect_is_told),
		cmocka_unit_test(who_draws_late_twice_is_waited_for),
		cmocka_unit_test(a_program_that_always_computes_is_waited_for_once),
		cmocka_unit_test(what_moves_by_itself_is_reported_and_not_waited_for),
		cmocka_unit_test(what_blinks_is_reported_as_a_caret),
		cmocka_unit_test(a_film_that_goes_on_is_reported),
		cmocka_unit_test(settled_pictures_are_those_that_stay),
	};
	return cmocka_run_group_tests(tests, start, finish);
}

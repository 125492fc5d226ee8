/* Single actions: in process, over the socket, and as a command beside xdotool. Nobody waits for
 * the screen here; bench_settle.c does. */

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/bench/bench_echo.h"
#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_topics.h"
#include "display/display.h"

#define TURNS_MAX 8
#define ARGS_MAX 12
#define REST_MAX_MS 1000

struct acting {
	struct bench_desktop *desktop;
	struct display *display;
	struct bench_runner *runner;
	struct cua_action action;
	cJSON *body; /* of POST /v1/actions */
	char program[CUA_PATH_MAX];
	struct bench_echo *echo;
	bool hurries; /* one right after the other */
};

/* --- who takes turns --- */

/* Nobody pays for what the one before has caused: the applications have read and drawn it. */
static enum cua_status come_to_rest(struct acting *acting, struct cua_error *err)
{
	struct display_settle settle;
	if (acting->hurries) {
		return CUA_OK;
	}
	display_begin(acting->display);
	return display_settle(acting->display, REST_MAX_MS, DISPLAY_EXPECT_NOTHING, &settle, err);
}

/* Until it is sent, or until the X server has said where the pointer is after it. */
static enum cua_status act(const struct bench_turn *turn, bool until_taken, double *ret_ms,
		struct cua_error *err)
{
	struct acting *acting = turn->user_data;
	CUA_AUTO_JSON cJSON *result = cJSON_CreateObject();
	enum cua_status status = come_to_rest(acting, err);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		display_begin(acting->display);
		status = display_act(acting->display, &acting->action, result, err);
	}
	if (status == CUA_OK && until_taken) {
		display_report(acting->display, result);
	}
	*ret_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status act_in_process(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	return act(turn, false, ret_ms, err);
}

static enum cua_status act_until_taken(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	return act(turn, true, ret_ms, err);
}

/* A byte to another process and back, both asleep before: the least that any answer takes. */
static enum cua_status echo(const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct acting *acting = turn->user_data;
	enum cua_status status = come_to_rest(acting, err);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_echo_ask(acting->echo, 1, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status act_by_socket(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct acting *acting = turn->user_data;
	enum cua_status status = come_to_rest(acting, err);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_post(acting->desktop, acting->body, NULL, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status act_by_command(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct acting *acting = turn->user_data;
	char *argv[ARGS_MAX + 8] = { acting->program };
	int count = 1, exit_status = 0;
	const cJSON *word = NULL;
	cJSON_ArrayForEach (word, (const cJSON *)turn->data) {
		if (count <= ARGS_MAX && cJSON_IsString(word)) {
			argv[count++] = word->valuestring;
		}
	}
	char name_option[] = "-d", settle[] = "--settle-ms", none[] = "-1";
	argv[count++] = name_option;
	argv[count++] = acting->desktop->record.name;
	argv[count++] = settle;
	argv[count++] = none;
	enum cua_status status = come_to_rest(acting, err);
	if (status == CUA_OK) {
		status = bench_run_timed(argv, ret_ms, &exit_status, err);
	}
	return status == CUA_OK && exit_status != 0
			? CUA_FAIL(err, CUA_ERR_APP, 0, "%s ended with status %d", argv[0],
					  exit_status)
			: status;
}

static enum cua_status act_by_peer(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct acting *acting = turn->user_data;
	enum cua_status status = come_to_rest(acting, err);
	return status == CUA_OK
			? bench_runner_run(acting->runner,
					  cJSON_GetObjectItemCaseSensitive(turn->data, "argv"),
					  ret_ms, err)
			: status;
}

/* --- the rows --- */

static cJSON *make_body(const cJSON *action)
{
	cJSON *body = cJSON_CreateObject();
	cJSON_AddItemToArray(
			cJSON_AddArrayToObject(body, "actions"), cJSON_Duplicate(action, true));
	cJSON_AddFalseToObject(body, "screenshot");
	cJSON_AddFalseToObject(body, "settle");
	return body;
}

static enum cua_status measure_calls(struct acting *acting, const struct bench_key *key,
		const cJSON *row, struct cua_error *err)
{
	struct bench_turn turns[] = {
		{ .by = "cua in process", .take = act_in_process, .user_data = acting },
		{ .by = "until the X server has it", .take = act_until_taken, .user_data = acting },
		{ .by = "cua socket", .take = act_by_socket, .user_data = acting },
	};
	const cJSON *action = cJSON_GetObjectItemCaseSensitive(row, "action");
	enum cua_status status = cua_action_parse(action, NULL, &acting->action, err);
	if (status != CUA_OK) {
		return status;
	}
	acting->body = make_body(action);
	status = bench_take_turns(
			acting->desktop->bench, key, turns, (int)CUA_ARRAY_LEN(turns), err);
	if (status == CUA_OK && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "in_a_row"))) {
		struct bench_key own = *key;
		char name[BENCH_WORD_MAX];
		snprintf(name, sizeof(name), "%s, one right after the other", key->name);
		own.name = name;
		acting->hurries = true;
		status = bench_take_turns(acting->desktop->bench, &own, turns + 1,
				(int)CUA_ARRAY_LEN(turns) - 1, err);
		acting->hurries = false;
	}
	cJSON_Delete(CUA_STEAL(acting->body));
	cua_action_finish(&acting->action);
	return status;
}

static enum cua_status measure_commands(struct acting *acting, const struct bench_key *key,
		const cJSON *row, struct cua_error *err)
{
	struct bench_turn turns[TURNS_MAX] = { { .by = "cua command",
			.take = act_by_command,
			.user_data = acting,
			.data = cJSON_GetObjectItemCaseSensitive(row, "command") } };
	struct bench_key own = *key;
	char name[BENCH_WORD_MAX];
	int count = 1;
	const cJSON *peer = NULL;
	cJSON_ArrayForEach (peer, cJSON_GetObjectItemCaseSensitive(row, "peers")) {
		if (count < TURNS_MAX) {
			turns[count++] = (struct bench_turn){ .by = bench_text(peer, "by"),
				.take = act_by_peer,
				.user_data = acting,
				.data = peer,
				.may_fail = true };
		}
	}
	snprintf(name, sizeof(name), "%s, as a command", key->name);
	own.name = name;
	return turns[0].data ? bench_take_turns(acting->desktop->bench, &own, turns, count, err)
			     : CUA_OK;
}

static enum cua_status measure_echo(struct acting *acting, struct cua_error *err)
{
	struct bench_turn turn = { .by = "unix socket echo", .take = echo, .user_data = acting };
	const struct bench_key key = {
		.topic = "acting", .name = "a byte to a process that sleeps, and back", .unit = "ms"
	};
	return bench_take_turns(acting->desktop->bench, &key, &turn, 1, err);
}

static enum cua_status measure_rows(
		struct acting *acting, const cJSON *scenario, struct cua_error *err)
{
	const struct desktop_record *record = &acting->desktop->record;
	enum cua_status status = CUA_OK;
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(scenario, "figures")) {
		const struct bench_key key = { .topic = "acting",
			.name = bench_text(row, "name"),
			.screen = bench_text(scenario, "screen"),
			.width_px = record->settings.width_px,
			.height_px = record->settings.height_px,
			.unit = "ms" };
		status = status == CUA_OK ? measure_calls(acting, &key, row, err) : status;
		status = status == CUA_OK ? measure_commands(acting, &key, row, err) : status;
	}
	return status;
}

enum cua_status bench_acting(struct bench *bench, struct cua_error *err)
{
	const struct cua_point size = bench_usual_size(bench);
	struct acting acting = { .body = NULL };
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "acting", err);
	if (!scenario) {
		return CUA_ERR_INVAL;
	}
	enum cua_status status =
			cua_program_path("cua", acting.program, sizeof(acting.program), err);
	if (status == CUA_OK) {
		status = bench_desktop_start(bench, size.x, size.y, &acting.desktop, err);
	}
	if (status == CUA_OK) {
		status = bench_screen_show_named(
				acting.desktop, bench_text(scenario, "screen"), err);
	}
	if (status == CUA_OK) {
		status = display_connect(&acting.desktop->record, &acting.display, err);
	}
	if (status == CUA_OK) {
		status = bench_runner_start(acting.desktop, &acting.runner, err);
	}
	if (status == CUA_OK) {
		status = bench_echo_start(&acting.echo, err);
	}
	if (status == CUA_OK) {
		status = measure_rows(&acting, scenario, err);
	}
	if (status == CUA_OK) {
		status = measure_echo(&acting, err);
	}
	bench_echo_stop(acting.echo);
	bench_runner_stop(acting.runner);
	display_disconnect(acting.display);
	bench_desktop_stop(acting.desktop);
	return status;
}

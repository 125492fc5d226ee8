/* cua runs replay: the recorded actions on another desktop, and whether the screens are the same.
 */

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/desktop_client.h"
#include "agent/event.h"
#include "agent/journal_read.h"
#include "agent/words.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/contract/text.h"
#include "cua/desktops.h"
#include "cua/runs/runs.h"

struct replay {
	const char *run_dir;
	const struct agent_redactor *redactor;
	struct agent_desktop *desktop;
	bool as_json;
	int differing, failed; /* calls */
};

/* --- one call --- */

/* Pixels in which the desktop differs from the recorded screenshot; -1 if the sizes differ. */
static enum cua_status compare(const struct replay *replay, const char *sha256,
		int64_t *ret_differing, struct cua_error *err)
{
	const struct agent_image *screen = agent_desktop_screen(replay->desktop);
	struct runs_picture recorded = { 0 }, now = { 0 };
	char path[PATH_MAX];
	if (strcmp(screen->sha256, sha256) == 0) {
		*ret_differing = 0;
		return CUA_OK;
	}
	snprintf(path, sizeof(path), "%s/screenshots/%.64s.png", replay->run_dir, sha256);
	enum cua_status status = runs_picture_read(path, &recorded, err);
	if (status == CUA_OK) {
		status = runs_picture_decode(screen->base64, &now, err);
	}
	if (status == CUA_OK) {
		*ret_differing = runs_picture_compare(&recorded, &now);
	}
	runs_picture_finish(&recorded);
	runs_picture_finish(&now);
	return status;
}

static void print_call(const struct replay *replay, const cJSON *intent, const char *what,
		int64_t differing)
{
	CUA_AUTO_FREE char *words =
			agent_words_actions(cJSON_GetObjectItemCaseSensitive(intent, "actions"));
	const struct agent_image *screen = agent_desktop_screen(replay->desktop);
	if (replay->as_json) {
		CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
		cJSON_AddNumberToObject(json, "step", cua_json_number(intent, "step"));
		cJSON_AddStringToObject(json, "call_id", cua_json_text(intent, "call_id"));
		cJSON_AddStringToObject(json, "result", what);
		cJSON_AddNumberToObject(json, "differing_pixels", (double)differing);
		CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
		printf("%s\n", text ? text : "{}");
		return;
	}
	printf("%3.0f  ", cua_json_number(intent, "step"));
	if (strcmp(what, "differs") == 0 && screen) {
		printf("%.3f %% (%lld pixels) differ",
				100.0 * (double)differing /
						(double)(screen->width * screen->height),
				(long long)differing);
	} else {
		fputs(what, stdout);
	}
	fputs("  ", stdout);
	if (words) {
		agent_redact(replay->redactor, &words);
	}
	cua_text_line(stdout, words, 120);
	putchar('\n');
	fflush(stdout);
}

/* False if the desktop is lost. */
static bool replay_call(struct replay *replay, const cJSON *intent, const cJSON *result,
		struct cua_error *err)
{
	struct agent_outcome outcome;
	int64_t differing = 0;
	const char *sha256 = cua_json_text(result, "screenshot"), *what = "equal";
	enum cua_status status = agent_desktop_act(replay->desktop,
			cJSON_GetObjectItemCaseSensitive(intent, "actions"), &outcome, err);
	const bool fails = outcome.status != CUA_OK,
		   failed_then = strcmp(cua_json_text(result, "status"), "failed") == 0;
	agent_outcome_finish(&outcome);
	if (status != CUA_OK) {
		return false;
	}
	if (fails != failed_then) {
		what = fails ? "failed now" : "succeeded now";
		replay->failed++;
	} else if (!agent_event_is_sha256(sha256)) {
		what = "nothing to compare with";
	} else if (compare(replay, sha256, &differing, err) != CUA_OK) {
		return false;
	} else if (differing != 0) {
		what = differing > 0 ? "differs" : "another size";
		replay->differing++;
	}
	print_call(replay, intent, what, differing);
	return true;
}

/* What came of an intent: the result of its call in the same step. */
static const cJSON *result_of(const cJSON *intent)
{
	for (const cJSON *event = intent->next; event && !agent_event_is(event, "turn");
			event = event->next) {
		if (agent_event_is(event, "result") &&
				strcmp(cua_json_text(event, "call_id"),
						cua_json_text(intent, "call_id")) == 0) {
			return event;
		}
	}
	return NULL;
}

static bool replay_all(struct replay *replay, const cJSON *events, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *look = cJSON_Parse("[{\"action\": \"screenshot\"}]");
	struct agent_outcome outcome;
	const cJSON *event = NULL;
	enum cua_status status = agent_desktop_act(replay->desktop, look, &outcome, err);
	agent_outcome_finish(&outcome);
	cJSON_ArrayForEach (event, events) {
		if (status == CUA_OK && agent_event_is(event, "intent") &&
				!replay_call(replay, event, result_of(event), err)) {
			return false;
		}
	}
	return status == CUA_OK;
}

/* --- the desktop --- */

/* Of the size of the first screenshot. */
static enum cua_status start(
		const cJSON *events, struct desktop_record *record, struct cua_error *err)
{
	struct cua_desktop_options options = { .settings = desktop_settings_default };
	const cJSON *event = NULL;
	bool attached = false;
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "look") && cua_json_number(event, "width") >= 320 &&
				cua_json_number(event, "height") >= 200) {
			options.settings.width_px = cua_json_int(event, "width");
			options.settings.height_px = cua_json_int(event, "height");
			break;
		}
	}
	return cua_desktop_start(&options, record, &attached, err);
}

/* Readable when somebody wants it to stop: the desktop is to be stopped, too. */
static int open_stop(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int replay_on(struct replay *replay, const struct desktop_record *record,
		const cJSON *events, struct cua_error *err)
{
	char socket_path[CUA_PATH_MAX + 16];
	desktop_path(record, "api.sock", socket_path, sizeof(socket_path));
	CUA_AUTO_FD int stop_fd = open_stop();
	if (agent_desktop_create(socket_path, stop_fd, &replay->desktop, err) != CUA_OK ||
			!replay_all(replay, events, err)) {
		agent_desktop_destroy(replay->desktop);
		return CUA_EXIT_DESKTOP;
	}
	agent_desktop_destroy(replay->desktop);
	if (!replay->as_json) {
		printf("%d calls differ, %d came out otherwise\n", replay->differing,
				replay->failed);
	}
	return replay->differing + replay->failed == 0 ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}

int runs_replay(int argc, char **argv)
{
	static const struct option options[] = { { "desktop", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' }, { 0 } };
	const char *name = NULL;
	struct replay replay = { 0 };
	struct cua_error error = { 0 };
	struct desktop_record record;
	for (int option; (option = getopt_long(argc, argv, "d:", options, NULL)) != -1;) {
		if (option == 'd') {
			name = optarg;
		} else if (option == 'j') {
			replay.as_json = true;
		} else {
			return cua_cmd_usage("runs", "wrong option for replay");
		}
	}
	if (optind != argc - 1) {
		return cua_cmd_usage("runs", "replay takes one run");
	}
	CUA_AUTO_FREE char *run_dir = NULL;
	CUA_AUTO_JSON cJSON *events = NULL;
	RUNS_AUTO_REDACTOR struct agent_redactor *redactor = runs_open_redactor(&error);
	CUA_AUTO_FD int dir_fd = redactor ? runs_open(argv[optind], &run_dir, &error) : -1;
	if (dir_fd < 0 || agent_journal_events(dir_fd, &events, &error) != CUA_OK ||
			(name ? cua_desktop_find(name, &record, &error)
			      : start(events, &record, &error)) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	replay.run_dir = run_dir;
	replay.redactor = redactor;
	const int exit_status = replay_on(&replay, &record, events, &error);
	if (exit_status == CUA_EXIT_DESKTOP) {
		fprintf(stderr, "cua runs: %s\n", error.msg);
	}
	if (!name && cua_desktop_stop_by_name(record.name, &error) != CUA_OK) {
		fprintf(stderr, "cua runs: the desktop %s was not stopped: %s\n", record.name,
				error.msg);
	}
	return exit_status;
}

/* Typing: how many characters a second, and how many of them arrive wrong, by us and by xdotool, in
 * turn into the same application. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_topics.h"
#include "cua/contract/utf8.h"

#define TYPISTS_MAX 4
#define RUNS_MAX 5
#define TEXT_MAX 8192
#define READ_BACK_TIMEOUT_MS 5000
#define LOOK_AGAIN_MS 20
#define LIBREOFFICE_SETTINGS ".config/libreoffice/4/user/registrymodifications.xcu"

struct typing {
	struct bench *bench;
	struct bench_desktop *desktop;
	struct bench_runner *runner;
	const cJSON *application;
	const char *text;
	size_t character_count;
	struct cua_buffer arrived; /* what the application has got */
};

struct typist {
	const char *by;
	const cJSON *peer; /* NULL: ourselves */
	struct bench_figure *speed, *rest, *wrong;
	bool gone;
};

/* --- comparing --- */

static size_t decode(const char *text, uint32_t points[TEXT_MAX])
{
	const char *end = text + strlen(text);
	size_t count = 0;
	while (text < end && count < TEXT_MAX) {
		points[count] = cua_utf8_next(&text, end);
		text += points[count++] == CUA_UTF8_INVALID; /* that one is left where it was */
	}
	return count;
}

/* Levenshtein's distance: characters to insert, delete or replace. */
static size_t distance(const char *wanted, const char *arrived)
{
	CUA_AUTO_FREE uint32_t *from = calloc(TEXT_MAX, sizeof(*from));
	CUA_AUTO_FREE uint32_t *to = calloc(TEXT_MAX, sizeof(*to));
	CUA_AUTO_FREE size_t *row = calloc(TEXT_MAX + 1, sizeof(*row));
	if (!from || !to || !row) {
		return 0;
	}
	const size_t from_count = decode(wanted, from), to_count = decode(arrived, to);
	for (size_t k = 0; k <= to_count; k++) {
		row[k] = k;
	}
	for (size_t i = 1; i <= from_count; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t k = 1; k <= to_count; k++) {
			const size_t replaced = corner + (from[i - 1] != to[k - 1]);
			const size_t shorter = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
			corner = row[k];
			row[k] = replaced < shorter ? replaced : shorter;
		}
	}
	return row[to_count];
}

/* --- the application --- */

static enum cua_status act_on(struct typing *typing, const char *member, struct cua_error *err)
{
	const cJSON *actions = cJSON_GetObjectItemCaseSensitive(typing->application, member);
	return cJSON_GetArraySize(actions) > 0 ? bench_act(typing->desktop, actions, err) : CUA_OK;
}

/* What LibreOffice corrects is no fault of the typing. */
static enum cua_status switch_corrections_off(struct typing *typing, struct cua_error *err)
{
	static const char end[] = "</oor:items>";
	const cJSON *names =
			cJSON_GetObjectItemCaseSensitive(typing->application, "no_corrections");
	char path[CUA_PATH_MAX + 128];
	CUA_AUTO_BUFFER struct cua_buffer settings;
	cua_buffer_init(&settings, 1 << 20);
	if (!names) {
		return CUA_OK;
	}
	snprintf(path, sizeof(path), "%s/" LIBREOFFICE_SETTINGS, typing->desktop->record.home);
	enum cua_status status = cua_file_read(path, &settings, err);
	char *at = status == CUA_OK && settings.data ? strstr(settings.data, end) : NULL;
	if (!at) {
		return status != CUA_OK ? status : CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s", path);
	}
	settings.len = (size_t)(at - settings.data);
	const cJSON *name = NULL;
	cJSON_ArrayForEach (name, names) {
		status = status == CUA_OK
				? cua_buffer_printf(&settings, err,
						  "<item "
						  "oor:path=\"/org.openoffice.Office.Common/"
						  "AutoCorrect\"><prop oor:name=\"%s\" "
						  "oor:op=\"fuse\"><value>false</value>"
						  "</prop></item>\n",
						  name->valuestring)
				: status;
	}
	if (status == CUA_OK) {
		status = cua_buffer_append(&settings, end, strlen(end), err);
	}
	return status == CUA_OK ? bench_put_file(typing->desktop, LIBREOFFICE_SETTINGS,
						  settings.data, settings.len, err)
				: status;
}

static enum cua_status open_application(struct typing *typing, struct cua_error *err)
{
	enum cua_status status = switch_corrections_off(typing, err);
	const cJSON *file = NULL;
	cJSON_ArrayForEach (file, cJSON_GetObjectItemCaseSensitive(typing->application, "files")) {
		const char *text = bench_text(file, "text");
		status = status == CUA_OK
				? bench_put_file(typing->desktop, bench_text(file, "name"), text,
						  strlen(text), err)
				: status;
	}
	return status == CUA_OK ? act_on(typing, "open", err) : status;
}

/* --- what has arrived --- */

static enum cua_status read_file_back(struct typing *typing, bool *ret_there, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 128];
	snprintf(path, sizeof(path), "%s/%s", typing->desktop->record.home,
			bench_text(typing->application, "saves"));
	struct stat info;
	if (stat(path, &info) != 0) {
		return CUA_OK;
	}
	*ret_there = true;
	enum cua_status status = cua_file_read(path, &typing->arrived, err);
	unlink(path);
	return status;
}

static const char nothing_copied[] = "nothing was copied";

static enum cua_status read_clipboard_back(
		struct typing *typing, bool *ret_there, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_Parse("{\"actions\":[{\"action\":\"clipboard_get\"}],"
						"\"screenshot\":false,\"settle\":false}");
	CUA_AUTO_JSON cJSON *answer = NULL;
	enum cua_status status = bench_post(typing->desktop, body, &answer, err);
	const cJSON *results = cJSON_GetObjectItemCaseSensitive(answer, "results");
	const char *text = bench_text(cJSON_GetArrayItem(results, 0), "text");
	*ret_there = status == CUA_OK && strcmp(text, nothing_copied) != 0;
	return *ret_there ? cua_buffer_append(&typing->arrived, text, strlen(text), err) : status;
}

/* An application that got nothing copies nothing: after the deadline nothing has arrived. */
static enum cua_status read_back(struct typing *typing, struct cua_error *err)
{
	const bool saves = bench_text(typing->application, "saves")[0] != '\0';
	bool there = false;
	cua_buffer_clear(&typing->arrived);
	enum cua_status status = saves ? CUA_OK
				       : bench_actf(typing->desktop, err,
							 "[{\"action\":\"clipboard_set\",\"text\":"
							 "\"%s\"}]",
							 nothing_copied);
	if (status == CUA_OK) {
		status = act_on(typing, "finish", err);
	}
	const uint64_t deadline_us = cua_now_us() + READ_BACK_TIMEOUT_MS * 1000ULL;
	while (status == CUA_OK && !there && cua_now_us() < deadline_us) {
		status = saves ? read_file_back(typing, &there, err)
			       : read_clipboard_back(typing, &there, err);
		if (status == CUA_OK && !there) {
			status = bench_pause(typing->bench, LOOK_AGAIN_MS, err);
		}
	}
	return status;
}

/* Line breaks at the end are the editor's or ours. */
static double wrong_per_1000(struct typing *typing)
{
	CUA_AUTO_FREE char *wanted = strdup(typing->text);
	CUA_AUTO_FREE char *arrived = strdup(typing->arrived.data ? typing->arrived.data : "");
	for (int i = 0; i < 2; i++) {
		char *text = i == 0 ? wanted : arrived;
		for (size_t len = text ? strlen(text) : 0; len > 0 && text[len - 1] == '\n';
				len--) {
			text[len - 1] = '\0';
		}
	}
	return wanted && arrived ? 1000.0 * (double)distance(wanted, arrived) /
					(double)typing->character_count
				 : 0;
}

/* --- typing --- */

/* *ret_ms: until it was typed; *ret_rest_ms: until the screen was at rest after it. */
static enum cua_status type_ourselves(
		struct typing *typing, double *ret_ms, double *ret_rest_ms, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON *action = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "actions"), action);
	cJSON_AddStringToObject(action, "action", "type");
	cJSON_AddStringToObject(action, "text", typing->text);
	cJSON_AddFalseToObject(body, "screenshot");
	CUA_AUTO_JSON cJSON *answer = NULL;
	const uint64_t started_us = cua_now_us();
	enum cua_status status = bench_post(typing->desktop, body, &answer, err);
	*ret_rest_ms = bench_ms_since(started_us);
	const cJSON *results = cJSON_GetObjectItemCaseSensitive(answer, "results");
	*ret_ms = bench_number(cJSON_GetArrayItem(results, 0), "ms", *ret_rest_ms);
	return status;
}

static enum cua_status type_by_peer(struct typing *typing, const struct typist *typist,
		double *ret_ms, double *ret_rest_ms, struct cua_error *err)
{
	const uint64_t started_us = cua_now_us();
	enum cua_status status = bench_runner_run(typing->runner,
			cJSON_GetObjectItemCaseSensitive(typist->peer, "argv"), ret_ms, err);
	if (status == CUA_OK) { /* a wait for rest after an input that types nothing */
		status = bench_actf(typing->desktop, err,
				"[{\"action\":\"key\",\"keys\":\"Shift_L\"}]");
	}
	*ret_rest_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status type_once(
		struct typing *typing, struct typist *typist, struct cua_error *err)
{
	double ms = 0, rest_ms = 0;
	struct cua_error error = { 0 };
	enum cua_status status = bench_check(typing->bench, err);
	status = status == CUA_OK ? act_on(typing, "clear", err) : status;
	if (status != CUA_OK) {
		return status;
	}
	status = typist->peer ? type_by_peer(typing, typist, &ms, &rest_ms, &error)
			      : type_ourselves(typing, &ms, &rest_ms, &error);
	if (typist->peer && (status == CUA_ERR_NOT_FOUND || status == CUA_ERR_APP)) {
		typist->gone = true;
		if (status == CUA_ERR_NOT_FOUND) {
			bench_figure_missing(typist->speed);
		} else {
			bench_figure_note(typist->speed, "failed: %.200s", error.msg);
		}
		return CUA_OK;
	}
	if (status != CUA_OK) {
		*err = error;
		cua_error_prefix(err, "%s", typist->by);
		return status;
	}
	status = read_back(typing, err);
	const double count = (double)typing->character_count;
	status = status == CUA_OK ? bench_figure_sample(typist->speed, count / ms * 1000, err)
				  : status;
	status = status == CUA_OK ? bench_figure_sample(typist->rest, count / rest_ms * 1000, err)
				  : status;
	return status == CUA_OK ? bench_figure_sample(typist->wrong, wrong_per_1000(typing), err)
				: status;
}

/* --- the rows --- */

static struct bench_figure *add_figure(struct typing *typing, const char *what,
		const char *text_name, const char *by, const char *unit, struct cua_error *err)
{
	char name[BENCH_WORD_MAX];
	snprintf(name, sizeof(name), "%.60s, %.20s", what, text_name);
	const struct bench_key key = { .topic = "typing",
		.name = name,
		.screen = bench_text(typing->application, "name"),
		.width_px = typing->desktop->record.settings.width_px,
		.height_px = typing->desktop->record.settings.height_px,
		.by = by,
		.unit = unit,
		.more_is_better = true,
		.not_compared = strcmp(unit, "characters/s") != 0 };
	return bench_figure_add(typing->bench, &key, err);
}

static enum cua_status add_figures(struct typing *typing, const char *text_name,
		struct typist *typist, struct cua_error *err)
{
	static const char speed[] = "characters/s";
	typist->speed = add_figure(typing, "typed", text_name, typist->by, speed, err);
	typist->rest = add_figure(typing, "typed and at rest", text_name, typist->by, speed, err);
	typist->wrong = add_figure(typing, "typed", text_name, typist->by, "wrong of 1000", err);
	return typist->speed && typist->rest && typist->wrong ? CUA_OK : CUA_ERR_NOMEM;
}

/* Slow ones, at 12 ms a character, are not waited for more often than three times. */
static bool wants_turn(const struct bench *bench, const struct typist *typist, int round)
{
	const int runs = bench->runs < RUNS_MAX ? bench->runs : RUNS_MAX;
	const bool slow = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(typist->peer, "slow"));
	return !typist->gone && round < (slow && runs > 3 ? 3 : runs);
}

static enum cua_status type_text(struct typing *typing, const cJSON *text, struct typist *typists,
		int count, struct cua_error *err)
{
	const char *name = bench_text(text, "name");
	CUA_AUTO_FREE uint32_t *points = calloc(TEXT_MAX, sizeof(*points));
	if (!points) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "text");
	}
	typing->text = bench_text(text, "text");
	typing->character_count = decode(typing->text, points);
	bench_progress(typing->bench, "typing: %s into %s", name,
			bench_text(typing->application, "name"));
	enum cua_status status = bench_put_file(
			typing->desktop, "text.txt", typing->text, strlen(typing->text), err);
	for (int i = 0; status == CUA_OK && i < count; i++) {
		status = add_figures(typing, name, &typists[i], err);
	}
	for (int round = 0; status == CUA_OK && round < RUNS_MAX; round++) {
		for (int i = 0; status == CUA_OK && i < count; i++) {
			if (wants_turn(typing->bench, &typists[i], round)) {
				status = type_once(typing, &typists[i], err);
			}
		}
	}
	return status;
}

static enum cua_status type_into(struct bench *bench, const cJSON *scenario,
		const cJSON *application, struct cua_error *err)
{
	const struct cua_point size = bench_usual_size(bench);
	struct typing typing = { .bench = bench, .application = application };
	struct typist typists[TYPISTS_MAX] = { { .by = "cua socket" } };
	int count = 1;
	cua_buffer_init(&typing.arrived, 1 << 20);
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(scenario, "peers")) {
		if (count < TYPISTS_MAX && bench_is_wanted(bench, item)) {
			typists[count++] = (struct typist){ .by = bench_text(item, "by"),
				.peer = item };
		}
	}
	enum cua_status status = bench_desktop_start(bench, size.x, size.y, &typing.desktop, err);
	if (status == CUA_OK) {
		status = open_application(&typing, err);
	}
	if (status == CUA_OK) {
		status = bench_runner_start(typing.desktop, &typing.runner, err);
	}
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(scenario, "texts")) {
		status = status == CUA_OK ? type_text(&typing, item, typists, count, err) : status;
	}
	bench_runner_stop(typing.runner);
	bench_desktop_stop(typing.desktop);
	cua_buffer_finish(&typing.arrived);
	if (status != CUA_OK) {
		cua_error_prefix(err, "%s", bench_text(application, "name"));
	}
	return status;
}

enum cua_status bench_typing(struct bench *bench, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "typing", err);
	enum cua_status status = scenario ? CUA_OK : CUA_ERR_INVAL;
	const cJSON *application = NULL;
	cJSON_ArrayForEach (
			application, cJSON_GetObjectItemCaseSensitive(scenario, "applications")) {
		if (status == CUA_OK && bench_is_wanted(bench, application)) {
			status = type_into(bench, scenario, application, err);
		}
	}
	return status;
}

/* Settling: is the picture after an action the one that comes to stay, and how soon is it there?
 * Rows and screens are data. Desktops run side by side, each in a process of its own that writes
 * its results as lines of JSON into one pipe. */

#include "cua/bench/bench_settle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cua/base/util.h"
#include "cua/bench/bench_topics.h"

#define ROWS_MAX 64
#define WORKERS_MAX 16
/* So many trials follow each other on one desktop. */
#define TRIALS_PER_DESKTOP 50
/* An application that was just started goes on painting now and then. */
#define START_REST_MS 1500
#define START_REST_MAX_MS 15000
#define LINE_MAX_BYTES 1024

struct row {
	const cJSON *json;
	int trials, wrong, wrong_half_s, wrong_two_s, restless, silent, timeouts;
	struct bench_samples whole_ms, ms, over_ms;
};

struct run {
	struct bench *bench;
	const cJSON *scenario;
	struct row rows[ROWS_MAX];
	int row_count;
	int job_fds[2], result_fds[2]; /* jobs: one struct job each */
	pid_t workers[WORKERS_MAX];
	int worker_count;
};

struct job {
	int row; /* the first of its screen */
	int first, count;
};

/* --- a worker --- */

static const cJSON *find_screen(const cJSON *scenario, const char *name)
{
	const cJSON *screen = NULL;
	cJSON_ArrayForEach (screen, cJSON_GetObjectItemCaseSensitive(scenario, "screens")) {
		if (strcmp(bench_text(screen, "name"), name) == 0) {
			return screen;
		}
	}
	return NULL;
}

static enum cua_status send_line(const struct run *run, cJSON *json, struct cua_error *err)
{
	char line[LINE_MAX_BYTES];
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	const int len = snprintf(line, sizeof(line), "%s\n", text ? text : "");
	cJSON_Delete(json);
	/* Less than PIPE_BUF: lines of several workers do not mix. */
	return text && len < (int)sizeof(line) &&
					write(run->result_fds[1], line, (size_t)len) == len
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_IO, errno, "result");
}

static enum cua_status report_trial(const struct run *run, int row, const struct bench_trial *trial,
		struct cua_error *err)
{
	cJSON *json = cJSON_CreateObject();
	const int area[] = { trial->area.x, trial->area.y, trial->area.width, trial->area.height };
	cJSON_AddNumberToObject(json, "row", row);
	cJSON_AddNumberToObject(json, "whole_ms", trial->whole_ms);
	cJSON_AddNumberToObject(json, "ms", trial->ms);
	cJSON_AddNumberToObject(json, "over_ms", trial->over_ms);
	cJSON_AddBoolToObject(json, "wrong", trial->wrong);
	cJSON_AddBoolToObject(json, "wrong_half_s", trial->wrong_half_s);
	cJSON_AddBoolToObject(json, "wrong_two_s", trial->wrong_two_s);
	cJSON_AddBoolToObject(json, "restless", trial->restless);
	cJSON_AddBoolToObject(json, "says_so", trial->says_so);
	cJSON_AddStringToObject(json, "reason", trial->reason);
	cJSON_AddItemToObject(json, "area", cJSON_CreateIntArray(area, 4));
	return send_line(run, json, err);
}

/* One trial, and the steps behind it that are none and lead to the next. */
static enum cua_status run_trial(struct run *run, int index, int number, int *step_number,
		struct bench_desktop *desktop, struct bench_watch *watch, struct cua_error *err)
{
	const cJSON *row = run->rows[index].json;
	const cJSON *steps = cJSON_GetObjectItemCaseSensitive(row, "steps");
	const int step_count = cJSON_GetArraySize(steps);
	struct bench_trial trial;
	char name[160];
	snprintf(name, sizeof(name), "%s-%d", bench_text(row, "name"), number);
	const cJSON *step = cJSON_GetArrayItem(steps, (*step_number)++ % step_count);
	enum cua_status status = bench_settle_trial(desktop, watch, step, name, &trial, err);
	if (status == CUA_OK) {
		status = report_trial(run, index, &trial, err);
	}
	while (status == CUA_OK) {
		step = cJSON_GetArrayItem(steps, *step_number % step_count);
		if (!bench_settle_is_between(step)) {
			break;
		}
		status = bench_settle_between(desktop, watch, step, err);
		(*step_number)++;
	}
	return status;
}

static enum cua_status run_trials(struct run *run, int index, const struct job *job,
		struct bench_desktop *desktop, struct bench_watch *watch, struct cua_error *err)
{
	int step_number = 0;
	enum cua_status status =
			bench_settle_rest(desktop, watch, START_REST_MS, START_REST_MAX_MS, err);
	for (int i = 0; status == CUA_OK && i < job->count; i++) {
		status = run_trial(run, index, job->first + i, &step_number, desktop, watch, err);
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "row \"%s\"", bench_text(run->rows[index].json, "name"));
	}
	return status;
}

/* Some trials of every row of one screen. */
static enum cua_status run_job(struct run *run, const struct job *job, struct cua_error *err)
{
	const struct bench *bench = run->bench;
	const char *name = bench_text(run->rows[job->row].json, "screen");
	const cJSON *screen = find_screen(run->scenario, name);
	const struct cua_point size = bench->size_count == 1 && !bench->quick
			? bench->sizes[0]
			: (struct cua_point){ 1280, 800 };
	struct bench_desktop *desktop = NULL;
	struct bench_watch *watch = NULL;
	if (!screen) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "no screen \"%s\"", name);
	}
	enum cua_status status = bench_desktop_start(run->bench, size.x, size.y, &desktop, err);
	if (status == CUA_OK) {
		status = bench_screen_show(desktop, screen, err);
	}
	if (status == CUA_OK) {
		status = bench_watch_start(&desktop->record, &watch, err);
	}
	for (int i = job->row; status == CUA_OK && i < run->row_count; i++) {
		if (strcmp(bench_text(run->rows[i].json, "screen"), name) == 0) {
			status = run_trials(run, i, job, desktop, watch, err);
		}
	}
	bench_watch_stop(watch);
	bench_desktop_stop(desktop);
	return status;
}

/* Takes jobs until there are none. */
static _Noreturn void work(struct run *run)
{
	struct cua_error error = { 0 };
	struct job job;
	enum cua_status status = CUA_OK;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	run->bench->show_progress = false;
	close(run->result_fds[0]);
	while (status == CUA_OK &&
			read(run->job_fds[0], &job, sizeof(job)) == (ssize_t)sizeof(job)) {
		status = run_job(run, &job, &error);
	}
	if (status != CUA_OK && status != CUA_ERR_CANCELLED) {
		cJSON *json = cJSON_CreateObject();
		cJSON_AddStringToObject(json, "code", cua_status_name(status));
		cJSON_AddStringToObject(json, "error", error.msg);
		status = send_line(run, json, NULL);
	}
	_exit(status == CUA_OK ? 0 : 1);
}

/* --- the run --- */

/* The job of an earlier row does this one, too. */
static bool repeats_screen(const struct run *run, int row)
{
	const char *name = bench_text(run->rows[row].json, "screen");
	for (int i = 0; i < row; i++) {
		if (strcmp(bench_text(run->rows[i].json, "screen"), name) == 0) {
			return true;
		}
	}
	return false;
}

static enum cua_status write_jobs(struct run *run, struct cua_error *err)
{
	/* Whole screens would leave the last worker alone at the end: parts of all, in turn. */
	for (int first = 0; first < run->bench->runs; first += TRIALS_PER_DESKTOP) {
		for (int row = 0; row < run->row_count; row++) {
			if (repeats_screen(run, row)) {
				continue;
			}
			const int left = run->bench->runs - first;
			const struct job job = { row, first,
				left < TRIALS_PER_DESKTOP ? left : TRIALS_PER_DESKTOP };
			if (write(run->job_fds[1], &job, sizeof(job)) != (ssize_t)sizeof(job)) {
				return CUA_FAIL(err, CUA_ERR_TOO_LARGE, errno,
						"%d runs; fewer fit the queue", run->bench->runs);
			}
		}
	}
	return CUA_OK;
}

static enum cua_status start_workers(struct run *run, struct cua_error *err)
{
	if (pipe2(run->job_fds, O_CLOEXEC) != 0 || pipe2(run->result_fds, O_CLOEXEC) != 0 ||
			fcntl(run->job_fds[1], F_SETFL, O_NONBLOCK) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "pipe");
	}
	enum cua_status status = write_jobs(run, err);
	cua_closep(&run->job_fds[1]);
	run->job_fds[1] = -1;
	fflush(NULL);
	for (int i = 0; status == CUA_OK && i < run->bench->parallel && i < WORKERS_MAX; i++) {
		const pid_t pid = fork();
		if (pid == 0) {
			work(run);
		}
		if (pid < 0) {
			status = CUA_FAIL(err, CUA_ERR_IO, errno, "process");
		} else {
			run->workers[run->worker_count++] = pid;
		}
	}
	cua_closep(&run->result_fds[1]);
	run->result_fds[1] = -1;
	return status;
}

static enum cua_status take_line(struct run *run, const char *line, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(line);
	const char *error = bench_text(json, "error");
	if (error[0]) {
		return CUA_FAIL(err, cua_status_from_name(bench_text(json, "code")), 0, "%.400s",
				error);
	}
	struct row *row = &run->rows[(int)bench_number(json, "row", 0) % ROWS_MAX];
	const bool wrong = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "wrong"));
	const bool restless = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "restless"));
	const bool says = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "says_so"));
	row->trials++;
	row->wrong += wrong;
	row->restless += restless;
	row->silent += restless && !says;
	row->timeouts += strcmp(bench_text(json, "reason"), "timeout") == 0;
	row->wrong_half_s += cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "wrong_half_s"));
	row->wrong_two_s += cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "wrong_two_s"));
	if (wrong && run->bench->picture_dir) {
		fprintf(stderr, "wrong: %s %s\n", bench_text(row->json, "name"), line);
	}
	enum cua_status status =
			bench_samples_add(&row->whole_ms, bench_number(json, "whole_ms", 0), err);
	if (status == CUA_OK) {
		status = bench_samples_add(&row->ms, bench_number(json, "ms", 0), err);
	}
	if (status == CUA_OK && !restless && !wrong) {
		status = bench_samples_add(&row->over_ms, bench_number(json, "over_ms", 0), err);
	}
	return status;
}

static enum cua_status take_results(struct run *run, struct cua_error *err)
{
	char text[2 * LINE_MAX_BYTES];
	size_t len = 0;
	int done = 0;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK) {
		struct pollfd readable = { .fd = run->result_fds[0], .events = POLLIN };
		status = bench_check(run->bench, err);
		if (status != CUA_OK || poll(&readable, 1, 200) <= 0) {
			continue;
		}
		const ssize_t got = read(run->result_fds[0], text + len, sizeof(text) - 1 - len);
		if (got <= 0) {
			break; /* all workers have ended */
		}
		len += (size_t)got;
		text[len] = '\0';
		for (char *end; status == CUA_OK && (end = strchr(text, '\n'));) {
			*end = '\0';
			status = take_line(run, text, err);
			len -= (size_t)(end + 1 - text);
			memmove(text, end + 1, len + 1);
			bench_progress(run->bench, "settling: %d of %d trials", ++done,
					run->row_count * run->bench->runs);
		}
	}
	return status;
}

static enum cua_status end_workers(struct run *run, enum cua_status status, struct cua_error *err)
{
	for (int i = 0; i < run->worker_count; i++) {
		int wait_status = 0;
		if (status != CUA_OK) {
			kill(run->workers[i], SIGTERM); /* it stops its desktop first */
		}
		if (waitpid(run->workers[i], &wait_status, 0) == run->workers[i] &&
				wait_status != 0 && status == CUA_OK) {
			status = CUA_FAIL(err, CUA_ERR_CLOSED, 0, "a worker has ended");
		}
	}
	return status;
}

/* --- figures --- */

static enum cua_status add_one(struct bench *bench, const struct bench_key *key, double value,
		struct bench_figure **ret_figure, struct cua_error *err)
{
	struct bench_figure *figure = bench_figure_add(bench, key, err);
	if (ret_figure) {
		*ret_figure = figure;
	}
	return figure ? bench_figure_sample(figure, value, err) : CUA_ERR_NOMEM;
}

static enum cua_status add_all(struct bench *bench, const struct bench_key *key,
		const struct bench_samples *samples, struct cua_error *err)
{
	struct bench_figure *figure = samples->count > 0 ? bench_figure_add(bench, key, err) : NULL;
	enum cua_status status = figure || samples->count == 0 ? CUA_OK : CUA_ERR_NOMEM;
	for (size_t i = 0; status == CUA_OK && i < samples->count; i++) {
		status = bench_figure_sample(figure, samples->values[i], err);
	}
	return status;
}

static enum cua_status add_times(struct bench *bench, const struct row *row, struct cua_error *err)
{
	struct bench_key key = { .topic = "settle",
		.name = "input to picture",
		.screen = bench_text(row->json, "name"),
		.by = "cua",
		.unit = "ms" };
	enum cua_status status = add_all(bench, &key, &row->ms, err);
	key.by = "sleep 0.5 s";
	if (status == CUA_OK) {
		status = add_one(bench, &key, 500, NULL, err);
	}
	key.by = "sleep 2 s";
	if (status == CUA_OK) {
		status = add_one(bench, &key, 2000, NULL, err);
	}
	key.by = "cua";
	key.name = "last change to picture";
	if (status == CUA_OK) {
		status = add_all(bench, &key, &row->over_ms, err);
	}
	key.name = "request to picture";
	if (status == CUA_OK) {
		status = add_all(bench, &key, &row->whole_ms, err);
	}
	return status;
}

static enum cua_status add_wrongs(struct bench *bench, const struct row *row, struct cua_error *err)
{
	const struct {
		const char *by;
		int wrong;
	} all[] = { { "cua", row->wrong }, { "sleep 0.5 s", row->wrong_half_s },
		{ "sleep 2 s", row->wrong_two_s } };
	/* What moves by itself is wrong in any picture: sleeping does not know what that is. */
	const size_t count = row->restless > 0 ? 1 : CUA_ARRAY_LEN(all);
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < count; i++) {
		const struct bench_key key = { .topic = "settle",
			.name = "wrong pictures",
			.screen = bench_text(row->json, "name"),
			.by = all[i].by,
			.unit = "%" };
		struct bench_figure *figure = NULL;
		status = add_one(bench, &key, 100.0 * all[i].wrong / row->trials, &figure, err);
		if (status == CUA_OK && i == 0 && row->restless > 0) {
			bench_figure_note(figure,
					"%d of %d; %d were to move, %d of them unreported; %d "
					"ended at the timeout",
					row->wrong, row->trials, row->restless, row->silent,
					row->timeouts);
		} else if (status == CUA_OK) {
			bench_figure_note(figure, "%d of %d", all[i].wrong, row->trials);
		}
	}
	return status;
}

static enum cua_status add_figures(struct run *run, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int i = 0; status == CUA_OK && i < run->row_count; i++) {
		if (run->rows[i].trials > 0) {
			status = add_times(run->bench, &run->rows[i], err);
		}
		if (status == CUA_OK && run->rows[i].trials > 0) {
			status = add_wrongs(run->bench, &run->rows[i], err);
		}
	}
	return status;
}

enum cua_status bench_settle(struct bench *bench, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "settle", err);
	struct run run = { .bench = bench,
		.scenario = scenario,
		.job_fds = { -1, -1 },
		.result_fds = { -1, -1 } };
	if (!scenario) {
		return CUA_ERR_INVAL;
	}
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(scenario, "rows")) {
		if (!bench_is_wanted(bench, row)) {
			continue;
		}
		const cJSON *steps = cJSON_GetObjectItemCaseSensitive(row, "steps");
		if (cJSON_GetArraySize(steps) == 0 || bench_settle_is_between(steps->child) ||
				run.row_count == ROWS_MAX) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"row %d of settle does not begin with a trial, or is one "
					"too many",
					run.row_count);
		}
		run.rows[run.row_count++].json = row;
	}
	enum cua_status status = start_workers(&run, err);
	if (status == CUA_OK) {
		status = take_results(&run, err);
	}
	status = end_workers(&run, status, err);
	struct cua_error second = { 0 };
	const enum cua_status added = add_figures(&run, &second);
	if (status == CUA_OK && added != CUA_OK) {
		status = CUA_FAIL(err, added, 0, "%s", second.msg);
	}
	for (int i = 0; i < run.row_count; i++) {
		bench_samples_finish(&run.rows[i].whole_ms);
		bench_samples_finish(&run.rows[i].ms);
		bench_samples_finish(&run.rows[i].over_ms);
	}
	for (int i = 0; i < 2; i++) {
		cua_closep(&run.job_fds[i]);
		cua_closep(&run.result_fds[i]);
	}
	return status;
}

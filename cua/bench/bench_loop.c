/* What our loop adds to model and desktop: `cua run` as people start it, with a stand-in for the
 * model that answers at once, and another screen at every step. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/bench/bench_client.h"
#include "cua/bench/bench_loop.h"
#include "cua/bench/bench_processes.h"
#include "cua/bench/bench_topics.h"

#define CELL_PX 16     /* inverted at each step, another cell each time */
#define LINE_BYTES 700 /* of an event */

/* After so many steps memory is looked at, besides at the end. */
static const int early_steps[] = { 100, 500 };

struct loop {
	struct bench_desktop *desktop;
	struct bench_client *client;
	const char *api, *by, *screen;
	int steps; /* that the run is to take */
	struct bench_figure *overhead, *own, *model;
	/* while it runs */
	int step;
	uint64_t first_us, turn_us;   /* the first turn and the last one were read */
	double desktop_ms, settle_ms; /* since then */
	double first_cpu_ms;
	char screenshot[80]; /* the last one's name */
	int screenshots;     /* that differed from the one before */
};

/* what: with the number of steps in it. */
static struct bench_figure *add_figure(
		struct loop *loop, const char *what, const char *unit, struct cua_error *err)
{
	const struct bench_key key = { .topic = "loop",
		.name = what,
		.screen = loop->screen,
		.width_px = loop->desktop->record.settings.width_px,
		.height_px = loop->desktop->record.settings.height_px,
		.by = loop->by,
		.unit = unit,
		.more_is_better = strcmp(unit, "steps/s") == 0,
		.not_compared = true };
	return bench_figure_add(loop->desktop->bench, &key, err);
}

static enum cua_status note(struct loop *loop, const char *what, const char *unit, double value,
		struct cua_error *err)
{
	struct bench_figure *figure = add_figure(loop, what, unit, err);
	return figure ? bench_figure_sample(figure, value, err) : CUA_ERR_NOMEM;
}

static const char *of_steps(const struct loop *loop, const char *what, char *name)
{
	snprintf(name, BENCH_WORD_MAX, "%s, %d steps", what, loop->steps);
	return name;
}

/* --- the programs --- */

enum cua_status bench_loop_start(struct bench_desktop *desktop, const char *api, int port,
		bool json, struct bench_child *ret_child, struct cua_error *err)
{
	char program[CUA_PATH_MAX], url[64];
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	if (status != CUA_OK) {
		return status;
	}
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", port);
	const char *const argv[] = { program, "run", "--model=standin", "--api", api, "--base-url",
		url, "--desktop", desktop->record.name, "--max-steps=0", "--max-time=0",
		"--max-repeats=0", "Click.", json ? "--json" : NULL, NULL };
	return bench_child_start(desktop->bench, argv, !json, ret_child, err);
}

static enum cua_status start_standin(struct loop *loop, const char *program,
		struct bench_child *ret_child, int *ret_port, struct cua_error *err)
{
	static const char ready[] = "listening on 127.0.0.1:%d";
	char count[16];
	const char *line = NULL;
	snprintf(count, sizeof(count), "%d", loop->steps);
	const char *const argv[] = { program, "--answer-at-once", count, "--quiet", NULL };
	enum cua_status status =
			bench_child_start(loop->desktop->bench, argv, false, ret_child, err);
	if (status != CUA_OK) {
		return status;
	}
	status = bench_child_line(ret_child, &line, err);
	if (status == CUA_OK && sscanf(line, ready, ret_port) != 1) {
		status = CUA_FAIL(err, CUA_ERR_APP, 0, "cua-standin says \"%.80s\"", line);
	}
	if (status != CUA_OK) {
		bench_child_end(ret_child, SIGTERM);
	}
	return status;
}

/* --- what a run says --- */

static enum cua_status note_memory(
		struct loop *loop, const struct bench_process *process, struct cua_error *err)
{
	char what[BENCH_WORD_MAX];
	snprintf(what, sizeof(what), "memory of cua run at step %d of %d", loop->step, loop->steps);
	return note(loop, what, "MB", process->resident_mb, err);
}

static bool shows_memory(const struct loop *loop)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(early_steps); i++) {
		if (loop->step == early_steps[i]) {
			return true;
		}
	}
	return loop->step == loop->steps;
}

static enum cua_status note_run(
		struct loop *loop, const struct bench_process *process, struct cua_error *err)
{
	char name[BENCH_WORD_MAX];
	const int steps = loop->step - 1; /* from the first answer to the last */
	enum cua_status status = note(loop, of_steps(loop, "speed", name), "steps/s",
			steps * 1e6 / (double)(loop->turn_us - loop->first_us), err);
	if (status == CUA_OK) {
		status = note(loop, of_steps(loop, "processor time of cua run per step", name),
				"ms", (process->cpu_ms - loop->first_cpu_ms) / steps, err);
	}
	if (status == CUA_OK && loop->step > early_steps[0]) {
		status = note(loop, of_steps(loop, "memory of cua run at its most", name), "MB",
				process->peak_mb, err);
	}
	bench_figure_note(loop->overhead, "%d times another screenshot than before",
			loop->screenshots);
	return status;
}

static enum cua_status sample_step(struct loop *loop, double model_ms, struct cua_error *err)
{
	const double ms = bench_ms_since(loop->turn_us) - model_ms;
	enum cua_status status = bench_figure_sample(loop->overhead, ms - loop->settle_ms, err);
	if (status == CUA_OK) {
		status = bench_figure_sample(loop->own, ms - loop->desktop_ms, err);
	}
	return status == CUA_OK ? bench_figure_sample(loop->model, model_ms, err) : status;
}

/* A cell that has not been inverted before, until all have: each screen is a new one. */
static enum cua_status change_screen(struct loop *loop, struct cua_error *err)
{
	const struct desktop_record *record = &loop->desktop->record;
	const int columns = record->settings.width_px / CELL_PX,
		  rows = record->settings.height_px / CELL_PX;
	const struct cua_region cell = { .x = loop->step % columns * CELL_PX,
		.y = loop->step / columns % rows * CELL_PX,
		.width = CELL_PX,
		.height = CELL_PX };
	return bench_client_change(loop->client, &cell, err);
}

static enum cua_status take_turn(
		struct loop *loop, pid_t pid, const cJSON *event, struct cua_error *err)
{
	const uint64_t now_us = cua_now_us();
	const double model_ms = bench_number(event, "ms", 0);
	enum cua_status status = CUA_OK;
	struct bench_process process;
	if (loop->step++ > 0) {
		status = sample_step(loop, model_ms, err);
	}
	bench_process_read(pid, &process);
	loop->turn_us = now_us;
	loop->desktop_ms = loop->settle_ms = 0;
	if (loop->step == 1) {
		loop->first_us = now_us;
		loop->first_cpu_ms = process.cpu_ms;
	}
	if (status == CUA_OK && shows_memory(loop)) {
		status = note_memory(loop, &process, err);
	}
	if (status == CUA_OK && loop->step == loop->steps + 1) { /* it was the answer */
		return note_run(loop, &process, err);
	}
	bench_progress(loop->desktop->bench, "loop: %s, %d of %d", loop->api, loop->step,
			loop->steps);
	return status == CUA_OK ? change_screen(loop, err) : status;
}

static void take_result(struct loop *loop, const cJSON *event)
{
	const char *screenshot = bench_text(event, "screenshot");
	loop->desktop_ms += bench_number(event, "ms", 0);
	loop->settle_ms += bench_number(cJSON_GetObjectItemCaseSensitive(event, "settle"), "ms", 0);
	loop->screenshots += strcmp(loop->screenshot, screenshot) != 0;
	snprintf(loop->screenshot, sizeof(loop->screenshot), "%s", screenshot);
}

static enum cua_status follow(struct loop *loop, struct bench_child *run, struct cua_error *err)
{
	for (;;) {
		const char *line = NULL;
		enum cua_status status = bench_child_line(run, &line, err);
		CUA_AUTO_JSON cJSON *event = status == CUA_OK ? cJSON_Parse(line) : NULL;
		const char *type = bench_text(event, "type");
		if (strcmp(type, "turn") == 0) {
			status = take_turn(loop, run->pid, event, err);
		} else if (strcmp(type, "result") == 0) {
			take_result(loop, event);
		} else if (strcmp(type, "run_end") == 0) {
			return loop->step == loop->steps + 1
					? CUA_OK
					: CUA_FAIL(err, CUA_ERR_APP, 0,
							  "cua run ended at step %d: %.200s",
							  loop->step, bench_text(event, "message"));
		}
		if (status != CUA_OK) {
			return status;
		}
	}
}

/* --- the figures --- */

static enum cua_status add_figures(struct loop *loop, struct cua_error *err)
{
	const struct {
		struct bench_figure **place;
		const char *what;
	} figures[] = {
		{ &loop->overhead, "a step, without model and settling" },
		{ &loop->own, "a step, without model and desktop" },
		{ &loop->model, "the model's part of a step" },
	};
	char name[BENCH_WORD_MAX];
	bool ok = true;
	for (size_t i = 0; ok && i < CUA_ARRAY_LEN(figures); i++) {
		*figures[i].place =
				add_figure(loop, of_steps(loop, figures[i].what, name), "ms", err);
		ok = *figures[i].place != NULL;
	}
	return ok ? CUA_OK : CUA_ERR_NOMEM;
}

static enum cua_status measure_run(
		struct loop *loop, const char *standin_program, struct cua_error *err)
{
	struct bench_child standin, run;
	int port = 0;
	enum cua_status status = add_figures(loop, err);
	if (status == CUA_OK && access(standin_program, X_OK) != 0) {
		bench_figure_note(loop->overhead, "cua-standin is not built");
		return CUA_OK;
	}
	if (status == CUA_OK) {
		status = start_standin(loop, standin_program, &standin, &port, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	status = bench_loop_start(loop->desktop, loop->api, port, true, &run, err);
	if (status == CUA_OK) {
		status = follow(loop, &run, err);
		const int exit_status = bench_child_end(&run, status == CUA_OK ? 0 : SIGTERM);
		if (status == CUA_OK && exit_status != 0) {
			status = CUA_FAIL(err, CUA_ERR_APP, 0, "cua run ended with status %d",
					exit_status);
		}
	}
	bench_child_end(&standin, SIGTERM);
	return status;
}

/* What the stand-in's model can do: with threads the server keeps the conversation. Over Anthropic
 * it thinks and takes as many pictures as the newest ones. The user's own catalogue is not asked.
 */
static enum cua_status write_catalogue(
		const struct bench *bench, const char *api, bool threads, struct cua_error *err)
{
	char path[sizeof(bench->dir) + 16], text[160];
	snprintf(path, sizeof(path), "%s/models.json", bench->dir);
	snprintf(text, sizeof(text), "{\"models\": {\"standin\": {\"threads\": %s%s}}}",
			threads ? "true" : "false",
			strcmp(api, "anthropic") == 0 ? ", \"thinking\": \"adaptive\", "
							"\"images\": {\"max_count\": 600}"
						      : "");
	enum cua_status status = cua_file_write(path, text, strlen(text), 0600, err);
	return status == CUA_OK && setenv("CUA_MODELS", path, 1) != 0
			? CUA_FAIL(err, CUA_ERR_NOMEM, errno, "environment")
			: status;
}

static enum cua_status measure_row(struct loop *loop, const cJSON *row, const char *standin_program,
		struct cua_error *err)
{
	const struct bench *bench = loop->desktop->bench;
	const bool threads = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, "threads"));
	const char *screen = bench_text(row, "screen");
	char by[BENCH_WORD_MAX];
	snprintf(by, sizeof(by), "%s%s", bench_text(row, "api"), threads ? ", threads" : "");
	struct loop one = { .desktop = loop->desktop,
		.client = loop->client,
		.api = bench_text(row, "api"),
		.by = by,
		.screen = screen[0] ? screen : loop->screen,
		.steps = (int)bench_number(row, bench->quick ? "quick_steps" : "steps", 1) };
	enum cua_status status = write_catalogue(bench, one.api, threads, err);
	if (status == CUA_OK && strcmp(one.screen, loop->screen) != 0) {
		status = bench_screen_show_named(one.desktop, one.screen, err);
	}
	if (status == CUA_OK) {
		loop->screen = one.screen;
		status = measure_run(&one, standin_program, err);
	}
	return status;
}

static enum cua_status measure_runs(struct loop *loop, const cJSON *scenario, struct cua_error *err)
{
	char standin[CUA_PATH_MAX];
	enum cua_status status = CUA_OK;
	const cJSON *row = NULL;
	if (cua_program_path("cua-standin", standin, sizeof(standin), NULL) != CUA_OK) {
		standin[0] = '\0';
	}
	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(scenario, "runs")) {
		if (status == CUA_OK && bench_is_wanted(loop->desktop->bench, row)) {
			status = measure_row(loop, row, standin, err);
		}
	}
	return status;
}

static enum cua_status take_word(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	return bench_loop_word(turn->user_data, ret_ms, err);
}

static enum cua_status measure_word(struct bench_desktop *desktop, struct cua_error *err)
{
	struct bench_turn turn = { .by = "cua run", .take = take_word, .user_data = desktop };
	const struct bench_key key = {
		.topic = "loop", .name = "first streamed words, sent to shown", .unit = "ms"
	};
	bench_progress(desktop->bench, "loop: first words");
	return bench_take_turns(desktop->bench, &key, &turn, 1, err);
}

/* What the disk takes for a line of a journal: no step is shorter than the one it waits for. */
static enum cua_status take_sync(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	char line[LINE_BYTES];
	const int fd = *(const int *)turn->user_data;
	memset(line, '.', sizeof(line));
	if (write(fd, line, sizeof(line)) != (ssize_t)sizeof(line)) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "write");
	}
	const uint64_t since_us = cua_now_us();
	if (fdatasync(fd) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "fdatasync");
	}
	*ret_ms = bench_ms_since(since_us);
	return CUA_OK;
}

static enum cua_status measure_sync(struct bench *bench, struct cua_error *err)
{
	char path[CUA_PATH_MAX];
	snprintf(path, sizeof(path), "%s/line", bench->dir);
	CUA_AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	struct bench_turn turn = { .by = "the disk", .take = take_sync, .user_data = &fd };
	const struct bench_key key = {
		.topic = "loop", .name = "fdatasync of a line", .unit = "ms"
	};
	return bench_take_turns(bench, &key, &turn, 1, err);
}

/* Records of the runs go where the desktops are, not to the user's own, and no real key goes to the
 * stand-in, which wants one. */
static enum cua_status keep_apart(const struct bench *bench, struct cua_error *err)
{
	char runs[sizeof(bench->dir) + 8];
	snprintf(runs, sizeof(runs), "%s/runs", bench->dir);
	return setenv("CUA_RUNS_DIR", runs, 1) == 0 && setenv("CUA_API_KEY", "any", 1) == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, errno, "environment");
}

enum cua_status bench_loop(struct bench *bench, struct cua_error *err)
{
	const struct cua_point size = bench_usual_size(bench);
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "loop", err);
	struct loop loop = { .screen = bench_text(scenario, "screen") };
	enum cua_status status = scenario ? keep_apart(bench, err) : CUA_ERR_INVAL;
	if (status == CUA_OK) {
		status = bench_desktop_start(bench, size.x, size.y, &loop.desktop, err);
	}
	if (status == CUA_OK) {
		status = bench_screen_show_named(loop.desktop, loop.screen, err);
	}
	if (status == CUA_OK) {
		status = bench_client_connect(&loop.desktop->record, &loop.client, err);
	}
	if (status == CUA_OK) {
		status = measure_sync(bench, err);
	}
	if (status == CUA_OK) {
		status = measure_word(loop.desktop, err);
	}
	if (status == CUA_OK) {
		status = measure_runs(&loop, scenario, err);
	}
	bench_client_close(loop.client);
	bench_desktop_stop(loop.desktop);
	return status;
}

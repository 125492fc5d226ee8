/* What a desktop costs: the time to start one, its memory, and what it does while nobody does
 * anything. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_processes.h"
#include "cua/bench/bench_topics.h"
#include "cua/desktop_pool.h"
#include "cua/desktops.h"

#define STARTS_MAX 20
#define QUICK_IDLE_MS 500

/* One sample of a figure that is made of one, or a next one of the same figure. */
static enum cua_status note(struct bench *bench, const struct bench_key *key, double value,
		struct cua_error *err)
{
	struct bench_figure *figure = bench_figure_find(bench, key);
	figure = figure ? figure : bench_figure_add(bench, key, err);
	return figure ? bench_figure_sample(figure, value, err) : CUA_ERR_NOMEM;
}

/* --- starting --- */

static enum cua_status first_screenshot(
		struct bench *bench, const char *name, struct cua_error *err)
{
	struct bench_desktop desktop = { .bench = bench };
	struct cua_http_response response = { 0 };
	enum cua_status status = desktop_record_read(name, &desktop.record, err);
	desktop_path(&desktop.record, "api.sock", desktop.socket_path, sizeof(desktop.socket_path));
	if (status == CUA_OK) {
		status = cua_http_client_create(
				desktop.socket_path, bench->stop_fd, &desktop.client, err);
	}
	if (status == CUA_OK) {
		status = bench_http(&desktop, "POST", "/v1/actions", NULL,
				"{\"actions\":[{\"action\":\"move\",\"x\":1,\"y\":1}]}", &response,
				err);
	}
	cua_http_response_finish(&response);
	cua_http_client_destroy(desktop.client);
	return status;
}

/* As a person does it: the command, and then a request that waits for rest and sees the screen. */
static enum cua_status start_once(struct bench *bench, const struct cua_point *size,
		double *ret_start_ms, double *ret_settled_ms, struct cua_error *err)
{
	char program[CUA_PATH_MAX], name[] = "cost", size_option[48];
	char word[] = "desktop", start[] = "start", name_option[] = "--name";
	int exit_status = 0;
	snprintf(size_option, sizeof(size_option), "--size=%dx%d", size->x, size->y);
	char *const argv[] = { program, word, start, name_option, name, size_option, NULL };
	enum cua_status status = cua_program_path("cua", program, sizeof(program), err);
	if (status != CUA_OK) {
		return status;
	}
	const uint64_t started_us = cua_now_us();
	status = bench_run_timed(argv, ret_start_ms, &exit_status, err);
	if (status == CUA_OK && exit_status != 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0, "cua desktop start ended with status %d",
				exit_status);
	}
	if (status == CUA_OK) {
		status = first_screenshot(bench, name, err);
	}
	*ret_settled_ms = bench_ms_since(started_us);
	struct cua_error stop_error = { 0 };
	const enum cua_status stopped = cua_desktop_stop_by_name(name, &stop_error);
	if (status == CUA_OK && stopped != CUA_OK) {
		*err = stop_error;
		status = stopped;
	}
	return status;
}

/* from_pool: a spare desktop is ready each time, which is not waited for. */
static enum cua_status measure_start(struct bench *bench, const struct cua_point *size,
		const char *name, bool from_pool, struct cua_error *err)
{
	const struct bench_key start = { .topic = "cost",
		.name = name,
		.width_px = size->x,
		.height_px = size->y,
		.by = "until cua desktop start returns",
		.unit = "ms",
		.not_compared = true };
	struct bench_key settled = start;
	settled.by = "until the first settled screenshot";
	const int runs = bench->runs < STARTS_MAX ? bench->runs : STARTS_MAX;
	enum cua_status status = CUA_OK;
	bench_progress(bench, "cost: %s", name);
	for (int run = -1; status == CUA_OK && run < runs; run++) {
		double start_ms = 0, settled_ms = 0;
		status = bench_check(bench, err);
		if (status == CUA_OK && from_pool) {
			status = cua_desktop_pool_refill(err);
		}
		if (status == CUA_OK) {
			status = start_once(bench, size, &start_ms, &settled_ms, err);
		}
		if (status == CUA_OK && run >= 0) { /* the first one warms the files */
			status = note(bench, &start, start_ms, err);
			status = status == CUA_OK ? note(bench, &settled, settled_ms, err) : status;
		}
	}
	return status;
}

static enum cua_status measure_pool(
		struct bench *bench, const struct cua_point *size, struct cua_error *err)
{
	struct desktop_settings settings = desktop_settings_default;
	settings.width_px = size->x;
	settings.height_px = size->y;
	struct cua_error end_error = { 0 };
	enum cua_status status = cua_desktop_pool_set(&settings, 1, err);
	if (status == CUA_OK) {
		status = measure_start(bench, size, "start a desktop, from the pool", true, err);
	}
	const enum cua_status ended = cua_desktop_pool_end(&end_error);
	if (status == CUA_OK && ended != CUA_OK) {
		*err = end_error;
		status = ended;
	}
	return status;
}

/* --- running --- */

static const char own_processes[] = "cua's processes", all_processes[] = "all processes";

struct cost {
	struct bench *bench;
	struct bench_desktop *desktop;
	const char *name; /* of the rows */
};

static enum cua_status note_of(struct cost *cost, const char *by, const char *unit, double value,
		struct cua_error *err)
{
	const struct bench_key key = { .topic = "cost",
		.name = cost->name,
		.width_px = cost->desktop->record.settings.width_px,
		.height_px = cost->desktop->record.settings.height_px,
		.by = by,
		.unit = unit,
		.not_compared = true };
	return note(cost->bench, &key, value, err);
}

static enum cua_status note_idle(struct cost *cost, const char *by,
		const struct bench_usage *before, const struct bench_usage *after, double seconds,
		struct cua_error *err)
{
	enum cua_status status = note_of(
			cost, by, "wake-ups/s", (after->wakeups - before->wakeups) / seconds, err);
	return status == CUA_OK ? note_of(cost, by, "ms of CPU/s",
						  (after->cpu_ms - before->cpu_ms) / seconds, err)
				: status;
}

static enum cua_status measure_idle(struct cost *cost, int idle_ms, struct cua_error *err)
{
	const struct desktop_record *record = &cost->desktop->record;
	struct bench_usage own[2], all[2];
	bench_progress(cost->bench, "cost: doing nothing for %.1f s, %s", idle_ms / 1000.0,
			cost->name);
	bench_usage_read(record, true, &own[0]);
	bench_usage_read(record, false, &all[0]);
	enum cua_status status = bench_pause(cost->bench, idle_ms, err);
	bench_usage_read(record, true, &own[1]);
	bench_usage_read(record, false, &all[1]);
	if (status == CUA_OK) {
		status = note_idle(cost, own_processes, &own[0], &own[1], idle_ms / 1000.0, err);
	}
	return status == CUA_OK
			? note_idle(cost, all_processes, &all[0], &all[1], idle_ms / 1000.0, err)
			: status;
}

static enum cua_status measure_memory(struct cost *cost, struct cua_error *err)
{
	struct bench_usage own, all;
	bench_usage_read(&cost->desktop->record, true, &own);
	bench_usage_read(&cost->desktop->record, false, &all);
	if (!(all.pss_mb > 0)) {
		return CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"the memory of the desktop's processes cannot be read");
	}
	enum cua_status status = note_of(cost, own_processes, "MB", own.pss_mb, err);
	if (status == CUA_OK) {
		status = note_of(cost, all_processes, "MB", all.pss_mb, err);
	}
	/* As if they shared nothing, while the next one shares programs and libraries. */
	const double available_mb = bench_memory_available_mb() + all.pss_mb;
	return status == CUA_OK ? note_of(cost, "held by this machine", "desktops",
						  floor(available_mb / all.pss_mb), err)
				: status;
}

static enum cua_status measure_desktop(struct bench *bench, const struct cua_point *size,
		const cJSON *scenario, const cJSON *row, struct cua_error *err)
{
	struct cost cost = { .bench = bench, .name = bench_text(row, "name") };
	const int idle_ms = bench->quick ? QUICK_IDLE_MS
					 : (int)(bench_number(scenario, "idle_seconds", 10) * 1000);
	enum cua_status status = bench_desktop_start(bench, size->x, size->y, &cost.desktop, err);
	if (status == CUA_OK) {
		status = bench_screen_show_named(cost.desktop, bench_text(row, "screen"), err);
	}
	if (status == CUA_OK) { /* nobody is connected to a desktop that is left alone */
		cua_http_client_destroy(CUA_STEAL(cost.desktop->client));
		status = desktop_record_read(cost.desktop->record.name, &cost.desktop->record, err);
	}
	if (status == CUA_OK) {
		status = measure_idle(&cost, idle_ms, err);
	}
	if (status == CUA_OK) {
		status = measure_memory(&cost, err);
	}
	bench_desktop_stop(cost.desktop);
	return status;
}

enum cua_status bench_cost(struct bench *bench, struct cua_error *err)
{
	const struct cua_point size = bench_usual_size(bench);
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "cost", err);
	enum cua_status status = scenario
			? measure_start(bench, &size, "start a desktop", false, err)
			: CUA_ERR_INVAL;
	status = status == CUA_OK ? measure_pool(bench, &size, err) : status;
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(scenario, "desktops")) {
		if (status == CUA_OK && bench_is_wanted(bench, row)) {
			status = measure_desktop(bench, &size, scenario, row, err);
		}
	}
	return status;
}

/* Seeing a desktop live, by RFB: how soon a change and a key become a picture at a viewer, how
 * often a terminal that scrolls is shown and what that costs, and what a viewer of a still screen
 * costs. */

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/bench/bench_topics.h"
#include "cua/bench/bench_vnc_servers.h"

/* Samples that one connection gives, beside a first that does not count: the next server has its
 * turn then. */
#define BLOCK 10
#define REST_MS 30
#define CONNECTED_MS 200 /* at rest after the first picture */
#define SCROLL_MS 3000
#define QUICK_SCROLL_MS 500
#define SCROLL_BEGUN 10 /* updates after which it does scroll */
#define SCROLL_SLICE_MS 100
#define SCROLL_START_MS 15000
#define SCROLLS_MAX 10
#define IDLE_MS 5000
#define QUICK_IDLE_MS 500
#define KEY_BACKSPACE 0xff08 /* X11/keysymdef.h */

/* A line so often; 0: as many as the terminal takes. First so many that the screen is full. */
static const char scroll_program[] =
		"import sys, time\n"
		"lines = open('lines.txt').read().split('\\n')\n"
		"rate = float(sys.argv[1])\n"
		"print('\\n'.join(lines[:200]), flush=True)\n"
		"start, n = time.monotonic(), 0\n"
		"while True:\n"
		"    print(lines[n % len(lines)], flush=True)\n"
		"    n += 1\n"
		"    if rate:\n"
		"        time.sleep(max(0, start + n / rate - time.monotonic()))\n";

struct row {
	struct bench_key key;
	struct cua_region area; /* that changes */
	struct bench_figure *figures[VNC_SERVERS];
	bool gone[VNC_SERVERS];
};

typedef enum cua_status (*sample_fn)(struct vnc_servers *servers, const struct vnc_server *server,
		const struct row *row, double *ret_ms, struct cua_error *err);

/* --- rows --- */

static struct row make_row(const struct vnc_servers *servers, const char *name, const char *unit)
{
	return (struct row){ .key = { .topic = "vnc",
					     .name = name,
					     .screen = "terminal",
					     .width_px = servers->width_px,
					     .height_px = servers->height_px,
					     .unit = unit } };
}

static enum cua_status add_figures(struct bench *bench, struct row *row, struct cua_error *err)
{
	bench_progress(bench, "vnc: %s", row->key.name);
	for (int i = 0; i < VNC_SERVERS; i++) {
		row->key.by = vnc_server_list[i].by;
		row->figures[i] = bench_figure_add(bench, &row->key, err);
		if (!row->figures[i]) {
			return CUA_ERR_NOMEM;
		}
	}
	return CUA_OK;
}

/* Others may be absent or fail; ours may not. */
static enum cua_status drop(struct row *row, int i, enum cua_status status,
		const struct cua_error *error, struct cua_error *err)
{
	if (status == CUA_ERR_CANCELLED || !vnc_server_list[i].may_fail) {
		*err = *error;
		cua_error_prefix(err, "%s", vnc_server_list[i].by);
		return status;
	}
	row->gone[i] = true;
	if (status == CUA_ERR_NOT_FOUND) {
		bench_figure_missing(row->figures[i]);
	} else {
		bench_figure_note(row->figures[i], "failed: %.200s", error->msg);
	}
	return CUA_OK;
}

static enum cua_status connect_to(
		struct vnc_servers *servers, const struct vnc_server *server, struct cua_error *err)
{
	enum cua_status status = server->connect(servers, err);
	return status == CUA_OK ? bench_rfb_rest(servers->viewer, CONNECTED_MS, err) : status;
}

/* --- what takes moments --- */

/* One connection's samples. */
static enum cua_status take_block(struct vnc_servers *servers, struct row *row, int i,
		sample_fn sample, struct cua_error *err)
{
	const struct vnc_server *server = &vnc_server_list[i];
	enum cua_status status = connect_to(servers, server, err);
	for (int k = 0; status == CUA_OK && k <= BLOCK &&
			bench_figure_wants_more(servers->bench, row->figures[i]);
			k++) {
		double ms = 0;
		status = sample(servers, server, row, &ms, err);
		if (status == CUA_OK && k > 0) {
			status = bench_figure_sample(row->figures[i], ms, err);
		}
	}
	vnc_servers_disconnect(servers);
	return status;
}

static enum cua_status measure_moments(struct vnc_servers *servers, struct row *row,
		sample_fn sample, struct cua_error *err)
{
	enum cua_status status = add_figures(servers->bench, row, err);
	bool more = true;
	while (status == CUA_OK && more) {
		more = false;
		for (int i = 0; status == CUA_OK && i < VNC_SERVERS; i++) {
			struct cua_error error = { 0 };
			if (row->gone[i] ||
					!bench_figure_wants_more(servers->bench, row->figures[i])) {
				continue;
			}
			more = true;
			status = take_block(servers, row, i, sample, &error);
			status = status == CUA_OK ? CUA_OK : drop(row, i, status, &error, err);
		}
	}
	return status;
}

/* From the change until a viewer has all of it. */
static enum cua_status sample_change(struct vnc_servers *servers, const struct vnc_server *server,
		const struct row *row, double *ret_ms, struct cua_error *err)
{
	enum cua_status status = bench_rfb_rest(servers->viewer, REST_MS, err);
	bench_rfb_remember(servers->viewer);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_client_change(server->stage(servers)->client, &row->area, err);
	}
	if (status == CUA_OK) {
		status = bench_rfb_wait_changed(servers->viewer, &row->area, err);
	}
	*ret_ms = bench_ms_since(started_us);
	return status;
}

/* A letter into a terminal, and away again: each shows. */
static enum cua_status sample_key(struct vnc_servers *servers, const struct vnc_server *server,
		const struct row *row, double *ret_ms, struct cua_error *err)
{
	bool *has_letter = &server->stage(servers)->has_letter;
	(void)row;
	enum cua_status status = bench_rfb_rest(servers->viewer, REST_MS, err);
	const uint32_t keysym = *has_letter ? KEY_BACKSPACE : 'x';
	bench_rfb_remember(servers->viewer);
	const uint64_t started_us = cua_now_us();
	if (status == CUA_OK) {
		status = bench_rfb_key(servers->viewer, keysym, true, err);
	}
	if (status == CUA_OK) {
		status = bench_rfb_wait_changed(servers->viewer, NULL, err);
	}
	*ret_ms = bench_ms_since(started_us);
	*has_letter = !*has_letter;
	if (status == CUA_OK) {
		status = bench_rfb_key(servers->viewer, keysym, false, err);
	}
	/* A server that is left at once may leave the key down, and the next one's is none then. */
	return status == CUA_OK ? bench_rfb_rest(servers->viewer, REST_MS, err) : status;
}

/* On both screens. */
static enum cua_status show(struct vnc_servers *servers, const char *command, struct cua_error *err)
{
	enum cua_status status = vnc_servers_show(servers, &vnc_server_list[0], command, err);
	if (status == CUA_OK) {
		status = vnc_servers_show(servers, &vnc_server_list[VNC_SERVERS - 1], command, err);
	}
	return status == CUA_OK ? bench_pause(servers->bench, 1500, err) : status;
}

static enum cua_status measure_changes(struct vnc_servers *servers, struct cua_error *err)
{
	struct row part = make_row(servers, "200x50 changed, until a viewer has it", "ms");
	struct row whole = make_row(servers, "whole screen changed, until a viewer has it", "ms");
	part.area = (struct cua_region){ 100, 100, 200, 50 };
	whole.area = (struct cua_region){ 0, 0, servers->width_px, servers->height_px };
	enum cua_status status = show(servers, "cat lines.txt; sleep 1000000", err);
	if (status == CUA_OK) {
		status = measure_moments(servers, &part, sample_change, err);
	}
	return status == CUA_OK ? measure_moments(servers, &whole, sample_change, err) : status;
}

static enum cua_status measure_keys(struct vnc_servers *servers, struct cua_error *err)
{
	struct row row = make_row(servers, "a key in a terminal, until a viewer shows it", "ms");
	enum cua_status status = show(servers, "cat", err);
	return status == CUA_OK ? measure_moments(servers, &row, sample_key, err) : status;
}

/* --- what goes on --- */

struct going {
	double updates, cpu, wakeups; /* a second; cpu: of one core, in % */
};

static enum cua_status watch(struct vnc_servers *servers, const struct vnc_server *server, int ms,
		struct going *ret_going, struct cua_error *err)
{
	double cpu_ms[2] = { 0 }, wakeups[2] = { 0 };
	int updates = 0;
	server->usage(servers, &cpu_ms[0], &wakeups[0]);
	const uint64_t started_us = cua_now_us();
	enum cua_status status = bench_rfb_watch(servers->viewer, ms, &updates, err);
	const double seconds = bench_ms_since(started_us) / 1000;
	server->usage(servers, &cpu_ms[1], &wakeups[1]);
	*ret_going = (struct going){ .updates = updates / seconds,
		.cpu = (cpu_ms[1] - cpu_ms[0]) / (seconds * 10),
		.wakeups = (wakeups[1] - wakeups[0]) / seconds };
	return status;
}

static enum cua_status wait_for_scrolling(struct vnc_servers *servers, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SCROLL_START_MS * UINT64_C(1000);
	enum cua_status status = CUA_OK;
	for (int all = 0, some = 0; status == CUA_OK && all < SCROLL_BEGUN; all += some) {
		status = cua_now_us() < deadline_us
				? bench_rfb_watch(servers->viewer, SCROLL_SLICE_MS, &some, err)
				: CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "the terminal does not scroll");
	}
	return status;
}

static enum cua_status scroll_once(struct vnc_servers *servers, const struct vnc_server *server,
		int lines, struct going *ret_going, struct cua_error *err)
{
	const int ms = servers->bench->quick ? QUICK_SCROLL_MS : SCROLL_MS;
	char command[96];
	snprintf(command, sizeof(command), "python3 scroll.py %d", lines);
	enum cua_status status = connect_to(servers, server, err);
	if (status == CUA_OK) {
		status = vnc_servers_show(servers, server, command, err);
	}
	if (status == CUA_OK) {
		status = wait_for_scrolling(servers, err);
	}
	if (status == CUA_OK) {
		status = watch(servers, server, ms, ret_going, err);
	}
	vnc_servers_disconnect(servers);
	vnc_servers_hide(servers); /* the next one is to scroll alone */
	return status;
}

static enum cua_status measure_scrolling(
		struct vnc_servers *servers, const char *what, int lines, struct cua_error *err)
{
	char updates_name[BENCH_WORD_MAX], cpu_name[BENCH_WORD_MAX];
	snprintf(updates_name, sizeof(updates_name), "%s, updates", what);
	snprintf(cpu_name, sizeof(cpu_name), "%s, of one core", what);
	struct row updates = make_row(servers, updates_name, "updates/s");
	struct row cpu = make_row(servers, cpu_name, "%");
	updates.key.more_is_better = true;
	enum cua_status status = add_figures(servers->bench, &updates, err);
	if (status == CUA_OK) {
		status = add_figures(servers->bench, &cpu, err);
	}
	const int most = servers->bench->quick ? 1 : SCROLLS_MAX;
	const int runs = servers->bench->runs < most ? servers->bench->runs : most;
	for (int k = 0; status == CUA_OK && k < runs; k++) {
		for (int i = 0; status == CUA_OK && i < VNC_SERVERS; i++) {
			struct going going = { 0 };
			struct cua_error error = { 0 };
			if (updates.gone[i]) {
				continue;
			}
			status = scroll_once(servers, &vnc_server_list[i], lines, &going, &error);
			if (status != CUA_OK) {
				status = drop(&updates, i, status, &error, err);
				continue;
			}
			status = bench_figure_sample(updates.figures[i], going.updates, err);
			if (status == CUA_OK) {
				status = bench_figure_sample(cpu.figures[i], going.cpu, err);
			}
		}
	}
	return status;
}

static enum cua_status measure_idle(struct vnc_servers *servers, struct cua_error *err)
{
	struct row row = make_row(servers, "a viewer of a still screen", "wake-ups/s");
	enum cua_status status = add_figures(servers->bench, &row, err);
	for (int i = 0; status == CUA_OK && i < VNC_SERVERS; i++) {
		struct going going = { 0 };
		struct cua_error error = { 0 };
		status = connect_to(servers, &vnc_server_list[i], &error);
		if (status == CUA_OK) {
			status = bench_rfb_rest(servers->viewer, 2 * CONNECTED_MS, &error);
		}
		if (status == CUA_OK) {
			status = watch(servers, &vnc_server_list[i],
					servers->bench->quick ? QUICK_IDLE_MS : IDLE_MS, &going,
					&error);
		}
		vnc_servers_disconnect(servers);
		status = status == CUA_OK ? bench_figure_sample(row.figures[i], going.wakeups, err)
					  : drop(&row, i, status, &error, err);
	}
	return status;
}

/* --- all --- */

static enum cua_status put_files(struct vnc_servers *servers, struct cua_error *err)
{
	CUA_AUTO_BUFFER struct cua_buffer prose;
	cua_buffer_init(&prose, (size_t)16 << 20);
	enum cua_status status = bench_prose(11, 400, "", "\n", &prose, err);
	if (status == CUA_OK) {
		status = vnc_servers_put(servers, "lines.txt", prose.data, prose.len, err);
	}
	return status == CUA_OK ? vnc_servers_put(servers, "scroll.py", scroll_program,
						  strlen(scroll_program), err)
				: status;
}

enum cua_status bench_vnc(struct bench *bench, struct cua_error *err)
{
	struct vnc_servers servers;
	const struct cua_point size = bench_usual_size(bench);
	enum cua_status status = vnc_servers_start(bench, size.x, size.y, &servers, err);
	if (status == CUA_OK) {
		status = put_files(&servers, err);
	}
	if (status == CUA_OK) {
		status = measure_changes(&servers, err);
	}
	if (status == CUA_OK) {
		status = measure_keys(&servers, err);
	}
	if (status == CUA_OK) {
		status = measure_scrolling(
				&servers, "a terminal that scrolls 30 times a second", 30, err);
	}
	if (status == CUA_OK) {
		status = measure_scrolling(&servers, "a terminal that scrolls without end", 0, err);
	}
	if (status == CUA_OK) {
		status = measure_idle(&servers, err);
	}
	vnc_servers_stop(&servers);
	return status;
}

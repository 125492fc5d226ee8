/* Figures, and the three ways of printing them: a table to read, JSON to compute with, and the
 * tables of the README. */

#include "cua/bench/bench.h"

#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "cua/base/file.h"
#include "cua/base/util.h"

/* --- the machine --- */

/* The value after "name<spaces>:" or "name=" in a file of such lines. */
static void read_value(const char *path, const char *name, char *value, size_t size)
{
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	/* Of a file that is too long the beginning is there, which is enough: cores are alike. */
	const enum cua_status status = cua_file_read(path, &text, NULL);
	char *at = (status == CUA_OK || status == CUA_ERR_TOO_LARGE) && text.data
			? strstr(text.data, name)
			: NULL;
	snprintf(value, size, "unknown");
	if (at) {
		at += strlen(name);
		at += strspn(at, " \t:=\"");
		snprintf(value, size, "%.*s", (int)strcspn(at, "\"\n"), at);
	}
}

void bench_machine_read(struct bench_machine *ret_machine)
{
	struct utsname name;
	cpu_set_t cores;
	char memory[64];
	*ret_machine = (struct bench_machine){ .cores = 1 };
	read_value("/proc/cpuinfo", "model name", ret_machine->cpu, sizeof(ret_machine->cpu));
	read_value("/etc/os-release", "PRETTY_NAME", ret_machine->system,
			sizeof(ret_machine->system));
	read_value("/proc/meminfo", "MemTotal", memory, sizeof(memory));
	ret_machine->memory_mb = round(strtod(memory, NULL) / 1024);
	if (sched_getaffinity(0, sizeof(cores), &cores) == 0) {
		ret_machine->cores = CPU_COUNT(&cores);
	}
	if (uname(&name) == 0) {
		snprintf(ret_machine->kernel, sizeof(ret_machine->kernel), "%.63s %.63s",
				name.sysname, name.release);
	}
}

double bench_load(void)
{
	double load = 0;
	return getloadavg(&load, 1) == 1 ? load : (double)NAN;
}

/* --- figures --- */

struct bench_figure *bench_figure_add(
		struct bench *bench, const struct bench_key *key, struct cua_error *err)
{
	struct bench_report *report = &bench->report;
	struct bench_figure *figure = report->figure_count < BENCH_FIGURES_MAX
			? calloc(1, sizeof(*figure))
			: NULL;
	if (!figure) {
		cua_error_set(err, CUA_ERR_NOMEM, 0, "figure %d of at most %d",
				report->figure_count, BENCH_FIGURES_MAX);
		return NULL;
	}
	snprintf(figure->topic, sizeof(figure->topic), "%s", key->topic);
	snprintf(figure->name, sizeof(figure->name), "%s", key->name);
	snprintf(figure->screen, sizeof(figure->screen), "%s", key->screen ? key->screen : "");
	snprintf(figure->by, sizeof(figure->by), "%s", key->by);
	snprintf(figure->unit, sizeof(figure->unit), "%s", key->unit);
	figure->width_px = key->width_px;
	figure->height_px = key->height_px;
	figure->more_is_better = key->more_is_better;
	figure->not_compared = key->not_compared;
	figure->load = bench_load();
	report->figures[report->figure_count++] = figure;
	return figure;
}

struct bench_figure *bench_figure_find(struct bench *bench, const struct bench_key *key)
{
	for (int i = bench->report.figure_count - 1; i >= 0; i--) {
		struct bench_figure *figure = bench->report.figures[i];
		if (strcmp(figure->topic, key->topic) == 0 &&
				strcmp(figure->name, key->name) == 0 &&
				strcmp(figure->screen, key->screen ? key->screen : "") == 0 &&
				strcmp(figure->by, key->by) == 0 &&
				strcmp(figure->unit, key->unit) == 0 &&
				figure->width_px == key->width_px &&
				figure->height_px == key->height_px) {
			return figure;
		}
	}
	return NULL;
}

enum cua_status bench_figure_sample(
		struct bench_figure *figure, double value, struct cua_error *err)
{
	enum cua_status status = bench_samples_add(&figure->samples, value, err);
	if (status == CUA_OK) {
		figure->total += value;
	}
	return status;
}

bool bench_figure_wants_more(const struct bench *bench, const struct bench_figure *figure)
{
	return figure->samples.count < (size_t)bench->runs &&
			(figure->samples.count < 3 || figure->total < bench->limit_ms);
}

void bench_figure_note(struct bench_figure *figure, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(figure->note, sizeof(figure->note), fmt, args);
	va_end(args);
}

void bench_report_tidy(struct bench_report *report)
{
	int kept = 0;
	for (int i = 0; i < report->figure_count; i++) {
		struct bench_figure *figure = report->figures[i];
		if (figure->samples.count > 0 || figure->note[0]) {
			report->figures[kept++] = figure;
		} else {
			bench_samples_finish(&figure->samples);
			free(figure);
		}
	}
	report->figure_count = kept;
}

void bench_report_finish(struct bench_report *report)
{
	for (int i = 0; i < report->figure_count; i++) {
		bench_samples_finish(&report->figures[i]->samples);
		free(report->figures[i]);
	}
	report->figure_count = 0;
}

static bool same_row(const struct bench_figure *a, const struct bench_figure *b)
{
	return strcmp(a->topic, b->topic) == 0 && strcmp(a->name, b->name) == 0 &&
			strcmp(a->screen, b->screen) == 0 && a->width_px == b->width_px &&
			a->height_px == b->height_px;
}

/* What the figure is compared to: the first of its row in the same unit; NULL if it is itself that
 * one. */
static const struct bench_figure *base_of(
		const struct bench_report *report, const struct bench_figure *figure)
{
	for (int i = 0; i < report->figure_count && !figure->not_compared; i++) {
		const struct bench_figure *other = report->figures[i];
		if (same_row(other, figure) && strcmp(other->unit, figure->unit) == 0 &&
				other->samples.count > 0) {
			return other == figure ? NULL : other;
		}
	}
	return NULL;
}

/* How many times better the base is; NAN where that means nothing. */
static double ratio_of(const struct bench_report *report, const struct bench_figure *figure)
{
	const struct bench_figure *base = base_of(report, figure);
	const double own = bench_median(&figure->samples);
	const double other = base ? bench_median(&base->samples) : (double)NAN;
	if (!base || !(own > 0) || !(other > 0)) {
		return (double)NAN;
	}
	return figure->more_is_better ? other / own : own / other;
}

/* What so many of 100 runs were as good as, or better. */
static double worst_of(const struct bench_figure *figure, double percent)
{
	const double q = percent / 100;
	return bench_quantile(&figure->samples, figure->more_is_better ? 1 - q : q);
}

/* Three digits that mean something. */
static const char *format_value(double value, char text[32])
{
	const double size = fabs(value);
	if (isnan(value)) {
		snprintf(text, 32, "-");
	} else if (size == 0 || size >= 100 || (size >= 2 && value == floor(value))) {
		snprintf(text, 32, "%.0f", value);
	} else {
		snprintf(text, 32, "%.*f", size >= 10 ? 1 : size >= 1 ? 2 : 3, value);
	}
	return text;
}

static void print_row_name(const struct bench_figure *figure)
{
	printf("%s", figure->name);
	if (figure->screen[0]) {
		printf(", %s", figure->screen);
	}
	if (figure->width_px > 0) {
		printf(", %dx%d", figure->width_px, figure->height_px);
	}
}

static void print_machine(const struct bench_report *report)
{
	double least = (double)NAN, most = (double)NAN;
	if (report->figure_count == 0) {
		return;
	}
	for (int i = 0; i < report->figure_count; i++) {
		least = fmin(least, report->figures[i]->load);
		most = fmax(most, report->figures[i]->load);
	}
	printf("%s, %d cores, %.0f MB, %s, %s, load %.2f to %.2f\n", report->machine.cpu,
			report->machine.cores, report->machine.memory_mb, report->machine.system,
			report->machine.kernel, least, most);
}

/* --- the table --- */

static void print_line(const struct bench_report *report, const struct bench_figure *figure)
{
	char median[32], p95[32], p99[32], ratio_text[32];
	const double ratio = ratio_of(report, figure);
	printf("  %-26s", figure->by);
	if (figure->samples.count > 0) {
		printf(" %9s %-13s", format_value(bench_median(&figure->samples), median),
				figure->unit);
		printf(" p95 %-9s p99 %-9s runs %-5zu", format_value(worst_of(figure, 95), p95),
				format_value(worst_of(figure, 99), p99), figure->samples.count);
	}
	if (!isnan(ratio)) {
		printf(" %sx", format_value(ratio, ratio_text));
	}
	printf("%s%s\n", figure->note[0] ? "  " : "", figure->note);
}

static void print_table(const struct bench_report *report)
{
	const char *topic = "";
	print_machine(report);
	for (int i = 0; i < report->figure_count; i++) {
		const struct bench_figure *figure = report->figures[i];
		bool first = true;
		for (int k = 0; k < i; k++) {
			first = first && !same_row(report->figures[k], figure);
		}
		if (!first) {
			continue; /* printed with the first of its row */
		}
		if (strcmp(topic, figure->topic) != 0) {
			topic = figure->topic;
			printf("\n%s\n", topic);
		}
		print_row_name(figure);
		printf("\n");
		for (int k = i; k < report->figure_count; k++) {
			if (same_row(report->figures[k], figure)) {
				print_line(report, report->figures[k]);
			}
		}
	}
	printf("\nThe number with an x: how many times better the first of the row is.\n");
}

/* --- JSON --- */

static void add_number(cJSON *json, const char *name, double value)
{
	if (isnan(value)) {
		cJSON_AddNullToObject(json, name);
	} else {
		cJSON_AddNumberToObject(json, name, value);
	}
}

static cJSON *machine_json(const struct bench_report *report, const struct bench_figure *figure)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "cpu", report->machine.cpu);
	cJSON_AddNumberToObject(json, "cores", report->machine.cores);
	cJSON_AddNumberToObject(json, "memory_mb", report->machine.memory_mb);
	cJSON_AddStringToObject(json, "system", report->machine.system);
	cJSON_AddStringToObject(json, "kernel", report->machine.kernel);
	add_number(json, "load_1m", figure->load);
	return json;
}

static void print_json(const struct bench_report *report, const struct bench_figure *figure)
{
	CUA_AUTO_JSON cJSON *json = cJSON_CreateObject();
	const struct bench_figure *base = base_of(report, figure);
	cJSON_AddStringToObject(json, "topic", figure->topic);
	cJSON_AddStringToObject(json, "figure", figure->name);
	cJSON_AddStringToObject(json, "screen", figure->screen);
	cJSON_AddNumberToObject(json, "width", figure->width_px);
	cJSON_AddNumberToObject(json, "height", figure->height_px);
	cJSON_AddStringToObject(json, "by", figure->by);
	cJSON_AddStringToObject(json, "unit", figure->unit);
	add_number(json, "median", bench_median(&figure->samples));
	add_number(json, "p95", worst_of(figure, 95));
	add_number(json, "p99", worst_of(figure, 99));
	cJSON_AddNumberToObject(json, "runs", (double)figure->samples.count);
	if (base && !isnan(ratio_of(report, figure))) {
		cJSON_AddNumberToObject(json, "ratio", ratio_of(report, figure));
		cJSON_AddStringToObject(json, "ratio_to", base->by);
	}
	if (figure->note[0]) {
		cJSON_AddStringToObject(json, "note", figure->note);
	}
	cJSON_AddItemToObject(json, "machine", machine_json(report, figure));
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	printf("%s\n", text ? text : "{}");
}

/* --- Markdown --- */

#define COLUMNS_MAX 16

struct columns {
	const char *by[COLUMNS_MAX];
	int count;
};

/* Who has a figure in this row, in order. */
static struct columns columns_of(const struct bench_report *report, const struct bench_figure *row)
{
	struct columns columns = { .count = 0 };
	for (int i = 0; i < report->figure_count; i++) {
		const struct bench_figure *figure = report->figures[i];
		bool known = !same_row(figure, row);
		for (int k = 0; k < columns.count; k++) {
			known = known || strcmp(columns.by[k], figure->by) == 0;
		}
		if (!known && columns.count < COLUMNS_MAX) {
			columns.by[columns.count++] = figure->by;
		}
	}
	return columns;
}

static bool same_columns(const struct columns *a, const struct columns *b)
{
	bool same = a->count == b->count;
	for (int i = 0; same && i < a->count; i++) {
		same = strcmp(a->by[i], b->by[i]) == 0;
	}
	return same;
}

static void print_cell(const struct bench_report *report, const struct bench_figure *figure)
{
	char median[32], ratio_text[32];
	const double ratio = ratio_of(report, figure);
	if (figure->samples.count == 0) {
		printf("%s", figure->note[0] ? figure->note : "-");
		return;
	}
	printf("%s%s%s", format_value(bench_median(&figure->samples), median),
			figure->unit[0] ? " " : "", figure->unit);
	if (!isnan(ratio)) {
		printf(" (%sx)", format_value(ratio, ratio_text));
	}
}

static void print_markdown_row(const struct bench_report *report, const struct bench_figure *row,
		const struct columns *columns)
{
	printf("| ");
	print_row_name(row);
	printf(" |");
	for (int c = 0; c < columns->count; c++) {
		bool first = true;
		printf(" ");
		for (int i = 0; i < report->figure_count; i++) {
			const struct bench_figure *figure = report->figures[i];
			if (same_row(figure, row) && strcmp(figure->by, columns->by[c]) == 0) {
				printf("%s", first ? "" : ", ");
				print_cell(report, figure);
				first = false;
			}
		}
		printf(" |");
	}
	printf("\n");
}

struct markdown_row {
	const struct bench_figure *figure; /* the first of the row */
	struct columns columns;
	bool printed;
};

static bool same_table(const struct markdown_row *a, const struct markdown_row *b)
{
	return strcmp(a->figure->topic, b->figure->topic) == 0 &&
			same_columns(&a->columns, &b->columns);
}

static int list_rows(const struct bench_report *report, struct markdown_row *rows)
{
	int count = 0;
	for (int i = 0; i < report->figure_count; i++) {
		const struct bench_figure *figure = report->figures[i];
		bool known = false;
		for (int k = 0; k < count && !known; k++) {
			known = same_row(rows[k].figure, figure);
		}
		if (!known) {
			rows[count++] = (struct markdown_row){ .figure = figure,
				.columns = columns_of(report, figure) };
		}
	}
	return count;
}

static void print_markdown_head(const struct markdown_row *row)
{
	printf("\n| %s |", row->figure->topic);
	for (int c = 0; c < row->columns.count; c++) {
		printf(" %s |", row->columns.by[c]);
	}
	printf("\n|---|");
	for (int c = 0; c < row->columns.count; c++) {
		printf("---|");
	}
	printf("\n");
}

/* What is left of this row's name and table. */
static void print_rows_of_name(const struct bench_report *report, struct markdown_row *rows,
		int count, const struct markdown_row *first)
{
	for (int i = 0; i < count; i++) {
		if (!rows[i].printed && same_table(first, &rows[i]) &&
				strcmp(first->figure->name, rows[i].figure->name) == 0) {
			print_markdown_row(report, rows[i].figure, &rows[i].columns);
			rows[i].printed = true;
		}
	}
}

/* Rows that the same programs have figures in share a table; those of one name stand together. */
static void print_markdown(const struct bench_report *report)
{
	CUA_AUTO_FREE struct markdown_row *rows =
			calloc((size_t)report->figure_count + 1, sizeof(*rows));
	const int count = rows ? list_rows(report, rows) : 0;
	print_machine(report);
	for (int table = 0; table < count; table++) {
		if (rows[table].printed) {
			continue;
		}
		print_markdown_head(&rows[table]);
		for (int i = table; i < count; i++) {
			if (!rows[i].printed && same_table(&rows[table], &rows[i])) {
				print_rows_of_name(report, rows, count, &rows[i]);
			}
		}
	}
}

void bench_report_print(const struct bench_report *report, enum bench_format format)
{
	if (format == BENCH_FORMAT_TABLE) {
		print_table(report);
	} else if (format == BENCH_FORMAT_MARKDOWN) {
		print_markdown(report);
	}
	for (int i = 0; format == BENCH_FORMAT_JSON && i < report->figure_count; i++) {
		print_json(report, report->figures[i]);
	}
}

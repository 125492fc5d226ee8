#include "cua/server/measures.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

/* Of each: names of models are whatever people call them. */
#define SERIES_MAX 128
#define BOUNDS_MAX 14
#define LABELS_TEXT_MAX 700

static const struct kind {
	const char *name, *help;
	const char *labels[MEASURE_LABELS_MAX];
	double bounds[BOUNDS_MAX]; /* of a histogram; a counter has none */
} kinds[MEASURE_COUNT] = {
	[MEASURE_OPERATION_SECONDS] = { "gen_ai_client_operation_duration_seconds",
			"calls of models, tools and desktops, of runs that have ended",
			{ "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model",
					"error_type" },
			{ .01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96,
					81.92 } },
	[MEASURE_TOKENS] = { "gen_ai_client_token_usage", "tokens of one call of a model",
			{ "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model",
					"error_type", "gen_ai_token_type" },
			{ 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304,
					16777216, 67108864 } },
	[MEASURE_RUNS_ENDED] = { "cua_runs_ended_total", "since the server began", { "outcome" },
			{ 0 } },
	[MEASURE_SPANS] = { "cua_spans_total", "of traces, sent and given up", { "result" },
			{ 0 } },
};

struct series {
	char labels[LABELS_TEXT_MAX]; /* name="value",... */
	unsigned long long count, buckets[BOUNDS_MAX];
	double sum;
};

struct measures {
	pthread_mutex_t mutex;
	struct series *series[MEASURE_COUNT][SERIES_MAX]; /* owned */
	int counts[MEASURE_COUNT];
};

struct measures *measures_create(void)
{
	struct measures *measures = calloc(1, sizeof(*measures));
	if (measures) {
		pthread_mutex_init(&measures->mutex, NULL);
	}
	return measures;
}

void measures_destroy(struct measures *measures)
{
	if (!measures) {
		return;
	}
	for (int i = 0; i < MEASURE_COUNT; i++) {
		for (int k = 0; k < measures->counts[i]; k++) {
			free(measures->series[i][k]);
		}
	}
	pthread_mutex_destroy(&measures->mutex);
	free(measures);
}

static void put(char *text, size_t size, size_t *len, char byte)
{
	if (*len < size - 1) {
		text[(*len)++] = byte;
		text[*len] = '\0';
	}
}

static void put_label(char *text, size_t size, const char *name, const char *value)
{
	size_t len = strlen(text);
	for (const char *at = len > 0 ? "," : ""; *at; at++) {
		put(text, size, &len, *at);
	}
	for (const char *at = name; *at; at++) {
		put(text, size, &len, *at);
	}
	put(text, size, &len, '=');
	put(text, size, &len, '"');
	/* A value is cut before it leaves the next no room. */
	for (const char *at = value; *at && len < size - 100 && at - value < 100; at++) {
		if (*at == '\\' || *at == '"' || *at == '\n') {
			put(text, size, &len, '\\');
		}
		put(text, size, &len, *at == '\n' ? 'n' : *at);
	}
	put(text, size, &len, '"');
}

static struct series *find(struct measures *measures, enum measure measure, const char *labels)
{
	int *count = &measures->counts[measure];
	for (int i = 0; i < *count; i++) {
		if (strcmp(measures->series[measure][i]->labels, labels) == 0) {
			return measures->series[measure][i];
		}
	}
	struct series *series = *count < SERIES_MAX ? calloc(1, sizeof(*series)) : NULL;
	if (series) {
		snprintf(series->labels, sizeof(series->labels), "%s", labels);
		measures->series[measure][(*count)++] = series;
	}
	return series;
}

void measures_note(struct measures *measures, enum measure measure,
		const struct measure_labels *labels, double value)
{
	const struct kind *kind = &kinds[measure];
	char text[LABELS_TEXT_MAX] = "";
	for (int i = 0; i < MEASURE_LABELS_MAX && kind->labels[i]; i++) {
		if (labels->values[i] && labels->values[i][0]) {
			put_label(text, sizeof(text), kind->labels[i], labels->values[i]);
		}
	}
	pthread_mutex_lock(&measures->mutex);
	struct series *series = find(measures, measure, text);
	if (series) {
		series->count++;
		series->sum += value;
		for (int i = 0; i < BOUNDS_MAX; i++) {
			series->buckets[i] += value <= kind->bounds[i];
		}
	}
	pthread_mutex_unlock(&measures->mutex);
}

static void write_histogram(
		const struct kind *kind, const struct series *series, struct cua_buffer *text)
{
	const char *comma = series->labels[0] ? "," : "";
	for (int i = 0; i < BOUNDS_MAX; i++) {
		(void)!cua_buffer_printf(text, NULL, "%s_bucket{%s%sle=\"%.15g\"} %llu\n",
				kind->name, series->labels, comma, kind->bounds[i],
				series->buckets[i]);
	}
	(void)!cua_buffer_printf(text, NULL,
			"%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum{%s} %.15g\n%s_count{%s} %llu\n",
			kind->name, series->labels, comma, series->count, kind->name,
			series->labels, series->sum, kind->name, series->labels, series->count);
}

void measures_write(struct measures *measures, struct cua_buffer *text)
{
	pthread_mutex_lock(&measures->mutex);
	for (int i = 0; i < MEASURE_COUNT; i++) {
		const struct kind *kind = &kinds[i];
		const bool is_histogram = kind->bounds[0] > 0;
		(void)!cua_buffer_printf(text, NULL, "# HELP %s %s\n# TYPE %s %s\n", kind->name,
				kind->help, kind->name, is_histogram ? "histogram" : "counter");
		for (int k = 0; k < measures->counts[i]; k++) {
			const struct series *series = measures->series[i][k];
			if (is_histogram) {
				write_histogram(kind, series, text);
			} else {
				(void)!cua_buffer_printf(text, NULL, "%s{%s} %.15g\n", kind->name,
						series->labels, series->sum);
			}
		}
	}
	pthread_mutex_unlock(&measures->mutex);
}

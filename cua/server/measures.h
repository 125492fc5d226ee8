#ifndef CUA_SERVER_MEASURES_H
#define CUA_SERVER_MEASURES_H

/* Counters and histograms since the server began, for Prometheus. Any thread may call.
 * Source: OpenTelemetry semantic conventions 1.41.1, "Generative AI metrics"; Prometheus text
 * format 0.0.4. */

#include "cua/base/buffer.h"

enum measure {
	MEASURE_OPERATION_SECONDS, /* gen_ai.client.operation.duration */
	MEASURE_TOKENS,            /* gen_ai.client.token.usage */
	MEASURE_RUNS_ENDED,        /* a counter: values are added up */
	MEASURE_SPANS,             /* the same */
	MEASURE_COUNT
};

#define MEASURE_LABELS_MAX 5

/* "" for one that does not apply; what further labels there are is the measure's. */
struct measure_labels {
	const char *values[MEASURE_LABELS_MAX];
};

struct measures;

struct measures *measures_create(void);
void measures_destroy(struct measures *measures);

/* labels, of operations: operation, provider, model, error type; of tokens: operation, provider,
 * model, "", "input" or "output"; of runs: how it ended; of spans: "told" or "lost". */
void measures_note(struct measures *measures, enum measure measure,
		const struct measure_labels *labels, double value);
/* All of them as text. */
void measures_write(struct measures *measures, struct cua_buffer *text);

#endif

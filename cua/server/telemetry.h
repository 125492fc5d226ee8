#ifndef CUA_SERVER_TELEMETRY_H
#define CUA_SERVER_TELEMETRY_H

/* What is told of a run when it is over: its calls to the measures, its trace to a collector, by
 * OTLP over HTTP as JSON. One run after the other, on a thread.
 * Source: OpenTelemetry protocol 1.x, "OTLP/HTTP"; OTEL_EXPORTER_OTLP_* of its specification. */

#include <stdbool.h>

#include <uv.h>

#include "cua/base/error.h"
#include "cua/server/measures.h"
#include "cua/server/store.h"

struct telemetry;

/* url: where traces go, whole; NULL: where $OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
 * $OTEL_EXPORTER_OTLP_ENDPOINT say, else nowhere. ending_fd: readable when all is to end; borrowed.
 * Takes $OTEL_EXPORTER_OTLP_HEADERS, which may hold a key, out of the environment. CUA_ERR_INVAL
 * for what is no URL; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status telemetry_create(uv_loop_t *loop, struct store *store,
		const char *url, int ending_fd, struct telemetry **ret_telemetry,
		struct cua_error *err);
/* What a server before could not tell is told now. */
void telemetry_begin(struct telemetry *telemetry);
/* After the loop has ended. */
void telemetry_destroy(struct telemetry *telemetry);

/* Do traces go anywhere? Then runs.trace_waits of one that ends is to be 1. */
bool telemetry_wants_traces(const struct telemetry *telemetry);
/* On the loop's thread: the run is over, and its journal says all. */
void telemetry_run_over(struct telemetry *telemetry, const char *run);

struct measures *telemetry_measures(struct telemetry *telemetry);

#endif

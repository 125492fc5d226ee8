#ifndef CUA_SERVER_TELEMETRY_H
#define CUA_SERVER_TELEMETRY_H

/* What is told of a run when it is over: its calls to the measures, its trace to a collector, by
 * OTLP over HTTP as JSON. One run after the other, on a thread.
 * Source: OpenTelemetry protocol 1.x, "OTLP/HTTP"; OTEL_EXPORTER_OTLP_* of its specification. */

#include <uv.h>

#include "cua/base/error.h"
#include "cua/server/measures.h"

struct telemetry;

/* url: where traces go, whole; NULL: where $OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
 * $OTEL_EXPORTER_OTLP_ENDPOINT say, else nowhere. ending_fd: readable when all is to end; borrowed.
 * Takes $OTEL_EXPORTER_OTLP_HEADERS, which may hold a key, out of the environment. CUA_ERR_INVAL
 * for what is no URL; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status telemetry_create(uv_loop_t *loop, const char *url, int ending_fd,
		struct telemetry **ret_telemetry, struct cua_error *err);
/* After the loop has ended. */
void telemetry_destroy(struct telemetry *telemetry);

/* On the loop's thread: the run is over, and its journal says all. */
void telemetry_run_over(struct telemetry *telemetry, const char *run);

struct measures *telemetry_measures(struct telemetry *telemetry);

#endif

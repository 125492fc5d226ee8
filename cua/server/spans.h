#ifndef CUA_SERVER_SPANS_H
#define CUA_SERVER_SPANS_H

/* A run's journal as a trace: one span for the run, for each step, and for each call of a model, a
 * tool or the desktop. The same journal makes the same trace, ids included. What was said, typed or
 * seen is in none of them.
 * Source: OpenTelemetry semantic conventions 1.41.1, "Generative AI spans", "MCP". */

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/server/measures.h"

/* ret_spans: as OTLP/JSON has them, the caller's. measures: calls are noted there; may be NULL.
 * CUA_ERR_NOT_FOUND; CUA_ERR_IO; CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status spans_of_run(int run_dir_fd, const char *run,
		struct measures *measures, cJSON **ret_spans, struct cua_error *err);

#endif

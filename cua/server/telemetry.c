#include "cua/server/telemetry.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "agent/runs.h"
#include "cua/server/spans.h"

#define CUA_LOG_MODULE "telemetry"
#include "cua/base/http_client.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"

#define RUNS_WAITING_MAX 1000
#define SPANS_AT_ONCE 500
#define TRIES 5
#define FIRST_WAIT_MS 1000
#define WAIT_MAX_MS 30000
#define SEND_TIMEOUT_MS 10000
#define HEADERS_MAX 16

struct waiting {
	STAILQ_ENTRY(waiting) link;
	char run[40];
	bool is_again;
};

struct telemetry {
	uv_loop_t *loop;
	struct store *store;
	struct measures *measures;
	char *url;                      /* owned; NULL: traces go nowhere */
	char *service;                  /* owned */
	char *headers_text;             /* owned; what headers point into */
	char *headers[HEADERS_MAX + 2]; /* owned but for the first; NULL-terminated */
	int ending_fd;
	uv_work_t work;
	bool is_working;
	char run[40];  /* being told of */
	bool is_again; /* its calls are in the measures already, or were in those of another server
			*/
	bool is_taken; /* the collector answers */
	bool has_kept; /* a trace that it did not take when it was told */
	STAILQ_HEAD(, waiting) queue;
	int queued;
};

/* --- where to --- */

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

static enum cua_status choose_url(
		struct telemetry *telemetry, const char *url, struct cua_error *err)
{
	const char *base = environment("OTEL_EXPORTER_OTLP_ENDPOINT");
	url = url ? url : environment("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
	if (!url && !base) {
		return CUA_OK;
	}
	const char *chosen = url ? url : base;
	if (strncmp(chosen, "http://", 7) != 0 && strncmp(chosen, "https://", 8) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"traces cannot go to %.200s: it is no http or https URL", chosen);
	}
	const size_t len = strlen(chosen);
	const int made = url ? asprintf(&telemetry->url, "%s", url)
			     : asprintf(&telemetry->url, "%s%sv1/traces", base,
					       base[len - 1] == '/' ? "" : "/");
	return made >= 0 ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "traces");
}

/* "name=value,other=value", as the specification has it. */
static enum cua_status take_headers(struct telemetry *telemetry, struct cua_error *err)
{
	static char json[] = "Content-Type: application/json";
	const char *text = environment("OTEL_EXPORTER_OTLP_HEADERS");
	size_t count = 0;
	telemetry->headers[count++] = json;
	telemetry->headers_text = strdup(text ? text : "");
	char *rest = telemetry->headers_text, *pair = NULL;
	while (rest && count <= HEADERS_MAX && (pair = strsep(&rest, ","))) {
		char *value = strchr(pair, '=');
		if (!value || strpbrk(pair, "\r\n")) {
			continue;
		}
		*value++ = '\0';
		if (asprintf(&telemetry->headers[count], "%s: %s", pair, value) < 0) {
			telemetry->headers[count] = NULL;
			break;
		}
		count++;
	}
	(void)unsetenv("OTEL_EXPORTER_OTLP_HEADERS");
	return telemetry->headers_text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "traces");
}

enum cua_status telemetry_create(uv_loop_t *loop, struct store *store, const char *url,
		int ending_fd, struct telemetry **ret_telemetry, struct cua_error *err)
{
	const char *service = environment("OTEL_SERVICE_NAME");
	struct telemetry *telemetry = calloc(1, sizeof(*telemetry));
	if (!telemetry) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "telemetry");
	}
	telemetry->loop = loop;
	telemetry->store = store;
	telemetry->ending_fd = ending_fd;
	telemetry->work.data = telemetry;
	STAILQ_INIT(&telemetry->queue);
	telemetry->measures = measures_create();
	telemetry->service = strdup(service ? service : "cua");
	enum cua_status status = telemetry->measures && telemetry->service
			? choose_url(telemetry, url, err)
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "telemetry");
	if (status == CUA_OK) {
		status = take_headers(telemetry, err);
	}
	if (status != CUA_OK) {
		telemetry_destroy(telemetry);
		return status;
	}
	*ret_telemetry = telemetry;
	return CUA_OK;
}

void telemetry_destroy(struct telemetry *telemetry)
{
	if (!telemetry) {
		return;
	}
	for (struct waiting *waiting; (waiting = STAILQ_FIRST(&telemetry->queue));) {
		STAILQ_REMOVE_HEAD(&telemetry->queue, link);
		free(waiting);
	}
	for (size_t i = 1; telemetry->headers[0] && telemetry->headers[i]; i++) {
		free(telemetry->headers[i]);
	}
	measures_destroy(telemetry->measures);
	free(telemetry->url);
	free(telemetry->service);
	free(telemetry->headers_text);
	free(telemetry);
}

bool telemetry_wants_traces(const struct telemetry *telemetry)
{
	return telemetry->url;
}

struct measures *telemetry_measures(struct telemetry *telemetry)
{
	return telemetry->measures;
}

/* --- sending --- */

static bool may_try_again(enum cua_status status, long http_status)
{
	return status != CUA_OK ? status == CUA_ERR_CLOSED || status == CUA_ERR_TIMEOUT
				: http_status == 429 || (http_status >= 502 && http_status <= 504);
}

/* False if the server ends meanwhile. */
static bool wait_ms(const struct telemetry *telemetry, int ms)
{
	struct pollfd ending = { .fd = telemetry->ending_fd, .events = POLLIN };
	return poll(&ending, 1, ms) == 0;
}

static enum cua_status send_once(const struct telemetry *telemetry, const char *body,
		int *ret_wait_ms, struct cua_error *err)
{
	struct cua_http_client *client = NULL;
	struct cua_http_response response = { 0 };
	const struct cua_http_request request = { .method = "POST",
		.url = telemetry->url,
		.headers = (const char *const *)telemetry->headers,
		.body = body,
		.body_len = strlen(body),
		.total_timeout_ms = SEND_TIMEOUT_MS,
		.max_body_len = 65536 };
	enum cua_status status = cua_http_client_create(NULL, telemetry->ending_fd, &client, err);
	if (status != CUA_OK) {
		return status;
	}
	status = cua_http_perform(client, &request, &response, err);
	const bool again = may_try_again(status, response.http_status);
	const int told_ms = 1000 * atoi(response.retry_after);
	if (status == CUA_OK && response.http_status / 100 != 2) {
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0, "it answered %ld",
				response.http_status);
	}
	cua_http_response_finish(&response);
	cua_http_client_destroy(client);
	*ret_wait_ms = again ? (told_ms > *ret_wait_ms ? told_ms : *ret_wait_ms) : -1;
	return status;
}

/* *ret_refused: it is no use to send that again. */
static enum cua_status send_body(const struct telemetry *telemetry, const char *body,
		bool *ret_refused, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (int i = 0; i < TRIES; i++) {
		int ms = FIRST_WAIT_MS << i;
		status = send_once(telemetry, body, &ms, err);
		*ret_refused = status != CUA_OK && status != CUA_ERR_CANCELLED && ms < 0;
		if (status == CUA_OK || ms < 0 || i == TRIES - 1 ||
				!wait_ms(telemetry, ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS)) {
			break;
		}
	}
	return status;
}

/* Takes the spans over. */
static cJSON *envelope(const struct telemetry *telemetry, cJSON *spans)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *resource_spans = cJSON_CreateObject(), *scope_spans = cJSON_CreateObject();
	cJSON *attribute = cJSON_CreateObject(), *value = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(root, "resourceSpans"), resource_spans);
	cJSON *resource = cJSON_AddObjectToObject(resource_spans, "resource");
	cJSON_AddStringToObject(attribute, "key", "service.name");
	cJSON_AddStringToObject(value, "stringValue", telemetry->service);
	cJSON_AddItemToObject(attribute, "value", value);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(resource, "attributes"), attribute);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(resource_spans, "scopeSpans"), scope_spans);
	cJSON *scope = cJSON_AddObjectToObject(scope_spans, "scope");
	cJSON_AddStringToObject(scope, "name", "cua.agent");
	cJSON_AddStringToObject(scope, "version", CUA_VERSION);
	cJSON_AddItemToObject(scope_spans, "spans", spans);
	return root;
}

/* False if they are to be kept for later. */
static bool send_spans(struct telemetry *telemetry, cJSON *all)
{
	while (all->child) {
		cJSON *some = cJSON_CreateArray();
		int count = 0;
		while (all->child && count < SPANS_AT_ONCE) {
			cJSON_AddItemToArray(some, cJSON_DetachItemViaPointer(all, all->child));
			count++;
		}
		CUA_AUTO_JSON cJSON *whole = envelope(telemetry, some);
		CUA_AUTO_FREE char *body = cJSON_PrintUnformatted(whole);
		struct cua_error why = { .status = CUA_ERR_NOMEM };
		bool is_refused = false;
		const bool is_sent =
				body && send_body(telemetry, body, &is_refused, &why) == CUA_OK;
		if (!is_sent && !is_refused) {
			cua_log_warn("the trace of run %s is kept for later: %s", telemetry->run,
					why.msg);
			return false;
		}
		const struct measure_labels labels = { { is_sent ? "told" : "lost" } };
		measures_note(telemetry->measures, MEASURE_SPANS, &labels, count);
		if (!is_sent) {
			cua_log_warn("%d spans of run %s are lost: %s", count, telemetry->run,
					why.msg);
		}
	}
	return true;
}

/* False if it is to be told again. */
static bool tell(struct telemetry *telemetry)
{
	struct cua_error why = { 0 };
	CUA_AUTO_FREE char *path = NULL;
	CUA_AUTO_JSON cJSON *spans = NULL;
	if (agent_runs_find(telemetry->run, &path, NULL) != CUA_OK) {
		return true; /* it never began */
	}
	CUA_AUTO_FD int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 ||
			spans_of_run(dir_fd, telemetry->run,
					telemetry->is_again ? NULL : telemetry->measures, &spans,
					&why) != CUA_OK) {
		cua_log_warn("run %s has no trace: %s", telemetry->run, why.msg);
		return true;
	}
	telemetry->is_taken = telemetry->url && send_spans(telemetry, spans);
	return !telemetry->url || telemetry->is_taken;
}

/* --- one after the other --- */

static void on_work(uv_work_t *work)
{
	struct telemetry *telemetry = work->data;
	struct cua_error why = { 0 };
	telemetry->is_taken = false;
	if (!tell(telemetry)) {
		telemetry->has_kept = true;
		return;
	}
	if (store_run(telemetry->store, NULL, &why,
			    "UPDATE runs SET trace_waits = 0 WHERE id = ? AND trace_waits = 1", "s",
			    telemetry->run) != CUA_OK) {
		cua_log_warn("the trace of run %s may be told twice: %s", telemetry->run, why.msg);
	}
}

static void next(struct telemetry *telemetry);

/* A collector that takes one has come back: it takes those it did not take before. */
static void on_work_done(uv_work_t *work, int status)
{
	struct telemetry *telemetry = work->data;
	(void)status;
	telemetry->is_working = false;
	if (telemetry->is_taken && telemetry->has_kept && telemetry->queued == 0) {
		telemetry->has_kept = false;
		telemetry_begin(telemetry);
	}
	next(telemetry);
}

static void next(struct telemetry *telemetry)
{
	struct waiting *waiting = STAILQ_FIRST(&telemetry->queue);
	if (telemetry->is_working || !waiting) {
		return;
	}
	STAILQ_REMOVE_HEAD(&telemetry->queue, link);
	telemetry->queued--;
	snprintf(telemetry->run, sizeof(telemetry->run), "%s", waiting->run);
	telemetry->is_again = waiting->is_again;
	free(waiting);
	telemetry->is_working = uv_queue_work(telemetry->loop, &telemetry->work, on_work,
						on_work_done) == 0;
}

static void add(struct telemetry *telemetry, const char *run, bool is_again)
{
	struct waiting *waiting =
			telemetry->queued < RUNS_WAITING_MAX ? calloc(1, sizeof(*waiting)) : NULL;
	if (!waiting) {
		telemetry->has_kept = true;
		cua_log_warn("the trace of run %s is kept for later: too many wait", run);
		return;
	}
	snprintf(waiting->run, sizeof(waiting->run), "%s", run);
	waiting->is_again = is_again;
	STAILQ_INSERT_TAIL(&telemetry->queue, waiting, link);
	telemetry->queued++;
	next(telemetry);
}

void telemetry_run_over(struct telemetry *telemetry, const char *run)
{
	add(telemetry, run, false);
}

void telemetry_begin(struct telemetry *telemetry)
{
	CUA_AUTO_JSON cJSON *rows = NULL;
	const cJSON *row = NULL;
	struct cua_error why = { 0 };
	if (!telemetry->url) {
		return;
	}
	if (store_run(telemetry->store, &rows, &why,
			    "SELECT id FROM runs WHERE trace_waits = 1 ORDER BY id LIMIT ?", "i",
			    (int64_t)RUNS_WAITING_MAX) != CUA_OK) {
		cua_log_warn("traces that were kept: %s", why.msg);
	}
	cJSON_ArrayForEach (row, rows) {
		add(telemetry, cua_json_text(row, "id"), true);
	}
}

/* The server about itself: is it well, what can be asked of it. */

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/server/routes.h"
#include "cua/server/runs.h"
#include "cua/server/server.h"
#include "cua/server/telemetry.h"

#define DISK_LOW_BYTES ((double)(1 << 30))

static const struct field health_fields[] = {
	{ "status", FIELD_TEXT, FIELD_REQUIRED, .choices = "ok|degraded" }, { 0 }
};
static const struct fields health_answer = { "Health", health_fields };

static const struct field detailed_fields[] = { { "status", FIELD_TEXT, FIELD_REQUIRED,
								.choices = "ok|degraded" },
	{ "problems", FIELD_TEXTS, FIELD_REQUIRED, .help = "what is wrong, in words" },
	{ "uptime_s", FIELD_NUMBER, FIELD_REQUIRED },
	{ "connections", FIELD_WHOLE, FIELD_REQUIRED },
	{ "requests", FIELD_WHOLE, FIELD_REQUIRED, .help = "that are being answered" },
	{ "agents", FIELD_WHOLE, FIELD_REQUIRED, .help = "that go on" },
	{ "agents_max", FIELD_WHOLE, FIELD_REQUIRED },
	{ "queued", FIELD_WHOLE, FIELD_REQUIRED | FIELD_NULLABLE },
	{ "disk_free_bytes", FIELD_NUMBER, FIELD_REQUIRED },
	{ "memory_free_bytes", FIELD_NUMBER, FIELD_REQUIRED }, { 0 } };
static const struct fields detailed_answer = { "HealthDetailed", detailed_fields };

static double disk_free(const struct server *server)
{
	struct statvfs info;
	return statvfs(server->state_dir, &info) == 0
			? (double)info.f_bavail * (double)info.f_frsize
			: 0;
}

/* Is the store there, and can it be written to? Reading works from memory. */
static enum cua_status probe(struct server *server, struct cua_error *err)
{
	enum cua_status status = store_heal(server->store, server->reader, err);
	return status == CUA_OK ? store_run(server->store, NULL, err,
						  "INSERT INTO settings (name, value_json) VALUES "
						  "('health', ?1) ON CONFLICT (name) DO UPDATE SET "
						  "value_json = ?1",
						  "i", store_now_ms())
				: status;
}

/* In words, for the one who has to mend it. */
static cJSON *find_problems(struct server *server)
{
	cJSON *problems = cJSON_CreateArray();
	struct cua_error error = { 0 };
	char text[160];
	if (probe(server, &error) != CUA_OK) {
		cJSON_AddItemToArray(problems, cJSON_CreateString(error.msg));
	}
	if (disk_free(server) < DISK_LOW_BYTES) {
		snprintf(text, sizeof(text), "%.0f MB are free where runs are kept",
				disk_free(server) / 1e6);
		cJSON_AddItemToArray(problems, cJSON_CreateString(text));
	}
	return problems;
}

static const char *status_of(const cJSON *problems)
{
	return cJSON_GetArraySize(problems) > 0 ? "degraded" : "ok";
}

/* Without a token: nothing but whether. Who was in trouble tries again: nobody else may. */
static enum cua_status get_health(struct request *request, struct cua_error *err)
{
	char trouble[256];
	struct server *server = request->server;
	struct cua_error why = { 0 };
	(void)err;
	store_trouble(server->store, trouble, sizeof(trouble));
	const bool is_well = trouble[0] ? probe(server, &why) == CUA_OK
					: store_heal(server->store, server->reader, &why) == CUA_OK;
	request->answer = cJSON_CreateObject();
	cJSON_AddStringToObject(request->answer, "status", is_well ? "ok" : "degraded");
	request->http_status = is_well ? 200 : 503;
	return CUA_OK;
}

static void add_queued(struct server *server, cJSON *answer)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	if (store_get(server->store, &row, NULL, "none",
			    "SELECT count(*) AS queued FROM runs WHERE state = 'queued'",
			    "") == CUA_OK) {
		cJSON_AddNumberToObject(answer, "queued", cua_json_number(row, "queued"));
	} else {
		cJSON_AddNullToObject(answer, "queued");
	}
}

static enum cua_status get_detailed(struct request *request, struct cua_error *err)
{
	struct server *server = request->server;
	cJSON *problems = find_problems(server);
	CUA_AUTO_JSON cJSON *states = runs_states(server->runs);
	cJSON *answer = request->answer = cJSON_CreateObject();
	(void)err;
	cJSON_AddStringToObject(answer, "status", status_of(problems));
	cJSON_AddItemToObject(answer, "problems", problems);
	cJSON_AddNumberToObject(
			answer, "uptime_s", (double)(store_now_ms() - server->started_ms) / 1000);
	cJSON_AddNumberToObject(answer, "connections", server->connections);
	cJSON_AddNumberToObject(answer, "requests", server->requests_running);
	cJSON_AddNumberToObject(answer, "agents", cJSON_GetArraySize(states));
	cJSON_AddNumberToObject(answer, "agents_max", runs_max(server->runs));
	add_queued(server, answer);
	cJSON_AddNumberToObject(answer, "disk_free_bytes", disk_free(server));
	cJSON_AddNumberToObject(answer, "memory_free_bytes", (double)server_memory_available());
	return CUA_OK;
}

static enum cua_status answer_with(struct request *request, const struct openapi_file *file,
		const char *type, struct cua_error *err)
{
	request->file_type = type;
	snprintf(request->etag, sizeof(request->etag), "%s", file->etag);
	return cua_buffer_append(&request->file, file->text, file->len, err);
}

static enum cua_status get_openapi(struct request *request, struct cua_error *err)
{
	return answer_with(request, &request->server->openapi, "application/json", err);
}

static enum cua_status get_docs(struct request *request, struct cua_error *err)
{
	enum cua_status status = openapi_page_headers(&request->headers, err);
	return status == CUA_OK ? answer_with(request, &request->server->docs,
						  "text/html; charset=utf-8", err)
				: status;
}

/* --- metrics. Source: Prometheus text format 0.0.4; OpenTelemetry's names for generative AI --- */

static void add_gauge(struct cua_buffer *text, const char *name, const char *help, double value)
{
	(void)!cua_buffer_printf(text, NULL, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", name,
			help, name, name, value);
}

static enum cua_status add_runs(struct store *store, struct cua_buffer *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *rows = NULL;
	const cJSON *row = NULL;
	enum cua_status status = store_run(store, &rows, err,
			"SELECT state, count(*) AS n FROM runs GROUP BY state ORDER BY state", "");
	(void)!cua_buffer_printf(
			text, NULL, "# HELP cua_runs runs that are kept\n# TYPE cua_runs gauge\n");
	cJSON_ArrayForEach (row, rows) {
		(void)!cua_buffer_printf(text, NULL, "cua_runs{state=\"%s\"} %d\n",
				cua_json_text(row, "state"), cua_json_int(row, "n"));
	}
	return status;
}

static enum cua_status add_sums(struct store *store, struct cua_buffer *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	enum cua_status status = store_get(store, &row, err, "no runs",
			"SELECT TOTAL(input_tokens) AS input, TOTAL(output_tokens) AS output, "
			"TOTAL(cost_usd) AS usd, TOTAL(steps) AS steps, TOTAL(actions) AS actions, "
			"TOTAL(ms) AS ms FROM runs",
			"");
	if (status != CUA_OK) {
		return status;
	}
	(void)!cua_buffer_printf(text, NULL,
			"# HELP cua_tokens of runs that are kept\n"
			"# TYPE cua_tokens gauge\n"
			"cua_tokens{gen_ai_token_type=\"input\"} %.15g\n"
			"cua_tokens{gen_ai_token_type=\"output\"} %.15g\n",
			cua_json_number(row, "input"), cua_json_number(row, "output"));
	add_gauge(text, "cua_cost_usd", "of runs that are kept, by prices known here",
			cua_json_number(row, "usd"));
	add_gauge(text, "cua_steps", "answers of models", cua_json_number(row, "steps"));
	add_gauge(text, "cua_actions", "on desktops", cua_json_number(row, "actions"));
	add_gauge(text, "cua_run_seconds", "that runs took", cua_json_number(row, "ms") / 1000);
	return CUA_OK;
}

static enum cua_status get_metrics(struct request *request, struct cua_error *err)
{
	struct server *server = request->server;
	struct cua_buffer *text = &request->file;
	CUA_AUTO_JSON cJSON *states = runs_states(server->runs);
	request->file_type = "text/plain; version=0.0.4; charset=utf-8";
	add_gauge(text, "cua_agents", "that go on", cJSON_GetArraySize(states));
	add_gauge(text, "cua_agents_max", "that may go on at once", runs_max(server->runs));
	add_gauge(text, "cua_http_connections", "open", server->connections);
	add_gauge(text, "cua_http_unsent_bytes", "of answers that wait for their readers",
			(double)cua_http_server_unsent(server->http));
	add_gauge(text, "cua_requests", "that are being answered", server->requests_running);
	add_gauge(text, "cua_memory_available_bytes", "for programs",
			(double)server_memory_available());
	measures_write(telemetry_measures(server->telemetry), text);
	add_gauge(text, "cua_disk_free_bytes", "where runs are kept", disk_free(server));
	add_gauge(text, "process_start_time_seconds", "since 1970",
			(double)server->started_ms / 1000);
	enum cua_status status = add_runs(server->store, text, err);
	return status == CUA_OK ? add_sums(server->store, text, err) : status;
}

static const struct route table[] = {
	{ "GET", "/health", "getHealth", "Is the server well", 0, ROUTE_PUBLIC, NULL, NULL,
			&health_answer, 0, get_health },
	{ "GET", "/health/detailed", "getHealthDetailed", "What is wrong, and how much is done",
			SCOPE_WATCH, 0, NULL, NULL, &detailed_answer, 0, get_detailed },
	{ "GET", "/metrics", "getMetrics", "For Prometheus", SCOPE_WATCH, ROUTE_FILE, NULL, NULL,
			NULL, 0, get_metrics },
	{ "GET", "/openapi.json", "getOpenapi", "All of this, for programs", 0,
			ROUTE_PUBLIC | ROUTE_FILE, NULL, NULL, NULL, 0, get_openapi },
	{ "GET", "/docs", "getDocs", "The same, for people", 0, ROUTE_PUBLIC | ROUTE_FILE, NULL,
			NULL, NULL, 0, get_docs },
};
const struct routes service_routes = ROUTES("service", "The server about itself", table);

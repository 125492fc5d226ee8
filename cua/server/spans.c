#include "cua/server/spans.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/event.h"
#include "agent/journal_read.h"
#include "cua/base/json.h"
#include "cua/base/util.h"

#define TRACE_ID_SIZE 33
#define SPAN_ID_SIZE 17
#define CALLS_OPEN_MAX 64
#define SPANS_MAX 50000
/* enum SpanKind of OTLP */
#define INTERNAL 1
#define CLIENT 3
#define STATUS_ERROR 2

/* Begun, and not yet answered. */
struct call {
	char id[128], tool[128], server[128];
	double since_ms;
};

struct step {
	int number;
	double since_ms, until_ms;
};

struct spans {
	const char *run;
	struct measures *measures;
	cJSON *list; /* owned */
	int count;
	char trace_id[TRACE_ID_SIZE], root_id[SPAN_ID_SIZE];
	char api[32], model[200], address[256];
	int port;
	struct call calls[CALLS_OPEN_MAX];
	int next_call;
	struct step *steps; /* owned; in the order they came */
	size_t step_count;
	double since_ms, until_ms;
	cJSON *end; /* owned; NULL: there is none */
};

/* --- ids and attributes --- */

/* The same for the same run, and of one that is told twice. */
static void make_id(const char *run, const char *what, unsigned long long number, char *hex,
		size_t hex_size)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];
	char name[128];
	snprintf(name, sizeof(name), "%s %s %llu", run, what, number);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)name, strlen(name), NULL, 0);
	sodium_bin2hex(hex, hex_size, hash, (hex_size - 1) / 2);
}

static void add_value(cJSON *span, const char *key, const char *kind, cJSON *value)
{
	cJSON *attribute = cJSON_CreateObject(), *wrapped = cJSON_CreateObject();
	cJSON_AddStringToObject(attribute, "key", key);
	cJSON_AddItemToObject(wrapped, kind, value);
	cJSON_AddItemToObject(attribute, "value", wrapped);
	cJSON_AddItemToArray(cua_json_member(span, "attributes"), attribute);
}

static void add_text(cJSON *span, const char *key, const char *text)
{
	if (text && text[0]) {
		add_value(span, key, "stringValue", cJSON_CreateString(text));
	}
}

/* 64 bits are text in OTLP/JSON. */
static void add_whole(cJSON *span, const char *key, double number)
{
	char text[32];
	snprintf(text, sizeof(text), "%.0f", number);
	add_value(span, key, "intValue", cJSON_CreateString(text));
}

static void add_time(cJSON *span, const char *key, double ms)
{
	char text[32];
	snprintf(text, sizeof(text), "%" PRId64 "000", (int64_t)llround(ms * 1000));
	cJSON_AddStringToObject(span, key, text);
}

static cJSON *add_span(struct spans *spans, const char *id, const char *parent, const char *name,
		int kind, double since_ms, double until_ms)
{
	cJSON *span = cJSON_CreateObject();
	cJSON_AddStringToObject(span, "traceId", spans->trace_id);
	cJSON_AddStringToObject(span, "spanId", id);
	if (parent) {
		cJSON_AddStringToObject(span, "parentSpanId", parent);
	}
	cJSON_AddStringToObject(span, "name", name);
	cJSON_AddNumberToObject(span, "kind", kind);
	add_time(span, "startTimeUnixNano", since_ms < until_ms ? since_ms : until_ms);
	add_time(span, "endTimeUnixNano", until_ms);
	cJSON_AddArrayToObject(span, "attributes");
	cJSON_AddItemToArray(spans->list, span);
	spans->count++;
	return span;
}

static void fail(cJSON *span, const char *type)
{
	cJSON *status = cJSON_AddObjectToObject(span, "status");
	cJSON_AddNumberToObject(status, "code", STATUS_ERROR);
	add_text(span, "error.type", type);
}

static const char *provider_of(const struct spans *spans)
{
	static const struct {
		const char *api, *provider;
	} known[] = { { "responses", "openai" }, { "anthropic", "anthropic" },
		{ "gemini", "gcp.gemini" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(known); i++) {
		if (strcmp(known[i].api, spans->api) == 0) {
			return known[i].provider;
		}
	}
	return "openai"; /* what speaks Chat Completions, whoever it is: server.address tells */
}

static const char *operation_of(const struct spans *spans)
{
	return strcmp(spans->api, "gemini") == 0 ? "generate_content" : "chat";
}

static void note_seconds(struct spans *spans, const char *operation, const char *error, double ms)
{
	const bool is_tool = strcmp(operation, "execute_tool") == 0;
	const struct measure_labels labels = { { operation, is_tool ? "" : provider_of(spans),
			is_tool ? "" : spans->model, error } };
	if (spans->measures) {
		measures_note(spans->measures, MEASURE_OPERATION_SECONDS, &labels, ms / 1000);
	}
}

static void note_tokens(struct spans *spans, const char *type, double tokens)
{
	const struct measure_labels labels = { { operation_of(spans), provider_of(spans),
			spans->model, "", type } };
	if (spans->measures && tokens > 0) {
		measures_note(spans->measures, MEASURE_TOKENS, &labels, tokens);
	}
}

/* --- steps --- */

/* Its span is made at the end, when all that belongs to it is known. The id of it. */
static bool in_step(struct spans *spans, int number, double since_ms, double until_ms,
		char id[SPAN_ID_SIZE])
{
	struct step *step = spans->step_count ? &spans->steps[spans->step_count - 1] : NULL;
	if (!step || step->number != number) {
		struct step *steps =
				realloc(spans->steps, (spans->step_count + 1) * sizeof(*steps));
		if (!steps) {
			return false;
		}
		spans->steps = steps;
		step = &steps[spans->step_count++];
		*step = (struct step){ number, since_ms, until_ms };
	}
	step->since_ms = since_ms < step->since_ms ? since_ms : step->since_ms;
	step->until_ms = until_ms > step->until_ms ? until_ms : step->until_ms;
	make_id(spans->run, "step", (unsigned long long)number, id, SPAN_ID_SIZE);
	return true;
}

static void add_steps(struct spans *spans)
{
	char id[SPAN_ID_SIZE], name[32];
	for (size_t i = 0; i < spans->step_count; i++) {
		const struct step *step = &spans->steps[i];
		make_id(spans->run, "step", (unsigned long long)step->number, id, sizeof(id));
		snprintf(name, sizeof(name), "step %d", step->number);
		cJSON *span = add_span(spans, id, spans->root_id, name, INTERNAL, step->since_ms,
				step->until_ms);
		add_whole(span, "cua.step", step->number);
	}
}

/* --- what happened --- */

static void take_start(struct spans *spans, const cJSON *event)
{
	const char *url = cua_json_text(event, "base_url");
	const char *host = strstr(url, "://");
	snprintf(spans->api, sizeof(spans->api), "%s", cua_json_text(event, "api"));
	snprintf(spans->model, sizeof(spans->model), "%s", cua_json_text(event, "model"));
	if (host) {
		host += 3;
		const size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
		snprintf(spans->address, sizeof(spans->address), "%.*s", (int)len, host);
		spans->port = host[len] == ':'                  ? atoi(host + len + 1)
				: strncmp(url, "https", 5) == 0 ? 443
								: 80;
	}
}

/* answered: else the requests were given up. */
static void add_model_call(struct spans *spans, const cJSON *event, double until_ms, bool answered)
{
	const cJSON *usage = cua_json_member(event, "usage");
	const double ms = cua_json_number(event, "ms");
	const char *class = answered ? "" : cua_json_text(event, "class");
	char id[SPAN_ID_SIZE], step_id[SPAN_ID_SIZE], name[256];
	if (!in_step(spans, cua_json_int(event, "step"), until_ms - ms, until_ms, step_id)) {
		return;
	}
	make_id(spans->run, "call", (unsigned long long)cua_json_number(event, "seq"), id,
			sizeof(id));
	snprintf(name, sizeof(name), "%s %s", operation_of(spans), spans->model);
	cJSON *span = add_span(spans, id, step_id, name, CLIENT, until_ms - ms, until_ms);
	add_text(span, "gen_ai.operation.name", operation_of(spans));
	add_text(span, "gen_ai.provider.name", provider_of(spans));
	add_text(span, "gen_ai.request.model", spans->model);
	add_text(span, "gen_ai.conversation.id", spans->run);
	add_text(span, "server.address", spans->address);
	add_whole(span, "server.port", spans->port);
	add_whole(span, "gen_ai.usage.input_tokens", cua_json_number(usage, "input_tokens"));
	add_whole(span, "gen_ai.usage.output_tokens", cua_json_number(usage, "output_tokens"));
	add_whole(span, "gen_ai.usage.cache_read.input_tokens",
			cua_json_number(usage, "cached_tokens"));
	add_whole(span, "cua.retries", cua_json_number(event, "retries"));
	if (!answered) {
		fail(span, class);
	}
	note_seconds(spans, operation_of(spans), class, ms);
	note_tokens(spans, "input", cua_json_number(usage, "input_tokens"));
	note_tokens(spans, "output", cua_json_number(usage, "output_tokens"));
}

static void take_intent(struct spans *spans, const cJSON *event, double time_ms)
{
	struct call *call = &spans->calls[spans->next_call++ % CALLS_OPEN_MAX];
	const char *server_tool = cua_json_text(event, "server_tool");
	const char *tool = server_tool[0] ? server_tool : cua_json_text(event, "tool");
	snprintf(call->id, sizeof(call->id), "%s", cua_json_text(event, "call_id"));
	snprintf(call->tool, sizeof(call->tool), "%s", tool[0] ? tool : "computer");
	snprintf(call->server, sizeof(call->server), "%s", cua_json_text(event, "server"));
	call->since_ms = time_ms;
}

static const struct call *find_call(const struct spans *spans, const char *id)
{
	for (int i = 0; i < CALLS_OPEN_MAX; i++) {
		if (spans->calls[i].id[0] && strcmp(spans->calls[i].id, id) == 0) {
			return &spans->calls[i];
		}
	}
	return NULL;
}

static void add_tool_call(struct spans *spans, const cJSON *event, double until_ms)
{
	const struct call *call = find_call(spans, cua_json_text(event, "call_id"));
	const char *result = cua_json_text(event, "status");
	const char *class = cua_json_text(event, "class");
	const bool is_good = strcmp(result, "ok") == 0;
	char id[SPAN_ID_SIZE], step_id[SPAN_ID_SIZE], name[160];
	if (!call ||
			!in_step(spans, cua_json_int(event, "step"), call->since_ms, until_ms,
					step_id)) {
		return;
	}
	const bool is_mcp = call->server[0];
	make_id(spans->run, "call", (unsigned long long)cua_json_number(event, "seq"), id,
			sizeof(id));
	snprintf(name, sizeof(name), "%s %s", is_mcp ? "tools/call" : "execute_tool", call->tool);
	cJSON *span = add_span(spans, id, step_id, name, is_mcp ? CLIENT : INTERNAL, call->since_ms,
			until_ms);
	add_text(span, "gen_ai.operation.name", "execute_tool");
	add_text(span, "gen_ai.tool.name", call->tool);
	add_text(span, "gen_ai.tool.call.id", call->id);
	add_text(span, "gen_ai.tool.type", "function");
	if (is_mcp) {
		add_text(span, "mcp.method.name", "tools/call");
		add_text(span, "cua.mcp.server", call->server);
	}
	if (!is_good) {
		fail(span, is_mcp && !class[0] ? "tool_error" : class[0] ? class : result);
	}
	note_seconds(spans, "execute_tool",
			is_good                    ? ""
					: class[0] ? class
						   : result,
			until_ms - call->since_ms);
}

static enum cua_status on_event(cJSON **taken, void *user_data, struct cua_error *err)
{
	struct spans *spans = user_data;
	const cJSON *event = *taken;
	const double time_ms = agent_event_time_ms(event);
	if (time_ms <= 0) {
		return CUA_OK;
	}
	spans->since_ms = spans->since_ms > 0 && spans->since_ms < time_ms ? spans->since_ms
									   : time_ms;
	spans->until_ms = time_ms > spans->until_ms ? time_ms : spans->until_ms;
	if (agent_event_is(event, "run_start")) {
		take_start(spans, event);
	} else if (agent_event_is(event, "turn") || agent_event_is(event, "unanswered")) {
		add_model_call(spans, event, time_ms, agent_event_is(event, "turn"));
	} else if (agent_event_is(event, "intent")) {
		take_intent(spans, event, time_ms);
	} else if (agent_event_is(event, "result")) {
		add_tool_call(spans, event, time_ms);
	} else if (agent_event_is(event, "run_end")) {
		cJSON_Delete(spans->end);
		spans->end = *taken;
		*taken = NULL;
	}
	return spans->count < SPANS_MAX
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "a trace of more than %d spans",
					  SPANS_MAX);
}

static void add_root(struct spans *spans)
{
	const cJSON *usage = cua_json_member(spans->end, "usage");
	const char *outcome = spans->end ? cua_json_text(spans->end, "outcome") : "broken_off";
	const struct measure_labels labels = { { outcome } };
	cJSON *span = add_span(spans, spans->root_id, NULL, "invoke_agent cua", INTERNAL,
			spans->since_ms, spans->until_ms);
	add_text(span, "gen_ai.operation.name", "invoke_agent");
	add_text(span, "gen_ai.provider.name", provider_of(spans));
	add_text(span, "gen_ai.agent.name", "cua");
	add_text(span, "gen_ai.conversation.id", spans->run);
	add_text(span, "gen_ai.request.model", spans->model);
	add_whole(span, "gen_ai.usage.input_tokens", cua_json_number(usage, "input_tokens"));
	add_whole(span, "gen_ai.usage.output_tokens", cua_json_number(usage, "output_tokens"));
	add_text(span, "cua.run.outcome", outcome);
	if (strcmp(outcome, "done") != 0) {
		const char *class = cua_json_text(spans->end, "class");
		fail(span, class[0] ? class : outcome);
	}
	if (spans->measures) {
		measures_note(spans->measures, MEASURE_RUNS_ENDED, &labels, 1);
	}
}

enum cua_status spans_of_run(int run_dir_fd, const char *run, struct measures *measures,
		cJSON **ret_spans, struct cua_error *err)
{
	struct spans *spans = calloc(1, sizeof(*spans));
	if (!spans || !(spans->list = cJSON_CreateArray())) {
		free(spans);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "trace");
	}
	spans->run = run;
	spans->measures = measures;
	make_id(run, "trace", 0, spans->trace_id, sizeof(spans->trace_id));
	make_id(run, "root", 0, spans->root_id, sizeof(spans->root_id));
	enum cua_status status = agent_journal_each(run_dir_fd, on_event, spans, err);
	if (status == CUA_OK) {
		add_steps(spans);
		add_root(spans);
		*ret_spans = CUA_STEAL(spans->list);
	}
	cJSON_Delete(spans->list);
	cJSON_Delete(spans->end);
	free(spans->steps);
	free(spans);
	return status;
}

/* What runs have used up. */

#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/server/routes.h"
#include "cua/server/server.h"

static const struct field query_fields[] = { LIST_FIELDS,
	{ "by", FIELD_TEXT, FIELD_REQUIRED, .choices = "run|project|model|day",
			.help = "what is added up" },
	{ "since_ms", FIELD_WHOLE, 0, 0, 1e15, NULL, NULL, "runs that were asked for since then" },
	{ 0 } };
static const struct fields usage_query = { "UsageBy", query_fields };

static const struct field usage_fields[] = {
	{ "key", FIELD_TEXT, FIELD_REQUIRED,
			.help = "the run, the project, the model (\"\": none yet) or the day, of "
				"UTC: 2026-11-30" },
	{ "runs", FIELD_WHOLE, FIELD_REQUIRED }, { "steps", FIELD_WHOLE, FIELD_REQUIRED },
	{ "actions", FIELD_WHOLE, FIELD_REQUIRED }, { "ms", FIELD_NUMBER, FIELD_REQUIRED },
	{ "input_tokens", FIELD_NUMBER, FIELD_REQUIRED },
	{ "output_tokens", FIELD_NUMBER, FIELD_REQUIRED },
	{ "cost_usd", FIELD_NUMBER, FIELD_REQUIRED | FIELD_NULLABLE,
			.help = "of the runs whose cost is known; null: of none" },
	{ "cost_unknown", FIELD_WHOLE, FIELD_REQUIRED, .help = "runs whose cost is not known" },
	{ 0 }
};
static const struct fields usage_answer = { "Usage", usage_fields };

/* Of a row of runs. */
static const char *key_of(const char *by)
{
	static const struct {
		const char *by, *expression;
	} keys[] = { { "run", "id" }, { "project", "project" }, { "model", "COALESCE(model, '')" },
		{ "day", "strftime('%Y-%m-%d', created_ms / 1000, 'unixepoch')" } };
	size_t i = 0;
	while (strcmp(keys[i].by, by) != 0) {
		i++; /* it is one of the choices of the query */
	}
	return keys[i].expression;
}

/* The last in the alphabet first, which of days and runs is the newest. */
static enum cua_status get_usage(struct request *request, struct cua_error *err)
{
	char sql[800];
	cJSON *items = NULL;
	snprintf(sql, sizeof(sql),
			"SELECT * FROM (SELECT %s AS key, COUNT(*) AS runs, SUM(steps) AS steps, "
			"SUM(actions) AS actions, SUM(ms) AS ms, SUM(input_tokens) AS "
			"input_tokens, "
			"SUM(output_tokens) AS output_tokens, SUM(cost_usd) AS cost_usd, "
			"SUM(cost_usd IS NULL) AS cost_unknown FROM runs WHERE created_ms >= ?1 "
			"GROUP BY 1) WHERE ?2 IS NULL OR key < ?2 ORDER BY key DESC LIMIT ?3",
			key_of(cua_json_text(request->query, "by")));
	enum cua_status status = store_run(request->server->store, &items, err, sql, "isi",
			(int64_t)cua_json_number(request->query, "since_ms"),
			cua_json_string(request->query, "after"),
			(int64_t)request_limit(request) + 1);
	if (status == CUA_OK) {
		request_answer_list(request, items, "key");
	}
	return status;
}

static const struct route table[] = {
	{ "GET", "/v1/usage", "getUsage", "Steps, tokens and money, added up", SCOPE_WATCH,
			ROUTE_LIST, &usage_query, NULL, &usage_answer, 0, get_usage },
};
const struct routes usage_routes = ROUTES("usage", "What runs have used up", table);

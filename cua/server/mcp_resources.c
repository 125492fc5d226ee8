/* Resources of /mcp: the runs of the server, to read and to be told of. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"
#include "cua/server/mcp.h"
#include "cua/server/server.h"

/* As a route answers it, which is what subject names. */
static enum cua_status read_route(const struct mcp_serve_extra_resource *resource,
		const char *variable, const void *client, char **ret_text, struct cua_error *err)
{
	cJSON *given = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (variable) {
		cJSON_AddStringToObject(given, "run", variable);
	} else {
		cJSON_AddNumberToObject(given, "limit", 100);
	}
	enum cua_status status = mcp_tools_call(resource->subject, given, -1, client, &answer, err);
	*ret_text = status == CUA_OK ? cJSON_PrintUnformatted(answer) : NULL;
	return status == CUA_OK && !*ret_text ? CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "run")
					      : status;
}

/* That it is one of the server's: other runs of this machine are none of a token's business. */
static enum cua_status check_run(
		const char *run, const struct mcp_client *client, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *row = NULL;
	return store_get(client->server->store, &row, err, "there is no such run",
			"SELECT id FROM runs WHERE id = ?", "s", run);
}

/* One that waits for its turn has none yet. */
static enum cua_status read_journal(const struct mcp_serve_extra_resource *resource,
		const char *variable, const void *client, char **ret_text, struct cua_error *err)
{
	(void)resource;
	enum cua_status status = check_run(variable, client, err);
	if (status != CUA_OK) {
		return status;
	}
	status = mcp_serve_run_journal(variable, ret_text, err);
	if (status == CUA_ERR_NOT_FOUND) {
		*ret_text = strdup("");
		return *ret_text ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "journal");
	}
	return status;
}

/* --- news --- */

static int watch_runs(const struct mcp_serve_extra_resource *resource, const char *variable,
		const void *data, struct cua_error *err)
{
	const struct mcp_client *client = data;
	(void)resource;
	if (variable && check_run(variable, client, err) != CUA_OK) {
		return -1;
	}
	return mcp_news_open(client->server->mcp.news, variable, err);
}

static int watch_journal(const struct mcp_serve_extra_resource *resource, const char *variable,
		const void *client, struct cua_error *err)
{
	(void)resource;
	return check_run(variable, client, err) == CUA_OK
			? mcp_serve_run_news(NULL, NULL, NULL, variable, err)
			: -1;
}

const struct mcp_serve_extra_resource mcp_resources[] = {
	{ "cua://runs", "runs", "Runs", "The newest 100 runs of this server, the newest first.",
			"application/json", "listRuns", read_route, watch_runs },
	{ "cua://runs/{run}", "run", "A run", "How a run stands, or what it came to.",
			"application/json", "getRun", read_route, watch_runs },
	{ "cua://runs/{run}/journal", "journal", "The journal of a run",
			"What a run was told, said and did, an event a line; of a long one the "
			"end.",
			"application/jsonl", NULL, read_journal, watch_journal },
	{ 0 },
};

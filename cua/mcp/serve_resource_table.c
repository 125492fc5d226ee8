/* What there is to read: the screen of a desktop, and runs. A host shows it to its user, or puts it
 * before its model, without a call of a tool. */

#include <errno.h>
#include <string.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/mcp/serve_runs_internal.h"

#define RUNS_MOST 100

/* --- of a desktop --- */

/* The desktop that is named in the address, or the one of the session. */
static enum cua_status read_screen(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	struct mcp_serve_acted acted;
	(void)resource;
	if (variable) {
		call->desktop = cJSON_CreateString(variable);
	}
	enum cua_status status = mcp_serve_act_one(call, "screenshot", &acted, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct agent_image *picture = &acted.outcome.picture;
	const char *base64 = picture->base64 ? picture->base64 : acted.screen;
	cJSON_ReplaceItemInObjectCaseSensitive(content, "mimeType",
			cJSON_CreateString(picture->base64                  ? picture->media_type
							: acted.screen_type ? acted.screen_type
									    : "image/png"));
	if (!base64 || !cJSON_AddStringToObject(content, "blob", base64)) {
		status = CUA_FAIL(err, CUA_ERR_UNAVAILABLE, 0,
				"no picture of the screen is to be "
				"had now");
	}
	mcp_serve_acted_finish(&acted);
	return status;
}

/* The first result of an action that looks: subject is its name. */
static enum cua_status read_look(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	struct mcp_serve_acted acted;
	(void)variable;
	enum cua_status status = mcp_serve_act_one(call, resource->subject, &acted, err);
	if (status != CUA_OK) {
		return status;
	}
	cJSON *one = cJSON_GetArrayItem(cua_json_member(acted.outcome.answer, "results"), 0);
	cJSON_DeleteItemFromObjectCaseSensitive(one, "action");
	const char *text = cua_json_string(one, "text");
	CUA_AUTO_FREE char *json = text ? NULL : cJSON_PrintUnformatted(one);
	if ((!text && !json) || !cJSON_AddStringToObject(content, "text", text ? text : json)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resource");
	}
	mcp_serve_acted_finish(&acted);
	return status;
}

/* --- of runs --- */

/* json is taken. */
static enum cua_status add_json(cJSON *content, cJSON *json, struct cua_error *err)
{
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text && cJSON_AddStringToObject(content, "text", text)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resource");
}

static enum cua_status read_runs(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	cJSON *list = NULL;
	(void)call;
	(void)resource;
	(void)variable;
	enum cua_status status = mcp_serve_run_list(RUNS_MOST, &list, err);
	return status == CUA_OK ? add_json(content, list, err) : status;
}

/* A name that several runs begin with is no address of any. */
static enum cua_status name_none(enum cua_status status, struct cua_error *err)
{
	if (status == CUA_ERR_INVAL) {
		err->status = CUA_ERR_NOT_FOUND;
		return CUA_ERR_NOT_FOUND;
	}
	return status;
}

static enum cua_status read_run(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	cJSON *state = NULL;
	(void)resource;
	enum cua_status status = mcp_serve_run_state(call, variable, 0, &state, err);
	return status == CUA_OK ? add_json(content, state, err) : name_none(status, err);
}

static enum cua_status read_journal(struct mcp_serve_call *call,
		const struct mcp_serve_resource *resource, const char *variable, cJSON *content,
		struct cua_error *err)
{
	char *text = NULL;
	(void)call;
	(void)resource;
	enum cua_status status = mcp_serve_run_journal(variable, &text, err);
	if (status == CUA_OK && !cJSON_AddStringToObject(content, "text", text)) {
		status = CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "resource");
	}
	free(text);
	return status == CUA_OK ? CUA_OK : name_none(status, err);
}

/* --- the table --- */

static const struct mcp_serve_resource table[] = {
	{ .uri = "cua://screen",
			.name = "screen",
			.title = "Screen",
			.help = "The screen of the desktop as it is, a picture.",
			.media_type = "image/png",
			.tool = "screenshot",
			.news = "screen",
			.watch = mcp_serve_screen_news,
			.read = read_screen },
	{ .uri = "cua://screen/elements",
			.name = "elements",
			.title = "Elements of the screen",
			.help = "What is on the screen in words: windows, buttons, fields, their "
				"places and their references.",
			.media_type = "text/plain",
			.tool = "read_screen",
			.subject = "read_screen",
			.news = "screen",
			.watch = mcp_serve_screen_news,
			.read = read_look },
	{ .uri = "cua://screen/windows",
			.name = "windows",
			.title = "Open windows",
			.help = "The open windows of the desktop.",
			.media_type = "application/json",
			.tool = "list_windows",
			.subject = "list_windows",
			.news = "windows",
			.watch = mcp_serve_screen_news,
			.read = read_look },
	{ .uri = "cua://desktops/{desktop}/screen",
			.name = "screen_of",
			.title = "Screen of a desktop",
			.help = "The screen of one of several desktops, a picture.",
			.media_type = "image/png",
			.tool = "screenshot",
			.is_of_many = true,
			.news = "screen",
			.watch = mcp_serve_screen_news,
			.read = read_screen },
	{ .uri = "cua://runs",
			.name = "runs",
			.title = "Runs",
			.help = "The newest 100 runs, the newest last: what they were to do, how "
				"they stand, what they cost.",
			.media_type = "application/json",
			.tool = "run_list",
			.watch = mcp_serve_runs_news,
			.is_watched_anew = true,
			.read = read_runs },
	{ .uri = "cua://runs/{run}",
			.name = "run",
			.title = "A run",
			.help = "How a run stands, or what it came to.",
			.media_type = "application/json",
			.tool = "run_status",
			.is_of_runs = true,
			.watch = mcp_serve_run_news,
			.read = read_run },
	{ .uri = "cua://runs/{run}/journal",
			.name = "journal",
			.title = "The journal of a run",
			.help = "What a run was told, said and did, an event a line; of a long one "
				"the end.",
			.media_type = "application/jsonl",
			.tool = "run_status",
			.is_of_runs = true,
			.watch = mcp_serve_run_news,
			.read = read_journal },
};

enum cua_status mcp_serve_add_resources(struct mcp_serve *serve, struct cua_error *err)
{
	enum cua_status status = CUA_OK;
	for (size_t i = 0; status == CUA_OK && i < CUA_ARRAY_LEN(table); i++) {
		const struct mcp_serve_tool *tool = mcp_serve_find(serve, table[i].tool);
		/* A tool of an embedder may have the name, and shows what is its own. */
		if (tool && tool->group && (!table[i].is_of_many || serve->options.takes_desktop)) {
			status = mcp_serve_add_resource(serve, &table[i], err);
		}
	}
	return status;
}

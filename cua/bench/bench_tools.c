/* What a call of a tool costs beside the tool itself: over the desktop's API, as a run makes it,
 * and of a server of the Model Context Protocol that answers at once. */

#include <stdio.h>
#include <string.h>

#include "agent/mcp/mcp_server.h"
#include "cua/base/own_paths.h"
#include "cua/base/paths.h"
#include "cua/base/util.h"
#include "cua/bench/bench_echo.h"
#include "cua/bench/bench_mcp.h"
#include "cua/bench/bench_peer.h"
#include "cua/bench/bench_topics.h"

#define TURNS_MAX 4
#define WORDS_MAX 32

struct tools {
	struct bench_desktop *desktop;
	struct bench_runner *runner;
	struct bench_echo *echo;
	struct agent_mcp_server *server;
	const struct agent_mcp_tool *mcp_tool;
};

/* --- who takes turns --- */

/* A refusal is quick, and no figure. */
static enum cua_status check_answer(const char *text, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *answer = cJSON_Parse(text ? text : "");
	const cJSON *part =
			cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "content"), 0);
	return cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(answer, "is_error"))
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_APP, 0, "the tool says: %.200s",
					  bench_text(part, "text"));
}

static enum cua_status call_tool(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct tools *tools = turn->user_data;
	struct cua_http_response response = { 0 };
	const uint64_t started_us = cua_now_us();
	enum cua_status status = bench_http(
			tools->desktop, "POST", "/v1/tools", NULL, turn->data, &response, err);
	*ret_ms = bench_ms_since(started_us);
	if (status == CUA_OK) {
		status = check_answer(response.body.data, err);
	}
	cua_http_response_finish(&response);
	return status;
}

static enum cua_status run_inside(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct tools *tools = turn->user_data;
	return bench_runner_run(tools->runner, turn->data, ret_ms, err);
}

static enum cua_status run_outside(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	char *argv[WORDS_MAX + 1] = { NULL };
	int count = 0, exit_status = 0;
	const cJSON *word = NULL;
	cJSON_ArrayForEach (word, (const cJSON *)turn->data) {
		if (count < WORDS_MAX && cJSON_IsString(word)) {
			argv[count++] = word->valuestring;
		}
	}
	enum cua_status status = bench_run_timed(argv, ret_ms, &exit_status, err);
	return status == CUA_OK && exit_status != 0
			? CUA_FAIL(err, CUA_ERR_APP, 0, "%s ended with status %d", argv[0],
					  exit_status)
			: status;
}

static enum cua_status call_mcp(
		const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct tools *tools = turn->user_data;
	CUA_AUTO_JSON cJSON *arguments = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *result = NULL;
	bool is_uncertain = false;
	const uint64_t started_us = cua_now_us();
	enum cua_status status = agent_mcp_server_call(
			tools->server, tools->mcp_tool, arguments, &result, &is_uncertain, err);
	*ret_ms = bench_ms_since(started_us);
	return status;
}

static enum cua_status echo(const struct bench_turn *turn, double *ret_ms, struct cua_error *err)
{
	struct tools *tools = turn->user_data;
	const uint64_t started_us = cua_now_us();
	enum cua_status status = bench_echo_ask(tools->echo, 1, err);
	*ret_ms = bench_ms_since(started_us);
	return status;
}

/* --- the rows --- */

/* Call by call, less what the program itself takes in the middle. */
static enum cua_status note_ours(struct tools *tools, const struct bench_key *key,
		const struct bench_turn *call, const struct bench_turn *own, struct cua_error *err)
{
	char name[BENCH_WORD_MAX];
	struct bench_key ours = *key;
	snprintf(name, sizeof(name), "%s, without its program", key->name);
	ours.name = name;
	ours.by = call->by;
	if (own->gone || own->figure->samples.count == 0) {
		return CUA_OK;
	}
	struct bench_figure *figure = bench_figure_add(tools->desktop->bench, &ours, err);
	enum cua_status status = figure ? CUA_OK : CUA_ERR_NOMEM;
	const double own_ms = bench_median(&own->figure->samples);
	for (size_t i = 0; status == CUA_OK && i < call->figure->samples.count; i++) {
		const double ms = call->figure->samples.values[i] - own_ms;
		status = bench_figure_sample(figure, ms > 0 ? ms : 0, err);
	}
	return status;
}

static char *make_body(const cJSON *row)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	CUA_AUTO_FREE char *content = NULL;
	const size_t len = (size_t)bench_number(row, "content_bytes", 0);
	cJSON *arguments =
			cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(row, "arguments"), true);
	cJSON_AddStringToObject(body, "tool", bench_text(row, "tool"));
	cJSON_AddItemToObject(body, "arguments", arguments);
	content = len > 0 ? calloc(len + 1, 1) : NULL;
	if (content) {
		memset(content, 'x', len);
		cJSON_AddStringToObject(arguments, "content", content);
	}
	return cJSON_PrintUnformatted(body);
}

static enum cua_status measure_row(struct tools *tools, const cJSON *row, struct cua_error *err)
{
	const struct bench_key key = {
		.topic = "tools", .name = bench_text(row, "name"), .unit = "ms"
	};
	CUA_AUTO_FREE char *body = make_body(row);
	struct bench_turn turns[TURNS_MAX] = {
		{ .by = "cua", .take = call_tool, .user_data = tools, .data = body }
	};
	const struct bench_turn *own = NULL;
	int count = 1;
	const cJSON *peer = NULL;
	if (!body) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, 0, "%s", key.name);
	}
	cJSON_ArrayForEach (peer, cJSON_GetObjectItemCaseSensitive(row, "peers")) {
		const bool is_outside =
				cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(peer, "outside"));
		if (count == TURNS_MAX) {
			break;
		}
		if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(peer, "is_own"))) {
			own = &turns[count];
		}
		turns[count++] = (struct bench_turn){ .by = bench_text(peer, "by"),
			.take = is_outside ? run_outside : run_inside,
			.user_data = tools,
			.data = cJSON_GetObjectItemCaseSensitive(peer, "argv"),
			.may_fail = true };
	}
	enum cua_status status = bench_take_turns(tools->desktop->bench, &key, turns, count, err);
	return status == CUA_OK && own ? note_ours(tools, &key, &turns[0], own, err) : status;
}

/* Files to look for, and a repository. */
static enum cua_status set_up(struct tools *tools, const cJSON *scenario, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "tool", "bash");
	cJSON_AddStringToObject(cJSON_AddObjectToObject(body, "arguments"), "command",
			bench_text(scenario, "setup"));
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(body);
	const struct bench_turn turn = { .user_data = tools, .data = text };
	double ms = 0;
	return call_tool(&turn, &ms, err);
}

static enum cua_status measure_mcp(struct tools *tools, struct cua_error *err)
{
	struct bench_turn turns[] = {
		{ .by = "cua", .take = call_mcp, .user_data = tools },
		{ .by = "unix socket echo", .take = echo, .user_data = tools },
	};
	const struct bench_key key = {
		.topic = "tools", .name = "an MCP call over stdio", .unit = "ms"
	};
	struct agent_mcp_tools *offered = NULL;
	enum cua_status status = agent_mcp_server_tools(tools->server, &offered, err);
	if (status == CUA_OK && offered->count != 1) {
		status = CUA_FAIL(
				err, CUA_ERR_APP, 0, "the server offers %zu tools", offered->count);
	}
	if (status != CUA_OK) {
		return status;
	}
	tools->mcp_tool = &offered->list[0];
	return bench_take_turns(tools->desktop->bench, &key, turns, (int)CUA_ARRAY_LEN(turns), err);
}

static enum cua_status measure_rows(
		struct tools *tools, const cJSON *scenario, struct cua_error *err)
{
	enum cua_status status = set_up(tools, scenario, err);
	const cJSON *row = NULL;
	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(scenario, "figures")) {
		status = status == CUA_OK ? measure_row(tools, row, err) : status;
	}
	return status;
}

/* A server of ours that answers at once, in a sandbox as others are. */
static enum cua_status start_server(
		struct tools *tools, struct agent_mcp_entry *entry, struct cua_error *err)
{
	const struct agent_mcp_server_options options = {
		.cancel_fd = tools->desktop->bench->stop_fd
	};
	enum cua_status status = agent_mcp_server_create(entry, &options, &tools->server, err);
	return status == CUA_OK ? agent_mcp_server_start(tools->server, err) : status;
}

enum cua_status bench_tools(struct bench *bench, struct cua_error *err)
{
	const struct cua_point size = bench_usual_size(bench);
	struct tools tools = { .desktop = NULL };
	char program[CUA_PATH_MAX], option[] = BENCH_MCP_OPTION;
	char *argv[] = { program, option, NULL }, *env[] = { NULL }, real[CUA_PATH_MAX];
	struct agent_mcp_entry entry = { .name = "bench",
		.argv = argv,
		.env = env,
		.folders = { { program, real, false } },
		.folder_count = 1 };
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "tools", err);
	if (!scenario) {
		return CUA_ERR_INVAL;
	}
	enum cua_status status = cua_program_path("cua-bench", program, sizeof(program), err);
	if (status == CUA_OK) {
		status = cua_path_resolve(program, real, sizeof(real), err);
	}
	if (status == CUA_OK) {
		status = bench_desktop_start(bench, size.x, size.y, &tools.desktop, err);
	}
	if (status == CUA_OK) {
		status = bench_runner_start(tools.desktop, &tools.runner, err);
	}
	if (status == CUA_OK) {
		status = bench_echo_start(&tools.echo, err);
	}
	if (status == CUA_OK) {
		status = measure_rows(&tools, scenario, err);
	}
	if (status == CUA_OK) {
		status = start_server(&tools, &entry, err);
	}
	if (status == CUA_OK) {
		status = measure_mcp(&tools, err);
	}
	agent_mcp_server_destroy(tools.server);
	bench_echo_stop(tools.echo);
	bench_runner_stop(tools.runner);
	bench_desktop_stop(tools.desktop);
	return status;
}

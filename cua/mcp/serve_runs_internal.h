#ifndef CUA_MCP_SERVE_RUNS_INTERNAL_H
#define CUA_MCP_SERVE_RUNS_INTERNAL_H

/* Shared by the files of the tools of runs: serve_runs.c (the table, and what is one request),
 * serve_run_start.c, serve_run_answer.c, serve_run_state.c, serve_run_journal.c; and by
 * serve_resource_table.c, which reads them. */

#include "cua/base/json.h"
#include "cua/mcp/serve_internal.h"

struct agent_redactor;

static inline const char *run_argument(const struct mcp_serve_call *call, const char *name)
{
	return cua_json_string(call->arguments, name);
}

static inline bool run_asks_approval(const cJSON *question)
{
	return strcmp(cua_json_text(question, "kind"), "approval") == 0;
}

/* --- serve_runs.c --- */

/* How a run stands, as the answer; state is taken. */
void mcp_serve_answer_state(
		struct mcp_serve_call *call, cJSON *state, struct mcp_serve_result *result);

/* --- serve_run_start.c --- */

enum cua_status mcp_serve_run_start(struct mcp_serve_call *call, struct mcp_serve_result *result,
		struct cua_error *err);

/* --- serve_run_answer.c --- */

enum cua_status mcp_serve_run_answer(struct mcp_serve_call *call, struct mcp_serve_result *result,
		struct cua_error *err);

/* --- serve_run_state.c --- */

/* The folder of the run, and its path, the caller's; -1 with err filled. */
int mcp_serve_open_run(const char *run, char **ret_path, struct cua_error *err);
/* What the secrets that there are become in a text. */
CUA_NODISCARD enum cua_status mcp_serve_open_redactor(
		struct agent_redactor **ret_redactor, struct cua_error *err);
/* One request to the API of a run that goes on, and how it stands then. body: NULL: none. */
CUA_NODISCARD enum cua_status mcp_serve_run_request(const char *run, const char *method,
		const char *path, const cJSON *body, cJSON **ret_state, struct cua_error *err);
/* How a run stands, or what became of it. Waits until it asks something or has ended, for at most
 * wait_s. */
CUA_NODISCARD enum cua_status mcp_serve_run_state(struct mcp_serve_call *call, const char *run,
		int wait_s, cJSON **ret_state, struct cua_error *err);
/* The newest last. */
CUA_NODISCARD enum cua_status mcp_serve_run_list(int most, cJSON **ret_list, struct cua_error *err);

/* --- serve_run_journal.c --- */

/* Its events, one a line, without secrets; of a long one the newest. The caller's. */
CUA_NODISCARD enum cua_status mcp_serve_run_journal(
		const char *run, char **ret_text, struct cua_error *err);

#endif

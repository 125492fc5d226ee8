#ifndef CUA_AGENT_MCP_SERVER_H
#define CUA_AGENT_MCP_SERVER_H

/* One server of the Model Context Protocol, of the newest revision or of those before: found out,
 * listed, called, started again when it has died. One request at a time; the caller ignores
 * SIGPIPE. A server of stdio ends with the thread that started it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/mcp/mcp_config.h"
#include "agent/mcp/mcp_tool.h"

#define AGENT_MCP_INIT_MS 10000      /* from the start to the first answer */
#define AGENT_MCP_PROBE_MS 3000      /* of these, for the newest revision */
#define AGENT_MCP_CALL_MS 60000      /* without an answer or progress */
#define AGENT_MCP_CALL_MAX_MS 600000 /* however much progress there is */
/* Of all its processes: what Node and npx never need all of. */
#define AGENT_MCP_MEMORY ((int64_t)4 << 30)
#define AGENT_MCP_TASKS 1024

/* A server asks a person. params: what it says (message, requestedSchema). Return: the answer,
 * owned by the caller; NULL to decline. */
typedef cJSON *(*agent_mcp_elicit_fn)(const char *server, const cJSON *params, void *user_data);

#define AGENT_MCP_PROGRESS_CHARS 160

/* How far a call is, as the server tells it. */
struct agent_mcp_progress {
	double progress, total; /* in the same unit; total 0: it does not say */
	const char *message;    /* one plain line of at most AGENT_MCP_PROGRESS_CHARS; "" */
};

/* In the middle of a call. A server may say so as often as it likes. */
typedef void (*agent_mcp_progress_fn)(
		const char *server, const struct agent_mcp_progress *progress, void *user_data);

struct agent_mcp_server_options {
	int cancel_fd;                               /* readable: stop; -1 for none */
	int init_ms, probe_ms, call_ms, call_max_ms; /* 0: as above */
	int64_t memory_bytes, tasks;                 /* that one of stdio may take; 0: as above */
	uint64_t deadline_us; /* of cua_now_us(): nothing is waited for beyond it; 0: none */
	agent_mcp_elicit_fn on_elicit;     /* NULL: it is declined */
	agent_mcp_progress_fn on_progress; /* NULL: nobody hears of it */
	void *user_data;
};

/* For people. */
struct agent_mcp_facts {
	const char *name, *version; /* what it calls itself; "" if it does not say */
	const char *protocol;       /* the revision; "" while it is not known */
	const char *instructions;   /* without what is no plain text; "" */
	int starts;                 /* how often it was started */
	double connect_ms, list_ms; /* the last time */
};

struct agent_mcp_server;

/* entry is borrowed as long as the server is there. Nothing is started. */
CUA_NODISCARD enum cua_status agent_mcp_server_create(const struct agent_mcp_entry *entry,
		const struct agent_mcp_server_options *options,
		struct agent_mcp_server **ret_server, struct cua_error *err);
/* Within two seconds nothing is left of it. */
void agent_mcp_server_destroy(struct agent_mcp_server *server);
/* Another one than the options have, in the same terms. */
void agent_mcp_server_set_deadline(struct agent_mcp_server *server, uint64_t deadline_us);
/* Its end is near: a server that takes time to end may begin. */
void agent_mcp_server_hang_up(struct agent_mcp_server *server);

/* Starts it and waits for nothing, so that several start at once. */
CUA_NODISCARD enum cua_status agent_mcp_server_start(
		struct agent_mcp_server *server, struct cua_error *err);

/**
 * agent_mcp_server_tools() - what it offers.
 * @ret_tools: the server's; as they are until the next call of this function.
 *
 * Asked for once, and again when the server says that they have changed.
 *
 * Return: CUA_OK; CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED; CUA_ERR_CLOSED; CUA_ERR_UNAVAILABLE without a
 *         sandbox, and for a protocol that is not spoken here; CUA_ERR_TOO_LARGE; CUA_ERR_APP for
 *         an answer that is none; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status agent_mcp_server_tools(struct agent_mcp_server *server,
		struct agent_mcp_tools **ret_tools, struct cua_error *err);
/* True if it has said that its tools are others than those that were listed, and if it is to be
 * started again, when they may be. */
bool agent_mcp_server_has_changed(const struct agent_mcp_server *server);

/**
 * agent_mcp_server_call() - call a tool.
 * @arguments:  an object; borrowed.
 * @ret_result: what tools/call has as its result; owned by the caller.
 * @ret_uncertain: set if it failed, and the call may have had its effect. It is not sent again.
 *
 * Return: as agent_mcp_server_tools(); CUA_ERR_INVAL if the server does not know the tool or takes
 *         these arguments for wrong.
 */
CUA_NODISCARD enum cua_status agent_mcp_server_call(struct agent_mcp_server *server,
		const struct agent_mcp_tool *tool, const cJSON *arguments, cJSON **ret_result,
		bool *ret_uncertain, struct cua_error *err);

struct agent_mcp_facts agent_mcp_server_facts(const struct agent_mcp_server *server);

#endif

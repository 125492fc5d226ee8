#ifndef CUA_AGENT_MCP_CLIENT_H
#define CUA_AGENT_MCP_CLIENT_H

/* All servers of mcpServers.json for one run: what they offer becomes functions for a model, and a
 * call of one its answer. A few tools are a function each; more of them are offered by name, and
 * described on demand, through two: mcp_tools and mcp_call. Nothing that no person has approved is
 * offered or called. One thread; the caller ignores SIGPIPE. */

#include "agent/mcp/mcp_content.h"
#include "agent/mcp/mcp_server.h"

#define AGENT_MCP_DIRECT_MAX 20 /* tools that are a function each */

/* Something needs a person: changes is a list of agent_mcp_pins_compare(). Return: true approves
 * all of it. */
typedef bool (*agent_mcp_approve_fn)(const char *server, const cJSON *changes, void *user_data);
/* A server cannot be used, or not all of it; one line. */
typedef void (*agent_mcp_trouble_fn)(const char *server, const char *what, void *user_data);

struct agent_mcp_options {
	const char *path;                       /* of mcpServers.json; NULL: the usual one */
	const char *only;                       /* names with commas; NULL: all servers */
	struct agent_mcp_server_options server; /* for each */
	/* NULL: nothing is approved, and a server whose start nobody approved is not started. */
	agent_mcp_approve_fn on_approve;
	agent_mcp_trouble_fn on_trouble; /* may be NULL */
	void *user_data;                 /* of both */
};

struct agent_mcp;

/* Starts all servers at once and asks each for its tools. One that fails is told, and is not
 * offered, nor is one with a mistake in its entry. CUA_ERR_INVAL for a file that is none: nothing
 * is started then. CUA_ERR_NOT_FOUND if none of the servers in only is there; of some that are not,
 * on_trouble is told. */
CUA_NODISCARD enum cua_status agent_mcp_open(const struct agent_mcp_options *options,
		struct agent_mcp **ret_mcp, struct cua_error *err);
void agent_mcp_close(struct agent_mcp *mcp);
/* Of all servers: another deadline than the options have. */
void agent_mcp_set_deadline(struct agent_mcp *mcp, uint64_t deadline_us);

/* A server and how many of its tools are offered. */
struct agent_mcp_standing {
	const char *server;
	bool is_usable;
	size_t tools;
};

/* One server after another; false behind the last. */
bool agent_mcp_standing(
		const struct agent_mcp *mcp, size_t index, struct agent_mcp_standing *ret_standing);

struct agent_mcp_function {
	char name[65];           /* for a model: letters, digits, _ and - */
	const char *description; /* of the server, or ours; "" if it has none */
	const cJSON *parameters; /* a JSON Schema of an object */
};

/* The functions to offer, one after another; false behind the last. Valid until the next call of
 * agent_mcp_call(). */
bool agent_mcp_function(
		const struct agent_mcp *mcp, size_t index, struct agent_mcp_function *ret_function);

/* Which tool of which server a call is about, and what the server says of itself in annotations,
 * for whoever decides about it. Valid as long as the servers and the arguments, but for the
 * annotations, which are so until the next call of agent_mcp_call(). */
struct agent_mcp_target {
	const char *server; /* "" for mcp_tools, which only reads descriptions */
	char tool[AGENT_MCP_TOOL_NAME_MAX + 1];
	const cJSON *arguments;   /* of the tool */
	const cJSON *annotations; /* may be NULL; hints that nobody vouches for */
	const char *network;      /* "none", "allow", "open": what it is told may leave */
};

/* CUA_ERR_INVAL, in words for the model, if there is no such function, server or tool, or if it is
 * not approved. Servers whose tools may have changed are asked for them first; CUA_ERR_CANCELLED.
 */
CUA_NODISCARD enum cua_status agent_mcp_resolve(struct agent_mcp *mcp, const char *function,
		const cJSON *arguments, struct agent_mcp_target *ret_target, struct cua_error *err);

/**
 * agent_mcp_call() - call that tool of that server, whatever functions there are by now.
 * @target:        of agent_mcp_resolve().
 * @ret_result:    release with agent_mcp_result_finish(). What a model can mend is a result, too.
 * @ret_uncertain: set if it failed, and the call may have had its effect.
 *
 * A server that has said that its tools changed is asked for them first.
 *
 * Return: CUA_OK; CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED; CUA_ERR_CLOSED; CUA_ERR_TOO_LARGE;
 *         CUA_ERR_APP; CUA_ERR_UNAVAILABLE; CUA_ERR_NOMEM. The next call may go well again.
 */
CUA_NODISCARD enum cua_status agent_mcp_call(struct agent_mcp *mcp,
		const struct agent_mcp_target *target, struct agent_mcp_result *ret_result,
		bool *ret_uncertain, struct cua_error *err);

#endif

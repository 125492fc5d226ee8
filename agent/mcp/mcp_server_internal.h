#ifndef CUA_AGENT_MCP_SERVER_INTERNAL_H
#define CUA_AGENT_MCP_SERVER_INTERNAL_H

/* What the files of a server share: mcp_server.c lists and calls, mcp_session.c finds out what it
 * speaks and starts it, mcp_request.c asks. */

#include <stdint.h>

#include "agent/mcp/mcp_message.h"
#include "agent/mcp/mcp_server.h"
#include "agent/mcp/mcp_transport.h"

#define MCP_MODERN "2026-07-28"

enum mcp_era {
	MCP_ERA_UNKNOWN,
	MCP_ERA_LEGACY, /* a handshake; up to 2025-11-25 */
	MCP_ERA_MODERN, /* each request by itself */
};

/* What came of a request that was answered. */
struct mcp_reply {
	cJSON *result; /* owned; NULL: the server answered with an error */
	cJSON *error;  /* owned; its data, or NULL */
	int code;      /* of the error */
	char problem[300];
	char reached[160]; /* of struct mcp_wait */
};

struct agent_mcp_server {
	const struct agent_mcp_entry *entry;
	struct agent_mcp_server_options options;
	struct mcp_transport *transport; /* owned; NULL while there is none */
	enum mcp_era era;
	char version[32]; /* of the protocol; "" while there is none */
	char own_name[128], own_version[64];
	char *instructions; /* owned; may be NULL */
	bool is_ready;      /* what it speaks is known, and it was greeted */
	uint64_t started_us;
	int starts, timeouts; /* timeouts: one after another */
	double connect_ms, list_ms;
	struct agent_mcp_tools tools;
	bool is_listed, has_changed;
	int64_t last_id;
	/* The request that is under way, while there is one. */
	struct mcp_wait *wait;
	struct mcp_reply *reply;
	uint64_t last_us; /* no deadline is later */
	int strays;       /* answers to something else */
	double progress;
};

/* --- mcp_request.c --- */

struct mcp_question {
	const char *method, *name;  /* name may be NULL */
	const char *hash;           /* of the tool that is called; else NULL */
	const char *const *headers; /* may be NULL */
	int ms, max_ms;             /* progress moves the first up to the second */
	bool is_call;               /* wants progress */
};

void mcp_reply_finish(struct mcp_reply *reply);
/* Sends and waits for the answer. params is taken, and may be NULL. A request that got no answer is
 * cancelled. wait says more of a failure. */
CUA_NODISCARD enum cua_status mcp_ask(struct agent_mcp_server *server,
		const struct mcp_question *question, cJSON *params, struct mcp_wait *ret_wait,
		struct mcp_reply *ret_reply, struct cua_error *err);
/* Sends a notification, if it can be. */
void mcp_notify(struct agent_mcp_server *server, const char *method, cJSON *params);
/* For mcp_transport_config. */
enum cua_status mcp_take_text(const char *text, size_t len, void *user_data, struct cua_error *err);
cJSON *mcp_capabilities(const struct agent_mcp_server *server);
cJSON *mcp_client_info(void);
/* The answer to what a server asks of a person: accepted or declined. */
cJSON *mcp_elicit(struct agent_mcp_server *server, const cJSON *params);

/* --- mcp_session.c --- */

/* Starts it if need be, and waits until it can be asked. */
CUA_NODISCARD enum cua_status mcp_session_open(
		struct agent_mcp_server *server, struct cua_error *err);
/* Ends the process or the session; the next request starts another. */
void mcp_session_close(struct agent_mcp_server *server);
/* Takes the newest revision of the list that is spoken here. CUA_ERR_UNAVAILABLE if there is none.
 */
CUA_NODISCARD enum cua_status mcp_session_choose(
		struct agent_mcp_server *server, const cJSON *supported, struct cua_error *err);

#endif

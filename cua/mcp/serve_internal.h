#ifndef CUA_MCP_SERVE_INTERNAL_H
#define CUA_MCP_SERVE_INTERNAL_H

/* Shared by the files of the server: serve.c (what is offered), serve_message.c (JSON-RPC),
 * serve_session.c (revisions and methods), serve_call.c (a call of a tool), serve_elicit.c (asking
 * the person at the host), serve_result.c (what a tool answers), serve_desktop.c (the connection to
 * a desktop), and one file for each group of tools: serve_actions.c, serve_tools.c, serve_runs.c
 * and what it calls, serve_extra.c for those of the embedder. */

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/desktop_client.h"
#include "cua/contract/effect.h"
#include "cua/mcp/serve.h"

enum mcp_serve_group {
	MCP_SERVE_COMPUTER = 1,
	MCP_SERVE_TOOLS = 2,
	MCP_SERVE_RUNS = 4,
	MCP_SERVE_APPROVALS = 8,
};

/* --- serve.c --- */

/* What a tool answers. */
struct mcp_serve_result {
	cJSON *content;    /* owned; a list of blocks */
	cJSON *structured; /* owned; an object; NULL: none */
	bool is_error;
	cJSON *input_requests; /* owned; of the newest revision: in the place of all else; NULL:
				  none */
};

/* A tool. A failure that the model can do something about is an error with a message for it. */
struct mcp_serve_tool {
	const char *name;
	const char *help;
	unsigned int group;  /* of enum mcp_serve_group; one of them offered is enough; 0: the
				embedder's */
	unsigned int effect; /* of enum cua_effect */
	const void *subject; /* of run(): a row of a table */
	enum cua_status (*run)(struct mcp_serve_call *call, struct mcp_serve_result *result,
			struct cua_error *err);
	cJSON *definition; /* owned; as a list has it in the newest revision */
};

struct mcp_serve {
	struct mcp_serve_options options;
	struct mcp_serve_tool *tools; /* owned, in the order of the list */
	size_t tool_count;
	bool takes_word; /* what a run asks a person, the host's model may answer */
};

/* Adds a tool to the list. tool->definition is made from the rest, and from schema and
 * output, which are taken over (output NULL: what it answers is not described). */
CUA_NODISCARD enum cua_status mcp_serve_add(struct mcp_serve *serve,
		const struct mcp_serve_tool *tool, cJSON *schema, cJSON *output,
		struct cua_error *err);
/* NULL if there is none of that name. */
const struct mcp_serve_tool *mcp_serve_find(const struct mcp_serve *serve, const char *name);

/* --- one file for each group --- */

CUA_NODISCARD enum cua_status mcp_serve_add_actions(struct mcp_serve *serve, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_serve_add_tools(struct mcp_serve *serve, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_serve_add_runs(struct mcp_serve *serve, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_serve_add_extras(struct mcp_serve *serve, struct cua_error *err);

/* --- serve_desktop.c --- */

/* The connection that a session acts through: what is down when it closes is released. */
struct mcp_serve_link {
	pthread_mutex_t mutex; /* one request at a time */
	int cancel_fd;         /* in each request a copy of the call's */
	struct mcp_serve_desktop desktop;
	struct agent_desktop *client; /* NULL: not connected */
};

CUA_NODISCARD enum cua_status mcp_serve_link_init(
		struct mcp_serve_link *link, struct cua_error *err);
void mcp_serve_link_finish(struct mcp_serve_link *link);

/* Which desktop the call is about. */
CUA_NODISCARD enum cua_status mcp_serve_call_desktop(const struct mcp_serve_call *call,
		struct mcp_serve_desktop *ret_desktop, struct cua_error *err);

/* What has come of actions; release with mcp_serve_acted_finish(). */
struct mcp_serve_acted {
	struct agent_outcome outcome;
	char *screen;            /* owned; base64 of the screen at rest; NULL: none was to be had */
	const char *screen_type; /* its media type */
	struct cua_point size, view; /* of the screen; of its pictures, which coordinates are of */
};

/* Runs actions, canonical JSON, borrowed, lets the screen settle and looks. */
CUA_NODISCARD enum cua_status mcp_serve_act(struct mcp_serve_call *call, const cJSON *actions,
		struct mcp_serve_acted *ret_acted, struct cua_error *err);
void mcp_serve_acted_finish(struct mcp_serve_acted *acted);

/* --- serve_session.c --- */

/* Beside MCP_SERVE_ERROR_VERSION: what there is instead. */
cJSON *mcp_serve_version_data(const char *requested);

TAILQ_HEAD(mcp_serve_calls, mcp_serve_call);
TAILQ_HEAD(mcp_serve_asks, mcp_serve_ask);

struct mcp_serve_session {
	struct mcp_serve *serve;
	const void *client;   /* for tools of the embedder */
	const char *revision; /* of the handshake; NULL: there was none */
	cJSON *capabilities;  /* owned; of the client, as the handshake has them; NULL */
	struct mcp_serve_link link;
	pthread_mutex_t mutex; /* of what follows */
	struct mcp_serve_calls calls;
	int call_count;
	struct mcp_serve_asks asks;
	unsigned long ask_count; /* so far */
};

/* --- serve_call.c --- */

struct mcp_serve_call {
	TAILQ_ENTRY(mcp_serve_call) entry;
	struct mcp_serve_session *session;
	const struct mcp_serve_tool *tool;
	const char *revision;  /* that the request is of */
	cJSON *id;             /* owned */
	cJSON *arguments;      /* owned; an object, without those that are null */
	cJSON *desktop;        /* owned; that was asked for; NULL: none */
	cJSON *capabilities;   /* owned; of the client; NULL: none */
	cJSON *inputs;         /* owned; what was said to what it asked; NULL: nothing */
	cJSON *progress_token; /* owned; NULL: nobody wants to hear of it */
	struct mcp_serve_out out;
	int cancelled_fd; /* an eventfd */
	int cancel_fd;    /* an epoll of it, and of what else is to end the call */
	uint64_t began_us;
	pthread_mutex_t mutex; /* of what follows, and of what is emitted */
	bool is_cancelled, is_answered;
	double progress; /* the last that was told */
};

/* In session->calls from here on. params: of tools/call. */
CUA_NODISCARD enum cua_status mcp_serve_call_create(struct mcp_serve_session *session,
		const struct mcp_serve_tool *tool, const struct mcp_serve_message *message,
		const char *revision, const struct mcp_serve_out *out,
		struct mcp_serve_call **ret_call, struct cua_error *err);
/* Its answer is still to come. */
bool mcp_serve_call_is_open(struct mcp_serve_call *call);
void mcp_serve_call_tick(struct mcp_serve_call *call);

/* --- serve_elicit.c --- */

/**
 * mcp_serve_elicit() - ask the person at the host.
 * @key:         tells questions of one call apart.
 * @schema:      of the form, an object of plain values; taken over.
 * @ret_content: what they filled in, the caller's; NULL: result now says what is asked, and the
 * call comes again with the answer.
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the host cannot; CUA_ERR_PERSON for a no, or none;
 * CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED.
 */
CUA_NODISCARD enum cua_status mcp_serve_elicit(struct mcp_serve_call *call,
		struct mcp_serve_result *result, const char *key, const char *message,
		cJSON *schema, cJSON **ret_content, struct cua_error *err);
/* What a client answers to a request of ours. */
void mcp_serve_take_answer(
		struct mcp_serve_session *session, const struct mcp_serve_message *message);

/* --- serve_message.c --- */

#define MCP_SERVE_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

/* In the order of their dates, as their names are. */
static inline bool mcp_serve_is_modern(const char *revision)
{
	return strcmp(revision, MCP_SERVE_REVISION) >= 0;
}

/* Takes result, which may be NULL: memory ran out. */
void mcp_serve_answer(const struct mcp_serve_out *out, const cJSON *id, const char *revision,
		cJSON *result);
/* params is taken. */
void mcp_serve_notify(const struct mcp_serve_out *out, const char *method, cJSON *params);
/* To be sent: cJSON writes whole numbers beyond fifteen digits otherwise than they came. */
cJSON *mcp_serve_copy_id(const cJSON *id);
/* Of the server to the client, which only older revisions know. params is taken. */
void mcp_serve_request(
		const struct mcp_serve_out *out, const char *id, const char *method, cJSON *params);
bool mcp_serve_same_id(const cJSON *one, const cJSON *other);

/* --- serve_result.c --- */

void mcp_serve_add_text(struct mcp_serve_result *result, const char *text);
/* base64: copied. */
void mcp_serve_add_image(
		struct mcp_serve_result *result, const char *base64, const char *media_type);
/* structured, which is taken, and as a text of it. */
void mcp_serve_add_structured(struct mcp_serve_result *result, cJSON *structured);
/* What went wrong, in words. */
void mcp_serve_set_error(struct mcp_serve_result *result, const struct cua_error *err);
/* As tools/call answers; result is empty then. NULL when memory runs out. */
cJSON *mcp_serve_result_json(struct mcp_serve_result *result, const char *revision);
void mcp_serve_result_finish(struct mcp_serve_result *result);

#endif

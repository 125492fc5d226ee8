#ifndef CUA_MCP_SERVE_INTERNAL_H
#define CUA_MCP_SERVE_INTERNAL_H

/* Shared by the files of the server: serve.c (what is offered), serve_message.c (JSON-RPC),
 * serve_session.c (revisions and methods), serve_call.c (a call of a tool), serve_ask.c (asking a
 * client), serve_elicit.c (the person at it), serve_sample.c (its model), serve_result.c (what a
 * tool answers), serve_desktop.c (the connection to a desktop), and one file for each group of
 * tools: serve_actions.c, serve_tools.c, serve_runs.c and what it calls, serve_extra.c for those of
 * the embedder. */

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/queue.h>

#include "agent/desktop_client.h"
#include "cua/contract/effect.h"
#include "cua/mcp/serve.h"

struct mcp_serve_asked;

enum mcp_serve_group {
	MCP_SERVE_COMPUTER = 1,
	MCP_SERVE_TOOLS = 2,
	MCP_SERVE_RUNS = 4,
	MCP_SERVE_APPROVALS = 8,
};

#define MCP_SERVE_STATE_KEY 32

/* --- serve.c --- */

/* What a tool answers. */
struct mcp_serve_result {
	cJSON *content;    /* owned; a list of blocks */
	cJSON *structured; /* owned; an object; NULL: none */
	bool is_error;
	cJSON *input_requests; /* owned; of the newest revision: in the place of all else; NULL:
				  none */
	cJSON *state;          /* owned; comes back with what was asked; NULL: none */
	cJSON *whole;          /* owned; of another method than tools/call: all of the answer */
	int error_code;        /* the request is refused with it and err; 0: the model is told */
	cJSON *error_data;     /* owned; beside it; NULL: none */
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
	const char *needs; /* a capability without which a client is not offered it; NULL: none */
	bool is_long;      /* goes on until its client is gone */
	bool is_method;    /* none of tools/call: its arguments are the params, its answer is
			      result->whole, and what fails is an error of the protocol */
};

TAILQ_HEAD(mcp_serve_asks, mcp_serve_ask);

struct mcp_serve {
	struct mcp_serve_options options;
	struct mcp_serve_tool *tools; /* owned, in the order of the list */
	size_t tool_count;
	const struct mcp_serve_resource **resources; /* owned; each borrowed */
	size_t resource_count;
	const struct mcp_serve_prompt **prompts; /* owned; each borrowed; beside the templates */
	size_t prompt_count;
	struct mcp_serve_resource *extra_resources; /* owned; of the embedder */
	pthread_mutex_t watches_mutex;
	LIST_HEAD(, mcp_serve_watch) watches;
	bool takes_word; /* what a run asks a person, the host's model may answer */
	unsigned char state_key[MCP_SERVE_STATE_KEY]; /* of what clients keep */
	pthread_mutex_t asks_mutex;
	struct mcp_serve_asks asks; /* what clients are asked just now: over HTTP the answer of one
				       comes by another POST */
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
CUA_NODISCARD enum cua_status mcp_serve_add_sampling(
		struct mcp_serve *serve, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_serve_add_tools(struct mcp_serve *serve, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_serve_add_runs(struct mcp_serve *serve, struct cua_error *err);
CUA_NODISCARD enum cua_status mcp_serve_add_extras(struct mcp_serve *serve, struct cua_error *err);
/* After the resources. */
CUA_NODISCARD enum cua_status mcp_serve_add_extra_resources(
		struct mcp_serve *serve, struct cua_error *err);

/* --- serve_resources.c, and serve_resource_table.c for those there are --- */

/* Something to read. */
struct mcp_serve_resource {
	const char *uri; /* with one {name} in it: a template */
	const char *name, *title, *help, *media_type;
	const char *tool; /* that shows the same: offered with it; NULL: always */
	bool is_of_many;  /* offered only where there are several desktops */
	bool is_of_runs;  /* {name} is one: known values of it are runs */
	const char *news; /* of watch(): what the desktop is asked of */
	/* A descriptor, the caller's, not blocking, that can be read when what is read there may
	 * have changed, whatever is read from it, and whose end is that of what is watched. NULL:
	 * of changes nothing is told. -1 with err filled. From several threads. */
	int (*watch)(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
			const void *client, const char *variable, struct cua_error *err);
	bool is_watched_anew; /* after each change, as it may have grown */
	const void *subject;
	/* Adds "text" or "blob" to content. variable: what stands for {name}; NULL: nothing.
	 * CUA_ERR_NOT_FOUND: there is none. */
	enum cua_status (*read)(struct mcp_serve_call *call,
			const struct mcp_serve_resource *resource, const char *variable,
			cJSON *content, struct cua_error *err);
};

#define MCP_SERVE_VARIABLE_SIZE 256

/* After the tools. */
CUA_NODISCARD enum cua_status mcp_serve_add_resources(
		struct mcp_serve *serve, struct cua_error *err);
/* resource is borrowed as long as the server is there. */
CUA_NODISCARD enum cua_status mcp_serve_add_resource(struct mcp_serve *serve,
		const struct mcp_serve_resource *resource, struct cua_error *err);
/* What is read at uri, and what there stands for {name} (an empty text: nothing); NULL: none. */
const struct mcp_serve_resource *mcp_serve_find_resource(const struct mcp_serve *serve,
		const char *uri, char variable[MCP_SERVE_VARIABLE_SIZE]);
/* The error of a request that there is nothing at uri. */
void mcp_serve_set_not_found(const struct mcp_serve_call *call, const char *uri,
		struct mcp_serve_result *result);
/* There are some whose changes are told. */
bool mcp_serve_has_news(const struct mcp_serve *serve);
/* Methods. */
int mcp_serve_list_resources(struct mcp_serve_asked *asked);
int mcp_serve_list_templates(struct mcp_serve_asked *asked);
int mcp_serve_read_resource(struct mcp_serve_asked *asked);

/* --- serve_resource_news.c: watch() of resources --- */

int mcp_serve_screen_news(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err);
int mcp_serve_run_news(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err);
int mcp_serve_runs_news(const struct mcp_serve_resource *resource, const struct mcp_serve *serve,
		const void *client, const char *variable, struct cua_error *err);

/* --- serve_watch.c --- */

/* What a client has subscribed to. All from any thread. */
struct mcp_serve_watch;

/* To be dropped. key: of a session over HTTP, whose requests share one, which stays a while without
 * any; NULL: a new one. NULL: no memory, or too many. */
struct mcp_serve_watch *mcp_serve_watch_hold(struct mcp_serve *serve, const char *key);
void mcp_serve_watch_drop(struct mcp_serve_watch *watch);
/* Once more is the same. CUA_ERR_NOT_FOUND; CUA_ERR_INVAL where nothing is told; CUA_ERR_TOO_LARGE;
 * others as of resource->watch(). */
CUA_NODISCARD enum cua_status mcp_serve_watch_add(struct mcp_serve_watch *watch, const void *client,
		const char *uri, struct cua_error *err);
void mcp_serve_watch_remove(struct mcp_serve_watch *watch, const char *uri);

typedef void (*mcp_serve_watch_fn)(const char *uri, void *user_data);

/* Before it is run, by one at a time: false: another does. */
bool mcp_serve_watch_claim(struct mcp_serve_watch *watch);
/* Tells what changes, each resource once a second at most, until the call is cancelled, or the
 * server ends; ends_without: or nothing is subscribed to. */
void mcp_serve_watch_run(struct mcp_serve_watch *watch, bool ends_without,
		const struct mcp_serve_call *call, mcp_serve_watch_fn tell, void *user_data);
/* Something is there that may have been missing: it is looked for. */
void mcp_serve_watches_look(struct mcp_serve *serve);
void mcp_serve_watches_finish(struct mcp_serve *serve);

/* --- serve_subscribe.c --- */

/* Methods. */
int mcp_serve_subscribe(struct mcp_serve_asked *asked);
int mcp_serve_unsubscribe(struct mcp_serve_asked *asked);
int mcp_serve_listen(struct mcp_serve_asked *asked);
/* After the answer of a call with call->watch. */
void mcp_serve_go_on(struct mcp_serve_call *call);

/* --- serve_prompts.c --- */

#define MCP_SERVE_PROMPT_ARGUMENTS 4

struct mcp_serve_prompt_argument {
	const char *name, *help;
	bool is_required;
	const char *choices; /* with "|" between them; NULL: any text */
};

/* A text for the host's model, that its user picks. */
struct mcp_serve_prompt {
	const char *name, *help;
	struct mcp_serve_prompt_argument arguments[MCP_SERVE_PROMPT_ARGUMENTS]; /* up to NULL */
	/* Adds what is said. arguments: texts, of those above, with each that is required. */
	enum cua_status (*say)(const struct mcp_serve_prompt *prompt, const cJSON *arguments,
			cJSON *messages, struct cua_error *err);
};

/* prompt is borrowed as long as the server is there. */
CUA_NODISCARD enum cua_status mcp_serve_add_prompt(struct mcp_serve *serve,
		const struct mcp_serve_prompt *prompt, struct cua_error *err);
bool mcp_serve_has_prompts(const struct mcp_serve *serve);
/* Of the prompt of this name; NULL: there is none. */
const struct mcp_serve_prompt_argument *mcp_serve_prompt_arguments(
		const struct mcp_serve *serve, const char *name);
/* A text block of role "user" at the end of messages. */
void mcp_serve_add_message(cJSON *messages, const char *text);
/* Methods. */
int mcp_serve_list_prompts(struct mcp_serve_asked *asked);
int mcp_serve_get_prompt(struct mcp_serve_asked *asked);

/* --- serve_complete.c: a method --- */

int mcp_serve_complete(struct mcp_serve_asked *asked);

/* --- serve_log.c --- */

/* Of syslog, the least first. */
enum mcp_serve_level {
	MCP_SERVE_DEBUG,
	MCP_SERVE_INFO,
	MCP_SERVE_NOTICE,
	MCP_SERVE_WARNING,
	MCP_SERVE_ERROR,
};

/* Tells the client, if it is of a revision with a handshake, of something that happened. about:
 * what it is of: "desktop", "run". Names and numbers alone: no words of models and persons. */
void mcp_serve_log(struct mcp_serve_call *call, enum mcp_serve_level level, const char *about,
		const char *fmt, ...) CUA_PRINTF(4, 5);
/* A method. */
int mcp_serve_set_level(struct mcp_serve_asked *asked);

/* --- serve_state.c --- */

/* Of a request of the newest revision, before it is run: opens the state that came back with it, if
 * any, which then is call->state. A failure is an error of the protocol. */
CUA_NODISCARD enum cua_status mcp_serve_open_state(struct mcp_serve_call *call,
		struct mcp_serve_result *result, struct cua_error *err);
/* The text that the client keeps; the caller's. NULL when memory runs out. */
char *mcp_serve_seal_state(const struct mcp_serve_call *call, const cJSON *state);

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
/* One that takes no arguments. That it fails is an error here. */
CUA_NODISCARD enum cua_status mcp_serve_act_one(struct mcp_serve_call *call, const char *action,
		struct mcp_serve_acted *ret_acted, struct cua_error *err);
void mcp_serve_acted_finish(struct mcp_serve_acted *acted);

/* --- serve_session.c --- */

/* One request. revision: that it is of. */
struct mcp_serve_asked {
	struct mcp_serve_session *session;
	const struct mcp_serve_message *message;
	const struct mcp_serve_out *out;
	const char *revision;
	struct mcp_serve_call **ret_call;
};

/* What a method returns; each of these emits the answer, but mcp_serve_begin(). */
int mcp_serve_wrong_params(const struct mcp_serve_asked *asked, const char *text);
/* result is taken. */
int mcp_serve_reply(const struct mcp_serve_asked *asked, cJSON *result);
/* As a list, which is taken, under its name: all in one page. */
int mcp_serve_reply_list(const struct mcp_serve_asked *asked, const char *name, cJSON *list);
/* A call that is to be run. tool: borrowed as long as the server is there. */
int mcp_serve_begin(const struct mcp_serve_asked *asked, const struct mcp_serve_tool *tool);
/* How long the newest revision may keep a result. */
void mcp_serve_add_cache(cJSON *result, int ttl_ms);

/* As it is in the table of all, without the newest; NULL: none that is served. */
const char *mcp_serve_known_revision(const char *revision);
/* Beside MCP_SERVE_ERROR_VERSION: what there is instead. */
cJSON *mcp_serve_version_data(const char *requested);

TAILQ_HEAD(mcp_serve_calls, mcp_serve_call);

struct mcp_serve_session {
	struct mcp_serve *serve;
	const void *client;   /* for tools of the embedder */
	const char *revision; /* of the handshake; NULL: there was none */
	cJSON *capabilities;  /* owned; of the client, as the handshake has them; NULL */
	bool is_of_post;      /* made for one request, of an older revision */
	char *key;            /* owned; what its client sends with all requests; NULL: nothing */
	struct mcp_serve_watch *watch; /* held, once somebody has subscribed; with the mutex */
	struct mcp_serve_link link;
	pthread_mutex_t mutex; /* of what follows */
	struct mcp_serve_calls calls;
	int call_count;
	struct mcp_serve_asks asks;
	unsigned long ask_count;        /* so far */
	enum mcp_serve_level log_level; /* the least that is told */
};

/* --- serve_call.c --- */

struct mcp_serve_call {
	TAILQ_ENTRY(mcp_serve_call) entry;
	struct mcp_serve_session *session;
	const struct mcp_serve_tool *tool;
	const char *revision; /* that the request is of */
	cJSON *id;            /* owned */
	cJSON *arguments;     /* owned; an object, without those that are null */
	cJSON *desktop;       /* owned; that was asked for; NULL: none */
	cJSON *capabilities;  /* owned; of the client; NULL: none */
	cJSON *inputs;        /* owned; what was said to what it asked; NULL: nothing */
	char *sealed;         /* owned; the requestState that came with it; NULL: none */
	cJSON *state;         /* owned; what was in it */
	unsigned char binding[MCP_SERVE_STATE_KEY]; /* what a state of this request is bound to */
	cJSON *progress_token;                      /* owned; NULL: nobody wants to hear of it */
	struct mcp_serve_watch *watch; /* to be told of after its answer; NULL: none. Held, if it is
					  of a stream */
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

/* --- serve_ask.c --- */

struct mcp_serve_question {
	const char *key; /* tells questions of one call apart */
	const char *method;
};

/**
 * mcp_serve_ask() - ask the client, which has said that it can be asked this.
 * @params:   taken over; NULL: memory ran out.
 * @ret_said: what it answers, the caller's; NULL: result now says what is asked, and the call comes
 * again with the answer in call->inputs.
 *
 * Return: CUA_OK; CUA_ERR_PERSON for a no; CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status mcp_serve_ask(struct mcp_serve_call *call,
		struct mcp_serve_result *result, const struct mcp_serve_question *question,
		cJSON *params, cJSON **ret_said, struct cua_error *err);
/* Refuses a request that cannot go on without what its client does not say it can: an error of the
 * protocol in the newest revision. Returns CUA_ERR_UNAVAILABLE. */
CUA_NODISCARD enum cua_status mcp_serve_lacks(const struct mcp_serve_call *call,
		struct mcp_serve_result *result, const char *capability, struct cua_error *err);
/* The data of that error. */
cJSON *mcp_serve_required(const char *capability);
/* What a client answers to a request of ours. */
void mcp_serve_take_answer(struct mcp_serve *serve, const struct mcp_serve_message *message);

/* --- serve_elicit.c --- */

/**
 * mcp_serve_elicit() - ask the person at the host.
 * @key:         tells questions of one call apart.
 * @schema:      of the form, an object of plain values; taken over.
 * @ret_content: what they filled in, the caller's; NULL: as of mcp_serve_ask().
 *
 * Return: CUA_OK; CUA_ERR_UNAVAILABLE if the host cannot; CUA_ERR_PERSON for a no, or none;
 * CUA_ERR_TIMEOUT; CUA_ERR_CANCELLED.
 */
CUA_NODISCARD enum cua_status mcp_serve_elicit(struct mcp_serve_call *call,
		struct mcp_serve_result *result, const char *key, const char *message,
		cJSON *schema, cJSON **ret_content, struct cua_error *err);

/* --- serve_sample.c --- */

bool mcp_serve_can_sample(const struct mcp_serve_call *call);
/* What the model of the host is told: of a question's params, a message more. content: taken. */
void mcp_serve_add_said(cJSON *params, cJSON *content);
/* Asks it. params: taken. ret_text: what it says, the caller's; NULL: as of mcp_serve_ask(). */
CUA_NODISCARD enum cua_status mcp_serve_sample(struct mcp_serve_call *call,
		struct mcp_serve_result *result, const char *key, cJSON *params, char **ret_text,
		struct cua_error *err);

/* --- serve_message.c --- */

/* The first with annotations and completions; with titles and schemas of what tools answer. */
#define MCP_SERVE_REVISION_ANNOTATIONS "2025-03-26"
#define MCP_SERVE_REVISION_OUTPUT "2025-06-18"

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

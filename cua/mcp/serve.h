#ifndef CUA_MCP_SERVE_H
#define CUA_MCP_SERVE_H

/* The server half of the Model Context Protocol, whatever the transport: a message goes in,
 * messages come out. Nothing here has a thread, a socket or a clock of its own.
 *
 * A transport reads a message (mcp_serve_read()), looks at its headers if it has any, and hands it
 * over (mcp_serve_handle()). Most are answered at once. A call of a tool takes time: it comes back
 * as a struct mcp_serve_call, which the transport runs on a thread of its choice, cancels when its
 * client has gone, and releases.
 *
 * stdio is one session from the beginning of its stream to the end. Over HTTP each POST can be one:
 * the newest revision knows no other, and in older ones the client keeps what one is about
 * (mcp_serve_session_id()).
 * A session that outlives its POST keeps what a call leaves pressed on the desktop (mouse_down);
 * what is pressed is released with the session. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/base/paths.h"

#define MCP_SERVE_MESSAGE_MAX ((size_t)8 << 20) /* bytes of one message */
#define MCP_SERVE_CALLS_MAX 32                  /* under way in a session */
/* A host waits about a minute without hearing anything: so often it is told that a call goes on. */
#define MCP_SERVE_TICK_MS 5000

/* Codes of errors: JSON-RPC's, and those that the newest revision adds. */
#define MCP_SERVE_ERROR_PARSE (-32700)
#define MCP_SERVE_ERROR_REQUEST (-32600)
#define MCP_SERVE_ERROR_METHOD (-32601)
#define MCP_SERVE_ERROR_PARAMS (-32602)
#define MCP_SERVE_ERROR_INTERNAL (-32603)
#define MCP_SERVE_ERROR_HEADER (-32020)
#define MCP_SERVE_ERROR_CAPABILITY (-32021)
#define MCP_SERVE_ERROR_VERSION (-32022)

/* The newest revision, in which each request stands for itself; the newest of those before, which
 * begin with a handshake; the one that a request without any mark of one has over HTTP. */
#define MCP_SERVE_REVISION "2026-07-28"
#define MCP_SERVE_REVISION_HANDSHAKE "2025-11-25"
#define MCP_SERVE_REVISION_UNMARKED "2025-03-26"

/* Is it one with a handshake that is served here? */
bool mcp_serve_knows_revision(const char *revision);

/* --- what is offered --- */

/* Where a desktop is. */
struct mcp_serve_desktop {
	char name[64];
	char socket_path[CUA_PATH_MAX + 16]; /* of its API */
};

/* A tool of whoever embeds the server, which is offered whatever offer says. */
struct mcp_serve_extra {
	const char *name, *help;
	unsigned int effect;                                   /* of enum cua_effect */
	const void *subject;                                   /* the embedder's */
	cJSON *(*schema)(const struct mcp_serve_extra *extra); /* of its arguments */
	/* arguments: borrowed, unchecked. cancel_fd: readable once nobody waits for it any more.
	 * client: mcp_serve_session_set_client(). ret_answer: an object, the caller's. From several
	 * threads at once. */
	enum cua_status (*run)(const struct mcp_serve_extra *extra, const cJSON *arguments,
			int cancel_fd, const void *client, cJSON **ret_answer,
			struct cua_error *err);
};

/* Something to read of whoever embeds the server. */
struct mcp_serve_extra_resource {
	const char *uri; /* with one {name} in it: a template */
	const char *name, *title, *help, *media_type;
	const void *subject; /* the embedder's */
	/* A text, the caller's. variable: what stands for {name}; NULL: nothing. client: as above.
	 * CUA_ERR_NOT_FOUND: there is none. From several threads at once. */
	enum cua_status (*read)(const struct mcp_serve_extra_resource *resource,
			const char *variable, const void *client, char **ret_text,
			struct cua_error *err);
	/* A descriptor, the caller's, not blocking, that can be read when the text may have
	 * changed, whatever is read from it; -1 with err filled. NULL: of changes nothing is told.
	 */
	int (*watch)(const struct mcp_serve_extra_resource *resource, const char *variable,
			const void *client, struct cua_error *err);
};

/* All borrowed as long as the server is there. */
struct mcp_serve_options {
	/* Names with commas: "computer", "tools", "runs", "approvals", "all", or of single tools;
	 * NULL: all but approvals, without which the person at the host is asked what a run asks,
	 * whatever the model says of it. */
	const char *offer;
	bool read_only;     /* only what changes nothing */
	bool takes_desktop; /* each tool has an argument "desktop", for who serves several */
	int page_size;      /* tools in a page of their list; 0: all in one */
	/* The desktop to act on. wanted: its name as the caller gave it; NULL: none was given. From
	 * several threads at once. */
	enum cua_status (*open_desktop)(const char *wanted, struct mcp_serve_desktop *ret_desktop,
			void *user_data, struct cua_error *err);
	void *user_data;
	const struct mcp_serve_extra *const *extras;            /* up to a NULL; NULL: none */
	const struct mcp_serve_extra_resource *extra_resources; /* up to one without a uri; NULL:
								   none */
};

struct mcp_serve;

/* CUA_ERR_INVAL: a name in offer that there is not, or nothing that is left to offer. */
CUA_NODISCARD enum cua_status mcp_serve_create(const struct mcp_serve_options *options,
		struct mcp_serve **ret_serve, struct cua_error *err);
/* After its sessions. */
void mcp_serve_destroy(struct mcp_serve *serve);

/* --- messages --- */

enum mcp_serve_kind {
	MCP_SERVE_REQUEST,
	MCP_SERVE_NOTIFICATION,
	MCP_SERVE_ANSWER, /* of the client, to what a call has asked */
};

/* Members are parts of whole. */
struct mcp_serve_message {
	enum mcp_serve_kind kind;
	cJSON *whole;         /* owned */
	const cJSON *id;      /* of a request: a string or an integer; else NULL */
	const char *method;   /* of a request and a notification */
	const cJSON *params;  /* an object, or NULL */
	const char *name;     /* params.name: what Mcp-Name says over HTTP; NULL */
	const char *revision; /* that the request is marked with; NULL: none */
};

/* Messages for the client: from any thread that handles or runs something of this session, one at a
 * time for one call, but several calls at once. text has no line break in it. */
struct mcp_serve_out {
	void (*emit)(const char *text, size_t len, void *user_data);
	void *user_data;
};

/**
 * mcp_serve_read() - read one message.
 *
 * Return: 0, and the message is to be released by mcp_serve_message_finish(); else the code of the
 *         error that was emitted: no JSON of at most MCP_SERVE_MESSAGE_MAX bytes, nested no deeper
 *         than 64, without a name twice in an object, or no JSON-RPC 2.0.
 */
CUA_NODISCARD int mcp_serve_read(const char *text, size_t len,
		struct mcp_serve_message *ret_message, const struct mcp_serve_out *out);
void mcp_serve_message_finish(struct mcp_serve_message *message);

/* Answers with an error that the transport has found: in headers, say. data: taken over; NULL:
 * none. id: NULL: that of no request. Returns the code. */
int mcp_serve_refuse(const struct mcp_serve_out *out, const cJSON *id, int code, cJSON *data,
		const char *fmt, ...) CUA_PRINTF(5, 6);

/* --- sessions --- */

struct mcp_serve_session;
struct mcp_serve_call;

/* revision: of a handshake that is known to have been; NULL: there was none yet. */
CUA_NODISCARD enum cua_status mcp_serve_session_create(struct mcp_serve *serve,
		const char *revision, struct mcp_serve_session **ret_session,
		struct cua_error *err);
/* Over HTTP, where each POST has a session of its own: what the client keeps after its handshake
 * and sends with all that follows, the caller's; it says what was agreed on, so nothing is kept
 * here. NULL: there was no handshake, or no memory. */
char *mcp_serve_session_id(const struct mcp_serve_session *session);
/* The session is what the handshake has made of it; false: id is none of this server since it was
 * started, and the client has to begin again. */
CUA_NODISCARD bool mcp_serve_session_resume(struct mcp_serve_session *session, const char *id);
/* Who it is of, for tools of the embedder; borrowed. */
void mcp_serve_session_set_client(struct mcp_serve_session *session, const void *client);
/* After its calls; what it left pressed on a desktop is released. */
void mcp_serve_session_destroy(struct mcp_serve_session *session);
/* Cancels all its calls: each is run to its end soon, and answers nothing. */
void mcp_serve_session_cancel(struct mcp_serve_session *session);
/* Whoever wants to hear of the progress of a call hears that it goes on. */
void mcp_serve_session_tick(struct mcp_serve_session *session);

/**
 * mcp_serve_handle() - what one message leads to.
 * @out:      copied: what the call emits, too, goes there.
 * @ret_call: a call to run; NULL: all is done. Of a request only.
 *
 * From one thread at a time for a session.
 *
 * Return: 0, or the code of the error that was emitted as the answer.
 */
CUA_NODISCARD int mcp_serve_handle(struct mcp_serve_session *session,
		const struct mcp_serve_message *message, const struct mcp_serve_out *out,
		struct mcp_serve_call **ret_call);

/* It goes on until it is cancelled: a thread of a pool would be lost to it. */
bool mcp_serve_call_is_long(const struct mcp_serve_call *call);
/* Before the end: who waits for news of resources waits no longer. From any thread. */
void mcp_serve_end_watching(struct mcp_serve *serve);

/* Runs it and emits its answer, unless it was cancelled; returns as mcp_serve_handle(). */
int mcp_serve_call_run(struct mcp_serve_call *call);
/* From any thread, before it is released. */
void mcp_serve_call_cancel(struct mcp_serve_call *call);
/* Before it is run: what it does ends also when fd can be read, which stays the caller's. */
CUA_NODISCARD enum cua_status mcp_serve_call_stop_with(
		struct mcp_serve_call *call, int fd, struct cua_error *err);
/* Instead of running it: the transport cannot. */
void mcp_serve_call_give_up(struct mcp_serve_call *call, const char *reason);
void mcp_serve_call_destroy(struct mcp_serve_call *call);

#endif

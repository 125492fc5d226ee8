#ifndef CUA_AGENT_CHAT_INTERNAL_H
#define CUA_AGENT_CHAT_INTERNAL_H

/* Chat Completions, as local servers and others speak it, split by direction:
 *   chat.c          the conversation; what a server does not take
 *   chat_request.c  the body that is sent
 *   chat_stream.c   chunks, and how they end
 *   chat_message.c  deltas to one message of the assistant
 *   chat_turn.c     that message to a turn
 *   chat_tool.c     the "computer" function, which is our own: the API has none
 * Models that answer in a grammar of their own: chat_profile.h. */

#include "agent/model/chat_profile.h"
#include "agent/model/model_api.h"

#define CHAT_CALLS_MAX 256 /* calls in one answer */

/* What a server turned out not to take; each is found out once and remembered. */
struct chat_quirks {
	bool no_detail;         /* refuses detail in an image_url */
	bool no_stream_options; /* refuses stream_options */
	bool no_parallel;       /* refuses parallel_tool_calls */
	bool no_reasoning;      /* refuses reasoning in messages sent back */
	bool picture_in_tool;   /* refuses a user message behind that of a tool */
	int pictures_max;       /* takes so many pictures in one request; 0: any number */
	enum { CHAT_MAX_TOKENS, CHAT_MAX_COMPLETION_TOKENS, CHAT_MAX_NOTHING } limit_name;
};

/* A message of the conversation. */
struct chat_message {
	enum chat_role { CHAT_USER, CHAT_ASSISTANT, CHAT_TOOL } role;
	char *text;    /* owned; the words as a JSON string; of the assistant: the whole message */
	char *call_id; /* owned; of a tool: a JSON string */
	struct agent_image image; /* of the user; base64 NULL: none */
};

struct chat {
	const struct agent_model_config *config;
	const struct chat_profile *profile; /* NULL: a model that calls functions */
	struct chat_space space;
	struct chat_message *messages; /* owned */
	size_t count, capacity;
	int turns;     /* of the assistant, so far */
	bool is_text;  /* the last turn has no calls of the API's: what it did was in its words */
	char *done_id; /* owned; the call of the last turn that nobody will answer; NULL: none */
	struct model_shown shown;
	struct chat_quirks quirks;
};

/* Appends a message. words: NULL for none. image: copied; may be NULL. */
CUA_NODISCARD enum cua_status chat_add(struct chat *chat, enum chat_role role, const char *words,
		const char *call_id, const struct agent_image *image, struct cua_error *err);

/* Does the model answer in a grammar of its own? */
bool chat_has_grammar(const struct chat *chat);

/* --- request --- */

enum cua_status chat_body(void *self, struct cua_buffer *body, struct cua_error *err);

/* --- answer: chunks to a message --- */

/* One answer while it comes in. */
struct chat_reply {
	bool is_open;
	struct cua_buffer content, refusal, reasoning;
	char reasoning_name[24]; /* as the server spells it */
	cJSON *details;          /* owned; reasoning_details; the last lacks what is in pieces */
	struct cua_buffer detail_text, detail_summary; /* of the last detail, in pieces */
	struct chat_slot *slots;                       /* owned; calls */
	size_t slot_count;
	size_t looked_at; /* bytes of arguments, to see whether they are whole */
	char finish[32];  /* finish_reason; "" while there is none */
	enum { CHAT_HEARD_NOTHING, CHAT_HEARD_REASONING, CHAT_HEARD_CONTENT } heard;
};

void chat_reply_finish(void *own);
enum cua_status chat_take_event(struct model_reply *reply, const char *name, const cJSON *event,
		struct agent_json_span text, struct cua_error *err);
enum cua_status chat_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err);
enum cua_status chat_take_close(struct model_reply *reply, struct cua_error *err);

/* delta: of a stream, or a whole message. */
CUA_NODISCARD enum cua_status chat_message_add(
		struct chat_reply *own, const cJSON *delta, struct cua_error *err);
/* The message to keep; NULL when memory runs out. */
cJSON *chat_message_build(struct chat_reply *own);

/* --- answer: the message to a turn --- */

enum cua_status chat_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err);
enum cua_status chat_add_turn(void *self, const struct model_items *items, struct cua_error *err);

/* --- the "computer" function --- */

#define CHAT_COMPUTER "computer"

/* Is this action one of the computer function's, rather than a function of its own? */
bool chat_tool_has(const char *action);
/* Its description: OpenAI takes no more than 1,024 bytes. */
#define CHAT_HELP_MAX 512
void chat_tool_help(const struct chat_space *space, char *help, size_t size);
/* Its parameters; the caller's. */
cJSON *chat_tool_schema(void);
/* "done" is no action: NULL if the arguments are not that, else the words of the answer. */
const char *chat_tool_done(const cJSON *arguments);
/* Arguments, taken apart, to one canonical action, which is appended. CUA_ERR_INVAL with words for
 * the model. */
CUA_NODISCARD enum cua_status chat_tool_action(
		cJSON *to, const struct chat_space *space, cJSON *arguments, struct cua_error *err);
/* Arguments to one canonical action of the call. What is wrong with them becomes the call's
 * problem; only CUA_ERR_NOMEM is returned. */
CUA_NODISCARD enum cua_status chat_tool_call(struct agent_call *call,
		const struct chat_space *space, cJSON *arguments, struct cua_error *err);

#endif

#ifndef CUA_AGENT_ANTHROPIC_INTERNAL_H
#define CUA_AGENT_ANTHROPIC_INTERNAL_H

/* The Anthropic Messages API, split by direction:
 *   anthropic.c           the conversation; headers; what a server does not take
 *   anthropic_tools.c     the tools that are offered
 *   anthropic_messages.c  messages of the user: tasks and results
 *   anthropic_request.c   the body that is sent: caching, context editing
 *   anthropic_thread.c    what the server keeps of the conversation
 *   anthropic_stream.c    the events that come back, to content blocks
 *   anthropic_turn.c      content blocks to a turn
 *   anthropic_actions.c   members of the computer tool to canonical actions
 *   anthropic_words.c     what the results of members say
 *
 * The parts of a turn are its content blocks, and behind them its end:
 * {"type":"message","id":"msg_01","stop_reason":"tool_use"}. */

#include "agent/model/model_api.h"
#include "agent/model/model_shelf.h"

#define ANTHROPIC_TOOLSET "computer_toolset_20260801"
#define ANTHROPIC_FAMILY "computer" /* the toolset_name of its calls, the name of older tools */
#define ANTHROPIC_BODY_MAX ((size_t)32 << 20) /* bytes; the server takes no more */
#define ANTHROPIC_CALLS_MAX 1000              /* of one turn; more are no plan */

struct anthropic_message {
	char *text;  /* owned; JSON; nothing changes it once it was sent */
	char *plain; /* owned; of the user's: the same without its pictures */
	size_t text_len, plain_len;
	int images;
	size_t image_bytes; /* of its pictures, for which text has marks */
};

/* What a server turned out not to take; each is found out once and remembered. */
struct anthropic_quirks {
	bool no_context_editing, no_display, no_thinking, no_threads, no_unbinding;
};

struct anthropic {
	const struct agent_model_config *config;
	/* In the order of the conversation; what is on the shelf comes first. */
	struct model_shelf shelf;
	struct anthropic_message *messages; /* owned */
	size_t count, capacity;
	int images; /* of all messages, those on the shelf among them */
	bool has_turns;
	char tool[48];          /* the computer tool's type */
	unsigned refused_tools; /* a bit for each that there is */
	double max_tokens, max_tokens_limit;
	struct model_shown shown;
	struct anthropic_quirks quirks;
	/* With threads: the answer that the next request goes on from, and how many of the messages
	 * the server has by then, beside those on the shelf; "" if it has none. */
	char thread[80];
	size_t held;
	double left_out; /* pictures of the conversation that its thread was begun without */
	/* Of the request to come. */
	bool unbinds; /* thoughts that were bound to pictures which are gone may be dropped */
	char betas[256];
	const char *headers[3];
};

/* --- the conversation --- */

/* Of those in memory. */
void anthropic_drop_messages(struct anthropic *talk);
/* Takes text and plain over, whatever the outcome. */
CUA_NODISCARD enum cua_status anthropic_add_message(struct anthropic *talk, char *text, char *plain,
		int images, size_t image_bytes, struct cua_error *err);
enum cua_status anthropic_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err);
enum cua_status anthropic_add_answers(void *self, const struct agent_answer *answers, size_t count,
		const char *note, struct cua_error *err);

/* --- threads: what the server keeps --- */

bool anthropic_uses_threads(const struct anthropic *talk);
/* The next request goes on from an answer. */
bool anthropic_continues(const struct anthropic *talk);
/* end: of the turn that was added last. */
void anthropic_keep_thread(struct anthropic *talk, const cJSON *end);
/* How many of the oldest pictures a thread must be begun without. */
double anthropic_pictures_left_out(const struct anthropic *talk);
/* Before a request: one with too many pictures is left, and all is sent again as a new one. */
void anthropic_end_full_thread(struct anthropic *talk);
/* What the server has is kept out of memory, where there is a place for it. */
void anthropic_shelve(struct anthropic *talk);
/* Brings it back. */
CUA_NODISCARD enum cua_status anthropic_unshelve(struct anthropic *talk, struct cua_error *err);

/* --- the request --- */

enum cua_status anthropic_body(void *self, struct cua_buffer *body, struct cua_error *err);
bool anthropic_edits_context(const struct anthropic *talk);
/* Old pictures may be taken out of what is sent: no thought is bound to them, or the server drops
 * those that are. */
bool anthropic_may_prune(const struct anthropic *talk);

/* The tool is a toolset: each of its actions is a call of its own, marked with its family. */
bool anthropic_is_toolset(const struct anthropic *talk);
/* The header that a tool's type needs; "" for none. */
const char *anthropic_tool_beta(const char *type);
/* After the server refused the tool: the newest that it has not refused, NULL if none is left. */
const char *anthropic_next_tool(struct anthropic *talk);
void anthropic_add_tools(const struct anthropic *talk, cJSON *body);
/* What the loop calls the model's own shell or text editor, which it can run; NULL: it is neither.
 */
const char *anthropic_own_function(const struct anthropic *talk, const char *name);

/* --- the answer --- */

/* A block while it comes in, and what is known of the message. */
struct anthropic_stream {
	bool is_ready;   /* the buffers are */
	bool is_open;    /* between the start of a block and its end */
	bool is_damaged; /* the arguments of a call are no JSON object */
	int index;       /* of the block */
	char id[80], stop_reason[40];
	struct cua_buffer block; /* as it began */
	/* What came in pieces, by what it is of; JSON without quotes or brackets. */
	struct cua_buffer text, thinking, signature, input, citations;
};

void anthropic_stream_finish(void *own);
enum cua_status anthropic_take_event(struct model_reply *reply, const char *name,
		const cJSON *event, struct agent_json_span text, struct cua_error *err);
enum cua_status anthropic_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err);
enum cua_status anthropic_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err);

/* --- members: "left_click", ... --- */

/**
 * anthropic_map_member() - one call of the computer tool to canonical actions.
 * @input:   its arguments.
 * @note:    appended to if the action was changed.
 * @actions: appended to.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with words for the model.
 */
CUA_NODISCARD enum cua_status anthropic_map_member(const char *member, const cJSON *input,
		struct cua_point screen, cJSON *actions, char *note, size_t note_size,
		struct cua_error *err);
/* Its result is a picture. */
bool anthropic_member_shows(const char *member);
/* The member that a call is of, NULL if none: its name, or the "action" of its input. */
const char *anthropic_member_of(const struct agent_call *call, const cJSON *input);
/* What the result of a call says that went well: "Clicked."; "" if its picture says it. */
CUA_NODISCARD enum cua_status anthropic_member_words(const char *member, const cJSON *input,
		const cJSON *results, struct cua_buffer *words, struct cua_error *err);

#endif

#ifndef CUA_AGENT_MODEL_API_H
#define CUA_AGENT_MODEL_API_H

/* What a model API is made of, for the files that implement one, and what they share:
 *   model.c          the table of APIs; the conversation's life
 *   model_request.c  one turn: requests, retries, how they failed
 *   model_reply.c    the bytes that come back, to events; words on their way out
 *   model_items.c    lists of JSON texts
 *   model_turn.c     building a turn: calls, functions, words
 *   model_reading.h  reading calls, to canonical actions
 *   model_shown.c    pictures that need not be sent again
 *   model_tools.c    instructions and functions that are offered to every model
 * An API is one row of the table and files of its own, begun with its name. */

#include "agent/model/json_span.h"
#include "agent/model/model.h"
#include "agent/model/sse.h"

#define MODEL_BODY_MAX ((size_t)480 << 20) /* bytes of one request */
#define MODEL_REPLY_MAX ((size_t)32 << 20) /* bytes of one answer */
#define MODEL_WORDS_MAX ((size_t)1 << 20)  /* bytes of what it says in one turn */
#define MODEL_CALLS_MAX 1024               /* calls in one answer, each with its picture */

/* --- model_items.c: parts of a conversation, each as JSON text --- */

struct model_items {
	char **texts; /* owned */
	size_t count, capacity;
};

CUA_NODISCARD enum cua_status model_items_add(
		struct model_items *items, const char *text, size_t len, struct cua_error *err);
/* NULL counts as out of memory. */
CUA_NODISCARD enum cua_status model_items_add_json(
		struct model_items *items, const cJSON *json, struct cua_error *err);
/* Copies of all that is in more. */
CUA_NODISCARD enum cua_status model_items_add_all(
		struct model_items *items, const struct model_items *more, struct cua_error *err);
/* The first so many go. */
void model_items_drop(struct model_items *items, size_t count);
/* Appends the texts, joined by commas. */
CUA_NODISCARD enum cua_status model_items_join(
		const struct model_items *items, struct cua_buffer *buffer, struct cua_error *err);
void model_items_finish(struct model_items *items);

/* --- one answer while it comes in --- */

enum model_end {
	MODEL_END_NONE, /* it has not said how it ends */
	MODEL_END_COMPLETED,
	MODEL_END_REFUSED,  /* by the model; message may say why */
	MODEL_END_FILTERED, /* by the provider; message may say why */
	MODEL_END_CUT,      /* by a limit of length */
	MODEL_END_FAILED,
};

struct agent_model_api;

struct model_reply {
	/* Filled by the API as events come in. */
	enum model_end end;
	char code[64], message[400]; /* of an end that is not completed */
	struct agent_usage usage;
	struct model_items items; /* the turn, in the parts that its API has, byte for byte */
	void *own;                /* owned; reply_size bytes, zero at first */

	/* Of model_reply.c. */
	const struct agent_model_api *api;
	const struct agent_model_config *config;
	struct agent_sse sse;
	enum { MODEL_FORM_UNKNOWN, MODEL_FORM_SSE, MODEL_FORM_JSON } form;
	struct cua_buffer json; /* of a server that does not stream */
	struct cua_buffer tail; /* words kept back: they may begin the key, or a secret */
	const struct agent_redactor *redactor;
	struct agent_redactor *own_redactor; /* NULL: it is that of config */
	size_t bytes;
	size_t values; /* in the JSON of the items */
	size_t blots;  /* values of secrets that were made illegible in the items */
	bool is_over;  /* the last event was there: a server may leave the connection open */
};

/* Of the key alone, where the caller has none. */
CUA_NODISCARD enum cua_status model_redactor_create(const struct agent_model_config *config,
		struct agent_redactor **ret_redactor, struct cua_error *err);
CUA_NODISCARD enum cua_status model_reply_init(struct model_reply *reply,
		const struct agent_model_api *api, const struct agent_model_config *config,
		struct cua_error *err);
void model_reply_finish(struct model_reply *reply);
/* A cua_http_data_fn; user_data is the reply. What comes after the last event (reply->end says
 * which it was) is not looked at. */
CUA_NODISCARD enum cua_status model_reply_feed(
		const char *data, size_t len, void *user_data, struct cua_error *err);
/* The body is over. */
CUA_NODISCARD enum cua_status model_reply_close(struct model_reply *reply, struct cua_error *err);

/* For the API: a part of the turn, with the key blotted out should it be quoted. */
CUA_NODISCARD enum cua_status model_reply_keep(
		struct model_reply *reply, struct agent_json_span item, struct cua_error *err);
/* For the API: words to be shown while they come. */
CUA_NODISCARD enum cua_status model_reply_words(
		struct model_reply *reply, const char *words, struct cua_error *err);
/* For the API: what the server says the answer used so far. Numbers that are none of tokens would
 * undo what limits have counted, and are a model error. */
CUA_NODISCARD enum cua_status model_reply_use(
		struct model_reply *reply, const struct agent_usage *usage, struct cua_error *err);
/* For the API: keeps what model_error_read() finds. */
void model_reply_error(struct model_reply *reply, const cJSON *error);

/* --- model_request.c: why a request failed --- */

/* error: {"code", "status" or "type", "message"}; what is not there is left as it is. */
void model_error_read(const cJSON *error, char *code, size_t code_size, char *message,
		size_t message_size);

struct model_failure {
	long http_status;   /* 0: the connection or the stream broke */
	bool is_answered;   /* whatever it said */
	bool is_final;      /* asking again would not mend it */
	bool is_mended;     /* by agent_model_api.learn() */
	bool is_refused;    /* for what is in it, as a 400 says: learn() is asked */
	enum model_end end; /* of the answer, if there was one */
	char code[64], param[128], message[400];
	char should_retry[16], retry_after[64], retry_after_ms[64];
};

/* --- an API --- */

struct agent_model_api {
	const char *name;
	const char *key_header; /* how the header with the key begins: "Authorization: Bearer " */

	/* The conversation. config stays where it is as long as the conversation lives. */
	enum cua_status (*create)(const struct agent_model_config *config, void **ret_self,
			struct cua_error *err);
	void (*destroy)(void *self); /* NULL is fine */
	enum cua_status (*add_user)(void *self, const char *text, const struct agent_image *image,
			struct cua_error *err);
	enum cua_status (*add_answers)(void *self, const struct agent_answer *answers, size_t count,
			const char *note, struct cua_error *err);
	/* A turn that is complete; its calls will be answered by add_answers. */
	enum cua_status (*add_turn)(
			void *self, const struct model_items *items, struct cua_error *err);

	/* The request. */
	enum cua_status (*url)(void *self, struct cua_buffer *url, struct cua_error *err);
	/* "Name: value", NULL-terminated, of self; the member is NULL if there are none. */
	const char *const *(*headers)(void *self);
	enum cua_status (*body)(void *self, struct cua_buffer *body, struct cua_error *err);

	/* The answer. */
	size_t reply_size;               /* of reply->own */
	void (*reply_finish)(void *own); /* what own points to; may be NULL */
	/* Not called after reply->end is set. name is "" if the event had none. */
	enum cua_status (*take_event)(struct model_reply *reply, const char *name,
			const cJSON *event, struct agent_json_span text, struct cua_error *err);
	/* The whole answer of a server that does not stream. */
	enum cua_status (*take_body)(struct model_reply *reply, const cJSON *body,
			struct agent_json_span text, struct cua_error *err);
	/* "[DONE]", or the end of the stream, before reply->end was set; may be NULL. */
	enum cua_status (*take_close)(struct model_reply *reply, struct cua_error *err);
	/* The parts of a complete answer, to a turn. */
	enum cua_status (*take_turn)(void *self, const struct model_items *items,
			struct agent_turn *ret_turn, struct cua_error *err);

	/* When it failed. */
	/* What this API's error bodies have beyond the usual; may be NULL. May set is_refused. */
	void (*read_error)(const cJSON *body, struct model_failure *failure);
	/* Changes what is sent, after a refusal or an answer that was cut. False: nothing to
	 * change. */
	bool (*learn)(void *self, const struct model_failure *failure);
};

extern const struct agent_model_api model_api_responses;
extern const struct agent_model_api model_api_chat;
extern const struct agent_model_api model_api_anthropic;
extern const struct agent_model_api model_api_gemini;

/* --- model_shown.c --- */

/* The picture that the model was shown last. An API that may leave a picture out says that the
 * screen is as it was; after some turns it is shown again all the same, since services drop old
 * pictures from what the model sees. */
struct model_shown {
	char sha256[65];
	int left_out; /* since it was shown */
};

extern const char model_unchanged[];

/* May it be left out? If not, it is noted as shown. */
bool model_shown_again(struct model_shown *shown, const struct agent_image *image);
void model_shown_note(struct model_shown *shown, const struct agent_image *image);

/* --- model_turn.c --- */

enum model_words {
	MODEL_COMMENTARY, /* said beside acting */
	MODEL_SUMMARY,    /* of its reasoning */
	MODEL_ANSWER,
	MODEL_REFUSAL,
	MODEL_WORDS_COUNT,
};

struct model_turn_builder {
	const struct agent_model_config *config;
	struct agent_turn turn;
	struct cua_buffer words[MODEL_WORDS_COUNT];
};

void model_turn_begin(struct model_turn_builder *builder, const struct agent_model_config *config);
/* A paragraph; NULL and "" add nothing. */
CUA_NODISCARD enum cua_status model_turn_say(struct model_turn_builder *builder,
		enum model_words kind, const char *text, struct cua_error *err);
/* A slot for one more call; CUA_ERR_MODEL if the id is missing or there already. The pointer is
 * good until the next call is opened. */
CUA_NODISCARD enum cua_status model_turn_open_call(struct model_turn_builder *builder,
		enum agent_call_kind kind, const char *id, const char *name,
		struct agent_call **ret_call, struct cua_error *err);
/* What a function call means: one action, a tool, or give_up. name: as it was offered, whatever the
 * API calls it; may be NULL. arguments: JSON text; "" and NULL mean none. What is wrong with it
 * becomes the call's problem; only CUA_ERR_NOMEM is returned. */
CUA_NODISCARD enum cua_status model_turn_function(struct model_turn_builder *builder,
		struct agent_call *call, const char *name, const char *arguments,
		struct cua_error *err);
/* Ends the building. status: how it went; if not CUA_OK, all is released and it is returned. */
CUA_NODISCARD enum cua_status model_turn_end(struct model_turn_builder *builder,
		enum cua_status status, struct agent_turn *ret_turn, struct cua_error *err);
/* For a turn in which values of secrets were made illegible: with asterisks in its arguments a call
 * is another one than the model's, to a shell one for all files, and must not run. What a person
 * reads may. Not CUA_OK: the turn was released. */
CUA_NODISCARD enum cua_status model_turn_stop_illegible(
		struct agent_turn *turn, struct cua_error *err);

/* The text that answers a function: what the desktop said of its one action, or what the tool said,
 * and the problem.
 * The caller owns it; NULL when memory runs out. */
char *model_answer_text(const struct agent_answer *answer);

/* --- model_tools.c --- */

/* What every model is told before the task. */
extern const char model_instructions[];
/* The same without coordinates and without how a run ends, and that, for models with functions. */
extern const char model_instructions_any[], model_instructions_end[];

/* Such a text, and behind it what the run is told besides. The caller frees it; NULL when memory
 * runs out. */
char *model_with_instructions(const struct agent_model_config *config, const char *text);

/* Calls add once for every function that is offered beside a computer tool: actions, tools, give_up
 * the last. parameters: a JSON schema, to be taken over. */
void model_each_function(const struct agent_model_config *config,
		void (*add)(const char *name, const char *help, cJSON *parameters, void *user_data),
		void *user_data);
/* Is it a tool that the loop runs? */
bool model_offers(const struct agent_model_config *config, const char *name);

#endif

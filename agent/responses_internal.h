#ifndef CUA_AGENT_RESPONSES_INTERNAL_H
#define CUA_AGENT_RESPONSES_INTERNAL_H

/* The OpenAI Responses API with the "computer" tool, split by direction:
 *   responses.c          the conversation and the request with its retries
 *   responses_request.c  the body that is sent
 *   responses_stream.c   the bytes that come back, to items
 *   responses_turn.c     items to a turn
 *   responses_actions.c  actions of the "computer" tool to canonical ones */

#include "agent/json_span.h"
#include "agent/model.h"
#include "agent/sse.h"
#include "cua/base/http_client.h"

#define RESPONSES_STREAM_MAX ((size_t)32 << 20) /* bytes of one answer */
#define RESPONSES_SCROLL_MAX 30                 /* wheel clicks of one action */
#define RESPONSES_WAIT_MS 2000                  /* the "wait" action has no duration */

/* Items of the conversation, each as JSON text. */
struct responses_items {
	char **texts; /* owned */
	size_t count, capacity;
};

CUA_NODISCARD enum cua_status responses_items_add(
		struct responses_items *items, const char *text, size_t len, struct cua_error *err);
void responses_items_finish(struct responses_items *items);

/* --- request --- */

/* What a server turned out not to take; each is found out once and remembered. */
struct responses_quirks {
	bool needs_store; /* refuses store: false */
	bool no_detail;   /* refuses detail in a computer_screenshot */
	bool no_summary;  /* refuses reasoning.summary */
	bool no_include;  /* refuses reasoning.encrypted_content */
	bool no_status;   /* refuses the status of items sent back */
};

/* Learns from a 400. False if it names nothing that could be left out. */
bool responses_quirks_learn(
		struct responses_quirks *quirks, const char *param, const char *message);
/* Brings items that are already there in line with the quirks. */
CUA_NODISCARD enum cua_status responses_items_adapt(struct responses_items *items,
		const struct responses_quirks *quirks, struct cua_error *err);

CUA_NODISCARD enum cua_status responses_body(const struct agent_model_config *config,
		const struct responses_quirks *quirks, const struct responses_items *items,
		struct cua_buffer *body, struct cua_error *err);
CUA_NODISCARD enum cua_status responses_user_item(struct responses_items *items, const char *text,
		const struct agent_image *image, struct cua_error *err);
CUA_NODISCARD enum cua_status responses_answer_item(struct responses_items *items,
		const struct agent_call *call, const char *text, const struct agent_image *image,
		bool acknowledged, bool with_detail, struct cua_error *err);

/* --- answer --- */

enum responses_end {
	RESPONSES_END_NONE, /* the stream has not said how it ends */
	RESPONSES_END_COMPLETED,
	RESPONSES_END_INCOMPLETE,
	RESPONSES_END_FAILED,
};

struct responses_stream {
	struct agent_sse sse;
	const char *secret; /* blotted out wherever it appears; borrowed */
	enum { RESPONSES_FORM_UNKNOWN, RESPONSES_FORM_SSE, RESPONSES_FORM_JSON } form;
	struct cua_buffer json; /* of a server that does not stream */
	size_t bytes;
	struct responses_items items;
	enum responses_end end;
	char code[64], message[400]; /* of an end that is not completed */
	struct agent_usage usage;
};

void responses_stream_init(struct responses_stream *stream, const char *secret);
void responses_stream_finish(struct responses_stream *stream);
/* A cua_http_data_fn; user_data is the stream. Ends with CUA_ERR_CANCELLED after the last event
 * (stream->end then says which it was), since a server may leave the connection open. */
CUA_NODISCARD enum cua_status responses_stream_feed(
		const char *data, size_t len, void *user_data, struct cua_error *err);
/* The body is over. Sets stream->end if the answer was not streamed. */
CUA_NODISCARD enum cua_status responses_stream_close(
		struct responses_stream *stream, struct cua_error *err);

/* All items of a completed response to a turn, or CUA_ERR_MODEL. */
CUA_NODISCARD enum cua_status responses_turn(const struct responses_items *items,
		struct cua_point screen, struct agent_turn *ret_turn, struct cua_error *err);

/**
 * responses_map_action() - one action of the "computer" tool to canonical form.
 * @note:    appended to if the action was changed.
 * @actions: appended to.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with words for the model.
 */
CUA_NODISCARD enum cua_status responses_map_action(const cJSON *action, struct cua_point screen,
		cJSON *actions, char *note, size_t note_size, struct cua_error *err);

#endif

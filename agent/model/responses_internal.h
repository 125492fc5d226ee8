#ifndef CUA_AGENT_RESPONSES_INTERNAL_H
#define CUA_AGENT_RESPONSES_INTERNAL_H

/* The OpenAI Responses API with the "computer" tool, split by direction:
 *   responses.c          the conversation; what a server does not take
 *   responses_request.c  the body that is sent
 *   responses_stream.c   the events that come back, to items
 *   responses_turn.c     items to a turn
 *   responses_actions.c  actions of the "computer" tool to canonical ones */

#include "agent/model/model_api.h"
#include "agent/model/model_shelf.h"

#define RESPONSES_PREVIEW_TOOL "computer_use_preview"
#define RESPONSES_WAIT_MS 2000 /* the "wait" action has no duration */

/* What a server turned out not to take; each is found out once and remembered. */
struct responses_quirks {
	bool needs_store;   /* refuses store: false */
	bool no_detail;     /* refuses detail in a computer_screenshot */
	bool no_summary;    /* refuses reasoning.summary */
	bool no_include;    /* refuses reasoning.encrypted_content */
	bool no_status;     /* refuses the status of items sent back */
	bool no_compaction; /* refuses context_management */
	bool no_threads;    /* keeps no answers */
};

struct responses {
	const struct agent_model_config *config;
	/* input[], in the order of the conversation; what is on the shelf comes first. */
	struct model_shelf shelf;
	struct model_items items;
	size_t adapted; /* how many of the items are in line with the quirks */
	struct responses_quirks quirks;
	/* With threads: the answer that the next request goes on from, and how many of the items
	 * the server has by then, beside those on the shelf; "" if it has none. */
	char thread[80];
	size_t held;
};

/* The type of what stands behind the output items of an answer: {"type", "id"}, the answer's own.
 */
#define RESPONSES_ANSWER "response"

/* The server is asked to keep its answers, so that a request has only what is new. */
bool responses_uses_threads(const struct agent_model_config *config);

/* --- request --- */

enum cua_status responses_body(void *self, struct cua_buffer *body, struct cua_error *err);
enum cua_status responses_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err);
enum cua_status responses_add_answers(void *self, const struct agent_answer *answers, size_t count,
		const char *note, struct cua_error *err);

/* --- answer --- */

enum cua_status responses_take_event(struct model_reply *reply, const char *name,
		const cJSON *event, struct agent_json_span text, struct cua_error *err);
enum cua_status responses_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err);
enum cua_status responses_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err);

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

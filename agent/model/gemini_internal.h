#ifndef CUA_AGENT_GEMINI_INTERNAL_H
#define CUA_AGENT_GEMINI_INTERNAL_H

/* Gemini generateContent with computer use, split by direction:
 *   gemini.c          the conversation; errors; what a server does not take
 *   gemini_request.c  the body that is sent
 *   gemini_stream.c   chunks to parts, and how they end
 *   gemini_turn.c     parts to a turn
 *   gemini_actions.c  predefined functions, of both vocabularies, to canonical actions */

#include "agent/model/model_api.h"

#define GEMINI_GRID 1000 /* coordinates are 0 to 999 over the whole picture */

/* What a server turned out not to take; each is found out once and remembered. */
struct gemini_quirks {
	bool no_desktop;   /* refuses ENVIRONMENT_DESKTOP */
	bool no_detection; /* refuses enablePromptInjectionDetection */
	bool no_thoughts;  /* refuses includeThoughts */
};

/* A call of the last turn, as its answer must name it. */
struct gemini_call {
	char *id, *name; /* owned; id NULL: it had none */
};

struct gemini {
	const struct agent_model_config *config;
	struct model_items contents;
	struct model_items plain;  /* for each of them, it without its pictures; "": it has none */
	struct gemini_call *calls; /* owned; of the last turn */
	size_t call_count;
	int turns; /* of the model, so far */
	struct model_shown shown;
	struct gemini_quirks quirks;
};

/* Is the model of the generation that thinks of a browser? */
bool gemini_is_legacy(const struct gemini *talk);

/* --- request --- */

enum cua_status gemini_body(void *self, struct cua_buffer *body, struct cua_error *err);
enum cua_status gemini_add_user(void *self, const char *text, const struct agent_image *image,
		struct cua_error *err);
enum cua_status gemini_add_answers(void *self, const struct agent_answer *answers, size_t count,
		const char *note, struct cua_error *err);

/* --- answer --- */

/* Text that comes in pieces is one part. */
struct gemini_reply {
	bool has_text, is_thought;
	struct cua_buffer text, first; /* all pieces; the part that the first came in */
	int pieces;
	enum { GEMINI_HEARD_NOTHING, GEMINI_HEARD_THOUGHT, GEMINI_HEARD_TEXT } heard;
};

void gemini_reply_finish(void *own);
enum cua_status gemini_take_event(struct model_reply *reply, const char *name, const cJSON *event,
		struct agent_json_span text, struct cua_error *err);
enum cua_status gemini_take_body(struct model_reply *reply, const cJSON *body,
		struct agent_json_span text, struct cua_error *err);
enum cua_status gemini_take_turn(void *self, const struct model_items *items,
		struct agent_turn *ret_turn, struct cua_error *err);
enum cua_status gemini_add_turn(void *self, const struct model_items *items, struct cua_error *err);

/* Is it one of the API's own functions? */
bool gemini_has_action(const char *name);

/**
 * gemini_map_action() - a predefined function to canonical actions.
 * @args:    taken apart.
 * @actions: appended to.
 * @note:    what was changed.
 *
 * Return: CUA_OK; CUA_ERR_INVAL with words for the model; CUA_ERR_NOMEM.
 */
CUA_NODISCARD enum cua_status gemini_map_action(const char *name, cJSON *args,
		struct cua_point screen, cJSON *actions, char *note, size_t note_size,
		struct cua_error *err);

#endif

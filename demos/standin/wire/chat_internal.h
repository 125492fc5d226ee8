#ifndef CUA_DEMOS_STANDIN_WIRE_CHAT_INTERNAL_H
#define CUA_DEMOS_STANDIN_WIRE_CHAT_INTERNAL_H

/* Chat Completions, with function tools or in the grammar that an open GUI model was trained on:
 *   chat_profiles.c   models by name: grammar and coordinates
 *   chat_request.c    the request but for its messages
 *   chat_messages.c   the replayed conversation
 *   chat_calls.c      a turn as tool calls of the functions that were offered
 *   chat_grammar.c    a turn as text: UI-TARS, Qwen, OpenCUA
 *   chat_answer.c     the completion around it, its stream, errors; known deviations */

#include "demos/standin/wire/check.h"
#include "demos/standin/wire/wire.h"

enum chat_grammar { CHAT_NONE, CHAT_UI_TARS, CHAT_QWEN, CHAT_OPENCUA };

/* What the numbers of coordinates are counted in. */
enum chat_space { CHAT_PIXELS, CHAT_GRID_1000, CHAT_RESIZED };

struct chat_profile {
	const char *prefix;        /* of the model's name, in lower case */
	enum chat_grammar grammar; /* if no tools are offered */
	enum chat_space space;
	const char *point;          /* of UI-TARS: a point, as a format of two numbers */
	int min_pixels, max_pixels; /* of resized pictures */
};

/* By the longest prefix of the name, behind its last slash; never NULL. */
const struct chat_profile *chat_find_profile(const char *model);
/* A place of the newest picture as the model counts. */
struct cua_point chat_point(const struct wire_request *request, struct cua_point point);

bool chat_uses_tools(const struct wire_request *request);
bool chat_offers(const struct wire_request *request, const char *name);
/* The parameters of a function that is offered, NULL if it is not. */
const cJSON *chat_parameters(const struct wire_request *request, const char *name);

/* The one function that takes an "action", if there is such; NULL if there is not. */
const char *chat_computer(const struct wire_request *request, const cJSON **ret_parameters);
/* The values its "action" may have; NULL if they are not listed. */
const cJSON *chat_actions(const cJSON *parameters);

bool chat_read(struct wire_request *request);
bool chat_read_messages(struct wire_request *request, const cJSON *messages);
/* The list of tool calls; NULL when memory runs out. */
cJSON *chat_calls(const struct wire_request *request, const struct play_turn *turn);
/* Appends what the model would write. */
CUA_NODISCARD enum cua_status chat_write(const struct wire_request *request,
		const struct play_turn *turn, struct cua_buffer *text, struct cua_error *err);
const char *chat_cannot_ui_tars(const struct act *act);
const char *chat_cannot_qwen(const struct act *act);
const char *chat_cannot_opencua(const struct act *act);

#endif

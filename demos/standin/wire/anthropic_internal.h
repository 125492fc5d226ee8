#ifndef CUA_DEMOS_STANDIN_WIRE_ANTHROPIC_INTERNAL_H
#define CUA_DEMOS_STANDIN_WIRE_ANTHROPIC_INTERNAL_H

/* The Anthropic Messages API, split by direction:
 *   anthropic_request.c   headers and settings
 *   anthropic_models.c    what each model takes and refuses
 *   anthropic_tools.c     the tools that are offered
 *   anthropic_context.c   context_management
 *   anthropic_threads.c   conversations that the server keeps
 *   anthropic_messages.c  the replayed conversation
 *   anthropic_results.c   the results of a turn's calls
 *   anthropic_images.c    which images are shrunk or refused
 *   anthropic_turn.c      a turn as content blocks
 *   anthropic_answer.c    the message around them, its stream, errors */

#include "demos/standin/wire/check.h"
#include "demos/standin/wire/wire.h"

#define ANTHROPIC_TOOLSET "computer_toolset_20260801"
#define ANTHROPIC_OLDEST_TOOL "computer_20241022"
#define ANTHROPIC_NOT_EXECUTED "Not executed: an earlier computer action in this turn failed."
#define ANTHROPIC_PICTURE_TOKENS 1334 /* 1280x800: one for each 28 by 28 pixels */

enum anthropic_trait {
	ANTHROPIC_TAKES_TOOLSET = 1 << 0,
	ANTHROPIC_TAKES_20251124 = 1 << 1,
	ANTHROPIC_TAKES_20250124 = 1 << 2,
	ANTHROPIC_LARGE_IMAGES = 1 << 3, /* 2576 pixels and 4784 tokens, as against 1568 and 1568 */
	ANTHROPIC_BOUND = 1 << 4,        /* thinking holds for what stood before it alone */
	ANTHROPIC_ALWAYS_THINKS = 1 << 5,
	ANTHROPIC_ADAPTIVE = 1 << 6,       /* thinking is adaptive, not of a budget */
	ANTHROPIC_BETWEEN_TOOLS = 1 << 7,  /* takes that kind of thinking, too */
	ANTHROPIC_NO_FORCING = 1 << 8,     /* refuses tool_choice any and tool */
	ANTHROPIC_NO_SAMPLING = 1 << 9,    /* refuses temperature, top_p, top_k */
	ANTHROPIC_NO_PREFILL = 1 << 10,    /* the last message must be the user's */
	ANTHROPIC_WORDS_THOUGHT = 1 << 11, /* words between calls come as thinking */
	ANTHROPIC_TAKES_20241022 = 1 << 12,
};

struct anthropic_model {
	const char *prefix; /* of its id */
	unsigned traits;
	int max_output; /* tokens; 0: not known, so anything goes */
};

/* By the longest prefix; NULL if there is no such model. */
const struct anthropic_model *anthropic_find_model(const char *id);
bool anthropic_has(const struct wire_request *request, enum anthropic_trait trait);
/* Whether the header anthropic-beta names it. */
bool anthropic_beta(const struct wire_request *request, const char *name);
/* One of the computer toolset's members. */
bool anthropic_is_member(const char *name);
bool anthropic_uses_toolset(const struct wire_request *request);

bool anthropic_read(struct wire_request *request);
bool anthropic_read_tools(struct wire_request *request, const cJSON *tools);
bool anthropic_offers(const struct wire_request *request, const char *name);
bool anthropic_read_context(struct wire_request *request);
/* Of a request that continues a thread it makes the one that brings everything. */
bool anthropic_read_thread(struct wire_request *request);
/* What a thread keeps of the request; NULL without one. */
cJSON *anthropic_hold(const struct wire_request *request);
bool anthropic_read_messages(struct wire_request *request, const cJSON *messages);

/* The content of the message after a turn: whether it answers the calls, once and in order. */
bool anthropic_read_results(struct wire_request *request, const cJSON *content, const char *place);
/* A text block, an image block of the user or of a result. */
bool anthropic_read_block(struct wire_request *request, const cJSON *block, const char *place,
		struct cua_buffer *texts);
/* Checks an image, and remembers it. */
bool anthropic_read_image(struct wire_request *request, const cJSON *block, const char *place);

cJSON *anthropic_content(const struct wire_request *request, const struct play_turn *turn);
/* Why an act cannot be spelt; NULL if it can. The oldest tool has fewer words. */
const char *anthropic_cannot(const struct act *act);
const char *anthropic_cannot_oldest(const struct act *act);
cJSON *anthropic_applied_edits(const struct wire_request *request, double input_tokens);

extern const struct check_member anthropic_cache_control[];

#endif

#ifndef CUA_DEMOS_STANDIN_WIRE_GEMINI_INTERNAL_H
#define CUA_DEMOS_STANDIN_WIRE_GEMINI_INTERNAL_H

/* Gemini generateContent, split by direction:
 *   gemini_request.c   path and settings
 *   gemini_tools.c     the tools that are offered
 *   gemini_contents.c  the replayed conversation
 *   gemini_turn.c      a turn as parts, in both vocabularies
 *   gemini_answer.c    the response around them, its stream, errors */

#include "demos/standin/wire/check.h"
#include "demos/standin/wire/wire.h"

struct gemini_model {
	const char *prefix;
	bool legacy;     /* the vocabulary of the first computer use models */
	bool signs;      /* demands its thought signatures back */
	bool no_minimal; /* refuses the thinking level MINIMAL */
};

bool gemini_takes(struct wire_request *request, const char *path);
bool gemini_read(struct wire_request *request);
bool gemini_check_tools(struct wire_request *request);
bool gemini_offers(const struct wire_request *request, const char *name);
bool gemini_read_contents(struct wire_request *request, const cJSON *contents);
cJSON *gemini_content(const struct wire_request *request, const struct play_turn *turn);
const char *gemini_cannot(const struct act *act);
const char *gemini_cannot_legacy(const struct act *act);

#endif

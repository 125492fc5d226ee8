#ifndef CUA_DEMOS_STANDIN_CONVERSATIONS_H
#define CUA_DEMOS_STANDIN_CONVERSATIONS_H

/* Many clients that play the same script, each from its beginning. The APIs keep no sessions: which
 * conversation a request goes on with shows in its history alone. */

#include "demos/standin/wire/wire.h"

/* The one that was longest without a request is forgotten for the next. */
#define CONVERSATIONS_MAX 256

struct conversations {
	struct play_common *common;            /* borrowed */
	struct play *plays[CONVERSATIONS_MAX]; /* owned; the one asked last is the first */
	int count;
};

void conversations_init(struct conversations *conversations, struct play_common *common);
void conversations_finish(struct conversations *conversations);
/* wire_answer() by the conversation that the request belongs to, or by a new one. */
void conversations_answer(struct conversations *conversations, struct wire_settings *settings,
		const struct wire_http *http, struct wire_reply *ret_reply);

#endif

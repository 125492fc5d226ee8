#ifndef CUA_DEMOS_STANDIN_WIRE_TALK_H
#define CUA_DEMOS_STANDIN_WIRE_TALK_H

/* The conversation as a request replays it: which turns of ours it holds, whether each call is
 * answered once, and what came since. Every API reads its own messages and tells them here. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/buffer.h"
#include "cua/contract/action.h"

struct wire_request;

struct talk_call {
	const char *id, *name; /* borrowed from the turn */
	bool computer;         /* an action, as against a function */
	bool answered;
};

/* A picture that came after the newest turn, and where it stands. */
struct talk_picture {
	const char *base64; /* borrowed from the request */
	char place[160];
};

struct talk {
	int turn;                /* the turn after the newest that was replayed */
	struct talk_call *calls; /* owned; of the newest turn */
	int call_count;
	struct talk_picture *fresh; /* owned; what came earlier was looked at then */
	size_t fresh_count;
	struct talk_picture newest;    /* fresh or not; base64 NULL: there was none */
	struct cua_point picture_size; /* of the newest */
	struct cua_point seen_size; /* at which the model sees it: services shrink what is large */
	unsigned char *png;         /* owned; bytes of the newest */
	size_t png_len;
	int pictures;
	size_t picture_bytes; /* of all, as text */
	int edge_max;         /* the longest side of any */
	struct cua_buffer told, notes;
};

void talk_init(struct talk *talk);
void talk_finish(struct talk *talk);

/* The next turn of ours begins: its calls follow with talk_add_call(). */
void talk_begin_turn(struct talk *talk, int turn);
bool talk_add_call(struct talk *talk, const char *id, const char *name, bool computer);
/* The call of this id, NULL if the newest turn has none. */
struct talk_call *talk_find_call(const struct talk *talk, const char *id);
/* The first that has no answer, or NULL. */
const struct talk_call *talk_unanswered(const struct talk *talk);
/* Text that a function answered, or that the user wrote. */
bool talk_add_text(struct cua_buffer *into, const char *text);
/* Decodes the fresh pictures and fills request->input. */
bool talk_complete(struct wire_request *request);

#endif

#ifndef CUA_DEMOS_STANDIN_PLAY_H
#define CUA_DEMOS_STANDIN_PLAY_H

/* The script as a state machine. Each request brings what came of the last calls; play_answer()
 * goes through steps until one of them needs the computer, and that becomes the next turn.
 *
 * A turn remembers the state after it, so that a request repeated after a broken connection, or one
 * that begins again from the first message, is answered from where its history ends. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "demos/standin/script.h"
#include "demos/standin/see.h"

#define PLAY_TURNS_MAX 2000

/* Reads a picture; tests put words in the place of pixels. */
typedef enum cua_status (*play_read_fn)(void *reader, const void *png, size_t png_len,
		struct see_screen *ret_screen, struct cua_error *err);

struct play_state {
	int step;
	int looks;         /* how often this step asked for another picture */
	uint64_t since_us; /* when this step was first tried; 0: not yet */
	bool called;       /* the step's function call is out; its answer comes next */
	bool ended;
};

struct play_turn {
	cJSON *items; /* owned; the output array as it was sent */
	struct play_state after;
};

struct play {
	const struct script *script; /* borrowed */
	play_read_fn read;
	void *reader;            /* borrowed */
	FILE *log;               /* borrowed; NULL for none */
	struct play_turn *turns; /* owned */
	int turn_count;
	unsigned conversation; /* part of every id, so that an old history is noticed */
	char reason[3072];     /* of giving up */
	bool gave_up;          /* of the newest conversation */
};

/* What a request brought; all of it is borrowed from the request. */
struct play_input {
	int turns_replayed; /* the history ends with this turn; 0: a new conversation */
	const void *png;    /* the newest picture; NULL if there is none */
	size_t png_len;
	const char *told;  /* text of the function outputs that answer the last turn; "" for none */
	const char *notes; /* what the user said since the last turn; "" for none */
	bool can_give_up;  /* the tool give_up is offered */
	bool encrypted;    /* reasoning items carry encrypted_content */
	const char *lacks; /* function the script needs and the request does not offer, or NULL */
};

void play_init(struct play *play, const struct script *script, play_read_fn read, void *reader,
		FILE *log);
void play_finish(struct play *play);

/* Name of the function tool the next unanswered step wants, NULL if it wants none. */
const char *play_function_of(const struct script_step *step);

/**
 * play_answer() - the next turn.
 * @ret_items: the output items, borrowed from the play until the next call.
 *
 * A step that fails is a turn too: it gives up. Only trouble of the stand-in itself is an error.
 *
 * Return: CUA_OK; CUA_ERR_NOMEM; CUA_ERR_TOO_LARGE past PLAY_TURNS_MAX; CUA_ERR_INVAL for a
 *         picture that is no PNG.
 */
CUA_NODISCARD enum cua_status play_answer(struct play *play, const struct play_input *input,
		const cJSON **ret_items, struct cua_error *err);

#endif

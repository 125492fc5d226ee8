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

#include "demos/standin/act.h"
#include "demos/standin/fault.h"
#include "demos/standin/see.h"

#define PLAY_TURNS_MAX 20000
#define PLAY_DIGEST_BYTES 32

/* Reads a picture; tests put words in the place of pixels. */
typedef enum cua_status (*play_read_fn)(void *reader, const void *png, size_t png_len,
		struct see_screen *ret_screen, struct cua_error *err);

struct play_state {
	int step;
	int times;         /* how often this step was played; its option "times" */
	int looks;         /* how often this step asked for another picture */
	uint64_t since_us; /* when this step was first tried; 0: not yet */
	bool called;       /* the step's function call is out; its answer comes next */
	bool has_read;     /* this step has read the newest picture */
	bool ended;
};

struct play_turn {
	struct acts acts;
	struct acts rest;          /* for the turns that follow, if each has one call only */
	char *words;               /* owned; what it tells the person; "" for nothing */
	bool final;                /* it is a message and nothing else */
	bool paused;               /* the server stopped in the middle: the calls are in rest */
	const struct fault *fault; /* what goes wrong with the reply; borrowed; NULL: nothing */
	cJSON *sent; /* owned; the wire's: the turn in the API's spelling, to know it again */
	unsigned char before[PLAY_DIGEST_BYTES]; /* the wire's: digest of what stood before it */
	struct play_state after;
};

/* What all conversations of a script share. */
struct play_common {
	const struct script *script; /* borrowed */
	play_read_fn read;
	void *reader;           /* borrowed */
	FILE *log;              /* borrowed; NULL for none */
	int *faults_played;     /* owned; of each step, how often its fault was played */
	unsigned conversations; /* how many have begun */
};

/* One conversation. */
struct play {
	struct play_common *common; /* borrowed */
	struct play_turn *turns;    /* owned */
	int turn_count;
	cJSON *held;           /* owned; the wire's: what it keeps for requests to come */
	unsigned conversation; /* part of every id, so that an old history is noticed */
	char reason[3072];     /* of giving up */
	bool gave_up;
};

/* What a request brought; all of it is borrowed from the request. */
struct play_input {
	int turns_replayed; /* the history ends with this turn; 0: a new conversation */
	const void *png;    /* the newest picture; NULL if there is none */
	size_t png_len;
	bool is_new;             /* it came since the last turn */
	struct cua_point screen; /* size of the newest picture, since then or before; 0: none */
	const char *told;  /* what the functions answered that the last turn called; "" for none */
	const char *notes; /* what the user or a failed action said since then; "" for none */
	bool can_give_up;  /* the function give_up is offered */
	bool no_computer;  /* nothing is offered to act with */
	unsigned split;    /* enum act_split: what the API has no single words for */
	bool one_call;     /* a turn has one call at most */
	/* Why the API cannot say it; NULL if it can. May be NULL itself. */
	const char *(*cannot)(const struct act *act);
	const char *lacks; /* function the script needs and the request does not offer, or NULL */
};

CUA_NODISCARD enum cua_status play_common_init(struct play_common *common,
		const struct script *script, play_read_fn read, void *reader, FILE *log,
		struct cua_error *err);
void play_common_finish(struct play_common *common);

void play_init(struct play *play, struct play_common *common);
void play_finish(struct play *play);

/* Name of the function tool the next unanswered step wants, NULL if it wants none. */
const char *play_function_of(const struct script_step *step);

/**
 * play_answer() - the next turn.
 * @ret_turn: borrowed from the play until the next call.
 *
 * A step that fails is a turn too: it gives up. Only trouble of the stand-in itself is an error.
 *
 * Return: CUA_OK; CUA_ERR_NOMEM; CUA_ERR_TOO_LARGE past PLAY_TURNS_MAX; CUA_ERR_INVAL for a
 *         picture that is no PNG.
 */
CUA_NODISCARD enum cua_status play_answer(struct play *play, const struct play_input *input,
		struct play_turn **ret_turn, struct cua_error *err);

#endif

#ifndef CUA_DEMOS_STANDIN_STEP_H
#define CUA_DEMOS_STANDIN_STEP_H

/* What each step word does with the newest picture. */

#include "demos/standin/play.h"

enum step_outcome {
	STEP_NEXT,   /* it holds; go on within this turn */
	STEP_SENT,   /* it added an act */
	STEP_LOOK,   /* not yet: it asked for another picture */
	STEP_FAILED, /* context->why says what was missed */
	STEP_DONE,
	STEP_ERROR, /* trouble of the stand-in itself; err says which */
};

/* One turn in the making. */
struct step_context {
	struct play *play;
	const struct play_input *input;
	struct play_state state;
	struct see_screen screen;
	bool has_screen;
	struct acts acts;          /* owned */
	unsigned split;            /* enum act_split: still to be done to them */
	const struct fault *fault; /* what goes wrong with the reply, or NULL */
	char words[3200];          /* what it tells the person */
	char why[1024];            /* why it failed */
	char note[128];            /* for the log */
	bool final;                /* the turn is a message and nothing else */
};

enum step_outcome step_run(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
/* Whether step may ride in the same turn: keys after keys need no look between. */
bool step_joins(const struct step_context *context, const struct script_step *step);
void step_context_finish(struct step_context *context);

#endif

#include "demos/standin/play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/items.h"
#include "demos/standin/step.h"

void play_init(struct play *play, const struct script *script, play_read_fn read, void *reader,
		FILE *log)
{
	memset(play, 0, sizeof(*play));
	play->script = script;
	play->read = read;
	play->reader = reader;
	play->log = log;
}

static void drop_turns(struct play *play, int keep)
{
	while (play->turn_count > keep) {
		cJSON_Delete(play->turns[--play->turn_count].items);
	}
}

void play_finish(struct play *play)
{
	drop_turns(play, 0);
	free(play->turns);
	play->turns = NULL;
}

static enum cua_status keep_turn(struct play *play, cJSON *items, const struct play_state *state,
		struct cua_error *err)
{
	struct play_turn *turns = NULL;
	if (play->turn_count >= PLAY_TURNS_MAX) {
		cJSON_Delete(items);
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %d turns", PLAY_TURNS_MAX);
	}
	turns = realloc(play->turns, ((size_t)play->turn_count + 1) * sizeof(*turns));
	if (!turns) {
		cJSON_Delete(items);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
	}
	play->turns = turns;
	turns[play->turn_count++] = (struct play_turn){ .items = items, .after = *state };
	return CUA_OK;
}

static void give_up(struct play *play, struct step_context *context)
{
	const struct script_step *step = &play->script->steps[context->state.step];
	char seen[768] = "";
	if (context->has_screen) {
		see_screen_tell(&context->screen, seen, sizeof(seen));
	}
	snprintf(play->reason, sizeof(play->reason), "step %d (%s %.60s, line %d): %s%s%s%s%s",
			context->state.step + 1, script_word_name(step->word),
			script_step_text(step), step->line, context->why,
			context->has_screen ? "; on the screen was: " : "", seen,
			context->input->notes[0] ? "; the user said: " : "", context->input->notes);
	play->gave_up = true;
	context->state.ended = true;
	if (play->log) {
		fprintf(play->log, "gave up: %s\n", play->reason);
	}
}

/* Steps until one of them fills the turn. */
static enum cua_status run_steps(
		struct play *play, struct step_context *context, struct cua_error *err)
{
	for (;;) {
		const struct script_step *step = &play->script->steps[context->state.step];
		if (!context->state.since_us) {
			context->state.since_us = cua_now_us();
		}
		enum step_outcome outcome = step_run(context, step, err);
		if (play->log) {
			fprintf(play->log, "step %d (%s %.60s): %s\n", context->state.step + 1,
					script_word_name(step->word), script_step_text(step),
					outcome == STEP_FAILED ? "failed" : context->note);
		}
		switch (outcome) {
		case STEP_ERROR:
			return err->status;
		case STEP_FAILED:
			give_up(play, context);
			return CUA_OK;
		case STEP_LOOK:
			return CUA_OK; /* the same step again, with another picture */
		case STEP_DONE:
			context->state.ended = true;
			return CUA_OK;
		case STEP_NEXT:
		case STEP_SENT:
			break;
		}
		context->state = (struct play_state){ .step = context->state.step + 1 };
		if (outcome == STEP_SENT &&
				!step_joins(context, &play->script->steps[context->state.step])) {
			return CUA_OK;
		}
	}
}

static cJSON *make_items(struct play *play, struct step_context *context)
{
	struct items_ids ids = { .conversation = play->conversation, .turn = play->turn_count };
	const char *reason = play->gave_up ? play->reason : NULL;
	return items_make(&ids, context, reason);
}

static enum cua_status begin(struct play *play, const struct play_input *input,
		struct step_context *context, struct cua_error *err)
{
	if (input->turns_replayed > play->turn_count) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "history is longer than the conversation");
	}
	drop_turns(play, input->turns_replayed);
	if (!input->turns_replayed) {
		play->conversation++;
		play->gave_up = false;
		play->reason[0] = '\0';
	}
	memset(context, 0, sizeof(*context));
	context->play = play;
	context->input = input;
	if (play->turn_count) {
		context->state = play->turns[play->turn_count - 1].after;
	}
	if (!context->state.ended) {
		play->gave_up = false; /* a repeated request takes the failure back */
	}
	context->actions = cJSON_CreateArray();
	return context->actions ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
}

enum cua_status play_answer(struct play *play, const struct play_input *input,
		const cJSON **ret_items, struct cua_error *err)
{
	struct cua_error local;
	struct step_context context;
	err = err ? err : &local;
	enum cua_status status = begin(play, input, &context, err);
	if (status != CUA_OK) {
		return status;
	}
	bool was_ended = context.state.ended;
	if (!was_ended) {
		status = run_steps(play, &context, err);
	}
	cJSON *items = NULL;
	if (status == CUA_OK) {
		context.final = was_ended || (context.state.ended && !play->gave_up) ||
				(play->gave_up && !input->can_give_up);
		items = make_items(play, &context);
		status = items ? keep_turn(play, items, &context.state, err)
			       : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
	}
	step_context_finish(&context);
	if (status == CUA_OK) {
		*ret_items = play->turns[play->turn_count - 1].items;
	}
	return status;
}

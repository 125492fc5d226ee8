#include "demos/standin/play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/step_internal.h"

enum cua_status play_common_init(struct play_common *common, const struct script *script,
		play_read_fn read, void *reader, FILE *log, struct cua_error *err)
{
	*common = (struct play_common){ .script = script,
		.read = read,
		.reader = reader,
		.log = log,
		.faults_played = calloc((size_t)script->step_count, sizeof(int)) };
	return common->faults_played ? CUA_OK : CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "play");
}

void play_common_finish(struct play_common *common)
{
	free(common->faults_played);
	common->faults_played = NULL;
}

void play_init(struct play *play, struct play_common *common)
{
	*play = (struct play){ .common = common };
}

static void turn_finish(struct play_turn *turn)
{
	acts_finish(&turn->acts);
	acts_finish(&turn->rest);
	free(turn->words);
	cJSON_Delete(turn->sent);
}

static void drop_turns(struct play *play, int keep)
{
	while (play->turn_count > keep) {
		turn_finish(&play->turns[--play->turn_count]);
	}
}

void play_finish(struct play *play)
{
	drop_turns(play, 0);
	free(play->turns);
	cJSON_Delete(play->held);
	play->held = NULL;
	play->turns = NULL;
}

/* Acts as the API has words for them, and no more of them than it has room for. */
static bool share_out(const struct acts *acts, unsigned split, bool one_call, struct acts *ret_acts,
		struct acts *ret_rest)
{
	struct acts all = { 0 };
	bool ok = true;
	for (int i = 0; ok && i < acts->count; i++) {
		ok = acts_add_split(&all, &acts->items[i], split);
	}
	for (int i = 0; ok && i < all.count; i++) {
		ok = acts_add_split(one_call && i > 0 ? ret_rest : ret_acts, &all.items[i], 0);
	}
	acts_finish(&all);
	return ok;
}

/* Makes the turn of the context. */
static enum cua_status keep_turn(
		struct play *play, struct step_context *context, struct cua_error *err)
{
	if (play->turn_count >= PLAY_TURNS_MAX) {
		return CUA_FAIL(err, CUA_ERR_TOO_LARGE, 0, "more than %d turns", PLAY_TURNS_MAX);
	}
	struct acts acts = { 0 };
	struct acts rest = { 0 };
	bool shared = share_out(
			&context->acts, context->split, context->input->one_call, &acts, &rest);
	char *words = shared ? strdup(context->words) : NULL;
	struct play_turn *turns = words
			? realloc(play->turns, ((size_t)play->turn_count + 1) * sizeof(*turns))
			: NULL;
	if (!turns) {
		acts_finish(&acts);
		acts_finish(&rest);
		free(words);
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
	}
	play->turns = turns;
	turns[play->turn_count++] = (struct play_turn){ .acts = acts,
		.rest = rest,
		.words = words,
		.final = context->final,
		.fault = context->fault,
		.after = context->state };
	return CUA_OK;
}

static void give_up(struct play *play, struct step_context *context)
{
	const struct script_step *step = &play->common->script->steps[context->state.step];
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
	if (play->common->log) {
		fprintf(play->common->log, "[%u] gave up: %s\n", play->conversation, play->reason);
	}
}

/* One step; what the API has no words for fails. */
static enum step_outcome run_step(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	int first = context->acts.count;
	enum step_outcome outcome = step_run(context, step, err);
	for (int i = first; context->input->cannot && i < context->acts.count; i++) {
		const char *why = context->input->cannot(&context->acts.items[i]);
		if (why) {
			return step_failed(context, "%s", why);
		}
	}
	return outcome;
}

/* Steps until one of them fills the turn. */
static enum cua_status run_steps(
		struct play *play, struct step_context *context, struct cua_error *err)
{
	if (context->input->no_computer) {
		step_failed(context, "the request offers no computer tool");
		give_up(play, context);
		return CUA_OK;
	}
	const struct play_common *common = play->common;
	for (;;) {
		const struct script_step *step = &common->script->steps[context->state.step];
		if (!context->state.since_us) {
			context->state.since_us = cua_now_us();
		}
		enum step_outcome outcome = run_step(context, step, err);
		if (common->log) {
			fprintf(common->log, "[%u] step %d (%s %.60s): %s\n", play->conversation,
					context->state.step + 1, script_word_name(step->word),
					script_step_text(step),
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
		bool again = ++context->state.times < step->times;
		context->state = (struct play_state){
			.step = context->state.step + !again,
			.times = again ? context->state.times : 0,
		};
		if (outcome == STEP_SENT && !step->batch &&
				!step_joins(context, &common->script->steps[context->state.step])) {
			return CUA_OK;
		}
	}
}

/* What a turn that gives up says or calls in place of what it had. */
static enum cua_status make_give_up(
		struct play *play, struct step_context *context, struct cua_error *err)
{
	const char *told = play->common->script->give_up;
	acts_finish(&context->acts);
	if (context->final) {
		snprintf(context->words, sizeof(context->words), "%s%s",
				told ? "" : "I gave up: ", told ? told : play->reason);
		return CUA_OK;
	}
	context->words[0] = '\0';
	struct act *act = acts_add(&context->acts, ACT_FUNCTION);
	if (act) {
		act->text = "give_up";
		act->json = cJSON_CreateObject();
	}
	return act && cJSON_AddStringToObject(act->json, "reason", told ? told : play->reason)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
}

static enum cua_status complete(struct play *play, struct step_context *context, bool was_ended,
		struct cua_error *err)
{
	context->final = was_ended || (context->state.ended && !play->gave_up) ||
			(play->gave_up && !context->input->can_give_up);
	if (play->gave_up) {
		return make_give_up(play, context, err);
	}
	if (context->final && !context->words[0]) {
		snprintf(context->words, sizeof(context->words), "Done.");
	}
	return CUA_OK;
}

static enum cua_status begin(struct play *play, const struct play_input *input,
		struct step_context *context, struct cua_error *err)
{
	if (input->turns_replayed > play->turn_count) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "history is longer than the conversation");
	}
	drop_turns(play, input->turns_replayed);
	if (!input->turns_replayed) {
		play->conversation = ++play->common->conversations;
		play->gave_up = false;
		play->reason[0] = '\0';
	}
	memset(context, 0, sizeof(*context));
	context->play = play;
	context->input = input;
	context->split = input->split;
	if (play->turn_count) {
		context->state = play->turns[play->turn_count - 1].after;
	}
	if (!context->state.ended) {
		play->gave_up = false; /* a repeated request takes the failure back */
	}
	return CUA_OK;
}

/* A look is left, and what it would show came with the answer to the call before it. */
static bool has_seen(const struct acts *rest, const struct play_input *input)
{
	return input->is_new && rest->count == 1 && rest->items[0].kind == ACT_SCREENSHOT;
}

/* What the last turn had no room for, split already. */
static enum cua_status take_rest(
		struct step_context *context, const struct acts *rest, struct cua_error *err)
{
	context->split = 0;
	for (int i = 0; i < rest->count; i++) {
		if (!acts_add_split(&context->acts, &rest->items[i], 0)) {
			return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "turn");
		}
	}
	return CUA_OK;
}

enum cua_status play_answer(struct play *play, const struct play_input *input,
		struct play_turn **ret_turn, struct cua_error *err)
{
	struct cua_error local;
	struct step_context context;
	err = err ? err : &local;
	enum cua_status status = begin(play, input, &context, err);
	if (status != CUA_OK) {
		return status;
	}
	const struct play_turn *last = play->turn_count ? &play->turns[play->turn_count - 1] : NULL;
	bool was_ended = context.state.ended;
	if (last && last->rest.count && !has_seen(&last->rest, input)) {
		status = take_rest(&context, &last->rest, err);
	} else {
		status = was_ended ? CUA_OK : run_steps(play, &context, err);
		if (status == CUA_OK) {
			status = complete(play, &context, was_ended, err);
		}
	}
	if (status == CUA_OK) {
		status = keep_turn(play, &context, err);
	}
	step_context_finish(&context);
	if (status == CUA_OK) {
		*ret_turn = &play->turns[play->turn_count - 1];
	}
	return status;
}

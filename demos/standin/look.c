/* Step words that look at the screen. */

#include "demos/standin/step_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/match.h"

/* The first looks follow at once, since reading a screen takes a second by itself. */
#define LOOKS_WITHOUT_WAIT 2

enum step_outcome step_failed(struct step_context *context, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(context->why, sizeof(context->why), fmt, args);
	va_end(args);
	return STEP_FAILED;
}

void step_say(struct step_context *context, const char *fmt, ...)
{
	size_t len = strlen(context->words);
	if (len && len + 1 < sizeof(context->words)) {
		context->words[len++] = ' ';
	}
	va_list args;
	va_start(args, fmt);
	vsnprintf(context->words + len, sizeof(context->words) - len, fmt, args);
	va_end(args);
}

enum step_outcome step_no_memory(struct cua_error *err)
{
	cua_error_set(err, CUA_ERR_NOMEM, ENOMEM, "turn");
	return STEP_ERROR;
}

static bool read_screen(struct step_context *context, struct cua_error *err)
{
	if (context->has_screen) {
		return true;
	}
	enum cua_status status = context->play->common->read(context->play->common->reader,
			context->input->png, context->input->png_len, &context->screen, err);
	context->has_screen = context->state.has_read = status == CUA_OK;
	return context->has_screen;
}

/* Another picture, or the end of patience; why must be written already. */
enum step_outcome step_look_again(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	int within_s = step->within_s < 0 ? STEP_WITHIN_DEFAULT_S : step->within_s;
	uint64_t waited_us = cua_now_us() - context->state.since_us;
	if (waited_us >= (uint64_t)within_s * 1000000U) {
		size_t len = strlen(context->why);
		snprintf(context->why + len, sizeof(context->why) - len, " within %d s", within_s);
		return STEP_FAILED;
	}
	bool wait = context->state.looks++ >= LOOKS_WITHOUT_WAIT;
	snprintf(context->note, sizeof(context->note), "%.100s; looking again", context->why);
	if ((wait && !acts_add(&context->acts, ACT_WAIT)) ||
			!acts_add(&context->acts, ACT_SCREENSHOT)) {
		return step_no_memory(err);
	}
	return STEP_LOOK;
}

enum step_outcome step_need_picture(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	if (!context->input->screen.x) {
		snprintf(context->why, sizeof(context->why), "got no picture");
		return step_look_again(context, step, err);
	}
	return STEP_NEXT;
}

/* A look that brings no picture says that the screen is as on the newest. */
static bool is_there_to_read(const struct step_context *context)
{
	const struct play_state *state = &context->state;
	return context->input->png &&
			(context->input->is_new || (state->looks > 0 && !state->has_read));
}

enum step_outcome step_need_screen(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	if (!is_there_to_read(context)) {
		snprintf(context->why, sizeof(context->why), "got no picture");
		return step_look_again(context, step, err);
	}
	return read_screen(context, err) ? STEP_NEXT : STEP_ERROR;
}

bool step_on_screen(const struct step_context *context, const char *text)
{
	struct match place;
	return match_find(&context->screen, text, &place, 1) > 0;
}

enum step_outcome step_run_see(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	enum step_outcome outcome = step_need_screen(context, step, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	int found = 0;
	const char *missing = NULL;
	const char *present = NULL;
	for (int i = 0; i < step->texts.count; i++) {
		bool here = step_on_screen(context, step->texts.items[i]);
		found += here;
		*(here ? &present : &missing) = step->texts.items[i];
	}
	bool holds = step->word == SCRIPT_GONE          ? found == 0
			: step->word == SCRIPT_WAIT_FOR ? found > 0
							: found == step->texts.count;
	if (holds) {
		snprintf(context->note, sizeof(context->note), "holds");
		if (step->say) {
			step_say(context, "%s", step->say);
		}
		return STEP_NEXT;
	}
	if (step->word == SCRIPT_GONE) {
		snprintf(context->why, sizeof(context->why), "'%s' was still there", present);
	} else {
		snprintf(context->why, sizeof(context->why), "did not find '%s'", missing);
	}
	return step->word == SCRIPT_EXPECT ? STEP_FAILED : step_look_again(context, step, err);
}

#include "demos/standin/step_internal.h"

#include <string.h>
#include <strings.h>

#include "cua/base/util.h"

#define JOINED_MAX 8 /* acts of keys that follow each other in one turn */

static enum step_outcome run_keys(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	const char *text = script_step_text(step);
	bool type = step->word == SCRIPT_TYPE;
	struct act *act = acts_add(&context->acts, type ? ACT_TYPE : ACT_KEY);
	if (!act) {
		return step_no_memory(err);
	}
	*(type ? &act->text : &act->keys) = text;
	act->count = step->count;
	if (type) {
		STEP_SAY(context, step, "I type %zu bytes of text.", strlen(text));
	} else {
		STEP_SAY(context, step, "I press %s.", text);
	}
	snprintf(context->note, sizeof(context->note), "sent");
	return STEP_SENT;
}

static const struct function_of {
	const char *name, *argument;
} functions[SCRIPT_WORD_COUNT] = {
	[SCRIPT_OPEN_APP] = { "open_app", "name" },
	[SCRIPT_SWITCH_APP] = { "switch_app", "name" },
	[SCRIPT_OPEN_URL] = { "open_url", "url" },
	[SCRIPT_CLIPBOARD_SET] = { "clipboard_set", "text" },
	[SCRIPT_CLIPBOARD_IS] = { "clipboard_get", NULL },
};

const char *play_function_of(const struct script_step *step)
{
	return functions[step->word].name;
}

/* What came back from a function says that it failed. */
static bool tells_failure(const char *told)
{
	CUA_AUTO_JSON cJSON *json = cJSON_Parse(told);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "error");
	const char *status = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "status"));
	return (error && !cJSON_IsNull(error)) || (status && strcmp(status, "failed") == 0) ||
			strncasecmp(told, "error", 5) == 0 || strncasecmp(told, "failed", 6) == 0;
}

static enum step_outcome run_function(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	const char *text = script_step_text(step);
	const struct function_of *function = &functions[step->word];
	if (context->state.called) {
		const char *told = context->input->told;
		if (tells_failure(told)) {
			return step_failed(context, "the call failed: %.500s", told);
		}
		if (step->word == SCRIPT_CLIPBOARD_IS && !strstr(told, text)) {
			return step_failed(context, "the clipboard was: %.500s", told);
		}
		snprintf(context->note, sizeof(context->note), "answered");
		return STEP_NEXT;
	}
	if (context->input->lacks) {
		return step_failed(context, "the tool %s is not offered", context->input->lacks);
	}
	struct act *act = acts_add(&context->acts, ACT_FUNCTION);
	if (!act || !(act->json = cJSON_CreateObject())) {
		return step_no_memory(err);
	}
	act->text = function->name;
	if (function->argument) {
		cJSON_AddStringToObject(act->json, function->argument, text);
	}
	STEP_SAY(context, step, "I call %s%s%.200s.", function->name,
			function->argument ? " with " : "", function->argument ? text : "");
	context->state.called = true;
	snprintf(context->note, sizeof(context->note), "called");
	return STEP_LOOK; /* the same step takes the answer */
}

static enum step_outcome run_call(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct act *act = acts_add(&context->acts, ACT_RAW);
	if (!act || !(act->json = cJSON_Parse(script_step_text(step)))) {
		return step_no_memory(err);
	}
	snprintf(context->note, sizeof(context->note), "called");
	return STEP_SENT;
}

/* The same answer without the fault comes to the request that is sent again. */
static enum step_outcome run_fault(struct step_context *context, const struct script_step *step)
{
	const struct play_common *common = context->play->common;
	int *played = &common->faults_played[step - common->script->steps];
	if (*played < step->fault->times) {
		(*played)++;
		context->fault = step->fault;
	}
	snprintf(context->note, sizeof(context->note), "%s", context->fault ? "on" : "was");
	return STEP_NEXT;
}

enum step_outcome step_run(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	context->note[0] = '\0';
	context->why[0] = '\0';
	switch (step->word) {
	case SCRIPT_SAY:
		step_say(context, "%s", script_step_text(step));
		return STEP_NEXT;
	case SCRIPT_SEE:
	case SCRIPT_WAIT_FOR:
	case SCRIPT_GONE:
	case SCRIPT_EXPECT:
		return step_run_see(context, step, err);
	case SCRIPT_CLICK_TEXT:
	case SCRIPT_CLICK_AT:
		return step_run_click(context, step, err);
	case SCRIPT_DRAG_TEXT:
		return step_run_drag(context, step, err);
	case SCRIPT_DRAW:
		return step_run_draw(context, step, err);
	case SCRIPT_SCROLL:
		return step_run_scroll(context, step, err);
	case SCRIPT_TYPE:
	case SCRIPT_KEY:
		return run_keys(context, step, err);
	case SCRIPT_CALL:
		return run_call(context, step, err);
	case SCRIPT_FAULT:
		return run_fault(context, step);
	case SCRIPT_DONE:
		step_say(context, "%s", script_step_text(step));
		return STEP_DONE;
	default:
		return run_function(context, step, err);
	}
}

bool step_joins(const struct step_context *context, const struct script_step *step)
{
	for (int i = 0; i < context->acts.count; i++) {
		if (context->acts.items[i].kind != ACT_TYPE &&
				context->acts.items[i].kind != ACT_KEY) {
			return false;
		}
	}
	return context->acts.count < JOINED_MAX &&
			(step->word == SCRIPT_TYPE || step->word == SCRIPT_KEY);
}

void step_context_finish(struct step_context *context)
{
	see_screen_finish(&context->screen);
	acts_finish(&context->acts);
}

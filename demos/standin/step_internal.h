#ifndef CUA_DEMOS_STANDIN_STEP_INTERNAL_H
#define CUA_DEMOS_STANDIN_STEP_INTERNAL_H

/* Shared by step.c, look.c and mouse.c. */

#include "demos/standin/step.h"

#define STEP_WITHIN_DEFAULT_S 20

/* Says why, and yields STEP_FAILED. */
enum step_outcome step_failed(struct step_context *context, const char *fmt, ...) CUA_PRINTF(2, 3);
/* Adds to what the turn tells the person. */
void step_say(struct step_context *context, const char *fmt, ...) CUA_PRINTF(2, 3);
enum step_outcome step_no_memory(struct cua_error *err);
/* Another picture, or the end of patience; context->why must be written already. */
enum step_outcome step_look_again(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
/* STEP_NEXT once there is a picture since the last turn, and it is read. */
enum step_outcome step_need_screen(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
/* STEP_NEXT once there was a picture at all: places have a size to be in. */
enum step_outcome step_need_picture(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
bool step_on_screen(const struct step_context *context, const char *text);
enum step_outcome step_run_see(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
enum step_outcome step_run_click(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
enum step_outcome step_run_drag(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
enum step_outcome step_run_draw(struct step_context *context, const struct script_step *step,
		struct cua_error *err);
enum step_outcome step_run_scroll(struct step_context *context, const struct script_step *step,
		struct cua_error *err);

/* The step's own words if the script has some, else the made-up ones. */
#define STEP_SAY(context, step, ...) \
	((step)->say ? step_say((context), "%s", (step)->say) : step_say((context), __VA_ARGS__))

#endif

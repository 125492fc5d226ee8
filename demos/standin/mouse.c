/* Step words that use the mouse. */

#include "demos/standin/step_internal.h"

#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "demos/standin/match.h"

static bool inside(const struct step_context *context, struct cua_point point)
{
	return point.x >= 0 && point.y >= 0 && point.x < context->screen.width_px &&
			point.y < context->screen.height_px;
}

/* The middle of the text asked for, plus dx and dy: STEP_NEXT once it is known. */
static enum step_outcome find_target(struct step_context *context, const struct script_step *step,
		struct cua_point *ret_point, struct cua_error *err)
{
	enum step_outcome outcome = step_need_screen(context, step, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	const struct match_query query = { .text = script_step_text(step),
		.nth = step->nth,
		.relation = step->relation,
		.anchor = step->anchor };
	struct match place;
	if (!match_pick(&context->screen, &query, &place, context->why, sizeof(context->why))) {
		return step_look_again(context, step, err);
	}
	struct cua_point point = { (place.box.left + place.box.right) / 2 + step->dx,
		(place.box.top + place.box.bottom) / 2 + step->dy };
	if (!inside(context, point)) {
		return step_failed(context, "(%d, %d) is outside the picture", point.x, point.y);
	}
	snprintf(context->note, sizeof(context->note), "found it, goes to %d,%d", point.x, point.y);
	*ret_point = point;
	return STEP_NEXT;
}

static enum step_outcome add_click(struct step_context *context, const struct script_step *step,
		struct cua_point point, struct cua_error *err)
{
	struct act *act = acts_add(&context->acts, ACT_CLICK);
	if (!act) {
		return step_no_memory(err);
	}
	act->point = point;
	act->button = step->button ? step->button : "left";
	act->count = step->count;
	act->keys = step->keys;
	return STEP_SENT;
}

enum step_outcome step_run_click(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct cua_point point = step->point;
	if (step->word == SCRIPT_CLICK_AT) {
		enum step_outcome outcome = step_need_picture(context, step, err);
		if (outcome != STEP_NEXT) {
			return outcome;
		}
		STEP_SAY(context, step, "I click at %d, %d.", point.x, point.y);
		snprintf(context->note, sizeof(context->note), "at %d,%d", point.x, point.y);
		return add_click(context, step, point, err);
	}
	enum step_outcome outcome = find_target(context, step, &point, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	STEP_SAY(context, step, "I see \"%s\" and %s it.", script_step_text(step),
			step->count == 2 ? "double-click" : "click");
	return add_click(context, step, point, err);
}

static enum step_outcome add_drag(struct step_context *context, const struct script_step *step,
		const struct cua_point *points, int count, struct cua_error *err)
{
	for (int i = 0; i < count; i++) {
		if (!inside(context, points[i])) {
			return step_failed(context, "(%d, %d) is outside the picture", points[i].x,
					points[i].y);
		}
	}
	struct act *act = acts_add(&context->acts, ACT_DRAG);
	struct cua_point *copy = calloc((size_t)count, sizeof(*copy));
	if (!act || !copy) {
		free(copy);
		return step_no_memory(err);
	}
	memcpy(copy, points, (size_t)count * sizeof(*copy));
	act->path = (struct script_path){ copy, count };
	act->keys = step->keys;
	return STEP_SENT;
}

enum step_outcome step_run_drag(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct cua_point from;
	enum step_outcome outcome = find_target(context, step, &from, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	struct cua_point to = { from.x + step->by.x, from.y + step->by.y };
	if (step->to) {
		const struct match_query query = { .text = step->to };
		struct match place;
		if (!match_pick(&context->screen, &query, &place, context->why,
				    sizeof(context->why))) {
			return step_look_again(context, step, err);
		}
		to.x = (place.box.left + place.box.right) / 2;
		to.y = (place.box.top + place.box.bottom) / 2;
	}
	/* Points on the way: applications tell a drag from a click by motion while pressed. */
	struct cua_point path[5];
	for (int i = 0; i < 5; i++) {
		path[i] = (struct cua_point){ from.x + (to.x - from.x) * i / 4,
			from.y + (to.y - from.y) * i / 4 };
	}
	STEP_SAY(context, step, "I drag from \"%s\".", script_step_text(step));
	return add_drag(context, step, path, 5, err);
}

enum step_outcome step_run_draw(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	struct cua_point from;
	enum step_outcome outcome = find_target(context, step, &from, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	CUA_AUTO_FREE struct cua_point *points = calloc((size_t)step->path.count, sizeof(*points));
	if (!points) {
		return step_no_memory(err);
	}
	for (int i = 0; i < step->path.count; i++) {
		points[i].x = from.x + step->path.points[i].x;
		points[i].y = from.y + step->path.points[i].y;
	}
	STEP_SAY(context, step, "I draw a line of %d points.", step->path.count);
	return add_drag(context, step, points, step->path.count, err);
}

enum step_outcome step_run_scroll(
		struct step_context *context, const struct script_step *step, struct cua_error *err)
{
	enum step_outcome outcome = step_need_screen(context, step, err);
	if (outcome != STEP_NEXT) {
		return outcome;
	}
	if (step->until && step_on_screen(context, step->until)) {
		snprintf(context->note, sizeof(context->note), "sees '%.80s'", step->until);
		return STEP_NEXT;
	}
	struct cua_point point = { context->screen.width_px / 2, context->screen.height_px / 2 };
	if (step->at) {
		const struct match_query query = { .text = step->at };
		struct match place;
		if (!match_pick(&context->screen, &query, &place, context->why,
				    sizeof(context->why))) {
			return step_look_again(context, step, err);
		}
		point.x = (place.box.left + place.box.right) / 2;
		point.y = (place.box.top + place.box.bottom) / 2;
	}
	int within_s = step->within_s < 0 ? STEP_WITHIN_DEFAULT_S : step->within_s;
	if (step->until && cua_now_us() - context->state.since_us > (uint64_t)within_s * 1000000U) {
		return step_failed(context, "did not find '%s' within %d s of scrolling",
				step->until, within_s);
	}
	struct act *act = acts_add(&context->acts, ACT_SCROLL);
	if (!act) {
		return step_no_memory(err);
	}
	act->point = point;
	act->scroll_px = step->number;
	STEP_SAY(context, step, "I scroll%s%s%s.", step->until ? " to look for \"" : "",
			step->until ? step->until : "", step->until ? "\"" : "");
	snprintf(context->note, sizeof(context->note), "by %d", step->number);
	return step->until ? STEP_LOOK : STEP_SENT;
}

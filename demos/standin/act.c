#include "demos/standin/act.h"

#include <stdlib.h>
#include <string.h>

struct act *acts_add(struct acts *acts, enum act_kind kind)
{
	if (acts->count == ACTS_MAX) {
		return NULL;
	}
	struct act *items = realloc(acts->items, ((size_t)acts->count + 1) * sizeof(*items));
	if (!items) {
		return NULL;
	}
	acts->items = items;
	items[acts->count] = (struct act){ .kind = kind, .count = 1 };
	return &items[acts->count++];
}

static struct act *add_at(struct acts *acts, enum act_kind kind, struct cua_point point)
{
	struct act *act = acts_add(acts, kind);
	if (act) {
		act->point = point;
	}
	return act;
}

static bool add_copy(struct acts *acts, const struct act *act, int count)
{
	struct act *copy = acts_add(acts, act->kind);
	if (!copy) {
		return false;
	}
	*copy = *act;
	copy->count = count;
	copy->json = cJSON_Duplicate(act->json, true);
	copy->path.points = NULL;
	if (act->path.count) {
		size_t size = (size_t)act->path.count * sizeof(*act->path.points);
		copy->path.points = malloc(size);
		if (copy->path.points) {
			memcpy(copy->path.points, act->path.points, size);
		}
	}
	return (!act->json || copy->json) && (!act->path.count || copy->path.points);
}

static bool add_bent_drag(struct acts *acts, const struct act *act)
{
	const struct cua_point *points = act->path.points;
	bool ok = add_at(acts, ACT_MOVE, points[0]) && add_at(acts, ACT_PRESS, points[0]);
	for (int i = 1; ok && i < act->path.count; i++) {
		ok = add_at(acts, ACT_MOVE, points[i]);
	}
	return ok && add_at(acts, ACT_RELEASE, points[act->path.count - 1]);
}

bool acts_add_split(struct acts *acts, const struct act *act, unsigned split)
{
	if (act->kind == ACT_DRAG && split & ACT_SPLIT_BENT_DRAGS && !act_is_straight(act)) {
		return add_bent_drag(acts, act);
	}
	if (act->kind == ACT_DRAG && split & ACT_SPLIT_DRAGS) {
		return add_at(acts, ACT_MOVE, act->path.points[0]) && add_copy(acts, act, 1);
	}
	if ((act->kind == ACT_SCROLL && split & ACT_SPLIT_SCROLLS) ||
			(act->kind == ACT_CLICK && split & ACT_SPLIT_CLICKS)) {
		return add_at(acts, ACT_MOVE, act->point) && add_copy(acts, act, act->count);
	}
	int copies = act->kind == ACT_KEY && split & ACT_SPLIT_KEYS ? act->count : 1;
	bool ok = true;
	for (int i = 0; ok && i < copies; i++) {
		ok = add_copy(acts, act, copies > 1 ? 1 : act->count);
	}
	return ok;
}

void acts_finish(struct acts *acts)
{
	for (int i = 0; i < acts->count; i++) {
		free(acts->items[i].path.points);
		cJSON_Delete(acts->items[i].json);
	}
	free(acts->items);
	*acts = (struct acts){ 0 };
}

bool act_is_straight(const struct act *act)
{
	const struct cua_point *points = act->path.points;
	int last = act->path.count - 1;
	for (int i = 1; i < last; i++) {
		/* Points on the way are rounded: a pixel to either side is on the line. */
		int x = points[0].x + (points[last].x - points[0].x) * i / last;
		int y = points[0].y + (points[last].y - points[0].y) * i / last;
		if (abs(points[i].x - x) > 1 || abs(points[i].y - y) > 1) {
			return false;
		}
	}
	return true;
}

#include "demos/standin/act.h"

#include <stdlib.h>

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

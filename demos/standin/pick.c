/* Which of several places where a text stands is meant. */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "demos/standin/match.h"

/* How far from the anchor's column or row a place may stand, in pixels. */
#define ASTRAY_X 150
#define ASTRAY_Y 30

static int middle_x(const struct see_box *box)
{
	return (box->left + box->right) / 2;
}

static int middle_y(const struct see_box *box)
{
	return (box->top + box->bottom) / 2;
}

/* How far a place is from the anchor, INT_MAX if it does not lie in the direction asked for.
 * "below" means in the column and "right_of" in the row, so that a text which was not read is
 * missed rather than mistaken for one elsewhere. */
static int relation_cost(enum script_relation relation, const struct see_box *place,
		const struct see_box *anchor)
{
	int dx = middle_x(place) - middle_x(anchor);
	int dy = middle_y(place) - middle_y(anchor);
	bool vertical = relation == SCRIPT_BELOW || relation == SCRIPT_ABOVE;
	bool horizontal = relation == SCRIPT_RIGHT_OF || relation == SCRIPT_LEFT_OF;
	if ((vertical && abs(dx) > ASTRAY_X) || (horizontal && abs(dy) > ASTRAY_Y)) {
		return INT_MAX;
	}
	switch (relation) {
	case SCRIPT_BELOW:
		return place->top < anchor->bottom - 2 ? INT_MAX : dy + 3 * abs(dx) / 4;
	case SCRIPT_ABOVE:
		return place->bottom > anchor->top + 2 ? INT_MAX : -dy + 3 * abs(dx) / 4;
	case SCRIPT_RIGHT_OF:
		return place->left < anchor->right - 2 ? INT_MAX : dx + 3 * abs(dy);
	case SCRIPT_LEFT_OF:
		return place->right > anchor->left + 2 ? INT_MAX : -dx + 3 * abs(dy);
	default:
		return abs(dx) + abs(dy);
	}
}

static const char *relation_name(enum script_relation relation)
{
	static const char *const names[] = { "anywhere", "near", "below", "above", "right of",
		"left of" };
	return names[relation];
}

/* Says where the places are, so that a person can write nth. */
static void tell_places(const struct match *places, int count, char *out, size_t size)
{
	size_t len = 0;
	for (int i = 0; i < count && len < size; i++) {
		len += (size_t)snprintf(out + len, size - len, "%s(%d,%d)", i ? " " : "",
				middle_x(&places[i].box), middle_y(&places[i].box));
	}
}

static bool pick_related(const struct see_screen *screen, const struct match_query *query,
		const struct match *places, int count, struct match *ret_place, char *why,
		size_t why_size)
{
	struct match anchors[MATCH_PLACES_MAX];
	int anchor_count = match_find(screen, query->anchor, anchors, MATCH_PLACES_MAX);
	if (anchor_count != 1) {
		snprintf(why, why_size, "%s '%s', %s",
				anchor_count ? "found more than one" : "did not find",
				query->anchor, "which tells the place");
		return false;
	}
	int best = -1;
	int best_cost = INT_MAX;
	for (int i = 0; i < count; i++) {
		int cost = relation_cost(query->relation, &places[i].box, &anchors[0].box);
		if (cost < best_cost) {
			best = i;
			best_cost = cost;
		}
	}
	if (best < 0) {
		snprintf(why, why_size, "did not find '%s' %s '%s'", query->text,
				relation_name(query->relation), query->anchor);
		return false;
	}
	*ret_place = places[best];
	return true;
}

bool match_pick(const struct see_screen *screen, const struct match_query *query,
		struct match *ret_place, char *why, size_t why_size)
{
	struct match places[MATCH_PLACES_MAX];
	int count = match_find(screen, query->text, places, MATCH_PLACES_MAX);
	if (!count) {
		snprintf(why, why_size, "did not find '%s'", query->text);
		return false;
	}
	if (query->relation != SCRIPT_ANYWHERE) {
		return pick_related(screen, query, places, count, ret_place, why, why_size);
	}
	if (query->nth > count) {
		snprintf(why, why_size, "found '%s' %d times, not %d", query->text, count,
				query->nth);
		return false;
	}
	if (!query->nth && count > 1) {
		char where[256] = "";
		tell_places(places, count, where, sizeof(where));
		snprintf(why, why_size,
				"found '%s' %d times, at %s; say which by nth, near, below, ...",
				query->text, count, where);
		return false;
	}
	*ret_place = places[query->nth ? query->nth - 1 : 0];
	return true;
}

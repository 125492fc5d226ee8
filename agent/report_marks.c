#include "agent/report_internal.h"

#include <math.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

struct point {
	double x, y;
};

/* On small screens style makes it larger, around its middle. */
static void put_ring(FILE *out, struct point at, int number)
{
	fprintf(out, "<g style=\"transform-origin:%.0fpx %.0fpx\">", at.x, at.y);
	fprintf(out, "<circle class=\"under\" cx=\"%.0f\" cy=\"%.0f\" r=\"16\"/>", at.x, at.y);
	fprintf(out, "<circle class=\"over\" cx=\"%.0f\" cy=\"%.0f\" r=\"16\"/>", at.x, at.y);
	fprintf(out, "<circle class=\"dot\" cx=\"%.0f\" cy=\"%.0f\" r=\"2.5\"/>", at.x, at.y);
	fprintf(out, "<circle class=\"dot\" cx=\"%.0f\" cy=\"%.0f\" r=\"11\"/>", at.x + 19,
			at.y - 19);
	fprintf(out, "<text x=\"%.0f\" y=\"%.0f\">%d</text></g>", at.x + 19, at.y - 13.5, number);
}

static void put_line(FILE *out, struct point from, struct point to)
{
	static const char *const classes[] = { "under", "over" };
	double length = hypot(to.x - from.x, to.y - from.y);
	double ux = length > 0 ? (to.x - from.x) / length : 0,
	       uy = length > 0 ? (to.y - from.y) / length : 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(classes); i++) {
		fprintf(out,
				"<path class=\"%s\" d=\"M%.0f %.0fL%.0f %.0fM%.1f %.1fL%.0f "
				"%.0fL%.1f "
				"%.1f\"/>",
				classes[i], from.x, from.y, to.x, to.y, to.x - 14 * ux - 8 * uy,
				to.y - 14 * uy + 8 * ux, to.x, to.y, to.x - 14 * ux + 8 * uy,
				to.y - 14 * uy - 8 * ux);
	}
}

static struct point point_of(const cJSON *json)
{
	if (cJSON_IsArray(json)) {
		const cJSON *x = cJSON_GetArrayItem(json, 0), *y = cJSON_GetArrayItem(json, 1);
		return (struct point){ cJSON_IsNumber(x) ? x->valuedouble : 0,
			cJSON_IsNumber(y) ? y->valuedouble : 0 };
	}
	return (struct point){ cua_json_number(json, "x"), cua_json_number(json, "y") };
}

static void put_drag(FILE *out, const cJSON *path, int number)
{
	const cJSON *at = NULL;
	struct point from = point_of(path->child);
	cJSON_ArrayForEach (at, path) {
		struct point to = point_of(at);
		if (at != path->child) {
			put_line(out, from, to);
		}
		from = to;
	}
	put_ring(out, point_of(path->child), number);
}

static void put_mark(FILE *out, const cJSON *action, int number)
{
	const cJSON *path = cua_json_member(action, "path");
	if (cJSON_IsArray(path) && path->child) {
		put_drag(out, path, number);
	} else if (cua_json_member(action, "x") && cua_json_member(action, "y")) {
		struct point at = point_of(action);
		double x = cua_json_number(action, "scroll_x"),
		       y = cua_json_number(action, "scroll_y");
		if (x != 0 || y != 0) {
			double length = hypot(x, y);
			put_line(out, at,
					(struct point){ at.x + 60 * x / length,
							at.y + 60 * y / length });
		}
		put_ring(out, at, number);
	}
}

void report_put_marks(FILE *out, const cJSON *events)
{
	int number = 0;
	const cJSON *event = NULL, *action = NULL;
	cJSON_ArrayForEach (event, events) {
		if (agent_event_is(event, "intent")) {
			cJSON_ArrayForEach (action, cua_json_member(event, "actions")) {
				put_mark(out, action, ++number);
			}
		}
	}
}

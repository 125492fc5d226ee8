#ifndef CUA_CONTRACT_SCALE_H
#define CUA_CONTRACT_SCALE_H

/* Between the pixels of a picture of the screen and the pixels of the screen. A model that sees a
 * picture of another size speaks of that picture. */

#include <cjson/cJSON.h>

#include "cua/contract/action.h"

/* A picture of width x height pixels shows region, pixels of the screen. */
struct cua_scale {
	int width, height; /* 0: no scaling */
	struct cua_region region;
};

/**
 * cua_scale_pixel_to_screen() - the pixel of a line of `screen` pixels that pixel `at` of a line of
 * `picture` pixels stands for.
 *
 * Inside the part that the picture's pixel shows, where that is a pixel at least: its middle lies
 * there. First goes to first and last to last. at is 0 to picture - 1, the result 0 to screen - 1.
 */
int cua_scale_pixel_to_screen(int at, int picture, int screen);

/* The same the other way: a picture that is no larger than the screen is asked for the pixel that
 * shows the middle of the screen's. Each undoes the other on the way from the smaller to the larger
 * and back. */
int cua_scale_pixel_to_picture(int at, int picture, int screen);

/* An edge between pixels, 0 to picture, to the nearest edge of the screen, and back. */
int cua_scale_edge_to_screen(int edge, int picture, int screen);
int cua_scale_edge_to_picture(int edge, int picture, int screen);

struct cua_point cua_scale_to_screen(const struct cua_scale *scale, struct cua_point point);
struct cua_point cua_scale_to_picture(const struct cua_scale *scale, struct cua_point point);

/**
 * cua_scale_action() - an action in the picture's pixels becomes one in those of the screen.
 *
 * Points, paths, regions, and the sizes of windows. A region keeps one pixel at least.
 */
void cua_scale_action(const struct cua_scale *scale, struct cua_action *action);

/**
 * cua_scale_answer() - coordinates in an answer of the desktop become the picture's.
 *
 * Objects with numbers x and y, with width and height if they have those, and lists of four
 * numbers named frame, box, bounds, region, or inside the lists changed, boxes and regions. What
 * lies outside the picture keeps its place beyond its edges. Objects named screenshot or image
 * describe pictures and stay as they are.
 */
void cua_scale_answer(const struct cua_scale *scale, cJSON *answer);

/**
 * cua_scale_parse() - the member "coordinates" of a request: [width, height], or an object with
 * width, height and, for a picture of a part of the screen, region.
 *
 * Return: CUA_OK; CUA_ERR_INVAL naming member, value and bound.
 */
CUA_NODISCARD enum cua_status cua_scale_parse(const cJSON *json, struct cua_point screen,
		struct cua_scale *ret_scale, struct cua_error *err);

#endif

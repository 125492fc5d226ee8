#ifndef CUA_DISPLAY_ACTIVITY_H
#define CUA_DISPLAY_ACTIVITY_H

/* What on the screen really changes, and which parts of it move by themselves. Damage says where
 * something was drawn; only pixels that differ count as a change. A part that changes again and
 * again without an input is an animation: a caret, a spinner, a video. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/contract/action.h"

struct display;
struct activity;

/* NULL when memory runs out. */
struct activity *activity_create(void);
void activity_destroy(struct activity *activity);

/* The server reports drawing. late: what was drawn before an input, and told after it. */
void activity_damaged(struct display *display, const struct cua_region *area, bool late);
/* An input begins: what was drawn before is not its doing, and what comes after is not yet known
 * to move by itself. Reads nothing. */
void activity_input(struct display *display);
/* From here to the next input nobody looks at what is drawn; where it is drawn is still noted. */
void activity_rest(struct display *display);

/* Drawing was reported that has not been looked at. */
bool activity_is_pending(const struct display *display);
/* Reads what was drawn on and compares it with what was there. */
CUA_NODISCARD enum cua_status activity_check(struct display *display, struct cua_error *err);

/* Changes of pixels so far, outside of what moves by itself. */
uint64_t activity_changes(const struct display *display);
/* Those of them that cannot be a caret. */
uint64_t activity_wide_changes(const struct display *display);
/* When the last change was drawn, in the terms of cua_now_us(); 0: none since the input. */
uint64_t activity_last_us(const struct display *display);
/* When the rest after the last change ends: small_us or large_us after it, by how much changed,
 * and later where one place changed again and again. 0: nothing changed since the input. */
uint64_t activity_rest_us(const struct display *display, uint64_t small_us, uint64_t large_us);
/* Something moves by itself, faster than a caret, and did so after since_us. */
bool activity_is_moving(const struct display *display, uint64_t since_us);
/* Whether the pixel belongs to something that moves by itself; *ret_end is how far to the right,
 * at most end, the answer stays the same. */
bool activity_moves_at(const struct display *display, int x, int y, int end, int *ret_end);
/* An array of what moves by itself: {"region": [x, y, w, h], "kind": "caret", "period_ms": 530}. */
cJSON *activity_describe(const struct display *display);

#endif

#ifndef CUA_DEMOS_STANDIN_ACT_H
#define CUA_DEMOS_STANDIN_ACT_H

/* What the player wants done, in the spelling of no API; wire/ spells it. Texts that are not owned
 * belong to the script. */

#include <cjson/cJSON.h>

#include "demos/standin/script.h"

#define ACTS_MAX 1024 /* in one turn */

enum act_kind {
	ACT_SCREENSHOT,
	ACT_WAIT,
	ACT_MOVE,
	ACT_PRESS,   /* the left button, at the pointer */
	ACT_RELEASE, /* the same */
	ACT_CLICK,
	ACT_DRAG,
	ACT_SCROLL,
	ACT_TYPE,
	ACT_KEY,
	ACT_FUNCTION,
	ACT_RAW, /* a call as the script spelt it for one API */
};

struct act {
	enum act_kind kind;
	struct cua_point point; /* move, click, scroll: pixels of the picture */
	const char *button;     /* click: left, right, middle, back, forward */
	int count;              /* click, key: how often */
	const char *keys;       /* click, drag: held meanwhile; key: the chord; "ctrl+s", or NULL */
	const char *text;       /* type: the text; function: its name */
	struct script_path path; /* drag; owned */
	int scroll_px;           /* down is positive */
	cJSON *json;             /* owned; function: its arguments; raw: the call */
};

struct acts {
	struct act *items; /* owned, and what they own */
	int count;
};

/* What an API has no words for, and says with several acts. */
enum act_split {
	ACT_SPLIT_BENT_DRAGS = 1 << 0, /* press, moves, release */
	ACT_SPLIT_DRAGS = 1 << 1,      /* a move to the start first: it drags from the pointer */
	ACT_SPLIT_SCROLLS = 1 << 2,    /* a move first: it scrolls at the pointer */
	ACT_SPLIT_KEYS = 1 << 3,       /* each press by itself */
	ACT_SPLIT_CLICKS = 1 << 4,     /* a move first: it clicks at the pointer */
};

/* A new act at the end, borrowed; NULL when memory runs out or there are ACTS_MAX. */
struct act *acts_add(struct acts *acts, enum act_kind kind);
/* A copy of act at the end, split as said by enum act_split; false when there is no room. */
bool acts_add_split(struct acts *acts, const struct act *act, unsigned split);
void acts_finish(struct acts *acts);
/* Whether the points of a drag lie on one line, in order. */
bool act_is_straight(const struct act *act);

#endif

#ifndef CUA_CONTRACT_ACTION_H
#define CUA_CONTRACT_ACTION_H

/* The action vocabulary. One table says which actions exist, what arguments they take within
 * which bounds, and what they are for; the parser, the JSON schema shown to models, the command
 * line and its help all read that table. Adding an action starts in action_table.c. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/contract/effect.h"

#define CUA_ACTIONS_MAX 256        /* actions in one request */
#define CUA_ACTION_TEXT_MAX 65536  /* bytes of UTF-8 in one string */
#define CUA_ACTION_POINTS_MAX 4096 /* points of a drag */
#define CUA_ACTION_KEYS_MAX 8      /* keys of a chord */
#define CUA_ACTION_KEY_NAME_MAX 32 /* bytes of a key's spelling, NUL included */
#define CUA_ACTION_DURATION_MAX_MS 60000
#define CUA_ACTION_CLIPBOARD_MAX (4 << 20)  /* bytes of text or HTML for the clipboard */
#define CUA_ACTION_PNG_BASE64_MAX (8 << 20) /* characters */
#define CUA_ACTION_FILES_MAX (256 << 10)    /* bytes of a list of files */
#define CUA_PICTURE_EDGE_MAX 16384          /* of a picture whose size is asked for */

enum cua_action_type {
	CUA_ACTION_SCREENSHOT,
	CUA_ACTION_MOVE,
	CUA_ACTION_CLICK,
	CUA_ACTION_MOUSE_DOWN,
	CUA_ACTION_MOUSE_UP,
	CUA_ACTION_DRAG,
	CUA_ACTION_SCROLL,
	CUA_ACTION_TYPE,
	CUA_ACTION_KEY,
	CUA_ACTION_HOLD_KEY,
	CUA_ACTION_WAIT,
	CUA_ACTION_WAIT_FOR,
	CUA_ACTION_CURSOR_POSITION,
	CUA_ACTION_OPEN_APP,
	CUA_ACTION_SWITCH_APP,
	CUA_ACTION_OPEN_URL,
	CUA_ACTION_CLIPBOARD_GET,
	CUA_ACTION_CLIPBOARD_SET,
	CUA_ACTION_LIST_WINDOWS,
	CUA_ACTION_FOCUS_WINDOW,
	CUA_ACTION_CLOSE_WINDOW,
	CUA_ACTION_KILL_WINDOW,
	CUA_ACTION_MOVE_WINDOW,
	CUA_ACTION_RESIZE_WINDOW,
	CUA_ACTION_MAXIMIZE_WINDOW,
	CUA_ACTION_MINIMIZE_WINDOW,
	CUA_ACTION_RESTORE_WINDOW,
	CUA_ACTION_RESIZE_SCREEN,
	CUA_ACTION_READ_SCREEN,
	CUA_ACTION_FIND_TEXT,
	CUA_ACTION_READ_TEXT,
	CUA_ACTION_MARK_SCREEN,
	CUA_ACTION_TYPE_COUNT,
};

/* Numbers of the X core protocol; the values of the "button" argument. */
enum cua_button {
	CUA_BUTTON_LEFT = 1,
	CUA_BUTTON_MIDDLE = 2,
	CUA_BUTTON_RIGHT = 3,
	CUA_BUTTON_BACK = 8,
	CUA_BUTTON_FORWARD = 9,
};

enum cua_selection {
	CUA_SELECTION_CLIPBOARD,
	CUA_SELECTION_PRIMARY, /* what is marked; pasted with the middle button */
	CUA_SELECTION_COUNT,
};

enum cua_clipboard_format {
	CUA_CLIPBOARD_TEXT,
	CUA_CLIPBOARD_HTML,
	CUA_CLIPBOARD_PNG,
	CUA_CLIPBOARD_FILES,
	CUA_CLIPBOARD_FORMAT_COUNT,
};

/* How text is typed; the values of the "via" argument. */
enum cua_via { CUA_VIA_KEYS, CUA_VIA_CLIPBOARD };

struct cua_point {
	int x, y; /* pixels of the root window */
};

struct cua_region {
	int x, y, width, height; /* pixels of the root window */
};

/* The values of "format" and "level" of a screenshot, in the order of their names. */
enum cua_picture_format { CUA_PICTURE_PNG, CUA_PICTURE_JPEG, CUA_PICTURE_WEBP };
enum cua_picture_level { CUA_PICTURE_FAST, CUA_PICTURE_SMALL };

/* What wait_for waits for; the values of its "until". */
enum cua_wait {
	CUA_WAIT_TEXT,
	CUA_WAIT_TEXT_GONE,
	CUA_WAIT_WINDOW,
	CUA_WAIT_WINDOW_GONE,
	CUA_WAIT_URL,
	CUA_WAIT_CHANGE,
	CUA_WAIT_REST,
	CUA_WAIT_COUNT,
};

/* Spellings as given; cua/contract/key.h turns them into keysyms. */
struct cua_keys {
	int count;
	char names[CUA_ACTION_KEYS_MAX][CUA_ACTION_KEY_NAME_MAX];
};

/* A parsed action. Arguments that were not given hold the table's default. */
struct cua_action {
	enum cua_action_type type;
	struct cua_point at; /* where has_at is false: the pointer stays where it is */
	bool has_at;
	int button;             /* enum cua_button */
	int count;              /* clicks, or times a chord is pressed */
	struct cua_keys keys;   /* the chord, or the modifiers held during a mouse action */
	struct cua_point *path; /* owned */
	int path_len;
	int scroll_x, scroll_y;          /* wheel clicks; positive is right, down */
	char *text;                      /* owned; text, application, URL */
	char *html, *png_base64, *files; /* owned; for the clipboard; NULL: not given */
	int clipboard_format;            /* enum cua_clipboard_format */
	int selection;                   /* enum cua_selection */
	int via;                         /* enum cua_via */
	int duration_ms;
	int until; /* enum cua_wait */
	int rest_ms, timeout_ms;
	uint32_t window;          /* X window id */
	struct cua_region region; /* width 0: the whole screen */
	int max_edge;             /* 0: no scaling */
	int width, height;        /* of a picture (0: what the rest makes it), a window */
	bool pointer;             /* draw the pointer */
	int format, level;        /* enum cua_picture_format, enum cua_picture_level */
	int quality;              /* of JPEG and WebP */
	char *ref;                /* owned; an element instead of at; NULL: none */
	char *from, *to;          /* owned; elements before and after path; NULL: none */
	char *lang;               /* owned; of text recognition; NULL: what is installed */
	int max_nodes, depth;     /* bounds of a tree */
	bool all;                 /* elements that do not show, too */
	bool structured;          /* elements as objects instead of as text */
};

void cua_action_finish(struct cua_action *action);

/**
 * cua_action_parse() - check one JSON action against the table.
 * @json:       {"action": "click", "x": 1, "y": 2, ...}; borrowed.
 * @screen:     bounds for coordinates in pixels; NULL skips that check.
 * @ret_action: set on CUA_OK only; release with cua_action_finish().
 *
 * Unknown members, wrong types and values out of bounds are errors that name the member, the
 * value and the bound. Nothing is clamped.
 */
CUA_NODISCARD enum cua_status cua_action_parse(const cJSON *json, const struct cua_point *screen,
		struct cua_action *ret_action, struct cua_error *err);

/* --- the table itself --- */

enum cua_arg_type {
	CUA_ARG_INTEGER, /* int */
	CUA_ARG_BOOLEAN, /* bool */
	CUA_ARG_STRING,  /* UTF-8 without NUL */
	CUA_ARG_BUTTON,  /* a name of enum cua_button */
	CUA_ARG_KEYS,    /* "ctrl+s" or ["CTRL", "S"] */
	CUA_ARG_PATH,    /* [[x, y], ...] or [{"x":, "y":}, ...] */
	CUA_ARG_REGION,  /* [x, y, width, height] */
	CUA_ARG_WINDOW,  /* X window id: number, or string with 0x */
	CUA_ARG_CHOICE,  /* one of spec.choices; int, its index */
};

struct cua_arg_spec {
	const char *name; /* NULL ends a list */
	enum cua_arg_type type;
	bool required;
	bool is_x, is_y; /* a coordinate: bounded by the screen, sets has_at */
	int min, max;    /* integers: bounds; strings: bytes; paths: points */
	int default_value;
	size_t offset; /* in struct cua_action */
	const char *help;
	const char *const *choices; /* NULL-terminated; CUA_ARG_CHOICE */
	/* Has no effect, and so is refused, unless the argument of this name, a choice, has a value
	 * of values: 1 << its index. NULL: it always means something. */
	const char *with;
	unsigned int values;
};

/* NULL-terminated, by enum. */
extern const char *const cua_clipboard_format_names[CUA_CLIPBOARD_FORMAT_COUNT + 1];
extern const char *const cua_wait_names[CUA_WAIT_COUNT + 1];
extern const char *const cua_selection_names[CUA_SELECTION_COUNT + 1];

#define CUA_ACTION_ARGS_MAX 8

enum cua_device { CUA_DEVICE_NONE, CUA_DEVICE_POINTER, CUA_DEVICE_KEYBOARD };

struct cua_action_spec {
	const char *name;
	const char *help; /* one sentence; shown to people and to models */
	bool is_input;    /* touches the desktop: needs the input lease, is followed by settling */
	bool is_function; /* offered to models that have a built-in computer tool as a function */
	enum cua_device device; /* that it uses as a person would */
	unsigned int effect;    /* of enum cua_effect; none without is_input, CHANGES always with */
	struct cua_arg_spec args[CUA_ACTION_ARGS_MAX + 1];
};

/* Indexed by enum cua_action_type. */
extern const struct cua_action_spec cua_action_table[CUA_ACTION_TYPE_COUNT];

/* NULL if there is no action of this name. */
const struct cua_action_spec *cua_action_find(const char *name);

/* JSON schema of one action's arguments, without the "action" member; the caller owns it.
 * NULL when memory runs out. */
cJSON *cua_action_schema(const struct cua_action_spec *spec);

const char *cua_button_name(int button);

#endif

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "cua/contract/action.h"

#define FIELD(member) .offset = offsetof(struct cua_action, member)

#define VALUE(choice) (1U << (choice))
#define WITH(arg_name, allowed) .with = (arg_name), .values = (allowed)
#define WAITS_FOR_PICTURE (VALUE(CUA_WAIT_CHANGE) | VALUE(CUA_WAIT_REST))
#define WAITS_FOR_TEXT (VALUE(CUA_WAIT_TEXT) | VALUE(CUA_WAIT_TEXT_GONE))
#define WAITS_FOR_WINDOW (VALUE(CUA_WAIT_WINDOW) | VALUE(CUA_WAIT_WINDOW_GONE))

#define ARG_X(needed) \
	{ \
		"x", CUA_ARG_INTEGER, .required = (needed), .is_x = true, .max = 32767, \
				      FIELD(at.x), \
				      .help = "pixels from the left edge of the screen" \
	}
#define ARG_Y(needed) \
	{ \
		"y", CUA_ARG_INTEGER, .required = (needed), .is_y = true, .max = 32767, \
				      FIELD(at.y), \
				      .help = "pixels from the top edge of the screen" \
	}
#define ARG_REF \
	{ \
		"ref", CUA_ARG_STRING, \
				.min = 1, .max = 16, FIELD(ref), \
				.help = "instead of x and y: an element as read_screen names " \
					"it, such as e12" \
	}
#define ARG_DRAG_END(arg_name, member, which) \
	{ \
		(arg_name), CUA_ARG_STRING, \
				.min = 1, .max = 16, FIELD(member), \
				.help = "an element as read_screen names it, such as e12: " \
					"the " which " point, beside those of path" \
	}
#define ARG_LANG \
	{ \
		"lang", CUA_ARG_STRING, .min = 1, .max = 64, FIELD(lang), \
					.help = "of text recognition, in Tesseract's names: eng, " \
						"deu+eng; without it, what is installed" \
	}
#define ARG_ONE_WINDOW \
	{ \
		"window", CUA_ARG_WINDOW, FIELD(window), \
				.help = "this window alone; without it, all that show" \
	}
#define ARG_REGION(what) \
	{ \
		"region", CUA_ARG_REGION, FIELD(region), .help = (what) \
	}
#define ARG_MODIFIERS \
	{ \
		"keys", CUA_ARG_KEYS, FIELD(keys), .help = "modifier keys held during the action" \
	}
#define ARG_BUTTON \
	{ \
		"button", CUA_ARG_BUTTON, .default_value = CUA_BUTTON_LEFT, FIELD(button), \
					  .help = "mouse button" \
	}
#define ARG_CHORD \
	{ \
		"keys", CUA_ARG_KEYS, \
				.required = true, FIELD(keys), \
				.help = "the chord: \"ctrl+s\", \"Return\", or a list of names" \
	}
#define ARG_WINDOW \
	{ \
		"window", CUA_ARG_WINDOW, .required = true, FIELD(window), \
					  .help = "window id as list_windows gives it" \
	}
#define ARG_DURATION(needed, what) \
	{ \
		"duration_ms", CUA_ARG_INTEGER, .required = (needed), \
						.max = CUA_ACTION_DURATION_MAX_MS, \
						FIELD(duration_ms), .help = (what) \
	}
#define ARG_TEXT(arg_name, least, what) \
	{ \
		(arg_name), CUA_ARG_STRING, .required = true, .min = (least), \
					    .max = CUA_ACTION_TEXT_MAX, FIELD(text), \
					    .help = (what) \
	}

#define ARG_SIZE(arg_name, member) \
	{ \
		(arg_name), CUA_ARG_INTEGER, .required = true, .min = 1, .max = 32767, \
					     FIELD(member), .help = "pixels of the screen" \
	}
#define ARG_CONTENT(arg_name, most, member, what) \
	{ \
		(arg_name), CUA_ARG_STRING, .max = (most), FIELD(member), .help = (what) \
	}
#define ARG_SELECTION \
	{ \
		"selection", CUA_ARG_CHOICE, FIELD(selection), \
				.choices = cua_selection_names, \
				.help = "primary is what is marked, pasted with the " \
					"middle button" \
	}

/* A mouse and a keyboard can do whatever the application does then. */
#define EFFECT_ANY (CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS | CUA_EFFECT_REACHES_OUT)
#define EFFECT_ONCE (CUA_EFFECT_CHANGES | CUA_EFFECT_ONCE)

const char *const cua_clipboard_format_names[CUA_CLIPBOARD_FORMAT_COUNT + 1] = { "text", "html",
	"png", "files", NULL };
const char *const cua_selection_names[CUA_SELECTION_COUNT + 1] = { "clipboard", "primary", NULL };
const char *const cua_wait_names[CUA_WAIT_COUNT + 1] = { "text", "text_gone", "window",
	"window_gone", "url", "change", "rest", NULL };
static const char *const picture_formats[] = { "png", "jpeg", "webp", NULL };
static const char *const picture_levels[] = { "fast", "small", NULL };

static const char *const via_names[] = { "keys", "clipboard", NULL };

const struct cua_action_spec cua_action_table[CUA_ACTION_TYPE_COUNT] = {
	[CUA_ACTION_SCREENSHOT] = { "screenshot",
			"Take a picture of the screen, or of a region of it, scaled if need be.",
			.args = { { "region", CUA_ARG_REGION, FIELD(region),
						  .help = "[x, y, width, height] in pixels of the "
							  "screen" },
					{ "max_edge", CUA_ARG_INTEGER, .max = 32767,
							FIELD(max_edge),
							.help = "scale down so that the longer "
								"edge has so many pixels" },
					{ "width", CUA_ARG_INTEGER, .max = CUA_PICTURE_EDGE_MAX,
							FIELD(width),
							.help = "scale, up or down, to this width; "
								"0: as height makes it" },
					{ "height", CUA_ARG_INTEGER, .max = CUA_PICTURE_EDGE_MAX,
							FIELD(height),
							.help = "scale, up or down, to this "
								"height; 0: as width makes it" },
					{ "pointer", CUA_ARG_BOOLEAN, .default_value = 1,
							FIELD(pointer),
							.help = "draw the pointer" },
					{ "format", CUA_ARG_CHOICE, .choices = picture_formats,
							FIELD(format), .help = "file format" },
					{ "level", CUA_ARG_CHOICE, .choices = picture_levels,
							FIELD(level),
							.help = "what counts more: time (fast) or "
								"bytes (small)" },
					{ "quality", CUA_ARG_INTEGER, .min = 1, .max = 100,
							.default_value = 80, FIELD(quality),
							WITH("format",
									VALUE(CUA_PICTURE_JPEG) |
											VALUE(CUA_PICTURE_WEBP)),
							.help = "of jpeg and webp" } } },
	[CUA_ACTION_MOVE] = { "move", "Move the pointer.", .is_input = true, .effect = EFFECT_ONCE,
			.device = CUA_DEVICE_POINTER,
			.args = { ARG_X(false), ARG_Y(false), ARG_MODIFIERS, ARG_REF } },
	[CUA_ACTION_CLICK] = { "click", "Click, double-click or triple-click a mouse button.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_POINTER,
			.args = { ARG_X(false), ARG_Y(false), ARG_BUTTON,
					{ "count", CUA_ARG_INTEGER, .min = 1, .max = 3,
							.default_value = 1, FIELD(count),
							.help = "1 to 3 clicks" },
					ARG_MODIFIERS, ARG_REF } },
	[CUA_ACTION_MOUSE_DOWN] = { "mouse_down", "Press a mouse button and leave it down.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_POINTER,
			.is_function = true,
			.args = { ARG_X(false), ARG_Y(false), ARG_BUTTON, ARG_REF } },
	[CUA_ACTION_MOUSE_UP] = { "mouse_up", "Release a mouse button that mouse_down pressed.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_POINTER,
			.is_function = true,
			.args = { ARG_X(false), ARG_Y(false), ARG_BUTTON, ARG_REF } },
	[CUA_ACTION_DRAG] = { "drag",
			"Press a button at the first point, visit all, release at the last.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_POINTER,
			.args = { { "path", CUA_ARG_PATH, .max = CUA_ACTION_POINTS_MAX, FIELD(path),
						  .help = "points [x, y], at least two with from "
							  "and to" },
					ARG_BUTTON, ARG_MODIFIERS,
					ARG_DRAG_END("from", from, "first"),
					ARG_DRAG_END("to", to, "last") } },
	[CUA_ACTION_SCROLL] = { "scroll", "Turn the mouse wheel.", .is_input = true,
			.effect = CUA_EFFECT_CHANGES, .device = CUA_DEVICE_POINTER,
			.args = { ARG_X(false), ARG_Y(false),
					{ "scroll_x", CUA_ARG_INTEGER, .min = -100, .max = 100,
							FIELD(scroll_x),
							.help = "wheel clicks; positive is right" },
					{ "scroll_y", CUA_ARG_INTEGER, .min = -100, .max = 100,
							FIELD(scroll_y),
							.help = "wheel clicks; positive is down" },
					ARG_MODIFIERS, ARG_REF } },
	[CUA_ACTION_TYPE] = { "type", "Type text; a line break is the Return key.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_KEYBOARD,
			.args = { ARG_TEXT("text", 0,
						  "any Unicode text; of control characters only "
						  "tab and "
						  "line breaks"),
					{ "via", CUA_ARG_CHOICE, FIELD(via), .choices = via_names,
							.help = "clipboard pastes the text at "
								"once, and "
								"puts back what the clipboard "
								"held" },
					{ "keys", CUA_ARG_KEYS, FIELD(keys),
							WITH("via", VALUE(CUA_VIA_CLIPBOARD)),
							.help = "for via clipboard: the chord "
								"that pastes, where it is not the "
								"usual one" } } },
	[CUA_ACTION_KEY] = { "key", "Press a key or a chord such as ctrl+shift+t.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_KEYBOARD,
			.args = { ARG_CHORD,
					{ "count", CUA_ARG_INTEGER, .min = 1, .max = 100,
							.default_value = 1, FIELD(count),
							.help = "how many times" } } },
	[CUA_ACTION_HOLD_KEY] = { "hold_key", "Hold a key or a chord down for a time.",
			.is_input = true, .effect = EFFECT_ANY, .device = CUA_DEVICE_KEYBOARD,
			.is_function = true,
			.args = { ARG_CHORD, ARG_DURATION(true, "milliseconds to hold it") } },
	[CUA_ACTION_WAIT] = { "wait", "Wait, then look at the screen again.",
			.args = { ARG_DURATION(true, "milliseconds to wait") } },
	[CUA_ACTION_WAIT_FOR] = { "wait_for",
			"Wait until a text shows or is gone, a window is open or closed, the "
			"browser is at a URL, or the screen or a region of it changes or comes to "
			"rest.",
			.is_function = true,
			.args = { { "until", CUA_ARG_CHOICE, .required = true,
						  .choices = cua_wait_names, FIELD(until),
						  .help = "what to wait for" },
					{ "text", CUA_ARG_STRING, .min = 1, .max = 4096,
							FIELD(text),
							WITH("until",
									WAITS_FOR_TEXT |
											WAITS_FOR_WINDOW |
											VALUE(CUA_WAIT_URL)),
							.help = "for text, window and url: the "
								"text, "
								"part of the window's title or "
								"class, part of the URL" },
					{ "region", CUA_ARG_REGION, FIELD(region),
							WITH("until", WAITS_FOR_TEXT | WAITS_FOR_PICTURE),
							.help = "[x, y, width, height]: for text, "
								"change and rest, look there "
								"alone" },
					{ "rest_ms", CUA_ARG_INTEGER, .min = 20, .max = 30000,
							.default_value = 500, FIELD(rest_ms),
							WITH("until", VALUE(CUA_WAIT_REST)),
							.help = "for rest: so long without a "
								"change" },
					{ "timeout_ms", CUA_ARG_INTEGER, .min = 1,
							.max = CUA_ACTION_DURATION_MAX_MS,
							.default_value = 10000, FIELD(timeout_ms),
							.help = "fail after so long" } } },
	[CUA_ACTION_CURSOR_POSITION] = { "cursor_position", "Tell where the pointer is.",
			.is_input = false },
	[CUA_ACTION_OPEN_APP] = { "open_app", "Start an application and wait for its window.",
			.is_input = true, .effect = EFFECT_ANY, .is_function = true,
			.args = { ARG_TEXT("name", 1,
					"application name (LibreOffice Writer), desktop file, "
					"command with arguments, file to open, or MIME type") } },
	[CUA_ACTION_SWITCH_APP] = { "switch_app",
			"Bring an application's window to the front; start it if it is not "
			"running.",
			.is_input = true, .effect = EFFECT_ANY, .is_function = true,
			.args = { ARG_TEXT("name", 1,
					"application, window class, or words of a window "
					"title") } },
	[CUA_ACTION_OPEN_URL] = { "open_url", "Open a URL in the browser.", .is_input = true,
			.effect = CUA_EFFECT_CHANGES | CUA_EFFECT_REACHES_OUT, .is_function = true,
			.args = { ARG_TEXT("url", 1, "http, https or file URL") } },
	[CUA_ACTION_CLIPBOARD_GET] = { "clipboard_get",
			"Read the clipboard, and tell which formats it holds.", .is_function = true,
			.args = { { "format", CUA_ARG_CHOICE, FIELD(clipboard_format),
						  .choices = cua_clipboard_format_names,
						  .help = "text, html, png (answered as base64), "
							  "or "
							  "files (paths)" },
					ARG_SELECTION } },
	[CUA_ACTION_CLIPBOARD_SET] = { "clipboard_set",
			"Put text on the clipboard, HTML, a picture or files; several at once are "
			"forms of one content.",
			.is_input = true, .effect = EFFECT_ONCE | CUA_EFFECT_DESTROYS,
			.is_function = true,
			.args = { ARG_CONTENT("text", CUA_ACTION_CLIPBOARD_MAX, text, "the text"),
					ARG_CONTENT("html", CUA_ACTION_CLIPBOARD_MAX, html, "HTML"),
					ARG_CONTENT("png_base64", CUA_ACTION_PNG_BASE64_MAX,
							png_base64, "a PNG file as base64"),
					ARG_CONTENT("files", CUA_ACTION_FILES_MAX, files,
							"absolute paths or file:// URIs, one a "
							"line"),
					ARG_SELECTION } },
	[CUA_ACTION_LIST_WINDOWS] = { "list_windows", "List the open windows.",
			.is_function = true },
	[CUA_ACTION_FOCUS_WINDOW] = { "focus_window", "Raise a window and give it the keyboard.",
			.is_input = true, .effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_WINDOW } },
	[CUA_ACTION_CLOSE_WINDOW] = { "close_window",
			"Ask a window to close, as its close button does; it may ask back.",
			.is_input = true, .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS,
			.is_function = true, .args = { ARG_WINDOW } },
	[CUA_ACTION_KILL_WINDOW] = { "kill_window",
			"End the program of a window that does not answer; what it has not saved "
			"is lost.",
			.is_input = true, .effect = CUA_EFFECT_CHANGES | CUA_EFFECT_DESTROYS,
			.is_function = true, .args = { ARG_WINDOW } },
	[CUA_ACTION_MOVE_WINDOW] = { "move_window",
			"Move a window: the left upper corner of its frame, title bar included. "
			"A maximized window gets its own size back first.",
			.is_input = true, .effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_WINDOW, ARG_X(true), ARG_Y(true) } },
	[CUA_ACTION_RESIZE_WINDOW] = { "resize_window",
			"Give a window a size, frame and title bar included.", .is_input = true,
			.effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_WINDOW, ARG_SIZE("width", width),
					ARG_SIZE("height", height) } },
	[CUA_ACTION_MAXIMIZE_WINDOW] = { "maximize_window", "Let a window fill the screen.",
			.is_input = true, .effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_WINDOW } },
	[CUA_ACTION_MINIMIZE_WINDOW] = { "minimize_window",
			"Take a window off the screen; restore_window or focus_window brings it "
			"back.",
			.is_input = true, .effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_WINDOW } },
	[CUA_ACTION_RESTORE_WINDOW] = { "restore_window",
			"Bring a minimized window back, or give a maximized one its own size.",
			.is_input = true, .effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_WINDOW } },
	[CUA_ACTION_RESIZE_SCREEN] = { "resize_screen",
			"Give the screen another size, up to what the desktop was started for.",
			.is_input = true, .effect = EFFECT_ONCE, .is_function = true,
			.args = { ARG_SIZE("width", width), ARG_SIZE("height", height) } },
	[CUA_ACTION_READ_SCREEN] = { "read_screen",
			"Tell what is on the screen in words: windows, buttons, fields, their "
			"names, values, states and places, and references to act on them.",
			.is_function = true,
			.args = { ARG_ONE_WINDOW,
					{ "max_nodes", CUA_ARG_INTEGER, .min = 1, .max = 5000,
							.default_value = 1500, FIELD(max_nodes),
							.help = "look at so many elements at "
								"most" },
					{ "depth", CUA_ARG_INTEGER, .min = 1, .max = 100,
							.default_value = 60, FIELD(depth),
							.help = "look so many levels deep at "
								"most" },
					{ "all", CUA_ARG_BOOLEAN, FIELD(all),
							.help = "tell of what does not show, too" },
					{ "structured", CUA_ARG_BOOLEAN, FIELD(structured),
							.help = "elements as objects instead of "
								"as text" } } },
	[CUA_ACTION_FIND_TEXT] = { "find_text",
			"Find where a text shows: by the elements of the windows first, then by "
			"text recognition.",
			.is_function = true,
			.args = { ARG_TEXT("text", 1, "what to look for; case does not matter"),
					ARG_ONE_WINDOW,
					ARG_REGION("[x, y, width, height]: look there alone"),
					ARG_LANG } },
	[CUA_ACTION_READ_TEXT] = { "read_text",
			"Recognise the text in the picture of the screen or a region.",
			.is_function = true,
			.args = { ARG_REGION("[x, y, width, height] in pixels of the screen"),
					ARG_LANG } },
	[CUA_ACTION_MARK_SCREEN] = { "mark_screen",
			"Take a picture with a numbered box around everything that can be acted "
			"on, and list it; a number is a ref.",
			.is_function = true, .args = { ARG_ONE_WINDOW } },
};

const struct cua_action_spec *cua_action_find(const char *name)
{
	for (int i = 0; i < CUA_ACTION_TYPE_COUNT; i++) {
		if (strcmp(cua_action_table[i].name, name) == 0) {
			return &cua_action_table[i];
		}
	}
	return NULL;
}

#include "cua/contract/key.h"

#include <stdio.h>
#include <string.h>

#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"

/* Spellings that are not X names, in lower case without "_", "-" and spaces. X names, compared
 * without regard to case, need no row. */
static const struct {
	const char *name;
	uint32_t keysym;
} spellings[] = {
	{ "ctrl", XKB_KEY_Control_L },
	{ "control", XKB_KEY_Control_L },
	{ "controlleft", XKB_KEY_Control_L },
	{ "controll", XKB_KEY_Control_L },
	{ "ctrlleft", XKB_KEY_Control_L },
	{ "lctrl", XKB_KEY_Control_L },
	{ "controlright", XKB_KEY_Control_R },
	{ "controlr", XKB_KEY_Control_R },
	{ "ctrlright", XKB_KEY_Control_R },
	{ "rctrl", XKB_KEY_Control_R },
	{ "shift", XKB_KEY_Shift_L },
	{ "shiftleft", XKB_KEY_Shift_L },
	{ "shiftl", XKB_KEY_Shift_L },
	{ "lshift", XKB_KEY_Shift_L },
	{ "shiftright", XKB_KEY_Shift_R },
	{ "shiftr", XKB_KEY_Shift_R },
	{ "rshift", XKB_KEY_Shift_R },
	{ "alt", XKB_KEY_Alt_L },
	{ "option", XKB_KEY_Alt_L },
	{ "altleft", XKB_KEY_Alt_L },
	{ "altl", XKB_KEY_Alt_L },
	{ "lalt", XKB_KEY_Alt_L },
	{ "altright", XKB_KEY_Alt_R },
	{ "altr", XKB_KEY_Alt_R },
	{ "ralt", XKB_KEY_Alt_R },
	{ "altgr", XKB_KEY_ISO_Level3_Shift },
	{ "isolevel3shift", XKB_KEY_ISO_Level3_Shift },
	{ "super", XKB_KEY_Super_L },
	{ "superleft", XKB_KEY_Super_L },
	{ "superl", XKB_KEY_Super_L },
	{ "superr", XKB_KEY_Super_R },
	{ "superright", XKB_KEY_Super_R },
	{ "meta", XKB_KEY_Super_L },
	{ "metaleft", XKB_KEY_Super_L },
	{ "metaright", XKB_KEY_Super_R },
	{ "cmd", XKB_KEY_Super_L },
	{ "command", XKB_KEY_Super_L },
	{ "win", XKB_KEY_Super_L },
	{ "windows", XKB_KEY_Super_L },
	{ "enter", XKB_KEY_Return },
	{ "newline", XKB_KEY_Return },
	{ "kpenter", XKB_KEY_KP_Enter },
	{ "numpadenter", XKB_KEY_KP_Enter },
	{ "esc", XKB_KEY_Escape },
	{ "spacebar", XKB_KEY_space },
	{ "back", XKB_KEY_BackSpace },
	{ "del", XKB_KEY_Delete },
	{ "ins", XKB_KEY_Insert },
	{ "pageup", XKB_KEY_Page_Up },
	{ "pgup", XKB_KEY_Page_Up },
	{ "prior", XKB_KEY_Page_Up },
	{ "pagedown", XKB_KEY_Page_Down },
	{ "pgdn", XKB_KEY_Page_Down },
	{ "pgdown", XKB_KEY_Page_Down },
	{ "next", XKB_KEY_Page_Down },
	{ "arrowup", XKB_KEY_Up },
	{ "arrowdown", XKB_KEY_Down },
	{ "arrowleft", XKB_KEY_Left },
	{ "arrowright", XKB_KEY_Right },
	{ "capslock", XKB_KEY_Caps_Lock },
	{ "numlock", XKB_KEY_Num_Lock },
	{ "scrolllock", XKB_KEY_Scroll_Lock },
	{ "printscreen", XKB_KEY_Print },
	{ "prtsc", XKB_KEY_Print },
	{ "prtscn", XKB_KEY_Print },
	{ "break", XKB_KEY_Break },
	{ "apps", XKB_KEY_Menu },
	{ "contextmenu", XKB_KEY_Menu },
	{ "kpadd", XKB_KEY_KP_Add },
	{ "kpsubtract", XKB_KEY_KP_Subtract },
	{ "kpmultiply", XKB_KEY_KP_Multiply },
	{ "kpdivide", XKB_KEY_KP_Divide },
	{ "kpdecimal", XKB_KEY_KP_Decimal },
	{ "kpequal", XKB_KEY_KP_Equal },
	{ "kp0", XKB_KEY_KP_0 },
	{ "kp1", XKB_KEY_KP_1 },
	{ "kp2", XKB_KEY_KP_2 },
	{ "kp3", XKB_KEY_KP_3 },
	{ "kp4", XKB_KEY_KP_4 },
	{ "kp5", XKB_KEY_KP_5 },
	{ "kp6", XKB_KEY_KP_6 },
	{ "kp7", XKB_KEY_KP_7 },
	{ "kp8", XKB_KEY_KP_8 },
	{ "kp9", XKB_KEY_KP_9 },
	{ "kphome", XKB_KEY_KP_Home },
	{ "kpend", XKB_KEY_KP_End },
	{ "kpup", XKB_KEY_KP_Up },
	{ "kpdown", XKB_KEY_KP_Down },
	{ "kpleft", XKB_KEY_KP_Left },
	{ "kpright", XKB_KEY_KP_Right },
	{ "kppageup", XKB_KEY_KP_Page_Up },
	{ "kppagedown", XKB_KEY_KP_Page_Down },
	{ "kpinsert", XKB_KEY_KP_Insert },
	{ "kpdelete", XKB_KEY_KP_Delete },
	{ "dot", XKB_KEY_period },
	{ "equals", XKB_KEY_equal },
	{ "dash", XKB_KEY_minus },
	{ "hyphen", XKB_KEY_minus },
	{ "quote", XKB_KEY_apostrophe },
	{ "backquote", XKB_KEY_grave },
	{ "backtick", XKB_KEY_grave },
	{ "volumeup", XKB_KEY_XF86AudioRaiseVolume },
	{ "audiovolumeup", XKB_KEY_XF86AudioRaiseVolume },
	{ "volumedown", XKB_KEY_XF86AudioLowerVolume },
	{ "audiovolumedown", XKB_KEY_XF86AudioLowerVolume },
	{ "volumemute", XKB_KEY_XF86AudioMute },
	{ "audiovolumemute", XKB_KEY_XF86AudioMute },
};

/* The name in lower case without separators; false if it does not fit. */
static bool fold(const char *name, char *folded, size_t size)
{
	size_t len = 0;
	for (const char *at = name; *at; at++) {
		if (*at == '_' || *at == '-' || *at == ' ') {
			continue;
		}
		if (len + 1 >= size) {
			return false;
		}
		folded[len++] = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
	}
	folded[len] = '\0';
	return len > 0;
}

static uint32_t lookup_name(const char *name)
{
	char folded[CUA_ACTION_KEY_NAME_MAX];
	if (fold(name, folded, sizeof(folded))) {
		for (size_t i = 0; i < CUA_ARRAY_LEN(spellings); i++) {
			if (strcmp(spellings[i].name, folded) == 0) {
				return spellings[i].keysym;
			}
		}
	}
	uint32_t keysym = xkb_keysym_from_name(name, XKB_KEYSYM_NO_FLAGS);
	if (keysym == XKB_KEY_NoSymbol) {
		keysym = xkb_keysym_from_name(name, XKB_KEYSYM_CASE_INSENSITIVE);
	}
	return keysym;
}

enum cua_status cua_key_parse(
		const char *name, bool in_chord, uint32_t *ret_keysym, struct cua_error *err)
{
	size_t len = strlen(name);
	const char *at = name;
	uint32_t code = cua_utf8_next(&at, name + len);
	if (len > 0 && code != CUA_UTF8_INVALID && *at == '\0') {
		/* A single character is itself, control characters apart. */
		uint32_t keysym = code == '\n' || code == '\r' ? XKB_KEY_Return
				: code == '\t'                 ? XKB_KEY_Tab
				: code == 0x1b                 ? XKB_KEY_Escape
				: code == 0x08                 ? XKB_KEY_BackSpace
				: code < 0x20 || code == 0x7f  ? XKB_KEY_NoSymbol
							       : xkb_utf32_to_keysym(code);
		if (keysym != XKB_KEY_NoSymbol) {
			*ret_keysym = in_chord ? xkb_keysym_to_lower(keysym) : keysym;
			return CUA_OK;
		}
	}
	uint32_t keysym = len > 0 && len < CUA_ACTION_KEY_NAME_MAX ? lookup_name(name)
								   : XKB_KEY_NoSymbol;
	if (keysym == XKB_KEY_NoSymbol) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"unknown key \"%.40s\"; use a character, or a name such as Return, "
				"ctrl, Page_Up, F5",
				name);
	}
	*ret_keysym = keysym;
	return CUA_OK;
}

enum cua_status cua_keys_add(struct cua_keys *keys, const char *name, struct cua_error *err)
{
	uint32_t keysym = 0;
	enum cua_status status = cua_key_parse(name, true, &keysym, err);
	if (status != CUA_OK) {
		return status;
	}
	if (keys->count >= CUA_ACTION_KEYS_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a chord has at most %d keys",
				CUA_ACTION_KEYS_MAX);
	}
	snprintf(keys->names[keys->count++], CUA_ACTION_KEY_NAME_MAX, "%s", name);
	return CUA_OK;
}

enum cua_status cua_keys_parse(const char *chord, struct cua_keys *ret_keys, struct cua_error *err)
{
	struct cua_keys keys = { 0 };
	uint32_t keysym = 0;
	/* " " is the space bar and "page up" one key: only what is no key itself is split. */
	if (cua_key_parse(chord, true, &keysym, NULL) == CUA_OK) {
		enum cua_status status = cua_keys_add(&keys, chord, err);
		*ret_keys = keys;
		return status;
	}
	const char *separators = strchr(chord, '+') ? "+" : " ";
	const bool spaced = separators[0] == ' '; /* a run of spaces is one separator */
	const char *at = chord + (spaced ? strspn(chord, " ") : 0);
	while (*at) {
		char name[CUA_ACTION_KEY_NAME_MAX];
		size_t len = strcspn(at, separators);
		if (len == 0) {
			len = 1; /* the "+" in "ctrl++" */
		}
		if (len >= sizeof(name)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "unknown key \"%.40s\"", at);
		}
		memcpy(name, at, len);
		name[len] = '\0';
		enum cua_status status = cua_keys_add(&keys, name, err);
		if (status != CUA_OK) {
			return status;
		}
		at += len;
		if (*at && !strchr(separators, *at)) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "\"%.40s\" has no + before it", at);
		}
		if (*at) {
			at += spaced ? strspn(at, " ") : 1;
			if (!*at) {
				return CUA_FAIL(err, CUA_ERR_INVAL, 0,
						"chord \"%.80s\" ends in a separator", chord);
			}
		}
	}
	if (keys.count == 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "empty chord");
	}
	*ret_keys = keys;
	return CUA_OK;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <X11/XF86keysym.h>
#include <X11/keysym.h>

#include "cua/base/util.h"
#include "cua/contract/key.h"

/* The values are those of X's own headers, not of the library that the parser asks. */
static const struct {
	const char *name;
	uint32_t keysym;
} spellings[] = {
	/* OpenAI */
	{ "ENTER", XK_Return },
	{ "RETURN", XK_Return },
	{ "ESC", XK_Escape },
	{ "ESCAPE", XK_Escape },
	{ "TAB", XK_Tab },
	{ "SPACE", XK_space },
	{ "BACKSPACE", XK_BackSpace },
	{ "DELETE", XK_Delete },
	{ "DEL", XK_Delete },
	{ "HOME", XK_Home },
	{ "END", XK_End },
	{ "PAGEUP", XK_Page_Up },
	{ "PAGEDOWN", XK_Page_Down },
	{ "UP", XK_Up },
	{ "ARROWUP", XK_Up },
	{ "DOWN", XK_Down },
	{ "ARROWDOWN", XK_Down },
	{ "LEFT", XK_Left },
	{ "ARROWLEFT", XK_Left },
	{ "RIGHT", XK_Right },
	{ "ARROWRIGHT", XK_Right },
	{ "CTRL", XK_Control_L },
	{ "CONTROL", XK_Control_L },
	{ "SHIFT", XK_Shift_L },
	{ "ALT", XK_Alt_L },
	{ "OPTION", XK_Alt_L },
	{ "META", XK_Super_L },
	{ "CMD", XK_Super_L },
	{ "COMMAND", XK_Super_L },
	{ "INSERT", XK_Insert },
	{ "SUPER", XK_Super_L },
	{ "WIN", XK_Super_L },
	{ "CAPSLOCK", XK_Caps_Lock },
	{ "/", XK_slash },
	{ "-", XK_minus },
	{ "PLUS", XK_plus },
	/* the canonical table */
	{ "ctrl", XK_Control_L },
	{ "control", XK_Control_L },
	{ "controlleft", XK_Control_L },
	{ "ControlLeft", XK_Control_L },
	{ "Control_L", XK_Control_L },
	{ "lctrl", XK_Control_L },
	{ "controlright", XK_Control_R },
	{ "Control_R", XK_Control_R },
	{ "rctrl", XK_Control_R },
	{ "ctrlright", XK_Control_R },
	{ "shift", XK_Shift_L },
	{ "shiftleft", XK_Shift_L },
	{ "Shift_L", XK_Shift_L },
	{ "shiftright", XK_Shift_R },
	{ "alt", XK_Alt_L },
	{ "option", XK_Alt_L },
	{ "altleft", XK_Alt_L },
	{ "altright", XK_Alt_R },
	{ "Alt_R", XK_Alt_R },
	{ "altgr", XK_ISO_Level3_Shift },
	{ "isolevel3shift", XK_ISO_Level3_Shift },
	{ "ISO_Level3_Shift", XK_ISO_Level3_Shift },
	{ "super", XK_Super_L },
	{ "meta", XK_Super_L },
	{ "cmd", XK_Super_L },
	{ "command", XK_Super_L },
	{ "win", XK_Super_L },
	{ "windows", XK_Super_L },
	{ "superl", XK_Super_L },
	{ "Super_L", XK_Super_L },
	{ "enter", XK_Return },
	{ "return", XK_Return },
	{ "Return", XK_Return },
	{ "newline", XK_Return },
	{ "kpenter", XK_KP_Enter },
	{ "KP_Enter", XK_KP_Enter },
	{ "esc", XK_Escape },
	{ "escape", XK_Escape },
	{ "tab", XK_Tab },
	{ "space", XK_space },
	{ "spacebar", XK_space },
	{ " ", XK_space },
	{ "backspace", XK_BackSpace },
	{ "BackSpace", XK_BackSpace },
	{ "back", XK_BackSpace },
	{ "del", XK_Delete },
	{ "delete", XK_Delete },
	{ "ins", XK_Insert },
	{ "insert", XK_Insert },
	{ "home", XK_Home },
	{ "end", XK_End },
	{ "pageup", XK_Page_Up },
	{ "page up", XK_Page_Up },
	{ "page-up", XK_Page_Up },
	{ "Page_Up", XK_Page_Up },
	{ "pgup", XK_Page_Up },
	{ "prior", XK_Prior },
	{ "pagedown", XK_Page_Down },
	{ "pgdn", XK_Page_Down },
	{ "pgdown", XK_Page_Down },
	{ "next", XK_Next },
	{ "up", XK_Up },
	{ "down", XK_Down },
	{ "left", XK_Left },
	{ "right", XK_Right },
	{ "arrowup", XK_Up },
	{ "ArrowDown", XK_Down },
	{ "arrow left", XK_Left },
	{ "arrow_right", XK_Right },
	{ "capslock", XK_Caps_Lock },
	{ "numlock", XK_Num_Lock },
	{ "scrolllock", XK_Scroll_Lock },
	{ "printscreen", XK_Print },
	{ "prtsc", XK_Print },
	{ "print", XK_Print },
	{ "pause", XK_Pause },
	{ "break", XK_Break },
	{ "menu", XK_Menu },
	{ "apps", XK_Menu },
	{ "contextmenu", XK_Menu },
	{ "kpadd", XK_KP_Add },
	{ "KP_Subtract", XK_KP_Subtract },
	{ "kpmultiply", XK_KP_Multiply },
	{ "kpdivide", XK_KP_Divide },
	{ "kpdecimal", XK_KP_Decimal },
	{ "plus", XK_plus },
	{ "minus", XK_minus },
	{ "equal", XK_equal },
	{ "comma", XK_comma },
	{ "period", XK_period },
	{ "dot", XK_period },
	{ "slash", XK_slash },
	{ "backslash", XK_backslash },
	{ "semicolon", XK_semicolon },
	{ "apostrophe", XK_apostrophe },
	{ "quote", XK_apostrophe },
	{ "grave", XK_grave },
	{ "bracketleft", XK_bracketleft },
	{ "bracketright", XK_bracketright },
	{ "volumeup", XF86XK_AudioRaiseVolume },
	{ "volumedown", XF86XK_AudioLowerVolume },
	{ "volumemute", XF86XK_AudioMute },
	{ "XF86AudioMute", XF86XK_AudioMute },
	/* single characters */
	{ "+", XK_plus },
	{ "_", XK_underscore },
	{ "a", XK_a },
	{ "7", XK_7 },
	{ "~", XK_asciitilde },
	{ "\n", XK_Return },
	{ "\r", XK_Return },
	{ "\t", XK_Tab },
	{ "\x1b", XK_Escape },
	{ "\b", XK_BackSpace },
	{ "\u00e9", XK_eacute },
	{ "\u20ac", XK_EuroSign },
	{ "\U0001f600", 0x0101f600 },
	{ "\u4e2d", 0x01004e2d },
};

static void every_spelling_gives_its_keysym(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(spellings); i++) {
		for (int in_chord = 0; in_chord < 2; in_chord++) {
			uint32_t keysym = 0;
			struct cua_error err = { 0 };
			if (cua_key_parse(spellings[i].name, in_chord, &keysym, &err) != CUA_OK ||
					keysym != spellings[i].keysym) {
				fail_msg("\"%s\" gave 0x%x, expected 0x%x %s", spellings[i].name,
						keysym, spellings[i].keysym, err.msg);
			}
		}
	}
}

static void numbered_keys_are_known_in_both_cases(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 24; i++) {
		char name[16];
		uint32_t keysym = 0;
		snprintf(name, sizeof(name), "%c%u", i % 2 ? 'f' : 'F', i);
		assert_int_equal(cua_key_parse(name, true, &keysym, NULL), CUA_OK);
		assert_int_equal(keysym, XK_F1 + i - 1);
	}
	for (unsigned int i = 0; i <= 9; i++) {
		char name[16];
		uint32_t keysym = 0;
		snprintf(name, sizeof(name), i % 2 ? "kp%u" : "KP_%u", i);
		assert_int_equal(cua_key_parse(name, true, &keysym, NULL), CUA_OK);
		assert_int_equal(keysym, XK_KP_0 + i);
	}
}

static void a_capital_letter_means_the_key_in_a_chord_only(void **state)
{
	uint32_t keysym = 0;
	(void)state;
	assert_int_equal(cua_key_parse("A", false, &keysym, NULL), CUA_OK);
	assert_int_equal(keysym, XK_A);
	assert_int_equal(cua_key_parse("A", true, &keysym, NULL), CUA_OK);
	assert_int_equal(keysym, XK_a);
	assert_int_equal(cua_key_parse("\u00c9", true, &keysym, NULL), CUA_OK);
	assert_int_equal(keysym, XK_eacute);
}

static const struct {
	const char *chord;
	int count;
	uint32_t keysyms[4];
} chords[] = {
	{ "+", 1, { XK_plus } },
	{ "ctrl++", 2, { XK_Control_L, XK_plus } },
	{ "ctrl+plus", 2, { XK_Control_L, XK_plus } },
	{ "ctrl+++s", 3, { XK_Control_L, XK_plus, XK_s } },
	{ "A", 1, { XK_a } },
	{ "ctrl+A", 2, { XK_Control_L, XK_a } },
	{ "CTRL+S", 2, { XK_Control_L, XK_s } },
	{ "Control+S", 2, { XK_Control_L, XK_s } },
	{ "ctrl+shift+t", 3, { XK_Control_L, XK_Shift_L, XK_t } },
	{ "ctrl c", 2, { XK_Control_L, XK_c } },
	{ "ctrl ", 1, { XK_Control_L } },
	{ "ctrl  c", 2, { XK_Control_L, XK_c } },
	{ "ctrl shift esc", 3, { XK_Control_L, XK_Shift_L, XK_Escape } },
	{ "ctrl+-", 2, { XK_Control_L, XK_minus } },
	{ "ctrl+page up", 2, { XK_Control_L, XK_Page_Up } },
	{ "ctrl+ ", 2, { XK_Control_L, XK_space } },
	{ "page up", 1, { XK_Page_Up } },
	{ " ", 1, { XK_space } },
	{ "Return", 1, { XK_Return } },
	{ "\u00e9", 1, { XK_eacute } },
	{ "\U0001f600", 1, { 0x0101f600 } },
	{ "alt+F4", 2, { XK_Alt_L, XK_F4 } },
};

static void chords_are_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(chords); i++) {
		struct cua_keys keys = { .count = -1 };
		struct cua_error err = { 0 };
		if (cua_keys_parse(chords[i].chord, &keys, &err) != CUA_OK ||
				keys.count != chords[i].count) {
			fail_msg("\"%s\" gave %d keys: %s", chords[i].chord, keys.count, err.msg);
		}
		for (int k = 0; k < keys.count; k++) {
			uint32_t keysym = 0;
			assert_int_equal(cua_key_parse(keys.names[k], true, &keysym, NULL), CUA_OK);
			assert_int_equal(keysym, chords[i].keysyms[k]);
		}
	}
}

static const struct {
	const char *chord, *said;
} bad_chords[] = {
	{ "", "empty chord" },
	{ "ctrl+", "ends in a separator" },
	{ "ctrl c ", "ends in a separator" },
	{ "++", "ends in a separator" },
	{ "frobnicate", "\"frobnicate\"" },
	{ "ctrl+frobnicate", "\"frobnicate\"" },
	/* What is no separator is part of a name: nothing is dropped between keys. */
	{ "+ctrl", "\"ctrl\" has no +" },
	{ "+aTab", "\"aTab\" has no +" },
	{ "ctrl++sa", "\"sa\" has no +" },
	{ "\xff", "unknown key" },
	{ "\x01", "unknown key" },
	{ "a+b+c+d+e+f+g+h+i", "at most 8 keys" },
	{ "0123456789012345678901234567890", "unknown key" },
	{ "01234567890123456789012345678901", "unknown key" },
	{ "ctrl+01234567890123456789012345678901", "unknown key" },
};

static void bad_chords_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < CUA_ARRAY_LEN(bad_chords); i++) {
		struct cua_keys keys = { .count = 77 };
		struct cua_error err = { 0 };
		if (cua_keys_parse(bad_chords[i].chord, &keys, &err) != CUA_ERR_INVAL ||
				!strstr(err.msg, bad_chords[i].said)) {
			fail_msg("\"%s\" said: %s", bad_chords[i].chord, err.msg);
		}
		assert_int_equal(keys.count, 77);
	}
}

static void a_chord_takes_eight_keys_and_no_more(void **state)
{
	struct cua_keys keys = { 0 };
	struct cua_error err = { 0 };
	(void)state;
	for (int i = 0; i < CUA_ACTION_KEYS_MAX; i++) {
		assert_int_equal(cua_keys_add(&keys, "a", &err), CUA_OK);
	}
	assert_int_equal(cua_keys_add(&keys, "a", &err), CUA_ERR_INVAL);
	assert_non_null(strstr(err.msg, "8"));
	assert_int_equal(keys.count, CUA_ACTION_KEYS_MAX);
	assert_int_equal(cua_keys_add(&keys, "", &err), CUA_ERR_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_gives_its_keysym),
		cmocka_unit_test(numbered_keys_are_known_in_both_cases),
		cmocka_unit_test(a_capital_letter_means_the_key_in_a_chord_only),
		cmocka_unit_test(chords_are_split),
		cmocka_unit_test(bad_chords_are_refused_by_name),
		cmocka_unit_test(a_chord_takes_eight_keys_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

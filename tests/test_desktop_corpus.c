/* A corpus of many scripts, typed into applications of five makings under five layouts and with
 * locks on and off, is what they save.
 *
 * By default every application gets the whole corpus once, each with another layout and lock.
 * CUA_TYPING_MATRIX=1 runs all of them; CUA_TYPING_SEED=N makes another corpus; CUA_TYPING_APPS
 * names those to run, CUA_TYPING_LAYOUTS the layouts of the matrix. Typing and the chords that
 * select and save are done under the layout. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "tests/desktop_api.h"
#include "tests/desktop_fixture.h"
#include "tests/files.h"
#include "tests/typing_corpus.h"
#include "tests/waiting.h"

/* Not in time means not saved, not saved late: the machine may have much else to do. */
#define SAVE_DEADLINE_MS 240000
/* Of one request, which has two minutes; Chromium then takes 40 characters a second. */
#define PIECE_BYTES 1000

static const char utf8_mark[] = "\xef\xbb\xbf";

static struct world world;
static struct desktop desktop;
static uint32_t seed = 1;

static const char *const layouts[] = { "us", "de", "fr", "cz", "ru" };
#define CAPS_LOCK_MASK 2 /* LockMask of the X protocol */

static const char *const locks[] = { "", "Caps_Lock", "Num_Lock", "Caps_Lock Num_Lock" };

/* FeatherPad's indentation is off, as who types code into it would have it; LibreOffice's
 * corrections are off on every desktop. */
struct app {
	const char *name, *program;
	const char *settings; /* script that writes them; NULL */
	const char *command;  /* for open_app; once to a cell if it ends with the text */
	const char *file;     /* that it saves, below the home; a %d is the number of the cell */
	const char *end;      /* key that saves */
	bool ends;            /* saving ends it */
	bool without_tabs;    /* Tab moves the focus */
	bool ends_line;       /* saving adds a line break to the last line */
	bool slow;            /* minutes a cell: only when asked for */
};

static const struct app apps[] = {
	{ .name = "xterm",
			.program = "/usr/bin/xterm",
			.command = "xterm -e 'cat > typed.%d.new; mv typed.%d.new typed.%d'",
			.file = "typed.%d",
			.end = "ctrl+d",
			.ends = true },
	{ .name = "Chromium",
			.program = "/usr/bin/chromium",
			.settings = "echo '<!doctype html><meta charset=utf-8><title>typing</title>"
				    "<textarea autofocus spellcheck=false "
				    "style=\"width:95%;height:90vh\"></textarea><script>"
				    "let cell = 0; addEventListener(\"keydown\", e => { "
				    "if (!e.ctrlKey || e.key.toLowerCase() != \"s\") return; "
				    "e.preventDefault(); "
				    "const a = document.createElement(\"a\"); "
				    "a.href = URL.createObjectURL(new "
				    "Blob([document.querySelector(\"textarea\").value])); "
				    "a.download = \"typed.\" + cell++; a.click(); });</script>' "
				    ">typing.html",
			.command = "chromium file:///home/agent/typing.html",
			.file = "Downloads/typed.%d",
			.end = "ctrl+s",
			.without_tabs = true },
	{ .name = "GTK",
			.program = "/usr/bin/mousepad",
			.settings = ": >gtk.txt",
			.command = "mousepad --disable-server gtk.txt",
			.file = "gtk.txt",
			.end = "ctrl+s" },
	{ .name = "Qt",
			.program = "/usr/bin/featherpad",
			.settings = "mkdir -p .config/featherpad; printf "
				    "'[text]\\nnoIndent=true\\n' >.config/featherpad/fp.conf; : "
				    ">qt.txt",
			.command = "featherpad --standalone qt.txt",
			.file = "qt.txt",
			.end = "ctrl+s" },
	/* The mark at the beginning says that the file is UTF-8, and is written back. Saving as
	 * text does not ask first. */
	{ .name = "Writer",
			.program = "/usr/bin/soffice",
			.settings = "printf '\\357\\273\\277x' >writer.txt; "
				    "sed -i 's|</oor:items>|<item "
				    "oor:path=\"/org.openoffice.Office."
				    "Common/Save/Document\"><prop oor:name=\"WarnAlienFormat\" "
				    "oor:op=\"fuse\"><value>false</value></prop></item>&|' "
				    ".config/libreoffice/4/user/registrymodifications.xcu",
			.command = "libreoffice --writer writer.txt",
			.file = "writer.txt",
			.end = "ctrl+s",
			.ends_line = true,
			.slow = true },
};

static int start(void **state)
{
	(void)state;
	const char *wanted = getenv("CUA_TYPING_SEED");
	seed = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 1;
	world_create(&world, (uid_t)-1);
	desktop_start(&desktop, &world, "corpus");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	desktop_disconnect(&desktop);
	world_destroy(&world);
	return 0;
}

/* --- one cell --- */

struct cell {
	const struct app *app;
	const char *layout, *locks;
	int number;                           /* of the application's cells */
	char *ascii, *mixed, *wanted, *found; /* owned */
	double ascii_ms, mixed_ms;
};

static int locked_modifiers(void)
{
	CUA_AUTO_FREE char *held = desktop_probe(&desktop, "held", "");
	const char *at = strstr(held, "locked ");
	assert_non_null(at);
	return (int)strtol(at + 7, NULL, 10);
}

static void press(const char *keys)
{
	desktop_do(&desktop, "[{\"action\":\"key\",\"keys\":\"%s\"}]", keys);
}

/* One press each turns them on, and off again. */
static void toggle_locks(const struct cell *cell)
{
	if (strstr(cell->locks, "Caps_Lock")) {
		press("Caps_Lock");
	}
	if (strstr(cell->locks, "Num_Lock")) {
		press("Num_Lock");
	}
}

static void expand(const char *format, int number, char *text, size_t size)
{
	size_t len = 0;
	for (const char *at = format; *at && len + 12 < size; at++) {
		if (at[0] == '%' && at[1] == 'd') {
			len += (size_t)snprintf(text + len, size - len, "%d", number);
			at++;
		} else {
			text[len++] = *at;
		}
	}
	text[len] = '\0';
}

static bool shows_what_is_typed(void *data)
{
	(void)data;
	CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "type", "text", "x");
	return strcmp(json_text(result, "status"), "delivered") == 0;
}

static void open_cell(const struct cell *cell)
{
	char command[256];
	if (cell->number == 0 && cell->app->settings) {
		free(desktop_sh(&desktop, cell->app->settings));
	}
	if (cell->number == 0 || cell->app->ends) {
		expand(cell->app->command, cell->number, command, sizeof(command));
		cJSON_Delete(desktop_text_action(&desktop, "open_app", "name", command));
	}
	if (!cell->app->ends) {
		wait_until(shows_what_is_typed, NULL, "the editor takes input");
		press("ctrl+a");
		press("Delete");
	}
}

/* To where a character begins. */
static size_t piece_length(const char *text)
{
	size_t len = strnlen(text, PIECE_BYTES);
	while (((unsigned char)text[len] & 0xc0) == 0x80) {
		len--;
	}
	return len;
}

/* Milliseconds of typing. */
static double type_part(const char *text)
{
	double ms = 0;
	for (size_t len; *text; text += len) {
		len = piece_length(text);
		CUA_AUTO_FREE char *piece = strndup(text, len);
		CUA_AUTO_JSON cJSON *result = desktop_text_action(&desktop, "type", "text", piece);
		ms += json_number(result, "ms");
	}
	return ms;
}

static bool is_saved(void *data)
{
	struct cell *cell = data;
	char leaf[64], path[512];
	expand(cell->app->file, cell->number, leaf, sizeof(leaf));
	snprintf(path, sizeof(path), "%s/%s", desktop.home, leaf);
	free(cell->found);
	cell->found = read_whole_file(path, NULL);
	if (cell->found && strncmp(cell->found, utf8_mark, strlen(utf8_mark)) == 0) {
		memmove(cell->found, cell->found + strlen(utf8_mark),
				strlen(cell->found + strlen(utf8_mark)) + 1);
	}
	return cell->found && strcmp(cell->found, cell->wanted) == 0;
}

static void print_difference(const struct cell *cell)
{
	const char *found = cell->found ? cell->found : "", *wanted = cell->wanted;
	size_t at = 0;
	while (found[at] && found[at] == wanted[at]) {
		at++;
	}
	while (at > 0 && ((unsigned char)wanted[at] & 0xc0) == 0x80) {
		at--;
	}
	const size_t from = at > 20 ? at - 20 : 0;
	print_error("%s, layout %s, locks \"%s\": the file differs at byte %zu of %zu (%zu came): "
		    "\"%.60s\" wanted, \"%.60s\" came\n",
			cell->app->name, cell->layout, cell->locks, at, strlen(wanted),
			strlen(found), wanted + from, found + from);
}

static void set_layout(const char *layout)
{
	char script[64];
	snprintf(script, sizeof(script), "setxkbmap %s", layout);
	free(desktop_sh(&desktop, script));
}

static bool run_cell(struct cell *cell)
{
	const struct corpus_options options = { seed + (uint32_t)cell->number,
		cell->app->without_tabs };
	cell->ascii = corpus_ascii(&options);
	cell->mixed = corpus_mixed(&options);
	assert_true(asprintf(&cell->wanted, "%s%s%s", cell->ascii, cell->mixed,
				    cell->app->ends_line ? "\n" : "") > 0);
	assert_true(corpus_count(cell->wanted) >= 20000);
	open_cell(cell);
	set_layout(cell->layout);
	toggle_locks(cell);
	const int locked = locked_modifiers();
	assert_int_equal((locked & CAPS_LOCK_MASK) != 0, strstr(cell->locks, "Caps_Lock") != NULL);
	assert_int_equal((locked & ~CAPS_LOCK_MASK) != 0, strstr(cell->locks, "Num_Lock") != NULL);
	cell->ascii_ms = type_part(cell->ascii);
	cell->mixed_ms = type_part(cell->mixed);
	assert_int_equal(locked_modifiers(), locked);
	toggle_locks(cell);
	press(cell->app->end);
	const bool saved = waits_until(is_saved, cell, SAVE_DEADLINE_MS);
	if (!saved) {
		print_difference(cell);
	}
	assert_nothing_held(&desktop);
	print_message("%-9s %s  %-18s  %6.0f ASCII, %6.0f mixed characters a second\n",
			cell->app->name, cell->layout, cell->locks[0] ? cell->locks : "-",
			corpus_count(cell->ascii) / cell->ascii_ms * 1000,
			corpus_count(cell->mixed) / cell->mixed_ms * 1000);
	free(cell->ascii);
	free(cell->mixed);
	free(cell->wanted);
	free(cell->found);
	return saved;
}

/* Everything is, without that variable. */
static bool is_chosen(const char *variable, const char *name)
{
	const char *chosen = getenv(variable);
	return !chosen || strstr(chosen, name);
}

static void run_app(const struct app *app)
{
	const int rotation = (int)(app - apps) + (int)(seed % 20);
	if (access(app->program, X_OK) != 0 || !is_chosen("CUA_TYPING_APPS", app->name) ||
			(app->slow && !getenv("CUA_TYPING_APPS") && !getenv("CUA_TYPING_MATRIX"))) {
		skip();
	}
	if (!getenv("CUA_TYPING_MATRIX")) {
		struct cell cell = { .app = app,
			.layout = layouts[rotation % (int)CUA_ARRAY_LEN(layouts)],
			.locks = locks[rotation % (int)CUA_ARRAY_LEN(locks)] };
		assert_true(run_cell(&cell));
		return;
	}
	int number = 0, wrong = 0;
	for (size_t i = 0; i < CUA_ARRAY_LEN(layouts); i++) {
		const bool chosen = is_chosen("CUA_TYPING_LAYOUTS", layouts[i]);
		for (size_t k = 0; k < CUA_ARRAY_LEN(locks) && chosen; k++) {
			struct cell cell = { .app = app,
				.layout = layouts[i],
				.locks = locks[k],
				.number = number++ };
			wrong += !run_cell(&cell);
		}
	}
	assert_int_equal(wrong, 0);
}

static void xterm_saves_what_was_typed(void **state)
{
	(void)state;
	run_app(&apps[0]);
}

static void chromium_saves_what_was_typed(void **state)
{
	(void)state;
	run_app(&apps[1]);
}

static void a_gtk_editor_saves_what_was_typed(void **state)
{
	(void)state;
	run_app(&apps[2]);
}

static void a_qt_editor_saves_what_was_typed(void **state)
{
	(void)state;
	run_app(&apps[3]);
}

static void writer_saves_what_was_typed(void **state)
{
	(void)state;
	run_app(&apps[4]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xterm_saves_what_was_typed),
		cmocka_unit_test(chromium_saves_what_was_typed),
		cmocka_unit_test(a_gtk_editor_saves_what_was_typed),
		cmocka_unit_test(a_qt_editor_saves_what_was_typed),
		cmocka_unit_test(writer_saves_what_was_typed),
	};
	return cmocka_run_group_tests_name("desktop_corpus", tests, start, finish);
}

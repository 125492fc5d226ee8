#include "display/session_app.h"

#include <stdlib.h>
#include <string.h>

#include <gio/gdesktopappinfo.h>
#include <gio/gio.h>

/* What programs run in that want one (Terminal=true). */
#define TERMINAL "xterm"

static const char *base_of(const char *program)
{
	const char *slash = strrchr(program, '/');
	return slash ? slash + 1 : program;
}

/* Who opens the web is a browser. */
static gboolean is_browser(const char *program)
{
	gboolean found = FALSE;
	GList *all = g_app_info_get_all_for_type("x-scheme-handler/http");
	for (GList *item = all; item && !found; item = item->next) {
		const char *other = g_app_info_get_executable(item->data);
		found = other && strcmp(base_of(other), base_of(program)) == 0;
	}
	g_list_free_full(all, g_object_unref);
	return found;
}

bool display_app_shows_page(const struct display_app *app)
{
	for (int i = 1; app->argv[i]; i++) {
		if (app->argv[i][0] != '-') {
			return is_browser(app->argv[0]);
		}
	}
	return false;
}

void display_app_finish(struct display_app *app)
{
	g_strfreev(app->argv);
	g_free(app->name);
	g_free(app->wm_class);
	*app = (struct display_app){ 0 };
}

/* What a field code stands for; NULL for nothing. The caller frees.
 * Source: Desktop Entry Specification 1.5, the Exec key. */
static char *expand_code(char code, const char *file, const char *name)
{
	switch (code) {
	case 'f':
	case 'F':
		return g_strdup(file);
	case 'u':
	case 'U':
		return file ? g_filename_to_uri(file, NULL, NULL) : NULL;
	case 'c':
		return g_strdup(name);
	case '%':
		return g_strdup("%");
	default: /* icons, devices, and what is no longer used */
		return NULL;
	}
}

/* A word of the Exec line with what its field codes stand for; NULL where nothing is left. */
static char *expand_word(const char *word, const char *file, const char *name, gboolean *placed)
{
	/* In a script in quotes a file's name would be read as part of it. */
	if (strpbrk(word, " \t\n")) {
		return g_strdup(word);
	}
	GString *expanded = g_string_new(NULL);
	for (const char *at = word; *at; at++) {
		if (at[0] != '%' || !at[1]) {
			g_string_append_c(expanded, *at);
			continue;
		}
		char *meaning = expand_code(*++at, file, name);
		*placed = *placed || (meaning && strchr("fFuU", *at));
		g_string_append(expanded, meaning ? meaning : "");
		g_free(meaning);
	}
	const gboolean is_nothing = expanded->len == 0 && word[0];
	return g_string_free(expanded, is_nothing);
}

/* The Exec line as words, with file (NULL: none) where it has a place for one. */
static char **argv_of(GDesktopAppInfo *info, const char *file)
{
	const char *command_line = g_app_info_get_commandline(G_APP_INFO(info));
	const char *name = g_app_info_get_name(G_APP_INFO(info));
	char **words = NULL;
	gboolean placed = file == NULL;
	if (!command_line || !g_shell_parse_argv(command_line, NULL, &words, NULL)) {
		return NULL;
	}
	GPtrArray *argv = g_ptr_array_new();
	if (g_desktop_app_info_get_boolean(info, G_KEY_FILE_DESKTOP_KEY_TERMINAL)) {
		const char *const terminal[] = { TERMINAL, "-title", name, "-e" };
		for (size_t i = 0; i < G_N_ELEMENTS(terminal); i++) {
			g_ptr_array_add(argv, g_strdup(terminal[i]));
		}
	}
	for (int i = 0; words[i]; i++) {
		char *word = expand_word(words[i], file, name, &placed);
		if (word) {
			g_ptr_array_add(argv, word);
		}
	}
	if (!placed) {
		g_ptr_array_add(argv, g_strdup(file));
	}
	g_ptr_array_add(argv, NULL);
	g_strfreev(words);
	return (char **)g_ptr_array_free(argv, FALSE);
}

static char *class_of(GDesktopAppInfo *info)
{
	const char *wm_class = g_desktop_app_info_get_startup_wm_class(info);
	/* Other programs' windows have the terminal's class, too. */
	if (g_desktop_app_info_get_boolean(info, G_KEY_FILE_DESKTOP_KEY_TERMINAL)) {
		return g_strdup("");
	}
	if (wm_class) {
		return g_strdup(wm_class);
	}
	const char *id = g_app_info_get_id(G_APP_INFO(info));
	char *guess = g_strdup(id ? id : "");
	if (g_str_has_suffix(guess, ".desktop")) {
		guess[strlen(guess) - strlen(".desktop")] = '\0';
	}
	return guess;
}

static enum cua_status app_from_info(GDesktopAppInfo *info, const char *file,
		struct display_app *ret_app, struct cua_error *err)
{
	char **argv = argv_of(info, file);
	if (!argv || !argv[0]) {
		g_strfreev(argv);
		return CUA_FAIL(err, CUA_ERR_APP, 0, "%s has no usable command line",
				g_app_info_get_name(G_APP_INFO(info)));
	}
	*ret_app = (struct display_app){ .argv = argv,
		.name = g_strdup(g_app_info_get_name(G_APP_INFO(info))),
		.wm_class = class_of(info) };
	return CUA_OK;
}

static gboolean is_same(const char *name, const char *folded)
{
	char *other = g_utf8_casefold(name ? name : "", -1);
	const gboolean same = strcmp(other, folded) == 0;
	g_free(other);
	return same;
}

static gboolean is_called(GAppInfo *info, const char *folded)
{
	return is_same(g_app_info_get_name(info), folded) ||
			is_same(g_app_info_get_display_name(info), folded);
}

/* The application of this name; else one of this program, which its settings may have, too. */
static GDesktopAppInfo *find_by_name(const char *name)
{
	GDesktopAppInfo *found = NULL, *of_program = NULL;
	char *folded = g_utf8_casefold(name, -1);
	GList *all = g_app_info_get_all();
	for (GList *item = all; item && !found; item = item->next) {
		if (is_called(item->data, folded)) {
			found = item->data;
		} else if (!of_program && is_same(g_app_info_get_executable(item->data), folded)) {
			of_program = item->data;
		}
	}
	found = found ? found : of_program;
	if (found) {
		g_object_ref(found);
	}
	g_list_free_full(all, g_object_unref);
	g_free(folded);
	return found;
}

/* Words of names, keywords and descriptions: the first hit of the best group. */
static GDesktopAppInfo *find_by_words(const char *words)
{
	GDesktopAppInfo *found = NULL;
	char ***groups = g_desktop_app_info_search(words);
	for (int i = 0; groups[i]; i++) {
		for (int k = 0; groups[i][k] && !found; k++) {
			GDesktopAppInfo *info = g_desktop_app_info_new(groups[i][k]);
			if (info && g_app_info_should_show(G_APP_INFO(info))) {
				found = g_object_ref(info);
			}
			g_clear_object(&info);
		}
		g_strfreev(groups[i]);
	}
	g_free(groups);
	return found;
}

static GDesktopAppInfo *find_info(const char *name)
{
	GDesktopAppInfo *info = NULL;
	if (g_str_has_suffix(name, ".desktop")) {
		info = strchr(name, '/') ? g_desktop_app_info_new_from_filename(name)
					 : g_desktop_app_info_new(name);
	}
	return info ? info : find_by_name(name);
}

/* The name as a command line, if its first word is a program. */
static gboolean app_from_command(const char *command, struct display_app *ret_app)
{
	char **argv = NULL;
	if (!g_shell_parse_argv(command, NULL, &argv, NULL)) {
		return FALSE;
	}
	char *program = g_find_program_in_path(argv[0]);
	if (!program) {
		g_strfreev(argv);
		return FALSE;
	}
	g_free(program);
	*ret_app = (struct display_app){ .argv = argv,
		.name = g_path_get_basename(argv[0]),
		.wm_class = g_path_get_basename(argv[0]) };
	return TRUE;
}

/* An existing file: a path, from the home if it is relative, or a file URI. NULL if there is none.
 * The caller frees. */
static char *existing_file(const char *name)
{
	const char *home = g_get_home_dir();
	char *path = g_str_has_prefix(name, "file:")   ? g_filename_from_uri(name, NULL, NULL)
			: g_str_has_prefix(name, "~/") ? g_build_filename(home, name + 2, NULL)
			: g_path_is_absolute(name)     ? g_strdup(name)
						       : g_build_filename(home, name, NULL);
	if (path && !g_file_test(path, G_FILE_TEST_EXISTS)) {
		g_free(path);
		return NULL;
	}
	return path;
}

static char *content_type_of(const char *path)
{
	GFile *file = g_file_new_for_path(path);
	GFileInfo *info = g_file_query_info(file, G_FILE_ATTRIBUTE_STANDARD_CONTENT_TYPE,
			G_FILE_QUERY_INFO_NONE, NULL, NULL);
	char *type = info ? g_strdup(g_file_info_get_content_type(info)) : NULL;
	g_clear_object(&info);
	g_object_unref(file);
	return type;
}

/* file may be NULL: the application alone. */
static enum cua_status app_for_type(const char *type, const char *file, struct display_app *ret_app,
		struct cua_error *err)
{
	GAppInfo *info = g_app_info_get_default_for_type(type, FALSE);
	if (!info || !G_IS_DESKTOP_APP_INFO(info)) {
		g_clear_object(&info);
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"no application on this desktop opens files of type %.100s", type);
	}
	enum cua_status status = app_from_info(G_DESKTOP_APP_INFO(info), file, ret_app, err);
	g_object_unref(info);
	return status;
}

static enum cua_status app_for_file(
		const char *path, struct display_app *ret_app, struct cua_error *err)
{
	if (g_file_test(path, G_FILE_TEST_IS_REGULAR) &&
			g_file_test(path, G_FILE_TEST_IS_EXECUTABLE)) {
		char **argv = g_new0(char *, 2);
		argv[0] = g_strdup(path);
		*ret_app = (struct display_app){ .argv = argv,
			.name = g_path_get_basename(path),
			.wm_class = g_path_get_basename(path) };
		return CUA_OK;
	}
	char *type = content_type_of(path);
	enum cua_status status =
			app_for_type(type ? type : "application/octet-stream", path, ret_app, err);
	g_free(type);
	return status;
}

/* "image/png"; GIO knows a type if some application or the MIME database does. */
static gboolean is_mime_type(const char *name)
{
	const char *slash = strchr(name, '/');
	return slash && slash > name && slash[1] && !strchr(slash + 1, '/') &&
			!strpbrk(name, " ~%") && !g_path_is_absolute(name);
}

enum cua_status display_app_find_installed(
		const char *name, struct display_app *ret_app, struct cua_error *err)
{
	GDesktopAppInfo *info = find_info(name);
	info = info ? info : find_by_words(name);
	if (!info) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no application \"%.80s\"", name);
	}
	enum cua_status status = app_from_info(info, NULL, ret_app, err);
	g_object_unref(info);
	return status;
}

enum cua_status display_app_find(
		const char *name, struct display_app *ret_app, struct cua_error *err)
{
	GDesktopAppInfo *info = find_info(name);
	if (info) {
		enum cua_status status = app_from_info(info, NULL, ret_app, err);
		g_object_unref(info);
		return status;
	}
	char *file = existing_file(name);
	if (file) {
		enum cua_status status = app_for_file(file, ret_app, err);
		g_free(file);
		return status;
	}
	if (app_from_command(name, ret_app)) {
		return CUA_OK;
	}
	if (is_mime_type(name)) {
		return app_for_type(name, NULL, ret_app, err);
	}
	if (display_app_find_installed(name, ret_app, NULL) == CUA_OK) {
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
			"no application \"%.80s\": it is no desktop file, no application name, no "
			"command, no file and no file type on this desktop",
			name);
}

enum cua_status display_app_for_url(
		const char *url, struct display_app *ret_app, struct cua_error *err)
{
	static const char *const browsers[] = { "chromium.desktop", "google-chrome.desktop",
		"firefox-esr.desktop", "firefox.desktop" };
	for (size_t i = 0; i < G_N_ELEMENTS(browsers); i++) {
		GDesktopAppInfo *info = g_desktop_app_info_new(browsers[i]);
		if (!info) {
			continue;
		}
		enum cua_status status = app_from_info(info, NULL, ret_app, err);
		g_object_unref(info);
		if (status != CUA_OK) {
			return status;
		}
		const guint count = g_strv_length(ret_app->argv);
		ret_app->argv = g_renew(char *, ret_app->argv, count + 2);
		ret_app->argv[count] = g_strdup(url);
		ret_app->argv[count + 1] = NULL;
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "no browser is installed; install chromium");
}

#ifndef CUA_DISPLAY_SESSION_APP_H
#define CUA_DISPLAY_SESSION_APP_H

/* Finding the command line of an application by what people and models call it. Runs inside the
 * sandbox, where the applications are. */

#include <stdbool.h>

#include "cua/base/error.h"

struct display_app {
	char **argv;    /* owned, NULL-terminated */
	char *name;     /* owned; what to call it */
	char *wm_class; /* owned; class its windows are likely to have, "" if unknown */
};

/* A browser that is given something to show: one that runs already shows it in its window. */
bool display_app_shows_page(const struct display_app *app);

void display_app_finish(struct display_app *app);

/**
 * display_app_find() - by desktop file, name, file, command line, MIME type, or words of a name,
 * keywords and description, in this order.
 *
 * A file (a path, from the home if it is relative, or a file URI) is a program if it is executable,
 * and stands for the application that opens it otherwise.
 *
 * Return: CUA_OK; CUA_ERR_NOT_FOUND naming what was looked for.
 */
CUA_NODISCARD enum cua_status display_app_find(
		const char *name, struct display_app *ret_app, struct cua_error *err);

/* Installed applications alone: no command, no file. */
CUA_NODISCARD enum cua_status display_app_find_installed(
		const char *name, struct display_app *ret_app, struct cua_error *err);

/* The browser with this URL; CUA_ERR_NOT_FOUND without one. */
CUA_NODISCARD enum cua_status display_app_for_url(
		const char *url, struct display_app *ret_app, struct cua_error *err);

#endif

#include "cua/desktop_options.h"

#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"

const char cua_desktop_options_help[] =
		"  --size=WIDTHxHEIGHT  of the screen, default 1280x800\n"
		"  --max-size=WIDTHxHEIGHT\n"
		"                  room for resize_screen, which else only goes below --size\n"
		"  --dpi=N         96 to 192; more makes text and controls of applications larger\n"
		"  --sandbox=bwrap|none\n"
		"                  none: applications can then do what you can; default bwrap\n"
		"  --opengl        offers GLX to applications, drawn in software; it takes 17 MB "
		"and\n"
		"                  some time\n";

static enum cua_status take_size(const char *name, const char *text, int *width_px, int *height_px,
		struct cua_error *err)
{
	char after = 0;
	int width = 0, height = 0;
	if (sscanf(text, "%dx%d%c", &width, &height, &after) != 2 ||
			!desktop_size_is_good(width, height)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s \"%s\" must be WIDTHxHEIGHT, 320x200 to 16384x16384 and at "
				"most 32 Mi pixels",
				name, text);
	}
	*width_px = width;
	*height_px = height;
	return CUA_OK;
}

static enum cua_status size(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return take_size("size", text, &settings->width_px, &settings->height_px, err);
}

static enum cua_status max_size(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return take_size("max-size", text, &settings->max_width_px, &settings->max_height_px, err);
}

static enum cua_status dpi(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	char after = 0;
	if (sscanf(text, "%d%c", &settings->dpi, &after) != 1 || settings->dpi < DESKTOP_DPI_MIN ||
			settings->dpi > DESKTOP_DPI_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "dpi \"%s\" must be %d to %d", text,
				DESKTOP_DPI_MIN, DESKTOP_DPI_MAX);
	}
	return CUA_OK;
}

static enum cua_status sandbox(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	settings->sandboxed = strcmp(text, "bwrap") == 0;
	return settings->sandboxed || strcmp(text, "none") == 0
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0, "sandbox \"%s\" must be bwrap or none",
					  text);
}

static enum cua_status opengl(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	(void)text;
	(void)err;
	settings->opengl = true;
	return CUA_OK;
}

static const struct row {
	const char *name;
	int has_value;
	const char *member; /* of the settings as JSON, if it stays what it was at the start */
	enum cua_status (*take)(
			const char *text, struct desktop_settings *settings, struct cua_error *err);
} rows[] = {
	{ "size", required_argument, NULL, size },
	{ "max-size", required_argument, NULL, max_size },
	{ "dpi", required_argument, "dpi", dpi },
	{ "sandbox", required_argument, "sandboxed", sandbox },
	{ "opengl", no_argument, "opengl", opengl },
};

_Static_assert(CUA_ARRAY_LEN(rows) <= 32, "a bit of struct cua_desktop_options for each row");

void cua_desktop_options_add(
		const struct option *own, struct option ret_all[CUA_DESKTOP_OPTION_ROOM])
{
	size_t count = 0;
	for (; own->name && count < CUA_DESKTOP_OPTION_ROOM - CUA_ARRAY_LEN(rows) - 1; own++) {
		ret_all[count++] = *own;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		ret_all[count++] = (struct option){ rows[i].name, rows[i].has_value, NULL,
			CUA_DESKTOP_OPTION_FIRST + (int)i };
	}
	ret_all[count] = (struct option){ 0 };
}

enum cua_status cua_desktop_option_take(int option, const char *value,
		struct cua_desktop_options *options, struct cua_error *err)
{
	const int i = option - CUA_DESKTOP_OPTION_FIRST;
	if (i < 0 || i >= (int)CUA_ARRAY_LEN(rows)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "wrong option");
	}
	options->given |= 1U << i;
	return rows[i].take(value, &options->settings, err);
}

enum cua_status cua_desktop_option_fill(const char *name, const char *value,
		struct cua_desktop_options *options, struct cua_error *err)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			return options->given & 1U << i
					? CUA_OK
					: cua_desktop_option_take(CUA_DESKTOP_OPTION_FIRST + (int)i,
							  value, options, err);
		}
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0,
			"a desktop has no '%.40s'; cua desktop start --help lists what it has",
			name);
}

enum cua_status cua_desktop_options_check(
		const struct cua_desktop_options *options, struct cua_error *err)
{
	return desktop_settings_check(&options->settings, err);
}

void cua_desktop_options_warn(const char *who, const struct desktop_settings *settings)
{
	if (!settings->sandboxed) {
		fprintf(stderr,
				"%s: warning: no sandbox: applications of this desktop can read "
				"and change what their user can, and use the network\n",
				who);
	}
}

enum cua_status cua_desktop_options_fit(const struct cua_desktop_options *options,
		const struct desktop_record *record, struct cua_error *err)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		if (options->given & 1U << i && rows[i].member &&
				!desktop_settings_equal(&options->settings, &record->settings,
						rows[i].member)) {
			return CUA_FAIL(err, CUA_ERR_EXISTS, 0,
					"desktop \"%s\" is there and was started with another "
					"--%s; stop it first, or leave the option out",
					record->name, rows[i].name);
		}
	}
	return CUA_OK;
}

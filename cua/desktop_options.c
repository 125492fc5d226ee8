#include "cua/desktop_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/workspace_folder.h"

const char cua_desktop_options_help[] =
		"  --size=WIDTHxHEIGHT  of the screen, default 1280x800\n"
		"  --max-size=WIDTHxHEIGHT\n"
		"                  room for resize_screen, which else only goes below --size\n"
		"  --dpi=N         96 to 192; more makes text and controls of applications larger\n"
		"  --sandbox=bwrap|none\n"
		"                  none: applications can then do what you can; default bwrap\n"
		"  --opengl        offers GLX to applications, drawn in software; it takes 17 MB "
		"and\n"
		"                  some time\n"
		"  --workspace=DIR a folder that applications and tools work in, instead of the "
		"one in\n"
		"                  the desktop's home; it stays when the desktop goes\n"
		"  --network=none|allow:NAME,...|allow:@FILE|open\n"
		"                  what it reaches beside itself: nothing, which is the default; "
		"web\n"
		"                  sites of these names, *.example.org for all under one, in a "
		"file a\n"
		"                  name a line; open: the whole internet, by any protocol over "
		"IPv4, so\n"
		"                  that whoever writes what it reads may have all that it has; in "
		"a sandbox\n"
		"                  neither this machine, nor its local network, nor a cloud's "
		"metadata,\n"
		"                  without one (--sandbox=none) all that this machine reaches.\n"
		"                  cua desktop network tells what was asked for\n"
		"  --memory=N      of all that runs on it, with files in /tmp: 512M, 2G; default "
		"4G, or\n"
		"                  three quarters of this machine's\n"
		"  --cpus=N        so many processors' time: 0.5, 2; default as many as there are\n"
		"  --processes=N   and threads; default 2048\n"
		"  --disk=N        of the home: 500M, 10G; default 10G\n"
		"  --open-files=N  of one process; default 4096\n"
		"                  none is no limit, for each of these. cua desktop list and the "
		"status\n"
		"                  of the desktop say what was reached, and what cannot be held "
		"here.\n";

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

/* "512M", "1.5G", "none"; a number alone is bytes. */
static enum cua_status take_bytes(
		const char *name, const char *text, int64_t *bytes, struct cua_error *err)
{
	static const char units[] = "KMGT";
	char *end = NULL;
	const double number = strtod(text, &end);
	const char *unit = *end ? strchr(units, *end) : NULL;
	const double value = number * (double)((int64_t)1 << (unit ? 10 * (unit - units + 1) : 0));
	if (strcmp(text, "none") == 0) {
		*bytes = DESKTOP_NO_LIMIT;
		return CUA_OK;
	}
	if (end == text || (*end && (!unit || end[1])) || !(value >= 1 && value <= 1e15)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s \"%s\" must be a number with K, M, G or T, or none", name,
				text);
	}
	*bytes = (int64_t)value;
	return CUA_OK;
}

static enum cua_status take_count(
		const char *name, const char *text, int *count, struct cua_error *err)
{
	char *end = NULL;
	const long value = strtol(text, &end, 10);
	if (strcmp(text, "none") == 0) {
		*count = DESKTOP_NO_LIMIT;
		return CUA_OK;
	}
	if (end == text || *end || value < 1 || value > 1 << 22) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%s \"%s\" must be a number up to %d, or none", name, text,
				1 << 22);
	}
	*count = (int)value;
	return CUA_OK;
}

static enum cua_status memory(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return take_bytes("memory", text, &settings->limits.memory_bytes, err);
}

static enum cua_status disk(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return take_bytes("disk", text, &settings->limits.disk_bytes, err);
}

static enum cua_status cpus(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	char *end = NULL;
	const double value = strtod(text, &end);
	if (strcmp(text, "none") == 0) {
		settings->limits.cpus = DESKTOP_NO_LIMIT;
		return CUA_OK;
	}
	if (end == text || *end || !(value > 0 && value <= 4096)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"cpus \"%s\" must be a number above 0, or none", text);
	}
	settings->limits.cpus = value;
	return CUA_OK;
}

static enum cua_status processes(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return take_count("processes", text, &settings->limits.processes, err);
}

static enum cua_status open_files(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return take_count("open-files", text, &settings->limits.open_files, err);
}

static enum cua_status workspace(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	return cua_workspace_check(text, settings->workspace, sizeof(settings->workspace), err);
}

static enum cua_status network(
		const char *text, struct desktop_settings *settings, struct cua_error *err)
{
	const size_t len = strlen(DESKTOP_NETWORK_ALLOW);
	char list[EGRESS_LIST_MAX];
	if (strcmp(text, "none") == 0 || strcmp(text, "open") == 0) {
		strcpy(settings->network, text);
		return CUA_OK;
	}
	if (strncmp(text, DESKTOP_NETWORK_ALLOW, len) != 0) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"network \"%.80s\" must be none, open, allow:NAME,... or "
				"allow:@FILE",
				text);
	}
	enum cua_status status = egress_list_read(text + len, list, err);
	if (status == CUA_OK) {
		snprintf(settings->network, sizeof(settings->network), DESKTOP_NETWORK_ALLOW "%s",
				list);
	}
	return status;
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
	{ "network", required_argument, "network", network },
	{ "memory", required_argument, "memory", memory },
	{ "cpus", required_argument, "cpus", cpus },
	{ "processes", required_argument, "processes", processes },
	{ "disk", required_argument, "disk", disk },
	{ "open-files", required_argument, "open_files", open_files },
	{ "workspace", required_argument, "workspace", workspace },
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

void cua_desktop_options_warn(const char *who, const struct desktop_record *record)
{
	if (!record->settings.sandboxed) {
		fprintf(stderr,
				"%s: warning: no sandbox: applications of this desktop can read "
				"and change what their user can, and use the network\n",
				who);
	}
	if (record->limits_note[0]) {
		fprintf(stderr, "%s: warning: limits of this desktop: %s\n", who,
				record->limits_note);
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

#ifndef CUA_DISPLAY_DESKTOP_SETTINGS_H
#define CUA_DISPLAY_DESKTOP_SETTINGS_H

/* What a desktop is started with and keeps: in its record for each host that it gets, in the list
 * of pools, in the journal of a run for the desktop that it goes on with. A new one is a member
 * here, its lines in the two JSON functions, and a row in cua/desktop_options.c. */

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "cua/base/paths.h"
#include "cua/egress/allow_list.h"

/* 0: as usual; DESKTOP_NO_LIMIT: none. */
struct desktop_limits {
	int64_t memory_bytes;
	int64_t disk_bytes; /* of the home */
	double cpus;        /* so many processors' time */
	int processes;      /* and threads */
	int open_files;     /* of one process */
};

#define DESKTOP_NO_LIMIT (-1)

#define DESKTOP_NETWORK_ALLOW "allow:"
#define DESKTOP_NETWORK_MAX (EGRESS_LIST_MAX + sizeof(DESKTOP_NETWORK_ALLOW))

struct desktop_settings {
	int width_px, height_px;         /* of the screen; resize_screen changes it */
	int max_width_px, max_height_px; /* that resize_screen may reach; 0: the size */
	int dpi;                         /* 96: things have their usual size */
	bool sandboxed;
	bool opengl; /* the X server offers GLX */
	/* "none", "open", "allow:" and a list as in cua/egress/allow_list.h; "": open without a
	 * sandbox, else none. */
	char network[DESKTOP_NETWORK_MAX];
	struct desktop_limits limits;
	char workspace[CUA_PATH_MAX]; /* a folder of this machine; "": one in the desktop's home */
};

/* Of a desktop that is told nothing else. */
extern const struct desktop_settings desktop_settings_default;

#define DESKTOP_DPI_MIN 96
#define DESKTOP_DPI_MAX 192

/* 320x200 to 16384x16384, and at most 32 Mi pixels. */
bool desktop_size_is_good(int width_px, int height_px);

/* "none", "allow" or "open"; and the list of "allow", NULL for the others. */
const char *desktop_network_name(const struct desktop_settings *settings);
const char *desktop_allowed_names(const struct desktop_settings *settings);
/* Of "open" in a sandbox; without one there is this machine's network. */
bool desktop_has_gateway(const struct desktop_settings *settings);

/* With what is 0 filled in. */
struct desktop_settings desktop_settings_complete(const struct desktop_settings *settings);

/* Adds the members, complete. */
void desktop_settings_to_json(const struct desktop_settings *settings, cJSON *json);
/* What is not there is as by default. Nothing is checked: a record is read even if it is damaged.
 */
struct desktop_settings desktop_settings_from_json(const cJSON *json);

/* Of what was read from a file; CUA_ERR_INVAL names what is wrong. */
CUA_NODISCARD enum cua_status desktop_settings_check(
		const struct desktop_settings *settings, struct cua_error *err);

/* In everything, or in one member of the JSON. */
bool desktop_settings_equal(const struct desktop_settings *a, const struct desktop_settings *b,
		const char *member);

#endif

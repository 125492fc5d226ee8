#ifndef CUA_DESKTOPS_H
#define CUA_DESKTOPS_H

/* Starting, finding and stopping desktops: what the sub-commands share. */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cua/base/error.h"
#include "display/desktop_end.h"
#include "display/desktop_record.h"

struct cua_desktop_options {
	const char *name; /* NULL: the first free of desktop-1, desktop-2, ... */
	struct desktop_settings settings;
	unsigned int given; /* a bit for each setting that was asked for: see desktop_options.h */
	bool spare;         /* for the pool: without a host, and nobody's yet */
	bool refills_later; /* the caller refills the pool, when it has done what is urgent */
};

/**
 * cua_desktop_start() - a new desktop, or a new host for one whose host is gone.
 * @ret_attached: true if the desktop was there already and got a new host.
 *
 * Return: CUA_OK when the desktop answers; CUA_ERR_EXISTS if it is up already, or there with
 *         other settings than were asked for;
 *         CUA_ERR_UNAVAILABLE if the sandbox cannot be had. After a failure nothing is left.
 */
CUA_NODISCARD enum cua_status cua_desktop_start(const struct cua_desktop_options *options,
		struct desktop_record *ret_record, bool *ret_attached, struct cua_error *err);

/* Ends every process of the desktop and removes its files. CUA_ERR_NOT_FOUND. */
CUA_NODISCARD enum cua_status cua_desktop_stop_by_name(const char *name, struct cua_error *err);

/* All desktops with their states, an array; the caller owns it. NULL on failure.
 * state is "running", "detached" (its host is gone), "spare" (in the pool), "dead" (see below). */
cJSON *cua_desktop_list(struct cua_error *err);

/* The records of all desktops, an array; the caller frees it. */
CUA_NODISCARD enum cua_status cua_desktop_records(
		struct desktop_record **ret_records, int *ret_count, struct cua_error *err);
/* As in the list. */
const char *cua_desktop_state(const struct desktop_record *record);

/* Why a desktop is dead, in one line. */
void cua_desktop_why_dead(const struct desktop_record *record, char text[DESKTOP_END_SIZE]);

/* Does a host answer there? */
bool cua_desktop_has_host(const struct desktop_record *record);

/* One that lost its host gets another, with the settings that it has; *ret_attached: it did. Of one
 * that is dead nothing is made, and its next request says so. */
CUA_NODISCARD enum cua_status cua_desktop_attach(
		struct desktop_record *record, bool *ret_attached, struct cua_error *err);

/* The named desktop, or the only one there is if name is NULL. CUA_ERR_NOT_FOUND, and
 * CUA_ERR_INVAL if there are several to choose from. */
CUA_NODISCARD enum cua_status cua_desktop_find(
		const char *name, struct desktop_record *ret_record, struct cua_error *err);

#endif

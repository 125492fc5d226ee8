#ifndef CUA_DESKTOP_POOL_H
#define CUA_DESKTOP_POOL_H

/* Desktops that were started before anybody asked: sandbox, X server, window manager and bus run,
 * and a start only gives them their name and a host. What the pool is to hold is written down in
 * pool.json of the runtime directory; spare ones are desktops like others, marked as spare in
 * their record. Whoever takes one refills the pool by a process that ends when that is done. */

#include <stdbool.h>

#include "cua/desktops.h"

#define CUA_DESKTOP_SPARES_MAX 64

/* From now on that many with these settings are kept, 0: none; refilling begins at once.
 * CUA_ERR_INVAL for settings that no spare can have. */
CUA_NODISCARD enum cua_status cua_desktop_pool_set(
		const struct desktop_settings *settings, int spares, struct cua_error *err);

/* A run has just had one of these settings: the next is likely to want the same. Of the kinds that
 * runs wanted lately that many spares are kept in all; settings NULL, and 0: of none any more. What
 * cua_desktop_pool_set() says of the same settings goes before. */
CUA_NODISCARD enum cua_status cua_desktop_pool_keep_for_runs(
		const struct desktop_settings *settings, int spares, struct cua_error *err);

/* Forgets the pool and stops every spare desktop. */
CUA_NODISCARD enum cua_status cua_desktop_pool_end(struct cua_error *err);

/* Starts what is missing, and stops what is dead or wanted no more; returns when it is done. */
CUA_NODISCARD enum cua_status cua_desktop_pool_refill(struct cua_error *err);
/* The same, unless somebody who waits for another's refilling to end will do so. */
CUA_NODISCARD enum cua_status cua_desktop_pool_refill_once(struct cua_error *err);
/* The same in a process of its own, which outlives the caller. Nothing without a pool. */
void desktop_pool_refill_later(void);

/* While a start holds it no spare desktop is begun: whoever waits for a start goes before those who
 * may come. -1 if it cannot be had, and for desktop_pool_release() nothing. */
int desktop_pool_hold(void);
void desktop_pool_release(int *fd);

/* Gives a spare desktop of these options its name and a host. False if there is none; then nothing
 * has changed. The caller has the lock of the directory of all desktops by lock_fd, which is given
 * up as soon as the others may go on. */
bool desktop_pool_take(const struct cua_desktop_options *options, const char *all, int lock_fd,
		struct desktop_record *ret_record);

#endif

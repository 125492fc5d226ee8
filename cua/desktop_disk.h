#ifndef CUA_DESKTOP_DISK_H
#define CUA_DESKTOP_DISK_H

/* The home of a desktop as a file system of its own, so that it holds no more than it may: ext4 in
 * a file without a name, which goes with the last who has it mounted. For root alone. */

#include "cua/base/error.h"
#include "display/desktop_record.h"

/* Mounts it at record->home, which is there and empty. Fails where there are no loop devices, or
 * no mkfs.ext4; then the home is a folder as it was. */
CUA_NODISCARD enum cua_status desktop_disk_make(
		const struct desktop_record *record, struct cua_error *err);
/* The home of another name: a mount cannot be renamed as a folder can. */
CUA_NODISCARD enum cua_status desktop_disk_move(
		const char *from, const char *to, struct cua_error *err);
/* What is mounted there is not any more; nothing if there is nothing. */
void desktop_disk_unmount(const char *home);

#endif

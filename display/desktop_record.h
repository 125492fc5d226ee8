#ifndef CUA_DISPLAY_DESKTOP_RECORD_H
#define CUA_DISPLAY_DESKTOP_RECORD_H

/* What is written down about a desktop so that any process can find it, join it or clean up
 * after it: DIR/desktop.json. The truth about what is alive is asked of the sockets. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cua/base/cgroup.h"
#include "cua/base/error.h"
#include "cua/base/paths.h"
#include "cua/base/process.h"
#include "display/desktop_settings.h"

#define DESKTOP_NAME_MAX 32

/* Identities of desktops that root starts: one to a desktop, above every range that Debian and
 * systemd give to accounts, services and containers. */
#define DESKTOP_UID_FIRST 70000U
#define DESKTOP_UID_COUNT 30000U

struct desktop_record {
	char name[DESKTOP_NAME_MAX + 1];
	char dir[CUA_PATH_MAX];        /* sockets and logs */
	char home[CUA_PATH_MAX];       /* outside path of the applications' home */
	char x11_socket[CUA_PATH_MAX]; /* outside path of the X server's socket; "" before it is up
					*/
	struct desktop_settings settings;
	bool spare;               /* waits in the pool for somebody to take it */
	char mark[CUA_PATH_MAX];  /* CUA_DESKTOP_DIR of its outer processes: where it was made */
	uid_t uid;                /* whom the applications run as */
	int64_t created_s;        /* seconds since 1970 */
	struct cua_cgroup cgroup; /* of all that runs on it; see desktop_limits.h */
	bool has_disk;            /* its home is a file system of its own; see cua/desktop_disk.h */
	char limits_note[512];    /* what of its limits is not held, and why; "" if all is */
	struct cua_process_id bwrap, session, host, vnc; /* pid 0: none yet */
	struct cua_process_id egress;                    /* its proxy, or its gateway */
};

/* Letters, digits, '.', '_' and '-', at most DESKTOP_NAME_MAX, not starting with a dot. */
CUA_NODISCARD enum cua_status desktop_name_check(const char *name, struct cua_error *err);

/* The directory that holds all desktops of this user; made if absent. */
CUA_NODISCARD enum cua_status desktops_dir(char *path, size_t size, struct cua_error *err);

/* CUA_ERR_NOT_FOUND if there is no desktop of this name. A record that is missing or damaged in
 * an existing directory is CUA_OK with name and dir alone, so that it can be cleaned up. */
CUA_NODISCARD enum cua_status desktop_record_read(
		const char *name, struct desktop_record *ret_record, struct cua_error *err);
CUA_NODISCARD enum cua_status desktop_record_write(
		const struct desktop_record *record, struct cua_error *err);

/* The same where another process may be writing, too: the host, which changes the size and its own
 * processes, and who gives a running desktop its network back. Each takes from what is written what
 * the other changes, into the record. */
CUA_NODISCARD enum cua_status desktop_record_write_host(
		struct desktop_record *record, struct cua_error *err);
CUA_NODISCARD enum cua_status desktop_record_write_network(
		struct desktop_record *record, struct cua_error *err);
/* The proxy or gateway that is written down by now. */
void desktop_record_refresh_network(struct desktop_record *record);

/* Adds what network the desktop has: "network", of "allow" the names, and of "allow" and "open" in
 * a sandbox whether the "proxy" or the "gateway" runs, without which there is none. */
void desktop_network_describe(const struct desktop_record *record, cJSON *json);
bool desktop_egress_is_running(const struct desktop_record *record);
/* It has the network that it was started with; none is one. */
bool desktop_network_is_up(const struct desktop_record *record);

/* DIR/leaf; the result is cut if it does not fit, which opening it then tells. */
void desktop_path(const struct desktop_record *record, const char *leaf, char *path, size_t size);
/* A leaf: whoever stops the desktop has it locked; the lock of the folder is the host's. */
#define DESKTOP_STOP_LOCK "stop.lock"

#endif

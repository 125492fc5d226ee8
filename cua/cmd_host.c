/* cua host: the desktop host. Started by cua desktop start. */

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "cua/api/desktop_api.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "display/guard.h"

/* Two starts of one name at once must not give the desktop two hosts. The folder of the desktop is
 * the lock; it is the host's until it ends, whichever way. */
static int lock_desktop(const struct desktop_record *record, int ready_fd)
{
	CUA_AUTO_FD int fd = open(record->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
		dprintf(ready_fd,
				"{\"error\": \"desktop %s has another host, or is just "
				"getting one\"}\n",
				record->name);
		return -1;
	}
	return cua_steal_fd(&fd);
}

int cua_cmd_host(int argc, char **argv)
{
	static const struct option options[] = { { "name", required_argument, NULL, 'n' },
		{ "ready-fd", required_argument, NULL, 'r' },
		{ "go-fd", required_argument, NULL, 'g' }, { 0 } };
	const char *name = NULL;
	int ready_fd = -1, go_fd = -1;
	char go;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'n') {
			name = optarg;
		} else if (option == 'r') {
			ready_fd = (int)strtol(optarg, NULL, 10);
		} else if (option == 'g') {
			go_fd = (int)strtol(optarg, NULL, 10);
		} else {
			return CUA_EXIT_USAGE;
		}
	}
	struct desktop_record record;
	struct cua_error error = { 0 };
	if (!name || ready_fd < 0 || go_fd < 0) {
		return CUA_EXIT_USAGE;
	}
	if (desktop_record_read(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	CUA_AUTO_FD int lock_fd = lock_desktop(&record, ready_fd);
	if (lock_fd < 0) {
		return CUA_EXIT_FAILED;
	}
	/* The desktop starts meanwhile; the end of the pipe means that it never will be there. */
	if (read(go_fd, &go, 1) != 1) {
		return CUA_EXIT_FAILED;
	}
	close(go_fd);
	if (desktop_record_read(name, &record, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	struct display_guard guard;
	if (display_guard_start(&record, &guard, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	const int result = desktop_host_run(&record, ready_fd);
	display_guard_stop(&guard);
	return result;
}

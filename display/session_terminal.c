/* Terminals of the sandbox: opened in it, where their names are those that its programs see. */

#include "display/session_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

static void set_size(int terminal, const cJSON *size)
{
	const struct winsize cells = { .ws_row = (unsigned short)cua_json_int(size, "rows"),
		.ws_col = (unsigned short)cua_json_int(size, "columns") };
	struct termios modes;
	(void)ioctl(terminal, TIOCSWINSZ, &cells);
	/* Erasing takes whole characters. */
	if (tcgetattr(terminal, &modes) == 0) {
		modes.c_iflag |= IUTF8;
		(void)tcsetattr(terminal, TCSANOW, &modes);
	}
}

enum cua_status session_terminal_open(
		const cJSON *size, int *ret_other, int *ret_terminal, struct cua_error *err)
{
	char path[64];
	CUA_AUTO_FD int other = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0 || grantpt(other) != 0 || unlockpt(other) != 0 ||
			ptsname_r(other, path, sizeof(path)) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "terminal");
	}
	CUA_AUTO_FD int terminal = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "%s", path);
	}
	set_size(terminal, size);
	*ret_other = cua_steal_fd(&other);
	*ret_terminal = cua_steal_fd(&terminal);
	return CUA_OK;
}

/* The kernel tells the shell and its foreground, and shells tell their jobs; but one that gets
 * another signal just then does not. */
void session_terminal_hang_up(pid_t shell)
{
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && (entry = readdir(proc));) {
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 1 && getsid(pid) == shell) {
			kill(pid, SIGHUP);
			kill(pid, SIGCONT);
		}
	}
	if (proc) {
		closedir(proc);
	}
}

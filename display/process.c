#include "display/display_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "display/load.h"

#define STATUS_MAX_BYTES ((size_t)16 << 10)
#define ANCESTORS_MAX 64
#define LOOK_AGAIN_US 1000U

/* Lines of /proc/PID/status. */
struct process_status {
	char state;
	pid_t parent;
	pid_t inner_pid, inner_session; /* in its own pid namespace */
	unsigned long long switches;
};

static unsigned long long number_after(const char *text, const char *label)
{
	const char *at = strstr(text, label);
	return at ? strtoull(at + strlen(label), NULL, 10) : 0;
}

/* The last number of the line: that of the innermost pid namespace; 0 if there is none. */
static pid_t last_number(const char *text, const char *label)
{
	const char *line = strstr(text, label);
	const char *end = line ? strchr(line + 1, '\n') : NULL;
	while (end && end > line && isdigit((unsigned char)end[-1])) {
		end--;
	}
	return end ? (pid_t)strtol(end, NULL, 10) : 0;
}

/* Source: proc(5). */
static bool read_status(pid_t pid, struct process_status *ret_status)
{
	char path[64];
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, STATUS_MAX_BYTES);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (cua_file_read(path, &text, NULL) != CUA_OK || text.len == 0) {
		return false;
	}
	const char *state = strstr(text.data, "\nState:\t");
	*ret_status = (struct process_status){ .state = state ? state[8] : 0,
		.parent = (pid_t)number_after(text.data, "\nPPid:"),
		.inner_pid = last_number(text.data, "\nNSpid:"),
		.inner_session = last_number(text.data, "\nNSsid:"),
		.switches = number_after(text.data, "\nvoluntary_ctxt_switches:") +
				number_after(text.data, "\nnonvoluntary_ctxt_switches:") };
	return true;
}

/* All that runs on a desktop descends from its session. */
static bool is_on_desktop(const struct display *display, pid_t pid)
{
	struct process_status status;
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		if (pid == display->record.session.pid) {
			return true;
		}
		if (!read_status(pid, &status)) {
			return false;
		}
		pid = status.parent;
	}
	return false;
}

/* A window tells the number that its process has inside the sandbox. */
static pid_t find_process(const struct display *display, pid_t inner_pid)
{
	pid_t found = 0;
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && !found && (entry = readdir(proc));) {
		struct process_status status;
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 1 && read_status(pid, &status) && status.inner_pid == inner_pid &&
				is_on_desktop(display, pid)) {
			found = pid;
		}
	}
	if (proc) {
		closedir(proc);
	}
	return found;
}

bool process_name(const struct display *display, pid_t inner_pid, char *name, size_t size)
{
	char path[64];
	const pid_t pid = find_process(display, inner_pid);
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, STATUS_MAX_BYTES);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (pid == 0 || cua_file_read(path, &text, NULL) != CUA_OK || text.len == 0) {
		return false;
	}
	text.data[strcspn(text.data, "\n")] = '\0';
	for (char *at = text.data; *at; at++) {
		*at = isprint((unsigned char)*at) ? *at : '?';
	}
	snprintf(name, size, "%s (process %d)", text.data, (int)inner_pid);
	return true;
}

static uint64_t used_us(pid_t pid)
{
	struct timespec used;
	clockid_t clock;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
		return 0;
	}
	return (uint64_t)used.tv_sec * 1000000U + (uint64_t)used.tv_nsec / 1000U;
}

uint64_t process_session_work_us(const struct display *display, pid_t inner_session)
{
	uint64_t work_us = 0;
	DIR *proc = opendir("/proc");
	for (const struct dirent *entry; proc && (entry = readdir(proc));) {
		struct process_status status;
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 1 && read_status(pid, &status) && status.inner_session == inner_session &&
				is_on_desktop(display, pid)) {
			work_us += used_us(pid) + load_delay_ns(pid) / 1000;
		}
	}
	if (proc) {
		closedir(proc);
	}
	return work_us;
}

pid_t process_session(const struct display *display, pid_t inner_pid)
{
	struct process_status status;
	const pid_t pid = find_process(display, inner_pid);
	return pid > 0 && read_status(pid, &status) ? status.inner_session : 0;
}

static pid_t active_process(struct display *display)
{
	const Window window = window_active(display);
	if (window == None || window != display->client.window) {
		unsigned long count = 0;
		unsigned char *inner = display_property(display, window, display->atoms.net_wm_pid,
				XA_CARDINAL, 32, &count);
		const pid_t pid = inner ? (pid_t) * (unsigned long *)(void *)inner : 0;
		display->client.window = window;
		display->client.pid = pid > 0 ? find_process(display, pid) : 0;
		if (inner) {
			XFree(inner);
		}
	}
	return display->client.pid;
}

bool process_is_known(struct display *display)
{
	return active_process(display) > 0;
}

unsigned long long process_switches(struct display *display)
{
	const pid_t pid = active_process(display);
	struct process_status status;
	return pid > 0 && read_status(pid, &status) ? status.switches : 0;
}

uint64_t process_used_us(struct display *display)
{
	const pid_t pid = active_process(display);
	return pid > 0 ? used_us(pid) : 0;
}

enum cua_status process_wait_asleep(
		struct display *display, int timeout_ms, bool *ret_asleep, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + (uint64_t)timeout_ms * 1000U;
	const pid_t pid = active_process(display);
	struct process_status before, after;
	enum cua_status status = display_ok(display, err);
	*ret_asleep = false;
	while (status == CUA_OK && pid > 0 && !*ret_asleep && cua_now_us() < deadline_us) {
		if (!read_status(pid, &before)) {
			display->client.window = None;
			return CUA_OK;
		}
		/* Whatever it has asked the X server before, it has an answer to now. */
		display_sync(display);
		status = display_wait(display, cua_now_us() + LOOK_AGAIN_US, NULL, NULL, err);
		status = status == CUA_ERR_TIMEOUT ? CUA_OK : status;
		*ret_asleep = read_status(pid, &after) && before.state == 'S' &&
				after.state == 'S' && before.switches == after.switches;
	}
	return status;
}

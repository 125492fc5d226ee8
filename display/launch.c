#include "display/launch.h"

#include "cua/base/util.h"
#include "display/x_client.h"

static unsigned long window_pid(struct display *display, Window window)
{
	unsigned long count = 0, pid = 0;
	unsigned char *data = display_property(
			display, window, display->atoms.net_wm_pid, XA_CARDINAL, 32, &count);
	if (data) {
		pid = *(unsigned long *)(void *)data;
		XFree(data);
	}
	return pid;
}

void launch_note_windows(struct display *display, struct launch *launch)
{
	launch->started_us = cua_now_us();
	launch->before_count = window_list(display, launch->before);
	launch->active_before = window_active(display);
	for (int i = 0; i < launch->before_count; i++) {
		launch->pids_before[i] = window_pid(display, launch->before[i]);
	}
}

/* The server gives the number of a client that has gone to the next one: the window of a program
 * that ends while another starts can come again as that of the other. */
static bool is_old_window(struct display *display, const struct launch *launch, Window window)
{
	for (int i = 0; i < launch->before_count; i++) {
		if (launch->before[i] == window) {
			return launch->pids_before[i] == window_pid(display, window);
		}
	}
	return false;
}

static bool is_of_other(struct display *display, struct launch *launch, Window window)
{
	for (int i = 0; i < launch->of_others_count; i++) {
		if (launch->of_others[i] == window) {
			return true;
		}
	}
	const pid_t pid = x_client_pid(display, window);
	const pid_t session = pid == launch->pid ? pid : process_session(display, pid);
	const bool is_other = session > 0 && session != launch->pid;
	if (is_other && launch->of_others_count < WINDOWS_MAX) {
		launch->of_others[launch->of_others_count++] = window;
	}
	return is_other;
}

/* Windows that have gone are no old ones any more. */
static void forget_gone(struct launch *launch, const Window *now, int count)
{
	for (int i = 0; i < launch->before_count; i++) {
		bool gone = true;
		for (int k = 0; k < count; k++) {
			gone = gone && now[k] != launch->before[i];
		}
		if (gone) {
			launch->before[i] = None;
		}
	}
}

Window launch_find_window(struct display *display, struct launch *launch, bool by_others)
{
	Window now[WINDOWS_MAX];
	const int count = window_list(display, now);
	forget_gone(launch, now, count);
	for (int i = count - 1; i >= 0; i--) {
		if (!is_old_window(display, launch, now[i]) &&
				window_is_application(display, now[i]) &&
				(by_others || !is_of_other(display, launch, now[i]))) {
			return now[i];
		}
	}
	return None;
}

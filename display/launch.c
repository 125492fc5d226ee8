#include "display/launch.h"

#include <string.h>
#include <strings.h>

#include "cua/base/util.h"
#include "display/x_client.h"

/* A program that shows no window itself waits for the one that another shows for it. */
#define SHOWN_BY_OTHERS_US 2000000U
#define SHOWN_BY_ANYBODY_US 10000000U
#define LOOK_AGAIN_US 300000U
/* Who has or wants less than this of one processor rests. */
#define WORKS_PERCENT 5

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

/* Of a desktop file org.xfce.mousepad the window says Mousepad. */
bool launch_is_class(struct display *display, const struct launch *launch, Window window)
{
	char said[2][128];
	const char *dot = strrchr(launch->class, '.');
	const char *const names[] = { launch->class, dot ? dot + 1 : "", launch->program };
	window_class(display, window, said[0], sizeof(said[0]));
	window_instance(display, window, said[1], sizeof(said[1]));
	for (size_t i = 0; i < CUA_ARRAY_LEN(names); i++) {
		if (names[i][0] &&
				(strcasecmp(names[i], said[0]) == 0 ||
						strcasecmp(names[i], said[1]) == 0)) {
			return true;
		}
	}
	return false;
}

void launch_note_windows(struct display *display, struct launch *launch)
{
	launch->started_us = launch->rests_since_us = launch->looked_us = cua_now_us();
	launch->before_count = window_list(display, launch->before);
	launch->active_before = window_active(display);
	window_title(display, launch->active_before, launch->title_before,
			sizeof(launch->title_before));
	launch->changes_before = activity_wide_changes(display);
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

/* A process of the program, which is a session of its own. Unknown ones are taken for its. */
static bool is_of_launch(struct display *display, const struct launch *launch, pid_t pid)
{
	const pid_t session = pid == launch->pid ? pid : process_session(display, pid);
	return session == 0 || session == launch->pid;
}

static bool has_client(struct display *display, const struct launch *launch)
{
	struct x_client clients[X_CLIENTS_MAX];
	const int count = x_client_list(display, clients);
	for (int i = count - 1; i >= 0; i--) {
		if (!window_is_ours(display, clients[i].base) &&
				is_of_launch(display, launch, clients[i].pid)) {
			return true;
		}
	}
	return count == 0; /* the server did not say */
}

/* A program that has yet to connect still computes, or would if it had a processor. */
static void look_at_program(struct display *display, struct launch *launch)
{
	const uint64_t now_us = cua_now_us();
	if (now_us < launch->looked_us + LOOK_AGAIN_US) {
		return;
	}
	const uint64_t work_us = process_session_work_us(display, launch->pid);
	if (work_us > launch->work_us + (now_us - launch->looked_us) * WORKS_PERCENT / 100 ||
			has_client(display, launch)) {
		launch->rests_since_us = now_us;
	}
	launch->work_us = work_us;
	launch->looked_us = now_us;
}

static bool others_count(struct display *display, struct launch *launch)
{
	look_at_program(display, launch);
	const uint64_t now_us = cua_now_us();
	return launch->ended || now_us > launch->started_us + SHOWN_BY_ANYBODY_US ||
			now_us > launch->rests_since_us + SHOWN_BY_OTHERS_US;
}

void launch_disregard(struct launch *launch, uint64_t us)
{
	launch->started_us += us;
	launch->rests_since_us += us;
}

static bool is_of_other(struct display *display, struct launch *launch, Window window)
{
	if (window_is_in(window, launch->of_others, launch->of_others_count)) {
		return true;
	}
	const bool is_other = !is_of_launch(display, launch, x_client_pid(display, window));
	if (is_other && launch->of_others_count < WINDOWS_MAX) {
		launch->of_others[launch->of_others_count++] = window;
	}
	return is_other;
}

/* The numbers of windows that have gone may come again. */
static void forget_gone(struct launch *launch, const Window *now, int count)
{
	int kept = 0;
	for (int i = 0; i < launch->before_count; i++) {
		if (!window_is_in(launch->before[i], now, count)) {
			launch->before[i] = None;
		}
	}
	for (int i = 0; i < launch->of_others_count; i++) {
		if (window_is_in(launch->of_others[i], now, count)) {
			launch->of_others[kept++] = launch->of_others[i];
		}
	}
	launch->of_others_count = kept;
}

Window launch_find_window(struct display *display, struct launch *launch)
{
	Window now[WINDOWS_MAX];
	const int count = window_list(display, now);
	forget_gone(launch, now, count);
	for (int i = count - 1; i >= 0; i--) {
		if (!is_old_window(display, launch, now[i]) &&
				window_is_application(display, now[i]) &&
				(!is_of_other(display, launch, now[i]) ||
						others_count(display, launch))) {
			return now[i];
		}
	}
	return None;
}

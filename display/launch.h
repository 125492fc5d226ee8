#ifndef CUA_DISPLAY_LAUNCH_H
#define CUA_DISPLAY_LAUNCH_H

/* A program that was started, and which of the windows on the screen is its. */

#include "display/display_internal.h"

struct launch {
	int session_fd;
	pid_t pid; /* inside the sandbox; its session has the same number */
	uint64_t started_us;
	Window before[WINDOWS_MAX];
	unsigned long pids_before[WINDOWS_MAX];
	int before_count;
	Window of_others[WINDOWS_MAX]; /* new ones of other programs */
	int of_others_count;
	uint64_t looked_us;      /* at its processes */
	uint64_t work_us;        /* theirs by then */
	uint64_t rests_since_us; /* without a connection to the X server */
	Window active_before;
	char title_before[256]; /* of that */
	uint64_t changes_before;
	bool shows_page;   /* a browser, and what it shows comes into a window that is there */
	char class[128];   /* that its windows are likely to have; "" if unknown */
	char program[128]; /* without its folder */
	Window window;     /* the result */
	bool ended;
	int exit_status; /* less than 0: the number of a signal */
	char output[2048];
	uint64_t ended_us;
};

/* The window looks like one of this program, by its class. */
bool launch_is_class(struct display *display, const struct launch *launch, Window window);
/* Before the start: what is there already. */
void launch_note_windows(struct display *display, struct launch *launch);
/* The uppermost window of an application that was not there; None if there is none. Those of other
 * programs, which may show one of their own accord just then, count when the program has ended,
 * when it has rested for 2 s without a connection to the X server, and after 10 s in any case. */
Window launch_find_window(struct display *display, struct launch *launch);
/* For so long the program may have been kept from running. */
void launch_disregard(struct launch *launch, uint64_t us);

#endif

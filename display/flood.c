/* A client that changes properties without a pause, or makes and moves windows, keeps the window
 * manager busy with what piles up, and everybody who needs it waiting. When the manager is late, or
 * the root window's properties change all the time, who makes the events is looked for, and its
 * process is slowed down by the session. */

#define CUA_LOG_MODULE "display.flood"

#include "display/flood.h"

#include <string.h>

#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/session_client.h"
#include "display/x_client.h"

/* So many events in so short a time are no application's way of showing something. */
#define SAMPLE_MS 100
#define EVENTS_LEAST 300
#define SESSION_TIMEOUT_MS 3000
/* A search without a result is not repeated so soon. */
#define SEARCH_PAUSE_MS 30000U
/* Who is slowed down runs for a fifth of one period in ten. */
#define PERIODS_BY_SLOWED 5

/* The window that an event is about; None for those that do not count. */
static Window subject_of(const XEvent *event)
{
	switch (event->type) {
	case PropertyNotify:
		return event->xproperty.window;
	case CreateNotify:
	case DestroyNotify:
	case MapNotify:
	case UnmapNotify:
	case ReparentNotify:
	case ConfigureNotify:
		return event->xmap.window; /* in one place for all of them */
	default:
		return None;
	}
}

static void begin_period(struct display_flood *flood, uint64_t now_us)
{
	flood->root_events_before = flood->root_events;
	flood->root_events = 0;
	flood->root_since_us = now_us;
}

static void count_root_event(struct display_flood *flood)
{
	const uint64_t now_us = cua_now_us();
	if (!flood->samples && now_us > flood->root_since_us + SAMPLE_MS * 1000U) {
		const bool flooded = flood->root_events >= EVENTS_LEAST &&
				now_us < flood->root_since_us + 2 * SAMPLE_MS * 1000U;
		flood->flooded_periods = flooded ? flood->flooded_periods + 1 : 0;
		begin_period(flood, now_us);
	}
	flood->root_events++;
}

void flood_event(struct display *display, const XEvent *event)
{
	struct display_flood *flood = &display->flood;
	const XID client = flood->samples ? subject_of(event) & ~flood->resource_mask : None;
	int i = 0;
	if (event->type == PropertyNotify && event->xproperty.window == display->root) {
		count_root_event(flood);
	}
	if (client == None) {
		return;
	}
	while (i < flood->count && flood->clients[i].base != client) {
		i++;
	}
	if (i == FLOOD_CLIENTS_MAX) {
		return;
	}
	if (i == flood->count) {
		flood->clients[flood->count++] = (struct display_flood_client){ .base = client };
	}
	flood->clients[i].subject = subject_of(event);
	flood->clients[i].events++;
}

/* Titles are told to those alone who listen to the window. */
static enum cua_status sample(struct display *display, struct cua_error *err)
{
	struct display_flood *flood = &display->flood;
	struct window_listening listening = { 0 };
	Window windows[WINDOWS_MAX];
	const int count = window_list(display, windows);
	for (int i = 0; i < count && !display->dead; i++) {
		window_listen(display, &listening, windows[i]);
	}
	flood->samples = true;
	flood->count = 0;
	flood->resource_mask = xcb_get_setup(display->xcb)->resource_id_mask;
	begin_period(flood, cua_now_us());
	enum cua_status status =
			display_wait(display, cua_now_us() + SAMPLE_MS * 1000U, NULL, NULL, err);
	begin_period(flood, cua_now_us());
	flood->samples = false;
	window_listen_end(display, &listening);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

bool flood_slow_only(struct display *display, const pid_t *pids, int count)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	struct cua_error error = { 0 };
	cJSON_AddItemToObject(request, "slow", cJSON_CreateIntArray(pids, count));
	enum cua_status status = session_request(&display->record, request, NULL, &fd, &error);
	if (status == CUA_OK) {
		status = session_answer(fd, SESSION_TIMEOUT_MS, &answer, &error);
	}
	if (status != CUA_OK) {
		cua_log_info("nobody is slowed down: %s", error.msg);
	}
	return status == CUA_OK;
}

static const struct display_flood_client *worst_of(struct display *display)
{
	const struct display_flood *flood = &display->flood;
	const struct display_flood_client *worst = NULL;
	for (int i = 0; i < flood->count; i++) {
		const struct display_flood_client *client = &flood->clients[i];
		if (client->events >= EVENTS_LEAST && (!worst || client->events > worst->events) &&
				!window_is_ours(display, client->subject) &&
				!window_is_of_manager(display, client->subject)) {
			worst = client;
		}
	}
	return worst;
}

/* What is on the way is let through first. */
enum cua_status flood_look_at_root(
		struct display *display, bool *ret_flooded, struct cua_error *err)
{
	enum cua_status status = sample(display, err);
	if (status == CUA_OK) {
		status = sample(display, err);
	}
	*ret_flooded = display->flood.root_events_before >= EVENTS_LEAST;
	return status;
}

/* Who has ended is forgotten. */
static int count_slowed(struct display *display)
{
	struct display_flood *flood = &display->flood;
	struct x_client clients[X_CLIENTS_MAX];
	const int count = flood->slowed_count > 0 && cua_now_us() < flood->slowed_until_us
			? x_client_list(display, clients)
			: 0;
	int kept = 0;
	for (int i = 0; i < flood->slowed_count; i++) {
		for (int k = 0; k < count; k++) {
			if (clients[k].pid == flood->slowed[i]) {
				flood->slowed[kept++] = flood->slowed[i];
				break;
			}
		}
	}
	flood->slowed_count = kept;
	return kept;
}

/* Who is slowed down already still makes many events whenever it runs, which is never for long. */
static bool is_by_slowed(struct display *display)
{
	return display->flood.flooded_periods < PERIODS_BY_SLOWED && count_slowed(display) > 0;
}

/* Besides those that are; the one that has been for longest makes room. */
static bool slow_down_too(struct display *display, const pid_t *pids, int count)
{
	struct display_flood *flood = &display->flood;
	(void)count_slowed(display);
	for (int i = 0; i < count; i++) {
		int at = 0;
		while (at < flood->slowed_count && flood->slowed[at] != pids[i]) {
			at++;
		}
		if (at == FLOOD_SLOWED_MAX) {
			memmove(flood->slowed, flood->slowed + 1,
					(FLOOD_SLOWED_MAX - 1) * sizeof(flood->slowed[0]));
			at--;
		}
		flood->slowed[at] = pids[i];
		flood->slowed_count += at == flood->slowed_count;
	}
	flood->slowed_until_us = cua_now_us() + SESSION_SLOW_MS * 1000U;
	return flood_slow_only(display, flood->slowed, flood->slowed_count);
}

static bool root_was_flooded(const struct display *display)
{
	const struct display_flood *flood = &display->flood;
	const uint64_t now_us = cua_now_us();
	return flood->root_events_before >= EVENTS_LEAST && now_us > flood->search_again_us &&
			now_us < flood->root_since_us + 2 * SAMPLE_MS * 1000U;
}

static enum cua_status find_flooders(struct display *display, pid_t pids[FLOOD_SLOWED_MAX],
		int *ret_count, struct cua_error *err)
{
	struct display_flood *flood = &display->flood;
	enum cua_status status = sample(display, err);
	const struct display_flood_client *worst = worst_of(display);
	*ret_count = 0;
	if (status == CUA_OK && worst) {
		pids[0] = x_client_pid(display, worst->subject);
		*ret_count = pids[0] > 0 ? 1 : 0;
	} else if (status == CUA_OK && root_was_flooded(display) && !is_by_slowed(display)) {
		status = flood_search(display, pids, ret_count, err);
		flood->flooded_periods = 0;
		flood->search_again_us =
				*ret_count > 0 ? 0 : cua_now_us() + SEARCH_PAUSE_MS * 1000U;
	}
	return status;
}

enum cua_status flood_slow_down(struct display *display, bool *ret_found, struct cua_error *err)
{
	pid_t pids[FLOOD_SLOWED_MAX];
	int count = 0;
	*ret_found = false;
	enum cua_status status = find_flooders(display, pids, &count, err);
	if (status != CUA_OK || count == 0 || !slow_down_too(display, pids, count)) {
		return status;
	}
	for (int i = 0; i < count; i++) {
		cua_log_error("process %d floods the window manager, or all who listen to the "
			      "root window, with events; it is slowed down",
				(int)pids[i]);
	}
	*ret_found = true;
	return CUA_OK;
}

enum cua_status flood_check(struct display *display, struct cua_error *err)
{
	bool found = false;
	display_handle_events(display);
	return root_was_flooded(display) && !is_by_slowed(display)
			? flood_slow_down(display, &found, err)
			: display_ok(display, err);
}

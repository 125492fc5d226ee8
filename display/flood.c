/* A client that changes properties without a pause, or makes and moves windows, keeps the window
 * manager busy with what piles up, and everybody who needs it waiting. When the manager is late, or
 * the root window's properties change all the time, who makes the events is looked for, and its
 * process is slowed down by the session. */

#define CUA_LOG_MODULE "display.flood"

#include "display/flood.h"

#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/session_client.h"
#include "display/x_client.h"

/* So many events in so short a time are no application's way of showing something. */
#define SAMPLE_MS 100
#define EVENTS_LEAST 300
#define SESSION_TIMEOUT_MS 3000
/* A search keeps its caller waiting, and those that are tried; one without a result is not repeated
 * so soon. */
#define SEARCH_MS 3000U
#define SEARCH_PAUSE_MS 30000U

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

/* One at a time; 0: nobody any more. False if the session does not do it: the process has gone, or
 * the desktop stands on it. */
static bool slow_down(struct display *display, pid_t pid)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	struct cua_error error = { 0 };
	cJSON_AddNumberToObject(request, "slow", pid);
	enum cua_status status = session_request(&display->record, request, NULL, &fd, &error);
	if (status == CUA_OK) {
		status = session_answer(fd, SESSION_TIMEOUT_MS, &answer, &error);
	}
	if (status != CUA_OK) {
		cua_log_info("process %d is not slowed down: %s", (int)pid, error.msg);
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
static enum cua_status root_is_flooded(
		struct display *display, bool *ret_flooded, struct cua_error *err)
{
	enum cua_status status = sample(display, err);
	if (status == CUA_OK) {
		status = sample(display, err);
	}
	*ret_flooded = display->flood.root_events_before >= EVENTS_LEAST;
	return status;
}

/* The flood ends when the process is stopped, and goes on when it goes on. */
static enum cua_status is_flooder(
		struct display *display, pid_t pid, bool *ret_is, struct cua_error *err)
{
	bool flooded = true;
	*ret_is = false;
	if (!slow_down(display, pid)) {
		return CUA_OK;
	}
	enum cua_status status = root_is_flooded(display, &flooded, err);
	const bool ended = status == CUA_OK && !flooded;
	(void)slow_down(display, 0);
	if (ended) {
		status = root_is_flooded(display, &flooded, err);
		*ret_is = status == CUA_OK && flooded && slow_down(display, pid);
	}
	return status;
}

static bool is_tried(const struct x_client *clients, int from, int count)
{
	for (int i = from + 1; i < count; i++) {
		if (clients[i].pid == clients[from].pid) {
			return true;
		}
	}
	return false;
}

/* Nothing tells who changes properties of the root window. So one program after the other is
 * stopped for a moment, the last that came first. Two that do it at once are not found. */
static enum cua_status find_by_stopping(
		struct display *display, pid_t *ret_pid, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + SEARCH_MS * 1000U;
	struct x_client clients[X_CLIENTS_MAX];
	const int count = x_client_list(display, clients);
	enum cua_status status = CUA_OK;
	bool found = false;
	*ret_pid = 0;
	for (int i = count - 1; i >= 0 && status == CUA_OK && cua_now_us() < deadline_us; i--) {
		if (clients[i].pid <= 0 || is_tried(clients, i, count) ||
				window_is_ours(display, clients[i].base) ||
				window_is_of_manager(display, clients[i].base)) {
			continue;
		}
		status = is_flooder(display, clients[i].pid, &found, err);
		if (found) {
			*ret_pid = clients[i].pid;
			break;
		}
	}
	if (status == CUA_OK && !found) {
		cua_log_warn("somebody keeps changing properties of the root window, and was not "
			     "found in %u ms",
				SEARCH_MS);
	}
	display->flood.search_again_us = found ? 0 : cua_now_us() + SEARCH_PAUSE_MS * 1000U;
	return status;
}

/* Who is slowed down already still makes many events whenever it runs. */
static bool is_slowed_down(struct display *display)
{
	const struct display_flood *flood = &display->flood;
	struct x_client clients[X_CLIENTS_MAX];
	const int count =
			cua_now_us() < flood->slowed_until_us ? x_client_list(display, clients) : 0;
	for (int i = 0; i < count; i++) {
		if (clients[i].pid == flood->slowed) {
			return true;
		}
	}
	return false;
}

static bool root_was_flooded(const struct display *display)
{
	const struct display_flood *flood = &display->flood;
	const uint64_t now_us = cua_now_us();
	return flood->root_events_before >= EVENTS_LEAST && now_us > flood->search_again_us &&
			now_us < flood->root_since_us + 2 * SAMPLE_MS * 1000U;
}

enum cua_status flood_slow_down(struct display *display, bool *ret_found, struct cua_error *err)
{
	pid_t pid = 0;
	*ret_found = false;
	enum cua_status status = sample(display, err);
	const struct display_flood_client *worst = worst_of(display);
	const unsigned int events = worst ? worst->events : display->flood.root_events_before;
	if (status == CUA_OK && worst) {
		pid = x_client_pid(display, worst->subject);
		pid = pid > 0 && slow_down(display, pid) ? pid : 0;
	} else if (status == CUA_OK && root_was_flooded(display) && !is_slowed_down(display)) {
		status = find_by_stopping(display, &pid, err);
	}
	if (status == CUA_OK && pid > 0) {
		display->flood.slowed = pid;
		display->flood.slowed_until_us = cua_now_us() + SESSION_SLOW_MS * 1000U;
		cua_log_error("process %d keeps the window manager busy with %u events in %d ms; "
			      "it is slowed down",
				(int)pid, events, SAMPLE_MS);
		*ret_found = true;
	}
	return status;
}

enum cua_status flood_check(struct display *display, struct cua_error *err)
{
	bool found = false;
	display_handle_events(display);
	return root_was_flooded(display) && !is_slowed_down(display)
			? flood_slow_down(display, &found, err)
			: display_ok(display, err);
}

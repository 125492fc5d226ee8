/* A client that changes properties without a pause, or makes and moves windows, keeps the window
 * manager busy with what piles up, and everybody who needs it waiting. When the manager is late,
 * who makes most of the events is looked for, and its process is slowed down by the session. */

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

/* One at a time; 0: nobody any more. */
static enum cua_status slow_down(struct display *display, pid_t pid, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	cJSON_AddNumberToObject(request, "slow", pid);
	enum cua_status status = session_request(&display->record, request, NULL, &fd, err);
	return status == CUA_OK ? session_answer(fd, SESSION_TIMEOUT_MS, &answer, err) : status;
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

/* Nothing tells who changes properties of the root window. So one program after the other is
 * stopped for a moment, until it was the one: then there are no more events. */
static enum cua_status find_by_stopping(
		struct display *display, pid_t *ret_pid, struct cua_error *err)
{
	struct x_client clients[X_CLIENTS_MAX];
	const int count = x_client_list(display, clients);
	enum cua_status status = CUA_OK;
	*ret_pid = 0;
	for (int i = 0; i < count && status == CUA_OK; i++) {
		struct cua_error refused = { 0 };
		if (clients[i].pid <= 0 || window_is_ours(display, clients[i].base) ||
				window_is_of_manager(display, clients[i].base) ||
				slow_down(display, clients[i].pid, &refused) != CUA_OK) {
			continue;
		}
		status = sample(display, err); /* what was on the way */
		if (status == CUA_OK) {
			status = sample(display, err);
		}
		if (status == CUA_OK && display->flood.root_events_before < EVENTS_LEAST / 10) {
			*ret_pid = clients[i].pid;
			return CUA_OK;
		}
	}
	return status == CUA_OK ? slow_down(display, 0, err) : status;
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
		status = pid > 0 ? slow_down(display, pid, err) : status;
	} else if (status == CUA_OK && events >= EVENTS_LEAST) {
		status = find_by_stopping(display, &pid, err);
	}
	if (status == CUA_OK && pid > 0) {
		cua_log_error("process %d keeps the window manager busy with %u events in %d ms; "
			      "it is slowed down",
				(int)pid, events, SAMPLE_MS);
		*ret_found = true;
	}
	return status;
}

enum cua_status flood_check(struct display *display, struct cua_error *err)
{
	const struct display_flood *flood = &display->flood;
	bool found = false;
	display_handle_events(display);
	const bool lately = cua_now_us() < flood->root_since_us + 2 * SAMPLE_MS * 1000U;
	return lately && flood->root_events_before >= EVENTS_LEAST
			? flood_slow_down(display, &found, err)
			: CUA_OK;
}

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

void flood_event(struct display *display, const XEvent *event)
{
	struct display_flood *flood = &display->flood;
	const XID client = flood->samples ? subject_of(event) & ~flood->resource_mask : None;
	int i = 0;
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
	*flood = (struct display_flood){ .samples = true,
		.resource_mask = xcb_get_setup(display->xcb)->resource_id_mask };
	enum cua_status status =
			display_wait(display, cua_now_us() + SAMPLE_MS * 1000U, NULL, NULL, err);
	flood->samples = false;
	window_listen_end(display, &listening);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

static enum cua_status slow_down(struct display *display, pid_t pid, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	cJSON_AddNumberToObject(request, "slow", pid);
	enum cua_status status = session_request(&display->record, request, NULL, &fd, err);
	return status == CUA_OK ? session_answer(fd, SESSION_TIMEOUT_MS, &answer, err) : status;
}

enum cua_status flood_slow_down(struct display *display, bool *ret_found, struct cua_error *err)
{
	const struct display_flood *flood = &display->flood;
	const struct display_flood_client *worst = NULL;
	*ret_found = false;
	enum cua_status status = sample(display, err);
	for (int i = 0; i < flood->count && status == CUA_OK; i++) {
		const struct display_flood_client *client = &flood->clients[i];
		if (client->events >= EVENTS_LEAST && (!worst || client->events > worst->events) &&
				!window_is_ours(display, client->subject) &&
				!window_is_of_manager(display, client->subject)) {
			worst = client;
		}
	}
	const pid_t pid = worst ? x_client_pid(display, worst->subject) : 0;
	if (pid == 0) {
		return status;
	}
	cua_log_error("process %d keeps the window manager busy with %u events in %d ms; it is "
		      "slowed down",
			(int)pid, worst->events, SAMPLE_MS);
	*ret_found = true;
	return slow_down(display, pid, err);
}

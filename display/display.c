/* Events, waiting for them, and asking the X server. */

#include "display/display_internal.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <xcb/xcbext.h>

#include "cua/base/util.h"
#include "display/flood.h"

#define EVENTS_AT_ONCE_US 20000U
#define AWAKE_US 200U

struct cua_point display_size(const struct display *display)
{
	return (struct cua_point){ display->width_px, display->height_px };
}

struct cua_region display_screen(const struct display *display)
{
	return (struct cua_region){ 0, 0, display->width_px, display->height_px };
}

bool display_clip(const struct display *display, const struct cua_region *area,
		struct cua_region *ret_visible)
{
	const struct cua_region screen = display_screen(display);
	return region_common(area, &screen, ret_visible);
}

/* --- events --- */

static void handle_damage(struct display *display, const XDamageNotifyEvent *event)
{
	const struct cua_region area = { event->area.x, event->area.y, event->area.width,
		event->area.height };
	const bool late = event->serial < display->changes.first_request;
	display->damage.last_us = cua_now_us();
	display->damage.count++;
	frame_damaged(display, &area, late);
	activity_damaged(display, &area, late);
	people_damaged(display, &area);
	streams_damaged(display, &area);
	news_damaged(display, &area);
}

static void handle_event(struct display *display, XEvent *event)
{
	if (delivered_event(display, event)) {
		return;
	}
	window_cache_event(display, event);
	flood_event(display, event);
	news_event(display, event);
	if (event->type == display->damage.event_base + XDamageNotify) {
		handle_damage(display, (const XDamageNotifyEvent *)event);
	} else if (event->type == display->xfixes_event_base + XFixesCursorNotify) {
		display->people.cursor_changed = true;
	} else if (event->type == display->xfixes_event_base + XFixesSelectionNotify) {
		clipboard_event(display, (const XFixesSelectionNotifyEvent *)event);
	} else if (event->type == ClientMessage) {
		window_ping_event(display, &event->xclient);
	} else if (event->type == ConfigureNotify && event->xconfigure.window == display->root) {
		display->resized = event->xconfigure.width != display->width_px ||
				event->xconfigure.height != display->height_px;
		display->new_width_px = event->xconfigure.width;
		display->new_height_px = event->xconfigure.height;
	} else if (event->type == PropertyNotify && event->xproperty.window == display->root) {
		display->properties++;
		window_manager_event(display, &event->xproperty);
		display->active_changed = display->active_changed ||
				event->xproperty.atom == display->atoms.net_active_window ||
				event->xproperty.atom == display->atoms.net_client_list;
	} else if (event->type == MappingNotify) {
		XRefreshKeyboardMapping(&event->xmapping);
	} else if (!keymap_event(display, event)) {
		display->properties += event->type == PropertyNotify;
		(void)selection_event(display, event);
	}
}

/* Until nothing has come in and nothing was sent: events may sit in Xlib's queue while the
 * descriptor is silent. What is in the queue already, after a round trip all that came before it,
 * is handled in any case; of what keeps coming meanwhile, from a client that never rests, only so
 * much that whoever waits looks at its deadline. */
void display_handle_events(struct display *display)
{
	bool damaged = false;
	int queued = XEventsQueued(display->xlib, QueuedAlready);
	const uint64_t enough_us = cua_now_us() + EVENTS_AT_ONCE_US;
	while (!display->dead && XPending(display->xlib) > 0 &&
			(queued-- > 0 || cua_now_us() < enough_us)) {
		XEvent event;
		XNextEvent(display->xlib, &event);
		if (display->dead) {
			return;
		}
		damaged = damaged || event.type == display->damage.event_base + XDamageNotify;
		handle_event(display, &event);
		display_note_answer(display); /* there may be a million of them */
	}
	if (damaged && !display->dead) {
		/* From here on the same area is reported again. */
		XDamageSubtract(display->xlib, display->damage.handle, None, None);
		XFlush(display->xlib);
	}
	if (!display->dead && window_cache_ask_if_changed(display)) {
		xcb_flush(display->xcb);
	}
	if (!display->dead) {
		people_send(display);
		display_note_answer(display);
		streams_send(display);
		news_tell(display);
	}
}

/* Falling asleep and waking up takes as long as many an answer, so for the first moment nobody
 * does; who else wants the processor gets it. */
void *display_answer(struct display *display, unsigned int sequence)
{
	const uint64_t until_us = cua_now_us() + AWAKE_US;
	void *answer = NULL;
	xcb_flush(display->xcb);
	while (cua_now_us() < until_us) {
		if (xcb_poll_for_reply(display->xcb, sequence, &answer, NULL)) {
			return answer;
		}
		sched_yield();
	}
	return xcb_wait_for_reply(display->xcb, sequence, NULL);
}

void display_sync(struct display *display)
{
	if (!display->dead) {
		XSync(display->xlib, False);
		display_handle_events(display);
	}
}

static void learn_end(struct display *display)
{
	if (!display->end[0]) {
		desktop_end_await(&display->record, display->end);
		display->is_cut_off = !display->end[0] && !desktop_is_dead(&display->record);
	}
	if (!display->end[0]) {
		snprintf(display->end, sizeof(display->end),
				"the connection to its X server broke");
	}
}

bool display_is_cut_off(struct display *display)
{
	if (display->dead) {
		learn_end(display);
	}
	return display->is_cut_off;
}

static enum cua_status fail_dead(struct display *display, struct cua_error *err)
{
	learn_end(display);
	return display->is_cut_off ? desktop_end_fail_cut_off(&display->record, err)
				   : desktop_end_fail(&display->record, display->end, err);
}

enum cua_status display_ok(struct display *display, struct cua_error *err)
{
	if (display->dead) {
		return fail_dead(display, err);
	}
	/* First what people ask for meanwhile. */
	const enum cua_status status =
			display->check ? display->check(display->check_data, err) : CUA_OK;
	return status == CUA_OK ? takeover_check(display, err) : status;
}

void display_set_check(
		struct display *display, display_check_fn check, void *user_data, int wake_fd)
{
	display->check = check;
	display->check_data = user_data;
	display->check_fd = wake_fd;
}

/* Sleeps until something happens on one of the descriptors; true if it was on wake_fd. */
static bool wait_for_news(struct display *display, int wake_fd, int timeout_ms)
{
	struct pollfd fds[] = { { .fd = ConnectionNumber(display->xlib), .events = POLLIN },
		{ .fd = wake_fd, .events = POLLIN },
		{ .fd = display->streams.count > 0 ? display->streams.wake_fd : -1,
				.events = POLLIN },
		{ .fd = display->wait_fd, .events = display->wait_events },
		{ .fd = display->people.link_fd,
				.events = people_wants_to_send(display) ? POLLIN | POLLOUT
									: POLLIN } };
	atomic_store(&display->busy_since_us, 0);
	const int ready = poll(fds, CUA_ARRAY_LEN(fds), timeout_ms);
	atomic_store(&display->busy_since_us, cua_now_us());
	uint64_t count;
	if (ready > 0 && fds[2].revents) {
		(void)!read(display->streams.wake_fd, &count, sizeof(count));
	}
	if (ready > 0 && (fds[4].revents & ~POLLOUT)) {
		people_read(display);
	}
	return ready > 0 && fds[1].revents;
}

/* Those count that xcb has read beside an answer: Xlib does not know of them before it reads, and
 * the descriptor is silent. */
static bool has_events(struct display *display)
{
	return XEventsQueued(display->xlib, QueuedAfterReading) > 0;
}

/* Of two times to sleep, -1 for ever. */
static int sooner(int one_ms, int other_ms)
{
	return one_ms < 0 || (other_ms >= 0 && other_ms < one_ms) ? other_ms : one_ms;
}

enum cua_status display_wait(struct display *display, uint64_t deadline_us, display_until_fn until,
		void *user_data, struct cua_error *err)
{
	for (;;) {
		display_handle_events(display);
		enum cua_status status = display_ok(display, err);
		if (status != CUA_OK) {
			return status;
		}
		if (until && until(display, user_data)) {
			return CUA_OK;
		}
		const int left_ms = cua_ms_until(deadline_us);
		if (left_ms == 0) {
			return CUA_FAIL(err, CUA_ERR_TIMEOUT, 0, "nothing happened in time");
		}
		/* First what may read answers, and events beside them. */
		const int timeout_ms = sooner(takeover_expire(display), left_ms);
		if (!has_events(display)) {
			(void)wait_for_news(display, display->check_fd, timeout_ms);
		}
	}
}

/* How long to sleep at most. */
static int idle_ms(struct display *display)
{
	const int person_ms = takeover_expire(display);
	display_settle_control(display);
	return sooner(sooner(person_ms, clipboard_idle(display)), secret_idle(display));
}

bool display_idle(struct display *display, int wake_fd)
{
	for (;;) {
		display_handle_events(display);
		settle_watch(display);
		if (display->dead) {
			return false;
		}
		/* First what may read answers, and events beside them. What has come from the
		 * server meanwhile is handled by whoever begins something. */
		const int timeout_ms = idle_ms(display);
		if (wait_for_news(display, wake_fd, has_events(display) ? 0 : timeout_ms)) {
			return true;
		}
	}
}

unsigned char *display_property_part(struct display *display, Window window, Atom property,
		Atom type, int format, size_t max_bytes, unsigned long *ret_count)
{
	Atom actual_type = None;
	int actual_format = 0;
	unsigned long count = 0, left = 0;
	unsigned char *data = NULL;
	if (XGetWindowProperty(display->xlib, window, property, 0, (long)(max_bytes / 4), False,
			    type, &actual_type, &actual_format, &count, &left, &data) != Success ||
			!data) {
		return NULL;
	}
	if (count == 0 || (format != 0 && actual_format != format) ||
			(type != AnyPropertyType && actual_type != type)) {
		XFree(data);
		return NULL;
	}
	*ret_count = count;
	return data;
}

unsigned char *display_property(struct display *display, Window window, Atom property, Atom type,
		int format, unsigned long *ret_count)
{
	return display_property_part(
			display, window, property, type, format, 4 * (size_t)65536, ret_count);
}

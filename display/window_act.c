/* Orders to the window manager, each followed by a look at what it made of them.
 * Source: Extended Window Manager Hints 1.5. */

#include "display/display_internal.h"

#include <stdlib.h>

#include <X11/Xutil.h>

#include "cua/base/util.h"
#include "display/session_client.h"
#include "display/x_client.h"

#define CLOSE_TIMEOUT_MS 3000
#define KILL_TIMEOUT_MS 3000
#define SESSION_TIMEOUT_MS 3000

#define SOURCE_PAGER 2L
#define MOVERESIZE_ALL (15L << 8) /* x, y, width and height are given */
#define STATE_REMOVE 0L
#define STATE_ADD 1L

static enum cua_status set_states(struct display *display, Window window, long how, Atom first,
		Atom second, struct cua_error *err)
{
	const long data[] = { how, (long)first, (long)second, SOURCE_PAGER };
	window_send_to_root(display, window, display->atoms.net_wm_state, data, 4);
	return window_await_manager(display, err);
}

/* Where the manager ignores positions and sizes: out of there first. */
static enum cua_status make_normal(struct display *display, Window window, struct cua_error *err)
{
	const struct display_atoms *atoms = &display->atoms;
	struct window_state state;
	enum cua_status status = CUA_OK;
	window_read_state(display, window, &state);
	if (state.fullscreen) {
		status = set_states(display, window, STATE_REMOVE, atoms->net_wm_state_fullscreen,
				None, err);
	}
	if (status == CUA_OK && (state.maximized_vert || state.maximized_horz)) {
		status = set_states(display, window, STATE_REMOVE,
				atoms->net_wm_state_maximized_vert,
				atoms->net_wm_state_maximized_horz, err);
	}
	return status;
}

/* Of the frame when it is larger than what is inside it by more, how much of that is before the
 * point that this gravity keeps in place. */
static int before_point(int more, int gravity, bool is_column)
{
	const int third = gravity - NorthWestGravity; /* 0 to 8, row by row */
	const int at = is_column ? third % 3 : third / 3;
	return more * at / 2;
}

static int read_gravity(struct display *display, Window window)
{
	XSizeHints hints = { 0 };
	long supplied = 0;
	const bool has_hints = XGetWMNormalHints(display->xlib, window, &hints, &supplied) != 0;
	return has_hints && hints.flags & PWinGravity && hints.win_gravity >= NorthWestGravity &&
					hints.win_gravity <= StaticGravity
			? hints.win_gravity
			: NorthWestGravity;
}

static enum cua_status order_place(struct display *display, Window window, int gravity,
		const struct cua_region *to, struct cua_error *err)
{
	const long data[] = { gravity | MOVERESIZE_ALL | SOURCE_PAGER << 12, to->x, to->y,
		to->width, to->height };
	window_send_to_root(display, window, display->atoms.net_moveresize_window, data, 5);
	return window_await_manager(display, err);
}

/* to is where the left upper corner of the frame comes, and how large the inside is. Said with the
 * gravity that the window has: openbox follows an order with another one, and goes on as if it had
 * been this, so that the window later returns from its maximum to another place. A border that the
 * application asked for counts, too, and whole characters: what that makes is seen, and made good.
 * Source: Inter-Client Communication Conventions Manual 2.0, 4.1.2.3. */
static enum cua_status move_resize(struct display *display, Window window,
		const struct cua_region *to, struct cua_error *err)
{
	const int gravity = read_gravity(display, window);
	struct cua_region frame, client, order = *to;
	window_read_frame(display, window, &frame);
	window_read_client(display, window, &client);
	if (gravity == StaticGravity) {
		order.x += client.x - frame.x;
		order.y += client.y - frame.y;
	} else {
		order.x += before_point(frame.width - client.width, gravity, true);
		order.y += before_point(frame.height - client.height, gravity, false);
	}
	enum cua_status status = order_place(display, window, gravity, &order, err);
	window_read_frame(display, window, &frame);
	if (status == CUA_OK && (frame.x != to->x || frame.y != to->y)) {
		order.x += to->x - frame.x;
		order.y += to->y - frame.y;
		status = order_place(display, window, gravity, &order, err);
	}
	return status;
}

static enum cua_status answer_window(
		struct display *display, Window window, cJSON *result, struct cua_error *err)
{
	cJSON_AddItemToObject(result, "window", window_describe(display, window));
	return display_ok(display, err);
}

static enum cua_status act_move(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const Window window = action->window;
	struct cua_region frame, client;
	enum cua_status status = make_normal(display, window, err);
	window_read_client(display, window, &client);
	const struct cua_region to = { action->at.x, action->at.y, client.width, client.height };
	if (status == CUA_OK) {
		status = move_resize(display, window, &to, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	window_read_frame(display, window, &frame);
	if (frame.x != to.x || frame.y != to.y) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"the window manager keeps window %lu at %d,%d instead of %d,%d",
				window, frame.x, frame.y, to.x, to.y);
	}
	return answer_window(display, window, result, err);
}

/* An application may take only certain sizes: a terminal whole characters. */
static enum cua_status check_size(struct display *display, Window window,
		const struct cua_region *wanted, const struct cua_region *got,
		struct cua_error *err)
{
	XSizeHints hints = { 0 };
	long supplied = 0;
	if (!XGetWMNormalHints(display->xlib, window, &hints, &supplied)) {
		hints.flags = 0;
	}
	const int step_x = hints.flags & PResizeInc && hints.width_inc > 1 ? hints.width_inc : 1;
	const int step_y = hints.flags & PResizeInc && hints.height_inc > 1 ? hints.height_inc : 1;
	if (abs(wanted->width - got->width) < step_x &&
			abs(wanted->height - got->height) < step_y) {
		return CUA_OK;
	}
	const bool bounded = hints.flags & (PMinSize | PMaxSize);
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"window %lu is now %dx%d instead of %dx%d%s: its application asks for "
			"%dx%d to %dx%d (0: any), title bar not counted",
			window, got->width, got->height, wanted->width, wanted->height,
			bounded ? "" : " though any size should do",
			hints.flags & PMinSize ? hints.min_width : 0,
			hints.flags & PMinSize ? hints.min_height : 0,
			hints.flags & PMaxSize ? hints.max_width : 0,
			hints.flags & PMaxSize ? hints.max_height : 0);
}

static enum cua_status act_resize(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const Window window = action->window;
	const struct cua_region wanted = { 0, 0, action->width, action->height };
	struct cua_region frame, client;
	enum cua_status status = make_normal(display, window, err);
	if (status != CUA_OK) {
		return status;
	}
	window_read_frame(display, window, &frame);
	window_read_client(display, window, &client);
	const int border_x = frame.width - client.width, border_y = frame.height - client.height;
	if (wanted.width <= border_x || wanted.height <= border_y) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"%dx%d leaves nothing inside the title bar and borders, which take "
				"%dx%d",
				wanted.width, wanted.height, border_x, border_y);
	}
	const struct cua_region to = { frame.x, frame.y, wanted.width - border_x,
		wanted.height - border_y };
	status = move_resize(display, window, &to, err);
	if (status != CUA_OK) {
		return status;
	}
	window_read_frame(display, window, &frame);
	status = check_size(display, window, &wanted, &frame, err);
	return status == CUA_OK ? answer_window(display, window, result, err) : status;
}

static enum cua_status refused(Window window, const char *what, struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"the window manager did not %s window %lu: its application does not "
			"allow it",
			what, window);
}

static enum cua_status act_maximize(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const struct display_atoms *atoms = &display->atoms;
	const Window window = action->window;
	struct window_state state;
	enum cua_status status = CUA_OK;
	window_read_state(display, window, &state);
	if (state.minimized) {
		status = window_focus(display, window, err);
	}
	if (status == CUA_OK) {
		status = set_states(display, window, STATE_ADD, atoms->net_wm_state_maximized_vert,
				atoms->net_wm_state_maximized_horz, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	window_read_state(display, window, &state);
	return state.maximized_vert && state.maximized_horz
			? answer_window(display, window, result, err)
			: refused(window, "maximize", err);
}

static enum cua_status act_minimize(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const long iconic = IconicState;
	struct window_state state;
	window_send_to_root(display, action->window, display->atoms.wm_change_state, &iconic, 1);
	enum cua_status status = window_await_manager(display, err);
	if (status != CUA_OK) {
		return status;
	}
	window_read_state(display, action->window, &state);
	return state.minimized ? answer_window(display, action->window, result, err)
			       : refused(action->window, "minimize", err);
}

/* One step back: from minimized to what it was, from maximized or full screen to its own size. */
static enum cua_status act_restore(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	struct window_state state;
	window_read_state(display, action->window, &state);
	enum cua_status status = state.minimized ? window_focus(display, action->window, err)
						 : make_normal(display, action->window, err);
	if (status != CUA_OK) {
		return status;
	}
	const bool was_minimized = state.minimized;
	window_read_state(display, action->window, &state);
	const bool is_left = was_minimized
			? state.minimized
			: state.fullscreen || state.maximized_vert || state.maximized_horz;
	return is_left ? refused(action->window, "restore", err)
		       : answer_window(display, action->window, result, err);
}

/* --- ending --- */

struct closing {
	Window window, before[WINDOWS_MAX];
	int before_count;
};

/* Gone, or there is a question instead: a window that was not there. */
static bool has_closed_or_asks(struct display *display, void *user_data)
{
	const struct closing *closing = user_data;
	Window now[WINDOWS_MAX];
	const int count = window_list(display, now);
	if (!window_is_in(closing->window, now, count)) {
		return true;
	}
	for (int i = 0; i < count; i++) {
		if (!window_is_in(now[i], closing->before, closing->before_count)) {
			return true;
		}
	}
	return false;
}

static enum cua_status act_close(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	const long data[] = { CurrentTime, SOURCE_PAGER };
	struct closing closing = { .window = action->window };
	closing.before_count = window_list(display, closing.before);
	window_send_to_root(display, action->window, display->atoms.net_close_window, data, 2);
	enum cua_status status = display_wait(display, cua_now_us() + CLOSE_TIMEOUT_MS * 1000ULL,
			has_closed_or_asks, &closing, err);
	if (status != CUA_OK && status != CUA_ERR_TIMEOUT) {
		return status;
	}
	const bool is_open = window_is_listed(display, action->window);
	cJSON_AddBoolToObject(result, "closed", !is_open);
	return is_open ? answer_window(display, action->window, result, err)
		       : display_ok(display, err);
}

static bool is_gone(struct display *display, void *user_data)
{
	XWindowAttributes attributes;
	return !XGetWindowAttributes(display->xlib, *(const Window *)user_data, &attributes);
}

/* The process runs among the applications, where its number means something. */
static enum cua_status kill_process(struct display *display, pid_t pid, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	cJSON_AddNumberToObject(request, "kill", pid);
	enum cua_status status = session_request(&display->record, request, NULL, &fd, err);
	return status == CUA_OK ? session_answer(fd, SESSION_TIMEOUT_MS, &answer, err) : status;
}

/* The connection first, which takes the windows along even if the process hangs; then the process,
 * which may not notice. */
static enum cua_status act_kill(struct display *display, const struct cua_action *action,
		cJSON *result, struct cua_error *err)
{
	Window window = action->window;
	const pid_t pid = x_client_pid(display, window);
	XKillClient(display->xlib, window);
	enum cua_status status = display_wait(
			display, cua_now_us() + KILL_TIMEOUT_MS * 1000ULL, is_gone, &window, err);
	if (status == CUA_ERR_TIMEOUT) {
		return CUA_FAIL(err, status, 0, "window %lu is still there after %d ms", window,
				KILL_TIMEOUT_MS);
	}
	if (status == CUA_OK && pid > 0) {
		status = kill_process(display, pid, err);
	}
	if (status == CUA_OK) {
		status = window_await_manager(
				display, err); /* its list, too, is without the window */
	}
	if (status == CUA_OK) {
		cJSON_AddBoolToObject(result, "closed", true);
	}
	return status;
}

enum cua_status window_act(struct display *display, const struct cua_action *action, cJSON *result,
		struct cua_error *err)
{
	enum cua_status status = window_check(
			display, action->window, action->type == CUA_ACTION_KILL_WINDOW, err);
	if (status != CUA_OK) {
		return status;
	}
	switch (action->type) {
	case CUA_ACTION_MOVE_WINDOW:
		return act_move(display, action, result, err);
	case CUA_ACTION_RESIZE_WINDOW:
		return act_resize(display, action, result, err);
	case CUA_ACTION_MAXIMIZE_WINDOW:
		return act_maximize(display, action, result, err);
	case CUA_ACTION_MINIMIZE_WINDOW:
		return act_minimize(display, action, result, err);
	case CUA_ACTION_RESTORE_WINDOW:
		return act_restore(display, action, result, err);
	case CUA_ACTION_CLOSE_WINDOW:
		return act_close(display, action, result, err);
	case CUA_ACTION_KILL_WINDOW:
		return act_kill(display, action, result, err);
	default:
		return window_focus(display, action->window, err);
	}
}

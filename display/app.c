#include "display/display_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cua/base/util.h"
#include "display/flood.h"
#include "display/launch.h"
#include "display/session_client.h"

#define PING_TIMEOUT_MS 10000
/* Less than the host takes for a silent X server: nothing looks at that meanwhile. */
#define SESSION_TIMEOUT_MS 5000
#define OUTPUT_TIMEOUT_MS 1000
/* Of a program's output, in bytes: what a message has room for. */
#define OUTPUT_HEAD 120
#define OUTPUT_TAIL 180
#define WINDOW_TIMEOUT_MS 45000
/* A program that ends at once may have handed over to one that runs: a browser does. */
#define HANDOVER_TIMEOUT_MS 5000
/* Whoever took it over and was about to show a new window would have by then. */
#define HANDOVER_QUIET_MS 300
/* Without a window for so long: does the window manager answer? */
#define MANAGER_US 1000000U
/* A starting program draws in bursts: Chromium paints its window grey and its contents later. */
#define START_QUIET_MS 50
#define START_QUIET_BLIND_MS 200
#define PAINT_TIMEOUT_MS 4000

static void note_exit(struct launch *launch)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (launch->ended) {
		return;
	}
	const enum cua_status status = session_answer(launch->session_fd, 0, &answer, NULL);
	if (status == CUA_ERR_TIMEOUT) {
		return;
	}
	const cJSON *exit_status = cJSON_GetObjectItemCaseSensitive(answer, "exit");
	const cJSON *signal = cJSON_GetObjectItemCaseSensitive(answer, "signal");
	const cJSON *output = cJSON_GetObjectItemCaseSensitive(answer, "output");
	launch->ended = true;
	launch->ended_us = cua_now_us();
	launch->exit_status = cJSON_IsNumber(exit_status) ? exit_status->valueint
			: cJSON_IsNumber(signal)          ? -signal->valueint
							  : -SIGKILL;
	snprintf(launch->output, sizeof(launch->output), "%s",
			cJSON_IsString(output) ? output->valuestring : "");
}

static bool has_window_or_failed(struct display *display, void *user_data)
{
	struct launch *launch = user_data;
	launch->window = launch_find_window(display, launch);
	if (launch->window != None) {
		return true;
	}
	note_exit(launch);
	return launch->ended &&
			(launch->exit_status != 0 ||
					cua_now_us() > launch->ended_us +
									HANDOVER_TIMEOUT_MS *
											1000ULL);
}

static bool is_inside_character(char byte)
{
	return ((unsigned char)byte & 0xC0) == 0x80;
}

/* The reason is often first, before a page of usage, and often last, after a page of warnings. */
static void keep_ends(char *text)
{
	static const char between[] = " ... ";
	size_t head = OUTPUT_HEAD, len = strlen(text), tail = len - OUTPUT_TAIL;
	if (len <= OUTPUT_HEAD + strlen(between) + OUTPUT_TAIL) {
		return;
	}
	while (head > 0 && is_inside_character(text[head])) {
		head--;
	}
	while (is_inside_character(text[tail])) {
		tail++;
	}
	memcpy(text + head, between, strlen(between));
	memmove(text + head + strlen(between), text + tail, len - tail + 1);
}

/* What the program wrote so far, in one line; of a program that runs it has to be asked for. */
static const char *output_of(struct launch *launch)
{
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (!launch->ended && send(launch->session_fd, "{\"output\":true}", 15, MSG_NOSIGNAL) > 0 &&
			session_answer(launch->session_fd, OUTPUT_TIMEOUT_MS, &answer, NULL) ==
					CUA_OK) {
		const char *output = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(answer, "output"));
		snprintf(launch->output, sizeof(launch->output), "%s", output ? output : "");
	}
	for (char *at = launch->output; *at; at++) {
		*at = (char)(*at == '\n' ? ' ' : *at);
	}
	keep_ends(launch->output);
	return launch->output[0] ? launch->output : "(it wrote nothing)";
}

/* A program that ended well and shows no window of its own handed over to one that runs, if that
 * one is in front now: a browser with one more tab, say. */
static bool has_handed_over(struct display *display, const struct launch *launch)
{
	const Window active = window_active(display);
	return active != None &&
			(active != launch->active_before ||
					launch_is_class(display, launch, active));
}

/* The window in front is of the program that was handed over to, and shows what it was handed: a
 * browser with one more tab, at rest. Others may change their window and then show another, but not
 * its title. */
static enum cua_status look_in_front(struct display *display, struct launch *launch,
		bool *ret_shows, struct cua_error *err)
{
	char title[sizeof(launch->title_before)];
	const uint64_t deadline_us = launch->ended_us + HANDOVER_TIMEOUT_MS * 1000ULL;
	*ret_shows = false;
	if (!launch->ended || launch->exit_status != 0 ||
			!launch_is_class(display, launch, window_active(display))) {
		return CUA_OK;
	}
	const enum cua_status status = settle_rest(display, HANDOVER_QUIET_MS, deadline_us, err);
	if (status != CUA_OK) {
		return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
	}
	launch->window = launch_find_window(display, launch);
	window_title(display, window_active(display), title, sizeof(title));
	*ret_shows = launch->window != None ||
			(activity_wide_changes(display) != launch->changes_before &&
					(launch->shows_page ||
							strcmp(title, launch->title_before) != 0));
	return CUA_OK;
}

/* In slices, since the end of the program is no X event. A window manager that is kept busy shows
 * no window. */
static enum cua_status wait_for_window(struct display *display, struct launch *launch,
		const char *name, uint64_t deadline_us, struct cua_error *err)
{
	enum cua_status status = CUA_ERR_TIMEOUT;
	uint64_t manager_us = cua_now_us() + MANAGER_US;
	bool shows = false;
	while (status == CUA_ERR_TIMEOUT && cua_now_us() < deadline_us) {
		status = display_wait(
				display, cua_now_us() + 100000U, has_window_or_failed, launch, err);
		const uint64_t waited_us = cua_now_us();
		if (status == CUA_ERR_TIMEOUT) {
			status = flood_check(display, err);
			status = status == CUA_OK ? window_follow_manager(display, err) : status;
			status = status == CUA_OK ? CUA_ERR_TIMEOUT : status;
		}
		if (status == CUA_ERR_TIMEOUT && cua_now_us() > manager_us) {
			status = window_await_manager(display, err);
			status = status == CUA_OK ? CUA_ERR_TIMEOUT : status;
			manager_us = cua_now_us() + MANAGER_US;
		}
		launch_disregard(launch, cua_now_us() - waited_us);
		if (status == CUA_ERR_TIMEOUT) {
			status = look_in_front(display, launch, &shows, err);
			status = status == CUA_OK && !shows ? CUA_ERR_TIMEOUT : status;
		}
	}
	if (status == CUA_ERR_TIMEOUT) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"%.100s was started but showed no window in %d s: %s", name,
				WINDOW_TIMEOUT_MS / 1000, output_of(launch));
	}
	if (status != CUA_OK || launch->window != None) {
		return status;
	}
	if (launch->exit_status < 0) {
		const char *signal = sigdescr_np(-launch->exit_status);
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"%.100s was ended by signal %d (%s) and showed no window: %s", name,
				-launch->exit_status, signal ? signal : "unknown",
				output_of(launch));
	}
	if (launch->exit_status > 0) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"%.100s ended with status %d and showed no window: %s", name,
				launch->exit_status, output_of(launch));
	}
	if (!has_handed_over(display, launch)) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"%.100s ended without an error and without a window: %s", name,
				output_of(launch));
	}
	return CUA_OK;
}

/* The part of the window that is on the screen; false if none is. */
static bool visible_area(struct display *display, Window window, struct cua_region *ret_area)
{
	XWindowAttributes attributes;
	Window child;
	int x = 0, y = 0;
	if (!XGetWindowAttributes(display->xlib, window, &attributes) ||
			!XTranslateCoordinates(display->xlib, window, display->root, 0, 0, &x, &y,
					&child)) {
		return false;
	}
	const struct cua_region area = { x, y, attributes.width, attributes.height };
	return display_clip(display, &area, ret_area);
}

static bool has_new_damage(struct display *display, void *user_data)
{
	return display->damage.count != *(const uint64_t *)user_data;
}

/* At rest, and more than its background is there. A window that stays plain is taken as it is
 * when the time is over. */
static enum cua_status wait_until_painted(
		struct display *display, Window window, struct cua_error *err)
{
	struct load_deadline deadline;
	load_deadline_set(display->load, &deadline, cua_now_us() + PAINT_TIMEOUT_MS * 1000ULL);
	enum cua_status status = CUA_OK;
	struct cua_region area;
	const int quiet_ms = load_is_known(display->load) ? START_QUIET_MS : START_QUIET_BLIND_MS;
	while (status == CUA_OK) {
		status = settle_rest(display, quiet_ms, deadline.us, err);
		if (status == CUA_OK) {
			status = frame_update(display, err);
		}
		if (status != CUA_OK || !visible_area(display, window, &area) ||
				!frame_is_plain(display, &area)) {
			break;
		}
		uint64_t count = display->damage.count;
		do {
			status = display_wait(display, deadline.us, has_new_damage, &count, err);
		} while (status == CUA_ERR_TIMEOUT &&
				!load_deadline_is_over(display->load, &deadline));
	}
	if (status != CUA_ERR_TIMEOUT) {
		return status;
	}
	load_give_up(display->load);
	return CUA_OK;
}

/* The window has the keyboard, answers, and shows what it has to show: usable. */
static enum cua_status make_usable(
		struct display *display, Window window, cJSON *result, struct cua_error *err)
{
	bool asked = false, answered = false;
	if (window_active(display) != window) {
		enum cua_status status = window_focus(display, window, err);
		if (status == CUA_ERR_NOT_FOUND || status == CUA_ERR_TIMEOUT) {
			return CUA_OK; /* gone again, or another window of the program is in front
					*/
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	enum cua_status status = window_ping(display, PING_TIMEOUT_MS, &asked, &answered, err);
	if (status == CUA_OK && asked && !answered) {
		cJSON_AddFalseToObject(result, "responding");
		return status;
	}
	return status == CUA_OK ? wait_until_painted(display, window, err) : status;
}

/* Another window may take the place of the first: LibreOffice, for one, shows an empty document
 * before it opens the file. */
static enum cua_status wait_until_usable(struct display *display, struct launch *launch,
		const char *name, cJSON *result, struct cua_error *err)
{
	const uint64_t deadline_us = cua_now_us() + WINDOW_TIMEOUT_MS * 1000ULL;
	for (;;) {
		enum cua_status status = wait_for_window(display, launch, name, deadline_us, err);
		if (status != CUA_OK) {
			return status;
		}
		const bool is_new = launch->window != None;
		launch->window = is_new ? launch->window : window_active(display);
		if (launch->window != None) {
			status = make_usable(display, launch->window, result, err);
		}
		if (status != CUA_OK || !is_new || window_is_listed(display, launch->window)) {
			return status;
		}
	}
}

static enum cua_status start(struct display *display, const char *member, const char *value,
		cJSON *result, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject();
	CUA_AUTO_JSON cJSON *answer = NULL;
	cJSON_AddStringToObject(request, member, value);
	struct launch launch = { .session_fd = -1 };
	/* Without a window manager no window shows; and one that is replaced later loses the window
	 * that asks to be shown just then. */
	enum cua_status status = window_await_manager(display, err);
	launch_note_windows(display, &launch);
	if (status == CUA_OK) {
		status = session_request(&display->record, request, NULL, &launch.session_fd, err);
	}
	if (status == CUA_OK) {
		status = session_answer(launch.session_fd, SESSION_TIMEOUT_MS, &answer, err);
	}
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(answer, "pid");
	launch.pid = cJSON_IsNumber(pid) ? (pid_t)pid->valueint : 0;
	const char *class = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "class"));
	const char *program =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "program"));
	const char *slash = program ? strrchr(program, '/') : NULL;
	snprintf(launch.class, sizeof(launch.class), "%s", class ? class : "");
	snprintf(launch.program, sizeof(launch.program), "%s",
			slash                     ? slash + 1
					: program ? program
						  : "");
	launch.shows_page = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "page"));
	if (status == CUA_OK) {
		status = wait_until_usable(display, &launch, value, result, err);
	}
	cua_closep(&launch.session_fd);
	if (status == CUA_OK && launch.window != None) {
		cJSON_AddItemToObject(result, "window", window_describe(display, launch.window));
	}
	return status;
}

enum cua_status app_open(
		struct display *display, const char *name, cJSON *result, struct cua_error *err)
{
	return start(display, "app", name, result, err);
}

/* The class that windows of an installed application have; "" if there is none of this name. */
static enum cua_status find_class(struct display *display, const char *name, char *class,
		size_t size, struct cua_error *err)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int session_fd = -1;
	cJSON_AddStringToObject(request, "find", name);
	enum cua_status status = session_request(&display->record, request, NULL, &session_fd, err);
	if (status == CUA_OK) {
		status = session_answer(session_fd, SESSION_TIMEOUT_MS, &answer, err);
	}
	const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "class"));
	snprintf(class, size, "%s", found ? found : "");
	return status == CUA_ERR_NOT_FOUND ? CUA_OK : status;
}

enum cua_status app_switch(
		struct display *display, const char *name, cJSON *result, struct cua_error *err)
{
	struct window_matches matches;
	char class[128];
	enum cua_status status = window_find(display, name, "", &matches, err);
	if (status == CUA_OK && matches.count == 0) {
		status = find_class(display, name, class, sizeof(class), err);
		if (status == CUA_OK && class[0]) {
			status = window_find(display, name, class, &matches, err);
		}
	}
	if (status == CUA_OK && matches.count == 0) {
		return app_open(display, name, result, err);
	}
	if (status == CUA_OK) {
		status = window_focus(display, matches.windows[0], err);
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON_AddItemToObject(result, "window", window_describe(display, matches.windows[0]));
	cJSON *others = matches.count > 1 ? cJSON_AddArrayToObject(result, "other_windows") : NULL;
	for (int i = 1; i < matches.count; i++) {
		cJSON_AddItemToArray(others, window_describe(display, matches.windows[i]));
	}
	return CUA_OK;
}

static bool is_url(const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "file://",
		"about:", "data:" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(schemes); i++) {
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0) {
			return true;
		}
	}
	return false;
}

enum cua_status app_open_url(
		struct display *display, const char *url, cJSON *result, struct cua_error *err)
{
	/* Anything else could be read as an option of the browser. */
	if (!is_url(url)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"url is \"%.80s\"; it must begin with http://, https://, file://, "
				"about: or data:",
				url);
	}
	return start(display, "url", url, result, err);
}

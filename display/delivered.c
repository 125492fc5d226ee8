/* Did the input get through? A client that grabs a device in synchronous mode freezes it: what is
 * sent from then on waits in the X server until that client allows events or ends. Nobody else can
 * allow them. A frozen device goes on answering questions, with its old state.
 *
 * The server reports each input to us as a raw event of the master device when it passes it on,
 * grabbed or not, and only then. So the way of everything sent is known without asking.
 * Source: X Input extension 2.1, "Raw events"; X11 protocol, GrabPointer and AllowEvents. */

#include "display/display_internal.h"

#include <stdio.h>
#include <string.h>

#include <X11/extensions/XInput2.h>

#include "cua/base/util.h"
#include "display/flood.h"
#include "display/x_client.h"

/* What no grab keeps is passed on in the request that sends it; its event may still be on the way
 * to us. Window managers freeze the pointer for a moment at each click. */
#define MOMENT_US 20000U
/* Whoever takes longer has stopped, or does not mean to let it through. */
#define HELD_MAX_US 5000000U
#define MANAGER_LATE_MS 3000
#define MANAGER_MAX_MS 12000
#define NAMED_MAX 4

enum cua_status delivered_init(struct display *display, struct cua_error *err)
{
	int event = 0, error = 0, major = 2, minor = 1; /* 2.0 has no raw events during grabs */
	unsigned char bits[XIMaskLen(XI_LASTEVENT)] = { 0 };
	XIEventMask mask = {
		.deviceid = XIAllMasterDevices, .mask_len = sizeof(bits), .mask = bits
	};
	if (!XQueryExtension(display->xlib, "XInputExtension", &display->sent.opcode, &event,
			    &error) ||
			XIQueryVersion(display->xlib, &major, &minor) != Success) {
		return CUA_FAIL(err, CUA_ERR_X11, 0, "the X server has no XInput 2.1 extension");
	}
	/* A key that is held back comes up later than it was sent, too: half the events do. */
	XISetMask(bits, XI_RawKeyRelease);
	XISetMask(bits, XI_RawButtonPress);
	XISetMask(bits, XI_RawButtonRelease);
	XISetMask(bits, XI_RawMotion);
	XISelectEvents(display->xlib, display->root, &mask, 1);
	return CUA_OK;
}

void delivered_begin(struct display *display)
{
	for (int device = 0; device < INPUT_DEVICES; device++) {
		display->sent.devices[device].used = false;
	}
}

void delivered_sent(struct display *display, enum input_device device)
{
	struct sent_device *sent = &display->sent.devices[device];
	if (sent->held++ == 0) {
		sent->since_us = cua_now_us();
	}
	sent->used = sent->used || display->acting;
}

bool delivered_event(struct display *display, const XEvent *event)
{
	if (event->type != GenericEvent || event->xcookie.extension != display->sent.opcode) {
		return false;
	}
	struct sent_device *sent = &display->sent.devices[event->xcookie.evtype == XI_RawKeyRelease
					? INPUT_KEYBOARD
					: INPUT_POINTER];
	/* Applications may send input, too. */
	sent->held -= sent->held > 0;
	return true;
}

static bool is_held(const struct sent_device *sent)
{
	return sent->used && sent->held > 0;
}

bool display_is_delivered(const struct display *display)
{
	return !is_held(&display->sent.devices[INPUT_KEYBOARD]) &&
			!is_held(&display->sent.devices[INPUT_POINTER]);
}

static uint64_t held_since_us(const struct display *display)
{
	uint64_t since_us = UINT64_MAX;
	for (int device = 0; device < INPUT_DEVICES; device++) {
		const struct sent_device *sent = &display->sent.devices[device];
		if (is_held(sent) && sent->since_us < since_us) {
			since_us = sent->since_us;
		}
	}
	return since_us;
}

bool display_is_frozen(const struct display *display)
{
	return cua_now_us() - HELD_MAX_US > held_since_us(display) &&
			!display_is_delivered(display);
}

static bool until_delivered(struct display *display, void *user_data)
{
	(void)user_data;
	return display_is_delivered(display);
}

/* A grab for a window that is not shown fails in any case, and first of all where another client
 * has one. Without any, nothing is frozen: what is missing got lost in another way. */
static bool is_grabbed(struct display *display)
{
	const int pointer = XGrabPointer(display->xlib, display->helper, False, 0, GrabModeAsync,
			GrabModeAsync, None, None, CurrentTime);
	const int keyboard = XGrabKeyboard(display->xlib, display->helper, False, GrabModeAsync,
			GrabModeAsync, CurrentTime);
	return pointer == AlreadyGrabbed || keyboard == AlreadyGrabbed;
}

/* --- who --- */

/* The server does not tell whose a grab is: those are named who may have it, all but us and the
 * window manager, which has answered. */
static void name_suspects(struct display *display, char *names, size_t size)
{
	struct x_client clients[X_CLIENTS_MAX];
	const int client_count = x_client_list(display, clients);
	int count = 0;
	snprintf(names, size, "unknown");
	for (int i = 0; i < client_count && count < NAMED_MAX; i++) {
		char name[64];
		if (window_is_of_manager(display, clients[i].base) ||
				window_is_ours(display, clients[i].base) ||
				!process_name(display, clients[i].pid, name, sizeof(name))) {
			continue;
		}
		const size_t len = count++ == 0 ? 0 : strlen(names);
		snprintf(names + len, size - len, "%s%s", len > 0 ? " or " : "", name);
	}
}

static enum cua_status fail_held(struct display *display, struct cua_error *err)
{
	char names[320];
	const bool pointer = is_held(&display->sent.devices[INPUT_POINTER]);
	name_suspects(display, names, sizeof(names));
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"not delivered: a program has frozen the %s (synchronous grab). What was "
			"sent waits in the X server until the program allows it or ends; "
			"kill_window or a kill inside the desktop ends it. It is %s",
			pointer ? "pointer" : "keyboard", names);
}

/* --- waiting --- */

static enum cua_status wait_until_delivered(
		struct display *display, uint64_t deadline_us, struct cua_error *err)
{
	enum cua_status status = display_wait(display, deadline_us, until_delivered, NULL, err);
	return status == CUA_ERR_TIMEOUT ? CUA_OK : status;
}

static enum cua_status fail_manager(struct cua_error *err)
{
	return CUA_FAIL(err, CUA_ERR_APP, 0,
			"not delivered yet: the window manager does not answer, and has to look at "
			"clicks first. What was sent waits in the X server; look at the screen "
			"before it is sent again");
}

/* Who floods it is slowed down. A new one does not know of the click. */
static enum cua_status replace_flooded_manager(
		struct display *display, bool *ret_replaced, struct cua_error *err)
{
	enum cua_status status = flood_slow_down(display, ret_replaced, err);
	if (status == CUA_OK && *ret_replaced) {
		status = window_replace_manager(display, err);
	}
	return status;
}

/* The window manager freezes the pointer at each click until it has looked. When it answers, it is
 * done with what came before the question. With hundreds of new windows on a busy machine it takes
 * long; a new one would take longer, and a click that the old one has in hand were lost. */
static enum cua_status rule_manager_out(struct display *display, struct cua_error *err)
{
	bool replaced = false;
	enum cua_status status = window_wait_manager(display, MANAGER_LATE_MS, err);
	if (status != CUA_ERR_TIMEOUT) {
		return status;
	}
	status = replace_flooded_manager(display, &replaced, err);
	if (status != CUA_OK) {
		return status;
	}
	if (replaced) {
		return CUA_FAIL(err, CUA_ERR_APP, 0,
				"not delivered: a program kept the window manager busy, which has "
				"to look at clicks first. The program is slowed down now, and the "
				"window manager replaced; look at the screen and send it again");
	}
	status = window_wait_manager(display, MANAGER_MAX_MS - MANAGER_LATE_MS, err);
	return status == CUA_ERR_TIMEOUT ? fail_manager(err) : status;
}

enum cua_status display_wait_delivered(struct display *display, struct cua_error *err)
{
	enum cua_status status = wait_until_delivered(display, cua_now_us() + MOMENT_US, err);
	if (status == CUA_OK && !display_is_delivered(display) && is_grabbed(display)) {
		status = wait_until_delivered(display, held_since_us(display) + HELD_MAX_US, err);
		if (status == CUA_OK && !display_is_delivered(display)) {
			status = rule_manager_out(display, err);
		}
		if (status == CUA_OK) {
			status = wait_until_delivered(display, cua_now_us() + MOMENT_US, err);
		}
	}
	if (status == CUA_OK && !display_is_delivered(display) && is_grabbed(display)) {
		return fail_held(display, err);
	}
	if (status == CUA_OK) {
		for (int device = 0; device < INPUT_DEVICES; device++) {
			struct sent_device *sent = &display->sent.devices[device];
			sent->held = is_held(sent) ? 0 : sent->held;
		}
		display->changes.input_end_us = cua_now_us();
	}
	return status;
}

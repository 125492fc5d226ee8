/* People at viewers: the host's end of the link to the vnc process, and who holds the input. */

#include "display/display_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUA_LOG_MODULE "display.people"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"

#define PACKETS_AT_ONCE 64
#define PACKET_MAX (sizeof(struct vnc_link_message) + VNC_LINK_TEXT_MAX)

static void tell(struct display *display)
{
	if (display->people.on_people) {
		display->people.on_people(display->people.user_data);
	}
}

static void link_lost(struct display *display)
{
	struct display_people *people = &display->people;
	close(people->link_fd);
	people->link_fd = -1;
	people->viewers = people->controllers = 0;
	display_resume(display);
	tell(display);
}

void people_finish(struct display *display)
{
	cua_closep(&display->people.link_fd);
	display->people.link_fd = -1;
}

/* --- to the viewers --- */

/* False if the link is full: the vnc process is behind, and hears of it later. */
static bool link_send(struct display *display, const struct vnc_link_message *message,
		const void *data, int fd)
{
	struct display_people *people = &display->people;
	char packet[PACKET_MAX];
	if (people->link_fd < 0 || message->data_len > VNC_LINK_TEXT_MAX) {
		return false;
	}
	memcpy(packet, message, sizeof(*message));
	if (message->data_len > 0) {
		memcpy(packet + sizeof(*message), data, message->data_len);
	}
	return cua_unix_send(people->link_fd, packet, sizeof(*message) + message->data_len, &fd,
			       fd >= 0 ? 1 : 0, NULL) == CUA_OK;
}

static void send_frame(struct display *display)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", veil_frame(display)->memfd);
	CUA_AUTO_FD int read_only_fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct vnc_link_message message = { .type = VNC_LINK_FRAME,
		.u.frame = { (uint32_t)display->width_px, (uint32_t)display->height_px,
				(uint32_t)display->width_px * 4 } };
	if (read_only_fd >= 0) {
		(void)link_send(display, &message, NULL, read_only_fd);
	}
}

/* False if it has to be sent again. */
static bool send_cursor(struct display *display)
{
	XFixesCursorImage *cursor = XFixesGetCursorImage(display->xlib);
	bool sent = true;
	if (!cursor) {
		return true;
	}
	static uint32_t pixels[VNC_LINK_CURSOR_EDGE_MAX * VNC_LINK_CURSOR_EDGE_MAX];
	const size_t count = (size_t)cursor->width * cursor->height;
	if (cursor->width <= VNC_LINK_CURSOR_EDGE_MAX &&
			cursor->height <= VNC_LINK_CURSOR_EDGE_MAX) {
		for (size_t i = 0; i < count; i++) {
			pixels[i] = (uint32_t)cursor->pixels[i];
		}
		const struct vnc_link_message message = { .type = VNC_LINK_CURSOR,
			.u.cursor = { cursor->width, cursor->height, cursor->xhot, cursor->yhot },
			.data_len = (uint32_t)(count * sizeof(pixels[0])) };
		sent = link_send(display, &message, pixels, -1);
	}
	XFree(cursor);
	return sent;
}

static bool send_moved(struct display *display)
{
	Window root, child;
	int x = 0, y = 0, win_x, win_y;
	unsigned int mask;
	XQueryPointer(display->xlib, display->root, &root, &child, &x, &y, &win_x, &win_y, &mask);
	const struct vnc_link_message message = { .type = VNC_LINK_MOVED,
		.u.moved = { (uint16_t)x, (uint16_t)y } };
	return link_send(display, &message, NULL, -1);
}

/* Not back to where it came from. */
void people_send_cut_text(struct display *display, const char *text, size_t len)
{
	struct display_people *people = &display->people;
	const struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT,
		.data_len = (uint32_t)len };
	if (people->controllers > 0 && len <= VNC_LINK_TEXT_MAX &&
			(strlen(people->cut_text) != len ||
					memcmp(people->cut_text, text, len) != 0)) {
		people->cut_text[0] = '\0';
		(void)link_send(display, &message, text, -1);
	}
}

void people_resized(struct display *display)
{
	display->people.full_damage = true;
	send_frame(display);
}

bool people_wants_to_send(const struct display *display)
{
	const struct display_people *people = &display->people;
	return people->link_fd >= 0 && people->viewers > 0 &&
			(people->full_damage || people->cursor_changed || people->pointer_moved);
}

void people_damaged(struct display *display, const struct cua_region *area)
{
	struct display_people *people = &display->people;
	if (people->viewers == 0) {
		people->full_damage = true;
		return;
	}
	if (people->rect_count == PEOPLE_RECTS_MAX) {
		people->full_damage = true;
		return;
	}
	people->rects[people->rect_count++] = *area;
}

static void send_damage(struct display *display)
{
	struct display_people *people = &display->people;
	const struct cua_region screen = { 0, 0, display->width_px, display->height_px };
	if (people->full_damage) {
		people->rects[0] = screen;
		people->rect_count = 1;
	}
	people->full_damage = false;
	for (int i = 0; i < people->rect_count; i++) {
		const struct cua_region *rect = &people->rects[i];
		const struct vnc_link_message message = { .type = VNC_LINK_DAMAGE,
			.u.damage = { (uint16_t)rect->x, (uint16_t)rect->y, (uint16_t)rect->width,
					(uint16_t)rect->height } };
		if (!link_send(display, &message, NULL, -1)) {
			people->full_damage = true;
			break;
		}
	}
	people->rect_count = 0;
}

void people_send(struct display *display)
{
	struct display_people *people = &display->people;
	if (people->link_fd < 0 || people->viewers == 0 || people->sending) {
		return;
	}
	people->sending = true; /* reading the screen handles events, which ends up here */
	if (people->full_damage || people->rect_count > 0) {
		if (frame_read_damaged(display, NULL) == CUA_OK) {
			send_damage(display);
		}
	}
	if (people->cursor_changed && !display->dead) {
		people->cursor_changed = !send_cursor(display);
	}
	if (people->pointer_moved && !display->dead) {
		people->pointer_moved = !send_moved(display);
	}
	people->sending = false;
}

/* --- from the viewers --- */

static void take_over(struct display *display)
{
	struct display_people *people = &display->people;
	if (people->holds) {
		return;
	}
	input_release_held(display);
	people->holds = true;
	people->since_us = cua_now_us();
	people->keys = people->clicks = 0;
	cua_log_info("a person takes the input");
	tell(display);
}

void display_resume(struct display *display)
{
	struct display_people *people = &display->people;
	if (!people->holds) {
		return;
	}
	input_release_held(display);
	people->holds = false;
	people->buttons = 0;
	people->down_count = 0;
	type_restore_caps(display);
	snprintf(people->note, sizeof(people->note),
			"a person used the desktop for %.0f s (%u key presses, %u clicks); look at "
			"the "
			"screen before you go on",
			(double)(cua_now_us() - people->since_us) / 1e6, people->keys,
			people->clicks);
	cua_log_info("the input goes back to the agent");
	tell(display);
}

/* The key that a keysym was pressed with, 0 for none; it may have got another meaning since. */
static KeyCode find_pressed(const struct display_people *people, KeySym keysym)
{
	for (int i = 0; i < people->down_count; i++) {
		if (people->down[i].keysym == keysym) {
			return people->down[i].keycode;
		}
	}
	return 0;
}

static KeyCode take_pressed(struct display_people *people, KeySym keysym)
{
	const KeyCode keycode = find_pressed(people, keysym);
	for (int i = 0; keycode && i < people->down_count; i++) {
		if (people->down[i].keysym == keysym) {
			people->down[i] = people->down[--people->down_count];
			break;
		}
	}
	return keycode;
}

static void person_key(struct display *display, KeySym keysym, bool down)
{
	struct display_people *people = &display->people;
	const KeyCode shift = display->keymap.shift_keycode;
	struct display_layout_key key;
	if (!down) {
		const KeyCode keycode = take_pressed(people, keysym);
		if (keycode) {
			input_key(display, keycode, false);
		}
		return;
	}
	/* A key held at a viewer comes again and again. */
	const KeyCode held = find_pressed(people, keysym);
	if (held) {
		input_key(display, held, true);
		return;
	}
	(void)keymap_follow(display);
	people->keys++;
	if (people->down_count == PEOPLE_KEYS_MAX) {
		return;
	}
	if (!keymap_find(display, keysym, &key)) {
		keymap_all_read(display); /* people type slower than applications read */
		if (!keymap_find(display, keysym, &key)) {
			return;
		}
	}
	(void)keymap_send(display);
	/* A viewer with another layout sends a character without the Shift that ours needs. */
	const bool lend_shift = key.shift && shift && !display->key_down[shift];
	if (lend_shift) {
		input_key(display, shift, true);
	}
	input_key(display, key.keycode, true);
	if (lend_shift) {
		input_key(display, shift, false);
	}
	people->down[people->down_count++] = key;
	people->down[people->down_count - 1].keysym = keysym;
}

static void person_pointer(struct display *display, int x, int y, uint32_t buttons)
{
	struct display_people *people = &display->people;
	x = x < display->width_px ? x : display->width_px - 1;
	y = y < display->height_px ? y : display->height_px - 1;
	input_motion(display, x, y);
	for (int bit = 0; bit < 9; bit++) {
		const bool was = people->buttons & 1U << bit, is = buttons & 1U << bit;
		if (was != is) {
			input_button(display, bit + 1, is);
			people->clicks += is && bit < 3;
		}
	}
	people->buttons = buttons;
}

static void handle_message(
		struct display *display, const struct vnc_link_message *message, const char *data)
{
	struct display_people *people = &display->people;
	switch (message->type) {
	case VNC_LINK_KEY:
		take_over(display);
		person_key(display, message->u.key.keysym, message->u.key.down != 0);
		break;
	case VNC_LINK_POINTER:
		/* A hand that rests on a mouse, or leaves it after giving back, takes nothing over:
		 * a button does. */
		if (!people->holds && message->u.pointer.buttons == 0) {
			break;
		}
		take_over(display);
		person_pointer(display, message->u.pointer.x, message->u.pointer.y,
				message->u.pointer.buttons);
		break;
	case VNC_LINK_CUT_TEXT:
		people->cut_text_new = people->holds; /* viewers offer theirs unasked, too */
		snprintf(people->cut_text, sizeof(people->cut_text), "%.*s", (int)message->data_len,
				data);
		break;
	case VNC_LINK_VIEWERS:
		people->full_damage =
				people->full_damage || message->u.viewers.viewers > people->viewers;
		people->cursor_changed = people->pointer_moved = true;
		people->viewers = message->u.viewers.viewers;
		if (message->u.viewers.controllers > people->controllers) {
			people->controllers = message->u.viewers.controllers;
			clipboard_offer_to_viewers(display);
		}
		people->controllers = message->u.viewers.controllers;
		tell(display);
		break;
	case VNC_LINK_RESUME:
		display_resume(display);
		break;
	case VNC_LINK_JOINED:
	case VNC_LINK_LEFT:
		break; /* whoever gives input with control has the same rights */
	default:
		cua_log_warn("the vnc process sent a message of type %u", message->type);
		break;
	}
}

void people_read(struct display *display)
{
	struct display_people *people = &display->people;
	/* Bounded, so that a flood of input keeps nobody else waiting for long. */
	for (int i = 0; i < PACKETS_AT_ONCE && people->link_fd >= 0 && !display->dead; i++) {
		char packet[PACKET_MAX + 1];
		struct vnc_link_message message;
		int fds[CUA_UNIX_FDS_MAX];
		size_t len = 0;
		const enum cua_status status =
				cua_unix_recv(people->link_fd, packet, PACKET_MAX, &len, fds, NULL);
		if (status == CUA_ERR_TIMEOUT) {
			break;
		}
		for (int k = 0; k < CUA_UNIX_FDS_MAX; k++) {
			cua_closep(&fds[k]);
		}
		if (status != CUA_OK || len < sizeof(message)) {
			link_lost(display);
			return;
		}
		memcpy(&message, packet, sizeof(message));
		if (message.data_len != len - sizeof(message)) {
			link_lost(display);
			return;
		}
		packet[len] = '\0';
		handle_message(display, &message, packet + sizeof(message));
	}
	if (people->cut_text_new && !display->dead) {
		people->cut_text_new = false;
		if (clipboard_take_from_viewer(display, people->cut_text, NULL) != CUA_OK) {
			cua_log_debug("a viewer's clipboard was not taken");
		}
	}
	if (!display->dead) {
		XFlush(display->xlib);
	}
}

/* --- for the host --- */

void display_set_vnc_link(struct display *display, int link_fd)
{
	if (display->people.link_fd >= 0) {
		link_lost(display); /* the old process is gone, though its end was not read yet */
	}
	display->people.link_fd = link_fd;
	display->people.full_damage = true;
	send_frame(display);
}

bool display_person_has_input(const struct display *display)
{
	return display->people.holds;
}

int display_viewers(const struct display *display)
{
	return (int)display->people.viewers;
}

void display_on_people(struct display *display, display_people_fn on_people, void *user_data)
{
	display->people.on_people = on_people;
	display->people.user_data = user_data;
}

bool display_take_person_note(struct display *display, char *note, size_t size)
{
	if (!display->people.note[0]) {
		return false;
	}
	snprintf(note, size, "%s", display->people.note);
	display->people.note[0] = '\0';
	return true;
}

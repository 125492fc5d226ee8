/* People at viewers: the host's end of the link to the vnc process, and who holds the input. */

#include "display/display_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CUA_LOG_MODULE "display.people"
#include "cua/base/log.h"
#include "cua/base/unix_socket.h"
#include "cua/base/util.h"
#include "display/people_link.h"

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
	memset(people->at, 0, sizeof(people->at));
	people->ready = people->owed = display->clipboard.offer_viewers = 0;
	people->text_unsent = false;
	takeover_follow_viewers(display);
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

/* Who has the desktop in private sees the screen, where all others see the notice. Not while a
 * secret may show. False if it has to be sent again. */
static bool send_private(struct display *display)
{
	struct display_people *people = &display->people;
	const bool shows = display_is_private(display) && veil_is_for(display, VEIL_PRIVATE) &&
			!veil_is_for(display, VEIL_SECRET);
	char path[64];
	struct vnc_link_message message = { .type = VNC_LINK_PRIVATE,
		.u.private = { .width_px = (uint32_t)display->width_px,
				.height_px = (uint32_t)display->height_px,
				.stride_bytes = (uint32_t)display->width_px * 4 } };
	if (!shows && !people->private_sent) {
		return true;
	}
	const struct control_person local = display_local_person();
	const char *id = display->takeover.control.person.id;
	snprintf(message.u.private.person, sizeof(message.u.private.person), "%s",
			strcmp(id, local.id) == 0 ? "" : id);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", display->frame.memfd);
	CUA_AUTO_FD int read_only_fd = shows ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (!link_send(display, &message, NULL, read_only_fd)) {
		return false;
	}
	people->private_sent = read_only_fd >= 0;
	people->full_damage = true;
	return true;
}

bool people_show_private(const struct display *display)
{
	const struct display_people *people = &display->people;
	return people->private_sent && !people->private_changed && display_is_private(display) &&
			display_is_settled(display);
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

void people_send_cut_text(struct display *display, const char *text, size_t len, bool is_private,
		uint32_t viewers)
{
	struct display_people *people = &display->people;
	const struct vnc_link_message message = { .type = VNC_LINK_SET_CUT_TEXT,
		.u.cut_text = { .is_private = is_private, .viewers = viewers },
		.data_len = (uint32_t)len };
	if (strlen(people->cut_text) == len && memcmp(people->cut_text, text, len) == 0) {
		return;
	}
	people->cut_text[0] = '\0';
	if (!link_send(display, &message, text, -1)) {
		people->text_unsent = true;
		people->owed |= viewers & people->ready;
	}
}

uint32_t people_of_owner(const struct display *display)
{
	uint32_t viewers = 0;
	for (int i = 0; i < VNC_LINK_VIEWERS_MAX; i++) {
		const struct people_viewer *viewer = &display->people.at[i];
		viewers |= viewer->is_there &&
						control_is_of(&display->takeover.control,
								&viewer->person)
				? UINT32_C(1) << i
				: 0;
	}
	return viewers;
}

void people_resized(struct display *display)
{
	display->people.full_damage = true;
	send_frame(display);
	display->people.private_changed = true;
}

/* What is on the screen is not shown before the notice hides it from those it is not for. */
static bool may_send(const struct display *display)
{
	const struct display_people *people = &display->people;
	return people->link_fd >= 0 && people->viewers > 0 && display_is_settled(display);
}

static bool has_room(const struct display_people *people)
{
	struct pollfd link = { .fd = people->link_fd, .events = POLLOUT };
	return poll(&link, 1, 0) == 1 && (link.revents & POLLOUT);
}

bool people_wants_to_send(const struct display *display)
{
	const struct display_people *people = &display->people;
	return may_send(display) &&
			(people->full_damage || people->cursor_changed || people->pointer_moved ||
					people->private_changed || people->text_unsent);
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
	const struct cua_region screen = display_screen(display);
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
	if (!may_send(display) || people->sending) {
		return;
	}
	people->sending = true; /* reading the screen handles events, which ends up here */
	if (people->private_changed) {
		people->private_changed = !send_private(display);
	}
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
	if (people->text_unsent && !display->dead && has_room(people)) {
		people->text_unsent = false;
		clipboard_offer_owed(display);
	}
}

/* --- from the viewers --- */

void people_forget_held(struct display *display)
{
	display->people.buttons = 0;
	display->people.down_count = 0;
}

/* The key that a keysym was pressed with, or NULL; it may have got another meaning since. */
static struct display_layout_key *find_pressed(struct display_people *people, KeySym keysym)
{
	for (int i = 0; i < people->down_count; i++) {
		if (people->down[i].keysym == keysym) {
			return &people->down[i];
		}
	}
	return NULL;
}

/* A viewer with another layout sends a character without the Shift that ours needs. */
static void press(struct display *display, const struct display_layout_key *key)
{
	const KeyCode shift = display->keymap.shift_keycode;
	const bool lend_shift = key->shift && shift && !display->key_down[shift];
	if (lend_shift) {
		input_key(display, shift, true);
	}
	input_key(display, key->keycode, true);
	if (lend_shift) {
		input_key(display, shift, false);
	}
}

/* A key held at a viewer comes again and again. The server takes no second press of one that is
 * down, and lets go of it for a repetition of its own, too. */
static void press_again(struct display *display, const struct display_layout_key *key)
{
	if (keymap_repeats(display, key->keycode)) {
		input_key(display, key->keycode, false);
		press(display, key);
	}
}

static void person_key(struct display *display, KeySym keysym, bool down)
{
	struct display_people *people = &display->people;
	struct display_layout_key *held = find_pressed(people, keysym);
	struct display_layout_key key;
	if (held && down) {
		press_again(display, held);
		return;
	}
	if (held) {
		input_key(display, held->keycode, false);
		*held = people->down[--people->down_count];
	}
	if (!down) {
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
	press(display, &key);
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

/* Who came by a password is at this machine, as who types at its terminal. */
static struct people_viewer local_viewer(void)
{
	return (struct people_viewer){ true, VNC_MODE_ACT, display_local_person() };
}

static struct people_viewer viewer_of(
		const struct display_people *people, const struct vnc_link_message *message)
{
	const struct people_viewer *viewer = &people->at[message->viewer];
	return viewer->is_there ? *viewer : local_viewer();
}

bool people_has(const struct display *display, const struct control_person *person)
{
	const struct display_people *people = &display->people;
	const struct control_person local = display_local_person();
	int known = 0;
	for (int i = 0; i < VNC_LINK_VIEWERS_MAX; i++) {
		const struct people_viewer *viewer = &people->at[i];
		known += viewer->is_there;
		if (viewer->is_there && viewer->mode != VNC_MODE_WATCH &&
				strcmp(viewer->person.id, person->id) == 0) {
			return true;
		}
	}
	return known == 0 && people->controllers > 0 && strcmp(person->id, local.id) == 0;
}

static void viewer_joined(struct display *display, const struct vnc_link_message *message)
{
	struct people_viewer *viewer = &display->people.at[message->viewer];
	*viewer = local_viewer();
	viewer->mode = (enum vnc_mode)message->u.joined.mode;
	if (message->u.joined.person[0]) {
		snprintf(viewer->person.id, sizeof(viewer->person.id), "%s",
				message->u.joined.person);
		snprintf(viewer->person.name, sizeof(viewer->person.name), "%s",
				message->u.joined.name);
	}
	takeover_follow_viewers(display);
}

/* It is ready for text, or has left; whoever takes the slot next has no part in what was for this
 * one. */
static void note_ready(
		struct display *display, const struct vnc_link_message *message, bool is_ready)
{
	struct display_people *people = &display->people;
	const uint32_t viewer = UINT32_C(1) << message->viewer;
	people->ready &= ~viewer;
	people->owed &= ~viewer;
	display->clipboard.offer_viewers &= ~viewer;
	if (is_ready && viewer_of(people, message).mode != VNC_MODE_WATCH) {
		people->ready |= viewer;
		people->owed |= viewer;
		clipboard_offer_owed(display);
	}
}

static void count_viewers(struct display *display, uint32_t viewers, uint32_t controllers)
{
	struct display_people *people = &display->people;
	people->full_damage = people->full_damage || viewers > people->viewers;
	people->cursor_changed = people->pointer_moved = true;
	people->viewers = viewers;
	people->controllers = controllers;
	takeover_follow_viewers(display);
	tell(display);
}

static void handle_input(struct display *display, const struct vnc_link_message *message)
{
	const struct people_viewer viewer = viewer_of(&display->people, message);
	const bool is_key = message->type == VNC_LINK_KEY;
	/* A hand that rests on a mouse, or leaves it after giving back, takes nothing over, nor
	 * does what is let go of: a press does. */
	const bool is_press = is_key ? message->u.key.down != 0 : message->u.pointer.buttons != 0;
	if ((!display_person_has_input(display) && !is_press) ||
			!takeover_by_input(display, &viewer)) {
		return;
	}
	display->takeover.injects = true;
	if (is_key) {
		person_key(display, message->u.key.keysym, message->u.key.down != 0);
	} else {
		person_pointer(display, message->u.pointer.x, message->u.pointer.y,
				message->u.pointer.buttons);
	}
	display->takeover.injects = false;
}

static void take_cut_text(
		struct display *display, const struct vnc_link_message *message, const char *data)
{
	struct display_people *people = &display->people;
	const struct people_viewer viewer = viewer_of(people, message);
	/* Viewers offer theirs unasked, too. */
	people->cut_text_new = viewer.mode != VNC_MODE_WATCH &&
			control_is_of(&display->takeover.control, &viewer.person);
	snprintf(people->cut_text, sizeof(people->cut_text), "%.*s", (int)message->data_len, data);
}

static void give_back(struct display *display, const struct vnc_link_message *message)
{
	const struct people_viewer viewer = viewer_of(&display->people, message);
	/* Who has left has done so by VNC_LINK_LEFT, or by the number of those who are there. */
	if (message->u.resume.by_key) {
		takeover_give(display, &viewer.person);
	}
}

static void handle_message(
		struct display *display, const struct vnc_link_message *message, const char *data)
{
	struct display_people *people = &display->people;
	switch (message->type) {
	case VNC_LINK_KEY:
	case VNC_LINK_POINTER:
		handle_input(display, message);
		break;
	case VNC_LINK_CUT_TEXT:
		take_cut_text(display, message, data);
		break;
	case VNC_LINK_VIEWERS:
		count_viewers(display, message->u.viewers.viewers, message->u.viewers.controllers);
		break;
	case VNC_LINK_RESUME:
		give_back(display, message);
		break;
	case VNC_LINK_JOINED:
		viewer_joined(display, message);
		break;
	case VNC_LINK_READY:
		note_ready(display, message, true);
		break;
	case VNC_LINK_LEFT:
		people->at[message->viewer] = (struct people_viewer){ .is_there = false };
		note_ready(display, message, false);
		takeover_follow_viewers(display);
		break;
	default:
		break; /* people_link_parse() lets no other pass */
	}
}

void people_read(struct display *display)
{
	struct display_people *people = &display->people;
	/* Bounded, so that a flood of input keeps nobody else waiting for long. */
	for (int i = 0; i < PACKETS_AT_ONCE && people->link_fd >= 0 && !display->dead; i++) {
		char packet[PACKET_MAX];
		struct vnc_link_message message;
		struct cua_error why = { 0 };
		const char *data = NULL;
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
		if (status != CUA_OK || len == 0 ||
				people_link_parse(packet, len, &message, &data, &why) != CUA_OK) {
			if (why.msg[0]) {
				cua_log_warn("hanging up on the vnc process: it sent %s", why.msg);
			}
			link_lost(display);
			return;
		}
		handle_message(display, &message, data);
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
	display->people.private_sent = false;
	display->people.private_changed = true;
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

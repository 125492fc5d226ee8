/* Taking over: what a change of hands means for the desktop. What was sent is let through, what is
 * down comes up, the change is written down before it counts, and the model is to hear of it. */

#include "display/display_internal.h"

#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CUA_LOG_MODULE "display.takeover"
#include "cua/base/file.h"
#include "cua/base/json.h"
#include "cua/base/log.h"
#include "cua/base/util.h"
#include "display/session_client.h"

#define FILE_NAME "control.json"
#define FILE_MAX 4096
/* A window manager holds each click until it has looked at it: on a machine that is busy that takes
 * long. What a program's grab keeps back for longer is its own. */
#define PASSED_ON_US 500000U
#define SESSION_TIMEOUT_MS 3000

struct control_person display_local_person(void)
{
	struct control_person person = { .id = "local" };
	struct passwd entry, *found = NULL;
	char memory[1024];
	const bool is_known =
			getpwuid_r(geteuid(), &entry, memory, sizeof(memory), &found) == 0 && found;
	snprintf(person.name, sizeof(person.name), "%s", is_known ? entry.pw_name : "local");
	return person;
}

const struct control *display_control(const struct display *display)
{
	return &display->takeover.control;
}

bool display_person_has_input(const struct display *display)
{
	return display->takeover.control.is_person;
}

bool display_is_private(const struct display *display)
{
	return display_person_has_input(display) && display->takeover.control.is_private;
}

void display_serve(struct display *display, bool serves)
{
	display->takeover.serves = serves;
}

enum cua_status display_may_serve(const struct display *display, struct cua_error *err)
{
	return display_is_private(display)
			? CUA_FAIL(err, CUA_ERR_PERSON, 0,
					  "a person has desktop %s in private: nothing on it is "
					  "shown, told or done until it is given back",
					  display->record.name)
			: CUA_OK;
}

enum cua_status takeover_check(const struct display *display, struct cua_error *err)
{
	const struct display_takeover *takeover = &display->takeover;
	if (takeover->serves && display_is_private(display)) {
		return display_may_serve(display, err);
	}
	if (display->acting &&
			(display_person_has_input(display) ||
					takeover->acting_count != takeover->count)) {
		return CUA_FAIL(err, CUA_ERR_PERSON, 0,
				"a person has the input of desktop %s; it comes back with the "
				"Pause key of the viewer or with: cua resume",
				display->record.name);
	}
	return CUA_OK;
}

/* --- written down --- */

static enum cua_status write_down(
		const struct display *display, const struct control *control, struct cua_error *err)
{
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_JSON cJSON *json = control_to_json(control);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(json);
	desktop_path(&display->record, FILE_NAME, path, sizeof(path));
	return text ? cua_file_write(path, text, strlen(text), 0600, err)
		    : CUA_FAIL(err, CUA_ERR_NOMEM, 0, "out of memory");
}

/* --- what the model is told --- */

/* Of the one who had it until now, behind what is to be told already. */
static void note_end(struct display *display)
{
	struct display_takeover *takeover = &display->takeover;
	const struct display_people *people = &display->people;
	const bool was_private = takeover->control.was_private;
	const size_t len = strlen(takeover->note);
	char changes[2048];
	takeover_tell_changes(display, takeover->seen, was_private, changes, sizeof(changes));
	FILE *out = fmemopen(takeover->note + len, sizeof(takeover->note) - len, "w");
	if (!out) {
		return; /* no room: what is there says to look */
	}
	fprintf(out, "%sa person used the desktop for %.0f s", len > 0 ? "; then " : "",
			(double)(cua_now_us() - takeover->control.since_us) / 1e6);
	if (was_private) {
		fputs(", in private: what was done is not told", out);
	} else {
		fprintf(out, " (%u key presses, %u clicks)", people->keys, people->clicks);
	}
	fprintf(out, "%s; look at the screen before you go on", changes);
	if (takeover->said[0]) {
		fprintf(out, ". The person says: \"%s\"", takeover->said);
	}
	fclose(out);
	takeover->note[sizeof(takeover->note) - 1] = '\0';
	takeover->said[0] = '\0';
}

const char *display_person_note(const struct display *display)
{
	return display->takeover.note;
}

void display_forget_person_note(struct display *display)
{
	display->takeover.note[0] = '\0';
}

/* --- the change --- */

/* Input that the agent has sent reaches its window before the change of hands, not after it. */
static void let_through(struct display *display)
{
	const uint64_t until_us = cua_now_us() + PASSED_ON_US;
	if (display->dead) {
		return;
	}
	display_sync(display);
	while (!display->dead && !display_is_delivered(display) && cua_now_us() < until_us) {
		struct pollfd news = { .fd = ConnectionNumber(display->xlib), .events = POLLIN };
		(void)poll(&news, 1, cua_ms_until(until_us));
		display_handle_events(display);
	}
}

static void release_all(struct display *display)
{
	display->takeover.injects = true;
	let_through(display);
	input_release_held(display);
	let_through(display);
	people_forget_held(display);
	display->takeover.injects = false;
}

static void forget_seen(struct display *display)
{
	takeover_seen_destroy(display->takeover.seen);
	display->takeover.seen = NULL;
}

static void begin(struct display *display)
{
	display->people.keys = display->people.clicks = 0;
	display->takeover.count++;
	forget_seen(display);
	/* Viewers repeat a key that is held. The release of one that is not may come late, over a
	 * slow line or from a browser that is busy: that must not make many characters of one. */
	input_repeat(display, false);
	display->takeover.is_unseen = true;
	(void)control_viewers(&display->takeover.control,
			people_has(display, &display->takeover.control.person), cua_now_us());
	cua_log_info("a person takes the input%s",
			display->takeover.control.is_private ? " in private" : "");
}

static void end(struct display *display)
{
	type_restore_caps(display);
	input_repeat(display, true);
	forget_seen(display);
	cua_log_info("the input goes back to the agent");
}

static void tell(struct display *display)
{
	if (display->people.on_people) {
		display->people.on_people(display->people.user_data);
	}
}

void display_see_takeover(struct display *display)
{
	if (display->takeover.is_unseen) {
		display->takeover.is_unseen = false;
		display->takeover.seen = takeover_look(display);
	}
}

/* Whoever has a shell or a program on the desktop could look at what is private. What applications
 * have started, and what others have left behind, goes on. */
static void hang_up_others(const struct display *display)
{
	CUA_AUTO_JSON cJSON *request = cJSON_CreateObject(), *answer = NULL;
	CUA_AUTO_FD int fd = -1;
	struct cua_error error = { 0 };
	cJSON_AddTrueToObject(request, "hang_up");
	enum cua_status status = session_request(&display->record, request, NULL, &fd, &error);
	if (status == CUA_OK) {
		status = session_answer(fd, SESSION_TIMEOUT_MS, &answer, &error);
	}
	if (status != CUA_OK) {
		cua_log_warn("shells on %s may go on in private: %s", display->record.name,
				error.msg);
	}
}

/* next: what is to be from here on. Only for who takes in private a failure to write it down is
 * one: another host would show the screen. */
static enum cua_status change_hands(struct display *display, const struct control *next,
		enum control_change change, struct cua_error *err)
{
	struct display_takeover *takeover = &display->takeover;
	struct cua_error why = { 0 };
	if (change == CONTROL_SAME) {
		takeover->control = *next;
		return CUA_OK;
	}
	const bool owner_changes = change == CONTROL_TAKEN || change == CONTROL_GIVEN;
	if (owner_changes) {
		release_all(display);
	}
	const enum cua_status status = write_down(display, next, &why);
	if (status != CUA_OK && next->is_private) {
		return CUA_FAIL(err, status, 0, "a private session cannot be written down: %s",
				why.msg);
	}
	if (next->is_private && !takeover->control.is_private) {
		hang_up_others(display);
	}
	if (status != CUA_OK) {
		cua_log_warn("%s; a next host would not know who has the desktop", why.msg);
	}
	if (owner_changes && takeover->control.is_person) {
		note_end(display);
	}
	takeover->is_unseen = takeover->is_unseen && change != CONTROL_GIVEN;
	/* In private also from one to the next: others see it from then on. */
	takeover->is_unsettled = takeover->is_unsettled ||
			takeover->control.is_private != next->is_private ||
			(owner_changes && next->is_private);
	takeover->control = *next;
	if (change == CONTROL_TAKEN) {
		begin(display);
	} else if (change == CONTROL_GIVEN) {
		end(display);
	}
	tell(display);
	return CUA_OK;
}

enum cua_status display_order(
		struct display *display, const struct control_order *order, struct cua_error *err)
{
	struct control next = display->takeover.control;
	enum control_change change = CONTROL_SAME;
	if (display->dead) {
		return display_ok(display, err);
	}
	enum cua_status status = control_order(&next, order, cua_now_us(), &change, err);
	if (status != CUA_OK) {
		return status;
	}
	const bool is_owner = control_is_of(&display->takeover.control, &order->person) ||
			order->is_forced;
	if (order->note[0] && (is_owner || order->what == CONTROL_TAKE)) {
		snprintf(display->takeover.said, sizeof(display->takeover.said), "%s", order->note);
	}
	return change_hands(display, &next, change, err);
}

/* --- what people at viewers do --- */

bool takeover_by_input(struct display *display, const struct people_viewer *viewer)
{
	struct control *control = &display->takeover.control;
	const uint64_t now_us = cua_now_us();
	if (viewer->mode == VNC_MODE_WATCH) {
		return false;
	}
	if (!control->is_person) {
		struct cua_error why = { 0 };
		struct control next = *control;
		control_take_by_input(
				&next, &viewer->person, viewer->mode == VNC_MODE_PRIVATE, now_us);
		if (change_hands(display, &next, CONTROL_TAKEN, &why) != CUA_OK) {
			cua_log_warn("%s", why.msg);
			return false;
		}
	}
	display_see_takeover(display); /* before the input changes anything */
	if (!control_is_of(control, &viewer->person)) {
		return false;
	}
	control_renew(control, now_us);
	return true;
}

void takeover_give(struct display *display, const struct control_person *person)
{
	const struct control_order give = { .what = CONTROL_GIVE, .person = *person };
	struct cua_error why = { 0 };
	if (control_is_of(&display->takeover.control, person) &&
			display_order(display, &give, &why) != CUA_OK) {
		cua_log_warn("%s", why.msg);
	}
}

void takeover_follow_viewers(struct display *display)
{
	struct control next = display->takeover.control;
	struct cua_error why = { 0 };
	const enum control_change change =
			control_viewers(&next, people_has(display, &next.person), cua_now_us());
	if (change_hands(display, &next, change, &why) != CUA_OK) {
		cua_log_warn("%s", why.msg);
	}
}

int takeover_expire(struct display *display)
{
	struct control next = display->takeover.control;
	struct cua_error why = { 0 };
	if (!display->dead && control_next_us(&next) <= cua_now_us()) {
		enum control_change change = control_expire(&next, cua_now_us());
		if (change_hands(display, &next, change, &why) != CUA_OK) {
			/* Who is next wants it in private, and cannot have it. */
			cua_log_warn("%s", why.msg);
			next = display->takeover.control;
			next.request_count = 0;
			change = control_expire(&next, cua_now_us());
			(void)!change_hands(display, &next, change, NULL);
		}
	}
	const uint64_t next_us = control_next_us(&display->takeover.control);
	return next_us == UINT64_MAX ? -1 : cua_ms_until(next_us);
}

/* --- private --- */

bool display_is_settled(const struct display *display)
{
	return !display->takeover.is_unsettled;
}

void display_settle_control(struct display *display)
{
	struct cua_error why = { 0 };
	if (!display->takeover.is_unsettled || display->dead) {
		return;
	}
	if (display->people.private_sent || veil_is_for(display, VEIL_PRIVATE)) {
		clipboard_catch_up(display);
	}
	veil_forget_copies(display); /* whoever has it next */
	display->people.private_changed = true;
	display->takeover.is_unsettled = false;
	if (!display_is_private(display)) {
		veil_lift(display, VEIL_PRIVATE);
	} else if (veil_draw(display, VEIL_PRIVATE, &why) != CUA_OK && !display->dead) {
		/* Nobody is sent the screen either, but nobody else is told why. */
		cua_log_warn("no notice in the place of the screen: %s", why.msg);
	}
}

/* --- life --- */

/* A person who had the desktop has it still: the host has died, not the person. */
void takeover_load(struct display *display)
{
	struct display_takeover *takeover = &display->takeover;
	char path[CUA_PATH_MAX + 16];
	CUA_AUTO_BUFFER struct cua_buffer text;
	struct control control;
	cua_buffer_init(&text, FILE_MAX);
	control_init(&takeover->control, cua_now_us());
	desktop_path(&display->record, FILE_NAME, path, sizeof(path));
	if (cua_file_read(path, &text, NULL) != CUA_OK || text.len == 0) {
		return;
	}
	CUA_AUTO_JSON cJSON *json = cJSON_ParseWithLength(text.data, text.len);
	if (!control_from_json(json, &control, cua_now_us())) {
		cua_log_warn("%s is damaged: who had the desktop is not known", path);
		return;
	}
	takeover->control = control;
	if (control.is_person && !control.is_asked) {
		struct control_order give = { .what = CONTROL_GIVE, .person = control.person };
		(void)!display_order(display, &give, NULL);
	}
	takeover->is_unsettled = display_is_private(display);
	display_settle_control(display);
}

void takeover_finish(struct display *display)
{
	forget_seen(display);
}

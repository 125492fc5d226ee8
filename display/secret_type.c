/* A text with secrets in it. A value is typed in short parts, each only if the same field of the
 * same window and page has the focus still: while the keys are sent, nobody else gets to move it.
 */

#include "display/secret.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "display/display_internal.h"

#define PART_CHARACTERS 12
#define REST_QUIET_MS 60
#define REST_TIMEOUT_US 1500000U

void display_use_secrets(struct display *display, const struct display_secrets *secrets)
{
	display->secret.usable = secrets && secrets->count > 0 ? secrets : NULL;
}

static const struct display_secret *find(const struct display *display, const char *name)
{
	const struct display_secrets *usable = display->secret.usable;
	for (int i = 0; usable && i < usable->count; i++) {
		if (strcmp(usable->items[i].name, name) == 0) {
			return &usable->items[i];
		}
	}
	return NULL;
}

bool secret_is_in(const struct display *display, const char *text)
{
	struct cua_placeholder placeholder;
	while (display->secret.usable && cua_placeholder_next(text, &placeholder)) {
		if (find(display, placeholder.name)) {
			return true;
		}
		text = placeholder.at + placeholder.len;
	}
	return false;
}

/* The next few characters; wiped by the caller. */
static size_t take_part(const char *at, char *part)
{
	const char *end = at + strlen(at), *place = at;
	for (int i = 0; i < PART_CHARACTERS && place < end; i++) {
		if (cua_utf8_next(&place, end) == CUA_UTF8_INVALID) {
			break;
		}
	}
	memcpy(part, at, (size_t)(place - at));
	part[place - at] = '\0';
	return (size_t)(place - at);
}

/* typed: how many characters have been. */
static enum cua_status check_same(struct display *display, const struct secret_place *place,
		int typed, struct cua_error *err)
{
	struct secret_place now;
	enum cua_status status = secret_place_read(display, &now, err);
	if (status == CUA_OK && !secret_place_is_same(place, &now)) {
		status = CUA_FAIL(err, CUA_ERR_POLICY, 0, "the focus has moved");
	}
	if (status != CUA_OK) {
		cua_error_prefix(err, "stopped after %d characters of a secret", typed);
	}
	return status;
}

static enum cua_status type_value(struct display *display, const struct secret_place *place,
		const char *value, struct cua_error *err)
{
	char part[PART_CHARACTERS * CUA_UTF8_MAX + 1];
	enum cua_status status = CUA_OK;
	int typed = 0;
	display->secret.typing_focus = place->focus;
	while (status == CUA_OK && *value) {
		const size_t len = take_part(value, part);
		status = type_text(display, part, err);
		typed += PART_CHARACTERS;
		value += len;
		if (status == CUA_OK && *value) {
			status = check_same(display, place, typed, err);
		}
	}
	display->secret.typing_focus = None;
	explicit_bzero(part, sizeof(part));
	return status;
}

/* Where nothing tells what a field holds, what is drawn has to: a prompt that shows nothing draws
 * nothing. */
static void note_drawing(struct display *display, uint64_t changes_before)
{
	struct cua_error ignored;
	const enum cua_status status = settle_rest(
			display, REST_QUIET_MS, cua_now_us() + REST_TIMEOUT_US, &ignored);
	const bool is_known = status == CUA_OK && activity_check(display, NULL) == CUA_OK;
	secret_has_drawn(display, !is_known || activity_changes(display) != changes_before);
}

static enum cua_status type_secret(
		struct display *display, const struct display_secret *secret, struct cua_error *err)
{
	struct secret_place place;
	enum cua_status status = secret_place_read(display, &place, err);
	if (status == CUA_OK) {
		status = secret_place_check(secret, &place, err);
	}
	if (status == CUA_OK) {
		status = secret_guard(display, &place, secret->value, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	(void)!activity_check(display, NULL); /* what was drawn before is not its doing */
	const uint64_t changes = activity_changes(display);
	status = type_value(display, &place, secret->value, err);
	if (status != CUA_OK) {
		secret_is_astray(display);
	}
	if (!place.has_field) {
		note_drawing(display, changes);
	}
	return status;
}

/* The text up to a placeholder. */
static enum cua_status type_between(
		struct display *display, const char *text, size_t len, struct cua_error *err)
{
	CUA_AUTO_FREE char *part = strndup(text, len);
	if (!part) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "text");
	}
	return type_text(display, part, err);
}

enum cua_status secret_type(struct display *display, const struct cua_action *action, cJSON *result,
		struct cua_error *err)
{
	const char *text = action->text;
	struct cua_placeholder placeholder;
	cJSON *names = cJSON_AddArrayToObject(result, "secrets");
	enum cua_status status = CUA_OK;
	if (action->via == CUA_VIA_CLIPBOARD) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"a secret is typed by keys, never through the clipboard");
	}
	while (status == CUA_OK && cua_placeholder_next(text, &placeholder)) {
		const struct display_secret *secret = find(display, placeholder.name);
		const size_t before = (size_t)(placeholder.at - text);
		const size_t len = before + (secret ? 0 : placeholder.len);
		status = len > 0 ? type_between(display, text, len, err) : CUA_OK;
		if (status == CUA_OK && secret) {
			cJSON_AddItemToArray(names, cJSON_CreateString(secret->name));
			status = type_secret(display, secret, err);
		}
		text = placeholder.at + placeholder.len;
	}
	return status == CUA_OK ? type_text(display, text, err) : status;
}

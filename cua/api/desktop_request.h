#ifndef CUA_API_DESKTOP_REQUEST_H
#define CUA_API_DESKTOP_REQUEST_H

/* POST /v1/actions: from JSON to checked actions, and from their execution to JSON. The form of
 * both is in cua/contract/README.md. */

#include <stdbool.h>

#include "cua/contract/action.h"
#include "cua/contract/scale.h"
#include "display/display.h"

struct desktop_request {
	struct cua_action *actions; /* owned, count of them */
	int count;
	bool wants_screenshot;
	struct display_shot shot;
	char if_none_match[128]; /* "" for none */
	int settle_ms;           /* -1: do not wait */
	bool keep_held;
	bool looks_after_person; /* no input on a screen that a person has changed meanwhile */
	struct cua_scale scale;  /* of the answer; the actions are in pixels of the screen */
	struct display_secrets secrets; /* owned */
};

void desktop_request_finish(struct desktop_request *request);

/* desktop_secrets.c: json NULL for none. Whatever comes of it, secrets are to be finished, which
 * wipes them. */
CUA_NODISCARD enum cua_status desktop_secrets_parse(
		const cJSON *json, struct display_secrets *secrets, struct cua_error *err);
void desktop_secrets_finish(struct display_secrets *secrets);
/* The values in the JSON. */
void desktop_secrets_wipe(cJSON *json);

/**
 * desktop_request_parse() - check a whole request.
 * @text:      the body, NUL-terminated; borrowed.
 * @ret_index: the action that is wrong, -1 if it is not about one.
 *
 * Return: CUA_OK; CUA_ERR_INVAL or CUA_ERR_TOO_LARGE naming member, value and bound.
 */
CUA_NODISCARD enum cua_status desktop_request_parse(const char *text, size_t len,
		struct cua_point screen, struct desktop_request *ret_request, int *ret_index,
		struct cua_error *err);

/* desktop_script.c: the same of a script, which may do less: CUA_ERR_POLICY. ret_request is to be
 * finished whatever comes of it. */
CUA_NODISCARD enum cua_status desktop_script_parse(const char *text, size_t len,
		struct cua_point screen, struct desktop_request *ret_request, int *ret_index,
		struct cua_error *err);

/* The query of GET /v1/screenshot. */
CUA_NODISCARD enum cua_status desktop_shot_parse(const char *query, struct cua_point screen,
		struct display_shot *ret_shot, struct cua_error *err);

/* Runs the actions, settles, takes the picture. Returns the answer, which the caller owns;
 * *ret_status is CUA_OK or what the answer's "error" says. Display thread only. */
cJSON *desktop_request_run(struct display *display, const struct desktop_request *request,
		enum cua_status *ret_status);

#endif

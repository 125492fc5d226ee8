#ifndef CUA_TESTS_STANDIN_FIXTURE_H
#define CUA_TESTS_STANDIN_FIXTURE_H

/* A play whose eyes see what the test says, and the conversation that a client keeps with it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cua/base/util.h"
#include "demos/standin/wire/wire.h"

/* A PNG of 1280x800, all black. */
#define PICTURE_BASE64 \
	"iVBORw0KGgoAAAANSUhEUgAABQAAAAMgAQAAAABU4/JWAAAAlElEQVR42u3BMQEAAADCoPVPbQdvoA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAACA1wD3LwAB2VLyvgAAAABJRU5ErkJggg=="
/* Its first 60 bytes: a good header, and data that is cut off. */
#define PICTURE_CUT_BASE64 \
	"iVBORw0KGgoAAAANSUhEUgAABQAAAAMgAQAAAABU" \
	"4/JWAAAAlElEQVR42u3BMQEAAADCoPVPbQdvoAAA"
#define PICTURE_URL "data:image/png;base64," PICTURE_BASE64

struct standin {
	struct script *script;
	struct play_common common;
	struct play play;
	struct wire_settings settings;
	const char *path;
	const char *headers[WIRE_HEADER_COUNT];
	const char *seen; /* one word; "" for a blank screen */
	cJSON *request;
	cJSON *talk; /* the messages of request */
};

/* The request's list of messages is its member list_name. */
void standin_set_up(struct standin *standin, const char *script, const char *path,
		const char *request, const char *list_name);
void standin_tear_down(struct standin *standin);

cJSON *standin_parse(const char *json);
/* The text of a member, "" if it is none. */
const char *standin_text(const cJSON *object, const char *name);
/* The member at the end of the names, which end with NULL. */
const cJSON *standin_at(const cJSON *json, ...);

/* Sends the request; the caller releases the reply. */
void standin_post_raw(struct standin *standin, struct wire_reply *ret_reply);
cJSON *standin_post(struct standin *standin, int *ret_status);
/* The same, which must be answered with 200. */
cJSON *standin_ask(struct standin *standin);
/* Appends a message of the client. */
void standin_say(struct standin *standin, const char *fmt, ...) CUA_PRINTF(2, 3);

struct standin_refusal {
	const char *member, *json; /* of the request; json NULL: taken away */
	int status;
	const char *reason;
};

/* The base64 of a black PNG; overwritten by the next. */
const char *standin_png(int width, int height);

/* The next request must be refused with this status, and an error with this in its message; the
 * script must not move. Returns the body, owned by the caller. */
cJSON *standin_expect_refused(struct standin *standin, int status, const char *reason);
/* Each change alone must be refused. */
void standin_expect_refusals(
		struct standin *standin, const struct standin_refusal *refusals, size_t count);

#endif

#ifndef CUA_DEMOS_STANDIN_WIRE_H
#define CUA_DEMOS_STANDIN_WIRE_H

/* The OpenAI Responses API as a pure function: a request's headers and body in, status and body
 * out. server.c puts it on a socket; tests call it directly. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/buffer.h"
#include "demos/standin/play.h"

#define WIRE_BODY_MAX (64U * 1024U * 1024U)
#define WIRE_MODEL "standin"

/* Why a request is refused, as the API says it. */
struct wire_error {
	int http_status;
	const char *code; /* static; NULL for null */
	char param[64];   /* "" for null */
	char message[768];
};

/* Fills the error and yields false: `return WIRE_FAIL(error, 400, "code", param, ...)`. */
bool wire_fail(struct wire_error *error, int http_status, const char *code, const char *param,
		const char *fmt, ...) CUA_PRINTF(5, 6);

/* A request that passed every check. */
struct wire_request {
	cJSON *root; /* owned */
	bool stream;
	unsigned char *png; /* owned; the newest picture */
	size_t png_len;
	char *told;  /* owned */
	char *notes; /* owned */
	struct play_input input;
	size_t text_bytes; /* for the estimate of tokens */
	int pictures;
	size_t picture_bytes; /* of the body; the rest is text */
};

/**
 * wire_request_read() - parse and check a request as strictly as the real API does.
 * @authorization: value of the header; NULL if there was none.
 * @play:          knows the items that were sent; the replayed history must hold them unchanged.
 * @ret_request:   release with wire_request_finish() whatever the outcome.
 */
bool wire_request_read(const char *authorization, const char *body, size_t body_len,
		const struct play *play, struct wire_request *ret_request,
		struct wire_error *ret_error);
void wire_request_finish(struct wire_request *request);

/* Checks "input" against the history and fills what request->input says about it. */
bool wire_history_read(const struct play *play, const cJSON *input, struct wire_request *request,
		struct wire_error *error);

struct wire_reply {
	int http_status;
	const char *content_type; /* static */
	struct cua_buffer body;
};

/* Answers POST /v1/responses. Never fails: trouble of the stand-in itself is a reply with 500.
 * Release the reply with wire_reply_finish(). */
void wire_answer(struct play *play, const char *authorization, const char *body, size_t body_len,
		struct wire_reply *ret_reply);
/* The reply that says error, in the API's shape. */
void wire_reply_error(const struct wire_error *error, struct wire_reply *ret_reply);
void wire_reply_finish(struct wire_reply *reply);

/* The response object around items, owned by the caller; NULL when memory runs out.
 * items: copied; NULL for a response that has only begun. */
cJSON *wire_response(const struct wire_request *request, const struct play *play,
		const cJSON *items, const char *status);
/* The same as server-sent events in the documented order, appended to out. */
CUA_NODISCARD enum cua_status wire_stream(const struct wire_request *request,
		const struct play *play, const cJSON *items, struct cua_buffer *out,
		struct cua_error *err);

#endif

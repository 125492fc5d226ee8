#ifndef CUA_AGENT_DESKTOP_CLIENT_INTERNAL_H
#define CUA_AGENT_DESKTOP_CLIENT_INTERNAL_H

/* Shared by the files of the client: desktop_client.c (the connection, actions, what is asked
 * beside them), desktop_client_request.c, desktop_client_picture.c, desktop_client_tool.c. */

#include "agent/desktop_client.h"
#include "cua/base/http_client.h"
#include "cua/base/paths.h"

#define DESKTOP_CLIENT_ANSWER_MAX ((size_t)64 << 20)
#define DESKTOP_CLIENT_ANSWER_MS 120000 /* beyond the time that a request itself asks for */

struct agent_desktop {
	struct cua_http_client *http;
	uint64_t deadline_us;      /* of all requests */
	struct agent_image screen; /* base64 NULL before the first screenshot */
	char etag[128];
	struct cua_point size; /* of the screen */
	struct cua_point view; /* x 0: the screen as it is */
	bool hides_pointer;
	char network[16];                    /* that its applications have; "": it does not say */
	char workspace[CUA_PATH_MAX];        /* of its tools; "": it does not say */
	const struct agent_secrets *secrets; /* NULL: none */
	cJSON *focused;                      /* owned; as the last answer said; NULL: it did not */
};

/* --- desktop_client.c --- */

/* One request, sent once. body: NULL: memory ran out. outcome: its answer, status, message and time
 * are filled. CUA_ERR_CANCELLED, CUA_ERR_CLOSED, CUA_ERR_TIMEOUT, CUA_ERR_NOMEM. */
CUA_NODISCARD enum cua_status desktop_client_post(struct agent_desktop *desktop, const char *url,
		long time_ms, const char *body, struct agent_outcome *outcome,
		struct cua_error *err);
/* Looks without touching anything; for an answer that failed before it came to a screenshot, or has
 * none. */
CUA_NODISCARD enum cua_status desktop_client_look_again(
		struct agent_desktop *desktop, struct agent_outcome *before, struct cua_error *err);

/* --- desktop_client_request.c --- */

/* Of POST /v1/actions; the caller owns it. NULL when memory runs out. */
char *desktop_client_body(const struct agent_desktop *desktop, const cJSON *actions);
/* The body with the secrets that it names, in memory of sodium_malloc(), where they are written
 * once and nowhere else; *ret_whole stays NULL if it names none. */
CUA_NODISCARD enum cua_status desktop_client_add_secrets(const struct agent_desktop *desktop,
		const char *body, const cJSON *actions, char **ret_whole, struct cua_error *err);

/* --- desktop_client_picture.c --- */

/* Keeps a new screenshot. "unchanged" leaves the one that is there. */
CUA_NODISCARD enum cua_status desktop_client_take_screenshot(
		struct agent_desktop *desktop, cJSON *answer, struct cua_error *err);
/* A picture with marks, or of a part of the screen, is what the model asked to see. */
CUA_NODISCARD enum cua_status desktop_client_take_picture(
		struct agent_outcome *outcome, struct cua_error *err);
/* Images of single results ("screenshot" of a region) would swamp the journal. */
void desktop_client_drop_images(cJSON *answer);

#endif

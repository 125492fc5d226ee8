#ifndef CUA_TESTS_DESKTOP_API_H
#define CUA_TESTS_DESKTOP_API_H

/* Requests to a desktop over its HTTP; answers are read with json_path.h. */

#include "cua/base/error.h"
#include "cua/base/http_client.h"
#include "tests/desktop_fixture.h"
#include "tests/json_path.h"

/* One request; NULL body: GET. Returns the HTTP status; the caller releases the response. */
long desktop_http(struct desktop *desktop, const char *method, const char *path, const char *body,
		size_t body_len, const char *header, struct cua_http_response *ret_response);
/* POST /v1/actions with this body; the answer, the caller deletes. */
cJSON *desktop_post(struct desktop *desktop, const char *body, long *ret_http_status);
/* A list of actions as JSON, printf-like, no screenshot; must succeed. The caller deletes. */
cJSON *desktop_act(struct desktop *desktop, const char *fmt, ...) CUA_PRINTF(2, 3);
/* The same when nobody cares about the answer. */
void desktop_do(struct desktop *desktop, const char *fmt, ...) CUA_PRINTF(2, 3);
/* One action with one argument of any text, which is escaped; must succeed; the first result. */
cJSON *desktop_text_action(struct desktop *desktop, const char *action, const char *argument,
		const char *text);
/* find_text, until the text is found as an element: on a busy machine an application tells of its
 * elements a while after they are shown. The first match, the caller's. */
cJSON *desktop_find_element(struct desktop *desktop, const char *text);
/* close_window or kill_window for all of them, until none is left. */
void desktop_end_windows(struct desktop *desktop, const char *action);
/* Sends the head and the body of a POST and does not wait; the connection. */
int desktop_post_and_leave_open(const struct desktop *desktop, const char *path, const char *body);

#endif

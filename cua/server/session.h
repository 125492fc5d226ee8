#ifndef CUA_SERVER_SESSION_H
#define CUA_SERVER_SESSION_H

/* Sessions of people's browsers: a cookie that no script can read and no other site can use, and a
 * second value that the page keeps. Cookies know no ports: on a machine with several users anybody
 * may serve a page beside ours and be sent it. What a page keeps is its origin's alone. */

#include "cua/server/route.h"

#define LOGIN_LASTS_MS (15ll * 60 * 1000)
#define SESSION_LASTS_MS (30ll * 24 * 3600 * 1000)

/* The session in the cookie of a request; false without. */
bool session_of_cookie(const struct cua_http_head *head, char session[TOKEN_SIZE]);

/* A login that is used once, for whoever can read this terminal. */
CUA_NODISCARD enum cua_status session_make_login(
		struct store *store, char ret_login[TOKEN_SIZE], struct cua_error *err);

#endif

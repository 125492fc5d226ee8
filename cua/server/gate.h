#ifndef CUA_SERVER_GATE_H
#define CUA_SERVER_GATE_H

/* Who may knock at all, before anybody is asked for a token: the names that the server goes by, the
 * sites whose pages may speak to it, and what a browser says of where a request comes from. A page
 * of another site that a person has open is the attacker here; that a request comes from this
 * machine proves nothing.
 * Source: Fetch, Origin and Sec-Fetch-Site; RFC 9110, Host and 421. */

#include <stdbool.h>

#include "cua/base/error.h"

#define GATE_NAMES_MAX 16

struct gate {
	char hosts[GATE_NAMES_MAX][256];   /* as in Host: name and port */
	char origins[GATE_NAMES_MAX][264]; /* as in Origin: scheme, name and port */
	int count;
};

/* The loopback names of a port, or the address that is listened on. */
void gate_init(struct gate *gate, const char *address, int port, bool is_tls);
/* Another name, with scheme, as people type it: https://agents.example.org. */
CUA_NODISCARD enum cua_status gate_add(
		struct gate *gate, const char *public_url, struct cua_error *err);

struct gate_request {
	const char *method, *host, *origin, *fetch_site, *fetch_mode; /* "": not sent */
	bool is_page;                                                 /* of our own files: no API */
	bool is_websocket;
	bool has_token;  /* a bearer token or a ticket: a page cannot make a browser send it */
	bool has_cookie; /* and no token */
};

enum gate_verdict {
	GATE_OPEN,
	GATE_WRONG_HOST, /* 421 */
	GATE_OTHER_SITE, /* 403 */
	GATE_NO_ORIGIN,  /* 403: a cookie alone does not say whose page sends it */
};

enum gate_verdict gate_check(const struct gate *gate, const struct gate_request *request);

#endif

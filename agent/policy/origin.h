#ifndef CUA_AGENT_POLICY_ORIGIN_H
#define CUA_AGENT_POLICY_ORIGIN_H

/* Web origins: scheme, host and port of a URL, in one spelling, and what a policy says of them. */

#include <stdbool.h>

#include "cua/base/error.h"
#include "cua/base/host_name.h"

#define AGENT_HOST_MAX (CUA_HOST_NAME_MAX + 1)

struct agent_origin {
	char scheme[32];           /* lower case */
	char host[AGENT_HOST_MAX]; /* lower case, ASCII; addresses as inet_ntop() spells them; "" */
	int port;                  /* 0: the scheme has none */
	bool is_address;
	bool is_local; /* of this machine, which is the sandbox: loopback, its files, about: */
};

/* False if it cannot be told for certain where a browser would go: a user name, a backslash, a dot
 * at the end, an address that is none, and whatever is no URL. */
bool agent_origin_read(const char *url, struct agent_origin *ret_origin);

/**
 * agent_origin_check() - is this a pattern of origins?
 *
 * An origin, such as "http://example.org:8080", is exactly that one, without a port the scheme's
 * own. With "*." before its name it is those of all names under that, but not its own. "local" is
 * what is_local says.
 *
 * Return: CUA_OK; CUA_ERR_INVAL, and the message says what is allowed.
 */
CUA_NODISCARD enum cua_status agent_origin_check(const char *pattern, struct cua_error *err);
bool agent_origin_matches(const struct agent_origin *origin, const char *pattern);

#endif

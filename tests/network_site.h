#ifndef CUA_TESTS_NETWORK_SITE_H
#define CUA_TESTS_NETWORK_SITE_H

/* The servers that a desktop with a list of names reaches, egress_site.py, and a proxy in the
 * world's programs that finds them as allowed.test and b.wild.test. */

#include "tests/desktop_fixture.h"

struct network_site {
	pid_t pid;
	int in, port, tls_port; /* it ends with in */
	const struct world *world;
};

/* Before the first desktop of the world. */
void network_site_start(struct network_site *site, const struct world *world);
void network_site_stop(const struct network_site *site);
/* As ~/ca.crt. */
void network_site_give_certificate(const struct network_site *site, const struct desktop *to);

#endif

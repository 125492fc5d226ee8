#ifndef CUA_SERVER_PLAIN_DESKTOP_H
#define CUA_SERVER_PLAIN_DESKTOP_H

/* A desktop for one request, started for it and stopped with it. Its name is written down before it
 * starts and until it is gone: a server that is killed meanwhile finds it at its next start. */

#include "cua/base/paths.h"
#include "cua/server/server.h"

struct plain_desktop {
	char name[32];
	char socket_path[CUA_PATH_MAX + 16]; /* of its API */
};

/* network: as of cua desktop start; NULL: none. Stop it whatever the outcome. CUA_ERR_INVAL for a
 * wrong network. */
CUA_NODISCARD enum cua_status plain_desktop_start(struct server *server, const char *network,
		struct plain_desktop *ret_desktop, struct cua_error *err);
/* One that cannot be stopped stays written down. */
void plain_desktop_stop(struct server *server, const struct plain_desktop *desktop);

/* Stops what a server before this one has left; on a thread, since it may have to wait for a start
 * that is under way. Before the first request. */
CUA_NODISCARD enum cua_status plain_desktops_clear(struct server *server, struct cua_error *err);

#endif

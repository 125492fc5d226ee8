#ifndef CUA_VIEW_SERVER_H
#define CUA_VIEW_SERVER_H

/* What `cua view` asks of `cua serve`: which desktop there is, and a ticket for it. */

#include <stdbool.h>
#include <stddef.h>

#include "cua/base/error.h"
#include "cua/view/tunnel.h"

struct view_server {
	char url[512]; /* scheme, name and port, without a slash at the end */
	char host[256], host_header[300];
	int port;
	bool is_tls;
	char authorization[256]; /* the header, with the token */
};

/* token: what a program sends as Bearer. CUA_ERR_INVAL. */
CUA_NODISCARD enum cua_status view_server_init(struct view_server *server, const char *url,
		const char *token, struct cua_error *err);

/* The named desktop, or the only one there is if name is NULL. */
CUA_NODISCARD enum cua_status view_server_find(const struct view_server *server, const char *name,
		char *ret_name, size_t size, struct cua_error *err);

/* One ticket, as the path of the WebSocket that it opens. mode: watch, act, private. */
CUA_NODISCARD enum cua_status view_server_ticket(const struct view_server *server,
		const char *desktop, const char *mode, char *ret_path, size_t size,
		struct cua_error *err);

/* path is borrowed. */
struct tunnel_target view_server_target(const struct view_server *server, const char *path);

#endif

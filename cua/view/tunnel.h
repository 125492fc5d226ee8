#ifndef CUA_VIEW_TUNNEL_H
#define CUA_VIEW_TUNNEL_H

/* Bytes between a native viewer and a desktop, both ways until one of them ends. Neither is read
 * while the other does not take what is there. */

#include <stdbool.h>

#include "cua/base/error.h"

/* Where the WebSocket of a viewer is. */
struct tunnel_target {
	const char *host; /* name or address, without brackets */
	int port;
	bool is_tls;
	const char *host_header; /* as in the URL: "127.0.0.1:8180" */
	const char *path;        /* with the ticket */
};

/**
 * tunnel_to_server() - RFB over a WebSocket.
 * @viewer_fd: what a viewer says and hears; stays the caller's; becomes non-blocking.
 *
 * Return: CUA_OK when the viewer hung up; CUA_ERR_CLOSED when the server did, with what it said;
 *         CUA_ERR_UNAVAILABLE if it cannot be reached, or does not let the viewer in.
 */
CUA_NODISCARD enum cua_status tunnel_to_server(
		const struct tunnel_target *target, int viewer_fd, struct cua_error *err);

/* The same to a socket. Both become non-blocking. stop_fd: readable: CUA_ERR_CANCELLED; -1: none.
 */
CUA_NODISCARD enum cua_status tunnel_to_socket(
		int desktop_fd, int viewer_fd, int stop_fd, struct cua_error *err);

#endif

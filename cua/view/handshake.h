#ifndef CUA_VIEW_HANDSHAKE_H
#define CUA_VIEW_HANDSHAKE_H

/* The beginning of RFB where a password is asked for on the way: with the viewer as a server would,
 * with the server as a viewer would. Both then go on with ClientInit.
 * Source: The RFB Protocol (rfbproto.rst), "Handshaking Messages". */

#include <stdbool.h>

#include "cua/base/error.h"

/* CUA_ERR_POLICY for who breaks the protocol, takes too long, or gives a wrong password: then
 * *ret_wrong. CUA_ERR_CANCELLED once stop_fd is readable. */
CUA_NODISCARD enum cua_status handshake_with_viewer(
		int fd, int stop_fd, const char *password, bool *ret_wrong, struct cua_error *err);

/* fd: a server that asks for no password. CUA_ERR_CLOSED if it hangs up or asks for one. */
CUA_NODISCARD enum cua_status handshake_with_server(int fd, int stop_fd, struct cua_error *err);

#endif

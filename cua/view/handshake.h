#ifndef CUA_VIEW_HANDSHAKE_H
#define CUA_VIEW_HANDSHAKE_H

/* The beginning of RFB where a password is asked for on the way: with the viewer as a server would,
 * with the server as a viewer would. Both then go on with ClientInit.
 * Source: The RFB Protocol (rfbproto.rst), "Handshaking Messages". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cua/base/error.h"

#define HANDSHAKE_CHALLENGE_LEN 16

enum handshake_step { HANDSHAKE_VERSION, HANDSHAKE_TYPE, HANDSHAKE_PASSWORD };

/* A viewer that is not in yet. It is never waited for: others have their turn meanwhile. */
struct handshake {
	int fd; /* borrowed */
	enum handshake_step step;
	int minor;            /* of its version */
	uint64_t deadline_us; /* of the step */
	uint8_t challenge[HANDSHAKE_CHALLENGE_LEN];
	uint8_t in[HANDSHAKE_CHALLENGE_LEN]; /* what has come of the step's message */
	size_t in_len;
};

/* Says the version of RFB. */
CUA_NODISCARD enum cua_status handshake_begin(
		struct handshake *handshake, int fd, struct cua_error *err);

/**
 * handshake_advance() - as far as what has come goes, or its time is over.
 * @ret_in:    it has given the password, and goes on with ClientInit.
 * @ret_wrong: it has given another one.
 *
 * Return: CUA_OK, also if more has to come; CUA_ERR_POLICY for who breaks the protocol, takes too
 *         long, or gives a wrong password.
 */
CUA_NODISCARD enum cua_status handshake_advance(struct handshake *handshake, const char *password,
		bool *ret_in, bool *ret_wrong, struct cua_error *err);

/* fd: a server that asks for no password. CUA_ERR_CLOSED if it hangs up or asks for one. */
CUA_NODISCARD enum cua_status handshake_with_server(int fd, int stop_fd, struct cua_error *err);

#endif
